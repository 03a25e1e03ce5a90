# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks in all the ways that a playbook can have them, and what a drift report says of each.

Each case has a host of its own in the inventory, and a directory $D of its own in the bpffs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.samples import MADE

Fields = dict[str, Any]
LARGER = {**MADE, "max_entries": 2}
MAP = "ebpf.pinning.bpf_map_pinned"
ABSENT = "ebpf.pinning.bpf_pin_absent"


@dataclass(frozen=True)
class Case:
    """`pins` are there before. `says` is what the report says of each path; ! means put right."""

    tasks: Sequence[Fields]
    says: Mapping[str, str]
    pins: Sequence[str] = ()
    before: str = ""  # a shell script
    check: bool = True
    play: Fields = field(default_factory=dict)  # more words of the play
    problems: Sequence[str] = ()  # how they begin
    differs: Mapping[str, Sequence[tuple[str, str, str]]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)  # what they hold


def declare(*names: str, shape: Fields | None = None, **more: Any) -> Fields:
    """Arguments that declare maps in $D."""
    maps = [{"name": name, **(shape or MADE)} for name in names]
    return {"directory": "$D", "maps": maps, **more}


def task(arguments: Fields | None = None, module: str = MAP, **keywords: Any) -> Fields:
    return {module: declare("a") if arguments is None else arguments, **keywords}


ENTRY = {"key": "0x0a 0x00 0x00 0x01", "value": 1}

