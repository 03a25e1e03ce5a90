# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a whole host, made of the documentation of the modules for each kind."""

from __future__ import annotations

import re
import typing as t
from importlib import import_module

import yaml

_MODULES = "ansible_collections.ebpf.pinning.plugins.modules"


def _options(module: str) -> t.Dict[str, t.Any]:
    documentation = import_module(f"{_MODULES}.{module}").DOCUMENTATION
    options: t.Dict[str, t.Any] = yaml.safe_load(documentation)["options"]
    return options


def _list_of(key: str, what: str, options: t.Mapping[str, t.Any]) -> str:
    described = {
        "description": [what],
        "type": "list",
        "elements": "dict",
        "suboptions": dict(options),
    }
    text = yaml.safe_dump({"options": {key: described}}, sort_keys=False, width=1000)
    names = "|".join(map(re.escape, options))
    text = re.sub(rf"\bO\(({names})\b", rf"O({key}[].\1", text)
    return re.sub(r"\bRV\((\w+)", rf"RV({key}[].\1", text)


class ModuleDocFragment:
    """A fragment for each list of a declaration."""

    MOUNTS = _list_of(
        "mounts",
        "BPF file systems, each with the options of M(ebpf.pinning.bpffs_mount).",
        _options("bpffs_mount"),
    )
    MAPS = _list_of(
        "maps",
        "Maps, each with the options of M(ebpf.pinning.bpf_map_pinned).",
        _options("bpf_map_pinned")["maps"]["suboptions"],
    )
    OBJECTS = _list_of(
        "objects",
        "Further pins of what is in the kernel, each with the options of "
        "M(ebpf.pinning.bpf_object_pinned). The source may be a map that is declared here, too.",
        _options("bpf_object_pinned")["objects"]["suboptions"],
    )
    ABSENT = _list_of(
        "absent",
        "Pins that are to be gone, each with the options of M(ebpf.pinning.bpf_pin_absent).",
        _options("bpf_pin_absent"),
    )
