# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which directories are to be in a bpffs, and whose."""

from __future__ import annotations

from functools import partial
from typing import Dict, List, Mapping, Sequence

from ...errors import ProblemCollector
from ...fields import absolute, check_pin_name, plain, read_access
from ...people import BadField, Ids
from ...shape import Access
from ...values import dataclass

_BITS = 0o3777  # setuid means nothing on a directory


@dataclass(frozen=True)
class WantedDirectory:
    """A directory of a bpffs is to be at `path`."""

    path: str
    access: Access

    @property
    def parent(self) -> str:
        return self.path.rpartition("/")[0] or "/"

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def read_directories(items: Sequence[Mapping[str, object]], ids: Ids) -> List[WantedDirectory]:
    """Read all `items`, those above before those below; raise Problems with all that is wrong."""
    problems = ProblemCollector()
    wanted: Dict[str, WantedDirectory] = {}
    for index, item in enumerate(items):
        label = f"directories[{index}] {str(item.get('path'))[:60]}"
        each = problems.of(partial(_read, item, ids), f"{label}: ")
        if each is not None and wanted.setdefault(each.path, each) is not each:
            problems.add(f"{label}: {each.path} is declared twice: keep one")
    problems.raise_any()
    return sorted(wanted.values(), key=lambda each: each.path.count("/"))


def _read(item: Mapping[str, object], ids: Ids) -> WantedDirectory:
    problems = ProblemCollector()
    path = problems.of(lambda: _path(str(item["path"])))
    access = problems.of(
        lambda: read_access(
            item.get("owner"), item.get("group"), item.get("mode"), bits=_BITS, ids=ids
        )
    )
    problems.raise_any()
    return WantedDirectory(path, access)


def _path(path: str) -> str:
    whole = absolute(path, "path")
    if whole == "/":
        raise BadField("path / is not in a bpffs: declare a directory that is")
    plain(whole.rpartition("/")[0] or "/", "path")
    check_pin_name(whole.rpartition("/")[2])
    return whole
