# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role bpf_restore on a host without systemd: through the role bpf_maps, and by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Run
from harness.samples import AGENT, HASH
from mount_table import access, mounts_at
from restoring import Fields, keep_apart, restart, without_identity

ETC, LIBRARY = "/etc/ebpf-pinning", "/usr/local/lib/ebpf-pinning"
COMMAND = f"{LIBRARY}/ebpf-pinning"
MAPS = [
    {"name": "flows", "type": "lru_hash", "key_size": 16, "value_size": 8, "max_entries": 64},
    {"name": "counts", "type": "percpu_array", "value_size": 8, "max_entries": 4},
]
PYTHON = os.path.realpath("/usr/bin/python3")  # root's, and not the one that is taken by itself
MANIFEST = f"{ETC}/restore.d/sys-fs-bpf-agent.json"
WANTED: Fields = {
    "bpf_maps": MAPS,
    "bpf_maps_directory": AGENT,
    "bpf_maps_group": "adm",
    "bpf_maps_mode": "0640",
    "bpf_maps_restore_at_boot": True,
}


@pytest.fixture
def apart(host: Host) -> Host:
    """A host whose /etc, /run and /usr/local/lib are its own, without systemd."""
    keep_apart(host)
    return host


def run_roles(host: Host, role: str, steps: Sequence[Fields], *options: str) -> list[Run]:
    """One run of ansible-playbook, in which the role runs with each of these variables."""
    marks = [{"ansible.builtin.meta": "noop"}]
    tasks: list[Fields] = []
    for number, variables in enumerate(steps):
        name = {"name": f"ebpf.pinning.{role}"}
        tasks.append({"ansible.builtin.debug": {"msg": ""}, "name": f"step {number}"})
        tasks.append({"ansible.builtin.include_role": name, "vars": variables})
    file = host.scratch / "roles.yml"
    play = {"hosts": "all", "gather_facts": False, "tasks": [*marks, *tasks]}
    file.write_text(json.dumps([play]))
    whole = host.ansible_playbook(str(file), *options)
    assert whole.code == 0, whole.output
    runs: list[list[Any]] = []
    for result in whole:
        if result.name.startswith("step "):
            runs.append([])
        elif result.status != "skipped":
            runs[-1].append(result)
    assert len(runs) == len(steps)
    return [Run(whole.code, results, whole.output) for results in runs]


def changed(run: Run) -> list[str]:
    """The tasks that changed something."""
    return [result.name.rpartition(" : ")[2] for result in run if result.changed]


def manifests(run: Run) -> list[str]:
    """The names of all manifests, as the module says."""
    (names,) = (result["manifests"] for result in run if "manifests" in result)
    return names


def files(host: Host) -> list[str]:
    """What stat says of all files of the command and of manifests."""
    what = r"%p %i %m %U %G %T@ %C@ %l\n"
    each = f"[ ! -e $each ] || find $each -printf '{what}'"
    found = host.shell(f"for each in {ETC} {LIBRARY}; do {each}; done")
    return sorted(found.splitlines())


def declared(host: Host, file: str = MANIFEST) -> Fields:
    return json.loads(host.shell(f"cat {file}"))


def test_maps_come_back_once_the_role_has_run_and_not_once_it_is_switched_off(
    apart: Host, subtests: pytest.Subtests
) -> None:
    host = apart
    outside = [Path(path).exists() for path in (ETC, LIBRARY)]
    (check,) = run_roles(host, "bpf_maps", [WANTED], "--check")
    with subtests.test("a check tells and does nothing"):
        assert len(changed(check)) == 2
        assert files(host) == []
        assert AGENT not in host.inventory()
    first, second = run_roles(host, "bpf_maps", [WANTED, WANTED])
    with subtests.test("a run makes it, a second one changes nothing, nor does a check"):
        assert len(changed(first)) == 2
        assert changed(second) == []
        assert declared(host)["maps"] == MAPS
        there = files(host)
        (check,) = run_roles(host, "bpf_maps", [WANTED], "--check")
        assert changed(check) == []
        assert files(host) == there
        assert access(host, MANIFEST) == "600 0 0"
        assert access(host, COMMAND) == "755 0 0"
    with subtests.test("without systemd it says what an init script has to run"):
        for run in (first, second, check):
            assert f"`{COMMAND} restore`" in run[len(run) - 1].msg
    before = host.inventory()
    restart(host)
    with subtests.test("that brings the maps back"):
        host.run(COMMAND, "restore")
        assert without_identity(host.inventory()) == without_identity(before)
        assert host.run(COMMAND, "check").stdout == "2 declared, 2 in place\n"

    less = {**WANTED, "bpf_maps": MAPS[:1], "bpf_maps_mode": "0600", "bpf_maps_prune": True}
    changing, again = run_roles(host, "bpf_maps", [less, less])
    with subtests.test("a change of the declaration, and a map that is removed"):
        assert len(changed(changing)) == 3
        assert changed(again) == []
        assert declared(host)["maps"] == MAPS[:1]
        assert declared(host)["defaults"]["mode"] == "0600"
        restart(host)
        host.run(COMMAND, "restore")
        pins = [path for path, entry in host.inventory(AGENT).items() if "object" in entry]
        assert pins == [f"{AGENT}/flows"]
        assert access(host, f"{AGENT}/flows") == "600 0 4"

    off = {**less, "bpf_maps_restore_at_boot": False}
    there = files(host)
    (check,) = run_roles(host, "bpf_maps", [off], "--check")
    with subtests.test("a check of switching it off"):
        assert len(changed(check)) == 1
        assert files(host) == there
    switching, again = run_roles(host, "bpf_maps", [off, off])
    with subtests.test("switched off, no file is left, and the maps stay"):
        assert len(changed(switching)) == 1
        assert changed(again) == []
        assert host.shell(f"find {ETC} {LIBRARY} -type f") == ""
        assert host.map_at(f"{AGENT}/flows")["type"] == "lru_hash"
        assert not any("init" in result.msg for result in again)
    with subtests.test("all that was in the host's own directories"):
        assert [Path(path).exists() for path in (ETC, LIBRARY)] == outside


