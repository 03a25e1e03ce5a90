# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our names and numbers against the newest linux/bpf.h: what is new in a kernel is noticed here.

What is new there gets a name, or a line below that says why it needs none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import map_types, uapi

CACHE = Path(__file__).parents[2] / ".cache" / "uapi"
HEADER = (CACHE / "bpf.h").read_text() if (CACHE / "bpf.h").exists() else ""
PLAIN = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)

pytestmark = pytest.mark.skipif(not HEADER, reason="run tools/get-uapi")

# Commands that nothing here has a use for.
UNUSED_COMMANDS = {
    "prog_load",  # by the host's libbpf
    "prog_attach",
    "prog_detach",
    "prog_run",
    "prog_test_run",
    "map_lookup_and_delete_elem",
    "map_lookup_and_delete_batch",
    "btf_get_next_id",
    "enable_stats",
    "iter_create",
    "prog_bind_map",
    "token_create",  # a token is a descriptor only: it cannot be pinned, so there is none to show
    "prog_stream_read_by_fd",
    "prog_assoc_struct_ops",
}
# Flags of entries that are not used: see "for each CPU" in docs/entries.md.
UNUSED_ENTRY_FLAGS = {"cpu": 8, "all_cpus": 16}
# Fields of requests and answers that are not asked for.
UNUSED_FIELDS = {
    "map_create": {
        "value_type_btf_obj_fd",  # of struct_ops
        "map_token_fd",
        "excl_prog_hash",  # a map for one program is nothing to be shared by a pin
        "excl_prog_hash_size",
    },
    "bpf_map_info": {"hash", "hash_size"},  # in a request of their own: MapHashInfo
}


# Types of links whose target `link_targets` tells.
TOLD_LINKS = {
    *("raw_tracepoint", "tracing", "cgroup", "iter", "netns", "xdp", "perf_event", "kprobe_multi"),
    *("struct_ops", "netfilter", "tcx", "uprobe_multi", "netkit", "sockmap", "tracing_multi"),
}


def enum_of(name: str) -> dict[str, int]:
    """The members of an enum by name, those that have an older name too among them."""
    body = re.search(rf"enum {name} \{{(.*?)\}}", PLAIN, re.DOTALL)
    assert body, name
    return dict(_numbered(body[1]))


def _numbered(body: str) -> Iterator[tuple[str, int]]:
    known: dict[str, int] = {}
    following = 0
    for member in filter(None, (part.strip() for part in body.split(","))):
        name, _equals, value = (part.strip() for part in member.partition("="))
        if value in known:
            following = known[value]
        elif value:
            number = re.fullmatch(r"\(?(\d+)U?L*(?: << (\d+))?\)?", value)
            assert number, member
            following = int(number[1]) << int(number[2] or 0)
        known[name] = following
        yield name, following
        following += 1


def members(enum: str, prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix).lower(): number
        for name, number in enum_of(enum).items()
        if not name.startswith("__") and not name.endswith("_DEPRECATED")
    }


TABLES = {
    "bpf_prog_type": ("BPF_PROG_TYPE_", uapi.PROG_TYPES),
    "bpf_attach_type": ("BPF_", uapi.ATTACH_TYPES),
    "bpf_link_type": ("BPF_LINK_TYPE_", uapi.LINK_TYPES),
    "bpf_perf_event_type": ("BPF_PERF_EVENT_", uapi.PERF_EVENT_TYPES),
    "bpf_cgroup_iter_order": ("BPF_CGROUP_ITER_", uapi.CGROUP_ORDERS),
}


@pytest.mark.parametrize("enum", TABLES)
def test_a_table_has_every_name_of_the_newest_kernel(enum: str) -> None:
    prefix, table = TABLES[enum]
    assert dict(zip(table, range(len(table)), strict=True)) == members(enum, prefix)


def test_every_type_of_map_has_a_name() -> None:
    numbers = members("bpf_map_type", "BPF_MAP_TYPE_")
    assert numbers.pop("unspec") == 0
    assert {map_types.map_type_name(number) for number in numbers.values()} == numbers.keys()
    declarable = {name: row.number for name, row in map_types.MAP_TYPES.items()}
    assert {**declarable, **{name: numbers[name] for name in map_types.UNDECLARABLE}} == numbers
    assert not declarable.keys() & map_types.UNDECLARABLE.keys()


def test_every_flag_of_maps_has_a_name() -> None:
    body = re.search(r"enum \{\s*BPF_F_NO_PREALLOC\b(.*?)\}", PLAIN, re.DOTALL)
    assert body
    known = {f"BPF_F_{name.upper()}": bit for name, bit in uapi.MAP_FLAGS.items()}
    assert dict(_numbered(f"BPF_F_NO_PREALLOC{body[1]}")) == known


def test_every_flag_of_entries_is_known() -> None:
    body = re.search(r"enum \{\s*BPF_ANY\b(.*?)\}", PLAIN, re.DOTALL)
    assert body
    names = ("BPF_ANY", "BPF_NOEXIST", "BPF_EXIST", "BPF_F_LOCK")
    known = {name: getattr(uapi, name) for name in names}
    unused = {f"BPF_F_{name.upper()}": number for name, number in UNUSED_ENTRY_FLAGS.items()}
    assert dict(_numbered(f"BPF_ANY{body[1]}")) == {**known, **unused}


def test_every_command_is_used_or_known_to_be_unused() -> None:
    commands = members("bpf_cmd", "BPF_")
    assert commands.pop("common_attrs") == uapi.BPF_COMMON_ATTRS
    used = {command.name.lower(): command.value for command in uapi.Command}
    assert used.items() <= commands.items()
    assert commands.keys() - used.keys() == UNUSED_COMMANDS


def fields_of(text: str) -> list[str]:
    """The names of the fields of a struct, in order; padding has none."""
    return re.findall(r"(\w+)(?:\[\w+\])?;", text)


def test_what_is_asked_of_the_kernel_has_all_its_fields() -> None:
    request = re.search(r"union bpf_attr \{\s*struct \{(.*?)\};", PLAIN, re.DOTALL)
    assert request
    *named, last = fields_of(request[1])[: len(uapi.MapCreate._fields)]
    assert [*named, last] == list(uapi.MapCreate._fields)
    rest = set(fields_of(request[1])) - {*uapi.MapCreate._fields}
    assert rest == UNUSED_FIELDS["map_create"]


def test_every_type_of_link_that_says_something_has_a_target() -> None:
    union = re.search(r"struct bpf_link_info \{.*?union \{(.*?)\n\t\};", PLAIN, re.DOTALL)
    assert union
    assert set(re.findall(r"^\t\t\} (\w+);", union[1], re.MULTILINE)) == TOLD_LINKS
    assert set(uapi.LINK_TYPES[1:]) == TOLD_LINKS


def test_what_the_kernel_says_of_maps_has_all_its_fields() -> None:
    answer = re.search(r"struct bpf_map_info \{(.*?)\n\}", PLAIN, re.DOTALL)
    assert answer
    told = [field for field in fields_of(answer[1]) if field != "32"]
    assert told[: len(uapi.MapInfo._fields)] == list(uapi.MapInfo._fields)
    assert set(told) - {*uapi.MapInfo._fields} == UNUSED_FIELDS["bpf_map_info"]
