# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_program_pinned: programs are loaded once, replaced whole, and never half."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result
from harness.site import DAEMON, Site

APP = f"{BPFFS}/app"
BOTH = ("count_all", "drop_all")
KERNEL_BTF = "/sys/kernel/btf/vmlinux"
NOTES = "/run/ebpf-pinning/programs"


@pytest.fixture
def folder(host: Host) -> str:
    """Where object files are, which only root writes to; /run is the host's own, too."""
    host.shell("mount -t tmpfs -o mode=0755 run /run; mkdir /run/objects")
    return "/run/objects"


def _put(host: Host, folder: str, source: str, name: str = "counted.bpf.o") -> str:
    host.shell(f"cp {source} {folder}/{name}.new; mv {folder}/{name}.new {folder}/{name}")
    return f"{folder}/{name}"


@pytest.fixture
def counted(host: Host, site: Site, folder: str) -> str:
    """c/counted.bpf.c on the host."""
    return _put(host, folder, site.bpf_object("counted"))


def _ids(host: Host, names: Sequence[str] = BOTH) -> dict[str, int]:
    return {name: _program(host, name)["id"] for name in names}


def _program(host: Host, name: str) -> dict[str, Any]:
    found: dict[str, Any] = host.bpftool("prog", "show", "pinned", f"{APP}/{name}")
    return found


def _names(host: Host) -> list[str]:
    return sorted(host.shell(f"ls {APP}").split())


def _loaded(host: Host) -> int:
    """How many programs there are that use the map of this test, pinned or not."""
    counts = host.map_at(f"{APP}/counts")["id"]
    return sum(counts in each.get("map_ids", ()) for each in host.bpftool("prog", "show"))


def _pinned(host: Host, path: str, **words: Any) -> Result:
    return host.module("bpf_program_pinned", object=path, directory=APP, **words)


@pytest.mark.every_python
def test_programs_are_loaded_with_their_maps_and_not_again(host: Host, counted: str) -> None:
    done = _pinned(host, counted).good()
    assert done.changed
    assert [each["action"] for each in done["programs"]] == ["created", "created"]
    for each in done["programs"]:
        shown = _program(host, each["name"])
        assert (each["id"], each["type"], each["tag"]) == (shown["id"], "xdp", shown["tag"])
    counts = host.map_at(f"{APP}/counts")
    assert counts["max_entries"] == 4
    assert [each["id"] for each in done["maps"]] == [counts["id"]]
    for name in BOTH:
        assert counts["id"] in _program(host, name)["map_ids"]
    before, ids = host.inventory(), _ids(host)
    again = _pinned(host, counted).good()
    assert not again.changed
    assert [each["action"] for each in again["programs"]] == ["unchanged", "unchanged"]
    assert (host.inventory(), _ids(host)) == (before, ids)


def test_another_file_replaces_all_programs_and_keeps_the_maps(
    host: Host, site: Site, folder: str, counted: str
) -> None:
    _pinned(host, counted).good()
    before, map_id = _ids(host), host.map_at(f"{APP}/counts")["id"]
    _put(host, folder, site.bpf_variant("counted", "-DSTEP=5"))
    checked = host.module("bpf_program_pinned", check=True, object=counted, directory=APP).good()
    assert _ids(host) == before
    done = _pinned(host, counted).good()
    for result in (checked, done):
        assert [each["action"] for each in result["programs"]] == ["replaced", "replaced"]
        assert [each["drift"][0]["field"] for each in result["programs"]] == ["object", "object"]
        assert [each["action"] for each in result["maps"]] == ["unchanged"]
    after = _ids(host)
    assert not {*before.values()} & {*after.values()}
    assert host.map_at(f"{APP}/counts")["id"] == map_id
    assert not _pinned(host, counted).good().changed


def test_a_check_loads_nothing(host: Host, counted: str) -> None:
    before = host.inventory()
    done = host.module("bpf_program_pinned", check=True, object=counted, directory=APP).good()
    assert done.changed
    assert [each["action"] for each in done["programs"]] == ["created", "created"]
    assert host.inventory() == before
    host.shell("! test -e /run/ebpf-pinning")


