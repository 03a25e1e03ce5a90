# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A map that the kernel does not make: check mode fails as the run does, in the same words."""

from __future__ import annotations

from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task

HASH = dict(type="hash", key_size=4, value_size=4, max_entries=4)
HUGE = 16 * 1024 * 1024  # bytes; larger than an element of a hash can be

# What the collection cannot know of a kernel, and the errno that it then says.
UNMAKEABLE: dict[str, tuple[dict[str, Any], str]] = {
    "values": ({**HASH, "value_size": HUGE}, "E2BIG"),
    "keys": ({**HASH, "key_size": HUGE}, "E2BIG"),
    "node": ({**HASH, "numa_node": 1000}, "EINVAL"),
    "stacks": (dict(type="stack_trace", value_size=8 * 100_000, max_entries=4), "E"),
    "cpus": (dict(type="cpumap", value_size=4, max_entries=1_000_000), "E2BIG"),
    "address": (dict(type="arena", max_entries=4, map_extra=2**63 - 4096), "E"),
    "storage": (dict(type="sk_storage", value_size=1024 * 1024), "E2BIG"),
    "cgroups": (dict(type="cgroup_storage", key_size=8, value_size=1024 * 1024), "E2BIG"),
    "inner": (
        dict(type="array_of_maps", max_entries=4, inner_map={**HASH, "value_size": HUGE}),
        "E2BIG",
    ),
}


def told(run: Result) -> dict[str, Any]:
    """What a user and later tasks hear of it."""
    fields = ("changed", "failed", "msg", "counts", "directories", "leftovers")
    maps = [{key: each[key] for key in ("path", "action", "drift")} for each in run["maps"]]
    return {"maps": maps, **{field: run.get(field) for field in fields}}


def checked_and_run(host: Host, arguments: list[dict[str, Any]]) -> list[tuple[Result, Result]]:
    tasks = [
        task("bpf_map_pinned", check=check, **each) for each in arguments for check in (True, False)
    ]
    runs = iter(host.playbook(tasks))
    return list(zip(runs, runs, strict=True))


def test_a_check_refuses_what_the_kernel_refuses(host: Host, subtests: pytest.Subtests) -> None:
    host.shell(
        f"bpftool map create {BPFFS}/there type hash key 4 value 4 entries 4 name there\n"
        f"bpftool map update pinned {BPFFS}/there key 1 0 0 0 value 2 0 0 0"
    )
    before, names = host.map_at(f"{BPFFS}/there")["id"], set(host.inventory())
    arguments = [dict(name=name, **shape) for name, (shape, _errno) in UNMAKEABLE.items()]
    arguments.append(dict(name="there", on_mismatch="replace", **{**HASH, "numa_node": 1000}))
    arguments.append(dict(name="there", on_mismatch="migrate", **{**HASH, "numa_node": 1000}))
    errnos = [errno for _shape, errno in UNMAKEABLE.values()] + ["EINVAL", "EINVAL"]
    pairs = checked_and_run(host, arguments)
    for item, errno, (predicted, run) in zip(arguments, errnos, pairs, strict=True):
        with subtests.test(item["name"], policy=item.get("on_mismatch")):
            assert run.failed
            assert run["msg"].startswith(f"{BPFFS}/{item['name']}: MAP_CREATE: {errno}"), run
            assert told(predicted) == told(run)
    assert host.map_at(f"{BPFFS}/there")["id"] == before
    assert set(host.inventory()) == names


def test_a_check_of_a_batch_tells_how_far_a_run_comes(host: Host) -> None:
    maps = [
        dict(name="first", **HASH),
        dict(path=f"{BPFFS}/made/second", **HASH),
        dict(path=f"{BPFFS}/made/third", **UNMAKEABLE["values"][0]),
        dict(path=f"{BPFFS}/made/fourth", **HASH),
        dict(path=f"{BPFFS}/not/fifth", **HASH),
        dict(name="sixth", **HASH),
    ]
    ((predicted, run),) = checked_and_run(host, [dict(directory=BPFFS, maps=maps)])
    assert told(predicted) == told(run)
    assert run["counts"]["created"] == 3
    assert run["directories"] == [f"{BPFFS}/made"]
    assert "Done so far: 1 directories made, 3 created, 1 failed, 2 not done" in run["msg"]


def test_a_check_knows_that_a_map_cannot_be_frozen(host: Host) -> None:
    bpf_object = host.site.bpf_variant("fields")  # with a lock in its values
    maps = (
        f"{{{{ lookup('ebpf.pinning.elf_maps', '{bpf_object}', include=['hash'], "
        "override={'hash': {'frozen': true}}) }}"
    )
    ((predicted, run),) = checked_and_run(host, [dict(directory=BPFFS, maps=maps)])
    assert run["msg"].startswith(f"{BPFFS}/hash: MAP_FREEZE: ENOTSUPP"), run
    assert told(predicted) == told(run)


def test_who_may_make_no_maps_is_told_so_by_a_check(host: Host) -> None:
    host.run("chmod", "1777", BPFFS)
    tasks = [task("bpf_map_pinned", check=check, name="mine", **HASH) for check in (True, False)]
    predicted, run = host.playbook([{**each, **host.as_nobody()} for each in tasks])
    assert run["msg"].startswith(f"{BPFFS}/mine: MAP_CREATE: EPERM"), run
    assert told(predicted) == told(run)
