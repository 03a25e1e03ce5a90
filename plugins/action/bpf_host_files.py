# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes what hosts were told to be like: all of it on the controller."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._core.errors import PinningError
from ..module_utils._core.visible import visible_lines
from ..plugin_utils._adopted_files import files_of, whole_paths
from ..plugin_utils._adopted_told import told_of
from ..plugin_utils._adopted_written import Folder
from ..plugin_utils._plain_values import plain

Dictionary = t.Dict[str, t.Any]

_ARGUMENTS: Dictionary = {
    "directory": {"type": "str"},
    "overwrite": {"type": "bool", "default": False},
    "registered": {"type": "str", "default": "bpf_adopted"},
}


class ActionModule(ActionBase):
    """Reads what a task before has registered on each host of the play."""

    _requires_connection = False

    def run(
        self, tmp: t.Optional[str] = None, task_vars: t.Optional[Dictionary] = None
    ) -> Dictionary:
        """Write the files, or tell in check mode which would be written."""
        super().run(tmp, task_vars)
        _valid, given = self.validate_argument_spec(_ARGUMENTS)  # type: ignore[no-untyped-call]
        try:
            return self._carry_out(given, task_vars or {})
        except PinningError as error:
            return _failed(str(error))
        except OSError as error:
            return _failed(f"{error.filename}: it cannot be written: {error.strerror}")

    def _carry_out(self, given: t.Mapping[str, t.Any], variables: Dictionary) -> Dictionary:
        results = self._results(variables, str(given["registered"]))
        asked = {host: each for host, each in results.items() if "declaration" in each}
        told = told_of(asked, sorted(set(results) - set(asked)))
        if not asked:
            raise PinningError(
                f"no host of the play has registered {given['registered']}: run "
                "ebpf.pinning.bpf_host_info before, with register"
            )
        hosts = {host: whole_paths(plain(each["declaration"])) for host, each in asked.items()}
        files = files_of(hosts, variables.get("groups") or {})
        folder = Folder(self._place(given.get("directory"), asked, variables))
        wanted = folder.plan(files, overwrite=bool(given["overwrite"]))
        if not self._task.check_mode:
            folder.write(wanted)
        result: Dictionary = {
            "changed": any(each.changes for each in wanted),
            "files": [{"path": each.path, "action": each.action} for each in wanted],
            **told,
        }
        if self._task.diff:
            result["diff"] = [each.diff() for each in wanted if each.changes]
        return result

    def _results(self, variables: Dictionary, name: str) -> t.Dict[str, Dictionary]:
        hosts = variables.get("ansible_play_hosts_all") or []
        everywhere = variables["hostvars"]
        found: t.Dict[str, Dictionary] = {}
        for host in hosts:
            registered = everywhere.raw_get(host).get(name)
            found[str(host)] = registered if isinstance(registered, dict) else {}
        return found

    def _place(
        self, directory: t.Optional[str], asked: t.Iterable[str], variables: Dictionary
    ) -> str:
        if directory:
            return str(self._loader.path_dwim(directory))
        everywhere = variables["hostvars"]
        places = {everywhere.raw_get(host).get("inventory_dir") for host in asked}
        if len(places) != 1 or None in places:
            raise PinningError(
                "the hosts are of several inventories, or of none in a file: set directory "
                "(adopt_directory) to the one that group_vars and host_vars are to be in"
            )
        return str(places.pop())


def _failed(message: str) -> Dictionary:
    return {"failed": True, "changed": False, "msg": visible_lines(message.splitlines())}
