# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of bpf_link_pinned attach, and to what: programs of c/hooked.bpf.c."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from absence_table import inventory_task, taken
from harness.host import BPFFS, HERE, Host
from harness.playbook import Result, task

LOADED = f"{BPFFS}/loaded"
LINKS = f"{BPFFS}/links"
SEEN = f"{LOADED}/seen"
NETWORK = """
ip link add v0 type veth peer name v1
ip link set v0 up; ip link set v1 up
ip link set lo up
echo ready
exec cat
"""


@dataclass(frozen=True)
class Hooks:
    """What programs are attached to: the devices v0 and v1 of a network, a control group."""

    host: Host
    network: str  # /proc/PID/ns/net
    groups: str  # where cgroup2 is mounted
    cgroup: str

    def inside(self, *command: str) -> list[str]:
        """`command`, to be run in the network."""
        return ["nsenter", f"--net={self.network}", *command]

    @contextmanager
    def traffic(self, *words: str) -> Iterator[list[int]]:
        """What programs see, over and over; then how many there were (harness/traffic.py)."""
        there: list[int] = []
        script = str(HERE / "harness" / "traffic.py")
        with self.host.running(*self.inside(sys.executable, script, *words)) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield there
            output, _errors = process.communicate("\n")
        there.append(int(output))

    def load(self, name: str, *numbers: int, pin: str = "", seen: str = SEEN) -> int:
        """Load a program and pin it in LOADED: its id."""
        site = self.host.site
        self.host.run("mkdir", "-p", LOADED)
        words = [site.bpf_object("hooked"), name, pin or f"{LOADED}/{name}", seen]
        done = self.host.run(site.program("onto"), *words, *map(str, numbers), check=False)
        if done.returncode == 3 and name.rpartition("_")[0] in OF_TRACING:
            pytest.skip("this kernel does not load programs of type tracing")
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def load_map(self, pin: str) -> None:
        """Pin a congestion control, a map of type struct_ops."""
        self.host.run("mkdir", "-p", LOADED)
        site = self.host.site
        words = [site.bpf_object("congestion"), "on_struct_ops", pin]
        self.host.run(site.program("onto"), *words)

    def link(self, path: str) -> dict[str, Any]:
        """What bpftool says of a pinned link."""
        return self.host.bpftool("link", "show", "pinned", path)

    @cached_property
    def names(self) -> Mapping[str, Any]:
        """What stands for what in a declaration, and then in what bpftool shows."""
        host = self.host
        binary = host.site.program("onto")
        found = re.search(r"^0*([0-9a-f]+) T main$", host.run("nm", binary).stdout, re.MULTILINE)
        assert found
        return {
            "$network": self.network,
            "$cgroup": self.cgroup,
            "$binary": binary,
            "$main": int(found[1], 16),
        }

    def declared(self, type_name: str, **more: Any) -> dict[str, Any]:
        """What `attach` says of a row."""
        given = {**ROWS[type_name].attach, **more}
        return {"type": type_name, **{key: self._filled(each) for key, each in given.items()}}

    def shown(self, row: Row) -> dict[str, Any]:
        """What bpftool shows of a link of a row."""
        run = self.host.run
        numbers = {
            "$network": lambda: int(run("stat", "-Lc", "%i", self.network).stdout),
            "$cgroup": lambda: int(run("stat", "-c", "%i", self.cgroup).stdout),
        }
        return {
            key: numbers[each]() if each in numbers else each for key, each in row.shown.items()
        }

    def make_maps(self) -> None:
        """Make the maps that programs of the table are attached to."""
        for row in ROWS.values():
            if "map" in row.attach:
                words = (
                    f"map create {row.attach['map']} type sockmap key 4 value 4 entries 4 name s"
                )
                self.host.shell(f"bpftool {words}")

    def _filled(self, value: Any) -> Any:
        return self.names.get(value, value) if isinstance(value, str) else value

    def programs(self, type_name: str) -> list[int] | None:
        """The ids of the programs on the hook of a row (c/hook.c); None if nobody may ask."""
        if type_name == "xdp":
            return [each for each in [self.xdp()] if each]
        attach = self.declared(type_name)
        target = attach.get("interface") or attach.get("cgroup") or attach.get("map")
        if type_name in ("sk_lookup", "flow_dissector"):
            target = self.network
        number = _NUMBERS.get(type_name)
        if target is None or number is None:
            return None
        words = self.inside(self.host.site.program("hook"), target, str(number))
        return json.loads(self.host.run(*words).stdout)

    def on(self, interface: str) -> dict[str, Any]:
        """What iproute2 says of a device."""
        words = self.inside("ip", "-json", "-details", "link", "show", "dev", interface)
        return json.loads(self.host.run(*words).stdout)[0]

    def xdp(self, interface: str = "v0") -> int | None:
        """The id of the program of XDP on a device, if there is one."""
        found = self.on(interface).get("xdp")
        return found and found["prog"]["id"]


