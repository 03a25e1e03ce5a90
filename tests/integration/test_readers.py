# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users who are declared to read a map, and what keeps them from its pin: they try it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH
from strangers import STRANGER, Strangers

Fields = dict[str, Any]
APP = f"{BPFFS}/app"
PIN = f"{APP}/flows"


CLOSED_ABOVE = (
    "mkdir -m 700 /mnt/closed; mkdir /mnt/closed/bpf; mount -t bpf -o mode=711 bpf /mnt/closed/bpf"
)


@dataclass(frozen=True)
class Row:
    """What is declared of the pin, what makes the directories, and who does not get there."""

    about: str
    declared: Fields = field(default_factory=dict)
    makes: str = f"chmod 711 {BPFFS}"
    stops: str = ""  # what the warning names; none: they get there
    reader: str = "daemon"

    @property
    def pin(self) -> str:
        return "/mnt/closed/bpf/app/flows" if self.makes == CLOSED_ABOVE else PIN


OPEN: Fields = {"group": "daemon", "mode": "0640"}
TABLE = [
    Row("a pin as the kernel makes it", stops="the pin (mode 0600, owner root, group root)"),
    Row("a pin of their group", OPEN),
    Row("a pin that all may read", {"mode": "0604"}),
    Row("a pin of another group", {"group": "adm", "mode": "0640"}, stops="the pin (mode 0640"),
    Row("a pin of theirs that they may not read", {"owner": "daemon", "mode": "0244"},
        stops="the pin (mode 0244, owner daemon"),
    Row("a pin that only their group may not read", {"group": "daemon", "mode": "0604"},
        stops="the pin (mode 0604, owner root, group daemon)"),
    Row("a bpffs that is closed, as systemd mounts it", OPEN, f"chmod 700 {BPFFS}",
        stops=f"through {BPFFS} (mode 0700, owner root, group root)"),
    Row("a directory that is closed", OPEN, f"chmod 711 {BPFFS}; mkdir -m 750 {APP}",
        stops=f"through {APP} (mode 0750"),
    Row("a directory of their group", OPEN,
        f"chmod 711 {BPFFS}; mkdir -m 710 {APP}; chgrp daemon {APP}"),
    Row("a directory of their group that gets them no further", OPEN,
        f"chmod 711 {BPFFS}; mkdir -m 740 {APP}; chgrp daemon {APP}",
        stops=f"through {APP} (mode 0740, owner root, group daemon)"),
    Row("a closed directory above the bpffs", OPEN, CLOSED_ABOVE, stops="through /mnt/closed"),
    Row("root", {"mode": "0000"}, f"chmod 700 {BPFFS}", reader="root"),
    Row("somebody without a name", OPEN, reader=str(STRANGER), stops="the pin (mode 0640"),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=[row.about for row in TABLE])
def test_a_warning_says_who_does_not_get_to_the_pin_and_what_stops_them(
    host: Host, row: Row
) -> None:
    strangers = Strangers(host)
    host.shell(row.makes)
    words = {"path": row.pin, **HASH, **row.declared, "readers": [row.reader]}
    run = host.playbook(
        [
            task("bpf_map_pinned", check=True, **words),
            task("bpf_map_pinned", **words),
            task("bpf_map_pinned", check=True, **words),
            task("bpf_host", maps=[words]),
        ]
    )
    for result in run:
        said = [text for text in result.good().warnings if "is to read the map" in text]
        assert len(said) == bool(row.stops), result.warnings
        assert set(said) <= set(result["cautions"])
        for text in said:
            assert f"{row.pin}: {row.reader} is to read" in text
            assert row.stops in text
    assert [result.changed for result in run] == [True, True, False, False]
    user = "" if row.reader == str(STRANGER) else row.reader
    assert strangers.does("read", row.pin, user=user) == ("open: EACCES" if row.stops else "ok")


def test_directories_that_are_still_to_be_made_count_as_they_will_be(host: Host) -> None:
    whole: Fields = {
        "mounts": [{"path": "/mnt/bpf", "mode": "0711"}],
        "directories": [{"path": "/mnt/bpf/app", "owner": "daemon", "mode": "0700"}],
        "maps": [{"path": "/mnt/bpf/app/flows", **HASH, **OPEN, "readers": ["daemon", "sys"]}],
    }
    strangers = Strangers(host)
    checked, made, again = host.playbook(
        [task("bpf_host", check=True, **whole), *[task("bpf_host", **whole)] * 2]
    )
    for result in (checked, made, again):
        (said,) = (text for text in result.good().warnings if "is to read the map" in text)
        assert said.startswith("/mnt/bpf/app/flows: sys is to read")
        assert "through /mnt/bpf/app (mode 0700, owner daemon, group root)" in said
    assert strangers.does("read", "/mnt/bpf/app/flows", user="daemon") == "ok"
    assert strangers.does("read", "/mnt/bpf/app/flows", user="sys") == "open: EACCES"


@pytest.mark.parametrize("module", ["bpf_map_pinned", "bpf_host"])
def test_a_reader_whom_the_host_lacks_is_refused_and_awaited_in_a_check(
    host: Host, module: str
) -> None:
    wanted: Fields = {"path": PIN, **HASH, "readers": ["daemon", "no_such_user"]}
    said = "reader 'no_such_user' is not a user of this host: create it first"
    run, check = host.playbook(
        [task(module, maps=[wanted]), task(module, check=True, maps=[wanted])]
    )
    assert said in run.msg
    assert APP not in host.inventory()
    assert any(said in text for text in check.good().warnings)


def test_readers_of_a_task_are_those_of_maps_that_name_none(host: Host) -> None:
    maps = [{"name": "a", **HASH}, {"name": "b", **HASH, "readers": ["root"]}]
    result = host.module("bpf_map_pinned", directory=APP, maps=maps, readers=["daemon"]).good()
    assert [text.split(":")[0] for text in result.warnings] == [f"{APP}/a"]
