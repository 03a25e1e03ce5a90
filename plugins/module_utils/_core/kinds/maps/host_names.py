# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What keys and values may name that only the host knows: interfaces and cgroups."""

from __future__ import annotations

import os
import socket
from typing import Optional

from ...content.format import Unfit


class HostNames:
    """The interfaces of this network namespace, and the cgroups of this mount namespace."""

    def ifindex(self, name: str) -> int:
        """The index of an interface."""
        try:
            return socket.if_nametoindex(name)
        except (OSError, UnicodeError):
            raise Unfit("there is no interface of this name here (see `ip link`)") from None

    def ifname(self, index: int) -> Optional[str]:
        """The name of an interface; None if there is none with this index."""
        try:
            return socket.if_indextoname(index)
        except OSError:
            return None

    def cgroup_id(self, path: str) -> int:
        """The id of a cgroup: the number of its inode (cgroup_id in the kernel)."""
        try:
            os.stat(f"{path}/cgroup.procs")
            return os.stat(path).st_ino
        except (OSError, ValueError):
            raise Unfit("there is no cgroup at this path (see /sys/fs/cgroup)") from None
