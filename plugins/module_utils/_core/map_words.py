# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The shape of a map in the words of users: names of options, types and flags. Pure."""

from __future__ import annotations

from typing import Collection, Dict, Optional

from .map_types import map_type_name, settable_flags
from .shape import MapShape
from .uapi import flag_names


def map_fields(shape: MapShape) -> Dict[str, object]:
    """Return the shape by the options of bpf_map_pinned; sizes in bytes or entries."""
    number, key_size, value_size, max_entries, flags, map_extra = shape
    return {
        "type": map_type_name(number),
        "key_size": key_size,
        "value_size": value_size,
        "max_entries": max_entries,
        "flags": flag_names(settable_flags(number, flags)),
        "map_extra": map_extra,
    }


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


def plain_word(word: object, prefix: str) -> str:
    """Return `word` as an option has it: without the header's `prefix`, lower case, with `_`."""
    plain = str(word).strip().lower().replace("-", "_").replace(" ", "_")
    return plain[len(prefix) :] if plain.startswith(prefix) else plain


def nearest(plain: str, known: Collection[str]) -> Optional[str]:
    """Return the one of `known` that was probably meant; None if nothing is near."""
    import difflib  # takes longer than reading a thousand maps, and is mostly not needed

    if plain in known:
        return plain
    words = sorted(plain.split("_"))
    reordered = (name for name in sorted(known) if sorted(name.split("_")) == words)
    similar = difflib.get_close_matches(plain, sorted(known), n=1, cutoff=_NEAR)
    return next(reordered, None) or next(iter(similar), None)


_NEAR = 0.7  # of 1: a letter or two of a short word
_ZERO_IS_NONE = frozenset(MapShape._fields[5:])
