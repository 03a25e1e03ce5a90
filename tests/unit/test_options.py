# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of options, and what the modules document."""

from __future__ import annotations

import importlib
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.ebpf.pinning.plugins.module_utils._core import options
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_words import map_fields
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import MapShape
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule

ROOT = Path(__file__).parents[2]
PLUGINS = "ansible_collections.ebpf.pinning.plugins"


def documented(module: str, *lists: str) -> dict[str, Any]:
    """The options that a module documents, or those of the items of a list among them."""
    page = yaml.safe_load(importlib.import_module(f"{PLUGINS}.modules.{module}").DOCUMENTATION)
    found: dict[str, Any] = page.get("options", {})
    for name in page["extends_documentation_fragment"]:
        fragment = importlib.import_module(f"{PLUGINS}.doc_fragments.{name.split('.')[2]}")
        text = fragment.ModuleDocFragment.DOCUMENTATION
        found = {**yaml.safe_load(text).get("options", {}), **found}
    for name in lists:
        found = found[name]["suboptions"]
    return found


def handed_over(module: str) -> dict[str, Any]:
    """The arguments with which a module calls PinningModule."""
    code = importlib.import_module(f"{PLUGINS}.modules.{module}")
    constructor = mock.Mock(side_effect=InterruptedError)
    with mock.patch.object(code, "PinningModule", constructor), suppress(InterruptedError):
        code.main()
    return dict(constructor.call_args.kwargs)


TABLES = {
    "a map": (options.MAP, "bpf_map_pinned", ()),
    "entries": (options.ENTRIES, "bpf_map_entries", ()),
    "a file of programs": (options.PROGRAMS, "bpf_program_pinned", ()),
    "a program": (options.PROGRAM, "bpf_program_pinned", ("programs",)),
    "an object": (options.OBJECT, "bpf_object_pinned", ()),
    "a link": (options.LINK, "bpf_link_pinned", ()),
    "what a link is attached to": (options.ATTACH, "bpf_link_pinned", ("attach",)),
    "a mount": (options.MOUNTED, "bpffs_mount", ()),
    "an absence": (options.ABSENCE, "bpf_pin_absent", ()),
    "a directory": (options.DIRECTORY, "bpf_host", ("directories",)),
    "a prune": (options.PRUNE, "bpf_host", ("prune",)),
}


@pytest.mark.parametrize(("table", "module", "lists"), TABLES.values(), ids=TABLES)
def test_every_option_is_documented_as_it_is(
    table: options.Options, module: str, lists: tuple[str, ...]
) -> None:
    there = documented(module, *lists)
    missing = table.keys() - there.keys()
    assert missing == set(), f"{module} does not document {missing} in {lists or 'its options'}"
    if lists:
        assert there.keys() - table.keys() == set()
    for name in table.keys() & there.keys():
        for key in ("type", "choices", "elements", "required"):
            assert table[name].get(key) == there[name].get(key), (name, key)


# Lists and dictionaries of options that their page does not repeat: which page has them.
ELSEWHERE = {
    ("bpf_map_pinned", "maps"): "bpf_map_pinned",
    ("bpf_map_pinned", "inner_map"): "bpf_map_pinned",
    ("bpf_map_entries", "maps"): "bpf_map_entries",
    ("bpf_link_pinned", "links"): "bpf_link_pinned",
    ("bpf_object_pinned", "objects"): "bpf_object_pinned",
    ("bpf_host", "mounts"): "bpffs_mount",
    ("bpf_host", "maps"): "bpf_map_pinned",
    ("bpf_host", "programs"): "bpf_program_pinned",
    ("bpf_host", "links"): "bpf_link_pinned",
    ("bpf_host", "objects"): "bpf_object_pinned",
    ("bpf_host", "absent"): "bpf_pin_absent",
}


def test_what_is_told_elsewhere_is_known() -> None:
    modules = [path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py")]
    modules.remove("bpf_host_files")  # an action plugin alone
    told = {
        (module, name)
        for module in modules
        for name in handed_over(module).get("told_elsewhere", ())
    }
    assert told == ELSEWHERE.keys()


@pytest.mark.parametrize(("module", "name"), ELSEWHERE)
def test_what_is_told_elsewhere_is_told_there(module: str, name: str) -> None:
    """All of it; and the page leads there, or names the options."""
    inside = handed_over(module)["argument_spec"][name]["options"]
    there = documented(ELSEWHERE[module, name])
    assert inside.keys() - there.keys() == set()
    for option, spec in inside.items():
        for key in ("type", "choices", "elements"):
            assert spec.get(key) == there[option].get(key), (option, key)
    said = documented(module)[name]
    text = " ".join(said["description"])
    assert "suboptions" not in said
    if module == "bpf_host":
        assert f"M(ebpf.pinning.{ELSEWHERE[module, name]})" in text
        listed = said["description"][-1]
        assert re.findall(r"C\((\w+)\)", listed) == [*inside]
    elif name == "inner_map":
        assert {*re.findall(r"O\((\w+)\)", text)} == {*inside}
    else:
        assert "with the options that a single" in text


def test_arguments_are_checked_by_options_that_are_told_elsewhere(capsys: Any) -> None:
    arguments = {"maps": [{"name": "flows", "key_size": "16", "inner_map": {"colour": "blue"}}]}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        PinningModule(**handed_over("bpf_map_pinned"))
    said = json.loads(capsys.readouterr().out)["msg"]
    assert "Unsupported parameters" in said
    assert "maps.inner_map.colour" in said
    arguments["maps"][0]["inner_map"] = {"type": "hash", "key_size": "4", "flags": None}
    with patch_module_args(arguments):
        module = PinningModule(**handed_over("bpf_map_pinned"))
    (item,) = module.params["maps"]
    assert item["key_size"] == 16
    assert item["inner_map"]["key_size"] == 4


def test_what_is_told_of_a_shape_can_be_declared() -> None:
    """Also of an inner map."""
    told = map_fields(
        MapShape(number=1, key_size=4, value_size=8, max_entries=1, flags=0, map_extra=0)
    )
    assert told.keys() <= options.SHAPE.keys()
    for module, key in (("bpf_map_pinned", "shape"), ("bpf_pin_info", "map")):
        source = (ROOT / "plugins" / "modules" / f"{module}.py").read_text()
        page = re.search(r'RETURN = r"""(.*?)"""', source, re.S)
        assert page is not None
        assert told.keys() <= samples(yaml.safe_load(page[1]), key), module


def samples(returned: dict[str, Any], key: str) -> set[str]:
    """The fields of the sample, or of the description, of the value `key` wherever it stands."""
    for name, value in returned.items():
        if name == key and isinstance(value, dict):
            return {*(value.get("sample") or {}), *(value.get("contains") or {})}
        inside = value.get("contains") if isinstance(value, dict) else None
        found = samples(inside, key) if inside else set()
        if found:
            return found
    return set()
