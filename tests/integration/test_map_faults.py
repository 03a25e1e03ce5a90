# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at any call, or refused by the kernel at any: what is there is whole, and told truly.

A rehearsal tells to which system calls a run comes. Then there is a run for each of these calls
and each fault, in a folder of its own. The folders are judged, and two more runs follow in each
that is not quite as it was before.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fault_table import BYSTANDERS, FLOW, SCENARIOS, SHARED, Fields, Scenario, holding, say
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import STAGING

Looks = dict[str, Fields]  # by name below the folder

FAULTS = ("KILL", "ENOMEM", "EPERM", "ENOSPC", "EINTR")

# How often these are called depends on the other programs of this machine, or on time.
VARYING = ("PROG_GET_NEXT_ID", "PROG_GET_FD_BY_ID", "OBJ_GET_INFO_BY_FD of bpf-prog")
VARYING += ("MAP_GET_FD_BY_ID", "LINK_GET_FD_BY_ID")
TRIED = 3  # of each of them

# Python makes this call again by itself, and `_Call` those of bpf(2); the others never say EINTR.
CALLED_AGAIN = ("flock",)
OF_MAPS = (12, 13)
CLEARING = ("rmdir", "unlink")  # who is refused these cannot leave a place clean

IDENTITY = ("inode", "id")
DONE = ("created", "adjusted", "replaced", "migrated")
# Hashes, arrays, tries; maps of programs, of maps, of devices.
DUMPED = (1, 2, 3, 5, 6, 9, 10, 11, 12, 13, 25)


@dataclass(frozen=True)
class Case:
    """A run in which something went wrong, and two more that followed."""

    scenario: Scenario
    number: int
    fault: tuple[str, int, str]
    run: Fields  # what became of it, see harness/faults.py
    reruns: Sequence[Fields]  # none where all is as it was
    old: Looks
    now: Looks  # after the first run
    at_last: Looks
    new: Looks  # how it looks when nothing goes wrong
    stays: frozenset[str]  # what is the same pin of the same object then

    @property
    def folder(self) -> str:
        return self.scenario.folder(self.number)

    @property
    def changed(self) -> list[str]:
        return _different(self.old, self.now)

    @property
    def leftovers(self) -> list[str]:
        return _stagings(self.now)

    def without_news(self) -> Case:
        """The same, but for what others wrote meanwhile, unless this was said to be all done."""
        result = _result(self.run) or {"failed": True}
        incomplete = any("entries" in str(warning) for warning in result.get("warnings", ()))
        if not self.scenario.news or not (result.get("failed") or incomplete):
            return self
        sides = ("old", "now", "at_last", "new")
        return replace(self, **{side: self._without_news(getattr(self, side)) for side in sides})

    def _without_news(self, looks: Looks) -> Looks:
        news = self.scenario.news
        return {
            name: look
            | {"entries": {k: v for k, v in look.get("entries", {}).items() if k not in news}}
            for name, look in looks.items()
        }


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_killed_or_refused_at_any_call(host: Host, scenario: Scenario) -> None:
    _set_scene(host)
    calls, before, new = _rehearse(host, scenario)
    stays = frozenset(name for name in before if _identity(before, name) == _identity(new, name))
    faults = [(*call, how) for call in _numbered(calls) for how in FAULTS]
    numbers = range(1, len(faults) + 1)
    _prepare(host, scenario, numbers)
    old = _looks(host, scenario, numbers)
    runs = host.run_modules([[scenario.run(*each)] for each in zip(numbers, faults, strict=True)])
    now = _looks(host, scenario, numbers)
    begun = [number for number in numbers if old[number - 1] != now[number - 1]]
    reruns = host.run_modules([[scenario.run(number, watched=False)] * 2 for number in begun])
    at_last = _looks(host, scenario, numbers)
    by_number = dict(zip(begun, reruns, strict=True))
    rows = zip(numbers, faults, runs, old, now, at_last, strict=True)
    wrong = [
        f"{' '.join(map(str, fault))}: {text}"
        for number, fault, (run,), *looks in rows
        for text in _judged(
            Case(
                scenario, number, fault, run, by_number.get(number, ()), *looks, new, stays
            ).without_news()
        )
    ]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def _rehearse(host: Host, scenario: Scenario) -> tuple[list[str], Looks, Looks]:
    """The calls that a run comes to, and how its folder looks before and after."""
    _prepare(host, scenario, [0])
    (old,) = _looks(host, scenario, [0])
    ((run,),) = host.run_modules([[scenario.run(0)]])
    assert run["code"] == 0, run
    (new,) = _looks(host, scenario, [0])
    assert not _stagings(new)
    assert set(scenario.calls.split(", ")) <= set(run["calls"])
    for name, fields in scenario.then.items():
        assert (name in new) == (fields is not None), name
        assert {field: new[name][field] for field in fields or ()} == (fields or {}), name
        if scenario.declared.get("on_mismatch") == "migrate" and "entries" not in fields:
            assert old[name]["entries"].items() <= new[name]["entries"].items(), name
    return run["calls"], old, new


