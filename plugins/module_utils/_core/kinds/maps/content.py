# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is declared to be in a map, once it is known what keys and values are.

Keys and values may be secrets: no message and no repr has one.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ...content.declared_format import Typed, format_of
from ...content.format import Context, Format
from ...difference import Entries, Mode
from ...entries import Layout, kin_of
from ...errors import PinningError
from ...fields import absolute
from ...host import this_host
from ...map_types import MAP_TYPES_BY_NUMBER, map_type_name
from ...options import CONTENT
from ...ownership import roots_own
from ...people import BadField
from ...shape import MapBtf, MapShape
from .host_names import HostNames
from .reading import Given, Reading, of_key, of_value

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
            of_key(format_of(key, self._given.get("key_format"), context), self.layout, context),
            of_value(format_of(value, self._given.get("value_format"), context), self.layout),
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
        reading = Reading(self._given, self.layout, self._context, *self.formats(btf))
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


_OF_A_BOOT = {"ifindex", "cgroup"}
_HIDDEN_AT_BOOT = ("/home/", "/root/", "/run/user/")  # ProtectHome= (man 5 systemd.exec)
