# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries that mean what the kernel holds: programs, devices, CPUs, cgroups; and values alone.

The oracles are bpftool, and the programs of c/meant.bpf.c, which look up what is there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from booted_hosts import states
from harness.booted import Booted
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.site import NOBODY
from map_types import CPUS
from restoring import TROUBLE, Restorer, capabilities_of_the_unit

Fields = dict[str, Any]

PROGRAMS = f"{BPFFS}/meant"  # where all programs of the object are pinned
DROP, PASS, OTHER, EGRESS, ON_CPU = (
    f"{PROGRAMS}/meant_{name}" for name in ("drop", "pass", "other", "egress", "on_cpu")
)
JUMPS: Fields = {"name": "meant_jumps", "type": "prog_array", "max_entries": 8}
PORTS: Fields = {"name": "meant_ports", "type": "devmap_hash", "value_size": 8, "max_entries": 4}
GROUPS: Fields = {"name": "meant_groups", "type": "cgroup_array", "max_entries": 4}
CPU_MAP: Fields = {"name": "meant_cpus", "type": "cpumap", "value_size": 8, "max_entries": 4}
QUEUE: Fields = {"name": "meant_queue", "type": "queue", "value_size": 4, "max_entries": 8}
FILTER: Fields = {"name": "meant_filter", "type": "bloom_filter", "value_size": 4}
FILTER |= {"max_entries": 64, "value_format": "ipv4"}
XDP_DROP, XDP_PASS, XDP_ABORTED, XDP_REDIRECT = 1, 2, 0, 4


def load(host: Host) -> None:
    """Pin all programs; maps that are not pinned yet are made."""
    host.run("bpftool", "prog", "loadall", host.site.bpf_object("meant"), PROGRAMS)


@pytest.fixture
def loaded(host: Host) -> Host:
    load(host)
    return host


def ran(host: Host, name: str, packet: bytes = b"") -> int:
    """What a program returns for a packet that begins so."""
    file = host.scratch / "packet"
    file.write_bytes(packet.ljust(64, b"\0"))
    words = ("prog", "run", "pinned", f"{PROGRAMS}/meant_{name}", "data_in", str(file))
    return int(host.bpftool(*words)["retval"])


def program(host: Host, path: str) -> int:
    return int(host.bpftool("prog", "show", "pinned", path)["id"])


def dump(host: Host, name: str) -> dict[int, tuple[int, ...]]:
    """The numbers in each value, by the number in the key, as bpftool dumps them."""
    told = host.bpftool("map", "dump", "pinned", f"{BPFFS}/{name}")
    found = {}
    for each in told:
        if isinstance(each["value"], list):
            raw = _raw(each["value"])
            words = (raw[at : at + 4] for at in range(0, len(raw), 4))
            number = int.from_bytes(_raw(each["key"]), "little")
            found[number] = tuple(int.from_bytes(word, "little") for word in words)
    return found


def _raw(numbers: list[str]) -> bytes:
    return bytes(int(each, 16) for each in numbers)


def declared(shape: Fields, content: Mapping[Any, Any], **more: Any) -> Fields:
    entries = [{"key": key, "value": value} for key, value in content.items()]
    return {**shape, "entries": entries, **more}


def told(result: Result) -> tuple[int, int, int]:
    (found,) = result["maps"]
    return tuple(found["entries"][word] for word in ("added", "updated", "removed"))


def twice(host: Host, item: Fields) -> Result:
    """A run that changes something, after a check that says the same, and before one with nothing
    to do."""
    check = host.module("bpf_map_pinned", check=True, **item).good()
    first, again = host.playbook([task("bpf_map_pinned", **item)] * 2)
    assert first.good().changed
    assert told(first) == told(check)
    assert not again.good().changed
    assert told(again) == (0, 0, 0)
    return first


