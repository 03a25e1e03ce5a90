# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser, and reports in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_page import as_html
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import Report
from drift_page import Page, Show
from harness.browser import Browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """Shows a report; whatever is done to it then, it asks nobody and complains of nothing."""
    file = tmp_path / "drift.html"

    def show_report(report: Report, fragment: str = "", **window: Any) -> Page:
        with open(file, "w", encoding="utf-8") as opened:
            opened.writelines(as_html(report))
        browser.look_through(**{"width": 1280, "height": 800, **window})
        browser.show(file, fragment)
        return Page(browser, file)

    yield show_report
    assert browser.complaints == []
    assert [url.partition("#")[0] for url in set(browser.requests)] == [file.as_uri()]
