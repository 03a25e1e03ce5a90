# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/which-part.md as it stands: one declaration, by whichever part."""

from __future__ import annotations

import json
import re

from harness.guide import Guide
from harness.host import Host
from harness.samples import AGENT
from harness.site import CHECKOUT
from restoring import keep_apart


def test_every_part_takes_the_same_declaration(host: Host) -> None:
    keep_apart(host)
    page = Guide(host, "which-part.md")
    variables, imported, whole, one = page.blocks("yaml")
    with_variables = ("-e", f"@{page.folder}/variables.yml")
    (page.folder / "variables.yml").write_text(variables)
    for text, options in ((imported, with_variables), (whole, ()), (one, ())):
        host.shell(f"rm -rf {AGENT}")
        run = page.play(text, *options)
        assert run.code == 0, run.output
        assert re.search(r" changed=[1-9]", run.output), run.output
        pinned = host.map_at(f"{AGENT}/flows")
        assert (pinned["type"], pinned["max_entries"]) == ("lru_hash", 65536)
        again = page.run("ebpf.pinning.provision", *with_variables)
        assert again.code == 0, again.output
        assert re.search(r" changed=0 ", again.output), again.output


def test_the_playbook_mounts_what_is_declared_beside_the_usual_file_system(host: Host) -> None:
    keep_apart(host)
    further = f"{host.scratch}/bpf"
    page, variables = Guide(host, "which-part.md"), {"bpf_mounts": [{"path": further}]}
    page.run_twice("ebpf.pinning.provision", "-e", json.dumps(variables))
    assert host.shell(f"findmnt --noheadings --output FSTYPE {further}") == "bpf\n"


def test_each_module_role_and_playbook_is_named() -> None:
    text = (CHECKOUT / "docs" / "which-part.md").read_text()
    named = set(re.findall(r"`(?:ebpf\.pinning\.)?(\w+)`", text))
    modules = {path.stem for path in (CHECKOUT / "plugins" / "modules").glob("[!_]*.py")}
    roles = {path.name for path in (CHECKOUT / "roles").iterdir()}
    playbooks = {path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")}
    assert (modules | roles | playbooks) - named == set()
