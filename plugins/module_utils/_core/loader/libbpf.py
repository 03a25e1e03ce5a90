# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The functions of libbpf that load an object, from 0.3 to the newest; for the fenced process only.

What a libbpf can do is told by the functions that it has, never by its version. Its messages go to
standard error, and those of the verifier with them.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Callable, Dict, Iterator, Optional

from .request import LoadRequest

NAMES = ("libbpf.so.1", "libbpf.so.0")
FOLDER = "EBPF_PINNING_LIBBPF"  # of the environment: an absolute path, where tests have it


class Missing(Exception):
    """There is no libbpf, or it cannot be opened, as the text says."""


class TooOld(Exception):
    """This libbpf lacks a function; the text is its name."""


class Failed(Exception):
    """A function of libbpf refused."""

    def __init__(self, step: str, number: int, program: str = "", name: str = "") -> None:
        super().__init__(step)
        self.step = step
        self.number = number  # errno
        self.program = program
        self.map = name


class Libbpf:
    """libbpf, as this host has it."""

    def __init__(self) -> None:
        self._library = _open()
        self._known: Dict[str, Any] = {}

    def has(self, name: str) -> bool:
        """Return whether it has this function."""
        return self._find(name) is not None

    def function(self, name: str, *or_formerly: str, returns: Any = ctypes.c_int) -> Any:
        """Return a function by its name, or by one that it had before; TooOld without any."""
        for each in (name, *or_formerly):
            found = self._find(each)
            if found is not None:
                found.restype = returns
                return found
        raise TooOld(name)

    def version(self) -> str:
        """Return its version; before 0.6 it tells only by the name of its file."""
        if self.has("libbpf_version_string"):
            text: bytes = self.function("libbpf_version_string", returns=ctypes.c_char_p)()
            return text.decode("ascii", "replace").lstrip("v")
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as mapped:
            paths = [line.split()[-1] for line in mapped if "/libbpf.so." in line]
        return os.path.realpath(paths[0]).rpartition(".so.")[2] if paths else ""

    def _find(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = getattr(self._library, name, None)
        return self._known[name]


class OpenOptions(ctypes.Structure):
    """struct bpf_object_open_opts; older ones end earlier, and want what follows to be zero."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("object_name", ctypes.c_char_p),
        ("relaxed_maps", ctypes.c_bool),
        ("pin_root_path", ctypes.c_char_p),
        ("attach_prog_fd", ctypes.c_uint32),
        ("kconfig", ctypes.c_char_p),
        ("btf_custom_path", ctypes.c_char_p),
        ("kernel_log_buf", ctypes.c_char_p),
        ("kernel_log_size", ctypes.c_size_t),
        ("kernel_log_level", ctypes.c_uint32),
    )


class LoadAttributes(ctypes.Structure):
    """struct bpf_object_load_attr, which libbpf had before 1.0."""

    _fields_ = (
        ("obj", ctypes.c_void_p),
        ("log_level", ctypes.c_int),
        ("target_btf_path", ctypes.c_char_p),
    )


class LoadedObject:
    """The object of a request, in the kernel."""

    def __init__(self, libbpf: Libbpf, request: LoadRequest) -> None:
        self._libbpf = libbpf
        self._request = request
        self._tell_everything()
        self._object = self._open()
        self._programs = {self._name_of(each): each for each in self._all_programs()}
        self._maps = {self._map_name_of(each): each for each in self._all_maps()}
        self._check_names()
        self._choose_programs()
        self._set_maps()
        self._load()

    def program_fd(self, name: str) -> int:
        """The descriptor of a program."""
        fd: int = self._libbpf.function("bpf_program__fd")(self._programs[name])
        _check("bpf_program__fd", fd, name)
        return fd

    def map_fd(self, name: str) -> int:
        """The descriptor of a map, or of that of a section."""
        fd: int = self._libbpf.function("bpf_map__fd")(self._maps[name])
        _check("bpf_map__fd", fd, name=name)
        return fd

    def _tell_everything(self) -> None:
        """Have all messages written: to the descriptor 0, 1 or 2, as levels have these numbers."""
        if self._request.log_level:
            libc = ctypes.CDLL(None)
            self._libbpf.function("libbpf_set_print", returns=ctypes.c_void_p)(libc.vdprintf)

    def _open(self) -> ctypes.c_void_p:
        request = self._request
        name = request.object_name.encode()
        options = OpenOptions(OpenOptions.btf_custom_path.offset, name)
        if self._libbpf.has("bpf_program__set_log_level"):  # 0.7, as are these options
            if request.kernel_btf is not None:
                options.btf_custom_path = os.fsencode(request.kernel_btf)
                options.sz = OpenOptions.kernel_log_buf.offset
            if request.log_level:
                options.kernel_log_level = request.log_level
                options.sz = ctypes.sizeof(OpenOptions)
        opened = self._libbpf.function("bpf_object__open_mem", returns=ctypes.c_void_p)(
            request.object, ctypes.c_size_t(len(request.object)), ctypes.byref(options)
        )
        number = _error_of(opened)
        if number:
            raise Failed("bpf_object__open_mem", number)
        return ctypes.c_void_p(opened)

    def _all_programs(self) -> Iterator[ctypes.c_void_p]:
        if self._libbpf.has("bpf_object__next_program"):
            following = self._libbpf.function("bpf_object__next_program", returns=ctypes.c_void_p)
            yield from _chain(lambda last: following(self._object, last))
        else:
            following = self._libbpf.function("bpf_program__next", returns=ctypes.c_void_p)
            yield from _chain(lambda last: following(last, self._object))

    def _all_maps(self) -> Iterator[ctypes.c_void_p]:
        if self._libbpf.has("bpf_object__next_map"):
            following = self._libbpf.function("bpf_object__next_map", returns=ctypes.c_void_p)
            yield from _chain(lambda last: following(self._object, last))
        else:
            following = self._libbpf.function("bpf_map__next", returns=ctypes.c_void_p)
            yield from _chain(lambda last: following(last, self._object))

    def _name_of(self, program: ctypes.c_void_p) -> str:
        name: bytes = self._libbpf.function("bpf_program__name", returns=ctypes.c_char_p)(program)
        return name.decode("utf-8", "replace")

    def _map_name_of(self, found: ctypes.c_void_p) -> str:
        """That of its declaration, or of the section whose variables are in it."""
        text: bytes = self._libbpf.function("bpf_map__name", returns=ctypes.c_char_p)(found)
        name = text.decode("utf-8", "replace")
        is_internal = self._libbpf.function("bpf_map__is_internal", returns=ctypes.c_bool)
        # It may begin with that of the object.
        return "." + name.partition(".")[2] if is_internal(found) else name

    def _check_names(self) -> None:
        request = self._request
        for name in (*request.programs, *request.targets):
            if name not in self._programs:
                raise Failed("bpf_object__find_program_by_name", _ENOENT, name)
        for name in (*request.maps, *request.data, *request.returned_maps):
            if name not in self._maps:
                raise Failed("bpf_object__find_map_by_name", _ENOENT, name=name)

    def _choose_programs(self) -> None:
        set_autoload = self._libbpf.function("bpf_program__set_autoload")
        wanted = frozenset(self._request.programs)
        for name, program in self._programs.items():
            _check("bpf_program__set_autoload", set_autoload(program, name in wanted), name)
        type_of = self._libbpf.function("bpf_program__type", "bpf_program__get_type")
        for name, (number, attach) in self._request.types.items():
            found = self._programs.get(name)
            if number and found is not None and not type_of(found):
                self._libbpf.function("bpf_program__set_type")(found, number)
                self._libbpf.function("bpf_program__set_expected_attach_type")(found, attach)
        for name, target in self._request.targets.items():
            set_target = self._libbpf.function("bpf_program__set_attach_target")
            code = set_target(self._programs[name], target.program_fd, target.function.encode())
            _check("bpf_program__set_attach_target", code, name)

    def _set_maps(self) -> None:
        """Give it our maps, so that it makes none of them and looks for none in a bpffs."""
        request = self._request
        set_pin_path = self._libbpf.function("bpf_map__set_pin_path")
        for name, found in self._maps.items():
            _check("bpf_map__set_pin_path", set_pin_path(found, None), name=name)
        for name, content in request.data.items():
            set_value = self._libbpf.function("bpf_map__set_initial_value")
            code = set_value(self._maps[name], content, ctypes.c_size_t(len(content)))
            _check("bpf_map__set_initial_value", code, name=name)
        for name, fd in request.maps.items():
            code = self._libbpf.function("bpf_map__reuse_fd")(self._maps[name], fd)
            _check("bpf_map__reuse_fd", code, name=name)

    def _load(self) -> None:
        request = self._request
        is_old = not self._libbpf.has("bpf_program__set_log_level")
        if is_old and (request.log_level or request.kernel_btf is not None):
            path = None if request.kernel_btf is None else os.fsencode(request.kernel_btf)
            attributes = LoadAttributes(self._object, request.log_level, path)
            load_with = self._libbpf.function("bpf_object__load_xattr")
            _check("bpf_object__load", load_with(ctypes.byref(attributes)))
        else:
            _check("bpf_object__load", self._libbpf.function("bpf_object__load")(self._object))


def _open() -> ctypes.CDLL:
    folder = os.environ.get(FOLDER, "")
    folder = f"{folder}/" if folder.startswith("/") else ""
    why = []
    for name in NAMES:
        try:
            return ctypes.CDLL(f"{folder}{name}", use_errno=True)
        except OSError as error:
            why.append(str(error))
    raise Missing("; ".join(why))


def _chain(following: Callable[[Optional[int]], Optional[int]]) -> Iterator[ctypes.c_void_p]:
    found = following(None)
    while found:
        yield ctypes.c_void_p(found)
        found = following(ctypes.c_void_p(found))  # type: ignore[arg-type]


def _error_of(pointer: Optional[int]) -> int:
    """The errno of what returns a pointer: NULL, or before 1.0 an address near the end."""
    if not pointer:
        return ctypes.get_errno() or _EINVAL
    below = (1 << 8 * ctypes.sizeof(ctypes.c_void_p)) - pointer
    return below if below < _MOST_ERRNO else 0


def _check(step: str, code: int, program: str = "", name: str = "") -> None:
    if code < 0:
        raise Failed(step, -code, program, name)


_ENOENT, _EINVAL = 2, 22
_MOST_ERRNO = 4096
