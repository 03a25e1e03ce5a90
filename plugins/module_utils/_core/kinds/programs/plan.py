# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about each program that is to be pinned. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from ...engine.kind import Observed
from ...engine.steps import Action, Change, Plan, Step
from ...people import People
from ...shape import is_stranger
from ..pins.access import access_drift, of_a_stranger
from ..pins.exposure import Remedy
from ..pins.observed import Found, MountedPin, NotAPin, Nothing, PinnedProg
from ..pins.plan import taken_by_mount
from .declaration import WantedLoad, WantedProgram
from .observed import LoadedProg, Origin

if TYPE_CHECKING:
    from ..pins.forecast import Forecast

ProgramStep = Step[WantedProgram, Found]
ProgramPlan = Plan[WantedProgram, Found]
Changes = Tuple[Change, ...]

LOADING = (Action.CREATE, Action.REPLACE)


def with_coming_maps(observed: Observed, forecast: Forecast) -> Observed:
    """Return `observed` where maps are still to be made that have a pin by then."""
    if not (forecast.pins or forecast.mounts):
        return observed
    items = []
    for wanted, found in observed.items:
        ids = dict(wanted.map_ids)
        for each in wanted.load.maps:
            if each.pin.path in forecast.pins or forecast.mount_of(each.pin.path) is not None:
                ids[each.name] = None
        items.append((replace(wanted, map_ids=ids), found))
    return observed._replace(items=items)


def decide(wanted: WantedProgram, found: Found, people: People) -> ProgramStep:
    """Return what makes the name lead to the program, loaded as declared."""
    if isinstance(found, Nothing):
        return Step(wanted, found, Action.CREATE)
    if isinstance(found, MountedPin):
        changes = (Change("program", wanted.program, found.what),)
        return _refuse(wanted, found, changes, taken_by_mount(found))
    if not isinstance(found, PinnedProg):
        what = found.what if isinstance(found, NotAPin) else found.label
        return _refuse(
            wanted,
            found,
            (Change("program", wanted.program, what),),
            f"the name is taken by {what}, and only programs are replaced: move it away, or give "
            "the program another pin",
        )
    drift = _program_drift(wanted, found.origin if isinstance(found, LoadedProg) else None)
    access = access_drift(wanted.access, found.entry, people)
    if is_stranger(found.entry.owner, wanted.access.owner, people.task):
        return _refuse(wanted, found, drift, of_a_stranger(found.entry, people) + _OR_REMOVE_IT)
    if drift:
        return Step(wanted, found, Action.REPLACE, drift + access)
    return Step(wanted, found, Action.ADJUST if access else Action.KEEP, access)


def _program_drift(wanted: WantedProgram, origin: Optional[Origin]) -> Changes:
    """Return what is not as if the program had been loaded now."""
    if origin is None:
        return (Change("origin", "known", "unknown"),)
    load = wanted.load
    changes: List[Change] = []
    if origin.program != wanted.program:
        changes.append(Change("program", wanted.program, origin.program))
    if origin.object != load.digest:
        changes.append(Change("object", _short(load.digest), _short(origin.object)))
    if origin.globals != load.globals:
        changes.append(Change("globals", "as declared", "other values"))
    if origin.types_of != load.types_of:
        types = (each or "that of the kernel" for each in (load.types_of, origin.types_of))
        changes.append(Change("kernel_btf", *types))
    for each in load.maps:
        want, have = wanted.map_ids.get(each.name), origin.maps.get(each.name)
        if want is None or want != have:
            new = "a new map" if want is None else f"map {want}"
            old = "a map of its own" if have is None else f"map {have}"
            changes.append(Change(f"maps.{each.name}", new, old))
    return tuple(changes)


def loaded_together(steps: Sequence[ProgramStep]) -> List[ProgramStep]:
    """Return the steps so that all programs of an object file come from one load.

    They share its variables, and the maps that nobody pins.
    """
    loads: Dict[WantedLoad, List[ProgramStep]] = {}
    for step in steps:
        loads.setdefault(step.wanted.load, []).append(step)
    return [_with_the_others(step, loads[step.wanted.load]) for step in steps]


def _with_the_others(step: ProgramStep, all_of_it: Sequence[ProgramStep]) -> ProgramStep:
    if step.action not in (Action.KEEP, Action.ADJUST):
        return step
    loading = next((each for each in all_of_it if each.action in LOADING), None)
    if loading is None and len({_origin_of(each).load for each in all_of_it}) == 1:
        return step
    why = f"with {loading.wanted.name}" if loading else "with all others"
    change = Change("loaded", why, "by itself" if loading is None else "before")
    return replace(step, action=Action.REPLACE, changes=(change, *step.changes))


def sparing(steps: Sequence[ProgramStep]) -> List[ProgramStep]:
    """Return the steps without those that replace a program, or load only a part of a file."""
    there = {each.wanted.load: each for each in steps if not isinstance(each.found, Nothing)}
    return [_spared(step, there.get(step.wanted.load)) for step in steps]


def _spared(step: ProgramStep, other: Optional[ProgramStep]) -> ProgramStep:
    if step.action is Action.REPLACE:
        return _refuse(step.wanted, step.found, step.changes, _LEFT)
    if step.action is Action.CREATE and other is not None:
        return _refuse(
            step.wanted,
            step.found,
            (),
            f"{other.wanted.name} of the same object file is there, and all of a file are loaded "
            f"together: {_BY_PLAYBOOK}",
        )
    return step


def _origin_of(step: ProgramStep) -> Origin:
    found = step.found
    origin = found.origin if isinstance(found, LoadedProg) else None
    return origin or _UNKNOWN


def loads_of(steps: Sequence[ProgramStep]) -> Dict[WantedLoad, List[ProgramStep]]:
    """Return the object files that are to be loaded, each with the steps that this is for."""
    loads: Dict[WantedLoad, List[ProgramStep]] = {}
    for step in steps:
        if step.action in LOADING:
            loads.setdefault(step.wanted.load, []).append(step)
    return loads


def held_open(_step: ProgramStep) -> Remedy:
    """Return what helps when others may hold the program open."""
    return _LOADED_ANEW


def _refuse(wanted: WantedProgram, found: Found, drift: Changes, reason: str) -> ProgramStep:
    return Step(wanted, found, Action.REFUSE, drift, reason)


def _short(digest: str) -> str:
    return f"sha256 {digest[:16]}" if digest else "still to come"


_BY_PLAYBOOK = "run the playbook, which does that"
_LEFT = f"what is there is not replaced by a restore: {_BY_PLAYBOOK}"
_UNKNOWN = Origin("", "", "", "", "", {})
_LOADED_ANEW = Remedy(*["only programs that are loaded anew are out of their reach"] * 2)
_OR_REMOVE_IT = "; if not, remove it with ebpf.pinning.bpf_pin_absent"
