# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Files that a host keeps: written as a whole, by a rename, and only when they differ."""

from __future__ import annotations

import importlib
import os
import pkgutil
import stat
from contextlib import suppress
from typing import Dict, List, Mapping, Optional

from ..errors import PinningError

_STARTER = """\
#!{python}
# Written by the Ansible collection ebpf.pinning: changes are lost.
import sys

sys.path.insert(0, {library!r})
sys.dont_write_bytecode = True
from _core.restore.command import main

sys.exit(main())
"""


def program(library: str, python: str) -> Dict[str, bytes]:
    """The command and the core package, which is just what runs here, by path below `library`."""
    package = __package__.rpartition(".")[0]
    files = {"ebpf-pinning": _STARTER.format(python=python, library=library).encode()}
    core = importlib.import_module(package)
    names = [package, *(m.name for m in pkgutil.walk_packages(core.__path__, f"{package}."))]
    for name in names:
        module = importlib.import_module(name)
        path = name[len(package) :].replace(".", "/")
        is_package = hasattr(module, "__path__")
        files[f"_core{path}/__init__.py" if is_package else f"_core{path}.py"] = _source(module)
    return files


def _source(module: object) -> bytes:
    loader = getattr(module, "__loader__", None)
    text: Optional[str] = loader.get_source(module.__name__) if loader else None  # type: ignore
    if text is None:
        raise PinningError(f"the source of {module!r} cannot be read: please report it")
    return text.encode()


def stale(directory: str, files: Mapping[str, bytes]) -> List[str]:
    """Files below `directory` that are not among `files`, without what Python caches."""
    found = []
    for folder, _folders, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.relpath(path, directory) not in files:
                found.append(path)
    return sorted(found)


def differs(path: str, content: Optional[bytes], mode: int) -> bool:
    """Whether `write` or, without content, `remove` would change something."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return content is not None
    except NotADirectoryError:
        raise PinningError(f"{path}: a part of the path is no directory: move it away") from None
    if not stat.S_ISREG(status.st_mode):
        raise PinningError(f"{path} is no regular file: look at who made it, and remove it")
    if content is None:
        return True
    if (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) != (0, 0, mode):
        return True
    with open(path, "rb") as file:
        return file.read() != content


def write(path: str, content: bytes, mode: int) -> None:
    """Replace the file in one rename: nobody ever reads half of it."""
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
    temporary = f"{path}.new~"
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(content)
        os.fchown(file.fileno(), 0, 0)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)


def remove(path: str) -> None:
    """Remove a file; it is fine when it is gone."""
    with suppress(FileNotFoundError):
        os.unlink(path)
