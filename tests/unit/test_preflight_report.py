# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report of preflight makes of results, whatever hosts say."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest
import strategies as some
from ansible_collections.ebpf.pinning.plugins.plugin_utils._preflight_forms import (
    FORMS,
    as_html,
    as_json,
    as_junit,
    as_markdown,
    as_table,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._preflight_report import (
    BAD,
    FAILED,
    GOOD,
    UNREACHABLE,
    HostFound,
    Report,
    read_host,
)
from hypothesis import given
from hypothesis import strategies as st


def a_map(name: str = "flows", verdict: str = "refused", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "path": f"/sys/fs/bpf/{name}",
        "verdict": verdict,
        "id": 7,
        "reasons": ["libbpf refuses it: max_entries is 2 in the object, 1 in the pin"],
        "differences": [],
        "fields": ["field timer added at 8 (8 bytes)"],
        "notes": [],
        "programs": [{"id": 3, "type": "xdp", "name": "count"}],
        "migration": {"fits": True, "obstacles": [], "entries": 2},
        **more,
    }


def result(*maps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"ok": False, "loader": "libbpf", "maps": list(maps), "lacks": [], "notes": [], **more}


def report_of(**hosts: dict[str, Any]) -> Report:
    report = Report("new.bpf.o")
    for name, said in hosts.items():
        report.hosts[name] = read_host(name, said)
    return report


def text_of(form: str, report: Report) -> str:
    return "".join(FORMS[form](report))


GOOD_MAP = a_map("flows", "fits", reasons=[], fields=[], programs=[], migration=None)


def test_what_is_alike_on_many_hosts_is_told_once() -> None:
    hosts = {f"host{number}": result(a_map()) for number in range(200)}
    report = report_of(**hosts, other=result(GOOD_MAP))
    (finding,) = report.findings()
    assert len(finding.hosts) == 200
    lines = [line.text for line in as_table(report)]
    assert lines[0] == "flows: refused, on host0, host1, host10 and 197 more"
    assert lines[-1] == "201 hosts: 1 good, 200 not good"
    assert "200 programs on 200 hosts use the old maps until they are loaded again" in lines
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (result(GOOD_MAP), GOOD),
        (result(a_map(verdict="missing")), GOOD),
        (result(a_map(verdict="unnoticed")), BAD),
        (result(a_map(verdict="unknown")), BAD),
        (result(GOOD_MAP, lacks=["no BTF"]), BAD),
        ({"msg": "it failed"}, FAILED),
        ({}, FAILED),
        (result({"name": "x"}), FAILED),
        (result(a_map(verdict="fine")), FAILED),
        ({"maps": "many"}, FAILED),
        (result(a_map(reasons="because")), FAILED),
    ],
)
def test_the_state_of_a_host_is_by_what_it_says(said: dict[str, Any], state: str) -> None:
    assert read_host("web1", said).state == state


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@some.examples(200)
@given(
    st.dictionaries(
        st.sampled_from(["maps", "lacks", "notes", "loader", "msg"]),
        JUNK | st.lists(st.fixed_dictionaries(dict.fromkeys(a_map(), JUNK)), max_size=2),
    )
)
def test_a_host_may_say_anything(said: dict[str, Any]) -> None:
    report = report_of(web1=said)
    assert json.loads(text_of("json", report))["report"][0]["host"] == "web1"
    ET.fromstring(text_of("junit", report))
    assert text_of("markdown", report)
    assert text_of("html", report)
    assert as_table(report)[-1].text.startswith("1 host: ")


HOSTILE = "a\nb\x1b[31m<script>alert(1)</script>|`*_\u202e&"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, _attributes: Any) -> None:
        self.found.append(tag)


def test_what_hosts_say_is_obeyed_by_no_reader() -> None:
    names = {"name": HOSTILE, "path": HOSTILE}
    report = report_of(
        web1=result(a_map(**names, reasons=[HOSTILE], fields=[HOSTILE]), lacks=[HOSTILE]),
        web2={"msg": HOSTILE},
    )
    tags = Tags()
    tags.feed("".join(as_html(report)))
    assert "script" not in tags.found
    ET.fromstring("".join(as_junit(report)))
    rows = [line for line in "".join(as_markdown(report)).splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert not any("<script>" in row for row in rows)
    for line in as_table(report):
        assert "\x1b" not in line.text
        assert "\n" not in line.text
        assert "\u202e" not in line.text
    assert json.loads("".join(as_json(report)))


def test_junit_counts_what_it_has() -> None:
    report = report_of(
        web1=result(GOOD_MAP, a_map("events"), a_map("odd", "unknown"), lacks=["no BTF"]),
        web2={"msg": "it failed"},
    )
    report.hosts["web3"] = HostFound("web3", UNREACHABLE, problem="no route to host")
    for suite, counts in zip(
        ET.fromstring("".join(as_junit(report))),
        [("4", "2", "1"), ("1", "0", "1"), ("1", "0", "1")],
        strict=True,
    ):
        assert tuple(suite.get(each) for each in ("tests", "failures", "errors")) == counts
        assert len(suite) == int(counts[0])
        assert len(suite.findall("*/failure")) == int(counts[1])
        assert len(suite.findall("*/error")) == int(counts[2])


def test_remarks_are_told_in_every_form_for_people() -> None:
    hosts = {name: result(GOOD_MAP, notes=["no BTF"]) for name in ("web1", "web2")}
    used = a_map("odd", "fits", reasons=[], fields=[], migration=None, notes=["it is frozen"])
    report = report_of(**hosts, web3=result(used))
    assert report.counts()[GOOD] == 3
    for form in ("markdown", "html"):
        assert "no BTF: web1, web2" in text_of(form, report)
        assert "it is frozen" in text_of(form, report)
    lines = [line.text for line in as_table(report)]
    assert "no BTF: web1, web2" in lines
    assert lines[:2] == ["odd: used, on web3", "    it is frozen"]


def test_a_map_that_is_refused_is_told_though_it_is_not_pinned() -> None:
    report = report_of(web1=result(a_map(path=None)))
    assert as_table(report)[0].text == "flows: refused, on web1"


def test_a_very_long_list_of_a_host_is_cut() -> None:
    host = read_host("web1", result(*(a_map(f"m{number}") for number in range(5000))))
    assert len(host.maps) == 1000
