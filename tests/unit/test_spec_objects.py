# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which object is meant and which pins are asked about, and what people are told if none can be."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import (
    PinningError,
    Problems,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.info.question import read_question
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.objects.declaration import (
    REFERENCES,
    WantedObject,
    read_objects,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.declaration import (
    OnMismatch,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.users import Users

DEFAULTS = {"directory": "/sys/fs/bpf", "on_mismatch": "fail"}
TAG = "0123456789abcdef"


def read(**fields: Any) -> WantedObject:
    return read_objects([{"name": "a", **fields}], DEFAULTS, Users())[0]


def problems(*items: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(Problems) as raised:
        read_objects(items, DEFAULTS, Users())
    return raised.value.problems


# An option, its value, what the object is and by what it is found.
MEANT = [
    ("map_id", 1, "map", "id"),
    ("map_id", 2**32 - 1, "map", "id"),
    ("map_name", "flows", "map", "name"),
    ("map_name", "of more than fifteen characters", "map", "name"),
    ("prog_id", 7, "prog", "id"),
    ("prog_name", "count", "prog", "name"),
    ("prog_tag", TAG, "prog", "tag"),
    ("link_id", 3, "link", "id"),
    ("source", "/sys/fs/bpf/b", None, "path"),
]


@pytest.mark.parametrize(("option", "value", "kind", "by"), MEANT)
def test_an_object_is_meant_by_one_property(
    option: str, value: str | int, kind: str | None, by: str
) -> None:
    wanted = read(**{option: value})
    assert (wanted.reference.option, wanted.reference.value) == (option, value)
    assert (wanted.reference.kind, wanted.reference.by) == (kind, by)
    assert str(wanted.reference) == f"{option} {value}"
    assert (wanted.path, wanted.on_mismatch) == ("/sys/fs/bpf/a", OnMismatch.FAIL)


def test_every_option_is_among_these() -> None:
    assert {option for option, *_rest in MEANT} == REFERENCES.keys()


def test_needless_slashes_of_a_source_mean_nothing() -> None:
    assert read(source="//sys/fs//bpf/b/").reference.value == "/sys/fs/bpf/b"


def test_items_take_what_they_do_not_say_from_the_defaults() -> None:
    defaults = {"directory": "/run/bpf", "on_mismatch": "replace", "mode": "0640", "group": "4"}
    first, second, third = read_objects(
        [
            {"name": "a", "map_id": 1},
            {"name": "b", "map_id": 1, "mode": "0600", "directory": "/sys/fs/bpf"},
            {"path": "/x/c", "map_id": 1, "on_mismatch": "fail", "owner": "2"},
        ],
        defaults,
        Users(),
    )
    assert [each.path for each in (first, second, third)] == ["/run/bpf/a", "/sys/fs/bpf/b", "/x/c"]
    assert [each.on_mismatch.value for each in (first, second, third)] == [
        *("replace", "replace", "fail")
    ]
    assert [(each.access.owner, each.access.mode) for each in (first, second, third)] == [
        (None, 0o640),
        (None, 0o600),
        (2, 0o640),
    ]
    assert {each.access.group for each in (first, second, third)} == {4}


def test_an_object_is_not_taken_from_the_defaults() -> None:
    with pytest.raises(Problems, match="exactly one of"):
        read_objects([{"name": "a"}], {**DEFAULTS, "map_id": 1}, Users())


# What is declared, and words that the message must have.
REFUSED = [
    ({}, ["exactly one of", *REFERENCES]),
    ({"map_id": 1, "source": "/b"}, ["exactly one of", "not map_id and source"]),
    ({"map_id": 0}, ["map_id must be 1 to 4294967295, not 0"]),
    ({"prog_id": -1}, ["prog_id must be 1 to 4294967295, not -1"]),
    ({"link_id": 2**32}, [f"link_id must be 1 to 4294967295, not {2**32}"]),
    ({"map_id": "1"}, ["map_id must be 1 to 4294967295, not '1'"]),
    ({"map_name": ""}, ["map_name is empty"]),
    ({"prog_name": ""}, ["prog_name is empty"]),
    ({"prog_tag": ""}, ["prog_tag must be 16 hexadecimal digits", "not ''"]),
    ({"prog_tag": TAG[:-1]}, ["prog_tag must be 16 hexadecimal digits"]),
    ({"prog_tag": TAG + "0"}, ["prog_tag must be 16 hexadecimal digits"]),
    ({"prog_tag": TAG + "\n"}, ["prog_tag must be 16 hexadecimal digits"]),
    ({"prog_tag": TAG.upper()}, ["prog_tag must be 16 hexadecimal digits"]),
    ({"source": ""}, ["source '' is not absolute"]),
    ({"source": "b"}, ["source 'b' is not absolute"]),
    ({"source": "/sys/fs/bpf/../b"}, ["`..`"]),
    ({"source": "/b\0c"}, ["NUL"]),
    ({"source": "/sys/fs/bpf/a"}, ["source /sys/fs/bpf/a is the pin itself"]),
    ({"source": "/sys/fs//bpf/a/"}, ["is the pin itself"]),
    ({"map_id": 1, "name": "a.b"}, ["a.b", "dot"]),
    ({"map_id": 1, "name": None}, ["neither name nor path"]),
    ({"map_id": 1, "name": "ebpf-pinning~staging"}, ["reserved"]),
    ({"map_id": 1, "path": "/sys/fs/bpf/b"}, ["does not end in name 'a'"]),
    ({"map_id": 1, "mode": "01777"}, ["mode '01777' has bits beyond 0777"]),
    ({"map_id": 1, "mode": 0o640}, ["mode must be", "quoted", "not 416"]),
    ({"map_id": 1, "owner": "no one"}, ["owner 'no one' is not a user of this host"]),
    ({"map_id": 1, "on_mismatch": "migrate"}, ["on_mismatch: migrate is for maps"]),
]


@pytest.mark.parametrize(("fields", "words"), REFUSED)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], words: list[str]) -> None:
    (problem,) = problems({"name": "a", **fields})
    for word in ["object", *words]:
        assert word in problem


def test_all_that_is_wrong_with_an_item_is_told_at_once() -> None:
    told = problems({"name": "a.b", "map_id": 0, "mode": "9"})
    assert len(told) == 3
    for problem, word in zip(told, ("dot", "octal", "map_id must be")):
        assert problem.startswith("object a.b: ")
        assert word in problem


def test_every_item_that_is_wrong_is_told_and_which_it_is() -> None:
    told = problems(
        {"name": "a", "map_id": 1},
        {"name": "b", "map_id": 0},
        {"path": "/sys/fs/bpf/a", "link_id": 1},
        {"path": "/sys/fs/bpf/a/x", "map_id": 1},
        {"map_id": 1},
    )
    assert [problem.partition(": ")[0] for problem in told[:3]] == [
        "objects[1] b",
        "objects[2] /sys/fs/bpf/a",
        "objects[4]",
    ]
    assert "/sys/fs/bpf/a is declared by objects[0] too" in told[1]
    assert told[3].startswith("/sys/fs/bpf/a is to be a pin, but /sys/fs/bpf/a is to hold pins")


# Questions


def test_without_a_word_the_usual_directory_is_asked_about() -> None:
    question = read_question(None, None, "any", recurse=False)
    assert (question.paths, question.directory) == ((), "/sys/fs/bpf")
    assert (question.kind, question.recurse) == (None, False)


def test_paths_are_asked_about_once_and_in_their_order() -> None:
    question = read_question(["/b", "/a/", "//b", "/c//d"], None, "link", recurse=True)
    assert (question.paths, question.directory) == (("/b", "/a", "/c/d"), None)
    assert (question.kind, question.recurse) == ("link", True)


def test_an_empty_list_is_no_question_about_a_directory() -> None:
    question = read_question([], None, "any", recurse=False)
    assert (question.paths, question.directory) == ((), None)


def test_every_path_that_cannot_be_meant_is_told() -> None:
    with pytest.raises(Problems) as raised:
        read_question(["a", "/b", "/c/../d", ""], None, "any", recurse=False)
    assert [problem.partition(" is")[0] for problem in raised.value.problems[::2]] == [
        "path 'a'",
        "path ''",
    ]
    assert "path '/c/../d' contains" in raised.value.problems[1]


@pytest.mark.parametrize("directory", ["app", "/sys/fs/bpf/..", "/a\0b"])
def test_a_directory_that_cannot_be_meant(directory: str) -> None:
    with pytest.raises(PinningError, match="directory "):
        read_question(None, directory, "any", recurse=False)
