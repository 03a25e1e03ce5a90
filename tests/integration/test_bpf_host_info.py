# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_host_info: what others have pinned, declared again, is found as declared on that host."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import golang
from harness.host import BPFFS, Host
from harness.playbook import Result
from harness.site import CHECKOUT
from link_table import LINKS, LOADED, ROWS, Hooks, hooks
from map_types import ROWS as MAP_ROWS
from object_table import FROM, pinned_by_others, program, unique

__all__ = ["hooks"]  # a fixture

Fields = dict[str, Any]
NETWORKS = "/run/netns"
REFERENCES = {"prog_name", "prog_tag", "prog_id", "link_id", "source"}


def adopted(host: Host, **asked: Any) -> Result:
    """What the host is told to be like; the question changes nothing."""
    before = host.inventory()
    told = host.module("bpf_host_info", **asked)
    assert host.inventory() == before
    assert not told.good().changed
    return told


def assert_found_as_declared(host: Host, told: Result) -> None:
    """A run with the declaration would change nothing, and finds only what it leaves out."""
    declaration: Fields = told["declaration"]
    directory = declaration["directory"]
    prune = {"directory": directory, "report_only": True}
    found = host.module("bpf_host", check=True, **declaration, prune=prune).good()
    assert not found.changed, found
    assert {each["path"] for each in found["undeclared"]} <= {*left(told)}
    kinds = ("mounts", "directories", "maps", "programs", "links", "objects")
    actions = {item["action"] for kind in kinds for item in found[kind]}
    assert actions == {"unchanged"}


def declared(told: Result, kind: str) -> dict[str, Fields]:
    """Items by their paths."""
    directory = told["declaration"]["directory"]
    items = told["declaration"].get(kind, ())
    return {item.get("path") or f"{directory}/{item['name']}": item for item in items}


def left(told: Result) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in told["undeclarable"]}


# Maps


def test_every_type_of_map_is_told_in_words_that_declare_it(
    host: Host, subtests: pytest.Subtests
) -> None:
    items = [row.item for row in MAP_ROWS]
    host.module("bpf_map_pinned", maps=items).good()
    told = adopted(host)
    maps = declared(told, "maps")
    reasons = left(told)
    for row in MAP_ROWS:
        with subtests.test(row.name):
            path = f"{BPFFS}/{row.name}"
            if row.declared["type"] in ("array_of_maps", "hash_of_maps"):
                assert "inner_map" in reasons[path]
                continue
            shown = host.map_at(path)
            item = maps[path]
            assert item["type"] == row.declared["type"]
            # Sizes that are not told are those that the type has anyway.
            assert item.get("key_size", row.seen[0]) == shown["bytes_key"] == row.seen[0]
            assert item.get("value_size", row.seen[1]) == shown["bytes_value"] == row.seen[1]
            assert {*item} <= {*row.item, "flags", "key_size", "value_size", "max_entries", "btf"}
    assert_found_as_declared(host, told)


def test_a_map_of_maps_is_declared_by_what_it_holds(host: Host) -> None:
    host.make_pin(f"{BPFFS}/inner", key_size=6, value_size=8, max_entries=7)
    for number, kind in ((12, "array"), (13, "hash")):
        path = f"{BPFFS}/{kind}"
        host.make_pin(path, type=number, key_size=4, value_size=4, inner=f"{BPFFS}/inner")
        words = f"map update pinned {path} key 0 0 0 0 value pinned {BPFFS}/inner"
        host.run("bpftool", *words.split())
    told = adopted(host)
    maps = declared(told, "maps")
    held = {"type": "hash", "key_size": 6, "value_size": 8, "max_entries": 7}
    assert [maps[f"{BPFFS}/{kind}"]["inner_map"] for kind in ("array", "hash")] == [held, held]
    assert told["undeclarable"] == []
    assert_found_as_declared(host, told)


