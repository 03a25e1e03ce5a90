# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever becomes of the second process, all names are looked at, each in its place."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import halves

NAMES = [f"name {number}" for number in range(halves.MANY + 1)]
FOUND = [(name, "found") for name in NAMES]
LAST = len(NAMES) - 1
REALLY_RUNNING = halves._running


def _found(name: str) -> Any:
    return name, "found"


def _raise(error: BaseException) -> None:
    raise error


def _kill(sent: int) -> None:
    os.kill(os.getpid(), sent)


WAYS = {
    "it is well": lambda: None,
    "it is killed": lambda: _kill(signal.SIGKILL),
    "it is stopped": lambda: _kill(signal.SIGSTOP),
    "it is interrupted": lambda: _kill(signal.SIGINT),
    "it ends": lambda: os._exit(0),
    "it goes on for ever": lambda: time.sleep(1_000),
    "it fails": lambda: _raise(OSError(errno.EIO, "no")),
    "it has no memory": lambda: _raise(MemoryError()),
    "it wants to exit": lambda: _raise(SystemExit(3)),
}


class Meeting:
    """One of the two begins only when the other has come to a place."""

    def __init__(self) -> None:
        self.parent = os.getpid()
        self._reads, self._writes = os.pipe()

    def come(self) -> None:
        os.write(self._writes, b".")

    def wait(self) -> None:
        os.read(self._reads, 1)

    def look(self, place: int, act: Callable[[], object] = lambda: None) -> Callable[[str], Any]:
        """Returns how both look; the child comes to `place` first, and calls `act` there."""

        def look(name: str) -> Any:
            if os.getpid() != self.parent:
                if name == NAMES[place]:
                    self.come()
                    act()
            elif name == NAMES[0]:
                self.wait()
            return name, "found"

        return look

    def close(self) -> None:
        os.close(self._reads)
        os.close(self._writes)


@pytest.fixture(autouse=True)
def meeting(monkeypatch: Any) -> Iterator[Meeting]:
    """Two CPUs, one of them idle, and one thread, whatever there is; nothing is left behind."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    monkeypatch.setattr(halves, "_running", lambda: 1)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    made = Meeting()
    before = os.listdir("/proc/self/fd")
    yield made
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    made.close()


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


@pytest.mark.parametrize("place", [LAST, LAST - halves.PART, 1_000, 1])
@pytest.mark.parametrize("act", WAYS.values(), ids=WAYS)
def test_all_is_found_whatever_becomes_of_the_child(
    act: Any, place: int, meeting: Meeting, forked: Any
) -> None:
    assert _looked(meeting.look(place, act)) == FOUND
    assert len(forked) == 1


@pytest.mark.parametrize("place", [LAST, LAST - halves.PART, 1_000, 1])
def test_each_looks_from_its_own_end(place: int, meeting: Meeting) -> None:
    both = meeting.look(place)
    looked = _looked(lambda name: (os.getpid(), *both(name)))
    assert [name for _pid, name, _found in looked] == NAMES
    by_parent = [pid == meeting.parent for pid, _name, _found in looked]
    assert by_parent == sorted(by_parent, reverse=True)  # first the parent's, then the child's
    told = max(LAST - place + 1 - halves.PART, 0)  # but for the part in which the place is
    assert by_parent.count(False) >= min(told, LAST - 2 * halves.PART)


def test_what_the_child_cannot_tell_is_looked_at_here(meeting: Meeting) -> None:
    untold = set(NAMES[::3])
    both = meeting.look(1_000)
    looked = _looked(
        lambda name: (os.getpid(), both(name)[0]),
        tell=lambda found: None if found[1] in untold else found,
    )
    assert [name for _pid, name in looked] == NAMES
    by_child = {name for pid, name in looked if pid != meeting.parent}
    assert {*NAMES[1_500:]} - untold <= by_child
    assert not by_child & untold


def test_what_cannot_be_sent_is_looked_at_here(meeting: Meeting, forked: Any) -> None:
    assert _looked(meeting.look(LAST), tell=lambda _found: object()) == FOUND
    assert len(forked) == 1


@pytest.mark.parametrize("length", [1, 50, 5_000])  # less and more than a pipe takes
def test_long_texts_arrive_whole(length: int, meeting: Meeting) -> None:
    texts = {name: name * length for name in NAMES}
    both = meeting.look(LAST - halves.PART + 1)
    assert _looked(lambda name: texts[both(name)[0]]) == [*texts.values()]


def test_an_error_in_here_ends_the_child_too(meeting: Meeting) -> None:
    both = meeting.look(LAST, lambda: time.sleep(1_000))

    def look(name: str) -> Any:
        both(name)
        if os.getpid() == meeting.parent and name == NAMES[300]:
            raise KeyError(name)

    with pytest.raises(KeyError):
        _looked(look)


@pytest.mark.parametrize("call", ["fork", "pipe"])
def test_where_there_can_be_no_child(call: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, call, lambda: _raise(OSError(errno.EAGAIN, "no")))
    assert _looked(_found) == FOUND


def test_alone_with_few_names(forked: Any) -> None:
    for few in (0, 1, halves.PART, halves.MANY - 1):
        assert _looked(_found, NAMES[:few]) == FOUND[:few]
    assert forked == []


def test_alone_with_one_cpu(forked: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3})
    assert _looked(_found) == FOUND
    assert forked == []


@pytest.mark.parametrize(("running", "children"), [(1, 1), (2, 0), (3, 0)])
def test_alone_where_no_cpu_is_idle(
    running: int, children: int, forked: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(halves, "_running", lambda: running)
    assert _looked(_found) == FOUND
    assert len(forked) == children


def test_who_asks_is_running_too() -> None:
    assert REALLY_RUNNING() >= 1


def test_alone_without_proc(forked: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(halves, "_running", REALLY_RUNNING)
    monkeypatch.setattr("builtins.open", lambda *_args: _raise(OSError(errno.ENOENT, "no")))
    assert _looked(_found) == FOUND
    assert forked == []


def test_alone_beside_another_thread(forked: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert _looked(_found) == FOUND
    assert forked == []


def test_alone_where_children_are_ignored(forked: Any) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert _looked(_found) == FOUND
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert forked == []


def test_the_child_leaves_what_is_to_be_printed_to_its_parent(meeting: Meeting, capfd: Any) -> None:
    print("once", end="")
    assert _looked(meeting.look(1)) == FOUND
    print(flush=True)
    assert capfd.readouterr().out == "once\n"


BADLY = ["it is well", "it fails", "it has no memory", "it wants to exit", "it is interrupted"]


@pytest.mark.parametrize("act", [WAYS[way] for way in BADLY], ids=BADLY)
def test_the_child_does_not_go_on_with_what_its_parent_does(
    act: Any, meeting: Meeting, forked: Any
) -> None:
    ends = []

    def look(name: str) -> Any:
        if os.getpid() != meeting.parent:
            if name == NAMES[LAST]:
                meeting.wait()  # or it could tell all before its parent looks at anything
                act()
        elif name == NAMES[0]:
            meeting.come()
            ended = os.waitid(os.P_PID, forked[0], os.WEXITED | os.WNOWAIT)
            assert ended is not None
            ends.append((ended.si_code, ended.si_status))
        return _found(name)

    assert _looked(look) == FOUND
    assert ends == [(os.CLD_EXITED, 0)]
