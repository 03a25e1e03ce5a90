# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for other runs, but not for ever: anybody who may open a directory may lock it."""

from __future__ import annotations

import fcntl
import time

from .errors import PinningError
from .syscall import KernelError

PATIENCE = 60.0  # seconds


def try_lock(fd: int, path: str) -> bool:
    """Lock an open directory for this process alone (flock); False when another one has it.

    `path` is for the message when it cannot be locked at all.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise PinningError(f"{path}: {KernelError.of('flock', error)}") from None
    return True


class Patience:
    """How long is still to be waited for the lock on `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._deadline = time.monotonic() + PATIENCE

    def wait(self) -> None:
        """Sleep a little; PinningError when it has taken too long."""
        if time.monotonic() > self._deadline:
            raise PinningError(
                f"{self._path} has been locked by another process for over {PATIENCE:.0f} s: "
                f"find it with `fuser -v {self._path}`, then run again"
            )
        time.sleep(0.005)
