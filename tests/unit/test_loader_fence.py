# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libbpf that crashes, hangs, eats memory or worse is ended, and nothing is left of it."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.loader import fence, process
from ansible_collections.ebpf.pinning.plugins.module_utils._core.loader.load import load
from ansible_collections.ebpf.pinning.plugins.module_utils._core.loader.request import (
    LoaderCrashed,
    LoaderMissing,
    LoadError,
    LoaderTimedOut,
    LoaderTooOld,
    LoadRequest,
    Refused,
)

SOURCE = Path(__file__).with_name("misbehaving_libbpf.c")
CASES = ("crashes", "aborts", "leaves", "waits", "runs", "eats", "writes", "looks", "tries")
CASES += ("floods", "babbles", "boasts", "lies", "closes", "paints")
ALREADY = 128  # MiB that this process has reserved, and not used
HAS_FILTER = os.uname().machine in ("x86_64", "aarch64", "riscv64", "loongarch64")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("libbpf")


def request(**fields: object) -> LoadRequest:
    return LoadRequest(b"object", **{"programs": ("one",), "seconds": 60.0, **fields})  # type: ignore[arg-type]


@pytest.fixture
def libbpf(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Chooses how libbpf misbehaves."""

    def choose(case: str) -> None:
        folder = scratch / case
        if not folder.exists():
            folder.mkdir()
            target = str(folder / "libbpf.so.1")
            options = [f"-DMISBEHAVIOUR={CASES.index(case)}", f'-DSCRATCH="{scratch}"', "-w"]
            command = ["gcc", "-O1", "-shared", "-fPIC", *options, str(SOURCE), "-o", target]
            subprocess.run(command, check=True)
        monkeypatch.setenv("EBPF_PINNING_LIBBPF", str(folder))

    before = state()
    yield choose
    assert state() == before


def state() -> tuple[set[str], str]:
    """The descriptors and children of this process."""
    with open("/proc/thread-self/children") as children:
        return {*os.listdir("/proc/self/fd")}, children.read()


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Places in /proc of the processes that were forked."""
    fork, found = os.fork, []

    def noted() -> int:
        pid = fork()
        found.append(Path(f"/proc/{pid}"))
        return pid

    monkeypatch.setattr(process.os, "fork", noted)
    return found


@pytest.mark.parametrize(
    ("case", "error", "text"),
    [
        ("crashes", LoaderCrashed, r"libbpf crashed .*SIGSEGV"),
        ("aborts", LoaderCrashed, r"libbpf crashed .*SIGABRT"),
        ("leaves", LoaderCrashed, "libbpf crashed .*status 0"),
        ("writes", LoaderCrashed, "wrote more than 64 MiB"),
        ("babbles", LoaderCrashed, "makes no sense"),
        ("boasts", LoaderCrashed, "of 1 descriptors 0 came back"),
        ("lies", LoaderCrashed, "makes no sense"),
        ("floods", LoaderCrashed, "libbpf crashed|makes no sense"),
        ("closes", LoaderCrashed, "libbpf crashed"),
        ("paints", Refused, "the object was refused"),
    ],
)
def test_it_is_ended(
    libbpf: Callable[[str], None], case: str, error: type[LoadError], text: str
) -> None:
    libbpf(case)
    with pytest.raises(error, match=text):
        load(request())


@pytest.mark.parametrize("case", ["waits", "runs"])
def test_it_is_ended_when_its_time_is_up(
    libbpf: Callable[[str], None], forked: list[Path], case: str
) -> None:
    libbpf(case)
    start = time.monotonic()
    with pytest.raises(LoaderTimedOut, match=r"not done after 0\.5 s"):
        load(request(seconds=0.5))
    assert 0.4 < time.monotonic() - start < 20
    (child,) = forked
    assert not child.exists()


def test_it_gets_no_more_memory_than_it_may(libbpf: Callable[[str], None]) -> None:
    libbpf("eats")
    with pytest.raises(LoaderCrashed) as caught:
        load(request())
    (mebibytes,) = re.findall(r"(\d+) MiB", caught.value.log)
    assert 500 < int(mebibytes) <= (fence.MOST_MEMORY >> 20) + ALREADY


def test_it_gets_no_more_of_the_processor_than_it_may(
    libbpf: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    libbpf("runs")
    monkeypatch.setattr(fence, "MOST_SECONDS", 1)
    with pytest.raises(LoaderCrashed, match="used 100 s of CPU"):
        load(request())


def test_it_has_no_descriptors_but_those_it_is_given(libbpf: Callable[[str], None]) -> None:
    libbpf("looks")
    read, write = os.pipe()
    with pytest.raises(Refused) as caught:
        load(request(maps={"m": read}))
    os.close(read)
    os.close(write)
    found = [int(each) for each in re.findall(r"open: (\d+)", caught.value.log)]
    assert len(found) == 5  # standard ones, what it tells its parent by, the map
    assert found[:3] == [0, 1, 2]
    assert read in found
    assert write not in found
    assert "read: Bad file descriptor" in caught.value.log


@pytest.mark.skipif(not HAS_FILTER, reason="there is no filter for this machine")
def test_it_may_do_nothing_but_load(libbpf: Callable[[str], None], scratch: Path) -> None:
    (scratch / "there").write_text("there")
    libbpf("tries")
    with pytest.raises(Refused) as caught:
        load(request())
    said = dict(line.split(": ") for line in caught.value.log.splitlines())
    assert said.pop("look") == "done"
    assert len(said) == 12
    assert set(said.values()) == {"Operation not permitted"}
    assert (scratch / "there").read_text() == "there"
    assert not (scratch / "made").exists()


def test_what_it_says_is_kept_as_text(libbpf: Callable[[str], None]) -> None:
    libbpf("paints")
    with pytest.raises(Refused) as caught:
        load(request())
    assert caught.value.log == "\ufffd\ufffd\x1b[31mred\n"


def test_it_ends_with_its_parent(libbpf: Callable[[str], None]) -> None:
    libbpf("waits")
    core = Path(fence.__file__).parents[2]
    program = (
        f"import os, sys\nsys.path.insert(0, {str(core)!r})\n"
        "from _core.loader import process\nfrom _core.loader.request import LoadRequest\n"
        "fork = os.fork\n"
        "def told():\n    pid = fork()\n    if pid:\n        print(pid, flush=True)\n"
        "    return pid\n"
        "os.fork = told\nprocess.run(LoadRequest(b'x', ()))"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    pid = int(child.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    child.kill()
    child.communicate()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()


def test_an_interrupt_leaves_nothing(libbpf: Callable[[str], None], forked: list[Path]) -> None:
    libbpf("waits")
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            load(request())
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    (child,) = forked
    assert not child.exists()


def test_a_host_without_libbpf_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EBPF_PINNING_LIBBPF", str(tmp_path))
    with pytest.raises(LoaderMissing, match=r"libbpf is missing.* install libbpf1 \(Debian"):
        load(request())


def test_a_libbpf_without_a_function_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = ["gcc", "-shared", "-x", "c", "/dev/null", "-o", str(tmp_path / "libbpf.so.0")]
    subprocess.run(empty, check=True)
    monkeypatch.setenv("EBPF_PINNING_LIBBPF", str(tmp_path))
    with pytest.raises(LoaderTooOld, match=r"has no bpf_object__open_mem.*libbpf 0\.3 or newer"):
        load(request())


def test_libbpf_is_never_in_this_process(libbpf: Callable[[str], None]) -> None:
    libbpf("paints")
    with pytest.raises(Refused):
        load(request())
    assert "libbpf" not in Path("/proc/self/maps").read_text()


def test_no_more_processes_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork that fails leaves no descriptor."""

    def refuse() -> int:
        raise BlockingIOError

    before = state()
    monkeypatch.setattr(process.os, "fork", refuse)
    with pytest.raises(BlockingIOError):
        load(request())
    assert state() == before


def test_limits_of_this_process_stay(libbpf: Callable[[str], None]) -> None:
    libbpf("paints")
    kinds = (
        resource.RLIMIT_DATA,
        resource.RLIMIT_AS,
        resource.RLIMIT_CPU,
        resource.RLIMIT_FSIZE,
        resource.RLIMIT_CORE,
    )
    before = [resource.getrlimit(kind) for kind in kinds]
    with pytest.raises(Refused):
        load(request())
    assert [resource.getrlimit(kind) for kind in kinds] == before


def test_the_limit_of_locked_memory_is_raised_for_older_kernels(
    libbpf: Callable[[str], None],
) -> None:
    """Before Linux 5.11 what is loaded is charged to it."""
    limits = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    libbpf("looks")
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (4096, limits[1]))
    try:
        with pytest.raises(Refused) as caught:
            load(request())
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, limits)
    (most,) = re.findall(r"locked: (\w+)", caught.value.log)
    assert int(most) >= (limits[1] if limits[1] >= 0 else 2**63)


def test_how_it_ended_is_known_where_nobody_waits_for_children(
    libbpf: Callable[[str], None],
) -> None:
    libbpf("crashes")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(LoaderCrashed, match="SIGSEGV"):
            load(request())
        assert signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCHLD, before)
