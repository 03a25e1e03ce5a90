# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc says of a descriptor is read of what is open by then, in this very process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins import objects

PLACES = (3, 7, 11)


@pytest.fixture
def place(monkeypatch: Any) -> Any:
    """Returns the place in the file that /proc tells of, as other fields of maps."""
    monkeypatch.setattr(objects, "_FDINFO_FIELDS", (("pos", b"pos:\t"),))
    return lambda fd: objects.fdinfo(fd)["pos"]


def _opened(path: Path, number: int, at: int) -> None:
    """Open `path` as descriptor `number`, at that place in it."""
    opened = os.open(path, os.O_RDONLY)
    os.lseek(opened, at, os.SEEK_SET)
    os.dup2(opened, number)
    os.close(opened)


@pytest.fixture
def number() -> Any:
    found = os.open("/dev/null", os.O_RDONLY)
    yield found
    os.close(found)


def test_one_after_the_other_under_the_same_number(place: Any, number: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    told = []
    for at in PLACES:
        _opened(path, number, at)
        told.append(place(number))
    assert tuple(told) == PLACES


def test_a_child_reads_of_its_own(place: Any, number: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    _opened(path, number, PLACES[0])
    assert place(number) == PLACES[0]
    child = os.fork()
    if not child:
        try:
            _opened(path, number, PLACES[1])
            os._exit(place(number))
        finally:
            os._exit(255)
    _pid, status = os.waitpid(child, 0)
    assert status >> 8 == PLACES[1]
    assert place(number) == PLACES[0]


def test_a_thousand_pins_cost_one_descriptor(place: Any, number: int) -> None:
    place(number)
    before = os.listdir("/proc/self/fd")
    for _pin in range(1_000):
        place(number)
    assert os.listdir("/proc/self/fd") == before