def test_variables_have_the_values_that_are_declared(host: Host, counted: str) -> None:
    values = {"step": 9, "limits": {"most": 3, "ports": [80, 443]}, "passed": 100, "seen": 5}
    _pinned(host, counted, globals=values).good()
    ids = [*_program(host, "count_all")["map_ids"], *_program(host, "drop_all")["map_ids"]]
    shown = {each["id"]: each for each in host.bpftool("map", "show")}
    sections = {
        shown[map_id]["name"].rpartition(".")[2]: host.bpftool("map", "dump", "id", str(map_id))
        for map_id in ids
        if "." in shown[map_id]["name"]
    }
    variables: dict[str, Any] = {}
    for dumped in sections.values():
        for section in dumped[0]["formatted"]["value"].values():
            for each in section:
                variables.update(each)
    assert variables == values
    before = _ids(host)
    assert not _pinned(host, counted, globals=values).good().changed
    done = _pinned(host, counted, globals={**values, "step": 10}).good()
    assert done["programs"][0]["drift"] == [
        {"field": "globals", "want": "as declared", "have": "other values"}
    ]
    assert not {*before.values()} & {*_ids(host).values()}


def test_no_result_has_a_value_of_a_variable(host: Host, counted: str) -> None:
    for values in ({"step": 918273}, {"step": 918273, "unknown": 918273}, {"seen": "918273x"}):
        done = _pinned(host, counted, globals=values)
        assert "918273" not in str(vars(done))


REFUSED_INPUT = {
    "a variable that there is not": (
        {"globals": {"stepp": 1}},
        "globals: there is no variable 'stepp' in the file: did you mean step? It has limits, "
        "passed, seen, step",
    ),
    "a value that does not fit": (
        {"globals": {"step": 2**32}},
        "globals: step: must be a whole number from 0 to 4294967295",
    ),
    "a program that there is not": (
        {"programs": [{"name": "count_al"}]},
        "programs: there is no 'count_al' in the file: did you mean count_all? It has count_all, "
        "drop_all, only_if_named",
    ),
    "a program twice": (
        {"programs": [{"name": "count_all"}, {"name": "count_all", "pin": "again"}]},
        "programs: count_all is listed twice: keep one",
    ),
    "one pin for two": (
        {"programs": [{"name": "count_all", "pin": "one"}, {"name": "drop_all", "pin": "one"}]},
        f"{APP}/one is to be drop_all of",
    ),
    "none that is loaded": (
        {"programs": [{"name": "count_all", "autoload": False}]},
        "programs lists none that is to be loaded: name one, or leave it out for all",
    ),
    "a map that there is not": (
        {"maps": {"count": "there"}},
        "maps: there is no 'count' in the file: it has counts, sources",
    ),
    "one pin for two maps": (
        {"maps": {"counts": "there", "sources": "there"}},
        f"maps: counts and sources are both to be {APP}/there: give one of them another pin",
    ),
    "a pin with a dot": (
        {"programs": [{"name": "count_all", "pin": "a.b"}]},
        "count_all: ",
    ),
}


@pytest.mark.parametrize("case", REFUSED_INPUT)
def test_what_cannot_be_is_refused_before_anything_is_done(
    host: Host, counted: str, case: str
) -> None:
    words, text = REFUSED_INPUT[case]
    before = host.inventory()
    done = _pinned(host, counted, **words)
    assert done.failed
    assert text in done.msg
    assert counted in done.msg or "is to be" in done.msg
    assert host.inventory() == before


def test_programs_are_chosen_and_named(host: Host, counted: str) -> None:
    chosen = [
        {"name": "drop_all", "pin": "first"},
        {"name": "only_if_named"},
        {"name": "count_all", "autoload": False},
    ]
    done = _pinned(host, counted, programs=chosen).good()
    assert [each["path"] for each in done["programs"]] == [f"{APP}/first", f"{APP}/only_if_named"]
    assert _program(host, "first")["name"] == "drop_all"
    assert _program(host, "only_if_named")["type"] == "socket_filter"
    assert _names(host) == ["counts", "first", "only_if_named"]


