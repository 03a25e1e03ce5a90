# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is there -> one declaration, in the options of bpf_host. Pure."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple, cast

from ..fields import octal
from ..info.question import DEFAULT_DIRECTORY
from ..kinds.mounts.declaration import NEW_MODE
from ..kinds.mounts.observed import Bpffs
from ..kinds.pins.access import NEW_DIRECTORY, NEW_PIN
from ..kinds.pins.observed import PinnedLink, PinnedMap, PinnedProg
from ..map_types import MAP_TYPES_BY_NUMBER, UNDECLARABLE, Host, map_type_name
from ..people import People
from ..shape import ROOT, Entry
from ..values import dataclass
from .maps import map_item
from .observed import FromFile, Item, Left, PinSeen, Scene

Lists = Dict[str, List[Item]]

NAMED = ("maps", "links", "objects")  # lists whose items are pins
LISTS = ("mounts", "directories", "maps", "programs", "links", "objects")
USUAL_OPTS = ("nodev", "noexec", "nosuid")  # with which the roles and playbooks mount


@dataclass(frozen=True)
class Adopted:
    """A declaration, each item with its whole path, and what it does not say."""

    lists: Lists
    left: Sequence[Left]  # what is not in it
    remarks: Sequence[Left]  # what is in it, but does not say all


def described(scene: Scene, people: People, host: Host) -> Adopted:
    """Return the declaration that would make what is there, but for what others hold."""
    return _Description(scene, people, host).whole()


class _Description:
    def __init__(self, scene: Scene, people: People, host: Host) -> None:
        self._scene = scene
        self._people = people
        self._host = host
        self._lists: Lists = {name: [] for name in LISTS}
        self._left: List[Left] = list(scene.left)
        self._remarks: List[Left] = list(scene.remarks)
        self._loads: Dict[Tuple[str, ...], Item] = {}  # items of programs
        self._first: Dict[Tuple[str, int], str] = {}  # the first pin of each object
        for path, pin in scene.pins:
            self._first.setdefault((pin.kind, pin.id), path)

    def whole(self) -> Adopted:
        scene = self._scene
        self._lists["mounts"] = list(map(self._mount, scene.mounts))
        for path, entry, is_empty in scene.directories:
            access = self._access(entry, NEW_DIRECTORY)
            if access or is_empty:
                self._lists["directories"].append({"path": path, **access})
        for each in scene.pins:
            self._add(each)
        lists = {name: items for name, items in self._lists.items() if items}
        return Adopted(lists, self._left, self._remarks)

    def _add(self, seen: PinSeen) -> None:
        path, pin = seen
        first = self._first[(pin.kind, pin.id)]
        if first != path:
            self._put("objects", seen, {"source": first})
        elif isinstance(pin, PinnedMap):
            self._add_map(path, pin)
        elif path in self._scene.files:
            self._add_program(seen, self._scene.files[path])
        elif isinstance(pin, PinnedProg):
            self._add_object(seen)
        else:
            self._add_link(path, pin)

    def _add_map(self, path: str, pin: PinnedMap) -> None:
        row = MAP_TYPES_BY_NUMBER.get(pin.shape.number)
        if row is None:
            name = map_type_name(pin.shape.number)
            why = UNDECLARABLE.get(name, "it is newer than this collection: update that")
            self._left.append(Left(path, f"a map of type {name} cannot be declared: {why}"))
            return
        inner = self._scene.inner.get(path)
        if row.inner and inner is None:
            self._left.append(Left(path, _NO_INNER))
            return
        item, remark = map_item(pin.shape, pin.details.btf, inner, self._host)
        if pin.details.btf_hidden:
            remark = _HIDDEN_BTF
        if pin.details.frozen:
            item["frozen"] = True
        if remark:
            self._remarks.append(Left(path, remark))
        self._put("maps", PinSeen(path, pin), item)

    def _add_link(self, path: str, pin: PinnedLink) -> None:
        if pin.attached is False:
            self._left.append(Left(path, pin.idleness))
            return
        told = self._scene.attached.get(path, _NO_PROGRAM)
        kind, held = ("map", pin.target.get("map_id")) if pin.type == "struct_ops" else _held(pin)
        program = self._first.get((kind, held)) if isinstance(held, int) else None
        if isinstance(told, str) or program is None:
            reason = told if isinstance(told, str) else _NO_PROGRAM
            self._remarks.append(Left(path, f"{_BY_ID}: {reason}"))
            self._put("objects", PinSeen(path, pin), {"link_id": pin.id})
            return
        self._put("links", PinSeen(path, pin), {"program": program, "attach": told})

    def _add_program(self, seen: PinSeen, file: FromFile) -> None:
        """Programs of one file that are pinned alike in one directory are one item."""
        directory, _slash, name = seen.path.rpartition("/")
        access = self._access(seen.pin.entry, NEW_PIN)
        key = (file.object, directory, *map(str, access.items()))
        item = self._loads.get(key)
        if item is None:
            item = {"object": file.object, "directory": directory, "programs": [], **access}
            self._loads[key] = item
            self._lists["programs"].append(item)
        pin = {} if name == file.program else {"pin": name}
        cast(List[Item], item["programs"]).append({"name": file.program, **pin})
        if file.maps:
            item["maps"] = {**cast(Item, item.get("maps", {})), **file.maps}

    def _add_object(self, seen: PinSeen) -> None:
        option, value = self._scene.references[seen.path]
        if option.endswith("_id"):
            reason = f"{_BY_ID}: others have its name and its tag, too"
            self._remarks.append(Left(seen.path, reason))
        self._put("objects", seen, {option: value})

    def _put(self, name: str, seen: PinSeen, item: Item) -> None:
        access = self._access(seen.pin.entry, NEW_PIN)
        if "owner" in access:
            self._remarks.append(Left(seen.path, _owned(str(access["owner"]))))
        self._lists[name].append({"path": seen.path, **item, **access})

    def _access(self, entry: Entry, usual: int) -> Item:
        """Return what of it is not as the kernel makes it for root."""
        access: Item = {}
        if entry.owner != ROOT:
            access["owner"] = self._people.user(entry.owner)
        if entry.group != ROOT:
            access["group"] = self._people.group(entry.group)
        if entry.mode != usual:
            access["mode"] = octal(entry.mode)
        return access

    def _mount(self, there: Bpffs) -> Item:
        item: Item = {"path": there.mount.point}
        opts = there.flags - {"relatime"}
        if opts != {*USUAL_OPTS}:
            item["opts"] = sorted(opts)
        item.update(self._access(there.root, NEW_MODE))
        for field, names in there.delegate.items():
            if names:
                item[f"delegate_{field}"] = sorted(names)
        return item


