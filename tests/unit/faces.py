# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules without Ansible and without the kernel: in check mode, looking at a model."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest


class Exited(Exception):
    """A module's last word."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        super().__init__(fields)


class Failed(Exited):
    """The same, and it is a failure."""


@dataclass
class Module:
    """What a face sees of AnsibleModule, in check mode and with a diff."""

    params: Mapping[str, Any]
    warnings: list[str] = field(default_factory=list)
    check_mode = True
    freed = ()
    _diff = True

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def exit_json(self, **fields: Any) -> None:
        raise Exited(**fields)

    def fail_json(self, **fields: Any) -> None:
        raise Failed(**fields)


def checked(face: Any, parameters: Mapping[str, Any], **seen: Any) -> Exited:
    """The result of a module in check mode, when looking finds what the functions `seen` return."""
    patched = mock.patch.multiple(face, **seen) if seen else nullcontext()
    with patched, pytest.raises(Exited) as raised:
        face.run(Module(parameters))
    gc.enable()
    return raised.value


def assert_told(result: Exited, changes: bool) -> None:
    """`changed` and the diff say alike whether something changes."""
    assert not isinstance(result, Failed), result
    assert result.fields["changed"] is changes
    assert bool(result.fields["diff"]) is changes
    for entry in result.fields["diff"]:
        assert entry["before"] != entry["after"], entry