def test_a_map_is_another_pin_and_used_as_it_is(host: Host, counted: str) -> None:
    host.shell(f"mkdir {BPFFS}/maps")
    create = "type array key 4 value 8 entries 4 name of_all"
    host.shell(f"bpftool map create {BPFFS}/maps/of_all {create}")
    there = host.map_at(f"{BPFFS}/maps/of_all")["id"]
    words = {"maps": {"counts": "of_all", "sources": f"{BPFFS}/sources"}}
    done = _pinned(host, counted, maps_directory=f"{BPFFS}/maps", **words).good()
    assert {each["path"]: each["action"] for each in done["maps"]} == {
        f"{BPFFS}/maps/of_all": "unchanged",
        f"{BPFFS}/sources": "created",
    }
    sources = host.map_at(f"{BPFFS}/sources")["id"]
    assert {there, sources} <= {*_program(host, "count_all")["map_ids"]}
    assert not _pinned(host, counted, maps_directory=f"{BPFFS}/maps", **words).good().changed
    # Another map takes the name: the programs follow.
    host.shell(f"rm {BPFFS}/sources")
    again = _pinned(host, counted, maps_directory=f"{BPFFS}/maps", **words).good()
    assert [each["action"] for each in again["programs"]] == ["replaced", "replaced"]
    new = host.map_at(f"{BPFFS}/sources")["id"]
    assert new != sources
    assert new in _program(host, "count_all")["map_ids"]


def test_a_map_of_another_shape_is_refused_replaced_or_migrated(
    host: Host, site: Site, folder: str, counted: str
) -> None:
    _pinned(host, counted).good()
    host.shell(f"bpftool map update pinned {APP}/counts key 1 0 0 0 value 7 0 0 0 0 0 0 0")
    before, ids = host.inventory(), _ids(host)
    _put(host, folder, site.bpf_variant("counted", "-DCOUNTS=8"))
    refused = _pinned(host, counted)
    assert refused.failed
    assert "max_entries: want 8, have 4" in refused.msg
    assert (host.inventory(), _ids(host)) == (before, ids)
    done = _pinned(host, counted, on_mismatch="migrate").good()
    assert [each["action"] for each in done["maps"]] == ["migrated"]
    assert [each["action"] for each in done["programs"]] == ["replaced", "replaced"]
    counts = host.map_at(f"{APP}/counts")
    assert counts["max_entries"] == 8
    assert counts["id"] in _program(host, "count_all")["map_ids"]
    dumped = host.bpftool("map", "dump", "pinned", f"{APP}/counts")
    assert dumped[1]["formatted"] == {"key": 1, "value": 7}
    assert not _pinned(host, counted).good().changed


@pytest.mark.parametrize("on_mismatch", ["fail", "migrate"])
def test_what_the_verifier_refuses_leaves_all_as_it_was(
    host: Host, site: Site, folder: str, counted: str, on_mismatch: str
) -> None:
    """Whether or not a map is to be replaced first: it is tried before that."""
    _pinned(host, counted).good()
    notes = host.shell(f"cat {NOTES}/*")
    before, ids, loaded = host.inventory(), _ids(host), _loaded(host)
    size = ["-DCOUNTS=8"] if on_mismatch == "migrate" else []
    _put(host, folder, site.bpf_variant("counted", "-DREFUSED", *size))
    refused = _pinned(host, counted, on_mismatch=on_mismatch)
    assert refused.failed
    assert not refused.changed
    assert "count_all" in refused.msg
    assert "\n  invalid access to packet, off=0 size=4" in refused.msg  # the verifier's own words
    assert {each["action"] for each in refused["programs"]} == {"not_done"}
    assert (host.inventory(), _ids(host), _loaded(host)) == (before, ids, loaded)
    assert host.shell(f"cat {NOTES}/*") == notes
    (log,) = host.shell("ls /run/ebpf-pinning/logs/*").split()
    assert log in refused.msg
    assert "invalid access to packet" in host.shell(f"cat {log}")
    assert host.shell(f"stat -c %a:%u {log}").strip() == "600:0"


