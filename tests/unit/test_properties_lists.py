# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that are rendered are read back whole; bytes of any kind raise Problems, or nothing."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.read import FORMATS
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import examples
from test_lists import LISTS, entries, said_of
from test_lists_tables import BAD_JSON, BAD_TABLES, BLOCKS

ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=4).map(lambda address: f"{address}/32"),
    st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True),
)
SIZES = st.lists(st.integers(1, 90), min_size=1, max_size=4).map(tuple)
BLANKS = st.text(" \t", min_size=1, max_size=3)
COMMENTS = st.sampled_from(["", "", "", " # one, {two}", "\t; three four", "  "])
NOISE = st.sampled_from(["", "# comment", "  ", ";"])
ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def plain_lists(draw: st.DrawFn) -> tuple[str, list[Any]]:
    lines, wanted = [], []
    for _each in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 3)):
            key = draw(ADDRESSES)
            value = draw(st.one_of(st.none(), st.integers(0, 99).map(str)))
            shown = key if value is None else f"{key}{draw(BLANKS)}{value}"
            lines.append(f"{shown}{draw(COMMENTS)}")
            wanted.append((len(lines), key, value))
        else:
            lines.append(draw(NOISE))
    return draw(ENDS).join(lines), wanted


@examples(100)
@given(plain_lists(), SIZES)
def test_plain_lists_are_read_back(made: tuple[str, list[Any]], sizes: tuple[int, ...]) -> None:
    text, wanted = made
    assert entries(text, sizes=sizes) == wanted


OPTIONS = st.sampled_from(["", "", " timeout 30", ' comment "a # b; c"', " packets 1 bytes 2"])


@examples(100)
@given(st.lists(st.tuples(ADDRESSES, OPTIONS), min_size=1), SIZES)
def test_sets_of_ipset_are_read_back(
    elements: list[tuple[str, str]], sizes: tuple[int, ...]
) -> None:
    lines = [f"add bad {address}{options}" for address, options in elements]
    text = "\n".join(["create bad hash:net comment", *lines])
    wanted = [(number, address, None) for number, (address, _each) in enumerate(elements, 2)]
    assert entries(text, sizes=sizes) == wanted


NFT_OPTIONS = st.sampled_from(["", "", " timeout 30s", ' comment "a # b; , }"', " counter"])
COMMAS = st.sampled_from([", ", ",\n\t", " ,", ", # more\n", ",,\n"])


@examples(100)
@given(st.lists(st.tuples(ADDRESSES, NFT_OPTIONS, COMMAS)), st.booleans(), SIZES)
def test_sets_of_nft_are_read_back(
    elements: list[tuple[str, str, str]], has_last_comma: bool, sizes: tuple[int, ...]
) -> None:
    text, wanted = "table ip f {\nset s {\ntype x; elements = { ", []
    for at, (address, options, comma) in enumerate(elements):
        wanted.append((text.count("\n") + 1, address, None))
        text += address + options
        if has_last_comma or at < len(elements) - 1:
            text += comma
    assert entries(text + " }\n}\n}\n", sizes=sizes) == wanted


CELLS = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=6).map(
    lambda text: text.strip(" ")
)
DIALECTS = st.sampled_from([",", ";", "\t"])


@examples(100)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS).filter(lambda row: row[0][:1] != "#")),
    DIALECTS,
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    SIZES,
)
def test_tables_are_read_back(
    rows: list[tuple[str, str, str]], delimiter: str, quoting: int, sizes: tuple[int, ...]
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator="\r\n")
    writer.writerows([("Key", "A", "B"), *rows])
    columns = {"key": "Key", "value.x": "A", "value.y.z": "B"}
    found = entries(file.getvalue(), "csv", columns, sizes)
    assert [each[1:] for each in found] == [(a, {"x": b, "y": {"z": c}}) for a, b, c in rows]


JSON = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])).filter(
        lambda text: not re.fullmatch("0x[0-9a-f]{2}", text)
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=6,
)


@examples(100)
@given(
    st.lists(st.tuples(JSON, JSON)),
    st.sampled_from([None, 1]),
    st.booleans(),
    SIZES,
)
def test_lists_in_json_are_read_back(
    pairs: list[tuple[Any, Any]], indent: int | None, ascii_only: bool, sizes: tuple[int, ...]
) -> None:
    whole = [{"key": key, "value": value} for key, value in pairs]
    text = json.dumps(whole, indent=indent, ensure_ascii=ascii_only)
    if "\x7f" in text or "\0" in text:
        return
    wanted = [(index, *pair) for index, pair in enumerate(pairs)]
    assert entries(text, "json", sizes=sizes) == wanted


SAMPLES = [*LISTS.values(), BLOCKS, *(text for text, *_more in (*BAD_TABLES.values(),))] + [
    text for text, _says in BAD_JSON.values() if isinstance(text, str) and len(text) < 1000
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from([text for text in SAMPLES if len(text) < 2000])).encode())
    for _each in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=3) | st.sampled_from([b"{", b"}", b",", b'"', b"\n", b"[", b" # "])
        )
    return bytes(data)


@pytest.mark.parametrize("format", FORMATS)
@examples(100)
@given(data=st.binary(max_size=200) | damaged(), sizes=SIZES)
@example(data=b"\x1f\x8b", sizes=(1,))
@example(data=b"\xef\xbb", sizes=(1,))
def test_any_bytes_are_read_or_refused(format: str, data: bytes, sizes: tuple[int, ...]) -> None:
    columns = {"key": "network"} if format == "csv" and b"network" in data else None
    lines = data.count(b"\n") + 1
    said = said_of(data, format, columns=columns, sizes=sizes).splitlines()
    assert len(said) <= 21
    assert all(text.startswith("/etc/list: ") for text in said)
    for number in re.findall(r"^/etc/list: line (\d+)", "\n".join(said), re.MULTILINE):
        assert 1 <= int(number) <= lines or data.startswith(b"\x1f\x8b")
    if not said:
        whole = entries(data, format, columns)
        assert entries(data, format, columns, sizes) == whole
