# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs loaded by the host's libbpf, in a process of its own. bpftool says what was loaded."""

from __future__ import annotations

import json
import os
import random
import secrets
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from elftools.elf.elffile import ELFFile
from harness.host import BPFFS, Host
from harness.site import CHECKOUT, Site
from loading import load

COUNTS = f"{BPFFS}/counts"
HASH = {"type": 1, "max_entries": 8}
WORD = "import struct; print(struct.calcsize('P'))"  # bytes
AS_HERE = subprocess.check_output([Site(Path()).python, "-c", WORD])
# Other versions of libbpf, which tools/get-libbpf puts there, for Pythons of this machine's word.
OTHERS = sorted((CHECKOUT / ".cache" / "libbpf").glob("*"))
if int(AS_HERE) != struct.calcsize("P"):
    OTHERS = []
VERSIONS = ["", *map(str, OTHERS)]
each_libbpf = pytest.mark.parametrize(
    "libbpf", VERSIONS, ids=["host's", *(path.name for path in OTHERS)]
)


@pytest.fixture
def loaded(host: Host) -> str:
    """The path of the object file."""
    return host.site.bpf_object("loaded")


class Own(NamedTuple):
    path: str
    prefix: str

    def ids(self) -> set[int]:
        """Of all its programs in the kernel."""
        done = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True)
        programs = json.loads(done.stdout)
        return {each["id"] for each in programs if each.get("name", "").startswith(self.prefix)}


@pytest.fixture
def own(host: Host, loaded: str) -> Own:
    """The same, with names of its own: other tests load it meanwhile."""
    prefix = f"l{secrets.randbits(20):05x}_"
    path = host.scratch / "own.bpf.o"
    path.write_bytes(Path(loaded).read_bytes().replace(b"loaded_", prefix.encode()))
    return Own(str(path), prefix)


def shown(host: Host, name: str) -> dict[str, Any]:
    return host.bpftool("prog", "show", "pinned", f"{BPFFS}/{name}")


def names_in(host: Host) -> set[str]:
    """What is pinned, but for what the kernel has there."""
    return {*host.shell(f"ls {BPFFS}").split()} - {"maps.debug", "progs.debug"}


@each_libbpf
@pytest.mark.every_python
def test_programs_are_loaded_with_the_maps_that_are_given(
    host: Host, loaded: str, libbpf: str
) -> None:
    map_id = host.make_pin(COUNTS, **HASH)
    told = load(host, loaded, "loaded_first", maps={"loaded_counts": COUNTS}, libbpf=libbpf)
    assert "error" not in told, told
    program = shown(host, "loaded_first")
    assert (program["type"], program["name"]) == ("xdp", "loaded_first")
    assert map_id in program["map_ids"]
    assert names_in(host) == {"counts", "loaded_first"}
    assert told["libbpf"].split(".")[0] in ("0", "1")


@each_libbpf
def test_only_those_are_loaded_that_are_named(host: Host, own: Own, libbpf: str) -> None:
    """Also one that its section says not to load, and one whose section this libbpf cannot know."""
    names = [f"{own.prefix}{name}" for name in ("second", "ingress")]
    told = load(host, own.path, *names, libbpf=libbpf)
    assert "error" not in told, told
    programs = [shown(host, name) for name in names]
    assert [each["type"] for each in programs] == ["xdp", "sched_cls"]
    assert own.ids() == {each["id"] for each in programs}


