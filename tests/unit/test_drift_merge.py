# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift reports of several runs as one: which tells of a host, and what is left out."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_files as files
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    DIFFERENT,
    FAILED,
    IN_PLACE,
    MISSING,
    Finding,
    Told,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_merge import merged
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import (
    NOT_LOOKED_AT,
    Report,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_table import as_table
from hypothesis import given
from strategies import examples
from test_drift_report import FLEETS, fleet

sys.path.append(str(Path(__file__).parents[1] / "integration"))
from harness.drift import FORMS, Json, by_host, read_all, read_json, states

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD = Path(__file__).with_name("drift-report-0.1.0.json")


def at(seconds: int, **hosts: str) -> Report:
    """A report, some seconds after noon. Of a host: the state of its pin, or what kept it away."""
    report = Report(made=NOON + timedelta(seconds=seconds), playbook="p", inventory=["i"])
    for name, state in hosts.items():
        host = report.host(name)
        if state == "away":
            host.unreachable = True
            host.add(Told((), ["no route"]))
        elif state == "unseen":
            host.add(Told((), [NOT_LOOKED_AT]))
        else:
            host.add(Told([Finding("/b/a", "map", state), Finding("/b", "mount", IN_PLACE)]))
    return report


def read(folder: Path, *reports: Report) -> list[Any]:
    """The reports, by way of their files 0.json, 1.json, ..."""
    paths = [f"{folder}/{number}.json" for number in range(len(reports))]
    for report, path in zip(reports, paths, strict=True):
        assert files.write_all(report, {"json": path}) == ([path], [])
    return files.read_reports(paths, NOON + timedelta(hours=1))


def written(report: Report, folder: Path) -> dict[str, Json]:
    """The hosts of the report, once all its forms are sound and say the same."""
    paths = {form: f"{folder}/drift.{end}" for form, end in FORMS.items()}
    assert files.write_all(report, paths)[1] == []
    return by_host(read_all(folder))


def alike(report: Json) -> Json:
    """What has to be the same in a merged report and in that of one run."""
    hosts = [{**host, "made": None} for host in report["report"]]
    return {**report, "made": None, "merged": [], "report": hosts}


@examples(100)
@given(FLEETS)
def test_slices_in_any_order_are_the_report_of_one_run(hosts: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = fleet(hosts)
        written(whole, folder)
        one_run = read_json((folder / "drift.json").read_text())
        slices = [fleet(dict(list(hosts.items())[start::2])) for start in range(2)]
        for reports in permutations(slices):
            report, overlaps = merged(
                files.read_reports(_paths(folder, reports), NOON.replace(2030))
            )
            written(report, folder)
            again = read_json((folder / "drift.json").read_text())
            assert alike(again) == alike(one_run)
            assert overlaps == []
            sources = [(each["hosts"], each["newest"]) for each in again["merged"]]
            assert sources == [(len(each.hosts), len(each.hosts)) for each in reports]


def _paths(folder: Path, reports: Any) -> list[str]:
    paths = [f"{folder}/{number}.json" for number in range(len(reports))]
    for report, path in zip(reports, paths, strict=True):
        files.write_all(report, {"json": path})
    return paths


# Reports of one host, and the number of the one that counts.
NEWEST = {
    "the newer one": ([at(0, h=MISSING), at(1, h=IN_PLACE)], 1),
    "the newer one, whatever it says": ([at(0, h=IN_PLACE), at(1, h=FAILED)], 1),
    "the newer one, also when nobody answered": ([at(0, h=MISSING), at(1, h="away")], 1),
    "one that came to it before one that was cut short": ([at(0, h=MISSING), at(9, h="unseen")], 0),
    "of the same second, one that saw more": ([at(0, h=IN_PLACE), at(0, h=DIFFERENT)], 1),
    "of the same second, one that was answered": ([at(0, h="away"), at(0, h=IN_PLACE)], 1),
    "the newest of three": ([at(0, h=MISSING), at(2, h=IN_PLACE), at(1, h=DIFFERENT)], 1),
}


@pytest.mark.parametrize("what", NEWEST)
def test_of_a_host_counts(tmp_path: Path, what: str) -> None:
    reports, number = NEWEST[what]
    read_ones = read(tmp_path, *reports)
    for order in permutations(range(len(reports))):
        report, overlaps = merged([read_ones[place] for place in order])
        host = report.hosts["h"]
        wanted = reports[number].hosts["h"]
        assert (host.state, host.findings) == (wanted.state, wanted.findings)
        assert report.made_of(host) == reports[number].made
        assert [each.newest for each in report.sources] == [int(place == number) for place in order]
        assert len(overlaps) == len(reports) - 1
        for overlap in overlaps:
            assert f"{tmp_path}/{number}.json tell of the same hosts (1, such as h)" in overlap


def test_two_controllers_a_second_apart_lose_nothing(tmp_path: Path) -> None:
    """Each of them reaches what the other one does not."""
    names = [f"h{number}" for number in range(12)]
    found = dict.fromkeys(names, MISSING)
    one = at(0, **{**found, **dict.fromkeys(names[:3], "away")})
    two = at(1, **{**found, **dict.fromkeys(names[9:], "unseen")})
    report, _overlaps = merged(read(tmp_path, one, two))
    hosts = written(report, tmp_path)
    assert set(hosts) == set(names)
    for host in hosts.values():
        assert states(host) == {"/b/a": "missing", "/b": "in_place"}


def test_of_a_host_that_answers_no_more_it_is_said_where_it_is_told_how_it_was(
    tmp_path: Path,
) -> None:
    report, _overlaps = merged(read(tmp_path, at(0, h=MISSING), at(60, h="away")))
    seen = f"when it last answered, 2026-11-24T12:00:00Z, it was in drift: see {tmp_path}/0.json"
    assert report.hosts["h"].problems == ["no route", seen]
    (again,) = read(tmp_path, report)
    report, _overlaps = merged([again, *read(tmp_path / "..", at(0, h=MISSING))][:1])
    assert report.hosts["h"].problems == ["no route", seen]


def test_a_merged_report_can_be_merged_and_each_host_keeps_its_age(tmp_path: Path) -> None:
    first, _overlaps = merged(read(tmp_path, at(0, a=MISSING), at(60, b=MISSING)))
    (again,) = read(tmp_path, first)
    (tmp_path / "more").mkdir()
    report, _overlaps = merged([again, *read(tmp_path / "more", at(30, a=IN_PLACE, b=IN_PLACE))])
    assert {name: host.state for name, host in report.hosts.items()} == {
        "a": "in_place",
        "b": "drift",
    }
    hosts = written(report, tmp_path)
    assert hosts["a"]["made"] == "2026-11-24T12:00:30Z"
    assert hosts["b"]["made"] == "2026-11-24T12:01:00Z"


AGES = [
    (0, "0 s"),
    (59, "59 s"),
    (60, "1 min"),
    (3599, "59 min"),
    (3600, "1 h"),
    (86400 * 9, "9 d"),
]


@pytest.mark.parametrize(("seconds", "age"), AGES)
def test_the_table_tells_when_a_host_was_looked_at(tmp_path: Path, seconds: int, age: str) -> None:
    report, _overlaps = merged(read(tmp_path, at(0, h=MISSING)))
    lines = [line.text for line in as_table(report, now=NOON + timedelta(seconds=seconds))]
    assert lines[0].split() == ["HOST", "STATE", "SEEN", "PATH"]
    assert re.fullmatch(rf"h +missing +{age} ago +/b/a", lines[1])
    assert lines[-1] == f"Merged from 1 report; seen longest ago: h, {age} ago"


def test_what_is_new_and_gone_is_as_each_report_has_it(tmp_path: Path) -> None:
    before, now = at(0, h=MISSING, k=MISSING), at(60, h=MISSING, k=IN_PLACE)
    files.write_all(before, {"json": f"{tmp_path}/before.json"})
    files.write_all(now, {"previous": f"{tmp_path}/before.json"})
    report, _overlaps = merged(read(tmp_path, now, at(5, other=MISSING)))
    hosts = written(report, tmp_path)
    assert report.previous == "2026-11-24T12:00:00Z"
    history = {name: [pin["history"] for pin in host["pins"]] for name, host in hosts.items()}
    assert history == {"h": ["still"], "k": [], "other": [None]}
    assert hosts["k"]["gone"] == [{"path": "/b/a", "state": "missing"}]


# Other versions


def test_a_report_of_0_1_0_is_read_and_its_mounts_are_no_pins(tmp_path: Path) -> None:
    report, _overlaps = merged(files.read_reports([str(OLD)], datetime.now(UTC)))
    old, new = by_host(json.loads(OLD.read_text())), written(report, tmp_path)
    assert {name: states(host) for name, host in new.items()} == {
        name: states(host) for name, host in old.items()
    }
    for name, host in old.items():
        for key in ("state", "problems", "gone"):
            assert new[name][key] == host[key]
    counts = report.counts()
    assert sum(counts["pins"].values()) == 3
    assert counts["mounts"] == {**dict.fromkeys(counts["mounts"], 0), "in_place": 1, "missing": 1}
    assert counts["files"]["different"] == 1


def test_a_report_of_now_says_to_a_reader_of_0_1_0_all_that_it_knows(tmp_path: Path) -> None:
    """There is more in it, and nothing is called otherwise."""
    report, _overlaps = merged(files.read_reports([str(OLD)], datetime.now(UTC)))
    written(report, tmp_path)
    old, new = json.loads(OLD.read_text()), json.loads((tmp_path / "drift.json").read_text())
    assert {key: new[key] for key in old if key != "report"} == {
        key: value for key, value in old.items() if key != "report"
    }
    for before, after in zip(old["report"], new["report"], strict=True):
        pins = [
            {key: pin[key] for key in known}
            for known, pin in zip(before["pins"], after["pins"], strict=True)
        ]
        assert {**{key: after[key] for key in before}, "pins": pins} == before


# Bad input

GOOD = json.loads(OLD.read_text())


def _with(host: Any = None, **head: Any) -> str:
    content = {**GOOD, **head}
    if host is not None:
        content["report"] = [{**GOOD["report"][0], **host}]
    return json.dumps(content)


def _pin(**more: Any) -> dict[str, Any]:
    return {"pins": [{**GOOD["report"][0]["pins"][0], **more}]}


BAD: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "it is no JSON: "),
    "a page": ("<!DOCTYPE html>", "it is no JSON: "),
    "half of it": (OLD.read_text()[:900], "it is no JSON: "),
    "no text": (b"\xff\xfe\x00", "it is no JSON: "),
    "a number of 5,000 digits": ("1" * 5000, "it is no JSON: "),
    "another JSON": ("[1, 2]", "it is not a drift report of version 1"),
    "a dump of bpftool": ('[{"key": 1}]', "it is not a drift report of version 1"),
    "no version": (json.dumps({"report": []}), "it is not a drift report of version 1"),
    "a version that is true": (_with(version=True), "it is not a drift report of version 1"),
    "a newer version": (
        _with(version=2),
        "it is a drift report of version 2, and the ebpf.pinning that is installed here reads "
        "version 1: upgrade it",
    ),
    "a hole": ("[" * 100_000, "it is nested too deep for a report"),
    "no hosts": (_with(report=None), "it is not as a drift report is made: "),
    "hosts that are none": (_with(report=[7]), "it is not as a drift report is made: "),
    "a host twice": (
        _with(report=[GOOD["report"][0]] * 2),
        "it is not as a drift report is made: ValueError(\"a host is in it twice: 'edge-1'\")",
    ),
    "a path twice": (_with({"in_place": ["/b", "/b"]}), "a path is in it twice"),
    "a host without a name": (_with({"host": ""}), "a name is empty"),
    "a name that is none": (_with({"host": {"a": 1}}), "no text: "),
    "a kind that is none": (_with(_pin(kind="spoon")), "no such word: 'spoon'"),
    "a state that is none": (_with(_pin(state="in_place")), "no such word: 'in_place'"),
    "a number that is none": (_with(_pin(copied="all")), "copied is not a number"),
    "kinds that are none": (_with({"kinds": ["mount"]}), "TypeError"),
    "a time that is none": (_with(made="yesterday"), "does not match format"),
    "the future": (
        _with(made="2999-01-01T00:00:00Z"),
        "it is of 2999-01-01T00:00:00Z, which is still",
    ),
    "a host of the future": (
        _with({"made": "2999-01-01T00:00:00Z"}),
        "it is of 2999-01-01T00:00:00Z, which is still",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_report_is_left_out_and_the_others_are_merged(tmp_path: Path, what: str) -> None:
    content, why = BAD[what]
    bad = tmp_path / "bad.json"
    bad.write_bytes(content.encode() if isinstance(content, str) else content)
    read_ones = files.read_reports([str(OLD), str(bad)], datetime.now(UTC))
    assert [each.file for each in read_ones] == [str(OLD), str(bad)]
    assert why in read_ones[1].problem
    assert len(read_ones[1].problem) < 400
    report, _overlaps = merged(read_ones)
    assert set(written(report, tmp_path)) == {"edge-1", "edge-2", "edge-3"}
    told = json.loads((tmp_path / "drift.json").read_text())["merged"]
    left_out = {"file": str(bad), "made": None, "hosts": 0, "newest": 0}
    assert told[1] == {**left_out, "problem": read_ones[1].problem}
    assert "left out: " in (tmp_path / "drift.md").read_text()


def test_what_is_no_file_of_a_report_is_not_waited_for_nor_read_without_end(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(files.MOST_BYTES + 1)
    named = [str(tmp_path / name) for name in ("pipe", "huge", "nowhere")]
    found = files.read_reports([*named, "/dev/zero", str(tmp_path)], NOON)
    assert [each.problem for each in found] == [
        "it is not a regular file",
        "it has more than 128 MiB: cut the inventory into more runs",
        "No such file or directory",
        "it is not a regular file",
        "Is a directory",
    ]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(OLD)
    assert len(files.read_reports([str(OLD), f"{tmp_path}/link.json"], datetime.now(UTC))) == 1


def test_hostile_names_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    name = "\x1b[2J\u202e" + "x" * 100_000
    host = {"host": name, "in_place": [name], "problems": [name], "warnings": [name]}
    for number in range(2):
        (tmp_path / f"{number}.json").write_text(_with(host))
    report, overlaps = merged(
        files.read_reports([f"{tmp_path}/{number}.json" for number in range(2)], datetime.now(UTC))
    )
    written(report, tmp_path)
    for text in (*overlaps, *(line.text for line in as_table(report, now=NOON))):
        assert text.isprintable()
        assert len(text) < 100_000
    assert len(overlaps[0]) < 1000