def _held(pin: PinnedLink) -> Tuple[str, Optional[object]]:
    return "prog", pin.prog_id


def _owned(owner: str) -> str:
    return (
        f"declared to belong to {owner}, as it does, who may hold it open whatever its mode says: "
        "leave it out if that is not meant"
    )


def paths_of(name: str, item: Item) -> List[str]:
    """Return the paths that an item of the list `name` is about."""
    if name != "programs":
        return [str(item["path"])]
    programs = cast(List[Item], item["programs"])
    return [f"{item['directory']}/{each.get('pin', each['name'])}" for each in programs]


def relative(lists: Lists, directory: str = "") -> Dict[str, object]:
    """Return the options of bpf_host: names where pins are in `directory`, which most are in."""
    directory = directory or shared_directory(lists)
    whole: Dict[str, object] = {"directory": directory}
    for name, items in lists.items():
        shorten = _named if name in NAMED else _beside if name == "programs" else None
        whole[name] = [shorten(item, directory) for item in items] if shorten else items
    return whole


def shared_directory(*hosts: Lists) -> str:
    """Return the directory that most pins are in; the usual one where it is among those."""
    counts: Dict[str, int] = {}
    for lists in hosts:
        for item in (item for name in NAMED for item in lists.get(name, ())):
            directory = str(item["path"]).rpartition("/")[0]
            counts[directory] = counts.get(directory, 0) + 1
    if not counts:
        return DEFAULT_DIRECTORY
    return max(counts, key=lambda each: (counts[each], each == DEFAULT_DIRECTORY, -len(each), each))


def _named(item: Item, directory: str) -> Item:
    path = str(item["path"])
    parent, _slash, name = path.rpartition("/")
    if parent != directory:
        return item
    return {"name": name, **{key: value for key, value in item.items() if key != "path"}}


def _beside(item: Item, directory: str) -> Item:
    return {k: v for k, v in item.items() if k != "directory" or v != directory}


_NO_INNER = (
    "a map of maps that holds none, and the kernel does not say which it takes: declare it with "
    "inner_map, or adopt again once it holds a map"
)
_HIDDEN_BTF = (
    "declared without its BTF, which cannot be read: adopt as root, with a collection that knows "
    "all that is in it"
)
_NO_PROGRAM = "its program is pinned nowhere here"
_BY_ID = (
    "declared by its id, which it has until it is made anew, at the latest until the next restart"
)
