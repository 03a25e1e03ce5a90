# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/preflight.md: its example runs as it stands there, and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from harness.guide import Guide
from harness.host import BPFFS, Host
from test_elf_maps import lookup

AGENT = f"{BPFFS}/agent"


def sources(host: Host, page: Guide) -> tuple[str, str]:
    """The program of docs/elf-maps.md, and what this page makes of it."""
    old = Guide(host, "elf-maps.md").blocks("c")[0]
    (count,) = page.blocks("c")
    new, changed = re.subn(r"struct count \{.*?\};\n", count, old, flags=re.DOTALL)
    assert changed == 1
    return old, new.replace("max_entries, 262144", "max_entries, 131072")


def compiled(folder: Path, name: str, source: str) -> str:
    path = str(folder / "files" / name)
    headers = f"-idirafter/usr/include/{os.uname().machine}-linux-gnu"
    clang = ["clang", "-g", "-O2", "-target", "bpf", headers, "-c", "-x", "c", "-", "-o", path]
    subprocess.run(clang, input=source.encode(), check=True)
    return path


@pytest.fixture
def page(host: Host) -> Guide:
    """The page, with the old maps pinned and one entry in them."""
    page = Guide(host, "preflight.md")
    old, new = sources(host, page)
    compiled(page.folder, "old.bpf.o", old)
    compiled(page.folder, "new.bpf.o", new)
    path = str(page.folder / "files" / "old.bpf.o")
    host.module("bpf_map_pinned", directory=AGENT, maps=lookup(path)).good()
    key, value = ["1"] * 8, ["2"] * 16
    host.run(*f"bpftool map update pinned {AGENT}/flows key".split(), *key, "value", *value)
    return page


def preflight(page: Guide) -> str:
    """The command of the page; what it prints from the report on."""
    _first, session = page.blocks("console")
    command = session.splitlines()[0].removeprefix("$ ")
    variables = (
        f"ansible_connection=local ansible_python_interpreter={page.host.site.python_of_modules}"
    )
    (page.folder / "files" / "inventory").write_text(f"web1 {variables}\n")
    command = command.replace("ansible-playbook", page.host.site.playbook_command)
    script = f"cd {page.folder}/files; {command} || echo exit code $?"
    printed = page.host.shell(script)
    return printed[printed.index("PREFLIGHT") :]


def test_the_example_prints_what_the_page_says(page: Guide) -> None:
    _first, session = page.blocks("console")
    said = session.partition("\n")[2]
    printed = [line.rstrip() for line in preflight(page).splitlines()]
    assert printed == [*said.splitlines(), "exit code 2"]


def test_what_the_page_does_about_it_helps(page: Guide) -> None:
    migrating, one_task = page.blocks("yaml")
    host = page.host
    for path in (page.folder / "files").glob("*.o"):
        host.run("cp", str(path), str(page.folder))
    run = page.play(f"- hosts: edge\n  gather_facts: false\n  tasks:\n{indented(one_task)}")
    assert run.code == 2
    run = page.play(f"- hosts: edge\n  gather_facts: false\n  tasks:\n{indented(migrating)}")
    assert run.code == 0, run.output
    assert "1 host: 1 good" in preflight(page)
    assert host.map_at(f"{AGENT}/flows")["bytes_value"] == 24
    (entry,) = host.bpftool("map", "dump", "pinned", f"{AGENT}/flows")
    assert entry["formatted"]["value"]["dropped"] == 0
    path = str(page.folder / "new.bpf.o")
    assert host.module("bpf_preflight", object=path, directory=AGENT).good()


def indented(tasks: str) -> str:
    return "".join(f"    {line}\n" for line in tasks.splitlines())
