# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever becomes of the second process, all names are looked at, each in its place."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import halves

NAMES = [f"name {number}" for number in range(halves.MANY + 1)]
HALF = len(NAMES) // 2
FOUND = [(name, "found") for name in NAMES]
HERE = os.getpid()
CPUS = {0, 1}


def _found(name: str) -> Any:
    return name, "found"


def _only_in_child(act: Callable[[], object], at: int = HALF + 10) -> Callable[[str], Any]:
    """Look, but let the child do that when it is so far."""

    def look(name: str) -> Any:
        if os.getpid() != HERE and name == NAMES[at]:
            act()
        return _found(name)

    return look


def _raise(error: BaseException) -> None:
    raise error


WAYS_TO_END = {
    "it is well": lambda: None,
    "it is killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "it ends": lambda: os._exit(0),
    "it fails": lambda: _raise(OSError(errno.EIO, "no")),
    "it has no memory": lambda: _raise(MemoryError()),
    "it is interrupted": lambda: os.kill(os.getpid(), signal.SIGINT),
    "it wants to exit": lambda: _raise(SystemExit(3)),
}


@pytest.fixture(autouse=True)
def clean(monkeypatch: Any) -> Iterator[None]:
    """Two CPUs and one thread, whatever there is; and nothing is left behind."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: CPUS)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.fixture
def forked(monkeypatch: Any) -> list[int]:
    """The children that were started."""
    fork, pids = os.fork, []

    def noted() -> int:
        pid = fork()
        pids.append(pid)
        return pid

    monkeypatch.setattr(os, "fork", noted)
    return pids


def _looked(look: Any, names: Any = NAMES, tell: Any = lambda it: it) -> Any:
    return halves.look_at_all(names, look, tell, lambda told: told)


@pytest.mark.parametrize("act", WAYS_TO_END.values(), ids=WAYS_TO_END)
def test_all_is_found_however_the_child_ends(act: Any, forked: Any) -> None:
    assert _looked(_only_in_child(act)) == FOUND
    assert len(forked) == 1


def test_a_child_that_is_killed_while_it_tells(forked: Any) -> None:
    long = "x" * 1_000  # all of it is more than a pipe holds

    def look(name: str) -> Any:
        if os.getpid() == HERE and name == NAMES[HALF - 1]:
            os.kill(forked[0], signal.SIGKILL)
        return name, long

    assert _looked(look) == [(name, long) for name in NAMES]


def test_each_process_looks_at_its_half() -> None:
    by = [pid for pid, _name in _looked(lambda name: (os.getpid(), name))]
    assert set(by[:HALF]) == {HERE}
    assert len(set(by[HALF:])) == 1
    assert by[-1] != HERE


def test_what_the_child_cannot_tell_is_looked_at_here() -> None:
    untold = set(NAMES[::3])

    def tell(found: Any) -> Any:
        return None if found[1] in untold else found

    looked = _looked(lambda name: (os.getpid(), name), tell=tell)
    assert [name for _pid, name in looked] == NAMES
    assert {name for pid, name in looked[HALF:] if pid == HERE} == untold & set(NAMES[HALF:])


def test_what_marshal_does_not_take_is_looked_at_here(forked: Any) -> None:
    assert _looked(_found, tell=lambda _found: object()) == FOUND
    assert len(forked) == 1


def test_who_ignores_its_children_is_told_as_well() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert _looked(_found) == FOUND
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_an_error_in_here_ends_the_child_too() -> None:
    def look(name: str) -> Any:
        if os.getpid() == HERE and name == NAMES[5]:
            raise KeyError(name)
        return name, "x" * 1_000

    with pytest.raises(KeyError):
        _looked(look)


@pytest.mark.parametrize("call", ["fork", "pipe"])
def test_where_there_can_be_no_child(call: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, call, lambda: _raise(OSError(errno.EAGAIN, "no")))
    assert _looked(_found) == FOUND


def test_alone_with_few_names_with_one_cpu_or_beside_threads(forked: Any, monkeypatch: Any) -> None:
    assert _looked(_found, NAMES[: halves.MANY - 1]) == FOUND[: halves.MANY - 1]
    assert _looked(_found, []) == []
    with monkeypatch.context() as beside:
        beside.setattr(threading, "active_count", lambda: 2)
        assert _looked(_found) == FOUND
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3})
    assert _looked(_found) == FOUND
    assert forked == []


def test_the_child_leaves_what_is_to_be_printed_to_its_parent(capfd: Any) -> None:
    print("once", end="")
    assert _looked(_found) == FOUND
    print(flush=True)
    assert capfd.readouterr().out == "once\n"