@pytest.mark.every_python
def test_slots_of_a_prog_array_have_the_programs_that_are_declared(
    loaded: Host, subtests: pytest.Subtests
) -> None:
    host = loaded
    drop, passes = program(host, DROP), program(host, PASS)
    with subtests.test("of a map that is there"):
        assert [ran(host, "jump", bytes([slot])) for slot in (2, 3)] == [XDP_ABORTED] * 2
        assert told(twice(host, declared(JUMPS, {2: DROP, 3: PASS}))) == (2, 0, 0)
        assert dump(host, "meant_jumps") == {2: (drop,), 3: (passes,)}
        assert [ran(host, "jump", bytes([slot])) for slot in (2, 3)] == [XDP_DROP, XDP_PASS]
    with subtests.test("in another order, and no others"):
        item = declared(JUMPS, {2: PASS, 5: DROP}, entries_mode="exact")
        assert told(twice(host, item)) == (1, 1, 1)
        assert dump(host, "meant_jumps") == {2: (passes,), 5: (drop,)}
        assert ran(host, "jump", bytes([3])) == XDP_ABORTED
    with subtests.test("what is in a slot stays with initial"):
        item = declared(JUMPS, {2: DROP, 3: DROP}, entries_mode="initial")
        assert told(twice(host, item)) == (1, 0, 0)
        assert dump(host, "meant_jumps") == {2: (passes,), 3: (drop,), 5: (drop,)}
    with subtests.test("and goes where it is declared to be absent"):
        assert told(twice(host, {**JUMPS, "entries_absent": [5, 7]})) == (0, 0, 1)
        assert dump(host, "meant_jumps") == {2: (passes,), 3: (drop,)}
    with subtests.test("of a new map"):
        item = declared({**JUMPS, "name": "meant_new"}, {0: DROP, 7: DROP}, frozen=True)
        assert told(twice(host, item)) == (2, 0, 0)
        assert dump(host, "meant_new") == {0: (drop,), 7: (drop,)}
    with subtests.test("from a file"):
        source = host.scratch / "slots"
        source.write_text(f"# slots\n0 {PASS}\n4 {DROP}\n")
        listed = {"src": str(source), "remote_src": True}
        item = {**JUMPS, "entries_from": listed, "entries_mode": "exact"}
        assert told(twice(host, item)) == (2, 0, 2)
        assert dump(host, "meant_jumps") == {0: (passes,), 4: (drop,)}
    with subtests.test("of the map of somebody else"):
        entries = {"path": f"{BPFFS}/meant_jumps", "entries": [{"key": 1, "value": DROP}]}
        first, again = host.playbook([task("bpf_map_entries", **entries)] * 2)
        assert first.good().changed
        assert not again.good().changed
        assert dump(host, "meant_jumps") == {0: (passes,), 1: (drop,), 4: (drop,)}
    with subtests.test("and after the program was loaded anew"):
        host.shell(f"rm -r {PROGRAMS}")
        load(host)
        item = declared(JUMPS, {1: DROP})
        assert told(twice(host, item)) == (0, 1, 0)
        assert dump(host, "meant_jumps")[1] == (program(host, DROP),)


def test_entries_of_a_prog_array_go_along_when_it_is_migrated_or_replaced(
    loaded: Host, subtests: pytest.Subtests
) -> None:
    host = loaded
    drop, passes = program(host, DROP), program(host, PASS)
    host.module("bpf_map_pinned", **declared(JUMPS, {2: DROP, 3: DROP})).good()
    larger = {**JUMPS, "max_entries": 16}
    with subtests.test("migrated"):
        item = declared(larger, {3: PASS, 12: DROP}, on_mismatch="migrate")
        host.module("bpf_map_pinned", **item).good()
        assert dump(host, "meant_jumps") == {2: (drop,), 3: (passes,), 12: (drop,)}
    with subtests.test("replaced"):
        item = declared(JUMPS, {1: PASS}, on_mismatch="replace")
        host.module("bpf_map_pinned", **item).good()
        assert dump(host, "meant_jumps") == {1: (passes,)}


def test_show_entries_shows_paths_and_names(loaded: Host) -> None:
    item = declared(JUMPS, {2: DROP}, show_entries=True)
    (found,) = loaded.module("bpf_map_pinned", **item).good()["maps"]
    assert found["entries"]["shown"]["added"] == [{"key": 2, "value": DROP}]
    devices = declared({**PORTS, "name": "meant_shown"}, {7: "lo"}, show_entries=True)
    (found,) = loaded.module("bpf_map_pinned", **devices).good()["maps"]
    assert found["entries"]["shown"]["added"] == [{"key": 7, "value": "lo"}]


