# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command as files: all of the core, unchanged, and what of an older one is to go."""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path
from unittest import mock

import pytest

# As a part of plugins/: the face imports the core.
sys.path.insert(0, str(Path(__file__).parents[2] / "plugins"))

from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._module import (
    at_boot,
    boot_manifest,
    host_program,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._module.host_program import HostFile

UTILS = Path(__file__).parents[2] / "plugins" / "module_utils"
CORE = UTILS / "_core"
PLUGINS = "ansible_collections.ebpf.pinning.plugins."
LIBRARY = "/usr/local/lib/ebpf-pinning"
PYTHON = "/usr/bin/python3"


def test_the_program_is_the_core_as_it_is() -> None:
    core, starter = host_program.program(LIBRARY, PYTHON)
    sources = {str(path.relative_to(CORE.parent)): path.read_bytes() for path in CORE.rglob("*.py")}
    assert re.fullmatch(rf"{LIBRARY}/core-[0-9a-f]{{16}}", core.path)
    assert core.contents == sources
    assert (starter.path, starter.mode) == (f"{LIBRARY}/ebpf-pinning", 0o755)


def imported(path: Path) -> set[Path]:
    """What a file of plugins/ imports of the others: Ansible sends that along with a module."""
    found, todo = set(), [path]
    while todo:
        path = todo.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        todo += [folder / "__init__.py" for folder in path.parents if folder.is_relative_to(UTILS)]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                whole = (node.module or "").removeprefix(PLUGINS)
                base = path.parents[node.level - 1] if node.level else UTILS.parent
                base = base.joinpath(*whole.split("."))
                names = [base, *(base / each.name for each in node.names)]
                todo += [each.with_suffix(".py") for each in names]
                todo += [each / "__init__.py" for each in names]
    return found


def test_whichever_module_installs_it_it_is_the_same() -> None:
    """Each sends what it imports, and the command is made of what was sent."""
    modules = (UTILS.parent / "modules" / f"{name}.py" for name in ("bpf_host", "bpf_restore"))
    by_host, by_restore = ({each for each in imported(m) if CORE in each.parents} for m in modules)
    assert by_host == by_restore
    assert len(by_host) > 100


def test_the_starter_comes_last_since_it_makes_it_so() -> None:
    paths = [file.path for file in host_program.program(LIBRARY, PYTHON)]
    assert paths[-1] == f"{LIBRARY}/ebpf-pinning"
    assert len(set(paths)) == len(paths)


def test_the_same_core_has_the_same_name_and_another_has_another() -> None:
    def name() -> str:
        return host_program.program(LIBRARY, PYTHON)[0].path

    first = name()
    assert name() == first
    read = host_program._source
    names = {first}
    modules = host_program._modules()
    for changed in modules:
        with mock.patch.object(
            host_program,
            "_source",
            lambda spec, changed=changed: read(spec) + b"#" * (spec.name == changed.name),
        ):
            names.add(name())
    assert len(names) == len(modules) + 1


ODD = ["/opt/it's here", '/opt/"quoted"', "/opt/back\\slash", "/opt/größe", "/opt/{braces}", "/"]


@pytest.mark.parametrize("library", ODD)
def test_the_starter_finds_its_core_whatever_the_directory_is_called(library: str) -> None:
    core, starter = host_program.program(library, PYTHON)
    text = (starter.content or b"").decode()
    assert text.startswith(f"#!{PYTHON} -IS\n")
    (directory,) = (
        ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "core"
    )
    assert directory == f"{core.path}/_core"
    assert directory.startswith(f"{library}/core-")


def test_only_cores_that_are_not_used_are_outdated(tmp_path: Path) -> None:
    library = str(tmp_path)
    program = host_program.program(library, PYTHON)
    current = program[0].path
    old = [f"core-{digit * 16}" for digit in "09af"]
    others = [
        "core-0123",
        "core-" + "g" * 16,
        f"{old[0]}.bak",
        "_core",
        "notes",
        "core-" + "A" * 16,
    ]
    for name in [*old, *others, os.path.basename(current)]:
        (tmp_path / name).mkdir()
    (tmp_path / "ebpf-pinning").touch()
    assert host_program.outdated(library, {current}) == [f"{library}/{name}" for name in old]
    assert sorted(host_program.outdated(library, ())) == sorted(
        [current, *(f"{library}/{name}" for name in old)]
    )


def test_where_nothing_is_installed_nothing_is_outdated(tmp_path: Path) -> None:
    assert host_program.outdated(str(tmp_path / "none"), ()) == []


def test_a_file_that_is_to_go_differs_while_it_is_there(tmp_path: Path) -> None:
    file = HostFile(str(tmp_path / "file"), None)
    assert not file.differs
    file.settle()
    (tmp_path / "file").touch()
    assert file.differs
    file.settle()
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("wanted", [b"text", None])
def test_what_is_no_regular_file_is_not_touched(tmp_path: Path, wanted: bytes | None) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "symlink").symlink_to("target")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "target").write_text("theirs")
    os.mkfifo(tmp_path / "fifo")
    for name in ("directory", "symlink", "dangling", "fifo"):
        with pytest.raises(PinningError, match="not a regular file"):
            assert HostFile(str(tmp_path / name), wanted).differs
    with pytest.raises(PinningError, match="not a directory"):
        assert HostFile(str(tmp_path / "target" / "file"), wanted).differs
    assert (tmp_path / "target").read_text() == "theirs"


GOOD = ["agent", "a-b", "größe", "with space", "x" * 200, "-", "agent.json", "%2D"]
BAD = ["", ".", "..", ".hidden", "a/b", "/etc/passwd", "a\0b", "x" * 201]


def test_a_name_is_one_of_a_file_that_is_not_hidden() -> None:
    for name in GOOD:  # none of which raises
        at_boot.check_name(name)
    for name in BAD:
        with pytest.raises(PinningError, match="must be at most 200 letters"):
            at_boot.check_name(name)


HOLDERS = [
    ("the mount itself", "/sys/fs/bpf", "/sys/fs/bpf"),
    ("the nearest mount above", "/sys/fs/bpf/inner/a/b", "/sys/fs/bpf/inner"),
    ("a name that only begins alike is another", "/sys/fs/bpf/inner2", "/sys/fs/bpf"),
    ("no mount yet", "/run/agent", "/run/agent"),
]


@pytest.mark.parametrize(("directory", "holder"), [row[1:] for row in HOLDERS])
def test_what_the_unit_may_write_to_is_the_mount_that_holds_the_pins(
    directory: str, holder: str
) -> None:
    points = ["/sys/fs/bpf", "/sys/fs/bpf/inner"]
    assert boot_manifest.holder_of(directory, points) == holder
    assert boot_manifest.holder_of(directory, ["/"]) == "/"
