# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs killed or refused at any call: each name leads to the old program or to the new one.

A rehearsal tells to which calls an upgrade comes, that of the loader's process among them. Then
there is an upgrade for each of these calls and each fault, in a folder of its own.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.samples import STAGING
from harness.site import Site
from harness.together import at_once

FAULTS = ("KILL", "EPERM")
NAMES = ("count_all", "drop_all")
# How often these are called depends on the other programs of this machine, or on time.
VARYING = ("PROG_GET_NEXT_ID", "PROG_GET_FD_BY_ID", "OBJ_GET_INFO_BY_FD of bpf-prog")
VARYING += ("flock",)
TRIED = 3  # of each of them
AT_ONCE = 3

Fields = dict[str, Any]


@pytest.fixture
def objects(host: Host, site: Site) -> Sequence[str]:
    """Two versions of an object file on the host; the second has a larger map in it."""
    host.shell("mount -t tmpfs -o mode=0755 run /run; mkdir /run/objects")
    versions = [site.bpf_object("counted"), site.bpf_variant("counted", "-DSTEP=2", "-DCOUNTS=8")]
    for number, path in enumerate(versions):
        host.shell(f"cp {path} /run/objects/{number}.bpf.o")
    return [f"/run/objects/{number}.bpf.o" for number in range(2)]


def _run(path: str, number: int, fault: Sequence[Any] | None = None, *, watched: bool) -> Fields:
    arguments = {"object": path, "directory": f"{BPFFS}/run_{number}", "on_mismatch": "migrate"}
    return {
        "module": "bpf_program_pinned",
        "arguments": arguments,
        "watched": watched,
        "fault": fault,
        "always": {},
        "tuning": {},
        "meanwhile": {},
    }


def _numbered(calls: Sequence[str]) -> Iterator[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for call in calls:
        counts[call] += 1
        if call not in VARYING or counts[call] <= TRIED:
            yield call, counts[call]


def _looks(host: Host) -> dict[str, Fields]:
    """By path, what is there."""
    return host.inventory()


def _ids(there: dict[str, Fields], number: int) -> dict[str, int | None]:
    folder = f"{BPFFS}/run_{number}"
    fields = {**dict.fromkeys(NAMES, "prog_id"), "counts": "id"}
    return {
        name: there.get(f"{folder}/{name}", {}).get("object", {}).get(field)
        for name, field in fields.items()
    }


def _folder(there: dict[str, Fields], number: int) -> dict[str, Fields]:
    folder = f"{BPFFS}/run_{number}"
    return {path: each for path, each in there.items() if f"{path}/".startswith(f"{folder}/")}


def _result(run: Fields) -> Fields:
    return json.loads(run["output"].splitlines()[-1]) if run["output"].strip() else {}


def test_killed_or_refused_at_any_call(host: Host, objects: Sequence[str]) -> None:
    old, new = objects
    host.run_modules([[_run(old, 0, watched=False)]])
    ((rehearsed,),) = host.run_modules([[_run(new, 0, watched=True)]])
    assert rehearsed["code"] == 0, rehearsed
    assert {"PROG_LOAD", "MAP_CREATE", "OBJ_PIN", "rename"} <= {*rehearsed["calls"]}
    faults = [(*call, how) for call in _numbered(rehearsed["calls"]) for how in FAULTS]
    numbers = range(1, len(faults) + 1)
    prepared = host.run_modules([[_run(old, number, watched=False)] for number in numbers])
    assert not [run for (run,) in prepared if run["code"]]
    before = _looks(host)
    runs = host.run_modules(
        [
            [_run(new, number, fault, watched=True)]
            for number, fault in zip(numbers, faults, strict=True)
        ]
    )
    now = _looks(host)
    begun = [number for number in numbers if _folder(before, number) != _folder(now, number)]
    repaired = host.run_modules([[_run(new, number, watched=False)] * 2 for number in begun])
    reruns = dict(zip(begun, repaired, strict=True))
    at_last = _looks(host)
    wrong = []
    for number, fault, (run,) in zip(numbers, faults, runs, strict=True):
        ids = [_ids(there, number) for there in (before, now, at_last)]
        folder = f"{BPFFS}/run_{number}"
        left = [path for path in now if path.startswith(f"{folder}/{STAGING}")]
        for text in _judged(fault, run, ids, left, reruns.get(number, ())):
            wrong.append(f"{' '.join(map(str, fault))}: {text}")
    _check_nothing_is_left(host, at_last, numbers, wrong)
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def _judged(
    fault: tuple[str, int, str],
    run: Fields,
    ids: Sequence[dict[str, int | None]],
    left: Sequence[str],
    reruns: Sequence[Fields],
) -> Iterator[str]:
    call, _which, how = fault
    old, now, last = ids
    if None in now.values():
        yield f"a name is missing: {now}"
    if not run["hit"] and call not in VARYING:
        yield f"it did not come to that: {run}"
    killed = run["code"] == -signal.SIGKILL
    if killed != (how == "KILL" and run["hit"]):
        yield f"it was killed, or not, but should be otherwise: {run}"
    if not killed:
        result = _result(run)
        if left and call not in ("unlink", "rmdir"):
            yield f"it left {left}"
        if not result or result["changed"] != (old != now):
            yield f"that is not true: {result}, {old} became {now}"
        elif not result.get("failed") and any(now[name] == old[name] for name in now):
            yield f"it says all is done, but it is not: {result}"
    if not reruns:
        return
    done, unchanged = map(_result, reruns)
    if not done or done.get("failed") or unchanged.get("changed", True):
        yield f"it is not repaired by another run: {done.get('msg')}, {unchanged.get('msg')}"
    if any(last[name] == old[name] for name in last):
        yield f"it is not repaired by another run: {old}, {last}"


def _check_nothing_is_left(
    host: Host, there: dict[str, Fields], numbers: Sequence[int], wrong: list[str]
) -> None:
    loaded = host.bpftool("prog", "show")
    for number in numbers:
        ids = _ids(there, number)
        users = {each["id"] for each in loaded if ids["counts"] in each.get("map_ids", ())}
        if users != {ids[name] for name in NAMES}:
            wrong.append(f"run_{number}: programs are left: {users}, {ids}")
    stagings = [path for path in there if STAGING in path]
    if stagings:
        wrong.append(f"left for good: {stagings}")


def test_of_runs_at_once_one_pins_what_it_loads(host: Host, objects: Sequence[str]) -> None:
    directory = f"{BPFFS}/app"
    results = at_once(host, AT_ONCE, "bpf_program_pinned", object=objects[0], directory=directory)
    assert sorted(each.changed for each in results) == [False] * (AT_ONCE - 1) + [True]
    ids = {tuple(each["id"] for each in result["programs"]) for result in results}
    assert len(ids) == 1
    counts = host.map_at(f"{directory}/counts")["id"]
    loaded = host.bpftool("prog", "show")
    assert sum(counts in each.get("map_ids", ()) for each in loaded) == len(NAMES)
