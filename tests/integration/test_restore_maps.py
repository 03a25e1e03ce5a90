# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `ebpf-pinning restore` brings back after a restart, and what it leaves alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from harness.host import BPFFS, Host
from harness.samples import HASH
from harness.site import ADM_GROUP, DAEMON
from map_types import ROWS
from mount_table import access, mounts_at, picture
from restoring import (
    COMMANDS,
    DRIFT,
    GOOD,
    TROUBLE,
    Done,
    Fields,
    Installed,
    Restorer,
    capabilities_of_the_unit,
    keep_apart,
    restart,
    without_identity,
)

# After a restart


@pytest.mark.parametrize("entry", ["none", "bpffs", "bpf", "an\\040agent", "LABEL=x", "noauto"])
def test_a_mount_that_comes_back_is_not_covered_by_its_entry_in_fstab(
    restorer: Restorer, entry: str
) -> None:
    """As where an init script restores, or where the entry failed at boot."""
    host, path = restorer.host, "/run/agent/bpffs"
    keep_apart(host)
    source, options = (entry, "defaults") if entry != "noauto" else ("none", "noauto")
    (host.scratch / "fstab").write_text(f"{source} {path} bpf {options} 0 0\n")
    host.shell(f"cp {host.scratch}/fstab /etc/fstab")
    restorer.declare(mounts=[{"path": path}])
    assert restorer.json("restore").states == {path: "restored"}
    host.run("mount", "-a", check=entry != "LABEL=x")  # there is no such device
    assert host.shell(f"grep -c ' {path} ' /proc/self/mountinfo") == "1\n"


def test_maps_of_every_type_come_back_with_what_the_unit_may_do(
    host: Host, installed: Installed, restorer: Restorer, subtests: pytest.Subtests
) -> None:
    file = restorer.write("every_type", installed.every_type)
    maps = json.loads(file.read_bytes())["maps"]
    host.module("bpf_map_pinned", directory=BPFFS, maps=maps).good()
    before = host.inventory()
    restart(host)
    empty = host.inventory()

    seen = restorer.json("status")
    with subtests.test("all are missed, and looking changes nothing"):
        assert (seen.code, set(seen.states.values())) == (GOOD, {"missing"})
        assert restorer.json("check").code == DRIFT
        assert host.inventory() == empty

    unit = capabilities_of_the_unit(*installed.capabilities)
    done = restorer.json("restore", before=unit)
    with subtests.test("all come back as they were, but empty"):
        assert (done.code, set(done.states.values())) == (GOOD, {"restored"}), done
        assert len(done.states) == len(maps)
        assert without_identity(host.inventory()) == without_identity(before)
    for row in ROWS:
        shown = host.map_at(f"{BPFFS}/{row.name}")
        with subtests.test(f"{row.name}: {row.about}"):
            sizes = (shown["bytes_key"], shown["bytes_value"], shown["max_entries"])
            assert (*sizes, shown["flags"]) == row.seen
            assert host.map_at(f"{BPFFS}/frozen/deep/{row.name}")["frozen"] == 1

    there = host.inventory()
    again = [restorer.json(command, before=unit) for command in COMMANDS]
    with subtests.test("then all is in place, and stays the same map"):
        assert [(run.code, set(run.states.values())) for run in again] == [
            (GOOD, {"in place"})
        ] * 3, again
        assert host.inventory() == there


