# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hostile.py lets modules do, and what happens to the world meanwhile: tables, no program.

The scene $T: $T/x is a bpffs with two directories, app and other, which can be seen at $T/b, too.
Below it at $T/x, and at $T/v, is another bpffs, with directories of the same names. $T/plain is a
folder with files of the same names.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .samples import HASH, STAGING

Fields = dict[str, Any]
MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
MNT_DETACH = 2
RENAME_EXCHANGE = 2
AT_FDCWD = -100


def mount(source: str, target: str, kind: str, flags: int) -> None:
    libc("mount", source, target, kind, ctypes.c_ulong(flags), None)


def unmount(path: str) -> None:
    libc("umount2", path, MNT_DETACH)


def libc(call: str, *words: Any) -> None:
    encoded = [word.encode() if isinstance(word, str) else word for word in words]
    if getattr(_LIBC, call)(*encoded):
        number = ctypes.get_errno()
        raise OSError(number, f"{call} {words}: {os.strerror(number)}")


@dataclass(frozen=True)
class Operation:
    """A task about the directory $D, and the names in it that it makes or changes or removes."""

    module: str
    arguments: Fields
    names: frozenset[str]
    is_new: bool = False  # only makes what was not there

    def in_directory(self, directory: str) -> Fields:
        """Its arguments."""
        return json.loads(json.dumps(self.arguments).replace("$D", directory))


def _map(*names: str, **item: Any) -> Operation:
    words = {"directory": "$D", "name": names[-1], **HASH, **item}
    return Operation("bpf_map_pinned", words, frozenset(names), names[-1].endswith("new"))


def _absent(*names: str, **words: Any) -> Operation:
    return Operation("bpf_pin_absent", {"type": "map", **words}, frozenset(names))


# The names that there are in each directory. In b/app they hold maps, an old one a smaller map than
# is declared; everywhere else they hold a program, which no operation may touch.
PINS = ("old", "fits", "stray", "deep/pin")
OPERATIONS = {
    "create": _map("new"),
    "create with a mode": _map("new", mode="0640"),
    "create in new directories": _map(
        "made", "made/here", "made/here/new", directory="$D/made/here", name="new"
    ),
    "replace": _map("old", on_mismatch="replace", mode="0640"),
    "migrate": _map("old", on_mismatch="migrate", mode="0640"),
    "adjust": _map("fits", mode="0640", frozen=True),
    "remove": _absent("old", "fits", path=["$D/old", "$D/fits"]),
    "remove all": _absent("", "deep", *PINS, path=["$D"], recurse=True),
    "prune": _absent("stray", "deep/pin", directory="$D", keep=["old", "fits"], recurse=True),
}


@dataclass(frozen=True)
class World:
    """What others make of the scene: `make` does that, given its path."""

    make: Callable[[str], Any]
    directory: str = "$T/x/app"  # that the operation is told
    leads_to: str = ""  # the directory that this means, if any but a symlink does
    says: str = ""
    but: tuple[str, ...] = ()  # operations that do not care
    before: Callable[[str], Any] | None = None  # what has to be there for `make`
    may_fail: bool = True


def _symlink(path: str, target: str) -> Callable[[str], None]:
    def make(top: str) -> None:
        if os.path.islink(f"{top}/{path}"):
            os.unlink(f"{top}/{path}")
        elif os.path.lexists(f"{top}/{path}"):
            os.rename(f"{top}/{path}", f"{top}/b/away_{os.path.basename(path)}")
        os.symlink(target.replace("$T", top), f"{top}/{path}")

    return make


def _symlinks(directory: str, target: str) -> Callable[[str], None]:
    names = ("new", "made", *PINS)
    return _all(_symlink(f"{directory}/{name}", f"{target}/{name}") for name in names)


def _all(changes: Iterator[Callable[[str], Any]]) -> Callable[[str], None]:
    listed = list(changes)

    def make(top: str) -> None:
        for change in listed:
            change(top)

    return make


