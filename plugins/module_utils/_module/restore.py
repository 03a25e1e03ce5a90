# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_restore to its result. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from .._core.errors import Problems
from .._core.fields import plain
from .._core.options import (
    ACCESS,
    DIRECTORY,
    LINK,
    MAP_AT_BOOT,
    MOUNT_AT_BOOT,
    OBJECT,
    PROGRAMS_AT_BOOT,
    Options,
)
from .._core.users import Users
from . import at_boot, boot_service
from .arguments import without_blanks
from .at_boot import AtBoot, Place
from .boot_service import Systemctl
from .report import Dictionary, failures_reported, printable, read_awaiting, warn_of

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

_LISTS: t.Dict[str, Options] = {
    "mounts": MOUNT_AT_BOOT,
    "directories": DIRECTORY,
    "maps": MAP_AT_BOOT,
    "programs": PROGRAMS_AT_BOOT,
    "links": LINK,
    "objects": OBJECT,
}


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, what is to be there, what differs, settle, report."""
    done: t.List[str] = []
    with failures_reported(module, done):
        place = _place(module)
        place.check()
        if module.params["state"] == "present":
            wanted, awaited = read_awaiting(module, lambda ids: _present(module.params, place, ids))
            warn_of(module, awaited)
        else:
            wanted = at_boot.absent(place)
        hindrances = wanted.hindrances()
        if hindrances:
            raise Problems(hindrances)
        if not module.check_mode:
            wanted.settle(done)
        report: Dictionary = {"changed": wanted.changed, **wanted.report()}
        if module._diff:
            report["diff"] = wanted.diff()
        module.exit_json(**printable(report))


def _place(module: AnsibleModule) -> Place:
    parameters = module.params
    is_service = parameters["service"] and boot_service.is_run_by_systemd()
    return Place(
        name=parameters["name"],
        systemctl=Systemctl(module.run_command) if is_service else None,
        manifests=plain(parameters["manifests"], "manifests"),
        library=plain(parameters["library"], "library"),
        python=parameters["python"],
        before=parameters["before"],
    )


def _present(parameters: t.Mapping[str, t.Any], place: Place, users: Users) -> AtBoot:
    declared = {key: _typed(parameters, key, options) for key, options in _LISTS.items()}
    defaults = {field: parameters[field] for field in ACCESS}
    defaults["directory"] = plain(parameters["directory"], "directory")
    declared["links"] = [each for each in declared["links"] if each["state"] != "absent"]
    return at_boot.present(declared, defaults, place, users)


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
