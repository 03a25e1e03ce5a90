# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_pin_absent with unused, severed, older_than: what stays and why, and what goes."""

from __future__ import annotations

import errno
import json
import re
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from harness.host import Host
from harness.playbook import Result, task
from harness.samples import AGENT
from harness.site import HERE
from migrate_table import Gate
from test_links import World, world
from unused import held, see_all_processes, seeing

__all__ = ["seeing", "world"]  # fixtures

MMAPABLE = 1 << 10
ARRAY, PROG_ARRAY, ARRAY_OF_MAPS, RINGBUF = 2, 3, 12, 27
PIN = f"{AGENT}/pin"
ALL = {"directory": AGENT, "keep": []}


def absent(host: Host, **options: object) -> Result:
    """The result of a task that removes pins; a check before it says the same, changing nothing."""
    before = host.inventory()
    checked = host.module("bpf_pin_absent", check=True, **options).good()
    assert host.inventory() == before
    done = host.module("bpf_pin_absent", **options).good()
    assert [each["path"] for each in checked["pins"]] == [each["path"] for each in done["pins"]]
    assert [each["path"] for each in checked["spared"]] == [each["path"] for each in done["spared"]]
    assert checked.changed == done.changed
    return done


def paths(result: Result) -> list[str]:
    return [each["path"] for each in result["pins"] if each["action"] == "removed"]


def reasons(result: Result) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in result["spared"]}


# Who has a map that is pinned at PIN: how that comes to be, and words of the reason.
Use = Callable[[Host], AbstractContextManager[object] | None]
USERS: dict[str, tuple[dict[str, int], Use, str]] = {
    "a process with a descriptor": ({}, lambda host: held(host, "open", PIN), r"\(hold\)$"),
    "a thread with a descriptor of its own": (
        {},
        lambda host: held(host, "thread", PIN),
        r"open in process \d+ \(hold\)$",
    ),
    "a process with its memory": (
        {"type": ARRAY, "flags": MMAPABLE},
        lambda host: held(host, "memory", PIN),
        r"perhaps in the memory of process \d+ \(hold\)",
    ),
    "another pin": (
        {},
        lambda host: host.shell(f"bpftool map pin pinned {PIN} {AGENT}/other") and None,
        f"pinned as {AGENT}/other$",
    ),
    "a pin in another bpffs": (
        {},
        lambda host: (
            host.shell(
                f"mkdir {host.scratch}/b; mount -t bpf bpf {host.scratch}/b\n"
                f"bpftool map pin pinned {PIN} {host.scratch}/b/other"
            )
            and None
        ),
        "pinned as .*/b/other$",
    ),
    "a map of maps": (
        {},
        lambda host: (
            host.shell(
                f"{host.site.program('make')} {AGENT}/outer type={ARRAY_OF_MAPS} value_size=4 "
                f"inner={PIN}\n"
                f"bpftool map update pinned {AGENT}/outer key 0 0 0 0 value pinned {PIN}"
            )
            and None
        ),
        r"in map \d+$",
    ),
}


@pytest.mark.every_python
@pytest.mark.parametrize("about", USERS)
def test_a_map_stays_that_somebody_has(seeing: Host, about: str) -> None:
    fields, use, words = USERS[about]
    map_id = seeing.make_pin(PIN, **fields)
    with ExitStack() as stack:
        used = use(seeing)
        if isinstance(used, AbstractContextManager):
            stack.enter_context(used)
        result = absent(seeing, path=[PIN], unused=True)
    assert not result.changed
    assert re.search(words, reasons(result)[PIN]), result["spared"]
    assert seeing.map_at(PIN)["id"] == map_id


def test_a_map_stays_that_a_program_uses(seeing: Host) -> None:
    seeing.run("mkdir", f"{AGENT}/loader")
    seeing.load("counted", f"{AGENT}/loader", f"{AGENT}/loader/prog")
    (pinned,) = [
        path
        for each in seeing.bpftool("-f", "map", "show")
        for path in each.get("pinned", ())
        if path.startswith(f"{AGENT}/loader/")
    ][:1]
    result = absent(seeing, path=[pinned], unused=True)
    using = seeing.bpftool("prog", "show", "pinned", f"{AGENT}/loader/prog")["id"]
    assert f"used by program {using} (" in reasons(result)[pinned]


