# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The shape of a map in the words of users: names of options, types and flags. Pure."""

from __future__ import annotations

from typing import Dict

from .map_types import map_type_name, settable_flags
from .shape import MapShape
from .uapi import flag_names


def map_fields(shape: MapShape) -> Dict[str, object]:
    """Return the shape by the options of bpf_map_pinned; sizes in bytes or entries."""
    fields: Dict[str, object] = shape._asdict()
    del fields["number"]
    flags = flag_names(settable_flags(shape.number, shape.flags))
    return {"type": map_type_name(shape.number), **fields, "flags": flags}


def spell_shape(shape: MapShape) -> str:
    """Return the shape in one line, for messages."""
    fields = map_fields(shape)
    text = str(fields.pop("type"))
    for name, value in fields.items():
        if isinstance(value, list):
            text += f" {name}={','.join(value)}" if value else ""
        elif value or name not in _ZERO_IS_NONE:
            text += f" {name}={value}"
    return text


_ZERO_IS_NONE = frozenset(MapShape._fields[5:])
