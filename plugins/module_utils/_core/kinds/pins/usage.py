# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Who else has what is pinned: values, and the words for them. Pure."""

from __future__ import annotations

from typing import Iterator, List, Sequence, Tuple

from ...uapi import MapFlag
from ...values import NamedTuple
from .observed import Pin, PinnedLink, PinnedMap, PinnedProg

MOST = 3  # users of one kind that a reason names

# Attached in ways that no interface of the kernel shows: by setsockopt(2), ioctl(2), routes.
UNTOLD = frozenset(
    {
        *("socket_filter", "sched_act", "perf_event", "sk_reuseport", "struct_ops", "lirc_mode2"),
        *("lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local", "sk_skb", "sk_msg", "flow_dissector"),
    }
)
_MAPPABLE = frozenset({27, 31, 33})  # ringbuf, user_ringbuf, arena; others need a flag


Process = Tuple[int, str]  # its number, and what `ps` calls it


class Users(NamedTuple):
    """Who has an object beside the pin, as far as the kernel tells."""

    processes: Tuple[Process, ...] = ()  # that have a descriptor
    mapping: Tuple[Process, ...] = ()  # that have memory of some map, perhaps of this one
    programs: Tuple[str, ...] = ()  # that use the map
    links: Tuple[int, ...] = ()  # that have the program, or hang on the map
    hooks: Tuple[str, ...] = ()  # where the program is attached without a link
    maps: Tuple[int, ...] = ()  # in which it is
    pins: Tuple[str, ...] = ()  # other paths


class Usage(NamedTuple):
    """What was seen of a pin at one moment."""

    users: Users
    age: float  # seconds


def is_attached_nowhere(pin: Pin, users: Users) -> bool:
    """Return whether a program is pinned for nothing, as far as the kernel tells."""
    if not isinstance(pin, PinnedProg) or pin.type in UNTOLD:
        return False
    return not (users.links or users.hooks or users.maps)


def is_unused(pin: Pin, users: Users) -> bool:
    """Return whether nobody has the object beside this pin."""
    return not any(users_told(pin, users))


def is_mappable(pin: Pin) -> bool:
    """Return whether a process may have the memory of this map, without a descriptor."""
    return isinstance(pin, PinnedMap) and bool(
        pin.shape.number in _MAPPABLE or pin.shape.flags & MapFlag.MMAPABLE
    )


def users_told(pin: Pin, users: Users) -> Iterator[str]:
    """Yield who uses the object of a pin, each kind of user in one text."""
    yield from processes_told(users)
    if isinstance(pin, PinnedLink) and pin.attached is not False:
        yield _link_told(pin)
    if isinstance(pin, PinnedProg) and pin.type in UNTOLD:
        yield f"the kernel does not tell what programs of type {pin.type} are attached to"
    for what, names in (
        ("used by program", users.programs),
        ("attached by link", users.links),
        ("attached to", users.hooks),
        ("in map", users.maps),
        ("pinned as", users.pins),
    ):
        if names:
            yield f"{what} {few(names)}"


def processes_told(users: Users) -> Iterator[str]:
    """Yield which processes have it open, or perhaps have."""
    if users.processes:
        yield f"open in process {few(_labels(users.processes))}"
    if users.mapping:
        processes = few(_labels(users.mapping))
        yield (
            f"perhaps in the memory of process {processes}, which has mapped a map, and the kernel "
            "does not tell which"
        )


def _labels(processes: Sequence[Process]) -> List[str]:
    return [f"{pid} ({name})" for pid, name in processes]


def few(names: Sequence[object]) -> str:
    """Name the first ones, and say how many more there are."""
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(map(str, names[:MOST])) + more


def _link_told(link: PinnedLink) -> str:
    if link.attached is None:
        return f"the kernel does not tell whether links of type {link.type} are attached"
    return "attached"
