# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pins by name are shared with libbpf: what one side pins, the other takes as it is."""

from __future__ import annotations

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import APP

# What c/pins.bpf.c declares, as a user would write it for Ansible.
MAPS = [
    dict(
        name="flows_of_all_tenants",
        type="hash",
        key_size=8,
        value_size=16,
        max_entries=128,
        flags=["no_prealloc"],
    ),
    dict(name="counters", type="percpu_array", value_size=16, max_entries=16),
    dict(name="blocked", type="lpm_trie", key_size=8, value_size=4, max_entries=64),
    dict(name="events", type="ringbuf", max_entries=5000),
    dict(name="samples", type="perf_event_array"),
    dict(name="per_socket", type="sk_storage", value_size=16),
    dict(
        name="per_tenant",
        type="hash_of_maps",
        key_size=4,
        max_entries=4,
        inner_map=dict(type="array", value_size=8, max_entries=32),
    ),
    dict(name="seen", type="bloom_filter", value_size=8, max_entries=100, map_extra=3),
]
NAMES = {item["name"] for item in MAPS}

# The same for c/odd.bpf.c.
ODD = [
    dict(name="ports", type="devmap", value_size=8, max_entries=8),
    dict(
        name="recent",
        type="lru_hash",
        key_size=4,
        value_size=8,
        max_entries=1021,
        flags=["no_common_lru"],
    ),
]


def _ids(host: Host) -> dict[str, int]:
    return {name: host.map_at(f"{APP}/{name}")["id"] for name in NAMES}


def _attempt(host: Host, pin_root: str) -> str:
    program, bpf_object = host.site.program("load"), host.site.bpf_object("odd")
    return host.run(program, bpf_object, pin_root, check=False).stderr


def test_pins_of_libbpf_are_found_unchanged(host: Host) -> None:
    host.run("mkdir", APP)
    ids = host.load("pins", APP)
    assert set(ids) == NAMES
    before = host.inventory()
    batch = {"directory": APP, "maps": MAPS}
    for run in host.playbook(
        [task("bpf_map_pinned", check=check, **batch) for check in (True, False)]
    ):
        run.good()
        assert not run.changed, run
        assert {each["name"]: each["id"] for each in run["maps"]} == ids
        assert run["counts"]["unchanged"] == len(MAPS)
    assert host.inventory() == before


def test_libbpf_takes_our_pins_and_makes_no_map_of_its_own(host: Host) -> None:
    made = host.module("bpf_map_pinned", directory=APP, maps=MAPS).good()
    ids = _ids(host)
    assert {each["name"]: each["id"] for each in made["maps"]} == ids
    before = host.inventory(APP)
    assert host.load("pins", APP, f"{BPFFS}/prog") == ids
    assert host.inventory(APP) == before
    program = host.bpftool("prog", "show", "pinned", f"{BPFFS}/prog")
    assert sorted(program["map_ids"]) == sorted([ids["counters"], ids["flows_of_all_tenants"]])


def test_libbpf_takes_our_pins_with_owner_and_mode_of_an_agent(host: Host) -> None:
    """These come by way of a staging directory, which must leave no trace."""
    batch = {"directory": APP, "maps": MAPS, "owner": "daemon", "group": "adm", "mode": "0660"}
    host.module("bpf_map_pinned", **batch).good()
    assert set(host.shell(f"ls -A {APP}").split()) == NAMES
    assert host.load("pins", APP) == _ids(host)
    modes = host.shell(f"stat -c '%U %G %a' {APP}/*").splitlines()
    assert set(modes) == {"daemon adm 660"}


def test_pins_that_libbpf_itself_may_not_recognise_are_found_unchanged(host: Host) -> None:
    host.run("mkdir", APP)
    ids = host.load("odd", APP)
    found = host.module("bpf_map_pinned", directory=APP, maps=ODD).good()
    assert not found.changed
    assert {each["name"]: each["id"] for each in found["maps"]} == ids
    # And libbpf, whatever its version, makes of our pins what it makes of its own.
    of_its_own = _attempt(host, APP)
    host.module("bpf_map_pinned", directory=f"{BPFFS}/ours", maps=ODD).good()
    assert _attempt(host, f"{BPFFS}/ours") == of_its_own.replace(APP, f"{BPFFS}/ours")


MISFITS = {
    # what another tool pinned instead: the name, what it did otherwise, the drift we see
    "a size": ("counters", {"max_entries": 17}, ["max_entries"]),
    "a type": ("blocked", {"type": "hash", "flags": ["no_prealloc"]}, ["type"]),
    "a flag": ("flows_of_all_tenants", {"flags": []}, ["flags"]),
    "map_extra": ("seen", {"map_extra": 4}, ["map_extra"]),
}


def test_where_libbpf_refuses_a_pin_we_see_drift(host: Host, subtests: pytest.Subtests) -> None:
    declared = {item["name"]: item for item in MAPS}
    places = [f"{BPFFS}/misfit_{number}" for number in range(len(MISFITS))]
    misfits = list(zip(places, MISFITS.values(), strict=True))
    host.playbook(
        [
            task("bpf_map_pinned", directory=place, **{**declared[name], **other})
            for place, (name, other, _drift) in misfits
        ]
    )
    found = host.playbook(
        [
            task("bpf_map_pinned", directory=place, **declared[name])
            for place, (name, _other, _drift) in misfits
        ]
    )
    for about, (place, (_name, _other, drift)), run in zip(MISFITS, misfits, found, strict=True):
        with subtests.test(about):
            with pytest.raises(AssertionError, match="parameter mismatch"):
                host.load("pins", place)
            assert run.failed, run
            assert [each["field"] for each in run["maps"][0]["drift"]] == drift
