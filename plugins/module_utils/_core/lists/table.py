# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Tables with a header: a column is a key, a value, or a field of one."""

from __future__ import annotations

import csv
from itertools import islice
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from .blocks import whole_lines
from .chunk import Chunk
from .faults import Faults

_ROWS = 16 * 1024  # in a chunk
_CHARACTERS = 1 << 20  # of them all
_DELIMITERS = (",", ";", "\t")
_MOST_NAMES = 20  # told of a header
_MOST_TOLD = 40  # characters of a name

Column = Tuple[Tuple[str, ...], int]  # ("value", "port"): the third cell


def read_csv(
    blocks: Iterable[bytes], faults: Faults, columns: Mapping[str, str]
) -> Iterator[Chunk]:
    """Yield the entries. Without `columns`, the header itself is to have our names, and no others.

    A cell is taken as it is, but for blanks before it. `value.addr.port` is a field of a field.
    """
    names = {name: title.strip() for name, title in columns.items()}
    lines = _lines(blocks, faults)
    above, header = _first(lines, faults)
    delimiter, found = _header(header, names, above + 1, faults)
    rows = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    below = above + 2  # the number of the first row's line
    take_key, take_value = _taker(found, "key"), _taker(found, "value")
    has_values = any(path[0] == "value" for path, _at in found)
    width = len(_cells(header, delimiter))
    while True:
        taken, numbers = _some(rows, below, width, faults)
        if not taken:
            return
        keys = [take_key(row) for row in taken]
        values = [take_value(row) for row in taken] if has_values else None
        yield Chunk(keys, values, numbers)


def _lines(blocks: Iterable[bytes], faults: Faults) -> Iterator[str]:
    for some in whole_lines(blocks, faults):
        for line in some.text.split("\n")[:-1]:
            yield f"{line}\n"


def _first(lines: Iterator[str], faults: Faults) -> Tuple[int, str]:
    """Return the header, and how many lines are above it: blank ones, or comments."""
    for above, line in enumerate(lines):
        if line.strip() and not line.startswith("#"):
            return above, line
    return faults.stop_all("is empty: the first line of a table names its columns")


def _some(rows: Any, below: int, width: int, faults: Faults) -> Tuple[List[List[str]], List[int]]:
    """Return some rows, and in which lines they begin; none when there are no more."""
    taken: List[List[str]] = []
    numbers: List[int] = []
    size = 0
    while len(numbers) < _ROWS and size < _CHARACTERS:
        number = below + rows.line_num
        try:
            row = next(rows, None)
        except csv.Error:
            faults.stop(number, _QUOTES)
        if row is None:
            break
        if len(row) == width:
            taken.append(row)
            size += sum(map(len, row))
            numbers.append(number)
        elif row and not row[0].startswith("#"):
            faults.add(number, f"has {len(row)} where the header has {width} cells")
    return taken, numbers


def _header(
    header: str, names: Mapping[str, str], number: int, faults: Faults
) -> Tuple[str, List[Column]]:
    """Find out what separates cells: that with which all columns are there."""
    reasons = []
    for delimiter in _DELIMITERS:
        cells = _cells(header, delimiter)
        found, reason = _columns(cells, names)
        if not reason:
            return delimiter, found
        reasons.append((-len(found), -len(cells), reason))
    return faults.stop(number, min(reasons)[-1])


def _cells(header: str, delimiter: str) -> List[str]:
    rows = csv.reader([header], delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        return [cell.strip() for cell in next(rows, [])]
    except csv.Error:
        return []


def _columns(cells: Sequence[str], names: Mapping[str, str]) -> Tuple[List[Column], str]:
    """Return the columns that are there, and what is wrong with the header, if anything."""
    wanted = names or {cell: cell for cell in cells if cell.partition(".")[0] in ("key", "value")}
    found = [(name, cells.index(title)) for name, title in wanted.items() if title in cells]
    columns = [(tuple(name.split(".")), at) for name, at in found]
    if not found:
        some = f"of {_told(wanted.values())}" if names else "`key`, `value` or `key.FIELD`"
        return columns, (
            f"has no column {some}: the first line of a table names its columns, and `columns` "
            "tells which is the key and which the value"
        )
    missing = [title for title in wanted.values() if title not in cells]
    if missing:
        return columns, f"has no column {_told(missing)}: there are {_told(cells)}"
    unknown = [] if names else [cell for cell in cells if cell not in wanted]
    if unknown:
        return columns, (
            f"has a column {_told(unknown)}: without `columns`, each is to be `key`, `value`, or "
            "a field such as `value.port`"
        )
    doubled = [title for title in wanted.values() if cells.count(title) > 1]
    if doubled:
        return columns, f"has two columns {_told(doubled)}: rename one of them"
    return columns, _contradiction([path for path, _at in columns])


def _contradiction(paths: Sequence[Tuple[str, ...]]) -> str:
    if not any(path[0] == "key" for path in paths):
        return "has no column for the key: name it `key`, or declare it in `columns`"
    for path in paths:
        if path[0] not in ("key", "value") or not all(path):
            return "`columns` may have `key`, `value`, and fields such as `value.port`"
        if any(len(path) < len(other) and other[: len(path)] == path for other in paths):
            name = ".".join(path)
            return f"has `{name}` and fields of it: have either the whole or its fields"
    return ""


def _told(names: Iterable[str]) -> str:
    each = [name if len(name) <= _MOST_TOLD else f"{name[:_MOST_TOLD]}..." for name in names]
    more = [f"and {len(each) - _MOST_NAMES} more"] if len(each) > _MOST_NAMES else []
    return ", ".join([f"{name!r}" for name in islice(each, _MOST_NAMES)] + more)


def _taker(columns: Sequence[Column], which: str) -> Callable[[Sequence[str]], Any]:
    """A function from a row to the key, or to the value."""
    own = [(path[1:], at) for path, at in columns if path[0] == which]
    if len(own) == 1 and not own[0][0]:
        at = own[0][1]
        return lambda row: row[at]
    if all(len(path) == 1 for path, _at in own):
        flat = [(path[0], at) for path, at in own]
        return lambda row: {name: row[at] for name, at in flat}

    def nested(row: Sequence[str]) -> Dict[str, Any]:
        whole: Dict[str, Any] = {}
        for path, at in own:
            inner = whole
            for name in path[:-1]:
                inner = inner.setdefault(name, {})
            inner[path[-1]] = row[at]
        return whole

    return nested


_QUOTES = (
    "is not as a table writes it: a quote that does not end, or something behind its end; a quote "
    "within quotes is written twice"
)
