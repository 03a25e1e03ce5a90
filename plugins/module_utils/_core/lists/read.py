# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reads the entries that a file lists, in the formats that people have their lists in."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, Optional

from .chunk import Chunk
from .faults import Faults

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
        from .table import read_csv  # a start compiles all that it loads

        return read_csv(blocks, faults, columns or {})
    if format == "json":
        from .json_list import read_json

        return read_json(blocks, faults)
    from .lines import read_lines

    return read_lines(blocks, faults)
