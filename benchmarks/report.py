# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, what was to be reached, and how both are shown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """What the median of a figure is to reach."""

    sign: str  # "<=" or ">="
    value: float

    def holds(self, value: float) -> bool:
        return value <= self.value if self.sign == "<=" else value >= self.value


@dataclass(frozen=True)
class Figure:
    """Something measured, or a ratio of two such things, once a round."""

    section: str
    label: str
    unit: str
    values: Sequence[float]
    limit: Limit | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def reached(self) -> bool:
        return self.limit is None or self.limit.holds(self.median)

    def as_json(self) -> dict[str, object]:
        """The figure with all its values."""
        json: dict[str, object] = {**vars(self), "median": self.median}
        if self.limit is not None:
            json.update(limit=f"{self.limit.sign} {self.limit.value:g}", reached=self.reached)
        return json

    def __str__(self) -> str:
        low, middle, high = map(_digits, (min(self.values), self.median, max(self.values)))
        line = f"  {self.label:<48}{middle:>7} {self.unit:<4}"
        spread = f"({low} to {high})" if len(self.values) > 1 else ""
        if self.limit is None:
            return f"{line}{spread}".rstrip()
        target = f"{self.limit.sign} {self.limit.value:g} {self.unit}".rstrip()
        return f"{line}{spread:<19}{target:<11}{'reached' if self.reached else 'MISSED'}"


def ratios(dividends: Sequence[float], divisors: Sequence[float]) -> list[float]:
    """One for each round: what is compared was measured side by side."""
    return [dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True)]


def table(figures: Sequence[Figure]) -> str:
    """All figures, then all that have a limit."""
    measured = [figure for figure in figures if figure.limit is None]
    judged = [figure for figure in figures if figure.limit is not None]
    missed = sum(not figure.reached for figure in judged)
    verdict = f"{missed} of {len(judged)} MISSED" if missed else f"all {len(judged)} reached"
    return "\n".join(
        [
            "MEASURED: median (lowest to highest)",
            *_sections(measured),
            "",
            "TARGETS: median (lowest to highest), and what it is to be",
            *_sections(judged),
            "",
            f"Targets: {verdict}.",
        ]
    )


def _sections(figures: Sequence[Figure]) -> list[str]:
    sections: dict[str, list[str]] = {}
    for figure in figures:
        sections.setdefault(figure.section, []).append(str(figure))
    return [line for title, lines in sections.items() for line in ("", title, *lines)]


def _digits(value: float) -> str:
    """About three digits: 0.243, 4.71, 35.2, 412."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{decimals}f}"
