# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values in which no template is: Ansible itself says what it would have made of them."""

from __future__ import annotations

from typing import Any

import ansible.template
import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.ebpf.pinning.plugins.plugin_utils._plain_values import (
    is_literal,
    templated,
)
from hypothesis import given
from hypothesis import strategies as st

# Since ansible-core 2.19 only texts that it trusts are templates.
trusted: Any = getattr(ansible.template, "trust_as_template", lambda text: text)


@given(st.text("{}%# jinja2:'\n\\a1", max_size=20))
def test_what_is_literal_is_no_template(text: str) -> None:
    if is_literal(text):
        assert Templar(loader=DataLoader()).template(trusted(text)) == text


@pytest.mark.parametrize(
    "text",
    ["{{ 1 + 1 }}", "a {% if true %}b{% endif %}", "a{# b #}", "#jinja2: trim_blocks: no\na"],
)
def test_a_template_is_none(text: str) -> None:
    try:
        made = Templar(loader=DataLoader()).template(trusted(text))
    except AnsibleError:
        made = None
    assert made != text  # or else this test tests nothing
    for value in (text, [text], {"a": [{"b": text}]}, {text: 1}, (1, text)):
        assert not is_literal(value)
        assert templated(value, lambda _given: "made") == "made"


@pytest.mark.parametrize("value", [object(), [b"bytes"], {"a": {1, 2}}])
def test_what_json_has_not_is_ansibles(value: Any) -> None:
    assert templated(value, lambda _given: "made") == "made"


@pytest.mark.parametrize(
    "value", ["a", 1, 1.5, True, None, [], {}, [{"name": "a", "flags": ["b"], "size": 4}]]
)
def test_all_else_is_taken_as_it_is(value: Any) -> None:
    def template(_given: Any) -> Any:
        raise AssertionError("it has been asked")

    assert templated(value, template) is value
