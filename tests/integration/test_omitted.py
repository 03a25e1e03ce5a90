# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a declaration that are there only if a variable is: `default(omit)`, at any depth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.host import Host
from harness.playbook import Run, task
from harness.samples import AGENT
from harness.site import Site
from restoring import keep_apart

OMIT = "{{ nowhere | default(omit) }}"
GIVEN = "{{ there | default(omit) }}"

# With keys of each kind that are left out, and such as are not: of a map, of a map in it, in lists.
# And a map that is left out whole.
MAPS: list[Any] = [
    {
        "name": "flows",
        "type": "hash",
        "key_size": 4,
        "value_size": 8,
        "max_entries": GIVEN,
        "mode": OMIT,
        "owner": OMIT,
        "group": OMIT,
        "frozen": OMIT,
        "btf": OMIT,
        "map_extra": OMIT,
        "numa_node": OMIT,
        "on_mismatch": OMIT,
        "path": OMIT,
        "flags": ["no_prealloc", OMIT],
    },
    OMIT,
    {
        "name": "tenants",
        "type": "hash_of_maps",
        "key_size": 4,
        "max_entries": 8,
        "inner_map": {
            "type": "hash",
            "key_size": 4,
            "value_size": 8,
            "max_entries": GIVEN,
            "flags": OMIT,
            "map_extra": OMIT,
            "btf": OMIT,
        },
    },
]


def assert_made(host: Host) -> None:
    flows = host.info(f"{AGENT}/flows")
    assert (flows["max_entries"], flows["flags"]) == (16, 1)
    assert host.shell(f"stat -c '%a %U %G' {AGENT}/flows").strip() == "600 root root"
    assert host.map_at(f"{AGENT}/tenants")["type"] == "hash_of_maps"


def play(host: Host, tasks: list[dict[str, Any]], **variables: Any) -> Run:
    file = host.scratch / "omitted.yml"
    words = {"hosts": "all", "gather_facts": False, "vars": {"there": 16, **variables}}
    file.write_text(json.dumps([{**words, "tasks": tasks}]))
    return host.ansible_playbook(str(file))


@pytest.mark.every_core
def test_the_module_leaves_out_what_is_omitted(host: Host) -> None:
    run = play(host, [task("bpf_map_pinned", directory=AGENT, maps=MAPS)])
    assert run.code == 0, run.output
    assert_made(host)


@pytest.mark.every_core
def test_the_roles_leave_out_what_is_omitted(host: Host, subtests: pytest.Subtests) -> None:
    keep_apart(host)
    variables = {"bpf_maps": MAPS, "bpf_maps_directory": AGENT, "bpf_maps_restore_at_boot": True}
    include = {"ansible.builtin.include_role": {"name": "ebpf.pinning.bpf_maps"}}
    run = play(host, [include], **variables)
    assert run.code == 0, run.output
    with subtests.test("bpf_maps"):
        assert_made(host)
    with subtests.test("bpf_restore"):
        declared = json.loads(host.shell("cat /etc/ebpf-pinning/restore.d/sys-fs-bpf-agent.json"))
        flows, tenants = declared["maps"]
        assert set(flows) == {"name", "type", "key_size", "value_size", "max_entries", "flags"}
        assert flows["flags"] == ["no_prealloc"]
        assert set(tenants["inner_map"]) == {"type", "key_size", "value_size", "max_entries"}
    with subtests.test("bpffs"):
        include = {"ansible.builtin.include_role": {"name": "ebpf.pinning.bpffs"}}
        flags = {"bpffs_opts": ["nosuid", OMIT], "bpffs_mode": OMIT}
        run = play(host, [include], **flags)
        assert run.code == 0, run.output


@pytest.mark.every_core
def test_an_override_that_is_omitted_leaves_the_object_file_as_it_is(
    host: Host, subtests: pytest.Subtests
) -> None:
    path = host.site.bpf_object("flows")
    lookup = "{{ lookup('ebpf.pinning.elf_maps', '%s', all=true%s) }}"
    (plain,) = play(host, [_shown(lookup % (path, ""))])
    name = plain["msg"][0]["name"]
    for about, value in (("omitted", "nowhere | default(omit)"), ("blank", "''")):
        override = f", override={{'{name}': {{'max_entries': {value}, 'mode': {value}}}}}"
        for more in (override, f", include={value}, exclude={value}, override={value}"):
            with subtests.test(f"{about}{more}"):
                (told,) = play(host, [_shown(lookup % (path, more))])
                assert told.good()["msg"] == plain["msg"]
    with subtests.test("a value counts"):
        override = f", override={{'{name}': {{'max_entries': there, 'mode': '0640'}}}}"
        (told,) = play(host, [_shown(lookup % (path, override))])
        first = told.good()["msg"][0]
        assert (int(first["max_entries"]), first["mode"]) == (16, "0640")
    with subtests.test("null takes a field away"):
        override = f", override={{'{name}': {{'max_entries': none}}}}"
        (told,) = play(host, [_shown(lookup % (path, override))])
        assert not told.good()["msg"][0]["max_entries"]


def _shown(text: str) -> dict[str, Any]:
    return {"ansible.builtin.debug": {"msg": text}}


@dataclass(frozen=True)
class NotingSite(Site):
    """A site where the callback kept_arguments writes to the file `kept`."""

    kept: Path

    def environment(self, **more: str) -> dict[str, str]:
        callbacks = {"ANSIBLE_CALLBACKS_ENABLED": "result_lines,kept_arguments"}
        return super().environment(**callbacks, KEPT_ARGUMENTS=str(self.kept), **more)


@pytest.mark.every_core
@pytest.mark.parametrize("way", ["module", "role"])
def test_the_controller_keeps_arguments_without_notes_of_where_they_were_written(
    site: Site, tmp_path: Path, way: str
) -> None:
    """Of a thousand hosts with 200 maps each such notes would be half a GiB."""
    tasks = {
        "module": task("bpf_map_pinned", maps="{{ bpf_maps }}", directory=AGENT),
        "role": {"ansible.builtin.include_role": {"name": "ebpf.pinning.bpf_maps"}},
    }
    noting = NotingSite(site.scratch, tmp_path / "kept")
    host = Host(noting, tmp_path)
    run = play(host, [tasks[way]], bpf_maps=MAPS, bpf_maps_directory=AGENT)
    host.close()
    noting.close()
    assert run.code == 0, run.output
    types = set(noting.kept.read_text().split())
    assert {"dict", "list", "str"} <= types <= {"dict", "list", "str", "int"}
