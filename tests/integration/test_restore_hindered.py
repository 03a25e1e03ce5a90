# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_restore where the files of a host cannot be written or removed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from harness.host import Host
from harness.site import HERE
from restore_places import MAPS, Place, results
from restoring import Fields

NEW: Fields = {"maps": MAPS, "python": "/bin/sh"}  # the starter and the manifest are to change
OFF: Fields = {"state": "absent"}
FIRST: Fields = {"maps": MAPS}

# What stands in the way, what is to be done then, and what the message says. The first run was with
# one map less. $P is the place, $M and $L the directories, $C the core.
HINDERED: dict[str, tuple[str, Fields, Sequence[str]]] = {
    "an immutable manifest": (
        "chattr +i $M/agent.json",
        NEW,
        ["$M/agent.json is immutable", "lsattr", "chattr -i $M/agent.json"],
    ),
    "an immutable manifest that is to go": (
        "chattr +i $M/agent.json",
        OFF,
        ["$M/agent.json is immutable", "chattr -i $M/agent.json"],
    ),
    "an append-only manifest": (
        "chattr +a $M/agent.json",
        NEW,
        ["$M/agent.json is append-only", "chattr -a $M/agent.json"],
    ),
    "an immutable command": (
        "chattr +i $L/ebpf-pinning",
        NEW,
        ["$L/ebpf-pinning is immutable"],
    ),
    "an immutable directory of manifests": ("chattr +i $M", NEW, ["$M is immutable"]),
    "an append-only directory of manifests": ("chattr +a $M", NEW, ["$M is append-only"]),
    "an immutable library": ("chattr +i $L", NEW, ["$L is immutable"]),
    "two of them": (
        "chattr +i $M/agent.json $L/ebpf-pinning",
        NEW,
        ["$M/agent.json is immutable", "$L/ebpf-pinning is immutable"],
    ),
    "an immutable core that is to be mended": (
        "echo >> $C/_core/host.py; chattr +i $C/_core/host.py",
        FIRST,
        ["$C/_core/host.py is immutable"],
    ),
    "an immutable file of a core that is to go": (
        "chattr +i $C/_core/command/work.py",
        OFF,
        ["$C/_core/command/work.py is immutable"],
    ),
    "an immutable directory above the library": (
        "rm -r $L; chattr +i $P/lib",
        FIRST,
        ["$P/lib is immutable"],
    ),
    "manifests on a read-only file system": (
        "cp -a $P/etc $P/x; mount -t tmpfs -o mode=755 x $P/etc; cp -a $P/x/. $P/etc;"
        "mount -o remount,ro $P/etc",
        NEW,
        ["$M is on a file system that is mounted read-only", "remount,rw", "findmnt -T $M"],
    ),
    "manifests that are to go from a read-only file system": (
        "cp -a $P/etc $P/x; mount -t tmpfs -o mode=755 x $P/etc; cp -a $P/x/. $P/etc;"
        "mount -o remount,ro $P/etc",
        OFF,
        ["mounted read-only"],
    ),
    "a read-only /etc where there is no directory yet": (
        "mount -t tmpfs -o mode=755,ro x $P/etc",
        FIRST,
        ["$P/etc is on a file system that is mounted read-only"],
    ),
    "a read-only mount of what is writable elsewhere": (
        "mount --bind $L $L; mount -o remount,bind,ro $L",
        NEW,
        ["$L is on a file system that is mounted read-only"],
    ),
    "a manifest that is mounted, as in containers": (
        "mount --bind $M/agent.json $M/agent.json",
        NEW,
        ["$M/agent.json is a mount point of its own", "containers"],
    ),
    "a full file system": (
        "mount -t tmpfs -o size=64k,mode=755 x $P/etc;"
        "head -c 1M /dev/zero > $P/etc/filling 2>/dev/null || :",
        FIRST,
        ["$P/etc: its file system has no room", "df $P/etc"],
    ),
    "a file system too small for the core": (
        "rm -r $L; mount -t tmpfs -o size=64k,mode=755 x $P/lib",
        FIRST,
        ["$P/lib: its file system has no room"],
    ),
    "a file system without an inode left": (
        "mount -t tmpfs -o nr_inodes=2,mode=755 x $P/etc; touch $P/etc/1",
        FIRST,
        ["$P/etc: its file system has no inode left", "df -i $P/etc"],
    ),
}
_FOR_OBJECTS = re.compile(r"CAP_BPF|bpf\(2\)|opts|become|max_entries|pin belongs")


