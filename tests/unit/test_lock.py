# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks on files that only their owner can open."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import lock
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.syscall import Fd

NAME = "lock"


@contextmanager
def held_by_another(path: Path) -> Iterator[int]:
    """A process that has the lock; its id."""
    command = ["flock", "--no-fork", str(path), "sh", "-c", "echo locked; exec cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield process.pid
        process.communicate()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Fd]:
    with Fd(os.open(tmp_path, os.O_PATH)) as fd:
        yield fd


def test_the_file_is_closed_to_others(tmp_path: Path, directory: Fd) -> None:
    with lock.take(NAME, directory, str(tmp_path / NAME)):
        assert (tmp_path / NAME).stat().st_mode & 0o7777 == 0o600


def test_who_waits_too_long_is_told_for_whom(
    tmp_path: Path, directory: Fd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", -1.0)
    path = tmp_path / NAME
    path.touch(mode=0o600)
    with held_by_another(path) as pid, pytest.raises(PinningError) as told:
        lock.take(NAME, directory, str(path))
    assert str(path) in str(told.value)
    assert f"process {pid} ('cat')" in str(told.value)
    assert path.exists()


def test_who_holds_the_lock_is_told_and_not_who_reads_the_file(
    tmp_path: Path, directory: Fd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", -1.0)
    file, path = tmp_path / "fstab", tmp_path / NAME
    file.touch()
    path.touch(mode=0o600)
    reading, holding = held_by_another(file), held_by_another(path)
    with reading as reader, holding as pid, pytest.raises(PinningError) as told:
        lock.take(NAME, directory, str(file))
    assert f"{file} has been locked" in str(told.value)
    assert f"process {pid} " in str(told.value)
    assert f"process {reader} " not in str(told.value)


def test_what_a_killed_run_left_is_taken_over_empty(tmp_path: Path, directory: Fd) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"half a file")
    path.chmod(0o600)
    with lock.take(NAME, directory, str(path)) as fd:
        assert os.fstat(fd).st_ino == path.stat().st_ino
        assert path.read_bytes() == b""


def test_a_file_with_a_second_name_is_left_as_it_is(tmp_path: Path, directory: Fd) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"of somebody else")
    os.link(other, tmp_path / NAME)
    with lock.take(NAME, directory, str(tmp_path / NAME)):
        assert (tmp_path / NAME).stat().st_ino != other.stat().st_ino
    assert other.read_bytes() == b"of somebody else"


def test_a_symlink_is_not_followed(tmp_path: Path, directory: Fd) -> None:
    (tmp_path / NAME).symlink_to("other")
    with pytest.raises(OSError, match="symbolic links"):
        lock.take(NAME, directory, str(tmp_path / NAME))
    assert not (tmp_path / "other").exists()


def test_a_file_that_was_renamed_away_meanwhile_is_not_the_lock(
    tmp_path: Path, directory: Fd, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / NAME
    path.touch(mode=0o600)
    try_lock = lock.try_lock
    moved: list[int] = []

    def after_a_rename(fd: int, name: str) -> bool:
        if not moved:
            moved.append(path.stat().st_ino)
            path.rename(tmp_path / "fstab")
        return try_lock(fd, name)

    monkeypatch.setattr(lock, "try_lock", after_a_rename)
    with lock.take(NAME, directory, str(path)) as fd:
        assert os.fstat(fd).st_ino != moved[0]
