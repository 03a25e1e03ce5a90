# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Several bpffs over one another: what is in each, and how one is made of them.

No path leads to what a mount hides. So a child process leaves the mounts of the host for a copy of
them that nobody else sees (unshare), and takes off layer by layer there. What it then pins in a
layer is in the file system itself, and so on the host, too.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from ... import kernel
from ...bpffs import DIRECTORY, ENTRY, PathProblem, make_open, walk
from ...errors import TROUBLE, PinningError, at, explained
from ...mountinfo import Mount
from ...shape import Access, Entry, Identity
from ...staging import set_access_of
from ...syscall import Fd
from ..pins.objects import look
from ..pins.observed import NotAPin, Nothing, Sight, Unreadable
from ..pins.tree import Lookout
from .observed import Layer, LayerPin, MountSeen
from .stack import Carried


def look_into(seen: MountSeen) -> Tuple[Layer, ...]:
    """Return the bpffs over one another at a path, the lowest first, with what is in each."""
    stack = _stack_of(seen)

    def inside() -> Any:
        told = []
        for fd in _taken_off(seen.path, stack):
            status = os.fstat(fd)
            root = [status.st_dev, status.st_ino, status.st_uid, status.st_gid, status.st_mode]
            told.append([root, _pins_in(fd, seen.path)])
        return told

    layers = []
    for mount, (root, told) in zip(stack, _apart(inside)):
        device, inode, owner, group, mode = root
        entry = Entry(Identity(device, inode), owner, group, mode & 0o7777)
        layers.append(Layer(mount, entry, tuple(map(_read_pin, told))))
    return tuple(layers)


def _read_pin(told: Sequence[Any]) -> LayerPin:
    name, kind, object_id, what, owners = told
    return LayerPin(name, kind, object_id, what, tuple(owners))


def carry(seen: MountSeen, carried: Sequence[Carried]) -> None:
    """Pin in the lowest layer what is in those above it; PinningError when it is not there now."""
    stack = _stack_of(seen)

    def inside() -> Any:
        layers = _taken_off(seen.path, stack)
        _clear(layers[0], seen.path)
        for each in carried:
            with at(f"{seen.path}/{each.pin.path}"):
                _pin_again(layers[each.layer], layers[0], each)
        return None

    if carried:
        _apart(inside)


def _stack_of(seen: MountSeen) -> List[Mount]:
    return [layer for layer in seen.layers if layer.fstype == "bpf"]


def _taken_off(path: str, stack: Sequence[Mount]) -> List[Fd]:
    """Open the root of each layer, the lowest first; takes them off in this process's namespace."""
    opened: List[Fd] = []
    parent, _slash, name = path.rpartition("/")
    for mount in reversed(stack):
        with walk(path) as place:
            if place.missing or place.identity.device != mount.device:
                raise _changed(path)
            opened.append(Fd(os.open(".", DIRECTORY, dir_fd=place.fd)))
        with walk(parent or "/") as place:
            os.fchdir(place.fd)
            kernel.umount(name, lazily=True)
            os.chdir("/")
    return opened[::-1]


def _pins_in(fd: Fd, path: str) -> List[Sequence[Any]]:
    """What is in a layer, by the names below its root."""
    pins: List[Sequence[Any]] = []
    for name, sight in _sights(fd, path):
        found = sight.found
        if isinstance(found, Unreadable):
            raise PinningError(f"{sight.path}: {found.reason}")
        if name.rpartition("/")[2] == _NEW or isinstance(found, Nothing):
            continue
        if isinstance(found, NotAPin):
            pins.append((name, "", 0, found.what, []))
        else:
            owners = [found.entry.owner, *_owners(fd, name.split("/")[:-1])]
            pins.append((name, found.kind, found.id, found.label, owners))
    return pins


def _sights(fd: Fd, path: str) -> Iterator[Tuple[str, Sight]]:
    tree = Lookout(spares_staging=True, waits_for_runs=False).tree(fd, path, recurse=True)
    for sight in tree.sights:
        yield sight.path[len(path.rstrip("/")) + 1 :], sight


def _owners(root: Fd, parents: Sequence[str]) -> Iterator[int]:
    for depth in range(1, len(parents) + 1):
        with _below(root, parents[:depth], None) as fd:
            yield os.fstat(fd).st_uid


def _clear(root: Fd, path: str) -> None:
    """Remove what runs left that were killed."""
    for name, _sight in list(_sights(root, path)):
        *parents, last = name.split("/")
        if last == _NEW:
            with _below(root, parents, None) as directory:
                os.unlink(_NEW, dir_fd=directory)


def _pin_again(source: Fd, target: Fd, carried: Carried) -> None:
    *parents, name = carried.pin.path.split("/")
    with _below(source, parents, None) as there, _below(target, parents, source) as here:
        found = look(there, name)
        if isinstance(found, (Nothing, NotAPin)):
            raise _changed(carried.pin.path)
        if (found.kind, found.id) != (carried.pin.kind, carried.pin.id):
            raise _changed(carried.pin.path)
        with Fd(os.open(name, ENTRY, dir_fd=there)) as entry, kernel.get(entry.proc_path) as held:
            if not carried.replaces and not isinstance(look(here, name), Nothing):
                raise _changed(carried.pin.path)
            kernel.pin_at(held, here, os.fsencode(_NEW))
        access = Access(found.entry.owner, found.entry.group, found.entry.mode)
        with Fd(os.open(_NEW, ENTRY, dir_fd=here)) as new:
            set_access_of(new, access)
        os.rename(_NEW, name, src_dir_fd=here, dst_dir_fd=here)


def _below(root: Fd, parents: Sequence[str], like: Any) -> Fd:
    """Open a directory of a layer; makes what is missing with the access that it has in `like`."""
    fd, model = os.dup(root), None if like is None else os.dup(like)
    try:
        for name in parents:
            if model is not None:
                below = os.open(name, DIRECTORY, dir_fd=model)
                os.close(model)
                model = below
                _make_like(name, fd, model)
            deeper = os.open(name, DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = deeper
    finally:
        if model is not None:
            os.close(model)
    return Fd(fd)


def _make_like(name: str, directory: int, model: int) -> None:
    try:
        make_open(name, directory)
    except FileExistsError:
        return
    status = os.fstat(model)
    with Fd(os.open(name, DIRECTORY, dir_fd=directory)) as made:
        set_access_of(made, Access(status.st_uid, status.st_gid, status.st_mode & 0o7777))


def _apart(function: Callable[[], Any]) -> Any:
    """Return what `function` returns in a child with mounts of its own; PinningError with its."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        answer: Dict[str, Any] = {"error": "the process that was to look into it failed"}
        try:
            os.close(reading)
            kernel.leave_mounts()
            answer = {"told": function()}
        except TROUBLE as error:
            answer = {"error": explained(error)}
        finally:
            with os.fdopen(writing, "w", encoding="utf-8", errors="surrogateescape") as pipe:
                json.dump(answer, pipe)
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, encoding="utf-8", errors="surrogateescape") as pipe:
            text = pipe.read()
    finally:
        os.waitpid(child, 0)
    answer = json.loads(text) if text else {"error": "the process that was to look into it ended"}
    if "error" in answer:
        raise PinningError(answer["error"])
    return answer["told"]


def _changed(path: str) -> PathProblem:
    return PathProblem(
        f"{path} changed while this ran: something was mounted or unmounted there; run again"
    )


_NEW = "ebpf-pinning~carried"  # until it has its name
