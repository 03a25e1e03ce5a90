# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists and object files of the controller, kept on a host for its boots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.site import Site
from restoring import Fields, keep_apart, restart

MANIFESTS = "/etc/ebpf-pinning/restore.d"
MAP: Fields = {
    "type": "hash",
    "key_size": 4,
    "value_size": 4,
    "max_entries": 8,
    "key_format": "ipv4",
    "value_format": "u32",
}
LISTED: Fields = {"name": "blocked", **MAP, "entries_from": {"src": "blocked.txt"}}


@pytest.fixture
def files(host: Host, site: Site) -> Path:
    """The directory `files` beside the playbooks of a host whose /etc is its own."""
    keep_apart(host)
    folder = host.scratch / "files"
    folder.mkdir()
    (folder / "blocked.txt").write_text("192.0.2.77 1\n192.0.2.78 2\n")
    (folder / "counted.bpf.o").write_bytes(Path(site.bpf_object("counted")).read_bytes())
    return folder


def _wanted(module: str, **more: Any) -> dict[str, Any]:
    programs = [{"object": "counted.bpf.o", "remote_src": False}]
    words = {"directory": f"{BPFFS}/app", "maps": [LISTED], "programs": programs, **more}
    extra = {"at_boot": True} if module == "bpf_host" else {"name": "sys-fs-bpf-app"}
    return task(module, **words, **extra)


def _kept(host: Host) -> list[str]:
    return host.shell(f"cd {MANIFESTS}/sys-fs-bpf-app.files && ls").split()


@pytest.mark.parametrize("module", ["bpf_host", "bpf_restore"])
def test_what_the_controller_sent_is_kept_and_comes_back(
    host: Host, files: Path, module: str, subtests: pytest.Subtests
) -> None:
    checked = host.playbook([_wanted(module)], "--check")[0].good()
    made, again = host.playbook([_wanted(module)] * 2)
    with subtests.test("a check says so, a second run changes nothing"):
        told = checked["at_boot"] if module == "bpf_host" else checked
        done = made.good()["at_boot"] if module == "bpf_host" else made.good()
        assert told["files"] == done["files"]
        assert not again.good().changed
        names = _kept(host)
        assert [each.rpartition("-")[0] for each in names] == ["blocked.txt", "counted.bpf.o"]
        modes = host.shell(f"stat -c '%a %u' {MANIFESTS}/sys-fs-bpf-app.files/*")
        assert {*modes.splitlines()} == {"600 0"}
    restart(host)
    host.run("ebpf-pinning", "restore")
    with subtests.test("both are back"):
        dumped = host.bpftool("map", "dump", "pinned", f"{BPFFS}/app/blocked")
        assert sorted(each["key"][3] for each in dumped) == ["0x4d", "0x4e"]
        assert host.shell(f"ls {BPFFS}/app").split() == [
            *("blocked", "count_all", "counts", "drop_all")
        ]
    (files / "blocked.txt").write_text("192.0.2.79 3\n")
    changed = host.playbook([_wanted(module)])[0].good()
    with subtests.test("another list takes the place of the old one"):
        assert changed.changed
        assert len(_kept(host)) == 2
        assert [each for each in _kept(host) if each.startswith("blocked")] != names[:1]
    gone = task("bpf_restore", name="sys-fs-bpf-app", state="absent")
    host.playbook([gone])[0].good()
    with subtests.test("and goes with the declaration"):
        assert host.shell(f"find {MANIFESTS} -mindepth 1") == ""


def test_a_list_that_was_exchanged_is_not_read(host: Host, files: Path) -> None:
    assert files.exists()
    host.playbook([_wanted("bpf_restore")])[0].good()
    (name, _object) = _kept(host)
    host.shell(f"echo 192.0.2.1 1 >> {MANIFESTS}/sys-fs-bpf-app.files/{name}")
    done = host.run("ebpf-pinning", "restore", check=False)
    assert done.returncode == 1
    row = next(each for each in done.stdout.splitlines() if "/blocked " in each)
    assert "failed" in row
    assert "is not the file that was declared: run the playbook again" in row
    assert host.run("test", "-e", f"{BPFFS}/app/blocked", check=False).returncode
    assert host.run("test", "-e", f"{BPFFS}/app/count_all", check=False).returncode == 0
