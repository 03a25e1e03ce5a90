# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_host: everything of a host in one task."""

from __future__ import annotations

from typing import Any

import pytest
from harness.host import Host
from harness.playbook import task
from harness.samples import AGENT, APP, BPFFS, HASH

ARRAY = {"type": "array", "key_size": 4, "value_size": 8, "max_entries": 1}
# A bit of everything. The directories are declared in the order that is not that of making.
WHOLE: dict[str, Any] = {
    "mounts": [{"mode": "0711"}],
    "directories": [
        {"path": f"{AGENT}/in", "group": "12", "mode": "0750"},
        {"path": AGENT, "owner": "65534", "mode": "0755"},
    ],
    "directory": AGENT,
    "maps": [{"name": "flows", **HASH, "mode": "0640"}, {"path": f"{AGENT}/in/one", **ARRAY}],
    "objects": [{"path": f"{BPFFS}/flows", "source": f"{AGENT}/flows"}],
}


def access(host: Host, path: str) -> str:
    return host.run("stat", "-c", "%u %g %a", path).stdout.strip()


@pytest.mark.every_core
@pytest.mark.every_python
def test_all_of_a_host_is_made_in_one_task_and_stays_so(bare_host: Host) -> None:
    checked = bare_host.module("bpf_host", check=True, diff=True, **WHOLE).good()
    assert bare_host.run("mountpoint", "-q", BPFFS, check=False).returncode, (
        "a check mounts nothing"
    )

    made = bare_host.module("bpf_host", diff=True, **WHOLE).good()
    assert made["changed"]
    assert checked["counts"] == made["counts"]
    assert [each["after_header"] for each in checked["diff"]] == [
        each["after_header"] for each in made["diff"]
    ]
    assert access(bare_host, BPFFS) == "0 0 1711"
    assert access(bare_host, AGENT) == "65534 0 755"
    assert access(bare_host, f"{AGENT}/in") == "0 12 750"
    assert access(bare_host, f"{AGENT}/flows") == "0 0 640"
    assert bare_host.map_at(f"{BPFFS}/flows")["id"] == bare_host.map_at(f"{AGENT}/flows")["id"]
    assert bare_host.map_at(f"{AGENT}/in/one")["type"] == "array"

    before = bare_host.inventory()
    assert not bare_host.module("bpf_host", check=True, **WHOLE).good()["changed"]
    assert not bare_host.module("bpf_host", **WHOLE).good()["changed"]
    assert bare_host.inventory() == before


def test_results_are_those_of_the_modules_for_each_kind(host: Host) -> None:
    host.module("bpf_host", **WHOLE).good()
    whole = host.module("bpf_host", **WHOLE).good()
    mount = host.module("bpffs_mount", **WHOLE["mounts"][0]).good()
    maps = host.module(
        "bpf_map_pinned",
        directory=AGENT,
        owner="65534",
        maps=[{**each, "owner": "65534"} for each in WHOLE["maps"]],
        check=True,
    )
    assert whole["mounts"][0]["mount"].keys() == mount["mount"].keys()
    assert whole["maps"][0].keys() == maps["maps"][0].keys()
    assert whole["maps"][0]["id"] == host.map_at(f"{AGENT}/flows")["id"]


def test_nothing_is_changed_when_anything_cannot_be(host: Host) -> None:
    host.make_pin(f"{BPFFS}/pin")
    host.make_pin(f"{BPFFS}/taken", max_entries=4)
    host.run("mkdir", f"{BPFFS}/busy")
    before = host.inventory()
    result = host.module(
        "bpf_host",
        mounts=[{"mode": "0711"}],
        directories=[{"path": APP, "mode": "0700"}, {"path": f"{BPFFS}/pin/below"}],
        maps=[{"name": "taken", **HASH}, {"name": "busy", **HASH}],
        absent=[{"path": ["/etc/passwd"]}],
    )
    assert result.failed
    assert not result["changed"]
    for text in (
        f"{BPFFS}/pin is not a directory",
        "maps: /sys/fs/bpf/busy: the name is taken by a directory",
        "/etc/passwd is not on bpffs",
    ):
        assert text in result.msg
    assert host.inventory() == before
    assert access(host, BPFFS) != "0 0 1711"


