# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_pin_info with health and count_entries: who has what, how full it is, what is dead."""

from __future__ import annotations

from typing import Any

from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.samples import AGENT
from test_links import World, world
from unused import held, see_all_processes, seeing

__all__ = ["seeing", "world"]  # fixtures

HASH, ARRAY, PERCPU_HASH, LPM_TRIE, HASH_OF_MAPS, QUEUE = 1, 2, 5, 11, 13, 22
NO_PREALLOC = 1


def asked(host: Host, **options: object) -> Result:
    before = host.inventory()
    result = host.module("bpf_pin_info", directory=AGENT, **options).good()
    assert host.inventory() == before
    return result


def by_name(result: Result) -> dict[str, dict[str, Any]]:
    return {each["path"].rpartition("/")[2]: each for each in result["pins"]}


def test_users_of_maps_are_those_that_bpftool_knows(seeing: Host) -> None:
    seeing.load("counted", AGENT, f"{AGENT}/prog")
    seeing.make_pin(f"{AGENT}/free")
    open_id = seeing.make_pin(f"{AGENT}/open")
    with held(seeing, "open", f"{AGENT}/open") as holder:
        result = asked(seeing, health=True)
        (shown,) = [each for each in seeing.bpftool("map", "show") if each["id"] == open_id]
    pins = by_name(result)
    pids = [each["pid"] for each in shown.get("pids", [])]
    told = pins["open"]["users"]["processes"]
    assert [each["pid"] for each in told] == (pids or [holder.pid])
    assert told[0]["name"] == "hold"
    assert result["health"]["unused"] == [f"{AGENT}/free", f"{AGENT}/prog"]
    counted = next(each for each in pins.values() if each["programs"])
    using = seeing.bpftool("prog", "show", "pinned", f"{AGENT}/prog")
    assert [each["id"] for each in counted["programs"]] == [using["id"]]


def test_memory_is_what_bpftool_says(seeing: Host) -> None:
    seeing.load("counted", AGENT, f"{AGENT}/prog")
    seeing.make_pin(f"{AGENT}/one", type=ARRAY, max_entries=5000)
    seeing.run("bpftool", "map", "pin", "pinned", f"{AGENT}/one", f"{AGENT}/two")
    result = asked(seeing, health=True)
    memory = {}
    for name, pin in by_name(result).items():
        shown = seeing.bpftool(pin["type"], "show", "pinned", f"{AGENT}/{name}")
        assert pin[pin["type"]]["memlock"] == shown["bytes_memlock"], name
        memory[pin["type"], pin["id"]] = shown["bytes_memlock"]
    assert result["health"]["memlock"] == sum(memory.values())
    assert by_name(result)["one"]["users"]["pins"] == [f"{AGENT}/two"]


def fill(host: Host, path: str, key_size: int, value_size: int, count: int) -> None:
    for number in range(count):
        key = number.to_bytes(key_size, "little")
        words = [str(each) for each in (*key, *bytes(value_size))]
        key_words, value_words = words[:key_size], words[key_size:]
        host.run(
            *("bpftool", "map", "update", "pinned", path, "key", *key_words),
            *("value", *value_words),
        )


