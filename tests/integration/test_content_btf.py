# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and values as they are declared, and what bpftool and C read in their bytes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from harness.host import BPFFS, Host
from harness.site import HERE

CONTENTS = str(HERE / "harness" / "contents.py")
NEW = "clang-19"  # knows enums of 64 bits, and says which enums are signed
COMPILERS = ["clang", NEW]


Question = tuple[str, str, Any, Any]  # a path, "key" or "value", its format, and what is asked


class Row(NamedTuple):
    """An entry, and as what bpftool shows it: as it is declared, unless that is given, too.

    It shows bitfields and numbers of 16 bytes as bits, of a union all members, and a member without
    a name as "".
    """

    key: Any
    value: Any
    shown_value: Any = None
    shown_key: Any = None


POINT = {"x": -5, "y": 7}
GAPS = {"a": 1, "b": 2**63, "c": 3, "d": 4}
NESTED = {"from": POINT, "way": {"hops": 9, "via": {"x": 1, "y": -1}}, "last": 200}
BITS = {"a": 5, "b": 1, "c": 0x1ABCD, "d": 0x5AAAA, "e": 9}
SHOWN_BITS = {"a": "0x5", "b": "0x1", "c": "0x1abcd", "d": "0x5aaaa", "e": "0x9"}
PACKED = {"a": 1, "b": 2**64 - 2, "c": 3, "d": POINT, "e": 100, "f": 2**25 - 1}
SHOWN_PACKED = {**PACKED, "e": "0x64", "f": "0x1ffffff"}
INTEGERS = {
    "a": 255,
    "b": -128,
    "c": 65535,
    "d": -2,
    "e": 2**32 - 1,
    "f": -(2**31),
    "g": 2**64 - 1,
    "h": -(2**63),
}
ENDPOINT = {
    "addr": "10.0.0.1",
    "port": 443,
    "mac": "02:00:5e:00:00:01",
    "addr6": "2001:db8::1",
    "peers": ["10.0.0.2", "10.0.0.3"],
    "protocol": "tcp",
}
SHOWN_ENDPOINT = {  # in the order of this machine
    "addr": int.from_bytes(b"\x0a\0\0\1", "little"),
    "port": int.from_bytes(b"\x01\xbb", "little"),
    "mac": [2, 0, 0x5E, 0, 0, 1],
    "addr6": [0x20, 1, 0xD, 0xB8, *[0] * 11, 1],
    "peers": [int.from_bytes(b"\x0a\0\0\2", "little"), int.from_bytes(b"\x0a\0\0\3", "little")],
    "protocol": 6,
}
BY_FIELD = {
    "addr": "ipv4",
    "port": "be16",
    "mac": "mac",
    "addr6": "ipv6",
    "peers": "ipv4",
    "protocol": "proto",
}
FORMATS: dict[str, tuple[Any, Any]] = {  # of keys and values
    "m_endpoint": (BY_FIELD, BY_FIELD),
    "m_backend": (None, {f"endpoint.{name}": each for name, each in BY_FIELD.items()}),
    "m_prefix": ("cidr4", "be32"),
    "m_floating": (None, {"ratio": "hex"}),
    "m_pointing": (None, {"to": "u64"}),
}

