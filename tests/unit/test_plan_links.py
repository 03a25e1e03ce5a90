# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a declared link, from what has its name, and from what is on its hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.kind import Observed
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.links.declaration import (
    read_links,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.links.observed import (
    Occupant,
    ProgramSeen,
    Seen,
    TargetSeen,
    Unresolved,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.links.plan import (
    LinkStep,
    decide,
    made_meanwhile,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.forecast import (
    Forecast,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    A_DIRECTORY,
    NO_DETAILS,
    NOTHING,
    Found,
    PinnedLink,
    PinnedMap,
    PinnedProg,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import (
    NUMBERS_ONLY,
    ROOT_ONLY,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import (
    Entry,
    Identity,
    MapShape,
)

ROOT = "/sys/fs/bpf"
ENTRY = Entry(Identity(1, 2), 0, 0, 0o600)
THEIRS = ENTRY._replace(owner=7)
MAP = PinnedMap(ENTRY, 11, "flows", MapShape(1, 4, 8, 1, 0, 0), NO_DETAILS)
PROG = PinnedProg(ENTRY, 12, "count", "xdp")
PROGRAM = ProgramSeen(12, "a program, count of type xdp (id 12)")
ATTACH: dict[str, dict[str, Any]] = {
    "xdp": {"interface": "v0"},
    "tcx_ingress": {"interface": "v0"},
    "cgroup_inet4_connect": {"cgroup": "/c"},
    "netfilter": {"pf": "ipv4", "hook": "output", "priority": 7},
    "fentry": {},
    "kprobe": {"function": "tcp_connect", "offset": 4},
}
EXPECTED: dict[str, dict[str, object]] = {
    "xdp": {"ifindex": 2},
    "tcx_ingress": {"ifindex": 2, "attach_type": "tcx_ingress"},
    "cgroup_inet4_connect": {"cgroup_id": 5, "attach_type": "cgroup_inet4_connect"},
    "netfilter": {"pf": 2, "hooknum": 3, "priority": 7, "flags": 0},
    "fentry": {"attach_type": "trace_fentry"},
    "kprobe": {"event": "kprobe", "name": "tcp_connect", "offset": 4},
}
LINK_TYPES = {
    "xdp": "xdp",
    "tcx_ingress": "tcx",
    "cgroup_inet4_connect": "cgroup",
    "netfilter": "netfilter",
    "fentry": "tracing",
    "kprobe": "perf_event",
}
OTHERS = (Occupant("program 99 (theirs)", 99, 0),)


def link(
    kind: str = "xdp", prog_id: int = 12, attached: bool | None = True, **target: Any
) -> Found:
    there = {**EXPECTED[kind], **target}
    return PinnedLink(ENTRY, 13, LINK_TYPES[kind], prog_id, there, attached)


def decided(found: Found, kind: str = "xdp", target: Any = None, **fields: Any) -> LinkStep:
    program = fields.pop("program_seen", PROGRAM)
    attach = {"type": kind, **ATTACH[kind], **fields.pop("attach", {})}
    item = {"name": "a", "program": f"{ROOT}/p", "attach": attach, **fields}
    (wanted,) = read_links([item], {"directory": ROOT, "on_mismatch": "fail"}, NUMBERS_ONLY)
    seen = Seen(program, target or TargetSeen("the target", EXPECTED[kind]))
    if not wanted.is_absent:
        wanted = replace(wanted, seen=seen)
    return decide(wanted, found, ROOT_ONLY)


def seen(kind: str = "xdp", **fields: Any) -> TargetSeen:
    return TargetSeen("the target", EXPECTED[kind])._replace(**fields)


class Case(NamedTuple):
    name: str
    found: Found
    action: Action
    fields: tuple[str, ...] = ()  # of the changes
    kind: str = "xdp"
    target: Any = None
    more: Mapping[str, Any] = MappingProxyType({})
    reason: str = ""


REFUSE, REPLACE = Action.REFUSE, Action.REPLACE
CASES = [
    Case("nothing is there", NOTHING, Action.CREATE),
    Case("it is as declared", link(), Action.KEEP),
    Case("only the mode differs", link(), Action.ADJUST, ("mode",), more={"mode": "0640"}),
    Case("another program", link(prog_id=3), Action.UPDATE, ("program",)),
    Case(
        "another program and mode",
        link(prog_id=3),
        Action.UPDATE,
        ("program", "mode"),
        more={"mode": "0640"},
    ),
    Case("one that takes no other", link("fentry", 3), REPLACE, ("program",), "fentry"),
    Case("severed", link(attached=False, ifindex=0), REPLACE, ("attached",)),
    Case(
        "severed, and another program",
        link(prog_id=3, attached=False, ifindex=0),
        REPLACE,
        ("attached", "program"),
    ),
    Case(
        "severed, and taken",
        link(attached=False, ifindex=0),
        REFUSE,
        ("attached",),
        target=seen(occupants=OTHERS),
        reason="program 99 (theirs)",
    ),
    Case(
        "taken",
        NOTHING,
        REFUSE,
        ("attached",),
        target=seen(occupants=OTHERS),
        more={"on_mismatch": "replace"},
        reason="never displaced",
    ),
    Case("elsewhere", link(ifindex=3), REFUSE, ("attach.interface",), reason="ifindex 3"),
    Case(
        "elsewhere, to be moved",
        link(ifindex=3),
        REPLACE,
        ("attach.interface",),
        more={"on_mismatch": "replace"},
    ),
    Case(
        "elsewhere, to be moved to where others are",
        link(ifindex=3),
        REFUSE,
        ("attach.interface",),
        target=seen(occupants=OTHERS),
        more={"on_mismatch": "replace"},
    ),
    Case(
        "in another network",
        link("tcx_ingress"),
        REFUSE,
        ("attach.interface",),
        "tcx_ingress",
        seen("tcx_ingress", holds=False),
        reason="another network namespace",
    ),
    Case("of another type", link("tcx_ingress"), REFUSE, ("attach.type",)),
    Case(
        "of another attach type",
        link("cgroup_inet4_connect", attach_type="cgroup_inet4_bind"),
        REFUSE,
        ("attach.type",),
        "cgroup_inet4_connect",
    ),
    Case(
        "at another priority",
        link("netfilter", priority=8),
        REPLACE,
        ("attach.priority",),
        "netfilter",
    ),
    Case("at its function", link("kprobe"), Action.KEEP, (), "kprobe"),
    Case(
        "at another function",
        link("kprobe", name="tcp_close", offset=0),
        REFUSE,
        ("attach.function", "attach.offset"),
        "kprobe",
        reason="(function tcp_close, offset 0)",
    ),
    Case(
        "when a function ends",
        link("kprobe", event="kretprobe"),
        REFUSE,
        ("attach.type",),
        "kprobe",
    ),
    Case(
        "where a kernel before 6.6 does not tell",
        PinnedLink(ENTRY, 13, "perf_event", 12, {}, None),
        Action.KEEP,
        (),
        "kprobe",
    ),
    Case("on another hook", link("netfilter", hooknum=1), REFUSE, ("attach.hook",), "netfilter"),
    Case(
        "in another mode",
        link(),
        REFUSE,
        ("attach.mode",),
        target=seen(holds=True, mode="generic"),
        more={"attach": {"mode": "native"}, "on_mismatch": "replace"},
        reason="state: absent first",
    ),
    Case("in a mode that nobody declares", link(), Action.KEEP, target=seen(mode="generic")),
    Case(
        "in another order",
        link("tcx_ingress"),
        REFUSE,
        ("attach.before",),
        "tcx_ingress",
        seen("tcx_ingress", misplaced=f"after {ROOT}/b"),
        {"attach": {"before": f"{ROOT}/b"}},
    ),
    Case("a map", MAP, REFUSE, ("attached",)),
    Case("a program", PROG, REPLACE, ("attached",), more={"on_mismatch": "replace"}),
    Case("a directory", A_DIRECTORY, REFUSE, more={"on_mismatch": "replace"}),
    Case(
        "of a stranger",
        replace(link(), entry=THEIRS),  # type: ignore[type-var]
        REFUSE,
        ("owner",),
        reason="belongs to 7",
    ),
    Case("of a declared owner", replace(link(), entry=THEIRS), Action.KEEP, more={"owner": "7"}),  # type: ignore[type-var]
    Case("to be gone, and is", NOTHING, Action.MISS, more={"state": "absent"}),
    Case("to be gone", link(), Action.REMOVE, more={"state": "absent"}),
    Case("to be gone, and a map", MAP, REFUSE, more={"state": "absent"}),
    Case(
        "without its program",
        link(attached=False, ifindex=0),
        REFUSE,
        ("attached",),
        more={"program_seen": Unresolved("program x does not exist")},
        reason="program x does not exist",
    ),
    Case(
        "without its target",
        link(attached=False, ifindex=0),
        REFUSE,
        ("attached",),
        target=Unresolved("interface v0 does not exist"),
        reason="interface v0 does not exist",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_follows(case: Case) -> None:
    step = decided(case.found, case.kind, case.target, **case.more)
    assert step.action is case.action
    assert tuple(each.field for each in step.changes) == case.fields
    assert case.reason in step.reason
    assert bool(step.reason) is (case.action is Action.REFUSE)


def test_a_program_that_the_same_declaration_loads_is_another_one() -> None:
    wanted = decided(link()).wanted
    forecast = Forecast()
    forecast.programs.add(f"{ROOT}/p")
    ((meant, found),) = made_meanwhile(Observed([(wanted, link())]), forecast).items
    assert decide(meant, found, ROOT_ONLY).action is Action.UPDATE
    lacking = replace(wanted, seen=Seen(Unresolved("none"), seen()))
    ((meant, found),) = made_meanwhile(Observed([(lacking, NOTHING)]), forecast).items
    assert decide(meant, found, ROOT_ONLY).action is Action.CREATE
