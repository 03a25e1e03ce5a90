# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which pins are to be gone."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from typing import FrozenSet, Optional, Sequence, Tuple

from ...errors import ProblemCollector
from ...fields import absolute, is_at_or_below
from ...people import BadField
from ...values import dataclass
from .conditions import NONE, Conditions

SHARED_ROOT = "/sys/fs/bpf"  # where all software of a host pins


@dataclass(frozen=True)
class AbsentPaths:
    """These paths are to be free. `kind` is a guard: a pin of another kind is refused."""

    paths: Tuple[str, ...]
    kind: Optional[str]  # None: any
    recurse: bool
    conditions: Conditions = NONE  # without them, all goes or nothing does
    is_prune = False

    @property
    def looks_at(self) -> Tuple[str, ...]:
        return self.paths


@dataclass(frozen=True)
class Prune:
    """In `directory` only the pins in `keep` may stay, and those that no pattern matches."""

    directory: str
    keep: FrozenSet[str]  # names, below subdirectories as "sub/name"
    patterns: Tuple[str, ...]  # of the last component; none: all
    kind: Optional[str]
    recurse: bool
    shared: bool  # /sys/fs/bpf itself may be pruned
    conditions: Conditions = NONE
    is_prune = True

    @property
    def looks_at(self) -> Tuple[str, ...]:
        return (self.directory,)

    def spares(self, relative: str) -> bool:
        """Return whether the pin at `directory`/`relative` may stay, by its name."""
        if relative in self.keep:
            return True
        name = relative.rpartition("/")[2]
        return bool(self.patterns) and not any(
            fnmatchcase(name, pattern) for pattern in self.patterns
        )

    def takes(self, kind: str) -> bool:
        """Return whether a pin of this kind may go. Links go only when they are named."""
        return kind == self.kind if self.kind else kind != "link"


def absent_paths(
    paths: Sequence[str], kind: str, *, recurse: bool, conditions: Conditions = NONE
) -> AbsentPaths:
    """Check the arguments; raise Problems with all that is wrong."""
    problems = ProblemCollector()
    checked = [problems.of(partial(_pin_path, path)) for path in paths]
    problems.raise_any()
    wanted_kind = _kind(kind)
    if conditions.severed:
        _link_of(kind)  # others stay, each with a reason
    return AbsentPaths(
        tuple(dict.fromkeys(filter(None, checked))), wanted_kind, recurse, conditions
    )


def prune(
    directory: str,
    keep: Optional[Sequence[str]],
    patterns: Optional[Sequence[str]],
    kind: str,
    *,
    recurse: bool,
    shared: bool,
    conditions: Conditions = NONE,
) -> Prune:
    """Check the arguments; raise Problems or BadField with what is wrong."""
    whole = absolute(directory, "directory")
    if patterns is not None and not patterns:
        raise BadField("patterns is empty: leave it out, or nothing could ever be pruned")
    if keep is None and patterns is None:
        raise BadField("directory needs keep or patterns: keep: [] prunes all pins in it")
    problems = ProblemCollector()
    kept = [problems.of(partial(_relative, name, whole)) for name in keep or ()]
    problems.raise_any()
    wanted_kind = _link_of(kind) if conditions.severed else _kind(kind)
    return Prune(
        whole,
        frozenset(kept),
        tuple(patterns or ()),
        wanted_kind,
        recurse,
        shared,
        conditions,
    )


def _pin_path(path: str) -> str:
    whole = absolute(path, "path")
    if whole in ("/", SHARED_ROOT):
        raise BadField(f"path {whole} is not a pin: name the pins to remove")
    return whole


def _relative(name: str, directory: str) -> str:
    if name.startswith("/"):
        path = absolute(name, "keep")
        if is_at_or_below(directory, path):
            raise BadField(f"keep: {name!r} is not a pin in {directory}: name the pins to keep")
        # One elsewhere keeps nothing here, also not what happens to have its last component.
        return path[len(directory) + 1 :] if path.startswith(f"{directory}/") else path
    parts = [part for part in name.split("/") if part]
    if not parts or "." in parts or ".." in parts:
        raise BadField(
            f"keep: {name!r} cannot name a pin: write the name as it is in the directory"
        )
    return "/".join(parts)


def _kind(kind: str) -> Optional[str]:
    return None if kind == "any" else kind


def _link_of(kind: str) -> str:
    if kind not in ("any", "link"):
        raise BadField(f"severed is about links, but type is {kind}: leave type out, or severed")
    return "link"
