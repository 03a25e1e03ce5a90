# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal that a kernel gives has advice, and the advice names what is likely."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.advice import (
    ENOTSUPP,
    ActsOn,
    advice_for,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import (
    PinningError,
    at,
    explained,
)

# From kernel/bpf and its map types, fs/namei.c, fs/namespace.c and man 2 of each call; besides, any
# call may meet what is in EVERYWHERE.
EVERYWHERE = (
    *("EPERM", "EACCES", "ENOMEM", "ENOSYS", "EINTR", "EFAULT", "EBADF", "EMFILE", "ENFILE"),
    *("EIO", "EINVAL", "EAGAIN"),
)
PATHS = ("ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EROFS")
ENTRIES = ("EBUSY", "EDEADLK", "ETIMEDOUT", "EOPNOTSUPP", "ENOTSUPP", "ENOENT", "E2BIG")
GIVEN = {
    "MAP_CREATE": ("E2BIG", "ENOTSUPP", "EOPNOTSUPP", "ERANGE", "ENOSPC", "EBUSY", "EOVERFLOW"),
    "BTF_LOAD": ("E2BIG", "ENOTSUPP", "EOPNOTSUPP", "ENOSPC", "EEXIST", "ENOENT"),
    "OBJ_PIN": (*PATHS, "EEXIST", "ENOSPC"),
    "OBJ_GET": (*PATHS, "E2BIG"),
    "MAP_FREEZE": ("EBUSY", "ENOTSUPP"),
    "MAP_UPDATE_ELEM": (*ENTRIES, "EEXIST", "ENOSPC"),
    "MAP_UPDATE_BATCH": (*ENTRIES, "EEXIST", "ENOSPC"),
    "MAP_DELETE_ELEM": ENTRIES,
    "MAP_LOOKUP_ELEM": ENTRIES,
    "MAP_LOOKUP_BATCH": (*ENTRIES, "ENOSPC"),
    "MAP_GET_NEXT_KEY": ENTRIES,
    "OBJ_GET_INFO_BY_FD": ("E2BIG", "EOPNOTSUPP", "ENOTSUPP"),
    **{
        f"{kind}_GET_{what}": ("ENOENT", "EOPNOTSUPP")
        for kind in ("MAP", "PROG", "LINK", "BTF")
        for what in ("NEXT_ID", "FD_BY_ID")
    },
    "LINK_CREATE": (
        *("EBUSY", "EEXIST", "ENOENT", "ERANGE", "E2BIG", "EOPNOTSUPP", "ENOTSUPP", "ENODEV"),
        *("ENXIO", "EMSGSIZE"),
    ),
    "LINK_UPDATE": ("ENOLINK", "EBUSY", "EEXIST", "E2BIG", "EOPNOTSUPP"),
    "LINK_DETACH": ("E2BIG", "EOPNOTSUPP"),
    "PROG_QUERY": ("E2BIG", "EOPNOTSUPP", "ENOENT"),
    "RAW_TRACEPOINT_OPEN": ("ENOENT", "EBUSY", "E2BIG"),
    "perf_event_open": ("ENOENT", "EOPNOTSUPP", "EILSEQ", "EBUSY"),
    "setns": (),
    "netlink": (),
    "ioctl": (),
    "mount": (*PATHS, "EBUSY", "ENODEV", "ERANGE", "ENOSPC", "EEXIST"),
    "umount": (*PATHS, "EBUSY"),
    "fstatfs": (),
    "open": (*PATHS, "EISDIR", "EEXIST", "ENXIO", "EBUSY"),
    "mkdir": (*PATHS, "EEXIST", "ENOSPC"),
    "rmdir": (*PATHS, "EBUSY", "ENOTEMPTY", "EEXIST"),
    "unlink": (*PATHS, "EBUSY", "EISDIR"),
    "link": (*PATHS, "EEXIST", "EXDEV", "ENOSPC"),
    "rename": (*PATHS, "EBUSY", "EEXIST", "EISDIR", "ENOTEMPTY", "EXDEV", "ENOSPC"),
    "chmod": PATHS,
    "chown": PATHS,
    "flock": (),
    "listdir": PATHS,
    "readlink": PATHS,
    "stat": PATHS,
}
ON_FILES = (
    *PATHS,
    *("EBUSY", "EDQUOT", "EEXIST", "EFBIG", "EISDIR", "ENOSPC", "ENOTEMPTY", "ENXIO"),
    *("EOPNOTSUPP", "ESTALE", "ETXTBSY", "EXDEV"),
)
FILES = ("open", "write", "rename", "unlink", "mkdir", "rmdir", "chmod", "chown", "fsync")


def _number(name: str) -> int:
    return ENOTSUPP if name == "ENOTSUPP" else int(getattr(errno, name))


@pytest.mark.parametrize(
    ("call", "name", "acts_on"),
    [
        *((call, each, None) for call, more in GIVEN.items() for each in (*EVERYWHERE, *more)),
        *((call, each, ActsOn.FILE) for call in FILES for each in (*EVERYWHERE, *ON_FILES)),
    ],
)
def test_what_a_kernel_says_is_known(call: str, name: str, acts_on: ActsOn | None) -> None:
    advice = advice_for(call, _number(name), acts_on)
    assert "this is rare" not in advice
    assert "report it" not in advice
    assert advice.count(" ") > 3


