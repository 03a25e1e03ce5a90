# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How several bpffs over one another become one. Pure: reads nothing, changes nothing.

The lowest stays. What is pinned in those above it is pinned there, too, while it is still hidden;
then they are unmounted, so that no name is missing at any time.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from ...shape import is_stranger
from ...values import NamedTuple
from .observed import Layer, LayerPin, MountSeen

_SHOWN = 5  # paths in a message


class Carried(NamedTuple):
    """A pin that is to be pinned in the lowest layer, too."""

    pin: LayerPin
    layer: int  # in which it is, from the lowest, 0
    replaces: bool = False  # another one of that name


class Merge(NamedTuple):
    """What becomes of the pins of a stack."""

    carried: Sequence[Carried]
    dropped: Sequence[LayerPin]  # whose names another pin has
    clashes: Sequence[str]  # names that several have, where it is not declared who is to keep them


def merge_of(stack: Sequence[Layer], keep: Optional[str]) -> Merge:
    """Decide what is carried to the lowest layer."""
    holders: Dict[str, List[Tuple[int, LayerPin]]] = {}
    for number, layer in enumerate(stack):
        for pin in layer.pins:
            if pin.kind:
                holders.setdefault(pin.path, []).append((number, pin))
    carried: List[Carried] = []
    dropped: List[LayerPin] = []
    clashes: List[str] = []
    for path, pins in sorted(holders.items()):
        objects = {(pin.kind, pin.id) for _number, pin in pins}
        if len(objects) > 1 and keep is None:
            clashes.append(path)
            continue
        number, kept = pins[-1 if keep == "topmost" else 0]
        dropped += [pin for _number, pin in pins if (pin.kind, pin.id) != (kept.kind, kept.id)]
        is_there = pins[0][0] == 0
        if not is_there or (pins[0][1].kind, pins[0][1].id) != (kept.kind, kept.id):
            carried.append(Carried(kept, number, replaces=is_there))
    return Merge(carried, dropped, clashes)


def obstacle(seen: MountSeen, keep: Optional[str], task: int, *, force: bool) -> str:
    """Return why a stack stays as it is; empty if it may become one bpffs.

    `task` is the user of the task.
    """
    stack, path = seen.stack, seen.path
    if seen.inside:
        return (
            f"{path} cannot be unmounted while something is mounted in it "
            f"({', '.join(seen.inside)}): unmount that first, then run again"
        )
    strange = [f"{path}/{each.path} is {each.what}" for layer in stack for each in layer.strange]
    if strange:
        return (
            f"{path} cannot become one bpffs, as not all that is in it is a pin "
            f"({_few(strange)}): remove that, then run again"
        )
    clashes = merge_of(stack, keep).clashes
    if clashes:
        return (
            f"{path} has several pins of one name in bpffs over one another ({_few(clashes)}); "
            f"{layers_told(stack)}. Set keep: lowest or keep: topmost to say whose go"
        )
    for each in merge_of(stack, keep).carried:
        stranger = next((uid for uid in each.pin.owners if is_stranger(uid, None, task)), None)
        if each.replaces and stranger is not None:
            name = f"{path}/{each.pin.path}"
            return (
                f"{name} in the upper bpffs, or a directory above it there, belongs to user id "
                f"{stranger}, and would take the place of another pin: set keep: lowest, or remove "
                "one of them"
            )
    if not force:
        return (
            f"{path} is mounted {len(stack)} times over itself, the lowest first: "
            f"{layers_told(stack)}. Nothing was changed; set force: true to pin all in the lowest "
            "and to unmount the others"
        )
    return ""


def layers_told(stack: Sequence[Layer]) -> str:
    """Say which layer holds what."""
    return "; ".join(_layers(stack))


def _layers(stack: Sequence[Layer]) -> Iterator[str]:
    for layer in stack:
        names = [pin.path for pin in layer.pins]
        held = "no pins"
        if names:
            held = f"{len(names)} pin{'s' if len(names) > 1 else ''} ({_few(names)})"
        yield f"mount id {layer.mount.id} has {held}"


def _few(texts: Sequence[str]) -> str:
    more = f", and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