def test_a_declaration_of_the_host_and_its_drift_have_them_too(loaded: Host) -> None:
    host = loaded
    item = declared({**JUMPS, "name": "meant_whole"}, {1: DROP, 2: PASS}, entries_mode="exact")
    whole: Fields = {"directory": BPFFS, "maps": [item]}
    first, again = host.playbook([task("bpf_host", **whole)] * 2)
    assert first.good().changed
    assert not again.good().changed
    host.shell(f"bpftool map delete pinned {BPFFS}/meant_whole key 1 0 0 0")
    host.shell(f"bpftool map update pinned {BPFFS}/meant_whole key 3 0 0 0 value pinned {DROP}")
    host.shell(f"bpftool map update pinned {BPFFS}/meant_whole key 2 0 0 0 value pinned {DROP}")
    (found,) = host.module("bpf_host", check=True, **whole).good()["maps"]
    assert found["drift"] == [
        {
            "field": "entries",
            "want": "as declared (exact)",
            "have": "1 missing, 1 different, 1 extra",
        }
    ]


def test_a_program_that_is_exchanged_meanwhile_is_not_put_in(
    loaded: Host, subtests: pytest.Subtests
) -> None:
    """Under its path there is another one by then, which nobody has looked at."""
    host = loaded
    exchange = f"rm {DROP}; bpftool prog pin pinned {PASS} {DROP}"
    items = {
        "meant_new": declared({**JUMPS, "name": "meant_new"}, {1: DROP}),
        "meant_jumps": declared(JUMPS, {1: DROP}),
    }
    for name, item in items.items():
        # Before the kernel is asked whether it takes the program, and after that.
        for moment in ("MAP_CREATE", "MAP_UPDATE_ELEM"):
            host.shell(f"rm -r {PROGRAMS}; find {BPFFS} -name 'meant_*' -type f -delete")
            load(host)
            run = {
                "module": "bpf_map_pinned",
                "arguments": {"directory": BPFFS, **item},
                "fault": None,
                "always": {},
                "tuning": {},
                "watched": True,
                "meanwhile": {moment: exchange},
            }
            ((done,),) = host.run_modules([[run]])
            result = json.loads(done["output"])
            with subtests.test(f"{name} {moment}"):
                assert moment in done["calls"]
                assert result["failed"]
                text = "is not the one any more that this run found at its path: run again"
                assert text in str(result)
                found = host.run("test", "-e", f"{BPFFS}/{name}", check=False)
                assert (found.returncode == 0) == (name == "meant_jumps")
                assert found.returncode or dump(host, name) == {}


def test_programs_are_found_by_their_paths_without_cap_sys_admin(loaded: Host) -> None:
    """To open a program by its id takes that; a task may have CAP_BPF alone."""
    host = loaded
    words = " ".join(capabilities_of_the_unit())
    less = host.interpreter(f'exec {words} {host.site.python} "$@"')
    item = declared(JUMPS, {1: DROP, 2: PASS}, entries_mode="exact")
    first, again = host.playbook([task("bpf_map_pinned", keywords=less, **item)] * 2)
    assert first.good().changed
    assert not again.good().changed
    assert {*dump(host, "meant_jumps")} == {1, 2}


# Devices

NETWORK = """
ip link set lo up
for each in 0 1 2; do
    ip link add v$each type veth peer name w$each
    ip link set v$each up; ip link set w$each up
done
echo ready
exec cat
"""


@pytest.fixture
def network(host: Host) -> Iterator[str]:
    """A network namespace with three pairs of devices, v0 and w0 and so on."""
    with host.running("unshare", "--net", "sh", "-ec", NETWORK) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        yield f"/proc/{holder.pid}/ns/net"


def inside(host: Host, network: str) -> dict[str, Any]:
    """Keywords of a task whose module runs in the network namespace."""
    return host.interpreter(f'exec nsenter --net={network} {host.site.python} "$@"')


def at(host: Host, network: str, *command: str) -> str:
    return host.run("nsenter", f"--net={network}", *command).stdout


def index(host: Host, network: str, name: str) -> int:
    return int(at(host, network, "ip", "-o", "link", "show", name).partition(":")[0])


def received(host: Host, network: str, name: str) -> int:
    words = ("ip", "-json", "-stats", "link", "show", name)
    (found,) = json.loads(at(host, network, *words))
    return int(found["stats64"]["rx"]["packets"])


FRAME = """
import socket
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
    sender.bind(("w0", 0))
    for number in range(10):
        sender.send(bytes([255] * 6 + [2, 0, 0, 0, 0, 1, 0x88, 0xb5]) + bytes(46))
"""


def settled(count: Callable[[], int], least: int) -> int:
    """What is counted, once it is as much as awaited, or nothing more comes for long."""
    deadline = time.monotonic() + 20
    while count() < least and time.monotonic() < deadline:
        time.sleep(0.01)
    return count()