def test_a_program_of_unknown_origin_is_loaded_anew(host: Host, counted: str) -> None:
    host.shell(f"mkdir {APP}; bpftool prog load {counted} {APP}/count_all; rm {BPFFS}/counts")
    before = {"count_all": _program(host, "count_all")["id"]}
    done = _pinned(host, counted).good()
    assert [each["drift"] for each in done["programs"]] == [
        [{"field": "origin", "want": "known", "have": "unknown"}],
        [],
    ]
    after = _ids(host)
    assert not {*before.values()} & {*after.values()}
    host.shell(f"rm {NOTES}/{after['drop_all']}")
    again = _pinned(host, counted).good()
    assert [each["action"] for each in again["programs"]] == ["replaced", "replaced"]
    fields = [[change["field"] for change in each["drift"]] for each in again["programs"]]
    assert fields == [["loaded"], ["origin"]]


def test_a_pin_that_is_gone_is_made_anew_with_those_of_the_same_file(
    host: Host, counted: str
) -> None:
    """They share variables, so one of two loads would count for itself."""
    _pinned(host, counted).good()
    host.shell(f"rm {APP}/drop_all")
    done = _pinned(host, counted).good()
    assert [each["action"] for each in done["programs"]] == ["replaced", "created"]
    one, two = (set(_program(host, name)["map_ids"]) for name in BOTH)
    counts = host.map_at(f"{APP}/counts")["id"]
    assert len(one & two - {counts}) >= 1  # .bss


TAKEN = {
    "a map": (
        f"bpftool map create {APP}/count_all type array key 4 value 4 entries 1 name x",
        "a map",
    ),
    "a directory": (f"mkdir {APP}/count_all", "a directory"),
    "a symlink": (f"ln -s /etc/passwd {APP}/count_all", "a symlink"),
}


@pytest.mark.parametrize("case", TAKEN)
def test_only_programs_are_replaced(host: Host, counted: str, case: str) -> None:
    script, text = TAKEN[case]
    host.shell(f"mkdir {APP}; {script}")
    before = host.inventory()
    done = _pinned(host, counted)
    assert done.failed
    assert f"the name is taken by {text}" in done.msg
    assert host.inventory() == before


def test_programs_of_strangers_are_left_alone(host: Host, counted: str) -> None:
    _pinned(host, counted).good()
    host.shell(f"chown {DAEMON} {APP}/drop_all")
    before = host.inventory()
    done = _pinned(host, counted, globals={"step": 2})
    assert done.failed
    assert "the pin belongs to daemon" in done.msg
    assert host.inventory() == before
    assert not _pinned(host, counted, owner="daemon").good()["counts"]["programs"]["replaced"]


def test_owner_group_and_mode_are_set_and_kept(host: Host, counted: str) -> None:
    words = {"owner": "daemon", "group": "adm", "mode": "0640"}
    _pinned(host, counted, **words).good()
    shown = host.shell(f"stat -c %U:%G:%a {APP}/count_all {APP}/counts").split()
    assert shown == ["daemon:adm:640", "root:root:600"]
    ids = _ids(host)
    done = _pinned(host, counted, **{**words, "mode": "0600"}).good()
    assert [each["action"] for each in done["programs"]] == ["adjusted", "adjusted"]
    assert _ids(host) == ids
    _pinned(host, counted, owner="daemon", globals={"step": 3}).good()
    assert host.shell(f"stat -c %U:%G:%a {APP}/count_all").split() == ["daemon:adm:600"]