CONFLICTS = {
    "a map and a second pin": (
        {
            "maps": [{"name": "a", **HASH}],
            "objects": [{"path": f"{BPFFS}/a", "map_id": 1}],
        },
        f"{BPFFS}/a is declared in maps and in objects: keep one",
    ),
    "a directory and a map": (
        {"directories": [{"path": f"{BPFFS}/a"}], "maps": [{"name": "a", **HASH}]},
        f"{BPFFS}/a is declared in directories and in maps: keep one",
    ),
    "a pin below a pin": (
        {
            "maps": [{"name": "a", **HASH}],
            "objects": [{"path": f"{BPFFS}/a/b", "map_id": 1}],
        },
        f"{BPFFS}/a is to be a pin (maps), but {BPFFS}/a/b (objects) is to be in it: rename one",
    ),
    "a map and its absence": (
        {"maps": [{"name": "a", **HASH}], "absent": [{"path": [f"{BPFFS}/a"]}]},
        f"{BPFFS}/a is declared in maps, and absent removes {BPFFS}/a: keep one",
    ),
    "a map in a directory that goes": (
        {
            "maps": [{"path": f"{APP}/in/a", **HASH}],
            "absent": [{"path": [APP], "recurse": True}],
        },
        f"{APP}/in/a is declared in maps, and absent removes {APP}: keep one",
    ),
    "a map in a bpffs that goes": (
        {
            "mounts": [{"path": BPFFS, "state": "unmounted"}],
            "maps": [{"path": f"{APP}/a", **HASH}],
        },
        f"{APP}/a is declared in maps, and mounts has {BPFFS} unmounted, so it could not stay: "
        "keep one",
    ),
    "a mount, twice": (
        {"mounts": [{"path": BPFFS}, {"path": f"{BPFFS}/"}]},
        f"{BPFFS} is declared twice in mounts: keep one",
    ),
    "a directory, twice": (
        {"directories": [{"path": APP}, {"path": f"{APP}/"}]},
        f"directories[1] {APP}/: {APP} is declared twice: keep one",
    ),
    "a mount in a mount": (
        {"mounts": [{"path": "/run/a/b"}, {"path": "/run/a"}]},
        "/run/a/b is to be mounted in /run/a, a bpffs, where nothing can be mounted: declare a "
        "path outside it",
    ),
    "a map that an absence prunes": (
        {
            "maps": [{"path": f"{APP}/flows", **HASH}],
            "absent": [{"directory": APP, "patterns": ["flow*"]}],
        },
        f"{APP}/flows is declared in maps, and absent prunes {APP}: keep one",
    ),
    "the directory of a map": (
        {"maps": [{"path": f"{APP}/flows", **HASH}], "absent": [{"path": [APP]}]},
        f"{APP}/flows is declared in maps, and absent removes {APP}: keep one",
    ),
    "a source that goes": (
        {
            "objects": [{"name": "second", "source": f"{APP}/flows"}],
            "absent": [{"path": [f"{APP}/flows"]}],
        },
        f"{APP}/flows is a source in objects, and absent removes it: keep it",
    ),
    "a source in a bpffs that goes": (
        {
            "mounts": [{"path": BPFFS, "state": "unmounted", "force": True}],
            "objects": [{"path": "/run/b/second", "source": f"{BPFFS}/flows"}],
        },
        f"{BPFFS}/flows is declared in objects, and mounts has {BPFFS} unmounted, so it could not "
        "stay: keep one",
    ),
    "an absence with what belongs to a prune": (
        {"absent": [{"path": [f"{BPFFS}/a"], "keep": ["a"]}]},
        f"absent[0] {BPFFS}/a: keep and patterns are for directory: leave them out, or path",
    ),
    "a prune of all there is": (
        {"prune": {"directory": APP}, "maps": None},
        "prune: neither maps nor programs nor objects are set, and all there is would be removed: "
        "set maps to [] if nothing is to stay",
    ),
    "an absence of nothing": (
        {"absent": [{"recurse": True}]},
        "absent[0] : give either path, or directory with keep or patterns",
    ),
    "a directory that is all": (
        {"directories": [{"path": "/"}]},
        "directories[0] /: path / is not in a bpffs: declare a directory that is",
    ),
    "all that is wrong, at once": (
        {
            "directories": [{"path": APP, "mode": "7777"}],
            "maps": [{"name": "a.b", **HASH}],
        },
        f"directories[0] {APP}: mode '7777' has bits beyond 3777, which have no meaning here: "
        "leave them out\n"
        "map a.b: name 'a.b' contains a dot, which bpffs refuses: use `_`, as libbpf does",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), CONFLICTS.values(), ids=CONFLICTS)
