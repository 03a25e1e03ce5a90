# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Values of global variables, by their types in BTF. They may be secrets: no message has one."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any, Dict, Mapping, Tuple

from ...content.btf_format import format_of_type
from ...content.format import Context, UnfitItems
from ...errors import ProblemCollector, Problems
from ...map_words import nearest
from ...object_file.read import ObjectFile, Variable
from ...people import BadField
from ..maps.host_names import HostNames


def with_values(found: ObjectFile, given: Mapping[str, Any]) -> Tuple[Mapping[str, bytes], str]:
    """Return the sections in which variables are set by name, and their digest.

    Problems with all that is wrong.
    """
    problems = ProblemCollector()
    sections: Dict[str, bytearray] = {}
    for name, value in given.items():
        problems.of(partial(_set, found, name, value, sections))
    problems.raise_any()
    digest = hashlib.sha256()
    for section, content in sorted(sections.items()):
        digest.update(f"{section} {len(content)} ".encode() + content)
    return {name: bytes(content) for name, content in sections.items()}, digest.hexdigest()


def _set(found: ObjectFile, name: str, value: object, sections: Dict[str, bytearray]) -> None:
    variable = found.globals.get(name)
    if variable is None or variable.section not in found.data or found.btf is None:
        raise BadField(_unknown(found, name))
    what = f"globals: {name}"
    encoder = format_of_type(found.btf, variable.type_id, {}, Context(HostNames()), what)
    try:
        (raw,) = encoder.encode_items([value])
    except UnfitItems as unfit:
        raise Problems([_unfit(what, each) for _index, each in unfit.items]) from None
    section = found.data[variable.section]
    if variable.section not in sections:
        content = section.content.ljust(section.size, b"\0")
        sections[variable.section] = bytearray(content)
    sections[variable.section][_place(variable, len(raw))] = raw


def _place(variable: Variable, size: int) -> slice:
    return slice(variable.offset, variable.offset + size)


def _unfit(what: str, unfit: Any) -> str:
    dot = "." if unfit.field and not unfit.field.startswith("[") else ""
    return f"{what}{dot}{unfit.field}: {unfit.reason}"


def _unknown(found: ObjectFile, name: str) -> str:
    names = [each.name for each in found.globals.values() if each.section in found.data]
    meant = nearest(name, names)
    hint = f"did you mean {meant}? " if meant else ""
    listed = ", ".join(sorted(names)[:_MOST]) or "none"
    return f"globals: there is no variable {name!r} in the file: {hint}It has {listed}"


_MOST = 20  # names in a message
