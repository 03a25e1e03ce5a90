# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table: the types of maps that take declared entries, and how others read and write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.host import BPFFS, Host
from map_types import CPUS, LINUX

Fields = dict[str, Any]
Content = dict[str, str]  # value by key, in hexadecimal digits; of a per-CPU map all values


@dataclass(frozen=True)
class Row:
    """A type; all values are numbers of `size` bytes in the order of the host."""

    kind: str
    size: int = 4  # of a value
    entries: int = 8
    flags: tuple[str, ...] = ()
    key: Fields = field(default_factory=lambda: {"key_size": 4, "key_format": "u32"})

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.size}"

    @property
    def path(self) -> str:
        return f"{BPFFS}/{self.name}"

    @property
    def is_array(self) -> bool:
        return self.kind.endswith("array")

    @property
    def is_trie(self) -> bool:
        return self.kind == "lpm_trie"

    @property
    def cpus(self) -> int:
        return CPUS if "percpu" in self.kind else 1

    def declared(self, **content: Any) -> Fields:
        fields: Fields = {"name": self.name, "type": self.kind, "value_size": self.size}
        fields |= {"max_entries": self.entries, "flags": [*self.flags]}
        key = {"key_format": "u32"} if self.is_array else self.key
        return {**fields, **key, "value_format": self.value_format, **content}

    @property
    def value_format(self) -> Any:
        if self.size in (1, 2, 4, 8):
            return f"u{8 * self.size}"
        rest = {"format": "pad", "size": self.size - 8}
        return [{"name": "count", "format": "u64"}, rest]

    def key_of(self, number: int) -> Any:
        """As a user writes it."""
        return f"10.0.{number}.0/24" if self.is_trie else number

    def value_of(self, number: int) -> Any:
        return number if self.size in (1, 2, 4, 8) else {"count": number}

    def entries_of(self, content: Mapping[int, Any]) -> list[Fields]:
        """The declaration of values by the numbers of keys; a list has one for each CPU."""
        return [
            {
                "key": self.key_of(key),
                "value": [*map(self.value_of, value)]
                if isinstance(value, list)
                else self.value_of(value),
            }
            for key, value in content.items()
        ]

    def key_hex(self, number: int, host: int = 0) -> str:
        if self.is_trie:
            return (24).to_bytes(4, "little").hex() + bytes([10, 0, number, host]).hex()
        return number.to_bytes(4, "little").hex()

    def value_hex(self, value: Any) -> str:
        values = value if isinstance(value, list) else [value] * self.cpus
        return " ".join(each.to_bytes(self.size, "little").hex() for each in values)

    def seen(self, content: Mapping[int, Any]) -> Content:
        """What is to be seen of such a content."""
        every = dict.fromkeys(range(self.entries), 0) if self.is_array else {}
        whole = {**every, **content}
        return {self.key_hex(key): self.value_hex(value) for key, value in whole.items()}


ROWS = [
    *(Row("hash", size) for size in (1, 4, 8, 12)),
    Row("hash", 2, flags=("no_prealloc",)),
    Row("lru_hash", entries=512),
    *(Row("percpu_hash", size) for size in (1, 4, 8, 12)),
    Row("lru_percpu_hash", 4, entries=512),
    Row("lru_percpu_hash", 12, entries=512, flags=("no_common_lru",)),
    *(Row("array", size) for size in (1, 4, 8, 12)),
    Row("array", 2, flags=("mmapable",)),
    *(Row("percpu_array", size) for size in (1, 4, 8, 12)),
    *(
        Row("lpm_trie", size, 8, ("no_prealloc",), {"key_size": 8, "key_format": "cidr4"})
        for size in (4, 12)
    ),
    *(Row("rhash", size) for size in (1, 4, 8, 12) if LINUX >= (7, 2)),
]


def dump(host: Host, path: str) -> Content:
    """All that is in a map."""
    told = host.run(host.site.program("entries"), path, "dump").stdout
    return dict(line.split(" ", 1) for line in told.splitlines())


def put(host: Host, row: Row, content: Mapping[int, int], bits: int = 0) -> None:
    """Write entries as somebody else; a value for all CPUs. `bits`: host bits of a prefix."""
    lines = []
    for number, value in content.items():
        key = spaced(row.key_hex(number, bits))
        data = spaced(row.value_hex(value).split(" ")[0])
        lines.append(f"bpftool map update pinned {row.path} key hex {key} value hex {data}")
    host.shell("\n".join(lines))


def spaced(digits: str) -> str:
    return " ".join(digits[at : at + 2] for at in range(0, len(digits), 2))
