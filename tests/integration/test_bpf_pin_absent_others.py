# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_pin_absent with `path` when others are there: holders, refusals of the kernel, races."""

from __future__ import annotations

from typing import Any

import pytest
from absence_table import (
    assert_only_gone,
    assert_refused,
    holdings,
    inventory_task,
    is_alive,
    taken,
)
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import STAGING

HOLDER = """
import ctypes, sys
fd = ctypes.CDLL("libbpf.so.1").bpf_obj_get(sys.argv[1].encode())
print(fd, flush=True)
sys.stdin.read()
"""


def test_who_else_holds_the_object_is_told(host: Host, subtests: pytest.Subtests) -> None:
    root = f"{BPFFS}/app"
    host.run("mkdir", root)
    ids = host.load("pins", root, f"{root}/prog")
    host.make_pin(f"{BPFFS}/held")
    held = holdings(host)
    with host.running(host.site.python, "-c", HOLDER, f"{BPFFS}/held") as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        run = host.playbook(
            [
                task("bpf_pin_absent", label="a process", path=[f"{BPFFS}/held"]),
                task(
                    "bpf_pin_absent",
                    label="a program",
                    path=[f"{root}/counters", f"{root}/per_socket", f"{root}/flows_of_all_tenants"],
                ),
                task("bpf_pin_absent", label="the program itself", path=[root], recurse=True),
            ]
        )
        assert is_alive(host, held[f"{BPFFS}/held"])
    told = {
        label: {pin["path"].rpartition("/")[2]: pin["last_reference"] for pin in run[label]["pins"]}
        for label in ("a process", "a program", "the program itself")
    }
    with subtests.test("a process holds it"):
        assert told["a process"] == {"held": False}
    with subtests.test("a program holds some of its object file's maps"):
        used = {"counters": False, "per_socket": True, "flows_of_all_tenants": False}
        assert told["a program"] == used
    with subtests.test("nobody holds the others"):
        others = ids.keys() - used.keys() | {"prog"}
        assert told["the program itself"] == dict.fromkeys(others, True)
    with subtests.test("with the program, its maps are gone"):
        for name in ids:
            assert not is_alive(host, {"type": "map", "id": ids[name]}), name


def test_a_refusal_of_the_kernel_ends_it_and_what_was_done_is_told(host: Host) -> None:
    root = f"{BPFFS}/app"
    host.shell(f"mkdir -p {root}/d")
    ids = {name: host.make_pin(f"{root}/{name}") for name in ("a", "b", "c", "d/x")}
    inject = ["-o", str(host.scratch / "trace"), "-e", "trace=unlinkat"]
    words = {"path": [f"{root}/{name}" for name in ("a", "b", "c")]}
    run = host.playbook(
        [
            task(
                "bpf_pin_absent",
                keywords=host.strace(*inject, "-e", "inject=unlinkat:error=EIO:when=2"),
                **words,
            ),
            task(
                "bpf_pin_absent",
                keywords=host.strace(*inject, "-e", "inject=unlinkat:error=EBUSY:when=4"),
                path=[*words["path"], f"{root}/d"],
                recurse=True,
            ),
        ]
    )
    pin, directory = run
    assert pin.failed
    assert pin.changed
    assert f"{root}/b: unlink: EIO" in pin.msg
    assert "Removed before it failed: 1 (see `pins`)" in pin.msg
    (removed,) = pin["pins"]
    assert (removed["path"], removed["id"]) == (f"{root}/a", ids["a"])
    assert removed["last_reference"] is True
    assert pin["counts"] == {"removed": 1, "missing": 0, "spared": 0}
    # The second one goes on from there: a is missing, b, c and d/x go, d is refused.
    assert directory.failed
    assert directory.changed
    assert f"{root}/d: rmdir: EBUSY" in directory.msg
    assert "Removed before it failed: 3" in directory.msg
    assert directory["counts"] == {"removed": 3, "missing": 1, "spared": 0}
    assert [each["path"] for each in directory["pins"]] == [
        f"{root}/{name}" for name in ("b", "c", "d/x", "a")
    ]
    assert directory["directories"] == []
    assert set(host.inventory(root)) == {root, f"{root}/d"}