ROWS: dict[str, Row] = {
    "m_integers": Row(1, INTEGERS),
    "m_number": Row(-2, 2**64 - 1),
    "m_negative": Row(200, -1),
    "m_letter": Row(65, 66),
    "m_truth": Row(1, True),
    "m_color": Row("GREEN", "LOW"),
    "m_gaps": Row(GAPS, GAPS),
    "m_truths": Row(1, {"yes": True, "no": False, "number": 7}),
    "m_enums": Row(1, {"color": "DEEP", "level": "HIGH", "tiny": "TINIER"}),
    "m_wide": Row(
        1,
        {"all": 2**127 + 5, "half": -1},
        {"all": "0x80000000000000000000000000000005", "half": "0x" + "f" * 32},
    ),
    "m_nested": Row(1, NESTED),
    "m_unnamed": Row(
        1,
        {"version": 4, "high": 1, "low": 2, "port": 80},
        {
            "version": 4,
            "": {"v4": 0x20001, "": {"high": 1, "low": 2}, "bytes": [1, 0, 2, 0, 0, 0, 0, 0]},
            "port": 80,
        },
    ),
    "m_union": Row(1, {"many": 2**40}, {"few": 0, "many": 2**40, "point": {"x": 0, "y": 256}}),
    "m_chosen": Row(
        1,
        {"kind": 2, "value": {"point": POINT}},
        {"kind": 2, "value": {"few": 251, "many": 7 << 32 | 2**32 - 5, "point": POINT}},
    ),
    "m_bits": Row(BITS, BITS, SHOWN_BITS, SHOWN_BITS),
    "m_signed_bits": Row(
        1,
        {"a": -4, "b": -1000, "c": 15, "d": -(2**39), "plain": 65535},
        {"a": "0x4", "b": "0x1c18", "c": "0xf", "d": "0x8000000000", "plain": 65535},
    ),
    "m_many_bits": Row(
        1,
        {"a": 2**62 + 1, "b": 1, "yes": True, "shade": "LIGHT", "level": "LOW"},
        {"a": "0x4000000000000001", "b": "0x1", "yes": "0x1", "shade": "0x9", "level": "0xd"},
    ),
    "m_bits_or_number": Row(
        1, {"low": 3, "high": 12}, {"": {"low": "0x3", "high": "0xc"}, "both": 0xC3}
    ),
    "m_packed": Row(PACKED, PACKED, SHOWN_PACKED, SHOWN_PACKED),
    "m_slots": Row(
        1, {"count": 3, "slot": [{"addr": each, "weight": each + 10} for each in range(3)]}
    ),
    "m_grid": Row(1, {"cell": [[1, 2, 3], [4, 5, 6]], "corner": [[POINT], [{"x": 0, "y": 1}]]}),
    "m_texts": Row(
        1,
        {
            "name": "fifteen letters",
            "row": ["abc", ""],
            "numbers": [-1, 1],
            "bytes": [1, 2, 255],
        },
    ),
    "m_renamed": Row(7, {"id": 1, "both": [2, 3], "where": [POINT, POINT]}),
    "m_places": Row(1, [POINT, {"x": 1, "y": 2}]),
    "m_tagged": Row(1, {"id": 1, "port": 2}),
    "m_hollow": Row(1, {"something": 2}, {"nothing": {}, "something": 2}),
    "m_endpoint": Row(ENDPOINT, ENDPOINT, SHOWN_ENDPOINT, SHOWN_ENDPOINT),
    "m_backend": Row(
        1,
        {
            "endpoint": ENDPOINT,
            "flags": {"raw": [1, 2**63]},
            "ways": [NESTED, NESTED],
        },
        {
            "endpoint": SHOWN_ENDPOINT,
            "flags": {
                "bits": {"a": "0x1", **dict.fromkeys("bcde", "0x0")},
                "raw": [1, 2**63],
            },
            "ways": [NESTED, NESTED],
        },
    ),
    "m_locked": Row(1, {"before": 1, "count": 2}, {"before": 1, "lock": {"val": 0}, "count": 2}),
    "m_prefix": Row("10.0.0.0/8", 5, 5 << 24, {"length": 8, "address": [10, 0, 0, 0]}),
    "m_pointing": Row(1, {"number": 2, "to": 2**40}),
}
ROWS_OF_NEW = {
    "m_enums64": Row("LARGE", {"large": "LARGEST", "far_off": "FAR_BELOW"}),
}


FOR_BPF = ["-g", "-O2", "-target", "bpf", "-c"]
FOR_BPF.append(f"-idirafter/usr/include/{os.uname().machine}-linux-gnu")


@pytest.fixture(scope="module", params=COMPILERS)
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """values.bpf.c by a compiler; the folder has its name."""
    target = tmp_path_factory.mktemp(request.param) / f"{request.param}.o"
    command = [request.param, *FOR_BPF, str(HERE / "c" / "values.bpf.c"), "-o", str(target)]
    subprocess.run(command, check=True)
    return target


