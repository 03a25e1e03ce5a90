# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one task of a run declares and another prunes. Pure. Private to this collection."""

from __future__ import annotations

import posixpath
import typing as t

from ..module_utils._core.errors import PinningError
from ..module_utils._core.kinds.absence.declaration import Prune, prune
from ..module_utils._core.options import FREED

Arguments = t.Mapping[str, t.Any]
Pruned = t.Mapping[str, t.Collection[str]]  # by directory that the role prunes, what it keeps there


def declared(arguments: Arguments, batch: str = "maps") -> t.List[str]:
    """The paths that arguments of bpf_map_pinned declare, or of another module with a `batch`."""
    whole = arguments.get("directory") or "/sys/fs/bpf"
    items = arguments.get(batch) or [arguments]
    paths = []
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):  # or else the module says what is wrong
            path = item.get("path") or item.get("name")
            if path:
                paths.append(_clean(path, item.get("directory") or whole))
    return paths


def with_freed(arguments: Arguments, freed: t.Iterable[str], *batches: str) -> Arguments:
    """The arguments, with those of their paths that tasks before would have freed."""
    paths = {path for batch in batches for path in declared(arguments, batch)}
    known = sorted(paths & set(freed))
    return {**arguments, FREED: known} if known else arguments


def prune_of(arguments: Arguments) -> t.Optional[Prune]:
    """What arguments of bpf_pin_absent prune; None if nothing, or if they are wrong."""
    if not arguments.get("directory"):
        return None
    try:
        return prune(
            _clean(arguments["directory"]),
            texts(arguments.get("keep")),
            texts(arguments.get("patterns")),
            arguments.get("type") or "any",
            recurse=False,
            shared=True,
        )
    except (PinningError, TypeError, AttributeError):
        return None


def kept(pruning: Prune) -> t.List[str]:
    """The paths that a prune spares by their names."""
    return [_clean(name, pruning.directory) for name in pruning.keep]


def removed_declarations(paths: t.Iterable[str], pruned: Pruned) -> t.Iterator[str]:
    """What is wrong with maps that are declared after what the role has pruned."""
    for path in paths:
        directory = posixpath.dirname(path)
        if directory in pruned and path not in pruned[directory]:
            yield (
                f"{path} is declared here, but another call of the role bpf_maps in this run "
                f"prunes {directory} of what it does not declare itself, so each run would remove "
                "it and lose its entries: declare all maps of the directory in one call"
            )


def pruned_declarations(pruning: Prune, paths: t.Iterable[str]) -> t.Iterator[str]:
    """What is wrong with a prune after the maps that are declared."""
    for path in sorted(set(paths)):
        name = posixpath.basename(path)
        if posixpath.dirname(path) != pruning.directory:
            continue
        if pruning.takes("map") and not pruning.spares(name):
            yield (
                f"{path} is to be pruned here, but another task of this run declares it, so each "
                "run would remove it and lose its entries: declare all maps of the directory in "
                "one call"
            )


def texts(value: t.Any) -> t.Any:
    """The texts of a list, as far as it is one."""
    # As a module takes a list; a single text may be more than one.
    return value.split(",") if isinstance(value, str) else value


def _clean(path: object, directory: object = "/") -> str:
    return "/" + posixpath.normpath(posixpath.join(str(directory), str(path))).lstrip("/")
