# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Loads an object file."""

from __future__ import annotations

import os

from .process import run
from .request import Loaded, LoadRequest
from .told import error_of


def load(request: LoadRequest) -> Loaded:
    """Load what is asked for; to be used in `with`, where what is to stay is pinned.

    Raises LoadError: Refused, LoaderMissing, LoaderTooOld, LoaderCrashed, LoaderTimedOut.
    """
    told = run(request)
    names = (*request.programs, *request.returned_maps)
    is_done = "version" in told.message and "old" not in told.message
    if is_done and len(told.fds) == len(names):
        count = len(request.programs)
        return Loaded(
            dict(zip(request.programs, told.fds)),
            dict(zip(request.returned_maps, told.fds[count:])),
            told.log,
            told.message["version"],
        )
    for fd in told.fds:
        os.close(fd)
    raise error_of(told, request)
