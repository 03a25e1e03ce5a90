# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel refuses, in the middle or from the start; bpffs is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH, STORAGE

Fields = dict[str, Any]


CHARGED = [
    pytest.param(HASH, "MAP_CREATE", id="a map"),
    pytest.param(STORAGE, "BTF_LOAD", id="BTF"),
]


@pytest.mark.parametrize(("shape", "command"), CHARGED)
def test_the_limit_of_locked_memory_is_raised_when_it_is_met(
    host: Host, shape: Fields, command: str
) -> None:
    """As before Linux 5.11, where EPERM is how the kernel says that the limit is met.

    The kernel is made to say yes to a higher limit, for which root may lack CAP_SYS_RESOURCE.
    """
    traces = [host.scratch / name for name in ("plain", "refused", "once", "always")]
    plain, refused, once, always = traces
    run = host.playbook(
        [
            task("bpf_map_pinned", name="plain", keywords=_limited(host, plain), **shape),
            task("bpf_map_pinned", name="x", keywords=_limited(host, refused, _EPERM), **shape),
        ]
    )
    assert run[0].good()["counts"]["created"] == 1
    assert _told(plain, command)[0].startswith(f"bpf(BPF_{command}")
    assert len(_told(plain, command)) == 1  # the limit is left alone
    limits = re.findall(r"prlimit64\(.*", refused.read_text())
    which = next(number for number, line in enumerate(limits, 1) if "RLIMIT_MEMLOCK, {" in line)
    granted = f"-e inject=prlimit64:retval=0:when={which}"
    run = host.playbook(
        [
            task(
                "bpf_map_pinned",
                name="once",
                keywords=_limited(host, once, f"{_EPERM}:when=1", granted),
                **shape,
            ),
            task(
                "bpf_map_pinned",
                name="always",
                keywords=_limited(host, always, _EPERM, granted),
                **shape,
            ),
        ]
    )
    assert run[0].good()["counts"]["created"] == 1
    first, raised, second = _told(once, command)
    assert first.startswith(f"bpf(BPF_{command}")
    assert "EPERM (Operation not permitted) (INJECTED)" in first
    assert "rlim_cur=RLIM64_INFINITY, rlim_max=RLIM64_INFINITY" in raised
    assert second.startswith(f"bpf(BPF_{command}")
    assert "INJECTED" not in second
    assert host.map_at(f"{BPFFS}/once")["bytes_value"] == 8
    assert run[1].failed
    assert len(_told(always, command)) == 3  # and not again and again
    assert f"{BPFFS}/always: {command}: EPERM: " in run[1].msg
    assert "become: true" in run[1].msg
    assert "CAP_BPF" in run[1].msg


def test_without_cap_sys_resource_the_limit_is_raised_as_far_as_allowed(host: Host) -> None:
    trace = host.scratch / "trace"
    less = "ulimit -S -l 64; set -- setpriv --bounding-set=-sys_resource --inh-caps=-sys_resource"
    once = _limited(host, trace, f"{_EPERM}:when=1", before=less)
    made = host.module("bpf_map_pinned", name="once", keywords=once, **HASH)
    hard = host.shell("ulimit -H -l").strip()
    assert made.good()["counts"]["created"] == 1
    raised = _told(trace, "MAP_CREATE")[-2]
    assert raised.endswith("= 0")
    assert hard == "unlimited" or f"rlim_cur={hard}*1024" in raised


_EPERM = "-e inject=bpf:error=EPERM"


def _limited(
    host: Host, trace: Path, *injections: str, before: str = "ulimit -l 64; set --"
) -> Fields:
    """Under a limit of 64 KiB, and under strace."""
    calls = "-e trace=bpf,prlimit64"
    strace = (
        f"strace -f --seccomp-bpf -qq -o {trace} {calls} {' '.join(injections)} {host.site.python}"
    )
    return host.interpreter(f'{before} {strace} "$@"; exec "$@"')


def _told(trace: Path, command: str) -> list[str]:
    """The calls of bpf(2) for `command`, and those that set RLIMIT_MEMLOCK."""
    lines = [re.sub(r"^\d+ +", "", line) for line in trace.read_text().splitlines()]
    return [line for line in lines if "RLIMIT_MEMLOCK, {" in line or f"BPF_{command}" in line]


BATCH = [
    {"name": "one", **HASH},
    {"name": "two", "mode": "0640", **HASH},
    {"name": "three", **HASH},
    {"name": "four", "mode": "0640", "frozen": True, **HASH},
    {"name": "five", **HASH},
]


def _number_of_call(trace: Path, command: str, which: int) -> int:
    """The how manieth call of bpf(2) is the `which`th BPF_`command`."""
    calls = re.findall(r"\bbpf\((BPF_\w+)", trace.read_text())
    return [number for number, call in enumerate(calls, 1) if call == f"BPF_{command}"][which - 1]


REFUSALS = {
    # what is refused with which error, the item that meets it, what the message says
    "no memory for the first map": ("MAP_CREATE", 1, "ENOMEM", 0, "lower max_entries"),
    "no memory for the third map": ("MAP_CREATE", 3, "ENOMEM", 2, "lower max_entries"),
    "a pin is refused": ("OBJ_PIN", 3, "EACCES", 2, "no permission to write the directory"),
    "a pin in the staging directory is refused": ("OBJ_PIN", 2, "ENOSPC", 1, "no space left"),
    "a freeze is refused": ("MAP_FREEZE", 1, "EBUSY", 3, "mapped writable"),
    "the mode is refused": ("?chmod,?fchmodat", 1, "EPERM", 1, "two: "),
    "the name is refused": ("?link,?linkat", 2, "ENOSPC", 3, "no space left"),
}