def _directory(name: str) -> Callable[[str], None]:
    def make(top: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{top}/b/app/{name}")
        os.makedirs(f"{top}/b/app/{name}")
        os.rename(f"{top}/b/other/stray", f"{top}/b/app/{name}/inside")
        os.link(f"{top}/b/app/{name}/inside", f"{top}/b/other/stray")

    return make


def _remove_the_pins(top: str) -> None:
    for name in PINS:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{top}/b/app/{name}")
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(f"{top}/b/app/deep")


_LOCKS: list[int] = []


def _begin_to_work(top: str) -> None:
    """Be another run that has a new pin in its staging directory."""
    staging = f"{top}/b/app/{STAGING}"
    os.mkdir(staging, 0o700)
    os.link(f"{top}/b/app/stray", f"{staging}/stray")
    _LOCKS.append(os.open(staging, os.O_RDONLY))
    fcntl.flock(_LOCKS[0], fcntl.LOCK_EX)


def _end_the_work(top: str) -> None:
    os.unlink(f"{top}/b/app/{STAGING}/stray")
    os.rmdir(f"{top}/b/app/{STAGING}")
    os.close(_LOCKS.pop())


def _exchange(one: str, other: str) -> Callable[[str], None]:
    return lambda top: libc(
        "renameat2", AT_FDCWD, f"{top}/{one}", AT_FDCWD, f"{top}/{other}", RENAME_EXCHANGE
    )


# While a module runs.
CHANGES = {
    "nothing": World(lambda _top: None, leads_to="b:app"),
    "the directory changes places with another": World(
        _exchange("b/app", "b/other"), leads_to="b:other"
    ),
    "a symlink takes its place": World(_symlink("b/app", "other")),
    "another bpffs is mounted there": World(
        lambda top: mount(f"{top}/v/other", f"{top}/x/app", "", MS_BIND), leads_to="v:other"
    ),
    "a tmpfs is mounted there": World(lambda top: mount("t", f"{top}/x/app", "tmpfs", 0)),
    "the bpffs is unmounted": World(lambda top: unmount(f"{top}/x"), leads_to="v:app"),
    "it becomes read-only": World(
        lambda top: mount("", f"{top}/x", "", MS_REMOUNT | MS_BIND | MS_RDONLY)
    ),
    "the pins change places with others": World(
        _all(_exchange(f"b/app/{name}", f"b/other/{name}") for name in PINS)
    ),
    "symlinks take the places of the pins": World(
        _all(_symlink(f"b/app/{name}", f"../other/{name}") for name in PINS)
    ),
    "the pins are removed": World(_remove_the_pins, may_fail=False),
    "another run ends its work": World(_end_the_work, before=_begin_to_work, but=("remove all",)),
}

# Before it starts.
WAYS = {
    "a symlink in the root directory": World(
        _symlink("../../first", "mnt/scene"),
        "/first/x/app",
        says="/first is a symlink to mnt/scene",
    ),
    "a symlink outside, to the bpffs": World(
        _symlink("s", "x"), "$T/s/app", says="$T/s is a symlink to x"
    ),
    "a symlink outside, to the directory": World(
        _symlink("s", "x/app"),
        "$T/s",
        says="$T/s is a symlink to x/app",
        but=("remove all",),  # what is outside is not looked at
    ),
    "a symlink in the bpffs, to itself": World(
        _symlink("b/s", "."), "$T/x/s/app", says="$T/x/s is a symlink to ."
    ),
    "a symlink in the bpffs, to the directory": World(
        _symlink("b/s", "app"), "$T/x/s", says="$T/x/s is a symlink to app"
    ),
    "a symlink in the bpffs, to another one": World(
        _symlink("b/s", "$T/v/app"), "$T/x/s", says="$T/x/s is a symlink to $T/v/app"
    ),
    "a symlink in the bpffs, to a tmpfs": World(
        _symlink("b/s", "$T/plain"), "$T/x/s", says="$T/x/s is a symlink to $T/plain"
    ),
    "a symlink that dangles": World(
        _symlink("b/s", "nowhere"), "$T/x/s", says="$T/x/s is a symlink to nowhere"
    ),
    "a symlink in a circle": World(_symlink("b/s", "s"), "$T/x/s", says="$T/x/s is a symlink to s"),
    "symlinks to pins in the bpffs": World(
        _symlinks("b/app", "../other"), says="a symlink to ../other/"
    ),
    "symlinks to pins in another one": World(
        _symlinks("b/app", "$T/v/other"), says="a symlink to $T/v/other/"
    ),
    "symlinks to files": World(_symlinks("b/app", "$T/plain"), says="a symlink to $T/plain/"),
    "symlinks that dangle": World(_symlinks("b/app", "nowhere"), says="a symlink to nowhere/"),
    "directories where pins should be": World(
        _all(map(_directory, ("new", "made/here/new", "old", "fits"))),
        says="a directory",
        but=("remove all", "prune"),
    ),
}

_LIBC = ctypes.CDLL(None, use_errno=True)
