# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The value of a variable, unless it is blank."""

from __future__ import annotations

DOCUMENTATION = r"""
name: given
short_description: The value of a variable, unless it is blank
version_added: 0.2.0
description:
  - Takes V(null), an empty string and C(omit) for "not set", as surveys, C(default(none)) and
    C(default(omit)) mean them, and gives the default instead.
  - An empty list, V(false) and V(0) are values like any other.
  - The roles of this collection read their variables by it. A value of a wrong type is an error
    that names the variable.
positional: name, type, default
options:
  _input:
    description: The value of the variable. Put C(default(none)) before this filter where it may be
      undefined.
    type: raw
    required: true
  name:
    description: The name of the variable, for the message when its value is wrong.
    type: str
    required: true
  type:
    description:
      - What it has to be. V(bool) is converted as a module would convert it, from V(yes) or
        V('false') for example. V(list) also takes a string or a number, as a module does. V(dicts)
        is a list of dictionaries. Items that are C(omit) are left out of a list.
      - The others are checked where they are used.
    type: str
    choices: [raw, bool, list, dicts]
    default: raw
  default:
    description: What to give where nothing is set.
    type: raw
  needed_by:
    description:
      - The name of a variable that would have everything removed where this one is not set. Then
        that is an error, and no default is taken.
    type: str
  choices:
    description: The values it may have.
    type: list
    elements: str
author:
  - ebpf.pinning contributors (@ebpf-pinning)
"""

EXAMPLES = r"""
- name: Restart the agent unless the survey says no
  ansible.builtin.systemd_service:
    name: agent
    state: restarted
  when: agent_restart | default(none) | ebpf.pinning.given('agent_restart', 'bool', true)
"""

RETURN = r"""
_value:
  description: The value, or O(default).
  type: raw
"""

import typing as t

from ..plugin_utils._given import given


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        """All filters of this file."""
        return {"given": given}