@each_libbpf
def test_data_is_as_given(host: Host, loaded: str, libbpf: str) -> None:
    told = load(
        host,
        loaded,
        "loaded_first",
        data={".rodata": "3412" + "0000"},
        libbpf=libbpf,
        returned_maps=(".rodata", ".data"),
        object_name="mine",
    )
    assert "error" not in told, told
    rodata = host.map_at(f"{BPFFS}/_rodata")
    assert (rodata["name"], rodata["frozen"], rodata["bytes_value"]) == ("mine.rodata", 1, 4)
    assert host.map_at(f"{BPFFS}/_data")["name"] == "mine.data"
    (entry,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/_rodata")
    (variables,) = entry["formatted"]["value"].values()
    assert variables == [{"port": 0x1234}]
    (entry,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/_data")
    assert next(iter(entry["formatted"]["value"].values())) == [{"seen": 5}]


@each_libbpf
def test_a_refusal_names_the_program_and_why(host: Host, own: Own, libbpf: str) -> None:
    before = host.inventory()
    good, bad = f"{own.prefix}second", f"{own.prefix}refused"
    told = load(host, own.path, good, bad, libbpf=libbpf)
    assert (told["error"], told["program"]) == ("Refused", bad)
    assert any("invalid access to packet" in line for line in told["lines"])
    assert told["lines"][-1] in told["text"]
    assert "processed 2 insns" in told["log"]
    assert host.inventory() == before
    assert own.ids() == set()


@each_libbpf
def test_a_log_is_told_of_what_is_loaded_too(host: Host, loaded: str, libbpf: str) -> None:
    silent = load(host, loaded, "loaded_second", libbpf=libbpf)
    assert "processed" not in silent["log"]
    host.shell(f"rm {BPFFS}/loaded_second")
    told = load(host, loaded, "loaded_second", libbpf=libbpf, log_level=2)
    assert "error" not in told, told
    assert "processed" in told["log"]


@pytest.mark.parametrize("dropped", [True, False])
def test_a_prog_array_in_use_keeps_what_is_in_it(host: Host, dropped: bool) -> None:
    """libbpf would put the new programs there as soon as they are loaded."""
    path = host.site.bpf_object("jumping")
    host.make_pin(f"{BPFFS}/jumps", type=3, key_size=4, value_size=4, max_entries=8)
    maps = {"jumping_jumps": f"{BPFFS}/jumps"}
    names = ("jumping_first", "jumping_target")
    told = load(host, path, *names, maps=maps, dropped=dropped)
    assert "error" not in told, told
    entries = host.bpftool("map", "dump", "pinned", f"{BPFFS}/jumps")
    there = [each for each in entries if "error" not in each["value"]]
    assert bool(there) is not dropped


@each_libbpf
@pytest.mark.skipif(not os.path.exists("/sys/kernel/btf/vmlinux"), reason="no BTF of the kernel")
def test_fields_are_where_the_kernel_has_them(host: Host, libbpf: str) -> None:
    """By the BTF of the host, or by that of a file."""
    path = host.site.bpf_object("offset")
    types = subprocess.run(
        ["bpftool", "-j", "btf", "dump", "file", "/sys/kernel/btf/vmlinux"],
        capture_output=True,
        check=True,
    ).stdout
    (task,) = (
        each
        for each in json.loads(types)["types"]
        if each["kind"] == "STRUCT" and each["name"] == "task_struct"
    )
    (offset,) = (each["bits_offset"] // 8 for each in task["members"] if each["name"] == "pid")
    told = load(host, path, "offset_of_pid", libbpf=libbpf)
    if TOO_NEW in told["log"]:
        pytest.skip("this libbpf is too old for the BTF of this kernel")
    assert returned(host, told) == offset
    host.shell(f"rm {BPFFS}/offset_of_pid")
    other = host.scratch / "other.btf"
    dump = ["llvm-objcopy", f"--dump-section=.BTF={other}"]
    variant = host.site.bpf_variant("offset", "-DPADDING=4242")
    subprocess.run([*dump, variant, "/dev/null"], check=True)
    told = load(host, path, "offset_of_pid", libbpf=libbpf, kernel_btf=str(other))
    assert returned(host, told) == 4244  # it is aligned


def returned(host: Host, told: dict[str, Any]) -> int:
    """What the program `offset_of_pid` returns."""
    assert "error" not in told, told
    lines = host.run("bpftool", "prog", "dump", "xlated", "pinned", f"{BPFFS}/offset_of_pid").stdout
    (value,) = (line.rpartition("= ")[2] for line in lines.splitlines() if "r0 = " in line)
    return int(value)


def test_a_thousand_descriptors_are_not_needed_for_many_programs(host: Host) -> None:
    """More than fit into one message."""
    source = host.scratch / "many.bpf.c"
    names = [f"many_{number}" for number in range(300)]
    lines = [f'SEC("xdp") int {name}(void *context) {{ return 2; }}' for name in names]
    source.write_text(
        "#define SEC(name) __attribute__((section(name), used))\n"
        + "\n".join(lines)
        + '\nchar _license[] SEC("license") = "GPL";\n'
    )
    target = str(source.with_suffix(".o"))
    command = ["clang", "-g", "-O2", "-target", "bpf", "-c", str(source), "-o", target]
    subprocess.run(command, check=True)
    told = load(host, target, *names)
    assert "error" not in told, told
    assert names_in(host) == {*names}
    assert shown(host, "many_299")["name"] == "many_299"


TOO_NEW = "Error loading vmlinux BTF"
# They trace functions that may be traced in few kernels only.
NOT_EVERYWHERE = {"fentry", "fexit", "fmod_ret", "lsm", "lsm_cgroup"}


@each_libbpf
def test_programs_of_every_attach_type_are_loaded(host: Host, libbpf: str) -> None:
    """Also those of sections that this libbpf does not know."""
    path = host.site.bpf_object("hooked")
    with open(path, "rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        names = [
            each.name
            for each in symbols.iter_symbols()
            if each["st_info"]["type"] == "STT_FUNC" and each.name.endswith("_old")
        ]
    names = [each for each in names if each.removesuffix("_old") not in NOT_EVERYWHERE]
    assert len(names) > 30
    told = load(host, path, *names, libbpf=libbpf)
    if TOO_NEW in told["log"]:
        pytest.skip("this libbpf is too old for the BTF of this kernel")
    assert "error" not in told, told
    assert names_in(host) == {*names}


@pytest.mark.skipif(not OTHERS, reason="run tools/get-libbpf")
def test_a_large_arena_is_mapped(host: Host) -> None:
    """Twice as large as what the process may allocate."""
    path = host.site.bpf_object("arena")
    told = load(host, path, "arena_user", libbpf=VERSIONS[-1], returned_maps=("arena_pages",))
    assert "error" not in told, told
    arena = host.map_at(f"{BPFFS}/arena_pages")
    assert arena["max_entries"] == 1 << 19
    assert arena["id"] in shown(host, "arena_user")["map_ids"]


def test_maps_of_the_wrong_kind_are_refused(host: Host, loaded: str) -> None:
    """Maps are compared before; what the loader is given must be a map all the same."""
    host.make_pin(COUNTS, type=1, max_entries=8, value_size=2)
    told = load(host, loaded, "loaded_first", maps={"loaded_counts": COUNTS})
    assert (told["error"], told["program"]) == ("Refused", "loaded_first")


def test_a_program_that_is_not_in_the_file_is_named(host: Host, loaded: str) -> None:
    told = load(host, loaded, "loaded_second", "none_such")
    assert (told["error"], told["program"]) == ("Refused", "none_such")
    assert "program none_such" in told["text"]


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """With numbers overwritten: most in headers, which libelf and libbpf believe."""
    content = bytearray(whole)
    (sections_at,) = struct.unpack_from("=Q", whole, 40)
    types = range(whole.index(b"\x9f\xeb\x01\0"), sections_at)  # BTF, and what follows it
    places = (range(16, 64), range(sections_at, len(content)), range(len(content)), types, types)
    for _each in range(chance.randint(1, 3)):
        where = chance.choice(places)
        at = min(chance.choice(where), len(content) - 8)
        size = chance.choice((1, 2, 4, 8))
        value = chance.choice((0, 1, 2, 0x7F, 0xFFFF, 1 << 31, (1 << 32) - 1, (1 << 64) - 1))
        content[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, sys.byteorder)
    return bytes(content)


FUZZ = """
import collections, json, os, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from _core.loader.load import load
from _core.loader.request import LoadError, LoadRequest

told = collections.Counter()
before = sorted(os.listdir("/proc/self/fd"))
for path in sorted(os.listdir(sys.argv[2])):
    with open(f"{sys.argv[2]}/{path}", "rb") as file:
        request = LoadRequest(file.read(), (sys.argv[3],), seconds=20.0)
    try:
        with load(request):
            told["loaded"] += 1
    except LoadError as error:
        told[type(error).__name__] += 1
    with open("/proc/thread-self/children") as children:
        assert children.read() == ""
assert sorted(os.listdir("/proc/self/fd")) == before
print(json.dumps(told))
"""


@each_libbpf
def test_damaged_files_leave_nothing(host: Host, own: Own, libbpf: str) -> None:
    """They are not even read by us before: libbpf gets them all. Of a few it dies."""
    source = Path(own.path).read_bytes()
    folder, chance = host.scratch / "damaged", random.Random(19)
    folder.mkdir()
    for number in range(400):
        (folder / f"{number:03}").write_bytes(damaged(source, chance))
    script = host.scratch / "fuzz.py"
    script.write_text(FUZZ)
    core = host.site.scratch / "ansible_collections/ebpf/pinning/plugins/module_utils"
    environment = f"env EBPF_PINNING_LIBBPF={libbpf}" if libbpf else "env"
    command = f"{environment} {host.site.python} {script} {core} {folder} {own.prefix}first"
    told = json.loads(host.shell(command))
    assert sum(told.values()) == 400
    assert told["Refused"] > 50
    assert told["loaded"] > 5
    assert own.ids() == set()
    assert names_in(host) == set()
