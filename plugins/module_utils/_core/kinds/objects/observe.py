# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in the kernel, and what is pinned where it is to be. Opens read-only, changes nothing."""

from __future__ import annotations

import errno
from typing import Dict, Iterator, List, Sequence

from ... import kernel
from ...bpffs import Place, walk
from ...errors import PinningError, at
from ...syscall import KernelError
from ...uapi import OBJ_NAME_LEN, Command
from ...users import user_name
from ...values import NamedTuple
from ..pins.objects import identify, look, object_by_id
from ..pins.observed import NOTHING, Found, NotAPin, Nothing, Pin, PinnedProg
from .declaration import Reference, WantedObject
from .observed import KernelObject, Resolution, SourcePin, Unresolved
from .plan import no_source


def look_at(place: Place, wanted: WantedObject) -> Found:
    """Look at one name in an open directory."""
    return look(place.fd, wanted.name)


def sources_owners(wanted: Sequence[WantedObject]) -> Dict[int, str]:
    """Return the names of all who own a pin that an object was found by."""
    pins = (each.object.pin for each in wanted if isinstance(each.object, KernelObject))
    return {pin.owner: user_name(pin.owner) for pin in pins if pin}


class Resolver:
    """Finds objects; maps and programs are listed once, however many names are looked for."""

    def __init__(self) -> None:
        self._listed: Dict[str, List[_Listed]] = {}

    def __call__(self, reference: Reference) -> Resolution:
        """The object that is meant, or why it cannot be told."""
        try:
            if reference.by == "path":
                return _at(str(reference.value))
            if reference.by == "id":
                return _by_id(str(reference.kind), int(reference.value))
            return self._only(reference)
        except PinningError as error:
            return Unresolved(f"{reference}: {error}")

    def _only(self, reference: Reference) -> Resolution:
        kind = str(reference.kind)
        if kind not in self._listed:
            self._listed[kind] = list(_all(kind))
        matches = [
            each.object
            for each in self._listed[kind]
            if reference.value == (each.tag if reference.by == "tag" else each.object.name)
        ]
        if len(matches) == 1:
            return matches[0]
        if not matches:
            hint = ""
            if reference.by == "name" and len(str(reference.value)) > OBJ_NAME_LEN:
                hint = f" The kernel keeps {OBJ_NAME_LEN} characters of a name: give those."
            text = f"{reference} is nowhere in the kernel: load it first.{hint}"
            return Unresolved(text, may_come=not hint)
        listed = "; ".join(each.label for each in matches)
        return Unresolved(
            f"{reference} is {len(matches)} objects: {listed}. Give the id of the one that is meant"
        )


class _Listed(NamedTuple):
    object: KernelObject
    tag: str


def _all(kind: str) -> Iterator[_Listed]:
    for object_id in kernel.all_ids(_NEXT_ID[kind]):
        try:
            with object_by_id(kind, object_id) as fd:
                found = identify(fd, kind)
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
            continue
        if not isinstance(found, (Nothing, NotAPin)):
            yield _Listed(_object(found), found.tag if isinstance(found, PinnedProg) else "")


def _by_id(kind: str, object_id: int) -> Resolution:
    try:
        with object_by_id(kind, object_id) as fd:
            found = identify(fd, kind)
    except KernelError as error:
        if error.errno != errno.ENOENT:
            raise
        return Unresolved(
            f"{kind}_id {object_id} is nowhere in the kernel: it is gone, or still to come"
        )
    return _object(found) if not isinstance(found, (Nothing, NotAPin)) else Unresolved(found.label)


def _at(path: str) -> Resolution:
    parent, _slash, name = path.rpartition("/")
    with at(path), walk(parent or "/") as place:
        found = look(place.fd, name) if not place.missing else NOTHING
    if isinstance(found, Nothing):
        return Unresolved(no_source(path), may_come=True)
    if isinstance(found, NotAPin):
        return Unresolved(f"source {path} is {found.what}, not a pin: name a pin")
    return _object(found)._replace(pin=SourcePin(path, found.entry.identity, found.entry.owner))


def _object(pin: Pin) -> KernelObject:
    return KernelObject(pin.kind, pin.id, pin.name, pin.label)


_NEXT_ID = {"map": Command.MAP_GET_NEXT_ID, "prog": Command.PROG_GET_NEXT_ID}
