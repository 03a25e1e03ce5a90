# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller does for the module of this name."""

from __future__ import annotations

import typing as t

from ..module_utils._core.engine.steps import Action
from ..plugin_utils._declared import Arguments, kept, prune_of, pruned_declarations
from ..plugin_utils._plain_arguments import PlainArguments
from ..plugin_utils._run_notes import DECLARED, FREED, PRUNED, PRUNES, RunNotes


class ActionModule(PlainArguments):
    """Refuses to prune what this run has declared."""

    def contradictions(self, arguments: Arguments, notes: RunNotes) -> t.Iterable[str]:
        """Maps that another task of this run declares.

        A task of a playbook itself may empty a directory on purpose, but for what the role keeps.
        """
        pruning, is_roles = prune_of(arguments), self._task.vars.get(PRUNES)
        if pruning is None or is_roles is False:
            return []
        if is_roles:
            paths = notes.paths(DECLARED)
        else:
            paths = [path for _directory, noted in notes.all(PRUNED) for path in noted]
        problems = list(pruned_declarations(pruning, paths))
        if is_roles and not problems:
            notes.add(PRUNED, [pruning.directory, kept(pruning)])
        return problems

    def foretell(self, result: t.Mapping[str, t.Any], notes: RunNotes) -> None:
        """Note the paths that are free by then, unless the task is only there to look."""
        if self._task.vars.get(PRUNES) is not False and not result.get("failed"):
            pins = result.get("pins") or ()
            freed = [pin["path"] for pin in pins if pin["action"] == Action.REMOVE.value]
            notes.add(FREED, freed)
