# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a drift report on a phone, at night, on paper, and without scripts."""

from __future__ import annotations

from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import MISSING
from drift_page import PHONE, TOP, Show, fits, fleet, host, pin, report


def test_a_phone_shows_the_list_and_nothing_sticks_out(show: Show) -> None:
    page = show(fleet(), **PHONE)
    assert page.texts("#list > li")
    assert fits(page)
    page.browser.click("#list .line")
    assert page.details
    assert fits(page)
    page.browser.press("Escape")
    page.browser.click("#as-matrix")
    assert page.hosts
    assert fits(page)


def test_night_and_day_have_colours_of_their_own(show: Show) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    assert show(fleet()).browser.evaluate(paper) == "rgb(255, 255, 255)"
    assert show(fleet(), dark=True).browser.evaluate(paper) == "rgb(20, 22, 26)"


def test_on_paper_there_is_the_answer_and_the_list_in_full(show: Show) -> None:
    many = [pin(f"p{number:02}", MISSING) for number in range(30)]
    alike = [host(f"edge-{number}", *many) for number in range(9)]
    page = show(report(*alike))
    page.browser.evaluate(
        """addEventListener("beforeprint", () => {
            window.printed = ["h1", "#list"].map((name) => document.querySelector(name).innerText);
        })"""
    )
    assert page.browser.on_paper().startswith(b"%PDF")
    answer, listed = page.browser.evaluate("printed")
    assert "9 hosts in drift" in answer
    for name in ("edge-0", "edge-8", "p00", "p29"):
        assert name in listed
    assert page.hosts, "the screen shows the matrix again"


def test_paper_has_no_room_for_what_only_works_on_a_screen(show: Show) -> None:
    page = show(fleet(), paper=True)
    assert page.texts("#matrix, input, [data-state], #more") == []
    assert page.texts("h1")


def test_without_scripts_there_is_the_answer_and_a_table(show: Show) -> None:
    page = show(fleet(), scripts=False)
    assert "3 hosts in drift, 1 failed, 1 unreachable" in page.texts("h1")[0]
    assert page.texts("#app") == []
    rows = [" ".join(row.split()) for row in page.texts(".plain tbody tr")]
    assert f"edge-1 {TOP}/events \u2212 missing" in rows
    assert "core-1 ? unreachable no route to host" in rows
