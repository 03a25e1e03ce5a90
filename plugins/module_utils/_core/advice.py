# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What an errno of a call means to the person who asked, and what they can do about it.

It depends on the call and on what the call acts on: EPERM of bpf(2) is a missing capability, that
of a pin its owner, that of an ordinary file perhaps an immutable one. Where several causes are
likely, all are named, the likeliest first, and where to look.
"""

from __future__ import annotations

import enum
import errno
import os
from typing import Dict, Optional, Tuple

ENOTSUPP = 524  # the kernel's own, in no errno.h


class ActsOn(enum.Enum):
    """What a call is about."""

    BPF = "bpf"  # bpf(2), on objects and what is in them
    MOUNT = "mount"
    PIN = "pin"  # or a directory of a bpffs
    FILE = "file"  # on any other file system


_PRIVILEGE = (
    "the task needs privileges: run it with `become: true`, or give the user CAP_BPF "
    "(CAP_SYS_ADMIN before Linux 5.8); in a container or under seccomp, SELinux or AppArmor, "
    "allow bpf(2)"
)
_OWNERSHIP = "the pin belongs to another user: run with `become: true`, or as its owner"
_READ_ONLY = "the file system is mounted read-only: remount it writable first (opts: [rw])"
_FULL = "the map is full: raise max_entries"
_MAP_MEMORY = (
    "the kernel has no memory for it. If the map is large: lower max_entries or value_size, which "
    "per-CPU types take for each possible CPU. If the control group of the task is at its "
    "limit (memory.max in /sys/fs/cgroup): raise the memory limit of the control group. If the "
    "host is short of memory (MemAvailable in /proc/meminfo, `dmesg`): make room. If it is an "
    "arena: it takes 4 GiB of the kernel's addresses whatever its size, which some kernels cannot "
    "give, such as those with pages of 64 KiB (`getconf PAGESIZE`)"
)
_ENTRY_MEMORY = (
    "the kernel found no memory for an entry, though it was asked again for seconds. If the "
    "control group of the task is at its limit (memory.max in /sys/fs/cgroup), raise it; if the "
    "host is short of memory (MemAvailable in /proc/meminfo, `dmesg`), make room; else a reserve "
    "of the kernel refills slowly: run again"
)
_MEMORY = (
    "the kernel has no memory for it. If the control group of the task is at its limit (memory.max "
    "in /sys/fs/cgroup), raise it; if the host is short of memory (MemAvailable in /proc/meminfo, "
    "`dmesg`), make room; then run again"
)
_BUSY_ENTRY = (
    "other programs hold the map locked, though it was asked again for seconds: let them pause, "
    "then run again; if none writes to it, see `dmesg`"
)
_NOT_FOR_TYPE = (
    "this kernel cannot do that with a map of this type or shape: compare `uname -r` and the table "
    "in docs/map-types.md of the collection"
)
_NO_BATCH_ROOM = (
    "a bucket of the map holds more than was asked for at a time: other processes add entries all "
    "the time; let them pause, then run again"
)
_TAKEN = (
    "another program is there, and this place takes one, or this very program is: look with "
    "`bpftool link`, `bpftool net` and `bpftool cgroup tree`, and let who attached it detach it"
)
_ATTACHING = (
    "the task may not attach it: run it with `become: true`, or give the user CAP_NET_ADMIN for "
    "networks and cgroups, and CAP_PERFMON for tracing; or a cgroup above has a program that lets "
    "no other beside it (`bpftool cgroup tree`); or a security module forbids it (`journalctl -k`)"
)
_NOT_THIS_PROGRAM = (
    "the kernel does not take this program for this attach type and target: it has to be loaded "
    "for just this one (its SEC), the interface or map has to be of the kind that the type is for, "
    "and the kernel has to have links for it (docs/links.md)"
)
_PLACE = (
    "what it is to be before or after is not on this hook: attach that first, or leave before and "
    "after out; or the hook has as many programs as it takes"
)
_DRIVER = (
    "the target does not support it: the driver of the interface may lack XDP of this mode (take "
    "mode: generic), or this kernel such links (docs/links.md)"
)
_NO_TRACING = (
    "the kernel has no such tracepoint, function or instruction, or is built without probes: look "
    "in /sys/kernel/tracing/available_events and available_filter_functions"
)
_BY_ID = "finding objects by id or name needs CAP_SYS_ADMIN: run with `become: true`"
_IDS = tuple(
    f"{kind}_GET_{what}"
    for kind in ("MAP", "PROG", "LINK", "BTF")
    for what in ("NEXT_ID", "FD_BY_ID")
)
_WRITES = ("MAP_UPDATE_BATCH", "MAP_UPDATE_ELEM", "MAP_DELETE_ELEM")
_READS = ("MAP_LOOKUP_BATCH", "MAP_LOOKUP_ELEM", "MAP_GET_NEXT_KEY")
_BUSY = (errno.EAGAIN, errno.EBUSY, errno.EDEADLK, errno.ETIMEDOUT)

_Table = Dict[Tuple[str, int], str]
_CALLS: _Table = {
    **{(call, errno.EPERM): _BY_ID for call in _IDS},
    **{(call, errno.ENOMEM): _ENTRY_MEMORY for call in _WRITES},
    **{(call, number): _BUSY_ENTRY for call in (*_WRITES, *_READS) for number in _BUSY},
    **{
        (call, number): _NOT_FOR_TYPE
        for call in (*_WRITES, *_READS)
        for number in (errno.EINVAL, errno.EOPNOTSUPP, ENOTSUPP)
    },
    **{
        (call, errno.EPERM): "the map cannot be written to: it is frozen (`bpftool map show pinned "
        "PATH`), or the user of the task may only read it, or a security module forbids it "
        "(`journalctl -k`)"
        for call in _WRITES
    },
    **{
        (call, errno.EPERM): "the user of the task may not read what is in the map: run with "
        "`become: true`, or let the user read the pin; or a security module forbids it "
        "(`journalctl -k`)"
        for call in _READS
    },
    ("MAP_CREATE", errno.EPERM): _PRIVILEGE
    + "; devmap, devmap_hash, xskmap, sockmap and sockhash also need CAP_NET_ADMIN",
    ("MAP_CREATE", errno.EINVAL): "this kernel does not make a map of this type with these "
    "options: compare them with the table in docs/map-types.md of the collection; flags may be "
    "younger than the type, and the kernel may be built without the type, like inode_storage "
    "without CONFIG_BPF_LSM: see `bpftool feature probe kernel` and /boot/config-*",
    ("MAP_CREATE", errno.ERANGE): "no arena can be mapped at the address in map_extra: leave "
    "it out",
    ("MAP_CREATE", errno.EOVERFLOW): "stacks deeper than this kernel records: lower value_size, or "
    "raise the sysctl kernel.perf_event_max_stack",
    ("MAP_CREATE", errno.E2BIG): "larger than this kernel allows for the type, or a field that "
    "this kernel does not know: lower max_entries, key_size or value_size, or drop what you "
    "declare beside them",
    ("MAP_CREATE", errno.EACCES): "the BTF of the values has a lock or another field of the "
    "kernel's that does not go with the flags; or a security module forbids it (`journalctl -k`)",
    ("MAP_CREATE", errno.ENOMEM): _MAP_MEMORY,
    ("MAP_CREATE", errno.EOPNOTSUPP): "this kernel cannot have a map of this type as it runs: an "
    "arena needs a JIT for this machine (/proc/sys/net/core/bpf_jit_enable; CONFIG_BPF_JIT in "
    "/boot/config-*), and some flags and BTF are not for every type: drop them one after the other",
    ("MAP_CREATE", ENOTSUPP): "the type does not take this flag or BTF: drop it",
    ("BTF_LOAD", errno.EPERM): _PRIVILEGE,
    **{
        ("BTF_LOAD", number): "this kernel does not accept the BTF: make it from the key and "
        "value types only, for a kernel of this age"
        for number in (errno.EINVAL, errno.E2BIG, errno.EEXIST, errno.ENOENT, ENOTSUPP)
    },
    ("OBJ_PIN", errno.EPERM): _PRIVILEGE,
    ("OBJ_PIN", errno.EACCES): "no permission to write the directory: run with `become: true`, "
    "or open the directory to the user; or a security module forbids it (`journalctl -k`)",
    ("OBJ_GET", errno.EPERM): _PRIVILEGE,
    ("OBJ_GET", errno.EACCES): "no permission to open the pin: run with `become: true`, or give "
    "the user access by owner, group and mode of the pin; or a security module forbids it "
    "(`journalctl -k`)",
    ("MAP_FREEZE", errno.EPERM): "frozen already, or not opened for writing",
    ("MAP_FREEZE", errno.EBUSY): "a process has the map mapped writable, or writes to it at this "
    "moment: find it with `grep bpf-map /proc/*/maps`, end it, then run again",
    ("MAP_FREEZE", ENOTSUPP): "the kernel does not freeze a map whose values hold a lock, a timer "
    "or another field of its own: leave frozen out",
    ("MAP_UPDATE_BATCH", errno.E2BIG): _FULL,
    ("MAP_UPDATE_ELEM", errno.E2BIG): _FULL,
    ("MAP_UPDATE_BATCH", errno.ENOSPC): _FULL,
    ("MAP_UPDATE_ELEM", errno.ENOSPC): _FULL,
    ("MAP_LOOKUP_BATCH", errno.ENOSPC): _NO_BATCH_ROOM,
    ("mount", errno.EPERM): "mounting needs CAP_SYS_ADMIN in the initial user namespace: run "
    "with `become: true`; inside a container, mount on the host and pass the mount in",
    ("mount", errno.ENODEV): "this kernel has no BPF file system (CONFIG_BPF_SYSCALL)",
    ("mount", errno.EACCES): "refused by a security module (AppArmor, SELinux), as in a "
    "container: mount on the host and pass the mount in",
    **{
        ("mount", number): "the kernel does not take these options: check owner, group and the "
        "names under delegate_*"
        for number in (errno.EINVAL, errno.ERANGE)
    },
    ("mount", errno.ENOSPC): "there are as many mounts as may be: remove some, or raise the sysctl "
    "fs.mount-max",
    ("umount", errno.EBUSY): "in use: find the processes with `fuser -vm PATH`, end them or let "
    "them leave the directory",
    ("umount", errno.EPERM): "unmounting needs CAP_SYS_ADMIN: run with `become: true`",
    ("umount", errno.EINVAL): "it is no longer a mount point, or it is locked, as the mounts of a "
    "container are: look with `findmnt`, and unmount it on the host",
}

_LINK_CALLS: _Table = {
    **{("LINK_CREATE", number): _TAKEN for number in (errno.EBUSY, errno.EEXIST)},
    **{("LINK_CREATE", number): _NOT_THIS_PROGRAM for number in (errno.EINVAL, errno.ENXIO)},
    **{("LINK_CREATE", number): _PLACE for number in (errno.ENOENT, errno.ERANGE, errno.E2BIG)},
    **{
        ("LINK_CREATE", number): _DRIVER
        for number in (errno.EOPNOTSUPP, ENOTSUPP, errno.ENODEV, errno.EMSGSIZE)
    },
    ("LINK_CREATE", errno.EPERM): _ATTACHING,
    ("LINK_CREATE", errno.EACCES): _ATTACHING,
    ("LINK_UPDATE", errno.EPERM): "the link holds another program than a moment ago: run again",
    ("LINK_UPDATE", errno.ENOLINK): "the link is attached to nothing any more: run again",
    ("LINK_UPDATE", errno.EINVAL): "the link does not take this program: it has to be of the same "
    "type and attach type as the one before, loaded by the same SEC, and for the same function",
    ("LINK_UPDATE", errno.EBUSY): _TAKEN,
    ("LINK_UPDATE", errno.EEXIST): _TAKEN,
    ("RAW_TRACEPOINT_OPEN", errno.ENOENT): _NO_TRACING,
    ("RAW_TRACEPOINT_OPEN", errno.EINVAL): _NOT_THIS_PROGRAM,
    ("RAW_TRACEPOINT_OPEN", errno.EBUSY): _TAKEN,
    ("RAW_TRACEPOINT_OPEN", errno.EPERM): _ATTACHING,
    **{
        ("perf_event_open", number): _NO_TRACING
        for number in (errno.ENOENT, errno.EINVAL, errno.EILSEQ, errno.EOPNOTSUPP, ENOTSUPP)
    },
    ("perf_event_open", errno.EPERM): _ATTACHING,
    ("perf_event_open", errno.EACCES): _ATTACHING,
    ("setns", errno.EPERM): "entering a network namespace needs CAP_SYS_ADMIN: run with "
    "`become: true`",
    ("netlink", errno.EPERM): "the task may not ask for interfaces: seccomp or a security module "
    "forbids rtnetlink; run it on the host",
}
_CALLS.update(_LINK_CALLS)

_PIN_CALLS: _Table = {
    ("chown", errno.EPERM): "the pin belongs to another user, or is to be given to one, or to a "
    "group that its owner is not in, which only root may do: run with `become: true`",
    ("chmod", errno.EPERM): _OWNERSHIP,
    ("rename", errno.EPERM): _OWNERSHIP + "; in a directory with the sticky bit only the owner "
    "of a pin replaces it",
    ("unlink", errno.EPERM): _OWNERSHIP + "; in a directory with the sticky bit only the owner "
    "of a pin removes it",
    ("rmdir", errno.EPERM): _OWNERSHIP + "; in a directory with the sticky bit only the owner "
    "of a pin removes it",
}

_FOR_ALL: Dict[int, str] = {
    errno.ENOMEM: _MEMORY,
    errno.EMFILE: "too many open files: raise the limit of the task's user (ulimit -n)",
    errno.ENFILE: "too many open files on the whole host: find who has them "
    "(/proc/sys/fs/file-nr), or raise the sysctl fs.file-max",
    errno.ENOENT: "it does not exist, or no longer does: if another process removed or renamed it "
    "while this ran, run again",
    errno.ENAMETOOLONG: "longer than the kernel takes: 255 bytes for a name, 4095 for a path",
    errno.EIO: "the kernel could not read or write it: see `dmesg`",
    errno.EISDIR: "it is a directory: declare another path",
    errno.ENOTDIR: "a part of the path is not a directory, or no longer is: look at each with "
    "`namei -l PATH`",
    errno.ELOOP: "a symlink, and symlinks are never followed: declare the real path",
    errno.ENOSYS: "this kernel does not know the call, or seccomp hides it, as in a container: run "
    "on the host",
    errno.ESTALE: "its file server has lost it: mount that anew, then run again",
    errno.EINTR: "interrupted by a signal: run again",
    errno.EAGAIN: "another process has it at this moment: run again",
    errno.EBUSY: "in use, perhaps as a mount point: look with `findmnt`, and end the use or "
    "unmount it",
    errno.ENOSPC: "no space left: raise the limit that was met, or remove what is not needed",
    errno.EEXIST: "another process took the name meanwhile: look at who made it, then run again",
    errno.ENOTEMPTY: "another process put something in it meanwhile: look at who did, then run "
    "again",
    errno.ENXIO: "it is a FIFO or a socket that nobody reads: look at it with `stat PATH`",
    errno.EBADF: "something closed the file meanwhile: run again; if that happens again, `strace "
    "-f` shows what closes it",
    errno.EFAULT: "the kernel could not read or write the memory of the task: something between "
    "them interferes, like seccomp, a debugger or an emulator; run it without",
}

_BY_SUBJECT: Dict[ActsOn, Dict[int, str]] = {
    ActsOn.BPF: {
        errno.EPERM: _PRIVILEGE,
        errno.EACCES: "no permission: run with `become: true`; if it has that, a security module "
        "forbids it (`journalctl -k`)",
        errno.EROFS: _READ_ONLY,
        errno.ENOSYS: "there is no bpf(2) here: seccomp hides it, as in a container (Seccomp in "
        "/proc/self/status), or the kernel was built without CONFIG_BPF_SYSCALL",
        **dict.fromkeys(
            (errno.EINVAL, errno.E2BIG, errno.EOPNOTSUPP, ENOTSUPP),
            "this kernel does not know that, or not for such an object: it is older, or built "
            "without it; see `uname -r` and `bpftool feature probe kernel`",
        ),
        **dict.fromkeys(
            (errno.EDEADLK, errno.ETIMEDOUT),
            "the kernel waited for others in vain: run again; if it happens again, see `dmesg`",
        ),
    },
    ActsOn.MOUNT: {
        errno.EPERM: "it needs CAP_SYS_ADMIN: run with `become: true`; inside a container, on the "
        "host",
        errno.EACCES: "a security module forbids it (AppArmor, SELinux; `journalctl -k`): in a "
        "container do it on the host",
        errno.EROFS: "the file system that the mount point is on is read-only: `findmnt -T PATH` "
        "shows it",
        errno.ENOSYS: "seccomp, as in a container, keeps the task from mounting: do it on the host",
        errno.EINVAL: "the kernel does not take this for such a mount: look with `findmnt`",
        errno.EBUSY: "something is mounted there, or uses what is: look with `findmnt` and `fuser "
        "-vm PATH`",
    },
    ActsOn.PIN: {
        errno.EPERM: "this user may not, or nobody may: run with `become: true`; see owner and "
        "mode of the directory (`ls -la`), and whether the name has a dot, which bpffs refuses",
        errno.EACCES: "no permission: run with `become: true`",
        errno.EROFS: _READ_ONLY,
        errno.EXDEV: "something was mounted there while this ran: look with `findmnt`, then run "
        "again",
        errno.EINVAL: "it changed while this ran: look with `ls -la`, then run again",
    },
    ActsOn.FILE: {
        errno.EPERM: "the kernel refuses it to this user: run with `become: true`; if it has that, "
        "the file or its directory is immutable (`lsattr -d`; `chattr -i` lifts that), or a "
        "security module forbids it (`journalctl -k`)",
        errno.EACCES: "no permission: run with `become: true`; if it has that, a security module "
        "forbids it (SELinux, AppArmor; `journalctl -k`)",
        errno.EROFS: "its file system is mounted read-only (`findmnt -T`): an immutable system has "
        "another place for it; declare that, or remount this one writable",
        errno.ENOSPC: "no space, or no inode, is left on its file system: see `df -h` and `df -i`",
        errno.EDQUOT: "the quota of the user is used up: see `quota`",
        errno.EFBIG: "it is larger than its file system, or the task's limit (ulimit -f), allows",
        errno.ETXTBSY: "it is a program that runs at this moment: end it, then run again",
        errno.EXDEV: "it is a mount point of its own, as in containers: change it on the host",
        errno.EBUSY: "it is a mount point of its own, as in containers, or in use: look with "
        "`findmnt`, and change it on the host",
        errno.EOPNOTSUPP: "its file system cannot do that, as those of other systems (FAT, NFS) "
        "cannot: declare a path on another one (`findmnt -T`)",
        errno.EINVAL: "its file system cannot do that: declare a path on another one "
        "(`findmnt -T`)",
    },
}


def errno_name(number: int) -> str:
    """ENOENT and the like; also for the kernel's own ENOTSUPP, which Python does not know."""
    return "ENOTSUPP" if number == ENOTSUPP else errno.errorcode.get(number, str(number))


def advice_for(call: str, number: int, acts_on: Optional[ActsOn] = None) -> str:
    """One or two sentences, never empty. What a call acts on is told by its name if not said."""
    subject = acts_on or _usual(call)
    known = None if subject is ActsOn.FILE else _CALLS.get((call, number))
    if subject is ActsOn.PIN:
        known = known or _PIN_CALLS.get((call, number))
    known = known or _BY_SUBJECT[subject].get(number) or _FOR_ALL.get(number)
    return known or (
        f"{os.strerror(number)}; this is rare: see `dmesg` and `journalctl -k` for what the kernel "
        "or a security module says of it"
    )


def _usual(call: str) -> ActsOn:
    if call.isupper():
        return ActsOn.BPF
    return _USUAL.get(call, ActsOn.PIN)


_USUAL = {
    "mount": ActsOn.MOUNT,
    "umount": ActsOn.MOUNT,
    "write": ActsOn.FILE,
    **dict.fromkeys(("perf_event_open", "setns", "netlink", "ioctl"), ActsOn.BPF),
}
