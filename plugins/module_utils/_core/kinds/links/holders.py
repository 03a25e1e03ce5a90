# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which processes hold a link open. Reads /proc, changes nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Iterator, List


def holders_of(link_id: int) -> List[str]:
    """Return each process that has the link open, as far as the task may look at it."""
    wanted = f"\nlink_id:\t{link_id}\n"
    own = str(os.getpid())
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if pid != own and any(_is_of(text, wanted) for text in _open_links(pid)):
            found.append(f"process {pid} ({_name_of(pid)})")
    return found


def _is_of(text: str, wanted: str) -> bool:
    return wanted in f"\n{text}"


def _open_links(pid: str) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):
        for number in os.listdir(folder):
            with suppress(OSError):
                target = os.readlink(f"{folder}/{number}")
                if target.startswith("anon_inode:bpf") and target.endswith("link"):
                    with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
                        yield file.read()


def _name_of(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "gone by now"
