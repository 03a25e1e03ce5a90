# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""An object file for BPF -> its programs, maps and variables, as libbpf will find them."""

from __future__ import annotations

from typing import Collection, Dict, FrozenSet, Iterable, Iterator, Optional, Tuple

from ..btf import Btf, BtfError
from ..btf_types import DATASEC, VAR, VOID
from ..values import NamedTuple
from .bound_types import allocated_types
from .definitions import Definition, read_definitions
from .elf import FUNCTION, HIDDEN, LOCAL, NOBITS, PROGBITS, Elf, ElfError, Section, Symbol, short
from .legacy import is_legacy, read_legacy
from .section_names import read_section_name
from .slots import Slot, read_slots, without_slots


class ProgramDefinition(NamedTuple):
    """A program of the file. What its section does not say is 0, or ""."""

    name: str
    section: str  # as in SEC(), without the question mark
    type: int  # of uapi.PROG_TYPES
    expected_attach_type: int  # of uapi.ATTACH_TYPES
    target: str  # what it attaches to, such as a function of the kernel
    autoload: bool  # False: SEC("?...")


class Variable(NamedTuple):
    """A global variable, or a static one."""

    name: str
    section: str
    type_id: int  # in the BTF of the file
    offset: int  # bytes into the section
    size: int  # bytes


class DataSection(NamedTuple):
    """Variables that libbpf puts into a map: an array with one entry, as large as the section."""

    name: str  # .rodata, .data, .bss, or one of the author's own, such as .data.hot
    size: int  # bytes
    content: bytes  # what the file holds; nothing of .bss, which is zeros
    is_read_only: bool  # for programs, and frozen once it is loaded


class ObjectFile:
    """What is in an object file."""

    def __init__(self, elf: Elf, *, takes_legacy: bool = False) -> None:
        symbols = symbols_of(elf)
        self._elf = elf
        self._symbols = symbols
        self.byte_order = elf.byte_order  # as sys.byteorder
        self.btf = _read_btf(elf)  # None: compiled without -g
        self.license = (elf.named("license") or b"").split(b"\0")[0].decode("utf-8", "replace")
        self.programs: Tuple[ProgramDefinition, ...] = tuple(_programs(elf, symbols))
        legacy = read_legacy(elf, symbols) if takes_legacy else {}
        if not takes_legacy:
            check_for_legacy_maps(elf)
        self.maps: Dict[str, Definition] = {**legacy, **_maps(elf, symbols, self.btf)}
        self.data: Dict[str, DataSection] = {
            each.name: DataSection(each.name, each.size, elf.content(each), _is_read_only(each))
            for each in elf.by_name.values()
            if each.size and _is_data(each)
        }
        self.variables: Tuple[Variable, ...] = tuple(_variables(elf, symbols, self.btf, self.data))

    @property
    def globals(self) -> Dict[str, Variable]:
        """The variables by name. Left out are static ones of which there are several."""
        found: Dict[str, Optional[Variable]] = {}
        for each in self.variables:
            found[each.name] = None if each.name in found else each
        return {name: each for name, each in found.items() if each is not None}

    @property
    def types(self) -> Dict[str, Tuple[int, int]]:
        """Type and expected attach type by program, for a libbpf that does not know its section."""
        return {each.name: (each.type, each.expected_attach_type) for each in self.programs}

    @property
    def slots(self) -> Dict[str, Tuple[Slot, ...]]:
        """By map, what its declaration puts into it from the start."""
        return read_slots(self._elf, self._symbols, self.btf) if self.btf else {}

    def allocated(self) -> FrozenSet[str]:
        """Names of structs that its programs allocate: see `definitions.check_shareable`."""
        extension = self._elf.named(".BTF.ext")
        return allocated_types(self.btf, extension) if self.btf and extension else frozenset()

    def without_slots(self, maps: Collection[str]) -> bytes:
        """Return the file, changed so that libbpf puts nothing into these maps.

        It fills maps that are in use, too: a prog_array would hold the new programs as soon as
        they are loaded, long before anything else does (bpf_object_init_prog_arrays).
        """
        if self.btf is None:
            return self._elf.data
        return without_slots(self._elf, self._symbols, self.btf, maps)


def read(data: bytes, *, takes_legacy: bool = False) -> ObjectFile:
    """Read an object file in either byte order; PinningError says what is wrong with it.

    Legacy definitions of maps are refused, as by libbpf 1.0, or else read as aya reads them.
    """
    return ObjectFile(Elf(data), takes_legacy=takes_legacy)


