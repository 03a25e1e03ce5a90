# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The options that modules and manifests take alike, as argument specs of Ansible. Values only."""

from __future__ import annotations

from typing import Any, Dict

Options = Dict[str, Dict[str, Any]]

FREED = "_freed"  # no option of users: what the controller tells of tasks before, in a check
SENT = "_sent"  # nor this: by its path on the host, what a list of the controller is called
AT_BOOT = "_at_boot"  # nor this, of a map: that what it lists is read when it is put back
ASKED = "_asked"  # nor this: what the controller has read in an object file
BRIEF = "_brief"  # nor this: that nobody reads more of a result than the report shows
MISMATCHES = ["fail", "replace", "migrate"]
GROWTHS = ["refuse", "zero_pad"]
LOADERS = ["libbpf", "cilium"]

ACCESS: Options = {"owner": {"type": "str"}, "group": {"type": "str"}, "mode": {"type": "raw"}}

_BTF: Options = {
    "data": {"type": "str", "required": True},
    "key_type_id": {"type": "int", "required": True, "no_log": False},
    "value_type_id": {"type": "int", "required": True},
}
SHAPE: Options = {
    "type": {"type": "str"},
    "key_size": {"type": "int", "no_log": False},
    "value_size": {"type": "int"},
    "max_entries": {"type": "int"},
    "flags": {"type": "list", "elements": "str"},
    "map_extra": {"type": "int"},
    "numa_node": {"type": "int"},
    "btf": {"type": "dict", "options": _BTF},
}
CONTENT: Options = {
    "entries": {"type": "list", "elements": "dict"},
    "entries_from": {
        "type": "dict",
        "options": {
            "src": {"type": "path", "required": True},
            "remote_src": {"type": "bool", "default": False},
            "format": {"type": "str", "choices": ["lines", "csv", "json"], "default": "lines"},
            "value": {"type": "raw"},
            "columns": {"type": "dict"},
        },
    },
    "entries_mode": {"type": "str", "choices": ["present", "exact", "initial"]},
    "entries_absent": {"type": "list", "elements": "raw"},
    "key_format": {"type": "raw", "no_log": False},
    "value_format": {"type": "raw"},
    "host_bits": {"type": "str", "choices": ["refuse", "mask"]},
    "show_entries": {"type": "bool"},
}
SWAP: Options = {
    "outer": {"type": "path", "required": True},
    "key": {"type": "raw", "required": True, "no_log": False},
    "key_format": {"type": "raw", "no_log": False},
}
MAP: Options = {
    "name": {"type": "str"},
    "path": {"type": "path"},
    "directory": {"type": "path"},
    **SHAPE,
    "inner_map": {"type": "dict", "options": SHAPE},
    "loader": {"type": "str", "choices": LOADERS},
    "frozen": {"type": "bool"},
    **ACCESS,
    "readers": {"type": "list", "elements": "str"},
    "on_mismatch": {"type": "str", "choices": MISMATCHES},
    "value_growth": {"type": "str", "choices": GROWTHS},
    **CONTENT,
    "entries_swap": {"type": "dict", "options": SWAP},
}
ENTRIES: Options = {"path": {"type": "path"}, **CONTENT}
PROGRAM: Options = {
    "name": {"type": "str", "required": True},
    "pin": {"type": "str"},
    "autoload": {"type": "bool"},
}
PROGRAMS: Options = {
    "object": {"type": "path"},
    "remote_src": {"type": "bool", "default": True},
    "programs": {"type": "list", "elements": "dict", "options": PROGRAM},
    "directory": {"type": "path"},
    "maps": {"type": "dict"},
    "maps_directory": {"type": "path"},
    "globals": {"type": "dict"},
    "kernel_btf": {"type": "path"},
    "log_level": {"type": "int", "choices": [0, 1, 2]},
    **ACCESS,
    "on_mismatch": {"type": "str", "choices": MISMATCHES},
    "value_growth": {"type": "str", "choices": GROWTHS},
}
# Of a file that a host keeps for its boots: what is in it, and what users call it.
_KEPT: Options = {"digest": {"type": "str"}, "shown": {"type": "str"}}
_SOURCE = MAP["entries_from"]
MAP_AT_BOOT: Options = {
    **MAP,
    "entries_from": {**_SOURCE, "options": {**_SOURCE["options"], **_KEPT}},
}
PROGRAMS_AT_BOOT: Options = {**PROGRAMS, **_KEPT}
# Options whose values nobody is told but the kernel, wherever they stand.
SECRETS = ("entries", "entries_absent", "entries_from", "entries_swap", "globals")

