# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A declaration in the variables of the playbooks provision and drift. Pure."""

from __future__ import annotations

from typing import Dict, Mapping, Sequence

from ..info.question import DEFAULT_DIRECTORY
from .describe import LISTS, USUAL_OPTS, Lists, relative, shared_directory
from .observed import Item
from .yaml_text import yaml_of

Variables = Dict[str, object]

LIST_NAMES = {name: f"bpf_{name}" for name in LISTS}


def variables_of(lists: Lists, directory: str = "") -> Variables:
    """Return the variables that say the same, with paths relative to `directory`.

    Without `directory` it is the one that most pins are in.
    """
    directory = directory or shared_directory(lists)
    mounts = list(lists.get("mounts", ()))[1:]
    return {
        **scalars_of(lists, directory),
        **lists_of({**lists, "mounts": mounts}, directory),
    }


def lists_of(lists: Lists, directory: str, suffix: str = "") -> Variables:
    """Return the variables that are lists of items; mounts but the first, which has its own.

    A `suffix` is of variables that add to others (`bpf_maps__NAME`).
    """
    whole = relative(lists, directory)
    variables: Variables = {}
    for name in LISTS:
        if name == "mounts":
            variables.update(_further_mounts(lists.get(name, ()), suffix))
        elif lists.get(name):
            variables[f"{LIST_NAMES[name]}{suffix}"] = whole[name]
    return variables


def scalars_of(lists: Mapping[str, Sequence[Item]], directory: str) -> Variables:
    """Return the variables that are no lists of items: of the first mount, and the directory."""
    variables: Variables = {}
    for mount in list(lists.get("mounts", ()))[:1]:
        if mount["path"] == DEFAULT_DIRECTORY:
            mount = {key: value for key, value in mount.items() if key != "path"}
        variables.update((f"bpffs_{option}", value) for option, value in mount.items())
    if directory != DEFAULT_DIRECTORY:
        variables["bpf_maps_directory"] = directory
    return variables


def _further_mounts(mounts: Sequence[Item], suffix: str) -> Variables:
    items = [{**mount, "opts": mount.get("opts", list(USUAL_OPTS))} for mount in mounts]
    return {f"{LIST_NAMES['mounts']}{suffix or '__further'}": items} if items else {}


def text_of(variables: Mapping[str, object], comment: str) -> str:
    """Return a file of variables."""
    return f"---\n# {comment}\n{yaml_of(variables)}"
