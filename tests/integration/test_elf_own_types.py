# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps with pointers to objects: provisioned where the kernel lets programs share them.

Whether it does is told by libbpf: it loads the object twice, the second time with the maps that
the first has pinned.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from test_elf_maps import lookup

HEAD = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define KSYM __attribute__((section(".ksyms")))
#define TAG(name) __attribute__((btf_type_tag(#name)))
#define RELOCATED __attribute__((preserve_access_index))
#define ID_OF(type) __builtin_btf_type_id(*(type *)0, 0)
extern void *bpf_obj_new_impl(__u64 type, void *meta) KSYM;
extern void bpf_obj_drop_impl(void *object, void *meta) KSYM;
extern void *bpf_percpu_obj_new_impl(__u64 type, void *meta) KSYM;
extern void bpf_percpu_obj_drop_impl(void *object, void *meta) KSYM;
extern int bpf_list_push_front_impl(void *head, void *node, void *meta, __u64 offset) KSYM;
#define MAP(name, entry) struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); \
    __type(key, __u32); __type(value, entry); __uint(pinning, LIBBPF_PIN_BY_NAME); \
    } name SEC(".maps")
char _license[] SEC("license") = "GPL";
"""
PROGRAM = """
SEC("tc") int run(struct __sk_buff *packet)
{
    __u32 key = 0;
    void *object, *old, *inner;
    struct entry *entry = %s;
    if (!entry)
        return 0;
    object = %s;
    if (!object)
        return 0;
    old = bpf_kptr_xchg(&entry->%s, object);
    if (old)
        %s(old%s);
    return 0;
}
"""

INNER = "(inner = bpf_map_lookup_elem(&entries, &key)) ? bpf_map_lookup_elem(inner, &key) : 0"
OUTER = """
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32);
    __type(value, struct entry); } first SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __type(key, __u32);
    __uint(pinning, LIBBPF_PIN_BY_NAME); __array(values, struct inner);
} entries SEC(".maps") = { .values = { &first } };
"""


@dataclass(frozen=True)
class Case:
    """`types` defines struct entry, the value of the map."""

    types: str
    new: str
    field: str
    drop: str
    more: str = ", 0"
    text: str = ""  # of the refusal; "" if the map can be shared
    within: bool = False  # the entries are those of an inner map

    @property
    def source(self) -> str:
        found = INNER if self.within else "bpf_map_lookup_elem(&entries, &key)"
        program = PROGRAM % (found, self.new, self.field, self.drop, self.more)
        maps = OUTER if self.within else "MAP(entries, struct entry);"
        return f"{HEAD}{self.types}\n{maps}\n{program}"


NEW, DROP = "bpf_obj_new_impl(ID_OF(struct own_thing), 0)", "bpf_obj_drop_impl"
OF_EACH_CPU = ("bpf_percpu_obj_new_impl(ID_OF(struct own_thing), 0)", "bpf_percpu_obj_drop_impl")
OWN = "struct own_thing { __u64 one, two; };"
PID = "extern struct task_struct *bpf_task_from_pid(int pid) KSYM;"
PID += "extern void bpf_task_release(struct task_struct *task) KSYM;"
GROUP = "extern struct cgroup *bpf_cgroup_from_id(__u64 id) KSYM;"
GROUP += "extern void bpf_cgroup_release(struct cgroup *group) KSYM;"
BY_PID, BY_ID = ("bpf_task_from_pid(1)", "bpf_cgroup_from_id(1)")
OURS = "to struct own_thing, which the program itself allocates"
CASES = {
    "its own struct": Case(
        OWN + "struct entry { struct own_thing TAG(kptr) *object; };",
        *(NEW, "object", DROP),
        text=f"a kptr {OURS}",
    ),
    "its own struct, further down": Case(
        OWN + "struct inner { int n; struct own_thing TAG(kptr) *object; };"
        "struct entry { __u64 n; struct inner in[2]; };",
        *(NEW, "in[1].object", DROP),
        text=f"a kptr {OURS}",
    ),
    "its own struct by another name": Case(
        "typedef struct own_thing { __u64 one, two; } thing_t;"
        "struct entry { thing_t TAG(kptr) *object; };",
        *(NEW, "object", DROP),
        text=f"a kptr {OURS}",
    ),
    "its own struct for each CPU": Case(
        OWN + "struct entry { struct own_thing TAG(percpu_kptr) *object; };",
        *(OF_EACH_CPU[0], "object", OF_EACH_CPU[1]),
        text=f"a percpu_kptr {OURS}",
    ),
    "its own struct in an inner map": Case(
        OWN + "struct entry { struct own_thing TAG(kptr) *object; };",
        *(NEW, "object", DROP),
        text=f"a kptr {OURS}",
        within=True,
    ),
    "its own struct beside one of the kernel": Case(
        f"{OWN} struct task_struct {{ int pid; }} RELOCATED; {PID}"
        "struct entry { struct task_struct TAG(kptr) *task; struct own_thing TAG(kptr) *object; };"
        "static void drop(struct own_thing *old) { struct task_struct *task ="
        f" {BY_PID}; if (task) bpf_task_release(task); bpf_obj_drop_impl(old, 0); }}",
        *(NEW, "object", "drop", ""),
        text=f"a kptr {OURS}",
    ),
    "a struct of the kernel, with the member that is looked at": Case(
        f"struct task_struct {{ int pid; }} RELOCATED; {PID}"
        "struct entry { struct task_struct TAG(kptr) *task; };"
        "static int seen; static void drop(struct task_struct *task)"
        "{ seen += task->pid; bpf_task_release(task); }",
        *(BY_PID, "task", "drop", ""),
    ),
    "a struct of the kernel in an inner map": Case(
        f"struct cgroup {{ int level; }} RELOCATED; {GROUP}"
        "struct entry { struct cgroup TAG(kptr) *group; };",
        *(BY_ID, "group", "bpf_cgroup_release", ""),
        within=True,
    ),
    "a struct of the kernel, defined, but not looked at": Case(
        f"struct cgroup {{ int level; }} RELOCATED; {GROUP}"
        "struct entry { struct cgroup TAG(kptr) *group; };",
        *(BY_ID, "group", "bpf_cgroup_release", ""),
    ),
    "two structs of the kernel": Case(
        f"struct cgroup {{ int level; }} RELOCATED; {GROUP}"
        f"struct task_struct {{ int pid; }} RELOCATED; {PID}"
        "struct entry { struct cgroup TAG(kptr) *group; struct task_struct TAG(kptr) *task; };"
        "static void drop(struct cgroup *old) { struct task_struct *task ="
        f" {BY_PID}; if (task) bpf_task_release(task); bpf_cgroup_release(old); }}",
        *(BY_ID, "group", "drop", ""),
    ),
    "a struct of the kernel beside objects of its own elsewhere": Case(
        f"{OWN} struct cgroup {{ int level; }} RELOCATED; {GROUP}"
        "struct entry { struct cgroup TAG(kptr) *group; };"
        "static void drop(struct cgroup *group) { struct own_thing *own ="
        f" {NEW}; if (own) bpf_obj_drop_impl(own, 0); bpf_cgroup_release(group); }}",
        *(BY_ID, "group", "drop", ""),
    ),
}


def built(host: Host, about: str) -> str:
    path = str(host.scratch / f"{list(CASES).index(about)}.bpf.o")
    headers = f"-idirafter/usr/include/{host.run('uname', '-m').stdout.strip()}-linux-gnu"
    # clang 14 leaves the tags of pointers out.
    command = ["clang-19", "-g", "-O2", "-target", "bpf", headers, "-c", "-x", "c", "-", "-o", path]
    subprocess.run(command, input=CASES[about].source.encode(), check=True)
    return path


def can_be_shared(host: Host, path: str, place: str) -> bool:
    """As libbpf and the kernel have it."""
    load = [host.site.program("load"), path, place]
    host.run("mkdir", place)
    host.run(*load)
    again = host.run(*load, check=False)
    assert not again.returncode or "invalid kptr access" in again.stderr
    return not again.returncode


def test_maps_with_pointers_are_given_if_programs_can_share_them(
    host: Host, subtests: pytest.Subtests
) -> None:
    paths = {about: built(host, about) for about in CASES}
    places = {about: f"{BPFFS}/{number}" for number, about in enumerate(CASES)}
    run = host.playbook(
        [
            task("bpf_map_pinned", directory=places[about], maps=lookup(path))
            for about, path in paths.items()
        ]
    )
    for (about, path), made in zip(paths.items(), run, strict=True):
        text = CASES[about].text
        with subtests.test(about):
            assert can_be_shared(host, path, f"{places[about]}_of_libbpf") is not bool(text)
            if text:
                assert made.failed
                assert f"map entries: its values have {text}" in made.msg
                assert "exclude it" in made.msg
            else:
                (item,) = made.good()["maps"]
                loaded = host.run(host.site.program("load"), path, places[about])
                assert json.loads(loaded.stdout)["entries"] == item["id"]


def test_the_rest_of_such_an_object_is_provisioned(host: Host) -> None:
    path = str(host.scratch / "rest.bpf.o")
    source = CASES["its own struct"].source + "MAP(counts, __u64);"
    headers = f"-idirafter/usr/include/{host.run('uname', '-m').stdout.strip()}-linux-gnu"
    command = ["clang-19", "-g", "-O2", "-target", "bpf", headers, "-c", "-x", "c", "-", "-o", path]
    subprocess.run(command, input=source.encode(), check=True)
    made = host.module("bpf_map_pinned", maps=lookup(path, exclude=["entries"])).good()
    loaded = json.loads(host.run(host.site.program("load"), path, BPFFS).stdout)
    assert loaded["counts"] == made["maps"][0]["id"]
    assert set(loaded) >= {"entries", "counts"}