def test_packets_go_to_the_device_that_is_declared(
    loaded: Host, network: str, subtests: pytest.Subtests
) -> None:
    """By XDP from v0 through a devmap_hash to v1, whose other end w1 counts them."""
    host, words = loaded, inside(loaded, network)
    to_port = f"{PROGRAMS}/meant_to_port"
    at(host, network, "bpftool", "net", "attach", "xdpdrv", "pinned", to_port, "dev", "v0")
    for end in ("w1", "w2"):  # what is sent by XDP is received by XDP
        at(host, network, "bpftool", "net", "attach", "xdpdrv", "pinned", PASS, "dev", end)

    def run(content: Mapping[int, Any], **more: Any) -> tuple[Result, Result]:
        item = declared(PORTS, content, **more)
        first, again = host.playbook([task("bpf_map_pinned", keywords=words, **item)] * 2)
        assert not again.good().changed
        return first.good(), again

    for end, value, program_id in (
        ("1", "v1", 0),
        ("2", {"interface": "v2", "program": EGRESS}, program(host, EGRESS)),
    ):
        with subtests.test(f"v{end}"):
            first, _again = run({7: value})
            assert first.changed
            wanted = (index(host, network, f"v{end}"), program_id)
            assert dump(host, "meant_ports") == {7: wanted}
            before = received(host, network, f"w{end}")
            at(host, network, host.site.python, "-c", FRAME)
            count = settled(lambda: received(host, network, f"w{end}") - before, 10)  # noqa: B023
            assert count >= 10
    with subtests.test("exact takes the others out"):
        first, _again = run({8: "v1"}, entries_mode="exact")
        assert told(first) == (1, 0, 1)
        assert [*dump(host, "meant_ports")] == [8]
    with subtests.test("a device that was made anew is put there again"):
        at(host, network, "ip", "link", "del", "v1")
        assert dump(host, "meant_ports") == {}
        at(host, network, "ip", "link", "add", "v1", "type", "veth", "peer", "name", "w1")
        first, _again = run({8: "v1"})
        assert told(first) == (1, 0, 0)
        assert dump(host, "meant_ports") == {8: (index(host, network, "v1"), 0)}
    with subtests.test("without room for programs"):
        item = declared(
            {"name": "meant_small", "type": "devmap", "value_size": 4, "max_entries": 8},
            {0: "v0", 7: index(host, network, "v2")},
            entries_mode="exact",
        )
        first, again = host.playbook([task("bpf_map_pinned", keywords=words, **item)] * 2)
        assert first.good().changed
        assert not again.good().changed
        wanted = {slot: (index(host, network, name),) for slot, name in ((0, "v0"), (7, "v2"))}
        assert dump(host, "meant_small") == wanted


def test_an_interface_is_that_of_the_namespace_of_the_task(host: Host, network: str) -> None:
    item = declared({**PORTS, "name": "meant_here"}, {1: "w2"})
    outside = host.module("bpf_map_pinned", **item)
    assert outside.failed
    assert "entries[0].value: there is no interface of this name here" in outside.msg
    host.playbook([task("bpf_map_pinned", keywords=inside(host, network), **item)])[0].good()
    assert dump(host, "meant_here") == {1: (index(host, network, "w2"), 0)}


# CPUs


def test_packets_go_to_the_cpus_that_are_declared(loaded: Host, subtests: pytest.Subtests) -> None:
    host, last = loaded, CPUS - 1
    with subtests.test("the length of a queue, and a program"):
        item = declared(CPU_MAP, {0: 64, last: {"qsize": 192, "program": ON_CPU}})
        assert told(twice(host, item)) == (2, 0, 0)
        assert dump(host, "meant_cpus") == {0: (64, 0), last: (192, program(host, ON_CPU))}
        assert ran(host, "to_cpu", bytes([last])) == XDP_REDIRECT
        assert ran(host, "to_cpu", bytes([3])) == XDP_ABORTED
    with subtests.test("no others"):
        item = declared(CPU_MAP, {last: 192}, entries_mode="exact")
        assert told(twice(host, item)) == (0, 1, 1)
        assert dump(host, "meant_cpus") == {last: (192, 0)}
    with subtests.test("of a new map without room for programs"):
        small = {**CPU_MAP, "name": "meant_small", "value_size": 4}
        assert told(twice(host, declared(small, {0: 64}))) == (1, 0, 0)
        assert dump(host, "meant_small") == {0: (64,)}