@dataclass(frozen=True)
class Row:
    """How a type is tried: the program, numbers for its loader, what is declared, what is shown.

    In `attach` and `shown`, what begins with $ is the name of something of the test's.
    """

    program: str
    attach: Mapping[str, Any]
    shown: Mapping[str, Any]  # by bpftool
    numbers: tuple[int, ...] = ()  # type and attach type, for what libbpf does not know

    @property
    def programs(self) -> tuple[str, str]:
        """The program, and another one for the same place."""
        return f"{self.program}_old", f"{self.program}_new"


_V0 = {"interface": "v0", "namespace": "$network"}
_IN_GROUP = {"cgroup": "$cgroup"}


def _in_group(what: str, *numbers: int, program: str = "") -> Row:
    shown = {"type": "cgroup", "cgroup_id": "$cgroup"}
    known = {} if numbers else {"attach_type": f"cgroup_{what}"}
    return Row(program or what, _IN_GROUP, {**shown, **known}, numbers)


def _on_map(program: str) -> Row:
    # Those for verdicts do not go beside each other: each has a map of its own.
    pin = f"{LOADED}/{program}_sockets"
    return Row(program, {"map": pin}, {})


_ADDRESS = 18  # cgroup_sock_addr
ROWS: Mapping[str, Row] = {
    "xdp": Row("xdp", _V0, {"type": "xdp"}),
    "tcx_ingress": Row("tc", _V0, {}),
    "tcx_egress": Row("tc", _V0, {}),
    **{
        f"cgroup_{what}": _in_group(what)
        for what in (
            *("inet_ingress", "inet_egress", "inet_sock_create", "inet_sock_release", "sock_ops"),
            *("device", "sysctl", "getsockopt", "setsockopt"),
            *("inet4_post_bind", "inet6_post_bind", "inet4_bind", "inet6_bind"),
            *("inet4_connect", "inet6_connect", "udp4_sendmsg", "udp6_sendmsg"),
            *("udp4_recvmsg", "udp6_recvmsg", "inet4_getpeername", "inet6_getpeername"),
            *("inet4_getsockname", "inet6_getsockname"),
        )
    },
    **{
        f"cgroup_unix_{what}": _in_group(f"unix_{what}", _ADDRESS, number, program="inet4_connect")
        for what, number in (
            ("connect", 49),
            ("sendmsg", 50),
            ("recvmsg", 51),
            ("getpeername", 52),
            ("getsockname", 53),
        )
    },
    "lsm_cgroup": Row("lsm_cgroup", _IN_GROUP, {"type": "cgroup", "cgroup_id": "$cgroup"}),
    "sk_lookup": Row("sk_lookup", {"namespace": "$network"}, {"netns_ino": "$network"}),
    "flow_dissector": Row("flow_dissector", {"namespace": "$network"}, {"netns_ino": "$network"}),
    "netfilter": Row(
        "netfilter",
        {"pf": "ipv4", "hook": "output", "priority": 7, "namespace": "$network"},
        {},
        (32, 45),
    ),
    "sk_msg_verdict": _on_map("sk_msg"),
    "sk_skb_stream_parser": _on_map("parser"),
    "sk_skb_stream_verdict": _on_map("verdict"),
    "sk_skb_verdict": _on_map("skb_verdict"),
    "tracepoint": Row("tracepoint", {"tracepoint": "sched/sched_process_exec"}, {}),
    "raw_tracepoint": Row(
        "raw_tracepoint", {"tracepoint": "task_rename"}, {"tp_name": "task_rename"}
    ),
    "uprobe": Row("uprobe", {"binary": "$binary", "offset": "$main"}, {}),
    "uretprobe": Row("uprobe", {"binary": "$binary", "offset": "$main"}, {}),
    "tp_btf": Row("tp_btf", {}, {"type": "raw_tracepoint"}),
    "fentry": Row("fentry", {}, {"type": "tracing", "attach_type": "trace_fentry"}),
    "fexit": Row("fexit", {}, {"type": "tracing", "attach_type": "trace_fexit"}),
    "fmod_ret": Row("fmod_ret", {}, {"type": "tracing", "attach_type": "modify_return"}),
    "lsm": Row("lsm", {}, {"type": "tracing", "attach_type": "lsm_mac"}),
    "iter": Row("iter", {}, {"type": "iter", "target_name": "bpf_map"}),
}
# enum bpf_attach_type, of those hooks that tell what is on them
_NUMBERS = {
    **{
        name: number
        for number, name in enumerate(
            (
                "cgroup_inet_ingress",
                "cgroup_inet_egress",
                "cgroup_inet_sock_create",
                "cgroup_sock_ops",
                "sk_skb_stream_parser",
                "sk_skb_stream_verdict",
                "cgroup_device",
                "sk_msg_verdict",
                "cgroup_inet4_bind",
                "cgroup_inet6_bind",
                "cgroup_inet4_connect",
                "cgroup_inet6_connect",
                "cgroup_inet4_post_bind",
                "cgroup_inet6_post_bind",
                "cgroup_udp4_sendmsg",
                "cgroup_udp6_sendmsg",
                "",
                "flow_dissector",
                "cgroup_sysctl",
                "cgroup_udp4_recvmsg",
                "cgroup_udp6_recvmsg",
                "cgroup_getsockopt",
                "cgroup_setsockopt",
            )
        )
    },
    "sk_lookup": 36,
    "sk_skb_verdict": 38,
    "tcx_ingress": 46,
    "tcx_egress": 47,
}
# Programs that not every kernel loads that tests run on.
OF_TRACING = {"lsm_cgroup", "fentry", "fexit", "fmod_ret", "lsm"}
# What no machine that tests run on has: network devices of type netkit, and probes in the kernel.
UNTRIED = {"netkit_primary", "netkit_peer", "kprobe", "kretprobe"}


