# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the tests of on_mismatch: migrate; programs that write entries and stop modules."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.host import Host
from map_types import (
    CPUS,
    LINUX,
    MMAPABLE,
    NO_COMMON_LRU,
    NO_PREALLOC,
    RDONLY_PROG,
    WRONLY_PROG,
    ZERO_SEED,
)

Fields = dict[str, Any]
Entries = dict[str, list[str]]  # in hexadecimal: the value of each CPU, or the only one, by key
Rule = tuple[str, int, str | int]  # a call, how manieth, what happens then: see c/gate.c
Put = tuple[int, int, int]  # the number of the first entry, how many, a tag: see c/entries.c

NUMBERS = {
    "hash": 1,
    "array": 2,
    "percpu_hash": 5,
    "percpu_array": 6,
    "lru_hash": 9,
    "lru_percpu_hash": 10,
    "lpm_trie": 11,
    "rhash": 35,
}
FLAGS = {
    "no_prealloc": NO_PREALLOC,
    "no_common_lru": NO_COMMON_LRU,
    "zero_seed": ZERO_SEED,
    "rdonly_prog": RDONLY_PROG,
    "wronly_prog": WRONLY_PROG,
    "mmapable": MMAPABLE,
}


@dataclass(frozen=True)
class Shape:
    """A map, in the words of each of those who make it or look at it. Sizes in bytes."""

    kind: str
    key: int
    value: int
    entries: int
    flags: tuple[str, ...] = ()

    @property
    def seen(self) -> Fields:
        """As c/info.c prints it, and c/make.c takes it."""
        flags = sum(FLAGS[flag] for flag in self.flags)
        if self.kind in ("lpm_trie", "rhash"):
            flags |= NO_PREALLOC
        return {
            "type": NUMBERS[self.kind],
            "key_size": self.key,
            "value_size": self.value,
            "max_entries": self.entries,
            "flags": flags,
        }

    @property
    def declared(self) -> Fields:
        """As bpf_map_pinned takes it."""
        return {
            "type": self.kind,
            "key_size": self.key,
            "value_size": self.value,
            "max_entries": self.entries,
            "flags": list(self.flags),
        }

    @property
    def is_array(self) -> bool:
        return "array" in self.kind

    @property
    def is_per_cpu(self) -> bool:
        return "percpu" in self.kind

    def but(self, **other: Any) -> Shape:
        """The same but for these fields."""
        return replace(self, **other)


@dataclass(frozen=True)
class Move:
    """From an old map with entries to a new shape."""

    about: str
    old: Shape
    new: Shape
    puts: Sequence[Put] = ()

    @property
    def item(self) -> Fields:
        """The declaration as an item of `maps`, without a name."""
        grows = self.new.value > self.old.value
        return {**self.new.declared, **({"value_growth": "zero_pad"} if grows else {})}

    @property
    def copied(self) -> int:
        """How many entries are copied: of an array, each slot is one."""
        if self.old.is_array:
            return min(self.old.entries, self.new.entries)
        return sum(count for _first, count, _tag in self.puts)

    def expected(self, before: Entries) -> Entries:
        """What is to be in the new map when this was in the old one."""
        zeros = "00" * (self.new.value - self.old.value)
        after = {key: [value + zeros for value in values] for key, values in before.items()}
        if self.old.is_array:
            empty = ["00" * self.new.value] * (CPUS if self.new.is_per_cpu else 1)
            indexes = [index.to_bytes(4, "little").hex() for index in range(self.new.entries)]
            return {index: after.get(index, empty) for index in indexes}
        return after


def _of(kind: str, key: int, value: int, entries: int, *flags: str) -> Shape:
    return Shape(kind, key, value, entries, flags)


def _array(value: int, entries: int, *flags: str) -> Shape:
    return Shape("array", 4, value, entries, flags)


def _per_cpu(value: int, entries: int, *flags: str) -> Shape:
    return Shape("percpu_array", 4, value, entries, flags)


