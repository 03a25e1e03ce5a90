# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests: what is written is what is read, and what is damaged is refused, whatever it is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict

import pytest
import strategies as some
from ansible_collections.ebpf.pinning.plugins.module_utils._core import options as _options
from ansible_collections.ebpf.pinning.plugins.module_utils._core.command import manifest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.command.manifest import (
    Manifest,
    content,
    parse,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.host import this_host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.declaration import (
    read_pins,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.declaration import (
    read_mount,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.users import Users
from hypothesis import assume, given
from hypothesis import strategies as st

Fields = Dict[str, Any]

POLICY = ("on_mismatch", "value_growth")
DEFAULTS = {"directory": "/sys/fs/bpf/agent"}
SHAPE = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
BTF = {"data": "n+s=", "key_type_id": 1, "value_type_id": 2}
WHOLE = {
    "version": 2,
    "mounts": [
        {
            "path": "/run/agent/bpffs",
            "owner": "0",
            "group": "0",
            "mode": "1750",
            "opts": ["nosuid"],
            **{f"delegate_{field}": ["any"] for field in ("cmds", "maps", "progs", "attachs")},
        }
    ],
    "defaults": {"directory": "/sys/fs/bpf/agent", "owner": "0", "group": "0", "mode": "0640"},
    "maps": [
        {"name": "flows", **SHAPE, "flags": ["no_prealloc"], "numa_node": 0, "frozen": True},
        {
            "path": "/run/agent/bpffs/tenants",
            "type": "array_of_maps",
            "max_entries": 2,
            "inner_map": {**SHAPE, "map_extra": 0},
            "owner": "1",
        },
        {
            "name": "blocked",
            **SHAPE,
            "key_format": "ipv4",
            "value_format": [{"name": "why", "format": "u32"}, {"format": "pad", "size": 4}],
            "entries": [{"key": "192.0.2.77", "value": {"why": 424242}}],
            "entries_from": {"src": "/etc/blocked", "remote_src": True, "value": {"why": 424242}},
            "entries_absent": ["192.0.2.78"],
            "entries_mode": "initial",
            "host_bits": "refuse",
        },
        {
            "name": "routes",
            **SHAPE,
            "key_format": "u32",
            "value_format": "u64",
            "entries": [{"key": 1, "value": 424242}],
            "entries_mode": "exact",
            "entries_swap": {"outer": "/run/agent/tables", "key": 1, "key_format": "u32"},
        },
    ],
    "directories": [{"path": "/sys/fs/bpf/agent", "owner": "1", "group": "0", "mode": "2750"}],
    "programs": [
        {
            "object": "/etc/ebpf-pinning/restore.d/agent.files/gate.bpf.o-0123456789abcdef",
            "digest": "0" * 64,
            "shown": "gate.bpf.o",
            "programs": [{"name": "pass", "pin": "gate"}, {"name": "drop"}],
            "maps": {"counts": "counts"},
            "maps_directory": "/sys/fs/bpf/agent",
            "globals": {"limit": 424242},
            "kernel_btf": "/usr/lib/btf",
            "log_level": 1,
            "directory": "/sys/fs/bpf/programs",
            "mode": "0600",
        }
    ],
    "links": [
        {
            "name": "gate_link",
            "program": "/sys/fs/bpf/programs/gate",
            "attach": {"type": "xdp", "interface": "eth0", "mode": "native"},
        }
    ],
    "objects": [
        {"path": "/sys/fs/bpf/flows", "source": "/sys/fs/bpf/agent/flows", "mode": "0600"},
        {"name": "gate", "prog_name": "gate"},
    ],
}
OF_0_1_0 = Path(__file__).with_name("manifest-0.1.0.json")


def as_text(whole: object) -> bytes:
    return json.dumps(whole).encode()


def refused(text: bytes) -> str:
    """The reason why this manifest is refused."""
    with pytest.raises(PinningError) as raised:
        parse(text, "a.json")
    return str(raised.value)


# What is written


@st.composite
def declared(draw: st.DrawFn) -> tuple[list[Fields], list[Fields], Fields]:
    """Mounts, maps and defaults, as the module hands them over."""
    mounts = draw(st.lists(some.mount_arguments(), max_size=2))
    maps = draw(st.lists(some.declarations(), max_size=4))
    defaults = {"directory": draw(some.DIRECTORIES), **draw(some.access(some.PIN_MODES))}
    for mount in mounts:
        del mount["force"]
    for each in maps:
        for field in POLICY:
            each.pop(field, None)
    return mounts, maps, defaults


def _values(spec: object) -> object:
    """A declaration as plain values: BTF does not compare."""
    if dataclasses.is_dataclass(spec):
        fields = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec)}
        return {name: _values(value) for name, value in fields.items()}
    if isinstance(spec, tuple):
        return tuple(_values(each) for each in spec)
    return getattr(spec, "blob", spec)


@some.examples(100)
@given(declared())
def test_what_is_written_reads_as_what_the_modules_would_read(
    whole: tuple[list[Fields], list[Fields], Fields],
) -> None:
    mounts, maps, defaults = whole
    policy = {"on_mismatch": "fail", "value_growth": "refuse"}
    try:
        pins = read_pins(maps, {**defaults, **policy}, this_host(), Users())
    except PinningError:
        assume(False)
    found = parse(content({"mounts": mounts, "maps": maps}, defaults), "a.json")
    assert _values(tuple(found.pins)) == _values(tuple(pins))
    assert list(found.mounts) == [read_mount(mount, Users()) for mount in mounts]
    assert found.path == "a.json"


@some.examples(50)
@given(declared(), st.randoms())
def test_the_same_declarations_are_the_same_bytes(
    whole: tuple[list[Fields], list[Fields], Fields], random: Any
) -> None:
    def shuffled(fields: Fields) -> Fields:
        names = list(fields)
        random.shuffle(names)
        return {**{name: fields[name] for name in names}, "group": fields.get("group")}

    mounts, maps, defaults = whole
    lists = {"mounts": mounts, "maps": maps}
    again = {key: [*map(shuffled, items)] for key, items in lists.items()}
    assert content(again, shuffled(defaults)) == content(lists, defaults)


def test_a_manifest_can_be_read_by_people() -> None:
    lists = {"maps": [{"name": "flows", **SHAPE, "owner": None}]}
    text = content(lists, {**DEFAULTS, "mode": None})
    assert json.loads(text) == {
        "version": 2,
        "mounts": [],
        "directories": [],
        "defaults": DEFAULTS,
        "maps": [{"name": "flows", **SHAPE}],
        "programs": [],
        "links": [],
        "objects": [],
    }
    assert text.endswith(b"}\n")
    assert text.count(b"\n") > 10


# What is read


def test_all_fields_are_read() -> None:
    read = parse(as_text(WHOLE), "a.json")
    assert [mount.path for mount in read.mounts] == ["/run/agent/bpffs"]
    assert [pin.path for pin in read.pins] == [
        "/sys/fs/bpf/agent/flows",
        "/run/agent/bpffs/tenants",
        "/sys/fs/bpf/agent/blocked",
        "/sys/fs/bpf/agent/routes",
    ]
    owners = [(pin.access.owner, pin.access.mode) for pin in read.pins]
    assert owners == [(0, 0o640), (1, 0o640), (0, 0o640), (0, 0o640)]
    contents = [repr(pin.content) for pin in read.pins]
    assert contents == ["None", "None", "<initial entries>", "<exact entries>"]
    swap = read.pins[3].swap
    assert swap is not None
    assert (swap.outer, swap.slot.key, swap.slot.format) == ("/run/agent/tables", 1, "u32")


def test_directories_and_second_pins_are_read() -> None:
    read = parse(as_text(WHOLE), "a.json")
    (directory,) = read.directories
    assert (directory.path, directory.access.owner, directory.access.mode) == (
        "/sys/fs/bpf/agent",
        1,
        0o2750,
    )
    assert [(each.path, str(each.reference), each.access.mode) for each in read.objects] == [
        ("/sys/fs/bpf/flows", "source /sys/fs/bpf/agent/flows", 0o600),
        ("/sys/fs/bpf/agent/gate", "prog_name gate", 0o640),
    ]


def test_programs_and_links_are_read_without_the_object_file() -> None:
    read = parse(as_text(WHOLE), "a.json")
    (load,) = read.programs
    assert [tuple(pin) for pin in load.pins] == [
        ("/sys/fs/bpf/programs/gate", "gate", "pass"),
        ("/sys/fs/bpf/programs/drop", "drop", "drop"),
    ]
    (link,) = read.links
    assert (link.path, link.program) == (
        "/sys/fs/bpf/agent/gate_link",
        "/sys/fs/bpf/programs/gate",
    )
    assert link.attach is not None
    assert link.attach.text("interface") == "eth0"


def test_a_manifest_of_0_1_0_is_read_and_becomes_one_of_today() -> None:
    """The file was written by the code of 0.1.0."""
    then = OF_0_1_0.read_bytes()
    assert json.loads(then)["version"] == 1
    read = parse(then, "a.json")
    assert [mount.path for mount in read.mounts] == ["/run/agent/bpffs"]
    assert [pin.path for pin in read.pins] == ["/sys/fs/bpf/agent/flows"]
    assert not (read.directories)
    assert not (read.programs)
    assert not (read.links)
    assert not (read.objects)
    whole = json.loads(then)
    now = content(whole, whole["defaults"])
    younger = ("directories", "programs", "links", "objects")
    assert json.loads(now) == {**whole, "version": 2, **{key: [] for key in younger}}
    again = parse(now, "a.json")
    assert (again.mounts, again.pins) == (read.mounts, read.pins)


@pytest.mark.parametrize("key", ["directories", "programs", "links", "objects"])
def test_a_manifest_of_0_1_0_has_no_more_than_it_had(key: str) -> None:
    whole = {**json.loads(OF_0_1_0.read_bytes()), key: []}
    assert f"{key} is not known here" in refused(as_text(whole))


def test_what_is_of_a_user_whom_the_host_lacks_is_told_and_the_rest_is_read() -> None:
    nobody = {"owner": "no_such_user_here"}
    lists = {
        "directories": [
            {"path": "/sys/fs/bpf//agent/deep", **nobody},
            {"path": "/sys/fs/bpf/agent"},
        ],
        "maps": [{"name": "flows", **SHAPE}, {"name": "counts", **SHAPE, **nobody}],
        "objects": [{"path": "/sys/fs/bpf/flows", "source": "/sys/fs/bpf/agent/flows", **nobody}],
        "mounts": [{"path": "/run/agent/bpffs", **nobody}],
    }
    read = parse(content(lists, DEFAULTS), "a.json")
    assert sorted(read.obstacles) == [
        "/run/agent/bpffs",
        "/sys/fs/bpf/agent/counts",
        "/sys/fs/bpf/agent/deep",
        "/sys/fs/bpf/flows",
    ]
    assert [each.path for each in read.directories] == [
        "/sys/fs/bpf/agent",
        "/sys/fs/bpf/agent/deep",
    ]


def test_what_does_not_count_at_boot_is_not_written() -> None:
    lists = {
        "mounts": [
            {"path": "/run/agent/bpffs", "boot": True, "fstab": "/etc/fstab", "force": False}
        ],
        "maps": [{"name": "flows", **SHAPE, "on_mismatch": "migrate", "value_growth": "zero_pad"}],
        "objects": [{"name": "gate", "prog_name": "gate", "on_mismatch": "replace"}],
    }
    written = json.loads(content(lists, DEFAULTS))
    assert written["mounts"] == [{"path": "/run/agent/bpffs"}]
    assert written["maps"] == [{"name": "flows", **SHAPE}]
    assert written["objects"] == [{"name": "gate", "prog_name": "gate"}]


@pytest.mark.parametrize("missing", ["mounts", "defaults", "maps"])
def test_a_part_may_be_missing(missing: str) -> None:
    maps = [{"path": "/sys/fs/bpf/agent/flows", **SHAPE}]
    whole = {**WHOLE, "maps": maps, "links": [], "objects": []}
    del whole[missing]
    read = parse(as_text(whole), "a.json")
    assert bool(read.mounts) == (missing != "mounts")
    assert bool(read.pins) == (missing != "maps")


def test_cut_short_at_any_byte_it_is_refused() -> None:
    whole = content(WHOLE, WHOLE["defaults"])
    assert isinstance(parse(whole, "a.json"), Manifest)
    for length in range(len(whole) - 1):  # the last byte ends the line, and only that
        reason = refused(whole[:length])
        assert "cut short" in reason, length
        assert "run the playbook again" in reason, length


@pytest.mark.parametrize("version", [0, 3, 99, -1, "1", 1.5, None, [1], True, 1.0])
def test_another_version_is_refused(version: object) -> None:
    assert "version" in refused(as_text({**WHOLE, "version": version}))


@pytest.mark.parametrize("text", ["[]", "1", '"version"', "null", "{}", '{"maps": []}'])
def test_what_has_no_version_is_refused(text: str) -> None:
    reason = refused(text.encode())
    assert "version 1" in reason
    assert "run the playbook again" in reason


BINARY = [b"", b"\0", b"\xff\xfe", b"\x9f\xeb\x01\0" * 9, b"{\xff}", b"\x1f\x8b\x08" + bytes(99)]


@pytest.mark.parametrize("text", BINARY)
def test_what_is_no_text_is_refused(text: bytes) -> None:
    assert "is not JSON" in refused(text)


# The nesting that a Python reads and then cannot print is a matter of its version.
NESTED = [
    ('{"version": 1, "maps": %s}', "[", "]"),
    ('{"version": 1, "maps": [%s]}', '{"type": ', "}"),
    ('{"version": 1, "defaults": %s}', "[", "]"),
    ('{"version": 1, "mounts": [{"path": %s}]}', "[", "]"),
    ('{"version": 1, "maps": [{"inner_map": %s}]}', "[", "]"),
]


@pytest.mark.parametrize(("whole", "opened", "closed"), NESTED)
def test_any_nesting_is_refused(whole: str, opened: str, closed: str) -> None:
    for depth in [2, 500, *range(900, 1050), 9_999, 100_000]:
        refused((whole % (opened * depth + "1" + closed * depth)).encode())


@some.examples(100)
@given(st.binary(max_size=64) | some.damaged())
def test_any_bytes_are_refused(text: bytes) -> None:
    assume(text[:1] != b"{")
    refused(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | some._ODD_TEXT,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(some._ODD_TEXT, each, max_size=3),
    max_leaves=5,
)


def _places(value: object, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every way into a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found = [way] if way else []
    for key, each in pairs:
        inner = (*way, key)
        found += _places(each, inner) if isinstance(each, (dict, list)) else [inner]
    return found


def _changed(way: tuple[Any, ...], value: object) -> object:
    """WHOLE with another value there."""
    whole = json.loads(json.dumps(WHOLE))
    at = whole
    for key in way[:-1]:
        at = at[key]
    at[way[-1]] = value
    return whole


@some.examples(300)
@given(st.sampled_from(_places(WHOLE)), JSON)
def test_any_value_at_any_place_is_read_or_refused(way: tuple[Any, ...], value: object) -> None:
    with suppress(PinningError):
        parse(as_text(_changed(way, value)), "a.json")


@some.examples(300)
@given(
    st.sampled_from(
        ["key_format", "entries", "entries_from", "entries_absent", "entries_mode", "entries_swap"]
    ),
    st.recursive(
        st.sampled_from(["canary", "exact", "src", 424242, None, True]),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["canary", "src"]), inner),
    ).filter(lambda value: not (isinstance(value, dict) and value.get("src") == "canary")),
)
def test_what_is_in_a_map_is_in_no_message(option: str, value: object) -> None:
    whole = json.loads(json.dumps(WHOLE))
    whole["maps"][2][option] = value
    try:
        parse(as_text(whole), "a.json")
    except PinningError as error:
        told = str(error)
        assert "424242" not in told or option in ("key_format", "entries_mode")
        assert "canary" not in told or option in ("key_format", "entries_mode")
        assert "192.0.2" not in told


