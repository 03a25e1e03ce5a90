# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blank variables of roles and playbooks, as surveys, default(none) and omit leave them."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.host import BPFFS, Host
from harness.playbook import Result, Run
from harness.samples import AGENT
from harness.site import CHECKOUT
from mount_table import mounts_at
from restoring import keep_apart

ROLES = sorted(path.parents[1].name for path in CHECKOUT.glob("roles/*/meta/argument_specs.yml"))
BLANKS: dict[str, Any] = {"null": None, "empty": "", "omit": "{{ nowhere | default(omit) }}"}
MANIFESTS = "/etc/ebpf-pinning/restore.d"
FLOWS = {"name": "flows", "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}

# Values that are not the defaults, so that it shows whether they count.
REAL: dict[str, dict[str, Any]] = {
    "bpffs": {
        "bpffs_path": BPFFS,
        "bpffs_state": "mounted",
        "bpffs_opts": ["nosuid", "nodev"],
        "bpffs_mode": "0711",
        "bpffs_owner": "daemon",
        "bpffs_group": "adm",
        "bpffs_boot": "yes",
        "bpffs_force": "no",
    },
    "bpf_host": {
        "bpf_host_mounts": [{"mode": "0711"}],
        "bpf_host_directories": [{"path": AGENT, "mode": "0711"}],
        "bpf_host_maps": [FLOWS],
        "bpf_host_objects": [{"name": "second", "source": f"{AGENT}/flows"}],
        "bpf_host_absent": [{"path": [f"{BPFFS}/gone"]}],
        "bpf_host_prune": {"directory": AGENT},
        "bpf_host_directory": AGENT,
        "bpf_host_owner": "daemon",
        "bpf_host_group": "adm",
        "bpf_host_mode": "0640",
        "bpf_host_on_mismatch": "replace",
        "bpf_host_value_growth": "zero_pad",
        "bpf_host_parents": "yes",
    },
    "bpf_maps": {
        "bpf_maps": [FLOWS],
        "bpf_maps_directory": AGENT,
        "bpf_maps_owner": "daemon",
        "bpf_maps_group": "adm",
        "bpf_maps_mode": "0640",
        "bpf_maps_on_mismatch": "replace",
        "bpf_maps_value_growth": "zero_pad",
        "bpf_maps_prune": "true",
        "bpf_maps_prune_shared": True,
        "bpf_maps_report_undeclared": "yes",
        "bpf_maps_restore_at_boot": "true",
        "bpf_maps_restore_name": "agent",
    },
    "bpf_restore": {
        "bpf_restore_name": "agent",
        "bpf_restore_state": "present",
        "bpf_restore_maps": [FLOWS],
        "bpf_restore_directory": AGENT,
        "bpf_restore_owner": "daemon",
        "bpf_restore_group": "adm",
        "bpf_restore_mode": "0640",
        "bpf_restore_mounts": [{"path": "/run/other"}],
        "bpf_restore_python": "/usr/bin/python3",
    },
}


def variables_of(role: str) -> list[str]:
    spec = yaml.safe_load((CHECKOUT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    return list(spec["argument_specs"]["main"]["options"])


@pytest.fixture
def apart(host: Host) -> Host:
    """A host whose /etc, /run and /usr/local/lib are its own, without systemd."""
    return own_etc(host)


def own_etc(host: Host) -> Host:
    """The host with an /etc of its own, in which nobody has declared anything yet."""
    keep_apart(host)
    installed = "/usr/local/lib/ebpf-pinning"
    host.shell(f"rm -rf /etc/ebpf-pinning; ! umount {installed} 2>&- || rmdir {installed}")
    host.shell(": > /etc/fstab")
    return host


def told(result: Result) -> tuple[Any, ...]:
    noise = ("invocation", "ansible_facts", "_ansible_no_log", "argument_spec_data", "exception")
    fields = {name: value for name, value in result.fields.items() if name not in noise}
    return result.name, result.status, fields


def run_role(host: Host, role: str, steps: list[dict[str, Any]], *options: str) -> list[list[Any]]:
    """What the tasks of the role say with each of these variables, in one run."""
    tasks: list[dict[str, Any]] = []
    for number, variables in enumerate(steps):
        include = {"ansible.builtin.include_role": {"name": f"ebpf.pinning.{role}"}}
        tasks.append({"ansible.builtin.debug": {"msg": ""}, "name": f"step {number}"})
        tasks.append(
            {
                "block": [{**include, "vars": variables}],
                "rescue": [{"ansible.builtin.debug": {"msg": ""}, "name": "rescued"}],
            }
        )
    file = host.scratch / f"{role}.yml"
    file.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    said: list[list[Any]] = []
    for result in host.ansible_playbook(str(file), *options):
        if result.name.startswith("step "):
            said.append([])
        else:
            said[-1].append(told(result))
    assert len(said) == len(steps)
    return said


def state(host: Host) -> tuple[Any, ...]:
    files = "find /etc/ebpf-pinning /usr/local/lib/ebpf-pinning -type f | sort | xargs -r sha256sum"
    return (
        host.inventory(),
        [(row.flags, row.source) for row in mounts_at(host, BPFFS)],
        host.shell("stat -c '%a %U %G' /sys/fs/bpf; cat /etc/fstab"),
        host.run("sh", "-c", files).stdout,
    )


@pytest.mark.parametrize("role", ROLES)
def test_a_blank_variable_of_a_role_is_as_one_that_is_not_set(
    apart: Host, role: str, subtests: pytest.Subtests
) -> None:
    (made,) = run_role(apart, role, [REAL[role]])
    assert not [each for each in made if each[1] == "failed"], made
    there = state(apart)
    names = variables_of(role)
    assert set(REAL[role]) <= set(names)
    blanks = itertools.cycle(BLANKS)
    for name in names:
        # To put back at boot takes many tasks, and its variables are those that say so.
        left_out = {name} if "restore" in name else {name, "bpf_maps_restore_at_boot"}
        others = {other: REAL[role][other] for other in REAL[role] if other not in left_out}
        blank = next(blanks)  # of all variables together, the test below tries all
        unset, said = run_role(apart, role, [others, {**others, name: BLANKS[blank]}], "--check")
        with subtests.test(f"{name}: {blank}"):
            assert said == unset
    assert state(apart) == there


@pytest.mark.every_core
@pytest.mark.parametrize("role", ROLES)
def test_with_all_variables_blank_a_role_does_what_it_does_without_any(
    site: Any, role: str, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    steps = {
        "unset": {},
        **{blank: dict.fromkeys(variables_of(role), value) for blank, value in BLANKS.items()},
    }
    seen = {}
    for label, variables in steps.items():
        scratch = tmp_path / label
        scratch.mkdir()
        host = Host(site, scratch, mounted=role != "bpffs")
        own_etc(host)
        (said,) = run_role(host, role, [variables])
        seen[label] = ([each[:2] for each in said], state(host)[1:])
        host.close()
    assert all(status != "failed" for _name, status in seen["unset"][0])
    for blank in BLANKS:
        with subtests.test(blank):
            assert seen[blank] == seen["unset"]


@pytest.mark.every_core
def test_only_a_real_false_takes_the_restore_at_boot_away(
    apart: Host, subtests: pytest.Subtests
) -> None:
    words = ("bpf_maps", "bpf_maps_directory", "bpf_maps_restore_at_boot", "bpf_maps_restore_name")
    wanted = {name: REAL["bpf_maps"][name] for name in words}
    run_role(apart, "bpf_maps", [wanted])
    there = apart.shell(f"cat {MANIFESTS}/agent.json")
    for label, blank in BLANKS.items():
        with subtests.test(label):
            run_role(apart, "bpf_maps", [{**wanted, "bpf_maps_restore_at_boot": blank}])
            assert apart.shell(f"cat {MANIFESTS}/agent.json") == there
    for real in (False, "false", "no", "False", 0):
        with subtests.test(f"{real!r}"):
            run_role(apart, "bpf_maps", [wanted, {**wanted, "bpf_maps_restore_at_boot": real}])
            assert not apart.shell(f"ls {MANIFESTS}")


@pytest.mark.every_core
def test_blank_maps_remove_none(apart: Host, subtests: pytest.Subtests) -> None:
    pruning = {"bpf_maps_directory": AGENT, "bpf_maps_prune": True}
    run_role(apart, "bpf_maps", [{**pruning, "bpf_maps": [FLOWS]}])
    there = apart.inventory()
    unset: dict[str, dict[str, Any]] = {"not set": {}}
    for label, words in (unset | {each: {"bpf_maps": BLANKS[each]} for each in BLANKS}).items():
        with subtests.test(label):
            ((*_before, (_name, status, fields), _rescued),) = run_role(
                apart, "bpf_maps", [{**pruning, **words}]
            )
            assert status == "failed"
            assert "bpf_maps is not set, and bpf_maps_prune would remove all" in fields["msg"]
            assert apart.inventory() == there
    with subtests.test("none are to stay"):
        run_role(apart, "bpf_maps", [{**pruning, "bpf_maps": []}])
        assert f"{AGENT}/flows" not in apart.inventory()


def playbook(host: Host, name: str, variables: dict[str, Any]) -> Run:
    return host.ansible_playbook(f"ebpf.pinning.{name}", "-e", json.dumps(variables))


def switches_of(name: str) -> list[str]:
    """The variables of a playbook, but those of its callback."""
    return re.findall(r"\.given\('(\w+)'", (CHECKOUT / f"playbooks/{name}.yml").read_text())


@pytest.mark.parametrize("name", ["drift", "provision"])
def test_a_blank_variable_of_a_playbook_is_as_one_that_is_not_set(
    host: Host, name: str, subtests: pytest.Subtests
) -> None:
    """Of hosts with drift the playbook fails unless it is told not to, and all hosts are meant."""
    roles = {"bpf_maps": [FLOWS], "bpf_maps_directory": AGENT, "bpffs_opts": []}
    names = switches_of(name)
    assert {"drift": {"drift_hosts", "drift_fail"}, "provision": {"provision_hosts"}}[name] <= {
        *names
    }
    unset = playbook(host, name, roles)
    assert unset.code == (2 if name == "drift" else 0), unset.output
    host.shell(f"rm -rf {AGENT}")
    for variable in names:
        for label, blank in BLANKS.items():
            with subtests.test(f"{variable}: {label}"):
                run = playbook(host, name, {**roles, variable: blank})
                assert run.code == unset.code, run.output
                assert [told(each)[:2] for each in run] == [told(each)[:2] for each in unset]
            host.shell(f"rm -rf {AGENT}")


@pytest.mark.every_core
def test_a_real_value_of_a_playbook_counts(host: Host, subtests: pytest.Subtests) -> None:
    roles = {"bpf_maps": [FLOWS], "bpf_maps_directory": AGENT, "bpffs_opts": []}
    for real, code in ((False, 0), ("no", 0), ("false", 0), (True, 2), ("yes", 2)):
        with subtests.test(f"drift_fail: {real!r}"):
            assert playbook(host, "drift", {**roles, "drift_fail": real}).code == code
    with subtests.test("provision_hosts"):
        run = playbook(host, "provision", {**roles, "provision_hosts": "localhost"})
        assert run.code == 0, run.output
        assert host.map_at(f"{AGENT}/flows")
