# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from an object file: programs, maps, variables. libbpf and readelf say the same."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.object_file import section_names
from ansible_collections.ebpf.pinning.plugins.module_utils._core.object_file.read import (
    ObjectFile,
    read,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.uapi import (
    ATTACH_TYPES,
    PROG_TYPES,
)
from bpf_objects import as_libbpf_reads, object_file, section
from elftools.elf.elffile import ELFFile
from test_elf_fuzz import bounded

# Asks libbpf of an object file: its programs, its data maps and what is in them.
AS_LIBBPF = """
import ctypes, json, sys
lib, pointer = ctypes.CDLL("libbpf.so.1"), ctypes.c_void_p
for name in ("open_file", "next_program", "next_map"):
    getattr(lib, f"bpf_object__{name}").restype = pointer
for name in ("bpf_program__name", "bpf_program__section_name", "bpf_map__name"):
    getattr(lib, name).restype = ctypes.c_char_p
lib.bpf_map__initial_value.restype = pointer
obj = pointer(lib.bpf_object__open_file(sys.argv[1].encode(), None))
programs, maps, each = [], {}, pointer(lib.bpf_object__next_program(obj, None))
while each:
    attach = lib.bpf_program__expected_attach_type(each)
    name, where = lib.bpf_program__name(each), lib.bpf_program__section_name(each)
    autoload = bool(lib.bpf_program__autoload(each) & 1)
    programs.append([name.decode(), where.decode(), lib.bpf_program__type(each), attach, autoload])
    each = pointer(lib.bpf_object__next_program(obj, each))
each = pointer(lib.bpf_object__next_map(obj, None))
while each:
    if lib.bpf_map__is_internal(each) & 1:
        size = ctypes.c_size_t()
        value = lib.bpf_map__initial_value(each, ctypes.byref(size))
        name = "." + lib.bpf_map__name(each).decode().partition(".")[2]
        maps[name] = [ctypes.string_at(value, size.value).hex(), lib.bpf_map__map_flags(each)]
    each = pointer(lib.bpf_object__next_map(obj, each))
print(json.dumps({"programs": programs, "maps": maps}))
"""
# What libbpf 1.1 calls a program by the section that it is in.
BY_NAME = """
import ctypes, json, sys
lib, found = ctypes.CDLL("libbpf.so.1"), {}
for name in json.load(sys.stdin):
    kind, attach = ctypes.c_int(-1), ctypes.c_int(-1)
    if not lib.libbpf_prog_type_by_name(name.encode(), ctypes.byref(kind), ctypes.byref(attach)):
        found[name] = [kind.value, attach.value]
print(json.dumps(found))
"""
SOURCE = """
struct rule { u32 port; unsigned char name[6]; };
const volatile struct rule rule = {443, "https"};
const volatile u64 limits[3] = {7, 8, 9};
volatile u32 seen = 5; static volatile u32 own = 6; u64 total; int much[100];
volatile u32 hot SEC(".data.hot") = 9;
static __attribute__((noinline)) int helper(void *context) { return total + own; }
int later(void *context);
struct { __uint(type, PROG_ARRAY); __uint(max_entries, 8); __uint(key_size, 4);
    __array(values, int (void *)); } jumps SEC(".maps") = {
    .values = {[3] = (void *)&later, [5] = (void *)&later} };
struct inner { __uint(type, HASH); __uint(max_entries, 4); __type(key, u32); __type(value, u64);
    } one SEC(".maps"), two SEC(".maps");
struct { __uint(type, OF_MAPS); __uint(max_entries, 4); __type(key, u32);
    __array(values, struct inner); __uint(pinning, BY_NAME); } outer SEC(".maps") = {
    .values = {[1] = &one, [2] = &two} };
SEC("tracepoint/a/b") int early(void *context) { return 0; }
SEC("xdp") int later(void *context) { return helper(context) + hot + much[seen & 63]; }
SEC("?tc") int off(void *context) { return limits[own % 3] + rule.port; }
SEC("cgroup/connect4") int connect(void *context) { return 1; }
SEC("cgroup/connect4") int connect_too(void *context) { return 1; }
SEC("fentry/do_unlinkat") int traced(void *context) { return 0; }
SEC("tracepoint/a/b") int early_too(void *context) { return 0; }
SEC("whatever") int unknown(void *context) { return 0; }
char text[] SEC("license") = "Dual BSD/GPL";
"""
# `values` is the last member, and an empty array by its declaration.
SOURCE = SOURCE.replace(
    "__array(values, struct inner); __uint(pinning, BY_NAME); }",
    "__uint(pinning, BY_NAME); __array(values, struct inner); }",
)
ORDERS = {"little": "bpfel", "big": "bpfeb"}


def ask(program: str, *arguments: str, given: str = "") -> Any:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def path_in(order: str, source: str = SOURCE) -> Path:
    return Path(object_file(source, "-target", ORDERS[order]))


def read_in(order: str, source: str = SOURCE) -> ObjectFile:
    return read(path_in(order, source).read_bytes())


@pytest.fixture(params=ORDERS)
def found(request: pytest.FixtureRequest) -> ObjectFile:
    return read_in(request.param)


def test_programs_are_those_that_libbpf_finds() -> None:
    theirs = ask(AS_LIBBPF, str(path_in(sys.byteorder)))["programs"]
    assert len(theirs) == 8
    for order in ORDERS:
        ours = [
            [each.name, each.section, each.type, each.expected_attach_type, each.autoload]
            for each in read_in(order).programs
        ]
        assert ours == theirs


def test_a_program_says_what_it_attaches_to(found: ObjectFile) -> None:
    assert {each.name: each.target for each in found.programs if each.target} == {
        "early": "a/b",
        "early_too": "a/b",
        "traced": "do_unlinkat",
    }


def test_data_is_what_libbpf_puts_into_maps() -> None:
    found = read_in(sys.byteorder)
    theirs = ask(AS_LIBBPF, str(path_in(sys.byteorder)))["maps"]
    ours = {
        name: [each.content.hex() or "00" * each.size, 0x400 | 0x80 * each.is_read_only]
        for name, each in found.data.items()
    }
    assert ours == theirs
    assert {".rodata", ".data", ".bss", ".data.hot"} <= set(ours)


def test_maps_are_those_that_libbpf_reads(found: ObjectFile) -> None:
    theirs = as_libbpf_reads(str(path_in(sys.byteorder)))
    assert theirs is not None
    assert set(found.maps) == set(theirs)
    assert found.maps["outer"].pinning == 1
    assert found.maps["one"].value_size == 8


def test_variables_are_where_their_symbols_are(found: ObjectFile) -> None:
    with open(path_in(found.byte_order), "rb") as file:
        elf = ELFFile(file)
        names = [each.name for each in elf.iter_sections()]
        symbols = {
            each.name: (names[each["st_shndx"]], each["st_value"], each["st_size"])
            for each in elf.get_section_by_name(".symtab").iter_symbols()
            if each["st_info"]["type"] == "STT_OBJECT" and each["st_size"]
        }
    ours = {name: (each.section, each.offset, each.size) for name, each in found.globals.items()}
    assert ours.keys() >= {"rule", "limits", "seen", "own", "total", "much", "hot"}
    assert ours == {name: symbols[name] for name in ours}


def test_a_variable_has_its_type_and_its_value(found: ObjectFile) -> None:
    order = "<" if found.byte_order == "little" else ">"
    assert found.btf is not None
    rule = found.globals["rule"]
    content = found.data[rule.section].content[rule.offset : rule.offset + rule.size]
    assert struct.unpack(f"{order}I6sxx", content) == (443, b"https\0")
    assert found.btf.bare(rule.type_id).name == "rule"


def test_variables_of_functions_have_the_names_that_clang_gives_them() -> None:
    source = (
        "int f(void *c) { static volatile int x = 1; return x++; }"
        "int g(void *c) { static volatile int x = 2; return x++; } volatile int y = 3;"
    )
    assert set(read_in("little", source).globals) == {"f.x", "g.x", "y"}


def test_variables_of_the_same_name_are_not_to_be_named(tmp_path: Path) -> None:
    """Static ones of two files that were linked."""
    source = (
        "static volatile int x = 1; volatile int {0} = 2; int {0}_of(void *c) {{ return x++; }}"
    )
    files = [object_file(source.format(name)) for name in "yz"]
    linked = tmp_path / "linked.o"
    subprocess.run(["bpftool", "gen", "object", str(linked), *files], check=True)
    found = read(linked.read_bytes())
    assert [each.name for each in found.variables].count("x") == 2
    assert set(found.globals) == {"y", "z"}


def test_slots_are_read(found: ObjectFile) -> None:
    assert found.slots == {
        "jumps": ((3, "later"), (5, "later")),
        "outer": ((1, "one"), (2, "two")),
    }


def test_a_file_without_slots_is_the_same_in_all_else(found: ObjectFile) -> None:
    changed = read(found.without_slots(["jumps"]))
    assert changed.slots == {"outer": ((1, "one"), (2, "two"))}
    assert changed.programs == found.programs
    assert changed.maps == found.maps
    assert read(changed.without_slots(["jumps", "outer"])).slots == {}
    whole = path_in(found.byte_order).read_bytes()
    assert found.without_slots([]) == found.without_slots(["one"]) == whole
    assert len(found.without_slots(["jumps"])) == len(whole)


def test_libbpf_takes_a_file_without_slots(tmp_path: Path) -> None:
    path = tmp_path / "without.bpf.o"
    path.write_bytes(read_in(sys.byteorder).without_slots(["jumps", "outer"]))
    assert as_libbpf_reads(str(path)) == as_libbpf_reads(str(path_in(sys.byteorder)))


def test_the_licence_is_read(found: ObjectFile) -> None:
    assert found.license == "Dual BSD/GPL"


# Newer than the libbpf that is asked here, and what its header says of them.
NEWER = {
    **dict.fromkeys(["tc/ingress", "tcx/ingress"], ("sched_cls", "tcx_ingress")),
    **dict.fromkeys(["tc/egress", "tcx/egress"], ("sched_cls", "tcx_egress")),
    "netkit/primary": ("sched_cls", "netkit_primary"),
    "netkit/peer": ("sched_cls", "netkit_peer"),
    "netfilter": ("netfilter", "netfilter"),
    "sk_skb/verdict": ("sk_skb", "sk_skb_verdict"),
    "kprobe.session": ("kprobe", "trace_kprobe_session"),
    **dict.fromkeys(
        ["uprobe.multi", "uretprobe.multi", "uprobe.multi.s", "uretprobe.multi.s"],
        ("kprobe", "trace_uprobe_multi"),
    ),
    **dict.fromkeys(["uprobe.session", "uprobe.session.s"], ("kprobe", "trace_uprobe_session")),
    "usdt.s": ("kprobe", "cgroup_inet_ingress"),
    **{
        f"cgroup/{name}_unix": ("cgroup_sock_addr", f"cgroup_unix_{name}")
        for name in ("connect", "sendmsg", "recvmsg", "getpeername", "getsockname")
    },
    "struct_ops.s": ("struct_ops", "cgroup_inet_ingress"),
    **{
        f"{name}{sleeps}": ("tracing", f"trace_{name.replace('.', '_')}")
        for name in ("fsession", "fentry.multi", "fexit.multi", "fsession.multi")
        for sleeps in ("", ".s")
    },
}


def test_the_table_of_sections_is_that_of_libbpf() -> None:
    plain = sorted(section_names.EXACT)
    names = plain + [f"{name}/of_it" for name in sorted(section_names.WITH_TARGET)]
    names += [*section_names.WITH_TARGET, "xdp/of_it", "xdpx", "kprobex", "", "nothing", "/", "tc/"]
    theirs = ask(BY_NAME, given=json.dumps(names))
    assert len(theirs) > 100
    for name in names:
        known = section_names.read_section_name(name)
        newer = NEWER.get(name) or NEWER.get(name.removesuffix("/of_it"))
        if newer is None:
            assert [known.type, known.expected_attach_type] == theirs.get(name, [0, 0]), name
        elif name not in theirs:
            types = (PROG_TYPES[known.type], ATTACH_TYPES[known.expected_attach_type])
            assert types == newer, name


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('SEC("xdp") static int one(void *c) { return 0; }', "program one is static"),
        ('int x SEC("maps");', "legacy map definitions .*section maps"),
        ('int x SEC("maps/flows");', "legacy map definitions"),
    ],
)
def test_what_loaders_refuse_is_refused(source: str, text: str) -> None:
    with pytest.raises(PinningError, match=text):
        read_in("little", source)


