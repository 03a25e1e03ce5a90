# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_host and `at_boot`: what one task declares is what the host puts back."""

from __future__ import annotations

import json

import pytest
from booted_hosts import TARGET, UNIT, states
from harness.booted import Booted
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import AGENT, HASH
from harness.site import Site
from mount_table import access
from restoring import Fields, keep_apart, restart, without_identity

COMMAND = "/usr/local/lib/ebpf-pinning/ebpf-pinning"
MANIFESTS = "/etc/ebpf-pinning/restore.d"
WHOLE: Fields = {
    "mounts": [{"mode": "0711"}, {"path": "/srv/bpf", "mode": "0750"}],
    "directories": [{"path": AGENT, "group": "12", "mode": "0750"}],
    "directory": AGENT,
    "maps": [{"name": "flows", **HASH, "mode": "0640"}, {"path": "/srv/bpf/one", **HASH}],
    "objects": [{"path": f"{BPFFS}/flows", "source": f"{AGENT}/flows"}],
    "absent": [{"path": [f"{BPFFS}/old"]}],
}
WANTED: Fields = {**WHOLE, "at_boot": True}
# The same for the module that does nothing else.
ALONE: Fields = {
    "name": "sys-fs-bpf-agent",
    "service": True,
    "directory": AGENT,
    "mounts": [{"path": BPFFS, "mode": "0711"}, {"path": "/srv/bpf", "mode": "0750"}],
    **{key: WHOLE[key] for key in ("directories", "maps", "objects")},
}


@pytest.fixture
def apart(host: Host) -> Host:
    """A host whose /etc, /run and /usr/local/lib are its own, without systemd."""
    keep_apart(host)
    host.run("mkdir", "-p", f"{host.scratch}/srv/bpf")
    host.run("mount", "--bind", f"{host.scratch}/srv", "/srv")
    return host


def test_all_that_one_task_declares_comes_back_with_the_host(
    booted: Booted,
    subtests: pytest.Subtests,
) -> None:
    host = booted
    host.run("mkdir", "-p", "/srv/bpf")
    (check,) = host.playbook([task("bpf_host", **WANTED)], "--check", "--diff")
    with subtests.test("a check tells of it and writes nothing"):
        assert check.good()["at_boot"]["service"][-2:] == [f"restart {UNIT}", f"start {TARGET}"]
        assert f"{MANIFESTS}/sys-fs-bpf-agent.json (found)" in str(check["diff"])
        assert host.run("test", "-e", "/etc/ebpf-pinning", check=False).returncode
    made, again, alone = host.playbook(
        [task("bpf_host", **WANTED), task("bpf_host", **WANTED), task("bpf_restore", **ALONE)]
    )
    with subtests.test("a run does it, and a second one nothing"):
        assert made.good()["at_boot"] == check["at_boot"]
        assert not again.good()["changed"]
        assert again["at_boot"]["files"] == again["at_boot"]["service"] == []
        assert states(host)["ActiveState"] == "active"
    with subtests.test("what bpf_restore installs is the same, to the last byte"):
        assert not alone.good()["changed"], alone
    pins = host.inventory()
    more = host.inventory("/srv/bpf")
    host.restart()
    with subtests.test("mounts, directories, maps and second pins are there again"):
        assert without_identity(host.inventory()) == without_identity(pins)
        assert without_identity(host.inventory("/srv/bpf")) == without_identity(more)
        assert access(host, BPFFS) == "1711 0 0"
        assert access(host, AGENT) == "750 0 12"
        assert host.map_at(f"{BPFFS}/flows")["id"] == host.map_at(f"{AGENT}/flows")["id"]
    (ended,) = host.playbook([task("bpf_host", **{**WANTED, "at_boot": False})])
    with subtests.test("until that is to end"):
        assert ended.good()["at_boot"]["service"] == [
            f"disable --now {UNIT} {TARGET}",
            "daemon-reload",
        ]
        assert ended["at_boot"]["manifests"] == []
        assert host.shell(f"ls {MANIFESTS}") == ""
        assert host.map_at(f"{AGENT}/flows")


