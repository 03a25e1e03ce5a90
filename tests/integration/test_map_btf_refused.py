# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BTF that the kernel refuses: the map is made without, as libbpf makes it, and fits."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task

OURS, THEIRS = f"{BPFFS}/ours", f"{BPFFS}/theirs"

# What c/fields.bpf.c puts into its values; and whether local storage takes it, too.
FIELDS = {
    "a lock": ("struct bpf_spin_lock field", True),
    "a resilient lock": ("struct bpf_res_spin_lock field", False),
    "a timer": ("struct bpf_timer field", False),
    "a work queue": ("struct bpf_wq field", False),
    "deferred work": ("struct bpf_task_work field", False),
    "a reference count": ("struct bpf_refcount field", False),
    "a pointer of the kernel's": ("struct task_struct TAG(kptr) *field", True),
    "an untrusted pointer": ("struct task_struct TAG(kptr_untrusted) *field", True),
    "a pointer per CPU": ("struct task_struct TAG(percpu_kptr) *field", False),
    "a pointer to user space": ("struct value TAG(uptr) *field", False),
    "two locks": ("struct bpf_spin_lock one, field", False),
    "a lock in an array": ("struct bpf_spin_lock field[2]", False),
    "a lock in a struct": ("struct { struct bpf_spin_lock lock; __u32 n; } field", True),
    "a lock at an odd place": (
        "__u16 odd; struct bpf_spin_lock field __attribute__((packed))",
        False,
    ),
    "nothing of the kernel's": ("__u64 field", True),
}


def lookup(path: str) -> str:
    return f"{{{{ lookup('ebpf.pinning.elf_maps', '{path}') }}}}"


def load(host: Host, bpf_object: str, pin_root: str) -> dict[str, int]:
    """What libbpf says to be its maps, by name."""
    return json.loads(host.run(host.site.program("load"), bpf_object, pin_root).stdout)


def described(host: Host, directory: str) -> dict[str, bool]:
    """Whether each map in it has BTF."""
    pins = host.inventory(directory)
    return {
        path.rpartition("/")[2]: bool(pin["object"]["btf_id"])
        for path, pin in pins.items()
        if pin.get("object")
    }


def undescribed(warnings: list[str]) -> set[str]:
    """The names of the maps that these warnings say to be made without BTF."""
    assert all("this kernel does not take the BTF (" in text for text in warnings), warnings
    assert all("MAP_CREATE: " in text or "BTF_LOAD: " in text for text in warnings), warnings
    return {text.partition(": ")[0].rpartition("/")[2] for text in warnings}


def unverified(found: Result) -> dict[str, list[str]]:
    return {each["name"]: each["unverified"] for each in found["maps"]}


@pytest.mark.parametrize("about", FIELDS)
def test_each_type_is_made_with_or_without_btf_as_by_libbpf(host: Host, about: str) -> None:
    field, storage = FIELDS[about]
    options = [f"-DFIELD={field}", *["-DSTORAGE"] * storage]
    bpf_object = host.site.bpf_variant("fields", *options)
    host.run("mkdir", THEIRS)
    load(host, bpf_object, THEIRS)
    has_btf = described(host, THEIRS)

    def ensure(directory: str, check: bool = False, **more: Any) -> dict[str, Any]:
        maps = lookup(bpf_object)
        return task("bpf_map_pinned", check=check, directory=directory, maps=maps, **more)

    predicted, made, again, theirs, their_check = host.playbook(
        [
            *(ensure(OURS, check) for check in (True, False, False)),
            *(ensure(THEIRS, check) for check in (False, True)),
        ]
    )
    assert predicted.good()["counts"] == made.good()["counts"]
    assert made["counts"]["created"] == len(has_btf)
    assert described(host, OURS) == has_btf
    # Of these libbpf's own rules leave the BTF out, and so does the lookup.
    never = {"queue", "stack"}
    without = {name for name, has in has_btf.items() if not has} - never
    assert predicted.warnings == made.warnings
    assert undescribed(made.warnings) == without
    for found in (again, theirs, their_check):
        assert found.good()["counts"]["unchanged"] == len(has_btf), found
        assert not found.changed
        assert unverified(found) == {name: ["btf"] * (name in without) for name in has_btf}
        assert not found.warnings
    ids = {each["name"]: each["id"] for each in made["maps"]}
    assert ids.items() <= load(host, bpf_object, OURS).items()


