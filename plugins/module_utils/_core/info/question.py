# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which pins are asked about."""

from __future__ import annotations

from functools import partial
from typing import Optional, Sequence, Tuple

from ..errors import ProblemCollector
from ..fields import absolute
from ..values import dataclass

DEFAULT_DIRECTORY = "/sys/fs/bpf"


@dataclass(frozen=True)
class Question:
    """Tell of these paths, or of everything in `directory`."""

    paths: Tuple[str, ...]
    directory: Optional[str]
    kind: Optional[str]  # map, prog, link; None: any
    recurse: bool


def read_question(
    paths: Optional[Sequence[str]], directory: Optional[str], kind: str, *, recurse: bool
) -> Question:
    """Check the arguments; raise Problems or BadField with what is wrong."""
    wanted_kind = None if kind == "any" else kind
    if paths is None:
        whole = absolute(directory or DEFAULT_DIRECTORY, "directory")
        return Question((), whole, wanted_kind, recurse)
    problems = ProblemCollector()
    checked = [problems.of(partial(absolute, path, "path")) for path in paths]
    problems.raise_any()
    return Question(tuple(dict.fromkeys(checked)), None, wanted_kind, recurse)
