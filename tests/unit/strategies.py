# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the properties are tried with: arguments as people write them, BTF, lines of files.

All of it can be; what is damaged says so. Deterministic; HYPOTHESIS_PROFILE=more rolls real dice.
"""

from __future__ import annotations

import base64
import functools
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

try:
    from hypothesis.internal.conjecture import providers
except ImportError:  # the last one for Python 3.8 knows no constants
    providers = None  # type: ignore[assignment]

# As a part of plugins/, so that the face of each module, which imports the core, can be had too.
sys.path.insert(0, str(Path(__file__).parents[2] / "plugins"))

from ansible_collections.ebpf.pinning.plugins.module_utils._core import options
from ansible_collections.ebpf.pinning.plugins.module_utils._core.fields import STAGING
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.declaration import (
    ValueGrowth,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.declaration import (
    DELEGATES,
    MOUNT_FLAGS,
    OPPOSITES,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.declaration import (
    OnMismatch,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import (
    MAP_TYPES,
    Host,
    MapType,
    TakesBtf,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.uapi import flag_names

set_hypothesis_home_dir(Path(__file__).parents[2] / ".cache" / "hypothesis")
_COMMON: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("fixed", derandomize=True, **_COMMON)
settings.register_profile("more", max_examples=1000, **_COMMON)
_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "fixed")
settings.load_profile(_PROFILE)
# Or what is tried would depend on the numbers and texts in whatever modules happen to be loaded.
if providers is not None:
    _NO_CONSTANTS = providers.Constants()
    providers._get_local_constants = lambda: _NO_CONSTANTS
MORE = _PROFILE == "more"


def examples(count: int) -> settings:
    """How often a property is tried: `count` times, unless more is asked for."""
    return settings() if MORE else settings(max_examples=count)


YES_OR_NO = st.booleans()
RARELY = st.sampled_from([False] * 4 + [True])
HOSTS = st.builds(Host, st.sampled_from([4096, 16384, 65536]), st.integers(1, 300))

# Names and paths

_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="./\0"), min_size=1, max_size=20)
PIN_NAMES = (st.sampled_from("abc") | _NAMES).filter(STAGING.__ne__)
# Few, so that two declarations often mean the same.
DIRECTORIES = st.sampled_from(["/sys/fs/bpf", "/sys/fs/bpf/a", "/sys/fs/bpf/a/b", "/run/bpf"])

# Owner, group and mode

FEW_IDS = st.sampled_from([0, 1, 65534])
IDS = st.sampled_from([0, 1, 65534, 4_000_000_000]) | st.integers(0, 2**32 - 2)
PIN_MODES = st.sampled_from([0o600, 0o640, 0o777, 0]) | st.integers(0, 0o777)
ROOT_MODES = st.sampled_from([0o700, 0o1700, 0o3750]) | st.integers(0, 0o3777)


def access(modes: st.SearchStrategy[int]) -> st.SearchStrategy[dict[str, str]]:
    """Any part of the options owner, group and mode."""
    numbers = IDS.map(str)
    return st.fixed_dictionaries(
        {}, optional={"owner": numbers, "group": numbers, "mode": modes.map("{:04o}".format)}
    )


# BTF

VOID, INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT = range(12)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)
_STRINGS = b"\0a\0b\0long_name\0\xff\0"
_AT = st.sampled_from([0, 1, 3, 5, 15])  # where the names begin


def blob_of(words: Sequence[int], strings: bytes = _STRINGS) -> bytes:
    """A blob with these words as its types."""
    sections = (0, 4 * len(words), 4 * len(words), len(strings))
    header = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, *sections)
    return header + struct.pack(f"={len(words)}I", *words) + strings


def _head(kind: int, parts: int = 0, flag: bool = False) -> int:
    return flag << 31 | kind << 24 | parts


_FEW = st.integers(0, 2)
_KINDS = st.integers(INT, ENUM64)
_SMALL = st.integers(0, 9)
_ID = st.integers(0, 2**16)  # modulo the number of types
_PARTS: dict[int, tuple[st.SearchStrategy[int], ...]] = {
    STRUCT: (_AT, _ID, _SMALL),
    UNION: (_AT, _ID, _SMALL),
    ENUM: (_AT, _SMALL),
    ENUM64: (_AT, _SMALL, _SMALL),
    FUNC_PROTO: (_AT, _ID),
    DATASEC: (_ID, _SMALL, _SMALL),
}
_OWN = {ARRAY: (_ID, _ID, _SMALL), INT: (_SMALL,), VAR: (_SMALL,), DECL_TAG: (_SMALL,)}
_SIZED = (INT, FLOAT, STRUCT, UNION, ENUM, ENUM64, DATASEC)


@st.composite
def blobs(draw: st.DrawFn) -> tuple[bytes, int]:
    """Any graph of types that holds together, and how many there are. Loops are likely."""
    count = 1 + draw(_SMALL)
    words: list[int] = []
    for _type in range(count):
        kind = draw(_KINDS)
        parts = draw(_FEW) if kind in _PARTS else 0
        rest = (
            _SMALL if kind in _SIZED else _ID,
            *_OWN.get(kind, ()),
            *_PARTS.get(kind, ()) * parts,
        )
        words += [draw(_AT), _head(kind, parts, draw(YES_OR_NO))]
        words += [draw(each) % (count + 1) if each is _ID else draw(each) for each in rest]
    return blob_of(words), count


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A blob with some bytes overwritten, perhaps cut, or no blob at all."""
    if draw(RARELY):
        return draw(st.binary(max_size=64) | st.binary(max_size=64).map(b"\x9f\xeb\x01".__add__))
    whole, _count = draw(blobs())
    if draw(RARELY):  # in a header that says so
        types = whole[24 : -len(_STRINGS)]
        words = struct.unpack(f"={len(types) // 4}I", types)
        whole = blob_of(words[: draw(st.integers(0, len(words)))])
    blob = bytearray(whole)
    for _byte in range(draw(_FEW)):
        blob[draw(st.integers(0, len(blob) - 1))] = draw(st.integers(0, 255))
    return bytes(blob[: draw(st.just(len(blob)) | st.integers(0, len(blob)))])


