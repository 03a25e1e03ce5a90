# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of lines as people have them: plain ones, those of firehol, ipset and nft; gzip; what is
wrong with one. Lists of addresses are read again by `ipaddress`, lists in gzip by gzip."""

from __future__ import annotations

import gzip
import ipaddress
import re
import subprocess
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import Problems
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists import blocks
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.faults import Faults
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.read import read

# How a file may come: whole, byte by byte, in odd pieces.
PIECES = ((1 << 20,), (1,), (7, 1, 64, 3))


def pieces(data: bytes, sizes: tuple[int, ...]) -> Iterator[bytes]:
    at, size = 0, cycle(sizes)
    while at < len(data):
        step = next(size)
        yield data[at : at + step]
        at += step


def entries(
    data: bytes | str,
    format: str = "lines",
    columns: dict[str, str] | None = None,
    sizes: tuple[int, ...] = (1 << 20,),
) -> list[tuple[int, Any, Any]]:
    """Number, key and value of each."""
    raw = data.encode() if isinstance(data, str) else data
    faults = Faults("/etc/list")
    found = [
        (number, key, value)
        for chunk in read(pieces(raw, sizes), format, faults, columns)
        for number, key, value in zip(
            chunk.numbers, chunk.keys, chunk.values or [None] * len(chunk.keys)
        )
    ]
    faults.raise_any()
    return found


def problems(data: bytes | str, format: str = "lines", **more: Any) -> list[str]:
    """What is said of it, without the path."""
    with pytest.raises(Problems) as caught:
        entries(data, format, **more)
    assert all(text.startswith("/etc/list: ") for text in caught.value.problems)
    return [text[len("/etc/list: ") :] for text in caught.value.problems]


def said_of(data: bytes, format: str = "lines", **more: Any) -> str:
    """All that is wrong with it, with the path; or nothing."""
    try:
        entries(data, format, **more)
    except Problems as error:
        return str(error)
    return ""


def addresses(text: str) -> list[str]:
    """Every address and prefix of a text, found without a look at its syntax."""
    found = []
    for word in re.split(r"[\s,{}]+", re.sub(r'"[^"]*"|#.*', "", text)):
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            continue
        if not word.isdigit():
            found.append(word)
    return found


FIREHOL = """\
#
# firehol_level1
#
# ipv4 hash:net ipset
#
# Maintainer      : FireHOL
# This list contains {networks}; set = "a", and ünicode
#
0.0.0.0/8
1.10.16.0/20
5.134.128.0/19
224.0.0.0/3
"""
IPSET = """\
create blocklist hash:ip family inet hashsize 1024 maxelem 65536 timeout 0 comment counters
add blocklist 10.0.0.1
add blocklist 10.0.0.2 timeout 300
add blocklist 10.0.0.3 timeout 300 packets 4 bytes 240 comment "seen; # twice, add x y"
add blocklist 2001:db8::1 skbmark 0x1/0xff skbprio 1:10 skbqueue 10 -exist
"""
RESTORED = """\
# written by a script

