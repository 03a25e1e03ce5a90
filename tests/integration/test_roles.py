# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook and the roles as a user has them: installed from the tarball, run elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Run
from harness.samples import AGENT
from harness.site import CHECKOUT, Site
from mount_table import access, mounts_at, picture

MAPS = [
    {"name": "flows", "type": "lru_hash", "key_size": 16, "value_size": 8, "max_entries": 64},
    {"name": "counts", "type": "percpu_array", "value_size": 8, "max_entries": 4},
    {"name": "events", "type": "ringbuf", "max_entries": 4096},
]


@dataclass(frozen=True)
class InstalledSite(Site):
    """A site where Ansible finds collections in `collections` only."""

    collections: Path

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(ANSIBLE_COLLECTIONS_PATH=str(self.collections), **more)


@pytest.fixture(scope="module")
def installed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledSite]:
    """The collection as `ansible-galaxy collection build` and `install` make it."""
    scratch = tmp_path_factory.mktemp("installed")
    galaxy = str(Path(site.playbook_command).with_name("ansible-galaxy"))
    environment = site.environment(ANSIBLE_COLLECTIONS_PATH=str(scratch))
    words = ["build", str(CHECKOUT), "--output-path", str(scratch)]
    subprocess.run([galaxy, "collection", *words], check=True, env=environment)
    (tarball,) = scratch.glob("*.tar.gz")
    words = ["install", str(tarball), "--collections-path", str(scratch), "--offline"]
    subprocess.run([galaxy, "collection", *words], check=True, env=environment)
    installed = InstalledSite(site.scratch, scratch)
    yield installed
    installed.close()


@pytest.fixture
def place(
    installed: InstalledSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Host]:
    """A host with nothing mounted; the working directory is away from the checkout."""
    monkeypatch.chdir(tmp_path)
    host = Host(installed, tmp_path, mounted=False)
    yield host
    host.close()


def provision(host: Host, *options: str, **variables: Any) -> Run:
    """Run the playbook; what it printed is shown when it fails unexpectedly."""
    return host.ansible_playbook("ebpf.pinning.provision", *options, "-e", json.dumps(variables))


def changed(run: Run) -> int:
    """The number of changed tasks, as the recap has it."""
    (count,) = re.findall(r"changed=(\d+)", run.output)
    return int(count)


def pins(host: Host) -> list[str]:
    """Paths of all pins, without the kernel's own."""
    found = [path for path, entry in host.inventory().items() if "object" in entry]
    return [path for path in found if not path.endswith(".debug")]


@pytest.mark.every_core
def test_provision_checks_then_makes_then_changes_nothing(
    place: Host, subtests: pytest.Subtests
) -> None:
    wanted = {
        "bpffs_mode": "0750",
        "bpffs_group": "adm",
        "bpf_maps_directory": AGENT,
        "bpf_maps_group": "adm",
        "bpf_maps_mode": "0640",
        "bpf_maps_prune": True,
        "bpf_maps": MAPS,
    }
    before = picture(place, BPFFS)
    check = provision(place, "--check", "--diff", **wanted)
    with subtests.test("a check on a host without bpffs sees it mounted, and mounts nothing"):
        assert check.code == 0, check.output
        assert changed(check) == 1
        assert not [text for result in check for text in result.warnings]
        assert picture(place, BPFFS) == before
        assert "+type: ringbuf" in check.output
    first = provision(place, **wanted)
    with subtests.test("the first run makes it"):
        assert first.code == 0, first.output
        assert changed(first) == 1
        (row,) = mounts_at(place, BPFFS)
        assert row.flags == {"rw", "nosuid", "nodev", "noexec", "relatime"}
        assert access(place, BPFFS) == "1750 0 4"
        types = {name: place.map_at(f"{AGENT}/{name}")["type"] for name in ("flows", "events")}
        assert types == {"flows": "lru_hash", "events": "ringbuf"}
        assert pins(place) == [f"{AGENT}/counts", f"{AGENT}/events", f"{AGENT}/flows"]
        assert access(place, f"{AGENT}/flows") == "640 0 4"
    there = place.inventory()
    for name, options in {"second run": [], "check after it": ["--check"]}.items():
        run = provision(place, *options, **wanted)
        with subtests.test(f"the {name} changes nothing"):
            assert run.code == 0, run.output
            assert changed(run) == 0
            assert place.inventory() == there