def test_what_contradicts_itself_is_refused_before_anything_is_changed(
    host: Host, arguments: dict[str, Any], message: str
) -> None:
    before = host.inventory()
    for check in (True, False):
        result = host.module("bpf_host", check=check, **arguments)
        assert result.failed
        assert result.msg == message
    assert host.inventory() == before


REFUSED_DIRECTORIES = {
    "a pin": (
        lambda host: host.make_pin(APP),
        f"directories: {APP} is not a directory, so nothing can be below it: declare another path",
    ),
    "a symlink": (
        lambda host: host.run("ln", "-s", "/etc", APP),
        f"{APP} is a symlink to /etc, and symlinks are never followed: declare the real path",
    ),
    "of a stranger": (
        lambda host: host.shell(f"mkdir {APP}; chown 4711 {APP}"),
        f"directories: {APP}: the directory belongs to 4711, who may put other pins in the place "
        "of those in it, and directories are taken only of root, of the user of the task and of a "
        "declared owner. If it is meant, declare owner: 4711; else look at what is in it, then "
        "chown it",
    ),
    "the root of a bpffs": (
        lambda host: host.shell(f"mkdir {APP}; mount -t bpf bpf {APP}"),
        f"directories: {APP}: a bpffs is mounted there: declare owner, group and mode of its root "
        "in `mounts`",
    ),
    "read-only": (
        lambda host: host.run("mount", "-o", "remount,bind,ro", BPFFS),
        f"directories: {APP} is on a bpffs that is mounted read-only: remount it writable first, "
        "with opts: [rw]",
    ),
}


@pytest.mark.parametrize(
    ("prepare", "message"), REFUSED_DIRECTORIES.values(), ids=REFUSED_DIRECTORIES
)
def test_a_directory_that_cannot_be_is_refused(host: Host, prepare: Any, message: str) -> None:
    prepare(host)
    before = host.inventory()
    result = host.module("bpf_host", directories=[{"path": APP, "mode": "0700"}])
    assert result.failed
    assert message.removeprefix("directories: ") in result.msg
    assert host.inventory() == before


def test_a_directory_off_bpffs_is_refused(host: Host, tmp_path: Any) -> None:
    result = host.module("bpf_host", directories=[{"path": f"{tmp_path}/a"}])
    assert result.failed
    assert "is not on bpffs but on " in result.msg
    assert not list(tmp_path.iterdir())


def test_a_directory_is_adjusted_and_what_is_in_it_stays(host: Host) -> None:
    host.run("mkdir", APP)
    pin = host.make_pin(f"{APP}/a")
    wanted = [{"path": APP, "group": "12", "mode": "2750"}]
    result = host.module("bpf_host", directories=wanted).good()
    assert result["directories"][0]["action"] == "adjusted"
    assert {each["field"] for each in result["directories"][0]["drift"]} == {"group", "mode"}
    assert access(host, APP) == "0 12 2750"
    assert host.map_at(f"{APP}/a")["id"] == pin
    assert not host.module("bpf_host", directories=wanted).good()["changed"]


def test_a_directory_is_never_open_to_more_than_declared(host: Host) -> None:
    """The calls, by strace: it is made closed, and opened when it has its owner."""
    trace = f"{host.scratch}/trace"
    host.module(
        "bpf_host",
        keywords=host.strace("-e", "trace=mkdirat,chown,chmod,fchownat,fchmodat", "-o", trace),
        directories=[{"path": APP, "owner": "65534", "mode": "0770"}],
    ).good()
    calls = host.run("grep", "-E", "app|/proc/self/fd", trace).stdout
    made = [line for line in calls.splitlines() if "mkdir" in line]
    assert ", 0700)" in made[0]
    assert calls.index("chown") < calls.index("chmod")
    assert access(host, APP) == "65534 0 770"