def test_types_of_keys_and_values_come_back(
    host: Host, installed: Installed, restorer: Restorer
) -> None:
    maps = json.loads(installed.every_type)["maps"]
    wanted = next(each for each in maps if each["name"] == "with_btf")
    restorer.declare(maps=[wanted])
    assert restorer.run("restore").code == GOOD
    key, value = "1 0 0 0 2 0 0 0", "3 0 0 0 0 0 0 0 4 0 0 0 0 0 0 0"
    host.run("bpftool", *f"map update pinned {BPFFS}/with_btf key {key} value {value}".split())
    (entry,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/with_btf")
    assert entry.get("formatted", entry) == {
        "key": {"source": 1, "target": 2},
        "value": {"packets": 3, "bytes": 4},
    }


def test_maps_of_maps_take_again_what_they_took(host: Host, restorer: Restorer) -> None:
    inner = {"type": "array", "value_size": 8, "max_entries": 16}
    outer = ("array_of_maps", "hash_of_maps")
    restorer.declare(
        maps=[
            {"name": kind, "type": kind, "key_size": 4, "max_entries": 1, "inner_map": inner}
            for kind in outer
        ]
    )
    assert restorer.run("restore").code == GOOD
    host.make_pin(f"{BPFFS}/fit", type=2, key_size=4, value_size=8, max_entries=16)
    host.make_pin(f"{BPFFS}/misfit", type=2, key_size=4, value_size=8, max_entries=17)
    for kind in outer:
        for name, fits in (("misfit", False), ("fit", True)):
            put = f"map update pinned {BPFFS}/{kind} key 0 0 0 0 value pinned {BPFFS}/{name}"
            done = host.run("bpftool", *put.split(), check=False)
            assert (done.returncode == 0) == fits, done
    # With a map in it there is more to look at; the unit may do that, too.
    done = restorer.json("restore", before=capabilities_of_the_unit())
    assert (done.code, set(done.states.values())) == (GOOD, {"in place"}), done


# Mounts


def test_the_part_of_the_unit_that_may_not_mount_tells_how_mounts_stand(restorer: Restorer) -> None:
    there, missing = BPFFS, "/run/missing/bpffs"
    restorer.declare(mounts=[{"path": there, "opts": ["noatime"]}, {"path": missing}])
    restorer.host.shell("mount -t tmpfs -o mode=755 t /run")
    done = restorer.json("restore", "--part", "maps", before=capabilities_of_the_unit())
    assert done.states == {there: "different", missing: "missing"}


MOUNT: Fields = {"mode": "0750", "owner": "daemon", "group": "adm", "opts": ["nosuid", "noexec"]}


def test_a_mount_comes_back_and_then_the_maps_in_it(
    bare_host: Host, installed: Installed, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    host, point = bare_host, str(tmp_path / "run" / "bpffs")
    manifests = tmp_path / "restore.d"
    manifests.mkdir()
    restorer = Restorer(host, installed.program, manifests)
    maps = [{"name": "here", **HASH}, {"path": f"{point}/there", **HASH}]
    # The mount of another manifest, that is read later, is made before the maps of this one.
    restorer.declare("a", maps=maps)
    mounts = [{"path": BPFFS}, {"path": point, **MOUNT, "delegate_maps": ["hash", "array"]}]
    restorer.declare("b", mounts=mounts)
    before = picture(host, str(tmp_path))

    with subtests.test("looking changes nothing"):
        looks = [restorer.json(command) for command in ("status", "check")]
        assert [look.code for look in looks] == [GOOD, DRIFT]
        assert looks[0].states == {
            BPFFS: "missing",
            point: "missing",
            f"{BPFFS}/here": "missing",  # as a restore mounts first
            f"{point}/there": "missing",
        }
        assert restorer.json("status", f"{point}/there").states == {f"{point}/there": "missing"}
        assert picture(host, str(tmp_path)) == before
    with subtests.test("--part maps leaves the mounts, tells of them, and fails"):
        done = restorer.json("restore", "--part", "maps")
        assert done.code == TROUBLE
        pins = (f"{BPFFS}/here", f"{point}/there")  # where no bpffs is, none can be pinned
        assert done.states == {**looks[0].states, **dict.fromkeys(pins, "failed")}
        assert picture(host, str(tmp_path)) == before
    with subtests.test("--part mounts makes the mounts and no maps"):
        done = restorer.json("restore", "--part", "mounts")
        assert (done.code, done.states) == (GOOD, {BPFFS: "restored", point: "restored"})
        (row,) = mounts_at(host, point)
        assert row.flags == {"rw", "nosuid", "noexec", "relatime"}
        assert "delegate_maps=hash:array" in row.options
        assert access(host, point) == f"1750 {DAEMON} {ADM_GROUP}"
        made = [path for path in host.inventory(point) if not path.endswith(".debug")]
        assert made == [point]
    with subtests.test("--part maps then makes the maps"):
        done = restorer.json("restore", "--part", "maps")
        assert done.code == GOOD
        assert done.states == {
            BPFFS: "in place",
            point: "in place",
            f"{BPFFS}/here": "restored",
            f"{point}/there": "restored",
        }
        assert {host.map_at(each)["type"] for each in (f"{BPFFS}/here", f"{point}/there")} == {
            "hash"
        }
    there = picture(host, BPFFS, point)
    with subtests.test("and nothing is done twice"):
        done = restorer.json("restore")
        assert (done.code, set(done.states.values())) == (GOOD, {"in place"})
        assert picture(host, BPFFS, point) == there
    host.shell(f"umount -l {point}; umount -l {BPFFS}")
    with subtests.test("all at once, after a restart"):
        done = restorer.json("restore")
        assert (done.code, set(done.states.values())) == (GOOD, {"restored"})
        assert len(mounts_at(host, point)) == len(mounts_at(host, BPFFS)) == 1


def test_a_mount_that_has_drifted_is_set_right_and_never_mounted_anew(
    host: Host, restorer: Restorer, tmp_path: Path
) -> None:
    drifted, other, stacked = (str(tmp_path / name) for name in ("drifted", "other", "stacked"))
    host.shell(f"mkdir {drifted} {other} {stacked}")
    for path in (drifted, other, stacked, stacked):
        host.shell(f"mount -t bpf -o mode=0700 bpf {path}")
    mounts = [{"path": path, **MOUNT} for path in (drifted, stacked)]
    restorer.declare(mounts=[*mounts, {"path": other, "delegate_maps": ["hash"]}])
    ids = [row.id for path in (drifted, other, stacked) for row in mounts_at(host, path)]
    seen, checked, done = (restorer.json(command) for command in COMMANDS)
    assert [seen.code, checked.code, done.code] == [GOOD, DRIFT, TROUBLE]
    assert seen.states == {drifted: "different", other: "failed", stacked: "failed"}
    assert done.states == {drifted: "restored", other: "failed", stacked: "failed"}
    assert access(host, drifted) == f"1750 {DAEMON} {ADM_GROUP}"
    assert access(host, stacked) == "1700 0 0"
    assert "want hash, have nothing" in done.line(other)["detail"]
    assert ids == [row.id for path in (drifted, other, stacked) for row in mounts_at(host, path)]


def test_a_mount_that_cannot_be_made_stops_nothing_else(
    host: Host, restorer: Restorer, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    bad = [f"{tmp_path}/file", "/sys/no_such_directory", f"{BPFFS}/inside", "/proc/1/bpffs"]
    good = str(tmp_path / "good")
    paths = [bad[0], bad[1], good, bad[2], bad[3]]
    restorer.declare(mounts=[{"path": path} for path in paths], maps=[{"name": "flows", **HASH}])
    done = restorer.json("restore")
    assert done.code == TROUBLE
    assert [line["path"] for line in done.report["lines"]] == [*paths, f"{BPFFS}/flows"]
    assert {done.states[path] for path in bad} == {"failed"}
    assert (done.states[good], done.states[f"{BPFFS}/flows"]) == ("restored", "restored")
    assert all(done.line(path)["detail"] for path in bad)
    assert len(mounts_at(host, good)) == 1
    assert host.map_at(f"{BPFFS}/flows")["type"] == "hash"


# What stands where a map is declared


@dataclass(frozen=True)
class Case:
    """A declared map at $P; `found` and `after`: what `check` and `restore` call its state."""

    make: str  # a shell script that makes what is there; $O holds a map, a program and a link
    found: str
    after: str
    words: tuple[str, ...] = ()  # in the detail of `check`
    declared: Fields = field(default_factory=dict)
    then: Fields = field(default_factory=dict)  # looks of the pin, where it changes
    access: str = ""  # as `stat -c '%a %u %g'` says afterwards


_MAP = "bpftool map create $P type hash key 4 value 8 entries 16 name theirs"
_SMALLER = "bpftool map create $P type hash key 4 value 4 entries 8 name theirs flags 1"
OWN = {"owner": "daemon", "group": "adm", "mode": "0640"}
_OURS = f"640 {DAEMON} {ADM_GROUP}"

CASES = {
    "nothing": Case("", "missing", "restored", then={"type": 1, "value_size": 8}),
    "nothing, and access is declared": Case(
        "", "missing", "restored", declared=OWN, access=_OURS, then={"type": 1}
    ),
    "nothing, and not even the directory": Case(
        "", "missing", "restored", declared={"name": "deep/er/map"}, then={"type": 1}
    ),
    "the map": Case(_MAP, "in place", "in place"),
    "the map, with another name in the kernel": Case(
        _MAP.replace("theirs", "other"), "in place", "in place"
    ),
    "a map of another shape": Case(
        _SMALLER,
        "different",
        "different",
        ("value_size: want 8, have 4", "max_entries: want 16, have 8", "flags: want"),
    ),
    "a map of another shape and access": Case(
        f"{_SMALLER}; chmod 604 $P", "different", "different", ("value_size",), declared=OWN
    ),
    "a map of another type": Case(
        "bpftool map create $P type array key 4 value 8 entries 16 name theirs",
        "different",
        "different",
        ("type: want hash, have array",),
    ),
    "a program": Case("ln $O/prog $P", "different", "different", ("want map", "program")),
    "a link": Case("ln $O/link $P", "different", "different", ("want map", "link")),
    "a directory": Case("mkdir $P", "different", "different", ("want map", "directory")),
    "a directory with a pin": Case(
        "mkdir $P; ln $O/map $P/map", "different", "different", ("directory",)
    ),
    "a symlink to the map": Case("ln -s $O/map $P", "different", "different", ("symlink",)),
    "a symlink to nowhere": Case("ln -s nowhere $P", "different", "different", ("symlink",)),
    "another owner, group and mode": Case(
        f"{_MAP}; chmod 666 $P; chown nobody:daemon $P",
        "different",
        "restored",
        ("owner: want daemon, have nobody", "group: want adm", "mode: want 0640, have 0666"),
        declared=OWN,
        access=_OURS,
    ),
    "the map of another user": Case(
        f"{_MAP}; chown nobody $P", "different", "different", ("owner: want root, have nobody",)
    ),
    "nothing, in a directory of another user": Case(
        "chown nobody ${P%/*}", "different", "different", ("directory: want of root",)
    ),
    "the map, in a directory of another user": Case(
        f"{_MAP}; chown nobody ${{P%/*}}", "different", "different", ("of nobody",)
    ),
    "a map that is to be frozen": Case(
        _MAP, "different", "restored", ("frozen",), declared={"frozen": True}, then={"frozen": 1}
    ),
    "a map that is frozen and is not to be": Case(
        f"{_MAP}; bpftool map freeze pinned $P",
        "different",
        "different",
        ("frozen",),
        declared={"frozen": False},
    ),
    "a directory above that is a map": Case(
        "ln $O/map ${P%/*}/up", "failed", "failed", ("up",), declared={"name": "up/map"}
    ),
    "a directory above that is a symlink": Case(
        "ln -s $O ${P%/*}/up", "failed", "failed", ("symlink",), declared={"name": "up/map"}
    ),
}


def test_what_stands_where_a_map_is_declared_is_set_right_or_left_alone(
    host: Host, restorer: Restorer, subtests: pytest.Subtests
) -> None:
    others = f"{BPFFS}/others"
    host.run("mkdir", others)
    host.load("linked", others, f"{others}/prog", f"{others}/link")
    host.make_pin(f"{others}/map", value_size=8, max_entries=16)
    maps, paths, scripts = [], [], []
    for number, case in enumerate(CASES.values()):
        directory = f"{BPFFS}/case_{number}"
        path = f"{directory}/{case.declared.get('name', 'map')}"
        fields = {name: value for name, value in case.declared.items() if name != "name"}
        maps.append({"path": path, **HASH, **fields})
        paths.append(path)
        scripts.append(f"mkdir {directory}; O={others} P={directory}/map; {case.make}")
    host.shell("\n".join(scripts))
    for path, case in zip(paths, CASES.values(), strict=True):
        if case.make.startswith(_SMALLER):
            update = f"map update pinned {path} key 1 0 0 0 value 7 0 0 0"
            host.run("bpftool", *update.split())
    restorer.declare(maps=maps)
    before = host.inventory()
    seen, checked = restorer.json("status"), restorer.json("check")
    assert host.inventory() == before
    assert (seen.code, checked.code) == (GOOD, DRIFT)
    assert seen.report == checked.report
    done = restorer.json("restore")
    assert done.code == TROUBLE
    after = host.inventory()
    for number, ((about, case), path) in enumerate(zip(CASES.items(), paths, strict=True)):
        directory = f"{BPFFS}/case_{number}"
        ours = [
            {name: entry for name, entry in looks.items() if f"{name}/".startswith(f"{directory}/")}
            for looks in (before, after)
        ]
        with subtests.test(about):
            assert (checked.states[path], done.states[path]) == (case.found, case.after)
            for word in case.words:
                assert word in checked.line(path)["detail"], checked.line(path)
            if case.after == "restored":
                now = after[path]["object"]
                assert {name: now[name] for name in case.then} == case.then
                if case.found == "different":
                    assert now["id"] == before[path]["object"]["id"]
                if case.access:
                    assert access(host, path) == case.access
            else:
                assert ours[0] == ours[1]
                if case.make.startswith(_SMALLER):
                    (entry,) = host.bpftool("map", "dump", "pinned", path)
                    assert entry["value"][0] == "0x07"
    again = restorer.json("restore")
    with subtests.test("a second run finds the rest in place and changes nothing"):
        assert again.code == TROUBLE
        assert host.inventory() == after
        for path, state in done.states.items():
            assert again.states[path] == ("in place" if state == "restored" else state)


def test_a_map_outside_of_any_bpffs_is_told_and_stops_no_other(
    host: Host, restorer: Restorer, tmp_path: Path
) -> None:
    plain = [f"{tmp_path}/plain/map", "/proc/1/map", "/no/such/directory/map"]
    maps = [{"path": path, **HASH} for path in plain]
    restorer.declare(maps=[*maps, {"name": "flows", **HASH}])
    before = picture(host, str(tmp_path))
    done = restorer.json("restore")
    assert done.code == TROUBLE
    assert {done.states[path] for path in plain} == {"failed"}
    assert all("bpf" in done.line(path)["detail"] for path in plain), done.output
    assert done.states[f"{BPFFS}/flows"] == "restored"
    assert picture(host, str(tmp_path)) == before


def test_a_map_that_the_kernel_refuses_stops_no_other(host: Host, restorer: Restorer) -> None:
    huge = {"type": "array", "value_size": 2**30, "max_entries": 2**31}
    restorer.declare(maps=[{"name": "a", **HASH}, {"name": "huge", **huge}, {"name": "z", **HASH}])
    done = restorer.json("restore")
    assert done.code == TROUBLE
    assert done.states == {
        f"{BPFFS}/a": "restored",
        f"{BPFFS}/huge": "failed",
        f"{BPFFS}/z": "restored",
    }
    assert "MAP_CREATE" in done.line(f"{BPFFS}/huge")["detail"]
    assert {path for path in host.inventory() if len(path) < 16} >= {f"{BPFFS}/a", f"{BPFFS}/z"}
    assert f"{BPFFS}/huge" not in host.inventory()


STRANGERS = [{"owner": "no-such-user"}, {"group": "no-such-group"}]


@pytest.mark.parametrize("stranger", STRANGERS, ids=str)
def test_a_map_of_a_user_who_is_gone_stops_no_other(
    host: Host, restorer: Restorer, tmp_path: Path, stranger: Fields
) -> None:
    point = str(tmp_path / "bpffs")
    restorer.declare(
        mounts=[{"path": f"{tmp_path}/theirs", **stranger}, {"path": point}],
        maps=[{"name": "theirs", **HASH, **stranger}, {"name": "flows", **HASH, "owner": "0"}],
    )
    done = restorer.json("restore")
    assert done.code == TROUBLE
    assert host.map_at(f"{BPFFS}/flows")["type"] == "hash"
    assert len(mounts_at(host, point)) == 1
    assert done.states == {
        f"{tmp_path}/theirs": "failed",
        point: "restored",
        f"{BPFFS}/theirs": "failed",
        f"{BPFFS}/flows": "restored",
    }
    for path in (f"{tmp_path}/theirs", f"{BPFFS}/theirs"):
        assert next(iter(stranger.values())) in done.line(path)["detail"]
    assert f"{BPFFS}/theirs" not in host.inventory()


def test_two_manifests_that_contradict_each_other_keep_the_first(
    host: Host, restorer: Restorer
) -> None:
    restorer.declare("a", maps=[{"name": "flows", **HASH}])
    restorer.declare("b", maps=[{"name": "flows", **HASH, "max_entries": 99}])
    done = restorer.json("restore")
    assert done.code == TROUBLE
    assert [line["state"] for line in done.report["lines"]] == ["restored", "different"]
    assert host.map_at(f"{BPFFS}/flows")["max_entries"] == 16


def test_two_runs_at_once_make_each_map_once(host: Host, restorer: Restorer) -> None:
    maps = [{"name": f"map_{number}", **HASH, "mode": "0640"} for number in range(200)]
    restorer.declare(maps=maps)
    words = [restorer.program, "restore", "--json", "--manifests", str(restorer.manifests)]
    with host.running(*words) as one, host.running(*words) as other:
        outputs = [process.communicate(timeout=60)[0] for process in (one, other)]
        assert (one.returncode, other.returncode) == (0, 0), outputs
    there = host.inventory()
    assert len([path for path in there if "map_" in path]) == len(maps)
    assert not [path for path in there if "staging" in path]
    states = [Done(0, output, "").states for output in outputs]
    made = [sum(run[path] == "restored" for run in states) for path in states[0]]
    assert min(made) >= 1
