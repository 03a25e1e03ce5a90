# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: loads object files with one version of libbpf, and tells which maps they then use.

    libbpf.py LIBRARY FILE    FILE has a list of objects, each with the directory of its pins

Prints a list: the id of the map of each object, or null if libbpf does not load it.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
from pathlib import Path
from typing import Any


class Options(ctypes.Structure):
    """The leading part of struct bpf_object_open_opts, the same in all versions."""

    _fields_ = [
        ("sz", ctypes.c_size_t),
        ("object_name", ctypes.c_char_p),
        ("relaxed", ctypes.c_bool * 8),
        ("pin_root_path", ctypes.c_char_p),
    ]


def load(library: Any, path: str, directory: str) -> int | None:
    """The id of the first map; it is found by its place, since one that is reused is renamed."""
    options = Options(ctypes.sizeof(Options), None, (ctypes.c_bool * 8)(), os.fsencode(directory))
    opened = library.bpf_object__open_file(os.fsencode(path), ctypes.byref(options))
    if not opened or library.libbpf_get_error(ctypes.c_void_p(opened)):
        return None
    loaded = ctypes.c_void_p(opened)
    try:
        if library.bpf_object__load(loaded):
            return None
        if hasattr(library, "bpf_object__next_map"):
            first = library.bpf_object__next_map(loaded, None)
        else:
            first = library.bpf_map__next(None, loaded)
        fd = library.bpf_map__fd(ctypes.c_void_p(first))
        info = Path(f"/proc/self/fdinfo/{fd}").read_text()
        found = re.findall(r"^map_id:\s*(\d+)$", info, re.MULTILINE)
        return int(found[0]) if found else None
    finally:
        library.bpf_object__close(loaded)


def main() -> None:
    """Load all, one after the other."""
    library = ctypes.CDLL(sys.argv[1])
    library.bpf_object__open_file.restype = ctypes.c_void_p
    library.libbpf_get_error.restype = ctypes.c_long
    library.bpf_object__close.restype = None
    for name in ("bpf_object__next_map", "bpf_map__next"):
        if hasattr(library, name):
            getattr(library, name).restype = ctypes.c_void_p
    tasks = json.loads(Path(sys.argv[2]).read_text())
    json.dump([load(library, *each) for each in tasks], sys.stdout)


if __name__ == "__main__":
    main()
