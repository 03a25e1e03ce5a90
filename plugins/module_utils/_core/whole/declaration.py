# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is declared of a host, all kinds together, and whether they agree. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
    cast,
)

from ..errors import ProblemCollector
from ..fields import absolute, is_below
from ..people import BadField, Ids
from ..values import dataclass

# Of each kind, what reads it is loaded where something is declared of it: a start pays for that.
if TYPE_CHECKING:
    from ..kinds.absence.declaration import AbsentPaths, Prune
    from ..kinds.directories.declaration import WantedDirectory
    from ..kinds.entries.declaration import WantedEntries
    from ..kinds.links.declaration import WantedLink
    from ..kinds.maps.declaration import WantedPin
    from ..kinds.mounts.declaration import WantedMount, WantedUnmount
    from ..kinds.objects.declaration import WantedObject
    from ..kinds.programs.declaration import WantedProgram
    from ..map_types import Host

    Mount = Union[WantedMount, WantedUnmount]
    Absence = Union[AbsentPaths, Prune]

Given = Mapping[str, Any]
Named = Tuple[str, str]  # the list that an item is in, and its path


@dataclass(frozen=True)
class Declaration:
    """Everything, in the order in which it is carried out."""

    mounts: Sequence[Mount] = ()
    directories: Sequence[WantedDirectory] = ()
    maps: Sequence[WantedPin] = ()
    programs: Sequence[WantedProgram] = ()
    entries: Sequence[WantedEntries] = ()  # of maps, that name programs
    links: Sequence[WantedLink] = ()
    objects: Sequence[WantedObject] = ()
    absent: Sequence[Absence] = ()
    looked_for: Optional[Prune] = None  # undeclared pins that are told, and stay

    @property
    def named(self) -> Iterator[Named]:
        """All that is to have a name in a bpffs."""
        for key in ("directories", "maps", "programs", "objects"):
            for each in getattr(self, key):
                yield key, each.path
        yield from (("links", each.path) for each in self.links if not each.is_absent)

    @property
    def sources(self) -> Iterator[Named]:
        """The pins that further pins are made of, and those that links need."""
        for link in self.links:
            yield from (("links", path) for path in link.sources)
        for each in self.objects:
            if each.reference.by == "path":
                yield "objects", str(each.reference.value)

    @property
    def cleared(self) -> Iterator[Named]:
        """What absences look at."""
        yield from (("links", each.path) for each in self.links if each.is_absent)
        for each in self.absent:
            yield from (("absent", path) for path in each.looks_at)

    @property
    def owners(self) -> Dict[str, Optional[int]]:
        """Return who is declared to own a directory, by path."""
        mounted = (cast("WantedMount", each) for each in self.mounts if each.is_mounted)
        owners = {each.path: each.access.owner for each in mounted}
        owners.update({each.path: each.access.owner for each in self.directories})
        return owners


def read_declaration(given: Given, host: Host, ids: Ids) -> Declaration:
    """Read all kinds; raise Problems with all that is wrong in each, or else among them."""
    problems = ProblemCollector()
    readers: Dict[str, Callable[[Sequence[Given]], Sequence[Any]]] = {
        "mounts": lambda mounts: _each(mounts, "mounts", partial(_mount, ids=ids)),
        "directories": lambda directories: _directories(directories, ids),
        "maps": lambda maps: _maps(maps, given, host, ids),
        "programs": lambda programs: _programs(programs, given, host, ids),
        "links": lambda links: _links(links, given, ids),
        "objects": lambda objects: _objects(objects, given, ids),
        "absent": lambda absent: _each(absent, "absent", _absence),
    }
    lists: Dict[str, Any] = {
        key: problems.of(partial(read, given[key]))
        for key, read in readers.items()
        if given.get(key)
    }
    problems.raise_any()
    if lists.get("programs"):
        maps = _with_maps_of_programs(lists.get("maps") or (), lists["programs"])
        lists["maps"], lists["entries"] = _entries_apart(maps, lists["programs"])
    declared = Declaration(**lists)
    for text in _conflicts(declared):
        problems.add(text)
    problems.raise_any()
    pruning = given.get("prune")
    if not pruning:
        return declared
    undeclared = problems.of(partial(_prune, pruning, declared, given), "prune: ")
    problems.raise_any()
    if pruning.get("report_only"):
        return replace(declared, looked_for=undeclared)
    return replace(declared, absent=(*declared.absent, undeclared))


def _each(items: Sequence[Given], key: str, read: Callable[[Given], Any]) -> List[Any]:
    problems = ProblemCollector()
    wanted = []
    for index, item in enumerate(items):
        about = item.get("path") or item.get("directory") or ""
        if isinstance(about, list):
            about = ", ".join(map(str, about))
        wanted.append(problems.of(partial(read, item), f"{key}[{index}] {about[:60]}: "))
    problems.raise_any()
    return wanted


def _mount(item: Given, ids: Ids) -> Mount:
    from ..kinds.mounts.declaration import WantedUnmount, read_mount

    wanted = read_mount(item, ids)
    if item.get("state") == "unmounted":
        return WantedUnmount(wanted.path, wanted.force)
    return wanted


def _directories(items: Sequence[Given], ids: Ids) -> Sequence[WantedDirectory]:
    from ..kinds.directories.declaration import read_directories

    return read_directories(items, ids)


def _maps(items: Sequence[Given], given: Given, host: Host, ids: Ids) -> Sequence[WantedPin]:
    from ..kinds.maps.declaration import read_pins

    return read_pins(items, given, host, ids)


def _programs(
    items: Sequence[Given], given: Given, host: Host, ids: Ids
) -> Sequence[WantedProgram]:
    from ..kinds.programs.declaration import read_programs

    return read_programs(items, given, host, ids)


