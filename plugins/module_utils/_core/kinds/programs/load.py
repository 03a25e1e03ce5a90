# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Load the programs of an object file, with the maps that it shares, by the loader process."""

from __future__ import annotations

import errno
import os
import re
from typing import Mapping

from ...errors import TROUBLE, PinningError, WithLog
from ...loader.load import load as run_loader
from ...loader.request import DEADLINE, Loaded, LoadError, LoadRequest, Refused
from ...syscall import Fd
from . import notes
from .declaration import WantedLoad


def load(wanted: WantedLoad, maps: Mapping[str, Fd]) -> Loaded:
    """Return the programs, open; PinningError says why there are none."""
    request = LoadRequest(
        object=wanted.content,
        programs=wanted.programs,
        maps=maps,
        data=wanted.data,
        types=wanted.types,
        object_name=_object_name(wanted.shown),
        kernel_btf=wanted.kernel_btf,
        log_level=wanted.log_level,
        seconds=_SECONDS_AT_BOOT if wanted.is_for_boot else DEADLINE,
    )
    try:
        return run_loader(request)
    except LoadError as error:
        raise _told(wanted, error) from None


def _object_name(path: str) -> str:
    """What libbpf makes of the name of a file (bpf_object__new): up to the first dot."""
    return os.path.basename(path).partition(".")[0]


def _told(wanted: WantedLoad, error: LoadError) -> PinningError:
    text = f"{wanted.shown}: {error}".partition("\n")[0].rstrip(":")
    if isinstance(error, Refused) and error.errno == errno.EPERM:
        text += f": {_WHO_MAY_LOAD}"
    name = re.sub("[^A-Za-z0-9_]+", "_", os.path.basename(wanted.shown)) + ".log"
    try:
        if error.log:
            notes.write(notes.LOGS, name, error.log.encode("utf-8", "replace"))
            text += f" (the whole log is in {notes.LOGS}/{name})"
    except TROUBLE:
        pass  # what was refused matters more
    return WithLog(text, error.last_lines) if isinstance(error, Refused) else PinningError(text)


_SECONDS_AT_BOOT = 30.0  # for a file; the unit as a whole has 180
_WHO_MAY_LOAD = (
    "who loads programs needs CAP_BPF, and CAP_PERFMON for tracing or CAP_NET_ADMIN for networking "
    "(before Linux 5.8 CAP_SYS_ADMIN): run the task as root"
)
