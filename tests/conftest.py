# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checkout is the collection `ebpf.pinning` to all tests, by the name that it has where it is
installed. Ansible is not needed for that: the oldest Pythons of managed nodes have none.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

for _name in (
    "ansible_collections",
    "ansible_collections.ebpf",
    "ansible_collections.ebpf.pinning",
):
    sys.modules[_name] = ModuleType(_name)
    sys.modules[_name].__path__ = []
sys.modules["ansible_collections.ebpf.pinning"].__path__ = [str(Path(__file__).parents[1])]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--one-of-each", action="store_true", help="of each test with parameters, only the first"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--one-of-each"):
        return
    first: dict[object, pytest.Item] = {}
    for item in items:
        first.setdefault(getattr(item, "obj", item), item)
    kept = set(map(id, first.values()))
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = [item for item in items if id(item) in kept]