STATES = {
    "a map that is as declared": Case([task()], {"$D/a": "in_place"}, pins=["a"]),
    "a map that is missing": Case([task()], {"$D/a": "missing"}),
    "a map that is made": Case([task()], {"$D/a": "missing!"}, check=False),
    "a map of another shape": Case(
        [task(declare("a", "b", shape=LARGER))],
        {"$D/a": "different", "$D/b": "missing"},
        pins=["a"],
        differs={"$D/a": [("max_entries", "2", "1")]},
        notes={"$D/a": "on_mismatch"},
    ),
    "a map that is to be replaced": Case(
        [task(declare("a", shape=LARGER, on_mismatch="replace"))],
        {"$D/a": "different"},
        pins=["a"],
        differs={"$D/a": [("max_entries", "2", "1")]},
    ),
    "a map that is replaced": Case(
        [task(declare("a", shape=LARGER, on_mismatch="replace"))],
        {"$D/a": "different!"},
        pins=["a"],
        check=False,
        differs={"$D/a": [("max_entries", "2", "1")]},
    ),
    "a mode that is off": Case(
        [task(declare("a", mode="0640", group="adm"))],
        {"$D/a": "access"},
        pins=["a"],
        differs={"$D/a": [("group", "adm", "root"), ("mode", "0640", "0600")]},
    ),
    "a mode that is set": Case(
        [task(declare("a", mode="0640"))], {"$D/a": "access!"}, pins=["a"], check=False
    ),
    "a map that is to be frozen": Case(
        [task({"path": "$D/a", **MADE, "frozen": True, "mode": "0640"})],
        {"$D/a": "different"},
        pins=["a"],
        differs={"$D/a": [("mode", "0640", "0600"), ("frozen", "true", "false")]},
    ),
    "pins that nobody declared": Case(
        [task({"directory": "$D", "keep": ["a"]}, ABSENT)],
        {"$D/b": "undeclared", "$D/c": "undeclared"},
        pins=["a", "b", "c"],
        notes={"$D/b": "holds map"},
    ),
    "pins that are pruned": Case(
        [task({"directory": "$D", "keep": ["a"]}, ABSENT)],
        {"$D/b": "undeclared!"},
        pins=["a", "b"],
        check=False,
        notes={"$D/b": "held map"},
    ),
    "a directory that is to be gone": Case(
        [task({"path": ["$D/old"], "recurse": True}, ABSENT)],
        {"$D/old": "undeclared"},
        before="mkdir $D/old",
    ),
    "what a killed run left": Case(
        [task()],
        {"$D/a": "in_place", "$D/ebpf-pinning~staging": "undeclared!"},
        pins=["a"],
        before="mkdir -m 700 $D/ebpf-pinning~staging",
        check=False,
    ),
    "a task that cannot do its work": Case(
        [task(declare("a", directory="/proc"))], {}, check=False, problems=["/proc"]
    ),
    "a task with wrong arguments": Case(
        [task({**declare("a"), "colour": "red"})], {}, problems=["Unsupported parameters"]
    ),
    "a task whose arguments cannot be had": Case(
        [task({"maps": "{{ nobody_has_said }}"})], {}, problems=["Finalization of task args"]
    ),
    "a batch that stops in the middle": Case(
        [task(declare("a", "b", "c", mode="0640"), vars="$SECOND_LINK_FAILS")],
        {"$D/a": "missing!", "$D/b": "failed", "$D/c": "failed"},
        check=False,
        notes={"$D/b": "ENOSPC", "$D/c": "not reached"},
        problems=["Done so far"],
    ),
    "objects": Case(
        [
            task(
                {
                    "objects": [
                        {"path": f"$D/{name}", "source": "$D/a"} for name in ("same", "b", "new")
                    ]
                },
                "ebpf.pinning.bpf_object_pinned",
            )
        ],
        {"$D/same": "in_place", "$D/b": "different", "$D/new": "missing"},
        pins=["a", "b"],
        before="ln $D/a $D/same",
    ),
    "entries of maps of others": Case(
        [
            task(
                {
                    "maps": [
                        {"path": f"$D/{name}", "entries": [ENTRY], "value_format": "u64"}
                        for name in ("a", "new")
                    ]
                },
                "ebpf.pinning.bpf_map_entries",
            )
        ],
        {"$D/a": "different", "$D/new": "missing"},
        pins=["a"],
        differs={
            "$D/a": [("entries", "as declared (present)", "1 missing")],
            "$D/new": [("entries", "as declared (present)", "no map")],
        },
    ),
    "a mount that is missing": Case(
        [task({"path": "$T/mount"}, "ebpf.pinning.bpffs_mount")], {"$T/mount": "missing"}
    ),
    "a mount as declared": Case(
        [task({"path": "/sys/fs/bpf"}, "ebpf.pinning.bpffs_mount")], {"/sys/fs/bpf": "in_place"}
    ),
    "a mount with other flags": Case(
        [task({"opts": ["nosuid"], "mode": "0755"}, "ebpf.pinning.bpffs_mount")],
        {"/sys/fs/bpf": "different"},
    ),
    "a mount with another mode": Case(
        [task({"mode": "0755"}, "ebpf.pinning.bpffs_mount")],
        {"/sys/fs/bpf": "access"},
        differs={"/sys/fs/bpf": [("mode", "1755", "1777")]},
    ),
    "a mount that is to be gone": Case(
        [task({"state": "unmounted", "force": True}, "ebpf.pinning.bpffs_mount")],
        {"/sys/fs/bpf": "undeclared"},
    ),
    "a mount that fstab does not know": Case(
        [task({"boot": True, "fstab": "$T/fstab"}, "ebpf.pinning.bpffs_mount")],
        {"/sys/fs/bpf": "different"},
    ),
    "files of what a host does at boot": Case(
        [
            task(
                {
                    **declare("a"),
                    "name": "case",
                    "manifests": "$T/restore",
                    "library": "$T/library",
                    "python": "/usr/bin/env",
                },
                "ebpf.pinning.bpf_restore",
            )
        ],
        {
            "$T/library/core-*/_core": "different",
            "$T/library/ebpf-pinning": "different",
            "$T/restore/case.json": "different",
        },
    ),
    "a module that only looks": Case(
        [task({"directory": "$D"}, "ebpf.pinning.bpf_pin_info"), task()],
        {"$D/a": "in_place"},
        pins=["a", "b"],
    ),
}

_FAILS = task(declare("a", shape=LARGER), ignore_errors=False)
_ELSEWHERE = {"delegate_to": "the_worker"}