def test_each_declaration_has_a_name_of_its_own(apart: Host, subtests: pytest.Subtests) -> None:
    host = apart
    directories = [f"{BPFFS}/a-b", f"{BPFFS}/a/b", f"{BPFFS}/a%2Db", f"{BPFFS}/a b", f"{BPFFS}/ä"]
    steps = [{"bpf_maps": [{"name": "m", **HASH}], "bpf_maps_directory": d} for d in directories]
    unset = run_roles(host, "bpf_maps", steps[:1])[0]
    with subtests.test("unset, nothing is done about it"):
        assert not any("manifests" in result for result in unset)
        assert files(host) == []
    on: Fields = {"bpf_maps_restore_at_boot": True}
    named = {**steps[0], **on, "bpf_maps_restore_name": "two words"}
    runs = run_roles(
        host,
        "bpf_maps",
        [
            *({**step, **on} for step in steps),
            {"bpf_maps": [{"name": "top", **HASH}], **on},
            {**steps[0], **on, "bpf_maps_directory": f"{BPFFS}//a-b/"},
            named,
            {**named, "bpf_maps_restore_at_boot": "no"},
            {**steps[0], "bpf_maps_restore_at_boot": False},
        ],
    )
    with subtests.test("directories that look alike have two"):
        names = manifests(runs[6])
        assert len(names) == len(directories) + 1
        assert "sys-fs-bpf-a-b.json" in names
        assert "sys-fs-bpf-a%2Db.json" in names
        assert "sys-fs-bpf.json" in names
    with subtests.test("one directory has one, however it is written"):
        assert changed(runs[6]) == []
    with subtests.test("a name that is given is taken, and switched off by it"):
        assert manifests(runs[7]) == sorted([*names, "two words.json"])
        assert manifests(runs[8]) == names
    with subtests.test("the others stay"):
        left = [name for name in names if name != "sys-fs-bpf-a%2Db.json"]
        assert manifests(runs[9]) == left
        done = host.run(COMMAND, "check")
        assert done.stdout == f"{len(left)} declared, {len(left)} in place\n"


def test_the_role_alone_brings_mounts_back_too(apart: Host, subtests: pytest.Subtests) -> None:
    host, point = apart, "/run/agent/bpffs"
    wanted: Fields = {
        "bpf_restore_name": "agent",
        "bpf_restore_mounts": [{"path": point, "mode": "0750", "opts": ["nosuid"]}],
        "bpf_restore_maps": [{"name": "flows", **HASH}],
        "bpf_restore_directory": f"{point}/maps",
        "bpf_restore_owner": "daemon",
        "bpf_restore_python": PYTHON,
    }
    first, second = run_roles(host, "bpf_restore", [wanted, wanted])
    with subtests.test("declared"):
        assert len(changed(first)) == 1
        assert changed(second) == []
        assert next(each["sandbox"] for each in first if "sandbox" in each)["writable"] == [point]
        assert host.shell(f"head -n 1 {COMMAND}") == f"#!{PYTHON} -IS\n"
    with subtests.test("restored"):
        host.run(COMMAND, "restore", "--part", "mounts")
        host.run(COMMAND, "restore", "--part", "maps")
        (row,) = mounts_at(host, point)
        assert "nosuid" in row.flags
        assert host.map_at(f"{point}/maps/flows")["type"] == "hash"
        assert access(host, point) == "1750 0 0"
        assert access(host, f"{point}/maps/flows").split()[0] == "600"
    gone, again = run_roles(
        host, "bpf_restore", [{"bpf_restore_name": "agent", "bpf_restore_state": "absent"}] * 2
    )
    with subtests.test("absent"):
        assert len(changed(gone)) == 1
        assert changed(again) == []
        assert host.shell(f"find {ETC} {LIBRARY} -type f") == ""
        assert len(mounts_at(host, point)) == 1


WRONG = [
    ({"bpf_restore_state": "gone"}, "bpf_restore_state"),
    ({"bpf_restore_maps": "flows"}, "bpf_restore_maps"),
    ({"bpf_restore_mounts": [5]}, "bpf_restore_mounts"),
]


def test_a_variable_of_a_wrong_type_is_refused_by_name(
    apart: Host, subtests: pytest.Subtests
) -> None:
    tasks = [
        {
            "block": [{"ansible.builtin.include_role": {"name": "ebpf.pinning.bpf_restore"}}],
            "rescue": [{"ansible.builtin.debug": {"msg": "rescued"}}],
            "vars": variables,
        }
        for variables, _name in WRONG
    ]
    file = apart.scratch / "wrong.yml"
    file.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    run = apart.ansible_playbook(str(file))
    failed = [result for result in run if result.status == "failed"]
    assert len(failed) == len(WRONG), run.output
    for (variables, name), result in zip(WRONG, failed, strict=True):
        with subtests.test(str(variables)):
            assert f"{name} is " in result.msg
    assert files(apart) == []
