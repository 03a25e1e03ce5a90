# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of hosts beside the files: once for all, and no more than one reads."""

from __future__ import annotations

from ansible_collections.ebpf.pinning.plugins.plugin_utils._adopted_told import told_of


def left(*paths: str) -> dict[str, list[dict[str, str]]]:
    return {"undeclarable": [{"path": path, "reason": "it is odd"} for path in paths]}


def test_what_is_the_same_on_many_hosts_is_one_line() -> None:
    told = told_of({f"h{number}": left("/a") for number in range(5)}, [])
    assert told["warnings"] == ["not declared: /a: it is odd (h0, h1, h2, 2 more)"]
    assert told["undeclarable"] == [
        {"path": "/a", "reason": "it is odd", "hosts": ["h0", "h1", "h2", "h3", "h4"]}
    ]


def test_of_very_many_some_are_shown_and_the_result_has_all() -> None:
    told = told_of({"h": left(*(f"/{number}" for number in range(100)))}, ["gone"])
    assert len(told["warnings"]) == 22
    assert told["warnings"][20] == "80 more: see undeclarable and remarks in the result (-v)"
    assert told["warnings"][21].startswith("nothing is known of gone")
    assert len(told["undeclarable"]) == 100


def test_nothing_is_said_where_all_is_well() -> None:
    assert told_of({"h": {}}, []) == {"undeclarable": [], "remarks": []}


def test_no_host_moves_the_cursor_of_whoever_reads_it() -> None:
    (warning,) = told_of({"h": left("/a\x1b[2J\n")}, [])["warnings"]
    assert warning.isprintable()
