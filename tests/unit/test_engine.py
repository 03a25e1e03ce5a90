# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine knows no kind: here it works for one that it has never heard of, files of notes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.kind import (
    Kind,
    Observed,
    Session,
    failed,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.run import (
    apply,
    each,
    plan,
    predict,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import (
    Action,
    Change,
    Cure,
    Outcome,
    Plan,
    Problem,
    Site,
    State,
    Step,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import (
    PinningError,
    Problems,
)


@dataclass(frozen=True)
class Note:
    """A file that is to hold a text. `replaces`: whatever it holds now may go."""

    path: str
    text: str
    replaces: bool = False

    @property
    def directory(self) -> str:
        return os.path.dirname(self.path)


NoteStep = Step[Note, "str | None"]


class Directories(Session):
    """Directories that are made when they are first opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self._made: list[str] = []

    @property
    def made(self) -> list[str]:
        return self._made

    @contextmanager
    def open(self, site: Site) -> Iterator[Path]:
        directory = Path(str(site.key))
        self.opened.append(directory.name)
        for path in site.makes:
            Path(path).mkdir()
            self._made.append(path)
        yield directory

    def take_back(self) -> None:
        for path in [*self._made]:
            if not any(Path(path).iterdir()):
                Path(path).rmdir()
                self._made.remove(path)


@dataclass
class Notes(Kind[Note, "str | None", "set[str]"]):
    """How notes are written. `meddle` is called before each is, as another process might be."""

    meddle: Callable[[Path], None] = lambda _path: None
    sessions: list[Directories] = field(default_factory=list)

    def label(self, step: NoteStep) -> str:
        return step.wanted.path

    def observe(self, wanted: Sequence[Note], *, predicting: bool = False) -> Observed:
        for note in wanted:
            if "unreadable" in note.path:
                raise PinningError(f"{note.path} cannot be read")
        missing = {note.directory for note in wanted if not os.path.isdir(note.directory)}
        return Observed([(note, self._text(note)) for note in wanted], missing)

    @staticmethod
    def _text(note: Note) -> str | None:
        return Path(note.path).read_text() if os.path.exists(note.path) else None

    def decide(self, wanted: Note, found: str | None, context: set[str]) -> NoteStep:
        if found is None:
            return Step(wanted, found, Action.CREATE)
        if found == wanted.text:
            return Step(wanted, found, Action.KEEP)
        changes = (Change("text", wanted.text, found),)
        if wanted.replaces:
            return Step(wanted, found, Action.REPLACE, changes)
        return Step(wanted, found, Action.REFUSE, changes, f"it says {found}")

    def problems(self, steps: Sequence[NoteStep], context: set[str]) -> Sequence[Problem]:
        return [
            Problem("the attic is locked", (index,), Cure.EARLIER_TASK)
            for index, step in enumerate(steps)
            if "attic" in step.wanted.path and not step.is_idle
        ]

    def site_of(self, step: NoteStep) -> str:
        return step.wanted.directory

    def sites(self, steps: Sequence[NoteStep], context: set[str]) -> Sequence[Site]:
        return [
            Site(path, makes=[path] if path in context else [])
            for path in dict.fromkeys(step.wanted.directory for step in steps)
        ]

    @contextmanager
    def session(self, plan: Plan[Any, Any]) -> Iterator[Session]:
        self.sessions.append(Directories())
        yield self.sessions[-1]

    def apply(self, step: NoteStep, site: Path) -> Outcome | None:
        path = site / os.path.basename(step.wanted.path)
        self.meddle(path)
        if self._text(step.wanted) != step.found:
            return None  # another process was faster
        if step.wanted.text == "too long":
            return failed(step, "the disk is full")
        path.write_text(step.wanted.text)
        return Outcome(step, after=len(step.wanted.text))

    def decide_again(self, step: NoteStep, site: Path) -> NoteStep:
        return self.decide(step.wanted, self._text(step.wanted), set())


def decided(kind: Notes, *notes: Note) -> Plan[Any, Any]:
    return plan(kind, kind.observe(notes))


def contents(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_a_declaration_comes_true_and_then_nothing_is_left_to_do(tmp_path: Path) -> None:
    kind, notes = Notes(), [Note(f"{tmp_path}/{name}", name) for name in "ab"]
    result = apply(kind, decided(kind, *notes))
    assert contents(tmp_path) == {"a": "a", "b": "b"}
    assert [(each.word, each.after) for each in result.outcomes] == [("created", 1)] * 2
    assert result.changed
    again = apply(kind, decided(kind, *notes))
    assert [each.word for each in again.outcomes] == ["unchanged"] * 2
    assert not again.changed


def test_a_check_tells_what_a_run_does_and_does_nothing(tmp_path: Path) -> None:
    kind = Notes()
    notes = [Note(f"{tmp_path}/a", "a"), Note(f"{tmp_path}/new/b", "b", replaces=True)]
    (tmp_path / "a").write_text("a")
    predicted = predict(kind, decided(kind, *notes))
    assert contents(tmp_path) == {"a": "a"}
    result = apply(kind, decided(kind, *notes))
    assert [each.word for each in predicted.outcomes] == [each.word for each in result.outcomes]
    assert predicted.made == result.made == [f"{tmp_path}/new"]
    assert predicted.changed is result.changed is True


def test_a_batch_with_one_problem_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("taken")
    kind = Notes()
    batch = decided(kind, Note(f"{tmp_path}/a", "a"), Note(f"{tmp_path}/b", "b"))
    assert batch.texts() == [f"{tmp_path}/b: it says taken"]
    with pytest.raises(Problems):
        apply(kind, batch)
    assert contents(tmp_path) == {"b": "taken"}
    assert kind.sessions == []


def test_a_problem_says_which_items_it_stops_and_what_cures_it(tmp_path: Path) -> None:
    batch = decided(Notes(), Note(f"{tmp_path}/a", "a"), Note(f"{tmp_path}/attic/b", "b"))
    (problem,) = batch.problems
    assert (problem.items, problem.cure) == ((1,), Cure.EARLIER_TASK)
    assert batch.texts(Cure.NONE) == []


def test_each_site_is_opened_once(tmp_path: Path) -> None:
    kind = Notes()
    notes = [Note(f"{tmp_path}/{path}", "x") for path in ("one/a", "two/b", "one/c")]
    apply(kind, decided(kind, *notes))
    (session,) = kind.sessions
    assert session.opened == ["one", "two"]


def test_the_first_failure_is_the_last_step(tmp_path: Path) -> None:
    kind = Notes()
    notes = [
        Note(f"{tmp_path}/a", "a"),
        Note(f"{tmp_path}/new/b", "too long"),
        Note(f"{tmp_path}/new/c", "c"),
    ]
    result = apply(kind, decided(kind, *notes))
    assert result.error == f"{tmp_path}/new/b: the disk is full"
    assert [each.state for each in result.outcomes] == [
        State.DONE,
        State.FAILED,
        State.NOT_DONE,
    ]
    assert contents(tmp_path) == {"a": "a"}
    assert not (tmp_path / "new").exists()  # made for nothing, and taken back
    assert result.made == []


def once(text: str) -> Callable[[Path], None]:
    """Another process, which writes a note of its own just before ours is written."""
    left = [text]

    def meddle(path: Path) -> None:
        if left:
            path.write_text(left.pop())

    return meddle


def test_a_race_that_another_won_with_the_same_is_no_change(tmp_path: Path) -> None:
    kind = Notes(once("ours"))
    result = apply(kind, decided(kind, Note(f"{tmp_path}/a", "ours")))
    assert [each.word for each in result.outcomes] == ["unchanged"]
    assert not result.changed


def test_a_race_that_another_won_with_something_else_is_refused(tmp_path: Path) -> None:
    kind = Notes(once("theirs"))
    result = apply(kind, decided(kind, Note(f"{tmp_path}/a", "ours")))
    assert result.error == f"{tmp_path}/a: it says theirs"
    assert contents(tmp_path) == {"a": "theirs"}


def test_a_race_is_won_in_the_end_where_replacing_is_declared(tmp_path: Path) -> None:
    kind = Notes(once("theirs"))
    result = apply(kind, decided(kind, Note(f"{tmp_path}/a", "ours", replaces=True)))
    assert [each.word for each in result.outcomes] == ["replaced"]
    assert contents(tmp_path) == {"a": "ours"}


def test_a_race_without_an_end_is_given_up(tmp_path: Path) -> None:
    count = iter(range(1000))
    kind = Notes(lambda path: path.write_text(str(next(count))) and None)
    result = apply(kind, decided(kind, Note(f"{tmp_path}/a", "ours", replaces=True)))
    assert "other processes change" in result.error


@pytest.mark.parametrize("act", [predict, apply])
def test_each_for_itself_one_failure_stops_no_other(tmp_path: Path, act: Any) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "taken").write_text("theirs")
    names = ("unreadable", "a", "taken", "too long", "kept", "b")
    notes = [Note(f"{tmp_path}/{name}", name) for name in names]
    verdicts = list(each(Notes(), [[note] for note in notes], act))
    assert [list(verdict.wanted) for verdict in verdicts] == [[note] for note in notes]
    unreadable, first, taken, full, kept, last = verdicts
    assert unreadable.error == f"{tmp_path}/unreadable cannot be read"
    assert taken.plan is not None
    assert taken.plan.texts() == [f"{tmp_path}/taken: it says theirs"]
    assert (taken.result, kept.result) == (None, None)
    for verdict in (first, last):
        assert verdict.result is not None
        assert [outcome.word for outcome in verdict.result.outcomes] == ["created"]
    assert full.result is not None
    assert bool(full.result.error) is (act is apply)
    written = {"a": "a", "b": "b"} if act is apply else {}
    assert contents(tmp_path) == {"kept": "kept", "taken": "theirs", **written}


def test_the_values_of_the_engine_can_be_compared_and_printed(tmp_path: Path) -> None:
    kind, note = Notes(), Note(f"{tmp_path}/a", "a")
    assert decided(kind, note) == decided(kind, note)
    assert "Action.CREATE" in repr(decided(kind, note).steps[0])


class InTurns(Notes):
    """Notes whose text says when they are written, and that know of each other."""

    def turn_of(self, step: NoteStep) -> int:
        return int(step.wanted.text[0])

    def agree(self, steps: list[NoteStep], context: Any) -> list[NoteStep]:
        last = f"{len(steps)} notes"
        return [
            Step(replace(step.wanted, text=f"{step.wanted.text}, {last}"), step.found, step.action)
            for step in steps
        ]


def test_steps_come_in_turns_over_all_sites_and_see_each_other(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    written: list[str] = []
    kind = InTurns(meddle=lambda path: written.append(path.name))
    for directory in (one, two):
        directory.mkdir()
    texts = {one / "late": "2", two / "first": "0", one / "second": "1", two / "later": "2"}
    made = decided(kind, *(Note(str(path), text) for path, text in texts.items()))
    assert apply(kind, made).changed
    assert written == ["first", "second", "late", "later"]
    assert {path: path.read_text() for path in texts} == {
        path: f"{text}, 4 notes" for path, text in texts.items()
    }
