# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Object files are read only where nobody else decides what is in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import trusted_file
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import (
    NotThere,
    PinningError,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    file = tmp_path / "a.bpf.o"
    file.write_bytes(b"content")
    file.chmod(0o644)
    return file


def refused(path: Path | str, text: str) -> None:
    with pytest.raises(PinningError, match=text):
        trusted_file.read_trusted(str(path))


def test_a_file_of_the_task_is_read(path: Path) -> None:
    assert trusted_file.read_trusted(str(path)) == b"content"
    assert trusted_file.read_trusted(f"{path.parent}//.//{path.name}") == b"content"


@pytest.mark.parametrize("mode", [0o646, 0o666])
def test_a_file_that_others_may_write_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    refused(path, f"a.bpf.o has mode {mode:04o} .* may write to it .*chmod go-w")


def test_so_is_one_in_a_directory_that_they_may_write_to(path: Path) -> None:
    path.parent.chmod(0o777)
    refused(path, f"{path.parent} has mode 0777")
    path.parent.chmod(0o1777)
    assert trusted_file.read_trusted(str(path)) == b"content"


def test_so_is_one_far_below_such_a_directory(path: Path) -> None:
    below = path.parent / "open" / "b" / "c"
    below.mkdir(parents=True)
    (below / "x.o").write_bytes(b"")
    (path.parent / "open").chmod(0o757)
    refused(below / "x.o", "/open has mode 0757")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_one_of_somebody_else_is_refused(path: Path) -> None:
    os.chown(path, 4242, 0)
    refused(path, "a.bpf.o belongs to user id 4242")
    os.chown(path, 0, 0)
    os.chown(path.parent, 4242, 0)
    refused(path, "belongs to user id 4242")
    os.chown(path.parent, 0, 0)
    path.chmod(0o664)
    assert trusted_file.read_trusted(str(path)) == b"content"
    os.chown(path, 0, 4242)
    refused(path, "mode 0664 and group id 4242")


def test_symlinks_are_not_followed(path: Path) -> None:
    (path.parent / "link.o").symlink_to(path)
    (path.parent / "folder").symlink_to(path.parent)
    refused(path.parent / "link.o", "link.o is a symlink")
    refused(path.parent / "folder" / path.name, "folder is a symlink")


def test_only_a_regular_file_is_read(path: Path) -> None:
    os.mkfifo(path.parent / "pipe")
    refused(path.parent / "pipe", "not a file: declare")
    refused(path.parent, "is a directory, not a file")
    refused(path / "below", "not a directory")
    with pytest.raises(NotThere, match="does not exist: copy the object file"):
        trusted_file.read_trusted(str(path.parent / "none"))


def test_a_file_that_is_too_large_is_refused(path: Path) -> None:
    os.truncate(path, trusted_file.MOST_BYTES + 1)
    program = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        f"sys.path.insert(0, {str(Path(trusted_file.__file__).parents[1])!r})\n"
        "from _core.trusted_file import read_trusted\n"
        "read_trusted(sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    assert "is larger than 256 MiB" in done.stderr


def test_descriptors_are_closed(path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    trusted_file.read_trusted(str(path))
    for each in (path.parent, path.parent / "none", path / "below"):
        with pytest.raises(PinningError):
            trusted_file.read_trusted(str(each))
    assert set(os.listdir("/proc/self/fd")) == before