WAYS = {
    "a loop": Case(
        [task(declare("{{ item }}"), loop=["a", "b"])],
        {"$D/a": "in_place", "$D/b": "missing"},
        pins=["a"],
    ),
    "a loop with an item that fails": Case(
        [task({**declare("a"), "directory": "{{ item }}"}, loop=["$D", "/proc"])],
        {"$D/a": "missing!"},
        check=False,
        problems=["/proc"],
    ),
    "a rescue that puts it right": Case(
        [
            {
                "block": [_FAILS],
                "rescue": [task(declare("a", shape=LARGER, on_mismatch="replace"))],
            }
        ],
        {"$D/a": "different!"},
        pins=["a"],
        check=False,
    ),
    "a rescue that does something else": Case(
        [{"block": [_FAILS], "rescue": [{"ansible.builtin.meta": "noop"}]}],
        {"$D/a": "different"},
        pins=["a"],
    ),
    "first a check, then a run": Case(
        [task(check_mode=True), task()], {"$D/a": "missing!"}, check=False
    ),
    "two declarations that disagree": Case(
        [task(), task(declare("a", mode="0640")), task()], {"$D/a": "access"}, pins=["a"]
    ),
    "an until that is never so": Case(
        [task(register="it", until="it.counts.unchanged == 1", retries=1, delay=0)],
        {"$D/a": "missing"},
    ),
    "a handler": Case(
        [
            {
                "ansible.builtin.debug": {},
                "changed_when": True,
                "notify": "Look at the maps",
                "name": "Notify",
            },
        ],
        {"$D/a": "missing"},
        play={"handlers": [task(name="Look at the maps")]},
    ),
    "a role that is included": Case(
        [
            {
                "ansible.builtin.include_role": {"name": "ebpf.pinning.bpf_maps"},
                "vars": {
                    "bpf_maps_directory": "$D",
                    "bpf_maps": [{"name": "a", **MADE}],
                    "bpf_maps_report_undeclared": True,
                },
            }
        ],
        {"$D/a": "in_place", "$D/b": "undeclared"},
        pins=["a", "b"],
        check=False,
    ),
    "module_defaults": Case(
        [task({"name": "a", **MADE})],
        {"$D/a": "access"},
        pins=["a"],
        play={"module_defaults": {"group/ebpf.pinning.pins": {"directory": "$D", "mode": "0640"}}},
    ),
    "short names": Case(
        [task(module="bpf_map_pinned")],
        {"$D/a": "missing"},
        play={"collections": ["ebpf.pinning"]},
    ),
    "an action that is a variable": Case(
        [{"action": {"module": MAP, **declare("a")}}], {"$D/a": "missing"}
    ),
    "changed_when and failed_when": Case(
        [
            task(changed_when=False),
            task(declare("b"), register="it", failed_when="it is changed"),
            task(declare("c", directory="/proc"), failed_when=False, check_mode=False),
        ],
        {"$D/a": "missing", "$D/b": "missing"},
        problems=["/proc"],
    ),
    "a task that is skipped": Case([task(), task(declare("b"), when=False)], {"$D/a": "missing"}),
    "a task in the background": Case(
        [task(**{"async": 60, "poll": 1})], {"$D/a": "missing!"}, check=False
    ),
    "a task in the background that is asked later": Case(
        [
            task(register="job", **{"async": 60, "poll": 0}),
            {
                "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
                "register": "it",
                "until": "it is finished",
                "retries": 100,
                "delay": 1,
            },
        ],
        {"$D/a": "missing!"},
        check=False,
    ),
    "a task in the background that is never asked": Case(
        [task(**{"async": 60, "poll": 0})],
        {},
        check=False,
        problems=["what a task found in the background"],
    ),
    "a task under no_log": Case(
        [task(no_log=True)], {}, problems=["the result is hidden by no_log"]
    ),
    "a loop under no_log": Case(
        [task(declare("{{ item }}"), loop=["a"], no_log=True)],
        {},
        problems=["the result is hidden by no_log"],
    ),
    "tasks of other modules whose failures are expected": Case(
        [
            task(),
            {"ansible.builtin.fail": {"msg": "$SECRET"}},
            {
                "block": [{"ansible.builtin.fail": {"msg": "$SECRET"}, "ignore_errors": False}],
                "rescue": [{"ansible.builtin.meta": "noop"}],
            },
        ],
        {"$D/a": "missing"},
    ),
    "a task that is delegated": Case([task(**_ELSEWHERE)], {}),
    "a loop that is delegated": Case(
        [task(declare("{{ item }}"), loop=["a", "b"], **_ELSEWHERE)], {}
    ),
    # The last one, since no play follows one without hosts.
    "a task of another module that fails": Case(
        [
            task(),
            {
                "ansible.builtin.fail": {"msg": "$SECRET"},
                "name": "Try",
                "ignore_errors": False,
            },
        ],
        {"$D/a": "missing"},
        problems=["task Try (ansible.builtin.fail) failed"],
    ),
}
