# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bpf_preflight tells of a host, before anything is loaded there."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from test_elf_maps import compiled, lookup
from test_examples import examples

HASH = """
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
struct value { long packets; long bytes; };
struct {
    __uint(type, 1);
    __type(key, int);
    __type(value, struct value);
    __uint(max_entries, 16);
    __uint(pinning, 1);
} flows __attribute__((section(".maps"), used));
char _license[] __attribute__((section("license"), used)) = "GPL";
"""


@pytest.mark.every_python
def test_nothing_pinned_is_missing_and_good(host: Host) -> None:
    path = compiled(host, "flows.bpf.o", HASH)
    before = host.inventory()
    result = host.module("bpf_preflight", object=path).good()
    assert result["ok"] is True
    (found,) = result["maps"]
    told = found["name"], found["path"], found["verdict"]
    assert told == ("flows", f"{BPFFS}/flows", "missing")
    assert host.inventory() == before


def test_a_map_of_another_size_is_refused(host: Host) -> None:
    path = compiled(host, "flows.bpf.o", HASH)
    host.make_pin(f"{BPFFS}/flows", max_entries=8)
    result = host.module("bpf_preflight", object=path)
    assert result.failed
    (found,) = result["maps"]
    assert found["verdict"] == "refused"
    assert [each["field"] for each in found["differences"]] == ["value_size", "max_entries"]
    assert "max_entries is 16 in the object, 8 in the pin" in result.msg


GROWN = HASH.replace("long packets;", "long packets; long timer;")


def pinned_by_libbpf(host: Host, source: str, directory: str = BPFFS) -> str:
    """An object that was loaded, so that its map is pinned."""
    path = compiled(host, "old.bpf.o", source)
    host.run(host.site.program("load"), path, directory)
    return path


@pytest.mark.every_python
def test_what_has_become_of_fields_is_told_by_name(host: Host) -> None:
    pinned_by_libbpf(host, HASH)
    result = host.module("bpf_preflight", object=compiled(host, "new.bpf.o", GROWN), fail=False)
    (found,) = result.good()["maps"]
    assert found["fields"] == [
        "value grew from 16 to 24 bytes",
        "field timer added at 8 (8 bytes)",
        "field bytes moved from 8 to 16",
    ]
    assert found["migration"]["fits"] is False  # bytes would come to lie elsewhere


def test_a_layout_of_the_same_size_is_used_unnoticed(host: Host) -> None:
    pinned_by_libbpf(host, HASH)
    swapped = HASH.replace("long packets; long bytes;", "long bytes; long packets;")
    path = compiled(host, "new.bpf.o", swapped)
    result = host.module("bpf_preflight", object=path)
    assert result.failed
    (found,) = result["maps"]
    assert found["verdict"] == "unnoticed"
    assert found["fields"] == ["field bytes moved from 8 to 0", "field packets moved from 0 to 8"]
    used = host.run(host.site.program("load"), path, BPFFS)  # and so it is
    assert f'"flows": {found["id"]}' in used.stdout


def playbook(host: Host, path: str, *options: str) -> Any:
    extra = [word for option in (f"object={path}", *options) for word in ("-e", option)]
    return host.ansible_playbook("ebpf.pinning.preflight", *extra)


@pytest.mark.every_core
def test_the_playbook_tells_and_its_exit_code_is_the_verdict(host: Host, tmp_path: Path) -> None:
    pinned_by_libbpf(host, HASH)
    before = host.inventory()
    new = compiled(host, "new.bpf.o", GROWN)
    forms = {form: tmp_path / f"report.{form}" for form in ("json", "markdown", "junit", "html")}
    options = [f"preflight_{form}={path}" for form, path in forms.items()]
    run = playbook(host, new, *options)
    assert run.code == 2, run.output
    assert "flows: refused, on localhost" in run.output
    assert "field timer added at 8 (8 bytes)" in run.output
    assert host.inventory() == before
    report = json.loads(forms["json"].read_text())
    assert report["hosts"] == {"good": 0, "bad": 1, "failed": 0, "unreachable": 0}
    (found,) = report["report"][0]["maps"]
    assert (found["name"], found["verdict"]) == ("flows", "refused")
    suites = ET.fromstring(forms["junit"].read_text())
    (suite,) = suites
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert "field bytes moved from 8 to 16" in forms["markdown"].read_text()
    assert "field bytes moved from 8 to 16" in forms["html"].read_text()
    quiet = playbook(host, new, "preflight_fail=false")
    assert quiet.code == 0, quiet.output
    same = playbook(host, str(host.scratch / "old.bpf.o"))
    assert same.code == 0, same.output
    assert "1 host: 1 good" in same.output


