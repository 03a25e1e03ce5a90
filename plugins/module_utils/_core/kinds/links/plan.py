# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about each link that is declared. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Sequence, Tuple, cast

from ...attach_types import Target
from ...engine.kind import Observed
from ...engine.steps import Action, Change, Plan, Step
from ...people import Awaited, People
from ...shape import is_stranger
from ..pins.access import access_drift, of_a_stranger, strangers_drift
from ..pins.declaration import OnMismatch
from ..pins.exposure import Remedy
from ..pins.observed import Found, MountedPin, NotAPin, Nothing, Pin, PinnedLink
from ..pins.plan import taken_by_mount
from .declaration import Attach, WantedLink
from .mismatch import NAMING, elsewhere_in, fixed_in, program_change, row_of, severed_from
from .observed import ProgramSeen, Seen, TargetSeen, Unresolved

if TYPE_CHECKING:
    from ..pins.forecast import Forecast

LinkStep = Step[WantedLink, Found]
LinkPlan = Plan[WantedLink, Found]


def expecting(observed: Observed, awaited: Awaited) -> Observed:
    """Return `observed` with what a task before may make; that is `awaited`."""
    expected = []
    for wanted, found in observed.items:
        seen = wanted.seen
        if seen is not None and all(_may_be(each) for each in seen):
            for each in seen:
                if isinstance(each, Unresolved):
                    awaited[f"{wanted.path}: {each.reason}"] = None
            wanted = _as_expected(wanted, seen)
        expected.append((wanted, found))
    return observed._replace(items=expected)


def made_meanwhile(observed: Observed, forecast: Forecast) -> Observed:
    """Return `observed` with the pins that the same declaration makes, as they will be."""
    items = []
    for wanted, found in observed.items:
        seen = wanted.seen
        if seen is not None:
            made = forecast.pins if wanted.attach.type.takes_map else forecast.programs
            program, target = seen
            if wanted.program in made:
                program = ProgramSeen(0, f"what is to be at {wanted.program}")
            elif forecast.mount_of(wanted.program):
                program = Unresolved(f"program {wanted.program} does not exist: pin it first")
            if isinstance(target, Unresolved) and _comes(wanted.attach, forecast):
                target = _still_to_come(wanted.attach)
            wanted = replace(wanted, seen=Seen(program, target))
        items.append((wanted, found))
    return observed._replace(items=items)


def _comes(attach: Attach, forecast: Forecast) -> bool:
    made = {*forecast.pins, *forecast.programs}
    return any(attach.text(option) in made for option in ("map", "before", "after"))


def _may_be(seen: object) -> bool:
    return not isinstance(seen, Unresolved) or seen.may_come


def _as_expected(wanted: WantedLink, seen: Seen) -> WantedLink:
    program, target = seen
    if isinstance(program, Unresolved):
        program = ProgramSeen(0, f"what is to be at {wanted.program}")
    if isinstance(target, Unresolved):
        target = _still_to_come(cast(Attach, wanted.attach))
    return replace(wanted, seen=Seen(program, target))


def _still_to_come(attach: Attach) -> TargetSeen:
    name = next((attach.text(option) for option in NAMING if attach.text(option)), "")
    return TargetSeen(f"{name}, which is still to come", {})


def decide(wanted: WantedLink, found: Found, people: People) -> LinkStep:
    """Return what makes the program be attached by a link that has the name."""
    if wanted.attach is None:
        return _absent(wanted, found)
    program, target = cast(Seen, wanted.seen)
    lacking = [each.reason for each in (program, target) if isinstance(each, Unresolved)]
    if isinstance(found, MountedPin):
        return _refuse(wanted, found, (), taken_by_mount(found))
    if isinstance(found, NotAPin):
        return _refuse(
            wanted,
            found,
            (),
            f"the name is taken by {found.what}, and only pins are replaced: move it away, or "
            "declare another name",
        )
    if lacking:
        return _refuse(wanted, found, severed_from(found, wanted), "; ".join(lacking))
    program, target = cast(ProgramSeen, program), cast(TargetSeen, target)
    if isinstance(found, Nothing):
        return unless_taken(Step(wanted, found, Action.CREATE), target)
    return _about_a_pin(wanted, found, people, program, target)


def _absent(wanted: WantedLink, found: Found) -> LinkStep:
    if isinstance(found, Nothing):
        return Step(wanted, found, Action.MISS)
    if isinstance(found, PinnedLink):
        return Step(wanted, found, Action.REMOVE)
    if isinstance(found, MountedPin):
        return _refuse(wanted, found, (), taken_by_mount(found))
    return _refuse(
        wanted,
        found,
        (),
        f"it holds {found.label}, and state: absent is for links: remove it with "
        "ebpf.pinning.bpf_pin_absent if it is to go",
    )