def test_a_list_of_a_manifest_is_read_when_its_map_is_put_back() -> None:
    """So one that is not there, or is no list, stops no other map."""
    pin = parse(as_text(WHOLE), "a.json").pins[2]
    assert pin.content is not None
    with pytest.raises(PinningError, match="/etc/blocked does not exist"):
        pin.content.encoded(None)


# What kinds of values there are, and which of them a field of each type of option takes.
VALUES: dict[str, object] = {
    "text": "7",
    "number": 7,
    "fraction": 7.5,
    "truth": True,
    "nothing": None,
    "texts": ["any"],
    "numbers": [7],
    "list": [[]],
    "dictionary": {},
}
TAKEN = {"int": "number", "bool": "truth", "list": "texts", "dict": "dictionary"}
TABLES: list[tuple[tuple[Any, ...], Fields]] = [
    (("maps", 0), _options.MAP),
    (("maps", 1, "inner_map"), _options.SHAPE),
    (("defaults",), {**_options.ACCESS, "directory": {"type": "path"}}),
    (("mounts", 0), _options.MOUNT),
    # What is wrong with a mode is said when the programs are put back.
    (("programs", 0), {k: v for k, v in _options.PROGRAMS_AT_BOOT.items() if k != "mode"}),
    (("links", 0), _options.LINK),
]


