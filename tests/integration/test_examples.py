# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything in the documentation that looks like a playbook is one, and runs as it stands."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.host import BPFFS, Host
from harness.playbook import Run
from harness.site import CHECKOUT
from link_table import hooks_of
from map_types import CPUS, LINUX
from mount_table import access, mounts_at
from restoring import keep_apart
from unused import see_all_processes


def examples(module: str) -> list[dict[str, Any]]:
    """The tasks in EXAMPLES of a module."""
    source = (CHECKOUT / "plugins" / "modules" / f"{module}.py").read_text()
    (text,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXAMPLES"
    )
    return yaml.safe_load(text)


def blocks(page: str) -> list[str]:
    """The YAML blocks of a page, as they stand."""
    return re.findall(r"^```yaml\n(.*?)^```$", (CHECKOUT / page).read_text(), re.M | re.S)


_ONE = "type array key 4 value 4 entries 1 name one"


def _twice(host: Host, module: str, but: Sequence[str] = (), **words: Any) -> Run:
    """Run the examples, `but` those in whose names there is one of these words."""
    some = [each for each in examples(module) if not any(word in each["name"] for word in but)]
    return _twice_of(host, some, words)


def _twice_of(host: Host, some: Sequence[dict[str, Any]], words: dict[str, Any]) -> Run:
    tasks = [{**task, **words} for task in some for _twice in range(2)]
    assert len(tasks) >= 4, "the examples are found"
    run = host.playbook(tasks)
    for number, result in enumerate(run):
        result.good()
        assert result.changed == (number % 2 == 0), result
    return run


@pytest.mark.every_core
def test_the_examples_of_bpffs_mount_run_and_then_change_nothing(bare_host: Host) -> None:
    fstab = Path("/etc/fstab")
    outside = fstab.read_bytes() if fstab.exists() else None
    keep_apart(bare_host)  # the examples name the real places
    run = _twice(
        bare_host, "bpffs_mount", ["over one another", *(["delegates"] * (LINUX < (6, 9)))]
    )
    (repair,) = (each for each in examples("bpffs_mount") if "over one another" in each["name"])
    assert not bare_host.playbook([repair])[0].good().changed
    (row,) = mounts_at(bare_host, BPFFS)
    assert row.flags == {"rw", "nosuid", "nodev", "noexec", "relatime"}
    assert access(bare_host, BPFFS) == "1700 0 0"
    ((entry,),) = (each["want"] for each in run[2]["drift"] if each["field"] == "boot")
    assert entry.split()[3] == "nodev,noexec,nosuid,mode=1700"
    assert run[4]["mount"]["path"] == "/run/agent/bpffs"
    assert mounts_at(bare_host, "/run/agent/bpffs") == []
    if LINUX >= (6, 9):
        options = bare_host.shell("findmnt --noheadings --output FS-OPTIONS /run/container/bpffs")
        assert "delegate_maps=ringbuf" in options
    entries = [line.split() for line in bare_host.shell("cat /etc/fstab").splitlines()]
    assert [words for words in entries if words[1:2] == [BPFFS]] == []
    assert (fstab.read_bytes() if fstab.exists() else None) == outside


