# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter of system calls, run as the kernel runs it (man 2 seccomp), for each machine."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.loader.system_calls import program
from ansible_collections.ebpf.pinning.plugins.module_utils._core.syscall import ioctl_number

ALLOW, DENY = 0x7FFF0000, 0x00050001
ARCHITECTURES = {
    "x86_64": 0xC000003E,
    "aarch64": 0xC00000B7,
    "riscv64": 0xC00000F3,
    "loongarch64": 0xC0000102,
}
DENIED = re.findall(
    r"\w+",
    """
    socket connect bind listen accept accept4 sendto socketpair clone clone3 execve execveat kill
    tkill ptrace process_vm_writev mount umount2 pivot_root chroot unshare setns init_module
    finit_module delete_module kexec_load kexec_file_load mkdirat mknodat unlinkat symlinkat linkat
    renameat renameat2 fchmod fchmodat fchown fchownat perf_event_open pidfd_send_signal pidfd_getfd
    openat2 io_uring_setup open_tree move_mount fsopen fsmount mount_setattr
    """,
)
OF_X86 = re.findall(
    r"\w+", "fork vfork creat mkdir rmdir unlink rename link symlink chmod chown lchown mknod"
)
ALLOWED = re.findall(
    r"\w+",
    """
    read write close fstat mmap munmap mprotect brk pread64 lseek getpid getrandom futex exit
    exit_group sendmsg dup3 fcntl ioctl newfstatat readlinkat uname sysinfo rt_sigaction
    rt_sigprocmask madvise
    """,
)


def judged(code: bytes, number: int, *arguments: int, architecture: int) -> int:
    """What the filter returns, and that it returns."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *(6 - len(arguments)) * [0])
    words = list(struct.iter_unpack("=HBBI", code))
    at, value = 0, 0
    while True:
        operation, if_so, if_not, operand = words[at]
        at += 1
        if operation == 0x06:
            return operand
        if operation == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
            continue
        is_so = {
            0x15: value == operand,
            0x25: value > operand,
            0x35: value >= operand,
            0x45: bool(value & operand),
        }[operation]
        at += if_so if is_so else if_not


def numbers_of(machine: str) -> dict[str, int]:
    """As the headers of the kernel have them."""
    multiarch = Path(f"/usr/include/{machine}-linux-gnu/asm/unistd_64.h")
    generic = Path("/usr/include/asm-generic/unistd.h")
    header = multiarch if machine == "x86_64" else generic
    if not header.exists():
        pytest.skip(f"there is no {header}")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    numbers = {name: int(number) for name, number in found}
    numbers.setdefault("newfstatat", numbers.get("fstatat", 0))
    return numbers


@pytest.fixture(params=ARCHITECTURES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_calls_are_denied_and_allowed_by_their_names(machine: str) -> None:
    code, numbers = program(machine), numbers_of(machine)
    assert code
    architecture = ARCHITECTURES[machine]
    denied = [*DENIED, *(OF_X86 if machine == "x86_64" else ())]
    for name in denied:
        if name in numbers:
            assert judged(code, numbers[name], architecture=architecture) == DENY, name
    for name in ALLOWED:
        assert judged(code, numbers[name], architecture=architecture) == ALLOW, name
    by_number = {
        name
        for name, number in numbers.items()
        if judged(code, number, architecture=architecture) == DENY
    }
    assert by_number <= {*denied, "fchmodat2"}


def test_files_are_opened_for_reading_only(machine: str) -> None:
    code, numbers = program(machine), numbers_of(machine)
    assert code
    opens = {"openat": 2, **({"open": 1} if machine == "x86_64" else {})}
    for name, place in opens.items():
        for flags, wanted in (
            (0o2000000, ALLOW),
            (0o1, DENY),
            (0o2, DENY),
            (0o100, DENY),
            (0o1000, DENY),
            (0o20200000 | 0o2, DENY),
        ):
            arguments = [*place * [0xFFFFFFFF_FFFFFFFF], flags]
            found = judged(code, numbers[name], *arguments, architecture=ARCHITECTURES[machine])
            assert found == wanted, (name, oct(flags))


def test_bpf_may_load_and_not_pin_or_attach(machine: str) -> None:
    code, numbers = program(machine), numbers_of(machine)
    assert code
    denied = {
        command
        for command in range(64)
        if judged(code, numbers["bpf"], command, architecture=ARCHITECTURES[machine]) == DENY
    }
    # enum bpf_cmd: OBJ_PIN, PROG_ATTACH, PROG_DETACH, RAW_TRACEPOINT_OPEN, LINK_CREATE,
    # LINK_UPDATE, LINK_DETACH.
    assert denied == {6, 8, 9, 17, 28, 29, 34}


def test_other_ways_to_make_calls_are_denied(machine: str) -> None:
    code = program(machine)
    assert code
    for architecture in {0x40000003, *ARCHITECTURES.values()} - {ARCHITECTURES[machine]}:
        assert judged(code, 0, architecture=architecture) == DENY
    assert judged(code, 0x40000000, architecture=ARCHITECTURES[machine]) == DENY


def test_a_machine_that_is_not_known_has_no_filter() -> None:
    assert program("s390x") is None
    assert program("") is None


# NS_GET_NSTYPE, PERF_EVENT_IOC_ENABLE and FS_IOC_GETFLAGS of 64 bits, by asm/ioctl.h.
@pytest.mark.parametrize(
    ("machine", "numbers"),
    [
        ("x86_64", (0xB703, 0x2400, 0x80086601)),
        ("s390x", (0xB703, 0x2400, 0x80086601)),
        ("ppc64le", (0x2000B703, 0x20002400, 0x40086601)),
        ("mips64", (0x2000B703, 0x20002400, 0x40086601)),
    ],
)
def test_a_number_of_ioctl_is_that_of_the_machine(
    machine: str, numbers: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("", "", "", "", machine)))
    assert (ioctl_number(0xB7, 3), ioctl_number(0x24, 0), ioctl_number(0x66, 1, 8)) == numbers