def test_a_link_that_is_being_made_is_waited_for(seeing: Host) -> None:
    """The kernel says EAGAIN of its id until it is attached."""
    seeing.load("linked", AGENT, PIN, f"{AGENT}/link")
    link = seeing.bpftool("link", "show", "pinned", f"{AGENT}/link")["id"]
    gate = Gate(seeing, "gate", *[("LINK_GET_FD_BY_ID", 1, errno.EAGAIN)] * 3)
    result = absent(seeing, path=[PIN], unused=True, keywords=gate.keywords)
    assert gate.times == [1] * 3
    assert f"link {link}" in reasons(result)[PIN]


def test_what_nobody_has_goes_and_the_memory_is_told(seeing: Host) -> None:
    seeing.make_pin(PIN, type=ARRAY, max_entries=1000)
    memory = int(seeing.map_at(PIN)["bytes_memlock"])
    with held(seeing, "open", PIN):
        seeing.make_pin(f"{AGENT}/free", type=ARRAY, max_entries=500)
        free = int(seeing.map_at(f"{AGENT}/free")["bytes_memlock"])
        run = seeing.playbook(
            [task("bpf_pin_absent", **ALL, type="map", unused=True)], "--check", "--diff"
        )
        (told,) = run[0].good()["diff"]
        assert f"memlock: {free}\n" in told["before"]
        assert run[0]["freed"] == free
        result = absent(seeing, **ALL, type="map", unused=True)
    assert paths(result) == [f"{AGENT}/free"]
    assert result["pins"][0]["memlock"] == free
    assert result["pins"][0]["last_reference"] is True
    assert result["freed"] == free
    assert paths(absent(seeing, **ALL, type="map", unused=True)) == [PIN]
    assert memory > free > 0


def test_memory_that_somebody_else_still_has_is_not_freed(seeing: Host) -> None:
    seeing.make_pin(PIN)
    with held(seeing, "open", PIN):
        result = seeing.module("bpf_pin_absent", path=[PIN]).good()
    assert result["pins"][0]["last_reference"] is False
    assert result["freed"] == 0


def test_directories_stay_with_what_is_used_in_them(seeing: Host) -> None:
    seeing.shell(f"mkdir -p {AGENT}/d/used {AGENT}/d/free")
    seeing.make_pin(f"{AGENT}/d/used/map")
    seeing.make_pin(f"{AGENT}/d/free/map")
    with held(seeing, "open", f"{AGENT}/d/used/map"):
        result = absent(seeing, path=[f"{AGENT}/d"], recurse=True, unused=True)
    assert result["directories"] == [f"{AGENT}/d/free"]
    assert seeing.shell(f"find {AGENT}/d").split() == [
        f"{AGENT}/d",
        f"{AGENT}/d/used",
        f"{AGENT}/d/used/map",
    ]


