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
_OWNERSHIP = "the pin belongs to another user: run with `become: true`, or as its owner"
_READ_ONLY = "the file system is mounted read-only: remount it writable first (opts: [rw])"
_MEMORY = (
    "the kernel has no memory for it: lower max_entries or value_size, or raise the memory "
    "limit of the control group"
)
_FULL = "the map is full: raise max_entries"

_BY_ID = "finding objects by id or name needs CAP_SYS_ADMIN: run with `become: true`"
_ADVICE = {
    **{
        (f"{kind}_GET_{what}", errno.EPERM): _BY_ID
        for kind in ("MAP", "PROG", "LINK", "BTF")
        for what in ("NEXT_ID", "FD_BY_ID")
    },
    ("MAP_CREATE", errno.EPERM): _PRIVILEGE
    + "; devmap, devmap_hash, xskmap, sockmap and sockhash also need CAP_NET_ADMIN",
    ("MAP_CREATE", errno.EINVAL): "this kernel does not make a map of this type with these sizes, "
    "flags, map_extra, numa_node or btf: compare them with the table in docs/map-types.md of the "
    "collection; flags may be younger than the type",
    ("MAP_CREATE", errno.ERANGE): "map_extra is no address that an arena can be mapped at: leave "
    "it out",
    ("MAP_CREATE", errno.E2BIG): "larger than this kernel allows for the type, or a field that "
    "this kernel does not know: lower max_entries, key_size or value_size, or drop map_extra or "
    "btf",
    ("MAP_CREATE", errno.EACCES): "the BTF of the values has a lock or another field of the "
    "kernel's, and then neither rdonly_prog nor wronly_prog: drop the flag",
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
    ("MAP_UPDATE_BATCH", errno.E2BIG): _FULL,
    ("MAP_UPDATE_ELEM", errno.E2BIG): _FULL,
    ("mount", errno.EPERM): "mounting needs CAP_SYS_ADMIN in the initial user namespace: run "
    "with `become: true`; inside a container, mount on the host and pass the mount in",
    ("mount", errno.ENODEV): "this kernel has no BPF file system (CONFIG_BPF_SYSCALL)",
    ("mount", errno.EACCES): "refused by a security module (AppArmor, SELinux), as in a "
    "container: mount on the host and pass the mount in",
    ("mount", errno.EINVAL): "the kernel does not take these options: check owner, group and the "
    "names under delegate_*",
    ("chown", errno.EPERM): _OWNERSHIP,
    ("chmod", errno.EPERM): _OWNERSHIP,
    ("rename", errno.EPERM): _OWNERSHIP + "; in a directory with the sticky bit only the owner "
    "of a pin replaces it",
    ("unlink", errno.EPERM): _OWNERSHIP + "; in a directory with the sticky bit only the owner "
    "of a pin removes it",
    ("write", errno.EPERM): "nobody may replace it: look for attributes of it and of its directory "
    "(`lsattr -d`), and for a security module (SELinux, AppArmor)",
    ("write", errno.EACCES): "no permission to write its directory: run with `become: true`",
    ("write", errno.EROFS): "its file system is read-only: remount that one writable, or declare "
    "another fstab",
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
    errno.ENOENT: "it does not exist, or not any more",
    errno.EBUSY: "in use, perhaps as a mount point: look with `findmnt`, and end the use or "
    "unmount it",
    errno.ENAMETOOLONG: "longer than the kernel takes: 255 bytes for a name, 4095 for a path",
    errno.EIO: "the kernel could not read or write it: see `dmesg`",
    errno.EISDIR: "it is a directory: declare another path",
    errno.ELOOP: "a symlink, and symlinks are never followed: declare the real path",
}


def errno_name(number: int) -> str:
    """ENOENT and the like; also for the kernel's own ENOTSUPP, which Python does not know."""
    return "ENOTSUPP" if number == ENOTSUPP else errno.errorcode.get(number, str(number))


def advice_for(call: str, number: int) -> str:
    """One or two sentences, never empty."""
    known = _ADVICE.get((call, number)) or _ANY_CALL.get(number)
    return known or f"{os.strerror(number)}; not expected here, please report it"
