# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift reports as others read them: the published schema, an XML parser, Prometheus' grammar."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema

from .site import CHECKOUT

Json = dict[str, Any]
# Each form, and how the names of files of it end.
FORMS = {"json": "json", "html": "html", "markdown": "md", "junit": "xml", "prometheus": "prom"}
GROUPS = ("pins", "mounts", "directories", "files")
SCHEMA = json.loads((CHECKOUT / "docs" / "drift-report.schema.json").read_text())


def read_json(text: str) -> Json:
    """The report, once the schema and its own counts hold."""
    report = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    hosts = report["report"]
    assert [each["host"] for each in hosts] == sorted({each["host"] for each in hosts})
    states = Counter(host["state"] for host in hosts)
    assert report["hosts"] == {state: states[state] for state in report["hosts"]}
    pins = Counter(pin["state"] for host in hosts for pin in host["pins"])
    pins["in_place"] = sum(len(host["in_place"]) for host in hosts)
    assert report["pins"] == {state: pins[state] for state in report["pins"]}
    assert report["counts"] == {
        group: {state: counts(hosts)[group, state] for state in report["pins"]} for group in GROUPS
    }
    for host in hosts:
        assert set(chain(*host["kinds"].values())) <= set(host["in_place"])
        paths = [pin["path"] for pin in host["pins"]]
        assert paths == sorted(set(paths) - set(host["in_place"]))
    return report


def counts(hosts: Iterable[Json]) -> Counter[tuple[str, str]]:
    """How much of each of GROUPS is in each state. A mount is no pin, and neither is a file."""
    found: Counter[tuple[str, str]] = Counter()
    group_of = {"mount": "mounts", "directory": "directories", "file": "files"}
    for host in hosts:
        kinds = {path: kind for kind, paths in host["kinds"].items() for path in paths}
        found.update(
            (group_of.get(kinds.get(path), "pins"), "in_place") for path in host["in_place"]
        )
        found.update((group_of.get(pin["kind"], "pins"), pin["state"]) for pin in host["pins"])
    return found


def by_host(report: Json) -> dict[str, Json]:
    """The hosts of a report, by name."""
    return {host["host"]: host for host in report["report"]}


def states(host: Json) -> dict[str, str]:
    """Each path of a host that was looked at: its state, with a ! where it was put right."""
    found = dict.fromkeys(host["in_place"], "in_place")
    for pin in host["pins"]:
        found[pin["path"]] = pin["state"] + ("!" if pin["repaired"] else "")
    return found


