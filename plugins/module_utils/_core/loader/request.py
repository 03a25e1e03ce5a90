# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is asked of the loader, what it returns, and why it may not."""

from __future__ import annotations

import os
from dataclasses import field
from typing import Dict, Mapping, Optional, Tuple

from ..errors import PinningError
from ..syscall import Fd
from ..values import NamedTuple, dataclass

DEADLINE = 120.0  # seconds: the verifier may take many of them for very large programs
MOST_SECONDS = 100  # of CPU


class Target(NamedTuple):
    """What a program replaces or traces, if its section does not say."""

    program_fd: int  # 0: a function of the kernel
    function: str


class Types(NamedTuple):
    """What a program is, for a libbpf that is too old to know its section."""

    type: int
    expected_attach_type: int


@dataclass(frozen=True)
class LoadRequest:
    """One object file, and what is to be loaded of it."""

    object: bytes  # see ObjectFile.without_slots
    programs: Tuple[str, ...]  # names of those to load, and no others
    maps: Mapping[str, int] = field(default_factory=dict)  # descriptors by name
    data: Mapping[str, bytes] = field(default_factory=dict)  # whole sections by name
    types: Mapping[str, Types] = field(default_factory=dict)  # by program
    targets: Mapping[str, Target] = field(default_factory=dict)  # by program
    returned_maps: Tuple[str, ...] = ()  # maps or sections whose descriptors are wanted
    object_name: str = "object"  # the kernel's names of data maps begin with it
    kernel_btf: Optional[str] = None  # path; None: that of the running kernel
    log_level: int = 0  # of the verifier; 0: it only tells why it refuses
    seconds: float = DEADLINE


class Loaded:
    """Descriptors of what is in the kernel now; after `with` nothing stays but what is pinned."""

    def __init__(self, programs: Dict[str, Fd], maps: Dict[str, Fd], log: str, libbpf: str) -> None:
        self.programs = programs
        self.maps = maps
        self.log = log
        self.libbpf = libbpf  # its version, such as 1.1

    def __enter__(self) -> Loaded:
        return self

    def __exit__(self, *_exception: object) -> None:
        for fd in (*self.programs.values(), *self.maps.values()):
            os.close(fd)


class LoadError(PinningError):
    """Nothing was loaded. `log` has everything that libbpf and the verifier said."""

    log = ""


class Refused(LoadError):
    """libbpf or the kernel refuses the object or a program of it."""

    def __init__(self, program: str, errno: int, text: str, last_lines: Tuple[str, ...]) -> None:
        self.program = program  # "" if it is about the whole object
        self.errno = errno
        self.last_lines = last_lines  # of the verifier's log, else of what libbpf said
        super().__init__(text)


class LoaderMissing(LoadError):
    """This host has no libbpf."""


class LoaderTooOld(LoadError):
    """The host's libbpf lacks a function that this request needs."""


class LoaderCrashed(LoadError):
    """The process that loads ended before it was done."""


class LoaderTimedOut(LoadError):
    """The process that loads did not come to an end."""
