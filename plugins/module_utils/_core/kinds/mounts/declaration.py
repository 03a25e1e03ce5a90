# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How a BPF file system is to be mounted."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Dict, FrozenSet, Mapping, Optional, Sequence, Tuple

from ...errors import ProblemCollector
from ...fields import absolute, octal, plain, read_access
from ...people import BadField, Ids
from ...shape import Access
from ...values import dataclass

STICKY = 0o1000  # bpf_fill_super sets it on every root directory
NEW_MODE = STICKY | 0o700  # of a new mount, as systemd and bpftool make it; the kernel's is 1777
SOURCE = "bpf"  # of a new mount, as systemd and bpftool name it

# Per-mount flags: what to set, what to clear, of (MS_* in man 2 mount).
MOUNT_FLAGS = {
    "nosuid": 2,
    "nodev": 4,
    "noexec": 8,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
    "strictatime": 1 << 24,
    "nosymfollow": 256,
    "ro": 1,
}
OPPOSITES = {
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "rw": "ro",
    "diratime": "nodiratime",
    "symfollow": "nosymfollow",
}
ATIME = frozenset({"noatime", "relatime", "strictatime"})

# Two names for one number: the kernel shows either, depending on its age.
_RENAMED = {
    "cgroup_storage": "cgroup_storage_deprecated",
    "percpu_cgroup_storage": "percpu_cgroup_storage_deprecated",
    "prog_run": "prog_test_run",
}
DELEGATES = ("cmds", "maps", "progs", "attachs")


@dataclass(frozen=True)
class WantedMount:
    """A bpffs on top at `path`. What is None or empty is not compared."""

    path: str
    access: Access  # of the root directory; the mode with the sticky bit
    set_flags: FrozenSet[str]  # names of MOUNT_FLAGS
    clear_flags: FrozenSet[str]
    delegate: Tuple[Tuple[str, FrozenSet[str]], ...]
    force: bool
    repair: bool = False  # a stack of bpffs becomes one
    keep: Optional[str] = None  # of two pins with one name: that in the lowest, or topmost
    is_mounted = True

    @property
    def options(self) -> str:
        """The data of mount(2): what can be given to a new file system only."""
        words = []
        if self.access.mode is not None:
            words.append(f"mode={octal(self.access.mode)}")
        if self.access.owner is not None:
            words.append(f"uid={self.access.owner}")
        if self.access.group is not None:
            words.append(f"gid={self.access.group}")
        words += [f"delegate_{field}={':'.join(sorted(names))}" for field, names in self.delegate]
        return ",".join(words)

    @property
    def as_new(self) -> WantedMount:
        """Return this for a new file system, which is closed to other users unless declared."""
        owner, group, mode = self.access.owner, self.access.group, self.access.mode
        return replace(self, access=Access(owner, group, NEW_MODE if mode is None else mode))


@dataclass(frozen=True)
class WantedUnmount:
    """No bpffs at `path`."""

    path: str
    force: bool
    is_mounted = False


def read_mount(parameters: Mapping[str, object], ids: Ids) -> WantedMount:
    """Read the arguments of the module; raise Problems with all that is wrong."""
    problems = ProblemCollector()
    # One that is there can be unmounted, whatever it is called.
    read_path = absolute if parameters.get("state") == "unmounted" else plain
    path = problems.of(lambda: read_path(str(parameters["path"]), "path"))
    access = problems.of(lambda: _root_access(parameters, ids))
    flags = problems.of(lambda: _flags(parameters.get("opts") or ()))  # type: ignore[arg-type]
    delegate: Dict[str, FrozenSet[str]] = {}
    for field in DELEGATES:
        names = parameters.get(f"delegate_{field}")
        if names is not None:
            delegate[field] = problems.of(partial(_delegate, field, names))  # type: ignore[arg-type]
    problems.raise_any()
    repair, keep = bool(parameters.get("repair")), parameters.get("keep")
    if keep is not None and not repair:
        raise BadField("keep is about repair: set repair: true, or leave keep out")
    return WantedMount(
        path,
        access,
        *flags,
        tuple(delegate.items()),
        bool(parameters.get("force")),
        repair,
        None if keep is None else str(keep),
    )


def _root_access(parameters: Mapping[str, object], ids: Ids) -> Access:
    access = read_access(
        parameters.get("owner"),
        parameters.get("group"),
        parameters.get("mode"),
        bits=0o3777,
        ids=ids,
    )
    if access.mode is None:
        return access
    return Access(access.owner, access.group, access.mode | STICKY)


def delegate_name(name: str) -> str:
    """A name under delegate_* in lower case; of those with two names in linux/bpf.h the newer."""
    return _RENAMED.get(name.lower(), name.lower())


def flag_bits(names: FrozenSet[str]) -> int:
    """The MS_* bits of mount(2) for `names`."""
    bits = 0
    for name in names:
        bits |= MOUNT_FLAGS.get(name, 0)
    return bits


def _flags(opts: Sequence[str]) -> Tuple[FrozenSet[str], FrozenSet[str]]:
    set_flags = set()
    clear_flags = set()
    for name in opts:
        if name in MOUNT_FLAGS:
            set_flags.add(name)
        elif name in OPPOSITES:
            clear_flags.add(OPPOSITES[name])
        else:
            known = ", ".join(sorted([*MOUNT_FLAGS, *OPPOSITES]))
            raise BadField(
                f"opts: {name!r} is not a mount flag: use some of {known}; mode, owner, group "
                "and delegate_* are options of their own"
            )
    both = set_flags & clear_flags
    if both:
        raise BadField(f"opts: {sorted(both)[0]} and its opposite are both there: keep one")
    if len(set_flags & ATIME) > 1:
        raise BadField(f"opts: {', '.join(sorted(set_flags & ATIME))} exclude each other: keep one")
    return frozenset(set_flags), frozenset(clear_flags)


def _delegate(field: str, names: Sequence[str]) -> FrozenSet[str]:
    lower = frozenset(delegate_name(name) for name in names)
    for name in lower:
        # A number would be a bit mask to the kernel, and nobody could read the drift.
        if not name.replace("_", "").isalnum() or name[0].isdigit():
            raise BadField(
                f"delegate_{field}: {name!r} is not a name: use any, or names as the kernel shows "
                "them, like map_create"
            )
    if not lower:
        raise BadField(f"delegate_{field} is empty: leave it out to delegate nothing")
    if "any" in lower and len(lower) > 1:
        raise BadField(f"delegate_{field}: any includes the others: keep only any")
    return lower
