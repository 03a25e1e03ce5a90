# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller does for the module of this name."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils._core.engine.steps import Action
from ..module_utils._core.errors import PinningError
from ..module_utils._core.options import BRIEF
from ..plugin_utils._declared import (
    Arguments,
    declared,
    kept,
    prune_of,
    pruned_declarations,
    removed_declarations,
    texts,
    with_freed,
)
from ..plugin_utils._joined_arguments import JoinedArguments
from ..plugin_utils._plain_values import plain
from ..plugin_utils._playbook_variables import OF_PLAYBOOK, Said, arguments_of, health_asked
from ..plugin_utils._run_notes import DECLARED, FREED, PRUNED, RunNotes
from ..plugin_utils._told_apart import VERDICT, is_only_reported, told_apart


class ActionModule(JoinedArguments):
    """Refuses what contradicts other tasks of the run."""

    takes_lists = True
    takes_objects = True

    def run(
        self, tmp: t.Optional[str] = None, task_vars: t.Optional[t.Dict[str, t.Any]] = None
    ) -> t.Dict[str, t.Any]:
        """Run the module, and keep what nobody can read on a screen for the drift report."""
        variables = task_vars or {}
        result = super().run(tmp, task_vars)
        notes = RunNotes(str(variables.get("inventory_hostname")))
        fails = self._fails(variables)
        return told_apart(result, variables, notes, with_diff=bool(self._task.diff), fails=fails)

    def _fails(self, variables: t.Mapping[str, t.Any]) -> bool:
        if VERDICT not in variables:
            return False
        said = Said(variables, self._templar.template)
        try:
            return bool(said("drift_fail", "bool", default=True))
        except AnsibleFilterError:
            return True

    def complete(self, arguments: Arguments, variables: t.Mapping[str, t.Any]) -> Arguments:
        """With what the variables of a playbook say, and what other variables add to the lists."""
        if variables.get(OF_PLAYBOOK):
            try:
                said = Said(variables, self._templar.template)
                arguments = {**plain(arguments_of(said)), BRIEF: is_only_reported(variables)}
                if VERDICT in variables:
                    arguments.update(health_asked(said))
            except AnsibleFilterError as error:
                raise PinningError(str(error)) from None
        return super().complete(arguments, variables)

    def contradictions(self, arguments: Arguments, notes: RunNotes) -> t.Iterable[str]:
        """What another task of this run removes, or what this one would remove of another's."""
        maps = declared(arguments)
        pruned = {directory: set(names) for directory, names in notes.all(PRUNED)}
        problems = list(removed_declarations(maps, pruned))
        pruning = self._pruning(arguments, maps)
        if pruning:
            problems += pruned_declarations(pruning, notes.paths(DECLARED))
        if not problems:
            notes.add(DECLARED, maps)
            if pruning:
                notes.add(PRUNED, [pruning.directory, kept(pruning)])
        return problems

    @staticmethod
    def _pruning(arguments: Arguments, maps: t.Sequence[str]) -> t.Any:
        prune = arguments.get("prune")
        if not isinstance(prune, dict) or boolean(prune.get("report_only"), strict=False):
            return None
        also = texts(prune.get("keep_also"))
        keep = [
            *maps,
            *declared(arguments, "objects"),
            *declared(arguments, "links"),
            *(also if isinstance(also, list) else ()),
        ]
        return prune_of({"directory": prune.get("directory"), "keep": keep})

    def in_a_check(self, arguments: Arguments, notes: RunNotes) -> Arguments:
        """With the paths that are free by then."""
        return with_freed(arguments, notes.paths(FREED), "maps", "links", "objects")

    def foretell(self, result: t.Mapping[str, t.Any], notes: RunNotes) -> None:
        """Note the paths that are free by then."""
        if not result.get("failed"):
            gone = result.get("absent") or ()
            notes.add(FREED, [pin["path"] for pin in gone if pin["action"] == Action.REMOVE.value])
