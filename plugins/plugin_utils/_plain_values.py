# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands for "nothing" on the controller, and values without ansible-core's notes.

Private to this collection.
"""

from __future__ import annotations

import re
import typing as t


def plain(value: t.Any) -> t.Any:
    """Return `value` in Python's own types where JSON has them, without what is omitted."""
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items() if not is_omitted(each)}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value if not is_omitted(each)]
    if getattr(value, "__UNSAFE__", False):
        return value  # or else ansible-core 2.18 would take it for a template again
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__int__(value)
    return value


def templated(value: t.Any, template: t.Callable[[t.Any], t.Any]) -> t.Any:
    """What `template` makes of `value`. Where nothing in it is a template, that is the same.

    To look for one is ten times as fast as to have Ansible take a long list apart.
    """
    return value if is_literal(value) else template(value)


def is_literal(value: t.Any) -> bool:
    """Whether there can be no template in it, and nothing that is encrypted."""
    if isinstance(value, str):
        return not ("{" in value or "#jinja2" in value or getattr(value, "__UNSAFE__", False))
    if isinstance(value, dict):
        return all(map(is_literal, value)) and all(map(is_literal, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(is_literal, value))
    return value is None or isinstance(value, (int, float))


def is_omitted(value: object) -> bool:
    """Whether it is what `omit` is in a template: a text until ansible-core 2.18, then a value."""
    if isinstance(value, str):
        return bool(_PLACEHOLDER.fullmatch(value))
    return type(value).__name__ == "_OmitType"


def is_unset(value: object) -> bool:
    """Whether nothing was said: blank, or omitted."""
    return value is None or value == "" or is_omitted(value)


_PLACEHOLDER = re.compile("__omit_place_holder__[0-9a-f]+")
