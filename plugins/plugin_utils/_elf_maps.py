# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From object files to what option `maps` of bpf_map_pinned takes. Private to this collection."""

from __future__ import annotations

import base64
import typing as t
from fnmatch import fnmatchcase
from functools import partial

from ..module_utils._core.btf import Btf, BtfError
from ..module_utils._core.btf_excerpt import excerpt
from ..module_utils._core.errors import PinningError, ProblemCollector
from ..module_utils._core.object_file.definitions import (
    Definition,
    check_shareable,
    read_definitions,
    types_to_describe,
)
from ._elf import read_object
from ._loader_rules import check_sizes, sized_by_loader, without_annotation
from ._refused_btf import is_refused

Item = t.Dict[str, t.Any]  # an item of option `maps`


class BadChoice(PinningError):
    """Options or files do not go together; the text says why."""


class Choice(t.NamedTuple):
    """Which maps are wanted, and what is to be otherwise than in the object file."""

    all: bool  # also those that are not pinned by name
    include: t.Sequence[str]  # shell patterns; empty: every map
    exclude: t.Sequence[str]
    override: t.Mapping[str, t.Mapping[str, t.Any]]  # fields by name of the map
    loader: str = "libbpf"


class Found(t.NamedTuple):
    """A map that an object file defines."""

    path: str
    name: str
    definition: Definition
    types: Btf
    allocated: t.FrozenSet[str]  # names of structs that the programs of the file allocate

    @property
    def label(self) -> str:
        return f"{self.path}: map {self.name}: "


def find_maps(paths: t.Sequence[str]) -> t.List[Found]:
    """Every map that these files define, in their order; raise Problems with all that is wrong."""
    found: t.List[Found] = []
    problems = ProblemCollector()
    for path in paths:
        found += problems.of(partial(_find_maps, path), f"{path}: ") or []
    problems.raise_any()
    return found


def choose(found: t.Sequence[Found], choice: Choice) -> t.List[Item]:
    """Those that are wanted, each name once; raise Problems with all that is wrong."""
    problems = ProblemCollector()
    for problem in _names_without_effect(found, choice):
        problems.add(problem)
    described = Described()
    chosen: t.Dict[str, t.Tuple[Found, Item]] = {}
    for each in found:
        if not _is_wanted(each, choice):
            continue
        item = problems.of(partial(_item_of, each, choice, described), each.label)
        first, its_item = chosen.setdefault(each.name, (each, item))
        if item and its_item and item is not its_item:
            problems.of(partial(_check_same, its_item, item, first.path), each.label)
    problems.raise_any()
    return [item for _found, item in chosen.values()]


class Described:
    """BTF of keys and values. What has been made is kept: many maps have the same key and value."""

    def __init__(self) -> None:
        self._known: t.Dict[t.Tuple[Btf, t.Tuple[int, int]], Item] = {}
        self._left: t.Dict[Btf, int] = {}  # bytes
        self._refused: t.Dict[Btf, bool] = {}

    def of(self, types: Btf, ids: t.Tuple[int, int]) -> Item:
        """Option `btf` for a key and a value with these ids.

        Empty where libbpf makes such a map without, since no kernel takes the rest of the BTF.
        """
        known = self._known.get((types, ids))
        if known is not None:
            return known
        left = self._left.get(types, max(_MOST_OF_TYPES * len(types.blob), _ALWAYS))
        if left < 0:
            raise BadChoice("its maps share their types so often that they would fill the memory")
        blob, (key, value) = excerpt(types, *ids)
        self._left[types] = left - len(blob)
        data = base64.b64encode(blob).decode("ascii")
        made = {"data": data, "key_type_id": key, "value_type_id": value}
        if self._is_refused(types) and not is_refused(Btf.parse(blob)):
            made = {}
        return self._known.setdefault((types, ids), made)

    def _is_refused(self, types: Btf) -> bool:
        if types not in self._refused:
            self._refused[types] = is_refused(types)
        return self._refused[types]


