# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is declared to be in a map: read, checked and encoded, from arguments and files.

Keys and values may be secrets: no message and no repr has one.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Collection, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ...content.addresses import Prefix
from ...content.declared_format import Typed, format_of
from ...content.format import Context, Format, UnfitItems
from ...content.formats import named
from ...content.of_map import OfEachCpu, TrieKey
from ...difference import Entries, Mode
from ...entries import Layout, kin_of
from ...errors import PinningError, Problems
from ...fields import absolute
from ...host import this_host
from ...lists.chunk import Chunk, Notation
from ...lists.faults import MOST_TOLD, Faults
from ...map_types import MAP_TYPES_BY_NUMBER, map_type_name
from ...options import AT_BOOT, CONTENT
from ...ownership import roots_own
from ...people import BadField
from ...shape import MapBtf, MapShape
from ...uapi import BYTE_ORDER
from .host_names import HostNames

Given = Mapping[str, Any]
_DECLARING = ("entries", "entries_from", "entries_absent")


class WantedContent:
    """What is to be in a map. It is encoded once the types of keys and values are known."""

    def __init__(self, given: Given, shape: MapShape) -> None:
        self._given = given
        self._shape = shape
        self._encoded: List[Tuple[Optional[MapBtf], Entries]] = []
        self.mode = Mode(given.get("entries_mode") or "present")
        self.is_shown = bool(given.get("show_entries"))
        _check(given, shape)

    def __repr__(self) -> str:
        return f"<{self.mode.value} entries>"

    @property
    def needs_btf(self) -> bool:
        """Return whether something is said neither by a format nor in bytes alone."""
        formats = (self._given.get("key_format"), self._given.get("value_format"))
        return any(each is None or isinstance(each, dict) for each in formats)

    holds_maps = False

    @property
    def paths(self) -> List[str]:
        """The paths of pins that values name."""
        return []

    def keys_of(self, paths: Collection[str]) -> List[bytes]:
        """The keys whose values name one of these."""
        return []

    @property
    def has_maps_in_place(self) -> bool:
        """Return whether some values are maps that are declared here."""
        return False

    @property
    def count(self) -> int:
        """How many entries are declared; known once they have been encoded."""
        return len(self._encoded[-1][1].pairs) if self._encoded else 0

    @property
    def keys(self) -> List[bytes]:
        """The keys that are declared, likewise."""
        return list(self._encoded[-1][1].pairs) if self._encoded else []

    def shown(self, keys: Sequence[bytes], *, with_values: bool) -> List[Dict[str, object]]:
        """Some of the entries, in the notation that declares them."""
        if not self._encoded:
            return []
        btf, entries = self._encoded[-1]
        key_format, value_format = self.formats(btf)
        told: List[Dict[str, object]] = [{"key": key_format.decode(key)} for key in keys]
        for key, each in zip(keys, told) if with_values else ():
            each["value"] = value_format.decode(entries.pairs[key])
        return told

    @property
    def layout(self) -> Layout:
        """How the entries come and go."""
        kin = kin_of(self._shape)
        if kin is None:
            raise PinningError("entries of this type cannot be declared")
        return Layout.of(self._shape, kin, this_host())

    def formats(self, btf: Optional[MapBtf]) -> Tuple[Format, Format]:
        """Those of keys and values; PinningError where they cannot be."""
        context = self._context
        types, (key_id, value_id) = (btf.types, btf.type_ids) if btf else (None, (0, 0))
        key = Typed("the key", self._shape.key_size, types, key_id)
        value = Typed("the value", self._shape.value_size, types, value_id)
        return (
            _of_key(format_of(key, self._given.get("key_format"), context), self.layout, context),
            _of_value(format_of(value, self._given.get("value_format"), context), self.layout),
        )

    @property
    def _context(self) -> Context:
        return Context(HostNames(), masks_host_bits=self._given.get("host_bits") == "mask")

    def forget(self) -> None:
        """Make room: whoever asks for the entries again has them read again."""
        self._encoded.clear()

    def check_for_boot(self, btf: Optional[MapBtf]) -> None:
        """Raise PinningError where the host could not put the entries back by itself."""
        source = self._given.get("entries_from")
        of_host = {*_formats_in(self._given.get("key_format"))} & _OF_A_BOOT
        of_host |= {*_formats_in(self._given.get("value_format"))} & _OF_A_BOOT
        if of_host:
            raise BadField(
                f"entries of the format {' and '.join(sorted(of_host))} cannot be put back at "
                "boot, when there are no interfaces and cgroups yet: leave the map out of what "
                "comes back, in a task of its own"
            )
        if source is None:
            self.encoded(btf)
            return
        self.formats(btf)
        path = roots_own(source["src"])
        if f"{path}/".startswith(_HIDDEN_AT_BOOT):
            raise BadField(
                f"entries_from: {path}: homes are hidden from what restores at boot: have the list "
                "elsewhere, such as below /etc"
            )

    def encoded(self, btf: Optional[MapBtf]) -> Entries:
        """Return the entries as bytes; Problems with all that is wrong, up to twenty."""
        for known, entries in self._encoded:
            if known == btf:
                return entries
        reading = _Reading(self._given, self.layout, self._context, *self.formats(btf))
        pairs = reading.pairs()
        size = self.layout.entry_value_size
        entries = Entries(self.mode, pairs, size, reading.absent(pairs))
        self._encoded.append((btf, entries))
        return entries


