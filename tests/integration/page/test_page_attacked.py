# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a drift report where every name is an attack."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    DIFFERENT,
    Field,
    Finding,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import HostReport, Report
from drift_page import PHONE, Show, fits

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "' autofocus onfocus='alert(1)",
    "javascript:alert(1)",
    "${alert(1)}",
    "&lt;img&gt;",
    "__proto__",
    "x" * 300,
]


def attack() -> Report:
    """Each name in every place that takes a text of others."""
    hosts = []
    for name in ATTACKS:
        found = [
            Finding(other, "map", DIFFERENT, (Field(name, other, name),), other)
            for other in ATTACKS
        ]
        hosts.append(HostReport(name, {each.path: each for each in found}, [f"{name} of {name}"]))
    return Report(
        datetime(2026, 11, 24, tzinfo=UTC), ATTACKS[0], ATTACKS, {h.name: h for h in hosts}
    )


def test_names_that_attack_are_shown_and_not_run(show: Show) -> None:
    page = show(attack(), width=1280, height=800)
    assert sorted(page.hosts) == sorted(ATTACKS)
    assert sorted(page.pins) == sorted(ATTACKS)
    for place in (page.cell(ATTACKS[1], ATTACKS[0]), "#cell-1--1", "#cell--1-1"):
        page.browser.click(place)
        assert page.details
        page.browser.press("Escape")
    page.browser.click("#as-list")
    listed = " ".join(page.texts("#list"))
    for name in ATTACKS:
        assert name in listed
    page.browser.on_paper()
    # Were one of them markup, there would be more of these than the page's own.
    assert page.browser.evaluate("document.querySelectorAll('script').length") == 2
    assert page.browser.evaluate("document.querySelectorAll('img, [autofocus]').length") == 0


def test_names_that_attack_do_so_in_vain_by_the_address_and_the_filter(show: Show) -> None:
    page = show(
        attack(), "#host=%3Cimg%20src=x%20onerror=alert(1)%3E&state=__proto__&view=toString"
    )
    assert page.hosts == []
    page.browser.click("#host")
    page.browser.type(ATTACKS[1])
    page.browser.click("#show-all")
    assert len(page.hosts) == len(ATTACKS)


def test_names_that_attack_stay_in_their_place_on_a_phone(show: Show) -> None:
    page = show(attack(), **PHONE)
    assert fits(page)
    page.browser.click("#list .line")
    assert fits(page)


def test_names_that_attack_are_shown_without_scripts_too(show: Show) -> None:
    page = show(attack(), scripts=False)
    assert {*ATTACKS} <= {*page.texts(".plain .name")}
