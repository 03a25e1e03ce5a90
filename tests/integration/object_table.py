# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of bpf_object_pinned find in the kernel: objects that others have pinned."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from harness.host import BPFFS, Host

FROM = f"{BPFFS}/loader"
_numbers = count(1)


@dataclass(frozen=True)
class There:
    """Objects that no other test of this machine has: their names, and the tag of a program."""

    map_name: str
    prog_name: str
    prog_tag: str
    ids: Mapping[str, int]  # map, prog and link

    @property
    def references(self) -> Mapping[str, tuple[str, int | str]]:
        """Every option that names an object: what it holds, and the value."""
        return {
            "map_id": ("map", self.ids["map"]),
            "map_name": ("map", self.map_name),
            "prog_id": ("prog", self.ids["prog"]),
            "prog_name": ("prog", self.prog_name),
            "prog_tag": ("prog", self.prog_tag),
            "link_id": ("link", self.ids["link"]),
            "source": ("link", f"{FROM}/link"),
        }


def unique() -> str:
    # Names and tags are known to the whole machine, where other tests may run: 15 characters.
    return f"t{os.getpid():x}_{next(_numbers)}"


def program(host: Host, path: str, name: str, number: int | None = None) -> int:
    code = os.getpid() << 8 | next(_numbers) if number is None else number
    return int(host.run(host.site.program("program"), path, name, str(code)).stdout)


def pinned_by_others(host: Host) -> There:
    """A map, a program and a link, in FROM."""
    map_name, prog_name = unique(), unique()
    host.run("mkdir", FROM)
    map_id = host.make_pin(f"{FROM}/map", name=map_name)
    prog_id = program(host, f"{FROM}/prog", prog_name)
    host.load("linked", FROM, f"{FROM}/attached", f"{FROM}/link")
    tag = host.bpftool("prog", "show", "id", str(prog_id))["tag"]
    link_id = host.bpftool("link", "show", "pinned", f"{FROM}/link")["id"]
    return There(map_name, prog_name, tag, {"map": map_id, "prog": prog_id, "link": link_id})