@pytest.mark.every_core
def test_a_declaration_may_hold_templates_and_values_of_a_vault(
    place: Host, tmp_path: Path
) -> None:
    password, variables = tmp_path / "password", tmp_path / "variables.yml"
    password.write_text("of the vault")
    locked = ["--vault-password-file", str(password)]
    command = [Path(place.site.playbook_command).with_name("ansible-vault"), "encrypt_string"]
    secret = subprocess.run(
        [*command, *locked, "from_a_vault"],
        check=True,
        capture_output=True,
        text=True,
        env=place.site.environment(),
    ).stdout
    variables.write_text(
        f"entries: 8\nbpf_maps_directory: {AGENT}\nbpf_maps:\n"
        '  - {type: array, value_size: 4, max_entries: "{{ entries * 2 }}", path: '
        f"{AGENT}/templated}}\n"
        f"  - type: array\n    value_size: 4\n    max_entries: 2\n    name: {secret}"
    )
    run = place.ansible_playbook("ebpf.pinning.provision", *locked, "-e", f"@{variables}")
    assert run.code == 0, run.output
    assert pins(place) == [f"{AGENT}/from_a_vault", f"{AGENT}/templated"]
    assert place.map_at(f"{AGENT}/templated")["max_entries"] == 16


@pytest.mark.every_core
def test_prune_takes_what_is_not_declared_from_its_directory_only(
    place: Host, subtests: pytest.Subtests
) -> None:
    elsewhere = {**MAPS[2], "name": "elsewhere", "directory": f"{BPFFS}/other"}
    wanted = {"bpf_maps_directory": AGENT, "bpf_maps": [MAPS[0], elsewhere]}
    assert provision(place, **wanted).code == 0
    place.make_pin(f"{AGENT}/stray")
    place.make_pin(f"{BPFFS}/other/stray")
    place.make_pin(f"{BPFFS}/stray")
    place.load("linked", f"{BPFFS}/other", f"{AGENT}/program", f"{AGENT}/link")
    all_of_them = pins(place)
    kept = [path for path in all_of_them if path not in (f"{AGENT}/stray", f"{AGENT}/program")]
    assert len(kept) == len(all_of_them) - 2
    with subtests.test("without prune they stay"):
        assert changed(provision(place, **wanted)) == 0
        assert pins(place) == all_of_them
    wanted["bpf_maps_prune"] = True
    with subtests.test("a check tells and does nothing"):
        assert changed(provision(place, "--check", **wanted)) == 1
        assert pins(place) == all_of_them
    with subtests.test("maps and programs go, links and other directories stay"):
        assert changed(provision(place, **wanted)) == 1
        assert pins(place) == kept
    with subtests.test("then there is nothing to do"):
        assert changed(provision(place, **wanted)) == 0
    with subtests.test("no maps declared, no maps left"):
        run = provision(place, **{**wanted, "bpf_maps": []})
        assert run.code == 0, run.output
        assert pins(place) == [path for path in kept if path != f"{AGENT}/flows"]


def test_the_shared_directory_is_pruned_only_when_that_is_allowed(
    place: Host, subtests: pytest.Subtests
) -> None:
    wanted = {"bpf_maps": MAPS[:1]}
    assert provision(place, **wanted).code == 0
    place.make_pin(f"{BPFFS}/stray")
    there = place.inventory()
    wanted["bpf_maps_prune"] = True
    run = provision(place, **wanted)
    with subtests.test("refused, and the message says how to allow it"):
        assert run.code != 0
        assert BPFFS in run[len(run) - 1].msg
        assert "prune_shared" in run[len(run) - 1].msg
        assert place.inventory() == there
    with subtests.test("allowed"):
        run = provision(place, bpf_maps_prune_shared=True, **wanted)
        assert run.code == 0, run.output
        assert pins(place) == [f"{BPFFS}/flows"]


@pytest.mark.every_core
def test_the_number_of_tasks_does_not_grow_with_the_number_of_maps(place: Host) -> None:
    shared = {"bpf_maps_directory": AGENT, "bpf_maps_prune": True}
    tasks = []
    for count in (3, 300):
        maps = [{**MAPS[1], "name": f"map{number}"} for number in range(count)]
        run = provision(place, bpf_maps=maps, **shared)
        assert run.code == 0, run.output
        assert len(pins(place)) == count
        tasks.append([result.name for result in run])
        looped = [result["results"] for result in run if "results" in result]
        assert not any(looped), "no task loops over maps"
    assert tasks[0] == tasks[1]