def _about_a_pin(
    wanted: WantedLink, found: Pin, people: People, program: ProgramSeen, target: TargetSeen
) -> LinkStep:
    entry = found.entry
    is_strangers = is_stranger(entry.owner, wanted.access.owner, people.task)
    drift_of = strangers_drift if is_strangers else access_drift
    access = drift_of(wanted.access, entry, people)
    if is_strangers and wanted.access.owner is None:
        reason = of_a_stranger(entry, people)
        return _refuse(wanted, found, access, reason + _A_PIN_OF_YOUR_OWN)
    if not isinstance(found, PinnedLink):
        drift: Tuple[Change, ...] = (Change("attached", target.label, found.label),)
        return _other(wanted, found, drift + access, target, found.label)
    severed = severed_from(found, wanted)
    held = program_change(wanted, found, program)
    if severed:
        healed: LinkStep = Step(wanted, found, Action.REPLACE, (*severed, *held, *access))
        return unless_taken(healed, target)
    elsewhere = tuple(elsewhere_in(wanted, found, target))
    if elsewhere:
        if [each.field for each in elsewhere] == ["attach.priority"]:
            # The same hook: the new link is there before the old one goes.
            return Step(wanted, found, Action.REPLACE, (*elsewhere, *held, *access))
        return _other(wanted, found, (*elsewhere, *held, *access), target, _place_of(elsewhere))
    fixed = tuple(fixed_in(wanted, target))
    if fixed:
        return _refuse(
            wanted,
            found,
            (*fixed, *held, *access),
            f"{', '.join(each.field for each in fixed)} cannot be changed while the program stays "
            "attached: remove the link with state: absent first, and packets pass without the "
            "program until it is attached again",
        )
    if held:
        action = Action.UPDATE if row_of(wanted).is_updatable else Action.REPLACE
        return Step(wanted, found, action, (*held, *access))
    return Step(wanted, found, Action.ADJUST if access else Action.KEEP, access)


def sparing(step: LinkStep) -> LinkStep:
    """Return the step unless it would change a link that is attached."""
    is_severed = isinstance(step.found, PinnedLink) and step.found.attached is False
    if step.action in (Action.UPDATE, Action.REPLACE) and not is_severed:
        return _refuse(
            step.wanted,
            step.found,
            step.changes,
            "what is attached is not changed by a restore: run the playbook, which does that",
        )
    return step


def is_waiting(step: LinkStep) -> bool:
    """Return whether the program or the target is not there, but may come."""
    seen = step.wanted.seen or ()
    return any(isinstance(each, Unresolved) and each.may_come for each in seen)


def _other(
    wanted: WantedLink, found: Found, drift: Tuple[Change, ...], target: TargetSeen, held: str
) -> LinkStep:
    if wanted.on_mismatch is OnMismatch.REPLACE:
        return unless_taken(Step(wanted, found, Action.REPLACE, drift), target)
    return _refuse(
        wanted,
        found,
        drift,
        f"the pin holds another one than declared ({held}): set on_mismatch: replace to attach as "
        "declared, after which the old link ends; or declare what is there",
    )


def _place_of(changes: Sequence[Change]) -> str:
    return ", ".join(f"{each.field.partition('.')[2]} {each.have}" for each in changes)


def unless_taken(step: LinkStep, target: TargetSeen) -> LinkStep:
    """Refuse to attach where others are that would have to go."""
    if not target.occupants:
        return step
    others = ", ".join(each.label for each in target.occupants)
    attach = cast(Attach, step.wanted.attach)
    changes = step.changes or (Change("attached", target.label, "by somebody else"),)
    return replace(
        step, action=Action.REFUSE, changes=changes, reason=_why_taken(attach, target, others)
    )


def _why_taken(attach: Attach, target: TargetSeen, others: str) -> str:
    row = attach.type
    there = f"{target.label} has {others} already"
    program_ids = {each.prog_id for each in target.occupants}
    if row.name == "xdp":
        return (
            f"{there}, and takes one program of XDP, which is never displaced: let who attached it "
            "detach it (`bpftool net`, `ip link set dev NAME xdp off`), or have several attached "
            "by a dispatcher"
        )
    if row.target is Target.CGROUP:
        return (
            f"{there}, attached so that no other may be beside it (without BPF_F_ALLOW_MULTI): "
            "let who attached it attach it by a link, or with that flag"
        )
    if row.target is Target.INTERFACE and len(program_ids) == 1:
        return (
            f"{there}, and the kernel takes each program once: pin the link that it has with "
            "ebpf.pinning.bpf_object_pinned, or let who attached it detach it"
        )
    return f"{there}, and takes one: let who attached it detach it"


def _refuse(wanted: WantedLink, found: Found, drift: Tuple[Change, ...], reason: str) -> LinkStep:
    return Step(wanted, found, Action.REFUSE, drift, reason)


def both_run(step: LinkStep) -> bool:
    """Return whether for a moment the old and the new program both run."""
    return (
        step.action is Action.REPLACE
        and isinstance(step.found, PinnedLink)
        and step.found.attached is not False
    )


def held_open(_step: LinkStep) -> Remedy:
    """Return what helps when others may hold the link open."""
    return Remedy(*["only another link is out of their reach: remove this one first"] * 2)


_A_PIN_OF_YOUR_OWN = (
    "; if not, remove it with ebpf.pinning.bpf_pin_absent, or declare the owner that it is to have"
)
