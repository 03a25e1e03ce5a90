# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of the playbooks say, as arguments of bpf_host. Private to this collection.

They are those of the roles bpffs and bpf_maps, and two of bpf_restore. Written as templates they
would be compiled for every host; read here, a variable that is not set costs nothing.
"""

from __future__ import annotations

import typing as t

from ._given import given
from ._plain_values import templated

# A variable of the task: its arguments are in the variables of the playbooks.
OF_PLAYBOOK = "__bpf_host_of_playbook"
_POLICIES = ["fail", "replace", "migrate"]
_GROWTHS = ["refuse", "zero_pad"]

Arguments = t.Dict[str, t.Any]


class Said:
    """Reads a variable by its name. Blank is as not set."""

    def __init__(
        self, variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]
    ) -> None:
        self._variables = variables
        self._template = template

    def __call__(self, name: str, type: str = "raw", **more: t.Any) -> t.Any:
        raw = self._variables.get(name)
        return given(None if raw is None else templated(raw, self._template), name, type, **more)

    def any_joined(self, name: str) -> bool:
        """Whether groups or hosts add to the list `name`."""
        return any(each.startswith(f"{name}__") for each in self._variables)


def arguments_of(said: Said) -> Arguments:
    """The arguments; AnsibleFilterError where a variable cannot be as it is."""
    directory = said("bpf_maps_directory", default="/sys/fs/bpf")
    prunes = said("bpf_maps_prune", "bool", default=False)
    shared = said("bpf_maps_prune_shared", "bool", default=False)
    tells = said("bpf_maps_report_undeclared", "bool", default=False)
    needed_by = "bpf_maps_prune" if prunes and not said.any_joined("bpf_maps") else None
    arguments = {
        "mounts": [_mount(said), *said("bpf_mounts", "dicts", default=[])],
        "directories": said("bpf_directories", "dicts"),
        "maps": said("bpf_maps", "dicts", needed_by=needed_by),
        "programs": said("bpf_programs", "dicts"),
        "links": said("bpf_links", "dicts"),
        "objects": said("bpf_objects", "dicts"),
        "absent": said("bpf_absent", "dicts"),
        "directory": directory,
        "owner": said("bpf_maps_owner"),
        "group": said("bpf_maps_group"),
        "mode": said("bpf_maps_mode"),
        "on_mismatch": said("bpf_maps_on_mismatch", default="fail", choices=_POLICIES),
        "value_growth": said("bpf_maps_value_growth", default="refuse", choices=_GROWTHS),
    }
    if prunes or tells:
        arguments["prune"] = {
            "directory": directory,
            "shared": shared,
            "report_only": not prunes,
        }
    restores = said("bpf_maps_restore_at_boot", "bool")
    if restores is not None:
        options = {
            "name": said("bpf_maps_restore_name"),
            "mounts": said("bpf_restore_mounts", "dicts"),
            "python": said("bpf_restore_python"),
            "before": said("bpf_restore_before", "list"),
        }
        arguments.update(at_boot=restores, at_boot_options=_given(options))
    return _given(arguments)


def health_asked(said: Said) -> Arguments:
    """What the drift report is to say beside what is not as declared."""
    return _given(
        {
            "health": said("drift_health", "bool"),
            "count_entries": said("drift_count_entries", "bool"),
        }
    )


def _mount(said: Said) -> Arguments:
    mount = {
        "path": said("bpffs_path", default="/sys/fs/bpf"),
        "state": said("bpffs_state", default="mounted", choices=["mounted", "unmounted"]),
        "opts": said("bpffs_opts", "list", default=["nosuid", "nodev", "noexec"]),
        "boot": said("bpffs_boot", "bool"),
        "force": said("bpffs_force", "bool", default=False),
    }
    for option in ("mode", "owner", "group", "fstab"):
        mount[option] = said(f"bpffs_{option}")
    for option in ("delegate_cmds", "delegate_maps", "delegate_progs", "delegate_attachs"):
        mount[option] = said(f"bpffs_{option}", "list")
    return _given(mount)


def _given(arguments: Arguments) -> Arguments:
    return {name: value for name, value in arguments.items() if value is not None}
