# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is amiss on many hosts is one cause, and those that explain most hosts come first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_causes import Cause, causes
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    DIFFERENT,
    FAILED,
    IN_PLACE,
    MISSING,
    UNDECLARED,
    Field,
    Finding,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import (
    UNREACHABLE,
    HostReport,
    Report,
)

ENTRIES = (Field("max_entries", "65536", "4096"),)


def found(path: str, state: str = MISSING, *fields: Field, **more: Any) -> Finding:
    return Finding(path, more.pop("kind", "map"), state, fields, **more)


def explained(hosts: dict[str, list[Finding] | HostReport], most: int = 99) -> list[Cause]:
    report = Report(datetime(2026, 11, 24, tzinfo=UTC))
    for name, told in hosts.items():
        if isinstance(told, list):
            told = HostReport(name, {each.path: each for each in told})
        report.hosts[name] = told
    return causes(report, most)[0]


def brief(hosts: dict[str, list[Finding] | HostReport]) -> list[tuple[str, str, str]]:
    """State, paths and hosts of each cause."""
    return [(each.state, " ".join(each.paths), " ".join(each.hosts)) for each in explained(hosts)]


CASES: list[Any] = [
    pytest.param({"a": [found("/x", IN_PLACE)]}, [], id="all is well"),
    pytest.param({"a": [found("/x", repaired=True)]}, [], id="put right"),
    pytest.param(
        {"a": [found("/x"), found("/y")], "b": [found("/y")], "c": [found("/z"), found("/y")]},
        [(MISSING, "/y", "a b c"), (MISSING, "/x", "a"), (MISSING, "/z", "c")],
        id="the one of most hosts first",
    ),
    pytest.param(
        {"a": [found("/x"), found("/y")], "b": [found("/x"), found("/y")]},
        [(MISSING, "/x /y", "a b")],
        id="pins that are missing on the same hosts",
    ),
    pytest.param(
        {
            "a": [found("/x", DIFFERENT, *ENTRIES, note="the pinned map (id 7) is not")],
            "b": [found("/x", DIFFERENT, *ENTRIES, note="the pinned map (id 12) is not")],
            "c": [found("/x", DIFFERENT, Field("max_entries", "65536", "512"))],
        },
        [(DIFFERENT, "/x", "a b"), (DIFFERENT, "/x", "c")],
        id="ids do not tell causes apart, and fields do",
    ),
    pytest.param(
        {
            "a": [found("/x", DIFFERENT, Field("entries", "as declared (exact)", "1 missing"))],
            "b": [found("/x", DIFFERENT, Field("entries", "as declared (exact)", "7 missing"))],
            "c": [found("/x", DIFFERENT, Field("entries", "as declared (exact)", "7 extra"))],
        },
        [(DIFFERENT, "/x", "a b"), (DIFFERENT, "/x", "c")],
        id="nor do numbers of entries",
    ),
    pytest.param(
        {
            "a": [found("/x", UNDECLARED, note="holds hash 7 debug")],
            "b": [found("/x", UNDECLARED, note="holds hash 8 debug")],
            "c": [found("/x", UNDECLARED, note="holds array 8 debug")],
        },
        [(UNDECLARED, "/x", "c"), (UNDECLARED, "/x", "a b")][::-1],
        id="nor do they where there are no fields",
    ),
    pytest.param(
        {"a": [found("/x", FAILED, note="no memory")], "b": [found("/x", FAILED, note="no leave")]},
        [(FAILED, "/x", "b"), (FAILED, "/x", "a")],
        id="failures for other reasons",
    ),
    pytest.param(
        {
            "a": HostReport("a", problems=["ssh to a: no route"], unreachable=True),
            "b": HostReport("b", problems=["ssh to b: no route"], unreachable=True),
            "c": HostReport("c", problems=["ssh to c: no route"]),
            "d": HostReport("d", unreachable=True),
        },
        [
            (UNREACHABLE, "", "a b"),
            (UNREACHABLE, "", "d"),
            (FAILED, "", "c"),
        ],
        id="what is of a whole host, by what is said but for its name",
    ),
    pytest.param(
        {
            "a": [found("/b", kind="mount"), found("/b/x"), found("/bc"), found("/b/y", IN_PLACE)],
            "b": [found("/b/x")],
            "c": [found("/b", kind="mount", repaired=True), found("/b/x")],
        },
        [(MISSING, "/b/x", "b c"), (MISSING, "/b /bc", "a")],
        id="a mount that is missing explains what is below it",
    ),
    pytest.param(
        {
            "a": [
                found("/", kind="mount"),
                found("/x"),
                found("/x/y", kind="mount"),
                found("/x/y/z"),
            ]
        },
        [(MISSING, "/", "a")],
        id="mounts below a mount",
    ),
]


@pytest.mark.parametrize(("hosts", "told"), CASES)
def test_what_is_alike_is_one_cause(
    hosts: dict[str, list[Finding] | HostReport], told: list[tuple[str, str, str]]
) -> None:
    assert brief(hosts) == told


def test_a_mount_says_how_much_is_below_it() -> None:
    below = [found("/b/x"), found("/b/y")]
    mount = found("/b", kind="mount")
    (cause,) = explained({"a": [mount, *below], "b": [mount, below[0]]})
    assert (cause.paths, cause.hosts, cause.below) == (["/b"], ("a", "b"), 2)


GROUPS = [
    ("ab", "ab", True),  # all of it
    ("bc", "abcd", False),  # all in it; ab has not all of them
    ("c", "", False),  # one host says more
    ("ae", "", False),  # in none together
]


@pytest.mark.parametrize(("amiss", "group", "is_whole"), GROUPS)
def test_a_cause_names_the_smallest_group_of_all_its_hosts(
    amiss: str, group: str, is_whole: bool
) -> None:
    hosts: dict[str, list[Finding] | HostReport] = {}
    for name in "abcde":
        there = [found("/x")] if name in amiss else []
        groups = [each for each in ("ab", "abcd", "abcde") if name in each]
        hosts[name] = HostReport(name, {each.path: each for each in there}, groups=groups)
    (cause,) = explained(hosts)
    assert (cause.group, cause.is_whole_group) == (group, is_whole)


def test_others_are_counted() -> None:
    report = Report(hosts={"a": HostReport("a")})
    for number in range(7):
        path = f"/{number}"
        fields = (Field("max_entries", str(number), "0"),)
        report.hosts["a"].findings[path] = found(path, DIFFERENT, *fields)
    some, others = causes(report, 3)
    assert (len(some), others) == (3, 4)
