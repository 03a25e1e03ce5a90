# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a loader will make of what is there. Pure: reads nothing, changes nothing."""

from __future__ import annotations

import enum
from typing import Iterator, List, Optional, Sequence, Tuple

from ..btf_changes import FieldChange, Means, Side, changes
from ..engine.steps import Change
from ..kinds.maps.declaration import WantedPin
from ..kinds.maps.migration import obstacles
from ..kinds.maps.mismatch import map_drift, spell_drift
from ..kinds.pins.observed import MountedPin, NotAPin, Nothing, PinnedMap, Program
from ..loader_rules import LoaderRules, Mismatch, mismatches
from ..map_words import map_fields
from ..shape import MapShape
from ..uapi import ATTACH_TYPES, OBJ_NAME_LEN, PROG_TYPES
from ..values import NamedTuple, dataclass
from .observed import KernelTypes, Seen, SeenMap, users_of
from .question import Question


class Verdict(enum.Enum):
    """What comes of a map. The values are words of results."""

    FITS = "fits"  # the loader uses the map that is pinned, and it is as the object says
    MISSING = "missing"  # the loader makes it
    REFUSED = "refused"  # the object is not loaded
    UNNOTICED = "unnoticed"  # the loader uses the map that is pinned, and it is another
    UNKNOWN = "unknown"  # nobody can tell

    @property
    def is_good(self) -> bool:
        """Return whether the object can be rolled out as far as this goes."""
        return self in (Verdict.FITS, Verdict.MISSING)


class Migration(NamedTuple):
    """Whether the entries of the old map would go into the new one."""

    fits: bool
    obstacles: Tuple[str, ...] = ()
    entries: Optional[int] = None  # that would be copied; None: nobody counted


@dataclass(frozen=True)
class MapFinding:
    """What comes of one map."""

    name: str
    path: str
    verdict: Verdict
    id: Optional[int] = None  # of the map that is pinned
    reasons: Tuple[str, ...] = ()
    differences: Tuple[Change, ...] = ()
    fields: Tuple[str, ...] = ()  # of keys and values, what has become of them
    notes: Tuple[str, ...] = ()  # to be known, and no obstacle
    programs: Tuple[Program, ...] = ()  # that have the old map
    migration: Optional[Migration] = None


