# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are opened as a list, and what is said of others. Symlinks and files of others are in
tests/integration/test_lists.py."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import list_file
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.faults import Faults
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.read import read


def content(path: Path | str) -> bytes:
    with list_file.opened(str(path)) as file:
        return b"".join(file.blocks())


def descriptors() -> set[str]:
    return {*os.listdir("/proc/self/fd")}


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def make_nothing(path: Path) -> None:
    """There is none."""


def make_part(path: Path) -> None:
    path.parent.rmdir()
    path.parent.touch()


def make_loop(path: Path) -> None:
    path.symlink_to(path)


OTHERS = {
    "a directory": (Path.mkdir, "is a directory, not a file: declare the path of the list"),
    "a FIFO": (os.mkfifo, "is a FIFO, not a file"),
    "a socket": (make_socket, "is a socket, not a file"),
    "nothing": (make_nothing, "does not exist: declare the path of the list, or have it written"),
    "a link to nothing": (lambda path: path.symlink_to("x"), "does not exist"),
    "a link to a device": (
        lambda path: path.symlink_to("/dev/null"),
        "is a character device, not a file",
    ),
    "below a file": (make_part, "ENOTDIR: a part of the path is not a directory"),
    "a link to itself": (make_loop, "Too many levels of symbolic links: declare the real path"),
}


@pytest.mark.parametrize(("make", "says"), OTHERS.values(), ids=OTHERS)
def test_what_is_no_file_is_named(tmp_path: Path, make: object, says: str) -> None:
    path = tmp_path / "d" / "list"
    path.parent.mkdir()
    make(path)  # type: ignore[operator]
    before = descriptors()
    with pytest.raises(PinningError) as caught:
        content(path)
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)
    assert descriptors() == before


@pytest.mark.parametrize("target", ["{}/d/list", "../d/list", "./e/../list", "//{}//d/./list"])
def test_symlinks_of_the_user_are_followed(tmp_path: Path, target: str) -> None:
    directory = tmp_path / "d"
    (directory / "e").mkdir(parents=True)
    (directory / "list").write_bytes(b"a\n")
    (directory / "link").symlink_to(target.format(tmp_path))
    (tmp_path / "way").symlink_to("d")
    before = descriptors()
    assert content(tmp_path / "way" / "link") == b"a\n"
    assert descriptors() == before


def test_files_of_proc_are_read_to_their_end() -> None:
    assert content("/proc/self/cmdline") == Path("/proc/self/cmdline").read_bytes()


def test_a_file_that_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(list_file.os, "read")
    path = tmp_path / "list"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(PinningError, match="is larger than 1024 MiB: split it into lists"):
        content(path)


def test_a_file_of_zeros_is_refused_by_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "list"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with list_file.opened(str(path)) as file:
        blocks = file.blocks()
        entries = read(blocks, "lines", Faults(str(path)))
        with pytest.raises(PinningError, match="line 1: holds a NUL byte"):
            next(entries)
        assert len(next(blocks)) == list_file.BLOCK  # so it was not read to its end


@pytest.mark.parametrize("mode", ["ab", "r+b", "wb"])
def test_a_file_that_is_written_meanwhile_is_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"a\n" * 500_000)
    os.utime(path, (0, 0))
    with list_file.opened(str(path)) as file:
        blocks = file.blocks()
        next(blocks)
        with path.open(mode) as other:
            other.write(b"b\n")
        with pytest.raises(PinningError, match="was written while it was read"):
            list(blocks)


def test_a_file_that_is_replaced_meanwhile_is_read_as_it_was(tmp_path: Path) -> None:
    path, new = tmp_path / "list", tmp_path / "new"
    path.write_bytes(b"a\n" * 500_000)
    new.write_bytes(b"b\n")
    with list_file.opened(str(path)) as file:
        blocks = file.blocks()
        start = next(blocks)
        new.rename(path)
        assert start + b"".join(blocks) == b"a\n" * 500_000


def test_a_fifo_that_takes_the_place_of_a_file_cannot_hang_us(tmp_path: Path) -> None:
    """Many times, so that each step of opening meets it."""
    path, fifo, plain = (tmp_path / name for name in ("list", "fifo", "plain"))
    os.mkfifo(fifo)
    plain.write_bytes(b"a\n")
    is_over = threading.Event()

    def swap() -> None:
        while not is_over.is_set():
            for source in (fifo, plain):
                os.link(source, tmp_path / "next")
                os.rename(tmp_path / "next", path)
                (tmp_path / "next").unlink(missing_ok=True)

    plain.link_to(path) if hasattr(plain, "link_to") else path.hardlink_to(plain)
    swapping = threading.Thread(target=swap, daemon=True)
    swapping.start()
    ends = time.monotonic() + 0.5
    seen = set()
    while time.monotonic() < ends and len(seen) < 2:
        try:
            seen.add(content(path))
        except PinningError as error:
            seen.add(str(error).partition(":")[0].encode())
    is_over.set()
    swapping.join()
    assert seen == {b"a\n", f"{path} is a FIFO, not a file".encode()}
