# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_map_pinned to its result. Private to this collection."""

from __future__ import annotations

import gc
import typing as t

from .._core.engine.run import plan
from .._core.engine.steps import Action, Outcome
from .._core.fields import octal
from .._core.host import this_host
from .._core.kinds.maps.apply import MapKind
from .._core.kinds.maps.declaration import WantedPin, read_pins
from .._core.kinds.maps.outcome import MapAfter
from .._core.kinds.maps.plan import unverified
from .._core.kinds.maps.steps import MapPlan, MapStep
from .._core.kinds.pins.exposure import Caution, Remedy, cautions
from .._core.kinds.pins.observed import PinnedMap
from .._core.kinds.pins.plan import REPLACING
from .._core.kinds.pins.programs import programs_using
from .._core.map_types import MAP_TYPES
from .._core.map_words import map_fields, spell_shape
from .._core.syscall import KernelError
from .._core.users import group_name, user_name
from .batch import Batch, carry_out, not_kept, not_reached
from .report import (
    Declared,
    Dictionary,
    access_fields,
    but_freed,
    failures_reported,
    read_awaiting,
    still_using,
    text_diff,
)

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

DONE = (Action.CREATE, Action.ADJUST, Action.REPLACE, Action.MIGRATE)


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    gc.disable()  # a batch makes many values and no cycles, and the process ends with it
    parameters = module.params
    kind = MapKind(parents=parameters["parents"])
    with failures_reported(module):
        items = [parameters] if parameters["maps"] is None else parameters["maps"]
        # Before core 2.21 every result carries all arguments along: a thousand maps, once more.
        said = {"module_args": {**parameters, "maps": f"{len(items)} maps"}}
        pins, awaited = read_awaiting(
            module, lambda ids: read_pins(items, parameters, this_host(), ids)
        )
        observed = but_freed(module, kind.observe(pins, predicting=module.check_mode))
        decided = plan(kind, observed)
        carry_out(module, MAPS, kind, decided, awaited, invocation=said)


def _map(outcome: Outcome) -> Dictionary:
    step: MapStep = outcome.step
    after: t.Optional[MapAfter] = outcome.after
    report: Dictionary = {
        "path": Declared(step.wanted.path),
        "name": Declared(step.wanted.name),
        "action": outcome.word,
        "drift": [vars(change) for change in step.changes],
        "id": after and after.id,
        "shape": after and {"name": after.kernel_name, **map_fields(after.shape)},
        "unverified": unverified(step),
        "copied": after and after.copied,
        "caught_up": after and after.caught_up,
    }
    if step.action is Action.CREATE:
        report["declared"] = _declared(step.wanted)
    if step.wanted.content is not None:
        report["entries"] = _entries(outcome)
    if outcome.error:
        report["error"] = outcome.error
    return report


def _entries(outcome: Outcome) -> Dictionary:
    """How many entries are declared, and what became of them; nothing of what they are."""
    from .._core.kinds.maps.told import told_of

    return told_of(outcome)


def _diff(outcome: Outcome) -> Dictionary:
    return text_diff(outcome.step.wanted.path, *_sides(outcome.step, outcome.after))


def _sides(step: MapStep, done: t.Optional[MapAfter]) -> t.Tuple[Dictionary, Dictionary]:
    if not isinstance(step.found, PinnedMap):
        return {}, _declared(step.wanted)
    entry = step.found.entry
    before = dict(
        map_fields(step.found.shape),
        owner=user_name(entry.owner),
        group=group_name(entry.group),
        mode=octal(entry.mode),
    )
    after = dict(before)
    for change in step.changes:
        before[change.field], after[change.field] = change.have, change.want
    if step.action in REPLACING:
        before["entries"] = "those of the old map"
        after["entries"] = _copied(done) if step.action is Action.MIGRATE else _new_ones(step)
    return before, after


def _copied(done: t.Optional[MapAfter]) -> str:
    return "copied" if done is None or done.copied is None else f"{done.copied} copied"


def _new_ones(step: MapStep) -> str:
    content = step.wanted.content
    return "none" if content is None else f"{content.count} declared"


def _declared(wanted: WantedPin) -> Dictionary:
    fields = map_fields(wanted.map.shape)
    if wanted.map.inner is not None:
        fields["inner_map"] = spell_shape(wanted.map.inner.shape)
    fields.update(access_fields(wanted.access))
    if wanted.frozen is not None:
        fields["frozen"] = wanted.frozen
    if wanted.content is not None:
        fields["entries"] = f"{wanted.content.count} ({wanted.content.mode.value})"
    if wanted.swap is not None:
        fields["entries_swap"] = f"in its slot of {wanted.swap.outer}"
    return fields


def _cautions(decided: MapPlan) -> t.Iterator[Caution]:
    """Yield what there is to know about others who can open or exchange the pins."""
    yield from cautions(decided, _held_open)
    yield from not_kept(decided, lambda step: bool(step.wanted.frozen))
    yield from not_reached(decided)


def _held_open(step: MapStep) -> Remedy:
    from .._core.kinds.maps.mismatch import held_open

    return held_open(step)


def _warnings(decided: MapPlan) -> t.Iterator[str]:
    """Yield what the user has to know about maps that lose their names."""
    replaced = [
        (step, step.found)
        for step in decided.steps
        if step.action in REPLACING and isinstance(step.found, PinnedMap)
    ]
    if not replaced:
        return
    from .._core.kinds.maps.migration import loses_btf

    for step, found in replaced:
        if step.action is Action.MIGRATE and loses_btf(step.wanted.map, found):
            yield (
                f"{step.wanted.path}: the BTF of the old map describes values of another size and "
                "is not carried over: declare btf to keep names of fields"
            )
    try:
        users = programs_using(found.id for _step, found in replaced)
    except KernelError as error:
        yield f"The kernel does not say which programs use the maps that are replaced: {error}"
        return
    for step, found in replaced:
        if users[found.id]:
            yield f"{step.wanted.path}: {still_using(users[found.id])}{_and_then(step, found)}"


def _and_then(step: MapStep, found: PinnedMap) -> str:
    """Return what becomes of a map that programs still use, to be added to `still_using`."""
    text = ""
    if step.action is Action.MIGRATE:
        text += "; the new map does not get what is written to the old one until then"
    if found.shape.number == MAP_TYPES["prog_array"].number:
        # prog_array_map_clear, when the last pin and the last descriptor are gone.
        text += "; the kernel empties a prog_array that has no pin, so tail calls end until then"
    return text


MAPS = Batch("maps", DONE, _map, _diff, _cautions, _warnings)
