# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named tuples that are quick to define are those of the library: it is the oracle."""

from __future__ import annotations

import copy
import typing
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import values


class Ours(values.NamedTuple):
    """A pin."""

    path: str
    links: int = 1
    owner: int = 0  # uid

    @property
    def label(self) -> str:
        """What it is called."""
        return f"{self.path} ({self.links})"

    @classmethod
    def at(cls, path: str) -> Ours:
        """One with a name alone."""
        return cls(path)


class Theirs(typing.NamedTuple):
    """A pin."""

    path: str
    links: int = 1
    owner: int = 0  # uid

    @property
    def label(self) -> str:
        """What it is called."""
        return f"{self.path} ({self.links})"

    @classmethod
    def at(cls, path: str) -> Theirs:
        """One with a name alone."""
        return cls(path)


@pytest.mark.parametrize(
    "attribute", ["_fields", "_field_defaults", "__doc__", "__module__", "__annotations__"]
)
def test_the_class_tells_what_that_of_the_library_tells(attribute: str) -> None:
    theirs = getattr(Theirs, attribute)
    if attribute == "__annotations__":  # there they are references, compiled each
        theirs = {name: getattr(each, "__forward_arg__", each) for name, each in theirs.items()}
    assert getattr(Ours, attribute) == theirs


@pytest.mark.parametrize(
    "use",
    [
        lambda made: tuple(made("/a", owner=3)),
        lambda made: made.at("/b").label,
        lambda made: made("/a") == ("/a", 1, 0),
        lambda made: made("/a")._replace(links=2).links,
        lambda made: made("/a")._asdict(),
        lambda made: tuple(made._make(["/a", 2, 3])),
        lambda made: made._make(iter(("/a", 2, 3))).owner,
        lambda made: repr(made("/a")).partition("(")[2],
        lambda made: hash(made("/a")),
        lambda made: isinstance(copy.copy(made("/a")), made),
        lambda made: made._make(("/a", 2, 3)).__class__ is made,
    ],
)
def test_a_value_does_what_that_of_the_library_does(use: Any) -> None:
    assert use(Ours) == use(Theirs)


@pytest.mark.parametrize("arguments", [(), ("/a", 1, 2, 3)])
def test_wrong_arguments_are_refused_as_there(arguments: Any) -> None:
    for made in (Ours, Theirs):
        with pytest.raises(TypeError):
            made(*arguments)


def test_values_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Ours("/a").path = "/b"  # type: ignore[misc]
