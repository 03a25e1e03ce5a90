# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report: what hosts say of their health, in all forms, and what is no such thing."""

from __future__ import annotations

import copy
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_files as files
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    IN_PLACE,
    Finding,
    Told,
    spelled_bytes,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_health import (
    FINDINGS,
    as_json,
    from_json,
    health_in,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_merge import (
    Read,
    merged,
    read_report,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import Report
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_table import as_table

sys.path.append(str(Path(__file__).parents[1] / "integration"))
from harness.drift import FORMS, read_all

MADE = datetime(2026, 11, 24, 17, 0, 0, tzinfo=UTC)
FULL = {
    "path": "/b/full",
    "type": "map",
    "memlock": 4096,
    "entries": 9,
    "max_entries": 10,
    "has_more_entries": False,
}
SAID: dict[str, Any] = {
    "memlock": 5 * 1024 * 1024,
    "pins": [
        FULL,
        {**FULL, "path": "/b/room", "entries": 8},
        {"path": "/b/prog|`<", "type": "prog", "memlock": 123},
    ],
    "unused": ["/b/prog|`<", "/b/full"],
    "severed": ["/b/link"],
    "unattached": ["/b/prog|`<"],
    "mounts": [{"path": "/sys/fs", "finding": "misplaced", "what": "it hides /sys/fs/bpf"}],
    "looked_at": ["links"],
    "unseen": ["cgroups: no cgroup2 is mounted"],
}
WORDS = [
    "health  /sys/fs     misplaced: it hides /sys/fs/bpf",
    "health  /b/link     severed: it is attached to nothing any more",
    "health  /b/prog|`<  attached nowhere, nobody uses it, 123 bytes",
    "health  /b/full     nobody uses it, 9 of 10 entries, 4.0 KiB",
]


def report(said: Any) -> Report:
    made = Report(made=MADE, playbook="site.yml", inventory=["hosts.yml"])
    for name in ("h", "silent"):
        made.host(name).add(Told([Finding("/b/full", "map", IN_PLACE)]))
    made.host("h").health = health_in({"health": said})
    return made


def written(made: Report, folder: Path) -> list[str]:
    paths = {form: f"{folder}/drift.{end}" for form, end in FORMS.items()}
    return files.write_all(made, {**paths})[1]


def test_health_is_in_all_forms_and_they_agree(tmp_path: Path) -> None:
    assert written(report(SAID), tmp_path) == []
    silent, telling = sorted(read_all(tmp_path)["report"], key=lambda host: host["host"] == "h")
    assert silent["health"] is None
    assert {**telling["health"], "looked_at": ["links"]} == {
        **SAID,
        "pins": [
            *SAID["pins"][:2],
            {**SAID["pins"][2], "entries": None, "max_entries": None, "has_more_entries": False},
        ],
    }
    markdown = (tmp_path / "drift.md").read_text()
    assert "Health: 5.0 MiB of memory, 1 severed, 1 attached nowhere, 2 unused, 1 nearly full" in (
        markdown
    )
    assert "- h: `/b/link`: severed: it is attached to nothing any more\n" in markdown
    junit = (tmp_path / "drift.xml").read_text()
    assert '<property name="health: /b/link" value="severed:' in junit
    page = (tmp_path / "drift.html").read_text()
    assert '<td class="note">nobody uses it, 9 of 10 entries, 4.0 KiB</td>' in page


def test_health_is_no_drift() -> None:
    made = report(SAID)
    assert made.host("h").state == IN_PLACE
    lines = [line.text for line in as_table(made)]
    assert [line.removeprefix("h     ") for line in lines[1 : 1 + len(WORDS)]] == WORDS
    assert lines[-1].startswith("Health: 5.0 MiB of memory")


def test_nobody_reads_of_health_where_it_was_not_asked_for(tmp_path: Path) -> None:
    assert written(report(None), tmp_path) == []
    read_all(tmp_path)
    for end in FORMS.values():
        text = (tmp_path / f"drift.{end}").read_text()
        assert "Health" not in text.replace('"health": null', "")
        assert "ebpf_pinning_health" not in text


def test_a_merged_report_has_the_health_of_each_host() -> None:
    made = report(SAID)
    text = "".join(files.FORMS["json"](made))
    again, _overlaps = merged([Read("one.json", read_report(json.loads(text), MADE))])
    assert again.host("h").health == made.host("h").health
    assert again.host("silent").health is None


BAD: dict[str, Any] = {
    "no dictionary": [],
    "nothing in it": {},
    "a text for a list": {**SAID, "unused": "/b/x"},
    "a number for a path": {**SAID, "severed": [7]},
    "true for a number": {**SAID, "memlock": True},
    "a huge number": {**SAID, "memlock": 1 << 70},
    "less than nothing": {**SAID, "pins": [{**FULL, "entries": -1}]},
    "another type": {**SAID, "pins": [{**FULL, "type": "link"}]},
    "another finding": {**SAID, "mounts": [{"path": "/x", "finding": "<b>", "what": "x"}]},
    "a list as a finding": {**SAID, "mounts": [{"path": "/x", "finding": [], "what": "x"}]},
    "a pin that is none": {**SAID, "pins": ["x"]},
}


@pytest.mark.parametrize("about", BAD)
def test_what_makes_no_sense_is_refused(about: str) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(BAD[about])


def test_what_is_read_is_what_was_written() -> None:
    health = from_json(SAID)
    assert from_json(as_json(health)) == health
    assert as_json(None) is None
    assert set(health.counts()) == set(FINDINGS)
    long = copy.deepcopy(SAID)
    long["unused"] = ["/" + "x" * 100_000]
    assert len(from_json(long).unused[0]) < 30_000


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (1 << 31, "2.0 GiB")],
)
def test_bytes_are_spelled(number: int, words: str) -> None:
    assert spelled_bytes(number) == words
