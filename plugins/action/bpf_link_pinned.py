# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller does for the module of this name."""

from __future__ import annotations

from ..plugin_utils._declared import Arguments, with_freed
from ..plugin_utils._plain_arguments import PlainArguments
from ..plugin_utils._run_notes import FREED, RunNotes


class ActionModule(PlainArguments):
    """Knows in a check what tasks before would have removed."""

    def in_a_check(self, arguments: Arguments, notes: RunNotes) -> Arguments:
        """With the paths that are free by then."""
        return with_freed(arguments, notes.paths(FREED), "links")
