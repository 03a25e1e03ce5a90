# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links keep programs attached: told by bpf_pin_info, kept by bpf_object_pinned, let go in the end.

Each loader (c/attach.c) attaches one program. Networks are namespaces of their own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from map_types import LINUX

Fields = dict[str, Any]
NETWORK = """
ip link add v0 type veth peer name v1
ip link set v0 up; ip link set v1 up
echo ready
exec cat
"""
# Ten frames of the type that links.bpf.c counts, from v1 to v0. A socket gets them after all
# programs: so when this ends they are counted, if anybody counts.
FRAMES = """
import socket
KIND = 0x88b5
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(KIND)) as receiver:
    receiver.bind(("v0", KIND))
    receiver.settimeout(60)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("v1", 0))
        for number in range(10):
            sender.send(bytes([255] * 6 + [2, 0, 0, 0, 0, 1]) + KIND.to_bytes(2, "big") + bytes(46))
            receiver.recv(100)
"""


@dataclass(frozen=True)
class World:
    """What loaders attach to: the devices v0 and v1 of a network, a control group, tracepoints."""

    host: Host
    network: str  # /proc/PID/ns/net
    cgroup: str

    def inside(self, *command: str) -> list[str]:
        """`command`, to be run in the network."""
        return ["nsenter", f"--net={self.network}", *command]

    def attach(self, name: str, pin: str) -> Fields:
        """Attach the program `name`, and pin its link: the ids of program, link and map."""
        return json.loads(self.host.run(*self._loader(name), pin).stdout)

    @contextmanager
    def attached(self, name: str) -> Iterator[Fields]:
        """The same meanwhile, by a process that has the only reference to the link."""
        with self.host.running(*self._loader(name)) as process:
            assert process.stdout is not None
            if name in LACKING:
                pytest.skip("this kernel is built without such probes")
            line = process.stdout.readline()
            if not line and process.wait() == 3 and name == "on_tracing":
                pytest.skip("this kernel does not load programs of type tracing")
            yield {"pid": process.pid, **json.loads(line)}

    def _loader(self, name: str) -> list[str]:
        targets = {
            "on_xdp": "v0",
            "on_xdp_anew": "v1",
            "on_tcx": "v0",
            "on_cgroup": self.cgroup,
            "on_iter_cgroup": self.cgroup,
            "on_netns": self.network,
        }
        site = self.host.site
        bpf_object = site.bpf_object("congestion" if name == "on_struct_ops" else "links")
        return self.inside(site.program("attach"), bpf_object, name, targets.get(name, ""))

    def device(self, name: str) -> Fields:
        """What iproute2 says of a network device."""
        words = self.inside("ip", "-json", "-details", "link", "show", "dev", name)
        (found,) = json.loads(self.host.run(*words).stdout)
        return found

    def xdp(self, name: str) -> int | None:
        """The id of the program on a device, if there is one."""
        found = self.device(name).get("xdp")
        return found and found["prog"]["id"]

    def inode(self, path: str) -> int:
        """The number of what is at `path`, or what a link there leads to."""
        return int(self.host.run("stat", "-Lc", "%i", path).stdout)

    @property
    def attacher(self) -> str:
        """The program that attaches, as the kernel names its file."""
        return os.path.realpath(self.host.site.program("attach"))

    def functions(self, prefix: str) -> int:
        """How many functions of the kernel's can be traced whose names begin so."""
        names = Path("/sys/kernel/tracing/available_filter_functions")
        words = self.host.run("cat", str(names)).stdout.split()
        return sum(word.startswith(prefix) for word in words)

    def function(self, name: str) -> int:
        """Where the kernel's own BTF has a function."""
        types = self.host.run("bpftool", "btf", "dump", "id", "1").stdout
        return int(types.partition(f"] FUNC '{name}'")[0].rpartition("[")[2])

    def count(self, map_id: int) -> int:
        """Send frames, and tell how many were counted by now."""
        self.host.run(*self.inside(self.host.site.python, "-c", FRAMES))
        entry = self.host.bpftool("map", "lookup", "id", str(map_id), "key", "0", "0", "0", "0")
        return int(entry["formatted"]["value"])


