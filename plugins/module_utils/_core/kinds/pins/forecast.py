# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What earlier kinds of a declaration will have done, for those that follow. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Collection, Dict, Optional, Set, Tuple

from ...engine.kind import Observed
from ...fields import is_at_or_below
from ...shape import Identity, Level
from .observed import NOTHING, DirectorySeen, Found, Nothing, PinContext


class Forecast:
    """What will be there, by path. Kinds add to it when they are decided, in their order."""

    def __init__(self, freed: Collection[str] = ()) -> None:
        self.freed = freed  # by tasks before
        self.mounts: Dict[str, Level] = {}  # roots of bpffs that will be mounted, and empty
        self.read_only: Set[str] = set()  # those of them that will be
        self.remounts: Dict[str, bool] = {}  # of bpffs that are there: read-only?
        self.directories: Dict[str, Level] = {}  # that will be made or adjusted
        self.pins: Set[str] = set()  # that will hold a map that is not made yet
        self.programs: Set[str] = set()  # that will hold a program that is not loaded yet
        self.links: Set[str] = set()  # that will hold a link that is not made yet

    def mount_of(self, path: str) -> Optional[str]:
        """Return where the bpffs will be mounted that `path` will lie in; None if none will."""
        points = [point for point in self.mounts if is_at_or_below(path, point)]
        return max(points, key=len, default=None)

    def directory(self, seen: DirectorySeen) -> DirectorySeen:
        """Return the directory as it will be."""
        point = self.mount_of(seen.path)
        if point is not None:
            identity = Identity(_EXPECTED, sorted(self.mounts).index(point))
            missing = tuple(filter(None, seen.path[len(point) :].split("/")))
            root = self.mounts[point]
            is_ro = point in self.read_only
            seen = DirectorySeen(seen.path, identity, missing, True, "bpf", is_ro, (root,))
        elif seen.on_bpffs and self.remounts:
            points = [each for each in self.remounts if is_at_or_below(seen.path, each)]
            if points:
                seen = replace(seen, read_only=self.remounts[max(points, key=len)])
        if not (self.directories and seen.on_bpffs):
            return seen
        levels = [self.directories.get(level.path, level) for level in seen.levels]
        missing = seen.missing
        identity = seen.identity
        known = list(self.directories)
        while missing and self._next(seen.path, missing) in self.directories:
            path = self._next(seen.path, missing)
            levels.append(self.directories[path])
            identity, missing = (
                Identity(_EXPECTED, len(self.mounts) + known.index(path)),
                missing[1:],
            )
        return replace(seen, levels=tuple(levels), missing=missing, identity=identity)

    def expect(self, observed: Observed) -> Observed:
        """Return what will be observed where pins are wanted."""
        if not (self.freed or self.mounts or self.remounts or self.directories):
            return observed
        context: PinContext = observed.context
        directories = {path: self.directory(seen) for path, seen in context.directories.items()}
        items = [(wanted, self._expected(wanted.path, found)) for wanted, found in observed.items]
        return Observed(items, replace(context, directories=directories))

    def _expected(self, path: str, found: Found) -> Found:
        return NOTHING if self._is_free(path) and not isinstance(found, Nothing) else found

    def _is_free(self, path: str) -> bool:
        return path in self.freed or self.mount_of(path) is not None

    @staticmethod
    def _next(path: str, missing: Tuple[str, ...]) -> str:
        parts = path.split("/")
        return "/".join(parts[: len(parts) - len(missing) + 1])


# A device that no directory has: nothing is carried out on what is only expected.
_EXPECTED = -1