def check_declared(given: Given) -> None:
    """Raise BadField where options do not go together, whatever map they are for."""
    declared = _declared_by(given)
    if not declared:
        said = next((option for option in CONTENT if given.get(option) is not None), None)
        if said is None:
            raise BadField("nothing is declared to be in the map: add entries or entries_from")
        raise BadField(f"{said} is for entries, and none are declared: add entries, or drop it")
    if given.get("entries_mode") == Mode.EXACT.value and declared == ["entries_absent"]:
        raise BadField("entries_mode exact needs entries or entries_from, to say what is to stay")
    source = given.get("entries_from")
    if source is not None:
        absolute(source["src"], "entries_from.src")
    if source is not None and not (source.get("remote_src") or source.get("shown")):
        raise BadField(
            f"entries_from: {source['src']} is on the controller, which did not send it along: set "
            "remote_src: true if it is on the host"
        )


def _check(given: Given, shape: MapShape) -> None:
    check_declared(given)
    name = map_type_name(shape.number)
    row = MAP_TYPES_BY_NUMBER.get(shape.number)
    if row is None or row.kin is None:
        reason = row.not_copied if row else "this type is not known"
        raise BadField(f"entries of the type {name} cannot be declared: {reason}")
    if row.kin.holds is not None:
        raise BadField(
            f"entries of the type {name} cannot be declared: they are programs or maps, which have "
            "to be put there by whoever loads them"
        )
    if row.kin.indexed and given.get("entries_absent"):
        raise BadField(
            f"entries_absent is not for {name}, whose slots are always there: declare the value 0"
        )


def _declared_by(given: Given) -> List[str]:
    return [option for option in _DECLARING if given.get(option) is not None]


