# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever somebody writes, a module does it or says what is wrong. Nothing else is touched.

FUZZ_SEED and FUZZ_CASES try others; a complaint shows its case as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.fuzz import OUTSIDE
from harness.host import BPFFS, Host
from harness.site import HERE

SEED, CASES = int(os.environ.get("FUZZ_SEED", "10")), int(os.environ.get("FUZZ_CASES", "250"))

# What each module must have come to, at least so often of 250 cases.
OUTCOMES = {
    "bpf_map_pinned": {
        "created": 3,
        "unchanged": 3,
        "adjusted": 3,
        "replaced": 3,
        "migrated": 3,
        "incompatible": 5,
    },
    "bpf_pin_absent": {"removed": 10, "missing": 10, "spared": 10},
    "bpffs_mount": {"mounted": 5, "not mounted": 5, "drift": 5},
}
ALWAYS = {"ok": 50, "failed": 80, "changed": 20}


def started(host: Host, *words: str) -> dict[str, Any]:
    """What harness/fuzz.py prints, inside the namespace of the host."""
    scratch = host.scratch / "fuzz"
    scratch.mkdir()
    programs = [host.site.program(name) for name in ("info", "make", "load")]
    command = [sys.executable, "-m", "harness.fuzz", str(scratch), *programs]
    command.append(host.site.bpf_object("linked"))
    done = subprocess.run(
        host.inside(*command, *words),
        env=host.site.environment(PYTHONPATH=f"{host.site.scratch}:{HERE}"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return json.loads(done.stdout)


def test_nothing_outside_can_be_written_where_the_fuzz_runs(host: Host) -> None:
    found = started(host, "prove")
    assert found["namespace"] != os.readlink("/proc/self/ns/mnt")
    assert found["writable"] == sorted([BPFFS, str(host.scratch / "fuzz")])
    assert found["shared"] == []
    assert found["refused"] == dict.fromkeys(OUTSIDE, "EROFS")
    assert str(host.scratch) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.parametrize("module", OUTCOMES)
def test_whatever_is_written_is_done_or_refused_in_words(host: Host, module: str) -> None:
    found = started(host, module, str(SEED), str(CASES))
    assert not found["complaints"], "\n\n".join(found["complaints"][:5])
    if CASES == 250:
        for outcome, count in {**OUTCOMES[module], **ALWAYS}.items():
            assert found["seen"].get(outcome, 0) >= count, found["seen"]
        assert found["seen"].get("of Ansible", 0) <= 25, found["seen"]