def _read_btf(elf: Elf) -> Optional[Btf]:
    content = elf.named(".BTF")
    if not content:
        return None
    try:
        return Btf.parse(content)
    except BtfError as error:
        raise ElfError(
            "its section .BTF is damaged, or made with less than `-g`, such as `-g1`: compile it "
            f"again with `clang -g` ({error})"
        ) from None


def _programs(elf: Elf, symbols: Tuple[Symbol, ...]) -> Iterator[ProgramDefinition]:
    """In the order of the file. What is in .text is called by others (prog_is_subprog)."""
    for each in sorted(symbols, key=lambda symbol: (symbol.section, symbol.value)):
        if each.type != FUNCTION or not 0 < each.section < len(elf.sections):
            continue
        section = elf.sections[each.section]
        if not section.is_executable or section.name == ".text":
            continue
        if each.binding == LOCAL:
            raise ElfError(
                f"program {short(each.name)} is static, which loaders refuse: drop `static`"
            )
        known = read_section_name(section.name)
        yield ProgramDefinition(
            each.name,
            section.name if known.autoload else section.name[1:],
            known.type,
            known.expected_attach_type,
            known.target,
            known.autoload,
        )


def symbols_of(elf: Elf) -> Tuple[Symbol, ...]:
    """Return all symbols; ElfError if the file was stripped of them."""
    symbols = elf.symbols()
    if symbols is None:
        raise ElfError("its symbols are stripped, so no loader takes it: use `llvm-strip -g`")
    return symbols


def hidden_names(symbols: Iterable[Symbol]) -> FrozenSet[str]:
    """Return the names of symbols that do not leave the file."""
    return frozenset(each.name for each in symbols if each.visibility in HIDDEN)


def types_of_maps(elf: Elf) -> Btf:
    """Return the BTF of a file that has maps; ElfError if there is none."""
    btf = _read_btf(elf)
    if btf is None:
        raise ElfError(
            "it has no section .BTF, which says what its maps are: compile with `clang -g`, and "
            "if you strip it do so with `llvm-strip -g`"
        )
    return btf


def check_for_legacy_maps(elf: Elf) -> None:
    """Raise ElfError if maps are defined in the way that BTF has replaced."""
    legacy = [each.name for each in elf.sections if is_legacy(each)]
    if legacy:
        raise ElfError(
            f"it has legacy map definitions (struct bpf_map_def, section {short(legacy[0])}), "
            'which libbpf 1.0 dropped: rewrite them in BTF style, in SEC(".maps")'
        )


def _maps(elf: Elf, symbols: Tuple[Symbol, ...], btf: Optional[Btf]) -> Dict[str, Definition]:
    if ".maps" not in elf.by_name:
        return {}
    return read_definitions(btf or types_of_maps(elf), hidden_names(symbols))


def _is_data(section: Section) -> bool:
    """Return whether libbpf makes a map of a section (bpf_object__elf_collect)."""
    nothing, dot, name = section.name.partition(".")
    kinds = {"bss": NOBITS, "data": PROGBITS, "rodata": PROGBITS}
    return not nothing and bool(dot) and kinds.get(name.partition(".")[0]) == section.type


def _is_read_only(section: Section) -> bool:
    return section.name.split(".")[1] == "rodata"


def _variables(
    elf: Elf, symbols: Tuple[Symbol, ...], btf: Optional[Btf], data: Dict[str, DataSection]
) -> Iterator[Variable]:
    """Those of which the BTF says the type; where they are, only the symbols say."""
    places = {(each.section, each.name): each.value for each in symbols}
    for described in btf.types if btf else ():
        if described.kind != DATASEC or described.name not in data:
            continue
        section = elf.by_name[described.name]
        for part in described.parts:
            variable = btf.types[part.type_id] if btf else described
            at = places.get((section.number, variable.name))
            if btf is None or at is None or variable.kind != VAR:
                continue
            size = _size(btf, variable.target)
            if 0 < size <= section.size - at:
                yield Variable(variable.name, section.name, variable.target, at, size)


def _size(btf: Btf, type_id: int) -> int:
    """Bytes; 0 of what has no size, such as a type that is declared and not defined."""
    try:
        return btf.size_of(type_id) if btf.bare(type_id).kind != VOID else 0
    except BtfError:
        return 0