def _takes_anything(option: str) -> bool:
    """What is in a map is looked at where it is encoded."""
    return option in _options.CONTENT and option not in ("entries_mode", "show_entries")


FIELDS = [
    ((*way, name), option)
    for way, options in TABLES
    for name, option in options.items()
    if name not in POLICY and option["type"] != "dict" and not _takes_anything(name)
]
BTF_FIELDS = [
    ((*way, "btf", name), option)
    for way in (("maps", 0), ("maps", 1, "inner_map"))
    for name, option in _options.SHAPE["btf"]["options"].items()
]


def _named(way: tuple[Any, ...]) -> str:
    return ".".join(map(str, way))


@pytest.mark.parametrize(
    ("way", "option"),
    FIELDS + BTF_FIELDS,
    ids=[_named(way) for way, _option in FIELDS + BTF_FIELDS],
)
def test_each_field_takes_the_values_of_its_type_only(way: tuple[Any, ...], option: Fields) -> None:
    taken = TAKEN.get(option["type"], "text")
    for kind, value in VALUES.items():
        if kind == taken:
            continue
        if "btf" in way:
            reason = refused(as_text(_changed(way[:-1], {**BTF, way[-1]: value})))
        else:
            reason = refused(as_text(_changed(way, value)))
        assert way[-1] in reason, (kind, reason)
        assert way[0].rstrip("s") in reason or way == ("defaults", "mode"), (kind, reason)