@pytest.mark.every_core
def test_the_controller_keeps_results_only_where_others_are_asked_for(place: Host) -> None:
    """What a role registers stays in memory, for each of a thousand hosts."""
    place.run("mount", "-t", "bpf", "bpf", BPFFS)
    tasks = []
    for others in (False, True):
        words = {
            "bpf_maps": MAPS,
            "bpf_maps_directory": AGENT,
            "bpf_maps_report_undeclared": others,
        }
        role = {"name": "ebpf.pinning.bpf_maps"}
        tasks.append({"ansible.builtin.include_role": role, "vars": words})
        variables = {"msg": "{{ hostvars['localhost'] | to_json }}"}
        tasks.append({"name": f"others: {others}", "ansible.builtin.debug": variables})
    file = place.scratch / "memory.yml"
    file.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    run = place.ansible_playbook(str(file))
    kept = [f"{AGENT}/flows" in run[f"others: {others}"].msg for others in (False, True)]
    assert kept == [False, True], run.output


WRONG = {
    "bpffs": [
        ({"bpffs_opts": {"nosuid": True}}, "bpffs_opts"),
        ({"bpffs_state": "gone"}, "bpffs_state"),
        ({"bpffs_boot": "perhaps"}, "bpffs_boot"),
        ({"bpffs_delegate_maps": {"hash": 1}}, "bpffs_delegate_maps"),
    ],
    "bpf_maps": [
        ({"bpf_maps": "flows"}, "bpf_maps"),
        ({"bpf_maps": [5]}, "bpf_maps"),
        ({"bpf_maps": {"flows": 5}}, "bpf_maps"),
        ({"bpf_maps_on_mismatch": "maybe"}, "bpf_maps_on_mismatch"),
        ({"bpf_maps_value_growth": "maybe"}, "bpf_maps_value_growth"),
        ({"bpf_maps_prune": "perhaps"}, "bpf_maps_prune"),
        ({"bpf_maps_prune_shared": "perhaps"}, "bpf_maps_prune_shared"),
        ({"bpf_maps_report_undeclared": "perhaps"}, "bpf_maps_report_undeclared"),
        ({"bpf_maps_restore_at_boot": "perhaps"}, "bpf_maps_restore_at_boot"),
    ],
}


@pytest.mark.every_core
def test_a_variable_of_a_wrong_type_is_refused_by_name(
    place: Host, subtests: pytest.Subtests
) -> None:
    rows = [(role, *row) for role, rows in WRONG.items() for row in rows]
    # A block stops at the first failure, as a play would.
    tasks = [
        {
            "block": [{"ansible.builtin.include_role": {"name": f"ebpf.pinning.{role}"}}],
            "rescue": [{"ansible.builtin.debug": {"msg": "rescued"}, "name": f"rescue {number}"}],
            "vars": variables,
        }
        for number, (role, variables, _name) in enumerate(rows)
    ]
    file = place.scratch / "wrong.yml"
    file.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    before = picture(place, BPFFS)
    run = place.ansible_playbook(str(file))
    assert picture(place, BPFFS) == before
    failed = [result for result in run if result.status == "failed"]
    assert len(failed) == len(rows), run.output
    for (_role, variables, name), result in zip(rows, failed, strict=True):
        with subtests.test(f"{variables}"):
            assert f"{name} is " in result.msg
            assert str(next(iter(variables.values())))[:8] in result.msg


def in_one_run(host: Host, calls: list[dict[str, Any]], *options: str) -> Run:
    """A run in which the role bpf_maps is called with each of these variables, or a task is run."""
    role = {"name": "ebpf.pinning.bpf_maps"}
    tasks = [
        each
        if any("." in word for word in each)
        else {"ansible.builtin.include_role": role, "vars": each}
        for each in calls
    ]
    file = host.scratch / "calls.yml"
    file.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    return host.ansible_playbook(str(file), *options)


PRUNING = {"bpf_maps_directory": AGENT, "bpf_maps_prune": True}
CALLS: dict[str, dict[str, Any]] = {
    "prunes as well": {**PRUNING, "bpf_maps": MAPS[1:]},
    "prunes with the directory spelled otherwise": {
        **PRUNING,
        "bpf_maps_directory": f"{BPFFS}//agent/",
        "bpf_maps": MAPS[1:],
    },
    "does not prune": {"bpf_maps_directory": AGENT, "bpf_maps": MAPS[1:]},
    "names the directory for a map": {
        "bpf_maps_directory": f"{BPFFS}/other",
        "bpf_maps": [{**MAPS[1], "directory": AGENT}, {**MAPS[2], "path": f"{AGENT}/events"}],
    },
    "declares nothing": {**PRUNING, "bpf_maps": []},
}


