# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the kernel takes the programs that are declared: asked by a map that nobody sees.

All programs of a map have to be alike, and only the kernel knows in what: the type, and since
Linux 6.18, and in stable kernels, the expected attach type, which it shows nobody
(bpf_prog_map_compatible).
"""

from __future__ import annotations

import errno
from contextlib import suppress
from functools import partial
from typing import Mapping, Optional

from ... import elements, kernel
from ...errors import PinningError, ProblemCollector
from ...filling import Send
from ...map_types import Means
from ...shape import MapShape
from ...syscall import Fd, KernelError
from ...uapi import BYTE_ORDER, PROG_TYPES, Command, type_name
from ..pins.objects import fdinfo


def try_programs(
    shape: MapShape, means: Means, values: Mapping[bytes, str], send: Send, pinned: Optional[Fd]
) -> None:
    """Raise Problems where the kernel would not take the programs of these values.

    They come with what they are called. `pinned` is the map that they are to go into, if it is
    there already.
    """
    request = shape._replace(max_entries=1, flags=0).request(b"probe")
    try:
        trial = kernel.create_map(request)
    except KernelError:
        return  # whoever makes the map says why
    problems = ProblemCollector()
    with trial:
        taken = None
        if pinned is not None and means is Means.PROGRAMS:
            taken = fdinfo(pinned).get("owner_prog_type")
            _put_one_of(pinned, trial, shape.max_entries)
        for value, where in values.items():
            with send(value) as sent:
                problems.of(partial(_try, trial, means, sent, taken), f"{where}: ")
    problems.raise_any()


def _try(trial: Fd, means: Means, sent: bytes, taken: Optional[int]) -> None:
    fd = int.from_bytes(sent[-4:], BYTE_ORDER)
    number = kernel.prog_info(fd).type
    kind = type_name(PROG_TYPES, number)
    if taken not in (None, number):
        raise PinningError(
            f"this program is of type {kind}, and the pinned map takes those of type "
            f"{type_name(PROG_TYPES, taken)} only, as one was put there or calls through it: "
            "declare another map for it; or, if nothing uses this one, remove its pin first"
        )
    try:
        elements.try_update(trial, bytes(4), sent)
    except KernelError as error:
        # Of a cpumap the kernel gives the wrong reason (cpu_map_update_elem).
        if error.errno != (errno.ENOMEM if means is Means.CPUS else errno.EINVAL):
            raise
        raise PinningError(_refused(means, kind)) from None


def _refused(means: Means, kind: str) -> str:
    if means is Means.PROGRAMS:
        return (
            f"the kernel does not take this program (of type {kind}) beside the others: all of one "
            "prog_array have to be of one type and, since Linux 6.18 and in stable kernels, of one "
            "attach type, and of XDP all with frags, or all without: load it as the others are, or "
            "declare a prog_array for each kind"
        )
    name = "devmap" if means is Means.DEVICES else "cpumap"
    return (
        f"the kernel does not take this program (of type {kind}) for a {name}: load it for the "
        f'attach type xdp_{name} (SEC("xdp/{name}")), and all of one map with frags, or all without'
    )


def _put_one_of(pinned: Fd, trial: Fd, most: int) -> None:
    """Put a program that is in the map into the other one, which then takes those like it."""
    for index in range(min(most, _LOOK_AT_MOST)):
        value = elements.lookup(pinned, index.to_bytes(4, BYTE_ORDER), 4)
        if value is None:
            continue
        # It may be gone by now, and to open it takes CAP_SYS_ADMIN.
        with suppress(KernelError), kernel.fd_by_id(
            Command.PROG_GET_FD_BY_ID, int.from_bytes(value, BYTE_ORDER)
        ) as fd:
            elements.try_update(trial, bytes(4), int(fd).to_bytes(4, BYTE_ORDER))
            return


_LOOK_AT_MOST = 4096  # slots
