# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in maps, in the notation that declares it. Opens read-only, changes nothing."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple

from ..bpffs import walk
from ..content.declared_format import Typed, format_of
from ..content.format import BadFormat, Context, Format, Unfit
from ..entries import Layout, content_kin, read
from ..errors import TROUBLE, PinningError, explained
from ..host import this_host
from ..kinds.maps.host_names import HostNames
from ..kinds.maps.reading import of_key, of_value
from ..kinds.maps.references import HostReferences, meaning
from ..kinds.pins.objects import look
from ..kinds.pins.observed import MapDetails, PinnedMap
from ..map_types import MAP_TYPES_BY_NUMBER
from ..syscall import Fd
from ..uapi import BYTE_ORDER, MapInfo
from .describe import Adopted
from .observed import Item, Left, Scene

MOST = 1000  # entries of a map that a person may want to read; a file is for more
Formats = Mapping[str, Mapping[str, object]]  # key_format and value_format, by path


class Content:
    """Reads entries. What they mean of the kernel's is told by the paths of pins."""

    def __init__(self, scene: Scene, formats: Formats) -> None:
        self._formats = formats
        self._pins = dict(scene.pins)
        self._paths: Dict[Tuple[str, int], str] = {}
        for path, pin in scene.pins:
            self._paths.setdefault((pin.kind, pin.id), path)

    def add_to(self, adopted: Adopted) -> Adopted:
        """Return it with the entries of all maps, as far as they can be declared."""
        maps: List[Item] = []
        unknown = [path for path in self._formats if path not in self._pins]
        remarks = [*adopted.remarks, *(Left(path, _NO_MAP) for path in unknown)]
        for item in adopted.lists.get("maps", ()):
            path = str(item["path"])
            try:
                item = {**item, **self._of(path)}
            except TROUBLE as error:
                remarks.append(Left(path, f"its entries are not declared: {explained(error)}"))
            maps.append(item)
        lists = {name: maps if name == "maps" else items for name, items in adopted.lists.items()}
        return Adopted(lists, adopted.left, remarks)

    def _of(self, path: str) -> Item:
        pin = self._pins[path]
        if not isinstance(pin, PinnedMap):
            return {}
        _check(pin)
        kin = content_kin(pin.shape)
        if kin is None:
            return {}
        layout = Layout.of(pin.shape, kin, this_host())
        options = dict(self._formats.get(path, {}))
        try:
            key, value = self._formats_of(pin, layout, options)
            pairs = sorted(_pairs(path, layout))
            entries = [{"key": key.decode(of), "value": value.decode(to)} for of, to in pairs]
        except (BadFormat, Unfit) as error:
            raise PinningError(str(error)) from None
        if layout.kin.per_cpu:
            entries = [{**each, "value": _one(each["value"])} for each in entries]
        return {**options, "entries": entries} if entries else {}

    def _formats_of(
        self, pin: PinnedMap, layout: Layout, options: Mapping[str, object]
    ) -> Tuple[Format, Format]:
        context, btf = Context(HostNames()), pin.details.btf
        types, (key_id, value_id) = (btf.types, btf.type_ids) if btf else (None, (0, 0))
        typed = Typed("the key", pin.shape.key_size, types, key_id)
        key = of_key(format_of(typed, options.get("key_format"), context), layout, context)
        if layout.kin.means is not None:
            programs = _Pinned(self._paths)
            return key, meaning(layout.kin.means, pin.shape.value_size, context, programs)
        if layout.kin.holds is not None:
            return key, _MapByPath(self._paths)
        typed = Typed("the value", pin.shape.value_size, types, value_id)
        return key, of_value(format_of(typed, options.get("value_format"), context), layout)


def _check(pin: PinnedMap) -> None:
    """Raise PinningError where entries of such a map are not declared."""
    kin = content_kin(pin.shape)
    if kin is None:
        raise PinningError(MAP_TYPES_BY_NUMBER[pin.shape.number].not_copied)
    if kin.unreadable:
        raise PinningError("nobody can look what is there")
    btf = pin.details.btf
    part = btf.types.uncopyable_part(btf.type_ids[1]) if btf is not None else ""
    if part:
        raise PinningError(f"its values hold {part}, which only programs can put there")


def _pairs(path: str, layout: Layout) -> List[Tuple[bytes, bytes]]:
    """Return the entries, without slots of arrays that are as in a new map."""
    found: List[Tuple[bytes, bytes]] = []

    def inspect(fd: Fd, _pin_path: bytes, _info: MapInfo) -> MapDetails:
        for batch in read(fd, layout):
            for key, value in layout.pairs(batch):
                value = layout.bare(value)
                if any(value) or not layout.kin.indexed:
                    found.append((key, value))
                    if len(found) > MOST:
                        raise PinningError(
                            f"there are more than {MOST}: dump them with `bpftool -j map dump`, "
                            "and declare that file with entries_from and format: json"
                        )
        return MapDetails()

    parent, _slash, name = path.rpartition("/")
    with walk(parent or "/") as place:
        look(place.fd, name, inspect)
    return found


def _one(value: object) -> object:
    """Return the value of all CPUs, where they have the same."""
    values = value if isinstance(value, list) else [value]
    is_one = values.count(values[0]) == len(values) and not isinstance(values[0], list)
    return values[0] if is_one else value


class _Pinned(HostReferences):
    """Programs by the paths of their pins."""

    def __init__(self, paths: Mapping[Tuple[str, int], str]) -> None:
        super().__init__()
        self._paths = paths

    def program_path(self, program_id: int) -> object:
        """Return the path of a pin; Unfit where it has none."""
        return _path("prog", program_id, self._paths)


class _MapByPath(Format):
    """A map by the path of its pin."""

    size = 4

    def __init__(self, paths: Mapping[Tuple[str, int], str]) -> None:
        self._paths = paths

    def decode(self, raw: bytes) -> object:
        return _path("map", int.from_bytes(raw, BYTE_ORDER), self._paths)


def _path(kind: str, number: int, paths: Mapping[Tuple[str, int], str]) -> str:
    path: Optional[str] = paths.get((kind, number))
    if path is None:
        raise Unfit(f"{kind} {number} is in it, and is pinned nowhere here")
    return path


_NO_MAP = "no map is pinned there, so its formats are of no use: correct the path"
