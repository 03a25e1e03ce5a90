# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a result for the report until the report has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible_collections.ebpf.pinning.plugins.plugin_utils._run_notes import TOLD, RunNotes
from ansible_collections.ebpf.pinning.plugins.plugin_utils._told_apart import told_whole


@pytest.mark.parametrize("shown", [{"changed": False}, {"changed": True, "counts": {}}])
def test_a_note_is_read_once_and_gone(
    shown: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    notes = RunNotes("one", run=1)
    notes.add(TOLD, {"maps": [1]})
    assert told_whole(shown, notes) == ({"maps": [1], **shown}, False)
    assert list(tmp_path.iterdir()) == []
    assert told_whole(shown, notes) == (shown, False)
