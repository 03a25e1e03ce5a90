# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps of every type are as tests/integration/map_types.py says of such pages and CPUs."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

DECLARED = yaml.safe_load(Path(__file__).parents[2].joinpath("declared.yml").read_text("utf-8"))
UNNAMED = {35: "rhash"}  # types that are younger than the bpftool of a Debian with a newer kernel
_ROWS = """
import json
from map_types import ROWS
rows = [[row.name, row.declared["type"], *row.seen] for row in ROWS]
print(json.dumps(rows))
"""


def test_every_type_is_as_declared(host, shown, base):
    rows = json.loads(host.check_output("cd /root && python3 -B -c %s", _ROWS))
    lacking = DECLARED["lacking"].get(host.backend.get_hostname(), [])
    found = {
        path.rsplit("/", 1)[1]: [
            UNNAMED.get(each["type"], each["type"]),
            each["bytes_key"],
            each["bytes_value"],
            each["max_entries"],
            each["flags"],
        ]
        for path, each in shown.items()
        if path.startswith(f"{base}/types/")
    }
    wanted = {name: seen for name, *seen in rows if name not in lacking}
    assert len(wanted) > 45
    assert found == wanted