def test_a_file_that_was_stripped_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "stripped.o"
    for options, text in (
        ("--strip-all", "symbols are stripped.*llvm-strip -g"),
        ("--remove-section=.BTF", "no section .BTF.*clang -g"),
    ):
        command = ["llvm-objcopy", options, str(path_in("little")), str(path)]
        subprocess.run(command, check=True)
        with pytest.raises(PinningError, match=text):
            read(path.read_bytes())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not an ELF file.*begins otherwise"),
        (b"#!/bin/sh\n", "not an ELF file.*begins otherwise"),
        (b"\x7fELF", "ends after 4 bytes"),
        (Path(sys.executable).resolve().read_bytes()[:5000], "not a BPF object file"),
    ],
    ids=["empty", "script", "four bytes", "program"],
)
def test_what_is_no_object_file_is_named(content: bytes, text: str) -> None:
    with pytest.raises(PinningError, match=text):
        read(content)


def test_compiled_without_g_it_has_programs_and_no_types() -> None:
    path = Path(object_file('SEC("xdp") int one(void *c) { return 0; }', "-g0"))
    found = read(path.read_bytes())
    assert [each.name for each in found.programs] == ["one"]
    assert (found.btf, found.maps, found.globals, found.slots) == (None, {}, {}, {})
    assert found.without_slots(["x"]) == path.read_bytes()