@pytest.mark.every_core
@pytest.mark.parametrize("call", CALLS)
def test_two_calls_of_a_run_that_would_remove_each_others_maps_are_refused(
    place: Host, call: str
) -> None:
    place.run("mount", "-t", "bpf", "bpf", BPFFS)
    first = {**PRUNING, "bpf_maps": MAPS[:1]}
    assert in_one_run(place, [first]).code == 0
    there = place.inventory()
    for options in (["--check"], [], []):
        run = in_one_run(place, [first, CALLS[call]], *options)
        assert run.code == 2, run.output
        assert "declare all maps of the directory in one call" in run[len(run) - 1].msg
        assert place.inventory() == there


PLAIN = {"ebpf.pinning.bpf_map_pinned": {"directory": AGENT, "maps": MAPS[:1]}}
EARLIER: dict[str, dict[str, Any]] = {
    "a call that does not prune": {"bpf_maps_directory": AGENT, "bpf_maps": MAPS[:1]},
    "a call with the directory spelled otherwise": {
        "bpf_maps_directory": f"/{BPFFS}//agent/",
        "bpf_maps": MAPS[:1],
    },
    "a call that reports": {
        "bpf_maps_directory": AGENT,
        "bpf_maps": MAPS[:1],
        "bpf_maps_report_undeclared": True,
    },
    "a call that names the directory for a map": {
        "bpf_maps_directory": f"{BPFFS}/other",
        "bpf_maps": [{**MAPS[0], "directory": AGENT}],
    },
    "a task": PLAIN,
    "a task of another host that is delegated": {**PLAIN, "delegate_to": "localhost"},
}


@pytest.mark.every_core
@pytest.mark.parametrize("earlier", EARLIER)
def test_a_prune_of_what_the_run_has_declared_before_is_refused(place: Host, earlier: str) -> None:
    place.run("mount", "-t", "bpf", "bpf", BPFFS)
    assert in_one_run(place, [EARLIER[earlier]]).code == 0
    there = place.inventory()
    for options in (["--check"], [], []):
        run = in_one_run(place, [EARLIER[earlier], {**PRUNING, "bpf_maps": MAPS[1:]}], *options)
        assert run.code == 2, run.output
        assert f"{AGENT}/flows is to be pruned here, but another" in run[len(run) - 1].msg
        assert place.inventory() == there
    assert in_one_run(place, [{**PRUNING, "bpf_maps": MAPS[1:]}]).code == 0


ABSENT = {"directory": AGENT}
REPORTING = {"bpf_maps_directory": AGENT, "bpf_maps_report_undeclared": True}
AGREEING: dict[str, dict[str, Any]] = {
    "patterns that match other pins": {"ebpf.pinning.bpf_pin_absent": {**ABSENT, "patterns": "o*"}},
    "other types": {"ebpf.pinning.bpf_pin_absent": {**ABSENT, "keep": [], "type": "prog"}},
    "a list in one text": {"ebpf.pinning.bpf_pin_absent": {**ABSENT, "keep": "flows,counts"}},
    "a call that only looks": {**REPORTING, "bpf_maps": MAPS[:1]},
    "a call that only looks, and declares nothing": REPORTING,
}


@pytest.mark.every_core
@pytest.mark.parametrize("task", AGREEING)
def test_what_removes_nothing_that_is_declared_goes_on(place: Host, task: str) -> None:
    place.run("mount", "-t", "bpf", "bpf", BPFFS)
    for _run in range(2):
        run = in_one_run(place, [{**PRUNING, "bpf_maps": MAPS[:2]}, AGREEING[task]])
        assert run.code == 0, run.output
        assert pins(place) == [f"{AGENT}/counts", f"{AGENT}/flows"]


@pytest.mark.every_core
def test_calls_of_a_run_that_agree_go_on(place: Host) -> None:
    place.run("mount", "-t", "bpf", "bpf", BPFFS)
    first = {**PRUNING, "bpf_maps": MAPS[:2]}
    part = {"bpf_maps_directory": AGENT, "bpf_maps": MAPS[:1]}
    other = {**PRUNING, "bpf_maps_directory": f"{BPFFS}/other", "bpf_maps": MAPS[2:]}
    run = in_one_run(place, [first, first, part, other, other])
    assert run.code == 0, run.output
    assert pins(place) == [f"{AGENT}/counts", f"{AGENT}/flows", f"{BPFFS}/other/events"]
    assert in_one_run(place, [{**first, "bpf_maps": MAPS[2:]}]).code == 0
    assert pins(place) == [f"{AGENT}/events", f"{BPFFS}/other/events"]
