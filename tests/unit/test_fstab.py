# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry in fstab, and every other byte of it. The oracle is findmnt of util-linux."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts import (
    fstab,
    fstab_change,
    fstab_file,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.declaration import (
    WantedMount,
    read_mount,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.users import Users

OTHERS = (
    b"# static file systems\n"
    b"UUID=1 / ext4\tdefaults,errors=remount-ro 0 1\n"
    b"\n"
    b"  /dev/sdb1 /srv\\040data xfs noauto 0 2   # spoken for\r\n"
    b"#bpffs /sys/fs/bpf bpf defaults 0 0\n"
    b"tmpfs /tmp tmpfs defaults \xff\n"
)


FINDMNT = ["findmnt", "--json", "--output", "source,target,fstype,options"]


def wanted(**arguments: object) -> WantedMount:
    return read_mount({"path": "/sys/fs/bpf", **arguments}, Users())


def entries(content: bytes, tmp_path: Path, path: str = "/sys/fs/bpf") -> list[dict[str, str]]:
    """What util-linux reads of it."""
    table = tmp_path / "table"
    table.write_bytes(content)
    done = subprocess.run(
        [*FINDMNT, "--tab-file", table, "--target", path],
        capture_output=True,
        check=False,
    )
    if not done.stdout:
        return []
    found = json.loads(done.stdout)["filesystems"]
    return [entry for entry in found if entry["target"] == path]


def test_an_entry_is_added_after_all_other_bytes(tmp_path: Path) -> None:
    content = fstab_change.with_entry(OTHERS, wanted(mode="0700", opts=["nosuid"]), "fstab")
    assert content.startswith(OTHERS)
    (entry,) = entries(content, tmp_path)
    assert entry["fstype"] == "bpf"
    assert set(entry["options"].split(",")) == {"nosuid", "mode=1700"}


def test_a_file_without_a_last_newline_gets_one_before_the_entry(tmp_path: Path) -> None:
    content = fstab_change.with_entry(b"proc /proc proc defaults 0 0", wanted(), "fstab")
    assert content.startswith(b"proc /proc proc defaults 0 0\n")
    (entry,) = entries(content, tmp_path)
    assert entry["options"] == "defaults"


def test_a_path_with_a_space_is_escaped(tmp_path: Path) -> None:
    content = fstab_change.with_entry(b"", wanted(path="/run/a b"), "fstab")
    (entry,) = entries(content, tmp_path, "/run/a b")
    assert entry["fstype"] == "bpf"
    assert fstab_change.without_entry(content, "/run/a b") == b""


KEPT = [
    ("it says what is wanted", b"none /sys/fs/bpf bpf rw,mode=1700,nosuid 0 0\n"),
    ("it says more", b"x /sys/fs/bpf bpf x-systemd.automount,nosuid,mode=1700 0 0\n"),
    ("a comment follows", b"x\t/sys/fs/bpf bpf nosuid,mode=1700 0 0 # mine\r\n"),
    ("its path ends in a slash", b"x  /sys/fs/bpf/  bpf  nosuid,mode=1700\n"),
]


@pytest.mark.parametrize("entry", [row[1] for row in KEPT], ids=[row[0] for row in KEPT])
def test_an_entry_stays_to_the_byte_when(entry: bytes) -> None:
    content = OTHERS + entry + OTHERS
    assert (
        fstab_change.with_entry(content, wanted(mode="0700", opts=["nosuid"]), "fstab") == content
    )


def test_an_entry_that_contradicts_is_changed_in_its_place(tmp_path: Path) -> None:
    entry = b"none\t/sys/fs/bpf bpf suid,mode=0777,x-test,defaults,noauto 0 0\t# mine\r\n"
    content = fstab_change.with_entry(
        OTHERS + entry + OTHERS, wanted(mode="0700", opts=["nosuid"]), "fstab"
    )
    assert content.startswith(OTHERS)
    assert content.endswith(OTHERS)
    assert content[len(OTHERS) :].startswith(b"none\t/sys/fs/bpf bpf ")
    assert content[: -len(OTHERS)].endswith(b" 0 0\t# mine\r\n")
    (found,) = entries(content, tmp_path)
    assert found["source"] == "none"
    assert set(found["options"].split(",")) == {"nosuid", "mode=1700", "x-test", "defaults"}


def test_of_several_entries_one_stays(tmp_path: Path) -> None:
    entry = b"none /sys/fs/bpf bpf defaults 0 0\n"
    content = fstab_change.with_entry(entry + OTHERS + entry, wanted(), "fstab")
    assert content == entry + OTHERS
    assert len(entries(content, tmp_path)) == 1


def test_no_entry_means_none_and_nothing_else_is_touched() -> None:
    entry = b"none /sys/fs/bpf bpf defaults 0 0\n"
    assert fstab_change.without_entry(entry + OTHERS + entry, "/sys/fs/bpf") == OTHERS


def test_another_file_system_at_the_path_is_refused() -> None:
    with pytest.raises(fstab.FstabProblem, match="tmpfs"):
        fstab_change.with_entry(b"tmpfs /sys/fs/bpf tmpfs defaults 0 0\n", wanted(), "fstab")


def test_writing_keeps_owner_mode_and_attributes(tmp_path: Path) -> None:
    path = tmp_path / "fstab"
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, os.getuid(), os.getgid())
    os.setxattr(path, "user.note", b"kept")
    assert fstab_file.update(str(path), lambda content: content + b" and new")
    status = path.stat()
    assert path.read_bytes() == b"old and new"
    assert status.st_mode & 0o7777 == 0o640
    assert os.getxattr(path, "user.note") == b"kept"
    assert [entry.name for entry in tmp_path.iterdir()] == ["fstab"]


def test_what_somebody_else_writes_meanwhile_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "fstab"
    path.write_bytes(b"a\n")
    rounds = []

    def change(content: bytes) -> bytes:
        if not rounds:
            path.write_bytes(b"a\nb\n")
        rounds.append(content)
        return content + b"ours\n"

    assert fstab_file.update(str(path), change)
    assert path.read_bytes() == b"a\nb\nours\n"


def test_no_change_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "fstab"
    path.write_bytes(b"old")
    before = path.stat()
    assert not fstab_file.update(str(path), lambda content: content)
    assert path.stat() == before


def test_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"")
    (tmp_path / "fstab").symlink_to("real")
    with pytest.raises(fstab.FstabProblem, match="symlink"):
        fstab_file.read(str(tmp_path / "fstab"))


def test_no_file_is_no_entry(tmp_path: Path) -> None:
    assert fstab_file.read(str(tmp_path / "fstab")) == b""
    assert fstab_file.update(str(tmp_path / "fstab"), lambda content: content + b"new")
    assert (tmp_path / "fstab").read_bytes() == b"new"