def _numbered(calls: Sequence[str]) -> Iterator[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for call in calls:
        counts[call] += 1
        if call not in VARYING or counts[call] <= TRIED:
            yield call, counts[call]


def _set_scene(host: Host) -> None:
    """Make what the folders hold in common: a map, and what c/pins.bpf.c and c/linked.bpf.c say."""
    host.shell(f"mkdir {SHARED}")
    host.make_pin(f"{SHARED}/map", type=1, max_entries=16)
    host.load("pins", SHARED, f"{SHARED}/user")
    host.load("linked", SHARED, f"{SHARED}/prog", f"{SHARED}/link")
    flows = f"{SHARED}/flows_of_all_tenants"
    for key, value in FLOW.items():
        host.shell(f"bpftool map update pinned {flows} key hex {key} value hex {value}")


def _prepare(host: Host, scenario: Scenario, numbers: Sequence[int]) -> None:
    """Make the folders of these runs, each with what is to be there, and with bystanders."""
    folders = [scenario.folder(number) for number in numbers]
    host.run("mkdir", *folders, *(f"{folder}/aside" for folder in folders))
    _shell(host, [say(scenario.folders, folder) for folder in folders])
    _batch(host, "".join(say(BYSTANDERS + scenario.pins, folder) for folder in folders))
    host.run("chmod", "0604", *(f"{folder}/bystander" for folder in folders))
    host.run("chown", "daemon", *(f"{folder}/aside/pin" for folder in folders))
    _shell(host, [say(scenario.access, folder) for folder in folders])


def _shell(host: Host, lines: Sequence[str]) -> None:
    script = host.scratch / "script"
    script.write_text("\n".join(lines))
    host.run("sh", "-e", str(script))


def _looks(host: Host, scenario: Scenario, numbers: Sequence[int]) -> list[Looks]:
    """How the folders of these runs look, by lstat, c/info.c and bpftool."""
    there = host.inventory()
    types = {path: entry.get("object", {}).get("type") for path, entry in there.items()}
    dumped = [path for path, number in types.items() if number in DUMPED]
    dumps = _batch(host, "".join(f"map dump pinned {path}\n" for path in dumped))
    contents = dict(zip(dumped, dumps, strict=True))
    _look_into_slots(host, [contents[path] for path in dumped if types[path] in OF_MAPS], there)
    found = {f"{scenario.folder(number)}/": {} for number in numbers}
    for path, entry in there.items():
        folder = f"{'/'.join(path.split('/')[:5])}/"
        if folder in found and path.startswith(folder):
            found[folder][path.removeprefix(folder)] = _look(entry, contents.get(path))
    return list(found.values())


def _look_into_slots(
    host: Host, contents: Sequence[list[Fields]], there: Mapping[str, Fields]
) -> None:
    """Have what is in the maps in the place of their ids; of those in SHARED, which have names."""
    for content in contents:
        content[:] = [each for each in content if isinstance(each["value"], list)]
    shared = {
        entry["object"]["id"]: path
        for path, entry in there.items()
        if path.startswith(f"{SHARED}/") and "id" in entry.get("object", {})
    }
    slots = [each for content in contents for each in content]
    ids = [
        int("".join(f"{int(byte, 16):02x}" for byte in each["value"][::-1]), 16) for each in slots
    ]
    inner = _batch(host, "".join(f"map dump id {each}\n" for each in ids))
    for each, number, content in zip(slots, ids, inner, strict=True):
        entries = dict(map(_entry, content))
        each["value"] = [shared.get(number) or holding(entries)]


def _batch(host: Host, lines: str) -> list[Any]:
    """What bpftool says to each of these lines."""
    file = host.scratch / "batch"
    file.write_text(lines)
    done = host.run("bpftool", "-j", "batch", "file", str(file), check=False)
    # At the end of the file bpftool 7.1 may take an errno left over from a command for one of
    # reading it. What counts is that each line has its answer.
    answers = [each["output"] for each in json.loads(done.stdout) if "output" in each]
    assert len(answers) == len(lines.splitlines()), done.stdout
    assert not [each for each in answers if isinstance(each, dict) and "error" in each]
    return answers


def _look(entry: Fields, content: list[Fields] | None) -> Fields:
    kept = ("bits", "owner", "group", "inode", "target")
    look = {name: entry[name] for name in kept if name in entry} | entry.get("object", {})
    look["file"] = entry["mode"][0]  # d, l, -
    if "btf_id" in look:
        look["btf_id"] = bool(look["btf_id"])
    if content is not None:
        look["entries"] = dict(sorted(map(_entry, content)))
    return look


def _entry(dumped: Fields) -> tuple[str, str]:
    """Key and value as hexadecimal; values of a per-CPU map one after the other."""
    if "values" in dumped:
        value = "; ".join(_hex(each["value"]) for each in dumped["values"])
    else:
        value = _hex(dumped["value"])
    return _hex(dumped["key"]), value


def _hex(octets: Sequence[str]) -> str:
    return " ".join(octet.removeprefix("0x") for octet in octets)


def _judged(case: Case) -> Iterator[str]:
    """What is wrong, if anything."""
    call, _which, how = case.fault
    if not case.run["hit"] and call not in VARYING:
        yield f"it did not come to that: {case.run}"
    for name in case.changed:
        if STAGING not in name:
            yield from _half_done(case, name)
    killed = case.run["code"] == -signal.SIGKILL
    if killed != (how == "KILL" and case.run["hit"]):
        yield f"it was killed, or not, but should be otherwise: {case.run}"
    if not killed:
        if case.leftovers and call not in CLEARING and case.leftovers != _stagings(case.old):
            yield f"it left {case.leftovers}"
        yield from _untrue(case)
    if case.reruns:
        yield from _not_repaired(case)


def _half_done(case: Case, name: str) -> Iterator[str]:
    old, now, new = (looks.get(name) for looks in (case.old, case.now, case.new))
    if new is None or now is None:
        if now != new:
            yield f"{name} is to be {_face(new)}, but is {_face(now)}"
        return
    for field in _different(now, new):
        partly = field in case.scenario.one_by_one and _is_partly(field, now, old or {}, new)
        if field not in IDENTITY and not partly:
            yield f"{name}: {field} is {now.get(field)}, neither that of old nor of new"
    if old and (name in case.stays) != (_identity(case.now, name) == _identity(case.old, name)):
        yield f"{name} is the same as before, or not, but should be otherwise"


def _is_partly(field: str, now: Fields, old: Fields, new: Fields) -> bool:
    """Return whether it is as before; of entries, whether each is as before or as it is to be."""
    if field != "entries":
        return now[field] == old.get(field)
    sides = [looks["entries"] for looks in (old, new)]
    keys = {*now[field], *sides[0], *sides[1]}
    return all(now[field].get(key) in [side.get(key) for side in sides] for key in keys)


def _untrue(case: Case) -> Iterator[str]:
    """What the result says and is not so."""
    call, _which, how = case.fault
    result = _result(case.run)
    if result is None:
        yield f"there is no result: {case.run}"
        return
    if case.run["complaints"]:
        yield case.run["complaints"]
    if result["changed"] != bool(case.changed):
        yield f"changed is {result['changed']}, but these changed: {case.changed}: {result}"
    failed = result.get("failed", False)
    if not failed and _faces(case.now) != _faces(case.new):
        yield f"it succeeded, but not all is done: {_different(_faces(case.now), _faces(case.new))}"
    if failed and how == "EINTR" and (call[0].isupper() or call in CALLED_AGAIN):
        yield f"it gave up: {result['msg']}"
    reason = any(each in result.get("msg", "") for each in (f"{how}: ", "cannot be migrated: "))
    if failed and not (reason and f"{case.folder}/" in result["msg"]):
        yield f"that is no explanation: {result['msg']}"
    here = len(case.folder) + 1
    refused = "incompatible" in (each["action"] for each in result.get("maps", ()))
    for each in () if refused else result.get("maps", ()):
        name = each["path"][here:]
        whole = each["action"] in DONE and "error" not in each
        if whole and _face(case.now.get(name)) != _face(case.new[name]):
            yield f"{name} is said to be {each['action']}"
        if each["action"] not in (*DONE, "failed") and name in case.changed:
            yield f"{name} is said to be {each['action']}"
    if "maps" in result:
        told = {action: count for action, count in result["counts"].items() if count}
        if told != Counter(each["action"] for each in result["maps"]):
            yield f"these are not the counts: {result['counts']}"
    if "directories" in result:
        told = [path[here:] for path in result["directories"]]
        told += [pin["path"][here:] for pin in result.get("pins", ()) if pin["action"] == "removed"]
        gone = case.old.keys() - case.now.keys()
        made = {name for name in case.now.keys() - case.old.keys() if "id" not in case.now[name]}
        truth = sorted(name for name in gone | made if STAGING not in name)
        if sorted(told) != truth:
            yield f"these were made or removed, it says: {told}; in truth {truth}"


def _not_repaired(case: Case) -> Iterator[str]:
    """What two more runs leave to be done, or do without need."""
    if _faces(case.at_last) != _faces(case.new):
        yield f"a rerun leaves these undone: {_different(_faces(case.at_last), _faces(case.new))}"
    for name in _different(case.now, case.at_last):
        if name in case.now and _face(case.now[name]) == _face(case.new.get(name)):
            yield f"a rerun changed {name}, which was as declared"
    for run, changes in zip(case.reruns, (case.now != case.at_last, False), strict=True):
        result = _result(run)
        if result is None or run["code"] or run["complaints"]:
            yield f"a rerun failed: {run}"
        elif result["changed"] != changes:
            yield f"a rerun says changed: {result['changed']}: {result}"
        elif changes and "maps" in result:
            told = [path[len(case.folder) + 1 :] for path in result["leftovers"]]
            if told != case.leftovers:
                yield f"a rerun tells of these leftovers: {told}"


def _result(run: Fields) -> Fields | None:
    try:
        return json.loads(run["output"])
    except ValueError:
        return None


def _identity(looks: Looks, name: str) -> list[Any]:
    return [looks.get(name, {}).get(field) for field in IDENTITY]


def _stagings(looks: Looks) -> list[str]:
    return [name for name in looks if name.rpartition("/")[2] == STAGING]


def _different(one: Fields, other: Fields) -> list[str]:
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


def _faces(looks: Looks) -> Looks:
    return {name: _face(look) for name, look in looks.items()}


def _face(look: Fields | None) -> Fields | None:
    if look is None:
        return None
    return {field: value for field, value in look.items() if field not in IDENTITY}


# $S is the name of the staging directory, $D a private directory that someone keeps a pin in.
LOOKALIKES = {
    "a symlink to a private directory": "ln -s $D $S",
    "where a private directory is mounted": "mkdir -m 0700 $S; mount --bind $D $S",
    "where a private bpffs is mounted": "mkdir -m 0700 $S; mount -t bpf -o mode=0700 bpf $S; "
    "bpftool map create $S/theirs type hash key 4 value 4 entries 1 name theirs",
}


def test_pins_behind_the_name_of_the_staging_directory_are_not_taken_for_leftovers(
    host: Host, subtests: pytest.Subtests
) -> None:
    tasks = []
    for number, script in enumerate(LOOKALIKES.values()):
        folder = f"{BPFFS}/case_{number}"
        host.shell(f"mkdir -p {folder}; mkdir -m 0700 {folder}/private")
        host.make_pin(f"{folder}/private/theirs")
        host.shell(f"S={folder}/{STAGING} D={folder}/private; {script}")
        wanted = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
        tasks.append(task("bpf_map_pinned", path=f"{folder}/ours", mode="0640", **wanted))
    before = host.inventory()
    run = host.playbook(tasks)
    after = host.inventory()
    for number, about in enumerate(LOOKALIKES):
        with subtests.test(about):
            folder = f"{BPFFS}/case_{number}"
            assert run[number].failed
            assert f"{folder}/{STAGING}" in run[number].msg
            assert not run[number].changed
            assert {p: e for p, e in after.items() if folder in p} == {
                p: e for p, e in before.items() if folder in p
            }
