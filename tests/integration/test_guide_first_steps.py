# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/first-ten-minutes.md, as it stands."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.guide import Guide
from harness.host import Host
from harness.samples import AGENT
from harness.terminal import seen
from mount_table import access
from restoring import keep_apart, restart


@dataclass(frozen=True)
class Reader:
    """Someone who types what the guide says, in a folder of their own."""

    host: Host

    @property
    def folder(self) -> Path:
        return self.host.scratch / "reader"

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def type(self, block: str) -> tuple[int, str]:
        """Exit code and output of a block, with none of the tests' own settings but PATH."""
        commands = Path(self.host.site.playbook_command).parent
        environment = {
            "PATH": f"{commands}:{self.host.site.environment()['PATH']}",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
        }
        return seen(self.host.inside("sh", "-ec", f"cd {self.folder}\n{block}"), environment)


@pytest.fixture
def reader(host: Host) -> Reader:
    keep_apart(host)
    reader = Reader(host)
    reader.folder.mkdir()
    collection = host.site.scratch / "ansible_collections" / "ebpf" / "pinning"
    galaxy = Path(host.site.playbook_command).with_name("ansible-galaxy")
    subprocess.run(
        [galaxy, "collection", "build", "--output-path", reader.folder, collection],
        check=True,
        capture_output=True,
        env=host.site.environment(),
    )
    return reader


def changed(output: str) -> int:
    (count,) = re.findall(r"^localhost .* changed=(\d+) ", output, re.M)
    return int(count)


def test_the_first_ten_minutes_lead_where_the_guide_says(reader: Reader) -> None:
    host = reader.host
    blocks = Guide(host, "first-ten-minutes.md").blocks
    install, look, twice, listing, trouble, drift, repair, migrate, restore = blocks("console")
    inventory, variables, at_boot = blocks("yaml")
    (configuration,) = blocks("ini")
    (told,) = blocks("text")

    code, output = reader.type(install)
    assert code == 0, output
    reader.write("inventory.yml", inventory)
    reader.write("group_vars/edge.yml", variables)
    reader.write("ansible.cfg", configuration)

    code, output = reader.type(look)
    assert code == 0, output
    assert changed(output) >= 1
    assert "flows" in output
    assert not host.inventory().get(AGENT)

    for line, counts in zip(twice.splitlines(), (True, False), strict=True):
        code, output = reader.type(line)
        assert code == 0, output
        assert bool(changed(output)) is counts
    code, output = reader.type(listing)
    assert output.count("-rw-r-----") == 2, output

    code, output = reader.type(trouble)
    assert code == 0, output
    code, output = reader.type(drift)
    assert code == 2, output
    assert output.endswith(told.replace("/home/you/pins", str(reader.folder)))
    assert (reader.folder / "drift.html").stat().st_size > 0
    code, output = reader.type(repair)
    assert code == 0, output
    assert access(host, f"{AGENT}/events") == "640 0 0"

    key, value = "1 " * 16, "7 " * 8
    host.run("bpftool", *f"map update pinned {AGENT}/flows key {key} value {value}".split())
    reader.write("group_vars/edge.yml", variables.replace("65536", "131072"))
    code, output = reader.type(repair)
    assert code == 2, output
    assert host.map_at(f"{AGENT}/flows")["max_entries"] == 65536
    code, output = reader.type(migrate)
    assert code == 0, output
    assert host.map_at(f"{AGENT}/flows")["max_entries"] == 131072
    assert len(host.bpftool("map", "dump", "pinned", f"{AGENT}/flows")) == 1

    more = variables.replace("65536", "131072") + at_boot
    reader.write("group_vars/edge.yml", more)
    code, output = reader.type(restore)
    assert code == 0, output
    assert output.endswith("3 declared, 3 in place\n")
    restart(host)
    host.run("/usr/local/lib/ebpf-pinning/ebpf-pinning", "restore")
    assert host.map_at(f"{AGENT}/flows")["max_entries"] == 131072
    assert access(host, f"{AGENT}/events") == "640 0 0"
