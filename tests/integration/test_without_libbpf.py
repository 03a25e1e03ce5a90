# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host without libbpf: all works but loading, and that says what to install."""

from __future__ import annotations

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import AGENT, HASH

DIRECTORY = f"{BPFFS}/app"


@pytest.fixture
def without(host: Host) -> str:
    """Hide libbpf, once a program has been loaded; the path of its object file."""
    host.shell("mount -t tmpfs -o mode=0755 run /run; mkdir /run/objects; : > /run/empty")
    host.shell(f"cp {host.site.bpf_object('beside')} /run/objects/beside.bpf.o")
    path = "/run/objects/beside.bpf.o"
    host.module("bpf_program_pinned", object=path, directory=DIRECTORY).good()
    host.shell(
        "ldconfig -p | sed -n 's/.*libbpf.so.* => //p' | while read -r file; do\n"
        'mount --bind /run/empty "$(readlink -f "$file")" || exit 1; done'
    )
    assert "libbpf" in host.run(host.site.program("load"), check=False).stderr
    return path


def test_nothing_but_loading_needs_libbpf(host: Host, without: str) -> None:
    entries = {"key_format": "u32", "value_format": "u64", "entries": [{"key": 1, "value": 2}]}
    tasks = [
        task("bpffs_mount", label="mount", path=BPFFS),
        task("bpf_map_pinned", label="map", path=f"{AGENT}/flows", **HASH),
        task("bpf_map_entries", label="entries", path=f"{AGENT}/flows", **entries),
        task(
            "bpf_object_pinned",
            label="object",
            path=f"{AGENT}/again",
            source=f"{DIRECTORY}/beside_first",
        ),
        task("bpf_pin_info", label="info", directory=BPFFS),
        task("bpf_host", label="host", maps=[{"path": f"{AGENT}/other", **HASH}]),
        task("bpf_program_pinned", label="same", object=without, directory=DIRECTORY),
        task("bpf_pin_absent", label="absent", path=f"{AGENT}/flows"),
    ]
    results = dict(zip([each["name"] for each in tasks], host.playbook(tasks), strict=True))
    assert [name for name, result in results.items() if result.failed] == []
    changed = [result.changed for result in results.values()]
    assert changed == [False, True, True, True, False, True, False, True]


def test_loading_says_what_to_install_and_changes_nothing(host: Host, without: str) -> None:
    before = host.shell(f"cd {BPFFS} && find . | sort")
    loaded = host.module("bpf_program_pinned", object=without, directory=f"{BPFFS}/other")
    assert loaded.failed
    assert "libbpf is missing, which loads programs here: install libbpf1 (Debian" in loaded.msg
    assert host.shell(f"cd {BPFFS} && find . | sort") == before
