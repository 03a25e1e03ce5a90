# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is replaced as a whole, or not at all."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.new_file import NewFile

PLUGINS = Path(__file__).parents[2] / "plugins"
# What renames something else: pins, and directories with all that is in them.
OTHERS = {"staging.py", "host_program.py", "layers.py"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a file that is to be replaced."""
    (tmp_path / "old").write_text("as it was")
    return tmp_path


def begun(folder: Path) -> NewFile:
    path = folder / "new"
    return NewFile(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), str(path))


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_until_it_is_published_the_old_one_is_there(folder: Path) -> None:
    with begun(folder) as new:
        new.write([b"as it ", b"is to be"])
        assert contents(folder) == {"old": "as it was", "new": "as it is to be"}
        new.publish(str(folder / "old"))
        assert contents(folder) == {"old": "as it is to be"}


def test_it_has_what_was_written_last(folder: Path) -> None:
    with begun(folder) as new:
        new.write([b"much longer than what follows"])
        new.write([b"short"])
        new.publish(str(folder / "old"))
    assert contents(folder) == {"old": "short"}


def test_nothing_of_it_stays_when_it_is_not_published(folder: Path) -> None:
    with begun(folder) as new:
        new.write([b"half"])
    assert contents(folder) == {"old": "as it was"}
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(new.fd)


def test_nothing_of_it_stays_when_what_is_written_breaks_off(folder: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), begun(folder) as new:
        new.write(pieces())
    assert contents(folder) == {"old": "as it was"}


def test_nothing_of_it_stays_when_it_cannot_take_the_name(folder: Path) -> None:
    (folder / "taken").mkdir()
    with pytest.raises(IsADirectoryError), begun(folder) as new:
        new.publish(str(folder / "taken"))
    assert {path.name for path in folder.iterdir()} == {"old", "taken"}


def test_a_symlink_is_replaced_and_not_followed(folder: Path) -> None:
    (folder / "link").symlink_to("old")
    with begun(folder) as new:
        new.write([b"other"])
        new.publish(str(folder / "link"))
    assert contents(folder) == {"old": "as it was", "link": "other"}
    assert not (folder / "link").is_symlink()


def test_names_may_be_relative_to_a_directory(folder: Path) -> None:
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fd = os.open("new", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=directory)
        with NewFile(fd, "new", directory) as new:
            new.write([b"other"])
            new.publish("old")
        assert contents(folder) == {"old": "other"}
    finally:
        os.close(directory)


def renames(source: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in ("rename", "renames", "replace")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("os", "shutil")
        for node in ast.walk(ast.parse(source.read_text()))
    )


def test_no_other_file_replaces_files() -> None:
    found = {source.name for source in PLUGINS.rglob("*.py") if renames(source)}
    assert found == {"new_file.py", *OTHERS}
