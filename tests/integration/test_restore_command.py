# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `ebpf-pinning` on a host: tables, options, and the Pythons that run it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from harness.host import BPFFS, Host
from harness.samples import HASH
from harness.site import CHECKOUT, DAEMON, NOBODY, Site, every_python
from mount_table import access
from restoring import (
    COMMANDS,
    DRIFT,
    GOOD,
    TROUBLE,
    USAGE,
    WHOLE,
    Done,
    Installed,
    Restorer,
    nested,
    rows_of,
)


def test_where_nothing_is_declared_all_is_good(
    host: Host, restorer: Restorer, tmp_path: Path
) -> None:
    others = restorer.manifests / "notes.txt"
    others.write_text("not for the command")
    (restorer.manifests / "agent.json.new~").write_bytes(WHOLE[:9])
    before = host.inventory()
    for directory in (restorer.manifests, tmp_path / "none"):
        for done in restorer.run_all([[each, "--manifests", str(directory)] for each in COMMANDS]):
            assert done == Done(GOOD, "0 declared, 0 in place\n", "")
    assert host.inventory() == before


# What is printed

ODD_NAMES = ["with space", "größe", "日本", "a\nb", "tab\there", "esc\x1b[31mred", "r\rx", "~:#'\""]


def test_the_table_and_the_json_say_the_same(
    host: Host, restorer: Restorer, subtests: pytest.Subtests
) -> None:
    restorer.declare(maps=[{"name": name, **HASH} for name in ODD_NAMES])
    host.make_pin(f"{BPFFS}/with space", max_entries=5)
    for command in COMMANDS:
        as_json, as_table = restorer.json(command), restorer.run(command)
        if command == "restore":
            as_json = restorer.json(command)  # after which all that can be is in place
        with subtests.test(command):
            assert [line["path"] for line in as_json.report["lines"]] == [
                f"{BPFFS}/{name}" for name in ODD_NAMES
            ]
            assert as_json.code == as_table.code
            shown = as_json.report["lines"]
            if command == "check":
                shown = [line for line in shown if line["state"] != "in place"]
            rows = list(rows_of(as_table.output))
            assert [row[1:] for row in rows] == [
                [line["declared"], line["state"], line["detail"]] for line in shown
            ]
            for row, line in zip(rows, shown, strict=True):
                assert row[0].startswith(BPFFS)
                assert row[0] == line["path"] or not line["path"].isprintable()
            assert "\x1b" not in as_table.output, "nothing that a terminal obeys"


def test_names_that_are_no_text_are_printed_in_any_locale(host: Host, restorer: Restorer) -> None:
    host.shell(rf"""ln -s "$(printf '/\377\376')" {BPFFS}/flows""")
    restorer.declare(maps=[{"name": "flows", **HASH}, {"name": "größe", **HASH}])
    words = ["--manifests", str(restorer.manifests)]
    for done in restorer.run_all([["check", *words], ["check", "--json", *words]]):
        assert done.code == DRIFT
        assert not done.complaints
    for locale in ("LC_ALL=C", "LC_ALL=POSIX", "LC_ALL=C.UTF-8", "LC_ALL=no_such_LOCALE"):
        done = restorer.run("check", before=["env", "-i", locale])
        assert done.code == DRIFT
        assert "symlink to" in done.output
        assert not done.complaints


def test_a_thousand_maps_are_one_call(host: Host, restorer: Restorer) -> None:
    maps = [{"name": f"map_{number:03}", **HASH} for number in range(1000)]
    restorer.declare(maps=maps)
    done = restorer.run("restore")
    assert done.code == GOOD
    assert done.output.endswith("\n1000 declared, 1000 in place\n")
    assert len(done.output.splitlines()) == 1002
    assert len([path for path in host.inventory() if "/map_" in path]) == 1000
    assert restorer.run("check").output == "1000 declared, 1000 in place\n"


def test_a_reader_that_goes_away_is_no_error_to_tell_of(host: Host, restorer: Restorer) -> None:
    restorer.declare(maps=[{"name": f"map_{number:03}", **HASH} for number in range(1000)])
    words = f"{restorer.program} %s --manifests {restorer.manifests} 2>{restorer.manifests}/errors"
    errors = restorer.manifests / "errors"
    for command in ("status", "status --json", "restore"):
        output = host.shell(f"{words % command} | head -n 1")
        assert len(output.splitlines()) == 1
        assert errors.read_text() == "", command
    assert len([path for path in host.inventory() if "/map_" in path]) == 1000
    code = host.run("sh", "-c", f"{words % 'status'} >/dev/full", check=False).returncode
    assert code not in (GOOD, DRIFT)
    assert "Traceback" not in errors.read_text()
    assert "No space left" in errors.read_text()


