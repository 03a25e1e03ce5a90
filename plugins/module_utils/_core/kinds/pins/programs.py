# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The programs that are loaded, pinned or not, and the maps they hold."""

from __future__ import annotations

import errno
from typing import Dict, Iterable, Iterator, List

from ... import kernel, uapi
from ...syscall import KernelError
from ...uapi import Command
from .objects import name_of
from .observed import Program


def loaded_programs() -> Iterator[Program]:
    """All programs of the machine. Those that come or go meanwhile may be missed.

    KernelError without CAP_SYS_ADMIN (EPERM).
    """
    for prog_id in kernel.all_ids(Command.PROG_GET_NEXT_ID):
        try:
            with kernel.fd_by_id(Command.PROG_GET_FD_BY_ID, prog_id) as fd:
                info, map_ids = kernel.prog_info(fd), kernel.prog_map_ids(fd)
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
            continue
        kind = uapi.type_name(uapi.PROG_TYPES, info.type)
        yield Program(prog_id, kind, name_of(info.name), tuple(map_ids))


def programs_using(map_ids: Iterable[int]) -> Dict[int, List[Program]]:
    """For each map id, the loaded programs that hold it; for the errors see above."""
    users: Dict[int, List[Program]] = {map_id: [] for map_id in map_ids}
    for program in loaded_programs() if users else ():
        for map_id in users.keys() & set(program.map_ids):
            users[map_id].append(program)
    return users
