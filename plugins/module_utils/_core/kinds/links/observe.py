# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What declared links and their hooks are like. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Collection, List, Mapping, Optional, Set, Union

from ... import descriptors, uapi
from ...attach_types import Order, Room, Target
from ...attaching import OnHook, on_hook
from ...bpffs import Place, walk
from ...errors import TROUBLE, NotThere, explained
from ...syscall import KernelError
from ..pins.attached import all_links
from ..pins.objects import identify, look, object_by_id
from ..pins.observed import DirectorySeen, Found, NotAPin, Nothing, PinnedLink, PinnedProg
from .declaration import Attach, WantedLink
from .observed import Occupant, ProgramSeen, Seen, TargetSeen, Unresolved
from .targets import OpenTarget, beside, opened, pinned, program_at


def look_at(place: Place, wanted: WantedLink) -> Found:
    """Look at one name in an open directory."""
    return look(place.fd, wanted.name)


def seen_of(
    wanted: WantedLink,
    found: Found,
    leftovers: Collection[int] = (),
    others: Collection[str] = (),
) -> Optional[Seen]:
    """Look for the program and the target.

    `leftovers` are links that go before anything is done, `others` the paths of links that are
    declared beside this one.
    """
    attach = wanted.attach
    if attach is None:
        return None
    program = _program(wanted, attach)
    try:
        with opened(attach) as target:
            own = found if isinstance(found, PinnedLink) else None
            order, path = beside(attach)
            if path and path not in others:
                with pinned(path, order, attach.owner):
                    pass  # it is there
            return Seen(program, _target(attach, target, program, own, leftovers))
    except TROUBLE as error:
        return Seen(program, _unresolved(error))


def left_links(directories: Mapping[str, DirectorySeen]) -> Set[int]:
    """Return the ids of links that killed runs were making ready."""
    left: Set[int] = set()
    for seen in directories.values():
        for name in seen.abandoned:
            with suppress(*TROUBLE), walk(f"{seen.path}/{name}") as place:
                for each in _names(place):
                    found = look(place.fd, each)
                    if isinstance(found, PinnedLink):
                        left.add(found.id)
    return left


def _names(place: Place) -> List[str]:
    if place.missing:
        return []
    return os.listdir(f"/proc/self/fd/{int(place.fd)}")


def _program(wanted: WantedLink, attach: Attach) -> Union[ProgramSeen, Unresolved]:
    try:
        with program_at(wanted.program, attach.type, wanted.access.owner) as (_fd, found):
            return ProgramSeen(found.id, found.label, found.entry.owner)
    except TROUBLE as error:
        return _unresolved(error)


def _unresolved(error: Exception) -> Unresolved:
    return Unresolved(explained(error), may_come=isinstance(error, NotThere))


def _target(
    attach: Attach,
    target: OpenTarget,
    program: Union[ProgramSeen, Unresolved],
    own: Optional[PinnedLink],
    leftovers: Collection[int],
) -> TargetSeen:
    network = target.network.inode if target.network else 0
    seen = TargetSeen(target.label, target.expected, network=network)
    meant = program.id if isinstance(program, ProgramSeen) else 0
    spared = {*leftovers, own.id if own else 0}
    if attach.type.name == "xdp":
        return _with_xdp(seen, target, own, spared)
    if attach.type.target in (Target.INTERFACE, Target.CGROUP, Target.NETWORK, Target.MAP):
        return _with_others(seen, attach, target, meant, own, spared)
    return seen


def _with_xdp(
    seen: TargetSeen, target: OpenTarget, own: Optional[PinnedLink], spared: Set[int]
) -> TargetSeen:
    programs = target.interface.xdp if target.interface else {}
    holds, mode = False, ""
    if own is not None and own.target.get("ifindex") == target.number:
        modes = [each for each, prog_id in programs.items() if prog_id == own.prog_id]
        holds, mode = bool(modes), "".join(modes[:1])
    occupants = [
        _occupant(prog_id, _holder(prog_id, "xdp", target.number))
        for each, prog_id in programs.items()
        if not (holds and each == mode)
    ]
    others = tuple(each for each in occupants if each.link_id not in spared or not each.link_id)
    return seen._replace(holds=holds, mode=mode, occupants=others)


