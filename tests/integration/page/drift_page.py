# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports to be shown, and what a browser shows of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    ACCESS,
    DIFFERENT,
    FAILED,
    IN_PLACE,
    MISSING,
    UNDECLARED,
    Field,
    Finding,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import HostReport, Report
from harness.browser import Browser

TOP = "/sys/fs/bpf/agent"
ENTRIES = Field("max_entries", "65536", "4096")
MODE = Field("mode", "0660", "0600")
PHONE = {"width": 360, "height": 740, "phone": True}


def host(name: str, *findings: Finding, **fields: Any) -> HostReport:
    """A host, where every other pin is in place."""
    pins = ("blocked", "events", "flows", "policy")
    found = {f"{TOP}/{pin}": Finding(f"{TOP}/{pin}", "map", IN_PLACE) for pin in pins}
    found.update((finding.path, finding) for finding in findings)
    return HostReport(name, {} if fields.get("unreachable") else found, **fields)


def pin(name: str, state: str, *fields: Field, **more: Any) -> Finding:
    return Finding(f"{TOP}/{name}", "map", state, fields, **more)


def report(*hosts: HostReport, **fields: Any) -> Report:
    made = datetime(2026, 11, 24, 3, tzinfo=UTC)
    by_name = {host.name: host for host in hosts}
    return Report(made, "site.yml", ["hosts.yml"], by_name, **fields)


def fleet() -> Report:
    return report(
        host("core-1", problems=["no route to host"], unreachable=True),
        host("core-2", pin("policy", FAILED, note="no memory (ENOMEM)")),
        host("edge-1", pin("flows", DIFFERENT, ENTRIES, MODE), pin("events", MISSING)),
        host("edge-2"),
        host("edge-3", pin("flows", DIFFERENT, ENTRIES, MODE), pin("events", MISSING)),
        host("edge-4", pin("blocked", ACCESS, MODE), pin("old", UNDECLARED, note="holds hash 7")),
        host("edge-5", pin("flows", MISSING, repaired=True)),
    )


@dataclass
class Page:
    """What a browser shows of a report."""

    browser: Browser
    file: Path

    def texts(self, selector: str) -> list[str]:
        """The text of each element that fits and is shown."""
        found: list[str] = self.browser.evaluate(
            f"""[...document.querySelectorAll({selector!r})]
                .filter((node) => node.checkVisibility())
                .map((node) => node.innerText.trim())"""
        )
        return found

    @property
    def hosts(self) -> list[str]:
        """The rows of the matrix."""
        return self._titles(".row .host")

    @property
    def pins(self) -> list[str]:
        """The columns of the matrix."""
        return [path.removeprefix(f"{TOP}/") for path in self._titles(".head .pin")]

    def _titles(self, selector: str) -> list[str]:
        found: list[str] = self.browser.evaluate(
            f"""[...document.querySelectorAll({selector!r})]
                .filter((node) => node.checkVisibility()).map((node) => node.title)"""
        )
        return found

    def cell(self, host: str, pin: str) -> str:
        """A selector for the place of a pin on a host, or of a host, or of a pin."""
        row = self.hosts.index(host) if host else -1
        column = self.pins.index(pin) if pin else -1
        return f"#cell-{row}-{column}"

    def press_button(self, text: str) -> None:
        """Click the button that is called so."""
        place: int = self.browser.evaluate(
            f"""[...document.querySelectorAll("button")].findIndex((node) => {{
                const shown = node.checkVisibility() && node.innerText.includes({text!r});
                if (shown) node.id = node.id || "button-to-press";
                return shown;
            }})"""
        )
        assert place >= 0, text
        name = self.browser.evaluate(f"document.querySelectorAll('button')[{place}].id")
        self.browser.click(f"#{name}")
        self.browser.evaluate("document.querySelector('#button-to-press')?.removeAttribute('id')")

    @property
    def details(self) -> str:
        """What the details say, or nothing where they are closed."""
        return " ".join(" ".join(self.texts("dialog[open]")).split())


Show = Callable[..., Page]


def fits(page: Page) -> bool:
    width = page.browser.evaluate("document.documentElement.scrollWidth")
    return bool(width <= PHONE["width"])
