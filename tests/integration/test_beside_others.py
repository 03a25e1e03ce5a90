# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of what others do, in README and docs/compared.md: by the others themselves.

What this collection does is in the tests that docs/compared.md names.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Task, task
from harness.samples import APP
from harness.site import CHECKOUT
from link_table import hooks_of
from mount_table import access, mounts_at
from restoring import keep_apart

RIVALS = CHECKOUT / ".cache" / "rivals" / "ansible_collections" / "ansible"


@pytest.fixture(autouse=True)
def _posix(host: Host) -> None:
    if not RIVALS.exists():
        pytest.fail("ansible.posix is not here: run `make posix`, or `make kernel`")
    place = host.site.scratch / "ansible_collections" / "ansible"
    if not place.exists():
        place.symlink_to(RIVALS)
    keep_apart(host)


def _mount(check: bool = False, **more: str) -> Task:
    words = {"path": BPFFS, "src": "bpf", "fstype": "bpf", "state": "mounted", **more}
    return task("ansible.posix.mount", check=check, **words)


def _create(host: Host, name: str, entries: int = 16) -> str:
    """What bpftool says when it is to make a map; nothing if it does."""
    shape = f"type hash key 4 value 8 entries {entries} name {name}"
    done = host.run("bpftool", "map", "create", f"{APP}/{name}", *shape.split(), check=False)
    return done.stdout + done.stderr if done.returncode else ""


def _load(host: Host, pin_root: str) -> tuple[int, str]:
    """The exit code and the complaints of an application that uses libbpf."""
    words = (host.site.program("load"), host.site.bpf_object("pins"), pin_root)
    done = host.run(*words, check=False)
    return done.returncode, done.stderr


def test_who_mounts_a_bpffs(bare_host: Host) -> None:
    keep_apart(bare_host)
    code, complaint = _load(bare_host, BPFFS)
    assert code != 0
    assert "is not on BPF FS" in complaint
    assert mounts_at(bare_host, BPFFS) == []

    bare_host.run(
        *f"bpftool map create {BPFFS}/x type array key 4 value 4 entries 1 name x".split()
    )
    *_beneath, row = mounts_at(bare_host, BPFFS)  # it may bind the directory to itself first
    assert row.fstype == "bpf"
    bare_host.shell(f"while mountpoint -q {BPFFS}; do umount {BPFFS}; done")

    first, second = bare_host.playbook([_mount(opts="mode=0700")] * 2)
    assert (first.good().changed, second.good().changed) == (True, False)
    assert len(mounts_at(bare_host, BPFFS)) == 1


def test_who_sees_that_a_mount_has_other_flags_or_another_mode(bare_host: Host) -> None:
    keep_apart(bare_host)
    bare_host.playbook([_mount(opts="nosuid,mode=0700")])[0].good()
    bare_host.shell(f"mount -o remount,bind,suid {BPFFS}; chmod 0777 {BPFFS}")
    (result,) = bare_host.playbook([_mount(opts="nosuid,mode=0700")])
    assert not result.good().changed
    (row,) = mounts_at(bare_host, BPFFS)
    assert "nosuid" not in row.flags
    assert access(bare_host, BPFFS).startswith("777 ")
    # It can be told to remount, which it then does each time: that sets flags, and no mode.
    remounted = bare_host.playbook([_mount(opts="nosuid,mode=0700", state="remounted")] * 2)
    assert [each.good().changed for each in remounted] == [True, True]
    (row,) = mounts_at(bare_host, BPFFS)
    assert "nosuid" in row.flags
    assert access(bare_host, BPFFS).startswith("777 ")


def test_who_takes_a_pinned_map_as_it_is_or_makes_it(host: Host) -> None:
    host.run("mkdir", APP)
    assert _create(host, "flows") == ""
    assert "File exists" in _create(host, "flows")
    host.run("rm", f"{APP}/flows")

    first, second = host.load("pins", APP), host.load("pins", APP)
    assert first == second


def test_who_says_which_fields_of_a_map_differ(host: Host) -> None:
    host.run("mkdir", APP)
    _create(host, "counters", 70_001)  # no number of a scratch directory, which is in what they say
    said = _create(host, "counters", 16)
    assert "File exists" in said
    assert "70001" not in said

    code, complaint = _load(host, APP)
    assert code != 0
    assert "parameter mismatch" in complaint
    assert "70001" not in complaint


