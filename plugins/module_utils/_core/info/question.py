# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which pins are asked about."""

from __future__ import annotations

from functools import partial
from typing import Optional, Sequence, Tuple

from ..errors import ProblemCollector
from ..fields import absolute
from ..people import BadField
from ..values import dataclass

DEFAULT_DIRECTORY = "/sys/fs/bpf"


@dataclass(frozen=True)
class Question:
    """Tell of these paths, or of everything in `directory`."""

    paths: Tuple[str, ...]
    directory: Optional[str]
    kind: Optional[str]  # map, prog, link; None: any
    recurse: bool
    health: bool = False  # who uses what is pinned, and what is the matter with it
    counts_up_to: int = 0  # entries of each map


def check_limit(limit: int) -> None:
    """Raise BadField where nothing would be counted."""
    if limit < 1:
        raise BadField(f"count_limit must be 1 or greater, got {limit}")


def read_question(
    paths: Optional[Sequence[str]],
    directory: Optional[str],
    kind: str,
    *,
    recurse: bool,
    health: bool = False,
    counts_up_to: Optional[int] = None,
) -> Question:
    """Check the arguments; raise Problems or BadField with what is wrong."""
    wanted_kind = None if kind == "any" else kind
    if counts_up_to is not None:
        check_limit(counts_up_to)
    if paths is None:
        whole = absolute(directory or DEFAULT_DIRECTORY, "directory")
        return Question((), whole, wanted_kind, recurse, health, counts_up_to or 0)
    problems = ProblemCollector()
    checked = [problems.of(partial(absolute, path, "path")) for path in paths]
    problems.raise_any()
    pins = tuple(dict.fromkeys(checked))
    return Question(pins, None, wanted_kind, recurse, health, counts_up_to or 0)
