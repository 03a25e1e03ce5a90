# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names are to be gone, and what follows from what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.kind import Observed
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.run import plan
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.absence.apply import (
    AbsenceKind,
    path_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.absence.declaration import (
    AbsentPaths,
    Prune,
    absent_paths,
    prune,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.absence.plan import (
    AbsencePlan,
    Emptied,
    items_at,
    items_in,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    A_DIRECTORY,
    NO_DETAILS,
    NOTHING,
    Found,
    NotAPin,
    PinnedLink,
    PinnedMap,
    PinnedProg,
    Sight,
    Tree,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import (
    Entry,
    Identity,
    MapShape,
)

ROOT = "/sys/fs/bpf/app"
ENTRY = Entry(Identity(1, 2), 0, 0, 0o600)
MAP = PinnedMap(ENTRY, 11, "flows", MapShape(1, 4, 8, 1, 0, 0), NO_DETAILS)
PROG = PinnedProg(ENTRY, 12, "count", "xdp")
LINK = PinnedLink(ENTRY, 13, "xdp", 12)
SYMLINK = NotAPin("a symlink to /x")
EMPTY = Tree((), ())


def sight(name: str, found: Found) -> Sight:
    return Sight(f"{ROOT}/{name}", Identity(1, 1), found)


def tree(**found: Found) -> Tree:
    return Tree(tuple(sight(name, each) for name, each in found.items()), ())


def plan_paths(wanted: AbsentPaths, seen: Sequence[tuple[Sight, Tree]]) -> AbsencePlan:
    return plan(AbsenceKind(), Observed(items_at(wanted, seen)))


def plan_prune(wanted: Prune, seen: Tree) -> AbsencePlan:
    return plan(AbsenceKind(), Observed(items_in(wanted, seen)))


def paths(plan: AbsencePlan, action: Action, *, directories: bool = False) -> list[str]:
    return [
        path_of(step)[len(ROOT) + 1 :]
        for step in plan.steps
        if step.action is action and isinstance(step.found, Emptied) is directories
    ]


def gone(plan: AbsencePlan) -> list[str]:
    return paths(plan, Action.REMOVE)


def spared(plan: AbsencePlan) -> dict[str, str]:
    return {
        path_of(step)[len(ROOT) + 1 :]: step.reason
        for step in plan.steps
        if step.action is Action.SPARE
    }


# Paths


@dataclass(frozen=True)
class OfPath:
    name: str
    found: Found
    kind: str = "any"
    recurse: bool = False
    says: Sequence[str] = ()  # of the refusal


PATHS = [
    OfPath("a map goes", MAP),
    OfPath("a program goes", PROG),
    OfPath("a link goes", LINK),
    OfPath("a map goes that the guard allows", MAP, "map"),
    OfPath("a program goes that the guard allows", PROG, "prog"),
    OfPath("a link goes that the guard allows", LINK, "link"),
    OfPath("a program is no map", PROG, "map", says=["a program, count", "type: prog"]),
    OfPath("a link is no map", LINK, "map", says=["a link of type xdp", "type: link"]),
    OfPath("a map is no program", MAP, "prog", says=["a map of type hash", "type: map"]),
    OfPath("a link is no program", LINK, "prog", says=["id 13"]),
    OfPath("a map is no link", MAP, "link", says=["id 11"]),
    OfPath("a symlink is no pin", SYMLINK, says=["a symlink to /x, not a pin"]),
    OfPath("with recurse neither", SYMLINK, recurse=True, says=["a symlink to /x, not a pin"]),
    OfPath("a directory needs recurse", A_DIRECTORY, says=["a directory", "recurse: true"]),
    OfPath("recurse takes a pin, too", MAP, recurse=True),
]


@pytest.mark.parametrize("case", PATHS, ids=[case.name for case in PATHS])
def test_a_path(case: OfPath) -> None:
    wanted = absent_paths([f"{ROOT}/a"], case.kind, recurse=case.recurse)
    decided = plan_paths(wanted, [(sight("a", case.found), EMPTY)])
    assert len(decided.texts()) == bool(case.says)
    assert gone(decided) == ([] if case.says else ["a"])
    for words in [f"{ROOT}/a ", *case.says]:
        assert not case.says or words in decided.texts()[0]


def test_what_is_missing_is_fine_whatever_the_guard() -> None:
    wanted = absent_paths([f"{ROOT}/a"], "link", recurse=True)
    decided = plan_paths(wanted, [(sight("a", NOTHING), EMPTY)])
    assert [step.action for step in decided.steps] == [Action.MISS]
    assert paths(decided, Action.MISS) == ["a"]
    assert not decided.problems


def test_every_path_that_may_not_go_is_told() -> None:
    wanted = absent_paths([f"{ROOT}/{name}" for name in "abc"], "map", recurse=False)
    found = {"a": PROG, "b": MAP, "c": SYMLINK}
    decided = plan_paths(wanted, [(sight(name, each), EMPTY) for name, each in found.items()])
    assert [problem.split()[0] for problem in decided.texts()] == [f"{ROOT}/a", f"{ROOT}/c"]


def test_a_directory_goes_after_what_is_in_it_and_each_name_once() -> None:
    inside = Tree((sight("d/e/x", MAP), sight("d/y", PROG)), (sight("d/e", A_DIRECTORY),))
    deeper = Tree((sight("d/e/x", MAP),), ())
    wanted = absent_paths([f"{ROOT}/d/e", f"{ROOT}/d", f"{ROOT}/d/y"], "any", recurse=True)
    decided = plan_paths(
        wanted,
        [
            (sight("d/e", A_DIRECTORY), deeper),
            (sight("d", A_DIRECTORY), inside),
            (sight("d/y", PROG), EMPTY),
        ],
    )
    assert decided.problems == []
    assert gone(decided) == ["d/e/x", "d/y"]
    assert paths(decided, Action.REMOVE, directories=True) == ["d/e", "d"]


@pytest.mark.parametrize("found", [SYMLINK, PROG, NotAPin("a mount point"), A_DIRECTORY])
def test_one_thing_inside_that_may_not_go_keeps_a_directory(found: Found) -> None:
    wanted = absent_paths([f"{ROOT}/d"], "map", recurse=True)
    inside = Tree((sight("d/a", MAP), sight("d/b", found)), ())
    decided = plan_paths(wanted, [(sight("d", A_DIRECTORY), inside)])
    (problem,) = decided.texts()
    assert problem.startswith(f"{ROOT}/d/b ")


def test_the_same_path_is_looked_at_once() -> None:
    wanted = absent_paths(
        [f"{ROOT}/a", f"{ROOT}//a/", f"{ROOT}/b", f"{ROOT}/a"], "any", recurse=False
    )
    assert wanted.paths == (f"{ROOT}/a", f"{ROOT}/b")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "not absolute"),
        ("flows", "not absolute"),
        ("/sys/fs/bpf/../x", "`..`"),
        ("/sys/fs/bpf/./x", "`.`"),
        ("/sys/fs/bpf/a\0b", "NUL"),
        ("/", "not a pin"),
        ("//", "not a pin"),
        ("/sys/fs/bpf", "not a pin"),
        ("/sys//fs/bpf/", "not a pin"),
    ],
)
def test_a_path_that_cannot_be_meant(path: str, words: str) -> None:
    with pytest.raises(PinningError, match=words):
        absent_paths([f"{ROOT}/a", path], "any", recurse=True)