def test_a_section_of_zeros_takes_no_memory() -> None:
    """A header may say that .bss is larger than any memory."""
    content = bytearray(path_in("little").read_bytes())
    with open(path_in("little"), "rb") as file:
        elf = ELFFile(file)
        at = elf["e_shoff"] + 64 * elf.get_section_index(".bss")
    struct.pack_into("<Q", content, at + 32, 1 << 60)
    with bounded():
        assert read(bytes(content)).data[".bss"] == (".bss", 1 << 60, b"", False)


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """Cut, overwritten, or with bits flipped, most of it where numbers are."""
    content = bytearray(whole)
    sections_at = struct.unpack_from("<Q" if whole[5] == 1 else ">Q", whole, 40)[0]
    for _each in range(chance.randint(1, 4)):
        where = chance.choice((64, len(content), len(content) - sections_at))
        at = chance.randrange(max(1, where))
        at = min(at if where != len(content) - sections_at else at + sections_at, len(content) - 8)
        kind = chance.randrange(4)
        if kind == 0:
            content[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            value = chance.choice((0, 1, 0xFF, 0xFFFF, 1 << 31, (1 << 32) - 1, (1 << 64) - 1))
            size = chance.choice((1, 2, 4, 8))
            content[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
        elif kind == 2:
            content[at : at + 8] = chance.randbytes(8)
        elif chance.randrange(8) == 0:
            del content[chance.randrange(64, len(content)) :]
            content += bytes(8)
    return bytes(content)


@pytest.mark.parametrize("order", ORDERS)
def test_a_damaged_file_is_read_or_refused(order: str) -> None:
    whole, chance = path_in(order).read_bytes(), random.Random(19)
    refused = []
    for _each in range(1500):
        content = damaged(whole, chance)
        try:
            with bounded():
                found = read(content)
                assert len(found.slots) <= len(found.maps)
                assert len(found.globals) <= len(found.variables)
                found.without_slots([*found.maps])
                found.allocated()
        except PinningError as error:
            refused.append(str(error))
    assert 200 < len(refused) < 1500
    assert all(0 < len(text.strip()) < 100_000 for text in refused)


def test_the_sections_of_readelf_are_found() -> None:
    path = path_in("little")
    shown = subprocess.run(
        ["llvm-readelf", "-S", "-W", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert ".data.hot" in shown
    assert read(path.read_bytes()).data[".data.hot"].content == section(str(path), ".data.hot")
