# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may call whom in the core."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).parents[2] / "plugins" / "module_utils"
CORE = MODULE_UTILS / "_core"
SOURCES = sorted(CORE.rglob("*.py"))


def loaded_by(module: str) -> set[str]:
    """The modules that a fresh Python has loaded after importing `module`."""
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(MODULE_UTILS)!r})\n{program}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("subject", ["maps", "mounts", "absence"])
def test_a_plan_is_made_without_the_kernel(subject: str) -> None:
    loaded = loaded_by(f"_core.plan.{subject}")
    assert f"_core.plan.{subject}" in loaded
    assert not {"ctypes", "_core.syscall", "_core.bpffs", "_core.objects"} & loaded


@pytest.mark.skipif(
    sys.version_info < (3, 10), reason="a Python that cannot list its library: see tools/pythons"
)
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_imports_the_standard_library_and_itself_only(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            assert name.partition(".")[0] in sys.stdlib_module_names


def test_only_the_doors_to_the_kernel_use_ctypes() -> None:
    users = [path.name for path in SOURCES if "ctypes" in path.read_text()]
    assert users == ["elements.py", "kernel.py", "syscall.py"]