def test_the_playbook_finds_the_object_where_it_is_started(host: Host) -> None:
    compiled(host, "new.bpf.o", HASH)
    run = host.run(
        *("env", "-C", str(host.scratch), host.site.playbook_command),
        *("-i", str(host.inventory_file()), "ebpf.pinning.preflight", "-e", "object=new.bpf.o"),
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "flows: to be made, on localhost" in run.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "object: missing.bpf.o: it is not on the controller"),
        (["preflight_loader=tc"], "value of loader must be one of"),
        (["preflight_directory=relative"], "is not absolute"),
        (["{preflight_pins: {other: /sys/fs/bpf/x}}"], "there is no 'other' in the object file"),
    ],
)
def test_what_cannot_be_asked_is_told(host: Host, options: list[str], told: str) -> None:
    path = compiled(host, "new.bpf.o", HASH) if options else "missing.bpf.o"
    run = playbook(host, path, *options)
    assert run.code == 2
    assert told in run.output


def test_no_host_is_no_success(host: Host) -> None:
    run = playbook(host, compiled(host, "new.bpf.o", HASH), "preflight_hosts=nobody")
    assert run.code == 3, run.output
    assert "no host was looked at" in run.output


def preflight(host: Host, path: str, **options: Any) -> dict[str, Any]:
    """What is told of the one map, whether it is good or not."""
    result = host.module("bpf_preflight", object=path, fail=False, **options).good()
    (found,) = result["maps"]
    return {**found, "lacks": result["lacks"], "ok": result["ok"]}


def test_the_programs_that_have_the_old_map_are_told(host: Host) -> None:
    ids = host.load("pins", BPFFS, f"{BPFFS}/prog")
    program = host.bpftool("prog", "show", "pinned", f"{BPFFS}/prog")
    name = next(each for each, number in ids.items() if number in program["map_ids"])
    path = compiled(host, "new.bpf.o", HASH)
    found = preflight(host, path, pins={"flows": f"{BPFFS}/{name}"})
    assert found["verdict"] == "refused"
    assert found["id"] == ids[name]
    assert program["id"] in [each["id"] for each in found["programs"]]


def test_a_map_elsewhere_is_looked_at_where_the_user_says(host: Host) -> None:
    host.run("mkdir", f"{BPFFS}/agent")
    pinned_by_libbpf(host, HASH, f"{BPFFS}/agent")
    path = compiled(host, "new.bpf.o", HASH)
    assert preflight(host, path)["verdict"] == "missing"
    found = preflight(host, path, pins={"flows": f"{BPFFS}/agent/flows"})
    assert (found["verdict"], found["path"]) == ("fits", f"{BPFFS}/agent/flows")


def test_a_map_that_the_object_does_not_pin_is_looked_at_only_where_the_user_says(
    host: Host,
) -> None:
    path = compiled(host, "new.bpf.o", HASH.replace("__uint(pinning, 1);", ""))
    host.make_pin(f"{BPFFS}/flows", max_entries=8)
    found = preflight(host, path)
    assert (found["verdict"], found["path"]) == ("missing", None)
    assert preflight(host, path, pins={"flows": f"{BPFFS}/flows"})["verdict"] == "refused"


def test_a_symlink_is_not_followed_and_said_to_be_followed_by_loaders(host: Host) -> None:
    host.make_pin(f"{BPFFS}/other", value_size=16, max_entries=16)
    link = host.scratch / "link"
    host.shell(f"ln -s {BPFFS}/other {BPFFS}/flows; ln -s {BPFFS} {link}")
    path = compiled(host, "new.bpf.o", HASH)
    for options in ({}, {"directory": str(link)}):
        found = preflight(host, path, **options)
        assert (found["verdict"], found["ok"]) == ("unknown", False)
        assert "symlink" in found["reasons"][0]


def test_what_another_name_in_the_kernel_leads_to_is_told(host: Host) -> None:
    """And so it is: libbpf then calls the map by that name."""
    host.make_pin(f"{BPFFS}/flows", value_size=16, max_entries=16, name="made")
    path = compiled(host, "new.bpf.o", HASH)
    found = preflight(host, path)
    assert found["verdict"] == "fits"
    assert any("its name in the kernel is 'made'" in note for note in found["notes"])
    used = json.loads(host.run(host.site.program("load"), path, BPFFS).stdout)
    assert used == {"made": found["id"]}


