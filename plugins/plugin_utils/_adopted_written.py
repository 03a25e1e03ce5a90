# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of variables beside an inventory, written where none is. Private to this collection."""

from __future__ import annotations

import os
import tempfile
import typing as t

from ..module_utils._core.engine.steps import Action
from ..module_utils._core.errors import PinningError
from ..module_utils._core.new_file import NewFile
from ._adopted_files import BTF, AdoptedFile

# What Ansible reads, the first that is there (find_vars_files); a directory as a whole.
_ENDINGS = ("", ".yml", ".yaml", ".json")
_IN_A_DIRECTORY = "bpf.yml"


class Wanted(t.NamedTuple):
    """A file as it is to be, and as it is."""

    path: str
    text: str
    found: t.Optional[str]  # None: there is none
    is_secret: bool

    @property
    def changes(self) -> bool:
        """Return whether it is to be written."""
        return self.found != self.text

    @property
    def action(self) -> str:
        """Return what becomes of it, in the words of other results."""
        if not self.changes:
            action = Action.KEEP
        else:
            action = Action.CREATE if self.found is None else Action.REPLACE
        return str(action.value)

    def diff(self) -> t.Dict[str, str]:
        """Return both sides, as Ansible shows them."""
        sides = {"before": self.found or "", "after": self.text}
        if self.is_secret:
            sides = dict.fromkeys(sides, "entries of maps are in it\n")
        return {**sides, "before_header": self.path, "after_header": self.path}


class Folder:
    """The directory that group_vars and host_vars are in."""

    def __init__(self, path: str) -> None:
        self._path = path

    def plan(self, files: t.Sequence[AdoptedFile], *, overwrite: bool) -> t.List[Wanted]:
        """Return where each goes; PinningError if another is there, unless that is to go."""
        wanted, taken = [], []
        for file in files:
            if "/" in file.name or file.name.startswith("."):
                raise PinningError(
                    f"the host {file.name} cannot have a file of its own: give it another name in "
                    "the inventory, with ansible_host for its address"
                )
            path, hindrance = self._place(file)
            if hindrance and not (overwrite and hindrance == path):
                taken.append(hindrance)
                continue
            each = Wanted(path, file.text, _read(path), file.is_secret)
            if each.found is not None and each.changes and not overwrite:
                taken.append(path)
            wanted.append(each)
        if taken:
            raise PinningError(
                f"{', '.join(taken)} is there already, and is left as it is: move it into a "
                "directory of the same name without the ending, which Ansible reads as a whole; "
                "or adopt into another directory (adopt_directory); or set adopt_overwrite: true "
                "(overwrite) to replace files of the same name. Nothing was written"
            )
        return wanted

    def _place(self, file: AdoptedFile) -> t.Tuple[str, str]:
        """Return where a file goes, and what would keep Ansible from reading it or another."""
        base = os.path.join(self._path, file.folder, file.name)
        if file.folder == BTF:
            return base, ""
        if os.path.isdir(base):
            return os.path.join(base, _IN_A_DIRECTORY), ""
        path = f"{base}.yml"
        others = (f"{base}{ending}" for ending in _ENDINGS)
        return path, next((each for each in others if each != path and os.path.exists(each)), "")

    def write(self, wanted: t.Sequence[Wanted]) -> None:
        """Write what changes, each in one rename; what others read before those."""
        for each in reversed(wanted):
            if each.changes:
                folder = os.path.dirname(each.path)
                os.makedirs(folder, exist_ok=True)
                descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".adopted-")
                with NewFile(descriptor, temporary) as new:
                    new.write([each.text.encode()])
                    os.fchmod(new.fd, 0o600 if each.is_secret else 0o644)
                    new.publish(each.path)


def _read(path: str) -> t.Optional[str]:
    if not os.path.lexists(path):
        return None
    if not os.path.isfile(path):
        raise PinningError(f"{path} is there and is not a file: move it away, then adopt again")
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
