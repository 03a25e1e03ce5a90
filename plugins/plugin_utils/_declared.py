# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one task of a run declares and another one of it prunes. Pure. Private to this collection.

The role bpf_maps notes in a variable of the host which directories it has pruned in this run, and
what it has kept there.
"""

from __future__ import annotations

import posixpath
import typing as t

NOTED = "__bpf_maps_pruned"

Arguments = t.Mapping[str, t.Any]
Pruned = t.Mapping[str, t.Sequence[str]]  # what was kept, by directory


def removed_declarations(arguments: Arguments, pruned: Pruned) -> t.Iterator[str]:
    """What is wrong with the maps of bpf_map_pinned after what this run has pruned."""
    kept = _by_directory(pruned)
    for path in _declared(arguments):
        directory = posixpath.dirname(path)
        if directory in kept and path not in kept[directory]:
            yield (
                f"{path} is declared here, but another call of the role bpf_maps in this run "
                f"prunes {directory} of what it does not declare itself, so each run would remove "
                "it and lose its entries: declare all maps of the directory in one call"
            )


def pruned_declarations(arguments: Arguments, pruned: Pruned) -> t.Iterator[str]:
    """What is wrong with a prune by bpf_pin_absent after what this run has kept."""
    directory = _clean(arguments.get("directory"))
    kept = {_clean(name, directory) for name in arguments.get("keep") or ()}
    for path in _by_directory(pruned).get(directory, ()):
        if path not in kept:
            yield (
                f"{path} is to be pruned here, but another call of the role bpf_maps in this run "
                "declares it: declare all maps of the directory in one call"
            )


def _by_directory(pruned: Pruned) -> Pruned:
    return {_clean(directory): paths for directory, paths in pruned.items()}


def _declared(arguments: Arguments) -> t.Iterator[str]:
    whole = arguments.get("directory") or "/sys/fs/bpf"
    items = arguments.get("maps") or [arguments]
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):  # or else the module says what is wrong
            path = item.get("path") or item.get("name")
            if path:
                yield _clean(path, item.get("directory") or whole)


def _clean(path: object, directory: object = "/") -> str:
    return posixpath.normpath(posixpath.join(str(directory), str(path or "/")))