def test_a_check_sees_what_a_run_would_meet_and_nothing_is_half_done(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = [Place(tmp_path / str(number)) for number in range(len(HINDERED))]
    for place in places:
        place.path.mkdir()
    results(host, [[place.run(maps=MAPS[:1])] for place in places])
    try:
        for place, (script, _fields, _words) in zip(places, HINDERED.values(), strict=True):
            host.shell(f"{_words_of(place)}; {script}")
        before = [_seen(host, place) for place in places]
        series = [
            [place.run(check=check, **fields) for check in (True, False)]
            for place, (_script, fields, _words) in zip(places, HINDERED.values(), strict=True)
        ]
        done = results(host, series)
        after = [_seen(host, place) for place in places]
    finally:
        host.shell(f"chattr -f -R -ia {tmp_path} || :")
    for number, (about, (_script, _fields, words)) in enumerate(HINDERED.items()):
        with subtests.test(about):
            check, real = done[number]
            assert real["failed"], real
            assert check["failed"], check
            assert real["msg"] == check["msg"]
            assert not real.get("changed")
            for word in words:
                assert _filled_in(places[number], word) in real["msg"], real["msg"]
            assert not _FOR_OBJECTS.search(real["msg"]), real["msg"]
            assert after[number] == before[number]


def _words_of(place: Place) -> str:
    core = f"$(echo {place.library}/core-*)"
    return f"P={place.path} M={place.manifests} L={place.library} C={core}"


def _filled_in(place: Place, words: str) -> str:
    (core,) = [*place.library.glob("core-*"), place.library / "core"][:1]
    paths = {"P": place.path, "M": place.manifests, "L": place.library, "C": core}
    return re.sub(r"\$([PMLC])", lambda match: str(paths[match[1]]), words)


def _seen(host: Host, place: Place) -> str:
    """All that is there, as the host sees it: equal if nothing was touched."""
    return host.shell(f"find {place.path} -printf '%p %i %m %U %G %s %T@ %C@\\n' | sort")


# What the kernel may say in the middle, and what the message says of it.
REFUSALS = {
    "EPERM": ["immutable", "chattr -i", "security module"],
    "EACCES": ["immutable", "security module"],
    "EROFS": ["read-only", "remount,rw"],
    "ENOSPC": ["full", "df -i"],
    "EDQUOT": ["quota"],
    "EBUSY": ["mount point", "findmnt"],
    "EIO": ["Input/output error", "stat"],
}


def test_what_the_kernel_refuses_is_told_leaves_nothing_and_goes_on_from_there(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    model = Place(tmp_path / "model")
    model.path.mkdir()
    ((rehearsal,),) = host.run_modules([[model.run(maps=MAPS, fault=[])]])
    count = rehearsal["calls"].count
    faults: list[tuple[str, list[Any]]] = []
    for error in REFUSALS:
        for call in ("rename", "mkdir", "chmod", "chown"):
            moments = {1, 2, count(call) - 1, count(call)} if error == "EPERM" else {count(call)}
            faults += [(error, [call, moment, error]) for moment in sorted(moments)]
    places = [Place(tmp_path / str(number)) for number in range(len(faults))]
    for place in places:
        place.path.mkdir()
    done = host.run_modules(
        [
            [place.run(maps=MAPS, fault=fault)]
            for place, (_error, fault) in zip(places, faults, strict=True)
        ]
    )
    left = [place.files() for place in places]
    again = results(host, [[place.run(maps=MAPS)] * 2 for place in places])
    whole = model.files()
    for number, (error, fault) in enumerate(faults):
        with subtests.test(str(fault)):
            (run,) = done[number]
            assert run["hit"]
            assert run["code"] == 1, run
            message = run["output"]
            assert all(word in message for word in REFUSALS[error]), message
            assert "cannot be written or removed" in message
            assert not _FOR_OBJECTS.search(message), message
            assert [name for name in left[number] if "~" in name] == []
            assert left[number].keys() <= whole.keys()
            first, second = again[number]
            assert not first.get("failed"), first
            assert not second["changed"]
            assert places[number].files().keys() == whole.keys()


# Two runs at once


def test_two_runs_at_once_end_as_one(host: Host, tmp_path: Path) -> None:
    """One runs as a whole, where the other is about to do something for the first time."""
    model = Place(tmp_path / "model")
    model.path.mkdir()
    results(host, [[model.run(maps=MAPS)]])
    whole = model.files().keys()
    calls = ("mkdir", "chown", "chmod", "rename", "flock")
    places = [Place(tmp_path / call) for call in calls]
    runs = []
    for call, place in zip(calls, places, strict=True):
        place.path.mkdir()
        file = place.path.with_suffix(".json")
        series = [[place.run(maps=MAPS)]]
        file.write_text(json.dumps({"path": str(host.site.scratch), "series": series}))
        other = f"{sys.executable} {HERE}/harness/faults.py {file} > {file}.output"
        runs.append([{**place.run(maps=MAPS, fault=[]), "meanwhile": {call: other}}])
    done = host.run_modules(runs)
    for place, (run,) in zip(places, done, strict=True):
        assert run["code"] == 0, run["output"]
        ((other,),) = json.loads(place.path.with_suffix(".json.output").read_text())
        assert other["code"] == 0, other["output"]
        assert place.files().keys() == whole
    for (again,) in results(host, [[place.run(maps=MAPS)] for place in places]):
        assert not again["changed"], again