def as_by_gcc(host: Host) -> str:
    """The path of c/letters.bpf.c with a char that is both signed and a character."""
    path = host.site.bpf_variant("letters")
    blob, patched = f"{path}.btf", bytearray()
    subprocess.run(["llvm-objcopy", f"--dump-section=.BTF={blob}", path], check=True)
    patched += Path(blob).read_bytes()
    letter = struct.pack("=III", 0x01000000, 1, 0x01000008)  # kind and size of char, and its bits
    at = patched.index(letter)
    patched[at + 11 if sys.byteorder == "little" else at + 8] = 3
    Path(blob).write_bytes(patched)
    subprocess.run(["llvm-objcopy", f"--update-section=.BTF={blob}", path], check=True)
    return path


def test_an_object_whose_btf_no_kernel_takes_is_shared_with_libbpf(host: Host) -> None:
    bpf_object = as_by_gcc(host)
    host.run("mkdir", THEIRS)
    load(host, bpf_object, THEIRS)
    assert described(host, THEIRS) == {"people": False, "counts": False}
    maps = lookup(bpf_object)
    predicted, made, again, theirs = host.playbook(
        [
            *(
                task("bpf_map_pinned", check=check, directory=OURS, maps=maps)
                for check in (True, False, False)
            ),
            task("bpf_map_pinned", directory=THEIRS, maps=maps),
        ]
    )
    assert predicted.good().warnings == made.good().warnings
    (warning,) = made.warnings
    assert "people: this kernel does not take the BTF (BTF_LOAD: " in warning
    for found in (again, theirs):
        assert found.good()["counts"]["unchanged"] == 2
        assert unverified(found) == {"people": ["btf"], "counts": []}
    ours = load(host, bpf_object, OURS)
    assert {each["name"]: each["id"] for each in made["maps"]}.items() <= ours.items()


# What c/names.bpf.c has beside its maps, and whether libbpf then makes them with their BTF.
BESIDE = {
    "nothing else": ("int ordinary;", True),
    "a parameter without a name": ("int last(int, int n) { return n; }", False),
    "a function": ("int o$d(void) { return 0; }", False),
    "a variable": ("int o$d;", False),
    "a struct": ("struct o$d { int n; } odd;", False),
    "a union": ("union o$d { int n; } odd;", False),
    "a member": ("struct { int o$d; } odd;", False),
    "an enum": ("enum o$d { ONE } odd;", False),
    "an enumerator": ("enum { O$D } odd;", False),
    "a type": ("typedef int o$d; o$d odd;", False),
    "a struct that is made elsewhere": ("struct o$d; struct o$d *odd;", False),
    "a letter of French": ("int d\u00e9p\u00f4t;", False),
    "the longest name": (f"int {'n' * 512};", True),
    "a longer name": (f"int {'n' * 513};", False),
    "variables in a function": ("int count(void) { static int calls; return ++calls; }", True),
    "a function that the kernel has": (
        'extern int theirs(int, int) __attribute__((weak)) SEC(".ksyms"); '
        "int ask(void) { return theirs ? theirs(1, 2) : 0; }",
        True,
    ),
}


def test_a_name_that_no_kernel_takes_costs_all_maps_their_btf_as_with_libbpf(
    host: Host, subtests: pytest.Subtests
) -> None:
    objects = {
        about: host.site.bpf_variant("names", f"-DBESIDE={text}")
        for about, (text, _has_btf) in BESIDE.items()
    }
    host.run("mkdir", OURS, THEIRS)
    tasks = []
    for number, bpf_object in enumerate(objects.values()):
        ours, theirs = f"{OURS}/{number}", f"{THEIRS}/{number}"
        host.run("mkdir", theirs)
        load(host, bpf_object, theirs)
        for directory, check in ((ours, False), (theirs, True), (theirs, False)):
            maps = lookup(bpf_object)
            tasks.append(task("bpf_map_pinned", check=check, directory=directory, maps=maps))
    runs = iter(host.playbook(tasks))
    for number, (about, bpf_object) in enumerate(objects.items()):
        made, predicted, found = (next(runs) for _each in range(3))
        with subtests.test(about):
            has_btf = {"flows": BESIDE[about][1], "tenants": False}
            assert described(host, f"{THEIRS}/{number}") == has_btf
            assert described(host, f"{OURS}/{number}") == has_btf
            assert made.good()["counts"]["created"] == 2
            for run in (predicted, found):
                assert run.good()["counts"]["unchanged"] == 2, run
                assert not run.changed
            assert not [*made.warnings, *predicted.warnings, *found.warnings]
            ids = {each["name"]: each["id"] for each in made["maps"]}
            assert load(host, bpf_object, f"{OURS}/{number}").items() >= ids.items()


