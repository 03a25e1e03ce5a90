# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which programs are to be attached to what, and where their links are pinned."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, List, Mapping, Optional, Sequence

from ...attach_types import (
    ALL_OPTIONS,
    ATTACH_TYPES,
    HOOKS,
    PROTOCOLS,
    XDP_MODES,
    AttachType,
    Target,
    options_of,
)
from ...errors import ProblemCollector
from ...fields import absolute
from ...people import BadField, Ids
from ...values import dataclass
from ..pins.declaration import Arguments, OnMismatch, WantedName, filled_up, read_name, read_named
from .observed import Seen


@dataclass(frozen=True)
class Attach:
    """What a program is to be attached to."""

    type: AttachType
    given: Mapping[str, object]  # options that are declared, by name
    owner: Optional[int] = None  # uid; whose pins it may name, beside root's and those of the task

    def text(self, option: str) -> str:
        """Return what is declared, or an empty text."""
        return str(self.given.get(option, ""))

    def number(self, option: str) -> int:
        """Return what is declared, or 0."""
        value = self.given.get(option, 0)
        return value if isinstance(value, int) else 0


@dataclass(frozen=True)
class WantedLink(WantedName):
    """A program is to be attached, and its link pinned; or neither."""

    program: str  # the path of its pin; of a map, where a map is attached
    attach: Optional[Attach]  # None: it is to be gone
    seen: Optional[Seen] = None  # what program and target are, once they were looked for

    @property
    def is_absent(self) -> bool:
        """Return whether it is to be gone."""
        return self.attach is None

    @property
    def sources(self) -> List[str]:
        """Return the pins that are needed for it."""
        if self.attach is None:
            return []
        named = (self.attach.text(option) for option in ("map", "before", "after"))
        return [path for path in (self.program, *named) if path]


def read_links(items: Sequence[Arguments], defaults: Arguments, ids: Ids) -> List[WantedLink]:
    """Read all `items`, filled up from `defaults`; raise Problems with all that is wrong."""
    return read_named(items, lambda item: _read_link(item, defaults, ids), "link")


def _read_link(item: Arguments, defaults: Arguments, ids: Ids) -> WantedLink:
    problems = ProblemCollector()
    name = problems.of(lambda: read_name(filled_up(item, defaults), ids))
    if item.get("state") == "absent":
        problems.raise_any()
        return WantedLink(**vars(name), program="", attach=None)
    program = problems.of(lambda: _program(item))
    owner = name.access.owner if name else None
    attach = problems.of(lambda: _attach(item.get("attach"), owner))
    if name and program == name.path:
        problems.add(f"program {program} is the pin of the link itself: name the program's")
    problems.raise_any()
    if name.on_mismatch is OnMismatch.MIGRATE:
        raise BadField("on_mismatch: migrate is for maps that are made: use fail or replace")
    return WantedLink(**vars(name), program=program, attach=attach)


def _program(item: Arguments) -> str:
    if item.get("program") is None:
        raise BadField("program is missing: give the path of the pin of a program")
    return absolute(str(item["program"]), "program")


def _attach(given: object, owner: Optional[int]) -> Attach:
    if not isinstance(given, Mapping) or not given.get("type"):
        raise BadField("attach is missing, or has no type: say what the program is attached to")
    name = str(given["type"])
    row = ATTACH_TYPES.get(name)
    if row is None:
        raise BadField(
            f"attach type {name!r} is not known: take one of the table in docs/links.md, such as "
            "xdp, tcx_ingress or cgroup_inet4_connect"
        )
    needed, possible = options_of(row)
    set_ones = {key: given[key] for key in ALL_OPTIONS if given.get(key) is not None}
    problems = ProblemCollector()
    for option in needed:
        if option not in set_ones:
            problems.add(f"attach type {name} needs {option}, as it is attached to {_what(row)}")
    for option in set_ones:
        if option not in (*needed, *possible):
            problems.add(f"attach type {name} takes no {option}: leave it out")
    if "before" in set_ones and "after" in set_ones:
        problems.add("before and after are both set: keep one")
    for option, read in _READERS.items():
        if option in set_ones:
            set_ones[option] = problems.of(partial(read, set_ones[option], option))
    if row.target is Target.TRACEPOINT and str(set_ones.get("tracepoint", "a/b")).count("/") != 1:
        problems.add(
            f"tracepoint {set_ones['tracepoint']!r} is not like sched/sched_process_exec: give "
            "the category, too, as in /sys/kernel/tracing/events"
        )
    problems.raise_any()
    return Attach(row, set_ones, owner)


def _what(row: AttachType) -> str:
    return row.target.value


def _path(value: object, option: str) -> str:
    return absolute(str(value), option)


def _namespace(value: object, option: str) -> str:
    text = str(value)
    return _path(text, option) if "/" in text else _path(f"/run/netns/{text}", option)


def _interface(value: object, option: str) -> str:
    text = str(value)
    bad = not text or len(text.encode()) > _NAME or any(each in text for each in "/: \t\n\0")
    if bad:
        raise BadField(
            f"{option} {text!r} cannot be the name of an interface: write it as `ip link` has it"
        )
    return text


def _word(value: object, option: str) -> str:
    text = str(value)
    if not text or not all(each.isalnum() or each in "_./-:" for each in text) or ".." in text:
        raise BadField(f"{option} {text!r} is not a name: write it as the kernel has it")
    return text


def _offset(value: object, option: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise BadField(f"{option} must be 0 or more bytes, not {value!r}")
    return value


def _priority(value: object, option: str) -> int:
    # NF_IP_PRI_FIRST and NF_IP_PRI_LAST are the kernel's own (bpf_nf_check_pf_and_hooks).
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) < value < 2**31 - 1:
        raise BadField(f"{option} must be {1 - 2**31} to {2**31 - 2}, not {value!r}")
    return value


def _flag(value: object, option: str) -> bool:
    if not isinstance(value, bool):
        raise BadField(f"{option} must be true or false, not {value!r}")
    return value


def _choice(choices: Mapping[str, int]) -> Callable[[object, str], object]:
    def read(value: object, option: str) -> str:
        if value not in choices:
            raise BadField(f"{option} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return read


_NAME = 127  # bytes; ALTIFNAMSIZ less the NUL
_READERS: Dict[str, Callable[[object, str], object]] = {
    "interface": _interface,
    "namespace": _namespace,
    "mode": _choice(XDP_MODES),
    "cgroup": _path,
    "pf": _choice(PROTOCOLS),
    "hook": _choice(HOOKS),
    "priority": _priority,
    "defragment": _flag,
    "map": _path,
    "before": _path,
    "after": _path,
    "tracepoint": _word,
    "function": _word,
    "offset": _offset,
    "binary": _path,
}
