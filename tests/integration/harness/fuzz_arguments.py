# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments as somebody might write them: nearly right, or anything that YAML can say.

They begin with arguments that can be, and then some are spoiled, by the module's own argument spec:
a new option is tried without a change here.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .samples import BPFFS

Arguments = dict[str, Any]
Spec = Mapping[str, Mapping[str, Any]]

# What YAML can say, whatever is wanted.
ODDITIES: Sequence[Any] = (
    *(None, True, False, 0, -1, 1, 5, 4096, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64),
    *(10**30, -(10**30), 0.5, 4.0, 1e300, float("inf"), float("-inf"), float("nan")),
    *("", " ", "4", " 4 ", "4.0", "-1", "0x10", "1e3", "9" * 5000, "yes", "True", "null", "NaN"),
    *("a\0b", "a\nb", "\n", "ä€𝄞", "\u202e", "\ud800", "\udcff", "٣", "x" * 300, "x" * 5000),
    *(
        "~",
        "~root/x",
        "~\0",
        "$HOME/x",
        "${",
        "a=b c=d",
        "a=",
        "[1, 2]",
        "{'a': 1}",
        "{",
        "{{ x }}",
    ),
    *([], [[]], [None], [[[["deep"]]]], [1, "two", 3.0], ["a", "a"], [{}], [{"name": ["x"]}]),
    *({}, {"": None}, {"a": {"b": ["c"]}}, {"name": "x"}, ["x"] * 300),
)
ODD_NAMES = (
    *("", "a.b", ".", "..", "a/b", "/", "x" * 255, "x" * 256, "ä" * 128, "a b", "a\nb", "a\0b"),
    *("ebpf-pinning~staging", "maps.debug", "\udcff", "\ud800", "~", "#x", "-", "$HOME", "'", "\\"),
)
# Names below BPFFS, as the baseline has them.
NAMES = ("flows", "counts", "slots", "outgrown", "outer", "frozen", "deep/er/one", "deep/two")
OTHER_NAMES = ("prog", "link", "symlink", "deep", "deep/er", "dangling", "new", "none/new")

SHAPES: Sequence[Arguments] = (
    {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16},
    {"type": "hash", "key_size": 4, "value_size": 12, "max_entries": 16},
    {"type": "lru_hash", "key_size": 4, "value_size": 8, "max_entries": 64},
    {"type": "array", "value_size": 8, "max_entries": 4},
    {"type": "array", "value_size": 8, "max_entries": 9, "flags": ["mmapable"]},
    {"type": "percpu_hash", "key_size": 8, "value_size": 8, "max_entries": 8},
    {"type": "percpu_array", "value_size": 8, "max_entries": 8},
    {"type": "lpm_trie", "key_size": 8, "value_size": 4, "max_entries": 8},
    {"type": "ringbuf", "max_entries": 5000},
    {"type": "perf_event_array"},
    {"type": "prog_array", "max_entries": 4},
    {"type": "devmap", "value_size": 8, "max_entries": 4},
    {"type": "queue", "value_size": 8, "max_entries": 4},
    {"type": "stack_trace", "value_size": 64, "max_entries": 4},
    {"type": "task_storage", "value_size": 8},
    {"type": "bloom_filter", "value_size": 8, "max_entries": 4, "map_extra": 3},
    {"type": "arena", "max_entries": 4},
    {"type": "cgroup_storage", "key_size": 16, "value_size": 8},
    {
        "type": "hash_of_maps",
        "key_size": 4,
        "max_entries": 4,
        "inner_map": {"type": "array", "value_size": 8, "max_entries": 4},
    },
    {
        "type": "array_of_maps",
        "max_entries": 4,
        "inner_map": {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 1},
    },
)
TYPES = (*(str(shape["type"]) for shape in SHAPES), "struct_ops", "HASH", "sockmap", "")
FLAGS = (
    "no_prealloc",
    "rdonly_prog",
    "wronly_prog",
    "rdonly",
    "zero_seed",
    "numa_node",
    "mmapable",
    "lazy",
    "NO_PREALLOC",
    "",
)
MOUNT_OPTIONS = (
    "nosuid",
    "nodev",
    "noexec",
    "ro",
    "rw",
    "suid",
    "noatime",
    "relatime",
    "mode=0700",
)
DELEGATED = (
    "any",
    "map_create",
    "hash",
    "xdp",
    "cgroup_inet_ingress",
    "HASH",
    "unspec",
    "1",
    "0x1",
)
BTF = {"data": "n+sBABgAAAAAAAAAAAAAAAAAAAABAAAAAA==", "key_type_id": 0, "value_type_id": 0}
ODD_BTF = ("", "=", "n+sB", "bm90IGJ0Zg==", "n+sBABgAAAAAAAAA/////wAAAAABAAAA")