# What goes in when the map is made


@pytest.fixture
def cgroup(host: Host) -> Iterator[Path]:
    """An empty cgroup of version 2."""
    mounts = host.run("findmnt", "-nt", "cgroup2", "-o", "TARGET").stdout.split()
    if not mounts:
        pytest.skip("no cgroup2 is mounted")
    path = Path(mounts[0]) / "ebpf_pinning_meant"
    host.run("mkdir", "-p", str(path))
    yield path
    host.run("rmdir", str(path))


def only_once(host: Host, item: Fields) -> Result:
    """Made with what is declared; later declarations of something else change nothing."""
    first = twice(host, {**item, "entries_mode": "initial"})
    fewer = {**item, "entries": item["entries"][:1], "entries_mode": "initial"}
    again = host.module("bpf_map_pinned", **fewer).good()
    assert not again.changed
    assert [each["maps"][0]["unverified"] for each in (first, again)] == [[], ["entries"]]
    return first


def test_a_cgroup_array_has_the_cgroups_that_are_declared(host: Host, cgroup: Path) -> None:
    only_once(host, declared(GROUPS, {1: str(cgroup), 2: str(cgroup)}))
    load(host)
    assert ran(host, "member") == 0
    words = ("bpftool", "-j", "prog", "run", "pinned", f"{PROGRAMS}/meant_member", "data_in")
    script = f"echo $$ > {cgroup}/cgroup.procs; exec {' '.join(words)} {host.scratch}/packet"
    assert json.loads(host.shell(script))["retval"] == 1


def test_a_queue_and_a_stack_have_the_values_that_are_declared(host: Host) -> None:
    values = [{"value": number} for number in (7, 5, 5, 9)]
    item = {**QUEUE, "value_format": "u32", "entries": values}
    only_once(host, item)
    only_once(host, {**item, "name": "meant_stack", "type": "stack"})
    load(host)
    assert [ran(host, "next") for _each in range(5)] == [7, 5, 5, 9, 2**32 - 1]
    assert [ran(host, "last") for _each in range(5)] == [9, 5, 5, 7, 2**32 - 1]


def test_a_bloom_filter_knows_the_values_that_are_declared(host: Host) -> None:
    source = host.scratch / "addresses"
    source.write_text("# known\n10.0.0.1\n10.0.0.2 ; twice\n10.0.0.2\n")
    listed = {"src": str(source), "remote_src": True}
    item = {**FILTER, "entries_from": listed, "entries_mode": "initial"}
    assert told(twice(host, item)) == (3, 0, 0)
    load(host)
    assert [ran(host, "known", bytes([10, 0, 0, last])) for last in (1, 2, 99)] == [1, 1, 0]


# What is declared wrongly


