# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inner maps: the kernel compares what it works with in their values, too, and so do we."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, Task, task

LOCK = "struct bpf_spin_lock at byte 0"


def lookup(bpf_object: str, **override: Any) -> str:
    return f"{{{{ lookup('ebpf.pinning.elf_maps', '{bpf_object}', override={override!r}) }}}}"


def definitions(host: Host, bpf_object: str) -> dict[str, dict[str, Any]]:
    """What the lookup says of each map, by name."""
    maps = host.playbook([task("ansible.builtin.debug", msg=lookup(bpf_object))])[0]["msg"]
    return {each.pop("name"): each for each in map(dict, maps)}


def put(host: Host, inner: str, outer: str) -> bool:
    """Whether the kernel takes a map into another one, under the key 0."""
    words = f"map update pinned {BPFFS}/{outer} key 0 0 0 0 value pinned {BPFFS}/{inner}"
    return not host.run("bpftool", *words.split(), check=False).returncode


def by_name(result: Result) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in result["maps"]}


@pytest.mark.every_python
def test_programs_of_libbpf_use_our_maps_of_maps_with_locks(host: Host) -> None:
    bpf_object = host.site.bpf_variant("tenants", "-DLOCK")
    made = host.module("bpf_map_pinned", maps=lookup(bpf_object)).good()
    assert not made.warnings
    program = host.site.program("load")
    ids = json.loads(host.run(program, bpf_object, BPFFS, f"{BPFFS}/prog").stdout)
    assert {name: each["id"] for name, each in by_name(made).items()}.items() <= ids.items()
    for outer in ("tenants", "slots"):
        assert put(host, "first", outer)
    again = host.module("bpf_map_pinned", maps=lookup(bpf_object)).good()
    assert not again.changed
    assert {name: each["unverified"] for name, each in by_name(again).items()} == {
        name: [] for name in ("tenants", "slots", "first")
    }


@pytest.mark.parametrize("there", ["", "-DLOCK"])
def test_inner_maps_with_another_lock_are_other_maps(host: Host, there: str) -> None:
    old = host.site.bpf_variant("tenants", *filter(None, [there]))
    wanted = host.site.bpf_variant("tenants", *({"-DLOCK"} - {there}))
    program = host.site.program("load")
    host.run(program, old, BPFFS)
    runs = host.playbook(ensure_in_check(wanted))
    empty = runs[0]
    for run in runs:
        assert run.failed
        assert by_name(run)["tenants"]["action"] == "incompatible"
        assert by_name(run)["slots"]["unverified"] == ["inner_map"]  # nothing to look at
    for outer in ("tenants", "slots"):
        assert put(host, "first", outer)
    before = host.inventory()
    fields = {"tenants": {"max_entries": 8}, "slots": {"max_entries": 8}}
    maps = lookup(wanted, **fields)
    migrations = [
        task("bpf_map_pinned", maps=maps, on_mismatch="migrate", check=check)
        for check in (True, False)
    ]
    for run in host.playbook([*ensure_in_check(wanted), *migrations]):
        assert run.failed
        for outer in ("tenants", "slots"):
            assert by_name(run)[outer]["action"] == "incompatible"
            drift = {each["field"]: each for each in by_name(run)[outer]["drift"]}
            shape = "hash key_size=4 value_size=8 max_entries=8"
            sides = [f"{shape}, values with {LOCK}", shape]
            want, have = sides if not there else reversed(sides)
            assert drift["inner_map"] == {"field": "inner_map", "want": want, "have": have}
    assert "the maps in it are not as inner_map declares" in run.msg
    assert host.inventory() == before
    assert empty.msg


def ensure_in_check(bpf_object: str) -> list[Task]:
    maps = lookup(bpf_object)
    return [task("bpf_map_pinned", maps=maps, check=check) for check in (True, False)]