@pytest.mark.parametrize("way", [("maps", 0, "btf"), ("maps", 1, "inner_map"), ("maps", 0)])
def test_what_holds_fields_takes_a_dictionary_only(way: tuple[Any, ...]) -> None:
    for kind, value in VALUES.items():
        if kind != "dictionary":
            assert "must be a dictionary" in refused(as_text(_changed(way, value)))


@pytest.mark.parametrize("field", sorted(BTF))
def test_btf_needs_all_its_fields(field: str) -> None:
    btf = {name: value for name, value in BTF.items() if name != field}
    assert f"{field} is missing" in refused(as_text(_changed(("maps", 0, "btf"), btf)))


UNKNOWN = [
    ("directories", 0),
    ("objects", 0),
    ("maps", 0),
    ("maps", 1, "inner_map"),
    ("defaults",),
    ("mounts", 0),
    (),
]


@pytest.mark.parametrize("way", UNKNOWN, ids=_named)
def test_a_field_that_is_not_known_is_refused_by_name(way: tuple[Any, ...]) -> None:
    for field in ("max_entrys", "force", *POLICY):
        reason = refused(as_text(_changed((*way, field), "x")))
        assert field in reason
        assert "not known" in reason


def test_a_mount_without_a_path_is_refused() -> None:
    assert "mounts[0]: path is missing" in refused(as_text({**WHOLE, "mounts": [{}]}))


