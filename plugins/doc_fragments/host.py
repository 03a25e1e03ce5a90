# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a whole host, made of the documentation of the modules for each kind."""

from __future__ import annotations

import re
from importlib import import_module

import yaml

from . import map_options

_OF_TASKS = ("parents", "state")  # of bpf_program_pinned as a whole
_MODULES = "ansible_collections.ebpf.pinning.plugins.modules"


def _list_of(key: str, module: str, what: str, items: str) -> str:
    """Return the documentation of a list whose items take the options of a module, or `items`."""
    told = yaml.safe_load(import_module(f"{_MODULES}.{module}").DOCUMENTATION)["options"]
    if key == "maps":
        told.update(map_options.documented())
    options = told[items]["suboptions"] if items else told
    if key == "programs":
        options = {name: each for name, each in options.items() if name not in _OF_TASKS}
        del options["directory"]["default"]  # it is that of bpf_host
    options = {name: map_options.shortened(each) for name, each in options.items()}
    described = {
        "description": [what, "The beginning of each is told here; its own page has the rest."],
        "type": "list",
        "elements": "dict",
        "suboptions": options,
    }
    text = yaml.safe_dump({"options": {key: described}}, sort_keys=False, width=1000)
    names = "|".join(map(re.escape, options))
    text = re.sub(rf"\bO\(({names})\b", rf"O({key}[].\1", text)
    return re.sub(r"\bRV\(", f"RV(ebpf.pinning.{module}#module:", text)


class ModuleDocFragment:
    """A fragment for each list of a declaration, set below: a linter reads this class as text."""


_LISTS = {
    "mounts": (
        "bpffs_mount",
        "",
        "BPF file systems, each with the options of M(ebpf.pinning.bpffs_mount).",
    ),
    "maps": (
        "bpf_map_pinned",
        "maps",
        "Maps, each with the options of M(ebpf.pinning.bpf_map_pinned). Entries may name "
        "programs of O(programs), also by the names of their pins: they are written once these are "
        "loaded.",
    ),
    "programs": (
        "bpf_program_pinned",
        "",
        "Programs of object files, each item one file with the options of "
        "M(ebpf.pinning.bpf_program_pinned). A map that O(maps) declares, too, is made as it says.",
    ),
    "links": (
        "bpf_link_pinned",
        "links",
        "Links, each with the options of M(ebpf.pinning.bpf_link_pinned).",
    ),
    "objects": (
        "bpf_object_pinned",
        "objects",
        "Further pins of what is in the kernel, each with the options of "
        "M(ebpf.pinning.bpf_object_pinned). The source may be a map that is declared here, too.",
    ),
    "absent": (
        "bpf_pin_absent",
        "",
        "Pins that are to be gone, each with the options of M(ebpf.pinning.bpf_pin_absent).",
    ),
}
for _key, (_module, _items, _what) in _LISTS.items():
    setattr(ModuleDocFragment, _key.upper(), _list_of(_key, _module, _what, _items))