def _with_others(
    seen: TargetSeen,
    attach: Attach,
    target: OpenTarget,
    meant: int,
    own: Optional[PinnedLink],
    spared: Set[int],
) -> TargetSeen:
    row = attach.type
    knows_links = row.order is Order.MULTI

    def ask() -> OnHook:
        return on_hook(target.number, row.number, with_links=knows_links)

    try:
        hook = target.network.run(ask) if target.network else ask()
    except KernelError:
        return seen  # whoever attaches says why
    if knows_links:
        # One program is on such a hook once only (bpf_mprog_attach).
        others = [
            _occupant(prog_id, link_id)
            for prog_id, link_id in zip(hook.prog_ids, hook.link_ids)
            if prog_id == meant and (link_id not in spared or not link_id)
        ]
        holds = own is not None and own.id in hook.link_ids
        seen = seen._replace(holds=holds, occupants=tuple(others))
    elif row.target is Target.CGROUP and not hook.attach_flags & uapi.BPF_F_ALLOW_MULTI:
        others = [_occupant(each) for each in hook.prog_ids]
        seen = seen._replace(occupants=tuple(others))
    elif row.room is Room.ONE:
        mine = own is not None and own.attached and _is_same(own, seen)
        others = [_occupant(each) for each in hook.prog_ids if not mine]
        seen = seen._replace(occupants=tuple(others))
    if own is not None and own.attached:
        seen = seen._replace(misplaced=_misplaced(attach, hook, own))
    return seen


def _is_same(own: PinnedLink, seen: TargetSeen) -> bool:
    return all(own.target.get(field) == value for field, value in seen.expected.items())


def _misplaced(attach: Attach, hook: OnHook, own: PinnedLink) -> str:
    order, path = beside(attach)
    if not path or not _is_pinned(path):
        return ""
    with pinned(path, order, attach.owner) as (_fd, other):
        by_link = bool(hook.link_ids) and isinstance(other, PinnedLink)
        listed = list(hook.link_ids if by_link else hook.prog_ids)
        other_id = other.prog_id if isinstance(other, PinnedLink) and not by_link else other.id
    own_at = list(hook.link_ids or hook.prog_ids)
    own_id = own.id if hook.link_ids else own.prog_id
    if other_id not in listed:
        return f"and {path} is not on this hook"
    if own_id not in own_at:
        return ""
    is_before = own_at.index(own_id) < listed.index(other_id)
    if is_before is (order == "before"):
        return ""
    return f"{'before' if is_before else 'after'} {path}"


def _is_pinned(path: str) -> bool:
    parent, _slash, name = path.rpartition("/")
    with walk(parent or "/") as place:
        return not place.missing and not isinstance(look(place.fd, name), (Nothing, NotAPin))


def _occupant(prog_id: int, link_id: int = 0) -> Occupant:
    label = f"program {prog_id}"
    with suppress(KernelError), object_by_id("prog", prog_id) as fd:
        found = identify(fd, "prog")
        if isinstance(found, PinnedProg) and found.name:
            label += f" ({found.name})"
            if found.name == "xdp_dispatcher":
                label += ", which libxdp attaches others by (see `xdp-loader status`)"
    if link_id:
        label += f", by link {link_id}"
    return Occupant(label, prog_id, link_id)


def _holder(prog_id: int, kind: str, ifindex: int) -> int:
    """Return the link by which a program is attached; 0 if it has none, or nobody may tell."""
    with suppress(KernelError):
        for link in all_links():
            there = (link.type, link.prog_id, link.target.get("ifindex"))
            if there == (kind, prog_id, ifindex):
                return link.id
    return 0


def holders_of(link_id: int) -> List[str]:
    """Return each process that has the link open, as far as the task may look at it."""
    holders = descriptors.look(strict=False).holders.get(("link", link_id), ())
    return [f"process {each.label}" for each in holders]