def _map_btf(draw: st.DrawFn, key_size: int, value_size: int) -> dict[str, Any]:
    """The option `btf` for these sizes; of few layouts, so that two are often the same."""
    char = 1 + draw(_FEW)  # after types that mean nothing
    words = [1, _head(INT), 1, 8] * char
    words += [0, _head(ARRAY), 0, char, char, key_size]
    words += [0, _head(ARRAY), 0, char, char, value_size]
    words += [1 + 2 * draw(_FEW), _head(STRUCT, 1), value_size, 5, char + 2, 0]
    words += [1 + 2 * draw(_FEW), _head(TYPEDEF), char + 3]
    return {
        "data": base64.b64encode(blob_of(words)).decode(),
        "key_type_id": char + 1 if key_size else 0,
        "value_type_id": char + 2 + draw(_FEW),
    }


# Declarations of maps


@functools.lru_cache(maxsize=None)
def _within(allowed: range) -> st.SearchStrategy[int]:
    """A number in `allowed`, often a small one or one of the ends."""
    last = len(allowed) - 1
    often = sorted({allowed[min(index, last)] for index in (0, 1, 15, last)})
    return st.sampled_from(often) | st.integers(0, last).map(allowed.__getitem__)


@functools.lru_cache(maxsize=None)
def _flags(row: MapType) -> st.SearchStrategy[list[str]]:
    names = [name for name in flag_names(row.flags) if name != "numa_node"]
    chosen = st.lists(st.sampled_from(names), unique=True) if names else st.just([])
    return chosen.map(_one_sided)


def _one_sided(flags: list[str]) -> list[str]:
    """Without the second of two that exclude each other."""
    sides = [flag for flag in flags if flag in ("rdonly_prog", "wronly_prog")]
    return [flag for flag in flags if flag not in sides[1:]]


def _has_default(allowed: range) -> bool:
    return allowed.start == 0 or len(allowed) == 1


_NODES = st.integers(0, 3)


@st.composite
def shapes_of(draw: st.DrawFn, kind: str, *, is_inner: bool = False) -> dict[str, Any]:
    """A map of this type as one declares it, with all that the type takes."""
    row = MAP_TYPES[kind]
    declared: dict[str, Any] = {"type": kind}
    flags = draw(_flags(row))
    if flags or draw(YES_OR_NO):
        declared["flags"] = flags
    values = row.value
    if row.value_by_flag and flag_names(row.value_by_flag[0])[0] in flags:
        values = row.value_by_flag[1]
    fields = {
        "key_size": row.key,
        "value_size": values,
        "max_entries": row.entries,
        "map_extra": row.extra,
    }
    for field, allowed in fields.items():
        if not (_has_default(allowed) and draw(YES_OR_NO)):
            declared[field] = draw(_within(allowed))
    if row.extra_within_entries and "map_extra" in declared:
        declared["map_extra"] = min(declared["map_extra"], declared["max_entries"])
    if "numa_node" in flag_names(row.flags) and draw(RARELY):
        declared["numa_node"] = draw(_NODES)
    if row.inner:
        declared["inner_map"] = draw(INNER_SHAPES)
    if not is_inner and row.btf is not TakesBtf.NO and draw(RARELY):
        key_size = declared.get("key_size", row.key.start)
        declared["btf"] = _map_btf(draw, key_size, declared.get("value_size", values.start))
    return declared


