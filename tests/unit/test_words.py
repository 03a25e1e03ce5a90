# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words for what was done and how it was found are defined once, and told alike everywhere."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.standing import (
    FOUND,
    Standing,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action, State
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import DRIFT, STATES
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_forms import WORDS
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import HOST_STATES

ROOT = Path(__file__).parents[2]
COLLECTION = "ansible_collections.ebpf.pinning.plugins"
# What the documentation of a module may leave unexplained, as it says what it is.
PLAIN = {Action.CREATE, Action.REPLACE, Action.MIGRATE, Action.KEEP}
MADE = (Action.CREATE, Action.ADJUST, Action.REPLACE, Action.KEEP, Action.REFUSE)
FILLED = (Action.ADJUST, Action.KEEP, Action.REFUSE)
# By module: where RETURN tells what was done, and all that it may tell there.
TOLD: list[tuple[str, list[str], tuple[Action | State, ...]]] = [
    ("bpf_map_entries", ["maps"], (*FILLED, State.FAILED, State.NOT_DONE)),
    ("bpf_map_pinned", ["maps"], (*MADE, Action.MIGRATE, State.FAILED, State.NOT_DONE)),
    ("bpf_object_pinned", ["objects"], (*MADE, State.FAILED, State.NOT_DONE)),
    ("bpf_program_pinned", ["programs"], (*MADE, State.FAILED, State.NOT_DONE)),
    ("bpf_pin_absent", ["pins"], (Action.REMOVE, Action.MISS)),
    ("bpf_restore", ["files"], (Action.REMOVE, Action.WRITE)),
    ("bpffs_mount", [], (Action.MOUNT, Action.ADJUST, Action.UNMOUNT, Action.KEEP)),
]
COUNTED = {
    "bpf_map_entries": {*FILLED},
    "bpf_map_pinned": {*MADE, Action.MIGRATE},
    "bpf_object_pinned": {*MADE},
    "bpf_pin_absent": {Action.REMOVE, Action.MISS, Action.SPARE},
}


def returned(module: str) -> dict[str, Any]:
    """RETURN of a module, parsed."""
    text = importlib.import_module(f"{COLLECTION}.modules.{module}").RETURN
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


@pytest.mark.parametrize(("module", "path", "told"), TOLD, ids=[each[0] for each in TOLD])
def test_a_module_documents_the_actions_that_it_tells(
    module: str, path: list[str], told: tuple[Action | State, ...]
) -> None:
    field = returned(module)
    for name in path:
        field = field[name]["contains"]
    said = {*re.findall(r"V\((\w+)\)", str(field["action"]["description"]))}
    words = {each.value for each in told}
    assert field["action"]["sample"] in words
    assert said <= words
    assert words - said <= {each.value for each in PLAIN}


@pytest.mark.parametrize("module", COUNTED)
def test_a_module_documents_the_actions_that_it_counts(module: str) -> None:
    assert {*returned(module)["counts"]["sample"]} == {each.value for each in COUNTED[module]}


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("maps", "bpf_map_pinned"),
        ("objects", "bpf_object_pinned"),
        ("entries", "bpf_map_entries"),
    ],
)
def test_what_is_counted_is_what_the_module_may_do(file: str, module: str) -> None:
    done = importlib.import_module(f"{COLLECTION}.module_utils._module.{file}").DONE
    counted = COUNTED[module]
    assert counted == {*done, Action.KEEP, Action.REFUSE}


def test_every_action_says_how_the_item_was_found() -> None:
    assert FOUND.keys() == {*Action}
    for action in Action:
        assert not action.is_idle or FOUND[action] is Standing.IN_PLACE


def test_the_schema_of_the_report_has_its_states() -> None:
    schema = json.loads((ROOT / "docs" / "drift-report.schema.json").read_text())
    definitions = schema["$defs"]
    assert {*definitions["pin_state"]["enum"]} == {*STATES} - {Standing.IN_PLACE.value}
    assert {*definitions["host"]["properties"]["state"]["enum"]} == {*HOST_STATES}
    assert {*DRIFT} < {*STATES} == {each.value for each in Standing} - {Standing.RESTORED.value}
    assert {*STATES, *HOST_STATES} <= WORDS.keys()


@pytest.mark.parametrize(("word", "words"), [("action", Action), ("standing", Standing)])
def test_the_glossary_has_them(word: str, words: Any) -> None:
    page = (ROOT / "docs" / "glossary.md").read_text()
    (row,) = re.findall(rf"^\| {word} \| (.*) \|$", page, re.MULTILINE)
    assert {*re.findall(r"`(\w+)`", row)} == {each.value for each in words}


# These mean other things, too: options of bpffs_mount, what Ansible itself says of a result, and
# names of fields.
AMBIGUOUS = {"mounted", "unmounted", "missing", "failed", "access", "done", "spared", "in_place"}
AMBIGUOUS |= {"updated"}  # of entries of a map


def spelled(source: Path) -> Iterator[str]:
    """The words that a file has as whole texts."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_no_other_file_spells_them() -> None:
    words = {each.value for known in (Action, State, Standing) for each in known} - AMBIGUOUS
    words |= {each.words for each in Standing} - AMBIGUOUS
    home = ROOT / "plugins" / "module_utils" / "_core" / "engine"
    found = {
        str(source.relative_to(ROOT)): words.intersection(spelled(source))
        for source in (ROOT / "plugins").rglob("*.py")
        if source.parent != home
    }
    assert len(found) > 100
    assert {name: each for name, each in found.items() if each} == {}
    assert words.intersection(spelled(home / "steps.py")) >= {"created", "not_done"}
