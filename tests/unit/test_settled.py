# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that AnsibleModule is not asked about. What it would have made of them, it says itself."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.ebpf.pinning.plugins.module_utils._core import options
from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import Options
from ansible_collections.ebpf.pinning.plugins.module_utils._module.settled import settled
from hypothesis import given
from hypothesis import strategies as st

ITEMS = {
    name: getattr(options, name)
    for name in ("MAP", "MOUNTED", "DIRECTORY", "PROGRAMS", "LINK", "OBJECT", "ABSENCE", "ENTRIES")
}
MAP = {"name": "flows", "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 100}
RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("MAP", MAP),
    ("MAP", {**MAP, "flags": ["no_prealloc"], "mode": 0o600, "readers": [], "frozen": True}),
    ("MAP", {**MAP, "type": "array_of_maps", "inner_map": {"type": "array", "key_size": 4}}),
    ("MAP", {**MAP, "entries": [{"key": 1, "value": {"a": 2}}], "entries_absent": [3, "4"]}),
    ("MAP", {**MAP, "entries_from": {"src": "/srv/list"}, "key_format": {"ipv4": None}}),
    ("MOUNTED", {}),
    ("MOUNTED", {"path": "/srv/bpf", "state": "unmounted", "boot": False}),
    ("PROGRAMS", {"object": "/srv/o", "programs": [{"name": "one"}], "log_level": 2}),
    ("LINK", {"path": "/sys/fs/bpf/l", "attach": {"type": "xdp", "mode": "native"}}),
    ("ABSENCE", {"path": ["/sys/fs/bpf/a", "/sys/fs/bpf/b"], "type": "map"}),
]
LEFT_TO_ANSIBLE: list[tuple[str, dict[str, Any]]] = [
    ("MAP", {**MAP, "key_size": "4"}),
    ("MAP", {**MAP, "key_size": True}),
    ("MAP", {**MAP, "name": 7}),
    ("MAP", {**MAP, "frozen": "yes"}),
    ("MAP", {**MAP, "flags": "no_prealloc"}),
    ("MAP", {**MAP, "flags": [1]}),
    ("MAP", {**MAP, "on_mismatch": "perhaps"}),
    ("MAP", {**MAP, "colour": "red"}),
    ("MAP", {**MAP, "directory": "~/pins"}),
    ("MAP", {**MAP, "directory": "$HOME/pins"}),
    ("MAP", {**MAP, "inner_map": "type=array"}),
    ("MAP", {**MAP, "inner_map": {"key_size": "4"}}),
    ("MAP", {**MAP, "entries": ["1=2"]}),
    ("MAP", {**MAP, "entries_from": {}}),
    ("DIRECTORY", {"mode": "0700"}),
]


def assert_as_ansible_has_it(kind: str, items: list[Any]) -> bool:
    """Whether Ansible was spared them."""
    whole: Options = {"items": {"type": "list", "elements": "dict", "options": ITEMS[kind]}}
    given, left = settled({"items": items, "other": 1}, whole)
    assert given["other"] == 1
    assert whole["items"]["options"] is ITEMS[kind]
    if "options" in left["items"]:
        assert given["items"] is items
        return False
    validated = ArgumentSpecValidator(whole).validate({"items": items})
    assert validated.error_messages == []
    assert typed(given["items"]) == typed(validated.validated_parameters["items"])
    return True


def typed(value: Any) -> Any:
    """`value` with its types, as True is 1 in Python; keys in order."""
    if isinstance(value, dict):
        return sorted((key, typed(each)) for key, each in value.items())
    if isinstance(value, list):
        return [typed(each) for each in value]
    return f"{type(value).__name__} {value!r}"


@pytest.mark.parametrize(("kind", "item"), RIGHT)
def test_what_is_right_is_taken(kind: str, item: dict[str, Any]) -> None:
    assert assert_as_ansible_has_it(kind, [item, deepcopy(item)])


@pytest.mark.parametrize(("kind", "item"), LEFT_TO_ANSIBLE)
def test_one_item_that_ansible_would_change_or_refuse_leaves_it_all(
    kind: str, item: dict[str, Any]
) -> None:
    right = next(each for name, each in RIGHT if name == kind) if kind == "MAP" else {"path": "/a"}
    assert not assert_as_ansible_has_it(kind, [right, item])


VALUES = st.one_of(
    *(st.none(), st.booleans(), st.integers(-2, 9), st.text("a~$ /4", max_size=3)),
    st.sampled_from(
        [1.0, "fail", "exact", "map", "any", "native", [], {}, ["a"], [4], [{}], "a,b"]
    ),
)


def values_for(option: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly right ones."""
    inside = option.get("options")
    dictionaries = items_of(inside) if inside else st.dictionaries(st.just("a"), VALUES)
    right = {
        "str": st.sampled_from(option.get("choices", ["a", "b"])),
        "path": st.just("/a"),
        "int": st.sampled_from(option.get("choices", [0, 4])),
        "bool": st.booleans(),
        "raw": VALUES,
        "dict": dictionaries,
        "list": st.lists(dictionaries if option.get("elements") == "dict" else st.just("a")),
    }
    return st.one_of(*[right[option["type"]]] * 9, VALUES)


def items_of(inside: Options) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={k: values_for(v) for k, v in inside.items()})


@pytest.mark.parametrize("kind", ITEMS)
@given(data=st.data())
def test_whatever_is_given_ansible_would_have_it_so(kind: str, data: st.DataObject) -> None:
    assert_as_ansible_has_it(
        kind, data.draw(st.lists(items_of(ITEMS[kind]), min_size=1, max_size=3))
    )


def every_option(inside: Options) -> Iterator[dict[str, Any]]:
    for option in inside.values():
        yield option
        yield from every_option(option.get("options", {}))


def test_options_say_nothing_that_would_be_passed_over() -> None:
    known = {"type", "elements", "options", "choices", "default", "required", "no_log"}
    for inside in ITEMS.values():
        for option in every_option(inside):
            assert option.keys() <= known
            assert not option.get("no_log")
            assert option["type"] != "list" or "elements" in option
