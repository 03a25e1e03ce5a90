# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: runs modules, each in a process of its own, in a world that others change meanwhile.

What to run comes as JSON on the standard input, see `main`; what became of it goes to the standard
output. The tables are in worlds.py. Oracles: lstat, libbpf, and /proc for what a pin holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import json
import multiprocessing
import os
import stat
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

from ansible.module_utils.testing import patch_module_args

from .child import import_all
from .worlds import (
    CHANGES,
    MS_BIND,
    OPERATIONS,
    PINS,
    STAGING,
    WAYS,
    Fields,
    Operation,
    libc,
    mount,
    unmount,
)

TOP = "/mnt"  # a tmpfs


def main() -> None:
    """Run tasks; or one operation, with each change at each moment; or all of them in all ways."""
    words = json.load(sys.stdin)
    import_all()
    for module in ("bpf_map_pinned", "bpf_pin_absent"):
        importlib.import_module(f"{_COLLECTION}.modules.{module}")
    if "tasks" in words:
        group, user = words["group"], words["user"]
        json.dump([_plain(*task, group, user) for task in words["tasks"]], sys.stdout)
        return
    if "operation" not in words:
        rows = [
            _one(name, about, None)
            for about, way in WAYS.items()
            for name in OPERATIONS
            if name not in way.but
        ]
        json.dump(rows, sys.stdout)
        return
    name = words["operation"]
    moments = len(_one(name, "nothing", 0)["calls"])
    jobs = [
        (name, change, moment)
        for change, world in CHANGES.items()
        if name not in world.but
        for moment in range(moments if change != "nothing" else 1)
    ]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        json.dump(pool.starmap(_one, jobs, chunksize=4), sys.stdout)


def _plain(module: str, arguments: Fields, group: str, user: int) -> Fields:
    def work() -> Fields:
        if group:
            Path(group, "cgroup.procs").write_text(str(os.getpid()))
        if user:
            _become(user)
        return _result(module, arguments, contextlib.nullcontext())

    return _in_a_process(work)


def _become(user: int) -> None:
    """Give up all privileges but CAP_BPF (man 2 capset)."""
    # What is loaded late is out of reach then; as Ansible sends it, it is the user's own.
    importlib.import_module("encodings.ascii")
    libc("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    bit = 1 << CAP_BPF - 32
    libc("capset", header, struct.pack("=6I", 0, 0, 0, bit, bit, 0))


def _one(operation: str, world: str, moment: int | None) -> Fields:
    with _scene("scene" if moment is None else str(os.getpid())) as top:
        return _in_a_process(lambda: _observed(top, operation, world, moment))


def _observed(top: str, operation: str, world: str, moment: int | None) -> Fields:
    """One run, before whose call number `moment` the world changes."""
    scene = _Scene(top)
    calls: list[str] = []
    change = WAYS[world] if moment is None else CHANGES[world]
    if moment is None:
        change.make(top)
    if change.before:
        change.before(top)
    pictures = [scene.picture()]

    def tick(call: str) -> None:
        if len(calls) == moment:
            pictures.append(scene.picture())
            with contextlib.suppress(FileNotFoundError):  # the module was faster
                change.make(top)
            pictures.append(scene.picture())
        calls.append(call)

    what = OPERATIONS[operation]
    arguments = what.in_directory(change.directory.replace("$T", top))
    result = _result(what.module, arguments, _watched(tick, top))
    pictures.append(scene.picture())
    touched = {
        place
        for before, after in zip(pictures[::2], pictures[1::2], strict=True)
        for place in before.keys() | after.keys()
        if before.get(place) != after.get(place)
    }
    return {
        "operation": operation,
        "world": world,
        "before": f"before call {moment}, {calls[moment or 0] if calls else ''}",
        "calls": calls,
        "result": json.loads(json.dumps(result).replace(top, "$T")),
        "homes": sorted({place.partition("/")[0] for place in touched}),
        "effects": sorted(
            {
                place.partition("/")[2]
                for place in touched
                if STAGING not in place and not place.endswith("/.")
            }
        ),
        "half_made": any(_half_made(picture, what) for picture in pictures),
        "leftovers": [place for place in pictures[-1] if STAGING in place],
        "lost": _programs(pictures[0]) != _programs(pictures[-1]),
        # No call removes or replaces a name only if it means a certain pin.
        "is_too_late": moment is not None and calls[moment].startswith(("unlink", "rename")),
    }


@contextlib.contextmanager
def _watched(tick: Callable[[str], None], top: str) -> Iterator[None]:
    """Call `tick` before each call that takes a name or a lock, but not on the way to `top`."""
    kernel = importlib.import_module(f"{_COLLECTION}.module_utils._core.kernel")
    above = {"/", *top.split("/")}
    is_quiet = False

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*words: Any, **named: Any) -> Any:
            nonlocal is_quiet
            means_an_fd = str(words[0]).startswith(("/proc/self/fd/", "b'/proc/self/fd/"))
            if not is_quiet and words[0] not in above and not means_an_fd:
                is_quiet = True
                tick(f"{name} {words}")
                is_quiet = False
            return call(*words, **named)

        return wrapper

    with contextlib.ExitStack() as stack:
        for owner, names in _CALLS.items():
            where = kernel if owner == "kernel" else importlib.import_module(owner)
            for name in names:
                patch = mock.patch.object(where, name, watched(name, getattr(where, name)))
                stack.enter_context(patch)
        yield


