# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of entries and object files of the controller, on their way to a host. Private."""

from __future__ import annotations

import hashlib
import os
import typing as t

from ansible.errors import AnsibleError, AnsibleFileNotFound

from ..module_utils._core.errors import PinningError
from ..module_utils._core.list_file import MOST_BYTES, too_large


class SentLists:
    """Puts files into the temporary directory that a task has on its host.

    `action` is the action plugin of the task. Ansible removes the directory.
    """

    def __init__(self, action: t.Any, option: str, what: str) -> None:
        self._action = action
        self._option = option  # that names them
        self._what = what  # it is, in messages
        self.digests: t.Dict[str, str] = {}  # by name
        self._sent: t.Dict[str, str] = {}  # by the path on the controller, that on the host

    def send(self, names: t.Sequence[str]) -> t.Dict[str, str]:
        """Return by name the paths on the host; PinningError where a file cannot be had.

        As it is, or decrypted where ansible-vault has encrypted it.
        """
        found = {name: self._find(name) for name in names}
        shell = self._action._connection._shell
        if shell.tmpdir is None:
            self._action._make_tmp_path()
        for name, path in found.items():
            if path not in self._sent:
                there = shell.join_path(shell.tmpdir, f"{self._option}-{len(self._sent)}")
                self._transfer(name, path, there)
                self._sent[path] = there
        self._action._fixup_perms2((shell.tmpdir, *self._sent.values()), execute=False)
        return {name: self._sent[path] for name, path in found.items()}

    def _find(self, name: str) -> str:
        try:
            path: str = self._action._find_needle("files", name)
        except AnsibleFileNotFound as error:
            places = ", ".join(dict.fromkeys(error.paths or [name]))
            raise PinningError(
                f"{self._option}: {name} is not on the controller, where it was looked for at "
                f"{places}: put it there, or set remote_src: true if it is on the host"
            ) from None
        if not os.path.isfile(path):
            raise PinningError(
                f"{self._option}: {name} is no file on the controller ({path}): declare the path "
                f"of {self._what}"
            )
        if os.path.getsize(path) > MOST_BYTES:
            raise PinningError(f"{self._option}: {too_large(path)}")
        return os.path.realpath(path)

    def _transfer(self, name: str, path: str, there: str) -> None:
        loader = self._action._loader
        try:
            real = loader.get_real_file(path)
        except AnsibleError as error:
            raise PinningError(
                f"{self._option}: {name} cannot be read on the controller: {error}"
            ) from None
        try:
            with open(real, "rb") as file:
                self.digests[name] = hashlib.sha256(file.read()).hexdigest()
            self._action._transfer_file(real, there)
        finally:
            loader.cleanup_tmp_file(real)
