# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of others is made visible, and nobody goes another way to a terminal."""

from __future__ import annotations

import ast
import os
import sys
import unicodedata
from pathlib import Path

import pytest
import strategies as some  # before module_utils, which it makes known
from ansible_collections.ebpf.pinning.plugins.module_utils._core.visible import (
    visible,
    visible_lines,
    visible_text,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._module.report import (
    printable,
    text_diff,
)
from hypothesis import given
from hypothesis import strategies as st

PLUGINS = Path(__file__).parents[2] / "plugins"
# What a terminal obeys, joins lines by, turns around or does not show, by Unicode's categories.
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def test_no_character_that_cannot_be_seen_is_left() -> None:
    unseen = [
        chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in UNSEEN
    ]
    text = visible("".join(unseen))
    assert text.isascii()
    assert text.isprintable()


def test_what_can_be_seen_is_left_as_it_is() -> None:
    for text in ("/sys/fs/bpf/flows", "caf\u00e9 \u4e2d\u6587 \U0001f41d", "back\\slash", ""):
        assert visible(text) == text
        assert visible_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[2J\x07\r", r"\x1b[2J\x07\r"),
        ("\x85\x9b\u2028\u202e\u200b", r"\x85\x9b\u2028\u202e\u200b"),
        (os.fsdecode(b"a\xff\x80"), r"a\xff\x80"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        # Letters and marks that show nothing (Default_Ignorable_Code_Point), a blank of Braille.
        ("a\u034f\u115f\u1160\u17b4\u17b5", r"a\u034f\u115f\u1160\u17b4\u17b5"),
        ("\u180b\u180d\u180f\u2800\u3164\uffa0", r"\u180b\u180d\u180f\u2800\u3164\uffa0"),
        ("\ufe00\ufe0f\U000e0100\U000e01ef", r"\ufe00\ufe0f\U000e0100\U000e01ef"),
    ],
)
def test_the_rest_is_spelled(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


@some.examples(200)
@given(st.text() | some.SURROGATES)
def test_what_is_shown_is_shown_the_same_way_again(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown


def test_only_lines_that_are_meant_are_lines() -> None:
    assert visible_lines(["a\nb", "c"]) == "a\\nb\nc"
    assert visible_text("a\n\tb\r\x1b") == "a\n\tb\\r\\x1b"


def test_messages_and_diffs_have_lines_and_names_have_none() -> None:
    shown = printable({"msg": "a\nb\x1b", "path": "a\nb\x1b", "pins": [{"name": "\u202e"}]})
    assert shown == {"msg": "a\nb\\x1b", "path": "a\\nb\\x1b", "pins": [{"name": "\\u202e"}]}
    diff = text_diff("a\nb", {"pin": "x\ny: z"}, {})
    assert diff["before_header"] == "a\\nb (found)"
    assert diff["before"] == "pin: x\\ny: z\n"


@pytest.mark.parametrize(
    "source", sorted((PLUGINS / "modules").glob("*.py")), ids=lambda it: it.stem
)
def test_every_module_speaks_through_the_one_mouth(source: Path) -> None:
    names = {
        node.func.id
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    is_run_on_hosts = not (source.stem == "bpf_host_files" and not names)
    assert ("PinningModule" in names) is is_run_on_hosts
    assert "AnsibleModule" not in names