def test_undeclared_pins_are_pruned_or_only_told(host: Host) -> None:
    host.run("mkdir", "-p", f"{APP}/in")
    host.make_pin(f"{APP}/stray")
    host.make_pin(f"{APP}/kept")
    host.make_pin(f"{APP}/in/deeper")
    declared: dict[str, Any] = {"directory": APP, "maps": [{"name": "mine", **HASH}]}
    only_told = {"directory": APP, "keep_also": ["kept"], "report_only": True}
    told = host.module("bpf_host", **declared, prune=only_told).good()
    assert [each["path"] for each in told["undeclared"]] == [f"{APP}/stray"]
    assert host.map_at(f"{APP}/stray")

    gone = host.module("bpf_host", **declared, prune={**only_told, "report_only": False}).good()
    assert [each["path"] for each in gone["absent"]] == [f"{APP}/stray"]
    there = set(host.inventory(APP))
    assert {name.rpartition("/")[2] for name in there} >= {"mine", "kept", "deeper"}
    assert not any("stray" in name for name in there)


def test_a_second_pin_follows_a_map_that_is_replaced_only_if_told(host: Host) -> None:
    host.make_pin(f"{BPFFS}/a", max_entries=4)
    host.run("ln", f"{BPFFS}/a", f"{BPFFS}/b")
    declared: dict[str, Any] = {
        "maps": [{"name": "a", **HASH, "on_mismatch": "replace"}],
        "objects": [{"path": f"{BPFFS}/b", "source": f"{BPFFS}/a"}],
    }
    before = host.inventory()
    for check in (True, False):
        refused = host.module("bpf_host", check=check, **declared)
        assert f"not the map that is to be at {BPFFS}/a" in refused.msg
    assert host.inventory() == before

    declared["objects"][0]["on_mismatch"] = "replace"
    checked = host.module("bpf_host", check=True, **declared).good()
    assert [each["action"] for each in checked["objects"]] == ["replaced"]
    host.module("bpf_host", **declared).good()
    assert host.map_at(f"{BPFFS}/a")["id"] == host.map_at(f"{BPFFS}/b")["id"]
    assert host.map_at(f"{BPFFS}/a")["max_entries"] == 16


def test_what_the_kernel_refuses_says_how_far_it_came(host: Host) -> None:
    result = host.module(
        "bpf_host",
        keywords=host.tampered("bpf", "error=ENOMEM:when=3+"),
        directories=[{"path": APP}],
        directory=APP,
        maps=[{"name": "a", **HASH}, {"name": "b", **HASH}],
        objects=[{"path": f"{APP}/c", "source": f"{APP}/a"}],
    )
    assert result.failed
    assert result["changed"]
    assert result.msg.startswith(f"maps: {APP}/")
    assert "directories: 1 created; maps: " in result.msg
    assert "objects: 1 not done" in result.msg
    assert access(host, APP) == "0 0 755"


def test_no_directory_is_left_whose_owner_cannot_be_set(host: Host) -> None:
    result = host.module(
        "bpf_host",
        keywords=host.tampered("chown,fchownat,lchown", "error=EPERM"),
        directories=[{"path": APP, "owner": "65534"}],
    )
    assert result.failed
    assert not result["changed"]
    assert host.run("test", "-e", APP, check=False).returncode


@pytest.mark.every_core
def test_groups_and_hosts_have_lists_of_their_own(host: Host) -> None:
    def role(**variables: Any) -> Any:
        include = {"ansible.builtin.include_role": {"name": "ebpf.pinning.bpf_host"}}
        tasks = [{**include, "vars": variables}]
        file = host.play(tasks, vars={"bpf_host_maps__web": [{"name": "web", **HASH}]})
        return host.ansible_playbook(file)

    assert role(bpf_host_maps=[{"name": "all", **HASH}], bpf_host_directory=AGENT).code == 0
    assert {name for name in host.inventory(AGENT) if "/" in name} >= {
        f"{AGENT}/all",
        f"{AGENT}/web",
    }
    before = host.inventory()
    otherwise = role(bpf_host_maps__api=[{"name": "web", **ARRAY}], bpf_host_directory=AGENT)
    assert otherwise[-1].failed
    assert (
        f"{AGENT}/web is declared in bpf_host_maps__api and otherwise in bpf_host_maps__web: make "
        "them agree, or keep one"
    ) == otherwise[-1].msg
    assert host.inventory() == before