class _Scene:
    """Two bpffs and a folder; directories are told apart by inode, wherever they are by now."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._labels: dict[tuple[int, int], str] = {}
        for system in "bv":
            for name in ("", "app", "other", "app/deep", "other/deep"):
                status = os.lstat(f"{top}/{system}/{name}")
                self._labels[status.st_dev, status.st_ino] = f"{system}:{name}"

    def picture(self) -> dict[str, list[Any]]:
        """Everything there, as home/name; whether names came or went, as home/. ."""
        found: dict[str, list[Any]] = {}
        for system in ("b", "v", "plain"):
            self._look(f"{self._top}/{system}", f"{system}:?", found)
        return found

    def _look(self, directory: str, label: str, found: dict[str, list[Any]]) -> None:
        status = os.lstat(directory)
        label = self._labels.get((status.st_dev, status.st_ino), label)
        found[label] = [stat.filemode(status.st_mode), status.st_ino, status.st_uid, status.st_gid]
        found[f"{label}/."] = [status.st_mtime_ns]
        for name in os.listdir(directory):
            path = f"{directory}/{name}"
            status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode):
                self._look(path, f"{label}/{name}", found)
                continue
            access = [stat.filemode(status.st_mode), status.st_uid, status.st_gid]
            what = os.readlink(path) if stat.S_ISLNK(status.st_mode) else _held(path)
            found[f"{label}/{name}"] = [status.st_ino, status.st_nlink, *access, what]


def _half_made(picture: dict[str, list[Any]], operation: Operation) -> bool:
    """Whether a map as it is declared has its name, but not its mode."""
    mode = int(operation.arguments.get("mode", "0600"), 8)
    made = [picture.get(f"b:app/{name}") for name in operation.names - {"fits"}]
    return any(
        "max_entries:\t16" in entry[-1] and entry[2] != stat.filemode(stat.S_IFREG | mode)
        for entry in made
        if entry and isinstance(entry[-1], list)
    )


def _programs(picture: dict[str, list[Any]]) -> int:
    """How many pins hold one."""
    held = [entry[-1] for entry in picture.values() if isinstance(entry[-1], list)]
    return sum(any(line.startswith("prog_id") for line in lines) for lines in held)


def _held(path: str) -> list[str]:
    """Shape, id and frozen of a pinned map, as /proc has them; type and id of a program."""
    fd = _BPF.bpf_obj_get(path.encode())
    if fd < 0:
        return ["nothing that can be opened"]
    try:
        lines = Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines()
    finally:
        os.close(fd)
    told = ("map", "max", "key", "value", "frozen", "prog_type", "prog_id")
    return [line for line in lines if line.startswith(told)]


@contextlib.contextmanager
def _scene(name: str) -> Iterator[str]:
    top = f"{TOP}/{name}"
    for folder in ("v", "b", "x", "plain/made"):
        os.makedirs(f"{top}/{folder}", exist_ok=True)
    for pin in ("old", "fits", "stray", "new"):
        Path(f"{top}/plain/{pin}").touch()
    mount("v", f"{top}/v", "bpf", 0)
    mount(f"{top}/v", f"{top}/x", "", MS_BIND)
    mount("b", f"{top}/x", "bpf", 0)
    mount(f"{top}/x", f"{top}/b", "", MS_BIND)
    for system in "bv":
        _fill(f"{top}/{system}")
    try:
        yield top
    finally:
        for folder in "xxbv":
            with contextlib.suppress(OSError):
                unmount(f"{top}/{folder}")


def _fill(root: str) -> None:
    does_nothing = b"\xb7" + b"\0" * 7 + b"\x95" + b"\0" * 7  # r0 = 0; exit
    program = _BPF.bpf_prog_load(1, b"made", b"GPL", does_nothing, 2, None)
    for directory in ("app", "other"):
        os.makedirs(f"{root}/{directory}/deep")
        for name, size in zip(PINS, (8, 16, 1, 1), strict=True):
            fd = program
            if (root[-1], directory) == ("b", "app"):
                fd = _BPF.bpf_map_create(1, b"made", 4, 8, size, None)
            if fd < 0 or _BPF.bpf_obj_pin(fd, f"{root}/{directory}/{name}".encode()):
                raise OSError("cannot make or pin it")
            if fd != program:
                os.close(fd)
    os.close(program)


def _in_a_process(work: Callable[[], Fields]) -> Fields:
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            with open(write_end, "w") as pipe:
                json.dump(work(), pipe)
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    os.close(write_end)
    with open(read_end) as pipe:
        output = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(output)


def _result(name: str, arguments: Fields, around: AbstractContextManager[None]) -> Fields:
    module = importlib.import_module(f"{_COLLECTION}.modules.{name}")
    run = module.run

    def watched(ansible_module: Any) -> None:
        with around:
            run(ansible_module)

    output = io.StringIO()
    with (
        mock.patch.object(module, "run", watched),
        patch_module_args(arguments),
        contextlib.redirect_stdout(output),
        contextlib.suppress(SystemExit),
    ):
        module.main()
    return json.loads(output.getvalue())


_COLLECTION = "ansible_collections.ebpf.pinning.plugins"
PR_SET_KEEPCAPS = 8
CAPABILITY_VERSION_3 = 0x20080522
CAP_BPF = 39
_CALLS = {
    "os": ("open", "mkdir", "chmod", "link", "rename", "unlink", "rmdir"),
    "fcntl": ("flock",),
    "kernel": ("pin_at", "get_at"),
}
_BPF = ctypes.CDLL("libbpf.so.1", use_errno=True)

if __name__ == "__main__":
    main()