class _Reading:
    """Reads what is declared; the formats are those of keys and values."""

    def __init__(
        self, given: Given, layout: Layout, context: Context, key: Format, value: Format
    ) -> None:
        self._given = given
        self._layout = layout
        self._context = context
        self._key = key
        self._value = value

    def pairs(self) -> Dict[bytes, bytes]:
        """Return values by key, in the order of the declaration."""
        pairs: Dict[bytes, bytes] = {}
        items = self._given.get("entries") or ()
        if items:
            self._take_items(items, pairs)
        if self._given.get("entries_from") is not None:
            self._take_file(self._given["entries_from"], pairs)
        return pairs

    def absent(self, pairs: Mapping[bytes, bytes]) -> Set[bytes]:
        """Return the keys that are not to be there; none of them may be declared to be, too."""
        given = self._given.get("entries_absent") or ()
        keys = self._encode(self._key, given, "entries_absent[{}]")
        problems = [
            f"entries_absent[{index}]: its key is declared to be there, too: keep one"
            for index, key in enumerate(keys)
            if key in pairs
        ]
        if problems:
            raise Problems(first_told(problems))
        return set(keys)

    def _take_items(self, items: Sequence[Any], pairs: Dict[bytes, bytes]) -> None:
        problems = list(ill_formed(items))
        if problems:
            raise Problems(first_told(problems))
        keys = self._encode(self._key, [each["key"] for each in items], "entries[{}].key")
        values = self._encode(self._value, [each["value"] for each in items], "entries[{}].value")
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
        pairs.update(zip(keys, values))

    def _take_file(self, source: Given, pairs: Dict[bytes, bytes]) -> None:
        from ... import list_file
        from ...lists.read import read

        path, shown = source["src"], str(source.get("shown") or source["src"])
        if self._given.get(AT_BOOT):
            path = roots_own(path)
        faults = Faults(shown)
        before, taken = len(pairs), 0
        usual = source.get("value")
        default = [] if usual is None else self._encode(self._value, [usual], "entries_from.value")
        with list_file.opened(path) as file:
            how = source.get("format") or "lines"
            for chunk in read(file.blocks(), how, faults, source.get("columns")):
                taken += self._take_chunk(chunk, default, faults, pairs)
                self._check_room(len(pairs), shown)
        faults.raise_any()
        if not taken and self._given.get("entries_mode") == Mode.EXACT.value and not before:
            raise BadField(
                f"{shown} lists no entries, and entries_mode exact would remove all that are "
                "there: look at the file; if it is meant, declare entries: []"
            )

    def _take_chunk(
        self, chunk: Chunk, default: List[bytes], faults: Faults, pairs: Dict[bytes, bytes]
    ) -> int:
        """Encode some entries of a file; what is wrong with them goes to `faults`."""
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
        if keys is None or faults.count:
            return 0
        before = len(pairs)
        pairs.update(zip(keys, values))
        if len(pairs) - before < len(keys):
            self._tell_doubled(keys, chunk, faults, set(islice(pairs, before)))
        return len(keys)

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
            return _of_value(plain, self._layout).encode_items(map(_numbers, items))
        plain = named("bytes", format.size, self._context, f"the {what}")
        return _of_key(plain, self._layout, self._context).encode_items(map(_numbers, items))

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
        most = self._layout.max_entries
        return f"must be from 0 to {most - 1}, as the map has {most} slots"

    def _beyond(self, keys: Sequence[bytes]) -> Iterator[int]:
        """Yield which of the keys are no index of a slot, where they are to be that."""
        most = self._layout.max_entries
        for index, key in enumerate(keys if self._layout.kin.indexed else ()):
            if int.from_bytes(key, BYTE_ORDER) >= most:
                yield index


def _of_key(format: Format, layout: Layout, context: Context) -> Format:
    # A prefix in its own notation has been looked at.
    is_special = layout.kin.longest_match and not isinstance(format, Prefix)
    return TrieKey(format, context) if is_special else format


def _of_value(format: Format, layout: Layout) -> Format:
    return OfEachCpu(format, layout.values, layout.stride) if layout.kin.per_cpu else format


def _numbers(raw: Any) -> List[Any]:
    """The bytes of a value as numbers; of the values of all CPUs a list of them."""
    return [*map(_numbers, raw)] if isinstance(raw, list) else list(raw)


def ill_formed(items: Sequence[Any]) -> Iterator[str]:
    """Yield what is wrong with entries that are no pairs of key and value."""
    for index, item in enumerate(items):
        if not isinstance(item, dict) or set(item) != {"key", "value"}:
            yield f"entries[{index}] must have key and value, and nothing else"


def _formats_in(declared: Any) -> Iterator[str]:
    """Yield the names of formats, of the whole or by field."""
    if isinstance(declared, str):
        yield declared
    elif isinstance(declared, dict):
        for each in declared.values():
            yield from _formats_in(each)
    elif isinstance(declared, list):
        for each in declared:
            yield from _formats_in(each.get("format") if isinstance(each, dict) else None)


def first_told(problems: List[str]) -> List[str]:
    """Return the first of the problems, and how many more there are."""
    more = len(problems) - MOST_TOLD
    return [*problems[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]


def _indexes_of_none(values: Sequence[Any]) -> List[int]:
    return [index for index, value in enumerate(values) if value is None]


_OF_A_BOOT = {"ifindex", "cgroup"}
_HIDDEN_AT_BOOT = ("/home/", "/root/", "/run/user/")  # ProtectHome= (man 5 systemd.exec)
_NO_VALUE = "it has no value, and entries_from.value, which would stand for it, is not set"