flush new
create new hash:net -exist
-A new 192.168.0.0/16
add new 10.1.0.0/16
swap new old
destroy new
COMMIT
"""
NFT = """\
table inet filter {
    set blocklist { # as `nft list set` prints it
        type ipv4_addr
        size 65535; flags interval,timeout
        timeout 1h
        counter
        elements = { 10.0.0.1, 10.0.0.2,
            192.168.0.0/16, 172.16.0.1 timeout 1h expires 59m59s,
            172.16.0.2 counter packets 0 bytes 0 comment "a, b } # {", 172.16.0.3,
            172.16.0.4 } # the end
    }
}
""".replace("    ", "\t")
NFT_SCRIPT = """\
#!/usr/sbin/nft -f
flush set inet filter blocklist
add table inet filter
add set inet filter blocklist { type ipv6_addr; flags interval; }
add element inet filter blocklist {
    2001:db8::/32,
    2001:db9::1, # a host
}
add element inet filter blocklist { fe80::1 }
""".replace("    ", "\t")
NFT_BARE = """\
elements = {
    10.0.0.1, 10.0.0.2, # both of them
    10.0.0.3 ,
    192.168.0.0/16
}
""".replace("    ", "\t")
NFT_DEFINED = "define bad = { 10.0.0.1, \\\n 10.0.0.2 }\n"
HOSTS = "\ufeff; hosts\r\n\r\n10.0.0.1\r\n\t10.0.0.2\t# two\r\n  2001:db8::7   ; three\r\n::1"
LISTS = {
    "firehol": FIREHOL,
    "ipset": IPSET,
    "ipset restored": RESTORED,
    "nft": NFT,
    "nft script": NFT_SCRIPT,
    "nft bare": NFT_BARE,
    "nft defined": NFT_DEFINED,
    "hosts": HOSTS,
}


@pytest.mark.parametrize("sizes", PIECES)
@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_lists_of_addresses_are_read_whatever_wrote_them(text: str, sizes: tuple[int, ...]) -> None:
    found = entries(text, sizes=sizes)
    assert [key for _number, key, _value in found] == addresses(text)
    lines = text.split("\n")
    assert all(key in lines[number - 1] for number, key, _value in found)
    assert {value for _number, _key, value in found} == {None}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a 1\nb\t2\n", [(1, "a", "1"), (2, "b", "2")]),
        ("a\n\nb\n", [(1, "a", None), (3, "b", None)]),
        ("a\n\nb  2 # c\n", [(1, "a", None), (3, "b", "2")]),
        ("a#b c;d\n", [(1, "a#b", "c;d")]),
        ("add 1\nflush 2\nswap 3\n", [(1, "add", "1"), (2, "flush", "2"), (3, "swap", "3")]),
        ("table 1\nset 2\n", [(1, "table", "1"), (2, "set", "2")]),
        ("ö 1\nb ü # ß\n", [(1, "ö", "1"), (2, "b", "ü")]),
        ("CN=a,O=b\nx\n", [(1, "CN=a,O=b", None), (2, "x", None)]),
        ("", []),
        ("\n\n", []),
        ("# nothing\n ; nothing", []),
        ("elements = { }", []),
        ("create x hash:ip\n", []),
        ("elements = { 10.0.0.1 : 5, a timeout 1s : 6 }", [(1, "10.0.0.1", "5"), (1, "a", "6")]),
        ("{ 1, 2\n,3 }", [(1, "1", None), (1, "2", None), (2, "3", None)]),
    ],
)
def test_keys_values_and_comments_are_told_apart(text: str, wanted: list[Any]) -> None:
    for sizes in PIECES:
        assert entries(text, sizes=sizes) == wanted


def test_an_entry_has_the_number_of_its_line_in_a_long_list() -> None:
    lines = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(100_000)]
    lines[70_000:70_000] = ["", "# half"]
    for number, key, _value in entries("\n".join(lines), sizes=(256 * 1024,)):
        assert lines[number - 1] == key


BAD = {
    "three words": ("a 1 2\n", "line 1: more than a key and a value"),
    "a comma": ("a\nb,\n", "line 2: ends with a comma or a brace"),
    "a brace": ("a\n}\n", "line 2: ends with a comma or a brace"),
    "a NUL": (b"a\nb\n\0\n", "line 3: holds a NUL byte"),
    "zeros": (bytes(1 << 20), "line 1: holds a NUL byte"),
    "an escape": (b"a\n\x1b[31mb\n", "line 2: holds a control character"),
    "Latin 1": (b"a\n# fine \xc3\xb6\nb # \xfc\n", "line 3: is not UTF-8"),
    "UTF-16": ("a\n".encode("utf-16"), "line 1: is UTF-16"),
    "old line ends": ("a\rb\rc", "line 1: holds a carriage return within the line"),
    "a long line": ("a\n" + "b" * 65537 + "\n", "line 2: is longer than 64 KiB"),
    "a long end": ("a\n" + "b" * 200_000, "line 2: is longer than 64 KiB"),
    "xz": (b"\xfd7zXZ\0\0\4", "is packed by xz: unpack it, or pack it by gzip"),
    "zstd": (b"\x28\xb5\x2f\xfd\4\0", "is packed by zstd"),
    "two sets of ipset": ("add a 1\nadd b 2\nadd a 3\n", "line 2: adds to another set"),
    "an exception": ("add a 1\nadd a 2 nomatch\n", "line 2: has `nomatch`"),
    "an unknown option": ("add a 1 secret\n", "line 1: has an option that a map cannot have"),
    "half an option": ("add a 1 timeout\n", "line 1: has an option that a map cannot have"),
    "a key among ipset": ("add a 1\n10.0.0.1\n", "line 2: no line `add SET ELEMENT`"),
    "ipset that deletes": ("add a 1\ndel a 1\n", "line 2: no line `add SET ELEMENT`"),
    "an open brace": ("elements = { 1,\n2,\n", "line 2: ends within braces"),
    "no brace at all": ("add element inet filter bl\n", "line 1: ends within braces"),
    "two sets of nft": (
        "table ip a {\nset b {\nelements = { 1 }\n}\nset c {\nelements = { 2 }\n}\n}\n",
        "line 6: begins the elements of another set",
    ),
    "a rule": (
        "table ip a {\nchain b {\ntcp dport { 22, 80 } accept\n}\n}\n",
        "line 2: holds more than the elements of one set or map",
    ),
    "a key among nft": ("{ 1 }\n10.0.0.1\n", "line 2: holds more than the elements"),
    "a concatenation": ("{ 1,\n10.0.0.1 . 80 }", "line 2: has an element that is no single key"),
    "a reference": ("{ 1, $other }", "line 1: has an element that is no single key"),
    "a verdict": ("{ 1 : jump x }", "line 1: has an element that is no single key"),
    "braces in braces": ("{ 1, { 2 } }", "line 1: holds more than the elements"),
    "an open quote": ('{ 1 comment "x }', "line 1: has a quote that does not end"),
    "words without end": ("{ 1,\n" + "2\n" * 200, "line 102: holds more than the elements"),
    "a brace too many": ("{ 1 } }", "line 1: holds more than the elements"),
}


@pytest.mark.parametrize("sizes", PIECES)
@pytest.mark.parametrize(("data", "begins"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_told_with_its_line(
    data: bytes | str, begins: str, sizes: tuple[int, ...]
) -> None:
    if sizes == (1,) and len(data) > 100_000:
        data = data[:100_000]
    found = problems(data, sizes=sizes)
    assert len(found) == 1
    assert found[0].startswith(begins)


def test_twenty_faults_are_told_by_their_order_and_the_others_counted() -> None:
    lines = [f"{n} x y" if n % 2 else str(n) for n in range(1, 101)]
    found = problems("\n".join(lines))
    assert [int(text.split()[1][:-1]) for text in found[:20]] == [*range(1, 41, 2)]
    assert found[20:] == ["and 30 more"]


def test_a_file_that_is_no_list_at_all_is_not_read_to_its_end() -> None:
    many = iter([b"a b c\n" * 9_000] * 1_000)
    faults = Faults("/etc/list")
    with pytest.raises(Problems, match="/etc/list: and 9980 more, and then reading stopped"):
        list(read(many, "lines", faults))
    assert sum(1 for _block in many) > 900


def test_faults_that_come_late_are_told_by_their_lines_too() -> None:
    faults = Faults("/etc/list")
    for number in (*range(30, 60), *range(29, 4, -1)):
        faults.add(number, "must be a number")
    with pytest.raises(Problems) as caught:
        faults.raise_any()
    told = caught.value.problems
    assert told[:20] == tuple(f"/etc/list: line {n}: must be a number" for n in range(5, 25))
    assert told[20:] == ("/etc/list: and 35 more",)


def test_who_encodes_entries_adds_to_the_faults_of_lines() -> None:
    faults = Faults("/etc/list")
    for chunk in read([b"a 1\nb 2 3\nc 4\nd 5\n"], "lines", faults):
        for number, key in zip(chunk.numbers, chunk.keys):
            if key != "d":
                faults.add(number, "must be a number", field="value.port")
    with pytest.raises(Problems) as caught:
        faults.raise_any()
    assert [text.split(": ")[1] for text in caught.value.problems] == ["line 1", "line 2", "line 3"]
    assert caught.value.problems[0] == "/etc/list: line 1: value.port: must be a number"


@pytest.mark.parametrize("end", ["add a 1 nomatch", "add b 1", "10.0.0.1", "a 1 2"])
def test_the_last_line_of_a_long_set_is_looked_at_as_the_first(end: str) -> None:
    lines = [f"add a 10.0.{n >> 8}.{n & 255} timeout {n}" for n in range(9_000)]
    text = "\n".join(["create a hash:ip timeout 0", *lines, "flush a"])
    assert len(text) > 200_000
    found = entries(text, sizes=(70_000,))
    assert [each[0] for each in found] == [*range(2, 9_002)]
    assert [each[1] for each in found] == addresses(text)
    assert problems(f"{text}\n{end}", sizes=(70_000,))[0].startswith("line 9003: ")


@pytest.mark.parametrize("case", BAD)
def test_no_message_has_anything_of_the_list(case: str) -> None:
    canary = "hunter2"
    data = BAD[case][0]
    raw = data.encode() if isinstance(data, str) else data
    for place in (b"1", b"a", b"b", b"2"):
        assert canary not in said_of(raw.replace(place, canary.encode()))


def gzipped(data: bytes, *options: str) -> bytes:
    return subprocess.run(["gzip", "-c", *options], input=data, stdout=-1, check=True).stdout


@pytest.mark.parametrize("sizes", PIECES)
def test_a_list_that_gzip_packed_is_read_as_it_was(sizes: tuple[int, ...]) -> None:
    text = "".join(f"10.0.{n >> 8}.{n & 255}\n" for n in range(2000))
    plain = entries(text)
    packed = gzipped(text.encode())
    assert entries(packed, sizes=sizes) == plain
    cut = len(text) // 3  # in the middle of a line
    members = gzipped(text[:cut].encode(), "-9") + gzipped(b"") + gzipped(text[cut:].encode(), "-1")
    assert entries(members + bytes(512), sizes=sizes) == plain
    unpacked = subprocess.run(["gzip", "-dc"], input=members, stdout=-1, check=False).stdout
    assert unpacked == text.encode()
    assert entries(gzipped(b"\xef\xbb\xbfa\r\n"), sizes=sizes) == [(1, "a", None)]
    assert entries(gzipped(b""), sizes=sizes) == []


@pytest.mark.parametrize("sizes", PIECES)
def test_gzip_that_is_damaged_is_told_from_gzip_that_is_cut(sizes: tuple[int, ...]) -> None:
    packed = gzipped(b"".join(b"10.0.0.%d\n" % (n * n % 251) for n in range(200)))
    for end in (10, 12, len(packed) // 2, len(packed) - 1):
        assert problems(packed[:end], sizes=sizes)[0].startswith("is gzip, but ends too early")
    for at in (3, len(packed) // 2, len(packed) - 5, len(packed) - 1):
        damaged = packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :]
        assert any("gzip" in text or "line" in text for text in problems(damaged, sizes=sizes))
        assert subprocess.run(["gzip", "-t"], input=damaged, stderr=-1, check=False).returncode
    assert problems(packed + b"more", sizes=sizes)[0].startswith("is gzip, but")
    assert problems(gzipped(packed), sizes=sizes)[0].startswith("line 1: holds ")


def test_text_beyond_the_limit_is_refused_also_where_gzip_hides_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(blocks, "MOST_BYTES", 8 << 20)
    bomb = gzip.compress(b"a\n" * (5 << 20))
    assert len(bomb) < 100_000
    some = islice(blocks.text_blocks([bomb], Faults("")), 8)
    assert max(map(len, some)) <= 1 << 20
    assert problems(bomb) == ["holds more than 8 MiB of text: split it into lists"]
    assert problems(b"a\n" * (5 << 20)) == ["holds more than 8 MiB of text: split it into lists"]
    assert len(entries(b"a\n" * (4 << 20))) == 4 << 20
    assert problems(gzip.compress(bytes(7 << 20)))[0].startswith("line 1: holds a NUL byte")
