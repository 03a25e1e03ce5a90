# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said when the kernel refuses, or when a map is not as declared."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH, STORAGE
from migrate_table import Shape, differences, fill

Fields = dict[str, Any]

OLD = Shape("hash", 4, 8, 16)

# Which call is refused with what, of which declaration, and what the message names, in this order.
REFUSED: Mapping[str, tuple[str, str, Fields, tuple[str, ...]]] = {
    "a kernel without a JIT": (
        "MAP_CREATE",
        "EOPNOTSUPP",
        {"type": "arena", "max_entries": 1},
        ("needs a JIT", "/proc/sys/net/core/bpf_jit_enable", "/boot/config-"),
    ),
    "a kernel built without the type": (
        "MAP_CREATE",
        "EINVAL",
        {"type": "inode_storage", "value_size": 8},
        ("docs/map-types.md", "CONFIG_BPF_LSM", "bpftool feature probe kernel"),
    ),
    "a kernel without room for an arena": (
        "MAP_CREATE",
        "ENOMEM",
        {"type": "arena", "max_entries": 1},
        ("memory.max", "MemAvailable", "4 GiB", "64 KiB"),
    ),
    "stacks that are too deep": ("MAP_CREATE", "EOVERFLOW", HASH, ("perf_event_max_stack",)),
    "no descriptor for the map": ("MAP_CREATE", "EMFILE", HASH, ("ulimit -n",)),
    "no descriptor on the whole host": ("MAP_CREATE", "ENFILE", HASH, ("fs.file-max",)),
    "a busy kernel": ("MAP_CREATE", "EBUSY", HASH, ("in use",)),
    "no id for the map": ("MAP_CREATE", "ENOSPC", HASH, ("no space left",)),
    "BTF with a loop": ("BTF_LOAD", "EEXIST", STORAGE, ("does not accept the BTF",)),
    "BTF that is too large": ("BTF_LOAD", "E2BIG", STORAGE, ("does not accept the BTF",)),
    "no memory for BTF": ("BTF_LOAD", "ENOMEM", STORAGE, ("memory.max", "MemAvailable")),
    "bpf(2) that is hidden": ("MAP_CREATE", "ENOSYS", HASH, ("seccomp", "CONFIG_BPF_SYSCALL")),
    "a directory that is gone": ("OBJ_PIN", "ENOENT", HASH, ("run again",)),
    "a security module": ("OBJ_PIN", "EACCES", HASH, ("become: true", "security module")),
    "a read-only mount": ("OBJ_PIN", "EROFS", HASH, ("read-only", "opts: [rw]")),
    "a symlink": ("OBJ_PIN", "ELOOP", HASH, ("never followed",)),
    "no memory for the pin": ("OBJ_PIN", "ENOMEM", HASH, ("memory.max", "MemAvailable")),
    "values that hold a lock": ("MAP_FREEZE", "EBUSY", {**HASH, "frozen": True}, ("mapped",)),
    "a map that is not to be frozen": (
        "MAP_FREEZE",
        "EPERM",
        {**HASH, "frozen": True},
        ("frozen already",),
    ),
    "an owner who may not be": ("chown", "EPERM", {**HASH, "owner": "daemon"}, ("only root",)),
    "a mode that may not be": ("chmod", "EPERM", {**HASH, "mode": "0640"}, ("another user",)),
    "a read-only mount, and a mode": ("chmod", "EROFS", {**HASH, "mode": "0640"}, ("opts: [rw]",)),
    "a directory that is full": ("mkdir", "ENOSPC", {**HASH, "mode": "0640"}, ("no space left",)),
    "a name that is on another mount": ("link", "EXDEV", {**HASH, "mode": "0640"}, ("findmnt",)),
}


def test_each_refusal_has_path_call_errno_and_likely_causes(
    host: Host, subtests: pytest.Subtests
) -> None:
    series = [
        {
            "module": "bpf_map_pinned",
            "arguments": {"name": f"map_{number}", **declared},
            "watched": True,
            "fault": None,
            "always": {call: error},
            "tuning": {},
            "meanwhile": {},
        }
        for number, (call, error, declared, _words) in enumerate(REFUSED.values())
    ]
    runs = host.run_modules([[each] for each in series])
    for number, (about, (run,)) in enumerate(zip(REFUSED, runs, strict=True)):
        call, error, _declared, words = REFUSED[about]
        with subtests.test(about):
            result = json.loads(run["output"])
            assert result["failed"]
            assert not result["changed"]
            msg = result["msg"]
            name = "ENOTSUP" if error == "EOPNOTSUPP" else error
            assert re.match(rf"{BPFFS}/map_{number}(: |/).*{call}: (?:{name}|{error}): ", msg), msg
            places = [msg.find(word) for word in words]
            assert -1 not in places, msg
            assert places == sorted(places), msg
            for never in ("report it", "Done so far", "Nothing was changed", "failed"):
                assert never not in msg
            assert "\n" not in msg


