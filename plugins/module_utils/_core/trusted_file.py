# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A file of this host that root, or the user of the task, alone decides about."""

from __future__ import annotations

from .errors import NotThere


def read(path: str) -> bytes:
    """Return what is in it."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise NotThere(f"{path} does not exist: declare its path, or have it written before") from None