_NAMES: Dict[str, Any] = {"type": "list", "elements": "str"}
DELEGATION: Options = {
    f"delegate_{field}": _NAMES for field in ("cmds", "maps", "progs", "attachs")
}
MOUNT: Options = {"path": {"type": "path"}, **ACCESS, "opts": _NAMES, **DELEGATION}
MOUNT_AT_BOOT: Options = {**MOUNT, "path": {"type": "path", "required": True}}

_STATES = ["mounted", "unmounted"]
MOUNTED: Options = {
    **MOUNT,
    "path": {"type": "path", "default": "/sys/fs/bpf"},
    "state": {"type": "str", "choices": _STATES, "default": "mounted"},
    "boot": {"type": "bool"},
    "fstab": {"type": "path", "default": "/etc/fstab"},
    "force": {"type": "bool", "default": False},
    "repair": {"type": "bool", "default": False},
    "keep": {"type": "str", "choices": ["lowest", "topmost"]},
}
DIRECTORY: Options = {"path": {"type": "path", "required": True}, **ACCESS}
REFERENCES: Options = {
    "map_id": {"type": "int"},
    "prog_id": {"type": "int"},
    "link_id": {"type": "int"},
    "map_name": {"type": "str"},
    "prog_name": {"type": "str"},
    "prog_tag": {"type": "str"},
    "source": {"type": "path"},
}
OBJECT: Options = {
    "name": {"type": "str"},
    "path": {"type": "path"},
    "directory": {"type": "path"},
    **REFERENCES,
    **ACCESS,
    "on_mismatch": {"type": "str", "choices": ["fail", "replace"]},
}
ATTACH: Options = {
    "type": {"type": "str", "required": True},
    "interface": {"type": "str"},
    "namespace": {"type": "str"},
    "mode": {"type": "str", "choices": ["native", "generic", "offload"]},
    "before": {"type": "path"},
    "after": {"type": "path"},
    "cgroup": {"type": "path"},
    "pf": {"type": "str", "choices": ["ipv4", "ipv6"]},
    "hook": {
        "type": "str",
        "choices": ["prerouting", "input", "forward", "output", "postrouting"],
    },
    "priority": {"type": "int"},
    "defragment": {"type": "bool"},
    "map": {"type": "path"},
    "tracepoint": {"type": "str"},
    "function": {"type": "str"},
    "binary": {"type": "path"},
    "offset": {"type": "int"},
}
LINK: Options = {
    "name": {"type": "str"},
    "path": {"type": "path"},
    "directory": {"type": "path"},
    "program": {"type": "path"},
    "attach": {"type": "dict", "options": ATTACH},
    "state": {"type": "str", "choices": ["present", "absent"]},
    **ACCESS,
    "on_mismatch": {"type": "str", "choices": ["fail", "replace"]},
}
ABSENCE: Options = {
    "path": {"type": "list", "elements": "path"},
    "directory": {"type": "path"},
    "keep": {"type": "list", "elements": "str"},
    "patterns": {"type": "list", "elements": "str"},
    "type": {"type": "str", "choices": ["any", "map", "prog", "link"], "default": "any"},
    "recurse": {"type": "bool", "default": False},
    "prune_shared": {"type": "bool", "default": False},
    "unused": {"type": "bool", "default": False},
    "severed": {"type": "bool", "default": False},
    "older_than": {"type": "str"},
}
PRUNE: Options = {
    "directory": {"type": "path", "required": True},
    "keep_also": {"type": "list", "elements": "str"},
    "shared": {"type": "bool", "default": False},
    "report_only": {"type": "bool", "default": False},
}
