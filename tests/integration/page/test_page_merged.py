# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a report that is merged from several. The oracle is Chromium."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import MISSING
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import Report, Source
from drift_page import PHONE, Show, fits, host, pin, report

NEWEST = datetime(2026, 11, 24, 3, tzinfo=UTC)
OLD = "seen 21 Nov 2026, 03:00 UTC, 3 d before the newest"


def merged() -> Report:
    missing = pin("flows", MISSING)
    ages = {"edge-1": timedelta(), "edge-2": timedelta(hours=5), "edge-3": timedelta(days=3)}
    hosts = [host(name, missing, made=NEWEST - age) for name, age in ages.items()]
    in_place = host("edge-4", made=NEWEST - timedelta(days=9))
    sources = [
        Source("fra/drift.json", "2026-11-24T03:00:00Z", 4, 4),
        Source("lab/drift.json", None, problem="it is no JSON: line 1 column 1"),
    ]
    return report(*hosts, in_place, sources=sources)


def test_how_old_it_is_stands_beside_each_host(show: Show) -> None:
    page = show(merged())
    assert page.hosts == ["edge-1", "edge-2", "edge-3"]
    assert [each.split() for each in page.texts(".row .host")] == [
        ["edge-1", "1"],
        ["edge-2", "5", "h", "1"],
        ["edge-3", "3", "d", "1"],
    ]
    assert page.texts(".row .is-old") == ["3 d"]
    whole = "document.querySelector('.row .is-old').closest('.host')"
    assert page.browser.evaluate(f"{whole}.scrollWidth <= {whole}.clientWidth")
    page.browser.click(page.cell("edge-3", ""))
    assert OLD in page.details
    page.browser.press("Escape")
    assert OLD in page.texts("#readout")[0]
    page.browser.click(page.cell("edge-3", "flows"))
    assert f"on edge-3, {OLD}" in page.details
    assert "The same on 2 other hosts edge-1 edge-2 5 h older" in page.details
    page.browser.press("Escape")
    page.browser.click("#as-list")
    assert page.texts("#list .hosts") == ["edge-1\nedge-2 5 h older\nedge-3 3 d older"]


def test_a_screen_reader_hears_how_old_a_host_is(show: Show) -> None:
    heard = [name for _role, name in show(merged()).browser.heard()]
    assert "edge-3, in drift, 3 d before the newest" in heard
    assert "edge-1, in drift" in heard


def test_hosts_that_nobody_has_seen_for_long_are_listed_with_what_to_run(show: Show) -> None:
    page = show(merged())
    facts = [" ".join(each.split()) for each in page.texts(".facts dl > div")]
    assert "Not seen for more than a day 9 d 2 hosts, for longest edge-4" in facts
    page.press_button("for longest edge-4")
    assert page.details.startswith("2 hosts not seen for more than a day")
    assert "edge-4 9 d older edge-3 3 d older" in page.details
    assert "--limit='edge-4,edge-3'" in page.texts("dialog code")
    assert page.browser.evaluate("location.hash") == "#show=old"
    page.browser.go_back()
    assert not page.details
    assert show(report(host("edge-1")), "#show=old").details == ""


def test_what_was_left_out_is_in_sight(show: Show) -> None:
    page = show(merged())
    left_out = "lab/drift.json: left out: it is no JSON: line 1 column 1"
    assert page.texts(".files li") == [left_out]
    page.browser.click(".sources summary")
    assert page.texts(".files li") == [left_out, "fra/drift.json: 24 Nov 2026, 03:00 UTC, 4 hosts"]


def test_a_phone_has_room_for_the_age_of_hosts(show: Show) -> None:
    page = show(merged(), **PHONE)
    assert "3 d older" in page.texts("#list .age")
    assert fits(page)
    page.browser.click("#as-matrix")
    assert page.texts(".row .age") == ["3 d"]
    assert fits(page)


def test_without_scripts_there_is_when_each_host_was_seen(show: Show) -> None:
    page = show(merged(), scripts=False)
    rows = [" ".join(row.split()) for row in page.texts(".plain tbody tr")]
    assert rows[2].endswith("flows \u2212 missing seen 21 Nov 2026, 03:00 UTC")
