# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments to which other variables add. Private to this collection."""

from __future__ import annotations

import typing as t

from ._declared import Arguments
from ._joined_lists import joined
from ._plain_arguments import PlainArguments
from ._plain_values import templated

# A variable of roles and playbooks: for each list of the module, the name of the variable it is of.
NAMES = "__bpf_host_names"
_USUAL_MOUNT = "/sys/fs/bpf"


class JoinedArguments(PlainArguments):
    """Joins to each list those whose names begin with that of its variable and two underscores."""

    def complete(self, arguments: Arguments, variables: t.Mapping[str, t.Any]) -> Arguments:
        """With what other variables add to the lists."""
        template = self._templar.template
        names = templated(variables.get(NAMES), template) or {}
        whole = dict(arguments)
        for key, name in names.items():
            others = sorted(each for each in variables if each.startswith(f"{name}__"))
            if others:
                lists = {each: templated(variables[each], template) for each in others}
                path = _USUAL_MOUNT if key == "mounts" else None
                directory = str(arguments.get("directory") or "")
                whole[key] = joined({name: arguments.get(key), **lists}, directory, path)
        return whole
