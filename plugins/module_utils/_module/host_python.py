# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interpreter that the first line of `ebpf-pinning` names. Private to this collection.

Root runs it at every boot, so it and the standard library beside it are to be root's. Nothing of it
is run to find out: that might be what somebody has put there.
"""

from __future__ import annotations

import glob
import os
import typing as t

from .._core.errors import PinningError
from .._core.ownership import check_roots_own_below, roots_own
from .._core.people import Awaited, BadField

_LONGEST_LINE = 126  # bytes; what Linux before 5.1 reads of it (BINPRM_BUF_SIZE)


def check_python(python: str, awaited: t.Optional[Awaited] = None) -> None:
    """Raise PinningError unless root may run `python`, and the kernel finds it in a first line.

    In a check, one that is not there yet is `awaited`: a task before may install it.
    """
    if any(each.isspace() for each in python):
        raise BadField(
            f"python {python!r} contains a blank, where the kernel ends the name of an "
            "interpreter: give a path without, such as that of a symlink"
        )
    if len(os.fsencode(f"#!{python} -IS")) > _LONGEST_LINE:
        raise BadField(
            f"python {python!r} is longer than the kernel reads in the first line of a program: "
            "give a shorter path, such as that of a symlink"
        )
    if awaited is not None and not os.path.lexists(python):
        awaited[_no_program(python)] = None
        return
    try:
        program = roots_own(python)
    except PinningError as error:
        raise BadField(f"python {error}") from None
    if not (os.path.isfile(program) and os.access(program, os.X_OK)):
        raise BadField(_no_program(python))
    try:
        for path in sorted({*_library_of(python), *_library_of(program)}):
            check_roots_own_below(path, _NOT_READ)
    except PinningError as error:
        raise BadField(f"python {python} reads {error}") from None


def _no_program(python: str) -> str:
    return (
        f"python {python} is not a program on this host: name one of Python 3.8 or newer, with its "
        "whole path"
    )


def _library_of(python: str) -> t.Iterator[str]:
    """Where an interpreter at this path looks for its standard library, as far as it is there."""
    beside = os.path.dirname(python)
    prefixes = [os.path.dirname(beside)]
    for settings in (f"{beside}/pyvenv.cfg", f"{prefixes[0]}/pyvenv.cfg"):
        if os.path.lexists(settings):
            yield settings
            roots_own(settings)  # before it is read
            prefixes.extend(map(os.path.dirname, _homes(settings)))
    for prefix in prefixes:
        for pattern in _LIBRARIES:
            yield from glob.glob(f"{glob.escape(prefix.rstrip('/'))}/{pattern}")


def _homes(settings: str) -> t.Iterator[str]:
    with open(settings, encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            key, _equals, value = line.partition("=")
            if key.strip().lower() == "home" and value.strip().startswith("/"):
                yield value.strip()


_NOT_READ = ("site-packages", "dist-packages")  # with -S
_LIBRARIES = tuple(
    f"{directory}/{name}"
    for directory in ("lib", "lib64")
    for name in ("python3.[0-9]*", "python3[0-9]*.zip", "libpython3*")
)
