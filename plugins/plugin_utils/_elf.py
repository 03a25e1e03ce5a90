# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object file for BPF says of its maps. The one user of pyelftools; private."""

from __future__ import annotations

import os
import typing as t

from ..module_utils._core.btf import Btf, BtfError
from ..module_utils._core.errors import PinningError
from ..module_utils._core.object_file.bound_types import allocated_types

try:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import Section, SymbolTableSection
except ImportError:
    HAS_ELFTOOLS = False
else:
    HAS_ELFTOOLS = True


class ElfError(PinningError):
    """A file is no object file with map definitions; the text says what to do."""


class BpfObject(t.NamedTuple):
    """An object file that defines maps."""

    types: Btf
    hidden: t.FrozenSet[str]  # names of symbols in section .maps that do not leave the file
    allocated: t.FrozenSet[str]  # names of structs that its programs allocate


def read_object(path: str) -> t.Optional[BpfObject]:
    """Read the file; None if it defines no maps. Raises ElfError."""
    if not HAS_ELFTOOLS:
        raise ElfError(
            "the Python package pyelftools is missing: install it on the controller, for the "
            "Python that runs Ansible"
        )
    try:
        with open(path, "rb") as file:
            return _read(file)
    except OSError as error:
        raise ElfError(
            f"it cannot be read ({error.strerror}): name a file that the user of Ansible may read"
        ) from None
    except BtfError as error:
        raise ElfError(
            "its section .BTF is damaged, or made with less than `-g`, such as `-g1`: compile it "
            f"again with `clang -g` ({error})"
        ) from None


def _read(file: t.BinaryIO) -> t.Optional[BpfObject]:
    try:
        elf = ELFFile(file)
        if elf.num_sections():
            _check_names(elf.get_section(elf.get_shstrndx()), elf.num_sections())
        sections = {section.name: section for section in elf.iter_sections()}
        kind, machine = elf["e_type"], elf["e_machine"]
        hidden = _hidden(elf)
        btf = _content(sections[".BTF"]) if ".BTF" in sections else None
        extension = _content(sections[".BTF.ext"]) if ".BTF.ext" in sections else b""
    except (ElfError, MemoryError):
        raise
    except Exception as error:  # besides its own, pyelftools lets all kinds of them through
        raise ElfError(
            f"it is not an ELF file, or is damaged: compile it again ({error})"
        ) from None
    if kind != "ET_REL" or machine not in _MACHINES:
        raise ElfError("it is not a BPF object file: compile with `clang -g -target bpf -c`")
    legacy = [name for name, section in sections.items() if _is_legacy(name, section)]
    if legacy:
        raise ElfError(
            f"it has legacy map definitions (struct bpf_map_def, section {legacy[0]}), which "
            'libbpf 1.0 dropped: rewrite them in BTF style, in SEC(".maps")'
        )
    if ".maps" not in sections:
        return None
    if not btf:
        raise ElfError(
            "it has no section .BTF, which says what its maps are: compile with `clang -g`, and "
            "if you strip it do so with `llvm-strip -g`"
        )
    if hidden is None:
        raise ElfError("its symbols are stripped, so no loader takes it: use `llvm-strip -g`")
    types = Btf.parse(btf)
    return BpfObject(types, hidden, allocated_types(types, extension))


def _content(section: Section) -> bytes:
    """What the file holds of it: its header may say that there is far more."""
    beyond = section.stream.seek(0, os.SEEK_END) < section["sh_offset"] + section["sh_size"]
    if beyond or section.compressed or section["sh_type"] not in _IN_THE_FILE:
        raise ElfError(f"it does not hold its section {section.name} whole: compile it again")
    return bytes(section.data())


def _check_names(strings: Section, count: int) -> None:
    """So many names, each the tail of another, could be far larger than the file."""
    longest = max(map(len, _content(strings).split(b"\0")))
    if longest * count > _MOST_OF_NAMES * strings.stream.seek(0, os.SEEK_END):
        raise ElfError("its names overlap so often that they would fill the memory")


def _is_legacy(name: str, section: Section) -> bool:
    """By loaders' custom; v4l-utils has lirc_mode2/maps. A program may be called so, too."""
    if name.endswith("/maps"):
        return section["sh_type"] == "SHT_PROGBITS" and not section["sh_flags"] & _EXECUTABLE
    return name == "maps" or name.startswith("maps/")


def _hidden(elf: ELFFile) -> t.Optional[t.FrozenSet[str]]:
    """Names of symbols that do not leave the file; None without symbols."""
    table = elf.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        return None
    _check_names(table.stringtable, table.num_symbols())
    return frozenset(
        symbol.name
        for symbol in table.iter_symbols()
        if symbol["st_other"]["visibility"] in _NOT_SEEN_OUTSIDE
    )


_MACHINES = ("EM_BPF", "EM_NONE")  # clang before version 5 wrote none
_IN_THE_FILE = ("SHT_PROGBITS", "SHT_STRTAB")
_MOST_OF_NAMES = 64  # times the file
_EXECUTABLE = 0x4  # SHF_EXECINSTR
_NOT_SEEN_OUTSIDE = ("STV_HIDDEN", "STV_INTERNAL")
