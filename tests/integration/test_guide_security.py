# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/security.md: what it says of modes, capabilities, modules, logs, tokens and the sandbox."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

import pytest
from harness.guide import Guide
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH
from harness.site import CHECKOUT
from link_table import Hooks, hooks
from restoring import UNIT, keep_apart

__all__ = ["hooks"]  # a fixture

AGENT, FLOWS = f"{BPFFS}/agent", f"{BPFFS}/flows"
# One of them is all on the controller.
MODULES = {file.stem for file in (CHECKOUT / "plugins" / "modules").glob("bp*.py")}
MODULES -= {"bpf_host_files"}
# What bpf(2) says: of opening the pin in each way and of what is done with it then, of opening the
# map with this id, of making a map, and of making a token from the directory.
TRY = """
import ctypes, errno, json, os, sys
path, directory, map_id = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 321}.get(os.uname().machine, 280)
kept = []
def said(command, *fields):
    words = b"".join(value.to_bytes(size, sys.byteorder) for value, size in fields)
    attributes = ctypes.create_string_buffer(words, 64)
    got = libc.syscall(number, command, attributes, len(words))
    return got if got >= 0 else errno.errorcode[ctypes.get_errno()]
def address(data):
    kept.append(ctypes.create_string_buffer(data))
    return ctypes.addressof(kept[-1]), 8
def word(result):
    return result if isinstance(result, str) else "ok"
told = {}
for way, flags in ("both", 0), ("read", 8), ("write", 16):
    fd = said(7, address(path.encode()), (0, 4), (flags, 4))
    told[way] = word(fd)
    if not isinstance(fd, str):
        entry = (fd, 4), (0, 4), address(bytes(16)), address(bytes(8)), (0, 8)
        told[way] = [word(said(2, *entry)), word(said(1, *entry))]  # write an entry, look it up
told["by id"] = word(said(14, (int(map_id), 4)))
told["make"] = word(said(0, (1, 4), (4, 4), (4, 4), (1, 4), (0, 4)))
try:
    told["token"] = word(said(36, (0, 4), (os.open(directory, os.O_RDONLY), 4)))
except PermissionError:
    told["token"] = "closed"
print(json.dumps(told))
"""
NOTHING = {"both": "EACCES", "read": "EACCES", "write": "EACCES"}
READ = {**NOTHING, "read": ["EPERM", "ok"]}
WRITE = {**NOTHING, "write": ["ok", "EPERM"]}
ALL = {"both": ["ok", "ok"], "read": ["EPERM", "ok"], "write": ["ok", "EPERM"]}