@contextmanager
def hooks_of(host: Host) -> Iterator[Hooks]:
    """A network with two devices and a control group, for this test alone."""
    groups = f"{host.scratch}/cgroups"
    cgroup = f"{groups}/pinning-link-{os.getpid()}"
    host.run("mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing")
    host.shell(f"mkdir {groups}; mount -t cgroup2 cgroup2 {groups}; mkdir {cgroup}")
    try:
        with host.running("unshare", "--net", "sh", "-ec", NETWORK) as network:
            assert network.stdout is not None
            assert network.stdout.readline() == "ready\n"
            yield Hooks(host, f"/proc/{network.pid}/ns/net", groups, cgroup)
    finally:
        host.run("find", cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";")


@pytest.fixture
def hooks(host: Host) -> Iterator[Hooks]:
    with hooks_of(host) as hooks:
        yield hooks


def checked_and_done(host: Host, **words: Any) -> Result:
    """Of a check run that changes nothing, a run that does the same, and one without a change."""
    before = host.inventory()
    predicted, seen, done, again = host.playbook(
        [
            task("bpf_link_pinned", check=True, diff=True, **words),
            inventory_task(host, "after the check"),
            task("bpf_link_pinned", diff=True, **words),
            task("bpf_link_pinned", diff=True, **words),
        ]
    )
    assert taken(seen) == before
    for key in ("changed", "counts", "directories", "leftovers", "diff"):
        assert done.good()[key] == predicted.good()[key], key
    told = [
        [{**each, "id": None, "prog_id": None} for each in result["links"]]
        for result in (predicted, done)
    ]
    assert told[0] == told[1]
    assert done.warnings == predicted.warnings
    assert not again.good().changed
    assert again["diff"] == []
    return done


def xdp(hooks: Hooks, program: str = "xdp_old", **more: Any) -> dict[str, Any]:
    attach = {"type": "xdp", "interface": "v0", "namespace": hooks.network}
    return {"path": f"{LINKS}/v0", "program": f"{LOADED}/{program}", "attach": attach, **more}
