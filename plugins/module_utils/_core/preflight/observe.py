# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What there is where a loader looks for maps, and what the kernel knows. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import List, Optional, Sequence

from ..bpffs import Place
from ..errors import TROUBLE, explained
from ..kinds.maps.declaration import MapSpec, ValueGrowth, WantedPin
from ..kinds.maps.details import inspector
from ..kinds.maps.make import try_out
from ..kinds.pins.btf import btf_of
from ..kinds.pins.declaration import OnMismatch
from ..kinds.pins.objects import fdinfo, look
from ..kinds.pins.observe import observe_names
from ..kinds.pins.observed import NOTHING, Found, MapDetails, Program
from ..kinds.pins.programs import loaded_programs
from ..loader_rules import RINGS
from ..map_types import MAP_TYPES, Host
from ..shape import UNDECLARED
from ..syscall import Fd, KernelError
from ..uapi import MapInfo
from .kernel_types import read_kernel_types
from .observed import Seen, SeenMap
from .question import AskedMap, Question


def observe(question: Question, host: Host) -> Seen:
    """Look at all that the question is about; what cannot be looked at hides nothing else."""
    maps = tuple(_map(each, host) for each in question.maps)
    troubles: List[str] = []
    programs: Sequence[Program] = ()
    try:
        programs = list(loaded_programs())
    except KernelError as error:
        troubles.append(f"the kernel does not say which programs use a map: {error}")
    needs_types = bool(question.programs or question.helpers or question.kernel_btf)
    return Seen(maps, programs, read_kernel_types() if needs_types else None, tuple(troubles))


def _map(asked: AskedMap, host: Host) -> SeenMap:
    spec = _spec(asked, host)
    if spec is None:
        return SeenMap(asked, None, NOTHING, None)
    refusal = _refusal(replace(spec, shape=asked.made), host)
    parent, _slash, name = asked.path.rpartition("/")
    wanted = WantedPin(
        parent or "/",
        name,
        UNDECLARED,
        OnMismatch.MIGRATE,
        map=spec,
        frozen=None,
        value_growth=ValueGrowth.ZERO_PAD,
        needs_btf=False,
    )
    if not asked.path:
        return SeenMap(asked, wanted, NOTHING, None, refusal=refusal)
    try:
        (found,), directories = observe_names([wanted], _look)
    except TROUBLE as error:
        blocked = _is_blocked(asked.path)
        return SeenMap(asked, wanted, NOTHING, None, explained(error), blocked, refusal)
    return SeenMap(asked, wanted, found, directories[wanted.directory], refusal=refusal)


def _is_blocked(path: str) -> bool:
    """Loaders follow symlinks, so this does, too."""
    try:
        os.stat(path)
    except NotADirectoryError:
        return True
    except OSError:
        pass
    return False


def _look(place: Place, wanted: WantedPin) -> Found:
    inspect = inspector(wanted, predicting=True)

    def inspect_all(fd: Fd, pin_path: bytes, info: MapInfo) -> MapDetails:
        details = inspect(fd, pin_path, info)
        btf, hidden = btf_of(info)
        frozen = fdinfo(fd).get("frozen") == 1
        return details._replace(frozen=frozen, btf=btf, btf_hidden=hidden)

    return look(place.fd, wanted.name, inspect_all)


def _refusal(spec: MapSpec, host: Host) -> str:
    """Why this kernel would not make the map."""
    if spec.shape.number in _RINGS:
        most = spec.kind.rounded(spec.shape.max_entries, spec.shape.flags, host)
        if spec.shape.max_entries != most:
            return f"max_entries {spec.shape.max_entries} is no power of 2 of pages, as {most} is"
    return try_out(spec, frozen=False).refusal


def _spec(asked: AskedMap, host: Host) -> Optional[MapSpec]:
    """The map as the kernel would report it; None of a type that is newer than this collection."""
    kind, shape = asked.kind, asked.shape
    if kind is None:
        return None
    inner = None if asked.inner is None else _spec(asked.inner, host)
    entries = kind.rounded(shape.max_entries, shape.flags, host) if kind.evicts else None
    if entries is not None and shape.max_entries:
        shape = shape._replace(max_entries=entries)
    return MapSpec(kind, shape, asked.numa_node, asked.btf, inner)


_RINGS = frozenset(MAP_TYPES[name].number for name in RINGS)
