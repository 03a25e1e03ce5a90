# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can be mounted somewhere. Values only: how they are found is elsewhere."""

from __future__ import annotations

from typing import FrozenSet, Mapping, Optional, Sequence, Tuple

from ...mountinfo import Mount
from ...shape import Entry, Identity, Level
from ...values import NamedTuple, dataclass
from .declaration import ATIME, DELEGATES, MOUNT_FLAGS, delegate_name


@dataclass(frozen=True)
class Bpffs:
    """A mounted BPF file system."""

    mount: Mount
    root: Entry
    pins: Optional[Sequence[str]]  # paths of all pins in it; None where they cannot be listed

    @property
    def flags(self) -> FrozenSet[str]:
        """The flags that are set, by name; strictatime is the absence of the other two."""
        found = {name for name in self.mount.opts if name in MOUNT_FLAGS}
        if "ro" in self.mount.super_opts:
            found.add("ro")
        if not found & ATIME:
            found.add("strictatime")
        return frozenset(found)

    @property
    def delegate(self) -> Mapping[str, FrozenSet[str]]:
        """Return what is delegated, as the kernel shows it; a field that is not, is empty."""
        shown = dict(option.partition("=")[::2] for option in self.mount.super_opts)
        return {
            field: frozenset(
                map(delegate_name, filter(None, shown.get(f"delegate_{field}", "").split(":")))
            )
            for field in DELEGATES
        }


class LayerPin(NamedTuple):
    """What is in a layer of a stack, by its path below the mount point."""

    path: str
    kind: str  # map, prog, link; empty for what is no pin
    id: int
    what: str  # in words
    owners: Tuple[int, ...] = ()  # of it, and of the directories below the mount point


class Layer(NamedTuple):
    """A bpffs of a stack, and what is in it, hidden or not."""

    mount: Mount
    root: Entry
    pins: Tuple[LayerPin, ...]

    @property
    def strange(self) -> Tuple[LayerPin, ...]:
        """What is no pin."""
        return tuple(each for each in self.pins if not each.kind)


@dataclass(frozen=True)
class MountSeen:
    """What is on top at `path`, and what is below it."""

    path: str
    missing: Tuple[str, ...]  # components of `path` that do not exist
    identity: Identity  # of the directory at `path`, or of its deepest parent
    mount: Optional[Mount]  # the mount that `path` lies in
    layers: Sequence[Mount]  # all mounts at exactly `path`, the lowest first
    bpffs: Optional[Bpffs]  # when one is on top at `path`
    kernel_has_bpffs: bool
    below: Optional[Mount] = None  # the mount that the mount point itself lies in
    inside: Sequence[str] = ()  # where something is mounted in what is on top
    points: FrozenSet[str] = frozenset()  # all mount points of this mount namespace
    hindrance: str = ""  # why what is missing of `path` cannot be made, with its path
    loose: Optional[Level] = None  # a directory above that is not root's alone
    may_mount: bool = True  # whether this process has CAP_SYS_ADMIN
    stack: Sequence[Layer] = ()  # the bpffs over one another, the lowest first, where that is asked

    @property
    def stacked(self) -> bool:
        """Return whether a bpffs hides another one."""
        return [layer.fstype for layer in self.layers].count("bpf") > 1

    @property
    def is_mixed(self) -> bool:
        """Return whether another file system lies over a bpffs of a stack."""
        types = [layer.fstype for layer in self.layers]
        return self.stacked and set(types[types.index("bpf") :]) != {"bpf"}
