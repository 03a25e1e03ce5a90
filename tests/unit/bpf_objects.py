# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Object files for BPF, compiled from a few lines of C, and libbpf to say what is in them."""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

HERE = Path(__file__).parent
DEFINE = HERE.parent / "integration" / "c" / "define.c"
_FOLDER = tempfile.TemporaryDirectory(prefix="bpf-objects-")

# As in bpf_helpers.h of libbpf 1.7.
MACROS = """
#define SEC(name) __attribute__((section(name), used))
#define __hidden __attribute__((visibility("hidden")))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#define __ulong(name, val) enum { value_of_##name = val } name
typedef unsigned int u32;
typedef unsigned long long u64;
enum { HASH = 1, ARRAY, PROG_ARRAY, BLOOM = 30, ARENA = 33, OF_MAPS = 13, BY_NAME = 1 };
"""


@functools.lru_cache(maxsize=None)
def object_file(source: str, *options: str) -> str:
    """The path of an object file."""
    number = object_file.cache_info().currsize
    path = Path(_FOLDER.name, f"{number}.bpf.o")
    target = [] if "-target" in options else ["-target", "bpf"]
    clang = ["clang", "-g", "-O2", *target, *options, "-c", "-x", "c", "-", "-o", str(path)]
    subprocess.run(clang, input=(MACROS + source).encode(), check=True)
    return str(path)


def section(path: str, name: str) -> bytes:
    """The content of a section."""
    with open(path, "rb") as file:
        return ELFFile(file).get_section_by_name(name).data()


@functools.lru_cache(maxsize=None)
def _witness() -> str:
    program = Path(_FOLDER.name, "define")
    libraries = ["-lbpf", "-lelf", "-lz"]
    subprocess.run(["gcc", "-O2", str(DEFINE), "-o", str(program), *libraries], check=True)
    return str(program)


def as_libbpf_reads(path: str) -> dict[str, dict[str, Any]] | None:
    """The maps of an object file by name (../integration/c/define.c); None if it is refused."""
    done = subprocess.run([_witness(), path], capture_output=True, check=False)
    return None if done.returncode else json.loads(done.stdout)
