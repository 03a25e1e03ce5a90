# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reads the entries that a file lists, in the formats that people have their lists in."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, Optional

from .chunk import Chunk
from .faults import Faults
from .json_list import read_json
from .lines import read_lines
from .table import read_csv

FORMATS = ("lines", "csv", "json")


def read(
    blocks: Iterable[bytes],
    format: str,
    faults: Faults,
    columns: Optional[Mapping[str, str]] = None,
) -> Iterator[Chunk]:
    """Yield what is listed, in its order; what cannot be understood is added to `faults`.

    `format` is one of FORMATS, `columns` are for csv: `key`, `value.port` -> a name of the header.
    Raises Problems where nothing after it could be understood. When all is read, and encoded, call
    `faults.raise_any`.
    """
    if format == "csv":
        return read_csv(blocks, faults, columns or {})
    return (read_json if format == "json" else read_lines)(blocks, faults)