def test_owners_modes_and_directories_are_told_where_they_are_not_usual(host: Host) -> None:
    host.shell(
        f"mkdir {BPFFS}/plain {BPFFS}/empty {BPFFS}/theirs; chown daemon:adm {BPFFS}/theirs\n"
        f"chmod 0750 {BPFFS}/theirs"
    )
    for name in ("plain/map", "theirs/map", "map"):
        host.make_pin(f"{BPFFS}/{name}")
    host.shell(f"chown daemon {BPFFS}/theirs/map; chmod 0640 {BPFFS}/map")
    told = adopted(host)
    assert declared(told, "directories") == {
        f"{BPFFS}/empty": {"path": f"{BPFFS}/empty"},
        f"{BPFFS}/theirs": {
            "path": f"{BPFFS}/theirs",
            "owner": "daemon",
            "group": "adm",
            "mode": "0750",
        },
    }
    access = {
        path: {key: item[key] for key in ("owner", "group", "mode") if key in item}
        for path, item in declared(told, "maps").items()
    }
    assert access == {
        f"{BPFFS}/map": {"mode": "0640"},
        f"{BPFFS}/plain/map": {},
        f"{BPFFS}/theirs/map": {"owner": "daemon"},
    }
    assert [each["path"] for each in told["remarks"]] == [f"{BPFFS}/theirs/map"]
    assert_found_as_declared(host, told)


# What others have pinned


@pytest.mark.every_python
def test_what_libbpf_pinned_is_declared_with_its_btf(host: Host) -> None:
    host.load("pins", f"{BPFFS}/app", f"{BPFFS}/app/prog")
    told = adopted(host)
    maps = declared(told, "maps")
    with_btf = {path for path, item in maps.items() if "btf" in item}
    assert with_btf == {path for path in maps if host.map_at(path).get("btf_id")}
    assert with_btf
    assert_found_as_declared(host, told)


def test_what_cilium_ebpf_pinned_is_declared(host: Host) -> None:
    host.run("mkdir", f"{BPFFS}/app")
    loaded = host.run(golang.loader(host.site), host.site.bpf_object("rules"), f"{BPFFS}/app")
    told = adopted(host)
    maps = declared(told, "maps")
    pinned = {path: host.map_at(path)["id"] for path in maps}
    assert {*pinned.values()} <= {*json.loads(loaded.stdout)["maps"].values()}
    assert pinned
    assert_found_as_declared(host, told)


def test_what_tc_pinned_is_declared(host: Host) -> None:
    script = (
        "ip link add eth0 type veth peer name peer0; tc qdisc add dev eth0 clsact; "
        f"tc filter add dev eth0 ingress bpf da obj {host.site.bpf_object('tenants')} sec tc"
    )
    host.run("unshare", "--net", "sh", "-ec", script)
    told = adopted(host)
    assert [*declared(told, "maps")]
    assert_found_as_declared(host, told)


def test_programs_are_declared_by_what_lasts_longest(host: Host) -> None:
    twins = unique()
    for pin, name in (("one", unique()), ("first", twins), ("second", twins)):
        program(host, f"{BPFFS}/{pin}", name)
    number = program(host, f"{BPFFS}/alike", alike := unique(), 7)
    program(host, f"{BPFFS}/like", alike, 7)
    host.run("ln", f"{BPFFS}/one", f"{BPFFS}/uno")
    told = adopted(host)
    items = declared(told, "objects")
    options = {path: {*item} & REFERENCES for path, item in items.items()}
    assert {path: each.pop() for path, each in options.items()} == {
        f"{BPFFS}/one": "prog_name",
        f"{BPFFS}/first": "prog_tag",
        f"{BPFFS}/second": "prog_tag",
        f"{BPFFS}/alike": "prog_id",
        f"{BPFFS}/like": "prog_id",
        f"{BPFFS}/uno": "source",
    }
    assert items[f"{BPFFS}/alike"]["prog_id"] == number
    assert {each["path"] for each in told["remarks"]} == {f"{BPFFS}/alike", f"{BPFFS}/like"}
    assert_found_as_declared(host, told)


def test_programs_are_declared_by_their_object_file_if_it_is_known(host: Host) -> None:
    host.shell("mount -t tmpfs -o mode=0755 run /run; mkdir /run/objects")
    source = host.site.bpf_object("counted")
    host.shell(f"cp {source} /run/objects/counted.o; cp {source} /run/objects/other.o")
    host.shell("echo >> /run/objects/other.o; echo > /run/objects/none.o")
    app, words = f"{BPFFS}/app", {"object": "/run/objects/counted.o", "mode": "0640"}
    host.module("bpf_program_pinned", directory=app, **words).good()
    by_name = adopted(host)
    assert "programs" not in by_name["declaration"]
    assert {*declared(by_name, "objects")} == {f"{app}/count_all", f"{app}/drop_all"}
    told = adopted(host, objects=["/run/objects/counted.o", "/run/objects/none.o"])
    assert told["declaration"]["directory"] == app
    assert told["declaration"]["programs"] == [
        {**words, "programs": [{"name": "count_all"}, {"name": "drop_all"}]}
    ]
    assert [each["path"] for each in told["remarks"]] == ["/run/objects/none.o"]
    assert_found_as_declared(host, told)
    # Another file has programs of these names, and nothing says that they are from there.
    told = adopted(host, objects=["/run/objects/other.o"])
    assert {*declared(told, "objects")} == {f"{app}/count_all", f"{app}/drop_all"}
    remarks = {each["path"]: each["remark"] for each in told["remarks"]}
    assert {*remarks} == {f"{app}/count_all", f"{app}/drop_all"}
    assert all("/run/objects/other.o has a program" in each for each in remarks.values())
    assert_found_as_declared(host, told)