class Dice(random.Random):
    """Chance, always the same for the same seed."""

    def one_in(self, count: int) -> bool:
        return self.randrange(count) == 0

    def some(self, of: Sequence[Any], most: int = 3) -> list[Any]:
        return [self.choice(of) for _each in range(self.randrange(most + 1))]


def arguments_for(module: str, spec: Spec, scratch: str, dice: Dice) -> Arguments:
    """Arguments for `module`, somewhat spoiled. `scratch` is where it may leave traces."""
    begin, spoiled = _MODULES[module]
    arguments = begin(scratch, dice)
    for _time in range(dice.choice([0, 0, 0, 1, 1, 1, 2, 4])):
        _spoil(arguments, spec, lambda option: spoiled(option, scratch, dice), dice)
    return harmless(arguments)


def _spoil(arguments: Arguments, spec: Spec, value_for: Callable[[str], Any], dice: Dice) -> None:
    options = [name for name in ("name", "path", "directory", "fstab", "flags") if name in spec]
    option = dice.choice(options if options and dice.one_in(3) else sorted(spec))
    row = spec[option]
    inside = arguments.get(option)
    if "options" in row and inside and not dice.one_in(3):
        items = inside if isinstance(inside, list) else [inside]
        item = dice.choice(items)
        if isinstance(item, dict):
            _spoil(item, row["options"], value_for, dice)
            return
    if dice.one_in(12):
        arguments[dice.choice(["no_such_option", "Name", "", "msg", "state "])] = _any(dice)
    elif dice.one_in(6):
        arguments.pop(option, None)
    elif dice.one_in(3):
        arguments[option] = _any(dice)
    elif row.get("choices"):
        arguments[option] = dice.choice([*row["choices"], str(row["choices"][0]).upper()])
    elif row.get("type") == "bool":
        arguments[option] = dice.choice([True, False, "yes", "off", "maybe", 2])
    else:
        arguments[option] = value_for(option)


def _any(dice: Dice) -> Any:
    return copy.deepcopy(dice.choice(ODDITIES))


# bpf_map_pinned


def _maps(_scratch: str, dice: Dice) -> Arguments:
    items = [_map(dice) for _each in range(dice.choice([1, 1, 1, 2, 3]))]
    top: Arguments = {} if dice.one_in(2) else {"on_mismatch": dice.choice(_POLICIES)}
    if dice.one_in(3):
        top["value_growth"] = dice.choice(["refuse", "zero_pad"])
    if len(items) == 1 and dice.one_in(2):
        return {**items[0], **top}
    return {"maps": items, **top}


_POLICIES = ("fail", "replace", "migrate", "migrate")
# What the baseline has under each name; others are to be made.
FITTING: Mapping[str, Arguments] = {
    "flows": SHAPES[0],
    "counts": SHAPES[5],
    "slots": SHAPES[3],
    "outer": SHAPES[19],
    "frozen": SHAPES[0],
}