def _find_maps(path: str) -> t.List[Found]:
    read = read_object(path)
    if read is None:
        return []
    definitions = read_definitions(read.types, read.hidden)
    return [
        Found(path, name, each, read.types, read.allocated) for name, each in definitions.items()
    ]


def _is_wanted(found: Found, choice: Choice) -> bool:
    if not choice.all and not found.definition.pinning:
        return False
    if choice.include and not _matches(found.name, choice.include):
        return False
    return not _matches(found.name, choice.exclude)


def _matches(name: str, patterns: t.Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _names_without_effect(found: t.Sequence[Found], choice: Choice) -> t.Iterator[str]:
    """Most likely they are misspelt. Patterns of `exclude` may well match nothing."""
    pinned = {each.name for each in found if choice.all or each.definition.pinning}
    defined = dict.fromkeys(each.name for each in found)
    named = [("include", name) for name in choice.include]
    named += [("override", name) for name in choice.override]
    for option, name in named:
        patterns = [name] if option == "include" else []
        matching = {each for each in defined if each == name or _matches(each, patterns)}
        if not matching:
            yield f"{option}: there is no map {name}, but {', '.join(defined) or 'none at all'}"
        elif not matching & pinned:
            yield f"{option}: {name} is not pinned by name: say `all=true` to take it all the same"


def _item_of(found: Found, choice: Choice, described: Described) -> Item:
    check_shareable(found.types, found.definition, found.allocated)
    item = {"name": found.name, **_shape(found.types, found.definition, described)}
    if sized_by_loader(found.definition) and choice.loader != "libbpf":
        item["loader"] = choice.loader
    fields = choice.override.get(found.name, {})
    if not isinstance(fields, t.Mapping):
        raise BadChoice("override: give its fields as a dictionary, such as {max_entries: 4096}")
    fields = _said(fields)
    inner = fields.get("inner_map")
    if "inner_map" in item and isinstance(inner, t.Mapping):
        fields = {**fields, "inner_map": {**item["inner_map"], **_said(inner)}}
    item = {**item, **fields}
    check_sizes(found.name, item)
    return item


def _said(fields: t.Mapping[str, t.Any]) -> Item:
    """Without what is an empty string: such a variable was not set."""
    return {field: value for field, value in fields.items() if value != ""}


def _shape(types: Btf, definition: Definition, described: Described) -> Item:
    shape: Item = {"type": definition.type, "flags": definition.flags}
    sizes = {
        "key_size": definition.key_size,
        "value_size": without_annotation(definition),
        "max_entries": definition.max_entries,
        "map_extra": definition.map_extra,
    }
    shape.update((field, size) for field, size in sizes.items() if size)
    if definition.on_numa_node is not None:
        shape["numa_node"] = definition.on_numa_node
    if definition.inner is not None:
        shape["inner_map"] = _shape(types, definition.inner, described)
    ids = types_to_describe(types, definition)
    if ids is not None:
        btf = described.of(types, ids)
        if btf:
            shape["btf"] = btf
    return shape


def _check_same(one: Item, other: Item, path: str) -> None:
    fields = dict.fromkeys([*one, *other])
    differ = [field for field in fields if not _same(field, one.get(field), other.get(field))]
    if differ:
        raise BadChoice(
            f"{path} has another map of this name, with another {', '.join(differ)}: make them "
            "agree, or read one of the files only"
        )


def _same(field: str, one: t.Any, other: t.Any) -> bool:
    if one == other or one is None or other is None:
        return bool(one == other)
    if field == "inner_map":
        return all(_same(each, one.get(each), other.get(each)) for each in {*one, *other})
    return field == "btf" and _same_btf(one, other)


def _same_btf(one: Item, other: Item) -> bool:
    try:
        left, right = (Btf.parse(base64.b64decode(each["data"])) for each in (one, other))
        return all(
            left.same_type(one[field], right, other[field])
            for field in ("key_type_id", "value_type_id")
        )
    except (BtfError, ValueError, TypeError, LookupError):  # from an override: the module judges
        return False


_MOST_OF_TYPES = 16  # times the BTF of a file is the BTF of all its maps, at most
_ALWAYS = 1 << 20  # bytes, however small the file is