@pytest.mark.every_python
@pytest.mark.parametrize(
    "how",
    [
        *("link", "process", "tc", "tc in a qdisc", "tc in a class", "tc in a block", "xdp"),
        *("cgroup", "cgroup beside another mount", "prog_array", "event"),
    ],
)
def test_a_program_stays_that_is_attached(world: World, how: str) -> None:
    host = world.host
    see_all_processes(host)
    host.run("mkdir", AGENT)
    script, words, kind = {
        "link": ("", r"attached by link \d+", "on_xdp"),
        "process": ("", r"open in process \d+ \(hold\)", "on_xdp"),
        "event": ("", r"attached to a perf event of \d+ \(hold\)", "on_perf_event"),
        "xdp": (
            f"nsenter --net={world.network} ip link set dev v0 xdpgeneric pinned {PIN}",
            r"attached to xdp \(generic\) on v0 in /proc/\d+/ns/net",
            "on_xdp",
        ),
        "tc": (
            f"N='nsenter --net={world.network}'; $N tc qdisc add dev v0 clsact\n"
            f"$N tc filter add dev v0 ingress bpf da object-pinned {PIN}",
            r"attached to tc ingress on v0 in /proc/\d+/ns/net",
            "on_tcx",
        ),
        "tc in a qdisc": (
            f"N='nsenter --net={world.network}'; $N tc qdisc add dev v0 root handle 1: htb\n"
            f"$N tc filter add dev v0 parent 1: bpf da object-pinned {PIN}",
            r"attached to tc in htb on v0 in /proc/\d+/ns/net",
            "on_tcx",
        ),
        "tc in a class": (
            f"N='nsenter --net={world.network}'; $N tc qdisc add dev v0 root handle 1: htb\n"
            "$N tc class add dev v0 parent 1: classid 1:5 htb rate 1mbit\n"
            f"$N tc filter add dev v0 parent 1:5 bpf da object-pinned {PIN}",
            r"attached to tc in htb on v0 in /proc/\d+/ns/net",
            "on_tcx",
        ),
        "tc in a block": (
            f"N='nsenter --net={world.network}'; $N tc qdisc add dev v0 ingress_block 22 clsact\n"
            f"$N tc filter add block 22 bpf da object-pinned {PIN}",
            r"attached to tc ingress on v0 in /proc/\d+/ns/net",
            "on_tcx",
        ),
        "cgroup beside another mount": (
            f"bpftool cgroup attach {world.cgroup} egress pinned {PIN} multi\n"
            f"mkdir {world.cgroup}/below {host.scratch}/below\n"
            f"mount --bind {world.cgroup}/below {host.scratch}/below\n"
            "umount --recursive /sys/fs/cgroup\n"
            f"umount {world.cgroup.rpartition('/')[0]}\n"
            f"mount -t cgroup2 cgroup2 {world.cgroup.rpartition('/')[0]}",
            "attached to cgroup_inet_egress of .*/pinning-test-",
            "on_cgroup",
        ),
        "cgroup": (
            f"bpftool cgroup attach {world.cgroup} egress pinned {PIN} multi",
            "attached to cgroup_inet_egress of .*/pinning-test-",
            "on_cgroup",
        ),
        "prog_array": (
            f"{host.site.program('make')} {AGENT}/tails type={PROG_ARRAY} value_size=4\n"
            f"bpftool map update pinned {AGENT}/tails key 0 0 0 0 value pinned {PIN}",
            r"in map \d+$",
            "on_xdp",
        ),
    }[how]
    link = f"{AGENT}/link"
    ids = world.attach(kind, link)
    host.run("bpftool", "prog", "pin", "id", str(ids["prog"]), PIN)
    with ExitStack() as stack:
        if how != "link":
            host.run("rm", link)
        if how in ("process", "event"):
            stack.enter_context(held(host, "open" if how == "process" else how, PIN))
        host.shell(script)
        if how == "cgroup beside another mount":
            stack.callback(host.run, "rmdir", f"{world.cgroup}/below")
        result = absent(host, path=[PIN], unused=True)
        assert re.search(words, reasons(result)[PIN]), result["spared"]
        if how == "process":
            stack.close()
            assert paths(absent(host, path=[PIN], unused=True)) == [PIN]


def test_in_bpf_host_the_same_conditions_hold(seeing: Host) -> None:
    seeing.make_pin(PIN)
    seeing.make_pin(f"{AGENT}/free")
    absent = [{**ALL, "unused": True}]
    with held(seeing, "open", PIN):
        checked = seeing.module("bpf_host", check=True, absent=absent).good()
        done = seeing.module("bpf_host", absent=absent).good()
    for result in (checked, done):
        assert [each["path"] for each in result["absent"]] == [f"{AGENT}/free"]
        assert [each["path"] for each in result["spared"]] == [PIN]
    assert seeing.map_at(PIN)


def test_only_severed_links_go(world: World) -> None:
    host = world.host
    see_all_processes(host)
    host.run("mkdir", AGENT)
    severed, whole = f"{AGENT}/severed", f"{AGENT}/whole"
    world.attach("on_cgroup", severed)
    world.attach("on_netns", whole)
    host.make_pin(PIN)
    host.run("bpftool", "link", "detach", "pinned", severed)
    with held(host, "open", severed):
        result = absent(host, **ALL, severed=True)
        assert "open in process" in reasons(result)[severed]
    result = absent(host, path=[severed, whole, PIN], severed=True)
    assert paths(result) == [severed]
    assert "still attached" in reasons(result)[whole]
    assert "only links can be severed" in reasons(result)[PIN]


def test_what_is_young_stays(seeing: Host) -> None:
    seeing.make_pin(f"{AGENT}/old")
    seeing.run("mkdir", f"{AGENT}/l")
    seeing.load("linked", f"{AGENT}/l", f"{AGENT}/program")
    time.sleep(3)
    seeing.make_pin(f"{AGENT}/young")
    options = {**ALL, "patterns": ["*"], "older_than": "2s"}
    checked = seeing.module("bpf_pin_absent", check=True, **options).good()
    assert {*paths(checked)} >= {f"{AGENT}/old", f"{AGENT}/program"}
    result = absent(seeing, **ALL, older_than="1h")
    assert re.search(r": \d+s old, not older than 1h$", reasons(result)[f"{AGENT}/old"])
    assert not result.changed