# Calls on a directory of a bpffs that may be refused while another process changes it.
ON_PATHS = ("openat", "getdents64", "readlinkat", "fstatfs", "?newfstatat,?fstatat64", "statx")
ERRORS = ("ENOENT", "EIO", "ESTALE")
MODULES: Mapping[str, Fields] = {
    "bpf_map_pinned": {"maps": [{"path": f"$D/{n}", "mode": "0640", **HASH} for n in range(20)]},
    "bpf_object_pinned": {"path": "$D/again", "source": "$D/pin", "mode": "0640"},
    "bpf_pin_absent": {"directory": "$D", "keep": [], "recurse": True},
    "bpf_pin_info": {"directory": "$D", "recurse": True},
}


@pytest.mark.parametrize("module", MODULES)
def test_no_refusal_reaches_the_user_as_a_bare_errno(
    host: Host, module: str, subtests: pytest.Subtests
) -> None:
    tasks, cases = [], []
    for number, (call, error, when) in enumerate(
        (call, ERRORS[when - 1], when) for call in ON_PATHS for when in (1, 2, 3)
    ):
        folder = f"{BPFFS}/d{number}"
        host.shell(f"mkdir -p {folder}/below; ln -s pin {folder}/link")
        host.make_pin(f"{folder}/pin")
        words = ["-P", folder, "-o", "/dev/null", "-e", f"trace={call}"]
        inject = host.strace(*words, "-e", f"inject={call}:error={error}:when={when}")
        arguments = json.loads(json.dumps(MODULES[module]).replace("$D", folder))
        tasks.append(task(module, keywords=inject, **arguments))
        cases.append((f"{call}: {error}, the {when}.", folder, error))
    refused = 0
    for (about, folder, error), result in zip(cases, host.playbook(tasks), strict=True):
        with subtests.test(about):
            assert "Traceback" not in str(result.fields)
            told = [result.msg] if result.failed else list(result.warnings)
            told += [each["reason"] for each in result.get("unreadable", ())]
            told = [each for each in told if error in each or "Errno" in each]
            refused += len(told)
            for text in told:
                assert "[Errno" not in text
                assert "system call" not in text
                known = result.get("unreadable") or folder in text
                assert known, text
                assert re.search(rf"\b[a-zA-Z_]+: {error}: \S.* \S.* ", text), text
                assert "report it" not in text
    assert refused  # at least some of these calls were made


# How a person learns what to do about a map of another shape. The advice is followed, and entries
# are still there. In the second column what is declared, in the third what is advised first.
KEPT: Mapping[str, tuple[Shape, Fields, Fields]] = {
    "more entries": (OLD, OLD.but(entries=32).declared, {"on_mismatch": "migrate"}),
    "another kind of hash": (OLD, OLD.but(kind="lru_hash", entries=600).declared, {}),
    "no_prealloc": (OLD, OLD.but(flags=("no_prealloc",)).declared, {}),
    "longer values": (OLD, OLD.but(value=12).declared, {"value_growth": "zero_pad"}),
    "fewer entries, all of which fit": (OLD, OLD.but(entries=8).declared, {}),
    "a longer array": (Shape("array", 4, 8, 16), Shape("array", 4, 8, 17).declared, {}),
}
LOST: Mapping[str, tuple[Shape, Fields, str]] = {
    "another type": (OLD, Shape("array", 4, 8, 16).declared, "do not go into a array"),
    "shorter keys": (OLD, OLD.but(key=2).declared, "keys of 4 bytes"),
    "shorter values": (OLD, OLD.but(value=4).declared, "values of 8 bytes"),
    "a queue": (
        OLD,
        {"type": "queue", "value_size": 8, "max_entries": 16},
        "entries of a hash do not go into a queue",
    ),
}
MIGRATE, REPLACE = "on_mismatch: migrate", "on_mismatch: replace"


def _pin(host: Host, path: str, shape: Shape) -> None:
    fill(host, path, shape, [(0, 4, 1)])
    host.run("ln", path, f"{path}_old")


def test_what_keeps_the_entries_is_advised_first_and_does(
    host: Host, subtests: pytest.Subtests
) -> None:
    for number, (old, _declared, _way) in enumerate(KEPT.values()):
        _pin(host, f"{BPFFS}/{number}", old)
    maps = [{"name": str(number), **row[1]} for number, row in enumerate(KEPT.values())]
    ways = [way for _old, _declared, way in KEPT.values()]
    advised = [{**m, "on_mismatch": "migrate", **way} for m, way in zip(maps, ways, strict=True)]
    refused, followed = host.playbook(
        [task("bpf_map_pinned", maps=maps), task("bpf_map_pinned", maps=advised)]
    )
    assert refused.failed
    assert refused["counts"]["incompatible"] == len(KEPT)
    assert followed.good()["counts"]["migrated"] == len(KEPT)
    lines = refused.msg.splitlines()
    for number, (about, (_old, _declared, way)) in enumerate(KEPT.items()):
        with subtests.test(about):
            path = f"{BPFFS}/{number}"
            (line,) = (each for each in lines if each.startswith(f"{path}: "))
            assert 0 < line.find(MIGRATE) < line.find(REPLACE)
            assert "bpf_maps_on_mismatch: migrate" in line
            assert "refused unless all of them fit" in line
            assert ("value_growth: zero_pad" in line) == ("value_growth" in way)
            assert "declare what is there" in line
            assert followed["maps"][number]["copied"] >= 4