def test_whoever_is_not_root_is_told_so(host: Host, site: Site, installed: Installed) -> None:
    public = Path("/tmp") / f"ebpf-pinning-{os.getpid()}"
    shutil.copytree(Path(installed.program).parent, public)
    try:
        manifests = public / "restore.d"
        manifests.mkdir()
        there = Restorer(host, str(public / "ebpf-pinning"), manifests)
        there.declare(maps=[{"name": "flows", **HASH}])
        starter = (public / "ebpf-pinning").read_text()
        core = str(Path(installed.program).parent)
        (public / "ebpf-pinning").write_text(starter.replace(core, str(public)))
        before = host.inventory()
        nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        for command in COMMANDS:
            done = there.run(command, before=[*nobody, site.python_of_nobody])
            assert done.code == TROUBLE, done
            assert "root" in done.complaints
            assert len(done.complaints.splitlines()) == 1
        assert host.inventory() == before
    finally:
        shutil.rmtree(public)


@pytest.mark.parametrize("words", [[], ["stauts"], ["status", "--part", "all"]])
def test_what_the_command_does_not_know_is_refused_with_what_it_knows(
    restorer: Restorer, words: list[str]
) -> None:
    (done,) = restorer.run_all([words])
    assert done.code == USAGE
    assert done.complaints.startswith("usage: ebpf-pinning ")
    assert not done.output


def test_help_tells_all_four(restorer: Restorer) -> None:
    (done,) = restorer.run_all([["--help"]])
    assert done.code == GOOD
    assert all(command in done.output for command in (*COMMANDS, "adopt"))


# What is there, and declared nowhere


def test_what_is_pinned_is_printed_as_what_declares_it(
    host: Host, restorer: Restorer, tmp_path: Path
) -> None:
    host.load("pins", f"{BPFFS}/app", f"{BPFFS}/app/prog")
    host.run("ln", "-s", "nowhere", f"{BPFFS}/symlink")
    before = host.inventory()
    whole, part, wrong = restorer.run_all(
        [["adopt"], ["adopt", "--entries", f"{BPFFS}/app"], ["adopt", "/nowhere"]]
    )
    assert host.inventory() == before
    assert (whole.code, part.code, wrong.code) == (GOOD, GOOD, GOOD)
    assert f"{BPFFS}/symlink: not declared" in whole.complaints
    assert "/nowhere: not declared: no bpffs is mounted there" in wrong.complaints
    file = tmp_path / "adopted.yml"
    for done in (whole, part):
        file.write_text(done.output)
        drift = host.ansible_playbook("ebpf.pinning.drift", "-e", f"@{file}")
        assert drift.code == 0, drift.output
    host.run("rm", f"{BPFFS}/app/prog")
    assert host.ansible_playbook("ebpf.pinning.drift", "-e", f"@{file}").code == DRIFT


# What is installed


def test_the_files_are_those_that_the_modules_use(installed: Installed) -> None:
    library = Path(installed.program).parent
    (core,) = library.glob("core-*")
    files = {path.relative_to(core): path for path in core.rglob("*.py")}
    sources = CHECKOUT / "plugins" / "module_utils"
    assert len(files) > 30
    for name, path in files.items():
        assert path.read_bytes() == (sources / name).read_bytes(), name
        assert (path.stat().st_mode & 0o7777, path.stat().st_uid) == (0o644, 0)
    assert sorted(each.name for each in library.iterdir()) == [core.name, "ebpf-pinning"]
    for directory in (library, *(each for each in library.rglob("*") if each.is_dir())):
        assert directory.stat().st_mode & 0o022 == 0, directory


def test_every_python_that_a_host_may_have_runs_it_alone(
    host: Host, restorer: Restorer, subtests: pytest.Subtests
) -> None:
    # At some depth a Python can read JSON, and not say what it has read.
    depths = range(960, 1000)
    for depth in depths:
        restorer.write(f"nested_{depth}", nested(depth))
    pythons = every_python()
    assert pythons
    for number, python in enumerate(pythons):
        name = f"map_{number}"
        restorer.declare(maps=[{"name": name, **HASH, "owner": "daemon", "mode": "0640"}])
        with subtests.test(python):
            bare = ["env", "-i", python, "-I", "-S"]
            done = restorer.json("restore", before=bare)
            assert done.states == {f"{BPFFS}/{name}": "restored"}
            assert access(host, f"{BPFFS}/{name}") == f"640 {DAEMON} 0"
            assert len(done.report["refused"]) == len(depths)
    before = host.inventory()
    assert restorer.run("check", before=["env", "-i"]).code == DRIFT, "by its first line"
    assert host.inventory() == before