# Pruning


@dataclass(frozen=True)
class OfPrune:
    name: str
    gone: Sequence[str]
    keep: Sequence[str] | None = None
    patterns: Sequence[str] | None = None


NAMES = ["flow", "flows", "d/flow", "d/e/flows", "Flow"]
PRUNES = [
    OfPrune("nothing is kept", NAMES, keep=[]),
    OfPrune("a name is kept here only", ["flows", "d/flow", "d/e/flows", "Flow"], keep=["flow"]),
    OfPrune("a name below is kept", ["flow", "flows", "d/e/flows", "Flow"], keep=["d/flow"]),
    OfPrune("needless slashes mean nothing", ["flow", "flows", "d/e/flows"], ["d//flow", "Flow/"]),
    OfPrune("a whole path is kept", ["flow", "flows", "d/flow", "Flow"], [f"{ROOT}/d/e/flows"]),
    OfPrune("a path elsewhere keeps nothing", NAMES, ["/flow", "/sys/fs/bpf/flow", "/d/flow"]),
    OfPrune("nor one that begins alike", NAMES, [f"{ROOT}2/flow"]),
    OfPrune("keep takes no patterns", NAMES, ["*", "flow?", "d/*"]),
    OfPrune("a pattern is of the last component", ["flow", "d/flow"], patterns=["flow"]),
    OfPrune("it does not reach across slashes", [], patterns=["d/flow", "d*"]),
    OfPrune("one pattern of several", ["flow", "d/flow", "Flow"], patterns=["[fF]low", "nothing"]),
    OfPrune("keep goes before patterns", ["d/flow", "d/e/flows"], ["flow", "flows"], ["f*"]),
]


