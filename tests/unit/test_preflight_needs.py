# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs of an object file need, and what a kernel says that it knows."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
import strategies as some
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf, encoded
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf_changes import Side, changes
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import Host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.object_file.definitions import (
    Definition,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.object_file.elf import (
    Elf,
    ElfError,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.object_file.needs import (
    Needs,
    needs_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.object_file.read import read
from ansible_collections.ebpf.pinning.plugins.module_utils._core.preflight.kernel_types import (
    PATH,
    numbers_of,
    read_kernel_types,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.preflight.question import (
    read_question,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._helper_names import helper_name
from ansible_collections.ebpf.pinning.plugins.plugin_utils._preflight_object import what_is_asked
from bpf_objects import object_file
from hypothesis import given, settings
from hypothesis import strategies as st
from test_elf_fuzz import FUZZ, bounded, edits, edits_of_types, overwritten

CALL = 'asm volatile("r2 = 0x8500000007 ll; call %d" ::: "r0", "r1", "r2", "r3", "r4", "r5");'
LICENSE = 'char _license[] SEC("license") = "GPL";'


def needs(source: str, *options: str) -> Needs:
    data = Path(object_file(source + LICENSE, *options)).read_bytes()
    return needs_of(data, read(data))


@pytest.mark.parametrize("target", ["bpfel", "bpfeb"])
def test_functions_of_the_kernel_are_found_and_none_else(target: str) -> None:
    source = f"""
    static __attribute__((noinline)) int own(void *context) {{ {CALL % 8} return 1; }}
    SEC("socket") int one(void *context) {{ {CALL % 5} return own(context); }}
    SEC("xdp") int two(void *context) {{ {CALL % 5} {CALL % 130} return 0; }}
    """
    assert needs(source, "-target", target).helpers == (5, 8, 130)


def test_programs_are_told_by_their_types_unless_they_are_optional() -> None:
    found = needs(
        'SEC("xdp") int one(void *c) { return 0; } SEC("cgroup/bind4") int two(void *c) '
        '{ return 0; } SEC("?tc") int three(void *c) { return 0; } SEC("odd") int four(void *c) '
        "{ return 0; }"
    )
    assert sorted(found.programs) == [
        ("four", "", ""),
        ("one", "xdp", "xdp"),
        ("two", "cgroup_sock_addr", "cgroup_inet4_bind"),
    ]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ('SEC("xdp") int one(void *c) { return 0; }', False),
        ('SEC("fentry/do_exit") int one(void *c) { return 0; }', True),
        ('SEC("lsm/file_open") int one(void *c) { return 0; }', True),
        (
            "struct task_struct { int pid; } __attribute__((preserve_access_index)); "
            'SEC("kprobe/x") int one(struct task_struct *task) { return task->pid; }',
            True,
        ),
    ],
)
def test_whether_the_btf_of_the_kernel_is_needed(source: str, wanted: bool) -> None:
    assert needs(source).kernel_btf is wanted


LEGACY = """
struct { u32 type, key_size, value_size, max_entries, map_flags, id, pinning; } flows SEC("maps") =
    { .type = 9, .key_size = 4, .value_size = 16, .max_entries = 128, .map_flags = 2,
      .pinning = 1 };
struct { u32 type, key_size, value_size, max_entries, map_flags; } counts SEC("maps") =
    { .type = 6, .key_size = 4, .value_size = 8, .max_entries = 1 };
"""


@pytest.mark.parametrize("target", ["bpfel", "bpfeb"])
@pytest.mark.parametrize("with_btf", ["-g", "-g0"])
def test_legacy_definitions_are_read_where_the_loader_takes_them(
    target: str, with_btf: str
) -> None:
    options = ("-target", target, with_btf)
    data = Path(object_file(LEGACY + LICENSE, *options)).read_bytes()
    with pytest.raises(ElfError, match="legacy map definitions"):
        read(data)
    flows, counts = (read(data, takes_legacy=True).maps[name] for name in ("flows", "counts"))
    assert flows == Definition("lru_hash", 4, 16, 128, 2, pinning=1)
    assert counts == Definition("percpu_array", 4, 8, 1)
    asked = what_is_asked(data, takes_legacy=True)["maps"]
    assert {each["name"]: each["pinned"] for each in asked} == {"flows": True, "counts": False}
    assert all(each["btf"] is None for each in asked)


def test_a_legacy_definition_that_is_too_short_is_refused() -> None:
    source = 'u32 short_one[4] SEC("maps") = {1, 4, 8, 1};' + LICENSE
    with pytest.raises(ElfError, match="map short_one has a definition of 16 bytes"):
        read(Path(object_file(source)).read_bytes(), takes_legacy=True)


def test_programs_that_ask_first_may_do_without() -> None:
    asking = """
    enum bpf_func_id { BPF_FUNC_new = 5000 };
    SEC("socket") int asks(void *context)
    {
        return __builtin_preserve_enum_value(*(typeof(enum bpf_func_id) *)BPF_FUNC_new, 0);
    }
    """
    assert needs(asking).asks_first is True
    assert needs('SEC("xdp") int one(void *c) { return 0; }').asks_first is False


@settings(FUZZ, max_examples=300)
@given(st.data())
def test_a_damaged_file_asks_something_or_is_refused_clearly(data: st.DataObject) -> None:
    damaged = overwritten(*data.draw(edits() | edits_of_types()))
    for takes_legacy in (False, True):
        with bounded(), suppress(PinningError):
            asked = what_is_asked(damaged, takes_legacy=takes_legacy)
            read_question(asked, "cilium", None, None, None, Host(4096, 4))


@settings(FUZZ, max_examples=300)
@given(st.data())
def test_of_damaged_types_differences_are_found_in_a_bounded_time(data: st.DataObject) -> None:
    sides = []
    for drawn in (data.draw(edits_of_types()), data.draw(edits_of_types())):
        with suppress(PinningError):
            elf = Elf(overwritten(*drawn))
            types = Btf.parse(elf.named(".BTF") or b"")
            sides.append([Side(types, number) for number in range(len(types.types))])
    if len(sides) == 2:
        with bounded():
            for old, new in zip(*sides, strict=False):
                changes("value", old, new)


def test_a_struct_of_very_many_fields_is_compared_in_a_bounded_time() -> None:
    count = 60_000  # of the 65,535 that a struct may have
    names = b"\0int\0" + b"".join(b"%c%d\0" % (97, number) for number in range(count))
    others = b"\0int\0" + b"".join(b"%c%d\0" % (98, number) for number in range(count))
    sides = []
    for strings in (names, others):
        words = [1, 1 << 24, 4, 32, 0, 4 << 24 | count, 4 * count]
        at = 5
        for number in range(count):
            words += [at, 1, 32 * number]
            at = strings.index(b"\0", at) + 1
        sides.append(Side(Btf.parse(encoded("little", words, strings)), 2))
    with bounded():
        assert changes("value", *sides)


@pytest.mark.skipif(not Path(PATH).exists(), reason="this kernel has no BTF")
@pytest.mark.parametrize("name", ["bpf_prog_type", "bpf_attach_type", "bpf_func_id"])
def test_the_kernel_knows_what_bpftool_reads_in_its_btf(name: str) -> None:
    dump = ["bpftool", "btf", "dump", "file", PATH]
    text = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    (block,) = re.findall(rf"^\[\d+\] ENUM '{name}' .*\n((?:\t.*\n)+)", text, re.MULTILINE)
    values = re.findall(r"'(\w+)' val=(\d+)", block)
    wanted = {int(value) for name, value in values if not name.startswith("__")}
    assert len(wanted) > 20
    assert numbers_of(Path(PATH).read_bytes(), name.encode()) == wanted


@pytest.mark.skipif(not Path(PATH).exists(), reason="this kernel has no BTF")
def test_helpers_have_the_names_of_the_kernel() -> None:
    dump = ["bpftool", "btf", "dump", "file", PATH]
    text = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    values = {int(number): name for name, number in re.findall(r"'BPF_FUNC_(\w+)' val=(\d+)", text)}
    assert len(values) > 180
    assert {f"bpf_{name}": helper_name(number) for number, name in values.items() if number} == {
        f"bpf_{name}": f"bpf_{name}" for number, name in values.items() if number
    }
    assert helper_name(5000) == "number 5000"
    assert helper_name(-1) == "number -1"


def test_a_kernel_without_btf_says_nothing(tmp_path: Path) -> None:
    assert read_kernel_types(str(tmp_path / "none")) is None


@some.examples(200)
@given(st.binary(max_size=200), st.integers(0, 60))
def test_a_damaged_file_says_nothing_or_numbers(rest: bytes, cut: int) -> None:
    strings = b"\0bpf_func_id\0"
    head = b"\x9f\xeb\x01\x00\x18\x00\x00\x00"
    sizes = (0, len(rest), len(rest), len(strings))
    blob = head + b"".join(each.to_bytes(4, "little") for each in sizes) + rest + strings
    numbers_of(blob[: len(blob) - cut], b"bpf_func_id")