def test_maps_are_counted_as_bpftool_dumps_them(seeing: Host) -> None:
    seeing.make_pin(f"{AGENT}/hash", max_entries=20)
    seeing.make_pin(f"{AGENT}/percpu", type=PERCPU_HASH, max_entries=20)
    seeing.make_pin(f"{AGENT}/empty", max_entries=20)
    seeing.make_pin(f"{AGENT}/array", type=ARRAY, max_entries=20)
    seeing.make_pin(f"{AGENT}/queue", type=QUEUE, key_size=0)
    seeing.make_pin(f"{AGENT}/outer", type=HASH_OF_MAPS, value_size=4, inner=f"{AGENT}/hash")
    fill(seeing, f"{AGENT}/hash", 4, 8, 13)
    seeing.run(
        *("bpftool", "map", "update", "pinned", f"{AGENT}/outer", "key", "1", "0", "0", "0"),
        *("value", "pinned", f"{AGENT}/hash"),
    )
    pins = by_name(asked(seeing, count_entries=True))
    for name in ("hash", "percpu", "empty", "outer"):
        dumped = seeing.bpftool("map", "dump", "pinned", f"{AGENT}/{name}")
        assert pins[name]["map"]["entries"] == len(dumped), name
        assert pins[name]["map"]["has_more_entries"] is False
    for name in ("array", "queue"):
        assert "entries" not in pins[name]["map"], name
    bounded = by_name(asked(seeing, count_entries=True, count_limit=5))
    assert bounded["hash"]["map"]["entries"] == 5
    assert bounded["hash"]["map"]["has_more_entries"] is True
    assert "entries" not in by_name(asked(seeing))["hash"]["map"]
    refused = seeing.module("bpf_pin_info", count_entries=True, count_limit=0)
    assert refused.failed
    assert "count_limit must be 1 or greater, got 0" in refused.msg


def test_dead_links_and_programs_for_nothing_are_told(world: World) -> None:
    host = world.host
    see_all_processes(host)
    host.run("mkdir", AGENT)
    ids = world.attach("on_cgroup", f"{AGENT}/severed")
    world.attach("on_netns", f"{AGENT}/whole")
    host.run("bpftool", "prog", "pin", "id", str(ids["prog"]), f"{AGENT}/prog")
    health = asked(host, health=True)["health"]
    assert (health["severed"], health["unattached"]) == ([], [])
    host.run("bpftool", "link", "detach", "pinned", f"{AGENT}/severed")
    host.run("rm", f"{AGENT}/severed")
    health = asked(host, health=True)["health"]
    assert health["unattached"] == [f"{AGENT}/prog"]
    assert "cgroups" in health["looked_at"]
    attach = ("bpftool", "cgroup", "attach", world.cgroup, "egress")
    host.run(*attach, "pinned", f"{AGENT}/prog", "multi")
    result = asked(host, health=True)
    assert result["health"]["unattached"] == []
    (hook,) = by_name(result)["prog"]["users"]["hooks"]
    assert hook.startswith("cgroup_inet_egress of ")
    world.attach("on_netns", f"{AGENT}/severed")
    host.run("bpftool", "link", "detach", "pinned", f"{AGENT}/severed")
    assert asked(host, health=True)["health"]["severed"] == [f"{AGENT}/severed"]


def test_mounts_that_hide_something_are_told(bare_host: Host) -> None:
    host = bare_host
    see_all_processes(host)

    def mounts() -> dict[tuple[str, str], str]:
        result = host.module("bpf_pin_info", path=[], health=True).good()
        return {
            (each["path"], each["finding"]): each["what"] for each in result["health"]["mounts"]
        }

    host.run("mount", "-t", "bpf", "bpf", BPFFS)
    assert mounts() == {}
    host.run("mount", "-t", "bpf", "bpf", BPFFS)
    assert {*mounts()} == {(BPFFS, "hidden"), (BPFFS, "stacked")}
    host.run("umount", BPFFS)
    host.run("mount", "-t", "bpf", "bpf", "/sys/fs")
    found = mounts()
    assert {*found} == {("/sys/fs", "misplaced"), (BPFFS, "hidden")}
    assert BPFFS in found["/sys/fs", "misplaced"]
    host.run("umount", "/sys/fs")
    host.run("umount", BPFFS)
    host.run("mount", "-t", "bpf", "bpf", "/sys/fs")
    assert ("/sys/fs", "misplaced") in mounts()


def test_nothing_is_guessed_where_processes_cannot_be_seen(host: Host) -> None:
    host.run("mkdir", AGENT)
    host.make_pin(f"{AGENT}/map")
    apart = host.interpreter(f'exec unshare --pid --fork --mount-proc {host.site.python} "$@"')
    run = host.playbook([task("bpf_pin_info", directory=AGENT, health=True, keywords=apart)])
    result = run[0].good()
    assert result["health"] is None
    assert result["pins"][0]["users"] is None
    assert any("the health of pins cannot be told" in each for each in result["warnings"])
