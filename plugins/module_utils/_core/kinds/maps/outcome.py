# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is told of a map afterwards. Values only."""

from __future__ import annotations

from typing import Optional, Tuple

from ...shape import MapShape
from ...values import NamedTuple
from .steps import MapStep


class MapAfter(NamedTuple):
    """The map that has the name afterwards."""

    id: int
    kernel_name: str
    shape: MapShape
    copied: Optional[int] = None  # entries
    caught_up: Optional[int] = None  # entries that changed while they were copied


def warnings_of(step: MapStep, without_btf: str) -> Tuple[str, ...]:
    """What there is to warn of; `without_btf` is why the map has none."""
    if not without_btf:
        return ()
    return (
        f"{step.wanted.path}: this kernel does not take the BTF ({without_btf}), so the map is "
        "made without, as libbpf does: bpftool shows bytes, not fields",
    )
