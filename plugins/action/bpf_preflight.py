# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the controller does for the module of this name."""

from __future__ import annotations

import os
import typing as t
from contextlib import suppress

from ansible.errors import AnsibleError, AnsibleFileNotFound

from ..module_utils._core.errors import PinningError
from ..module_utils._core.loader_rules import LOADERS_OF_LEGACY
from ..module_utils._core.options import ASKED
from ..plugin_utils._declared import Arguments
from ..plugin_utils._plain_arguments import PlainArguments
from ..plugin_utils._run_notes import READ, RunNotes


class ActionModule(PlainArguments):
    """Reads the object file, and sends what a host has to know of it."""

    def complete(self, arguments: Arguments, _variables: t.Mapping[str, t.Any]) -> Arguments:
        """With what is asked of the host; PinningError where the file cannot be read."""
        name = arguments.get("object")
        if not isinstance(name, str) or not name:
            return arguments  # the module says what is missing
        try:
            takes_legacy = arguments.get("loader") in LOADERS_OF_LEGACY
            return {**arguments, ASKED: self._asked(self._found(name), takes_legacy)}
        except PinningError as error:
            raise PinningError(f"object: {name}: {error}") from None

    def _asked(self, path: str, takes_legacy: bool) -> t.Any:
        """What the file asks of a host. It is read once in a run, however many hosts there are."""
        try:
            status = os.stat(path)
        except OSError as error:
            raise PinningError(f"it cannot be read on the controller: {error.strerror}") from None
        notes = RunNotes(f"{path} {status.st_mtime_ns} {status.st_size} {takes_legacy}")
        with suppress(ValueError):  # another task may be writing it down
            known = notes.all(READ)
            if known:
                return known[0]
        from ..plugin_utils._preflight_object import what_is_asked

        asked = what_is_asked(self._content(path), takes_legacy=takes_legacy)
        notes.add(READ, asked)
        return asked

    def _found(self, name: str) -> str:
        """As for any file of the controller; then from where Ansible was started.

        A playbook of a collection is nowhere near the files of who runs it.
        """
        action: t.Any = self
        try:
            path: str = action._find_needle("files", name)
        except AnsibleFileNotFound as error:
            if not os.path.isfile(name):
                places = [*(error.paths or ()), os.path.abspath(name)]
                raise PinningError(
                    "it is not on the controller, where it was looked for at "
                    f"{', '.join(dict.fromkeys(places))}"
                ) from None
            path = name
        return os.path.abspath(path)

    def _content(self, path: str) -> bytes:
        """As it is, or decrypted where ansible-vault has encrypted it."""
        try:
            real = self._loader.get_real_file(path)
        except AnsibleError as error:
            raise PinningError(f"it cannot be read on the controller: {error}") from None
        try:
            with open(real, "rb") as file:
                return file.read()
        except OSError as error:
            raise PinningError(f"it cannot be read on the controller: {error.strerror}") from None
        finally:
            self._loader.cleanup_tmp_file(real)
