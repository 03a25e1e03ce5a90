# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report's files: who asks for them, what becomes of the old ones, and history."""

from __future__ import annotations

import json
import os
import sys

import pytest
from drift_runs import ansible_playbook, by_environment, look, play, playbook
from drift_table import task
from harness.drift import read_all, read_json
from harness.host import Host
from harness.samples import AGENT, SECRET
from harness.site import NOBODY

# Where reports go

ASKED = {
    "by ansible.cfg": ("[ebpf_pinning]\ndrift_json = there/drift.json\n", {}, []),
    "by the environment": ("", {"EBPF_PINNING_DRIFT_JSON": "there/drift.json"}, []),
    "by an extra variable": ("", {}, ["-e", "drift_json=there/drift.json"]),
    "by an extra variable above all": (
        "[ebpf_pinning]\ndrift_json = a.json\n",
        {"EBPF_PINNING_DRIFT_JSON": "b.json"},
        ["-e", '{"drift_json": "~/there/drift.json"}'],
    ),
}


@pytest.mark.parametrize("how", ASKED)
def test_a_report_is_asked_for(host: Host, how: str) -> None:
    settings, environment, words = ASKED[how]
    folder = host.scratch / "out"
    (folder / "there").mkdir(parents=True)
    enabled = "[defaults]\ncallbacks_enabled = ebpf.pinning.drift_report\n"
    (folder / "ansible.cfg").write_text(f"{enabled}{settings}")
    variables = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "HOME": str(folder), **environment}
    done = ansible_playbook(
        host, folder, [playbook(folder, look("a")), *words], {"localhost": {}}, **variables
    )
    assert done.code == 0, done.output
    report = read_json((folder / "there" / "drift.json").read_text())
    assert report["hosts"]["drift"] == 1
    assert sorted(path.suffix for path in folder.rglob("*.json")) == [".json"]
    assert f"localhost  missing  {AGENT}/a" in done.table


def test_reports_that_cannot_be_written_are_errors_and_nothing_else(
    host: Host, subtests: pytest.Subtests
) -> None:
    folder = host.scratch / "out"
    full, target = folder / "full", folder / "target.prom"
    full.mkdir(parents=True)
    host.run("mount", "-t", "tmpfs", "-o", "size=8k", "full", str(full))
    host.shell(f"echo old >{full}/drift.md; cat /dev/zero >{full}/filling || true")
    (folder / "link.prom").symlink_to("target.prom")
    os.mkfifo(folder / "pipe")
    paths = {
        "json": folder / "nowhere" / "drift.json",
        "html": folder,
        "markdown": full / "drift.md",
        "junit": folder / "pipe",
        "prometheus": folder / "link.prom",
    }
    extra = {f"drift_{form}": str(path) for form, path in paths.items()}
    words = [playbook(folder, look("a")), "-e", json.dumps(extra)]
    done = ansible_playbook(host, folder, words, {"localhost": {}})
    why = {
        "json": "No such file or directory",
        "html": "it is not a regular file",
        "markdown": "No space left on device",
        "junit": "it is not a regular file",
    }
    with subtests.test("each is told, with its option and path, and why"):
        for form, words in why.items():
            line = f"[ERROR]: drift_{form} {paths[form]} cannot be written: {words}"
            assert line in " ".join(done.output.split())
        assert done.output.count("cannot be written") == len(why)
    with subtests.test("the run goes on as if nothing were"):
        assert done.code == 0
        assert f"localhost  missing  {AGENT}/a" in done.table
    with subtests.test("the old report is whole, and nothing lies about"):
        assert host.shell(f"cat {full}/drift.md; ls -A {full}").split() == [
            *("old", "drift.md", "filling")
        ]
        left = {path.name for path in folder.iterdir()}
        assert left == {"full", "hosts.yml", "link.prom", "pipe", "plays.yml", "target.prom"}
    with subtests.test("a symlink stays one, and its target is the report"):
        assert os.readlink(folder / "link.prom") == "target.prom"
        assert "ebpf_pinning_pins" in target.read_text()
        assert target.stat().st_mode & 0o777 == 0o644