def refused() -> Iterator[tuple[str, Fields, str]]:
    yield (
        "no pin",
        declared(JUMPS, {1: f"{PROGRAMS}/nowhere"}),
        "entries[0].value: no program is pinned at this path: pin it before, or correct the path",
    )
    yield (
        "no directory",
        declared(JUMPS, {1: f"{BPFFS}/nowhere/at/all"}),
        "entries[0].value: no program is pinned at this path",
    )
    yield (
        "a map",
        declared(JUMPS, {1: f"{BPFFS}/meant_queue"}),
        "this is the pin of a map: declare the path of a pinned program",
    )
    yield (
        "a directory",
        declared(JUMPS, {1: PROGRAMS}),
        "this is no pin: declare the path of a pinned program",
    )
    yield (
        "a file",
        declared(JUMPS, {1: "/etc/passwd"}),
        "this is no pin: declare the path of a pinned program",
    )
    yield (
        "below a file",
        declared(JUMPS, {1: "/etc/passwd/program"}),
        "the path leads nowhere: symlinks are never followed",
    )
    yield (
        "a symlink on the way",
        declared(JUMPS, {1: f"{BPFFS}/linked/meant_drop"}),
        "the path leads nowhere: symlinks are never followed",
    )
    yield (
        "a symlink",
        declared(JUMPS, {1: f"{BPFFS}/drop_linked"}),
        "this is no pin: declare the path of a pinned program",
    )
    yield (
        "a program of a stranger",
        declared(JUMPS, {1: f"{BPFFS}/strangers"}),
        "the pin of this program belongs to another user",
    )
    for value in (7, "meant_drop", f"{PROGRAMS}/../meant/meant_drop", None, [DROP], {"path": DROP}):
        text = "must be an absolute path" if isinstance(value, str) else "must be the path of a"
        yield f"a program as {value!r}", declared(JUMPS, {1: value}), f"entries[0].value: {text}"
    yield (
        "a slot that there is not",
        declared(JUMPS, {8: DROP}),
        "entries[0].key: must be from 0 to 7, as the map has 8 slots",
    )
    yield (
        "a program of another type than the map calls",
        declared(JUMPS, {1: DROP, 2: OTHER}),
        "entries[1].value: this program is of type sched_cls, and the pinned map takes those of "
        "type xdp only, as one was put there or calls through it: declare another map for it",
    )
    yield (
        "programs of two types",
        declared({**JUMPS, "name": "new"}, {1: DROP, 2: OTHER, 3: DROP, 4: OTHER}),
        "entries[1].value: the kernel does not take this program (of type sched_cls) beside the "
        "others: all of one prog_array have to be of one type and, since Linux 6.18",
    )
    yield (
        "programs of two attach types",
        declared({**JUMPS, "name": "new"}, {1: DROP, 2: EGRESS}),
        "entries[1].value: the kernel does not take this program (of type xdp) beside the others",
    )
    yield (
        "a format of programs",
        declared(JUMPS, {1: DROP}, value_format="u32"),
        "value_format is not for prog_array, whose values are paths of pinned programs: drop it",
    )
    yield (
        "no interface",
        declared(PORTS, {1: "nowhere0"}),
        "entries[0].value: there is no interface of this name here",
    )
    yield (
        "no index of an interface",
        declared(PORTS, {1: 123456789}),
        "entries[0].value: there is no interface with this index here",
    )
    for value in (0, None, -1, [1]):
        text = "entries[0].value: must be the name of an interface, or its index"
        yield f"an interface as {value!r}", declared(PORTS, {1: value}), text
    yield (
        "a program of another attach type for a device",
        declared(PORTS, {1: {"interface": "lo", "program": DROP}}),
        "the kernel does not take this program (of type xdp) for a devmap: load it for the attach "
        'type xdp_devmap (SEC("xdp/devmap"))',
    )
    yield (
        "a program of another type for a device",
        declared(PORTS, {1: {"interface": "lo", "program": OTHER}}),
        "entries[0].value.program: this program is of type sched_cls, and the map takes those of "
        "xdp",
    )
    yield (
        "a program where there is no room",
        declared(
            {**PORTS, "name": "new", "value_size": 4}, {1: {"interface": "lo", "program": DROP}}
        ),
        "entries[0].value.program: has no room in value_size 4: 8 has",
    )
    yield (
        "another field",
        declared(PORTS, {1: {"interface": "lo", "prog": EGRESS}}),
        "entries[0].value: must have interface, perhaps program, and nothing else",
    )
    yield (
        "too many devices",
        declared(PORTS, dict.fromkeys(range(5), "lo")),
        "entries: 5 entries or more are declared, and the map has room for max_entries 4",
    )
    for value in (0, 16385, "long", None):
        text = "entries[0].value: must be how many packets may wait, from 1 to 16384"
        yield f"a queue of {value!r}", declared(CPU_MAP, {0: value}), text
    yield (
        "a program of another attach type for a CPU",
        declared(CPU_MAP, {0: {"qsize": 64, "program": EGRESS}}),
        'for a cpumap: load it for the attach type xdp_cpumap (SEC("xdp/cpumap"))',
    )
    for cpu in {3, CPUS} - {*range(CPUS)}:
        text = "entries[0].key: must be a possible CPU (/sys/devices/system/cpu/possible), and "
        yield f"CPU {cpu}", declared(CPU_MAP, {cpu: 64}), text
    once = {"entries_mode": "initial"}
    for path in ("/sys/fs/cgroup/nowhere", "/etc", "/etc/passwd"):
        yield (
            f"no cgroup but {path}",
            declared(GROUPS, {1: path}, **once),
            "entries[0].value: there is no cgroup of version 2 at this path",
        )
    for shape in (GROUPS, QUEUE, FILTER):
        kind = shape["type"]
        for mode in (None, "present", "exact"):
            yield (
                f"{kind} with mode {mode}",
                {**shape, "entries": [], **({"entries_mode": mode} if mode else {})},
                f"entries of the type {kind} are written when the map is made, and nobody can look "
                "what is there afterwards: say so with entries_mode: initial",
            )
        yield (
            f"what is to be absent from {kind}",
            {**shape, "entries": [], "entries_absent": ["0x01 0x00 0x00 0x00"], **once},
            f"entries_absent is not for {kind}: nobody can look what is there; drop it",
        )
    yield (
        "a key of a queue",
        {**QUEUE, "entries": [{"key": 1, "value": 1}], **once},
        "entries[0] must have value, and nothing else",
    )
    yield (
        "a format of keys of a queue",
        {**QUEUE, "entries": [], "key_format": "u32", **once},
        "key_format is not for queue, which has no keys: drop it",
    )
    yield (
        "too many for a queue",
        {**QUEUE, "value_format": "u32", "entries": [{"value": 1}] * 9, **once},
        "entries: 9 entries or more are declared, and the map has room for max_entries 8",
    )
    yield (
        "a table for a queue",
        {**QUEUE, "entries_from": {"src": "/none", "remote_src": True, "format": "csv"}, **once},
        "entries_from of queue, which has no keys, takes lines with a value each: drop value",
    )


