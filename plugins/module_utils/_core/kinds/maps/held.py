# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which maps are declared to be in a map of maps: read and checked.

A value is the path of a pinned map, or a map that is declared in place, with entries of its own.
Keys, paths and entries may be secrets: no message and no repr has one.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Collection, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from ...content.declared_format import Typed, format_of
from ...content.format import Format, UnfitItems
from ...difference import Entries, Mode
from ...errors import ProblemCollector, Problems
from ...fields import absolute
from ...map_types import map_type_name
from ...pairs import NO_PAIRS, Pair, Pairs
from ...people import BadField
from ...shape import MapBtf, MapShape
from ...uapi import BYTE_ORDER
from ...values import NamedTuple
from .content import WantedContent, check_declared
from .declaration import MapSpec
from .reading import Given, first_told, ill_formed


class Held(NamedTuple):
    """What is declared to be under a key."""

    number: int  # of the entry
    path: str = ""  # of the pin
    content: Optional[WantedContent] = None  # of a map in place

    @property
    def where(self) -> str:
        """Return what messages about it begin with."""
        return f"entries[{self.number}].value"


class WantedMaps(WantedContent):
    """What is to be in a map of maps, whose inner maps are to be like `inner`."""

    holds_maps = True

    def __init__(self, given: Given, shape: MapShape, inner: MapSpec) -> None:
        self._given = given
        self._shape = shape
        self._inner = inner
        self._declared: Optional[Tuple[Entries, Dict[bytes, Held]]] = None
        self._beside: Set[str] = set()
        self.mode = Mode(given.get("entries_mode") or "present")
        self.is_shown = bool(given.get("show_entries"))
        check_declared(given)
        name = map_type_name(shape.number)
        if given.get("entries_from") is not None:
            raise BadField(f"entries_from is not for {name}: list the maps in entries")
        if given.get("value_format") is not None:
            raise BadField(
                f"value_format is not for {name}, whose values are paths of pinned maps, or maps "
                "with entries of their own: drop it, or give it for the entries of those"
            )

    @property
    def needs_btf(self) -> bool:
        return False

    @property
    def is_known(self) -> bool:
        return True

    @property
    def pairs(self) -> Pairs:
        return self._declared[0].pairs if self._declared else NO_PAIRS

    @property
    def paths(self) -> List[str]:
        """The paths of pinned maps that are named, as far as they make sense."""
        values = (each.get("value") for each in self._items if isinstance(each, dict))
        paths = (each for each in values if isinstance(each, str) and each.startswith("/"))
        return ["/" + "/".join(filter(None, each.split("/"))) for each in paths]

    def keys_of(self, paths: Collection[str]) -> List[bytes]:
        known = self._declared[1] if self._declared else {}
        initial = self.mode is Mode.INITIAL
        return [key for key, held in known.items() if held.path in paths and not initial]

    @property
    def has_maps_in_place(self) -> bool:
        """Return whether some are declared here, so that what is in them has to be compared."""
        return any(
            isinstance(each, dict) and isinstance(each.get("value"), dict) for each in self._items
        )

    @property
    def held(self) -> Dict[bytes, Held]:
        """What is declared under each key; Problems with all that is wrong."""
        self.encoded(None)
        return self._declared[1] if self._declared else {}

    @property
    def _items(self) -> Sequence[Any]:
        items: Sequence[Any] = self._given.get("entries") or ()
        return items

    def expect(self, path: str) -> None:
        """Note that a map is declared beside, which will be pinned there."""
        self._beside.add(path)

    def expects(self, path: str) -> bool:
        """Return whether one is."""
        return path in self._beside

    def shown(self, pairs: Iterable[Pair]) -> List[Dict[str, object]]:
        keys = [key for key, _number in pairs]
        told = self.shown_keys(keys)
        for key, each in zip(keys, told):
            held = self.held[key]
            each["value"] = {"entries": held.content.count} if held.content else held.path
        return told

    def shown_keys(self, keys: Iterable[bytes]) -> List[Dict[str, object]]:
        return [{"key": self._key_format.decode(key)} for key in keys]

    def forget(self) -> None:
        self._declared = None

    def check_for_boot(self, btf: Optional[MapBtf]) -> None:
        super().check_for_boot(btf)
        for held in self.held.values():
            if held.content is not None:
                check = partial(held.content.check_for_boot, self._inner.btf)
                problems = ProblemCollector()
                problems.of(check, f"{held.where}: ")
                problems.raise_any()
            elif not self.expects(held.path):
                raise BadField(
                    f"{held.where}: this map is not declared beside, so it may come back later: "
                    "declare it in the same list, or leave this one out of what comes back, in a "
                    "task of its own"
                )

    def encoded(self, btf: Optional[MapBtf]) -> Entries:  # there is none
        """Return which keys are declared, with numbers as values: what they mean is in `held`."""
        if self._declared is None:
            held = self._held()
            absent = self._encode(self._given.get("entries_absent") or (), "entries_absent[{}]")
            _refuse(
                f"entries_absent[{index}]: its key is declared to be there, too: keep one"
                for index, key in enumerate(absent)
                if key in held
            )
            numbers = [each.number.to_bytes(_NUMBER, BYTE_ORDER) for each in held.values()]
            pairs = Pairs(self._shape.key_size, _NUMBER).of([*zip(held, numbers)])
            self._declared = Entries(self.mode, pairs, frozenset(absent)), held
        return self._declared[0]

    def _held(self) -> Dict[bytes, Held]:
        items = self._items
        problems = list(ill_formed(items))
        if problems:
            raise Problems(first_told(problems))
        keys = self._encode([each["key"] for each in items], "entries[{}].key")
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        _refuse(
            f"entries[{index}]: its key is that of entries[{first[key]}]: keep one"
            for index, key in enumerate(keys)
            if first[key] != index
        )
        self._check_room(len(keys), "entries")
        collected = ProblemCollector()
        values = [
            collected.of(partial(self._value, index, each["value"]), f"entries[{index}].value: ")
            for index, each in enumerate(items)
        ]
        try:
            collected.raise_any()
        except Problems as found:
            raise Problems(first_told(list(found.problems))) from None
        return dict(zip(keys, values))

    def _check_room(self, count: int, where: str) -> None:
        most = self._shape.max_entries
        if count > most:
            raise BadField(
                f"{where}: {count} entries or more are declared, and the map has room for "
                f"max_entries {most}: raise that, or declare fewer"
            )

    def _value(self, index: int, value: object) -> Held:
        if isinstance(value, str):
            try:
                return Held(index, absolute(value, "path"))
            except BadField:  # its message has the path
                raise BadField(_NO_PATH) from None
        if not isinstance(value, dict) or value.get("entries") is None:
            raise BadField(
                "must be the path of a pinned map, or a dictionary with the entries of a map that "
                "is made for this place"
            )
        if not set(value) <= set(_IN_PLACE):
            raise BadField(f"a map in place takes {', '.join(_IN_PLACE)}, and nothing else")
        content = WantedContent({**value, "entries_mode": Mode.EXACT.value}, self._inner.shape)
        content.check_locks(content.encoded(self._inner.btf), self._inner.btf)
        return Held(index, "", content)

    def _encode(self, items: Sequence[Any], where: str) -> List[bytes]:
        try:
            keys = self._key_format.encode_items(items)
        except UnfitItems as unfit:
            problems = []
            for index, each in unfit.items:
                dot = "." if each.field and not each.field.startswith("[") else ""
                problems.append(f"{where.format(index)}{dot}{each.field}: {each.reason}")
            raise Problems(problems) from None
        most = self._shape.max_entries
        if self.layout.kin.indexed:
            _refuse(
                f"{where.format(index)}: must be from 0 to {most - 1}, as the map has {most} slots"
                for index, key in enumerate(keys)
                if int.from_bytes(key, BYTE_ORDER) >= most
            )
        return keys

    @property
    def _key_format(self) -> Format:
        given = self._given.get("key_format")
        if given is None and self.layout.kin.indexed:
            given = "u32"
        return format_of(Typed("the key", self._shape.key_size), given, self._context)


def _refuse(texts: Iterable[str]) -> None:
    """Raise Problems with the texts, if there are any."""
    problems = list(texts)
    if problems:
        raise Problems(first_told(problems))


_NO_PATH = "must be the whole path of a pinned map, without `.` and `..`"
_NUMBER = 4  # bytes
_IN_PLACE = ("entries", "key_format", "value_format", "host_bits")
