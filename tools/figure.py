# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: what ran, counted from the reports of pytest that noxfile.py left in a folder.

    figure.py FOLDER     fails when a test failed, or a report has none that passed

A row is a Python of modules and an ansible-core on its own Python. Behind the table are the
sessions that did not run, and why. The last line counts all tests but those with a pre-release of
ansible-core, which may fail.
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
    for reason in sorted(Path(folder).glob("*.left-out")):
        print(f"not run: {reason.stem}: {reason.read_text(encoding='utf-8').strip()}")
    for row in filter(_is_prerelease, rows):
        print(f"ansible-core {row[1]} is a pre-release: what fails with it is told, and no failure")
    binding = [row for row in rows if not _is_prerelease(row)]
    reports = [report for row in binding for report in rows[row].values()]
    total = sum(reports, Counter())
    print(f"\n{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    if total["failed"] or not reports or not all(report["passed"] for report in reports):
        sys.exit(1)


def _is_prerelease(row: tuple[str, ...]) -> bool:
    return any(letter.isalpha() for letter in row[1])


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


main(*sys.argv[1:])
