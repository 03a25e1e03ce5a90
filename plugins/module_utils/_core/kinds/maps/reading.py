# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From declared entries, in arguments and files, to bytes.

Keys and values may be secrets: no message has one.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Sequence, Set

from ...content.addresses import Prefix
from ...content.format import Context, Format, UnfitItems
from ...content.formats import named
from ...content.octets import Untyped
from ...difference import Mode
from ...entries import Layout
from ...errors import Problems
from ...host import possible_cpus
from ...lists.chunk import Chunk, Notation
from ...lists.faults import MOST_TOLD, Faults
from ...map_types import Means
from ...options import AT_BOOT
from ...pairs import PairCollector, Pairs
from ...people import BadField
from ...uapi import BYTE_ORDER

Given = Mapping[str, Any]


class Reading:
    """Reads what is declared; the formats are those of keys and values."""

    def __init__(
        self, given: Given, layout: Layout, context: Context, key: Format, value: Format
    ) -> None:
        self._given = given
        self._layout = layout
        self._context = context
        self._key = key
        self._value = value

    def pairs(self) -> Pairs:
        """Return all entries, in the order of the declaration."""
        key_size = _NUMBER_SIZE if self._layout.kin.keyless else self._layout.key_size
        pairs = PairCollector(key_size, self._value.size)
        items = self._given.get("entries") or ()
        if items:
            self._take_items(items, pairs)
        if self._given.get("entries_from") is not None:
            self._take_file(self._given["entries_from"], pairs)
        return pairs.done()

    def absent(self, pairs: Pairs) -> Set[bytes]:
        """Return the keys that are not to be there; none of them may be declared to be, too."""
        given = self._given.get("entries_absent") or ()
        keys = self._encode(self._key, given, "entries_absent[{}]")
        declared = dict(pairs.among(set(keys)))
        problems = [
            f"entries_absent[{index}]: its key is declared to be there, too: keep one"
            for index, key in enumerate(keys)
            if key in declared
        ]
        if problems:
            raise Problems(first_told(problems))
        return set(keys)

    def _take_items(self, items: Sequence[Any], pairs: PairCollector) -> None:
        fields = ("value",) if self._layout.kin.keyless else ("key", "value")
        problems = list(ill_formed(items, fields))
        if problems:
            raise Problems(first_told(problems))
        if self._layout.kin.keyless:
            _number(self._values_of(items), pairs)
            self._check_room(len(pairs), "entries")
            return
        keys = self._encode(self._key, [each["key"] for each in items], "entries[{}].key")
        values = self._values_of(items)
        indexes = {key: index for index, key in reversed(list(enumerate(keys)))}
        doubled = [
            f"entries[{index}]: its key is that of entries[{indexes[key]}]: keep one"
            for index, key in enumerate(keys)
            if indexes[key] != index
        ]
        if doubled:
            raise Problems(first_told(doubled))
        self._check_room(len(keys), "entries")
        misfits = [f"entries[{index}].key: {self._slots}" for index in self._beyond(keys)]
        if misfits:
            raise Problems(first_told(misfits))
        pairs.take(keys, values)

    def _values_of(self, items: Sequence[Any]) -> List[bytes]:
        return self._encode(self._value, [each["value"] for each in items], "entries[{}].value")

    def _take_file(self, source: Given, pairs: PairCollector) -> None:
        from ... import list_file
        from ...lists.read import read

        path, shown = source["src"], str(source.get("shown") or source["src"])
        digest = str(source.get("digest") or "")  # of what a host keeps for its boots
        if self._given.get(AT_BOOT):
            from ...ownership import roots_own

            path = roots_own(path)
        faults = Faults(shown)
        before, taken = len(pairs), 0
        usual = source.get("value")
        default = [] if usual is None else self._encode(self._value, [usual], "entries_from.value")
        with list_file.opened(path) as file:
            how = source.get("format") or "lines"
            for chunk in read(file.blocks(digest), how, faults, source.get("columns")):
                taken += self._take_chunk(chunk, default, faults, pairs)
                self._check_room(len(pairs), shown)
        faults.raise_any()
        if not taken and self._given.get("entries_mode") == Mode.EXACT.value and not before:
            raise BadField(
                f"{shown} lists no entries, and entries_mode exact would remove all that are "
                "there: look at the file; if it is meant, declare entries: []"
            )

    def _take_chunk(
        self, chunk: Chunk, default: List[bytes], faults: Faults, pairs: PairCollector
    ) -> int:
        """Encode some entries of a file; what is wrong with them goes to `faults`."""
        if self._layout.kin.keyless:
            return self._take_values(chunk, faults, pairs)
        keys = self._of_chunk(self._key, chunk.keys, chunk, faults, "key")
        given = chunk.values
        if given is None or None in given:
            without = range(len(chunk.keys)) if given is None else _indexes_of_none(given)
            if not default:
                for index in without:
                    faults.add(chunk.numbers[index], _NO_VALUE, unit=chunk.unit)
                return 0
        if given is None:
            values: Sequence[bytes] = default * len(chunk.keys)
        else:
            there = [each for each in given if each is not None]
            encoded = iter(self._of_chunk(self._value, there, chunk, faults, "value") or ())
            values = [default[0] if each is None else next(encoded, b"") for each in given]
        for index in self._beyond(keys or ()):
            faults.add(chunk.numbers[index], self._slots, field="key", unit=chunk.unit)
        if not keys or faults.count:
            return 0
        if not pairs.take(keys, values):
            self._tell_doubled(keys, chunk, faults, set(pairs.keys))
        return len(keys)

    def _take_values(self, chunk: Chunk, faults: Faults, pairs: PairCollector) -> int:
        """Take what is alone in its line for a value, since there are no keys."""
        for number, value in zip(chunk.numbers, chunk.values or ()):
            if value is not None:
                faults.add(number, _ONE_VALUE, unit=chunk.unit)
        values = self._of_chunk(self._value, chunk.keys, chunk, faults, "value")
        if not values or faults.count:
            return 0
        _number(values, pairs)
        return len(values)

    @staticmethod
    def _tell_doubled(
        keys: Sequence[bytes], chunk: Chunk, faults: Faults, seen: Set[bytes]
    ) -> None:
        for index, key in enumerate(keys):
            if key in seen:
                text = "its key is declared before, perhaps in another notation: keep one"
                faults.add(chunk.numbers[index], text, unit=chunk.unit)
            seen.add(key)

    def _of_chunk(
        self, format: Format, items: Sequence[Any], chunk: Chunk, faults: Faults, what: str
    ) -> Optional[List[bytes]]:
        try:
            if chunk.notation is Notation.RAW and format is self._value and self._layout.kin.means:
                for number in chunk.numbers:
                    faults.add(number, _NO_BYTES, field=what, unit=chunk.unit)
                return None
            if chunk.notation is Notation.RAW:
                return self._raw(format, items, what)
            is_text = chunk.notation is Notation.TEXT and not any(
                isinstance(each, dict) for each in items[:1]
            )
            return format.encode_texts(items) if is_text else format.encode_items(items)
        except UnfitItems as unfit:
            for index, each in unfit.items:
                field = f"{what}.{each.field}" if each.field else what
                faults.add(chunk.numbers[index], each.reason, field=field, unit=chunk.unit)
            return None

    def _raw(self, format: Format, items: Sequence[Any], what: str) -> List[bytes]:
        if format is self._value:
            plain = named("bytes", self._layout.value_size, self._context, f"the {what}")
            return of_value(plain, self._layout).encode_items(map(_numbers, items))
        plain = named("bytes", format.size, self._context, f"the {what}")
        return of_key(plain, self._layout, self._context).encode_items(map(_numbers, items))

    @staticmethod
    def _encode(format: Format, items: Sequence[Any], where: str) -> List[bytes]:
        try:
            return format.encode_items(items)
        except UnfitItems as unfit:
            problems = []
            for index, each in unfit.items:
                dot = "." if each.field and not each.field.startswith("[") else ""
                field = f"{dot}{each.field}"
                problems.append(f"{where.format(index)}{field}: {each.reason}")
            raise Problems(problems) from None

    def _check_room(self, count: int, where: str) -> None:
        if count > self._layout.max_entries:
            raise BadField(
                f"{where}: {count} entries or more are declared, and the map has room for "
                f"max_entries {self._layout.max_entries}: raise that, or declare fewer"
            )

    @property
    def _slots(self) -> str:
        if self._layout.kin.means is Means.CPUS:
            return (
                f"must be a possible CPU (/sys/devices/system/cpu/possible), and below max_entries "
                f"{self._layout.max_entries}"
            )
        most = self._layout.max_entries
        return f"must be from 0 to {most - 1}, as the map has {most} slots"

    def _beyond(self, keys: Sequence[bytes]) -> Iterator[int]:
        """Yield which of the keys are no index of a slot, where they are to be that."""
        most = self._layout.max_entries
        cpus = possible_cpus() if self._layout.kin.means is Means.CPUS else None
        for index, key in enumerate(keys if self._layout.kin.indexed else ()):
            number = int.from_bytes(key, BYTE_ORDER)
            if number >= most or (cpus is not None and number not in cpus):
                yield index