def _map(dice: Dice) -> Arguments:
    name = dice.choice([*NAMES, "new", "newer", "a name", f"x{dice.randrange(9)}"])
    shape = copy.deepcopy(dice.choice(SHAPES))
    if name in FITTING and not dice.one_in(3):
        shape = copy.deepcopy(dict(FITTING[name]))
    if dice.one_in(4) and isinstance(shape.get("max_entries"), int):
        shape["max_entries"] += dice.choice([-1, 1, 100])
    item: Arguments = {"name": name, **shape}
    if "/" in name or dice.one_in(5):
        del item["name"]
        item["path"] = f"{BPFFS}/{name}"
    elif dice.one_in(4):
        item["directory"] = dice.choice([BPFFS, f"{BPFFS}/deep", f"{BPFFS}//deep/", f"{BPFFS}/n/n"])
    if dice.one_in(4):
        item["mode"] = dice.choice(["0640", "0600", "640"])
    if dice.one_in(6):
        item["frozen"] = dice.choice([True, False])
    if dice.one_in(6):
        item["group"] = dice.choice(["adm", "0", "daemon"])
    return item


def _map_value(option: str, scratch: str, dice: Dice) -> Any:
    if option in ("name", "path", "directory"):
        return _path(option, scratch, dice)
    pools: Mapping[str, Sequence[Any]] = {
        "type": TYPES,
        "flags": (dice.some(FLAGS), dice.choice(FLAGS), "no_prealloc,zero_seed"),
        "btf": (BTF, {**BTF, "data": dice.choice(ODD_BTF)}, {**BTF, "key_type_id": _any(dice)}),
        "data": ODD_BTF,
        "owner": _OWNERS,
        "group": _OWNERS,
        "mode": _MODES,
        "inner_map": SHAPES,
        "maps": ([], [_map(dice)] * 2, [_map(dice), None], _map(dice), "name=x type=hash"),
    }
    return copy.deepcopy(dice.choice(pools.get(option, _NUMBERS)))


_NUMBERS = (0, 1, 2, 4, 8, 16, -1, 2**32, 2**64, 10**30)


_OWNERS = (
    "root",
    "0",
    0,
    "nobody",
    "no such user",
    "4294967294",
    "4294967295",
    "-1",
    "٣",
    "a\0",
    "",
)
_MODES = ("0600", "0777", "1777", "4755", "0o600", 0o600, 640, "9", "u=rw", "-1", "", [6], 1.5, "٣")


def _path(option: str, scratch: str, dice: Dice) -> Any:
    name = dice.choice([*NAMES, *OTHER_NAMES, *ODD_NAMES])
    if option == "name" or dice.one_in(12):
        return name
    root = dice.choice([BPFFS, BPFFS, BPFFS, scratch, f"{scratch}/bpffs", "/etc", "/proc/self", ""])
    forms = (
        f"{root}/{name}",
        f"{root}//{name}/",
        f"{root}/./{name}",
        f"{root}/deep/../{name}",
        f"{root}/{name}/" + "d/" * 200,
        f"{root}/" + "x" * 4200,
        root.lstrip("/") + f"/{name}",
        f"{root}/symlink/{name}",
        root,
    )
    return dice.choice([forms[0], forms[0], *forms])


# bpf_pin_absent


def _absence(_scratch: str, dice: Dice) -> Arguments:
    names = [*NAMES, *OTHER_NAMES]
    arguments: Arguments = {}
    if dice.one_in(2):
        arguments["path"] = [
            f"{BPFFS}/{dice.choice(names)}" for _each in range(dice.choice([1, 2, 4]))
        ]
    else:
        arguments["directory"] = dice.choice([f"{BPFFS}/deep", f"{BPFFS}/deep/er", BPFFS, "/etc"])
        arguments["keep"] = dice.some(["two", "er/one", "one", "flows", "prog"])
        arguments["prune_shared"] = dice.one_in(2)
        if dice.one_in(3):
            arguments["patterns"] = dice.some(["*", "o*", "[", "t?o", "", "[!a]*"], 2)
    if dice.one_in(3):
        arguments["type"] = dice.choice(["any", "map", "prog", "link"])
    if dice.one_in(2):
        arguments["recurse"] = dice.choice([True, False])
    return arguments