def test_of_an_empty_map_the_kernel_says_whether_it_is_for_the_lock(host: Host) -> None:
    btf = definitions(host, host.site.bpf_variant("tenants", "-DLOCK"))["first"]["btf"]
    plain = dict(type="hash", key_size=4, value_size=8, max_entries=8)
    locked = dict(plain, btf=btf)
    larger = dict(locked, key_size=8, btf={**btf, "key_type_id": btf["value_type_id"]})

    def outer(inner: dict[str, Any]) -> dict[str, Any]:
        return dict(name="outer", type="hash_of_maps", key_size=4, max_entries=4, inner_map=inner)

    host.module("bpf_map_pinned", **outer(plain)).good()
    fits, locks, neither = host.playbook(
        [task("bpf_map_pinned", **outer(inner)) for inner in (plain, locked, larger)]
    )
    assert fits.good()["maps"][0]["unverified"] == []
    (drift,) = locks["maps"][0]["drift"]
    assert drift["want"].endswith(f", values with {LOCK}")
    assert drift["have"] == "the same, but values without such fields"
    (drift,) = neither["maps"][0]["drift"]
    assert drift["have"] == "another shape, or values with other locks, timers or kptrs"


# What may be in the values of inner maps: types, field of c/fields.bpf.c, and one as large. Old
# compilers do not write the tag of a kptr, which makes it a plain pointer.
RECORDS = {
    "a lock": (
        ["hash", "array", "hash_lazy", "array_mmapable"],
        "struct bpf_spin_lock field",
        "__u32 field",
    ),
    "a timer": (["hash", "array", "lru_hash"], "struct bpf_timer field", "__u64 field[2]"),
    "a work queue": (["hash", "array", "lru_hash"], "struct bpf_wq field", "__u64 field[2]"),
    "a kptr": (
        ["hash", "array", "lru_hash", "percpu_hash", "percpu_array", "lru_percpu_hash"],
        "struct task_struct TAG(kptr) *field",
        "__u64 field",
    ),
    "a lock that the type does not take": (
        ["lru_hash", "percpu_hash", "percpu_array", "trie"],
        "struct bpf_spin_lock field",
        "__u32 field",
    ),
}


@pytest.mark.parametrize("about", RECORDS)
def test_what_is_declared_fits_where_the_kernel_takes_it(host: Host, about: str) -> None:
    """The kernel is the oracle: an inner map that it refuses is not like those that are there."""
    names, field, plain = RECORDS[about]
    variants = {
        "with": host.site.bpf_variant("fields", f"-DFIELD={field}"),
        "without": host.site.bpf_variant("fields", f"-DFIELD={plain}"),
        "other": host.site.bpf_variant("fields", f"-DFIELD=__u64 before; {field}"),
    }
    for variant, bpf_object in variants.items():
        host.run("mkdir", f"{BPFFS}/{variant}")
        host.run(host.site.program("load"), bpf_object, f"{BPFFS}/{variant}")
    inner = {
        (variant, name): shape
        for variant, bpf_object in variants.items()
        for name, shape in definitions(host, bpf_object).items()
    }
    outer = [
        dict(
            name=f"{kind}_{variant}_{name}",
            **dict(type=f"{kind}_of_maps", key_size=4, max_entries=2),
            inner_map=inner[variant, name],
        )
        for kind in ("hash", "array")
        for variant in variants
        for name in names
    ]
    made = host.module("bpf_map_pinned", maps=outer).good()
    wrong = []
    for each in outer:
        _kind, variant, name = each["name"].split("_", 2)
        assert put(host, f"{variant}/{name}", each["name"]), each["name"]
    tasks, questions = [], []
    for other in variants:
        maps = [
            {**each, "inner_map": inner[other, each["name"].split("_", 2)[2]]} for each in outer
        ]
        tasks.append(task("bpf_map_pinned", maps=maps))
        questions.append(other)
    for other, run in zip(questions, host.playbook(tasks), strict=True):
        for each in run["maps"]:
            name = each["name"].split("_", 2)[2]
            taken = put(host, f"{other}/{name}", each["name"])
            if (each["action"] == "unchanged") != taken or each["unverified"]:
                wrong.append((other, each["name"], each["action"], each["drift"], taken))
            if taken:  # as it was, for the next
                variant = each["name"].split("_", 2)[1]
                assert put(host, f"{variant}/{name}", each["name"])
    assert not wrong, wrong
    assert made["counts"]["created"] == len(outer)
