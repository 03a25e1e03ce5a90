# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller does for the module of this name."""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleError, AnsibleFileNotFound

from ..module_utils._core.errors import PinningError
from ..module_utils._core.options import ASKED
from ..plugin_utils._declared import Arguments
from ..plugin_utils._plain_arguments import PlainArguments
from ..plugin_utils._preflight_object import what_is_asked


class ActionModule(PlainArguments):
    """Reads the object file, and sends what a host has to know of it."""

    def complete(self, arguments: Arguments, _variables: t.Mapping[str, t.Any]) -> Arguments:
        """With what is asked of the host; PinningError where the file cannot be read."""
        name = arguments.get("object")
        if not isinstance(name, str) or not name:
            return arguments  # the module says what is missing
        try:
            return {**arguments, ASKED: what_is_asked(self._content(name))}
        except PinningError as error:
            raise PinningError(f"object: {name}: {error}") from None

    def _find(self, name: str) -> str:
        """As for any file of the controller; then from where Ansible was started.

        A playbook of a collection is nowhere near the files of who runs it.
        """
        try:
            action: t.Any = self
            path: str = action._find_needle("files", name)
        except AnsibleFileNotFound:
            if not os.path.isfile(name):
                raise
            path = os.path.abspath(name)
        return path

    def _content(self, name: str) -> bytes:
        loader = self._loader
        try:
            real = loader.get_real_file(self._find(name))
        except AnsibleFileNotFound as error:
            places = ", ".join(dict.fromkeys([*(error.paths or ()), os.path.abspath(name)]))
            raise PinningError(
                f"it is not on the controller, where it was looked for at {places}"
            ) from None
        except AnsibleError as error:
            raise PinningError(f"it cannot be read on the controller: {error}") from None
        try:
            with open(real, "rb") as file:
                return file.read()
        except OSError as error:
            raise PinningError(f"it cannot be read on the controller: {error.strerror}") from None
        finally:
            loader.cleanup_tmp_file(real)