REFUSED = list(refused())


def both_ways(host: Host, items: Sequence[Fields]) -> list[list[Fields]]:
    """What the module returns for each, in a check and in a run, beside a map that is right."""
    good = {"name": "good", "type": "hash", "key_size": 4, "value_size": 4, "max_entries": 1}
    usual: Fields = {"fault": None, "always": {}, "tuning": {}, "meanwhile": {}, "watched": True}
    series = [
        [
            {
                "module": "bpf_map_pinned",
                "arguments": {
                    "directory": BPFFS,
                    "maps": [good, item],
                    "_ansible_check_mode": check,
                },
                **usual,
            }
            for check in (True, False)
        ]
        for item in items
    ]
    return [[json.loads(run["output"]) for run in both] for both in host.run_modules(series)]


def test_what_is_declared_wrongly_is_told_and_nothing_changes(
    loaded: Host, subtests: pytest.Subtests
) -> None:
    host = loaded
    host.shell(
        f"""
        cd {BPFFS}
        ln -s {PROGRAMS} linked
        ln -s {DROP} drop_linked
        bpftool prog pin pinned {DROP} strangers
        chown {NOBODY} strangers
        """
    )
    before = host.inventory()
    items = [item for _about, item, _text in REFUSED]
    for (about, item, text), results in zip(REFUSED, both_ways(host, items), strict=True):
        with subtests.test(about):
            checked, run = results
            assert [(each["failed"], each["changed"]) for each in results] == [(True, False)] * 2
            assert checked["msg"] == run["msg"]
            said = run["msg"].replace(f"{BPFFS}/{item['name']}", "")
            assert text in said
            for each in item.get("entries", ()):
                assert len(str(each["value"])) < 6 or str(each["value"]) not in said
    assert host.inventory() == before
    for name in ("meant_jumps", "meant_ports", "meant_cpus"):
        assert dump(host, name) == {}


def test_a_map_of_others_takes_no_entries_that_nobody_can_look_at(
    loaded: Host, subtests: pytest.Subtests
) -> None:
    for name in ("queue", "stack", "filter", "groups"):
        entries = {"path": f"{BPFFS}/meant_{name}", "entries": [], "entries_mode": "initial"}
        result = loaded.module("bpf_map_entries", **entries)
        with subtests.test(name):
            assert result.failed
            assert "are written when the map is made, since nobody can look" in result.msg


def test_a_list_with_the_numbers_of_the_kernel_is_refused(loaded: Host) -> None:
    """What bpftool dumps: an id means another program after the next start."""
    host = loaded
    host.module("bpf_map_pinned", **declared(JUMPS, {1: DROP})).good()
    source = host.scratch / "dumped.json"
    source.write_text(host.shell(f"bpftool -j map dump pinned {BPFFS}/meant_jumps"))
    listed = {"src": str(source), "remote_src": True, "format": "json"}
    result = host.module("bpf_map_pinned", **JUMPS, entries_from=listed)
    assert result.failed
    assert "is a number of the kernel's, which means something else" in result.msg


def test_a_line_that_names_no_program_is_told_by_its_number(loaded: Host) -> None:
    host = loaded
    source = host.scratch / "slots"
    source.write_text(f"0 {DROP}\n1 {BPFFS}/nowhere\n2 {OTHER}\n9 {DROP}\n")
    listed = {"src": str(source), "remote_src": True}
    result = host.module("bpf_map_pinned", **JUMPS, entries_from=listed)
    assert "line 2: value: no program is pinned at this path" in result.msg
    assert "line 4: key: must be from 0 to 7" in result.msg
    source.write_text(f"0 {DROP}\n2 {OTHER}\n")
    result = host.module("bpf_map_pinned", **JUMPS, entries_from=listed)
    assert "entries_from: the value of entry 2: this program is of type sched_cls" in result.msg


