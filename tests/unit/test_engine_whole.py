# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several kinds in one declaration: here notes, and copies of notes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict

from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.kind import Kind, Observed
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import (
    Action,
    Outcome,
    Plan,
    Step,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.whole import (
    Part,
    act_all,
    decide_all,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError

Forecast = Dict[str, str]  # by path, what it will hold


def read(path: str) -> str | None:
    return Path(path).read_text() if os.path.exists(path) else None


class Notes(Kind[Any, Any, Any]):
    """A wanted note is a path and its text."""

    def label(self, step: Step[Any, Any]) -> str:
        return str(step.wanted[0])

    def observe(self, wanted: Sequence[Any], *, predicting: bool = False) -> Observed:
        for path, _text in wanted:
            if "unreadable" in path:
                raise PinningError(f"{path} cannot be read")
        return Observed([(each, read(each[0])) for each in wanted])

    def decide(self, wanted: Any, found: Any, context: Any) -> Step[Any, Any]:
        if found == "precious":
            return Step(wanted, found, Action.REFUSE, reason="it is precious")
        return Step(wanted, found, Action.KEEP if found == wanted[1] else Action.REPLACE)

    def foretell(self, plan: Plan[Any, Any], forecast: Forecast) -> None:
        forecast.update(step.wanted for step in plan.steps if not step.is_idle)

    def apply(self, step: Step[Any, Any], site: Any) -> Outcome:
        path, text = step.wanted
        if text == "too long":
            raise PinningError("the disk is full")
        Path(path).write_text(text)
        return Outcome(step)


class Copies(Notes):
    """A wanted copy is a path and that of its source; what was found are their texts."""

    def observe(self, wanted: Sequence[Any], *, predicting: bool = False) -> Observed:
        return Observed([(each, (read(each[0]), read(each[1]))) for each in wanted])

    def expect(self, observed: Observed, forecast: Forecast) -> Observed:
        items = [
            (wanted, (have, forecast.get(wanted[1], source)))
            for wanted, (have, source) in observed.items
        ]
        return observed._replace(items=items)

    def decide(self, wanted: Any, found: Any, context: Any) -> Step[Any, Any]:
        have, source = found
        if source is None:
            return Step(wanted, found, Action.REFUSE, reason=f"{wanted[1]} is missing")
        return Step(wanted, found, Action.KEEP if have == source else Action.CREATE)

    def apply(self, step: Step[Any, Any], site: Any) -> Outcome:
        path, source = step.wanted
        text = read(source)
        assert text == step.found[1], "what was expected is carried out only once it is there"
        Path(path).write_text(text or "")
        return Outcome(step)


def parts_of(folder: Path, notes: dict[str, str], copies: dict[str, str]) -> list[Part]:
    def paths(names: dict[str, str], of: Any) -> list[tuple[str, str]]:
        return [(f"{folder}/{name}", of(value)) for name, value in names.items()]

    return [
        Part("notes", Notes(), paths(notes, str)),
        Part("copies", Copies(), paths(copies, lambda name: f"{folder}/{name}")),
    ]


def carry_out(parts: list[Part], *, check: bool) -> list[list[str]]:
    assert decide_all(parts, {}, predicting=check) == []
    assert [problem for part in parts for problem in part.problems] == []
    acted = act_all(parts, dict, predicting=check)
    return [[outcome.word for outcome in each.result.outcomes] for each in acted]


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_kind_is_planned_with_what_those_before_it_will_have_done(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("old")
    parts = parts_of(tmp_path, {"a": "new", "b": "new"}, {"c": "a", "d": "b"})
    predicted = carry_out(parts, check=True)
    assert contents(tmp_path) == {"b": "old"}
    assert carry_out(parts, check=False) == predicted == [["replaced"] * 2, ["created"] * 2]
    assert contents(tmp_path) == dict.fromkeys("abcd", "new")
    assert carry_out(parts, check=False) == [["unchanged"] * 2, ["unchanged"] * 2]


def test_nothing_is_done_where_any_kind_has_a_problem(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, {"a": "new"}, {"c": "nowhere"})
    assert decide_all(parts, {}, predicting=False) == []
    assert [problem.text for part in parts for problem in part.problems] == [
        f"{tmp_path}/c: {tmp_path}/nowhere is missing"
    ]
    assert contents(tmp_path) == {}


def test_all_that_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    parts = [
        Part("notes", Notes(), [(f"{tmp_path}/unreadable", "")]),
        Part("more", Notes(), [(f"{tmp_path}/unreadable too", "")]),
    ]
    assert decide_all(parts, {}, predicting=False) == [
        f"{tmp_path}/unreadable cannot be read",
        f"{tmp_path}/unreadable too cannot be read",
    ]


def test_the_first_failure_ends_it_and_what_is_done_stays(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, {"a": "new", "b": "too long"}, {"c": "a"})
    decide_all(parts, {}, predicting=False)
    notes, copies = act_all(parts, dict, predicting=False)
    assert notes.result.error == f"{tmp_path}/b: the disk is full"
    assert [outcome.word for outcome in copies.result.outcomes] == ["not_done"]
    assert not copies.result.changed
    assert contents(tmp_path) == {"a": "new"}


def test_what_turns_out_otherwise_is_decided_again_and_may_be_refused(tmp_path: Path) -> None:
    """Somebody takes the source away as soon as it is there."""

    class Fleeting(Notes):
        def apply(self, step: Step[Any, Any], site: Any) -> Outcome:
            return Outcome(step)

    parts = parts_of(tmp_path, {}, {"c": "a"})
    parts[0] = Part("notes", Fleeting(), [(f"{tmp_path}/a", "new")])
    decide_all(parts, {}, predicting=False)
    _notes, copies = act_all(parts, dict, predicting=False)
    assert copies.result.error == f"{tmp_path}/c: {tmp_path}/a is missing"
    assert contents(tmp_path) == {}


class Rehearsed(Copies):
    """Copies that are tried, and held until all is done."""

    held = False

    @contextmanager
    def rehearsed(self, plan: Plan[Any, Any]) -> Iterator[None]:
        if any("refused" in step.wanted[0] for step in plan.steps):
            raise PinningError("the kernel refuses it")
        self.held = True
        yield
        self.held = False

    def apply(self, step: Step[Any, Any], site: Any) -> Outcome:
        assert self.held
        return super().apply(step, site)


def test_what_is_refused_when_it_is_tried_changes_nothing(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, {"a": "new"}, {"refused": "a"})
    parts[1].kind = Rehearsed()
    decide_all(parts, {}, predicting=False)
    notes, copies = act_all(parts, dict, predicting=False)
    assert (notes.result.error, copies.result.error) == ("", "the kernel refuses it")
    assert [each.word for each in (*notes.result.outcomes, *copies.result.outcomes)] == [
        "not_done",
        "not_done",
    ]
    assert contents(tmp_path) == {}


def test_what_was_tried_is_held_until_all_is_done(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, {"a": "new"}, {"c": "a"})
    parts[1].kind = kind = Rehearsed()
    assert carry_out(parts, check=True) == carry_out(parts, check=False)
    assert contents(tmp_path) == {"a": "new", "c": "new"}
    assert not kind.held
