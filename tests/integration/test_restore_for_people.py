# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `ebpf-pinning` for a person on the host: found, explained, completed, readable."""

from __future__ import annotations

import json
import re

import pytest
from harness.host import BPFFS, Host
from harness.samples import HASH
from restoring import DRIFT, GOOD, Restorer, keep_apart

LINK = "/usr/local/bin/ebpf-pinning"
MAN = "/usr/local/share/man/man8/ebpf-pinning.8"
COMPLETION = "/usr/local/share/bash-completion/completions/ebpf-pinning"
LIBRARY = "/usr/local/lib/ebpf-pinning"
GREEN, YELLOW, RED, CYAN = (f"\x1b[{number}m" for number in (32, 33, 31, 36))


@pytest.fixture
def declared(host: Host, restorer: Restorer) -> Restorer:
    """One map that is in place, one that is missing, one that is another, one of somebody else."""
    maps = [{"name": name, **HASH} for name in ("flows", "missing", "other")]
    restorer.declare(maps=maps[:1])
    assert restorer.run("restore").code == GOOD
    restorer.declare(maps=maps)
    host.make_pin(f"{BPFFS}/other", max_entries=5)
    host.shell(f"mkdir {BPFFS}/sub")
    host.make_pin(f"{BPFFS}/sub/theirs", max_entries=5)
    return restorer


def test_it_is_on_the_path_has_a_manual_and_goes_with_the_last_manifest(
    host: Host, subtests: pytest.Subtests
) -> None:
    keep_apart(host)
    wanted = {"name": "agent", "maps": [{"name": "flows", **HASH}]}
    done = host.module("bpf_restore", **wanted).good()
    paths = {each["path"] for each in done["files"]}
    with subtests.test("files"):
        assert {LINK, MAN, COMPLETION} <= paths
        assert host.shell(f"readlink {LINK}").strip() == f"{LIBRARY}/ebpf-pinning"
        assert not host.module("bpf_restore", **wanted).good().changed
    with subtests.test("by its name"):
        assert "1 declared, 0 in place" in host.shell("cd /; ebpf-pinning status")
        version = host.shell("ebpf-pinning --version")
        (core,) = re.findall(r"\((core-[0-9a-f]{16})\)", version)
        assert core in host.shell(f"ls {LIBRARY}").split()
    with subtests.test("the manual is sound, and has every option that help has"):
        assert host.run("man", "--warnings", "-l", MAN).stderr == ""
        text = host.shell(f"MANWIDTH=200 man -l {MAN} | col -b")
        for command in ("status", "check", "restore"):
            for flag in re.findall(r"--[a-z]+", host.shell(f"ebpf-pinning {command} --help")):
                assert flag in text or flag == "--help", flag
    with subtests.test("bash completes commands, options and what they take"):
        script = f"source {COMPLETION}; COMP_WORDS=(%s); COMP_CWORD=%d; _ebpf_pinning; "
        script += 'echo "${COMPREPLY[@]}"'
        for words, expected in {
            "ebpf-pinning re": "restore",
            "ebpf-pinning check --un": "--undeclared",
            "ebpf-pinning restore --part li": "links",
            "ebpf-pinning status --part": "",
        }.items():
            typed = script % (words, len(words.split()) - 1)
            assert host.run("bash", "-c", typed).stdout.strip() == expected, words
    gone = host.module("bpf_restore", name="agent", state="absent").good()
    with subtests.test("and then it is gone"):
        assert {LINK, MAN, COMPLETION} <= {each["path"] for each in gone["files"]}
        for path in (LINK, MAN, COMPLETION, LIBRARY + "/ebpf-pinning"):
            assert host.run("test", "-e", path, check=False).returncode


def test_a_command_of_somebody_else_keeps_its_name(host: Host) -> None:
    keep_apart(host)
    host.shell(f"echo theirs > {LINK}")
    done = host.module("bpf_restore", name="agent", maps=[{"name": "flows", **HASH}])
    assert f"{LINK} is there already, and does not lead to {LIBRARY}/ebpf-pinning" in done.msg
    assert host.shell(f"cat {LINK}") == "theirs\n"
    assert host.run("test", "-e", "/etc/ebpf-pinning", check=False).returncode


def test_paths_say_what_is_meant(declared: Restorer, host: Host) -> None:
    done = declared.json("status", f"{BPFFS}/flows", f"{BPFFS}/sub")
    assert done.states == {f"{BPFFS}/flows": "in place"}
    assert declared.run("check", f"{BPFFS}/flows").code == GOOD
    assert declared.run("check", BPFFS).code == DRIFT
    restored = declared.json("restore", f"{BPFFS}/missing")
    assert restored.states == {f"{BPFFS}/missing": "restored"}
    assert host.run("test", "-e", f"{BPFFS}/missing", check=False).returncode == 0


def test_what_is_pinned_and_not_declared_is_shown_where_asked(declared: Restorer) -> None:
    theirs = f"{BPFFS}/sub/theirs"
    assert theirs not in declared.json("status").states
    done = declared.json("status", "--undeclared")
    assert done.states[theirs] == "undeclared"
    assert done.report["counts"] == {"in place": 1, "missing": 1, "different": 1, "undeclared": 1}
    table = declared.run("check", "--undeclared", f"{BPFFS}/sub")
    assert table.code == DRIFT
    assert table.output.endswith("0 declared, 0 in place, 1 undeclared\n")


def test_json_has_what_is_wanted_and_what_is_there(declared: Restorer) -> None:
    line = declared.json("check").line(f"{BPFFS}/other")
    assert line["drift"] == [{"field": "max_entries", "want": HASH["max_entries"], "have": 5}]


def test_a_terminal_has_colors_and_a_hint_and_files_have_neither(
    declared: Restorer, host: Host
) -> None:
    words = f"{declared.program} status --undeclared --manifests {declared.manifests}"
    shown = host.shell(f"script -qec '{words}' /dev/null")
    for color, word in ((GREEN, "in place"), (RED, "missing"), (YELLOW, "different")):
        assert f"{color}{word}" in shown
    assert f"{CYAN}undeclared" in shown
    assert "`ebpf-pinning restore` puts back what is missing" in shown
    for plain in (
        host.shell(words),
        host.shell(f"NO_COLOR=1 script -qec '{words}' /dev/null"),
        host.shell(f"TERM=dumb script -qec '{words}' /dev/null"),
        host.shell(f"script -qec '{words} --color never' /dev/null"),
    ):
        assert "\x1b" not in plain
    assert GREEN in host.shell(f"{words} --color always")
    assert "puts back" not in host.shell(f"{words} 2>&1")
    assert json.loads(host.shell(f"{words} --json"))["counts"]


@pytest.mark.parametrize(
    "words", [[], ["mend"], ["status", "--part", "all"], ["check", "--colour"]]
)
def test_a_wrong_command_line_exits_as_such(restorer: Restorer, words: list[str]) -> None:
    done = restorer.host.run(restorer.program, *words, check=False)
    assert done.returncode == 64
    assert done.stderr.startswith("usage: ebpf-pinning")
