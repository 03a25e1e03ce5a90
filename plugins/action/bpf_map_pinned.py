# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller does for the module of this name."""

from __future__ import annotations

import typing as t

from ..plugin_utils._declared import (
    Arguments,
    declared,
    prune_of,
    pruned_declarations,
    removed_declarations,
    with_freed,
)
from ..plugin_utils._plain_arguments import PlainArguments
from ..plugin_utils._run_notes import DECLARED, FREED, PRUNED, PRUNES, RunNotes


class ActionModule(PlainArguments):
    """Refuses maps that the role bpf_maps prunes in this run."""

    takes_lists = True

    def contradictions(self, arguments: Arguments, notes: RunNotes) -> t.Iterable[str]:
        """Maps that another call does not keep, or those that this one is not going to keep."""
        paths = declared(arguments)
        pruned = {directory: set(kept) for directory, kept in notes.all(PRUNED)}
        problems = list(removed_declarations(paths, pruned))
        if self._templar.template(self._task.vars.get(PRUNES)):
            pruning = prune_of({"directory": arguments.get("directory"), "keep": paths})
            problems += pruned_declarations(pruning, notes.paths(DECLARED)) if pruning else ()
        if not problems:
            notes.add(DECLARED, paths)
        return problems

    def in_a_check(self, arguments: Arguments, notes: RunNotes) -> Arguments:
        """With the paths that are free by then."""
        return with_freed(arguments, notes.paths(FREED), "maps")
