# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How a system call is made that Python does not know: bpf(2), mount(2), umount2(2), fstatfs(2).

Each command of bpf(2) has one buffer: whoever reads from it what the kernel wrote there must be the
only thread that uses the command. Sources: man 2 bpf, the kernel's syscall tables.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
import threading
import time
from typing import Any, FrozenSet, Optional, Tuple

from .advice import ActsOn
from .errors import PinningError, Refusal, refusal
from .uapi import BPF_COMMON_ATTRS, COMMON_ATTR, Command, CommonAttr


class KernelError(Refusal):
    """The kernel refused `call`; the text says why that usually is and what to do."""

    done = 0  # of a batch: how many of its entries were written or removed before

    def __init__(self, call: str, number: int, acts_on: Optional[ActsOn] = None) -> None:
        self.call = call
        self.errno = number
        self._acts_on = acts_on
        self._remarks = ""
        super().__init__(call, number)

    def __str__(self) -> str:
        # Not before it is read: most refusals are an answer, and nobody is told of them.
        return refusal(self.call, self.errno, self._acts_on) + self._remarks

    def add(self, remark: str) -> None:
        """Say more about this very case."""
        self._remarks += f" ({remark})"

    @classmethod
    def of(cls, call: str, error: OSError, acts_on: Optional[ActsOn] = None) -> KernelError:
        """Return the KernelError for an error of Python's `os`; by default it is about a pin."""
        return cls(call, error.errno or 0, acts_on)


class Fd(int):
    """A file descriptor that closes itself at the end of `with`."""

    def __enter__(self) -> Fd:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self)

    @property
    def proc_path(self) -> bytes:
        """A path that means what is open, whatever its name means by now."""
        return b"/proc/self/fd/%d" % self


class Call:
    """One command of bpf(2); calling it packs a request and asks the kernel.

    The arguments of the system call are made once: a batch makes thousands of calls.
    """

    def __init__(
        self, command: Command, layout: struct.Struct, *, interrupted: bool = False
    ) -> None:
        self._name = command.name
        self._may_be_interrupted = interrupted  # else it is made again after EINTR
        self._pack = layout.pack_into
        self._unpack = layout.unpack_from
        self._command = ctypes.c_int(command)
        self._size = ctypes.c_uint(layout.size)
        self._attr, address = shared_buffer(layout.size)
        self._address = ctypes.c_void_p(address)

    def __call__(self, request: Tuple[object, ...]) -> int:
        while True:
            self._pack(self._attr, 0, *request)
            result: int = _syscall(_BPF, self._command, self._address, self._size)
            if result >= 0:
                return result
            number = ctypes.get_errno()
            if number != errno.EINTR or self._may_be_interrupted:
                raise KernelError(self._name, number)

    def logged(self, request: Tuple[object, ...]) -> Tuple[int, bytes]:
        """Ask once more what was refused; what came of it, and what the kernel logged.

        Before Linux 7.2 it refuses this as well, as a command that it does not know.
        """
        log = ctypes.create_string_buffer(_LOG_SIZE)
        common = COMMON_ATTR.pack(*CommonAttr(ctypes.addressof(log), _LOG_SIZE, _LOG_LEVEL))
        attrs = ctypes.create_string_buffer(common, len(common))
        self._pack(self._attr, 0, *request)
        command = ctypes.c_int(self._command.value | BPF_COMMON_ATTRS)
        size = ctypes.c_uint(len(common))
        result: int = _syscall(_BPF, command, self._address, self._size, attrs, size)
        return result, log.value

    def answer(self) -> Tuple[Any, ...]:
        """Return the fields of the request as the kernel left them."""
        return self._unpack(self._attr)


class SharedCall(Call):
    """One that several threads make: two look up keys, of the old and of the new map."""

    def __init__(
        self, command: Command, layout: struct.Struct, *, interrupted: bool = False
    ) -> None:
        super().__init__(command, layout, interrupted=interrupted)
        self._lock = threading.Lock()

    def __call__(self, request: Tuple[object, ...]) -> int:
        with self._lock:
            return super().__call__(request)


class Persistent:
    """A call that is made again while the kernel refuses it for a moment only.

    `PATIENCE` is for one refusal, and for all that follow until a call succeeds: where a shortage
    lasts, only the first call waits for its end.
    """

    def __init__(self, call: Call, passing: FrozenSet[int]) -> None:
        self._call = call
        self._passing = passing  # what it refuses for a moment
        self._waited = 0.0  # seconds since it last succeeded

    def __call__(self, request: Tuple[object, ...]) -> int:
        pause = _FIRST_PAUSE
        while True:
            try:
                result = self._call(request)
            except KernelError as error:
                if error.errno not in self._passing or self._waited >= PATIENCE:
                    raise
                time.sleep(pause)
                self._waited += pause
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._waited = 0.0
                return result


PATIENCE = 5.0  # seconds without success until it counts as refused
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.1  # seconds


def shared_buffer(size: int) -> Tuple[bytearray, int]:
    """A buffer that the kernel reads and writes, and its address."""
    buffer = bytearray(size)
    return buffer, ctypes.addressof((ctypes.c_char * size).from_buffer(buffer))


def _syscall_number() -> int:
    machine = os.uname().machine
    numbers = _NUMBERS_64 if sys.maxsize > 2**32 else _NUMBERS_32
    return next((number for prefix, number in numbers if machine.startswith(prefix)), 0)


def _unknown_machine(*_arguments: object) -> int:
    raise PinningError(
        f"the number of bpf(2) on {os.uname().machine} is not known to this collection: it runs on "
        "x86, ARM, RISC-V, LoongArch, POWER, s390, MIPS and SPARC"
    )


def ioctl_number(group: int, number: int, reads: int = 0) -> int:
    """Return what _IO, or _IOR for so many bytes, of asm/ioctl.h is on this machine."""
    # These have three bits for the direction, and one of them for none.
    is_odd = os.uname().machine.startswith(("mips", "ppc", "sparc"))
    direction = 2 if reads else int(is_odd)
    return direction << (29 if is_odd else 30) | reads << 16 | group << 8 | number


# From the kernel's syscall tables; a 32-bit Python may run on a 64-bit kernel.
# Under `linux32`, uname names the 32-bit machine to a 64-bit Python.
_NUMBERS_64 = (
    ("x86_64", 321),
    ("i", 321),
    ("aarch64", 280),
    ("arm", 280),
    ("riscv", 280),
    ("loongarch", 280),
    ("ppc", 361),
    ("s390", 351),
    ("mips", 5315),
    ("sparc", 349),
)
_NUMBERS_32 = (
    ("x86_64", 357),
    ("i", 357),
    ("arm", 386),
    ("aarch64", 386),
    ("ppc", 361),
    ("mips", 4355),
    ("riscv", 280),
)
_BPF = ctypes.c_long(_syscall_number())

_LOG_SIZE, _LOG_LEVEL = 4096, 1  # bytes; BPF_LOG_LEVEL1

libc = ctypes.CDLL(None, use_errno=True)
libc.mount.argtypes = [
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
]
libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
libc.fstatfs.argtypes = [ctypes.c_int, ctypes.c_void_p]
_syscall = libc.syscall if _BPF.value else _unknown_machine
libc.syscall.restype = ctypes.c_long
