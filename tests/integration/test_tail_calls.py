# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries that name programs of the same declaration, and so follow when these are loaded."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result

APP = f"{BPFFS}/app"
OBJECT = "/run/objects/tails.bpf.o"
JUMPS = {"name": "jumps", "type": "prog_array", "max_entries": 8, "key_format": "u32"}
NAMES = ("callee", f"{APP}/callee")


@pytest.fixture
def tails(host: Host) -> Host:
    """A host with c/tails.bpf.c, in a place where only root writes."""
    host.shell("mount -t tmpfs -o mode=0755 run /run; mkdir /run/objects")
    host.run("cp", host.site.bpf_object("tails"), OBJECT)
    return host


def _declare(host: Host, value: object = "callee", **words: Any) -> Result:
    key = words.pop("key", 3)
    entries = {"entries": [{"key": key, "value": value}], "entries_mode": "exact"}
    how = {key: words.pop(key) for key in ("check", "diff") if key in words}
    maps = [{**JUMPS, **entries, **words.pop("more", {})}]
    programs = [{"object": OBJECT}]
    return host.module("bpf_host", directory=APP, maps=maps, programs=programs, **how, **words)


def _id_of(host: Host, name: str) -> int:
    shown: int = host.bpftool("prog", "show", "pinned", f"{APP}/{name}")["id"]
    return shown


def _slots(host: Host) -> dict[int, int]:
    """What bpftool shows in the map: ids by slot."""
    dumped = host.bpftool("map", "dump", "pinned", f"{APP}/jumps")
    pairs = [
        [
            int.from_bytes([int(octet, 16) for octet in each[part]], sys.byteorder)
            for part in ("key", "value")
        ]
        for each in dumped
        if "value" in each and isinstance(each["value"], list)
    ]
    return dict(pairs)


@pytest.mark.parametrize("value", NAMES)
def test_a_map_has_the_program_of_the_same_run(tails: Host, value: str) -> None:
    check = _declare(tails, value, check=True).good()
    assert [each["action"] for each in check["maps"]] == ["created"]
    assert APP not in tails.inventory()
    done = _declare(tails, value).good()
    assert _slots(tails) == {3: _id_of(tails, "callee")}
    (told,) = done["maps"]
    assert (told["action"], told["entries"]["added"]) == ("created", 1)
    before = tails.inventory()
    again = _declare(tails, value).good()
    assert not again.changed
    assert again["maps"][0]["entries"] == {"declared": 1, "added": 0, "updated": 0, "removed": 0}
    assert tails.inventory() == before


def test_it_has_the_new_program_after_an_upgrade(tails: Host) -> None:
    _declare(tails).good()
    old = _id_of(tails, "callee")
    tails.run("cp", tails.site.bpf_variant("tails", "-DVERDICT=8"), OBJECT)
    check = _declare(tails, check=True, diff=True).good()
    (told,) = check["maps"]
    assert told["action"] == "adjusted"
    assert told["drift"] == [
        {"field": "entries", "want": "as declared (exact)", "have": "not known"}
    ]
    assert _slots(tails) == {3: old}
    done = _declare(tails).good()
    assert done["maps"][0]["action"] == "adjusted"
    assert done["counts"]["maps"] == {**done["counts"]["maps"], "adjusted": 1, "unchanged": 0}
    assert _slots(tails) == {3: _id_of(tails, "callee")} != {3: old}
    assert not _declare(tails).good().changed


def test_what_others_put_there_is_put_right(tails: Host) -> None:
    _declare(tails).good()
    words = f"pinned {APP}/jumps key 3 0 0 0 value pinned {APP}/jump"
    tails.shell(f"bpftool map update {words}")
    check = _declare(tails, check=True).good()
    (told,) = check["maps"]
    assert [each["have"] for each in told["drift"]] == ["1 different"]
    assert _declare(tails).good()["maps"][0]["entries"]["updated"] == 1
    assert _slots(tails) == {3: _id_of(tails, "callee")}


def test_pins_that_are_to_have_an_owner_are_filled_too(tails: Host) -> None:
    directories = [{"path": APP, "owner": "daemon"}]
    owned = {"owner": "daemon"}
    _declare(tails, directories=directories, more=owned).good()
    assert _slots(tails) == {3: _id_of(tails, "callee")}
    assert not _declare(tails, directories=directories, more=owned).good().changed


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a slot that is not there": ({"key": 9}, f"{APP}/jumps: entries[0].key"),
    "a map that is frozen": ({"more": {"frozen": True}}, f"{APP}/jumps: frozen does not go with"),
}


@pytest.mark.parametrize(("words", "text"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_known_before_anything_changes(
    tails: Host, words: dict[str, Any], text: str
) -> None:
    refused = _declare(tails, **words)
    assert refused.failed
    assert text in refused.msg
    assert APP not in tails.inventory()


def test_a_name_that_no_program_has_is_refused_before_anything_changes(tails: Host) -> None:
    refused = _declare(tails, "nobody")
    assert refused.failed
    assert "must be an absolute path" in refused.msg
    assert APP not in tails.inventory()