def test_what_cannot_be_declared_is_told_with_the_reason(host: Host) -> None:
    there = pinned_by_others(host)
    host.shell(f"ln -s /nowhere {BPFFS}/symlink")
    told = adopted(host)
    assert left(told) == {
        f"{BPFFS}/symlink": "it is a symlink to /nowhere, not a pin: nothing is declared of it"
    }
    assert declared(told, "objects")[f"{FROM}/prog"]["prog_name"] == there.prog_name
    assert_found_as_declared(host, told)


# Links


def test_every_link_is_declared_with_what_it_is_attached_to(
    hooks: Hooks, subtests: pytest.Subtests
) -> None:
    host = hooks.host
    # What others see in /run is left as it is.
    host.shell(f"mount -t tmpfs tmpfs /run; mkdir {NETWORKS}; touch {NETWORKS}/blue")
    host.run("mount", "--bind", hooks.network, f"{NETWORKS}/blue")
    links = {}
    for each, row in ROWS.items():
        with subtests.test(f"{each} is loaded"):
            hooks.load(row.programs[0], *row.numbers, pin=f"{LOADED}/{each}")
            links[each] = {
                "path": f"{LINKS}/{each}",
                "program": f"{LOADED}/{each}",
                "attach": hooks.declared(each),
            }
    hooks.make_maps()
    host.module("bpf_link_pinned", links=list(links.values())).good()
    told = adopted(host)
    found = declared(told, "links")
    for each, link in links.items():
        with subtests.test(each):
            path = link["path"]
            expected = {**link["attach"]}
            if "namespace" in expected:
                expected["namespace"] = "blue"
            if each == "netfilter":  # of which the kernel tells no namespace
                del expected["namespace"]
            if each == "xdp":
                expected["mode"] = "generic" if "xdpgeneric" in str(hooks.on("v0")) else "native"
                expected = {k: v for k, v in expected.items() if v != "native"}
            attach = found[path]["attach"]
            if "cgroup" in attach:  # which may be mounted elsewhere, too
                shown = host.run("stat", "-c", "%i", attach["cgroup"], expected["cgroup"])
                assert len({*shown.stdout.split()}) == 1
                attach = {**attach, "cgroup": expected["cgroup"]}
            assert attach == expected
            assert found[path]["program"] == link["program"]
    assert_found_as_declared(host, told)


def test_a_link_is_told_by_its_id_or_left_where_no_more_can_be_said(hooks: Hooks) -> None:
    host = hooks.host
    for pin in ("gone", "alone"):
        hooks.load("xdp_old" if pin == "gone" else "tc_old", pin=f"{LOADED}/{pin}")
    host.run(*hooks.inside("ip", "link", "add", "v2", "type", "veth"))
    attach = {"namespace": hooks.network}
    host.module(
        "bpf_link_pinned",
        directory=LINKS,
        links=[
            {
                "name": "severed",
                "program": f"{LOADED}/gone",
                "attach": {"type": "xdp", "interface": "v2", **attach},
            },
            {
                "name": "alone",
                "program": f"{LOADED}/alone",
                "attach": {"type": "tcx_ingress", "interface": "v0", **attach},
            },
        ],
    ).good()
    host.run(*hooks.inside("ip", "link", "del", "v2"))
    host.run("rm", f"{LOADED}/alone")
    told = adopted(host)
    assert [*left(told)] == [f"{LINKS}/severed"]
    assert "attached to nothing any more" in left(told)[f"{LINKS}/severed"]
    number = hooks.link(f"{LINKS}/alone")["id"]
    assert declared(told, "objects")[f"{LINKS}/alone"]["link_id"] == number
    assert_found_as_declared(host, told)


