# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests, and directories of them, that `ebpf-pinning` refuses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.samples import HASH
from harness.site import NOBODY
from restoring import COMMANDS, DRIFT, GOOD, TROUBLE, WHOLE, Restorer, nested


def _with(**fields: Any) -> bytes:
    return json.dumps({**json.loads(WHOLE), **fields}).encode()


def _text(text: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text)


def _then(text: bytes, change: Callable[[Path], object]) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        path.write_bytes(text)
        path.chmod(0o600)
        change(path)

    return make


def _symlink(path: Path) -> None:
    path.with_suffix(".target").write_bytes(WHOLE)
    path.symlink_to(path.with_suffix(".target"))


# What is at the place of a manifest, and what is said about it.
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (_text(b""), "not JSON"),
    "cut short": (_text(WHOLE[:-9]), "cut short"),
    "binary": (_text(bytes(range(256)) * 9), "not JSON"),
    "zeros, as after a crash": (_text(bytes(4096)), "not JSON"),
    "huge, and not a manifest": (_text(b"x" * 2_000_000), "not JSON"),
    "huge, and JSON": (_text(_with(maps=[{"name": "bad", "type": "x" * 2_000_000}])), "type 'xxx"),
    "a huge number": (_text(_with(maps=[{"name": "bad", **HASH, "key_size": 10**4000}])), "key"),
    "nested deeply": (_text(nested(100_000)), "nested too deeply"),
    "another version": (_text(_with(version=3)), "version 1"),
    "no version": (_text(b"{}"), "version 1"),
    "an unknown field": (_text(_with(sort="x")), "sort is not known"),
    "an unknown field of a map": (_text(_with(maps=[{"size": 4, "name": "bad"}])), "size is not"),
    "a policy": (_text(_with(maps=[{"name": "bad", **HASH, "on_mismatch": "replace"}])), "on_mis"),
    "no type": (_text(_with(maps=[{"name": "bad"}])), "type is missing"),
    "an unknown type": (_text(_with(maps=[{"name": "bad", **HASH, "type": "hsah"}])), "hsah"),
    "a name twice": (_text(_with(maps=[{"name": "bad", **HASH}] * 2)), "too: keep one"),
    "an unquoted mode": (_text(_with(defaults={"directory": BPFFS, "mode": 416})), "mode"),
    "one bad map of two": (
        _text(_with(maps=[{"name": "bad", **HASH}, {"name": "b.d", **HASH}])),
        "b.d",
    ),
    "another owner": (
        _then(WHOLE, lambda path: os.chown(path, NOBODY, 0)),
        f"user id {NOBODY}",
    ),
    "the group may write": (_then(WHOLE, lambda path: path.chmod(0o620)), "mode 0620"),
    "others may write": (_then(WHOLE, lambda path: path.chmod(0o602)), "mode 0602"),
    "a symlink": (_symlink, "symlink"),
    "a symlink to nowhere": (lambda path: path.symlink_to("nowhere"), "symlink"),
    "a symlink to itself": (lambda path: path.symlink_to(path), "symlink"),
    "a directory": (lambda path: path.mkdir(), "regular"),
    "a FIFO": (lambda path: os.mkfifo(path, 0o600), "regular"),
    "a device": (
        lambda path: os.mknod(path, 0o020600, os.makedev(1, 3)),
        "regular",
    ),
}


def test_a_broken_manifest_is_refused_as_a_whole_and_stops_no_other(
    host: Host, restorer: Restorer, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    directories = []
    for number, (make, _words) in enumerate(BROKEN.values()):
        directory = tmp_path / f"case_{number}"
        directory.mkdir()
        broken = Restorer(host, restorer.program, directory)
        make(directory / "b.json")
        # One that is read before, and one after.
        broken.declare("a", maps=[{"name": f"a_{number}", **HASH}])
        broken.declare("c", maps=[{"name": f"c_{number}", **HASH}])
        directories.append(str(directory))
    lists = [
        [command, "--json", "--manifests", each] for each in directories for command in COMMANDS
    ]
    with _writer_of_fifos(directories):
        runs = restorer.run_all(lists)
    there = host.inventory()
    for number, (about, (_make, words)) in enumerate(BROKEN.items()):
        seen, checked, done = runs[3 * number : 3 * number + 3]
        with subtests.test(about):
            for run in (seen, checked, done):
                assert "Traceback" not in run.complaints, run.complaints[-2000:]
                refused = run.report["refused"]
                assert refused
                assert all(line.startswith(f"{directories[number]}/b.json: ") for line in refused)
                assert words in " ".join(refused)
                assert run.complaints.splitlines() == [f"refused: {line}" for line in refused]
                assert all(len(line) < 1000 for line in refused), "a line for the journal"
            assert [seen.code, checked.code, done.code] == [GOOD, DRIFT, TROUBLE]
            assert done.states == {
                f"{BPFFS}/a_{number}": "restored",
                f"{BPFFS}/c_{number}": "restored",
            }
            assert {f"{BPFFS}/a_{number}", f"{BPFFS}/c_{number}"} <= there.keys()
    with subtests.test("nothing of a broken one is there"):
        assert f"{BPFFS}/bad" not in there


@contextmanager
def _writer_of_fifos(directories: list[str]) -> Iterator[None]:
    """Someone has the FIFOs open meanwhile, and says nothing."""
    fifos = [path for each in directories for path in Path(each).glob("b.json") if path.is_fifo()]
    assert fifos
    fds = [os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in fifos]
    yield
    for fd in fds:
        os.close(fd)


DIRECTORIES: dict[str, tuple[str, str]] = {
    "another owner": ("chown nobody $D", f"user id {NOBODY}"),
    "the group may write": ("chmod 0775 $D", "mode 0775"),
    "others may write": ("chmod 0757 $D", "mode 0757"),
    "everybody may, as in /tmp": ("chmod 1777 $D", "mode 1777"),
    "a file": ("rm -r $D; touch $D", "Not a directory"),
}


def test_a_directory_that_others_may_write_to_is_refused(
    host: Host, restorer: Restorer, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    lists, before = [], host.inventory()
    for number, (script, _words) in enumerate(DIRECTORIES.values()):
        directory = tmp_path / f"case_{number}"
        directory.mkdir()
        Restorer(host, restorer.program, directory).declare(maps=[{"name": "bad", **HASH}])
        host.shell(f"D={directory}; {script}")
        lists += [[command, "--json", "--manifests", str(directory)] for command in COMMANDS]
    runs = restorer.run_all(lists)
    for number, (about, (_script, words)) in enumerate(DIRECTORIES.items()):
        with subtests.test(about):
            three = runs[3 * number : 3 * number + 3]
            assert [run.code for run in three] == [GOOD, DRIFT, TROUBLE]
            for run in three:
                (line,) = run.report["refused"]
                assert words in line
                assert run.complaints == f"refused: {line}\n"
                assert run.report["lines"] == []
    assert host.inventory() == before
