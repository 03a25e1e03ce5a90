# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Plain data -> YAML as people write it. A host has no library for that. Pure."""

from __future__ import annotations

import re
from typing import Iterator, Mapping

from ..visible import visible


class Template(str):
    """A text that Ansible is to carry out."""


def yaml_of(values: Mapping[str, object]) -> str:
    """Return a document: a mapping of texts, numbers, truths, lists and mappings."""
    return "".join(f"{line}\n" for line in _lines(values))


def _lines(values: Mapping[str, object]) -> Iterator[str]:
    for key, value in values.items():
        head = f"{_scalar(key)}:"
        if isinstance(value, Mapping) and value:
            yield head
            yield from (f"  {line}" for line in _lines(value))
        elif isinstance(value, (list, tuple)) and any(map(_is_block, value)):
            yield head
            for item in value:
                yield from _item(item)
        else:
            yield f"{head} {_flow(value)}"


def _item(item: object) -> Iterator[str]:
    lines = list(_lines(item)) if isinstance(item, Mapping) and item else [_flow(item)]
    for number, line in enumerate(lines):
        yield f"  {'  ' if number else '- '}{line}"


def _is_block(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple))


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_scalar(key)}: {_flow(each)}" for key, each in value.items())
        return f"{{{inside}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _OTHERS:
        return text
    quoted = '"' + "".join(map(_escaped, text)) + '"'
    # Names of others may be templates to Ansible, which would have them carried out.
    is_unsafe = _TEMPLATE.search(text) and not isinstance(value, Template)
    return f"!unsafe {quoted}" if is_unsafe else quoted


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if visible(character) == character:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_PLAIN = re.compile("[A-Za-z_/][A-Za-z0-9_./+@~-]*")  # what is no number, date or sign in any YAML
_OTHERS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_TEMPLATE = re.compile("{[{%#]")
