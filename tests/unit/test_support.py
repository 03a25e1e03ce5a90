# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/support.md names every ansible-core, Python and machine that there is a test for."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "support.md").read_text(encoding="utf-8")
SESSIONS = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))


def table(name: str) -> ast.Dict:
    """A table of noxfile.py."""
    (found,) = (
        node.value
        for node in SESSIONS.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    assert isinstance(found, ast.Dict)
    return found


def keys(name: str) -> list[Any]:
    return [ast.literal_eval(key) for key in table(name).keys if key]


def cells(column: str) -> set[str]:
    """What the tables of the page have below this heading, item by item."""
    found: set[str] = set()
    for lines in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        heading, _rule, *rows = [
            [cell.strip() for cell in line.split("|")[1:-1]] for line in lines.splitlines()
        ]
        if column in heading:
            found |= {item for row in rows for item in row[heading.index(column)].split(", ")}
    return found


def test_each_ansible_core_has_a_row() -> None:
    assert {*keys("CORES")} <= cells("ansible-core")


def test_each_python_of_managed_nodes_has_a_row() -> None:
    for core in table("CORES").values:
        assert isinstance(core, ast.Call)
        minors = eval(ast.unparse(core.args[1]), {"range": range})
        assert {f"3.{minor}" for minor in minors} <= cells("Python of hosts")


def test_each_machine_is_named() -> None:
    for machine in keys("REACH"):
        assert f"`{machine}`" in PAGE or f"MACHINES={machine}`" in PAGE
    inventory = (ROOT / "extensions/molecule/vm/inventory/hosts.yml").read_text(encoding="utf-8")
    told = re.sub(r"\n# ", " ", inventory)
    kernels = re.findall(r"\b(\d\.\d+) with (?:Python )?(\d\.\d+)", told)
    assert len(kernels) == 3
    for kernel, python in kernels:
        assert re.search(rf"^\| {kernel} \|.*\| {python} \|", PAGE, re.MULTILINE)
