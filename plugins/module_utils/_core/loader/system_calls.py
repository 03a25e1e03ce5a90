# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which system calls the process that loads may not make: a filter of seccomp (man 2 seccomp).

It makes no socket, process or mount, changes no file and signals nobody; of bpf(2) it may load, but
not pin or attach. Whatever it tries of these, it is told EPERM. Pure.
"""

from __future__ import annotations

import struct
from typing import Dict, List, Optional, Tuple

from ..values import NamedTuple


class _Machine(NamedTuple):
    architecture: int  # AUDIT_ARCH_*
    bpf: int
    opens: Dict[int, int]  # by number of a call that opens files: which argument has its flags
    denied: Tuple[int, ...]


def program(machine: str) -> Optional[bytes]:
    """Return the filter for a machine as uname calls it; None where the numbers are not known."""
    numbers = _MACHINES.get(machine)
    return None if numbers is None else _assemble(numbers)


def _assemble(machine: _Machine) -> bytes:
    """Instructions of classic BPF; a jump is written as what follows if it is not taken."""
    code: List[Tuple[int, int]] = [
        (_LOAD, 4),  # struct seccomp_data: the architecture, ...
        (_DENY_UNLESS_EQUAL, machine.architecture),
        (_LOAD, 0),  # ... the number of the call, ...
        (_DENY_FROM, _X32),
        *((_DENY_IF_EQUAL, number) for number in machine.denied),
    ]
    checks: List[Tuple[int, int, List[Tuple[int, int]]]] = [
        (machine.bpf, 0, [(_DENY_IF_EQUAL, command) for command in _COMMANDS])
    ]
    for number, argument in machine.opens.items():
        checks.append((number, argument, [(_DENY_IF_ANY, _WRITING)]))
    for number, argument, denied in checks:
        block = [(_LOAD, 16 + 8 * argument), *denied, (_RETURN, _ALLOW)]  # ... its arguments
        code += [(_SKIP_UNLESS_EQUAL | len(block) << 16, number), *block]
    code += [(_RETURN, _ALLOW), (_RETURN, _DENY)]
    return b"".join(_packed(code, at) for at in range(len(code)))


def _packed(code: List[Tuple[int, int]], at: int) -> bytes:
    operation, value = code[at]
    to_deny = len(code) - 2 - at  # instructions between this one and the last
    skipped = operation >> 16
    operation &= 0xFFFF
    plain, yes, no = _OPERATIONS[operation]
    jumps = [to_deny if each else 0 for each in (yes, no)]
    return struct.pack("=HBBI", plain, jumps[0], skipped or jumps[1], value)


# What is done, and whether the last instruction, which denies, follows if it is so, or if not.
_LOAD, _RETURN, _DENY_IF_EQUAL, _DENY_UNLESS_EQUAL, _DENY_FROM, _DENY_IF_ANY, _SKIP_UNLESS_EQUAL = (
    range(7)
)
_OPERATIONS = {
    _LOAD: (0x20, False, False),  # BPF_LD | BPF_W | BPF_ABS
    _RETURN: (0x06, False, False),
    _DENY_IF_EQUAL: (0x15, True, False),  # BPF_JMP | BPF_JEQ
    _DENY_UNLESS_EQUAL: (0x15, False, True),
    _DENY_FROM: (0x35, True, False),  # BPF_JGE
    _DENY_IF_ANY: (0x45, True, False),  # BPF_JSET
    _SKIP_UNLESS_EQUAL: (0x15, False, False),
}
_ALLOW, _DENY = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM
_X32 = 0x40000000  # another way to make the calls of x86-64
_WRITING = 0o1 | 0o2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
# Of bpf(2): pin; attach and detach; open a raw tracepoint; make, update and detach links.
_COMMANDS = (6, 8, 9, 17, 28, 29, 34)
# The same on all machines: pidfd_send_signal, io_uring_setup, open_tree, move_mount, fsopen,
# fsmount, clone3, openat2, pidfd_getfd, mount_setattr, fchmodat2.
_NEWER = (424, 425, 428, 429, 430, 432, 435, 437, 438, 442, 452)
_X86_64 = (
    *(41, 42, 43, 44, 49, 50, 53, 288),  # socket, connect, accept, sendto, bind, listen, ...
    *(56, 57, 58, 59, 322),  # clone, fork, vfork, execve, execveat
    *(62, 200, 101, 311),  # kill, tkill, ptrace, process_vm_writev
    *(82, 83, 84, 85, 86, 87, 88, 90, 91, 92, 93, 94, 133),  # rename to lchown, mknod
    *(258, 259, 260, 263, 264, 265, 266, 268, 316),  # mkdirat to fchmodat, renameat2
    *(155, 161, 165, 166, 272, 308),  # pivot_root, chroot, mount, umount2, unshare, setns
    *(175, 176, 313, 246, 320, 298),  # modules, kexec, perf_event_open
    *_NEWER,
)
_GENERIC = (
    *(198, 199, 200, 201, 202, 203, 206, 242),  # socket to connect, sendto, accept4
    *(220, 221, 281),  # clone, execve, execveat
    *(129, 130, 117, 271),  # kill, tkill, ptrace, process_vm_writev
    *(33, 34, 35, 36, 37, 38, 276, 52, 53, 54, 55),  # mknodat to renameat, chmod, chown
    *(39, 40, 41, 51, 97, 268),  # umount2, mount, pivot_root, chroot, unshare, setns
    *(105, 106, 273, 104, 294, 241),  # modules, kexec, perf_event_open
    *_NEWER,
)
_MACHINES = {
    "x86_64": _Machine(0xC000003E, 321, {2: 1, 257: 2}, _X86_64),
    "aarch64": _Machine(0xC00000B7, 280, {56: 2}, _GENERIC),
    "riscv64": _Machine(0xC00000F3, 280, {56: 2}, _GENERIC),
    "loongarch64": _Machine(0xC0000102, 280, {56: 2}, _GENERIC),
}
