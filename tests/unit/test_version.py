# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version is in one place for Galaxy, and in one for hosts; both say the same."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.ebpf.pinning.plugins.module_utils._core.version import VERSION

GALAXY = Path(__file__).parents[2] / "galaxy.yml"


def test_hosts_know_the_version_of_the_collection() -> None:
    assert re.findall("^version: (.*)$", GALAXY.read_text(), re.MULTILINE) == [VERSION]