# At boot


def test_what_is_not_there_at_boot_keeps_its_own_map_from_coming_back_and_no_other(
    restorer: Restorer, subtests: pytest.Subtests
) -> None:
    host = restorer.host
    host.shell(f"mkdir {BPFFS}/there")
    load(host)
    host.shell(f"mv {DROP} {BPFFS}/there/drop; find {BPFFS} -name 'meant*' -type f -delete")
    once = {"entries_mode": "initial"}
    maps = [
        declared(JUMPS, {1: f"{BPFFS}/there/drop"}),
        declared({**JUMPS, "name": "meant_gone"}, {1: f"{BPFFS}/there/gone"}),
        declared(PORTS, {1: "lo"}),
        declared({**PORTS, "name": "meant_later"}, {1: "later0"}),
        declared(CPU_MAP, {0: 64}),
        declared({**GROUPS, "name": "meant_away"}, {1: "/sys/fs/cgroup/away"}, **once),
        {**QUEUE, "value_format": "u32", "entries": [{"value": 5}], **once},
    ]
    reasons = {
        "meant_gone": "entries[0].value: no program is pinned at this path",
        "meant_later": "entries[0].value: there is no interface of this name here",
        "meant_away": "entries[0].value: there is no cgroup of version 2 at this path",
    }
    restorer.declare(maps=maps)
    done = restorer.json("restore", before=capabilities_of_the_unit())
    assert done.code == TROUBLE
    for each in maps:
        name = each["name"]
        with subtests.test(name):
            line = done.line(f"{BPFFS}/{name}")
            assert line["state"] == ("failed" if name in reasons else "restored")
            assert reasons.get(name, "") in line["detail"]
            there = host.run("test", "-e", f"{BPFFS}/{name}", check=False).returncode == 0
            assert there == (name not in reasons)
    assert dump(host, "meant_jumps") == {1: (program(host, f"{BPFFS}/there/drop"),)}
    assert dump(host, "meant_ports") == {1: (1, 0)}
    assert dump(host, "meant_cpus") == {0: (64, 0)}
    with subtests.test("what is in place stays so"):
        again = restorer.json("check", before=capabilities_of_the_unit())
        states = {path.rpartition("/")[2]: state for path, state in again.states.items()}
        assert {name: states[name] for name in ("meant_jumps", "meant_ports", "meant_queue")} == {
            "meant_jumps": "in place",
            "meant_ports": "in place",
            "meant_queue": "in place",
        }
    with subtests.test("and what differs is told and put right"):
        host.shell(f"bpftool map delete pinned {BPFFS}/meant_jumps key 1 0 0 0")
        seen = restorer.json("check")
        detail = seen.line(f"{BPFFS}/meant_jumps")["detail"]
        assert detail == "entries: want as declared (present), have 1 missing"
        restorer.run("restore")
        assert [*dump(host, "meant_jumps")] == [1]


DEVICES = """
[Unit]
DefaultDependencies=no
Before=ebpf-pinning-restore.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link add v0 type veth peer name w0
[Install]
WantedBy=multi-user.target
"""


def test_the_unit_sees_the_interfaces_of_the_host(booted: Booted) -> None:
    """Where no entries name any, the network is hidden from it."""
    host = booted
    unit = "/etc/systemd/system/devices.service"
    host.shell(f"cat > {unit} <<'END'\n{DEVICES}END\nsystemctl enable --now devices.service")
    item = declared({**PORTS, "name": "meant_unit"}, {1: "v0"})
    host.module("bpf_host", directory=BPFFS, maps=[item], at_boot=True).good()
    host.restart()
    assert states(host)["Result"] == "success", host.log
    number = int(host.shell("ip -o link show v0").partition(":")[0])
    assert number > 1
    assert dump(host, "meant_unit") == {1: (number, 0)}
    host.shell("systemctl disable devices.service")
    host.restart()
    assert states(host)["Result"] == "exit-code"
    assert "entries[0].value: there is no interface of this name here" in host.log
    assert host.run("test", "-e", f"{BPFFS}/meant_unit", check=False).returncode == 1