def test_pins_are_removed_and_maps_stay(host: Host, counted: str) -> None:
    _pinned(host, counted).good()
    for check in (True, False):
        done = host.module(
            "bpf_program_pinned", check=check, object=counted, directory=APP, state="absent"
        ).good()
        assert done.changed
        assert [(each["path"], each["action"]) for each in done["absent"]] == [
            (f"{APP}/drop_all", "removed"),
            (f"{APP}/count_all", "removed"),
        ]
    assert _names(host) == ["counts"]
    again = _pinned(host, counted, state="absent").good()
    assert not again.changed
    # It may be gone, too.
    named = host.module(
        "bpf_program_pinned", directory=APP, programs=[{"name": "drop_all"}], state="absent"
    )
    assert not named.good().changed


def test_notes_end_with_their_programs(host: Host, counted: str) -> None:
    _pinned(host, counted).good()
    first = _ids(host).values()
    assert host.shell(f"stat -c %a:%u {NOTES} {NOTES}/*").split() == ["700:0", "600:0", "600:0"]
    for step in (2, 3):
        _pinned(host, counted, globals={"step": step}).good()
    noted = {int(name) for name in host.shell(f"ls {NOTES}").split()}
    assert {*_ids(host).values()} <= noted
    assert not noted & {*first}


def _stages(host: Host) -> dict[int, int]:
    """What is in the prog_array: ids of programs, by index."""
    dumped = host.bpftool("map", "dump", "pinned", f"{APP}/stages")
    return {
        _number(entry["key"]): _number(entry["value"])
        for entry in dumped
        if isinstance(entry["value"], list)
    }


def _number(octets: list[str]) -> int:
    return int.from_bytes([int(each, 16) for each in octets], sys.byteorder)


def test_a_prog_array_is_filled_once_all_programs_are_loaded(
    host: Host, site: Site, folder: str
) -> None:
    """It is in use by the old ones: what the verifier refuses must not be in there, nor half."""
    names = ["first", "second", "third"]
    path = _put(host, folder, site.bpf_object("stages"), "stages.bpf.o")
    _pinned(host, path).good()
    ids = _ids(host, names)
    assert _stages(host) == {1: ids["second"], 3: ids["third"]}
    assert not _pinned(host, path).good().changed
    _put(host, folder, site.bpf_variant("stages", "-DREFUSED"), "stages.bpf.o")
    assert _pinned(host, path).failed
    assert _stages(host) == {1: ids["second"], 3: ids["third"]}
    _put(host, folder, site.bpf_variant("stages", "-DVERDICT=XDP_DROP"), "stages.bpf.o")
    _pinned(host, path).good()
    new = _ids(host, names)
    assert not {*new.values()} & {*ids.values()}
    assert _stages(host) == {1: new["second"], 3: new["third"]}


@pytest.mark.skipif(not Path(KERNEL_BTF).exists(), reason="a kernel without BTF")
def test_a_program_is_fitted_to_the_kernel(host: Host, site: Site, folder: str) -> None:
    """By the BTF of the kernel, or by that of a file: which one it was counts."""
    path = _put(host, folder, site.bpf_object("relocated"), "relocated.bpf.o")
    _pinned(host, path).good()
    before = _program(host, "at_pid")["id"]
    raw = host.shell(f"bpftool btf dump file {KERNEL_BTF} format raw")
    (struct,) = re.findall(r"^\[\d+\] STRUCT 'task_struct' .*\n((?:\t.*\n)+)", raw, re.M)
    (bits,) = re.findall(r"^\t'tgid' type_id=\d+ bits_offset=(\d+)", struct, re.M)
    code = host.shell(f"bpftool prog dump xlated pinned {APP}/at_pid")
    assert f"= {int(bits) // 8}\n" in code
    host.shell(f"cp {KERNEL_BTF} {folder}/kernel.btf")
    done = _pinned(host, path, kernel_btf=f"{folder}/kernel.btf").good()
    (drift,) = done["programs"][0]["drift"]
    assert (drift["field"], drift["have"]) == ("kernel_btf", "that of the kernel")
    assert drift["want"].startswith(f"{folder}/kernel.btf, sha256 ")
    assert _program(host, "at_pid")["id"] != before
    assert not _pinned(host, path, kernel_btf=f"{folder}/kernel.btf").good().changed
