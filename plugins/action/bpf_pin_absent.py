# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller does for the module of this name."""

from __future__ import annotations

import typing as t

from ..plugin_utils._plain_arguments import PlainArguments
from ..plugin_utils._pruned import Arguments, Pruned, pruned_declarations


class ActionModule(PlainArguments):
    """Refuses to prune what this run has declared."""

    def contradictions(self, arguments: Arguments, pruned: Pruned) -> t.Iterable[str]:
        """Pins that another call of this run keeps."""
        return pruned_declarations(arguments, pruned)
