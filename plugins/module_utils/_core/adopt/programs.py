# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that are pinned, by the object files they are from. Opens read-only, changes nothing.

Only who loaded a program knows that: those are found that this collection has loaded.
"""

from __future__ import annotations

import hashlib
from typing import Dict, Iterator, List, Mapping, Sequence, Tuple, Union

from ..errors import TROUBLE, explained
from ..fields import absolute
from ..kinds.pins.observed import PinnedProg
from ..kinds.programs.declaration import pin_of_map
from ..kinds.programs.notes import origin_of
from ..object_file.read import read
from ..trusted_file import read_trusted
from ..uapi import OBJ_NAME_LEN
from .observed import FromFile, Left, PinSeen


def loaded_from(
    objects: Sequence[str], pins: Sequence[PinSeen]
) -> Tuple[Dict[str, FromFile], List[Left]]:
    """Return by path which programs are from these files, and what is to be said of others."""
    found: Dict[str, FromFile] = {}
    remarks: List[Left] = []
    files: Dict[str, str] = {}  # paths, by digest
    names: Dict[str, str] = {}  # paths, by what the kernel calls their programs
    for path in objects:
        try:
            content = read_trusted(absolute(path, "objects"))
            names.update((each.name[:OBJ_NAME_LEN], path) for each in read(content).programs)
        except TROUBLE as error:
            remarks.append(Left(path, explained(error)))
        else:
            files[hashlib.sha256(content).hexdigest()] = path
    maps = {pin.id: path for path, pin in reversed(pins) if pin.kind == "map"}
    for path, told in _each(files, names, maps, pins):
        if isinstance(told, FromFile):
            found[path] = told
        else:
            remarks.append(Left(path, told))
    return found, remarks


def _each(
    files: Mapping[str, str],
    names: Mapping[str, str],
    maps: Mapping[int, str],
    pins: Sequence[PinSeen],
) -> Iterator[Tuple[str, Union[FromFile, str]]]:
    for path, pin in pins:
        if not isinstance(pin, PinnedProg):
            continue
        origin = origin_of(pin)
        if origin is not None and origin.object in files:
            directory = path.rpartition("/")[0]
            named = {
                name: maps[map_id]
                for name, map_id in origin.maps.items()
                if map_id in maps and maps[map_id] != pin_of_map(name, {}, directory)
            }
            yield path, FromFile(files[origin.object], origin.program, named)
        elif pin.name in names:
            yield (
                path,
                (
                    f"{names[pin.name]} has a program of that name, but nobody noted that this one "
                    "is from there: to have it loaded from there, once, declare it in programs "
                    "(bpf_programs) instead"
                ),
            )
