# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: what ran, counted from the reports of pytest that noxfile.py left in a folder.

    figure.py FOLDER     fails when a test failed, or a report has none that passed

A row is a Python of modules and an ansible-core on its own Python. The last line counts them all.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

KINDS = ("unit", "kernel", "playbooks")
FORMAT = "  {:<8} {:<18} {:>6} {:>7} {:>10} {:>8} {:>7} {:>8}"


def count(report: Path) -> Counter[str]:
    """How many tests ended in which way, and the seconds that they took in all."""
    root = ElementTree.parse(report).getroot()
    seen = Counter(seconds=round(sum(float(suite.get("time", 0)) for suite in root)))
    for case in root.iter("testcase"):
        ends = {child.tag for child in case}
        if ends & {"failure", "error"}:
            seen["failed"] += 1
        else:
            seen["skipped" if "skipped" in ends else "passed"] += 1
    return seen


def main(folder: str) -> None:
    rows: dict[tuple[str, ...], dict[str, Counter[str]]] = {}
    for report in Path(folder).glob("*.xml"):
        *row, kind = report.stem.split(" ")
        rows.setdefault(tuple(row), {})[kind] = count(report)
    print(FORMAT.format("Python", "ansible-core", *KINDS, "skipped", "failed", "seconds"))
    for row in sorted(rows, key=lambda row: [_numbers(row[1]), _numbers(row[0])], reverse=True):
        managed, core, controller = row
        passed = [str(rows[row][kind]["passed"]) if kind in rows[row] else "-" for kind in KINDS]
        sums = sum(rows[row].values(), Counter())
        others = [sums[key] for key in ("skipped", "failed", "seconds")]
        print(FORMAT.format(managed, f"{core} on {controller}", *passed, *others))
    reports = [report for row in rows.values() for report in row.values()]
    total = sum(reports, Counter())
    print(f"\n{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    if total["failed"] or not reports or not all(report["passed"] for report in reports):
        sys.exit(1)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


main(*sys.argv[1:])
