# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/migration.md as it stands: a map that programs and processes hold is exchanged."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from harness.guide import Guide
from harness.host import BPFFS, Host
from harness.samples import AGENT

FLOWS, BEFORE = f"{AGENT}/flows", f"{AGENT}/flows_before"
# Opens a pin by bpf(2) and keeps it: as a descriptor, or as memory with the descriptor closed.
HOLD = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
path = ctypes.create_string_buffer(sys.argv[1].encode())
attributes = ctypes.create_string_buffer(ctypes.addressof(path).to_bytes(8, sys.byteorder), 16)
fd = libc.syscall({"x86_64": 321}.get(os.uname().machine, 280), 7, attributes, 16)
if sys.argv[2:] == ["mapped"]:
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    assert libc.mmap(None, 4096, 3, 1, fd, 0) != ctypes.c_void_p(-1).value  # shared, to write
    os.close(fd)
print(fd, flush=True)
sys.stdin.read()
"""


class Agent(Guide):
    """The page, and the agent that it talks of."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, "migration.md")
        self.change, self.second_name = self.blocks("yaml")
        self.look, self.load, self.look_for_map = self.blocks("console")
        program = host.site.bpf_object("flows")
        host.run("cp", program, f"{self.folder}/files/agent.bpf.o")

    def works(self, packet: str) -> None:
        """The loaded program sees a packet that begins so: the key is its first 16 bytes."""
        file = self.folder / "packet"
        file.write_bytes(packet.encode().ljust(64, b"\0"))
        self.shell(f"bpftool prog run pinned {AGENT}/programs/count data_in {file}")

    def flows(self, path: str = FLOWS) -> dict[str, int]:
        """What each packet was counted as."""
        entries = self.host.bpftool("map", "dump", "pinned", path)
        raw = [entry if isinstance(entry["key"], list) else entry["formatted"] for entry in entries]
        found = {}
        for entry in raw:
            key = bytes(int(byte, 16) for byte in entry["key"])
            found[key.rstrip(b"\0").decode()] = int(entry["value"][0], 16)
        return found

    @contextmanager
    def holding(self, path: str, *how: str) -> Iterator[subprocess.Popen[str]]:
        with self.host.running(self.host.site.python, "-c", HOLD, path, *how) as process:
            assert process.stdout is not None
            assert int(process.stdout.readline()) >= 0
            yield process

    def holders(self, old: int) -> str:
        """What the page's commands say of who has the map with this id."""
        first, *rest = self.look.splitlines()
        assert first.startswith("old=$(")
        # grep finds nobody, and says so by its exit code: nothing that the reader minds.
        script = "\n".join([f"old={old}", *rest])
        return self.host.run("sh", "-c", script, check=False).stdout.partition("\n")[2]


@pytest.fixture
def agent(host: Host) -> Agent:
    agent = Agent(host)
    smaller = agent.change.replace("131072", "65536")
    assert agent.play(smaller).code == 0
    agent.shell(f"mkdir {AGENT}/programs; rmdir {AGENT}/programs; {first_load(agent)}")
    agent.works("one")
    agent.works("two")
    return agent


def first_load(agent: Agent) -> str:
    remove, load = agent.load.split("\n", 1)
    assert remove == f"rm -r {AGENT}/programs"
    return load