def _with_maps_of_programs(
    maps: Sequence[WantedPin], programs: Sequence[WantedProgram]
) -> Sequence[WantedPin]:
    from ..kinds.programs.together import with_maps_of

    return with_maps_of(maps, programs)


def _entries_apart(
    maps: Sequence[WantedPin], programs: Sequence[WantedProgram]
) -> Tuple[Sequence[WantedPin], Sequence[WantedEntries]]:
    if not any(each.content for each in maps):
        return maps, ()
    from .later_entries import set_apart

    return set_apart(maps, [each.called for each in programs])


def _objects(items: Sequence[Given], given: Given, ids: Ids) -> Sequence[WantedObject]:
    from ..kinds.objects.declaration import read_objects

    return read_objects(items, _not_migrating(given), ids)


def _links(items: Sequence[Given], given: Given, ids: Ids) -> Sequence[WantedLink]:
    from ..kinds.links.declaration import read_links

    return read_links(items, _not_migrating(given), ids)


def _not_migrating(given: Given) -> Given:
    # What is not made cannot be migrated; where that is the default for maps, it is not for these.
    return {**given, "on_mismatch": "fail"} if given.get("on_mismatch") == "migrate" else given


def _absence(item: Given) -> Absence:
    from ..kinds.absence.conditions import conditions_of
    from ..kinds.absence.declaration import absent_paths, prune

    kind, recurse = item.get("type") or "any", bool(item.get("recurse"))
    conditions = conditions_of(item)
    keep, patterns = item.get("keep"), item.get("patterns")
    if (item.get("path") is None) == (item.get("directory") is None):
        raise BadField("give either path, or directory with keep or patterns")
    if item.get("path") is not None:
        if keep is not None or patterns is not None:
            raise BadField("keep and patterns are for directory: leave them out, or path")
        return absent_paths(item["path"], kind, recurse=recurse, conditions=conditions)
    return prune(
        item["directory"],
        keep,
        patterns,
        kind,
        recurse=recurse,
        shared=bool(item.get("prune_shared")),
        conditions=conditions,
    )


def _prune(item: Given, declared: Declaration, given: Given) -> Prune:
    """What this declaration does not name, in one directory; links always stay."""
    from ..kinds.absence.declaration import prune

    only_told = bool(item.get("report_only"))
    if not only_told and all(given.get(key) is None for key in ("maps", "programs", "objects")):
        raise BadField(
            "neither maps nor programs nor objects are set, and all there is would be removed: set "
            "maps to [] if nothing is to stay"
        )
    directory = absolute(item["directory"], "directory")
    named = [path for _key, path in declared.named] + [path for _key, path in declared.sources]
    keep = [*(item.get("keep_also") or ()), *(path for path in named if is_below(path, directory))]
    shared = bool(item.get("shared")) or only_told
    return prune(directory, keep, None, "any", recurse=False, shared=shared)


def _conflicts(declared: Declaration) -> Iterator[str]:
    """Yield what two items of different kinds cannot both be."""
    first: Dict[str, str] = {}
    for key, path in declared.named:
        other = first.setdefault(path, key)
        if other != key:
            yield f"{path} is declared in {other} and in {key}: keep one"
    pins = {path: key for key, path in declared.named if key != "directories"}
    for key, path in declared.named:
        for above in _above(path):
            if above in pins and pins[above] != key:
                yield (
                    f"{above} is to be a pin ({pins[above]}), but {path} ({key}) is to be in it: "
                    "rename one"
                )
    yield from _removed(declared)
    yield from _unmounted(declared)


def _removed(declared: Declaration) -> Iterator[str]:
    """Yield what one item declares or needs, and an absence removes."""
    mounts = [("mounts", each.path) for each in declared.mounts]
    named = [*mounts, *declared.named]
    for wanted in declared.absent:
        if wanted.is_prune:
            (directory,) = wanted.looks_at
            for key, path in declared.named:
                if key != "directories" and _prunes(cast("Prune", wanted), path):
                    yield f"{path} is declared in {key}, and absent prunes {directory}: keep one"
            continue
        for gone in wanted.looks_at:
            for key, path in named:
                if path == gone or gone in _above(path):
                    yield f"{path} is declared in {key}, and absent removes {gone}: keep one"
            for key, source in declared.sources:
                if source == gone:
                    yield f"{source} is a source in {key}, and absent removes it: keep it"


def _prunes(wanted: Prune, path: str) -> bool:
    if not is_below(path, wanted.directory):
        return False
    relative = path[len(wanted.directory) + 1 :]
    if "/" in relative and not wanted.recurse:
        return False
    return wanted.kind != "link" and not wanted.spares(relative)


def _unmounted(declared: Declaration) -> Iterator[str]:
    mounts = {each.path: each for each in declared.mounts}
    if len(mounts) < len(declared.mounts):
        paths = [each.path for each in declared.mounts]
        for path in sorted({path for path in paths if paths.count(path) > 1}):
            yield f"{path} is declared twice in mounts: keep one"
    for path, each in mounts.items():
        outer = next((above for above in _above(path) if above in mounts), None)
        if outer and each.is_mounted and mounts[outer].is_mounted:
            yield (
                f"{path} is to be mounted in {outer}, a bpffs, where nothing can be mounted: "
                "declare a path outside it"
            )
    for key, path in (*declared.named, *declared.sources, *declared.cleared):
        point = next((each for each in (path, *_above(path)) if each in mounts), None)
        if point is not None and not mounts[point].is_mounted:
            yield (
                f"{path} is declared in {key}, and mounts has {point} unmounted, so it could not "
                "stay: keep one"
            )


def _above(path: str) -> Iterator[str]:
    """The directories above, the nearest first."""
    while path.count("/") > 1:
        path = path.rpartition("/")[0]
        yield path
