# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball that users install."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .site import CHECKOUT


def build(folder: Path) -> Path:
    """Build the tarball into `folder`; its path."""
    # git, which names the files, asks whose the checkout is; the tests are root.
    trust = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    subprocess.run(
        [sys.executable, CHECKOUT / "tools" / "dist.py", folder],
        env={**os.environ, **trust},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    (tarball,) = folder.glob("*.tar.gz")
    return tarball
