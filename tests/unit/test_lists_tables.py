# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and JSON: what is read, and what is wrong with them. The real dumps of bpftool are read in
tests/integration/test_lists.py."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.chunk import Notation
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.faults import Faults
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.read import read
from test_lists import PIECES, entries, pieces, problems

# As MaxMind writes blocks.
BLOCKS = """\
network,geoname_id,registered_country_geoname_id,is_anonymous_proxy,name
1.0.0.0/24,2077456,2077456,0,"Sydney, NSW"
1.0.1.0/24,1814991,1814991,0,"a ""quoted"" one"
1.0.2.0/23,,1814991,0,"two
lines"

1.0.4.0/22,2077456,2077456,1,
"""
# As abuse.ch writes them.
COMMENTED = """\
################################
# a list, "updated" now        #
################################

"dst_ip","dst_port"
"162.243.103.246","8080"
"137.184.9.29","443"
# END 2 entries
"""


@pytest.mark.parametrize("sizes", PIECES)
def test_columns_are_taken_by_the_names_of_the_header(sizes: tuple[int, ...]) -> None:
    columns = {"key": "network", "value.country": "geoname_id", "value.place.name": "name"}
    found = entries(BLOCKS, "csv", columns, sizes)
    rows = list(csv.DictReader(io.StringIO(BLOCKS, newline="")))
    assert [(key, value["country"], value["place"]["name"]) for _number, key, value in found] == [
        (row["network"], row["geoname_id"], row["name"]) for row in rows
    ]
    assert [number for number, _key, _value in found] == [2, 3, 4, 7]


@pytest.mark.parametrize("sizes", PIECES)
def test_comments_around_a_table_are_passed_over(sizes: tuple[int, ...]) -> None:
    columns = {"key.ip": "dst_ip", "key.port": "dst_port"}
    assert entries(COMMENTED, "csv", columns, sizes) == [
        (6, {"ip": "162.243.103.246", "port": "8080"}, None),
        (7, {"ip": "137.184.9.29", "port": "443"}, None),
    ]


@pytest.mark.parametrize(
    ("text", "columns", "wanted"),
    [
        ("key,value\n1,2\n", None, [(2, "1", "2")]),
        ("\ufeffkey;value\r\n1;2\r\n", None, [(2, "1", "2")]),
        ("value\tkey\n1,0\t2\n", None, [(2, "2", "1,0")]),
        ("key\n1\n\n2\n", None, [(2, "1", None), (4, "2", None)]),
        ("key.a, key.b\n1, 2\n", None, [(2, {"a": "1", "b": "2"}, None)]),
        ("a;b,c\n1;2\n", {"key": "a", "value": "b,c"}, [(2, "1", "2")]),
        ("key,value\n", None, []),
        ('key\n"#1"\n', None, [(2, "#1", None)]),
    ],
)
def test_what_separates_cells_is_known_by_the_header(
    text: str, columns: dict[str, str] | None, wanted: list[Any]
) -> None:
    for sizes in PIECES:
        assert entries(text, "csv", columns, sizes) == wanted


BAD_TABLES = {
    "nothing": ("", {}, "is empty: the first line of a table names its columns"),
    "comments alone": ("# key\n", {}, "is empty: the first line of a table names its columns"),
    "no header": ("10.0.0.1,secret\n", {}, "line 1: has no column `key`, `value` or `key.FIELD`: "),
    "no column of these": (
        "10.0.0.1,secret\n",
        {"key": "ip"},
        "line 1: has no column of 'ip': the first line of a table names its columns",
    ),
    "a missing column": (
        "ip,port\n1,2\n",
        {"key": "ip", "value": "Port"},
        "line 1: has no column 'Port': there are 'ip', 'port'",
    ),
    "an unknown column": ("key,vlaue\n1,2\n", {}, "line 1: has a column 'vlaue': without"),
    "no key": ("value\n1\n", {}, "line 1: has no column for the key"),
    "no such part": ("a,b\n1,2\n", {"key": "a", "vaule.b": "b"}, "line 1: `columns` may have"),
    "half a name": ("a,b\n1,2\n", {"key": "a", "value.": "b"}, "line 1: `columns` may have"),
    "the whole and a field": (
        "key,value,value.a\n1,2,3\n",
        {},
        "line 1: has `value` and fields of it: have either the whole or its fields",
    ),
    "a column twice": ("ip,ip,b\n1,2,3\n", {"key": "ip"}, "line 1: has two columns 'ip'"),
    "a cell too many": (
        "key,value\n1,2\n1,2,3\n",
        {},
        "line 3: has 3 where the header has 2 cells",
    ),
    "a cell too few": (
        '# x\nkey,value\n"1\n",2\n\n1\n',
        {},
        "line 6: has 1 where the header has 2",
    ),
    "an open quote": ('key,value\n1,2\n3,"4\n', {}, "line 3: is not as a table writes it"),
    "more behind a quote": ('key,value\n1,"2"3\n', {}, "line 2: is not as a table writes it"),
    "a long cell": (
        'key\n"' + f"{'a' * 60_000}\n" * 3 + '"\n',
        {},
        "line 2: is not as a table writes it",
    ),
    "a NUL": ("key\n1\n\0\n", {}, "line 3: holds a NUL byte"),
}


