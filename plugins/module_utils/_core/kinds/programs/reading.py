# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From an object file of this host to what is to be loaded of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ...errors import NotThere, PinningError, ProblemCollector
from ...fields import absolute, plain
from ...list_file import Digest, opened
from ...loader.request import Types
from ...map_words import nearest
from ...object_file.read import ObjectFile, read
from ...options import AT_BOOT
from ...people import BadField, Ids
from ...trusted_file import read_trusted
from ...uapi import BYTE_ORDER
from ..pins.declaration import Arguments
from .declaration import Asked, WantedLoad
from .shared_maps import read_maps

if TYPE_CHECKING:
    from ...map_types import Host


def read_load(
    item: Arguments, defaults: Arguments, asked: Optional[Sequence[Asked]], host: Host, ids: Ids
) -> Tuple[WantedLoad, Sequence[Asked]]:
    """Return what is to be loaded, and the pins; Problems with all that is wrong.

    In a check the file may be one that a task before writes. Then nothing is known of it.
    """
    path = absolute(str(item["object"]), "object")
    shown = str(item.get("shown") or path)
    kernel_btf = item.get("kernel_btf")
    if kernel_btf is not None:
        kernel_btf = absolute(str(kernel_btf), "kernel_btf")
    log_level = int(str(item.get("log_level") or 0))
    try:
        content = content_of(item)
        types_of = _named_with_digest(kernel_btf)
    except NotThere as error:
        if ids.awaited is None:
            raise
        ids.awaited[str(error)] = None
        nothing = WantedLoad(
            path, shown, b"", "", (), (), {}, "", kernel_btf, "", log_level, {}, {}
        )
        return nothing, asked or ()
    found = _read(content)
    problems = ProblemCollector()
    pins = problems.of(lambda: _chosen(found, asked))
    maps = problems.of(lambda: read_maps(found, _pins_of_maps(item), item, defaults, host, ids))
    values = problems.of(lambda: _values(found, item.get("globals")))
    problems.raise_any()
    shared = [each.name for each in maps]
    load = WantedLoad(
        path,
        shown,
        found.without_slots(shared),
        hashlib.sha256(content).hexdigest(),
        tuple(each.name for each in pins),
        tuple(maps),
        *values,
        kernel_btf,
        types_of,
        log_level,
        {each.name: Types(each.type, each.expected_attach_type) for each in found.programs},
        {
            name: {slot.key: slot.name for slot in slots}
            for name, slots in found.slots.items()
            if name in shared and found.maps[name].type == "prog_array"
        },
        bool(item.get(AT_BOOT)),
    )
    return load, pins


def _named_with_digest(path: Optional[str]) -> str:
    """A file of BTF decides where programs look, so nobody else may have written it, either."""
    if path is None:
        return ""
    return f"{path}, sha256 {hashlib.sha256(read_trusted(path)).hexdigest()[:_DIGITS]}"


def content_of(item: Arguments) -> bytes:
    """Return what is in the object file; PinningError where it is not what was declared."""
    path, digest = absolute(str(item["object"]), "object"), str(item.get("digest") or "")
    if not digest:
        return read_trusted(path)
    if item.get(AT_BOOT):
        content = read_trusted(path)
        declared = Digest(digest)
        declared.take(content)
        declared.check(path)
        return content
    # What the controller has sent, whoever it belongs to.
    with opened(path) as file:
        content = b"".join(file.blocks())
    if hashlib.sha256(content).hexdigest() != digest:
        raise PinningError("it was changed on its way from the controller: run the task again")
    return content


def names_in(content: bytes) -> List[str]:
    """Return the programs of an object file that are loaded unless others are named."""
    return [each.name for each in _read(content).programs if each.autoload]


def _read(content: bytes) -> ObjectFile:
    found = read(content)
    if found.byte_order != BYTE_ORDER:
        raise PinningError(
            f"its byte order is {found.byte_order}, but that of this host is {BYTE_ORDER}: compile "
            "for hosts like this one"
        )
    if not found.programs:
        raise PinningError("it has no programs: give an object file that clang -target bpf made")
    return found


def _chosen(found: ObjectFile, asked: Optional[Sequence[Asked]]) -> Sequence[Asked]:
    names = [each.name for each in found.programs]
    if asked is None:
        chosen = [Asked(each.name, each.name) for each in found.programs if each.autoload]
        if not chosen:
            raise BadField(
                f"programs: the file says of each that it is not loaded by itself (SEC with a "
                f"question mark): name those that are meant, of {_listed(names)}"
            )
        return chosen
    problems = ProblemCollector()
    for each in asked:
        if each.name not in names:
            meant = nearest(each.name, names)
            hint = f"did you mean {meant}? " if meant else ""
            problems.add(
                f"programs: there is no {each.name!r} in the file: {hint}It has {_listed(names)}"
            )
    problems.raise_any()
    return asked


def _values(found: ObjectFile, given: Any) -> Tuple[Mapping[str, bytes], str]:
    """Return sections of variables as they are set, and their digest; "" if none is."""
    if not given:
        return {}, ""
    # Few files need any, and to load what encodes them takes 20 ms.
    from .variables import with_values

    return with_values(found, given)


def _pins_of_maps(item: Arguments) -> Mapping[str, Any]:
    given: Dict[str, Any] = item.get("maps") or {}  # type: ignore[assignment]
    for name, pin in given.items():
        if not isinstance(pin, str) or not pin:
            raise BadField(f"maps: {name} must be the path or the name of a pin")
    if item.get("maps_directory") is not None:
        plain(str(item["maps_directory"]), "maps_directory")
    return given


def _listed(names: List[str]) -> str:
    more = f", and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more


_DIGITS = 16
_MOST = 20  # names in a message