@dataclass(frozen=True)
class Judgement:
    """What comes of the object file."""

    maps: Tuple[MapFinding, ...]
    lacks: Tuple[str, ...]  # what the kernel does not have
    notes: Tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Return whether it can be rolled out on this host."""
        return not self.lacks and all(each.verdict.is_good for each in self.maps)


def judge(question: Question, seen: Seen) -> Judgement:
    """Tell what comes of the object file on a host where this was seen."""
    users = users_of(seen)
    maps = []
    for each in seen.maps:
        found = each.found.pin if isinstance(each.found, MountedPin) else each.found
        programs = users.get(found.id, ()) if isinstance(found, PinnedMap) else ()
        maps.append(_map(question.rules, each, programs))
    lacks, notes = _kernel(question, seen.kernel)
    lacks += [
        f"map {each.asked.name}: this kernel does not make it: {each.refusal}"
        for each in seen.maps
        if not each.asked.path and each.refusal
    ]
    return Judgement(tuple(maps), tuple(lacks), (*seen.troubles, *notes))


def _map(rules: LoaderRules, seen: SeenMap, programs: Sequence[Program]) -> MapFinding:
    asked, found = seen.asked, seen.found
    name, path = asked.name, asked.path
    if isinstance(found, MountedPin):
        found = found.pin
    if seen.trouble:
        verdict = Verdict.REFUSED if seen.is_blocked else Verdict.UNKNOWN
        return MapFinding(name, path, verdict, reasons=(seen.trouble,))
    if seen.wanted is None and path:
        reason = f"its type, number {asked.shape.number}, is newer than this collection"
        return MapFinding(name, path, Verdict.UNKNOWN, reasons=(reason,))
    if asked.unknown:
        reason = (
            f"this version of {rules.name} does not know field {', '.join(asked.unknown)} of its "
            "definition"
        )
        return MapFinding(name, path, Verdict.REFUSED, reasons=(reason,))
    if not path:
        note = "it is not pinned, so each load makes its own"
        return MapFinding(name, "", Verdict.MISSING, notes=(note,))
    if isinstance(found, Nothing):
        return _missing(rules, seen)
    if not isinstance(found, PinnedMap) or seen.wanted is None:
        return _taken(rules, seen, found)
    return _pinned(rules, seen, seen.wanted, found, programs)


def _missing(rules: LoaderRules, seen: SeenMap) -> MapFinding:
    name, path, reasons = seen.asked.name, seen.asked.path, []
    if seen.refusal:
        reasons.append(f"this kernel does not make it: {seen.refusal}")
    there = seen.directory
    if there is not None:
        if len(there.missing) > rules.makes_directories:
            reasons.append(
                f"directory {there.path} is missing, and {rules.name} makes "
                f"{_LEVELS[rules.makes_directories]}: make it with ebpf.pinning.bpf_host "
                "(directories)"
            )
        elif not there.on_bpffs:
            reasons.append(
                f"{there.path} is on {there.fstype}, where nothing can be pinned: mount a bpffs "
                "with ebpf.pinning.bpffs_mount"
            )
        elif there.read_only:
            reasons.append(f"{there.path} is mounted read-only: mount it writable")
    verdict = Verdict.REFUSED if reasons else Verdict.MISSING
    return MapFinding(name, path, verdict, reasons=tuple(reasons))


def _taken(rules: LoaderRules, seen: SeenMap, found: object) -> MapFinding:
    name, path = seen.asked.name, seen.asked.path
    what = found.what if isinstance(found, NotAPin) else getattr(found, "label", "something else")
    if what.startswith("a symlink"):
        reason = f"the name is {what}, which {rules.name} follows: look at what it leads to"
        return MapFinding(name, path, Verdict.UNKNOWN, reasons=(reason,))
    reason = f"the name is taken by {what}"
    if not rules.compares and not isinstance(found, NotAPin):
        reason += f", which {rules.name} takes for the map: no program is loaded with it"
    return MapFinding(name, path, Verdict.REFUSED, reasons=(reason,))


def _pinned(
    rules: LoaderRules,
    seen: SeenMap,
    wanted: WantedPin,
    found: PinnedMap,
    programs: Sequence[Program],
) -> MapFinding:
    asked = seen.asked
    refused = mismatches(rules, asked.shape, found.shape)
    drift = map_drift(wanted, found)
    fields = _fields(wanted, found)
    others = tuple(each for each in drift if each.field != "btf")
    moved = [each for each in fields if each.means is not Means.OTHER_NAME]
    reasons: List[str] = []
    verdict = Verdict.FITS
    if refused:
        verdict = Verdict.REFUSED
        said = f" ({rules.refusal})" if rules.refusal else ""
        reasons.append(f"{rules.name} refuses it{said}: {_spell(refused, asked.shape, found)}")
        reasons += _why(refused, others)
    elif others or moved:
        verdict = Verdict.UNNOTICED
        what = spell_drift(others) or "its values are laid out otherwise"
        reasons.append(f"{rules.name} takes it, though it is another: {what}")
    return MapFinding(
        asked.name,
        asked.path,
        verdict,
        found.id,
        tuple(reasons),
        _differences(refused, others, asked.shape, found.shape),
        tuple(each.text for each in fields),
        tuple(_notes(rules, asked.name, wanted, found)),
        tuple(programs) if verdict is not Verdict.FITS else (),
        None if verdict is Verdict.FITS else _migration(seen, wanted, found, fields),
    )


def _fields(wanted: WantedPin, found: PinnedMap) -> Tuple[FieldChange, ...]:
    want, have = wanted.map.btf, found.details.btf
    if want is None or have is None or want.is_like(have):
        return ()
    told: List[FieldChange] = []
    for what, old, new in zip(("key", "value"), have.type_ids, want.type_ids):
        if old and new:
            told += changes(what, Side(have.types, old), Side(want.types, new))
    return tuple(told)


def _notes(rules: LoaderRules, name: str, wanted: WantedPin, found: PinnedMap) -> Iterator[str]:
    details = found.details
    if found.entry.owner:
        yield f"it belongs to uid {found.entry.owner}, and no loader minds"
    is_cut = len(found.name) == OBJ_NAME_LEN and name.startswith(found.name)
    if rules.renames and found.name != name and not is_cut:  # bpf_map__reuse_fd
        yield (
            f"its name in the kernel is {found.name!r}, and {rules.name} calls it so from then on: "
            "a program that looks for the map by its name in the object does not find it"
        )
    if details.btf_hidden:
        yield "its BTF cannot be read, so its fields are not compared (CAP_SYS_ADMIN may help)"
    elif wanted.map.btf is not None and (details.btf is None or not any(details.btf.type_ids)):
        yield "it has no BTF, so its fields are not compared"
    if details.frozen:
        yield "it is frozen: no loader minds, and user space can write nothing into it"
    if wanted.map.inner is not None and details.inner_fits is None:
        yield "nobody can tell which maps it takes: no loader compares them"
    if wanted.map.numa_node is not None:
        yield "the kernel does not say on which NUMA node it is: no loader compares that"


def _migration(
    seen: SeenMap, wanted: WantedPin, found: PinnedMap, fields: Sequence[FieldChange]
) -> Migration:
    """Entries are copied as bytes, so fields have to stay where they are."""
    reasons = list(obstacles(wanted, found))
    moved = [each.text for each in fields if each.means is Means.OTHER_BYTES]
    if moved:
        reasons.append(f"entries are copied byte by byte, and {'; '.join(moved)}")
    if seen.refusal:
        reasons.append(f"this kernel does not make the new map: {seen.refusal}")
    contents = found.details.contents
    return Migration(not reasons, tuple(reasons), contents.entries if contents else None)


def _differences(
    refused: Sequence[Mismatch], others: Sequence[Change], asked: MapShape, found: MapShape
) -> Tuple[Change, ...]:
    """Every field that differs, in words; also those that only the loader takes for others."""
    told = {each.field: each for each in others}
    want, have = map_fields(asked), map_fields(found)
    for each in refused:
        field = _OPTIONS.get(each.field, each.field)
        told.setdefault(field, Change(field, want[field], have[field]))
    return tuple(told.values())


def _spell(refused: Sequence[Mismatch], asked: MapShape, found: PinnedMap) -> str:
    want, have = map_fields(asked), map_fields(found.shape)
    texts = []
    for each in refused:
        field = _OPTIONS.get(each.field, each.field)
        one, two = _word(want[field]), _word(have[field])
        if one == two:  # flags that the kernel sets by itself
            one, two = hex(each.want), hex(each.have)
        texts.append(f"{field} is {one} in the object, {two} in the pin")
    return "; ".join(texts)


def _why(refused: Sequence[Mismatch], others: Sequence[Change]) -> Iterator[str]:
    """Where the map is as the object says, and the loader refuses it all the same."""
    differing = {each.field for each in others}
    for each in refused:
        if _OPTIONS.get(each.field, each.field) in differing:
            continue
        if each.field == "flags":
            yield (
                "the map is as the object says: the kernel adds a flag by itself, which this "
                "version of the loader does not expect"
            )
        elif each.field == "max_entries":
            yield (
                "the map is as the object says: the kernel rounds max_entries, which the loader "
                f"does not expect; write {each.have} into the object"
            )


def _word(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value)


def _kernel(question: Question, kernel: Optional[KernelTypes]) -> Tuple[List[str], List[str]]:
    """What the kernel lacks, and what there is to note of it."""
    asks = bool(question.programs or question.helpers)
    if kernel is None:
        lacks = [_NO_BTF] if question.kernel_btf else []
        return lacks, [_NOT_TOLD] if asks and not lacks else []
    lacks = []
    for name, kind, attach in question.programs:
        if kind and kernel.programs is not None and PROG_TYPES.index(kind) not in kernel.programs:
            lacks.append(f"program {name}: this kernel has no programs of type {kind}")
        known = kernel.attach_types
        if attach and known is not None and ATTACH_TYPES.index(attach) not in known:
            lacks.append(f"program {name}: this kernel does not know attach type {attach}")
    missing = [
        f"the programs call the helper {name}, which this kernel does not have"
        for number, name in question.helpers
        if kernel.helpers is not None and number not in kernel.helpers
    ]
    if question.asks_first:
        return lacks, [f"{each}, unless they ask first" for each in missing]
    return lacks + missing, []


_OPTIONS = {"number": "type"}  # as the options are called
_LEVELS = ("none", "one level only")
_NO_BTF = (
    "this kernel has no BTF of its own (/sys/kernel/btf/vmlinux), which the programs need: use a "
    "kernel with CONFIG_DEBUG_INFO_BTF"
)
_NOT_TOLD = (
    "this kernel has no BTF of its own, so nobody can tell which programs and functions it knows"
)
