# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which links are meant, and what people are told if none can be."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.attach_types import (
    ATTACH_TYPES,
    options_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import Problems
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.links.declaration import (
    WantedLink,
    read_links,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import NUMBERS_ONLY

DEFAULTS = {"directory": "/sys/fs/bpf", "on_mismatch": "fail"}
PROGRAM = "/sys/fs/bpf/program"
XDP = {"type": "xdp", "interface": "eth0"}
VALUES: dict[str, Any] = {
    "interface": "eth0",
    "namespace": "blue",
    "cgroup": "/sys/fs/cgroup/a",
    "pf": "ipv4",
    "hook": "input",
    "priority": -7,
    "defragment": True,
    "map": "/sys/fs/bpf/sockets",
    "tracepoint": "sched/sched_process_exec",
    "function": "vfs_read",
    "offset": 16,
    "binary": "/usr/bin/true",
    "mode": "generic",
    "before": "/sys/fs/bpf/other",
    "after": "/sys/fs/bpf/other",
}


def read(**fields: Any) -> WantedLink:
    item = {"name": "a", "program": PROGRAM, "attach": XDP, **fields}
    return read_links([item], DEFAULTS, NUMBERS_ONLY)[0]


def problems(**fields: Any) -> tuple[str, ...]:
    with pytest.raises(Problems) as raised:
        read(**fields)
    return raised.value.problems


@pytest.mark.parametrize("name", ATTACH_TYPES)
def test_a_type_takes_its_options_and_no_other(name: str) -> None:
    needed, possible = options_of(ATTACH_TYPES[name])
    given = {option: VALUES[option] for option in (*needed, *possible) if option != "after"}
    attach = read(attach={"type": name, **given}).attach
    assert attach is not None
    assert attach.type.name == name
    assert {*attach.given} == {*given}
    told = "\n".join(problems(attach={"type": name, **VALUES}))
    for option in VALUES:
        assert (f"takes no {option}:" in told) is (option not in (*needed, *possible))
    if needed:
        told = "\n".join(problems(attach={"type": name}))
        assert all(f"needs {option}," in told for option in needed)


@pytest.mark.parametrize(
    ("namespace", "path"),
    [("blue", "/run/netns/blue"), ("/proc/7/ns/net", "/proc/7/ns/net"), (None, "")],
)
def test_a_namespace_is_a_name_or_a_path(namespace: str | None, path: str) -> None:
    attach = read(attach={**XDP, "namespace": namespace}).attach
    assert attach is not None
    assert attach.text("namespace") == path


def test_what_is_to_be_gone_needs_no_more() -> None:
    wanted = read(state="absent", program=None, attach=None)
    assert wanted.is_absent
    assert wanted.sources == []
    assert read().sources == [PROGRAM]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"program": None}, "program is missing"),
    ({"program": "p"}, "program 'p' is not absolute"),
    ({"program": "/sys/fs/bpf/a"}, "is the pin of the link itself"),
    ({"attach": None}, "attach is missing, or has no type"),
    ({"attach": {"interface": "v0"}}, "attach is missing, or has no type"),
    ({"attach": {"type": "tc"}}, "attach type 'tc' is not known"),
    ({"attach": {**XDP, "interface": "a/b"}}, "cannot be the name of an interface"),
    ({"attach": {**XDP, "interface": ""}}, "cannot be the name of an interface"),
    ({"attach": {**XDP, "mode": "fast"}}, "mode must be one of native, generic, offload"),
    ({"attach": {**XDP, "namespace": "a/b"}}, "namespace 'a/b' is not absolute"),
    ({"attach": {"type": "sk_lookup", "namespace": ".."}}, "contains `.` or `..`"),
    ({"attach": {"type": "tracepoint", "tracepoint": "exec"}}, "is not like sched/"),
    ({"attach": {"type": "tracepoint", "tracepoint": "../x"}}, "is not a name"),
    ({"attach": {"type": "cgroup_device", "cgroup": "a"}}, "cgroup 'a' is not absolute"),
    (
        {"attach": {"type": "uprobe", "binary": "/bin/a", "offset": -1}},
        "offset must be 0 or more bytes, not -1",
    ),
    (
        {"attach": {"type": "netfilter", "pf": "ipv4", "hook": "input", "priority": 2**31 - 1}},
        "priority must be",
    ),
    (
        {"attach": {"type": "tcx_egress", "interface": "a", "before": "/b", "after": "/c"}},
        "before and after are both set",
    ),
    ({"on_mismatch": "migrate"}, "on_mismatch: migrate is for maps"),
]


@pytest.mark.parametrize(("fields", "text"), BAD)
def test_what_cannot_be_is_told(fields: dict[str, Any], text: str) -> None:
    assert text in "\n".join(problems(**fields))