def test_a_symlink_of_somebody_else_is_not_followed(host: Host) -> None:
    folder = host.scratch / "out"
    folder.mkdir()
    (folder / "kept").write_text("old")
    (folder / "drift.md").symlink_to("kept")
    os.chown(folder / "drift.md", NOBODY, NOBODY, follow_symlinks=False)
    words = [playbook(folder, look("a")), "-e", f"drift_markdown={folder}/drift.md"]
    done = ansible_playbook(host, folder, words, {"localhost": {}})
    assert done.code == 0
    assert "it is a symbolic link that another user has made" in " ".join(done.output.split())
    assert (folder / "kept").read_text() == "old"


# As setfacl -m u:12345:rwx, which is not everywhere.
_ENTRIES = ((1, 7, -1), (2, 7, 12345), (4, 5, -1), (16, 7, -1), (32, 5, -1))  # tag, bits, id
_WRITABLE = (
    'import os, struct, sys; acl = struct.pack("<I", 2) + b"".join('
    f'struct.pack("<HHi", *each) for each in {_ENTRIES}); '
    'os.setxattr(sys.argv[1], "system.posix_acl_access", acl)'
)
# Ways to a report, made by a shell in a tmpfs that is $T; $U is another user. Then whether they are
# safe; if not, the step that is named.
WAYS: dict[str, tuple[str, str, str | None]] = {
    "a directory of root": ("mkdir d", "d/f", None),
    "a sticky directory for all": ("mkdir -m 1777 d", "d/f", None),
    "a link of root": ("mkdir d; ln -s d l", "l/f", None),
    "a link of root to a link of root": ("mkdir d; ln -s $T/d m; ln -s m l", "l/f", None),
    "a directory above": ("mkdir -p d/e", "d/e/../f", None),
    "a directory of root's group": ("mkdir -m 0775 d", "d/f", None),
    "an old report of root in a sticky directory": ("mkdir -m 1777 d; echo old >d/f", "d/f", None),
    "a directory of another user": ("mkdir d; chown $U d", "d/f", "d"),
    "a directory in one of another user": ("mkdir -p d/e; chown $U d", "d/e/f", "d"),
    "a directory of another user in a sticky one": (
        "mkdir -m 1777 d; mkdir d/e; chown $U d/e",
        "d/e/f",
        "d/e",
    ),
    "a link of another user to a directory of root": (
        "mkdir d; ln -s d l; chown -h $U l",
        "l/f",
        "l",
    ),
    "a link of another user in a sticky directory": (
        "mkdir -m 1777 d; mkdir e; ln -s $T/e d/l; chown -h $U d/l",
        "d/l/f",
        "d/l",
    ),
    "a link of root to a link of another user": (
        "mkdir d; ln -s d m; chown -h $U m; ln -s m l",
        "l/f",
        "m",
    ),
    "a link of root to a directory of another user": (
        "mkdir d; chown $U d; ln -s d l",
        "l/f",
        "d",
    ),
    "a link of root through a directory of another user": (
        "mkdir -p d/e; chown $U d; ln -s d/e l",
        "l/f",
        "d",
    ),
    "a link that is the report": ("mkdir d e; ln -s $T/e/f d/f; chown -h $U d/f", "d/f", "d/f"),
    "a report of another user": ("mkdir -m 1777 d; echo old >d/f; chown $U d/f", "d/f", "d/f"),
    "a directory that all may write to": ("mkdir -m 0777 d", "d/f", "d"),
    "a directory in one that all may write to": ("mkdir -m 0777 d; mkdir d/e", "d/e/f", "d"),
    "a directory that another group may write to": ("mkdir -m 0775 d; chgrp $U d", "d/f", "d"),
    "a directory that another user may write to by an ACL": (
        f"mkdir -m 0755 d; python3 -c '{_WRITABLE}' d",
        "d/f",
        "d",
    ),
    "a link that leads to itself": ("ln -s l l", "l/f", ""),
    "a directory that is missing": ("true", "d/f", ""),
}


