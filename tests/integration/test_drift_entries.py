# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drift report tells of entries: how many are not as declared, and none of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from drift_runs import Done, ansible_playbook, by_environment
from harness.drift import FORMS, states
from harness.host import Host
from harness.samples import AGENT

MAP: dict[str, Any] = {
    "type": "hash",
    "key_size": 4,
    "value_size": 4,
    "max_entries": 8,
    "key_format": "ipv4",
    "value_format": "u32",
    "entries_mode": "exact",
    "entries": [{"key": f"192.0.2.{77 + number}", "value": 424242} for number in range(3)],
}
MAPS = [
    {"name": "differs", **MAP},
    {"name": "fixed", **MAP, "frozen": True},
    {"name": "missing", **MAP},
    {"name": "same", **MAP},
]
# As text, in hexadecimal, and as bpftool has them.
SECRETS = re.compile(r"192\.0\.2\.|c000024d|424242|0x0*67932|\b67932\b", re.I)


def run(host: Host, name: str, *words: str) -> Done:
    folder = host.scratch / "out"
    declared = {"bpffs_opts": [], "bpf_maps_directory": AGENT, "bpf_maps": MAPS}
    said = [f"ebpf.pinning.{name}", "-e", f"@{folder}/declared.json", *words]
    folder.mkdir(exist_ok=True)
    (folder / "declared.json").write_text(json.dumps(declared))
    return ansible_playbook(host, folder, said, {"one": {}}, **by_environment(folder))


@pytest.mark.every_core
def test_a_report_tells_how_many_entries_differ_and_none_of_them(
    host: Host, subtests: pytest.Subtests
) -> None:
    host.shell(f"mkdir {AGENT}")
    fewer = {**MAP, "entries": MAP["entries"][:2], "frozen": True}
    host.module(
        "bpf_map_pinned",
        directory=AGENT,
        maps=[MAPS[0], {"name": "fixed", **fewer}, MAPS[3]],
    ).good()
    host.shell(
        f"""
        cd {AGENT}
        bpftool map delete pinned differs key 192 0 2 77
        bpftool map update pinned differs key 192 0 2 78 value 1 0 0 0
        for last in 1 2 3; do
            bpftool map update pinned differs key 192 0 2 $last value 1 0 0 0
        done
        """
    )
    drift = run(host, "drift", "--diff", "-v")
    (one,) = drift.hosts.values()
    pins = {pin["path"].rpartition("/")[2]: pin for pin in one["pins"]}
    with subtests.test("by numbers, in JSON and whatever agrees with it"):
        assert drift.code == 2
        assert pins["differs"]["entries"] == {"missing": 1, "different": 1, "extra": 3}
        assert pins["fixed"]["entries"] == {"missing": 1, "different": 0, "extra": 0}
        assert pins["missing"]["entries"] is None
        assert pins["missing"]["declared"]["entries"] == "3 (exact)"
        assert states(one)[f"{AGENT}/same"] == "in_place"
    with subtests.test("in the words of a person, in the table"):
        told = "entries: want as declared (exact), have 1 missing, 1 different, 3 extra"
        assert re.search(rf"^one +different +{AGENT}/differs +{re.escape(told)}", drift.table, re.M)
    put_right = run(host, "provision", "--limit", "one", "-e", "bpf_maps_on_mismatch=replace")
    (after,) = put_right.hosts.values()
    with subtests.test("also when they have been put right"):
        assert states(after)[f"{AGENT}/differs"] == "different!"
        told = "entries: want as declared (exact), had 1 missing, 1 different, 3 extra"
        assert told in put_right.table
        dumped = host.bpftool("map", "dump", "pinned", f"{AGENT}/differs")
        assert [each["key"][3] for each in dumped] != []
        assert len(dumped) == 3
    with subtests.test("and nothing has a key or a value"):
        texts = {end: (drift.folder / f"drift.{end}").read_text() for end in FORMS.values()}
        for about, text in {**texts, "one": drift.output, "two": put_right.output}.items():
            assert not SECRETS.search(text), about
