# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Some entries of a list, as it writes them: still to be encoded."""

from __future__ import annotations

import enum
from typing import Any, Optional, Sequence

from ..values import NamedTuple


class Notation(enum.Enum):
    """How a list writes keys and values."""

    TEXT = "text"  # str; from columns such as `value.port`, dicts of str
    TYPED = "typed"  # as in a declaration: str, int, bool, list, dict
    FORMATTED = "formatted"  # the same, as bpftool formats what it has BTF for
    RAW = "raw"  # bytes, as the map has them


class Chunk(NamedTuple):
    """Entries one after the other, as many as are quick to encode together.

    Values of per-CPU maps may be lists, one value for each CPU, in their order.
    """

    keys: Sequence[Any]
    values: Optional[Sequence[Any]]  # None: none of them has one; None among them: this has none
    numbers: Sequence[int]  # by index: the line; in JSON the index in the list, from 0
    notation: Notation = Notation.TEXT
    unit: str = "line {}"  # for Faults.add