class Users(Guide):
    """The page, and users without and with this and that."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, "security.md")
        self.nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup"]
        closed = host.shell("cat /proc/sys/kernel/unprivileged_bpf_disabled").strip() != "0"
        self.making = "EPERM" if closed else "ok"  # what making a map without privileges gives

    def tried(self, *options: str, path: str = FLOWS) -> dict[str, Any]:
        """What TRY says to the user nobody, with these options of setpriv."""
        words = [*self.nobody, *(options or ["--clear-groups"]), self.host.site.python_of_nobody]
        map_id = str(self.host.map_at(path)["id"])
        return json.loads(self.host.run(*words, "-c", TRY, path, BPFFS, map_id).stdout)

    def opens(self, *options: str, path: str = FLOWS) -> dict[str, Any]:
        told = self.tried(*options, path=path)
        return {way: told[way] for way in NOTHING}

    def capable(self, capability: str) -> dict[str, Any]:
        words = (f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}")
        return self.tried("--clear-groups", *words)

    def table(self, heading: str) -> list[list[str]]:
        """The cells of the table whose first column is headed so."""
        _before, _heading, rest = self.text.partition(f"\n| {heading} |")
        rows = rest.split("\n\n")[0].splitlines()[2:]
        return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


@pytest.fixture
def users(host: Host) -> Users:
    users = Users(host)
    (example,) = users.blocks("yaml")
    users.play_twice(example)
    host.shell(f"bpftool map update pinned {FLOWS} key {' 0' * 16} value {' 0' * 8}")
    return users


def test_modes_say_who_opens_a_pin_and_what_for(users: Users, subtests: pytest.Subtests) -> None:
    host = users.host
    group = ("--groups", "adm")
    with subtests.test("the example lets the group read, and nobody else"):
        assert users.opens(*group) == READ
        assert users.opens() == NOTHING
        listed = host.run(*users.nobody, *group, "ls", BPFFS, check=False)
        assert "Permission denied" in listed.stderr
    dump = [*users.nobody, *group, "bpftool", "map", "dump", "pinned", FLOWS]
    with subtests.test("bpftool asks for more than reading"):
        if "v7.1." in host.run("bpftool", "version").stdout:
            assert "Permission denied" in host.run(*dump, check=False).stderr
        host.shell(f"chmod 0660 {FLOWS}")
        assert host.run(*dump).returncode == 0
    for mode, opens in (("0660", ALL), ("0620", WRITE), ("0600", NOTHING), ("0640", READ)):
        host.shell(f"chmod {mode} {FLOWS}")
        with subtests.test(f"group, {mode}"):
            assert users.opens(*group) == opens
    for mode in ("0604", "0602", "0606"):
        host.shell(f"chmod {mode} {FLOWS}")
        with subtests.test(f"others, {mode}: not the group"):
            assert users.opens() == {"0604": READ, "0602": WRITE, "0606": ALL}[mode]
            assert users.opens(*group) == NOTHING
    host.shell(f"chmod 0666 {FLOWS}; chmod 0700 {BPFFS}")
    with subtests.test("a bpffs with mode 0700 is closed to all"):
        assert users.opens() == NOTHING
    with subtests.test("making a map is another matter"):
        assert users.tried()["make"] == users.making


def test_the_kernel_makes_pins_for_their_owner_only(users: Users) -> None:
    users.host.make_pin(f"{BPFFS}/plain")
    assert users.host.run("stat", "-c", "%a", f"{BPFFS}/plain").stdout == "600\n"
    assert users.opens(path=f"{BPFFS}/plain") == NOTHING


def test_who_may_write_to_the_directory_removes_pins(users: Users) -> None:
    host = users.host
    host.shell(f"mkdir -m 0777 {AGENT}; chmod 1777 {BPFFS}")
    host.make_pin(f"{AGENT}/flows")
    remove = [*users.nobody, "--clear-groups", "rm", "-f"]
    assert "not permitted" in host.run(*remove, FLOWS, check=False).stderr  # the sticky bit
    host.run(*remove, f"{AGENT}/flows")
    assert host.shell(f"ls {AGENT}") == ""


def test_a_frozen_map_is_written_by_nobody(users: Users) -> None:
    path = f"{BPFFS}/constants"
    words = {"path": path, "type": "array", "value_size": 4, "max_entries": 1, "frozen": True}
    users.host.module("bpf_map_pinned", **words).good()
    write = f"bpftool map update pinned {path} key 0 0 0 0 value 1 0 0 0"
    done = users.host.run("sh", "-c", write, check=False)
    assert "not permitted" in done.stderr


# Capability: opening the pin (0600, of root), opening by id, whether it serves to make a map.
CAPABILITIES = {
    "CAP_SYS_ADMIN": (NOTHING, "ok", True),
    "CAP_DAC_OVERRIDE": (ALL, "EPERM", False),
    "CAP_BPF": (NOTHING, "EPERM", True),
    "CAP_NET_ADMIN": (NOTHING, "EPERM", False),
}


def test_capabilities_mean_what_the_table_says(users: Users, subtests: pytest.Subtests) -> None:
    users.host.shell(f"chmod 0600 {FLOWS}")
    rows = {row[0].strip("`") for row in users.table("capability")}
    assert rows == set(CAPABILITIES)
    for name, (opens, by_id, makes) in CAPABILITIES.items():
        with subtests.test(name):
            told = users.capable(name.removeprefix("CAP_").lower())
            assert {way: told[way] for way in NOTHING} == opens
            making = "ok" if makes else users.making
            assert (told["by id"], told["make"]) == (by_id, making)


def test_nobody_gets_a_token_from_a_mount_of_the_host(
    bare_host: Host, subtests: pytest.Subtests
) -> None:
    host = bare_host
    users = Users(host)
    everything = {f"delegate_{what}": ["any"] for what in ("cmds", "maps", "progs", "attachs")}
    host.module("bpffs_mount", mode="0755", **everything).good()
    assert "delegate_cmds=any" in host.shell(f"grep ' {BPFFS} ' /proc/self/mountinfo")
    host.make_pin(FLOWS)
    words = [host.site.python, "-c", TRY, FLOWS, BPFFS, "0"]
    initial = json.loads(host.run(*words).stdout)["token"]
    inside = json.loads(host.run("unshare", "--user", "--map-root-user", *words).stdout)["token"]
    if initial == "EINVAL":
        pytest.skip("this kernel has no tokens")
    with subtests.test("not in the initial user namespace"):
        assert initial in ("EOPNOTSUPP", "ENOTSUP")
    with subtests.test("nor in another one"):
        assert inside == "EPERM"
    with subtests.test("nor an unprivileged user"):
        assert users.tried()["token"] != "ok"


# What each module may do with bpf(2), beside opening and asking, and where it may write.
OPENS = {"OBJ_GET", "OBJ_GET_INFO_BY_FD", "MAP_GET_FD_BY_ID", "MAP_GET_NEXT_ID"}
OPENS |= {"PROG_GET_FD_BY_ID", "PROG_GET_NEXT_ID", "LINK_GET_FD_BY_ID", "BTF_GET_FD_BY_ID"}
OPENS |= {"LINK_GET_NEXT_ID", "PROG_QUERY"}
ENTRIES = {"MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_GET_NEXT_KEY", "MAP_LOOKUP_ELEM"}
MAKES = {"MAP_CREATE", "BTF_LOAD", "MAP_FREEZE", "OBJ_PIN"}
WRITES = {"MAP_UPDATE_ELEM", "MAP_DELETE_ELEM", "MAP_DELETE_BATCH"}
FSTAB = ["/etc/fstab", "/etc/.fstab.ebpf-pinning"]
TOUCHES: dict[str, tuple[set[str], list[str]]] = {
    "bpffs_mount": (set(), ["/run/agent", "/run/ebpf-pinning.lock", *FSTAB]),
    "bpf_map_pinned": (MAKES | ENTRIES, [AGENT]),
    "bpf_map_entries": (ENTRIES | WRITES, []),
    "bpf_object_pinned": ({"OBJ_PIN"}, [AGENT]),
    "bpf_program_pinned": (
        MAKES | {"PROG_LOAD", "PROG_BIND_MAP", "MAP_UPDATE_ELEM", "LINK_CREATE"},  # libbpf's
        [AGENT, "/run/ebpf-pinning"],
    ),
    "bpf_link_pinned": ({"LINK_CREATE", "OBJ_PIN"}, [AGENT]),
    "bpf_pin_absent": (set(), [AGENT]),
    "bpf_host": (MAKES, ["/run/whole", "/run/ebpf-pinning.lock"]),
    "bpf_pin_info": (set(), []),
    "bpf_host_info": (ENTRIES, []),
    "bpf_preflight": ({"MAP_CREATE", "BTF_LOAD", "MAP_LOOKUP_BATCH"}, []),
    "bpf_restore": (
        set(),
        [
            *("/etc/ebpf-pinning", "/usr/local/lib/ebpf-pinning", "/usr/local/bin"),
            *("/usr/local/share/man", "/usr/local/share/bash-completion"),
        ],
    ),
}
# Links ask rtnetlink about interfaces.
OF_SOCKETS = ("socket", "connect", "sendto", "sendmsg", "recvfrom", "recvmsg")
SOCKETS = {each: {"AF_UNIX", "AF_NETLINK"} for each in ("bpf_link_pinned", "bpf_host_info")}
LOOKING = tuple(
    f"ebpf.pinning.{name}" for name in ("bpf_pin_info", "bpf_host_info", "bpf_preflight")
)
CALLS = "%network,bpf,openat,mkdir,mkdirat,rmdir,unlink,unlinkat,link,linkat,symlink,symlinkat"
CALLS += ",rename,renameat,renameat2,truncate,mknod,mknodat"


def test_modules_touch_what_the_table_says_and_nothing_else(
    users: Users, hooks: Hooks, subtests: pytest.Subtests
) -> None:
    host = users.host
    keep_apart(host)
    host.shell(f"mkdir /run/objects; cp {host.site.bpf_object('counted')} /run/objects")
    frozen = f"frozen{os.getpid()}"  # no other map of this machine is called so
    maps = [
        {"name": "flows", **HASH},
        {"name": frozen, "frozen": True, **HASH},
        {"name": "typed", **HASH, "value_size": 16, "key_size": 8},
    ]
    maps[2]["btf"] = host.site.btf("types", "flow", "count")
    access = {"group": "adm", "mode": "0640"}
    grown = {"maps": [{"name": "flows", **HASH, "max_entries": 32, "on_mismatch": "migrate"}]}
    runs: list[tuple[str, dict[str, Any]]] = [
        ("bpffs_mount", {"path": "/run/agent", "mode": "0700", "opts": ["nosuid"], "boot": True}),
        ("bpffs_mount", {"path": "/run/agent", "state": "unmounted", "boot": False}),
        ("bpf_map_pinned", {"directory": AGENT, **access, "maps": maps}),
        ("bpf_map_pinned", {"directory": AGENT, **grown}),
        (
            "bpf_object_pinned",
            {"directory": AGENT, "name": "again", "source": f"{AGENT}/flows", **access},
        ),
        ("bpf_object_pinned", {"directory": AGENT, "name": "named", "map_name": frozen, **access}),
        (
            "bpf_host",
            {
                "mounts": [{"path": "/run/whole"}],
                "directories": [{"path": "/run/whole/in", **access, "mode": "0750"}],
                "directory": "/run/whole/in",
                "maps": [maps[0]],
                "objects": [{"name": "second", "source": "/run/whole/in/flows"}],
                "prune": {"directory": "/run/whole/in"},
            },
        ),
        (
            "bpf_map_entries",
            {
                "path": f"{AGENT}/flows",
                "key_format": "ipv4",
                "value_format": "u64",
                "entries": [{"key": f"10.0.0.{last}", "value": last} for last in (1, 2)],
                "entries_mode": "exact",
            },
        ),
        ("bpf_program_pinned", {"directory": AGENT, "object": "/run/objects/counted.bpf.o"}),
        (
            "bpf_link_pinned",
            {
                "path": f"{AGENT}/attached",
                "program": f"{AGENT}/count_all",
                "attach": {"type": "xdp", "interface": "v0", "namespace": hooks.network},
            },
        ),
        ("bpf_pin_info", {"recurse": True}),
        ("bpf_host_info", {"entries": True}),
        (
            "bpf_preflight",
            {"object": "/run/objects/counted.bpf.o", "directory": AGENT, "fail": False},
        ),
        ("bpf_pin_absent", {"directory": AGENT, "keep": ["flows"]}),
        ("bpf_restore", {"name": "agent", "directory": AGENT, "maps": maps[:1]}),
    ]
    traces = [host.scratch / f"trace.{number}" for number in range(len(runs))]
    traced = [
        task(
            module,
            keywords=host.strace("-y", "-s", "400", "-o", str(trace), "-e", f"trace={CALLS}"),
            **arguments,
        )
        for (module, arguments), trace in zip(runs, traces, strict=True)
    ]
    fill = f"bpftool map update pinned {AGENT}/flows key 1 2 3 4 value 1 2 3 4 5 6 7 8"
    traced.insert(3, task("ansible.builtin.command", cmd=fill))
    for result in host.playbook(traced):
        assert result.good().changed == (result.name not in LOOKING), result
    assert {module for module, _arguments in runs} == set(TOUCHES) == MODULES
    with subtests.test("the table names all modules"):
        assert {row[0].strip("`") for row in users.table("module")} == MODULES
    seen: dict[str, set[str]] = {module: set() for module in MODULES}
    for (module, arguments), trace in zip(runs, traces, strict=True):
        commands, places = TOUCHES[module]
        text = trace.read_text()
        used = set(re.findall(r"\bbpf\(BPF_(\w+)", text))
        seen[module] |= used
        with subtests.test(f"{module} {sorted(arguments)}"):
            assert used <= commands | OPENS
            assert set(re.findall(r"\bsocket\((\w+)", text)) <= SOCKETS.get(module, {"AF_UNIX"})
            homes = [str(host.site.scratch), "/dev/null", *places]
            stray = [path for path in written(text) if not within(path, homes)]
            assert stray == []
    with subtests.test("the traces are not empty"):
        assert {"MAP_CREATE", "MAP_LOOKUP_BATCH", "MAP_FREEZE"} <= seen["bpf_map_pinned"]
        assert {"MAP_UPDATE_BATCH", "MAP_DELETE_ELEM"} <= seen["bpf_map_entries"]
        assert {"PROG_LOAD", "MAP_CREATE"} <= seen["bpf_program_pinned"]
        assert "LINK_CREATE" in seen["bpf_link_pinned"]
        for (module, arguments), trace in zip(runs, traces, strict=True):
            _commands, places = TOUCHES[module]
            found = [path for path in written(trace.read_text()) if within(path, places)]
            writes = f"ebpf.pinning.{module}" not in LOOKING and module != "bpf_map_entries"
            assert bool(found) == writes, arguments


def written(trace: str) -> list[str]:
    """The paths of files that were opened to write, made, linked, renamed or removed."""
    found = []
    for line in trace.splitlines():
        call, _open, rest = re.sub(r"^\d+ +", "", line).partition("(")
        if "= -1 " in rest or call in ("bpf", *OF_SOCKETS):
            continue
        if call == "openat" and not re.search(r"O_WRONLY|O_RDWR|O_CREAT", rest):
            continue
        for directory, name in re.findall(r"(?:<([^<>]*)>, )?\"([^\"]*)\"", rest):
            found.append(name if name.startswith("/") else f"{directory}/{name}")
    return found


def within(path: str, homes: Sequence[str]) -> bool:
    return any(path == home or path.startswith(f"{home}/") for home in homes)


SECRET = "5e c2 e7 5e c2 e7 42 99"


def test_no_result_or_message_holds_an_entry(users: Users, subtests: pytest.Subtests) -> None:
    host = users.host
    keep_apart(host)
    path = f"{AGENT}/secret"
    shape = {**HASH, "key_size": 8}
    host.module("bpf_map_pinned", path=path, **shape).good()
    byte_words = " ".join(f"0x{byte}" for byte in SECRET.split())
    host.shell(f"bpftool map update pinned {path} key {byte_words} value {byte_words}")
    change = {"path": path, **shape, "max_entries": 99, "on_mismatch": "migrate"}
    tasks = [
        task("bpf_pin_info", recurse=True),
        task("bpf_map_pinned", **{**change, "key_size": 4}),
        task("bpf_map_pinned", check=True, diff=True, **change),
        task("bpf_map_pinned", diff=True, **change),
        task("bpf_object_pinned", path=f"{AGENT}/again", source=path),
        task("bpf_pin_absent", diff=True, directory=AGENT, keep=[]),
    ]
    run = host.playbook(tasks, "-vvvv")
    assert [result.failed for result in run] == [False, True, False, False, False, False]
    assert run[3]["maps"][0]["copied"] == 1
    raw = bytes.fromhex(SECRET.replace(" ", ""))
    spellings = [SECRET, SECRET.replace(" ", ""), str(list(raw))[1:-1], repr(raw)[2:-1]]
    spellings += [str(int.from_bytes(raw, order)) for order in ("little", "big")]
    told = run.output + "".join(map(repr, run))
    for spelling in spellings:
        with subtests.test(spelling):
            assert spelling.lower() not in told.lower()


def test_the_table_of_the_sandbox_is_that_of_the_unit(users: Users) -> None:
    whole = UNIT.read_text()
    # What all share, what is particular to a service, and what a manifest may add.
    parts = re.findall(r'_SANDBOX = """(.*?)"""', whole, re.S)
    parts += re.findall(r"^\[Service\]\n(.*?)^\[Install\]", whole, re.M | re.S)
    assert len(parts) == 3
    service = re.sub(r"\{sandbox\}", "", "\n".join(parts))
    service += "\n".join(re.findall(r'"(\w+=.*)"', whole))
    settings = {line.partition("=")[0] for line in re.findall(r"^\w+=.*$", service, re.M)}
    of_running = {"Type", "RemainAfterExit", "TimeoutStartSec", "ExecStartPre", "ExecStart"}
    of_running |= {
        "AssertPathExists",
        "ReadWritePaths",
        "Wants",
        "After",
    }  # they have lines of their own
    named = [re.findall(r"`(\w+)`", row[0]) for row in users.table("setting")]
    assert sorted(name for names in named for name in names) == sorted(settings - of_running)
    (first,) = re.findall(r"^ExecStartPre=(.*)$", service, re.M)
    assert first.startswith("+")
    (row,) = (row for row in users.table("setting") if "CapabilityBoundingSet" in row[0])
    allowed = " ".join(re.findall(r"^CapabilityBoundingSet=([A-Z].*)$", service, re.M))
    for name in allowed.replace("CAP_", "").split():
        assert re.search(rf"\b{name}\b", row[1]), name


def test_the_interpreter_of_the_command_is_isolated(users: Users) -> None:
    host = users.host
    keep_apart(host)
    host.module("bpf_restore", name="agent", maps=[{"name": "flows", **HASH}]).good()
    command = "/usr/local/lib/ebpf-pinning/ebpf-pinning"
    assert re.match(r"#!\S+ -IS\n", host.shell(f"head -n 1 {command}"))
    elsewhere = users.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "argparse.py").write_text("raise SystemExit('another module')\n")
    strange = f"cd {elsewhere}; PYTHONPATH={elsewhere} {command} status"
    assert "another module" not in host.shell(strange)
