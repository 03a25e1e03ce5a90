# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/entries.md: what each habit does by hand, and that the task in its place does the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content import formats
from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import CONTENT
from harness.guide import Guide
from harness.host import BPFFS, Host
from harness.playbook import Run
from harness.site import CHECKOUT
from restoring import keep_apart

AGENT = f"{BPFFS}/agent"
BLOCKED = f"{AGENT}/blocked"
Entry = tuple[tuple[int, ...], tuple[int, ...]]


class Page(Guide):
    """One section of the page at a time, on a host with the maps that the page speaks of."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, "entries.md")
        self.whole = self.text
        self.section = ""
        keep_apart(host)
        host.shell("mkdir /etc/agent")
        for name, text in zip(("blocked.netset", "table.csv"), self.blocks("text"), strict=True):
            (self.folder / "files" / name).write_text(text)
            host.shell(f"cp {self.folder}/files/{name} /etc/agent")

    def turn_to(self, heading: str) -> None:
        (self.text,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", self.whole, re.M | re.S)
        self.section = heading

    def make_maps(self) -> None:
        """Those that the agent of the page makes, anew and empty, but for what tests put there."""
        self.host.shell(f"rm -rf {AGENT}; mkdir {AGENT}")
        self.host.load("rules", AGENT)
        shapes = {"blocked": "4 value 4", "counters": "4 value 8", "services": "4 value 8"}
        for name, shape in shapes.items():
            words = f"type hash key {shape} entries 1024 name {name}"
            self.host.shell(f"bpftool map create {AGENT}/{name} {words}")
        words = "type prog_array key 4 value 4 entries 8 name stages"
        self.host.shell(f"bpftool map create {AGENT}/stages {words}")
        if self.section == "Programs, devices, CPUs":
            self.pin_programs()

    def pin_programs(self) -> None:
        """The same ones each time."""
        kept = f"{BPFFS}/kept"
        if not self.host.shell(f"ls -d {kept} || true"):
            self.host.run("bpftool", "prog", "loadall", self.host.site.bpf_object("meant"), kept)
        for name, stage in (("pass", "parse"), ("drop", "drop")):
            words = ("prog", "pin", "pinned", f"{kept}/meant_{name}", f"{AGENT}/{stage}")
            self.host.run("bpftool", *words)

    def do(self, number: int = 0) -> Run:
        """Run the tasks of a block twice: the second time nothing may change. The first run."""
        tasks = yaml.safe_load(self.blocks("yaml")[number])
        play = {"hosts": "edge", "become": True, "gather_facts": False, "tasks": tasks}
        return self.play_twice(json.dumps([play]))

    def by_hand(self) -> str:
        return self.shell(self.blocks("console")[0])

    def entries(self, name: str) -> set[Entry]:
        """What bpftool finds, in bytes; of a per-CPU map all values in a row."""
        told = self.host.bpftool("map", "dump", "pinned", f"{AGENT}/{name}")
        return {(_raw(each["key"]), sum(map(_raw, _values(each)), ())) for each in told}


def _values(entry: dict[str, Any]) -> list[list[str]]:
    values = entry.get("values")
    return [each["value"] for each in values] if values else [entry["value"]]


def _raw(numbers: list[str]) -> tuple[int, ...]:
    return tuple(int(each, 16) for each in numbers)


@pytest.fixture
def page(host: Host) -> Page:
    return Page(host)


# Which map each section is about, and what is in it before, as words of bpftool.
SECTIONS: dict[str, tuple[str, str]] = {
    "A map that its loader makes": ("blocked", ""),
    "A list, and nothing else": ("blocked", ""),
    "Values that programs change": ("counters", "key 53 0 0 0 value 9 0 0 0 0 0 0 0"),
    "Entries that must not be there": ("blocked", "key 10 0 0 1 value 1 0 0 0"),
    "Fields": ("options", ""),
    "Per-CPU values": ("limits", ""),
    "Programs, devices, CPUs": ("stages", ""),
}


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_task_in_place_of_a_habit_has_the_same_in_the_map(page: Page, heading: str) -> None:
    name, before = SECTIONS[heading]
    page.turn_to(heading)

    def start() -> set[Entry]:
        page.make_maps()
        if before:
            page.host.shell(f"bpftool map update pinned {AGENT}/{name} {before}")
        return page.entries(name)

    empty = start()
    page.by_hand()
    wanted = page.entries(name)
    assert (wanted == empty) == (heading == "Values that programs change")
    start()
    if wanted == empty:  # once more without that entry, or the task has nothing to do
        page.host.shell(f"bpftool map delete pinned {AGENT}/{name} {before.partition(' value')[0]}")
        page.do()
        assert page.entries(name) == {((53, 0, 0, 0), (0,) * 8)}
        return
    page.do()
    assert page.entries(name) == wanted


def test_a_new_map_has_what_was_put_there_by_hand(page: Page) -> None:
    page.turn_to("A few entries")
    page.host.shell(f"mkdir {AGENT}")
    page.by_hand()
    wanted, shape = page.entries("blocked"), page.host.map_at(BLOCKED)
    assert len(wanted) == 2
    page.host.run("rm", BLOCKED)
    page.do()
    assert page.entries("blocked") == wanted
    made = page.host.map_at(BLOCKED)
    for field in ("type", "bytes_key", "bytes_value", "max_entries"):
        assert made[field] == shape[field]


def test_a_table_in_a_slot_is_what_was_put_there_by_hand(page: Page) -> None:
    page.turn_to("A table that changes between two packets")
    host = page.host

    def tables() -> set[Entry]:
        """What is in the map that is in slot 0, by its id."""
        (slot,) = [each for each in _slots(host, "tables") if each[0] == 0]
        told = host.bpftool("map", "dump", "id", str(slot[1]))
        assert slot[1] == host.map_at(f"{AGENT}/routes")["id"]
        return {(_raw(each["key"]), _raw(each["value"])) for each in told}

    def start() -> None:
        host.shell(f"rm -rf {AGENT}; mkdir {AGENT}")
        words = "type hash key 4 value 4 entries 1024 name routes"
        host.shell(
            f"bpftool map create {AGENT}/routes {words};"
            f"bpftool map create {AGENT}/tables type array_of_maps key 4 value 4 entries 2 "
            f"name tables inner_map pinned {AGENT}/routes;"
            f"bpftool map update pinned {AGENT}/tables key 0 0 0 0 value pinned {AGENT}/routes"
        )

    start()
    page.by_hand()
    wanted = tables()
    assert len(wanted) == 1
    start()
    page.do()
    assert tables() == wanted


def test_maps_of_maps_have_what_the_page_says(page: Page) -> None:
    page.turn_to("Maps of maps")
    page.host.shell(f"mkdir {AGENT}")
    page.by_hand()
    zone = page.host.map_at(f"{AGENT}/zone")["id"]
    assert _slots(page.host, "zones") == [(1, zone)]
    first = page.do()
    assert [each["action"] for each in first[0]["maps"]] == ["unchanged", "adjusted"]
    (one, two) = sorted(_slots(page.host, "zones"))
    assert one == (1, zone)
    told = page.host.bpftool("map", "dump", "id", str(two[1]))
    assert [(_raw(each["key"]), _raw(each["value"])) for each in told] == [
        ((10, 0, 0, 1), (1, 0, 0, 0))
    ]


def _slots(host: Host, name: str) -> list[tuple[int, int]]:
    """The keys of a map of maps, and the ids of what is in it."""
    told = host.bpftool("map", "dump", "pinned", f"{AGENT}/{name}")
    pairs = [(each["key"], each["value"]) for each in told if isinstance(each["value"], list)]
    return [tuple(int.from_bytes(bytes(_raw(part)), "little") for part in pair) for pair in pairs]


def test_fields_have_their_bytes_with_and_without_btf(page: Page) -> None:
    page.turn_to("Fields")
    page.make_maps()
    page.do(1)
    ((key, values),) = page.entries("limits")
    assert key == (6, 0, 0x01, 0xBB)
    assert {values[at : at + 8] for at in range(0, len(values), 8)} == {(5, *[0] * 7)}
    page.do(2)
    assert page.entries("services") == {(key, (5, *[0] * 7))}


def test_a_queue_has_what_it_was_made_with(page: Page) -> None:
    page.turn_to("What goes in when the map is made")
    page.host.shell(f"mkdir {AGENT}")
    page.do()
    dequeue = ("map", "dequeue", "pinned", f"{AGENT}/free_ports")
    popped = [page.host.bpftool(*dequeue), page.host.bpftool(*dequeue)]
    values = [int.from_bytes(bytes(_raw(each["value"])), "little") for each in popped]
    assert values == [40000, 40001]


def test_a_table_of_another_system_is_read_by_its_columns(page: Page) -> None:
    page.turn_to("Lists")
    page.make_maps()
    page.do()
    assert page.entries("blocked") == {
        ((10, 0, 0, 1), (3, 0, 0, 0)),
        ((10, 0, 0, 2), (1, 0, 0, 0)),
    }


def test_what_goes_wrong_with_a_list_does(page: Page) -> None:
    """A line that goes stays by hand; an empty list empties no map; exact needs room for both."""
    page.turn_to("A list, and nothing else")
    page.make_maps()
    page.do()
    full = page.entries("blocked")
    lists = [page.folder / "files" / "blocked.netset", "/etc/agent/blocked.netset"]
    page.host.shell(f"echo 10.0.0.2 | tee {lists[0]} > {lists[1]}")
    page.by_hand()
    assert page.entries("blocked") == full
    page.do()
    assert len(page.entries("blocked")) == 1
    page.host.shell(f": > {lists[0]}")
    (tasks,) = (yaml.safe_load(block) for block in page.blocks("yaml"))
    refused = page.host.playbook(tasks)[0]
    assert refused.failed
    assert "lists no entries" in refused.msg
    assert len(page.entries("blocked")) == 1


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first column is headed so."""
    _before, _heading, rest = text.partition(f"\n| {heading} |")
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_table_has_every_format_and_what_it_takes() -> None:
    text = (CHECKOUT / "docs" / "entries.md").read_text()
    told = " ".join(row[0] for row in rows(text, "format")).replace("to `s64`", "`s16` `s32` `s64`")
    assert set(re.findall(r"`(\w+)`", told)) == set(formats._FORMATS)
    for cell, sizes, *_more in rows(text, "format"):
        taken = {
            str(size)
            for name in re.findall(r"`(\w+)`", cell)
            for size in formats.sizes_of(name, "it")
        }
        assert (taken or {"any"}) == set(sizes.split(", ")), cell


def test_the_page_names_every_option_and_mode() -> None:
    text = (CHECKOUT / "docs" / "entries.md").read_text()
    named = set(re.findall(r"`?\b(\w+)\b", text))
    assert CONTENT.keys() <= named
    modes = [row[0].partition(",")[0].strip("`") for row in rows(text, "`entries_mode`")]
    assert modes == CONTENT["entries_mode"]["choices"]
    file_formats = [row[0].partition(",")[0].strip("`") for row in rows(text, "`format`")]
    assert file_formats == CONTENT["entries_from"]["options"]["format"]["choices"]


def test_what_it_says_of_messages_is_in_the_page_of_messages() -> None:
    text = (CHECKOUT / "docs" / "entries.md").read_text()
    manual = (CHECKOUT / "docs" / "troubleshooting.md").read_text()
    seen = [row[0].strip("`") for row in rows(text, "you see")]
    messages = [each for each in seen if not re.match(r"1 \w+|programs|… line", each)]
    assert len(messages) >= 7
    for message in messages:
        parts = [part for part in re.split(r"\s*…\s*", message) if len(part) > 3]
        assert all(part in manual for part in parts), message