def test_all_that_is_wrong_is_told_at_once() -> None:
    whole = {
        "version": 1,
        "mounts": [{"path": 5}, {"path": "run"}],
        "defaults": {"owner": 0},
        "maps": [{"name": "a", "type": 1}, {"name": "b", "sort": "x"}],
    }
    lines = refused(as_text(whole)).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "mounts[0]",
        "mounts[1]",
        "defaults",
        "maps[0]",
        "maps[1]",
    ]


# In step with the options of the modules


def _takes(check: Callable[[object], object], value: object) -> bool:
    try:
        check(value)
    except PinningError:
        return False
    return True


IN_STEP = [
    ("a map", manifest._ITEMS["maps"], _options.MAP, (*POLICY, "readers", "show_entries")),
    (
        "the programs of a file",
        manifest._ITEMS["programs"],
        _options.PROGRAMS_AT_BOOT,
        (*POLICY, "remote_src"),
    ),
    ("a link", manifest._ITEMS["links"], _options.LINK, ("on_mismatch", "state")),
    ("a mount", manifest._MOUNT, _options.MOUNT, ()),
    ("a directory", manifest._ITEMS["directories"], _options.DIRECTORY, ()),
    ("a second pin", manifest._ITEMS["objects"], _options.OBJECT, POLICY),
]


@pytest.mark.parametrize(("fields", "options", "without"), [row[1:] for row in IN_STEP])
def test_a_manifest_holds_every_option(
    fields: Fields, options: Fields, without: tuple[str, ...]
) -> None:
    assert set(fields) == set(options) - set(without)
    for name, check in fields.items():
        option = options[name]
        if "options" in option:
            unknown: object = {**dict.fromkeys(option["options"]), "unknown": 1}
            assert not _takes(check, unknown if option["type"] == "dict" else [unknown]), name
            continue
        usual = VALUES[TAKEN.get(option["type"], "text")]
        assert _takes(check, option.get("choices", [usual])[0]), name
        assert not _takes(check, "no choice") or "choices" not in option, name
