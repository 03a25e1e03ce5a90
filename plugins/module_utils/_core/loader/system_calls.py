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
    opens: Dict[int, int]  # calls that open files: which argument has the flags
    denied: Tuple[int, ...]


def program(machine: str) -> Optional[bytes]:
    """Return the filter for a machine as uname calls it; None where the numbers are not known."""
    numbers = _MACHINES.get(machine)
    return None if numbers is None else _assemble(numbers)


def _assemble(machine: _Machine) -> bytes:
    """Instructions of classic BPF.

    The kernel goes through them for each call that there is when they are installed, so the numbers
    stand in blocks that it need not go through.
    """
    checked = [(machine.bpf, 0, [(_DENY_IF_EQUAL, command) for command in _COMMANDS])]
    checked += [(call, flags, [(_DENY_IF_ANY, _WRITING)]) for call, flags in machine.opens.items()]
    code: List[_Instruction] = [
        (_LOAD, 4),  # struct seccomp_data: the architecture, ...
        (_DENY_UNLESS_EQUAL, machine.architecture),
        (_LOAD, 0),  # ... the number of the call, ...
        (_DENY_FROM, _X32),
    ]
    for number, argument, denied in checked:
        block = [(_LOAD, 16 + 8 * argument), *denied, (_RETURN, _ALLOW)]  # ... its arguments
        code += [(_SKIP_UNLESS_EQUAL | len(block) << 16, number), *block]
    numbers = sorted(machine.denied)
    for start in range(0, len(numbers), _BLOCK):
        each = numbers[start : start + _BLOCK]
        block = [*((_DENY_IF_EQUAL, number) for number in each), (_RETURN, _ALLOW)]
        code += [(_SKIP_IF_ABOVE | len(block) << 16, each[-1]), *block]
    code += [(_RETURN, _ALLOW), (_RETURN, _DENY)]
    return b"".join(_packed(code, at) for at in range(len(code)))


def _packed(code: List[_Instruction], at: int) -> bytes:
    """One instruction: its operation, how many to skip if it is so and if it is not, its value."""
    operation, value = code[at]
    skipped = {"": 0, "deny": len(code) - 2 - at, "skip": operation >> 16}
    plain, if_so, if_not = _OPERATIONS[operation & 0xFFFF]
    return struct.pack("=HBBI", plain, skipped[if_so], skipped[if_not], value)


_Instruction = Tuple[int, int]  # operation, with how many it skips above 16 bits; value
_LOAD, _RETURN, _DENY_IF_EQUAL, _DENY_UNLESS_EQUAL, _DENY_FROM, _DENY_IF_ANY = range(6)
_SKIP_UNLESS_EQUAL, _SKIP_IF_ABOVE = 6, 7
# The last instruction denies.
_OPERATIONS = {
    _LOAD: (0x20, "", ""),  # BPF_LD | BPF_W | BPF_ABS
    _RETURN: (0x06, "", ""),
    _DENY_IF_EQUAL: (0x15, "deny", ""),  # BPF_JMP | BPF_JEQ
    _DENY_UNLESS_EQUAL: (0x15, "", "deny"),
    _DENY_FROM: (0x35, "deny", ""),  # BPF_JGE
    _DENY_IF_ANY: (0x45, "deny", ""),  # BPF_JSET
    _SKIP_UNLESS_EQUAL: (0x15, "", "skip"),
    _SKIP_IF_ABOVE: (0x25, "skip", ""),  # BPF_JGT
}
_BLOCK = 8  # numbers
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
