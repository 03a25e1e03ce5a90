# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for maps, whatever is declared and whatever is there. The kernel is a model.

Each test counts what it came across, so that it cannot pass by trying only what is easy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import strategies as some
from faces import Failed, assert_told
from hypothesis import given
from hypothesis import strategies as st
from models import ENTRIES, HOST, Held, World, are_kin, kernel_makes, kernel_takes, with_access
from module_utils import _map_face
from module_utils._core.apply import names as apply_names
from module_utils._core.apply.maps import MapCraft
from module_utils._core.errors import Problems
from module_utils._core.found.pins import (
    NO_DETAILS,
    NOTHING,
    Found,
    MapDetails,
    Nothing,
    PinnedMap,
)
from module_utils._core.map_types import MAP_TYPES, Host, map_type_name
from module_utils._core.plan.access import access_drift
from module_utils._core.plan.maps import Keep, Refuse, decide
from module_utils._core.shape import Access, Entry, Identity, MapShape
from module_utils._core.spec.maps import ValueGrowth, WantedPin, read_pins
from module_utils._core.spec.names import OnMismatch
from module_utils._core.uapi import flag_names
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
    flags = {made.flags ^ have.flags} - {made.flags & ~spec.shape.flags}
    fields = [name for name in MapShape._fields if getattr(made, name) != getattr(have, name)]
    fields = [
        {"number": "type"}.get(name, name) for name in fields if name != "flags" or any(flags)
    ]
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
    access = [
        name
        for name in ("owner", "group", "mode")
        if getattr(want, name) not in (None, getattr(entry, name))
    ]
    if not drift:
        freezes = ["frozen"] if wanted.frozen and not there.frozen else []
        return ("adjusted" if access or freezes else "unchanged"), access + freezes
    if wanted.on_mismatch is OnMismatch.REPLACE:
        return "replaced", drift + access
    if wanted.on_mismatch is OnMismatch.MIGRATE and can_migrate(wanted, there):
        return "migrated", drift + access
    return "incompatible", drift


def test_every_map_is_dealt_with_as_declared() -> None:
    seen: Counter[str] = Counter()
    kinds: dict[str, set[int]] = {}

    def check(situation: Situation) -> None:
        for step in situation.plan().steps:
            wanted = step.wanted
            there = situation.world.there.get(wanted.path, NOTHING)
            action, fields = expected(wanted, there)
            assert (step.action, [each.field for each in step.drift]) == (action, fields)
            assert all(each.want != each.have for each in step.drift)
            seen.update([action, f"{action} with {wanted.on_mismatch.value}"])
            seen.update(each.field for each in step.drift)
            kinds.setdefault(action, set()).add(wanted.map.shape.number)

    in_all_situations(450, check)
    actions = (*_map_face.DONE, "unchanged", "incompatible")
    assert min(seen[action] for action in actions) >= 10, seen
    assert min(seen[f"incompatible with {each.value}"] for each in OnMismatch) >= 3, seen
    drifts = {"owner", "group", "mode", "frozen", "type", "btf", "inner_map", "object"}
    assert drifts | {*MapShape._fields} - {"number"} <= seen.keys(), seen
    assert min(len(kinds[action]) for action in ("created", "replaced", "unchanged")) >= 5


def test_a_plan_for_maps_that_was_carried_out_leaves_nothing_to_do() -> None:
    seen: Counter[str] = Counter()

    def check(situation: Situation) -> None:
        first, before = situation.plan(), dict(situation.world.there)
        if first.problems or first.not_mounted:
            return
        situation.world.apply(first)
        again = situation.plan()
        assert [step.action for step in again.steps] == ["unchanged"] * len(again.steps)
        assert [step.drift for step in again.steps] == [()] * len(again.steps)
        assert [*again.problems, *again.not_mounted] == []
        assert [*again.new_directories, *again.leftovers] == []
        for step in first.steps:
            old, new = before.get(step.wanted.path), situation.world.there[step.wanted.path]
            seen[step.action] += 1
            if not isinstance(old, Held):
                continue
            assert isinstance(new, Held)
            entry = with_access(old.found.entry, step.wanted.access)
            assert new.found.entry[1:] == entry[1:]  # what is not declared is as it was
            if step.action == "migrated":
                assert new.entries == old.entries

    in_all_situations(450, check)
    assert min(seen[action] for action in _map_face.DONE) >= 5, seen


def test_changed_and_the_diff_say_whether_maps_change() -> None:
    seen: Counter[bool] = Counter()

    def check(situation: Situation) -> None:
        decided = situation.plan()
        if decided.problems or decided.not_mounted:
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
        assert headers == (told - leftovers) | {*result.fields["leftovers"]}
        for row in result.fields["maps"]:
            assert (row["copied"] is not None) is (row["action"] == "migrated")
        seen[bool(changed)] += 1

    in_all_situations(450, check)
    assert min(seen[True], seen[False]) >= 10, seen


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
        refused = [step.wanted for step in decided.steps if isinstance(step, Refuse)]
        problems = "\n".join(decided.problems)
        assert all(pin.path in problems for pin in refused)
        assert bool(decided.problems) is is_to_be_refused(situation)
        seen["refused"] += bool(refused)
        seen["other"] += bool(decided.problems or decided.not_mounted) and not refused
        if not (decided.problems or decided.not_mounted):
            return
        too_far = mock.patch.object(apply_names, "walk", side_effect=AssertionError)
        with too_far, pytest.raises(Problems) as raised:
            apply_names.apply(decided, MapCraft())
        assert raised.value.problems == (*decided.problems, *decided.not_mounted)
        result = situation.check()
        # A task before may make a directory, or a file system writable.
        certain = set(decided.problems) - set(decided.not_yet)
        assert isinstance(result, Failed) is bool(certain)
        if certain:
            assert result.fields["changed"] is False
            assert result.fields["msg"] == problems

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
        assert isinstance(decide(wanted, found._replace(details=details)), Keep)
        reported = {
            "type": map_type_name(made.number),
            "key_size": made.key_size,
            "value_size": made.value_size,
            "max_entries": made.max_entries,
            "flags": flag_names(made.flags & ~wanted.map.kind.kernel_flags),
            "map_extra": made.map_extra,
            "inner_map": shape.get("inner_map"),
        }
        again = read_one({"name": "a", **reported}, host)
        assert isinstance(decide(again, found), Keep)
        assert again.map.shape == wanted.map.shape

    check()


def test_whatever_is_written_is_read_or_refused_in_words() -> None:
    seen: Counter[bool] = Counter()

    @examples(400)
    @given(some.declarations(), some.ODDITIES)
    def check(item: dict[str, Any], odd: list[tuple[str, Any]]) -> None:
        try:
            pins = read_pins([{**item, **dict(odd)}], some.DEFAULTS, HOST)
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
    drift = access_drift(want, have)
    fields = {"owner": have.owner, "group": have.group, "mode": have.mode}
    differ = [name for name, there in fields.items() if getattr(want, name) not in (None, there)]
    assert [each.field for each in drift] == differ
    assert all(each.want != each.have for each in drift)
    assert access_drift(want, with_access(have, want)) == ()
