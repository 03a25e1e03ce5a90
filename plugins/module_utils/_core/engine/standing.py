# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How an item was found, in the words of the command and of drift reports. Pure."""

from __future__ import annotations

import enum

from .steps import Action, State


class Standing(enum.Enum):
    """How an item was found. The values are for programs, `words` for people."""

    IN_PLACE = "in_place"
    MISSING = "missing"
    DIFFERENT = "different"
    ACCESS = "access"  # only owner, group or mode
    UNDECLARED = "undeclared"
    FAILED = State.FAILED.value
    RESTORED = "restored"  # it was not in place, and is now

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


# How an item was found of which that is done.
FOUND = {
    Action.CREATE: Standing.MISSING,
    Action.KEEP: Standing.IN_PLACE,
    Action.ADJUST: Standing.DIFFERENT,
    Action.REPLACE: Standing.DIFFERENT,
    Action.UPDATE: Standing.DIFFERENT,
    Action.MIGRATE: Standing.DIFFERENT,
    Action.MOUNT: Standing.MISSING,
    Action.UNMOUNT: Standing.UNDECLARED,
    Action.REMOVE: Standing.UNDECLARED,
    Action.MISS: Standing.IN_PLACE,
    Action.SPARE: Standing.IN_PLACE,
    Action.REFUSE: Standing.DIFFERENT,
    Action.WRITE: Standing.DIFFERENT,
}