def test_a_read_only_bpffs_is_told(host: Host) -> None:
    host.shell(f"mkdir {BPFFS}/d")
    host.make_pin(f"{BPFFS}/one")
    host.make_pin(f"{BPFFS}/d/two")
    host.shell(f"mount -o remount,bind,ro {BPFFS}")
    before = host.inventory()
    tasks = [
        task("bpf_pin_absent", path=[f"{BPFFS}/one", f"{BPFFS}/d/two"]),
        task("bpf_pin_absent", directory=f"{BPFFS}/d", keep=[]),
        task("bpf_pin_absent", path=[f"{BPFFS}/none"]),
    ]
    check, run = host.playbook(tasks, "--check"), host.playbook(tasks)
    assert host.inventory() == before
    for result in (*check.results[:2], *run.results[:2]):
        assert_refused(result)
        assert f"{BPFFS}/d/two is on a bpffs that is mounted read-only" in result.msg
        assert "remount it writable" in result.msg
    assert run[2].good()["counts"] == {"removed": 0, "missing": 1, "spared": 0}


def test_a_user_without_privileges(host: Host, subtests: pytest.Subtests) -> None:
    host.shell(f"mkdir {BPFFS}/own {BPFFS}/closed; chown nobody {BPFFS}/own")
    pins = ["roots", "open", "own/map", "own/roots", "closed/map"]
    for name in pins:
        host.make_pin(f"{BPFFS}/{name}")
    host.shell(f"chmod 0644 {BPFFS}/open; chown nobody {BPFFS}/own/map; chmod 0700 {BPFFS}/closed")
    held, before = holdings(host), host.inventory()
    refused = {
        "a pin that may not be opened": {"path": [f"{BPFFS}/roots"]},
        "a pin that may not be opened, in a list": {"path": [f"{BPFFS}/own/map", f"{BPFFS}/roots"]},
        "a pin that may be opened but not removed": {"path": [f"{BPFFS}/open"]},
        "a directory that may not be entered": {"path": [f"{BPFFS}/closed/map"]},
        "a directory that may not be read": {"directory": f"{BPFFS}/closed", "keep": []},
        "a directory with another user's pin": {"directory": f"{BPFFS}/own", "keep": []},
    }
    keywords = host.as_nobody()
    own = {"path": [f"{BPFFS}/own/map", f"{BPFFS}/none"]}
    run = host.playbook(
        [
            *(task("bpf_pin_absent", label=n, keywords=keywords, **a) for n, a in refused.items()),
            inventory_task(host, "after the refusals"),
            task("bpf_pin_absent", label="its own", keywords=keywords, **own),
        ]
    )
    assert taken(run["after the refusals"]) == before
    for name, arguments in refused.items():
        with subtests.test(name):
            assert_refused(run[name])
            assert "become: true" in run[name].msg
            assert arguments.get("path", [f"{BPFFS}/"])[-1].removesuffix("/map") in run[name].msg
    with subtests.test("its own pin goes, but it may not ask who else holds the map"):
        removed, missing = run["its own"].good()["pins"]
        assert removed == {
            "path": f"{BPFFS}/own/map",
            "action": "removed",
            "last_reference": None,
            **held[f"{BPFFS}/own/map"],
        }
        assert missing["action"] == "missing"
        assert_only_gone(before, host.inventory(), {f"{BPFFS}/own/map"})


def test_what_takes_a_name_meanwhile_is_left_alone(host: Host, subtests: pytest.Subtests) -> None:
    """The module looks at all of them, removes `first`, and then is held up for a while."""
    host.shell(f"mkdir {BPFFS}/d {BPFFS}/other")
    for name in ("first", "pin", "first_1", "d/pin", "other/pin", "new"):
        host.make_pin(f"{BPFFS}/{name}")
    held = holdings(host)
    trace = str(host.scratch / "trace")
    delay = "inject=unlinkat:delay_exit=1000000:when=1"
    slow = host.strace("-o", trace, "-e", "trace=unlinkat", "-e", delay)
    play = host.play(
        [
            task("bpf_pin_absent", keywords=slow, path=[f"{BPFFS}/first", f"{BPFFS}/pin"]),
            task("bpf_pin_absent", keywords=slow, path=[f"{BPFFS}/first_1", f"{BPFFS}/d/pin"]),
        ]
    )
    process = host.start(play)
    gone = 'while test -e "$1"; do sleep 0.01; done'
    host.run(
        "sh",
        "-ec",
        f'{gone}; mv -f "$3" "$2"',
        "-",
        f"{BPFFS}/first",
        f"{BPFFS}/pin",
        f"{BPFFS}/new",
    )
    host.run(
        "sh",
        "-ec",
        f'{gone}; mv -T --exchange "$2" "$3" 2>/dev/null || {{ mv "$2" "$2_old"; mv "$3" "$2"; }}',
        "-",
        f"{BPFFS}/first_1",
        f"{BPFFS}/d",
        f"{BPFFS}/other",
    )
    run = host.finish(process)
    for result, path, first, now in zip(
        run,
        (f"{BPFFS}/pin", f"{BPFFS}/d"),
        ("first", "first_1"),
        ((f"{BPFFS}/pin", f"{BPFFS}/new"), (f"{BPFFS}/d/pin", f"{BPFFS}/other/pin")),
        strict=True,
    ):
        with subtests.test(path):
            assert result.failed
            assert result.changed
            assert f"{path} changed while this task ran" in result.msg
            assert "Removed before it failed: 1" in result.msg
            assert [pin["path"] for pin in result["pins"]] == [f"{BPFFS}/{first}"]
            there, before = now
            assert holdings(host)[there] == held[before]


