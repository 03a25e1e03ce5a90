# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists as the tools of this host write them: what bpftool dumps of a map is what it was given. And
which files of others root reads."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import list_file
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.chunk import (
    Notation,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.faults import Faults
from ansible_collections.ebpf.pinning.plugins.module_utils._core.lists.read import read
from harness.host import BPFFS, Host
from harness.samples import APP
from harness.site import NOBODY
from map_types import CPUS


def listed(path: Path, format: str = "json") -> list[tuple[Notation, Any, Any]]:
    faults = Faults(str(path))
    with list_file.opened(str(path)) as file:
        found = [
            (chunk.notation, *pair)
            for chunk in read(file.blocks(), format, faults)
            for pair in zip(chunk.keys, chunk.values or [None] * len(chunk.keys), strict=True)
        ]
    faults.raise_any()
    return found


def dump(host: Host, pin: str, *options: str) -> Path:
    path = host.scratch / "dump.json"
    path.write_text(host.run("bpftool", *options, "map", "dump", "pinned", pin).stdout)
    return path


def update(host: Host, pin: str, entries: dict[bytes, bytes]) -> None:
    def words(raw: bytes) -> str:
        return " ".join(f"{byte:#04x}" for byte in raw)

    batch = host.scratch / "batch"
    lines = (
        f"map update pinned {pin} key {words(key)} value {words(value)}\n"
        for key, value in entries.items()
    )
    batch.write_text("".join(lines))
    host.run("bpftool", "batch", "file", str(batch))


def create(host: Host, kind: str, value_size: int) -> str:
    pin = f"{BPFFS}/{kind}"
    sizes = ["key", "4", "value", str(value_size), "entries", "400", "name", kind]
    host.run("bpftool", "map", "create", pin, "type", kind, *sizes)
    return pin


@pytest.mark.parametrize("options", [("-j",), ("-j", "-p")])
def test_a_dump_without_btf_is_read_byte_by_byte(host: Host, options: tuple[str, ...]) -> None:
    written = {struct.pack("=I", n): os.urandom(8) for n in range(300)}
    pin = create(host, "hash", 8)
    update(host, pin, written)
    found = listed(dump(host, pin, *options))
    assert {notation for notation, *_entry in found} == {Notation.RAW}
    assert len(found) == 300
    assert {key: value for _notation, key, value in found} == written


RULES = {
    struct.pack("=IHH", 7, 80, 443): struct.pack("=i8s?xhI", 2, b"web", True, -5, 1000),
    struct.pack("=IHH", 2**32 - 1, 0, 1): struct.pack("=i8s?xhI", 1, b"", False, 9, 0),
}
FORMATTED = [
    (
        {"host": 7, "ports": [80, 443]},
        {"verdict": "DROP", "name": "web", "counts": True, "offset": -5, "rate": {"limit": 1000}},
    ),
    (
        {"host": 2**32 - 1, "ports": [0, 1]},
        {"verdict": "PASS", "name": "", "counts": False, "offset": 9, "rate": {"limit": 0}},
    ),
]


@pytest.mark.parametrize(
    ("options", "notation"),
    [(("-j",), Notation.FORMATTED), (("-jp",), Notation.FORMATTED), ((), Notation.TYPED)],
)
def test_a_dump_with_btf_is_read_by_its_fields(
    host: Host, options: tuple[str, ...], notation: Notation
) -> None:
    host.load("dumped", APP)
    update(host, f"{APP}/rules", RULES)
    found = listed(dump(host, f"{APP}/rules", *options))
    assert {each[0] for each in found} == {notation}
    assert sorted((each[1:] for each in found), key=lambda each: each[0]["host"]) == FORMATTED


def test_fields_that_share_a_name_in_a_dump_are_read_byte_by_byte(host: Host) -> None:
    host.load("dumped", APP)
    written = {struct.pack("=I", 1): struct.pack("=II", 2, 3)}
    update(host, f"{APP}/unnamed", written)
    found = listed(dump(host, f"{APP}/unnamed", "-j"))
    assert found == [(Notation.RAW, *entry) for entry in written.items()]


def test_values_of_all_cpus_are_read_in_their_order(host: Host) -> None:
    host.load("dumped", APP)
    update(host, f"{APP}/counters", {struct.pack("=I", 1): struct.pack("=Q", 2**40)})
    wanted = [(Notation.FORMATTED, 0, [0] * CPUS), (Notation.FORMATTED, 1, [2**40] * CPUS)]
    assert listed(dump(host, f"{APP}/counters", "-j")) == wanted
    pin = create(host, "percpu_hash", 8)
    update(host, pin, {b"keys": b"8 values"})
    assert listed(dump(host, pin, "-j")) == [(Notation.RAW, b"keys", [b"8 values"] * CPUS)]


def test_slots_that_a_dump_tells_to_be_empty_are_no_entries(host: Host) -> None:
    pin = create(host, "devmap", 4)
    index = struct.pack("=I", 3)
    loopback = struct.pack("=I", 1)
    update(host, pin, {index: loopback})
    path = dump(host, pin, "-j")
    assert "error" in path.read_text()
    assert listed(path) == [(Notation.RAW, index, loopback)]


@contextmanager
def as_user(user: int) -> Iterator[None]:
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def directory() -> Iterator[Path]:
    """In which everybody may do all, below directories that everybody may pass."""
    made = Path(subprocess.run(["mktemp", "-d"], stdout=-1, check=True).stdout.decode().strip())
    made.chmod(0o777)
    yield made
    subprocess.run(["rm", "-r", made], check=True)


def test_a_symlink_of_another_user_is_not_followed(directory: Path) -> None:
    (directory / "list").write_text("a\n")
    (directory / "real").mkdir()
    (directory / "real" / "list").write_text("a\n")
    for name, target in (("link", "list"), ("way", "real"), ("again", "roots")):
        (directory / name).symlink_to(target)
        os.lchown(directory / name, NOBODY, -1)
    (directory / "roots").symlink_to("list")
    (directory / "twice").symlink_to("link")
    assert listed(directory / "roots", "lines") == [(Notation.TEXT, "a", None)]
    for name in ("link", "again", "twice", "way/list"):
        with pytest.raises(PinningError) as caught:
            listed(directory / name, "lines")
        says = f"{directory / name}: a symlink on the way belongs to user id {NOBODY}, who decides"
        assert str(caught.value).startswith(says)
    with as_user(NOBODY):
        for name in ("link", "again", "twice", "way/list", "roots"):
            assert len(listed(directory / name, "lines")) == 1


def test_a_list_that_the_user_may_not_read_is_told(directory: Path) -> None:
    path = directory / "list"
    path.write_text("a\n")
    path.chmod(0o600)
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    with as_user(NOBODY):
        for each in (path, closed / "list"):
            with pytest.raises(
                PinningError, match="EACCES: no permission: run with `become: true`"
            ):
                listed(each, "lines")


def test_a_list_of_another_user_is_read(directory: Path) -> None:
    path = directory / "list"
    with as_user(NOBODY):
        path.write_text("a\n")
    assert listed(path, "lines") == [(Notation.TEXT, "a", None)]


@pytest.mark.parametrize(("kind", "name"), [("b", "a block device"), ("c", "a character device")])
def test_a_device_is_not_opened(directory: Path, kind: str, name: str) -> None:
    # Numbers that no driver has: to open it would be another error.
    subprocess.run(["mknod", directory / "list", kind, "250", "77"], check=True)
    with pytest.raises(PinningError, match=f"is {name}, not a file: declare the path of the list"):
        listed(directory / "list", "lines")


def test_a_million_lines_need_little_memory(host: Host) -> None:
    """The largest resident set of a process that reads them, beside one that reads a hundred."""
    program = r"""
import re, sys
sys.path.insert(0, sys.argv[1])
from _core import list_file
from _core.lists.read import read
from _core.lists.faults import Faults
with list_file.opened(sys.argv[2]) as file:
    count = sum(len(chunk.keys) for chunk in read(file.blocks(), "lines", Faults("")))
print(count, *re.findall("VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read()))
"""
    core = Path(list_file.__file__).parents[1]
    used = []
    for lines in (100, 1_000_000):
        path = host.scratch / "list"
        path.write_text("".join(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(lines)))
        words = host.run(host.site.python, "-c", program, str(core), str(path)).stdout.split()
        assert words[0] == str(lines)
        used.append(int(words[1]))
    assert used[1] - used[0] < 40 * 1024  # KiB
