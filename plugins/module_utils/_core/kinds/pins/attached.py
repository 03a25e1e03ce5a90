# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which links have a program attached, pinned or not."""

from __future__ import annotations

import errno
from typing import Collection, Dict, Iterator, List

from ... import kernel
from ...syscall import KernelError
from ...uapi import Command
from .objects import identify, object_by_id
from .observed import PinnedLink


def all_links() -> Iterator[PinnedLink]:
    """Yield all links of the machine. KernelError without CAP_SYS_ADMIN (EPERM)."""
    for link_id in kernel.all_ids(Command.LINK_GET_NEXT_ID):
        try:
            with object_by_id("link", link_id) as fd:
                found = identify(fd, "link")
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
            continue
        if isinstance(found, PinnedLink):
            yield found


def links_of(program_ids: Collection[int]) -> Dict[int, List[PinnedLink]]:
    """For each program, the links that have it; KernelError as above."""
    found: Dict[int, List[PinnedLink]] = {each: [] for each in program_ids}
    for link in all_links() if found else ():
        if link.prog_id in found:
            found[link.prog_id].append(link)
    return found