@pytest.mark.every_python
def test_a_program_that_libbpf_loads_on_its_own_maps_is_loaded_on_ours(host: Host) -> None:
    bpf_object = host.site.bpf_object("scratch")
    made = host.module("bpf_map_pinned", directory=OURS, maps=lookup(bpf_object)).good()
    (warning,) = made.warnings
    assert warning.startswith(f"{OURS}/draft: this kernel does not take the BTF (MAP_CREATE: ")
    assert "its values hold struct bpf_spin_lock at byte 0" in warning
    assert described(host, OURS) == {"accounts": True, "draft": False}
    ids = host.load("scratch", OURS, f"{BPFFS}/prog")
    assert ids == {each["name"]: each["id"] for each in made["maps"]}
    program = host.bpftool("prog", "show", "pinned", f"{BPFFS}/prog")
    assert sorted(program["map_ids"]) == sorted(ids.values())


@pytest.mark.parametrize("policy", ["replace", "migrate"])
def test_a_map_that_is_replaced_is_made_without_btf_too(host: Host, policy: str) -> None:
    host.run("mkdir", THEIRS)
    host.load("scratch", THEIRS)
    key, value = "0 0 0 0", " ".join(["7"] * 8)
    host.run("bpftool", *f"map update pinned {THEIRS}/draft key {key} value {value}".split())
    override = "override={'draft': {'max_entries': 2}}"
    maps = lookup(host.site.bpf_object("scratch")).replace(") }}", f", {override}) }}}}")
    batch = dict(directory=THEIRS, maps=maps, on_mismatch=policy)
    predicted, done, again = host.playbook(
        [task("bpf_map_pinned", check=check, **batch) for check in (True, False, False)]
    )
    for run in (predicted, done):
        actions = {each["name"]: each["action"] for each in run.good()["maps"]}
        assert actions == {"accounts": "unchanged", "draft": f"{policy}d"}
        assert undescribed(run.warnings) == {"draft"}
    assert predicted.warnings == done.warnings
    assert again.good()["counts"]["unchanged"] == 2
    assert unverified(again) == {"accounts": [], "draft": ["btf"]}
    entry = host.bpftool("map", "lookup", "pinned", f"{THEIRS}/draft", "key", *key.split())
    kept = {each["value"][4] for each in entry["values"]}
    assert kept == ({"0x07"} if policy == "migrate" else {"0x00"})


def test_btf_that_is_refused_in_an_inner_map_is_left_out(host: Host) -> None:
    btf = host.site.btf("scratch", "unsigned int", "account")
    inner = dict(type="percpu_array", value_size=8, max_entries=1, btf=btf)
    outer = dict(name="outer", type="hash_of_maps", key_size=4, max_entries=4, inner_map=inner)
    predicted, made, again = host.playbook(
        [task("bpf_map_pinned", check=check, **outer) for check in (True, False, False)]
    )
    assert predicted.good().warnings == made.good().warnings
    (warning,) = made.warnings
    assert "BTF (inner_map: " in warning
    assert again.good()["counts"]["unchanged"] == 1
    assert again["maps"][0]["unverified"] == []


# What bpf(2) may say of BTF, or of a map with it; see btf_check_all_metas, map_check_btf.
ERRORS = [
    *("E2BIG", "EACCES", "EAGAIN", "EBADF", "EBUSY", "EEXIST", "EFAULT", "EINVAL", "EIO"),
    *("ENFILE", "EMFILE", "ENODEV", "ENOENT", "ENOMEM", "ENOSPC", "ENOSYS", "ENOTSUP", "EPROTO"),
    *("ERANGE", "ESRCH"),
]

PASSING = ["ENOMEM", "ENOSPC", "EAGAIN", "EBUSY"]  # a shortage: another try may have it