def test_the_walk_ends_with_all_entries_and_nobody_on_the_old_map(
    agent: Agent, subtests: pytest.Subtests
) -> None:
    host = agent.host
    before = host.inventory()
    check = agent.play(agent.change, "--check", "--diff")
    with subtests.test("look: check mode says what would be copied, names who uses it"):
        (would,) = check[0].good()["maps"]
        assert (would["action"], would["copied"]) == ("migrated", 2)
        assert any("xdp count" in warning for warning in check[0].warnings)
        assert host.inventory() == before
    with agent.holding(FLOWS) as process:
        said = host.run("sh", "-c", agent.look, check=False).stdout
        old = int(said.split("\n")[0])
        with subtests.test("look: the host's own tools name programs and processes"):
            assert old == host.map_at(FLOWS)["id"]
            assert " xdp  name count " in said.replace(":", " ")
            assert f"/proc/{process.pid}/fdinfo/" in said
            assert len(said.splitlines()) == 5  # the id, three lines of one program, a process
        (told,) = host.module("bpf_pin_info", path=[FLOWS]).good()["pins"]
        with subtests.test("look: bpf_pin_info names programs"):
            assert [program["name"] for program in told["programs"]] == ["count"]

        agent.play_twice(agent.second_name)
        changed = agent.play_twice(agent.change)
        (outcome,) = changed[0].good()["maps"]
        with subtests.test("change: all is copied, and who holds the old map is named"):
            assert (outcome["action"], outcome["copied"]) == ("migrated", 2)
            assert any("xdp count" in warning for warning in changed[0].warnings)
            assert host.map_at(FLOWS)["max_entries"] == 131072
            assert agent.flows() == {"one": 1, "two": 1}

        agent.works("late")
        with subtests.test("what the program writes then is in the old map only"):
            assert "late" not in agent.flows()
            assert agent.flows(BEFORE)["late"] == 1
        agent.shell(agent.load)
        agent.works("one")
        with subtests.test("load again: the program uses the new map"):
            assert agent.flows() == {"one": 2, "two": 1}
            found = agent.holders(old)
            assert "count" not in found
            assert f"/proc/{process.pid}/fdinfo/" in found
    with subtests.test("then nobody holds the old one, but for its second name"):
        assert agent.holders(old) == ""
        assert host.map_at(BEFORE)["id"] == old
        assert agent.flows(BEFORE)["late"] == 1
    removed = host.module("bpf_pin_absent", path=[BEFORE]).good()
    with subtests.test("and without it, it is gone"):
        assert removed.changed
        assert is_gone(agent, old)
    with subtests.test("all the time under the name: the entries"):
        assert agent.flows() == {"one": 2, "two": 1}


def is_gone(agent: Agent, old: int) -> bool:
    """Whether the page's last command says that there is no such map; the kernel takes its time."""
    words = ("sh", "-c", f"old={old}\n{agent.look_for_map}")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = agent.host.run(*words, check=False)
        if done.returncode:
            assert "No such file" in done.stderr
            return True
        time.sleep(0.1)
    return False


def test_without_a_second_name_the_late_entries_go_with_the_old_map(agent: Agent) -> None:
    old = agent.host.map_at(FLOWS)["id"]
    assert agent.play(agent.change).code == 0
    agent.works("late")
    agent.shell(agent.load)
    assert is_gone(agent, old)
    assert agent.flows() == {"one": 1, "two": 1}


@pytest.mark.parametrize(("policy", "left"), [("fail", 65536), ("replace", 131072)])
def test_the_other_policies_do_as_the_table_says(agent: Agent, policy: str, left: int) -> None:
    word = "on_mismatch: migrate"
    assert agent.change.count(word) == 1
    run = agent.play(agent.change.replace(word, f"on_mismatch: {policy}"))
    assert run[0].failed == (policy == "fail")
    assert agent.host.map_at(FLOWS)["max_entries"] == left
    kept = {"one": 1, "two": 1} if policy == "fail" else {}
    assert agent.flows() == kept


def test_memory_and_maps_of_maps_hold_an_old_map_where_the_page_says(host: Host) -> None:
    agent = Agent(host)
    path, outer = f"{BPFFS}/inner", f"{BPFFS}/outer"

    def exchange(**shape: object) -> int:
        """Pin a map, or another in its place: the id of the one that was there."""
        old = int(host.run("sh", "-c", f"{agent.look.splitlines()[0]}; echo ${{old:-0}}").stdout)
        words = {"path": path, "on_mismatch": "replace", "value_size": 8, **shape}
        host.module("bpf_map_pinned", **words).good()
        return old

    agent.look = agent.look.replace(FLOWS, path)
    small, large = (dict(type="array", flags=["mmapable"], max_entries=n) for n in (512, 1024))
    exchange(**small)
    with agent.holding(path, "mapped") as process:
        old = exchange(**large)
        assert host.bpftool("map", "show", "id", str(old))["id"] == old
        assert agent.holders(old) == ""
        assert "anon_inode:bpf-map" in host.shell(f"cat /proc/{process.pid}/maps")
    assert is_gone(agent, old)

    inner = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
    exchange(**inner)
    words = {"type": "array_of_maps", "max_entries": 1, "inner_map": inner}
    host.module("bpf_map_pinned", path=outer, **words).good()
    host.shell(f"bpftool map update pinned {outer} key 0 0 0 0 value pinned {path}")
    old = exchange(**{**inner, "max_entries": 32})
    assert host.bpftool("map", "show", "id", str(old))["id"] == old
    assert agent.holders(old) == ""
    host.shell(f"rm {outer}")
    assert is_gone(agent, old)
