# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""In what a pinned link is not as declared. Pure."""

from __future__ import annotations

from typing import Iterator, Tuple, cast

from ...attach_types import HOOKS, PROTOCOLS, AttachType, Target
from ...engine.steps import Change
from ..pins.observed import Found, PinnedLink
from .declaration import Attach, WantedLink
from .observed import ProgramSeen, TargetSeen


class ProgramChange(Change):
    """Another program, which most links take in place."""


def held_id(found: PinnedLink) -> int:
    """Return the id of the program that a link holds, or of the map (struct_ops)."""
    held = found.target.get("map_id") if found.type == "struct_ops" else found.prog_id
    return held if isinstance(held, int) else 0


def program_change(
    wanted: WantedLink, found: PinnedLink, program: ProgramSeen
) -> Tuple[Change, ...]:
    """Return that the link holds another program, if so."""
    held = held_id(found)
    if program.id == held:
        return ()
    kind = "map" if row_of(wanted).takes_map else "program"
    have = f"{kind} {held}" if held else "none"
    return (ProgramChange("program", program.label, have),)


def severed_from(found: Found, wanted: WantedLink) -> Tuple[Change, ...]:
    """Return that the link is attached to nothing, if so."""
    if not isinstance(found, PinnedLink) or found.attached is not False:
        return ()
    seen = wanted.seen
    known = seen is not None and isinstance(seen.target, TargetSeen)
    label = cast(TargetSeen, seen.target).label if known and seen else row_of(wanted).target.value
    return (Change("attached", label, "severed: nothing any more"),)


def elsewhere_in(wanted: WantedLink, found: PinnedLink, target: TargetSeen) -> Iterator[Change]:
    """Yield in what the link is attached to something else than declared."""
    row = row_of(wanted)
    if found.type != row.link_type:
        yield Change("attach.type", row.name, found.type)
        return
    if not found.target:
        return  # this kernel does not tell, or not this user
    for field, want in target.expected.items():
        have = found.target.get(field)
        if have == want:
            continue
        if field == "event":
            yield Change("attach.type", want, have)
            return
        option = _NAME_OPTION[row.target] if field == "name" else _OPTION_OF[field]
        if option in ("pf", "hook"):
            yield Change(f"attach.{option}", _named(option, want), _named(option, have))
        elif option in NAMING and field != "name":
            yield Change(f"attach.{option}", target.label, f"{field} {have}")
        else:
            yield Change(f"attach.{option}", want, have)
    if target.holds is False and found.target.get("ifindex") == target.expected.get("ifindex"):
        have = f"ifindex {found.target.get('ifindex')} of another network namespace"
        yield Change("attach.interface", target.label, have)


def fixed_in(wanted: WantedLink, target: TargetSeen) -> Iterator[Change]:
    """Yield what the kernel fixes when it makes a link."""
    attach = cast(Attach, wanted.attach)
    mode = attach.text("mode")
    if mode and target.mode and mode != target.mode:
        yield Change("attach.mode", mode, target.mode)
    if target.misplaced:
        order = "before" if attach.text("before") else "after"
        yield Change(f"attach.{order}", attach.text(order), target.misplaced)


def row_of(wanted: WantedLink) -> AttachType:
    """Return what is known of its attach type."""
    return cast(Attach, wanted.attach).type


def _named(option: str, value: object) -> object:
    names = {"pf": PROTOCOLS, "hook": HOOKS}[option]
    return next((name for name, number in names.items() if number == value), value)


NAMING = ("interface", "cgroup", "namespace", "map", "tracepoint")
_NAME_OPTION = {
    Target.TRACEPOINT: "tracepoint",
    Target.FUNCTION: "function",
    Target.BINARY: "binary",
}
_OPTION_OF = {
    "offset": "offset",
    "attach_type": "type",
    "ifindex": "interface",
    "cgroup_id": "cgroup",
    "netns_ino": "namespace",
    "map_id": "map",
    "tp_name": "tracepoint",
    "pf": "pf",
    "hooknum": "hook",
    "priority": "priority",
    "flags": "defragment",
}