KINDS = st.sampled_from(sorted(MAP_TYPES))
INNER_SHAPES = st.one_of(
    [shapes_of(kind, is_inner=True) for kind, row in MAP_TYPES.items() if row.can_be_inner]
)
SHAPES = st.one_of([shapes_of(kind) for kind in MAP_TYPES])
_COPYABLE = ["hash", "lru_hash", "percpu_hash", "lru_percpu_hash", "array", "percpu_array"]
_COPYABLE += ["lpm_trie", "array_of_maps", "hash_of_maps", "prog_array"]
COPYABLE_SHAPES = st.one_of([shapes_of(kind) for kind in _COPYABLE])
SHAPES_OF_MAPS = shapes_of("array_of_maps") | shapes_of("hash_of_maps")
_FROZEN = st.sampled_from([None, None, True, False])
ON_MISMATCH = st.sampled_from([each.value for each in OnMismatch])
VALUE_GROWTH = st.sampled_from([each.value for each in ValueGrowth])
_PIN_ACCESS = access(PIN_MODES)


@st.composite
def declarations(
    draw: st.DrawFn, shapes: st.SearchStrategy[dict[str, Any]] = SHAPES
) -> dict[str, Any]:
    """An item of `maps`, valid in itself."""
    item = {"name": draw(PIN_NAMES), **draw(shapes), **draw(_PIN_ACCESS)}
    if draw(YES_OR_NO):
        item["directory"] = draw(DIRECTORIES)
    if draw(RARELY):
        item["path"] = f"{item.pop('directory', '/sys/fs/bpf')}//{item['name']}/"
    item["frozen"] = draw(_FROZEN)
    if draw(RARELY):
        item.update(on_mismatch=draw(ON_MISMATCH), value_growth=draw(VALUE_GROWTH))
    return item


DEFAULTS = {"directory": "/sys/fs/bpf", "on_mismatch": "fail", "value_growth": "refuse"}

# Whatever one may write where something else is wanted. AnsibleModule has seen to the types.
_ODD_TEXT = st.text(max_size=8) | st.sampled_from(
    ["", "/", "//", "..", "/a/../b", "a\0b", "\ud800", "x" * 300, STAGING, "0o17", "-1", "٣"]
)
_ODD_INT = st.sampled_from([0, -1, 2**31, 2**32 - 1, 2**32, 2**64, True]) | st.integers()
_ODD_BTF = st.fixed_dictionaries(
    {
        "data": damaged().map(lambda blob: base64.b64encode(blob).decode()) | _ODD_TEXT,
        "key_type_id": st.integers(0, 9) | _ODD_INT,
        "value_type_id": st.integers(0, 9) | _ODD_INT,
    }
)
_ODD_KINDS = st.sampled_from(["struct_ops", "HASH", "", None]) | KINDS | _ODD_TEXT
_ODD_FLAGS = st.lists(
    st.sampled_from(["rdonly", "no_prealloc", "NUMA_NODE", ""]) | _ODD_TEXT, max_size=3
)
_ODD_SHAPE = {
    **{name: _ODD_INT for name, option in options.SHAPE.items() if option["type"] == "int"},
    "type": _ODD_KINDS,
    "flags": _ODD_FLAGS,
    "btf": _ODD_BTF,
}
_ODD = {
    **_ODD_SHAPE,
    "inner_map": st.fixed_dictionaries({}, optional=_ODD_SHAPE),
    "name": _ODD_TEXT,
    "path": _ODD_TEXT,
    "directory": _ODD_TEXT,
    "owner": _ODD_TEXT,
    "group": _ODD_TEXT,
    "mode": _ODD_TEXT | _ODD_INT | st.lists(_ODD_INT, max_size=1),
    "frozen": st.none() | st.booleans(),
}
# Fields and what is in them; few, so that the rest of a declaration may stand.
ODDITIES = st.lists(
    st.one_of([st.tuples(st.just(name), values) for name, values in _ODD.items()]),
    min_size=1,
    max_size=2,
)

# Arguments of bpffs_mount

_DELEGATED = {
    "cmds": ["map_create", "prog_load", "prog_run", "PROG_TEST_RUN", "Btf_Load"],
    "maps": ["hash", "ARRAY", "cgroup_storage", "percpu_cgroup_storage_deprecated"],
    "progs": ["xdp", "socket_filter"],
    "attachs": ["cgroup_inet_ingress", "Xdp"],
}