def rows_of(compiled: Path) -> dict[str, Row]:
    return {**ROWS, **(ROWS_OF_NEW if compiled.stem == NEW else {})}


@pytest.fixture
def loaded(host: Host, compiled: Path) -> dict[str, int]:
    """The ids of the maps, as libbpf has pinned them. The program keeps those of the sections."""
    made = host.run(host.site.program("load"), str(compiled), BPFFS, f"{BPFFS}/touch")
    found: dict[str, int] = json.loads(made.stdout)
    return found


def asked(host: Host, what: str, questions: Sequence[Sequence[Any]]) -> list[Any]:
    """What harness/contents.py makes of these."""
    file = host.scratch / "asked"
    file.write_text(json.dumps(questions))
    command = f"PYTHONPATH={host.site.scratch} {host.site.python} {CONTENTS} {what} < {file}"
    found: list[Any] = json.loads(host.shell(command))
    return found


def parts_of(rows: dict[str, Row]) -> list[Question]:
    """Each key and each value: its map, what it is, its format, and what is declared."""
    found = []
    for name, row in rows.items():
        key_format, value_format = FORMATS.get(name, (None, None))
        found.append((f"{BPFFS}/{name}", "key", key_format, row.key))
        found.append((f"{BPFFS}/{name}", "value", value_format, row.value))
    return found


def with_values(questions: Sequence[Question], values: Sequence[Any]) -> list[Question]:
    """The same questions about other values."""
    return [(*each[:3], value) for each, value in zip(questions, values, strict=True)]


def spaced(digits: str) -> list[str]:
    return [digits[at : at + 2] for at in range(0, len(digits), 2)]


def update(host: Host, path: str, key: str, value: str) -> None:
    words = ["map", "update", "pinned", path, "key", "hex", *spaced(key)]
    host.run("bpftool", *words, "value", "hex", *spaced(value))


