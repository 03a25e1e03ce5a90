# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller does for the module of this name."""

from __future__ import annotations

from ..plugin_utils._joined_arguments import JoinedArguments


class ActionModule(JoinedArguments):
    """The lists of several groups, joined, and with the files of the controller."""

    takes_lists = True
    takes_objects = True