def of_key(format: Format, layout: Layout, context: Context) -> Format:
    """Return the format of a key of such a map."""
    kin = layout.kin
    if isinstance(format, Untyped) and (kin.indexed or kin.means is not None):
        from ...content.of_map import Slot  # a start compiles all that it loads

        return Slot(format, context)
    # A prefix in its own notation has been looked at.
    if kin.longest_match and not isinstance(format, Prefix):
        from ...content.of_map import TrieKey

        return TrieKey(format, context)
    return format


def of_value(format: Format, layout: Layout) -> Format:
    """Return the format of all values of a key."""
    if not layout.kin.per_cpu:
        return format
    from ...content.of_map import OfEachCpu

    return OfEachCpu(format, layout.values, layout.stride)


def _numbers(raw: Any) -> List[Any]:
    """The bytes of a value as numbers; of the values of all CPUs a list of them."""
    return [*map(_numbers, raw)] if isinstance(raw, list) else list(raw)


def _number(values: Sequence[bytes], pairs: PairCollector) -> None:
    """Add values that have no keys, each under its number: they go in one after the other."""
    numbers = range(len(pairs), len(pairs) + len(values))
    pairs.take([number.to_bytes(_NUMBER_SIZE, BYTE_ORDER) for number in numbers], values)


def ill_formed(items: Sequence[Any], fields: Sequence[str] = ("key", "value")) -> Iterator[str]:
    """Yield what is wrong with entries that do not have these fields."""
    for index, item in enumerate(items):
        if not isinstance(item, dict) or set(item) != {*fields}:
            yield f"entries[{index}] must have {' and '.join(fields)}, and nothing else"


def first_told(problems: List[str]) -> List[str]:
    """Return the first of the problems, and how many more there are."""
    more = len(problems) - MOST_TOLD
    return [*problems[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]


def _indexes_of_none(values: Sequence[Any]) -> List[int]:
    return [index for index, value in enumerate(values) if value is None]


_NUMBER_SIZE = 4  # bytes
_NO_VALUE = "it has no value, and entries_from.value, which would stand for it, is not set"
_ONE_VALUE = "more than a value: the map has no keys, so write one value a line"
_NO_BYTES = (
    "is a number of the kernel's, which means something else after the next start: write what it "
    "is, such as the path of the program"
)