def test_an_errno_that_nobody_knows_has_advice_too() -> None:
    advice = advice_for("MAP_CREATE", errno.EADV)
    assert advice.startswith(os.strerror(errno.EADV))
    assert "dmesg" in advice
    assert "report it" not in advice


# What each must name, in this order: the likely causes and where to look.
CAUSES = [
    (
        "MAP_CREATE",
        "ENOMEM",
        None,
        ["lower max_entries", "memory.max", "MemAvailable", "arena", "64"],
    ),
    ("MAP_CREATE", "EOPNOTSUPP", None, ["arena needs a JIT", "bpf_jit_enable", "/boot/config-"]),
    (
        "MAP_CREATE",
        "EINVAL",
        None,
        ["docs/map-types.md", "CONFIG_BPF_LSM", "bpftool feature probe"],
    ),
    ("MAP_UPDATE_ELEM", "ENOMEM", None, ["memory.max", "MemAvailable", "run again"]),
    ("MAP_UPDATE_BATCH", "ENOMEM", None, ["memory.max", "MemAvailable", "run again"]),
    ("MAP_UPDATE_ELEM", "ENOSPC", None, ["the map is full"]),
    ("MAP_UPDATE_ELEM", "EPERM", None, ["frozen", "may only read", "security module"]),
    ("MAP_FREEZE", "EBUSY", None, ["mapped writable", "/proc/*/maps"]),
    ("OBJ_GET", "EACCES", None, ["become: true", "mode of the pin", "security module"]),
    ("chown", "EPERM", ActsOn.PIN, ["only root", "become: true"]),
    ("rename", "EPERM", ActsOn.PIN, ["another user", "sticky bit"]),
    ("LINK_CREATE", "EBUSY", None, ["another program", "bpftool link", "detach"]),
    ("LINK_CREATE", "EINVAL", None, ["SEC", "docs/links.md"]),
    ("LINK_CREATE", "EPERM", None, ["become: true", "CAP_NET_ADMIN", "cgroup above"]),
    ("LINK_UPDATE", "EINVAL", None, ["attach type", "SEC"]),
    ("mount", "ENOSPC", None, ["fs.mount-max"]),
    ("umount", "EINVAL", None, ["no longer a mount point", "container"]),
    ("open", "EPERM", ActsOn.FILE, ["become: true", "immutable", "lsattr", "security module"]),
    ("rename", "EPERM", ActsOn.FILE, ["become: true", "immutable", "security module"]),
    ("write", "EROFS", None, ["read-only", "findmnt", "immutable system"]),
    ("open", "EACCES", ActsOn.FILE, ["become: true", "SELinux"]),
    ("write", "ENOSPC", None, ["df -h", "df -i"]),
]


@pytest.mark.parametrize(("call", "name", "acts_on", "words"), CAUSES)
def test_likely_causes_are_named_in_order(
    call: str, name: str, acts_on: ActsOn | None, words: list[str]
) -> None:
    advice = advice_for(call, _number(name), acts_on)
    places = [advice.find(word) for word in words]
    assert -1 not in places, advice
    assert places == sorted(places), advice


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_advice_about_ordinary_files_is_not_about_bpf(number: int) -> None:
    for call in FILES:
        advice = advice_for(call, number, ActsOn.FILE)
        for word in ("bpf(2)", "CAP_BPF", "opts:", "the pin"):
            assert word not in advice


@pytest.mark.parametrize("call", ["MAP_UPDATE_ELEM", "MAP_UPDATE_BATCH", "MAP_LOOKUP_BATCH"])
def test_a_shortage_while_entries_move_does_not_ask_for_a_smaller_map(call: str) -> None:
    assert "lower max_entries" not in advice_for(call, errno.ENOMEM)


# What `os` raises, and how it is told: with its call, and its path where that is known.
RAISED = [
    (lambda: os.open("/nowhere/at/all", os.O_RDONLY), "/nowhere/at/all: open: ENOENT: "),
    (lambda: os.stat("/nowhere").st_mode, "/nowhere: stat: ENOENT: "),
    (lambda: os.readlink(b"/dev/null"), "/dev/null: readlink: EINVAL: "),
    (lambda: os.listdir(98765), "listdir: EBADF: "),
    (lambda: os.open("name", os.O_RDONLY, dir_fd=-5), "open: EBADF: "),
    (lambda: os.fsync(98765), "fsync: EBADF: "),
    (lambda: [os.unlink(each) for each in ["/nowhere"]], "/nowhere: unlink: ENOENT: "),
]


@pytest.mark.parametrize(("raising", "beginning"), RAISED)
def test_an_error_of_python_is_told_with_call_and_path(raising, beginning: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OSError, match=r"Errno|descriptor") as caught:
        raising()
    text = explained(caught.value)
    assert text.startswith(beginning)
    assert "[Errno" not in text
    with pytest.raises(PinningError) as told, at("/sys/fs/bpf/pin"):
        raising()
    call = beginning.rpartition("/")[2].partition(": ")[2] if "/" in beginning else beginning
    assert str(told.value).startswith(f"/sys/fs/bpf/pin: {call}")