@pytest.mark.every_core
def test_the_examples_about_maps_of_others_run_and_then_change_nothing(host: Host) -> None:
    keep_apart(host)
    host.shell(
        f"""
        mkdir {BPFFS}/firewall /etc/firewall
        printf '%s\\n' 10.0.0.1 10.0.0.2 > /etc/firewall/blocked.netset
        printf '%s\\n' port,protocol 443,tcp 53,udp > /etc/firewall/ports.csv
        """
    )
    host.load("rules", f"{BPFFS}/firewall")  # as the service of the first example would do
    loader = host.site.program("onto"), host.site.bpf_object("hooked"), "xdp_old"
    for name in ("parse", "count"):
        host.run(*loader, f"{BPFFS}/firewall/{name}", f"{BPFFS}/seen")
    shape = "type prog_array key 4 value 4 entries 2 name stages"
    host.shell(f"bpftool map create {BPFFS}/firewall/stages {shape}")
    for name, value in (("blocked", 4), ("counters", 8), ("ports", 4)):
        host.make_pin(f"{BPFFS}/firewall/{name}", value_size=value, max_entries=2)
    service, *tasks = examples("bpf_map_entries")
    assert "ansible.builtin.systemd_service" in service
    assert len(tasks) == 5
    run = host.playbook([task for task in tasks for _twice in range(2)])
    assert [result.good().changed for result in run] == [True, False] * 5
    ports = host.bpftool("map", "dump", "pinned", f"{BPFFS}/firewall/ports")
    assert sorted(each["key"] for each in ports) == [
        ["0x06", "0x00", "0x01", "0xbb"],
        ["0x11", "0x00", "0x00", "0x35"],
    ]
    (blocked,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/firewall/blocked")
    assert [*blocked["key"], *blocked["value"]] == [
        *("0x0a", "0x00", "0x00", "0x01"),
        *("0x01", "0x00", "0x00", "0x00"),
    ]
    options = host.bpftool("map", "dump", "pinned", f"{BPFFS}/firewall/options")
    assert options[0]["formatted"]["value"]["verdict"] == "DROP"


@pytest.mark.every_core
def test_the_examples_about_maps_run_and_then_change_nothing(host: Host) -> None:
    keep_apart(host)
    listed = "mkdir /etc/firewall; echo 198.51.100.0/24 > /etc/firewall/blocked.netset"
    host.shell(listed)
    (host.scratch / "files").mkdir()
    host.run("cp", host.site.bpf_object("pins"), f"{host.scratch}/files/application.bpf.o")
    _twice(host, "bpf_map_pinned")
    (blocked,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/firewall/blocked")
    assert [int(byte, 16) for byte in blocked["key"][4:]] == [198, 51, 100, 0]
    assert host.map_at(f"{BPFFS}/firewall/settings")["frozen"] == 1
    flows = host.map_at(f"{BPFFS}/flows")
    assert (flows["max_entries"], flows["bytes_value"]) == (262144, 16)
    assert host.map_at(f"{BPFFS}/application/counters")["type"] == "percpu_array"
    assert host.map_at(f"{BPFFS}/agent/samples")["max_entries"] == CPUS
    assert len(host.bpftool("map", "dump", "pinned", f"{BPFFS}/zones/zones")) == 2
    assert host.map_at(f"{BPFFS}/agent/per_tenant")["type"] == "hash_of_maps"
    assert access(host, f"{BPFFS}/agent/events") == "640 0 4"
    (slot,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/router/tables")
    held = int.from_bytes([int(each, 16) for each in slot["value"]], sys.byteorder)
    assert held == host.map_at(f"{BPFFS}/router/routes")["id"]

    # What the examples of bpf_pin_absent are about: those, and an uninstalled tool's.
    host.run("mkdir", "-p", f"{BPFFS}/oldtool/maps")
    host.make_pin(f"{BPFFS}/oldtool/maps/old")
    see_all_processes(host)
    host.run("mkdir", f"{BPFFS}/gateway")
    host.make_pin(f"{BPFFS}/gateway/flows_old")
    host.make_pin(f"{BPFFS}/flows_of_last_year")
    host.run("mkdir", f"{BPFFS}/oldlinks")
    host.load("linked", BPFFS, f"{BPFFS}/oldlinks/prog", f"{BPFFS}/oldlinks/eth0")
    _twice(host, "bpf_pin_absent", but=["links whose"])
    host.run("rm", "-r", f"{BPFFS}/application", f"{BPFFS}/oldlinks")
    (severed,) = (each for each in examples("bpf_pin_absent") if "links whose" in each["name"])
    assert not host.playbook([severed])[0].good().changed
    left = [path for path, entry in host.inventory().items() if "object" in entry]
    assert [path for path in left if not path.endswith(".debug")] == [
        f"{BPFFS}/agent/packet_counts",
        f"{BPFFS}/firewall/blocked",
        f"{BPFFS}/firewall/settings",
        f"{BPFFS}/router/routes",
        f"{BPFFS}/router/tables",
        f"{BPFFS}/zones/inside",
        f"{BPFFS}/zones/zones",
    ]


@pytest.mark.every_core
def test_the_examples_about_objects_run_and_then_change_nothing(host: Host) -> None:
    root = f"{BPFFS}/loader"
    host.run("mkdir", root)
    host.load("pins", root, f"{root}/prog")
    map_id = host.make_pin(f"{BPFFS}/flows", name="flows")
    host.run("mkdir", f"{BPFFS}/exporter", f"{BPFFS}/linked")
    host.make_pin(f"{BPFFS}/exporter/flows", name="before")
    host.load("linked", f"{BPFFS}/linked", f"{BPFFS}/linked/prog", f"{BPFFS}/linked/link")
    link = host.bpftool("link", "show", "pinned", f"{BPFFS}/linked/link")["id"]
    # Another test of this machine may have loaded a program of the same name for the moment.
    patience = {"register": "task", "until": "task is succeeded", "retries": 100, "delay": 1}
    _twice(host, "bpf_object_pinned", **patience, vars={"link_id_in_log": link})
    assert host.map_at(f"{BPFFS}/exporter/flows")["id"] == map_id
    assert host.bpftool("link", "show", "pinned", f"{BPFFS}/agent/count_link")["id"] == link
    host.run("rm", "-r", f"{BPFFS}/linked", f"{BPFFS}/agent/count_link")
    shown = host.bpftool("prog", "show", "pinned", f"{BPFFS}/agent/count_packets")
    assert shown["id"] == host.bpftool("prog", "show", "pinned", f"{root}/prog")["id"]
    assert host.map_at(f"{BPFFS}/monitoring/flows")["id"] == map_id
    assert access(host, f"{BPFFS}/monitoring/flows") == "640 0 4"

    before = host.inventory()
    see_all_processes(host)
    told, debug, one, health, room, asserted = host.playbook(examples("bpf_pin_info"))
    assert host.inventory() == before
    held = [path for path, entry in before.items() if "object" in entry and ".debug" not in path]
    assert sorted(pin["path"] for pin in told.good()["pins"]) == sorted(held)
    assert debug.good()["msg"] == []
    assert [pin["path"] for pin in one.good()["pins"]] == [f"{BPFFS}/flows"]
    assert asserted.good().changed is False
    assert f"{BPFFS}/flows" not in health.good()["health"]["unused"], "it is pinned twice"
    room.good()


@pytest.mark.every_core
def test_the_examples_about_adopting_run_and_change_nothing(host: Host) -> None:
    host.make_pin(f"{BPFFS}/blocked", value_size=1)
    host.run("bpftool", *f"map update pinned {BPFFS}/blocked key 10 0 0 1 value 1".split())
    host.load("linked", BPFFS, f"{BPFFS}/prog", f"{BPFFS}/link")
    before = host.inventory()
    run = host.playbook([*examples("bpf_host_info"), *examples("bpf_host_files")])
    assert host.inventory() == before
    assert len(run) == 5
    assert [result.good().changed for result in run] == [False] * 4 + [True]
    assert [each["action"] for each in run[4]["files"]] == ["created"]
    assert not Path("/tmp/adopted").exists()


# Of kernels that are older than a type of link, the words of its example.
_SINCE = {"another network": (6, 6), "netfilter": (6, 4), "sockmap": (6, 10), "Trace": (5, 15)}


def _has(words: str) -> bool:
    """Whether the kernel has the type of link in the example of these words."""
    return _SINCE[words] <= LINUX


@pytest.mark.every_core
def test_the_examples_about_links_run_and_then_change_nothing(host: Host) -> None:
    keep_apart(host)
    with hooks_of(host) as hooks:
        for pair in ("eth0 type veth peer name e", "eth2 type veth peer name up"):
            host.run(*hooks.inside("ip", "link", "add", *pair.split()))
        host.shell(
            f"""
            mkdir {hooks.cgroup}/system.slice; mount --bind {hooks.cgroup} /sys/fs/cgroup
            mkdir -p {BPFFS}/firewall {BPFFS}/egress {BPFFS}/blue {BPFFS}/proxy {BPFFS}/trace
            mkdir /run/netns /usr/local/lib/agent
            touch /run/netns/blue; mount --bind {hooks.network} /run/netns/blue
            cp {host.site.program("onto")} /usr/local/lib/agent/libagent.so
            bpftool map create {BPFFS}/proxy/sockets type sockmap key 4 value 4 entries 4 name s
            """
        )
        names = {
            "firewall/drop_listed": "xdp_old",
            "firewall/drop_listed_and_count": "xdp_new",
            "egress/check_connect4": "inet4_connect_old",
            "egress/check_connect6": "inet6_connect_old",
            "blue/choose_socket": "sk_lookup_old",
            "trace/started": "tracepoint_old",
            "trace/renamed": "raw_tracepoint_old",
            "trace/called": "uprobe_old",
            "trace/print_maps": "iter_old",
        }
        ids = {pin: hooks.load(name, pin=f"{BPFFS}/{pin}") for pin, name in names.items()}
        if _has("another network"):
            ids["blue/limit"] = hooks.load("tc_old", pin=f"{BPFFS}/blue/limit")
            ids["blue/count"] = hooks.load("tc_new", pin=f"{BPFFS}/blue/count")
        if _has("netfilter"):
            hooks.load("netfilter_old", 32, 45, pin=f"{BPFFS}/firewall/filter_output")
        if _has("sockmap"):
            hooks.load("sk_msg_old", pin=f"{BPFFS}/proxy/redirect")
        for pin, interface in (("eth1", "e"), ("uplink", "up")):
            host.module(
                "bpf_link_pinned",
                path=f"{BPFFS}/firewall/{pin}",
                program=f"{BPFFS}/firewall/drop_listed",
                attach={"type": "xdp", "interface": interface, "namespace": hooks.network},
            ).good()
        in_network = f'exec nsenter --net={hooks.network} {host.site.python} "$@"'
        but = [words for words in _SINCE if not _has(words)]
        run = _twice(host, "bpf_link_pinned", but, **host.interpreter(in_network))
        assert run[0]["links"][0]["prog_id"] == ids["firewall/drop_listed"]
        assert run[2]["links"][0]["action"] == "updated"
        assert run[2]["links"][0]["id"] == run[0]["links"][0]["id"]
        assert hooks.xdp("eth0") == ids["firewall/drop_listed_and_count"]
        assert (hooks.xdp("e"), hooks.xdp("up")) == (None, None)
        assert hooks.xdp("eth2") == ids["firewall/drop_listed"]
        shown = host.bpftool("cgroup", "show", "/sys/fs/cgroup/system.slice")
        assert {each["attach_type"] for each in shown} == {
            *("cgroup_inet4_connect", "cgroup_inet6_connect")
        }
        if _has("another network"):
            words = hooks.inside(host.site.program("hook"), "eth0", "46")  # tcx_ingress
            there = json.loads(host.run(*words).stdout)
            assert there == [ids["blue/limit"], ids["blue/count"]]
        assert "hash" not in host.run("cat", f"{BPFFS}/trace/maps").stdout
        host.run("rm", "-r", *(f"{BPFFS}/{each}" for each in ("egress", "blue", "trace")))
        host.run("umount", "/run/netns/blue")


@pytest.mark.every_core
def test_the_examples_of_a_whole_host_run_and_then_change_nothing(host: Host) -> None:
    keep_apart(host)
    host.shell(
        f"mkdir /usr/local/lib/bpf; cp {host.site.bpf_object('firewall')} /usr/local/lib/bpf"
    )
    with hooks_of(host) as hooks:
        host.run(*hooks.inside("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "e"))
        in_network = host.interpreter(f'exec nsenter --net={hooks.network} {host.site.python} "$@"')
        whole, firewall, grown, ended, told, shown = examples("bpf_host")
        host.shell(f"bpftool map create {BPFFS}/flows_of_last_year {_ONE}")
        _twice_of(host, [whole, firewall], in_network)
        program = host.bpftool("prog", "show", "pinned", f"{BPFFS}/firewall/drop")
        assert hooks.xdp("eth0") == program["id"]
        (blocked,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/firewall/blocklist")
        assert [int(byte, 16) for byte in blocked["key"][4:]] == [198, 51, 100, 0]
        kept = Path("/etc/ebpf-pinning/restore.d")
        host.run("test", "-f", f"{kept}/sys-fs-bpf-firewall.json")
        host.shell(f"bpftool map create {BPFFS}/agent/debugging {_ONE}")
        run = host.playbook([{**told, **in_network}, shown])
        assert not run[0].good().changed
        assert run[1].good()["msg"] == [f"{BPFFS}/agent/debugging"]
        _twice_of(host, [grown, ended], in_network)
        assert host.map_at(f"{BPFFS}/agent/flows")["max_entries"] == 131072
        assert hooks.xdp("eth0") is None
        assert host.shell(f"cd {kept} && ls *.json").split() == ["sys-fs-bpf-agent.json"]
    assert not Path(f"{BPFFS}/flows_of_last_year").exists()


def test_the_examples_of_bpf_restore_run_and_then_change_nothing(host: Host) -> None:
    places = [Path("/etc/ebpf-pinning"), Path("/usr/local/lib/ebpf-pinning")]
    outside = [path.exists() for path in places]
    keep_apart(host)
    host.shell(
        f"mkdir /usr/local/lib/bpf; cp {host.site.bpf_object('firewall')} /usr/local/lib/bpf"
    )
    run = _twice(host, "bpf_restore")
    assert run[0]["manifests"] == ["agent.json"]
    assert run[0]["sandbox"]["writable"] == [BPFFS]
    assert run[2]["manifests"] == ["agent.json", "firewall.json"]
    assert run[2]["sandbox"]["interfaces"] == ["eth0"]
    assert run[2]["sandbox"]["loads"] is True
    assert run[4]["manifests"] == ["firewall.json"]
    host.module("bpf_restore", name="firewall", state="absent").good()
    assert host.shell("find /etc/ebpf-pinning /usr/local/lib/ebpf-pinning -type f") == ""
    assert [path.exists() for path in places] == outside


PAGES = [f"roles/{role}/README.md" for role in ("bpffs", "bpf_maps", "bpf_restore")]
BLOCKS = [(page, number) for page in PAGES for number in range(len(blocks(page)))]


def test_every_page_has_blocks() -> None:
    assert {page for page, _number in BLOCKS} == set(PAGES)


@pytest.mark.every_core
@pytest.mark.parametrize(("page", "number"), BLOCKS)
def test_a_block_of_a_page_runs_and_then_changes_nothing(
    host: Host, page: str, number: int
) -> None:
    keep_apart(host)
    text = blocks(page)[number]
    content = yaml.safe_load(text)
    file = host.scratch / "block.yml"
    file.write_text(text)
    groups = host.scratch / "groups.yml"
    groups.write_text(json.dumps({"edge": {"hosts": {"localhost": {}}}}))
    # A list is a playbook, a dictionary is variables for the playbook of the collection.
    words = (
        [str(file)] if isinstance(content, list) else ["ebpf.pinning.provision", "-e", f"@{file}"]
    )
    first, second = (host.ansible_playbook("-i", str(groups), *words) for _twice in range(2))
    assert first.code == second.code == 0, first.output + second.output
    assert re.search(r" changed=[1-9]", first.output), first.output
    assert re.search(r" changed=0 ", second.output), second.output
    # Every map that the page names is pinned now.
    named = set(re.findall(r"name: (\w+)[,\n]", text))
    there = {
        path.rpartition("/")[2] for path, entry in host.inventory().items() if "object" in entry
    }
    assert named <= there