def _run(
    path: str, *, check: bool = False, btf: dict[str, object], **faults: Any
) -> dict[str, Any]:
    """A run for `Host.run_modules`."""
    shape = dict(type="hash", key_size=8, value_size=16, max_entries=4)
    return {
        "module": "bpf_map_pinned",
        "arguments": {"path": path, "btf": btf, "_ansible_check_mode": check, **shape},
        "watched": True,
        "fault": None,
        "always": {},
        "meanwhile": {},
        "tuning": {},
        **faults,
    }


@pytest.mark.parametrize("call", ["BTF_LOAD", "MAP_CREATE"])
def test_whatever_the_kernel_says_of_btf_the_map_is_made_without(host: Host, call: str) -> None:
    btf = host.site.btf("types", "flow", "count")
    errors = [error for error in ERRORS if error not in PASSING]
    series = [
        [
            _run(f"{BPFFS}/{error}", check=check, btf=btf, fault=[call, 1, error])
            for check in (True, False)
        ]
        for error in errors
    ]
    for error, done in zip(errors, host.run_modules(series), strict=True):
        _assert_made_without(host, f"{BPFFS}/{error}", call, done)


def test_a_shortage_that_lasts_costs_the_btf(host: Host) -> None:
    btf = host.site.btf("types", "flow", "count")
    series = [
        [
            _run(f"{BPFFS}/{error}", check=check, btf=btf, always={"BTF_LOAD": error})
            for check in (True, False)
        ]
        for error in PASSING
    ]
    for error, done in zip(PASSING, host.run_modules(series), strict=True):
        _assert_made_without(host, f"{BPFFS}/{error}", "BTF_LOAD", done)


@pytest.mark.parametrize("call", ["BTF_LOAD", "MAP_CREATE"])
def test_a_shortage_that_passes_costs_nothing(host: Host, call: str) -> None:
    btf = host.site.btf("types", "flow", "count")
    series = [[_run(f"{BPFFS}/{error}", btf=btf, fault=[call, 1, error])] for error in PASSING]
    for error, (done,) in zip(PASSING, host.run_modules(series), strict=True):
        assert done["code"] == 0, (error, done)
        assert "warnings" not in json.loads(done["output"])
        assert host.map_at(f"{BPFFS}/{error}")["btf_id"]


def _assert_made_without(host: Host, path: str, call: str, done: list[dict[str, Any]]) -> None:
    assert [each["code"] for each in done] == [0, 0], (path, done)
    predicted, made = (json.loads(each["output"]) for each in done)
    assert f"this kernel does not take the BTF ({call}: " in str(made["warnings"]), path
    assert predicted["warnings"] == made["warnings"]
    assert "btf_id" not in host.map_at(path)


@pytest.mark.parametrize("call", ["BTF_LOAD", "MAP_CREATE"])
def test_who_may_not_make_maps_is_told_so(host: Host, call: str) -> None:
    before = host.inventory()
    btf = host.site.btf("types", "flow", "count")
    ((done,),) = host.run_modules([[_run(f"{BPFFS}/flows", btf=btf, always={call: "EPERM"})]])
    assert done["code"] == 1
    assert f"{call}: EPERM: the task needs privileges" in json.loads(done["output"])["msg"]
    assert host.inventory() == before


def test_local_storage_is_not_made_without_the_btf_that_it_needs(host: Host) -> None:
    item = dict(name="per_socket", type="sk_storage", value_size=16)
    btf = host.site.btf("pins", "int", "count")  # no kernel takes it as the compiler leaves it
    refused = host.module("bpf_map_pinned", btf=btf, **item)
    assert refused.failed
    assert "per_socket: BTF_LOAD: EINVAL: " in refused.msg
    host.module("bpf_map_pinned", **item).good()


def test_a_map_without_btf_is_looked_at_whatever_the_kernel_says(host: Host) -> None:
    path, btf = f"{BPFFS}/flows", host.site.btf("types", "flow", "count")
    host.make_pin(path, key_size=8, value_size=16, max_entries=4)
    series = [[_run(path, btf=btf, always={"BTF_LOAD": error})] for error in ERRORS]
    for error, (done,) in zip(ERRORS, host.run_modules(series), strict=True):
        assert done["code"] == 0, (error, done)
        found = json.loads(done["output"])
        assert found["maps"][0]["unverified"] == ["btf"]
        assert not found["changed"]
