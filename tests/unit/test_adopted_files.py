# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file says what: what groups have in common once, the rest for each host."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.ebpf.pinning.plugins.plugin_utils._adopted_files import (
    files_of,
    whole_paths,
)
from hypothesis import given
from hypothesis import strategies as st

Items = list[dict[str, Any]]


def item(name: str, size: int = 4) -> dict[str, Any]:
    return {"path": f"/sys/fs/bpf/{name}", "type": "hash", "key_size": size}


def named(name: str, size: int = 4) -> dict[str, Any]:
    return {"name": name, "type": "hash", "key_size": size}


def written(hosts: dict[str, Any], groups: dict[str, list[str]]) -> dict[str, Any]:
    files = files_of(hosts, groups)
    return {f"{file.folder}/{file.name}": yaml.safe_load(file.text) for file in files}


A, B, C = item("a"), item("b"), item("c")
ALL = {"all": ["h1", "h2", "h3"]}
CASES: dict[str, tuple[dict[str, Items], dict[str, list[str]], dict[str, Any]]] = {
    "one host": ({"h1": [A]}, {"all": ["h1"]}, {"host_vars/h1": {"bpf_maps": [named("a")]}}),
    "all alike": (
        {"h1": [A], "h2": [A]},
        {"all": ["h1", "h2"], "web": ["h1", "h2"]},
        {"group_vars/web": {"bpf_maps": [named("a")]}},
    ),
    "a group has hosts that were not asked": (
        {"h1": [A], "h2": [A]},
        {**ALL, "web": ["h1", "h2"]},
        {"group_vars/web": {"bpf_maps": [named("a")]}},
    ),
    "no group fits": (
        {"h1": [A], "h2": [A], "h3": [B]},
        {**ALL, "web": ["h1", "h3"]},
        {
            "host_vars/h1": {"bpf_maps": [named("a")]},
            "host_vars/h2": {"bpf_maps": [named("a")]},
            "host_vars/h3": {"bpf_maps": [named("b")]},
        },
    ),
    "two groups, and one host apart": (
        {"h1": [A, B], "h2": [A, B], "h3": [A, C]},
        {**ALL, "web": ["h1", "h2"]},
        {
            "group_vars/all": {"bpf_maps": [named("a")]},
            "group_vars/web": {"bpf_maps__web": [named("b")]},
            "host_vars/h3": {"bpf_maps__host": [named("c")]},
        },
    ),
    "one path, two shapes": (
        {"h1": [A], "h2": [A], "h3": [item("a", 8)]},
        {**ALL, "web": ["h1", "h2"]},
        {
            "group_vars/web": {"bpf_maps": [named("a")]},
            "host_vars/h3": {"bpf_maps__host": [named("a", 8)]},
        },
    ),
}


@pytest.mark.parametrize(("hosts", "groups", "files"), CASES.values(), ids=CASES)
def test_what_is_common_is_in_the_file_of_the_group(
    hosts: dict[str, Items], groups: dict[str, list[str]], files: dict[str, Any]
) -> None:
    assert written({host: {"maps": items} for host, items in hosts.items()}, groups) == files


ITEMS = st.lists(st.sampled_from([A, B, C, item("a", 8)]), unique_by=str)
HOSTS = ["h1", "h2", "h3", "h4"]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            host: st.lists(st.sampled_from([A, B, C, item("a", 8)]), unique_by=str)
            for host in HOSTS
        },
    ),
    st.dictionaries(
        st.sampled_from(["web", "db", "edge"]),
        st.lists(st.sampled_from(HOSTS), unique=True, min_size=1),
    ),
)
def test_each_host_has_from_all_its_files_what_it_is_like(
    hosts: dict[str, Items], groups: dict[str, list[str]]
) -> None:
    # One path is there once.
    hosts = {
        host: list({each["path"]: each for each in items}.values()) for host, items in hosts.items()
    }
    groups = {**groups, "all": HOSTS}
    files = written({host: {"maps": items} for host, items in hosts.items()}, groups)
    for host in HOSTS:
        places = [f"group_vars/{name}" for name, members in groups.items() if host in members]
        variables: dict[str, Items] = {}
        for place in (*places, f"host_vars/{host}"):
            said = files.get(place, {})
            assert not {*said} & {*variables}, "none takes the place of another"
            variables.update(said)
        paths = [f"/sys/fs/bpf/{each['name']}" for items in variables.values() for each in items]
        found = {
            (f"/sys/fs/bpf/{each['name']}", each["key_size"])
            for items in variables.values()
            for each in items
        }
        assert found == {(each["path"], each["key_size"]) for each in hosts.get(host, ())}
        assert len({*paths}) == len(found)


def test_the_mount_and_the_directory_have_variables_of_their_own() -> None:
    mounts = [{"path": "/sys/fs/bpf", "mode": "0700"}, {"path": "/run/bpf"}]
    maps = [{**A, "path": "/run/bpf/x/a"}]
    host = {"mounts": mounts, "maps": maps, "directories": [{"path": "/run/bpf/y"}]}
    assert written({"h1": host}, {}) == {
        "host_vars/h1": {
            "bpffs_mode": "0700",
            "bpf_maps_directory": "/run/bpf/x",
            "bpf_mounts__further": [{"path": "/run/bpf", "opts": ["nodev", "noexec", "nosuid"]}],
            "bpf_directories": [{"path": "/run/bpf/y"}],
            "bpf_maps": [named("a")],
        }
    }


def test_only_what_declares_something_is_taken_of_what_a_host_says() -> None:
    said = {
        "directory": "/sys/fs/bpf",
        "maps": [{"name": "a", "entries_from": {"src": "/etc/shadow"}, "on_mismatch": "replace"}],
        "programs": [{"object": "/etc/shadow", "remote_src": False}],
        "absent": [{"directory": "/sys/fs/bpf", "keep": []}],
        "at_boot": True,
    }
    assert {name: items for name, items in whole_paths(said).items() if items} == {
        "maps": [{"path": "/sys/fs/bpf/a"}],
        "programs": [{"directory": "/sys/fs/bpf", "object": "/etc/shadow"}],
    }


def test_a_file_with_entries_is_known_to_be_secret() -> None:
    (file,) = files_of({"h1": {"maps": [{**A, "entries": [{"key": "1", "value": "2"}]}]}}, {})
    assert file.is_secret
    (file,) = files_of({"h1": {"maps": [A]}}, {})
    assert not file.is_secret


def test_btf_is_in_a_file_of_its_own_that_is_shared() -> None:
    btf = {"data": "AAAA", "key_type_id": 1, "value_type_id": 2}
    outer = {**B, "inner_map": {"type": "hash", "btf": btf}}
    maps = [{**A, "path": "/sys/fs/bpf/{{ a }}", "btf": btf}, outer]
    files = files_of({"h1": {"maps": maps}, "h2": {"maps": maps}}, {"all": ["h1", "h2"]})
    of_group, types = files
    assert (types.folder, types.text) == ("bpf_btf", "AAAA\n")
    assert re.fullmatch(r"___a___-[0-9a-f]{12}\.b64", types.name)
    data = f"{{{{ lookup('file', inventory_dir ~ '/bpf_btf/{types.name}') }}}}"
    assert of_group.text.count(f'data: "{data}"') == 2
    assert of_group.text.count("!unsafe") == 1
