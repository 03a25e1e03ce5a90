# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of declarations that several groups add to."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils._joined_lists import Unjoined, joined

A, B = {"name": "a", "type": "hash"}, {"path": "/sys/fs/bpf/b", "type": "array"}

JOINED: dict[str, tuple[dict[str, Any], list[dict[str, Any]] | None]] = {
    "one after the other": ({"x": [A], "x__b": [B]}, [A, B]),
    "blank is nothing": ({"x": None, "x__a": "", "x__b": [B]}, [B]),
    "blank, all of them": ({"x": None, "x__a": ""}, None),
    "empty is a list": ({"x": None, "x__a": []}, []),
    "by name and by path": (
        {"x": [A], "x__b": [{"path": "/sys/fs/bpf/a", "type": "hash"}]},
        [A],
    ),
    "alike, once": ({"x": [A], "x__b": [dict(A), B]}, [A, B]),
    "twice in one variable, for the module to refuse": ({"x": [A, A]}, [A, A]),
    "without a path, for the module to refuse": ({"x": [{}], "x__b": [{}]}, [{}, {}]),
    "the same name elsewhere": (
        {"x": [A], "x__b": [{"path": "/run/a", "type": "array"}]},
        [A, {"path": "/run/a", "type": "array"}],
    ),
}


@pytest.mark.parametrize(("lists", "items"), JOINED.values(), ids=JOINED)
def test_lists_are_joined(lists: dict[str, Any], items: list[dict[str, Any]] | None) -> None:
    assert joined(lists, "/sys/fs/bpf") == items


def test_a_mount_without_a_path_is_the_usual_one() -> None:
    lists = {"x": [{"mode": "0700"}], "x__b": [{"mode": "0700", "path": "/sys/fs/bpf"}]}
    assert joined(lists, "", "/sys/fs/bpf") == [{"mode": "0700"}]


def test_who_declares_a_path_otherwise_is_named_with_the_other() -> None:
    lists = {
        "bpf_maps__of_all": [A, B],
        "bpf_maps__web": [{**A, "type": "array"}, {"name": "b", "type": "hash"}],
    }
    with pytest.raises(Unjoined) as raised:
        joined(lists, "/sys/fs/bpf/")
    assert str(raised.value) == "\n".join(
        f"/sys/fs/bpf/{name} is declared in bpf_maps__of_all and otherwise in bpf_maps__web: make "
        "them agree, or keep one"
        for name in "ab"
    )


def test_what_is_no_list_is_named() -> None:
    with pytest.raises(Unjoined, match=r"^bpf_maps__web is 'flows': use a list of dictionaries$"):
        joined({"bpf_maps__web": "flows"}, "")
