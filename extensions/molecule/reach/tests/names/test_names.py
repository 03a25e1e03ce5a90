# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the host became numbers in the byte order of the machine."""

from __future__ import annotations


def test_the_loopback_and_the_topmost_cgroup_are_the_first_of_their_kind(dumps, base, order):
    first = ("00000001", "0000000000000001")
    if order == "little":
        first = ("01000000", "0100000000000000")
    found = dumps(f"{base}/formats/ifindex", f"{base}/formats/cgroup")
    keys = ["".join(octet[2:] for octet in entry["key"]) for (entry,) in found]
    assert keys == list(first)
