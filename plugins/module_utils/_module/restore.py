# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_restore to its result. Private to this collection."""

from __future__ import annotations

import os
import typing as t
from functools import partial

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from .._core import files
from .._core.command import main as command
from .._core.command import manifest
from .._core.engine.steps import Action
from .._core.errors import Problems
from .._core.fields import check_no_control, plain
from .._core.mountinfo import mounts
from .._core.options import ACCESS, DIRECTORY, MAP, MOUNT, OBJECT, Options
from .._core.people import BadField
from .._core.uapi import MapFlag
from .._core.users import Users
from . import host_program
from .arguments import without_blanks
from .host_program import HostCore, HostFile
from .host_python import check_python
from .report import (
    Declared,
    Dictionary,
    failures_reported,
    file_diff,
    printable,
    read_awaiting,
    warn_of,
)

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

_LISTS: t.Dict[str, Options] = {
    "mounts": {**MOUNT, "path": {"type": "path", "required": True}},
    "directories": DIRECTORY,
    "maps": MAP,
    "objects": OBJECT,
}
DEFAULT_MANIFESTS = command.MANIFESTS  # and so all of the command is there to be installed


class _Wanted(t.NamedTuple):
    """What is to be on the host."""

    files: t.Sequence[host_program.Wanted]
    outdated: t.Sequence[str] = ()  # directories that are to go
    sandbox: t.Optional[Dictionary] = None


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, what files are to be there, what differs, write, report."""
    done: t.List[str] = []
    with failures_reported(module, done):
        if os.geteuid() != 0:
            raise BadField("only root may install this: run the task with `become: true`")
        name, directory = _name(module.params), plain(module.params["manifests"], "manifests")
        library = plain(module.params["library"], "library")
        for path in (directory, library):
            manifest.check_directory(path)
        path = f"{directory}/{name}{manifest.SUFFIX}"
        manifests = set(_names(directory))
        if module.params["state"] == "present":
            manifests.add(os.path.basename(path))
            wanted, awaited = read_awaiting(module, partial(_present, module.params, library, path))
            warn_of(module, awaited)
        else:
            manifests.discard(os.path.basename(path))
            wanted = _absent(library, path, is_last=not manifests)
        differing = [file for file in wanted.files if file.differs]
        _raise_hindrances(differing, wanted.outdated)
        diff = [
            _diff(file) for file in differing if isinstance(file, HostFile) and file.path == path
        ]
        if not module.check_mode:
            _settle(differing, wanted.outdated, done)
        report: Dictionary = {
            "changed": bool(differing or wanted.outdated),
            "files": [
                *(action for file in differing for action in _actions(file)),
                *(_action(each, gone=True) for each in wanted.outdated),
            ],
            "manifests": sorted(manifests),
            "sandbox": wanted.sandbox,
        }
        if module._diff:
            report["diff"] = diff
        module.exit_json(**printable(report))


def _name(parameters: t.Mapping[str, t.Any]) -> str:
    name: str = parameters["name"]
    if not name or "/" in name or name.startswith(".") or "\0" in name or _size(name) > 200:
        raise BadField(f"name must be at most 200 letters, digits and dashes, not {name[:40]!r}")
    check_no_control(name, "name")
    return name


def _size(name: str) -> int:
    return len(name.encode("utf-8", "surrogateescape"))


def _names(directory: str) -> t.List[str]:
    try:
        return manifest.manifest_names(directory)
    except FileNotFoundError:
        return []


def _present(
    parameters: t.Mapping[str, t.Any],
    library: str,
    path: str,
    users: Users,
) -> _Wanted:
    python = plain(parameters["python"], "python")
    check_python(python, users.awaited)
    declared = {key: _typed(parameters, key, options) for key, options in _LISTS.items()}
    defaults = {field: parameters[field] for field in ACCESS}
    defaults["directory"] = plain(parameters["directory"], "directory")
    text = manifest.content(declared, defaults)
    try:
        parsed = manifest.parse(text, path)
    except Problems as found:
        raise Problems([f"manifest: {problem}" for problem in found.problems]) from None
    if parsed.obstacles:  # users and groups
        texts = [f"{path}: {problem}" for path, problem in parsed.obstacles.items()]
        if users.awaited is None:
            raise Problems(texts)
        users.awaited.update(dict.fromkeys(texts))
    program = host_program.program(library, python)
    return _Wanted(
        [*program, HostFile(path, text, 0o600)],
        host_program.outdated(library, {program[0].path}),
        _sandbox(parsed),
    )


def _absent(library: str, path: str, *, is_last: bool) -> _Wanted:
    gone = HostFile(path, None)
    if not is_last:
        return _Wanted([gone])
    starter = HostFile(f"{library}/{host_program.STARTER}", None)
    return _Wanted([gone, starter], host_program.outdated(library, ()))


def _typed(parameters: t.Mapping[str, t.Any], field: str, options: Options) -> t.List[Dictionary]:
    """The items as the module that they are for gets them: numbers are numbers."""
    spec = {field: {"type": "list", "elements": "dict", "options": options}}
    given = without_blanks({field: parameters[field]}, spec)
    checked = ArgumentSpecValidator(spec).validate(given)
    if checked.error_messages:
        raise Problems(
            [
                f"{'Unsupported parameters: ' * isinstance(error, UnsupportedError)}{error.msg}"
                for error in checked.errors.errors
            ]
        )
    items: t.List[Dictionary] = checked.validated_parameters[field]
    return items


def _sandbox(parsed: manifest.Manifest) -> Dictionary:
    """Return what a unit of systemd has to let the command do."""
    specs = [spec for pin in parsed.pins for spec in (pin.map, pin.map.inner) if spec]
    needs_admin = any(spec.shape.flags & MapFlag.ZERO_SEED.value for spec in specs)
    points = {mount.path for mount in parsed.mounts}
    points |= {mount.point for mount in mounts() if mount.fstype == "bpf"}
    directories = {each.directory for each in (*parsed.pins, *parsed.objects)}
    directories |= {each.parent for each in parsed.directories}
    return {
        "writable": [
            Declared(path)
            for path in sorted({_holder(directory, points) for directory in directories})
        ],
        "capabilities": ["CAP_SYS_ADMIN"] if needs_admin else [],
    }


def _holder(directory: str, points: t.Collection[str]) -> str:
    holders = [point for point in points if f"{directory}/".startswith(f"{point.rstrip('/')}/")]
    return max(holders, key=len, default=directory)


def _raise_hindrances(
    differing: t.Sequence[host_program.Wanted], outdated: t.Sequence[str]
) -> None:
    """So that nothing is written, and no check says it would be, where something cannot be."""
    found = [each for file in differing for each in file.hindrances()]
    found += [each for path in outdated for each in files.hindrances_below(path)]
    if found:
        raise Problems(list(dict.fromkeys(found)))


def _settle(
    differing: t.Sequence[host_program.Wanted], outdated: t.Sequence[str], done: t.List[str]
) -> None:
    for file in differing:
        file.settle()
        done.append(file.path)
    for path in outdated:
        host_program.remove_core(path)
        done.append(path)


def _actions(file: host_program.Wanted) -> t.List[Dictionary]:
    if isinstance(file, HostCore):
        return [_action(f"{file.path}/{name}", gone=False) for name in file.contents]
    return [_action(file.path, gone=file.content is None)]


def _action(path: str, *, gone: bool) -> Dictionary:
    return {"path": path, "action": (Action.REMOVE if gone else Action.WRITE).value}


def _diff(file: HostFile) -> Dictionary:
    before = b""
    if os.path.exists(file.path):
        with open(file.path, "rb") as there:
            before = there.read()
    return file_diff(file.path, before, file.content or b"")
