# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is the matter with pins and mounts. Opens read-only, changes nothing."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Tuple, cast

from ..kinds.pins.observed import MountedPin, Pin, PinnedLink, Sight, memlock_of
from ..kinds.pins.usage import Users, is_attached_nowhere, is_unused
from ..kinds.pins.uses import look_for_users
from ..mountinfo import Mount, mounts
from ..values import NamedTuple, dataclass

USUAL = "/sys/fs/bpf"


class BadMount(NamedTuple):
    """A bpffs that should not be where it is, or as it is."""

    path: str
    finding: str  # hidden, stacked, misplaced
    what: str


@dataclass(frozen=True)
class Health:
    """What was found. All are paths of pins, but for the mounts."""

    users: Mapping[str, Users]  # of each pin
    unused: Sequence[str]  # nobody has the object
    severed: Sequence[str]  # links that are attached to nothing any more
    unattached: Sequence[str]  # programs
    memlock: int  # bytes of all objects, each once
    looked_at: Sequence[str]  # for where programs are attached
    unseen: Sequence[str]  # where users may be that cannot be seen
    mounts: Sequence[BadMount]


def health_of(sights: Sequence[Sight], kind: Optional[str], hidden: Sequence[Mount]) -> Health:
    """Look for all users of the pins; PinningError where they cannot all be seen."""
    pins: List[Tuple[Sight, Pin]] = []
    for sight in sights:
        found = sight.found.pin if isinstance(sight.found, MountedPin) else sight.found
        if hasattr(found, "kind") and kind in (None, cast("Pin", found).kind):
            pins.append((sight, cast("Pin", found)))
    uses = look_for_users([pin for _sight, pin in pins])
    users = {sight.path: uses.of(sight, pin) for sight, pin in pins}
    memory: Dict[Tuple[str, int], int] = {
        (pin.kind, pin.id): memlock_of(pin) or 0 for _sight, pin in pins
    }
    return Health(
        users,
        [sight.path for sight, pin in pins if is_unused(pin, users[sight.path])],
        [sight.path for sight, pin in pins if _is_severed(pin)],
        [sight.path for sight, pin in pins if is_attached_nowhere(pin, users[sight.path])],
        sum(memory.values()),
        uses.looked_at,
        list(dict.fromkeys(uses.unseen)),
        bad_mounts(mounts(), hidden),
    )


def _is_severed(pin: Pin) -> bool:
    return isinstance(pin, PinnedLink) and pin.attached is False


def bad_mounts(table: Sequence[Mount], hidden: Sequence[Mount]) -> List[BadMount]:
    """Return what is wrong with the bpffs among these mounts; `hidden` are those under others."""
    found = []
    ids = {mount.id for mount in hidden}
    for mount in table:
        if mount.fstype != "bpf":
            continue
        covers = [each for each in table if each.parent == mount.parent and each.id != mount.id]
        below = sorted(each.point for each in covers if each.point.startswith(f"{mount.point}/"))
        parent = next((each for each in table if each.id == mount.parent), None)
        if mount.id in ids:
            found.append(BadMount(mount.point, "hidden", "another mount lies over it"))
        if parent and parent.point == mount.point and parent.fstype == "bpf":
            found.append(BadMount(mount.point, "stacked", "it lies over another bpffs"))
        elif below:
            what = f"it hides what is mounted below: {', '.join(below[:3])}"
            found.append(BadMount(mount.point, "misplaced", what))
        elif parent and parent.fstype == "sysfs" and mount.point != USUAL:
            what = f"it hides a directory of sysfs; the place in sysfs for it is {USUAL}"
            found.append(BadMount(mount.point, "misplaced", what))
    return found