@pytest.mark.parametrize(("text", "columns", "begins"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_what_is_wrong_with_a_table(text: str, columns: dict[str, str], begins: str) -> None:
    for sizes in PIECES:
        (found,) = problems(text, "csv", columns=columns, sizes=sizes)
        assert found.startswith(begins)
        assert "secret" not in found
        assert "10.0.0.1" not in found


def test_faults_of_a_table_are_told_together() -> None:
    found = problems("key,value\n" + "1\n1,2\n" * 30, "csv")
    assert [text.split(":")[0] for text in found[:3]] == ["line 2", "line 4", "line 6"]
    assert len(found) == 21
    assert found[20] == "and 10 more"


def notations(text: str) -> list[tuple[Notation, Any, Any]]:
    faults = Faults("/etc/list")
    chunks = list(read([text.encode()], "json", faults))
    faults.raise_any()
    return [
        (chunk.notation, *pair)
        for chunk in chunks
        for pair in zip(chunk.keys, chunk.values or [None] * len(chunk.keys))
    ]


TYPED, FORMATTED, RAW = Notation.TYPED, Notation.FORMATTED, Notation.RAW
PIECED = ((TYPED, ["0x0a0x0b"], None), (TYPED, ["0x0", "a0x0b"], None))
PER_CPU = (
    '{"key": ["0x00"], "values": [{"cpu": 1, "value": ["0x02"]}, {"cpu": 0, "value": ["0x01"]}]'
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[]", []),
        (' [ {"key" : 1}\n,{"key": "a", "value": true} ] ', [(TYPED, 1, None), (TYPED, "a", True)]),
        ('[{"key": {"a": [1]}, "value": {"b": {}}}]', [(TYPED, {"a": [1]}, {"b": {}})]),
        ('[{"key": ["0x0a", "0x00"], "value": ["0xff"]}]', [(RAW, b"\x0a\0", b"\xff")]),
        ('[{"key": ["0x0a", "0x00"]}]', [(RAW, b"\x0a\0", None)]),
        ('[{"key": ["0x0a0x0b"]}, {"key": ["0x0", "a0x0b"]}]', [*PIECED]),
        ('[{"key": ["0x0a"], "value": 1}]', [(TYPED, ["0x0a"], 1)]),
        ('[{"key": ["0x0a", "10"], "value": ["0x01"]}]', [(TYPED, ["0x0a", "10"], ["0x01"])]),
        ('[{"key": ["0x0", "0x0a0"], "value": []}]', [(TYPED, ["0x0", "0x0a0"], [])]),
        (
            '[{"key": ["0x01"], "value": ["0x02"], "formatted": {"key": 1, "value": {"a": 2}}}]',
            [(FORMATTED, 1, {"a": 2})],
        ),
        (
            '[{"key": ["0x01"], "value": ["0x02", "0x03"],'
            ' "formatted": {"key": 1, "value": {"": {"a": 2}, "": {"b": 3}}}}]',
            [(RAW, b"\1", b"\2\3")],
        ),
        (f"[{PER_CPU}}}]", [(RAW, b"\0", [b"\1", b"\2"])]),
        (
            f'[{PER_CPU}, "formatted": {{"key": 0, "values": [{{"cpu": 0, "value": 7}}]}}}}]',
            [(FORMATTED, 0, [7])],
        ),
        ('[{"key": "\\u00fc\\ud83d\\ude00", "value": "ß"}]', [(TYPED, "ü😀", "ß")]),
        (f'[{{"key": {2**128 - 1}, "value": -1}}]', [(TYPED, 2**128 - 1, -1)]),
    ],
)
def test_json_is_read_in_the_notation_that_it_has(text: str, wanted: list[Any]) -> None:
    assert notations(text) == wanted
    for sizes in PIECES:
        found = entries("\ufeff" + text, "json", sizes=sizes)
        assert found == [(index, *each[1:]) for index, each in enumerate(wanted)]


def test_a_slot_that_is_empty_counts_in_the_list_and_is_no_entry() -> None:
    empty = '{"key": ["0x00"], "value": {"error": "No such file or directory"}}'
    text = f'[{empty}, {{"key": ["0x01"], "value": ["0x02"]}}, {empty}]'
    assert entries(text, "json") == [(1, b"\1", b"\2")]


def test_a_list_that_is_longer_than_what_is_read_at_a_time_is_read_whole() -> None:
    wanted = [{"key": number, "value": "ä" * (number % 50)} for number in range(100_000)]
    text = json.dumps(wanted, indent=1, ensure_ascii=False)
    assert len(text) > 5 << 20
    found = entries(text, "json", sizes=(256 * 1024 - 1,))
    assert [{"key": key, "value": value} for _index, key, value in found] == wanted
    broken = text[:-3] + ", ]"
    line = broken.count("\n") + 1
    (message,) = problems(broken, "json", sizes=(256 * 1024,))
    assert message.startswith(f"line {line}, column ")


def test_a_place_in_one_long_line_is_told_by_its_column() -> None:
    text = json.dumps([{"key": number, "value": "a" * 50} for number in range(100_000)])
    assert len(text) > 6 << 20
    (message,) = problems(f"[\n{text[1:]}?", "json", sizes=(256 * 1024,))
    assert message.startswith(f"line 2, column {len(text)}: something follows")


DUE = "a comma or the end of the list or object is due here"
BAD_JSON = {
    "nothing": ("", "line 1, column 1: is empty: give a list, if only `[]`"),
    "blanks": (" \n ", "line 2, column 2: is empty"),
    "an object": ('{"key": 1}', "line 1, column 1: is one object, no list"),
    "lines": ("10.0.0.1\n", "line 1, column 1: is no list"),
    "no comma": ('[{"key": 1}\n {"key": 2}]', f"line 2, column 2: {DUE}"),
    "no comma within": ('[{"key": 1 "value": 2}]', f"line 1, column 12: {DUE}"),
    "a comma too many": ('[{"key": 1},\n]', "line 2, column 1: a value is due here"),
    "no colon": ('[{"key" 1}]', "line 1, column 9: a colon is due here"),
    "a bare name": ("[{key: 1}]", "line 1, column 3: a name in double quotes is due here"),
    "single quotes": ("[{'key': 1}]", "line 1, column 3: a name in double quotes is due here"),
    "cut": ('[{"key": 1},\n{"key": "ab', "line 2, column 9: ends too early"),
    "cut after an entry": ('[{"key": 1}', "line 1, column 12: ends too early"),
    "cut after a comma": ('[{"key": 1},', "line 1, column 13: ends too early"),
    "more behind": ('[{"key": 1}]\n[]', "line 2, column 1: something follows behind the end"),
    "NaN": ('[{"key": "NaN",\n "value": NaN}]', "line 2, column 11: holds NaN or Infinity"),
    "Infinity": ('[{"key": -Infinity}]', "line 1, column 10: holds NaN or Infinity"),
    "a long number": (f'[{{"key": {"1" * 5000}}}]', "line 1, column 10: holds a number that is"),
    "depth": ("[" * 100_000, "line 1, column 2: is nested too deeply"),
    "a line feed in a text": ('[{"key": "a\nb"}]', "line 1, column 12: a control character within"),
    "a strange escape": (
        '[{"key": "\\x"}]',
        "line 1, column 11: an escape that JSON does not have",
    ),
    "Latin 1": (b'[{"key": 1},\n{"key": "\xfc"}]', "line 2: is not UTF-8, as JSON is"),
    "half a character": (b'[{"key": 1}]\n\xc3', "line 2: is not UTF-8, as JSON is"),
    "a NUL": (b'[{"key": 1},\n\0]', "line 2: holds a NUL byte, so this is no JSON"),
    "no objects": ("[1]", '[0]: is no object with a name "key"'),
    "no key": ('[{"key": 1}, {"value": 1}]', '[1]: is no object with a name "key"'),
    "another name": ('[{"key": 1, "vlaue": 1}]', "[0]: has other names than"),
    "a name twice": ('[{"key": 1, "value": 1, "key": 1}]', "[0]: has a name twice in one object"),
    "a field twice": ('[{"key": {"a": 1, "a": 2}}]', "[0]: has a name twice in one object"),
    "null": ('[{"key": 1, "value": null}]', '[0]: has a "value" of null'),
    "a null key": ('[{"key": null, "value": 1}]', '[0]: has a "key" of null'),
    "both values": ('[{"key": 1, "value": 1, "values": []}]', '[0]: has both "value" and "values"'),
    "no CPU 0": (
        '[{"key": 1, "values": [{"cpu": 1, "value": 1}]}]',
        '[0]: has "values" that are not',
    ),
    "a CPU twice": (
        '[{"key": 1, "values": [{"cpu": 0, "value": 1}, {"cpu": 0, "value": 2}]}]',
        '[0]: has "values" that are not',
    ),
    "no CPUs": ('[{"key": 1, "values": []}]', '[0]: has "values" that are not'),
    "an error of bpftool": (
        '[{"key": ["0x01"], "value": {"error": "Operation not permitted"}}]',
        "[0]: has no value, since bpftool could not read it",
    ),
    "formatted otherwise": ('[{"key": 1, "formatted": 1}]', '[0]: has a "formatted" that bpftool'),
    "half a pair": ('[{"key": "\\ud83d"}]', "[0]: holds half of a surrogate pair"),
}


@pytest.mark.parametrize(("text", "begins"), BAD_JSON.values(), ids=BAD_JSON)
def test_what_is_wrong_with_json(text: str | bytes, begins: str) -> None:
    data = text.encode() if isinstance(text, str) else text
    for sizes in PIECES:
        (found,) = problems(data, "json", sizes=sizes)
        assert found.startswith(begins)


def test_an_entry_without_end_is_refused_before_all_is_read() -> None:
    read_of_it = 0

    def endless() -> Any:
        nonlocal read_of_it
        yield b'[{"key": "'
        while True:
            read_of_it += 1 << 20
            yield b"a" * (1 << 20)

    faults = Faults("/etc/list")
    with pytest.raises(Exception, match="an entry longer than 1 MiB"):
        list(read(endless(), "json", faults))
    assert read_of_it <= 8 << 20


@pytest.mark.parametrize("format", ["csv", "json"])
def test_a_chunk_is_as_small_as_its_entries_are_large(format: str) -> None:
    entry = "a" * 50_000
    rows = "\n".join(["key", *[entry] * 200])
    text = rows if format == "csv" else json.dumps([{"key": entry}] * 200)
    sizes = [len(chunk.keys) for chunk in read([text.encode()], format, Faults(""))]
    assert sum(sizes) == 200
    assert max(sizes) <= 25


def test_faults_of_entries_are_told_by_their_index() -> None:
    found = problems(json.dumps([{"key": 1}, 2] * 40), "json")
    assert [text.split(":")[0] for text in found[:3]] == ["[1]", "[3]", "[5]"]
    assert found[20] == "and 20 more"


def test_chunks_of_json_say_how_to_add_a_fault() -> None:
    faults = Faults("/etc/list")
    (chunk,) = read(pieces(b'[{"key": 1}, {"key": 2}]', (9,)), "json", faults)
    faults.add(chunk.numbers[1], "must be text", unit=chunk.unit)
    with pytest.raises(Exception, match=r"/etc/list: \[1\]: must be text"):
        faults.raise_any()