def test_a_run_in_the_directory_is_not_disturbed(host: Host) -> None:
    root = f"{BPFFS}/app"
    host.shell(f"mkdir {root} && mkdir -m 700 {root}/{STAGING}")
    host.make_pin(f"{root}/a")
    host.make_pin(f"{root}/{STAGING}/new")
    before = host.inventory()
    with host.running("flock", f"{root}/{STAGING}", "sh", "-c", "echo locked; cat") as process:
        assert process.stdout is not None
        process.stdout.readline()
        run = host.playbook(
            [
                task("bpf_pin_absent", path=[root], recurse=True),
                inventory_task(host, "after the refusal"),
                task("bpf_pin_absent", directory=root, keep=[], recurse=True),
            ]
        )
    assert_refused(run[0])
    assert f"{root}/{STAGING}: another run works in this directory: run again" in run[0].msg
    assert taken(run[1]) == before
    assert run[2].good()["counts"] == {"removed": 1, "missing": 0, "spared": 0}
    assert_only_gone(before, host.inventory(), {f"{root}/a"})


def test_a_thousand_pins_in_one_task(host: Host) -> None:
    batch = host.scratch / "batch"
    names = [f"map_{number:04}" for number in range(1000)]
    host.shell(f"mkdir {BPFFS}/many")
    batch.write_text(
        "".join(
            f"map create {BPFFS}/many/{name} type array key 4 value 8 entries 1 name {name}\n"
            for name in [*names, "stays"]
        )
    )
    host.run("bpftool", "batch", "file", str(batch))
    held = holdings(host)
    paths = [f"{BPFFS}/many/{name}" for name in names]
    run = host.playbook(
        [
            task("bpf_pin_absent", check=True, directory=f"{BPFFS}/many", keep=["stays"]),
            task("bpf_pin_absent", path=paths, type="map"),
            task("bpf_pin_absent", path=paths, type="map"),
        ]
    )
    check, real, again = (result.good() for result in run)
    assert len(held) >= 1001
    for result in (check, real):
        words = ("type", "id", "name", "memlock")
        pins = {pin["path"]: tuple(pin[each] for each in words) for pin in result["pins"]}
        assert pins == {path: tuple(held[path].values()) for path in paths}
        assert result["counts"] == {"removed": 1000, "missing": 0, "spared": 0}
    assert all(pin["last_reference"] for pin in real["pins"])
    alive = {each["id"] for each in host.bpftool("map", "show")}
    assert not alive & {held[path]["id"] for path in paths}
    assert set(host.inventory(f"{BPFFS}/many")) == {f"{BPFFS}/many", f"{BPFFS}/many/stays"}
    assert again["counts"] == {"removed": 0, "missing": 1000, "spared": 0}


def test_the_diff_says_what_the_pins_hold(host: Host) -> None:
    host.shell(f"mkdir {BPFFS}/d")
    host.load("linked", BPFFS, f"{BPFFS}/d/prog")
    map_id = host.make_pin(f"{BPFFS}/d/map")
    prog_id = host.bpftool("prog", "show", "pinned", f"{BPFFS}/d/prog")["id"]
    memory = host.map_at(f"{BPFFS}/d/map")["bytes_memlock"]
    words: dict[str, Any] = {"path": [f"{BPFFS}/d"], "recurse": True}
    check, real = host.playbook(
        [
            task("bpf_pin_absent", check=True, diff=True, **words),
            task("bpf_pin_absent", diff=True, **words),
        ]
    )
    for result in (check, real):
        diff = {each["before_header"]: each for each in result.good()["diff"]}
        assert list(diff) == [f"{BPFFS}/d/{name} (found)" for name in ("map", "prog")] + [
            f"{BPFFS}/d (found)"
        ]
        told = diff[f"{BPFFS}/d/map (found)"]["before"]
        assert told == f"pin: a map of type hash (id {map_id})\nmemlock: {memory}\n"
        assert f"(id {prog_id})" in diff[f"{BPFFS}/d/prog (found)"]["before"]
        assert all(each["after"] == "" for each in diff.values())
