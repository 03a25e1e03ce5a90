# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/programs.md and the examples of bpf_program_pinned: they run as they stand there."""

from __future__ import annotations

import pytest
from harness.guide import Guide
from harness.host import BPFFS, Host
from restoring import keep_apart
from test_examples import examples

FIREWALL = f"{BPFFS}/firewall"


@pytest.fixture
def page(host: Host) -> Guide:
    """The page, and the object file that it speaks of beside the playbook."""
    keep_apart(host)
    page = Guide(host, "programs.md")
    host.shell(f"cp {host.site.bpf_object('firewall')} {page.folder}/files/")
    (page.folder / "files" / "blocklist.txt").write_text("192.0.2.0/24\n198.51.100.7/32\n")
    return page


def test_the_script_fails_the_second_time(page: Guide) -> None:
    (script,) = page.blocks("console")
    folder = f"cd {page.folder}/files"
    page.host.shell(f"{folder}; {script}")
    assert "drop" in page.host.shell(f"ls {FIREWALL}")
    again = page.host.run("sh", "-ec", f"{folder}; {script}", check=False)
    assert again.returncode != 0


def test_the_declarations_run_and_then_change_nothing(page: Guide) -> None:
    script, whole = page.blocks("yaml")
    page.play_twice(script)
    first = page.host.bpftool("prog", "show", "pinned", f"{FIREWALL}/drop")["id"]
    page.host.shell(f"rm -r {FIREWALL}")
    page.play_twice(whole)
    assert page.host.map_at(f"{FIREWALL}/blocklist")["max_entries"] == 100000
    assert len(page.host.bpftool("map", "dump", "pinned", f"{FIREWALL}/blocklist")) == 2
    assert page.host.bpftool("prog", "show", "pinned", f"{FIREWALL}/drop")["id"] != first


@pytest.mark.every_core
def test_the_examples_of_the_module_run_and_then_change_nothing(page: Guide) -> None:
    host = page.host
    host.shell(f"mkdir /usr/local/lib/bpf; cp {page.folder}/files/*.o /usr/local/lib/bpf")
    host.shell("cd /usr/local/lib/bpf && cp firewall.bpf.o firewall-2.bpf.o")
    tasks = [task for task in examples("bpf_program_pinned") for _twice in range(2)]
    run = host.playbook(tasks)
    assert [each.good().changed for each in run] == [True, False] * 4
