# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs compiled for this byte order are attached, and count by the declared step."""

from __future__ import annotations

import json

_TRAFFIC = """
import socket
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.bind(("127.0.0.1", 0))
one.sendto(b"x", one.getsockname())
open("/etc/hostname").close()
"""
_LINKS = """
for link in of_at_device of_of_group of_at_probe of_at_tracepoint; do
    bpftool -j link show pinned %s/$link; echo
done
"""


def test_programs_are_attached_and_count_in_the_byte_order_of_the_machine(host, dumps, base):
    host.check_output("systemd-run --quiet --wait --slice=system.slice python3 -c %s", _TRAFFIC)
    calls, flows = dumps(f"{base}/calls", f"{base}/flows")
    counts = [each["formatted"]["value"] for each in calls]
    assert all(count > 0 and count % 2 == 0 for count in counts), counts
    # As bpftool reads it by the BTF of the map.
    flow = {"port": 0x111, "flag": 2, "packets": 3, "bytes": 0x0102030405060708}
    assert [each["formatted"] for each in flows] == [{"key": 2, "value": flow}]


def test_links_are_of_the_declared_types(host, base):
    links = [json.loads(line) for line in host.check_output(_LINKS % base).splitlines() if line]
    assert [each["type"] for each in links] == ["xdp", "cgroup", "perf_event", "perf_event"]
    assert links[1]["attach_type"] == "cgroup_inet_egress"


def test_programs_use_the_maps_that_are_pinned(host, shown, base):
    program = json.loads(host.check_output("bpftool -j prog show pinned %s/of_group", base))
    wanted = {shown[f"{base}/{name}"]["id"] for name in ("calls", "flows")}
    assert wanted < set(program["map_ids"])