def _grown(kind: str, key: int, value: int, entries: int, *flags: str, by: int = 1) -> Any:
    old = Shape(kind, key, value, entries, flags)
    return old, old.but(entries=entries + by)


def _padded(kind: str, key: int, value: int, new: int, entries: int = 40) -> Any:
    old = Shape(kind, key, value, entries)
    return old, old.but(value=new)


_HASH = _of("hash", 4, 8, 64)
# LRU maps of these sizes have room for 300 entries: whatever CPUs they come from; with lists of
# each CPU, if all come from one; and if they come from all CPUs that one may use, in turn.
_ROOMY = 300 + 128 * CPUS
_FOR_ONE_CPU = CPUS * 300
_IN_TURN = CPUS * (300 // len(os.sched_getaffinity(0)) + 128)

MOVES = [
    # Every kind, and what may differ
    Move("a full hash, grown", *_grown("hash", 4, 8, 64), [(0, 64, 1)]),
    Move("a full hash, with another flag", _HASH, _HASH.but(flags=("zero_seed",)), [(0, 64, 1)]),
    Move(
        "odd sizes, and flags",
        _of("hash", 3, 5, 300),
        _of("hash", 3, 5, 300, "no_prealloc", "rdonly_prog"),
        [(0, 250, 1)],
    ),
    Move("all keys of one byte", *_grown("hash", 1, 7, 256), [(0, 256, 1)]),
    Move(
        "a hash, shrunk to what is in it",
        _of("hash", 13, 1, 1000),
        _of("hash", 13, 1, 7),
        [(70, 7, 1)],
    ),
    Move(
        "a hash that becomes an LRU hash",
        _of("hash", 7, 13, 300),
        _of("lru_hash", 7, 13, _ROOMY),
        [(0, 300, 1)],
    ),
    Move(
        "an LRU hash that becomes a hash",
        _of("lru_hash", 5, 3, _ROOMY),
        _of("hash", 5, 3, _ROOMY, "no_prealloc"),
        [(0, 300, 1)],
    ),
    Move("an LRU hash, grown", *_grown("lru_hash", 4, 8, _ROOMY), [(0, 300, 1)]),
    Move(
        "LRU lists of each CPU",
        _of("lru_hash", 4, 8, _ROOMY),
        _of("lru_hash", 4, 8, _IN_TURN, "no_common_lru"),
        [(0, 300, 1)],
    ),
    Move("a per-CPU hash, grown", *_grown("percpu_hash", 7, 5, 50), [(0, 50, 1)]),
    Move(
        "a per-CPU hash that becomes an LRU one",
        _of("percpu_hash", 13, 3, 300),
        _of("lru_percpu_hash", 13, 3, _ROOMY),
        [(0, 300, 1)],
    ),
    Move(
        "an LRU per-CPU hash that becomes a plain one",
        _of("lru_percpu_hash", 4, 8, _ROOMY),
        _of("percpu_hash", 4, 8, 300, "no_prealloc", "wronly_prog"),
        [(0, 300, 1)],
    ),
    Move(
        "an LRU per-CPU hash with lists of each CPU",
        _of("lru_percpu_hash", 4, 7, _FOR_ONE_CPU, "no_common_lru"),
        _of("lru_percpu_hash", 4, 7, _IN_TURN, "no_common_lru", "zero_seed"),
        [(0, 300, 1)],
    ),
    Move("prefixes of all lengths, one in the other", *_grown("lpm_trie", 8, 3, 511),
         [(0, 511, 1)]),
    Move(
        "long prefixes, and a trie shrunk to what is in it",
        _of("lpm_trie", 20, 13, 1000),
        _of("lpm_trie", 20, 13, 227, "rdonly_prog"),
        [(0, 127, 1), (2**20, 50, 1), (2**50, 50, 1)],
    ),
    Move("an array, grown", *_grown("array", 4, 3, 10), [(0, 10, 1)]),
    Move("an array with another flag", _array(8, 10), _array(8, 10, "mmapable"), [(0, 10, 1)]),
    Move("an array, shrunk to its last entry", _array(7, 100), _array(7, 21),
         [(3, 2, 1), (20, 1, 1), (50, 3, 0)]),
    Move("a per-CPU array, grown", *_grown("percpu_array", 4, 13, 10), [(0, 10, 1)]),
    Move("a per-CPU array, shrunk to its last entry", _per_cpu(5, 100), _per_cpu(5, 8),
         [(7, 1, 1), (60, 3, 0)]),
    # Nothing, one entry, much
    Move("an empty hash", _HASH, _HASH.but(entries=1)),
    Move("an empty LRU hash", *_grown("lru_hash", 4, 8, 64)),
    Move("an empty per-CPU hash", *_grown("percpu_hash", 4, 8, 64)),
    Move("an empty trie", *_grown("lpm_trie", 8, 8, 64)),
    Move("an array of zeros, shrunk", _array(8, 64), _array(8, 1)),
    Move("a per-CPU array of zeros, shrunk", _per_cpu(8, 64), _per_cpu(8, 1)),
    Move("one entry in a hash of one", *_grown("hash", 4, 8, 1), [(9, 1, 1)]),
    Move("one prefix, of no bit", *_grown("lpm_trie", 8, 8, 1), [(0, 1, 1)]),
    Move("one slot", *_grown("array", 4, 8, 1), [(0, 1, 1)]),
    Move("values of 64 KiB", *_grown("hash", 4, 65536, 8), [(0, 8, 1)]),
    Move("slots of 64 KiB", *_grown("array", 4, 65536, 8), [(0, 8, 1)]),
    Move("the largest values of a CPU", *_grown("percpu_hash", 4, 32768, 8), [(0, 8, 1)]),
    # Several buckets of these hold more than one batch of 256 KiB does.
    Move("more in a bucket than in a batch", *_grown("hash", 4, 150000, 8, "zero_seed"),
         [(0, 8, 1)]),
    Move("several batches of a hash", *_grown("hash", 8, 248, 3500), [(0, 3500, 1)]),
    Move("several batches of an LRU hash", *_grown("lru_hash", 8, 248, 3500 + 128 * CPUS),
         [(0, 3500, 1)]),
    Move("several batches of a per-CPU hash", *_grown("percpu_hash", 8, 300, 1500),
         [(0, 1500, 1)]),
    Move("several batches of a trie", *_grown("lpm_trie", 8, 200, 4095), [(0, 4095, 1)]),
    Move("several batches of an array", *_grown("array", 4, 250, 3500), [(0, 3500, 1)]),
    Move("several batches, and shrunk to the middle of one", _array(250, 3500), _array(250, 2500),
         [(0, 2500, 1)]),
    Move("several batches of a per-CPU array", *_grown("percpu_array", 4, 300, 1500),
         [(0, 1500, 1)]),
    # value_growth: zero_pad
    Move("longer values", *_padded("hash", 4, 5, 12), [(0, 40, 1)]),
    Move("longer values, within 8 bytes", *_padded("hash", 3, 5, 7), [(0, 40, 1)]),
    Move("longer values of a trie", *_padded("lpm_trie", 8, 1, 13), [(0, 40, 1)]),
    Move("longer slots", *_padded("array", 4, 3, 8), [(0, 40, 1)]),
    Move("longer slots, but fewer", _array(3, 100), _array(65, 40), [(0, 40, 1)]),
    Move("longer values of a CPU, within 8 bytes", *_padded("percpu_hash", 4, 5, 7), [(0, 40, 1)]),
    Move("longer values of a CPU", *_padded("percpu_hash", 4, 5, 12), [(0, 40, 1)]),
    Move("longer values of a CPU by whole words", *_padded("percpu_array", 4, 8, 24),
         [(0, 40, 1)]),
    Move("longer slots of a CPU, within 8 bytes", *_padded("percpu_array", 4, 3, 8), [(0, 40, 1)]),
    Move("longer values of an LRU map", _of("hash", 4, 1, 300), _of("lru_hash", 4, 5, _ROOMY),
         [(0, 300, 1)]),
    Move("longer values in several batches", *_padded("percpu_hash", 8, 300, 309, 1500),
         [(0, 1500, 1)]),
]  # fmt: skip
_RHASH_MOVES = [
    Move("a hash that becomes a resizable one", _of("hash", 5, 3, 300), _of("rhash", 5, 3, 400),
         [(0, 300, 1)]),
    Move("a resizable hash that becomes a plain one", _of("rhash", 7, 13, 300),
         _of("hash", 7, 13, 300), [(0, 300, 1)]),
    Move("a resizable hash that becomes an LRU one", _of("rhash", 4, 8, 300),
         _of("lru_hash", 4, 8, _ROOMY), [(0, 300, 1)]),
    Move("several batches of a resizable hash", *_grown("rhash", 8, 248, 3500), [(0, 3500, 1)]),
    Move("longer values of a resizable hash", *_padded("rhash", 4, 5, 12), [(0, 40, 1)]),
    Move("an empty resizable hash", *_grown("rhash", 4, 8, 64)),
]  # fmt: skip
if LINUX >= (7, 2):
    MOVES += _RHASH_MOVES


# Entries


def fill(host: Host, path: str, shape: Shape, puts: Sequence[Put] = ()) -> int:
    """Pin a map with these entries; its id."""
    map_id = host.make_pin(path, **shape.seen)
    host.shell(put_script(host, path, puts))
    return map_id


def put_script(host: Host, which: str, puts: Sequence[Put]) -> str:
    """A shell script that writes entries to the map at a path, or with an id."""
    program = host.site.program("entries")
    return "".join(f"{program} {which} put {' '.join(map(str, put))}\n" for put in puts)


def delete_script(host: Host, which: str, first: int, count: int, step: int = 1) -> str:
    """One that removes every `step`th of these entries."""
    return f"{host.site.program('entries')} {which} delete {first} {count} {step}\n"


def has(host: Host, which: str, put: Put) -> int:
    """How many of the entries of `put` are there."""
    words = [which, "has", *map(str, put)]
    return int(host.run(host.site.program("entries"), *words).stdout)


def dump(host: Host, which: str) -> Entries:
    """All entries."""
    return dumps(host, [which])[0]


def dumps(host: Host, which: Sequence[str]) -> list[Entries]:
    """All entries of each map."""
    program = host.site.program("entries")
    text = host.shell("".join(f"{program} {each} dump\necho -\n" for each in which))
    return [
        {line.split()[0]: line.split()[1:] for line in each.splitlines()}
        for each in text.split("-\n")[:-1]
    ]


def differences(host: Host, pairs: Sequence[tuple[str, str]]) -> list[int]:
    """Of each pair of maps, how many entries are not the same in both."""
    program = host.site.program("entries")
    text = host.shell("".join(f"{program} {one} differs {other}\n" for one, other in pairs))
    return [int(line) for line in text.splitlines()]


class Gate:
    """Keywords of a task whose module is stopped, or refused, at chosen calls: see c/gate.c."""

    def __init__(self, host: Host, name: str, *rules: Rule) -> None:
        self._file = host.scratch / f"{name}.gate"
        words = [str(word) for rule in rules for word in rule]
        command = [host.site.program("gate"), str(self._file), *words, "--", host.site.python]
        self.keywords = host.interpreter(f'exec {shlex.join(command)} "$@"')

    @property
    def times(self) -> list[int]:
        """How often each rule came true."""
        return [int(line) for line in self._file.read_text().split()]
