# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the playbooks shows: no more than people read, in colour, and what was written."""

from __future__ import annotations

import json
import re

import pytest
from drift_runs import Done, ansible_playbook, by_environment
from harness.drift import Json, states
from harness.host import Host
from harness.samples import AGENT, HASH
from harness.site import CHECKOUT

# Enough of them for a result that nobody reads.
NAMES = [f"map_{number}" for number in range(30)]
DECLARED = {
    "bpffs_opts": [],
    "bpf_maps_directory": AGENT,
    "bpf_maps": [{"name": name, **HASH} for name in NAMES],
}
SMALL = HASH["max_entries"] // 2


@pytest.fixture
def differing(host: Host) -> Host:
    """A host on which one map is too small, with two entries, and one is missing."""
    host.shell(f"mkdir {AGENT}")
    host.module("bpf_map_pinned", directory=AGENT, maps=DECLARED["bpf_maps"]).good()
    host.shell(f"rm {AGENT}/map_0 {AGENT}/map_1")
    small = {**HASH, "max_entries": SMALL}
    host.module("bpf_map_pinned", path=f"{AGENT}/map_0", **small).good()
    for key in (1, 2):
        zeros = " ".join(["0"] * (HASH["key_size"] - 1))
        value = " ".join(["0"] * HASH["value_size"])
        words = f"pinned {AGENT}/map_0 key {key} {zeros} value {value}"
        host.run("bpftool", "map", "update", *words.split())
    return host


def _run(host: Host, name: str, *words: str, hosts: Json | None = None, **more: str) -> Done:
    folder = host.scratch / "out"
    said = [f"ebpf.pinning.{name}", "-e", json.dumps(DECLARED), *words]
    environment = {**by_environment(folder), **more}
    return ansible_playbook(host, folder, said, hosts or {"one": {}}, **environment)


@pytest.mark.every_core
@pytest.mark.parametrize("name", ["drift", "provision"])
def test_of_a_host_that_differs_no_json_is_shown_and_the_report_has_it_all(
    differing: Host, name: str
) -> None:
    done = _run(differing, name)
    assert done.code == 2
    assert "map_17" not in done.output, "it is as declared"
    assert '"shape"' not in done.output
    assert "on_mismatch: migrate" in done.output, "what to do"
    assert max(map(len, done.output.splitlines())) < 1000
    found = states(done.hosts["one"])
    wanted = {f"{AGENT}/{each}": "in_place" for each in NAMES}
    wanted |= {f"{AGENT}/map_0": "different", f"{AGENT}/map_1": "missing"}
    assert {path: each for path, each in found.items() if path.startswith(f"{AGENT}/")} == wanted
    assert re.search(rf"^one +different +{AGENT}/map_0 +max_entries: ", done.table, re.M)


@pytest.mark.every_core
@pytest.mark.parametrize("name", ["drift", "provision"])
def test_of_a_host_in_place_ansible_keeps_little_and_the_report_has_it_all(
    host: Host, name: str
) -> None:
    assert _run(host, "provision").code == 0
    lines = host.scratch / "lines"
    told = {"ANSIBLE_CALLBACKS_ENABLED": "result_lines", "RESULT_LINES": str(lines)}
    done = _run(host, name, **told)
    assert done.code == 0
    result = next(line for line in lines.read_text().splitlines() if '"counts"' in line)
    assert "map_17" not in result
    assert len(result) < 1000
    found = states(done.hosts["one"])
    assert {path: each for path, each in found.items() if path.startswith(f"{AGENT}/")} == {
        f"{AGENT}/{each}": "in_place" for each in NAMES
    }


@pytest.mark.every_core
def test_who_asks_for_more_gets_it(differing: Host) -> None:
    assert '"shape"' in _run(differing, "provision", "-v").output


def test_a_document_for_programs_has_it_all(differing: Host) -> None:
    places = {"ANSIBLE_COLLECTIONS_PATH": f"{differing.site.scratch}:{CHECKOUT}/.cache/rivals"}
    writer = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    assert '"shape"' in _run(differing, "provision", **writer, **places).output


@pytest.mark.every_core
def test_a_drift_run_counts_nothing_as_changed_or_says_what_that_means(differing: Host) -> None:
    quiet = _run(differing, "drift")
    assert re.search(r"^one +: ok=\d+ +changed=0 .* failed=1 ", quiet.output, re.M), quiet.output
    assert "Nothing was changed" not in quiet.output
    differs = ("--diff", "-e", "bpf_maps_on_mismatch=migrate")
    failed = _run(differing, "drift", *differs)
    assert "-max_entries: " in failed.output, "Ansible shows no diff of what has failed"
    assert re.search(r"^one +: ok=\d+ +changed=0 .* failed=1 ", failed.output, re.M), failed.output
    loud = _run(differing, "drift", *differs, "-e", "drift_fail=false")
    assert "-max_entries: " in loud.output, "Ansible shows a diff of what has changed only"
    assert re.search(r"^one +: ok=\d+ +changed=1 ", loud.output, re.M), loud.output
    assert "\nNothing was changed: what is counted as changed above" in loud.table


@pytest.mark.every_core
def test_how_many_entries_a_migration_copies_is_in_the_diff_and_in_the_table(
    differing: Host,
) -> None:
    for name, state, told in (
        ("drift", "different", "2 entries to copy"),
        ("provision", "put right", "2 entries copied"),
    ):
        done = _run(differing, name, "--diff", "-e", "bpf_maps_on_mismatch=migrate")
        assert "+entries: 2 copied" in done.output
        assert re.search(rf"^one +{state} +{AGENT}/map_0 .*; {told}$", done.table, re.M)
        (pin,) = (each for each in done.hosts["one"]["pins"] if each["path"].endswith("map_0"))
        assert pin["copied"] == 2
    dumped = differing.bpftool("map", "dump", "pinned", f"{AGENT}/map_0")
    assert len(dumped) == 2


COLOURS = {"missing": "0;33", "different": "0;33", "hosts: ": "1;31"}  # as Ansible's


@pytest.mark.every_core
def test_the_table_is_coloured_where_the_rest_is_and_only_there(differing: Host) -> None:
    away = {"one": {}, "away": {"ansible_connection": "ssh", "ansible_host": "256.0.0.1"}}
    plain = _run(differing, "drift", hosts=away)
    assert "\x1b" not in plain.output
    more = {"ANSIBLE_NOCOLOR": "false", "ANSIBLE_FORCE_COLOR": "true"}
    lines = _run(differing, "drift", hosts=away, **more).output.splitlines()
    table = lines[next(place for place, line in enumerate(lines) if line.startswith("DRIFT *")) :]
    for word, colour in COLOURS.items():
        (line,) = (each for each in table if re.search(rf"{word} +{AGENT}/|\d {word}\d", each))
        assert line.startswith(f"\x1b[{colour}m"), line


@pytest.mark.every_core
def test_the_last_line_names_the_files_that_were_written_and_no_others(differing: Host) -> None:
    folder = differing.scratch / "out"
    done = _run(differing, "drift", "-e", f"drift_html={folder}/nowhere/drift.html")
    told = [f"{folder}/drift.{end}" for end in ("json", "md", "xml", "prom")]
    assert done.output.splitlines()[-1] == f"Written: {', '.join(told)}"
    assert sorted(map(str, folder.glob("drift.*"))) == sorted(told)
