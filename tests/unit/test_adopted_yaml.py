# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML that is written without a library is read by one as what it was."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.ebpf.pinning.plugins.module_utils._core.adopt.yaml_text import yaml_of
from hypothesis import given
from hypothesis import strategies as st

# What PyYAML reads otherwise is in no text: it refuses surrogates.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ODD = st.sampled_from(
    [
        *(
            "",
            "yes",
            "No",
            "~",
            "null",
            "1",
            "0640",
            "1e3",
            "0x10",
            "1:30",
            "2026-11-30",
            "-",
            "- a",
        ),
        *(
            "a: b",
            "a #b",
            "#",
            "&a",
            "*a",
            "!a",
            "@a",
            "`a",
            "%a",
            "{a}",
            "[a]",
            "'",
            '"',
            "\\",
            "=",
            "<<",
        ),
        *(
            " a",
            "a ",
            "\n",
            "a\nb",
            "\t",
            "\x85",
            "\u2028",
            "\ufeff",
            "\U0001f600",
            "{{ a }}",
            "{% a",
        ),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | TEXTS | ODD
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda each: st.lists(each, max_size=4) | st.dictionaries(TEXTS | ODD, each, max_size=4),
    max_leaves=20,
)


class Loader(yaml.SafeLoader):
    """Reads what is marked as no template, too."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


@given(st.dictionaries(TEXTS | ODD, VALUES, min_size=1, max_size=5))
def test_what_is_written_is_read_as_what_it_was(values: dict[str, Any]) -> None:
    text = yaml_of(values)
    assert yaml.load(text, Loader) == values
    assert text.isprintable() or all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("text", ["{{ a }}", "a {% b %}", "{# c"])
def test_what_may_be_a_template_is_marked_wherever_it_stands(text: str) -> None:
    written = yaml_of({"a": [{"b": text}, [text]], text: text})
    assert written.count("!unsafe") == 4


def test_it_is_written_as_people_write_it() -> None:
    item = {
        "name": "flows",
        "max_entries": 65536,
        "mode": "0640",
        "flags": ["no_prealloc"],
        "inner_map": {"type": "hash"},
        "frozen": True,
    }
    assert yaml_of({"bpffs_opts": [], "bpf_maps": [item, {"path": "/sys/fs/bpf/x"}]}) == (
        "bpffs_opts: []\n"
        "bpf_maps:\n"
        "  - name: flows\n"
        "    max_entries: 65536\n"
        '    mode: "0640"\n'
        "    flags: [no_prealloc]\n"
        "    inner_map:\n"
        "      type: hash\n"
        "    frozen: true\n"
        "  - path: /sys/fs/bpf/x\n"
    )
