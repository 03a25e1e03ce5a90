# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests run without Ansible, too, and without what only controllers have, as on a host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COLLECT = """
import sys
missing = ["ansible", "ansible_runner", "elftools", "jinja2", "jsonschema", "yaml"]
sys.modules.update(dict.fromkeys(missing))  # as if not installed
import pytest
sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", sys.argv[1]]))
"""


def test_on_a_bare_python_all_tests_that_are_left_in_can_be_read() -> None:
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, here.name],
        cwd=here.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
