# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball that tools/dist.py builds: always the same file, and whole once it is installed where
nothing but ansible-core is. The commands of Ansible that judge it are those first on PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMITTER = ("-c", "user.name=test", "-c", "user.email=test@localhost")


def run(*command: str | Path, **settings: str | Path) -> str:
    """What it prints. The settings are environment variables."""
    env = {**os.environ, **{name: str(value) for name, value in settings.items()}}
    ran = subprocess.run(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


def checkout(folder: Path, date: str, order: Callable[[list[str]], list[str]]) -> Path:
    """A repository of the tracked files, written in an order, with a commit time."""
    folder.mkdir()
    listed = run("git", "-C", ROOT, "ls-files", "-z", "--cached", "--deduplicate").split("\0")
    names = [name for name in order(listed) if name and os.path.lexists(ROOT / name)]
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target, follow_symlinks=False)
    run("git", "-C", folder, "init", "--quiet")
    run("git", "-C", folder, "add", "--all")
    commit = ("git", "-C", folder, *COMMITTER, "commit", "--quiet", "--message", "all")
    run(*commit, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    return folder


def build(folder: Path, umask: str = "022", **settings: str | Path) -> Path:
    command = f'umask {umask} && exec "$0" "$@"'
    run("sh", "-c", command, sys.executable, folder / "tools/dist.py", folder / "dist", **settings)
    (tarball,) = (folder / "dist").iterdir()
    return tarball


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in memory: that file system lists its folders in another order than one on a disk."""
    one = checkout(tmp_path_factory.mktemp("one") / "one", "2026-01-02T03:04:05 +0000", sorted)
    return build(one, TMPDIR="/dev/shm")


@pytest.fixture(scope="module")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the collection, which Ansible finds from here on."""
    home = tmp_path_factory.mktemp("home")
    os.environ["HOME"] = str(home)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(home / "collections")
    run("ansible-galaxy", "collection", "install", "--offline", tarball)
    return home / "collections/ansible_collections/ebpf/pinning"


def test_two_builds_are_the_same_file(tarball: Path, tmp_path: Path) -> None:
    # The same second in another time zone, and all else different that must not matter.
    other = checkout(
        tmp_path / "other",
        "2026-01-02T05:04:05 +0200",
        lambda names: sorted(names, reverse=True),
    )
    run("chmod", "-R", "go=", other)
    run(
        "find", other, "-name", ".git", "-prune", "-o", "-exec", "touch", "-hd1999-12-31", "{}", "+"
    )
    cache = other / "plugins/modules/__pycache__"
    cache.mkdir()
    (cache / "ignored.pyc").touch()
    (other / "plugins/modules/not_tracked.py").touch()
    rebuilt = build(other, umask="077", TMPDIR="/var/tmp", TZ="Asia/Kathmandu")
    assert rebuilt.name == tarball.name
    assert rebuilt.read_bytes() == tarball.read_bytes()


@pytest.mark.usefixtures("installed")
def test_ansible_galaxy_finds_each_file_as_it_was_built() -> None:
    run("ansible-galaxy", "collection", "verify", "--offline", "ebpf.pinning")


def test_each_installed_file_has_its_licence(installed: Path) -> None:
    reuse = Path(sys.executable).with_name("reuse")
    # REUSE takes a folder of a repository for a part of it.
    ceiling = installed.parents[3]
    run(reuse, "--root", installed, "lint", "--lines", GIT_CEILING_DIRECTORIES=ceiling)


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("module", "plugins/modules/[!_]*.py"),
        ("filter", "plugins/filter/[!_]*.py"),
        ("lookup", "plugins/lookup/[!_]*.py"),
        ("callback", "plugins/callback/[!_]*.py"),
        ("role", "roles/*"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_ansible_finds_the_same_that_the_checkout_has(kind: str, pattern: str) -> None:
    listed = run("ansible-doc", "--json", "--list", "--type", kind, "ebpf.pinning")
    here = {f"ebpf.pinning.{path.stem}" for path in ROOT.glob(pattern)}
    assert here
    assert {*json.loads(listed)} == here


@pytest.mark.parametrize("playbook", sorted(path.stem for path in ROOT.glob("playbooks/*.yml")))
@pytest.mark.usefixtures("installed")
def test_ansible_finds_the_playbook(playbook: str) -> None:
    command = ("ansible-playbook", "--syntax-check", "--inventory", "localhost,")
    run(*command, f"ebpf.pinning.{playbook}")