def test_no_report_is_written_where_another_user_could_lead_it(
    host: Host, subtests: pytest.Subtests
) -> None:
    script = (
        "import json, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_files as files\n"
        "report = files.Report()\n"
        "paths = json.loads(sys.argv[2])\n"
        "print(json.dumps([files.write_all(report, {'json': path})[1] for path in paths]))\n"
    )
    host.shell("mount -t tmpfs -o mode=0755 place /mnt")
    paths = []
    for number, (make, path, _step) in enumerate(WAYS.values()):
        top = f"/mnt/{number}"
        made = make.replace("$T", top).replace("$U", str(NOBODY))
        host.shell(f"umask 022; mkdir {top}; cd {top}; {made}")
        paths.append(f"{top}/{path}")
    done = host.run(sys.executable, "-c", script, str(host.site.scratch), json.dumps(paths))
    told = json.loads(done.stdout)
    for number, (what, (_make, path, step)) in enumerate(WAYS.items()):
        with subtests.test(what):
            if step is None:
                assert told[number] == []
                assert read_json(host.shell(f"cat {paths[number]}"))["report"] == []
                continue
            (problem,) = told[number]
            assert problem.startswith(f"drift_json /mnt/{number}/{path} cannot be written: ")
            assert not step or f": /mnt/{number}/{step}: it is a " in problem
            files = host.shell(f"find /mnt/{number} -type f -exec cat {{}} +")
            assert files.replace("old\n", "") == ""


@pytest.mark.parametrize(
    ("members", "is_safe"), [("", True), ("root", True), ("root,nobody", False)]
)
def test_a_directory_of_a_group_is_ones_own_unless_somebody_else_is_in_it(
    host: Host, members: str, is_safe: bool
) -> None:
    """Most systems give each user a group; on some, all have one group."""
    host.shell(
        "mount -t tmpfs -o mode=0755 place /mnt; cp /etc/group /mnt/group; mkdir -m 0775 /mnt/d; "
        f"echo crew:x:4242:{members} >>/mnt/group; mount --bind /mnt/group /etc/group; "
        "chgrp crew /mnt/d"
    )
    script = (
        "import os, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_files as files\n"
        "os.setgid(4242)\n"
        "print(files.write_all(files.Report(), {'json': '/mnt/d/f'})[1])\n"
    )
    done = host.run(sys.executable, "-c", script, str(host.site.scratch))
    assert ("that other users may write to" in done.stdout) == (not is_safe)
    assert (done.stdout == "[]\n") == is_safe


def test_a_report_is_written_for_who_became_root_by_sudo(host: Host) -> None:
    host.shell(f"mount -t tmpfs -o mode=0755 place /mnt; mkdir /mnt/home; chown {NOBODY} /mnt/home")
    script = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_files as files\n"
        "print(files.write_all(files.Report(), {'json': '/mnt/home/f'})[1])\n"
    )
    command = [sys.executable, "-c", script, str(host.site.scratch)]
    assert "another user has made" in host.run(*command).stdout
    assert host.run("env", f"SUDO_UID={NOBODY}", *command).stdout == "[]\n"


def test_a_folder_of_others_keeps_its_report(host: Host) -> None:
    """Not as root, whom no mode keeps out."""
    host.shell("mount -t tmpfs -o mode=0755 place /mnt; echo old >/mnt/drift.json")
    script = (
        "import os, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_files as files\n"
        f"os.setuid({NOBODY})\n"
        "print(files.write_all(files.Report(), {'json': '/mnt/drift.json'})[1])\n"
    )
    done = host.run(sys.executable, "-c", script, str(host.site.scratch))
    assert "drift_json /mnt/drift.json cannot be written: Permission denied" in done.stdout
    assert host.shell("cat /mnt/*; ls -A /mnt").split() == ["old", "drift.json"]


