# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is decided about programs: when they are loaded, and with which others. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.kind import Observed
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.declaration import (
    read_pins,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.declaration import (
    OnMismatch,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.forecast import Forecast
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    A_DIRECTORY,
    NOTHING,
    MountedPin,
    PinnedProg,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.programs.declaration import (
    PinnedBy,
    WantedLoad,
    WantedProgram,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.programs.observed import (
    LoadedProg,
    Origin,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.programs.plan import (
    decide,
    loaded_together,
    with_coming_maps,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.programs.together import (
    with_maps_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import Host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import (
    NUMBERS_ONLY,
    ROOT_ONLY,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import (
    UNDECLARED,
    Access,
    Entry,
    Identity,
)

FOLDER = "/b"
SHAPE = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}


def pin_of(path: str = f"{FOLDER}/m", **more: Any) -> Any:
    defaults = {"on_mismatch": "fail"}
    (pin,) = read_pins([{"path": path, **SHAPE, **more}], defaults, Host(4096, 4), NUMBERS_ONLY)
    return pin


def load_of(pin: Any = None, **more: Any) -> WantedLoad:
    fields: dict[str, Any] = {
        "path": "/o/x.bpf.o",
        "shown": "/o/x.bpf.o",
        "content": b"ELF",
        "digest": "d" * 64,
        "programs": ("p", "q"),
        "maps": (PinnedBy("m", pin or pin_of()),),
        "data": {},
        "globals": "",
        "kernel_btf": None,
        "types_of": "",
        "log_level": 0,
        "types": {},
        "slots": {},
    }
    return WantedLoad(**{**fields, **more})


LOAD = load_of()
KNOWN = Origin("token", "p", "d" * 64, "", "", {"m": 7})


def wanted(name: str = "p", load: WantedLoad = LOAD, access: Access = UNDECLARED) -> WantedProgram:
    return WantedProgram(
        FOLDER, name, access, OnMismatch.FAIL, program=name, load=load, map_ids={"m": 7}
    )


def found(origin: Origin | None = KNOWN, owner: int = 0) -> LoadedProg:
    entry = Entry(Identity(1, 2), owner, 0, 0o600)
    return LoadedProg(entry, 5, "p", "xdp", "abc", 1, 0, origin=origin)


@pytest.mark.parametrize(
    ("origin", "fields"),
    [
        (None, ["origin"]),
        (KNOWN._replace(program="other"), ["program"]),
        (KNOWN._replace(object="e" * 64), ["object"]),
        (KNOWN._replace(globals="g"), ["globals"]),
        (KNOWN._replace(types_of="/t"), ["kernel_btf"]),
        (KNOWN._replace(maps={"m": 8}), ["maps.m"]),
        (KNOWN._replace(maps={}), ["maps.m"]),
        (KNOWN._replace(object="e", globals="g"), ["object", "globals"]),
    ],
)
def test_a_program_is_replaced_for_what_it_was_loaded_from(
    origin: Origin | None, fields: list[str]
) -> None:
    step = decide(wanted(), found(origin), ROOT_ONLY)
    assert step.action is Action.REPLACE
    assert [change.field for change in step.changes] == fields


def test_one_that_was_loaded_as_declared_is_kept() -> None:
    assert decide(wanted(), found(), ROOT_ONLY).action is Action.KEEP
    closed = wanted(access=Access(mode=0o640))
    assert decide(closed, found(), ROOT_ONLY).action is Action.ADJUST
    assert decide(wanted(), NOTHING, ROOT_ONLY).action is Action.CREATE


def test_a_map_that_is_still_to_be_made_is_another_one() -> None:
    observed = Observed([(wanted(), found())])
    forecast = Forecast()
    assert with_coming_maps(observed, forecast) is observed
    forecast.pins.add(f"{FOLDER}/m")
    ((expected, _found),) = with_coming_maps(observed, forecast).items
    step = decide(expected, found(), ROOT_ONLY)
    assert [(each.field, each.want, each.have) for each in step.changes] == [
        ("maps.m", "a new map", "map 7")
    ]


@pytest.mark.parametrize(
    ("there", "text"),
    [
        (A_DIRECTORY, "the name is taken by a directory, and only programs are replaced"),
        (MountedPin.of(PinnedProg(found().entry, 3, "x", "xdp")), "a file with a pin mounted over"),
        (found(owner=9), "the pin belongs to 9"),
        (found(None, owner=9), "the pin belongs to 9"),
    ],
)
def test_what_is_no_program_or_a_strangers_is_left_alone(there: Any, text: str) -> None:
    step = decide(wanted(), there, ROOT_ONLY)
    assert step.action is Action.REFUSE
    assert text in step.reason


def test_programs_of_one_file_are_loaded_together() -> None:
    other = load_of()
    steps = [
        decide(wanted("p"), found(), ROOT_ONLY),
        decide(wanted("q"), NOTHING, ROOT_ONLY),
        decide(wanted("r", other), found(KNOWN._replace(program="r")), ROOT_ONLY),
    ]
    together = loaded_together(steps)
    actions = [step.action for step in together]
    assert actions == [Action.REPLACE, Action.CREATE, Action.KEEP]
    assert [(each.field, each.want) for each in together[0].changes] == [("loaded", "with q")]


def test_programs_of_two_loads_of_one_file_are_loaded_anew() -> None:
    second = KNOWN._replace(program="q", load="another")
    steps = [
        decide(wanted("p"), found(), ROOT_ONLY),
        decide(wanted("q"), found(second), ROOT_ONLY),
    ]
    assert {step.action for step in steps} == {Action.KEEP}
    assert {step.action for step in loaded_together(steps)} == {Action.REPLACE}


def test_maps_of_programs_are_declared_once() -> None:
    own = pin_of(max_entries=64)
    assert with_maps_of([own], [wanted()]) == [own]
    (derived,) = with_maps_of([], [wanted("p"), wanted("q")])
    assert derived is LOAD.maps[0].pin


@pytest.mark.parametrize("other", [{"value_size": 16}, {"key_size": 8}, {"type": "lru_hash"}])
def test_a_map_that_programs_cannot_use_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"x\.bpf\.o: map m is hash .* as another declaration says"):
        with_maps_of([pin_of(**other)], [wanted()])
    with pytest.raises(Exception, match="make them agree"):
        with_maps_of([], [wanted(), wanted("q", load_of(pin_of(max_entries=17)))])


def test_a_load_is_itself_only() -> None:
    assert load_of() != LOAD
    assert replace(wanted(), map_ids={}).load is LOAD