def awaited(value: Callable[[], Any], wanted: Any) -> Any:
    """What `value` says, in the end: the kernel detaches in its own time."""
    deadline = time.monotonic() + 30
    while (found := value()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


@pytest.fixture
def world(host: Host) -> Iterator[World]:
    """A network with two devices and a control group, for this test alone."""
    host.run("mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing")
    groups = host.scratch / "cgroups"
    cgroup = f"{groups}/pinning-test-{os.getpid()}"
    host.shell(f"mkdir {groups}; mount -t cgroup2 cgroup2 {groups}; mkdir {cgroup}")
    try:
        with host.running("unshare", "--net", "sh", "-ec", NETWORK) as network:
            assert network.stdout is not None
            assert network.stdout.readline() == "ready\n"
            yield World(host, f"/proc/{network.pid}/ns/net", cgroup)
    finally:
        host.run("rmdir", cgroup)


def _since(major: int, minor: int, target: Fields) -> Fields:
    """Older kernels do not tell."""
    return target if (major, minor) <= LINUX else {}


_SYMBOLS = set(Path("/proc/kallsyms").read_text().split())
LACKING = {
    name
    for name, function in [("on_kprobe", "register_kprobe"), ("on_kprobe_multi", "register_fprobe")]
    if function not in _SYMBOLS
}
# What a link is attached to, by the program: its type, and the target as the world knows it.
TARGETS: Mapping[str, tuple[str, Callable[[World, Fields], Fields]]] = {
    "on_xdp": ("xdp", lambda world, _ids: {"ifindex": world.device("v0")["ifindex"]}),
    "on_tcx": (
        "tcx",
        lambda world, _ids: {
            "ifindex": world.device("v0")["ifindex"],
            "attach_type": "tcx_ingress",
        },
    ),
    "on_perf_event": (
        "perf_event",
        lambda _world, _ids: _since(6, 6, {"event": "tracepoint", "name": "sched_process_exec"}),
    ),
    "on_event": (  # PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS
        "perf_event",
        lambda _world, _ids: _since(6, 6, {"event": "event", "type": 1, "config": 2}),
    ),
    "on_kprobe": (
        "perf_event",
        lambda _world, _ids: _since(
            6, 6, {"event": "kprobe", "name": "bpf_fentry_test1", "offset": 0}
        ),
    ),
    "on_uretprobe": (
        "perf_event",
        lambda _world, ids: _since(
            6, 6, {"event": "uretprobe", "name": "/proc/self/exe", "offset": ids["offset"]}
        ),
    ),
    "on_kprobe_multi": (
        "kprobe_multi",
        lambda world, _ids: _since(6, 6, {"count": world.functions("bpf_fentry_test"), "flags": 0}),
    ),
    "on_uprobe_multi": (
        "uprobe_multi",
        lambda world, _ids: _since(
            6, 8, {"path": world.attacher, "count": 2, "flags": 1, "pid": 0}
        ),
    ),
    "on_raw_tp": ("raw_tracepoint", lambda _world, _ids: {"tp_name": "task_rename"}),
    "on_iter": ("iter", lambda _world, _ids: {"target_name": "bpf_map"}),
    "on_iter_map": (
        "iter",
        lambda _world, ids: {"target_name": "bpf_map_elem", "map_id": ids["map"]},
    ),
    "on_iter_cgroup": (
        "iter",
        lambda world, _ids: {
            "target_name": "cgroup",
            "cgroup_id": world.inode(world.cgroup),
            "order": "descendants_pre",
        },
    ),
    "on_iter_task": (
        "iter",
        lambda _world, ids: {"target_name": "task", "pid": ids["pid"]},
    ),
    "on_cgroup": (
        "cgroup",
        lambda world, _ids: {
            "cgroup_id": world.inode(world.cgroup),
            "attach_type": "cgroup_inet_egress",
        },
    ),
    "on_netns": (
        "netns",
        lambda world, _ids: {"netns_ino": world.inode(world.network), "attach_type": "sk_lookup"},
    ),
    "on_sockmap": (
        "sockmap",
        lambda _world, ids: {"map_id": ids["map"], "attach_type": "sk_msg_verdict"},
    ),
    "on_netfilter": (
        "netfilter",
        lambda _world, _ids: {"pf": 2, "hooknum": 3, "priority": -128, "flags": 0},
    ),
    "on_struct_ops": ("struct_ops", lambda _world, ids: {"map_id": ids["map"]}),
    "on_tracing": (
        "tracing",
        lambda world, _ids: {
            "attach_type": "trace_fentry",
            "target_obj_id": 1,  # the kernel's own BTF
            "target_btf_id": world.function("bpf_fentry_test1"),
        },
    ),
}


# Of these the kernel tells when they are attached to nothing any more.
SEVERABLE = {"xdp", "tcx", "cgroup", "netns", "sockmap", "struct_ops"}


def test_every_type_of_link_is_pinned_told_and_kept_when_its_loader_ends(
    world: World, subtests: pytest.Subtests
) -> None:
    host = world.host
    with ExitStack() as loaders:
        ids = {}
        for name in TARGETS:
            with subtests.test(f"{name} is attached"):
                ids[name] = loaders.enter_context(world.attached(name))
        objects = [{"name": name, "link_id": each["link"]} for name, each in ids.items()]
        before = host.inventory()
        words = {"directory": f"{BPFFS}/kept", "objects": objects}
        predicted = host.module("bpf_object_pinned", check=True, **words).good()
        assert host.inventory() == before
        pinned = host.module("bpf_object_pinned", **words).good()
    ended = [name for name, each in ids.items() if not os.path.exists(f"/proc/{each['pid']}")]
    assert ended == list(ids)
    again, told = host.playbook(
        [
            task("bpf_object_pinned", **words),
            task("bpf_pin_info", recurse=True),
        ]
    )
    assert pinned["counts"]["created"] == len(ids)
    assert pinned["objects"] == predicted["objects"]
    assert not again.good().changed
    assert told.good()["counts"] == {"map": 0, "prog": 0, "link": len(ids), "unreadable": 0}
    pins = {pin["path"]: pin for pin in told["pins"]}
    shown = {each["id"]: each for each in host.bpftool("-f", "link", "show")}
    assert world.xdp("v0") == ids["on_xdp"]["prog"]
    for name, outcome in zip(ids, pinned["objects"], strict=True):
        with subtests.test(name):
            kind, target = TARGETS[name]
            link, program = ids[name]["link"], ids[name]["prog"]
            assert (outcome["type"], outcome["id"], outcome["object_name"]) == ("link", link, "")
            pin, seen = pins[outcome["path"]], shown[link]
            assert outcome["path"] in seen["pinned"]
            assert seen["prog_id"] == program
            assert (pin["type"], pin["id"], pin["name"]) == ("link", link, "")
            assert pin["link"] == {
                "type": kind,
                "prog_id": program,
                "prog_name": name if program else None,
                "target": target(world, ids[name]),
                "attached": True if kind in SEVERABLE else None,
            }
            if isinstance(seen["type"], str):  # else it is younger than this bpftool
                assert seen["type"] == kind
                told_too = pin["link"]["target"].keys() - {
                    "type"
                }  # that of an event, and of a link
                known = {key: value for key, value in seen.items() if key in told_too}
                assert known.items() <= pin["link"]["target"].items()


def test_a_pin_keeps_a_program_attached_and_the_last_one_lets_go(world: World) -> None:
    host = world.host
    link, second, prog = (f"{BPFFS}/agent/{name}" for name in ("link", "second", "prog"))
    look = task("ansible.builtin.command", argv=world.inside("ip", "link", "show", "dev", "v0"))
    with world.attached("on_xdp") as ids:
        kept = host.playbook(
            [
                task("bpf_object_pinned", path=link, link_id=ids["link"]),
                task("bpf_object_pinned", path=prog, prog_id=ids["prog"]),
            ]
        )
    assert [result.good().changed for result in kept] == [True] * 2
    # The loader is gone.
    assert world.xdp("v0") == ids["prog"]
    assert world.count(ids["map"]) == 10
    run = host.playbook(
        [
            task("bpf_object_pinned", path=second, source=link),
            task("bpf_pin_absent", path=[link]),
            task("bpf_pin_absent", label="check", check=True, path=[second]),
            look,
            task("bpf_pin_absent", label="the last", path=[second]),
        ]
    )
    one_of_two = run[1].good()
    assert [pin["last_reference"] for pin in one_of_two["pins"]] == [False]
    assert f"prog/xdp id {ids['prog']} " in run[3]["stdout"]
    warning = f"{second}: when the pin is gone, program {ids['prog']} is detached (xdp, ifindex "
    for result in (run["check"].good(), run["the last"].good()):
        (said,) = result.warnings
        assert said.startswith(warning)
        assert f"unless another pin or a process holds link {ids['link']}" in said
    assert run["check"]["pins"][0]["last_reference"] is None
    assert run["the last"]["pins"][0]["last_reference"] is True
    assert awaited(lambda: world.xdp("v0"), None) is None
    assert world.count(ids["map"]) == 10  # as many as before
    left = [each["id"] for each in host.bpftool("link", "show")]
    assert ids["link"] not in left
    # The program is still pinned, and goes with its pin.
    gone = host.module("bpf_pin_absent", path=[prog]).good()
    assert [(pin["id"], pin["last_reference"]) for pin in gone["pins"]] == [(ids["prog"], True)]
    assert gone.warnings == []
    assert ids["prog"] not in [each["id"] for each in host.bpftool("prog", "show")]


def test_a_process_keeps_a_program_attached_too(world: World) -> None:
    host = world.host
    path = f"{BPFFS}/agent/link"
    with world.attached("on_xdp") as ids:
        run = host.playbook(
            [
                task("bpf_object_pinned", path=path, link_id=ids["link"]),
                task("bpf_pin_absent", directory=f"{BPFFS}/agent", keep=[]),
                task("bpf_pin_absent", directory=f"{BPFFS}/agent", keep=[], type="link"),
            ]
        )
        spared, pruned = run[1].good(), run[2].good()
        assert (spared.changed, spared.warnings) == (False, [])
        assert [pin["last_reference"] for pin in pruned["pins"]] == [False]
        (warning,) = pruned.warnings
        assert f"{path}: when the pin is gone, program {ids['prog']} is detached" in warning
        assert world.xdp("v0") == ids["prog"]
        assert world.count(ids["map"]) == 10
    assert awaited(lambda: world.xdp("v0"), None) is None


def test_a_link_that_takes_the_place_of_another_lets_that_one_go(world: World) -> None:
    host = world.host
    path = f"{BPFFS}/link"
    old = world.attach("on_xdp", path)
    host.shell(f"chown :adm {path}; chmod 0640 {path}")
    before = host.inventory()
    with world.attached("on_xdp_anew") as new:
        words = {"path": path, "link_id": new["link"]}
        refused, predicted = host.playbook(
            [
                task("bpf_object_pinned", **words),
                task("bpf_object_pinned", check=True, on_mismatch="replace", **words),
            ]
        )
        assert host.inventory() == before
        assert world.xdp("v0") == old["prog"]
        replaced = host.module("bpf_object_pinned", on_mismatch="replace", **words).good()
    assert refused.failed
    assert f"holds a link of type xdp (id {old['link']}, program {old['prog']})" in refused.msg
    assert f"a link of type xdp (id {new['link']}, program {new['prog']})" in refused.msg
    for result in (predicted.good(), replaced):
        assert result["counts"]["replaced"] == 1
        (warning,) = result.warnings
        assert f"{path}: when the pin is replaced, program {old['prog']} is detached" in warning
    assert awaited(lambda: world.xdp("v0"), None) is None
    assert world.xdp("v1") == new["prog"]  # its loader is gone, too
    after = host.inventory()[path]
    assert [after[key] for key in ("bits", "owner", "group")] == [
        before[path][key] for key in ("bits", "owner", "group")
    ]


def test_a_link_without_a_program_is_not_said_to_detach_one(world: World) -> None:
    ids = world.attach("on_struct_ops", f"{BPFFS}/link")
    assert ids["prog"] == 0
    gone = world.host.module("bpf_pin_absent", path=[f"{BPFFS}/link"]).good()
    assert gone["pins"][0]["last_reference"] is True
    (warning,) = gone.warnings
    assert "struct_ops" in warning
    assert str(ids["map"]) in warning
    assert "program 0" not in warning


# What the kernel calls an open link depends on how it was opened, and on its version.
SPELLINGS = """
import ctypes, json, os, sys
sys.path.insert(0, sys.argv[1])
from _core.syscall import Fd
from _core.kinds.pins.objects import identify, object_by_id
process, link = int(sys.argv[2]), int(sys.argv[3])
folder = f"/proc/{process}/fd"
(number,) = (n for n in os.listdir(folder) if os.readlink(f"{folder}/{n}").endswith("link"))
syscall = ctypes.CDLL(None).syscall
got = syscall(438, syscall(434, process, 0), int(number), 0)  # pidfd_getfd, pidfd_open
with Fd(got) as created, object_by_id("link", link) as opened:
    names = [os.readlink(f"/proc/self/fd/{int(fd)}") for fd in (created, opened)]
    print(json.dumps([names, [identify(fd, "map").id for fd in (created, opened)]]))
"""


@pytest.mark.every_python
def test_a_link_is_known_by_both_of_its_names(world: World) -> None:
    site = world.host.site
    core = f"{site.scratch}/ansible_collections/ebpf/pinning/plugins/module_utils"
    with world.attached("on_raw_tp") as ids:
        words = [site.python, "-c", SPELLINGS, core, str(ids["pid"]), str(ids["link"])]
        names, known = json.loads(world.host.run(*words).stdout)
    assert set(names) <= {"anon_inode:bpf_link", "anon_inode:bpf-link"}
    assert known == [ids["link"]] * 2