def test_history_marks_what_is_new_still_there_and_gone(host: Host) -> None:
    folder = host.scratch / "out"
    host.shell(f"mkdir {AGENT}")
    for name in ("a", "b"):
        host.make_pin(f"{AGENT}/{name}")
    words = [
        playbook(folder, look("a", "b", "c", "d", mode="0640")),
        *("-e", f"drift_previous={folder}/drift.json"),
    ]
    environment = by_environment(folder)
    first = ansible_playbook(host, folder, words, {"localhost": {}}, **environment)
    (there,) = first.hosts.values()
    assert {pin["history"] for pin in there["pins"]} == {None}
    assert there["gone"] == []
    made = read_all(folder)["made"]
    host.shell(f"chmod 0640 {AGENT}/a; rm {AGENT}/b")
    host.make_pin(f"{AGENT}/c")
    second = ansible_playbook(host, folder, words, {"localhost": {}}, **environment)
    (there,) = second.hosts.values()
    assert {pin["path"][-1]: (pin["state"], pin["history"]) for pin in there["pins"]} == {
        "b": ("missing", "still"),
        "c": ("access", "still"),
        "d": ("missing", "still"),
    }
    assert there["gone"] == [{"path": f"{AGENT}/a", "state": "access"}]
    assert read_all(folder)["previous"] == made
    host.shell(f"chmod 0600 {AGENT}/a")
    third = ansible_playbook(host, folder, words, {"localhost": {}}, **environment)
    (there,) = third.hosts.values()
    history = {pin["path"][-1]: pin["history"] for pin in there["pins"]}
    assert history == {"a": "new", "b": "still", "c": "still", "d": "still"}
    assert there["gone"] == []
    markdown = (folder / "drift.md").read_text()
    assert "new" in markdown


def test_each_playbook_of_a_command_has_its_own_report(host: Host) -> None:
    folder = host.scratch / "out"
    folder.mkdir()
    other = folder / "other.yml"
    other.write_text(json.dumps([play(_FAIL | {"ignore_errors": True})]))
    words = [
        *(playbook(folder, look("a")), str(other)),
        *("-e", f"drift_previous={folder}/drift.json"),
    ]
    done = ansible_playbook(host, folder, words, {"localhost": {}}, **by_environment(folder))
    assert done.code == 0, done.output
    assert f"localhost  missing  {AGENT}/a" in done.table
    report = read_all(folder)
    assert report["playbook"].endswith("/plays.yml")
    assert report["previous"] is None


# Runs without anything to tell

_FAIL = {"ansible.builtin.fail": {"msg": SECRET}}
# Plays, the exit code, and whether a report is asked for of this very run.
NOTHING = {
    "another playbook": ([play({"ansible.builtin.ping": {}})], 0, False),
    "another playbook that fails": ([play(_FAIL)], 2, True),
    "a play without hosts": ([look("a") | {"hosts": "nobody"}], 0, True),
    "all skipped": ([play(task(when=False))], 0, True),
    "a syntax error": ([{"hosts": "all", "tasks": 5}], 4, False),
}


@pytest.mark.parametrize("what", NOTHING)
def test_a_run_that_looked_at_nothing_leaves_the_old_report(host: Host, what: str) -> None:
    plays, code, asked = NOTHING[what]
    folder = host.scratch / "out"
    folder.mkdir()
    (folder / "drift.json").write_text("old")
    words = [playbook(folder, *plays)]
    if asked:
        words += ["-e", f"drift_json={folder}/drift.json"]
    done = ansible_playbook(host, folder, words, {"localhost": {}}, **by_environment(folder))
    assert done.code == code, done.output
    assert "DRIFT" not in done.output
    assert (folder / "drift.json").read_text() == "old"
    assert not (folder / "drift.md").exists()
    assert ("no host was looked at: no drift report is written" in done.output) == asked