@pytest.mark.usefixtures("loaded")
def test_bpftool_shows_every_entry_as_it_is_declared(
    host: Host, compiled: Path, subtests: pytest.Subtests
) -> None:
    rows = rows_of(compiled)
    assert len(rows) >= 31
    questions = parts_of(rows)
    encoded = asked(host, "encode", questions)
    assert [each for each in encoded if not isinstance(each, str)] == []
    for (name, row), key, value in zip(rows.items(), encoded[::2], encoded[1::2], strict=True):
        with subtests.test(name):
            update(host, f"{BPFFS}/{name}", key, value)
            (entry,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/{name}")
            shown = entry.get("formatted", entry)
            assert shown["key"] == (row.key if row.shown_key is None else row.shown_key)
            assert shown["value"] == (row.value if row.shown_value is None else row.shown_value)
            assert ["".join(each[2:] for each in entry[part]) for part in ("key", "value")] == [
                key,
                value,
            ]
    decoded = asked(host, "decode", with_values(questions, encoded))
    ambiguous = {("m_unnamed", "value"), ("m_chosen", "value")}  # of a union the first that does
    for (path, part, _given, declared), found in zip(questions, decoded, strict=True):
        if (Path(path).name, part) not in ambiguous:
            assert found == declared, (path, part)
    assert asked(host, "encode", with_values(questions, decoded)) == encoded


# The structs that c/values.c reads, and what it prints of them.
AS_C_READS = {
    "integers": [
        *("a 255", "b -128", "c 65535", "d -2", "e 4294967295", "f -2147483648"),
        *("g 18446744073709551615", "h -9223372036854775808"),
    ],
    "gaps": ["a 1", "b 9223372036854775808", "c 3", "d 4"],
    "enums": ["color 0 1", "level 0 1", "tiny 1"],
    "enums64": ["large 1", "far_off 1"],
    "unnamed": ["version 4", "high 1", "low 2", "bytes[7] 0", "port 80"],
    "bits": ["a 5", "b 1", "c 109517", "d 371370", "e 9"],
    "signed_bits": ["a -4", "b -1000", "c 15", "d -549755813888", "plain 65535"],
    "many_bits": ["a 4611686018427387905", "b 1", "yes 1", "shade 1", "level 1"],
    "packed": [
        *("a 1", "b 18446744073709551614", "c 3", "d.x -5", "d.y 7", "e 100", "f 33554431"),
    ],
    "grid": ["cell[0][1] 2", "cell[1][2] 6", "corner[1][0].y 1"],
    "texts": ["name fifteen letters", "row[1] ", "numbers[1] 1", "bytes[2] 255"],
    "endpoint": [
        *("addr 10.0.0.1", "port 443"),
        *(f"mac[{at}] {byte}" for at, byte in enumerate([2, 0, 0x5E, 0, 0, 1])),
        *("addr6 2001:db8::1", "peers[1] 10.0.0.3", "protocol 6"),
    ],
}


@pytest.mark.usefixtures("loaded")
def test_c_reads_in_every_struct_what_is_declared(
    host: Host, compiled: Path, subtests: pytest.Subtests
) -> None:
    rows = rows_of(compiled)
    for name, lines in AS_C_READS.items():
        row = rows.get(f"m_{name}")
        if row is None:
            continue
        with subtests.test(name):
            (_key, question) = parts_of({f"m_{name}": row})
            (raw,) = asked(host, "encode", [question])
            assert host.run(host.site.program("values"), name, raw).stdout.splitlines() == lines


def number_of(loaded: dict[str, int], section: str) -> int:
    """The id of the map of a section."""
    (found,) = (number for name, number in loaded.items() if name.endswith(section))
    return found


def test_variables_are_set_by_name(host: Host, loaded: dict[str, int]) -> None:
    path = f"{BPFFS}/data"
    host.run("bpftool", "map", "pin", "id", str(number_of(loaded, ".data")), path)
    value = {"limit": 2**32 - 1, "start": POINT, "label": "second"}
    (raw,) = asked(host, "encode", [(path, "value", None, value)])
    update(host, path, "00000000", raw)
    ((section,),) = (
        each["formatted"]["value"].values() for each in host.bpftool("map", "dump", "pinned", path)
    )
    shown = {name: each for variable in section for name, each in variable.items()}
    assert {name: shown[name] for name in value} == value
    (decoded,) = asked(host, "decode", [(path, "value", None, raw)])
    assert {name: decoded[name] for name in value} == value
    path = f"{BPFFS}/bss"
    host.run("bpftool", "map", "pin", "id", str(number_of(loaded, ".bss")), path)
    values = [{"ratio": 1}, {"where": 1}, {"limit": 1}]
    told = asked(host, "encode", [(path, "value", None, value) for value in values])
    reasons = ["cannot be set: the field ratio of the value is a floating-point number"]
    reasons += ["cannot be set: the field where of the value is a pointer"]
    reasons += ["is not one of the fields"]
    for value, reason, answer in zip(values, reasons, told, strict=True):
        assert answer["message"].startswith(f"{''.join(value)}: {reason}")


REFUSED = {
    "m_pointing": "the field to of the value is a pointer, which cannot be declared",
    "m_floating": "the field ratio of the value is a floating-point number, which cannot be",
    "m_flexible": "the field rest of the value is an array without a size, which cannot be",
}
OWNED = {
    "timers": "the field timer of the value is a struct bpf_timer, which only programs can set",
    "deep_timers": "the field timed.timer of the value is a struct bpf_timer, which only programs",
    "pointers": "the field task of the value is a pointer of the kind kptr",
}


@pytest.mark.usefixtures("loaded")
def test_what_cannot_be_declared_is_refused_by_field(host: Host) -> None:
    host.load("owned", BPFFS)
    told = {**REFUSED, **OWNED}
    answers = asked(host, "encode", [(f"{BPFFS}/{name}", "value", None, {}) for name in told])
    for text, answer in zip(told.values(), answers, strict=True):
        assert answer["message"].startswith(text)
    answers = asked(host, "encode", [(f"{BPFFS}/{name}", "value", "hex", "00") for name in OWNED])
    for answer in answers:
        assert "holds what only programs can set" in answer["message"]