def test_a_refusal_in_the_middle_is_told_item_by_item(
    host: Host, subtests: pytest.Subtests
) -> None:
    trace = host.scratch / "trace"
    rehearsal = host.strace("-o", str(trace), "-e", "trace=bpf")
    batch = {"maps": BATCH}
    host.module("bpf_map_pinned", keywords=rehearsal, directory=f"{BPFFS}/new", **batch).good()
    tasks = []
    for number, (call, which, error, _item, _text) in enumerate(REFUSALS.values()):
        folder = f"{BPFFS}/refused_{number}"
        host.run("mkdir", folder)
        if not call.startswith("?"):
            call, which = "bpf", _number_of_call(trace, call, which)
        refuse = host.tampered(call, f"error={error}:when={which}")
        words = {"directory": folder, **batch}
        tasks.append(task("bpf_map_pinned", keywords=refuse, **words))
        tasks.append(task("bpf_map_pinned", check=True, **words))
        tasks.append(task("bpf_map_pinned", **words))
    run = host.playbook(tasks)
    there = host.inventory()
    for number, (about, refusal) in enumerate(REFUSALS.items()):
        with subtests.test(about):
            _call, _which, error, item, text = refusal
            refused, predicted, repaired = run.results[3 * number : 3 * number + 3]
            folder = f"{BPFFS}/refused_{number}"
            left = len(BATCH) - item
            assert refused.failed
            assert refused.changed == (item > 0)
            actions = [each["action"] for each in refused["maps"]]
            assert actions == ["created"] * item + ["failed"] + ["not_done"] * (left - 1)
            assert refused["counts"]["created"] == item
            assert [each["id"] is None for each in refused["maps"]] == [False] * item + [
                True
            ] * left
            assert error in refused["maps"][item]["error"]
            assert text in refused.msg
            assert refused.msg.startswith(f"{folder}/{BATCH[item]['name']}: ")
            assert "run again" in refused.msg
            # A rerun goes on from there.
            for result in (predicted, repaired):
                assert result.good()["counts"]["created"] == left
                assert result["counts"]["unchanged"] == item
                assert result["leftovers"] == []
            for before, after in zip(refused["maps"], repaired["maps"], strict=True):
                assert before["id"] in (None, after["id"])
                assert after["id"] == there[after["path"]]["object"]["id"]
            names = {path for path in there if path.startswith(f"{folder}/")}
            assert names == {f"{folder}/{each['name']}" for each in BATCH}


def test_a_refused_replacement_leaves_the_old_map(host: Host) -> None:
    host.make_pin(f"{BPFFS}/old", type=1, max_entries=1)
    before = host.inventory()
    calls = "?rename,?renameat,?renameat2"
    refuse = host.tampered(calls, "error=ENOSPC")
    batch = {"name": "old", "on_mismatch": "replace", **HASH}
    refused = host.module("bpf_map_pinned", keywords=refuse, **batch)
    assert refused.failed
    assert not refused.changed
    assert refused["maps"][0]["action"] == "failed"
    assert f"{BPFFS}/old: " in refused.msg
    assert "ENOSPC" in refused.msg
    after = host.inventory()
    assert set(after) == set(before)
    assert after[f"{BPFFS}/old"] == before[f"{BPFFS}/old"]
    assert host.module("bpf_map_pinned", **batch).good()["counts"]["replaced"] == 1


def test_directories_that_were_made_before_a_refusal_are_removed_again(host: Host) -> None:
    refuse = host.tampered("bpf", "error=ENOMEM")
    refused = host.module(
        "bpf_map_pinned", keywords=refuse, directory=f"{BPFFS}/new/folder", name="a", **HASH
    )
    assert refused.failed
    assert not refused.changed
    assert refused["directories"] == []
    assert f"{BPFFS}/new" not in host.inventory()


def test_before_bpffs_is_mounted_check_mode_predicts_and_a_run_fails(bare_host: Host) -> None:
    host = bare_host
    batch = {"directory": f"{BPFFS}/agent", "maps": BATCH}
    run = host.playbook(
        [
            task("bpf_map_pinned", check=True, diff=True, **batch),
            task("bpf_map_pinned", **batch),
            task("ansible.builtin.command", argv=["mount", "-t", "bpf", "bpf", BPFFS]),
            task("bpf_map_pinned", diff=True, **batch),
        ]
    )
    predicted, refused, _mounted, made = run
    assert predicted.good().changed
    assert predicted["counts"]["created"] == len(BATCH)
    (warning,) = predicted.warnings
    for text in (BPFFS, "not on bpffs", "ebpf.pinning.bpffs_mount"):
        assert text in warning
        assert text in refused.msg
    assert refused.failed
    assert not refused.changed
    made.good()
    for key in ("counts", "directories", "diff"):
        assert made[key] == predicted[key]
    assert [each["path"] for each in made["maps"]] == [each["path"] for each in predicted["maps"]]
    assert made.warnings == []


def test_one_directory_off_bpffs_stops_the_whole_batch(host: Host) -> None:
    maps = [{"name": "good", **HASH}, {"name": "bad", "directory": str(host.scratch), **HASH}]
    before = host.inventory()
    files = sorted(host.scratch.iterdir())
    refused = host.module("bpf_map_pinned", maps=maps)
    assert refused.failed
    assert not refused.changed
    assert str(host.scratch) in refused.msg
    assert host.inventory() == before
    assert not (host.scratch / "bad").exists()
    assert set(files) <= set(host.scratch.iterdir())
