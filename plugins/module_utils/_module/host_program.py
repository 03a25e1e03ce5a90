# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `ebpf-pinning` as files of a host. Private to this collection.

What is installed is the core that runs here. Its directory is called after what is in it, so an
upgrade is the one rename that gives the starter its new text: a host that is switched off in the
middle has the old command or the new one.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import pkgutil
import re
import shutil
import stat
import tempfile
import typing as t
from contextlib import suppress
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

from .. import _core
from .._core import files
from .._core.errors import PinningError
from .._core.syscall import Fd

STARTER = "ebpf-pinning"
# The core is loaded by its place, so that nothing else is ever looked for there; and nothing of the
# standard library beside this file, as Python does where it is started without -I.
_STARTER_TEXT = """\
#!{python} -IS
# Written by the Ansible collection ebpf.pinning: changes are lost.
import sys

sys.path = [each for each in sys.path if each not in ("", __file__.rpartition("/")[0])]
sys.dont_write_bytecode = True
from importlib.util import module_from_spec, spec_from_file_location

core = {core!r}
spec = spec_from_file_location("_core", core + "/__init__.py", submodule_search_locations=[core])
sys.modules["_core"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["_core"])
from _core.command.main import main

sys.exit(main())
"""


class HostFile(t.NamedTuple):
    """A file that is to be there with just this content, owned by root; without, it is to go."""

    path: str
    content: t.Optional[bytes]
    mode: int = 0o644

    @property
    def differs(self) -> bool:
        """Return whether `settle` would change something; PinningError where it must not."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            return self.content is not None or bool(files.leftovers(self.path))
        except NotADirectoryError:
            _refuse_no_directory(self.path)
        if self.content is None:
            _check_regular(self.path, status)
            return True
        return not _is_as_wanted(self.path, status, self.mode, self.content)

    def hindrances(self) -> t.Iterator[str]:
        """Return what would keep `settle` from its work."""
        return files.hindrances(self.path, len(self.content or b""))

    def settle(self) -> None:
        """Write or remove it. In one rename: nobody ever reads half of it."""
        for each in files.leftovers(self.path):
            files.remove(each)
        if self.content is None:
            files.remove(self.path)
            return
        _make_directories(os.path.dirname(self.path))
        files.replace(self.path, self.content, self._dress)

    def _dress(self, fd: int) -> None:
        os.fchown(fd, 0, 0)
        os.fchmod(fd, self.mode)


class HostCore(t.NamedTuple):
    """A directory that is to hold just these files, all of them root's."""

    path: str
    contents: t.Mapping[str, bytes]  # by the path below

    @property
    def differs(self) -> bool:
        """Return whether anything is missing, too many, or changed; PinningError as above."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            return True
        except NotADirectoryError:
            _refuse_no_directory(self.path)
        if not stat.S_ISDIR(status.st_mode):
            _refuse_no_directory(self.path)
        found = {".": _is_open_directory(status)}
        for top, directories, names in os.walk(self.path):
            for name in (*directories, *names):
                at = f"{top}/{name}"
                below = at[len(self.path) + 1 :]
                found[below] = self._is_as_wanted(at, below)
        return not all(found.values()) or found.keys() != {".", *self._directories, *self.contents}

    @property
    def _directories(self) -> t.Set[str]:
        parts = [name.split("/") for name in self.contents]
        return {"/".join(each[:depth]) for each in parts for depth in range(1, len(each))}

    def _is_as_wanted(self, at: str, below: str) -> bool:
        status = os.lstat(at)
        if below in self.contents:
            return _is_as_wanted(at, status, 0o644, self.contents[below])
        if below in self._directories and not stat.S_ISDIR(status.st_mode):
            _refuse_no_directory(at)
        return below in self._directories and _is_open_directory(status)

    def hindrances(self) -> t.Iterator[str]:
        """Yield what would keep `settle` from its work."""
        yield from files.hindrances(self.path, sum(map(len, self.contents.values())))
        if os.path.lexists(self.path):
            yield from files.hindrances_below(self.path)

    def settle(self) -> None:
        """Make it anew, and rename it into its place; what was there goes as a whole."""
        library = os.path.dirname(self.path)
        _make_directories(library)
        with files.explained(self.path):
            while not self._is_made(library):
                pass

    def _is_made(self, library: str) -> bool:
        """False when another run, which began at the same time, took it for a leftover."""
        new = self._new_directory(library)
        with suppress(FileNotFoundError), Fd(os.open(new, _OPEN_DIRECTORY)) as fd:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                if not os.path.isdir(new):
                    return False
                self._fill(new)
                self._install(new, library)
            finally:
                shutil.rmtree(new, ignore_errors=True)
            return True
        return False

    def _new_directory(self, library: str) -> str:
        return tempfile.mkdtemp(prefix=f"{os.path.basename(self.path)}~", dir=library)  # 0700

    def _fill(self, new: str) -> None:
        os.chown(new, 0, 0)
        os.chmod(new, 0o700)  # without the bit that hands the group of the library down
        for name in sorted(self._directories):
            os.mkdir(f"{new}/{name}")
            os.chown(f"{new}/{name}", 0, 0)
            os.chmod(f"{new}/{name}", 0o755)
        for name, content in self.contents.items():
            with open(f"{new}/{name}", "xb") as file:
                file.write(content)
                os.fchown(file.fileno(), 0, 0)
                os.fchmod(file.fileno(), 0o644)
                file.flush()
                os.fsync(file.fileno())
        os.chmod(new, 0o755)

    def _install(self, new: str, library: str) -> None:
        try:
            os.rename(new, self.path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if self.differs:  # else another run was faster
                old = self._new_directory(library)
                os.rename(self.path, old)
                os.rename(new, self.path)
                remove_core(old)
        files.sync(library)


class HostLink(t.NamedTuple):
    """A symlink that is to be there; without content it is to go, if it leads to `target`."""

    path: str
    target: str
    content: t.Optional[bytes] = b""

    @property
    def differs(self) -> bool:
        """Return whether `settle` would change something; PinningError where it must not."""
        if not os.path.lexists(self.path):
            return self.content is not None
        if os.path.islink(self.path) and os.readlink(self.path) == self.target:
            return self.content is None
        if self.content is None:
            return False  # it is somebody else's
        raise PinningError(
            f"{self.path} is there already, and does not lead to {self.target}: see what it is, "
            "and move it away"
        )

    def hindrances(self) -> t.Iterator[str]:
        """Return what would keep `settle` from its work."""
        return files.hindrances(self.path, 0)

    def settle(self) -> None:
        """Make or remove it, in one rename."""
        if self.content is None:
            files.remove(self.path)
            return
        directory = os.path.dirname(self.path)
        _make_directories(directory)
        new = f"{self.path}.{os.urandom(4).hex()}~"
        with files.explained(self.path):
            os.symlink(self.target, new)
            os.rename(new, self.path)
            files.sync(directory)


Wanted = t.Union[HostFile, HostCore, HostLink]


def _is_as_wanted(path: str, status: os.stat_result, mode: int, content: bytes) -> bool:
    _check_regular(path, status)
    if (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) != (0, 0, mode):
        return False
    with open(path, "rb") as file:
        return file.read() == content


def _is_open_directory(status: os.stat_result) -> bool:
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, 0o755)


def _check_regular(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PinningError(f"{path} is not a regular file: look at who made it, and remove it")


def _refuse_no_directory(path: str) -> t.NoReturn:
    raise PinningError(f"{path}: a part of the path is not a directory: move it away") from None


def _make_directories(path: str) -> None:
    """Those that are missing, open for all to read and for root to write, whatever the umask is."""
    if os.path.isdir(path):
        return
    _make_directories(os.path.dirname(path))
    with files.explained(path), suppress(FileExistsError):
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)


def program(library: str, python: str) -> t.Tuple[HostCore, HostFile]:
    """The command, in the order to write it in: the last file makes it so."""
    sources = {_file_of(module): _source(module) for module in _modules()}
    digest = hashlib.sha256()
    for name, text in sorted(sources.items()):
        digest.update(b"%s\0%d\0%s" % (name.encode(), len(text), text))
    core = f"{library}/core-{digest.hexdigest()[:16]}"
    starter = _STARTER_TEXT.format(python=python, core=f"{core}/_core").encode()
    return HostCore(core, sources), HostFile(f"{library}/{STARTER}", starter, 0o755)


def for_people(starter: str) -> t.Tuple[t.Union[HostFile, HostLink], ...]:
    """What has people find the command by its name: on PATH, in manuals, completed by bash."""
    from . import manual

    return (
        HostLink(f"/usr/local/bin/{STARTER}", starter),
        HostFile(f"/usr/local/share/man/man8/{STARTER}.8", manual.page().encode()),
        HostFile(f"{_COMPLETIONS}/{STARTER}", manual.completion().encode()),
    )


def gone(
    wanted: t.Iterable[t.Union[HostFile, HostLink]],
) -> t.List[t.Union[HostFile, HostLink]]:
    """The same, to go."""
    return [each._replace(content=None) for each in wanted]


def outdated(library: str, used: t.Collection[str]) -> t.List[str]:
    """Directories of cores in `library` other than `used`, and what killed runs have left of one.

    Nothing else is looked at.
    """
    try:
        names = os.listdir(library)
    except FileNotFoundError:
        return []
    paths = [f"{library}/{name}" for name in sorted(names) if _CORE.fullmatch(name)]
    return [
        path
        for path in paths
        if path not in used
        and os.path.isdir(path)
        and not os.path.islink(path)
        and not files.is_in_use(path)
    ]


def remove_core(path: str) -> None:
    """Remove a directory that `outdated` named, unless a run has begun to work in it since."""
    is_gone = suppress(FileNotFoundError)
    with files.explained(path), is_gone, Fd(os.open(path, _OPEN_DIRECTORY)) as fd:
        if not files.is_in_use(path):
            with suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a run that makes it waits
            shutil.rmtree(path)


def _modules() -> t.List[ModuleSpec]:
    """Return what there is of the core. None of it is loaded for that, but for its packages."""
    prefix = f"{_core.__name__}."
    names = [module.name for module in pkgutil.walk_packages(_core.__path__, prefix)]
    found = [find_spec(name) for name in (_core.__name__, *names)]
    return [spec for spec in found if spec is not None]


def _file_of(spec: ModuleSpec) -> str:
    path = "_core" + spec.name[len(_core.__name__) :].replace(".", "/")
    is_package = spec.submodule_search_locations is not None
    return f"{path}/__init__.py" if is_package else f"{path}.py"


def _source(spec: ModuleSpec) -> bytes:
    text: t.Optional[str] = spec.loader.get_source(spec.name)  # type: ignore[union-attr]
    if text is None:
        raise PinningError(f"the source of {spec.name} cannot be read: please report it")
    return text.encode()


_COMPLETIONS = "/usr/local/share/bash-completion/completions"
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CORE = re.compile("core-[0-9a-f]{16}(~[a-z0-9_]{8})?")