@pytest.mark.parametrize("name", ["flo", "flows", "flows_of_a_very", "flows_of_a_verx", ""])
def test_a_name_is_taken_over_as_libbpf_does(host: Host, name: str) -> None:
    long = "flows_of_a_very_long_name"
    host.make_pin(f"{BPFFS}/{long}", value_size=16, max_entries=16, name=name)
    path = compiled(host, "new.bpf.o", HASH.replace("} flows", f"}} {long}"))
    notes = preflight(host, path)["notes"]
    used = json.loads(host.run(host.site.program("load"), path, BPFFS).stdout)
    assert any("its name in the kernel" in note for note in notes) is (long not in used)


def test_a_pin_of_another_user_is_taken_and_told(host: Host) -> None:
    host.make_pin(f"{BPFFS}/flows", value_size=16, max_entries=16, name="flows")
    host.run("chown", "1", f"{BPFFS}/flows")
    found = preflight(host, compiled(host, "new.bpf.o", HASH))
    assert found["verdict"] == "fits"
    assert "it belongs to uid 1, and no loader minds" in found["notes"]


CALL = """
__attribute__((section("socket"), used)) int calls(void *context) { %s return 0; }
"""
ASKING = """
enum bpf_func_id { BPF_FUNC_new = 5000 };
__attribute__((section("socket"), used)) int asks(void *context)
{
    return __builtin_preserve_enum_value(*(typeof(enum bpf_func_id) *)BPF_FUNC_new, 0);
}
"""
CORE = """
struct task_struct { int pid; } __attribute__((preserve_access_index));
__attribute__((section("socket"), used)) int reads(struct task_struct *task) { return task->pid; }
"""


@pytest.mark.every_python
def test_a_function_that_the_kernel_does_not_have_is_told_by_its_number(host: Host) -> None:
    known = CALL % 'asm volatile("call 7" ::: "r0", "r1", "r2", "r3", "r4", "r5");'
    path = compiled(host, "known.bpf.o", HASH + known)
    assert preflight(host, path)["lacks"] == []
    new = known.replace("call 7", "call 5000")
    found = preflight(host, compiled(host, "new.bpf.o", HASH + new))
    assert found["lacks"] == [
        "the programs call the helper number 5000, which this kernel does not have"
    ]
    assert found["ok"] is False
    found = preflight(host, compiled(host, "asking.bpf.o", HASH + ASKING + new))
    assert (found["lacks"], found["ok"]) == ([], True)


def test_what_needs_the_btf_of_the_kernel_lacks_it_where_there_is_none(host: Host) -> None:
    plain, core = (
        compiled(host, name, HASH + more)
        for name, more in (("plain.bpf.o", CALL % ""), ("core.bpf.o", CORE))
    )
    assert preflight(host, core)["lacks"] == []
    host.shell("mount -t tmpfs none /sys/kernel/btf")
    assert preflight(host, plain)["lacks"] == []
    (lack,) = preflight(host, core)["lacks"]
    assert lack.startswith("this kernel has no BTF of its own")


def test_the_map_of_a_type_that_no_kernel_makes_so_is_lacking(host: Host) -> None:
    source = HASH.replace("__uint(pinning, 1);", "__uint(map_flags, 0x2);")
    found = preflight(host, compiled(host, "new.bpf.o", source))
    (lack,) = found["lacks"]
    assert lack.startswith("map flows: this kernel does not make it: MAP_CREATE: EINVAL")


def test_a_legacy_definition_is_compared_for_aya_and_refused_for_others(host: Host) -> None:
    legacy = """
    struct { int type, key_size, value_size, max_entries, map_flags, id, pinning; } flows
        __attribute__((section("maps"), used)) = {1, 4, 16, 16, 0, 0, 1};
    char _license[] __attribute__((section("license"), used)) = "GPL";
    """
    path = compiled(host, "legacy.bpf.o", legacy)
    host.make_pin(f"{BPFFS}/flows", value_size=8, max_entries=16)
    refused = host.module("bpf_preflight", object=path)
    assert "legacy map definitions" in refused.msg
    found = preflight(host, path, loader="aya")
    assert found["verdict"] == "unnoticed"
    assert "value_size: want 16, have 8" in found["reasons"][0]


def test_an_object_without_maps_is_good(host: Host) -> None:
    result = host.module("bpf_preflight", object=compiled(host, "new.bpf.o", CALL % ""))
    assert result.good()["maps"] == []
    assert result["ok"] is True


