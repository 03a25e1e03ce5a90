# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_restore to its result. Private to this collection."""

from __future__ import annotations

import os
import typing as t

from ._core.errors import Problems
from ._core.restore import command, install, manifest
from ._core.spec.fields import BadField, absolute
from ._face import Dictionary, failures_reported, printable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


DEFAULT_MANIFESTS = command.MANIFESTS  # and so all of the command is there to be installed


class _File(t.NamedTuple):
    path: str
    content: t.Optional[bytes]  # None: it is to be gone
    mode: int


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, what files are to be there, what differs, write, report."""
    parameters = module.params
    done: t.List[str] = []
    with failures_reported(module, done):
        if os.geteuid() != 0:
            raise BadField("only root may install this: run the task with `become: true`")
        differing = [each for each in _wanted(parameters) if install.differs(*each)]
        diff = [_diff(each) for each in differing if each.path.endswith(manifest.SUFFIX)]
        if not module.check_mode:
            for each in differing:
                if each.content is None:
                    install.remove(each.path)
                else:
                    install.write(each.path, each.content, each.mode)
                done.append(each.path)
        report: Dictionary = {
            "changed": bool(differing),
            "files": [
                {"path": each.path, "action": "removed" if each.content is None else "written"}
                for each in differing
            ],
        }
        if module._diff:
            report["diff"] = diff
        module.exit_json(**printable(report))


def _wanted(parameters: t.Mapping[str, t.Any]) -> t.List[_File]:
    name = parameters["name"]
    if not name or "/" in name or name.startswith(".") or "\0" in name:
        raise BadField(f"name {name!r} is no name of a file: use letters, digits and dashes")
    library = absolute(parameters["library"], "library")
    path = f"{absolute(parameters['manifests'], 'manifests')}/{name}{manifest.SUFFIX}"
    if parameters["state"] == "absent":
        return [_File(path, None, 0)]
    defaults = {field: parameters[field] for field in ("directory", "owner", "group", "mode")}
    text = manifest.content(parameters["mounts"], parameters["maps"], defaults)
    try:
        manifest.parse(text, path)
    except Problems as found:
        raise Problems([f"manifest: {problem}" for problem in found.problems]) from None
    files = install.program(library, parameters["python"])
    wanted = [
        _File(f"{library}/{name}", content, 0o644 if "/" in name else 0o755)
        for name, content in files.items()
    ]
    wanted += [_File(stale, None, 0) for stale in install.stale(library, files)]
    return [*wanted, _File(path, text, 0o600)]


def _diff(each: _File) -> Dictionary:
    before = ""
    if os.path.exists(each.path):
        with open(each.path, encoding="utf-8", errors="replace") as file:
            before = file.read()
    return {
        "before_header": f"{each.path} (found)",
        "after_header": f"{each.path} (declared)",
        "before": before,
        "after": (each.content or b"").decode(),
    }
