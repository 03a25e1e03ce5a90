# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the object that is meant and from what has its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.kind import Observed
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.run import plan
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action, Cure
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.objects.apply import (
    ObjectKind,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.objects.declaration import (
    read_objects,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.objects.observed import (
    KernelObject,
    Resolution,
    Unresolved,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.objects.plan import (
    ObjectPlan,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    A_DIRECTORY,
    NO_DETAILS,
    NOTHING,
    DirectorySeen,
    Found,
    NotAPin,
    PinContext,
    PinnedLink,
    PinnedMap,
    PinnedProg,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import NUMBERS_ONLY
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import (
    Entry,
    Identity,
    MapShape,
)

ROOT = "/sys/fs/bpf"
ENTRY = Entry(Identity(1, 2), 0, 0, 0o600)
MAP = PinnedMap(ENTRY, 11, "flows", MapShape(1, 4, 8, 1, 0, 0), NO_DETAILS)
PROG = PinnedProg(ENTRY, 12, "count", "xdp")
LINK = PinnedLink(ENTRY, 13, "xdp", 12, {"ifindex": 2})
FREE = DirectorySeen(ROOT, Identity(1, 1), (), True, "bpf")


def of(pin: Any, object_id: int | None = None) -> KernelObject:
    """The object of a pin; with `object_id`, another one of the same kind."""
    return KernelObject(
        pin.kind, object_id or pin.id, pin.name, f"{pin.kind} {object_id or pin.id}"
    )


def planned(
    meant: Sequence[Resolution],
    found: Sequence[Found],
    seen: DirectorySeen = FREE,
    parents: bool = True,
    **declared: Any,
) -> ObjectPlan:
    items = [{"name": f"n{number}", "map_id": 1, **declared} for number in range(len(meant))]
    wanted = read_objects(items, {"directory": seen.path, "on_mismatch": "fail"}, NUMBERS_ONLY)
    resolved = [replace(each, object=thing) for each, thing in zip(wanted, meant)]
    context = PinContext({seen.path: seen}, parents=parents)
    return plan(ObjectKind(), Observed(list(zip(resolved, found)), context))


@dataclass(frozen=True)
class Case:
    name: str
    meant: Resolution
    found: Found
    action: str
    replaced: str = ""  # the action with on_mismatch: replace, if that is another one
    drift: Sequence[str] = ()  # fields
    says: Sequence[str] = ()  # of the refusal
    mode: str | None = None


CASES = [
    Case("a free name is given", of(MAP), NOTHING, "created"),
    Case("with the mode that is declared", of(PROG), NOTHING, "created", mode="0640"),
    Case("a map that is there is kept", of(MAP), MAP, "unchanged"),
    Case("a program that is there is kept", of(PROG), PROG, "unchanged"),
    Case("a link that is there is kept", of(LINK), LINK, "unchanged"),
    Case("another mode is set", of(LINK), LINK, "adjusted", drift=["mode"], mode="0640"),
    Case("the same mode is not", of(LINK), LINK, "unchanged", mode="600"),
    Case(
        "another map is a mismatch",
        of(MAP, 99),
        MAP,
        "incompatible",
        "replaced",
        ["object"],
        ["the pin holds a map of type hash (id 11)", "(id 11), not map 99", "on_mismatch: replace"],
    ),
    Case(
        "an id alone does not make it the same",
        KernelObject("prog", 11, "x", "prog 11"),
        MAP,
        "incompatible",
        "replaced",
        ["object"],
        ["(id 11)", "prog 11"],
    ),
    Case(
        "a program in the place of a link",
        of(PROG),
        LINK,
        "incompatible",
        "replaced",
        ["object"],
        ["a link of type xdp (id 13, program 12)"],
    ),
    Case(
        "a directory is never replaced",
        of(MAP),
        A_DIRECTORY,
        "incompatible",
        drift=["object"],
        says=["taken by a directory", "only pins are replaced"],
    ),
    Case(
        "nor is a symlink",
        of(MAP),
        NotAPin("a symlink to /x"),
        "incompatible",
        drift=["object"],
        says=["taken by a symlink to /x"],
    ),
    Case(
        "what is nowhere cannot be pinned",
        Unresolved("map_id 1 is nowhere"),
        NOTHING,
        "incompatible",
        says=["map_id 1 is nowhere"],
    ),
    Case(
        "nor kept, whatever is there",
        Unresolved("map_name x is 2 objects"),
        MAP,
        "incompatible",
        says=["map_name x is 2 objects"],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_step(case: Case) -> None:
    for on_mismatch, action in (("fail", case.action), ("replace", case.replaced or case.action)):
        decided = planned([case.meant], [case.found], on_mismatch=on_mismatch, mode=case.mode)
        (step,) = decided.steps
        assert step.action.value == action
        assert [change.field for change in step.changes] == list(case.drift)
        assert len(decided.texts()) == (action == "incompatible")
        for problem in decided.texts():
            assert problem.startswith(f"{ROOT}/n0: ")
            for words in case.says:
                assert words in problem


def test_a_replacement_tells_what_else_differs() -> None:
    (step,) = planned([of(PROG)], [MAP], on_mismatch="replace", mode="0640").steps
    assert [(change.field, change.want, change.have) for change in step.changes] == [
        ("object", "prog 12", "a map of type hash (id 11)"),
        ("mode", "0640", "0600"),
    ]


def test_one_problem_is_a_problem_of_all_and_every_one_is_told() -> None:
    decided = planned(
        [of(MAP), Unresolved("x is nowhere"), of(PROG)],
        [NOTHING, NOTHING, A_DIRECTORY],
    )
    assert [step.action for step in decided.steps] == [
        Action.CREATE,
        Action.REFUSE,
        Action.REFUSE,
    ]
    assert [problem.partition(":")[0] for problem in decided.texts()] == [
        f"{ROOT}/n1",
        f"{ROOT}/n2",
    ]


DEEP = replace(FREE, path=f"{ROOT}/a/b", missing=("a", "b"))
DOTTED = replace(FREE, path=f"{ROOT}/a.d/b", missing=("a.d", "b"))
READ_ONLY = replace(FREE, read_only=True)
# A directory, what has the name, whether parents may be made, and words of the problem.
PLACES = [
    ("one that is there", FREE, NOTHING, False, None),
    ("one that is to be made", DEEP, NOTHING, True, None),
    ("one that is not to be made", DEEP, NOTHING, False, "does not exist: create it, or set par"),
    ("one with a dot", DOTTED, NOTHING, True, "'a.d' contains a dot"),
    ("one that is read-only", READ_ONLY, NOTHING, True, "mounted read-only"),
    ("one that is read-only, where nothing is to change", READ_ONLY, MAP, True, None),
]


@pytest.mark.parametrize(
    ("seen", "found", "parents", "words"), [row[1:] for row in PLACES], ids=[r[0] for r in PLACES]
)
def test_a_directory(seen: DirectorySeen, found: Found, parents: bool, words: str | None) -> None:
    decided = planned([of(MAP)], [found], seen, parents)
    assert len(decided.texts()) == (words is not None)
    for problem in decided.texts():
        assert problem.startswith((f"{seen.path} ", f"{seen.path}: "))
        assert words is not None
        assert words in problem
    made = [f"{ROOT}/a", f"{ROOT}/a/b"] if seen is DEEP and parents else []
    assert seen is DOTTED or decided.makes == made


def test_a_mount_that_is_still_to_come_is_no_problem_of_a_check() -> None:
    seen = replace(FREE, on_bpffs=False, fstype="sysfs")
    decided = planned([of(MAP)], [NOTHING], seen)
    (text,) = decided.texts()
    assert decided.texts(Cure.MOUNT) == [text]
    assert text.startswith(f"{ROOT} is not on bpffs but on sysfs: ")


def test_a_link_that_loses_its_pin_says_what_is_detached() -> None:
    assert LINK.loss == (
        "program 12 is detached (xdp, ifindex 2) unless another pin or a process holds link 13"
    )


def test_a_link_without_a_program_speaks_of_none() -> None:
    link = PinnedLink(ENTRY, 13, "struct_ops", 0, {"map_id": 5})
    assert "program 0" not in link.loss
    assert "program 0" not in link.label