def test_who_exchanges_a_map_for_one_of_another_shape(host: Host) -> None:
    host.run("mkdir", APP)
    _create(host, "counters", 17)
    before = host.map_at(f"{APP}/counters")["id"]
    _create(host, "counters", 16)
    _load(host, APP)
    assert host.map_at(f"{APP}/counters")["id"] == before


def test_who_sets_owner_and_mode_of_a_pin(host: Host) -> None:
    host.run("mkdir", APP)
    _create(host, "flows")
    assert access(host, f"{APP}/flows") == "600 0 0"
    host.load("pins", APP)
    assert access(host, f"{APP}/counters") == "600 0 0"
    for words in ("map help", "map pin help"):
        said = host.run("bpftool", *words.split(), check=False)
        assert not {"mode", "owner", "group"} & set((said.stdout + said.stderr).lower().split())


def test_who_says_what_would_change(bare_host: Host) -> None:
    keep_apart(bare_host)
    fstab = bare_host.shell("cat /etc/fstab")
    (result,) = bare_host.playbook([_mount(check=True)])
    assert result.good().changed
    assert mounts_at(bare_host, BPFFS) == []
    assert bare_host.shell("cat /etc/fstab") == fstab
    said = bare_host.run("bpftool", "map", "help", check=False)
    assert "dry" not in said.stdout + said.stderr


def test_who_takes_pins_away(host: Host) -> None:
    said = host.run("bpftool", "map", "help", check=False)
    assert "unpin" not in said.stdout + said.stderr
    host.run("mkdir", APP)
    Path(host.scratch / "other").write_text("not a pin")
    # `rm` asks nobody: a pin, or what only stands where one was expected.
    _create(host, "flows")
    host.run("rm", f"{APP}/flows", str(host.scratch / "other"))
    assert not os.path.exists(host.scratch / "other")
    assert ctypes.CDLL("libbpf.so.1").bpf_map__unpin


def test_what_comes_back_after_a_restart(bare_host: Host) -> None:
    keep_apart(bare_host)
    bare_host.playbook([_mount()])[0].good()
    bare_host.run("mkdir", APP)
    _create(bare_host, "flows")
    bare_host.shell(f"umount {BPFFS}; mount -a")
    assert len(mounts_at(bare_host, BPFFS)) == 1
    assert "app" not in bare_host.shell(f"ls -A {BPFFS}").split()


def test_who_loads_programs(host: Host) -> None:
    host.run("mkdir", APP)
    host.load("pins", APP, f"{BPFFS}/by_libbpf")
    path = host.site.bpf_object("pins")
    host.run("bpftool", "prog", "load", path, f"{BPFFS}/by_bpftool")
    for name in ("by_libbpf", "by_bpftool"):
        assert host.bpftool("prog", "show", "pinned", f"{BPFFS}/{name}")["id"]
    # bpf_object_pinned pins a program that is there already, and says so of one that is not.
    wanted = {"path": f"{BPFFS}/mine", "prog_name": "never_loaded"}
    result = host.module("bpf_object_pinned", **wanted)
    assert result.failed
    assert "never_loaded" in result.msg


def test_who_attaches_programs(host: Host) -> None:
    host.load("linked", APP, f"{BPFFS}/prog", f"{BPFFS}/by_libbpf")
    assert host.bpftool("link", "show", "pinned", f"{BPFFS}/by_libbpf")["type"] == "raw_tracepoint"
    with hooks_of(host) as hooks:
        program = hooks.load("xdp_old")
        words = ["net", "attach", "xdp", "id", str(program), "dev", "v0"]
        host.run(*hooks.inside("bpftool", *words))
        assert hooks.xdp() == program
        links = host.bpftool("link", "show")
        assert program not in [each.get("prog_id") for each in links]  # nothing for a pin to hold
        taken = host.run(*hooks.inside("bpftool", *words), check=False)
        assert taken.returncode
        words[4] = str(hooks.load("xdp_new"))
        host.run(*hooks.inside("bpftool", *words, "overwrite"))
        assert hooks.xdp() == int(words[4])