@pytest.mark.every_core
def test_what_another_task_of_the_run_declares_is_not_pruned(host: Host) -> None:
    own = task("bpf_host", directory=APP, maps=[{"name": "a", **HASH}], prune={"directory": APP})
    other = task("bpf_map_pinned", directory=APP, name="b", **HASH)
    for tasks in ([own, other], [other, own]):
        run = host.playbook(tasks)
        assert not run[0].failed
        assert "is to be pruned here" in run[1].msg or "prunes" in run[1].msg
        host.shell(f"rm {APP}/*")


@pytest.mark.every_core
def test_a_check_knows_what_tasks_before_would_have_removed(host: Host) -> None:
    host.make_pin(f"{BPFFS}/a", max_entries=4)
    removed = task("bpf_pin_absent", path=[f"{BPFFS}/a"])
    made = task("bpf_host", maps=[{"name": "a", **HASH}])
    checked = host.playbook([removed, made], "--check")
    assert checked[1].good()["maps"][0]["action"] == "created"
    back = task("bpf_map_pinned", name="a", **{**HASH, "max_entries": 4})
    gone = task("bpf_host", absent=[{"path": [f"{BPFFS}/a"]}])
    assert host.playbook([gone, back], "--check")[1].good()["maps"][0]["action"] == "created"


RUN = "/run/bpf_host"


def own_run(host: Host) -> None:
    host.shell(f"mount -t tmpfs tmpfs /run; mkdir {RUN}")


def test_trouble_with_fstab_is_told_and_nothing_is_mounted(host: Host) -> None:
    own_run(host)
    for check in (True, False):
        result = host.module(
            "bpf_host",
            check=check,
            mounts=[
                {"path": f"{RUN}/a", "boot": True, "fstab": f"{RUN}/none/fstab"},
                {"path": f"{RUN}/b"},
            ],
        )
        assert result.failed
        assert f"{RUN}/none" in result.msg
        assert "Traceback" not in result.msg
    assert host.run("mountpoint", "-q", f"{RUN}/b", check=False).returncode


def test_a_mount_that_fails_half_way_says_what_was_done(host: Host) -> None:
    host.run("mount", "-o", "remount,bind,ro", BPFFS)
    result = host.module(
        "bpf_host",
        keywords=host.tampered("chmod,fchmodat", "error=EPERM"),
        mounts=[{"opts": ["rw"], "mode": "0711"}],
    )
    assert result.failed
    assert result["changed"], result.msg
    assert "mounts: 1 failed (flags set)" in result.msg
    assert "ro" not in result["mounts"][0]["mount"]["opts"]


def test_a_read_only_mount_is_known_before_anything_is_mounted(host: Host) -> None:
    own_run(host)
    declared: dict[str, Any] = {
        "mounts": [{"path": f"{RUN}/a", "opts": ["ro"]}],
        "maps": [{"path": f"{RUN}/a/m", **HASH}],
    }
    for check in (True, False):
        result = host.module("bpf_host", check=check, **declared)
        if not check:
            assert result.failed
        assert "mounted read-only" in str(result.fields)
    assert host.run("mountpoint", "-q", f"{RUN}/a", check=False).returncode
    host.run("mount", "-o", "remount,bind,ro", BPFFS)
    result = host.module("bpf_host", mounts=[{"opts": ["noexec"]}], maps=[{"name": "m", **HASH}])
    assert "mounted read-only" in result.msg
    assert "noexec" not in host.shell(f"findmnt -no OPTIONS {BPFFS}")


def test_what_the_kernel_refuses_is_known_where_nothing_is_mounted_yet(bare_host: Host) -> None:
    impossible = {**HASH, "numa_node": 1023}
    result = bare_host.module(
        "bpf_host", check=True, mounts=[{}], maps=[{"name": "m", **impossible}]
    )
    assert result.failed
    assert "MAP_CREATE: EINVAL" in result.msg


def test_a_file_in_the_mount_point_is_no_hindrance(host: Host) -> None:
    own_run(host)
    host.shell(f"mkdir {RUN}/a; touch {RUN}/a/README")
    declared: dict[str, Any] = {
        "mounts": [{"path": f"{RUN}/a"}],
        "maps": [{"path": f"{RUN}/a/m", **HASH}],
        "absent": [{"path": [f"{RUN}/a/README"]}],
        "prune": {"directory": f"{RUN}/a"},
    }
    assert host.module("bpf_host", check=True, **declared).good()["changed"]
    assert host.module("bpf_host", **declared).good()["changed"]
    assert not host.module("bpf_host", **declared).good()["changed"]