def _absence_value(option: str, scratch: str, dice: Dice) -> Any:
    if option == "directory":
        return _path(option, scratch, dice)
    if option == "path":
        return [_path(option, scratch, dice) for _each in range(dice.randrange(4))]
    if option == "keep":
        return dice.some([*NAMES, *ODD_NAMES, f"{BPFFS}/flows", BPFFS, "/", "deep//two/"])
    return dice.some(["*", "[", "[]", "\\", "", "a\nb", "\ud800", "**/x", "x" * 300])


# bpffs_mount

MOUNT_POINTS = (
    "new",
    "new/er",
    "bpffs",
    "stacked",
    "over",
    "plain",
    "file",
    "symlink",
    "read_only",
)


def _mount(scratch: str, dice: Dice) -> Arguments:
    path = dice.choice([BPFFS, *(f"{scratch}/{name}" for name in MOUNT_POINTS)])
    arguments: Arguments = {"path": path}
    if dice.one_in(3):
        arguments["state"] = dice.choice(["mounted", "unmounted", "unmounted"])
    if dice.one_in(3):
        arguments["mode"] = dice.choice(["0700", "1777", "0750"])
    if dice.one_in(3):
        arguments["opts"] = dice.some(MOUNT_OPTIONS[:8])
    if dice.one_in(6):
        arguments[dice.choice(["owner", "group"])] = dice.choice(["nobody", "root", "0", "adm"])
    if dice.one_in(6):
        arguments["delegate_cmds"] = [dice.choice(["any", "map_create", "prog_load"])]
    if dice.one_in(4):
        arguments["force"] = True
    if dice.one_in(3):
        arguments["boot"] = dice.choice([True, False])
        arguments["fstab"] = f"{scratch}/fstab"
    return arguments


def _mount_value(option: str, scratch: str, dice: Dice) -> Any:
    if option == "path":
        places = ["/", "/etc", "/mnt", "/sys", "/sys/fs", "/sys/fs/new", "/new", f"{BPFFS}/deep"]
        return dice.choice(places) if dice.one_in(2) else _path(option, scratch, dice)
    if option == "fstab":
        names = (
            "fstab",
            "new_fstab",
            "plain",
            "symlink",
            "fifo",
            "bpffs/fstab",
            "none/fstab",
            "odd_fstab",
        )
        return (
            dice.choice(["/etc/fstab", "/proc/self/mounts", "fstab", "/"])
            if dice.one_in(3)
            else (f"{scratch}/{dice.choice(names)}")
        )
    pools: Mapping[str, Sequence[Any]] = {
        "mode": _MODES,
        "owner": _OWNERS,
        "group": _OWNERS,
        "opts": (dice.some(MOUNT_OPTIONS), "ro,nosuid", ["ro,nosuid"], ["", "ro"]),
    }
    return copy.deepcopy(dice.choice(pools.get(option, (dice.some(DELEGATED),) * 4 + DELEGATED)))


_MODULES: Mapping[str, tuple[Callable[[str, Dice], Arguments], Callable[[str, str, Dice], Any]]] = {
    "bpf_map_pinned": (_maps, _map_value),
    "bpf_pin_absent": (_absence, _absence_value),
    "bpffs_mount": (_mount, _mount_value),
}

# Memory

_LARGE = 2**16


def harmless(value: Any) -> Any:
    """The same, but no map takes gigabytes: sizes are small, or more than a field can hold."""
    if isinstance(value, list):
        return [harmless(each) for each in value]
    if not isinstance(value, dict):
        return value
    fields = {key: harmless(each) for key, each in value.items()}
    for name in ("max_entries", "key_size", "value_size"):
        if _LARGE < _number(fields.get(name)) < 2**32:
            fields[name] = 8
    return fields


def _number(value: Any) -> int:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0
