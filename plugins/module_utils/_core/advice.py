# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What an errno of a call means to the person who asked, and what they can do about it."""

from __future__ import annotations

import errno
import os

ENOTSUPP = 524  # the kernel's own, in no errno.h

_PRIVILEGE = (
    "the task needs privileges: run it with `become: true`, or give the user CAP_BPF "
    "(CAP_SYS_ADMIN before Linux 5.8); in a container or under seccomp, SELinux or AppArmor, "
    "allow bpf(2)"
)
_READ_ONLY = "the file system is mounted read-only: remount it writable first (opts: [rw])"
_MEMORY = (
    "the kernel has no memory for it: lower max_entries or value_size, or raise the memory "
    "limit of the control group"
)

_ADVICE = {
    ("MAP_CREATE", errno.EPERM): _PRIVILEGE
    + "; devmap, devmap_hash, xskmap, sockmap and sockhash also need CAP_NET_ADMIN",
    ("MAP_CREATE", errno.EINVAL): "this kernel does not make a map of this type with these sizes "
    "and flags: compare type, key_size, value_size, max_entries, flags and map_extra with the "
    "table in docs/map-types.md, and its column of kernel versions with `uname -r`",
    ("MAP_CREATE", errno.E2BIG): "larger than this kernel allows for the type, or a field that "
    "this kernel does not know: lower max_entries, key_size or value_size, or drop map_extra or "
    "btf",
    ("MAP_CREATE", errno.ENOMEM): _MEMORY,
    ("MAP_CREATE", ENOTSUPP): "the type does not take this flag or BTF: drop it",
    ("BTF_LOAD", errno.EPERM): _PRIVILEGE,
    ("BTF_LOAD", errno.EINVAL): "this kernel does not accept the BTF: make it from the key and "
    "value types only, for a kernel of this age",
    ("OBJ_PIN", errno.EPERM): _PRIVILEGE,
    ("OBJ_PIN", errno.EACCES): "no permission to write the directory: run with `become: true`, "
    "or open the directory to the user",
    ("OBJ_PIN", errno.EROFS): _READ_ONLY,
    ("OBJ_GET", errno.EPERM): _PRIVILEGE,
    ("OBJ_GET", errno.EACCES): "no permission to open the pin: run with `become: true`, or give "
    "the user access by owner, group and mode of the pin",
    ("MAP_FREEZE", errno.EPERM): "frozen already, or not opened for writing",
    ("MAP_FREEZE", errno.EBUSY): "a process has the map mapped writable: end it, then run again",
    ("mount", errno.EPERM): "mounting needs CAP_SYS_ADMIN in the initial user namespace: run "
    "with `become: true`; inside a container, mount on the host and pass the mount in",
    ("mount", errno.ENODEV): "this kernel has no BPF file system (CONFIG_BPF_SYSCALL)",
    ("umount", errno.EBUSY): "in use: find the processes with `fuser -vm PATH`, end them or let "
    "them leave the directory",
    ("umount", errno.EPERM): "unmounting needs CAP_SYS_ADMIN: run with `become: true`",
}

_ANY_CALL = {
    errno.EPERM: _PRIVILEGE,
    errno.EACCES: "no permission: run with `become: true`",
    errno.ENOSYS: "this kernel has no bpf(2): it was built without CONFIG_BPF_SYSCALL",
    errno.ENOMEM: _MEMORY,
    errno.EROFS: _READ_ONLY,
    errno.ENOSPC: "no space left: raise the limit that was met, or remove what is not needed",
    errno.EMFILE: "too many open files: raise the limit of the task's user (ulimit -n)",
    errno.ENOENT: "it is gone: another process removed it meanwhile; run again",
    errno.EBUSY: "in use: find out by whom, then run again",
}


def errno_name(number: int) -> str:
    """ENOENT and the like; also for the kernel's own ENOTSUPP, which Python does not know."""
    return "ENOTSUPP" if number == ENOTSUPP else errno.errorcode.get(number, str(number))


def advice_for(call: str, number: int) -> str:
    """One or two sentences, never empty."""
    known = _ADVICE.get((call, number)) or _ANY_CALL.get(number)
    return known or f"{os.strerror(number)}; not expected here, please report it"
