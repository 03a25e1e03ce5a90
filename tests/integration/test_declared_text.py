# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters in paths that end a line where they are written, or that a terminal obeys."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from booted_hosts import UNIT
from harness.booted import Booted
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH
from mount_table import mounts_at
from restore_places import MAPS, Place, results
from restoring import Fields, Restorer

ENDS_OR_OBEYED = ["\n", "\r", "\t", "\v", "\f", "\x1b", "\a", "\b", "\x7f", "\x85", "\x9b"]
ENDS_OR_OBEYED += ["\u2028", "\u2029"]


def _fields(place: Place, odd: str) -> dict[str, Fields]:
    """The fields of bpf_restore with something odd in one of them."""
    item = {"name": "flows", **HASH}
    return {
        "the directory": {"directory": f"{BPFFS}/{odd}", "maps": [item]},
        "a directory that would be a line": {
            "directory": f'{BPFFS}/x"{odd}[Service]{odd}ExecStartPre=+',
            "maps": [item],
        },
        "the directory of a map": {"maps": [{**item, "directory": f"{BPFFS}/{odd}"}]},
        "the directory in the path of a map": {"maps": [{**HASH, "path": f"{BPFFS}/{odd}/flows"}]},
        "a mount point": {"mounts": [{"path": f"/run/{odd}"}]},
        "the library": {"library": f"{place.path}/{odd}"},
        "the manifests": {"manifests": f"{place.path}/{odd}"},
        "the interpreter": {"python": f"/usr/bin/{odd}python3"},
        "the name": {"name": f"agent{odd}x"},
    }


def test_they_are_refused_in_what_goes_into_files_of_another_syntax(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    place = Place(tmp_path / "place")
    place.path.mkdir()
    before = place.picture()
    cases = [
        (f"{about}: {odd!a}", fields)
        for odd in ENDS_OR_OBEYED
        for about, fields in _fields(place, f"o{odd}d").items()
    ]
    runs = [
        [place.run(check=check, **fields) for check in (True, False)] for _about, fields in cases
    ]
    for (about, _words), both in zip(cases, results(host, runs), strict=True):
        with subtests.test(about):
            for result in both:
                assert result["failed"], result
                assert about.rpartition(": ")[2][1:-1] in result["msg"]
                assert "control character" in result["msg"]
    assert place.picture() == before


def test_the_other_modules_refuse_them_alike(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    odd = "o\nd"
    before = host.inventory()
    tasks = {
        "a directory of maps": task(
            "bpf_map_pinned", name="flows", directory=f"{BPFFS}/{odd}", **HASH
        ),
        "a path of a map": task("bpf_map_pinned", path=f"{BPFFS}/{odd}/flows", **HASH),
        "a mount point": task("bpffs_mount", path=f"{tmp_path}/{odd}"),
        "fstab": task("bpffs_mount", boot=True, fstab=f"{tmp_path}/{odd}"),
    }
    for about, result in zip(tasks, host.playbook(list(tasks.values())), strict=True):
        with subtests.test(about):
            assert result.failed
            assert "o\\nd" in result.msg
            assert "control character" in result.msg
    assert host.inventory() == before
    assert list(tmp_path.iterdir()) == []


def test_what_others_called_so_can_be_looked_at_removed_and_unmounted(
    host: Host, tmp_path: Path
) -> None:
    odd = "o\nd\x1b"
    point = f"{tmp_path}/{odd}"
    host.run("mkdir", f"{BPFFS}/{odd}", point)
    host.make_pin(f"{BPFFS}/{odd}/flows")
    host.run("mount", "-t", "bpf", "bpf", point)
    seen, removed, unmounted = host.playbook(
        [
            task("bpf_pin_info", directory=f"{BPFFS}/{odd}"),
            task("bpf_pin_absent", path=[f"{BPFFS}/{odd}/flows", f"{BPFFS}/{odd}"], recurse=True),
            task("bpffs_mount", path=point, state="unmounted"),
        ]
    )
    assert len(seen.good()["pins"]) == 1
    assert removed.good().changed
    assert unmounted.good().changed
    assert [path for path in host.inventory() if "flows" in path or odd in path] == []
    assert mounts_at(host, point) == []


# What is no control character is taken, and means the same to systemd.
ODD = [
    "a b",
    "it's",
    'the "x"',
    "50%",
    "%n%i",
    "back\\slash",
    "end\\",
    "$nope",
    "${nope}",
    "größe",
    "-x",
]
ODD += ["+x", "#x", ";x", "=x", "a:b", "a,b", "\u00a0x", "🐝", "x\u200dy", "\\n", "{{ x }}", "'"]


def test_systemd_reads_the_paths_that_the_unit_may_write_to_as_they_are(booted: Booted) -> None:
    points = [f"/run/{number}/{odd}" for number, odd in enumerate(ODD)]
    written = [point.replace("{{ x }}", "{% raw %}{{ x }}{% endraw %}") for point in points]
    maps = [{**MAPS[0], "directory": each} for each in written]
    declared = {"maps": maps, "mounts": [{"path": each} for each in written]}
    booted.shell(f"mkdir -p {shlex.join(points)}")
    (done,) = booted.playbook([task("bpf_restore", name="odd", service=True, **declared)])
    assert sorted(done.good()["sandbox"]["writable"]) == sorted(points), done
    for point in points:  # which the unit itself has made
        assert booted.map_at(f"{point}/{MAPS[0]['name']}")
    # With this level of log it tells how it has read the unit.
    verify = f"SYSTEMD_LOG_LEVEL=debug systemd-analyze verify --man=no {UNIT}"
    output = booted.run("sh", "-c", verify, check=False)
    told = re.search(rf"Unit {UNIT}:.*?ReadWritePaths: (.*?)\n", output.stdout, re.DOTALL)
    assert told, output.stderr[-2000:]
    assert told[1].split(" -/run/")[0].startswith("-/run/")
    found = [f"/run/{each}" for each in f" {told[1]}".split(" -/run/")[1:]]
    assert sorted(found) == sorted(points)


# In the first line of a program the kernel ends the name of an interpreter at a blank.
FIRST_LINES = {
    "a blank": ("my python", "blank"),
    "a wide blank": ("my\u3000python", "blank"),
    "too long": ("x" * 120, "longer than the kernel reads"),
}


def test_an_interpreter_that_no_first_line_can_name_is_refused(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    place = Place(tmp_path / "place")
    place.path.mkdir()
    for about, (name, words) in FIRST_LINES.items():
        host.run("ln", "-s", "/usr/bin/python3", str(tmp_path / name))
        ((result,),) = results(host, [[place.run(python=str(tmp_path / name))]])
        with subtests.test(about):
            assert result["failed"]
            assert words in result["msg"]


def test_a_manifest_with_such_a_directory_is_refused(host: Host, restorer: Restorer) -> None:
    restorer.declare(maps=[{"name": "flows", **HASH, "directory": f"{BPFFS}/o\nd"}])
    for command in ("status", "restore"):
        (line,) = json.loads(restorer.json(command).output)["refused"]
        assert "control character" in line
    assert [path for path in host.inventory() if "flows" in path] == []