def test_where_entries_cannot_be_kept_migrate_is_not_advised(
    host: Host, subtests: pytest.Subtests
) -> None:
    for number, (old, _declared, _why) in enumerate(LOST.values()):
        _pin(host, f"{BPFFS}/{number}", old)
    maps = [{"name": str(number), **row[1]} for number, row in enumerate(LOST.values())]
    before = host.inventory()
    refused = host.module("bpf_map_pinned", maps=maps)
    assert host.inventory() == before
    assert refused.failed
    for number, (about, (_old, _declared, why)) in enumerate(LOST.items()):
        with subtests.test(about):
            (line,) = (e for e in refused.msg.splitlines() if e.startswith(f"{BPFFS}/{number}: "))
            assert MIGRATE not in line
            assert "It cannot be migrated: " in line
            assert why in line
            assert 0 < line.lower().find("declare what is there") < line.find(REPLACE)


def test_in_the_role_its_variable_is_named_and_works(host: Host) -> None:
    _pin(host, f"{BPFFS}/flows", OLD)
    variables = {"bpf_maps": [{"name": "flows", **OLD.but(entries=32).declared}]}
    role = {"hosts": "all", "gather_facts": False, "roles": ["ebpf.pinning.bpf_maps"]}
    file = host.scratch / "role.yml"
    file.write_text(json.dumps([role]))
    (host.scratch / "vars.json").write_text(json.dumps(variables))
    words = [str(file), "-e", f"@{host.scratch}/vars.json"]
    refused = host.ansible_playbook(*words)
    said = " ".join(re.sub(r"\\n|\s+", " ", refused.output).split())
    assert refused.code
    named = re.search(r"role bpf_maps: (bpf_maps_on_mismatch): (migrate)", said)
    assert named, said
    assert said.find("migrate") < said.find("on_mismatch: replace")
    followed = host.ansible_playbook(*words, "-e", f"{named[1]}={named[2]}")
    assert not followed.code, followed.output
    assert host.map_at(f"{BPFFS}/flows")["max_entries"] == 32
    assert differences(host, [(f"{BPFFS}/flows_old", f"{BPFFS}/flows")]) == [0]


def test_what_was_done_is_told_only_where_something_was(host: Host) -> None:
    batch = [{"name": name, **HASH} for name in ("a", "b", "c")]
    refuse = {
        "module": "bpf_map_pinned",
        "watched": True,
        "tuning": {},
        "meanwhile": {},
        "always": {},
    }
    runs = [
        ({"name": "alone", **HASH}, ["MAP_CREATE", 1, "ENOMEM"]),
        ({"maps": batch[:1]}, ["MAP_CREATE", 1, "ENOMEM"]),
        ({"path": f"{BPFFS}/new/x", **HASH}, ["MAP_CREATE", 1, "ENOMEM"]),
        ({"directory": f"{BPFFS}/first", "maps": batch}, ["OBJ_PIN", 1, "ENOSPC"]),
        ({"directory": f"{BPFFS}/second", "maps": batch}, ["OBJ_PIN", 2, "ENOSPC"]),
    ]
    host.run("mkdir", f"{BPFFS}/first", f"{BPFFS}/second")
    done = host.run_modules([[{**refuse, "arguments": a, "fault": f}] for a, f in runs])
    texts = [json.loads(run["output"])["msg"] for (run,) in done]
    for text in texts[:3]:  # the directory of the third is taken back
        assert len(text.splitlines()) == 1
        assert "Done so far" not in text
        assert "to do the rest" not in text
    assert f"{BPFFS}/new" not in host.inventory()
    assert "Nothing was changed: 1 failed, 2 not done (see `maps`)" in texts[3]
    assert "Done so far: 1 created, 1 failed, 1 not done (see `maps`)" in texts[4]
    assert "run again to do the rest" in texts[4]


def test_a_removal_that_is_refused_at_once_says_nothing_of_others(host: Host) -> None:
    host.make_pin(f"{BPFFS}/a")
    refuse = host.tampered("?unlink,?unlinkat", "error=EPERM:when=1")
    refused = host.module("bpf_pin_absent", keywords=refuse, path=[f"{BPFFS}/a"])
    assert refused.failed
    assert refused.msg.startswith(f"{BPFFS}/a: unlink: EPERM: ")
    assert "Removed before it failed" not in refused.msg