# Elements of Jenkins' junit-10.xsd, its strictest known reader: attributes that must be there and
# those that may, and children.
_JUNIT = {
    "testsuites": ({"name"}, set(), {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "timestamp", "hostname"},
        set(),
        {"properties", "testcase"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name", "classname", "time"}, set(), {"failure", "error"}),
    "failure": ({"message", "type"}, set(), set()),
    "error": ({"message", "type"}, set(), set()),
}


def read_junit(text: str) -> dict[str, dict[str, str]]:
    """For each host the outcome of each test: passed, failure or error."""
    root = ET.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        required, optional, children = _JUNIT[element.tag]
        assert required <= set(element.attrib) <= required | optional, element.tag
        assert {child.tag for child in element} <= children
    found = {}
    for suite in root:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        assert suite.attrib["name"] == suite.attrib["hostname"]
        for name in ("failure", "error"):
            assert int(suite.attrib[f"{name}s"]) == len(suite.findall(f"testcase/{name}"))
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        assert [each.tag for each in suite][: len(suite) - len(cases)] in ([], ["properties"])
        outcomes = {}
        for case in cases:
            assert case.attrib["classname"] == suite.attrib["name"]
            assert len(case) <= 1
            outcomes[case.attrib["name"]] = case[0].tag if len(case) else "passed"
            assert all(outcome.text and outcome.attrib["message"] for outcome in case)
        found[suite.attrib["name"]] = outcomes
    return found


_LABEL = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
_SAMPLE = re.compile(rf"([a-zA-Z_:][\w:]*)(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (-?[0-9.]+)", re.A)
_COMMENT = re.compile(r"# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)", re.A)


def read_prometheus(text: str, promtool: str | None = shutil.which("promtool")) -> Json:
    """Each sample, by name and labels, once the text is sound: also to promtool, if it is there."""
    if promtool:
        done = subprocess.run([promtool, "check", "metrics"], input=text.encode(), check=False)
        assert done.returncode == 0
    assert text.endswith("\n")
    found: Json = {}
    typed: list[str] = []
    for line in text[:-1].split("\n"):
        comment = _COMMENT.fullmatch(line)
        if comment:
            if comment[1] == "TYPE":
                assert comment[2] not in typed, "a metric's samples stand together"
                typed.append(comment[2])
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample, line
        assert sample[1] == typed[-1], "a sample follows its type"
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
        key = (
            sample[1],
            *(
                re.sub(r"\\(.)", lambda mark: {"n": "\n"}.get(mark[1], mark[1]), value)
                for value in labels.values()
            ),
        )
        assert key not in found, key
        found[key] = float(sample[3])
    return found


def read_markdown(text: str) -> list[list[str]]:
    """The rows of the table, whether or not a backslash before a pipe counts."""
    rows = []
    for line in text.split("\n"):
        if line.startswith("|") and not line.startswith("|---"):
            cells = line.split("|")[1:-1]
            assert cells == re.split(r"(?<!\\)\|", line)[1:-1]
            rows.append([cell.strip() for cell in cells])
    return rows[1:]


def read_all(folder: Path) -> Json:
    """The report, once all forms in `folder` are sound and say the same."""
    text = {form: (folder / f"drift.{end}").read_bytes().decode() for form, end in FORMS.items()}
    report = read_json(text["json"])
    hosts = by_host(report)
    junit, samples = read_junit(text["junit"]), read_prometheus(text["prometheus"])
    rows = read_markdown(text["markdown"])
    assert set(junit) == set(map(_in_xml, hosts))
    outcome = {"failed": "error", "in_place": "passed"}
    for name, host in hosts.items():
        wanted = {
            _in_xml(path): outcome.get(state, "passed" if state.endswith("!") else "failure")
            for path, state in states(host).items()
        }
        told = {path: each for path, each in junit[_in_xml(name)].items() if path != "host"}
        assert told == wanted
        label = name.encode("utf-8", "backslashreplace").decode()
        for group in GROUPS:
            for state in report["pins"]:
                sample = samples[f"ebpf_pinning_{group}", label, state]
                assert sample == counts([host])[group, state]
        amiss = [pin["entries"] for pin in host["pins"] if pin.get("entries")]
        for kind in ("missing", "different", "extra"):
            sample = samples["ebpf_pinning_entries", label, kind]
            assert sample == sum(each[kind] for each in amiss)
        seen = datetime.fromisoformat(host["made"] or report["made"])
        assert samples["ebpf_pinning_host_timestamp_seconds", label] == seen.timestamp()
        for state in report["hosts"]:
            assert samples["ebpf_pinning_host_state", label, state] == (host["state"] == state)
        assert_health_agrees(host, label, samples)
    assert all(len(row) == 6 for row in rows)
    troubles = [
        max(len(host["problems"]), host["state"] == "unreachable") for host in hosts.values()
    ]
    assert len(rows) == sum(troubles) + sum(len(host["pins"]) for host in hosts.values())
    assert text["html"]
    return report


def assert_health_agrees(host: Json, label: str, samples: Json) -> None:
    """The samples about a host's health are what its JSON says; none if it says nothing."""
    health = host.get("health")
    counted = {key[2]: number for key, number in samples.items() if key[:2] == (_HEALTH, label)}
    if health is None:
        assert counted == {}
        return
    for name in ("unused", "severed", "unattached"):
        assert counted.pop(name) == len(health[name])
    full = [each for each in health["pins"] if each["max_entries"]]
    assert counted.pop("full") == sum(
        10 * each["entries"] >= 9 * each["max_entries"] for each in full
    )
    assert counted == {
        finding: sum(each["finding"] == finding for each in health["mounts"])
        for finding in ("hidden", "stacked", "misplaced")
    }
    assert samples["ebpf_pinning_memory_bytes", label] == health["memlock"]
    for each in health["pins"]:
        for name, field in (
            ("ebpf_pinning_pin_memory_bytes", "memlock"),
            ("ebpf_pinning_map_entries", "entries"),
            ("ebpf_pinning_map_max_entries", "max_entries"),
        ):
            path = each["path"].encode("utf-8", "backslashreplace").decode()
            assert samples.get((name, label, path)) == each[field]


_HEALTH = "ebpf_pinning_health"


def _in_xml(text: str) -> str:
    """What stands for characters that XML 1.0 has not: control characters, half pairs, U+FFFE."""
    return "".join(
        each.encode("unicode_escape").decode()
        if (ord(each) < 0x20 and each not in "\t\n\r")
        or 0xD800 <= ord(each) <= 0xDFFF
        or ord(each) in (0xFFFE, 0xFFFF)
        else each
        for each in text
    )