def test_a_file_that_is_no_object_file_is_told_on_the_controller(host: Host) -> None:
    (host.scratch / "text").write_text("no object file")
    for path in ("/etc", str(host.scratch / "text")):
        result = host.module("bpf_preflight", object=path)
        assert result.failed
        assert result.msg.startswith(f"object: {path}: ")


def test_nobody_learns_less_but_no_wrong(host: Host) -> None:
    """Without capabilities the kernel does not even open the pin."""
    pinned_by_libbpf(host, HASH)
    path = compiled(host, "new.bpf.o", HASH)
    run = host.playbook([{**task("bpf_preflight", object=path, fail=False), **host.as_nobody()}])
    (found,) = run[0].good()["maps"]
    assert found["verdict"] == "unknown"


# By what the new object says of the map that the old one pinned: whether the entries would fit.
MIGRATIONS = {
    "more entries": (HASH.replace("max_entries, 16", "max_entries, 32"), True),
    "room for some of them only": (HASH.replace("max_entries, 16", "max_entries, 4"), False),
    "a field more at the end": (HASH.replace("long bytes;", "long bytes, rest;"), True),
    "a field less": (HASH.replace("long bytes;", ""), False),
    "another key": (HASH.replace("__type(key, int);", "__type(key, long);"), False),
    "a kind of map that takes them": (HASH.replace("type, 1)", "type, 9)"), True),
}


@pytest.mark.parametrize("about", MIGRATIONS)
def test_entries_would_fit_where_they_do(host: Host, about: str) -> None:
    source, fits = MIGRATIONS[about]
    pinned_by_libbpf(host, HASH)
    for number in range(8):
        key = f"pinned {BPFFS}/flows key {number} 0 0 0"
        host.run("bpftool", "map", "update", *key.split(), "value", *["1"] * 16)
    path = compiled(host, "new.bpf.o", source)
    found = preflight(host, path)
    assert found["verdict"] == "refused"
    assert found["migration"]["fits"] is fits, found["migration"]
    policy = {"on_mismatch": "migrate", "value_growth": "zero_pad"}
    done = host.module("bpf_map_pinned", directory=BPFFS, maps=lookup(path), **policy)
    assert done.failed is not fits
    if fits:
        assert found["migration"]["entries"] == done["maps"][0]["copied"] == 8
        assert preflight(host, path)["verdict"] == "fits"


@pytest.mark.every_core
def test_the_examples_run_and_change_nothing(host: Host) -> None:
    first, second, third, fourth = examples("bpf_preflight")
    (host.scratch / "files").mkdir()
    compiled(host, "files/agent.bpf.o", GROWN)
    for place in (f"{BPFFS}/agent", f"{BPFFS}/tc/globals"):
        host.run("mkdir", "-p", place)
        pinned_by_libbpf(host, HASH, place)
    before = host.inventory()
    run = host.playbook([first, second, {**third, "ignore_errors": True}, fourth])
    told, shown, *stopped = run
    assert told.good()["ok"] is False
    assert [each["name"] for each in shown.good()["msg"]] == ["flows"]
    assert [(each.failed, each["ok"]) for each in stopped] == [(True, False)] * 2
    assert [each["maps"][0]["path"] for each in stopped] == [
        f"{BPFFS}/{place}/flows" for place in ("tc/globals", "agent")
    ]
    assert not any(each.changed for each in run)
    assert host.inventory() == before


def test_many_hosts_are_one_finding_and_those_that_do_not_answer_are_told(host: Host) -> None:
    pinned_by_libbpf(host, HASH)
    path = compiled(host, "new.bpf.o", GROWN)
    here = f"ansible_connection=local ansible_python_interpreter={host.site.python_of_modules}"
    lines = [f"web{number} {here}" for number in range(5)]
    lines.append("gone ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=9")
    (host.scratch / "fleet").write_text("\n".join(lines) + "\n")
    report = host.scratch / "report.json"
    run = host.run(
        *(host.site.playbook_command, "-i", str(host.scratch / "fleet")),
        *("ebpf.pinning.preflight", "-e", f"object={path}", "-e", f"preflight_json={report}"),
        check=False,
    )
    assert run.returncode == 4, run.stdout
    assert "flows: refused, on web0, web1, web2 and 2 more" in run.stdout
    assert "6 hosts: 5 not good, 1 unreachable" in run.stdout
    assert json.loads(report.read_text())["hosts"] == {
        "good": 0,
        "bad": 5,
        "failed": 0,
        "unreachable": 1,
    }
