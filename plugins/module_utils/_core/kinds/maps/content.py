# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is declared to be in a map, once it is known what keys and values are.

Keys and values may be secrets: no message and no repr has one.
"""

from __future__ import annotations

from functools import cached_property
from typing import (
    TYPE_CHECKING,
    Any,
    Collection,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Set,
    Tuple,
)

from ...content.declared_format import Typed, format_of
from ...content.format import Context, Format
from ...difference import Entries, Mode
from ...entries import Layout, content_kin
from ...errors import NotThere, PinningError
from ...fields import absolute, check_seen_at_boot
from ...filling import Send
from ...host import this_host
from ...map_types import MAP_TYPES_BY_NUMBER, Kin, Means, map_type_name
from ...options import CONTENT
from ...pairs import NO_PAIRS, Pair, Pairs
from ...people import Awaited, BadField
from ...shape import MapBtf, MapShape
from ...syscall import Fd
from .host_names import HostNames
from .reading import Given, Reading, of_key, of_value

if TYPE_CHECKING:
    from .references import HostReferences

_LOCK_SIZE = 4  # bytes
_DECLARING = ("entries", "entries_from", "entries_absent")


class WantedContent:
    """What is to be in a map. It is encoded once the types of keys and values are known."""

    def __init__(
        self,
        given: Given,
        shape: MapShape,
        awaited: Optional[Awaited] = None,
        programs: Collection[str] = (),
    ) -> None:
        self._given = given
        self._shape = shape
        self._awaited = awaited  # in a check, what a task before may make
        self._programs = programs  # paths where they are still to be pinned
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

    def naming(
        self, programs: Mapping[str, str]
    ) -> Optional[Tuple[Dict[str, object], FrozenSet[str]]]:
        """Return the options with a path for each name of these programs, and those paths.

        None if values name none of them.
        """
        if self._kin.means in (None, Means.CGROUPS):
            return None
        found: Set[str] = set()
        entries = []
        for entry in self._given.get("entries") or ():
            value: Any = entry.get("value") if isinstance(entry, dict) else None
            has_more = isinstance(value, dict)
            named = value.get("program") if has_more else value
            path = programs.get(named) if isinstance(named, str) else None
            if path is not None and (has_more or self._kin.means is Means.PROGRAMS):
                found.add(path)
                entry = {**entry, "value": {**value, "program": path} if has_more else path}
            entries.append(entry)
        options = {option: self._given.get(option) for option in CONTENT}
        return ({**options, "entries": entries}, frozenset(found)) if found else None

    @property
    def has_maps_in_place(self) -> bool:
        """Return whether some values are maps that are declared here."""
        return False

    @property
    def is_known(self) -> bool:
        """Return whether the list of the entries, if there is one, was there."""
        return not (self._encoded and self._encoded[-1][1].is_awaited)

    @property
    def count(self) -> int:
        """How many entries are declared; known once they have been encoded."""
        return len(self.pairs)

    @property
    def pairs(self) -> Pairs:
        """The entries that are declared, likewise."""
        return self._encoded[-1][1].pairs if self._encoded else NO_PAIRS

    def shown(self, pairs: Iterable[Pair]) -> List[Dict[str, object]]:
        """Entries in the notation that declares them."""
        if not self._encoded:
            return []
        key, value = self.formats(self._encoded[-1][0])
        if self._kin.keyless:
            return [{"value": value.decode(of)} for _number, of in pairs]
        return [{"key": key.decode(each), "value": value.decode(of)} for each, of in pairs]

    def shown_keys(self, keys: Iterable[bytes]) -> List[Dict[str, object]]:
        """Keys alone, likewise."""
        if not self._encoded:
            return []
        key, _value = self.formats(self._encoded[-1][0])
        return [{"key": key.decode(each)} for each in keys]

    @property
    def layout(self) -> Layout:
        """How the entries come and go."""
        return Layout.of(self._shape, self._kin, this_host())

    @property
    def _kin(self) -> Kin:
        kin = content_kin(self._shape)
        if kin is None:
            raise PinningError("entries of this type cannot be declared")
        return kin

    @property
    def is_unreadable(self) -> bool:
        """Return whether nobody can look if the entries are there."""
        return self._kin.unreadable

    @property
    def names_devices(self) -> bool:
        """Return whether values name interfaces, so that it matters in which network one looks."""
        return self._kin.means is Means.DEVICES

    @cached_property
    def _references(self) -> HostReferences:
        from .references import HostReferences  # a start compiles all that it loads

        return HostReferences(self._programs)

    @property
    def send(self) -> Optional[Send]:
        """Return what turns values into what the kernel takes for them; None: that is the same."""
        means = self._kin.means
        return None if means is None else self._references.sender(means)

    def try_programs(
        self, entries: Entries, some: Iterable[Pair], pinned: Optional[Fd] = None
    ) -> None:
        """Raise Problems where the kernel would not take the programs of some of the entries.

        `pinned` is the map, if it is there already.
        """
        means, send = self._kin.means, self.send
        if means is None or send is None:
            return
        from .references import names_program
        from .trial import try_programs

        numbers = {key: number for number, (key, _value) in enumerate(entries.pairs)}
        values: Dict[bytes, str] = {}
        for key, value in some:
            if names_program(value, means):
                values.setdefault(value, self._where(numbers[key]))
        if values:
            try_programs(self._shape, means, values, send, pinned)

    def check_locks(self, entries: Entries, btf: Optional[MapBtf]) -> None:
        """Raise PinningError where bytes are declared for a lock: the kernel drops them.

        So the map would not be as declared, however often they are written.
        """
        locks = btf.types.locks(btf.type_ids[1]) if btf is not None else ()
        for number, (_key, value) in enumerate(entries.pairs if locks else ()):
            for start in locks:
                if any(value[start : start + _LOCK_SIZE]):
                    raise BadField(
                        f"{self._where(number)}: must have zeros in bytes {start} to "
                        f"{start + _LOCK_SIZE - 1}, where the lock is, which only programs take"
                    )

    def _where(self, number: int) -> str:
        listed = len(self._given.get("entries") or ())
        if number < listed:
            return f"entries[{number}].value"
        return f"entries_from: the value of entry {number - listed + 1}"

    def formats(self, btf: Optional[MapBtf]) -> Tuple[Format, Format]:
        """Those of keys and values; PinningError where they cannot be."""
        context = self._context
        types, (key_id, value_id) = (btf.types, btf.type_ids) if btf else (None, (0, 0))
        key = Typed("the key", self._shape.key_size, types, key_id)
        value = Typed("the value", self._shape.value_size, types, value_id)
        means = self._kin.means
        if means is None:
            of_one = format_of(value, self._given.get("value_format"), context)
        else:
            from .references import meaning

            of_one = meaning(means, self._shape.value_size, context, self._references)
        return (
            of_key(format_of(key, self._given.get("key_format"), context), self.layout, context),
            of_value(of_one, self.layout),
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
        if source.get("digest"):
            return  # it is kept beside what declares it
        from ...ownership import roots_own

        check_seen_at_boot(roots_own(source["src"]), "entries_from")

    def encoded(self, btf: Optional[MapBtf]) -> Entries:
        """Return the entries as bytes; Problems with all that is wrong, up to twenty."""
        for known, entries in self._encoded:
            if known == btf:
                return entries
        entries = self._read(btf)
        self._encoded.append((btf, entries))
        return entries

    def _read(self, btf: Optional[MapBtf]) -> Entries:
        reading = Reading(self._given, self.layout, self._context, *self.formats(btf))
        try:
            pairs = reading.pairs()
        except NotThere as error:
            if self._awaited is None:
                raise
            self._awaited[str(error)] = None
            return Entries(self.mode, NO_PAIRS, is_awaited=True)
        return Entries(self.mode, pairs, reading.absent(pairs))


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
    kin = row.content if row else None
    if kin is None:
        reason = row.not_copied if row else "this type is not known"
        raise BadField(f"entries of the type {name} cannot be declared: {reason}")
    if kin.holds is not None and kin.means is None:
        raise BadField(
            f"entries of the type {name} cannot be declared: they are maps: declare the map itself "
            "with ebpf.pinning.bpf_map_pinned and inner_map, and its entries there"
        )
    if kin.means is not None and given.get("value_format") is not None:
        from .references import VALUES_OF

        raise BadField(
            f"value_format is not for {name}, whose values are {VALUES_OF[kin.means]}: drop it"
        )
    if kin.has_all_slots and given.get("entries_absent"):
        raise BadField(
            f"entries_absent is not for {name}, whose slots are always there: declare the value 0"
        )
    if kin.keyless:
        _check_keyless(given, name)
    if kin.unreadable:
        _check_unreadable(given, name)


def check_pinned(shape: MapShape) -> None:
    """Raise BadField where entries cannot be written to a map that is there already."""
    kin = content_kin(shape)
    if kin is not None and kin.unreadable:
        raise BadField(
            f"entries of the type {map_type_name(shape.number)} are written when the map is made, "
            "since nobody can look what is there: declare the map, too, with "
            "ebpf.pinning.bpf_map_pinned and entries_mode: initial"
        )


def _check_keyless(given: Given, name: str) -> None:
    if given.get("key_format") is not None:
        raise BadField(f"key_format is not for {name}, which has no keys: drop it")
    source = given.get("entries_from") or {}
    if source.get("format") not in (None, "lines") or source.get("value") is not None:
        raise BadField(
            f"entries_from of {name}, which has no keys, takes lines with a value each: drop "
            "value, and use format: lines"
        )


def _check_unreadable(given: Given, name: str) -> None:
    if given.get("entries_absent") is not None:
        raise BadField(f"entries_absent is not for {name}: nobody can look what is there; drop it")
    if given.get("entries_mode") != Mode.INITIAL.value:
        raise BadField(
            f"entries of the type {name} are written when the map is made, and nobody can look "
            "what is there afterwards: say so with entries_mode: initial"
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
