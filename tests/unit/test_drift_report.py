# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report: what counts for a host, its history, its forms, its files."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.visible import visible
from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_files as files
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    ACCESS,
    DIFFERENT,
    FAILED,
    IN_PLACE,
    MISSING,
    STATES,
    UNDECLARED,
    Field,
    Finding,
    Told,
    warnings_in,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_forms import (
    as_markdown,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import HostReport, Report
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_table import as_table
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

sys.path.append(str(Path(__file__).parents[1] / "integration"))
from harness.drift import FORMS, by_host, read_all

MADE = datetime(2026, 11, 24, 17, 0, 0, tzinfo=UTC)


def finding(state: str, path: str = "/b/a", **more: Any) -> Finding:
    return Finding(path, "map", state, **more)


def report(**hosts: HostReport | list[Finding]) -> Report:
    made = Report(made=MADE, playbook="site.yml", inventory=["hosts.yml"])
    for name, given_ in hosts.items():
        if isinstance(given_, list):
            made.host(name).add(Told(given_))
        else:
            made.hosts[name] = replace(given_, name=name)
    return made


def written(made: Report, folder: Path, **more: str | None) -> list[str]:
    paths = {form: f"{folder}/drift.{end}" for form, end in FORMS.items()}
    return files.write_all(made, {**paths, **more})[1]


# What counts for a host

SEQUENCES = [
    ("nothing yet", [], None),
    ("what is found first", [MISSING], MISSING),
    ("drift, also when another declaration is met", [IN_PLACE, DIFFERENT, IN_PLACE], DIFFERENT),
    ("the first drift of two", [ACCESS, DIFFERENT], ACCESS),
    ("what is known rather than a failure", [FAILED, IN_PLACE], IN_PLACE),
    ("drift rather than a failure", [DIFFERENT, FAILED], DIFFERENT),
    ("that it was put right", [MISSING, "missing!"], "missing!"),
    ("that it was put right, also when it is found in place", ["missing!", IN_PLACE], "missing!"),
    ("that it is wrong again", ["missing!", DIFFERENT], DIFFERENT),
    ("that a later task failed at what was put right", ["missing!", FAILED], FAILED),
    ("that it was put right again", ["missing!", DIFFERENT, "different!"], "different!"),
]


@pytest.mark.parametrize(("what", "states", "wanted"), SEQUENCES)
def test_of_each_path_counts(what: str, states: list[str], wanted: str | None) -> None:
    host = HostReport("h")
    for state in states:
        host.add(Told([finding(state.rstrip("!"), repaired=state.endswith("!"))]))
    found = host.findings.get("/b/a")
    assert (found and found.state + "!" * found.repaired) == wanted, what


def test_what_a_later_failure_says_is_kept() -> None:
    host = HostReport("h")
    for note in ("", "EPERM", "EPERM", "EIO"):
        host.add(Told([finding(FAILED if note else MISSING, note=note)]))
    assert host.findings["/b/a"] == finding(MISSING, note="EPERM\nEIO")


HOSTS = [
    ([], [], False, "in_place"),
    ([finding(IN_PLACE)], [], False, "in_place"),
    ([finding(MISSING, repaired=True)], [], False, "in_place"),
    ([finding(MISSING)], [], False, "drift"),
    ([finding(UNDECLARED)], [], False, "drift"),
    ([finding(FAILED)], [], False, "failed"),
    ([finding(MISSING)], ["trouble"], False, "failed"),
    ([finding(IN_PLACE)], ["no route"], True, "unreachable"),
]


@pytest.mark.parametrize(("findings", "problems", "unreachable", "state"), HOSTS)
def test_a_host_is_as_bad_as_the_worst_of_it(
    findings: list[Finding], problems: list[str], unreachable: bool, state: str
) -> None:
    host = HostReport("h", unreachable=unreachable)
    host.add(Told(findings, problems))
    assert host.state == state


def test_a_warning_is_in_every_file_for_people_and_makes_no_host_worse(tmp_path: Path) -> None:
    host = HostReport("h")
    for _task in range(2):
        host.add(Told([finding(IN_PLACE)]))
        host.warn(warnings_in({"cautions": ["/b/a: mode 0640 is no boundary"]}))
    assert (host.state, host.warnings) == ("in_place", ["/b/a: mode 0640 is no boundary"])
    assert written(report(h=host), tmp_path) == []
    read_all(tmp_path)
    for file in tmp_path.iterdir():
        if file.suffix not in (".prom", ".xml"):
            assert "mode 0640 is no boundary" in file.read_text(), file.name


class Compared(str):
    """Text that counts how often it is compared with another."""

    __slots__ = ()
    times = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return super().__eq__(other)

    __hash__ = str.__hash__


def test_a_host_that_warns_without_end_costs_no_more_than_it_says() -> None:
    """A host may lie: nobody reads ten million characters, nor compares each with each."""
    host = HostReport("h")
    many = [Compared(f"/b/{number}: said") for number in range(3000)]
    for _task in range(2):
        host.warn(many)
    assert host.warnings == [str(each) for each in many]
    assert Compared.times < 10 * len(many)
    (told,) = warnings_in({"cautions": ["x" * 10_000_000]})
    assert len(told) < 30_000
    assert told.endswith("... (10000000 characters)")


# History


def compared(before: Report, now: Report, folder: Path) -> Report:
    assert written(before, folder) == []
    assert written(now, folder, previous=f"{folder}/drift.json") == []
    read_all(folder)
    return now


def test_history_is_new_still_and_gone(tmp_path: Path) -> None:
    before = report(
        one=[
            finding(MISSING, "/still"),
            finding(DIFFERENT, "/gone"),
            finding(MISSING, "/mended then", repaired=True),
            finding(IN_PLACE, "/in place"),
        ],
        two=[finding(MISSING, "/gone")],
        three=[finding(MISSING, "/not looked at")],
    )
    now = report(
        one=[finding(ACCESS, "/still"), finding(MISSING, "/new"), finding(IN_PLACE, "/gone")],
        two=HostReport("", problems=["trouble"]),
        four=[finding(FAILED, "/new")],
    )
    hosts = compared(before, now, tmp_path).hosts
    assert hosts["one"].history == {"/still": "still", "/new": "new"}
    assert hosts["one"].gone == {"/gone": DIFFERENT}
    assert (hosts["two"].history, hosts["two"].gone) == ({}, {})  # nothing is known of it
    assert hosts["four"].history == {"/new": "new"}
    assert set(hosts) == {"one", "two", "four"}
    assert now.previous == "2026-11-24T17:00:00Z"


def test_what_is_put_right_is_no_longer_there_in_the_next_report(tmp_path: Path) -> None:
    now = compared(
        report(one=[finding(MISSING, repaired=True)]), report(one=[finding(MISSING)]), tmp_path
    )
    assert now.hosts["one"].history == {"/b/a": "new"}


def test_a_report_knows_the_runs_before_as_each_hands_them_on(tmp_path: Path) -> None:
    told = []
    for day in range(70):
        now = report(one=[finding(MISSING)], two=[finding(MISSING if day % 2 else IN_PLACE)])
        now.made = MADE + timedelta(days=day)
        assert written(now, tmp_path, previous=f"{tmp_path}/drift.json") == []
        told.append((now.made_text, {**COUNTS, "in_place": 1 - day % 2, "drift": 1 + day % 2}))
    before = [(each["made"], each["hosts"]) for each in read_all(tmp_path)["before"]]
    assert before == told[9:69]


def test_a_report_of_a_version_that_hands_no_runs_on_is_the_first_that_is_known(
    tmp_path: Path,
) -> None:
    (tmp_path / "old.json").write_text(json.dumps(previous()))
    now = report(one=[finding(MISSING)])
    assert written(now, tmp_path, previous=f"{tmp_path}/old.json") == []
    assert read_all(tmp_path)["before"] == [{"made": "2026-01-01T00:00:00Z", "hosts": COUNTS}]


COUNTS = {"in_place": 0, "drift": 0, "failed": 0, "unreachable": 0}


def previous(**changes: Any) -> dict[str, Any]:
    pin = {"path": "/b/a", "state": "missing", "repaired": False, **changes.pop("pin", {})}
    entry = {"host": "one", "pins": [pin], **changes.pop("entry", {})}
    made = {"made": "2026-01-01T00:00:00Z", "hosts": COUNTS}
    return {"version": 1, **made, "report": [entry], **changes}


BAD = {
    "nothing": "",
    "no JSON": "<html>",
    "half of it": json.dumps(previous())[:-5],
    "no report": "[]",
    "a later version": json.dumps(previous(version=2)),
    "no version": json.dumps({"report": []}),
    "no hosts": json.dumps(previous(report=None)),
    "a host that is none": json.dumps(previous(report=[5])),
    "a host of another kind": json.dumps(previous(entry={"host": ["one"]})),
    "a path that is none": json.dumps(previous(pin={"path": 5})),
    "a path that cannot be one": json.dumps(previous(pin={"path": {}})),
    "a state that is none": json.dumps(previous(pin={"state": "<script>"})),
    "a state that is nothing to tell": json.dumps(previous(pin={"state": "in_place"})),
    "a state of another kind": json.dumps(previous(pin={"state": []})),
    "a time that is none": json.dumps(previous(made="<script>alert(1)</script>")),
    "digits of another script": json.dumps(previous(made="\uff12026-01-01")),
    "no time": json.dumps(previous(made=None)),
    "no counts": json.dumps(previous(hosts=None)),
    "a count that is none": json.dumps(previous(hosts={**COUNTS, "drift": "<b>"})),
    "a count that is below": json.dumps(previous(hosts={**COUNTS, "drift": -1})),
    "a count without end": json.dumps(previous(hosts={**COUNTS, "drift": 10**400})),
    "runs before that are none": json.dumps(previous(before=[5])),
    "runs before of another kind": json.dumps(previous(before="yes")),
    "a time before that is none": json.dumps(previous(before=[{"made": "<b>", "hosts": COUNTS}])),
    "depths": "[" * 1_000_000,
    "a number without end": "[" + "9" * 10_000 + "]",
    "bytes": b"\xff\xfe",
}


@pytest.mark.parametrize("what", BAD)
def test_a_previous_report_that_is_none_is_said_so_and_the_new_one_written(
    tmp_path: Path, what: str
) -> None:
    old = tmp_path / "old.json"
    content = BAD[what]
    old.write_bytes(content if isinstance(content, bytes) else content.encode())
    made = report(one=[finding(MISSING)])
    (problem,) = written(made, tmp_path, previous=str(old))
    assert problem.startswith(f"drift_previous {old} cannot be used: ")
    assert len(problem) < 500
    (host,) = by_host(read_all(tmp_path)).values()
    assert host["pins"][0]["history"] is None
    assert (made.previous, host["gone"]) == (None, [])


def test_a_previous_report_that_nobody_writes_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (problem,) = written(report(), tmp_path, previous=f"{tmp_path}/pipe")
    assert "it is not a regular file" in problem


def test_a_previous_report_that_is_not_there_is_the_first_run(tmp_path: Path) -> None:
    assert written(report(), tmp_path, previous=f"{tmp_path}/nothing") == []


# Forms

# What is hard for one form or another, and everything else.
NASTY = [
    "<script>alert(1)</script>", "|", "`", "``", "\\", "\\|", "\n", "\r\n", "\t", '"', "'", "&lt;",
    "]]>", "--", "{{ e }}", "{% e %}", "@all", "[a](b)", "*", "_", "~", "\x00", "\x1b[31m", "\x7f",
    "\x85", "\u2028", "\u202e", "\u200b", "\ufeff", "\ufffe", "\udc80", "\U0001f41d", " ",
]  # fmt: skip
TEXTS = (
    st.lists(st.sampled_from(NASTY) | st.text(max_size=3), min_size=1, max_size=4)
    .map("".join)
    .filter(bool)
)
FIELDS = st.lists(st.builds(Field, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple)
KINDS = st.sampled_from(["map", "program", "link", "object", "mount", "pin", "directory", "file"])
NOTES = st.just("") | TEXTS
NONE = st.none()
FINDINGS = st.one_of(
    st.builds(
        Finding, TEXTS, KINDS, st.just(IN_PLACE), *map(st.just, ((), "", False)), copied=NONE
    ),
    st.builds(
        *(Finding, TEXTS, KINDS, st.sampled_from(STATES[1:-1]), FIELDS, NOTES, st.booleans()),
        copied=NONE | st.integers(0, 2),
    ),
    st.builds(Finding, TEXTS, KINDS, st.just(FAILED), FIELDS, NOTES, st.just(False), copied=NONE),
)
TOLD = st.builds(Told, st.lists(FINDINGS, max_size=4), st.lists(TEXTS, max_size=2))
FLEETS = st.dictionaries(TEXTS, st.tuples(TOLD, st.booleans()), max_size=4)


def fleet(hosts: dict[str, tuple[Told, bool]]) -> Report:
    made = Report(made=MADE, playbook="a\udc80\n`|", inventory=["<b>|`\n", "hosts"])
    for name, (told, unreachable) in hosts.items():
        made.host(name).unreachable = unreachable
        made.host(name).add(told)
    return made


@examples(150)
@given(FLEETS, FLEETS)
def test_whatever_is_called_what_all_forms_are_sound_and_agree(
    before: dict[str, Any], now: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assert written(fleet(before), folder) == []
        made = fleet(now)
        assert written(made, folder, previous=f"{folder}/drift.json") == []
        told = by_host(read_all(folder))
        assert set(told) == {_as_json(name) for name in made.hosts}
        markdown = (folder / "drift.md").read_text(encoding="utf-8")
    assert "<script" not in markdown
    table = [line.text for line in as_table(made)]
    assert all(each.isprintable() for each in (*markdown.split("\n"), *table))
    assert len(table) <= 1 + 20 + 1 + 4 + 5 + 1, "a table, what to do, the counts, the history"


def _as_json(text: str) -> str:
    return json.loads(json.dumps(text))


def test_a_name_shows_what_it_is_made_of() -> None:
    assert visible("caf\u00e9 b\\") == "caf\u00e9 b\\"
    assert visible("a\nb\x1b[31m\u202e\udc80") == r"a\nb\x1b[31m\u202e\x80"


def test_markdown_is_shown_and_not_obeyed() -> None:
    path = "/b/a|`<b>\\"
    text = "".join(as_markdown(report(h=[finding(FAILED, path, note="see [x](y) *now* @all a_b")])))
    row = text.splitlines()[-1]
    assert "<code>/b/a&#124;&#96;&#60;b&#62;&#92;</code>" in row
    assert "see &#91;x&#93;(y) &#42;now&#42; &#64;all a_b" in row


def test_the_table_says_what_to_know_first() -> None:
    fields = (Field("max_entries", "2", "1"),)
    made = report(
        good=[finding(IN_PLACE)],
        bad=[
            finding(DIFFERENT, fields=fields, note="Declare what is there"),
            finding(MISSING, "/b"),
        ],
        mended=[finding(MISSING, repaired=True)],
        worse=HostReport("", problems=["no  bpffs\nat all"]),
        away=HostReport("", unreachable=True),
    )
    ends = [
        "5 hosts: 2 in place, 1 in drift, 1 failed, 1 unreachable",
        "4 pins: 1 in place, 1 missing, 1 different, 1 put right",
    ]
    assert shown(made) == [
        "HOST   STATE        PATH",
        "away   unreachable        unreachable",
        "bad    missing      /b",
        "bad    different    /b/a  max_entries: want 2, have 1",
        "worse  failed             no bpffs at all",
        "bad: /b/a: Declare what is there",
        *ends,
    ]
    assert shown(made, most=1)[2:] == ["... and 3 more", "bad: /b/a: Declare what is there", *ends]
    assert shown(report(h=[finding(IN_PLACE)])) == [
        "1 host: 1 in place, 0 in drift, 0 failed, 0 unreachable",
        "1 pin: 1 in place",
    ]


def shown(made: Report, **how: Any) -> list[str]:
    return [line.text for line in as_table(made, **how)]


def test_a_mount_is_no_pin_nor_is_a_file_or_a_directory() -> None:
    made = report(
        h=[
            Finding("/sys/fs/bpf", "mount", IN_PLACE),
            Finding("/sys/fs/bpf/a", "map", MISSING),
            Finding("/sys/fs/bpf/b", "object", IN_PLACE),
            Finding("/sys/fs/bpf/c", "pin", UNDECLARED),
            Finding("/sys/fs/bpf/d", "directory", IN_PLACE),
            Finding("/sys/fs/bpf/e", "directory", ACCESS),
            Finding("/etc/f", "file", DIFFERENT, repaired=True),
        ]
    )
    assert shown(made)[-4:] == [
        "3 pins: 1 in place, 1 missing, 1 undeclared",
        "1 mount: 1 in place",
        "2 directories: 1 in place, 1 owner or mode off",
        "1 file: 1 put right",
    ]


def test_the_table_says_what_a_migration_copied_and_what_is_new_still_and_gone(
    tmp_path: Path,
) -> None:
    fields = (Field("max_entries", "2", "1"),)
    before = report(h=[finding(MISSING, "/b/gone"), finding(MISSING, "/b/still")])
    now = report(
        h=[
            finding(DIFFERENT, "/b/done", fields=fields, repaired=True, copied=3),
            finding(DIFFERENT, "/b/due", fields=fields, copied=1),
            finding(IN_PLACE, "/b/gone"),
            finding(MISSING, "/b/still"),
        ]
    )
    assert shown(compared(before, now, tmp_path)) == [
        "HOST  STATE           PATH",
        "h     different, new  /b/due    max_entries: want 2, have 1; 1 entry to copy",
        "h     missing, still  /b/still",
        "h     put right, new  /b/done   max_entries: want 2, had 1; 3 entries copied",
        "h     gone            /b/gone   was missing",
        "1 host: 0 in place, 1 in drift, 0 failed, 0 unreachable",
        "4 pins: 1 in place, 1 missing, 1 different, 1 put right",
        "Since 2026-11-24T17:00:00Z: 2 new, 1 still there, 1 gone",
    ]
    copied = {pin["path"]: pin["copied"] for pin in read_all(tmp_path)["report"][0]["pins"]}
    assert copied == {"/b/done": 3, "/b/due": 1, "/b/still": None}


def test_entries_are_told_by_numbers_in_all_forms(tmp_path: Path) -> None:
    def differing(path: str, have: str, **more: Any) -> Finding:
        field = Field("entries", "as declared (exact)", have)
        return finding(DIFFERENT, path, fields=(field,), **more)

    now = report(
        h=[
            differing("/b/a", "2 missing, 1 different, 4294967295 extra"),
            differing("/b/b", "3 missing", repaired=True),
            differing("/b/c", "something else"),
            differing("/b/d", "7 missing")._replace(kind="object"),
        ]
    )
    assert written(now, tmp_path) == []
    pins = read_all(tmp_path)["report"][0]["pins"]
    assert [pin["entries"] for pin in pins] == [
        {"missing": 2, "different": 1, "extra": 4294967295},
        {"missing": 3, "different": 0, "extra": 0},
        None,
        None,
    ]
    samples = (tmp_path / "drift.prom").read_text()
    assert 'ebpf_pinning_entries{host="h",state="missing"} 5\n' in samples
    assert (
        "h     different  /b/a  entries: want as declared (exact), have 2 missing, 1 different, "
        "4294967295 extra"
    ) in shown(now)


def test_what_to_do_about_one_pin_of_many_hosts_is_said_once() -> None:
    fields = (Field("max_entries", "2", "1"),)
    made = report(
        **{
            f"h{number}": [
                finding(DIFFERENT, fields=fields, note=f"the map (id {number}) is small: grow it")
            ]
            for number in range(3)
        }
    )
    assert "h0 and 2 other hosts: /b/a: the map is small: grow it" in shown(made)


def test_each_line_of_the_table_has_the_tone_of_what_it_is_about() -> None:
    made = report(
        away=HostReport("", unreachable=True),
        bad=[finding(MISSING), finding(FAILED, "/f")],
        mended=[finding(DIFFERENT, repaired=True)],
    )
    tones = [line.tone for line in as_table(made)]
    wanted = ["", "unreachable", "drift", "failed", "repaired", "unreachable", "unreachable"]
    assert tones == wanted


# Files


def test_two_forms_do_not_share_a_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("drift.json")
    problems = written(report(h=[finding(MISSING)]), tmp_path, html=f"{tmp_path}/link")
    assert problems == [
        f"drift_html {tmp_path}/link cannot be written: it is the file of drift_json; the run is "
        "not affected"
    ]
    assert json.loads((tmp_path / "drift.json").read_text())["version"] == 1
    assert not (tmp_path / "drift.html").exists()


@pytest.mark.parametrize("path", ["{}", "{}/nowhere/x", "{}/pipe", "{}/file/x", "{}/nul\0"])
def test_what_cannot_be_written_is_a_problem_with_option_and_path(
    tmp_path: Path, path: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    before = {each.name: each.lstat().st_ino for each in tmp_path.iterdir()}
    path = path.format(tmp_path)
    (problem,) = files.write_all(report(), {"junit": path})[1]
    assert problem.startswith(f"drift_junit {path} cannot be written: ")
    assert problem.endswith("; the run is not affected")
    assert {each.name: each.lstat().st_ino for each in tmp_path.iterdir()} == before


def test_a_report_is_for_all_to_read_unless_the_one_before_was_not(tmp_path: Path) -> None:
    for mode in (None, 0o600):
        if mode:
            (tmp_path / "drift.json").chmod(mode)
        assert written(report(), tmp_path) == []
        assert (tmp_path / "drift.json").stat().st_mode & 0o7777 == (mode or 0o644)


def test_a_report_that_fails_in_the_middle_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_report: Report) -> Any:
        yield "half"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "FORMS", {"json": half})
    (tmp_path / "old").write_text("old")
    (problem,) = files.write_all(report(), {"json": f"{tmp_path}/old"})[1]
    assert "No space left" in problem
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