def test_a_directory_above_a_prune_and_a_source_in_it_stay(host: Host) -> None:
    host.run("mkdir", "-p", f"{APP}/in")
    host.make_pin(f"{APP}/in/source")
    host.make_pin(f"{APP}/in/stray")
    declared: dict[str, Any] = {
        "directories": [{"path": APP}, {"path": f"{APP}/in"}],
        "objects": [{"path": f"{BPFFS}/second", "source": f"{APP}/in/source"}],
        "prune": {"directory": f"{APP}//in/"},
    }
    assert host.module("bpf_host", **declared).good()["changed"]
    assert not host.module("bpf_host", **declared).good()["changed"]
    assert {name.rpartition("/")[2] for name in host.inventory(f"{APP}/in")} >= {"source"}
    assert host.run("test", "-e", f"{APP}/in/stray", check=False).returncode


def test_where_undeclared_pins_cannot_be_looked_for_nothing_is_done(
    host: Host, tmp_path: Any
) -> None:
    (tmp_path / "file").touch()
    prune = {"directory": str(tmp_path), "report_only": True}
    result = host.module("bpf_host", maps=[{"name": "m", **HASH}], prune=prune)
    assert result.failed
    assert result.msg.startswith(f"prune: {tmp_path} is not on bpffs")
    assert host.run("test", "-e", f"{BPFFS}/m", check=False).returncode


def test_what_two_items_remove_is_removed_once(host: Host) -> None:
    host.run("mkdir", APP)
    host.make_pin(f"{APP}/a")
    host.make_pin(f"{APP}/b")
    twice: dict[str, Any] = {
        "maps": [],
        "absent": [{"path": [f"{APP}/a"]}, {"path": [f"{APP}/a"]}],
        "prune": {"directory": APP},
    }
    checked = host.module("bpf_host", check=True, **twice).good()
    assert checked["counts"] == host.module("bpf_host", **twice).good()["counts"]
    assert checked["counts"]["absent"]["removed"] == 2


@pytest.mark.parametrize("word", ["no", "false", False, None])
def test_only_a_real_yes_turns_a_prune_into_a_look(host: Host, word: Any) -> None:
    first = task("bpf_map_pinned", directory=APP, name="theirs", **HASH)
    prune = {"directory": APP, "report_only": word, "keep_also": "kept"}
    second = task("bpf_host", directory=APP, maps=[{"name": "mine", **HASH}], prune=prune)
    run = host.playbook([first, second])
    assert "is to be pruned here" in run[1].msg
    assert host.map_at(f"{APP}/theirs")


def test_blank_lists_and_a_prune_empty_no_directory(host: Host) -> None:
    host.run("mkdir", APP)
    host.make_pin(f"{APP}/precious")
    include = {"ansible.builtin.include_role": {"name": "ebpf.pinning.bpf_host"}}
    blank = {"bpf_host_maps": "", "bpf_host_maps__agent": "", "bpf_host_prune": {"directory": APP}}
    run = host.ansible_playbook(host.play([{**include, "vars": blank}]))
    assert "neither maps nor programs nor objects are set" in run[-1].msg
    assert host.map_at(f"{APP}/precious")


def test_owner_and_mode_change_without_a_moment_of_more(host: Host) -> None:
    host.shell(f"mkdir {APP}; chgrp adm {APP}; chmod 0770 {APP}")
    trace = f"{host.scratch}/narrow"
    host.module(
        "bpf_host",
        keywords=host.strace("-e", "trace=chown,chmod,fchownat,fchmodat", "-o", trace),
        directories=[{"path": APP, "group": "100", "mode": "0705"}],
    ).good()
    calls = [line for line in host.run("cat", trace).stdout.splitlines() if "/proc/self/fd" in line]
    assert [line.partition("(")[0].split()[-1] for line in calls] == ["chmod", "chown", "chmod"]
    assert "0700" in calls[0]
    assert access(host, APP) == "0 100 705"