@st.composite
def mount_flags(draw: st.DrawFn) -> list[str]:
    """The option `opts`, free of contradiction."""
    opts = []
    for flag in ("nosuid", "nodev", "noexec", "nodiratime", "nosymfollow", "ro"):
        opposite = next(name for name, of in OPPOSITES.items() if of == flag)
        opts += draw(st.sampled_from([[], [], [flag], [opposite]]))
    opts += draw(st.sampled_from([[], [], ["noatime"], ["relatime"], ["strictatime"]]))
    assert {*opts} <= {*MOUNT_FLAGS, *OPPOSITES}
    return draw(st.permutations(opts))


@st.composite
def mount_arguments(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments that say how a bpffs is to be mounted."""
    arguments: dict[str, Any] = {"path": "/run/bpf", **draw(access(ROOT_MODES))}
    arguments["opts"] = draw(st.none() | mount_flags())
    arguments["force"] = draw(st.booleans())
    for field in DELEGATES:
        names = st.lists(st.sampled_from(_DELEGATED[field]), min_size=1, max_size=3)
        arguments[f"delegate_{field}"] = draw(
            st.sampled_from([None, None, None, ["any"]]) | st.none() | names
        )
    return arguments


# Lines of fstab and of mountinfo

_BLANK = st.sampled_from([b" ", b"\t", b"  ", b" \t "])
_WORD = st.text(
    st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp"], exclude_characters="\t\n\r\v\f "),
    min_size=1,
    max_size=6,
).map(str.encode) | st.sampled_from([b"UUID=1", b"/", b"/srv\\040data", b"#", b"defaults", b"\xff"])
_OPTION = st.sampled_from(
    [
        "defaults",
        "noauto",
        "nosuid",
        "suid",
        "ro",
        "rw",
        "relatime",
        "noatime",
        "mode=0777",
        "mode=1700",
        "uid=0",
        "uid=7",
        "gid=1",
        "delegate_maps=hash",
        "delegate_cmds=any",
        "x-systemd.automount",
        "x-a=b=c",
    ]
)
_OPTIONS = st.lists(_OPTION, min_size=1, max_size=4).map(lambda each: ",".join(each).encode())
_LAST = st.sampled_from([b"", b" 0 0", b"\t0\t0 ", b" 0 0 # mine", b" # mine", b" 0 0\r"])
_OURS = [b"/run/bpf", b"/run/bpf/", b"/run\\057bpf", b"/run/b\\160f"]


@st.composite
def _entry(
    draw: st.DrawFn, points: st.SearchStrategy[bytes], types: st.SearchStrategy[bytes]
) -> bytes:
    first = draw(st.sampled_from([b"", b"", b" ", b"\t"]))
    fields = [draw(_WORD.filter(lambda word: word[:1] != b"#")), draw(points), draw(types)]
    if draw(st.integers(0, 5)):
        fields.append(draw(_OPTIONS))
    line = first + fields[0]
    for field in fields[1:]:
        line += draw(_BLANK) + field
    return line + draw(_LAST)


_OTHER_LINE = st.one_of(
    st.sampled_from(
        [
            *(b"", b" ", b"\t", b"\r", b"\xff\xfe", b"# static"),
            *(b"#x /run/bpf bpf defaults 0 0", b"# \rx /run/bpf bpf rw 0 0"),
        ]
    ),
    st.lists(_WORD, max_size=2).map(b" ".join),
    _entry(
        st.sampled_from([b"/", b"/tmp", b"/run", b"/run/bpf2", b"/run/bpf/x", b"none"]),
        st.sampled_from([b"bpf", b"tmpfs"]),
    ),
)
OUR_LINE = _entry(st.sampled_from(_OURS), st.just(b"bpf"))
FOREIGN_LINE = _entry(st.sampled_from(_OURS), st.sampled_from([b"tmpfs", b"none", b"BPF"]))
_LINES = [
    st.lists(_OTHER_LINE, max_size=5),
    st.lists(_OTHER_LINE | OUR_LINE, max_size=6),
    st.lists(_OTHER_LINE | OUR_LINE | FOREIGN_LINE, max_size=6),
]
FSTABS = st.builds(
    lambda lines, last: b"\n".join(lines) + last,
    st.one_of(_LINES),
    st.sampled_from([b"\n", b"\n", b""]),
)

# What a name in a mount can be; never empty where mountinfo has no empty field.
MOUNT_NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from(" \t\n\\#"),
    min_size=1,
    max_size=10,
).map(lambda text: f"/{text}")
SURROGATES = st.binary(min_size=1, max_size=6).map(
    lambda raw: os.fsdecode(raw.replace(b"\0", b"x").replace(b",", b"x"))
)