@pytest.mark.parametrize("case", PRUNES, ids=[case.name for case in PRUNES])
def test_names_that_are_pruned(case: OfPrune) -> None:
    wanted = prune(ROOT, case.keep, case.patterns, "any", recurse=True, shared=False)
    decided = plan_prune(wanted, Tree(tuple(sight(name, MAP) for name in NAMES), ()))
    assert gone(decided) == list(case.gone)
    assert not decided.problems
    assert not paths(decided, Action.REMOVE, directories=True)
    assert not spared(decided)  # what is kept is no news


ALL = tree(d=A_DIRECTORY, link=LINK, map=MAP, prog=PROG, s=SYMLINK, vanished=NOTHING)
KINDS = [
    ("any", ["map", "prog"]),
    ("map", ["map"]),
    ("prog", ["prog"]),
    ("link", ["link"]),
]


@pytest.mark.parametrize(("kind", "goes"), KINDS)
def test_kinds_that_are_pruned(kind: str, goes: list[str]) -> None:
    decided = plan_prune(prune(ROOT, [], None, kind, recurse=False, shared=False), ALL)
    assert gone(decided) == goes
    told = spared(decided)
    assert list(told) == [
        name for name in ("d", "link", "map", "prog", "s", "vanished") if name not in goes
    ]
    assert told["d"] == "a directory, not a pin"
    assert told["s"] == "a symlink to /x, not a pin"
    for name, pin in (("map", MAP), ("prog", PROG), ("link", LINK)):
        assert name in goes or told[name].startswith(pin.label)
        assert name in goes or f"type: {'link' if kind == 'any' else kind}" in told[name]


def test_what_is_kept_is_not_told_as_spared() -> None:
    decided = plan_prune(
        prune(ROOT, ["d", "link", "s"], None, "any", recurse=False, shared=False), ALL
    )
    assert list(spared(decided)) == ["vanished"]


@pytest.mark.parametrize(
    ("keep", "patterns", "words"),
    [
        (None, None, "needs keep or patterns"),
        (None, [], "patterns is empty"),
        (["a"], [], "patterns is empty"),
        (["a", ""], None, "keep: ''"),
        (["../a"], None, r"keep: '\.\./a'"),
        (["."], None, r"keep: '\.'"),
        ([ROOT], None, "is not a pin in"),
        (["/"], None, "is not a pin in"),
        (["/sys/fs/bpf/../a"], None, "keep '/sys/fs/bpf/../a'"),
    ],
)
def test_arguments_that_could_empty_a_directory_by_oversight(
    keep: list[str] | None, patterns: list[str] | None, words: str
) -> None:
    with pytest.raises(PinningError, match=words):
        prune(ROOT, keep, patterns, "any", recurse=False, shared=False)


@pytest.mark.parametrize("directory", ["app", "", "/sys/fs/bpf/..", "/a\0b"])
def test_a_directory_that_cannot_be_meant(directory: str) -> None:
    with pytest.raises(PinningError, match="directory "):
        prune(directory, [], None, "any", recurse=False, shared=False)
