# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the contents of maps have in common: a host with few names, types in words."""

from __future__ import annotations

# Before the collection: it says where that is.
import strategies  # noqa: F401
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.format import Unfit

INTERFACES = {"lo": 1, "eth0": 2, "9": 3}


class FewNames:
    """A host with three interfaces and a cgroup."""

    def ifindex(self, name: str) -> int:
        if name not in INTERFACES:
            raise Unfit("must be an interface of the host")
        return INTERFACES[name]

    def ifname(self, index: int) -> str | None:
        return {number: name for name, number in INTERFACES.items()}.get(index)

    def cgroup_id(self, path: str) -> int:
        if path != "/sys/fs/cgroup/a":
            raise Unfit("must be a cgroup of the host")
        return 42


NAMES = FewNames()