def decided(host: Host, **options: object) -> AbstractContextManager[object]:
    script = str(HERE / "harness" / "last_look.py")
    return host.running(sys.executable, script, str(host.site.scratch), json.dumps(options))


@pytest.mark.parametrize("condition", [{"unused": True}, {"older_than": "0s"}])
def test_what_somebody_opens_after_the_decision_stays(
    seeing: Host, condition: dict[str, object]
) -> None:
    seeing.make_pin(PIN)
    seeing.make_pin(f"{AGENT}/free")
    time.sleep(0.1)
    with decided(seeing, **ALL, **condition) as process:
        assert json.loads(process.stdout.readline()) == ["decided", f"{AGENT}/free", PIN]
        with held(seeing, "open", PIN):
            told, _nothing = process.communicate("\n")
    told = json.loads(told)
    assert told[f"{AGENT}/free"][0] == "removed"
    assert told[PIN][0] == "spared"
    assert "open in process" in told[PIN][1]
    assert seeing.map_at(PIN)


def test_no_pin_goes_that_was_opened_before_the_last_look(seeing: Host) -> None:
    pins = [f"{AGENT}/pin_{number:03}" for number in range(120)]
    seeing.shell("\n".join(f"{seeing.site.program('make')} {path} >/dev/null" for path in pins))
    log = seeing.scratch / "calls"
    calls = "openat,unlink,unlinkat"
    with decided(seeing, **ALL, unused=True) as process:
        assert len(json.loads(process.stdout.readline())) == 1 + len(pins)
        with (
            seeing.running(
                *("strace", "-f", "-qq", "-ttt", "-o", str(log), "-e", f"trace={calls}"),
                *("-e", "inject=unlink,unlinkat:delay_enter=3000", "-p", str(process.pid)),
            ) as tracer,
            held(seeing, "slowly", *reversed(pins)) as opener,
        ):
            _wait_until_traced(process.pid)
            told, _nothing = process.communicate("\n")
            tracer.wait()
            said, _nothing = opener.communicate()
    told = json.loads(told)
    opened = dict(line.split() for line in said.splitlines() if " " in line)
    looks: list[float] = []
    gone: dict[str, float] = {}
    for line in log.read_text().splitlines():
        _pid, when, call = line.split(None, 2)
        if f'"/proc/{opener.pid}/fd"' in call:
            looks.append(float(when))
        name = re.search(r'unlink.*"(pin_\d+)"', call)
        if name:
            gone[f"{AGENT}/{name[1]}"] = max(look for look in looks if look < float(when))
    removed = {path for path, (word, _reason) in told.items() if word == "removed"}
    assert removed == {*gone}
    assert {path for path, (word, _reason) in told.items() if word == "spared"}, "no race at all"
    for path in removed & opened.keys():
        assert float(opened[path]) > gone[path], path


def _wait_until_traced(pid: int) -> None:
    while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
        time.sleep(0.01)


def test_who_cannot_see_all_processes_is_refused(host: Host) -> None:
    host.run("mkdir", AGENT)
    host.make_pin(PIN)
    host.run("chmod", "666", PIN)
    options = {"path": [PIN], "unused": True}
    run = host.playbook([task("bpf_pin_absent", keywords=host.as_nobody(), **options)])
    assert run[0].failed
    assert "only root sees what other users have open" in run[0].msg
    unshared = "exec unshare --pid --fork --mount-proc"
    apart = host.interpreter(f'{unshared} {host.site.python} "$@"')
    run = host.playbook([task("bpf_pin_absent", keywords=apart, **options)])
    assert run[0].failed
    assert "runs in a pid namespace of its own" in run[0].msg
    assert host.map_at(PIN)


BAD = {
    "no unit": ({"older_than": "7"}, "older_than '7' is no duration"),
    "words": ({"older_than": "a week"}, "is no duration: write numbers with units"),
    "severed maps": ({"severed": True, "type": "map"}, "severed is about links, but type is map"),
}


@pytest.mark.parametrize("about", BAD)
def test_options_that_mean_nothing_are_refused(host: Host, about: str) -> None:
    options, words = BAD[about]
    host.run("mkdir", AGENT)
    host.make_pin(PIN)
    result = host.module("bpf_pin_absent", path=[PIN], **options)
    assert result.failed
    assert words in result.msg
    assert host.map_at(PIN)