def test_without_systemd_a_warning_says_what_is_left_to_do(
    apart: Host, subtests: pytest.Subtests
) -> None:
    host = apart
    unset, check, made, again = (
        *host.playbook([task("bpf_host", **WHOLE)]),
        *host.playbook([task("bpf_host", **WANTED)], "--check"),
        *host.playbook([task("bpf_host", **WANTED)] * 2),
    )
    with subtests.test("not asked for, nothing is done about it"):
        assert unset.good()["at_boot"] is None
    with subtests.test("a warning when there is something new"):
        for each in (check, made):
            (hint,) = (text for text in each.good().warnings if "init run" in text)
            assert f"`{COMMAND} restore`" in hint
            assert each["at_boot"]["service"] is None
        assert not any("init run" in text for text in again.good().warnings)
        assert not again["changed"]
    with subtests.test("and that brings all of it back"):
        before = host.inventory()
        restart(host)
        host.shell("umount /srv/bpf")
        host.run(COMMAND, "restore")
        assert without_identity(host.inventory()) == without_identity(before)
        assert host.run(COMMAND, "check").stdout.endswith("in place\n")


def test_a_name_and_more_mounts_can_be_given(apart: Host) -> None:
    options = {
        "name": "mine",
        "mounts": [{"path": "/srv/bpf", "mode": "0700"}],
        "python": "/usr/bin/python3",
    }
    (made,) = apart.playbook([task("bpf_host", **WANTED, at_boot_options=options)])
    assert made.good()["at_boot"]["manifests"] == ["mine.json"]
    manifest = json.loads(apart.shell(f"cat {MANIFESTS}/mine.json"))
    assert {each["path"]: each["mode"] for each in manifest["mounts"]} == {
        BPFFS: "0711",
        "/srv/bpf": "0700",
    }
    assert "absent" not in manifest


REFUSED = {
    "a name of a hidden file": ({"name": ".x"}, "at_boot: name must be at most 200 letters"),
    "no interpreter": ({"python": "/nowhere/python"}, "at_boot: python /nowhere/python is not a"),
    "a mount without a path": ({"mounts": [{"mode": "0711"}]}, "missing required arguments: path"),
    "a mount that cannot be": ({"mounts": [{"path": "x"}]}, "at_boot: manifest: mounts[0]: path"),
}


def test_what_cannot_be_installed_changes_nothing(apart: Host, subtests: pytest.Subtests) -> None:
    before = apart.inventory()
    tasks = [task("bpf_host", **WANTED, at_boot_options=each) for each, _text in REFUSED.values()]
    for about, result in zip(REFUSED, apart.playbook(tasks), strict=True):
        with subtests.test(about):
            assert result.failed
            assert REFUSED[about][1] in result.msg
            assert not result.changed
    apart.shell("mount --bind -o ro /etc /etc")
    (read_only,) = apart.playbook([task("bpf_host", **WANTED)])
    with subtests.test("an /etc that is read-only"):
        assert read_only.failed
        assert "at_boot: /etc is on a file system that is mounted read-only" in read_only.msg
    assert apart.inventory() == before


def test_what_is_in_a_home_is_not_looked_for_at_boot(apart: Host, site: Site) -> None:
    apart.shell("mount -t tmpfs -o mode=755 home /home; touch /home/app; ln -s /home/app /run/app")
    apart.shell(f"cp {site.bpf_object('counted')} /home/counted.bpf.o")
    before = apart.inventory()
    (refused,) = apart.playbook(
        [
            task(
                "bpf_restore",
                name="homes",
                programs=[
                    {
                        "object": "/home/counted.bpf.o",
                        "directory": AGENT,
                        "maps_directory": AGENT,
                        "kernel_btf": "/home/vmlinux",
                        "remote_src": True,
                    }
                ],
                links=[
                    {
                        "path": f"{AGENT}/on_app",
                        "program": f"{AGENT}/count",
                        "attach": {"type": "uprobe", "binary": "/run/app", "offset": 1},
                    }
                ],
            )
        ]
    )
    assert "/home/counted.bpf.o: kernel_btf: /home/vmlinux: homes are hidden" in refused.msg
    assert f"{AGENT}/on_app: binary: /home/app: homes are hidden" in refused.msg
    assert apart.inventory() == before


def test_a_unit_that_fails_is_told_after_what_was_done(booted: Booted) -> None:
    host = booted
    host.run("mkdir", "-p", "/srv/bpf")
    # Everything is as declared, and then something is in the way of the unit.
    host.shell(
        "mkdir -p /etc/systemd/system/ebpf-pinning-restore.service.d; printf "
        "'[Service]\\nExecStart=/bin/false\\n' "
        "> /etc/systemd/system/ebpf-pinning-restore.service.d/z.conf"
    )
    (failed,) = host.playbook([task("bpf_host", **WANTED)])
    assert failed.failed
    assert failed.msg.startswith(f"at_boot: `systemctl restart {UNIT}` failed: Job for {UNIT}")
    assert "maps: 2 created" in failed.msg
    assert failed.changed
    assert host.map_at(f"{AGENT}/flows")
