# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What every declaration of a pin says: where it is, who may open it, and what if it is another."""

from __future__ import annotations

import enum
from functools import partial
from typing import Callable, Dict, Iterator, List, Mapping, Sequence, Tuple, TypeVar

from ...errors import ProblemCollector
from ...fields import absolute, check_pin_name, plain, read_access
from ...people import BadField, Ids
from ...shape import Access
from ...values import dataclass

Arguments = Mapping[str, object]
Given = Callable[[str], object]


class OnMismatch(enum.Enum):
    """What to do with a pin that holds something else."""

    FAIL = "fail"
    REPLACE = "replace"
    MIGRATE = "migrate"  # for maps


@dataclass(frozen=True)
class WantedName:
    """Something is to be pinned at `directory`/`name`."""

    directory: str
    name: str
    access: Access
    on_mismatch: OnMismatch

    @property
    def path(self) -> str:
        return f"{self.directory}/{self.name}"

    @property
    def turn(self) -> int:
        """Return when it is made among what is declared together: 0 comes first."""
        return 0

    @property
    def may_be_replaced(self) -> bool:
        """Return whether the name may come to hold another object than that which is there."""
        return self.on_mismatch is not OnMismatch.FAIL


Wanted = TypeVar("Wanted", bound=WantedName)


def filled_up(item: Arguments, defaults: Arguments) -> Given:
    """Reads a field of `item`, or what `defaults` says where it says nothing."""

    def given(field: str) -> object:
        value = item.get(field)
        return defaults.get(field) if value is None else value

    return given


def read_name(given: Given, ids: Ids) -> WantedName:
    """Read the fields that all have in common; raise Problems with all that is wrong."""
    problems = ProblemCollector()
    place = problems.of(lambda: _place(given("name"), given("path"), given("directory")))
    access = problems.of(
        lambda: read_access(given("owner"), given("group"), given("mode"), bits=0o777, ids=ids)
    )
    problems.raise_any()
    return WantedName(*place, access, OnMismatch(given("on_mismatch")))


def read_named(
    items: Sequence[Arguments], read: Callable[[Arguments], Wanted], what: str
) -> List[Wanted]:
    """Read all `items`, each a `what`; raise Problems with all that is wrong in and among them."""
    named: List[Wanted] = []
    problems = ProblemCollector()
    seen: Dict[str, int] = {}
    for index, item in enumerate(items):
        label = f"{what}s[{index}]" if len(items) > 1 else what
        name = item.get("name") or item.get("path")
        if name:
            label += f" {str(name)[:60]}"
        wanted = problems.of(partial(read, item), f"{label}: ")
        if wanted is None:
            continue
        first = seen.setdefault(wanted.path, index)
        if first != index:
            problems.add(f"{label}: {wanted.path} is declared by {what}s[{first}] too: keep one")
        named.append(wanted)
    for problem in nested(named):
        problems.add(problem)
    problems.raise_any()
    return named


def nested(named: Sequence[WantedName]) -> Iterator[str]:
    """A name cannot be a pin and a directory of other pins."""
    above: Dict[str, str] = {}
    for directory in {wanted.directory for wanted in named}:
        path = directory
        while path:
            above.setdefault(path, directory)
            path = path.rpartition("/")[0]
    for wanted in named:
        if wanted.path in above:
            yield (
                f"{wanted.path} is to be a pin, but {above[wanted.path]} is to hold pins: rename "
                "one"
            )


def _place(name: object, path: object, directory: object) -> Tuple[str, str]:
    if path is not None:
        whole = absolute(str(path), "path")
        parent, _slash, last = whole.rpartition("/")
        plain(parent or "/", "directory")
        check_pin_name(last)
        if name is not None and name != last:
            raise BadField(f"path {whole} does not end in name {name!r}: give only one of them")
        return parent or "/", last
    if name is None:
        raise BadField("neither name nor path is given: say where to pin it")
    check_pin_name(str(name))
    whole = plain(str(directory), "directory")
    absolute(f"{whole}/{name}", "path")
    return whole, str(name)
