# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `ebpf-pinning` as files of a host. Private to this collection.

What is installed is the core that runs here. Its directory is called after what is in it, so an
upgrade is the one rename that gives the starter its new text: a host that is switched off in the
middle has the old command or the new one.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
import re
import shutil
import stat
import typing as t
from contextlib import suppress
from types import ModuleType

from . import _core
from ._core.errors import PinningError

STARTER = "ebpf-pinning"
_STARTER_TEXT = """\
#!{python} -I
# Written by the Ansible collection ebpf.pinning: changes are lost.
import sys

sys.path.insert(0, {core!r})
from _core.restore.command import main

sys.exit(main())
"""


class HostFile(t.NamedTuple):
    """A file that is to be there with just this content, owned by root; without, it is to go."""

    path: str
    content: t.Optional[bytes]
    mode: int = 0o644

    @property
    def differs(self) -> bool:
        """Whether `settle` would change something; PinningError where it must not."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            return self.content is not None or os.path.lexists(self._temporary)
        except NotADirectoryError:
            raise PinningError(
                f"{self.path}: a part of the path is no directory: move it away"
            ) from None
        if not stat.S_ISREG(status.st_mode):
            raise PinningError(
                f"{self.path} is no regular file: look at who made it, and remove it"
            )
        if self.content is None:
            return True
        if (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) != (0, 0, self.mode):
            return True
        with open(self.path, "rb") as file:
            return file.read() != self.content

    @property
    def _temporary(self) -> str:
        return f"{self.path}.new~"  # where a killed run leaves it

    def settle(self) -> None:
        """Write or remove it. In one rename: nobody ever reads half of it."""
        with suppress(FileNotFoundError):
            os.unlink(self._temporary)
        if self.content is None:
            with suppress(FileNotFoundError):
                os.unlink(self.path)
            return
        _make_directories(os.path.dirname(self.path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self._temporary, flags, 0o600), "wb") as file:
            file.write(self.content)
            os.fchown(file.fileno(), 0, 0)
            os.fchmod(file.fileno(), self.mode)
            file.flush()
            os.fsync(file.fileno())
        os.rename(self._temporary, self.path)


def _make_directories(path: str) -> None:
    """Those that are missing, open for all to read and for root to write, whatever the umask is."""
    if os.path.isdir(path):
        return
    _make_directories(os.path.dirname(path))
    with suppress(FileExistsError):
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)


def program(library: str, python: str) -> t.List[HostFile]:
    """All files of the command, in the order to write them in: the last one makes it so."""
    sources = {_file_of(module): _source(module) for module in _modules()}
    digest = hashlib.sha256()
    for name, text in sorted(sources.items()):
        digest.update(b"%s\0%d\0%s" % (name.encode(), len(text), text))
    core = f"{library}/core-{digest.hexdigest()[:16]}"
    starter = _STARTER_TEXT.format(python=python, core=core).encode()
    return [
        *(HostFile(f"{core}/{name}", text) for name, text in sources.items()),
        HostFile(f"{library}/{STARTER}", starter, 0o755),
    ]


def outdated(library: str, files: t.Sequence[HostFile]) -> t.List[str]:
    """Directories of cores in `library` that `files` do not use; nothing else is looked at."""
    used = {os.path.dirname(file.path)[: len(library) + len("/core-") + 16] for file in files}
    try:
        names = os.listdir(library)
    except FileNotFoundError:
        return []
    paths = [f"{library}/{name}" for name in sorted(names) if _CORE.fullmatch(name)]
    return [
        path
        for path in paths
        if path not in used and os.path.isdir(path) and not os.path.islink(path)
    ]


def remove_core(path: str) -> None:
    """Remove a directory that `outdated` named."""
    shutil.rmtree(path)


def _modules() -> t.List[ModuleType]:
    prefix = f"{_core.__name__}."
    names = [module.name for module in pkgutil.walk_packages(_core.__path__, prefix)]
    return [_core, *map(importlib.import_module, names)]


def _file_of(module: ModuleType) -> str:
    path = "_core" + module.__name__[len(_core.__name__) :].replace(".", "/")
    return f"{path}/__init__.py" if hasattr(module, "__path__") else f"{path}.py"


def _source(module: ModuleType) -> bytes:
    loader = module.__loader__
    text: t.Optional[str] = loader.get_source(module.__name__)  # type: ignore[union-attr]
    if text is None:
        raise PinningError(f"the source of {module.__name__} cannot be read: please report it")
    return text.encode()


_CORE = re.compile("core-[0-9a-f]{16}")
