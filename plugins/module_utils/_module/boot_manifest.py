# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a manifest means for a boot: whether it can come back, and what units need for it.

Private to this collection.
"""

from __future__ import annotations

import os
import typing as t
from functools import partial

from .._core.command import manifest
from .._core.command.links import interface_of
from .._core.errors import ProblemCollector
from .._core.fields import check_seen_at_boot, is_at_or_below
from .._core.mountinfo import mounts
from .._core.uapi import MapFlag
from .._core.whole.later_entries import set_apart
from .boot_unit import Needs
from .report import Declared


def check(parsed: manifest.Manifest) -> None:
    """Raise Problems with what could not come back."""
    called = [called for each in parsed.programs for called in each.pins]
    pins, following = set_apart(parsed.pins, called)
    problems = ProblemCollector()
    for each in following:
        problems.of(each.check, f"{each.path}: ")
    for pin in pins:
        if pin.swap is not None and not pin.swap.is_declared:
            problems.add(
                f"{pin.path}: entries_swap: {pin.swap.outer} is not declared beside, so it may "
                "come back later: declare it in the same list, or leave this map out of what comes "
                "back, in a task of its own"
            )
        if pin.content is not None:
            problems.of(partial(pin.content.check_for_boot, pin.map.btf), f"{pin.path}: ")
    for whose, option, path in _files_named(parsed):
        if path:
            seen = partial(check_seen_at_boot, os.path.realpath(str(path)), option)
            problems.of(seen, f"{whose}: ")
    problems.raise_any()


def _files_named(parsed: manifest.Manifest) -> t.Iterator[t.Tuple[str, str, object]]:
    """Yield files of the host that it names: whose, in which option, and the path."""
    for load in parsed.programs:
        yield str(load.item["shown"]), "kernel_btf", load.item.get("kernel_btf")
    for link in parsed.links:
        if link.attach:
            yield link.path, "binary", link.attach.given.get("binary")


def pins_of(parsed: manifest.Manifest) -> t.List[str]:
    """Return the paths of all that is pinned."""
    pins = [*(each.path for each in parsed.pins), *_programs_of(parsed)]
    return pins + [each.path for each in (*parsed.links, *parsed.objects)]


def _programs_of(parsed: manifest.Manifest) -> t.List[str]:
    return [called.path for each in parsed.programs for called in each.pins]


def needs_of(parsed: manifest.Manifest) -> Needs:
    """Return what units of systemd have to let the command do."""
    specs = [spec for pin in parsed.pins for spec in (pin.map, pin.map.inner) if spec]
    needs_admin = any(spec.shape.flags & MapFlag.ZERO_SEED.value for spec in specs)
    # To look into a map that has no pin, it is opened by its id.
    needs_admin |= any(pin.content and pin.content.has_maps_in_place for pin in parsed.pins)
    points = {mount.path for mount in parsed.mounts}
    points |= {mount.point for mount in mounts() if mount.fstype == "bpf"}
    directories = {each.directory for each in (*parsed.pins, *parsed.links, *parsed.objects)}
    directories |= {os.path.dirname(path) for path in _programs_of(parsed)}
    directories |= {
        str(each.item["maps_directory"])
        for each in parsed.programs
        if each.item.get("maps_directory")
    }
    directories |= {each.parent for each in parsed.directories}
    names = [interface_of(link.attach) for link in parsed.links]
    return Needs(
        writable=[
            Declared(path)
            for path in sorted({holder_of(directory, points) for directory in directories})
        ],
        capabilities=["CAP_SYS_ADMIN"] if needs_admin else [],
        network=any(pin.content and pin.content.names_devices for pin in parsed.pins),
        loads=bool(parsed.programs),
        links=any(not name for name in names),
        interfaces=[Declared(name) for name in sorted({name for name in names if name})],
    )


def holder_of(directory: str, points: t.Collection[str]) -> str:
    """Return which of the mount points a directory is below; itself if it is below none."""
    holders = [point for point in points if is_at_or_below(directory, point)]
    return max(holders, key=len, default=directory)
