# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at any call, or refused by the kernel at any: no hook is empty, and a rerun converges.

As in test_map_faults.py, a rehearsal tells to which system calls a run comes. Then there is a run
for each of these calls and each fault, with a folder and a hook of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness.host import BPFFS
from harness.samples import STAGING
from link_table import LOADED, Hooks, hooks

__all__ = ["hooks"]  # a fixture

Fields = dict[str, Any]
FAULTS = ("KILL", "ENOMEM", "EPERM", "EBUSY", "EINTR")
# How often these are called depends on what else there is on this machine, or on time.
VARYING = ("LINK_GET_NEXT_ID", "LINK_GET_FD_BY_ID", "PROG_GET_FD_BY_ID", "OBJ_GET_INFO_BY_FD")
TRIED = 4  # of each of them
CLEARING = ("rmdir", "unlink")  # who is refused these cannot leave a place clean
_MODE = {"mode": "0640", "group": "adm"}


@dataclass(frozen=True)
class Scenario:
    """What is there, what is declared, and which programs are on the hook before and after."""

    type: str
    program: str
    there: str = ""  # which program is attached
    wanted: str = "new"
    severed: bool = False
    numbers: tuple[int, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


SCENARIOS = {
    "attach": Scenario("cgroup_inet4_connect", "inet4_connect"),
    "attach with owner and mode": Scenario("cgroup_inet4_connect", "inet4_connect", more=_MODE),
    "attach XDP": Scenario("xdp", "xdp"),
    "attach XDP with owner and mode": Scenario("xdp", "xdp", more=_MODE),
    "attach tcx with owner and mode": Scenario("tcx_ingress", "tc", more=_MODE),
    "change": Scenario("cgroup_inet4_connect", "inet4_connect", "old", more=_MODE),
    "change XDP": Scenario("xdp", "xdp", "old"),
    "attach anew": Scenario("cgroup_inet4_connect", "inet4_connect", "old", severed=True),
    "attach XDP anew": Scenario("xdp", "xdp", "new", severed=True, more=_MODE),
    "replace": Scenario("raw_tracepoint", "raw_tracepoint", "old"),
    "bridge": Scenario("netfilter", "netfilter", "old", numbers=(32, 45)),
    "detach": Scenario("xdp", "xdp", "old", wanted=""),
}


@dataclass(frozen=True)
class Stage:
    """Where the runs of a scenario work."""

    hooks: Hooks
    scenario: Scenario
    ids: Mapping[str, int]  # of the programs, by old and new

    def declared(self, number: int, which: str) -> Fields:
        """What is declared of the link of a run."""
        scenario, hooks = self.scenario, self.hooks
        item = {"path": f"{BPFFS}/run_{number}/link", **scenario.more}
        if not which:
            return {"path": item["path"], "state": "absent"}
        attach = hooks.declared(scenario.type)
        if "cgroup" in attach:
            attach["cgroup"] = f"{hooks.cgroup}/run_{number}"
        if "interface" in attach:
            attach["interface"] = f"r{number}"
        if "priority" in attach:
            attach["priority"] = 100 * number
        return {**item, "program": f"{LOADED}/{scenario.program}_{which}", "attach": attach}

    def prepare(self, numbers: Sequence[int]) -> None:
        """Make folders and hooks, and attach what is to be there."""
        hooks, host = self.hooks, self.hooks.host
        host.shell(
            "\n".join(f"mkdir {BPFFS}/run_{each} {hooks.cgroup}/run_{each}" for each in numbers)
        )
        if self.scenario.type in ("xdp", "tcx_ingress"):
            lines = "\n".join(f"link add r{each} type veth peer name s{each}" for each in numbers)
            host.run(*hooks.inside("sh", "-ec", f"ip -batch - <<END\n{lines}\nEND"))
        if self.scenario.there:
            links = [self.declared(each, self.scenario.there) for each in numbers]
            host.module("bpf_link_pinned", links=links).good()
        if self.scenario.severed:
            lines = "\n".join(f"link detach pinned {BPFFS}/run_{each}/link" for each in numbers)
            host.shell(f"bpftool batch file - <<END\n{lines}\nEND")

    def looks(self, numbers: Sequence[int]) -> list[Fields]:
        """Of each run: what the pin holds, what is on the hook, and what is left."""
        host = self.hooks.host
        pins = host.inventory()
        shown = {
            path: each
            for each in host.bpftool("-f", "link", "show")
            for path in each.get("pinned", ())
        }
        looks = []
        on_hooks = self._on_hooks(numbers)
        for number, programs in zip(numbers, on_hooks, strict=True):
            folder = f"{BPFFS}/run_{number}"
            pin = pins.get(f"{folder}/link")
            link = shown.get(f"{folder}/link")
            looks.append(
                {
                    "pin": link and link["prog_id"],
                    "hook": programs,
                    "left": [each for each in pins if each.startswith(f"{folder}/{STAGING}")],
                    "access": pin and [pin["bits"], pin["group"]],
                }
            )
        return looks

    def _on_hooks(self, numbers: Sequence[int]) -> list[list[int] | None]:
        kind, hook = self.scenario.type, self.hooks.host.site.program("hook")
        if kind not in ("xdp", "tcx_ingress", "cgroup_inet4_connect"):
            return [None] * len(numbers)
        if kind == "xdp":
            words = ["ip", "-json", "-details", "link", "show"]
            devices = json.loads(self.hooks.host.run(*self.hooks.inside(*words)).stdout)
            programs = {
                each["ifname"]: [each["xdp"]["prog"]["id"]] if "xdp" in each else []
                for each in devices
            }
            return [programs[f"r{each}"] for each in numbers]
        place, number = (
            ("r$n", 46) if kind == "tcx_ingress" else (f"{self.hooks.cgroup}/run_$n", 10)
        )
        listed = " ".join(map(str, numbers))
        script = f"for n in {listed}; do {hook} {place} {number}; done"
        told = self.hooks.host.run(*self.hooks.inside("sh", "-ec", script)).stdout
        return [json.loads(line) for line in told.splitlines()]

    def run(self, number: int, fault: Any = None, *, watched: bool = True) -> Fields:
        """A run as harness/faults.py takes it."""
        arguments = self.declared(number, self.scenario.wanted)
        return {
            "module": "bpf_link_pinned",
            "arguments": arguments,
            "watched": watched,
            "fault": fault,
            "always": {},
            "tuning": {},
            "meanwhile": {},
        }


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_or_refused_at_any_call(hooks: Hooks, name: str) -> None:
    host, scenario = hooks.host, SCENARIOS[name]
    ids = {
        each: hooks.load(f"{scenario.program}_{each}", *scenario.numbers) for each in ("old", "new")
    }
    stage = Stage(hooks, scenario, ids)
    stage.prepare([0])
    (before,) = stage.looks([0])
    ((rehearsal,),) = host.run_modules([[stage.run(0)]])
    assert rehearsal["code"] == 0, rehearsal
    (new,) = stage.looks([0])
    wanted = ids.get(scenario.wanted)
    assert new["pin"] == wanted
    assert new["hook"] in (None, [wanted] if wanted else [])
    faults = [(*call, how) for call in _numbered(rehearsal["calls"]) for how in FAULTS]
    numbers = range(1, len(faults) + 1)
    stage.prepare(numbers)
    runs = host.run_modules(
        [[stage.run(number, fault)] for number, fault in zip(numbers, faults, strict=True)]
    )
    now = stage.looks(numbers)
    reruns = host.run_modules([[stage.run(number, watched=False)] * 2 for number in numbers])
    at_last = stage.looks(numbers)
    wrong = []
    for fault, (run,), look, again, last in zip(faults, runs, now, reruns, at_last, strict=True):
        about = " ".join(map(str, fault))
        may_leave = fault[0] in CLEARING
        if look["left"] and run["code"] >= 0 and not may_leave:
            wrong.append(f"{about}: leaves {look['left']}")
        look = look if may_leave else {**look, "left": []}
        for text in _judged(stage, run, before, look, {**new, "left": look["left"]}):
            wrong.append(f"{about}: {text}")
        told = [json.loads(each["output"] or "{}") for each in again]
        if any(each.get("failed", not each) for each in told):
            wrong.append(f"{about}: a rerun says {[each.get('msg') for each in told]}")
        elif told[1]["changed"] or last != new:
            wrong.append(f"{about}: at last {last}, {told[1]}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def _judged(stage: Stage, run: Fields, before: Fields, now: Fields, new: Fields) -> Iterator[str]:
    """What is wrong with what a run with a fault left."""
    result = json.loads(run["output"] or "{}")
    is_killed = run["code"] < 0
    if not run["hit"]:
        yield f"was never reached ({run['code']})"
    if not result and not is_killed:
        yield f"says nothing: {run['complaints'][-500:]}"
    if result and not result.get("failed") and now != new:
        yield f"says that all is well, but there is {now}"
    if result.get("failed") and not result.get("msg"):
        yield "says nothing of its failure"
    programs = {before["pin"], new["pin"]}
    if now["pin"] not in programs:
        yield f"the pin holds {now['pin']}"
    if now["hook"] is None:
        return
    if before["hook"] and new["hook"] and not now["hook"]:
        yield "the hook is empty"
    if not {*now["hook"]} <= programs:
        yield f"the hook has {now['hook']}"
    if len(now["hook"]) > 1 and not (is_killed and stage.scenario.more):
        yield f"the hook has {now['hook']} at once"


def _numbered(calls: Sequence[str]) -> Iterator[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for call in calls:
        counts[call] += 1
        if not call.startswith(VARYING) or counts[call] <= TRIED:
            yield call, counts[call]