# Entries


def test_entries_are_told_where_they_are_asked_for(host: Host) -> None:
    for name, words in {
        "ports": "type hash key 2 value 4 entries 8 name ports",
        "counts": "type percpu_array key 4 value 8 entries 4 name counts",
        "blocked": "type lpm_trie key 8 value 1 entries 8 name blocked flags 1",
        "queue": "type queue key 0 value 4 entries 8 name queue",
    }.items():
        host.run("bpftool", "map", "create", f"{BPFFS}/{name}", *words.split())
    host.make_pin(f"{BPFFS}/outer", type=12, key_size=4, value_size=4, inner=f"{BPFFS}/ports")
    for name, key, value in (
        ("ports", "hex 01 bb", "hex 01 00 00 00"),
        ("ports", "hex 00 50", "hex 02 00 00 00"),
        ("blocked", "hex 18 00 00 00 c6 33 64 00", "hex 01"),
        ("outer", "hex 00 00 00 00", f"pinned {BPFFS}/ports"),
    ):
        words = f"map update pinned {BPFFS}/{name} key {key} value {value}"
        host.run("bpftool", *words.split())
    assert not any("entries" in item for item in declared(adopted(host), "maps").values())
    formats = {
        f"{BPFFS}/blocked": {"key_format": "cidr4", "value_format": "u8"},
        f"{BPFFS}/nowhere": {"key_format": "cidr4"},
    }
    told = adopted(host, entries=True, formats=formats)
    maps = declared(told, "maps")
    entries = {path: item.get("entries") for path, item in maps.items()}
    assert entries == {
        f"{BPFFS}/ports": [
            {"key": "0x00 0x50", "value": "0x02 0x00 0x00 0x00"},
            {"key": "0x01 0xbb", "value": "0x01 0x00 0x00 0x00"},
        ],
        f"{BPFFS}/counts": None,
        f"{BPFFS}/blocked": [{"key": "198.51.100.0/24", "value": 1}],
        f"{BPFFS}/queue": None,
        f"{BPFFS}/outer": [{"key": 0, "value": f"{BPFFS}/ports"}],
    }
    assert {each["path"] for each in told["remarks"]} == {f"{BPFFS}/queue", f"{BPFFS}/nowhere"}
    assert_found_as_declared(host, told)
    host.run("bpftool", *f"map delete pinned {BPFFS}/ports key hex 00 50".split())
    drift = host.module("bpf_host", check=True, **told["declaration"]).good()
    assert drift.changed


def test_of_very_many_entries_it_is_said_where_they_belong(host: Host) -> None:
    host.make_pin(f"{BPFFS}/many", type=2, key_size=4, value_size=4, max_entries=1001)
    dump = [{"key": number, "value": 1} for number in range(1001)]
    host.module("bpf_map_entries", path=f"{BPFFS}/many", value_format="u32", entries=dump).good()
    told = adopted(host, entries=True)
    (item,) = declared(told, "maps").values()
    assert "entries" not in item
    (remark,) = told["remarks"]
    assert "entries_from" in remark["remark"]


# On the host itself

ADOPT = """
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from _core.adopt.adopt import Question, adopt
text, said = adopt(Question(formats={}))
sys.stdout.write(text)
sys.stderr.write(said)
"""


def test_what_a_host_prints_by_itself_is_what_the_playbooks_take(host: Host) -> None:
    host.load("pins", f"{BPFFS}/app", f"{BPFFS}/app/prog")
    host.make_pin(f"{BPFFS}/with blank")
    host.shell(f"mkdir {host.scratch}/more; mount -t bpf bpf {host.scratch}/more")
    host.make_pin(f"{host.scratch}/more/map")
    host.shell(f"ln -s nowhere {BPFFS}/symlink")
    core = str(CHECKOUT / "plugins" / "module_utils")
    printed = host.run(host.site.python, "-c", ADOPT, core)
    assert f"{BPFFS}/symlink: not declared" in printed.stderr
    file = host.scratch / "adopted.yml"
    file.write_text(printed.stdout)
    words = ("ebpf.pinning.drift", "-e", f"@{file}")
    drift = host.ansible_playbook(*words)
    assert drift.code == 0, drift.output
    host.run("rm", f"{BPFFS}/with blank")
    again = host.ansible_playbook(*words)
    assert again.code == 2, again.output
