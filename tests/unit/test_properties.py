# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for maps, whatever is declared and whatever is there. The kernel is a model.

Each test counts what it came across, so that it cannot pass by trying only what is easy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
import strategies as some
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.run import apply
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action, Cure
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import Problems
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.declaration import (
    ValueGrowth,
    WantedPin,
    read_pins,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.plan import decide
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins import (
    directory as apply_names,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.access import (
    access_drift,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.declaration import (
    OnMismatch,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    NO_DETAILS,
    NOTHING,
    Found,
    MapDetails,
    Nothing,
    PinnedMap,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import (
    MAP_TYPES,
    Host,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_words import map_fields
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import ROOT_ONLY
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import (
    Access,
    Entry,
    Identity,
    MapShape,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.users import Users
from ansible_collections.ebpf.pinning.plugins.module_utils._module import maps as map_module
from faces import Failed, assert_told
from hypothesis import given
from hypothesis import strategies as st
from models import (
    ENTRIES,
    HOST,
    Held,
    World,
    are_kin,
    kernel_makes,
    kernel_takes,
    kernels_own_flags,
    with_access,
)
from situations import TIMER, Situation, read_one, situations, struct_named
from strategies import examples


def in_all_situations(count: int, check: Callable[[Situation], None]) -> None:
    """Try `check` about `count` times, as often with each policy and each group of types."""
    groups = (some.SHAPES, some.COPYABLE_SHAPES, some.SHAPES_OF_MAPS)
    strata = [(policy, shapes) for policy in OnMismatch for shapes in groups]
    strata += [(OnMismatch.MIGRATE, some.COPYABLE_SHAPES)] * 3
    for policy, shapes in strata:
        examples(count // len(strata))(given(situations(policy, shapes))(check))()


def misfits(wanted: WantedPin, there: Held) -> list[str]:
    """The fields in which the map that is there is another than one that is made as wanted."""
    spec, have = wanted.map, there.found.shape
    made = kernel_makes(spec.shape)
    # A flag that the kernel sets by itself cannot be asked for, so nobody misses it.
    made, have = (
        shape._replace(flags=shape.flags & ~kernels_own_flags(shape.number))
        for shape in (made, have)
    )
    fields = [name for name in MapShape._fields if getattr(made, name) != getattr(have, name)]
    fields = ["type" if name == "number" else name for name in fields]
    if spec.inner and there.tells_inner(made.number):
        assert there.template is not None
        if not kernel_takes(there.template, kernel_makes(spec.inner.shape)):
            fields.append("inner_map")
    if spec.btf and not there.btf_hidden and there.btf is not spec.btf:
        fields.append("btf")
    if wanted.frozen is False and there.frozen:
        fields.append("frozen")
    return fields


def can_migrate(wanted: WantedPin, there: Held) -> bool:
    """The contract of on_mismatch: migrate, in docs/migration.md."""
    want, have = wanted.map.shape, there.found.shape
    grows = wanted.value_growth is ValueGrowth.ZERO_PAD and want.value_size > have.value_size
    return (
        are_kin(want.number, have.number)
        and want.key_size == have.key_size
        and (want.value_size == have.value_size or grows)
        and there.entries <= want.max_entries
        and not there.btf_hidden
        and there.btf is not struct_named(TIMER, have.value_size)
        and not (there.shows_inner and "inner_map" in misfits(wanted, there))
    )


def expected(wanted: WantedPin, there: Held | Found) -> tuple[str, list[str]]:
    """The action, and the fields that differ."""
    if isinstance(there, Nothing):
        return "created", []
    if not isinstance(there, Held):
        return "incompatible", ["object"]
    drift = misfits(wanted, there)
    want, entry = wanted.access, there.found.entry
    if is_strangers(wanted, there) and want.owner is None:
        want = replace(want, owner=0)  # the task is root's
    access = [
        name
        for name in ("owner", "group", "mode")
        if getattr(want, name) not in (None, getattr(entry, name))
    ]
    if is_strangers(wanted, there):
        return expected_of_a_strangers(wanted, there, drift, access)
    if not drift:
        freezes = ["frozen"] if wanted.frozen and not there.frozen else []
        return ("adjusted" if access or freezes else "unchanged"), access + freezes
    if wanted.on_mismatch is OnMismatch.REPLACE:
        return "replaced", drift + access
    if wanted.on_mismatch is OnMismatch.MIGRATE and can_migrate(wanted, there):
        return "migrated", drift + access
    return "incompatible", drift


def is_strangers(wanted: WantedPin, there: Held) -> bool:
    """Whether the pin belongs to somebody who is neither declared nor root."""
    return there.found.entry.owner not in (0, wanted.access.owner)


def expected_of_a_strangers(
    wanted: WantedPin, there: Held, drift: list[str], access: list[str]
) -> tuple[str, list[str]]:
    """Such a map is never taken as it is, and nothing replaces it of which nobody spoke."""
    if drift or wanted.access.owner is not None:
        if wanted.on_mismatch is OnMismatch.REPLACE:
            return "replaced", drift + access
        if wanted.on_mismatch is OnMismatch.MIGRATE and can_migrate(wanted, there):
            return "migrated", drift + access
        if not drift and wanted.on_mismatch is OnMismatch.FAIL:
            freezes = ["frozen"] if wanted.frozen and not there.frozen else []
            return "adjusted", access + freezes
    return "incompatible", drift + access


def test_every_map_is_dealt_with_as_declared() -> None:
    seen: Counter[str] = Counter()
    kinds: dict[str, set[int]] = {}

    def check(situation: Situation) -> None:
        for step in situation.plan().steps:
            wanted = step.wanted
            there = situation.world.there.get(wanted.path, NOTHING)
            action, fields = expected(wanted, there)
            assert (step.action.value, [each.field for each in step.changes]) == (action, fields)
            assert all(each.want != each.have for each in step.changes)
            seen.update([action, f"{action} with {wanted.on_mismatch.value}"])
            seen.update(each.field for each in step.changes)
            kinds.setdefault(action, set()).add(wanted.map.shape.number)

    in_all_situations(450, check)
    actions = [each.value for each in (*map_module.DONE, Action.KEEP, Action.REFUSE)]
    assert min(seen[action] for action in actions) >= 10, seen
    assert min(seen[f"incompatible with {each.value}"] for each in OnMismatch) >= 3, seen
    drifts = {"owner", "group", "mode", "frozen", "type", "btf", "inner_map", "object"}
    assert drifts | {*MapShape._fields} - {"number"} <= seen.keys(), seen
    assert min(len(kinds[action]) for action in ("created", "replaced", "unchanged")) >= 5


def test_a_plan_for_maps_that_was_carried_out_leaves_nothing_to_do() -> None:
    seen: Counter[str] = Counter()

    def check(situation: Situation) -> None:
        first, before = situation.plan(), dict(situation.world.there)
        if first.problems:
            return
        situation.world.apply(first)
        again = situation.plan()
        assert [step.action for step in again.steps] == [Action.KEEP] * len(again.steps)
        assert [step.changes for step in again.steps] == [()] * len(again.steps)
        assert again.problems == []
        assert [*again.makes, *again.clears] == []
        for step in first.steps:
            old, new = before.get(step.wanted.path), situation.world.there[step.wanted.path]
            seen[step.action.value] += 1
            if not isinstance(old, Held):
                continue
            assert isinstance(new, Held)
            entry = old.found.entry
            if step.action in (Action.REPLACE, Action.MIGRATE) and is_strangers(step.wanted, old):
                entry = entry._replace(owner=0, group=0, mode=0o600)  # nothing is inherited
            entry = with_access(entry, step.wanted.access)
            assert new.found.entry[1:] == entry[1:]  # what is not declared is as it was
            if step.action is Action.MIGRATE:
                assert new.entries == old.entries

    in_all_situations(450, check)
    assert min(seen[action.value] for action in map_module.DONE) >= 5, seen


def test_changed_and_the_diff_say_whether_maps_change() -> None:
    seen: Counter[bool] = Counter()

    def check(situation: Situation) -> None:
        decided = situation.plan()
        if decided.problems:
            return
        result = situation.check()
        changed = situation.world.apply(decided)
        assert_told(result, bool(changed))
        told = {row["path"] for row in result.fields["maps"] if row["action"] != "unchanged"}
        told.update(result.fields["directories"])
        leftovers = {path.rpartition("/")[0] for path in result.fields["leftovers"]}
        told |= leftovers
        assert told == changed
        headers = {
            entry["before_header"].partition(" (found)")[0] for entry in result.fields["diff"]
        }
        assert headers == set(map(shown, (told - leftovers) | {*result.fields["leftovers"]}))
        for row in result.fields["maps"]:
            assert (row["copied"] is not None) is (row["action"] == "migrated")
        seen[bool(changed)] += 1

    in_all_situations(450, check)
    assert min(seen[True], seen[False]) >= 10, seen


def shown(text: str) -> str:
    """A text in one line: what cannot be seen is spelled."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def is_to_be_refused(situation: Situation) -> bool:
    """Whether something in the batch cannot be, other than that a bpffs is still to be mounted."""
    world, directories = situation.world, {pin.directory for pin in situation.pins}
    if world.same and directories >= {*World.ROOTS}:  # one directory under two names
        return True
    for pin in situation.pins:
        root = next(each for each in World.ROOTS if f"{pin.directory}/".startswith(f"{each}/"))
        action, _fields = expected(pin, world.there.get(pin.path, NOTHING))
        makes = pin.directory not in world.directories
        changes = action != "unchanged"
        if action == "incompatible" or (
            root not in world.off_bpffs
            and (
                (makes and not situation.arguments["parents"])
                or (root in world.read_only and changes)
            )
        ):
            return True
    return False


def test_a_batch_that_is_refused_changes_nothing() -> None:
    seen: Counter[str] = Counter()

    def check(situation: Situation) -> None:
        decided = situation.plan()
        refused = [step.wanted for step in decided.steps if step.action is Action.REFUSE]
        problems = decided.texts(Cure.NONE, Cure.EARLIER_TASK)
        assert all(pin.path in "\n".join(problems) for pin in refused)
        assert bool(problems) is is_to_be_refused(situation)
        seen["refused"] += bool(refused)
        seen["other"] += bool(decided.problems) and not refused
        if not decided.problems:
            return
        too_far = mock.patch.object(apply_names, "walk", side_effect=AssertionError)
        with too_far, pytest.raises(Problems) as raised:
            apply(situation.kind(parents=True), decided)
        assert raised.value.problems == (*problems, *decided.texts(Cure.MOUNT))
        result = situation.check()
        # What a task before may cure is a warning of the check, unless something else is wrong.
        is_lasting = bool(decided.texts(Cure.NONE))
        assert isinstance(result, Failed) is is_lasting
        if is_lasting:
            assert result.fields["changed"] is False
            assert result.fields["msg"] == "\n".join(map(shown, problems))

    in_all_situations(450, check)
    assert min(seen["refused"], seen["other"]) >= 5, seen


@pytest.mark.parametrize("kind", MAP_TYPES)
def test_a_map_made_as_declared_fits_and_so_does_a_declaration_of_what_it_reports(
    kind: str,
) -> None:
    @examples(15)
    @given(some.shapes_of(kind), some.HOSTS)
    def check(shape: dict[str, Any], host: Host) -> None:
        wanted = read_one({"name": "a", **shape}, host)
        made = kernel_makes(wanted.map.shape, host)
        found = PinnedMap(Entry(Identity(1, 1), 0, 0, 0o600), 1, "a", made, NO_DETAILS)
        details = MapDetails(btf=wanted.map.btf, inner_fits=wanted.map.inner and True)
        assert decide(wanted, found._replace(details=details), ROOT_ONLY).action is Action.KEEP
        reported = {**map_fields(made), "inner_map": shape.get("inner_map")}
        again = read_one({"name": "a", **reported}, host)
        assert decide(again, found, ROOT_ONLY).action is Action.KEEP
        assert again.map.shape == wanted.map.shape

    check()


def test_whatever_is_written_is_read_or_refused_in_words() -> None:
    seen: Counter[bool] = Counter()

    @examples(400)
    @given(some.declarations(), some.ODDITIES)
    def check(item: dict[str, Any], odd: list[tuple[str, Any]]) -> None:
        try:
            pins = read_pins([{**item, **dict(odd)}], some.DEFAULTS, HOST, Users())
        except Problems as refused:
            told = refused.problems
        else:
            told = ()
            kernel_makes(pins[0].map.shape)
        assert all(problem.startswith("map") for problem in told)
        seen[bool(told)] += 1

    check()
    assert min(seen[True], seen[False]) >= 10, seen


# Owner, group and mode

_ACCESS = st.builds(Access, *[st.none() | each for each in (some.IDS, some.IDS, some.PIN_MODES)])


@examples(200)
@given(_ACCESS, ENTRIES)
def test_access_differs_until_it_is_set(want: Access, have: Entry) -> None:
    drift = access_drift(want, have, ROOT_ONLY)
    fields = {"owner": have.owner, "group": have.group, "mode": have.mode}
    differ = [name for name, there in fields.items() if getattr(want, name) not in (None, there)]
    assert [each.field for each in drift] == differ
    assert all(each.want != each.have for each in drift)
    assert access_drift(want, with_access(have, want), ROOT_ONLY) == ()
