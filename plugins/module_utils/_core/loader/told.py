# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the process that loads has told of itself: the result, or why there is none. Pure."""

from __future__ import annotations

import re
import signal
from typing import Dict, Tuple

from ..advice import errno_name
from ..syscall import Fd
from ..values import NamedTuple
from .request import (
    MOST_SECONDS,
    LoaderCrashed,
    LoaderMissing,
    LoadError,
    LoaderTimedOut,
    LoaderTooOld,
    LoadRequest,
    Refused,
)


class Told(NamedTuple):
    """How the process ended, and what it said before."""

    fds: Tuple[Fd, ...]
    message: Dict[str, str]  # empty: it did not get so far
    log: str
    status: int  # man 2 wait
    is_late: bool = False
    is_too_much: bool = False


def error_of(told: Told, request: LoadRequest) -> LoadError:
    """Return why nothing was loaded."""
    error = _error_of(told, request)
    error.log = told.log
    return error


def _error_of(told: Told, request: LoadRequest) -> LoadError:
    message = told.message
    if told.is_too_much:
        return LoaderCrashed(
            "the process that loads wrote more than 64 MiB of messages and was ended: look at "
            "what the object asks for, and whether libbpf is that of the distribution"
        )
    if told.is_late:
        return LoaderTimedOut(
            f"the process that loads was not done after {request.seconds:g} s and was ended, so "
            "nothing was loaded: load fewer programs at once, or look at what the host is busy with"
        )
    if message.get("missing"):
        return LoaderMissing(
            "libbpf is missing, which loads programs here: install libbpf1 (Debian, Ubuntu, SUSE), "
            "libbpf0 (Debian 11) or libbpf (Fedora, Red Hat, Arch), then run again "
            f"({message['missing']})"
        )
    if "old" in message:
        return LoaderTooOld(
            f"libbpf {message.get('version') or 'of this host'} has no {message['old']}, which "
            "this takes: install libbpf 0.3 or newer"
        )
    if "step" in message:
        return _refused(told)
    if "error" in message:
        return LoaderCrashed(
            f"the process that loads failed ({message['error']}): look at what the object asks "
            "for, and whether libbpf is that of the distribution"
        )
    if "version" in message:
        return LoaderCrashed(
            f"of {len(request.programs) + len(request.returned_maps)} descriptors {len(told.fds)} "
            "came back from the process that loads: raise how many this one may have open "
            "(`ulimit -n`), or load fewer programs at once"
        )
    return LoaderCrashed(_ending(told.status))


def _refused(told: Told) -> Refused:
    message = told.message
    program = message.get("program") or ("" if message.get("map") else _failed_program(told.log))
    lines = last_lines(told.log, program)
    what = f"program {program}" if program else "the object"
    if message.get("map"):
        what = f"map {message['map']}"
    number = int(message.get("errno", "0"))
    name = _LIBBPF_ERRORS.get(number) or errno_name(number)
    text = f"{what} was refused ({message['step']}: {name}), and nothing was loaded"
    said = "".join(f"\n  {line}" for line in lines)
    return Refused(program, number, f"{text}:{said}" if said else text, lines)


def _failed_program(log: str) -> str:
    """The program that was not loaded, by the words of libbpf 1.0, or of older ones."""
    found = None
    for pattern in _FAILED:
        found = found or re.search(pattern, log)
    return found[1] if found else ""


def last_lines(log: str, program: str) -> Tuple[str, ...]:
    """Return the end of the verifier's log of a program, or else of what libbpf said."""
    blocks = [found for found in _VERIFIER.finditer(log) if found[1] in (None, program)]
    text = blocks[-1][2] if blocks else _VERIFIER.sub("", log)
    lines = [line.rstrip() for line in text.splitlines()]
    told = [line for line in lines if line not in ("", "libbpf:") and line[:9] != "processed"]
    return tuple(line[:_WIDEST] for line in told[-_LAST:])


def _ending(status: int) -> str:
    number = status & 0x7F
    if number == signal.SIGXCPU:
        return (
            f"the process that loads used {MOST_SECONDS} s of CPU and was ended, so nothing was "
            "loaded: load fewer programs at once"
        )
    name = signal.Signals(number).name if number in _SIGNALS else f"status {status}"
    return (
        f"libbpf crashed in the process that loads ({name}), and nothing was loaded: upgrade "
        "libbpf, or compile the object again, since it may be damaged"
    )


_FAILED = (
    r"prog '([^'\n]+)': BPF program load failed",
    r"failed to load program '([^'\n]+)'",
    r"prog '([^'\n]+)': ",
    r"program '([^'\n]+)'",
)
# The program's name is there since 0.7.
_VERIFIER = re.compile(
    r"^libbpf: (?:prog '(.*)': )?-- BEGIN .*LOG --.*\n((?s:.*?))^(?:libbpf: )?-- END", re.MULTILINE
)
# enum libbpf_errno; before 1.0 it has them for what the kernel refuses, too.
_LIBBPF_ERRORS = {
    4000: "LIBELF",
    4001: "FORMAT",
    4002: "KVERSION",
    4003: "ENDIAN",
    4004: "INTERNAL",
    4005: "RELOC",
    4006: "LOAD",
    4007: "VERIFY",
    4008: "PROG2BIG",
    4009: "KVER",
    4010: "PROGTYPE",
}
_SIGNALS = frozenset(int(each) for each in signal.Signals)
_LAST = 12  # lines
_WIDEST = 300  # characters of a line
