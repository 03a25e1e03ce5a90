# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report as one HTML page. Private to this collection."""

from __future__ import annotations

import typing as t

from ._drift_report import Report


def as_html(report: Report) -> t.Iterator[str]:
    """One file that needs nothing else."""
    yield report.made_text
