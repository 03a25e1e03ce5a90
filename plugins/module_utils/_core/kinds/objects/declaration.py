# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which objects of the kernel are to be pinned, and how they are found."""

from __future__ import annotations

import re
from typing import List, Optional, Sequence, Union

from ...errors import ProblemCollector
from ...fields import absolute
from ...people import BadField, Ids
from ...values import dataclass
from ..pins.declaration import Arguments, OnMismatch, WantedName, filled_up, read_name, read_named
from .observed import Resolution

# Each option that says which object is meant: what it holds, and by which property.
REFERENCES = {
    "map_id": ("map", "id"),
    "map_name": ("map", "name"),
    "prog_id": ("prog", "id"),
    "prog_name": ("prog", "name"),
    "prog_tag": ("prog", "tag"),
    "link_id": ("link", "id"),
    "source": (None, "path"),
}


_ALL = ", ".join(REFERENCES)


@dataclass(frozen=True)
class Reference:
    """One object of the kernel, by one property of it."""

    option: str
    value: Union[int, str]

    @property
    def kind(self) -> Optional[str]:
        """Return what it is, map, prog or link; None when only the pin at `source` knows."""
        return REFERENCES[self.option][0]

    @property
    def by(self) -> str:
        """The property: id, name, tag or path."""
        return REFERENCES[self.option][1]

    def __str__(self) -> str:
        return f"{self.option} {self.value}"


@dataclass(frozen=True)
class WantedObject(WantedName):
    """Something that is in the kernel already is to be pinned."""

    reference: Reference
    object: Optional[Resolution] = None  # which one that is, once it was looked for


def read_objects(items: Sequence[Arguments], defaults: Arguments, ids: Ids) -> List[WantedObject]:
    """Read all `items`, filled up from `defaults`; raise Problems with all that is wrong."""
    return read_named(items, lambda item: _read_object(item, defaults, ids), "object")


def _read_object(item: Arguments, defaults: Arguments, ids: Ids) -> WantedObject:
    problems = ProblemCollector()
    name = problems.of(lambda: read_name(filled_up(item, defaults), ids))
    reference = problems.of(lambda: _reference(item))
    if reference and name and reference.value == name.path:
        problems.add(f"source {reference.value} is the pin itself: name another pin, or an id")
    problems.raise_any()
    if name.on_mismatch is OnMismatch.MIGRATE:
        raise BadField("on_mismatch: migrate is for maps that are made: use fail or replace")
    return WantedObject(**vars(name), reference=reference)


def _reference(item: Arguments) -> Reference:
    given = {option: item[option] for option in REFERENCES if item.get(option) is not None}
    if len(given) != 1:
        found = f", not {' and '.join(given)}" if given else ""
        raise BadField(f"say which object is meant by exactly one of {_ALL}{found}")
    ((option, value),) = given.items()
    by = REFERENCES[option][1]
    if by == "id":
        if not isinstance(value, int) or value not in range(1, 2**32):
            raise BadField(f"{option} must be 1 to {2**32 - 1}, not {value!r}")
        return Reference(option, value)
    text = str(value)
    if by == "path":
        return Reference(option, absolute(text, option))
    if by == "tag" and not re.fullmatch("[0-9a-f]{16}", text):
        raise BadField(
            f"{option} must be 16 hexadecimal digits, as bpftool shows them, not {text!r}"
        )
    if not text:
        raise BadField(f"{option} is empty: give the name as bpftool shows it")
    return Reference(option, text)
