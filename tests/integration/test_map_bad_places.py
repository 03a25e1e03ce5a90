# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places where no map can be pinned, and odd ones where one can. A refusal changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from bad_table import Bad, assert_told
from harness.host import BPFFS, Host
from harness.playbook import Task, task
from harness.samples import HASH


def _places(host: Host) -> list[tuple[Bad, dict[str, Any]]]:
    off = str(host.scratch / "off")
    inside = f"{BPFFS}/folder"
    not_on_bpffs = ["is not on bpffs but on ", "mount a bpffs there first"]
    as_nobody = host.as_nobody()
    never_followed = "symlinks are never followed"

    def at(about: str, directory: str, *texts: str, name: str = "a", **more: Any) -> Bad:
        return Bad(about, {"directory": directory, "name": name, **HASH, **more}, texts)

    return [
        (at("off bpffs", off, off, *not_on_bpffs), {}),
        (at("a new directory off bpffs", f"{off}/new", f"{off}/new", *not_on_bpffs), {}),
        (at("a file off bpffs", off, f"{off}/file", "outside bpffs", name="file"), {}),
        (at("the root directory", "/", "/ is not on bpffs", name="a"), {}),
        (at("below a file", f"{off}/file", f"{off}/file", "is not a directory"), {}),
        (at("below a pin", f"{BPFFS}/pin", f"{BPFFS}/pin", "is not a directory"), {}),
        (
            at(
                "by a symlink inside",
                f"{BPFFS}/to_folder",
                f"{BPFFS}/to_folder is a symlink to {inside}",
                never_followed,
                "declare the real path",
            ),
            {},
        ),
        (
            at(
                "by a symlink from outside",
                f"{off}/to_bpffs/folder",
                f"{off}/to_bpffs is a symlink to {BPFFS}",
                never_followed,
                "declare the real path",
            ),
            {},
        ),
        (
            at(
                "a symlink to a pin",
                BPFFS,
                f"{BPFFS}/to_pin: ",
                f"a symlink to {BPFFS}/pin",
                "declare another name",
                name="to_pin",
            ),
            {},
        ),
        (
            at(
                "a dangling symlink",
                BPFFS,
                f"{BPFFS}/to_nothing: ",
                "a symlink to /nothing",
                name="to_nothing",
            ),
            {},
        ),
        (
            at(
                "a directory",
                BPFFS,
                f"{BPFFS}/folder: ",
                "a directory",
                "declare another name",
                name="folder",
            ),
            {},
        ),
        (
            at(
                "a program",
                BPFFS,
                f"{BPFFS}/program: ",
                "program",
                "declare another name",
                name="program",
            ),
            {},
        ),
        (at("a link", BPFFS, f"{BPFFS}/link: ", "link", "declare another name", name="link"), {}),
        (
            at(
                "no parent",
                f"{BPFFS}/new/x",
                f"{BPFFS}/new/x does not exist",
                "parents: true",
                parents=False,
            ),
            {},
        ),
        (
            at(
                "a dot in a new directory",
                f"{BPFFS}/v1.2/x",
                f"{BPFFS}/v1.2/x",
                "'v1.2'",
                "use `_`",
            ),
            {},
        ),
        (
            at(
                "read-only",
                str(host.scratch / "ro"),
                f"{host.scratch}/ro",
                "mounted read-only",
                "remount it writable",
            ),
            {},
        ),
        (
            at("new, as nobody", BPFFS, f"{BPFFS}/a: ", "EPERM", "become: true", "CAP_BPF"),
            as_nobody,
        ),
        (
            at(
                "there, as nobody",
                BPFFS,
                f"{BPFFS}/pin: ",
                "EACCES",
                "become: true",
                "owner, group and mode",
                name="pin",
            ),
            as_nobody,
        ),
        (
            at(
                "in another's directory, as nobody",
                inside,
                f"{inside}/a: ",
                "become: true",
                mode="0644",
            ),
            as_nobody,
        ),
        (
            at(
                "in a closed directory, as nobody",
                f"{BPFFS}/closed",
                f"{BPFFS}/closed",
                "become: true",
            ),
            as_nobody,
        ),
    ]


def test_a_place_that_cannot_be(host: Host, subtests: pytest.Subtests) -> None:
    off, read_only = host.scratch / "off", host.scratch / "ro"
    host.load("linked", BPFFS, f"{BPFFS}/program", f"{BPFFS}/link")
    host.make_pin(f"{BPFFS}/pin", type=1, max_entries=16)
    host.shell(
        f"""
        mkdir {off} {read_only} {BPFFS}/folder; mkdir -m 0700 {BPFFS}/closed
        mount -t tmpfs tmpfs {off}; touch {off}/file; ln -s {BPFFS} {off}/to_bpffs
        mount -t bpf -o ro bpf {read_only}
        ln -s {BPFFS}/folder {BPFFS}/to_folder
        ln -s {BPFFS}/pin {BPFFS}/to_pin
        ln -s /nothing {BPFFS}/to_nothing
        """
    )
    places = _places(host)
    tasks: list[Task] = [
        task("bpf_map_pinned", keywords=keywords, **bad.arguments) for bad, keywords in places
    ]
    everything = f"find {off} {read_only} -printf '%p %i %m %T@ %C@\n'"
    before, before_off = host.inventory(), host.shell(everything)
    run = host.playbook(tasks)
    assert host.inventory() == before
    assert host.shell(everything) == before_off
    for (bad, _keywords), result in zip(places, run, strict=True):
        with subtests.test(bad.about):
            assert_told(result, bad.texts)


def test_what_looks_odd_and_is_fine(host: Host) -> None:
    """Names at the limit, and with what a shell or the kernel's own names would not take."""
    names = ["x" * 255, "ä" * 127 + "x", "with space", "a:b#c~d", "-rf", "~", "1", "{", "'"]
    maps = [{"name": name, **HASH} for name in names]
    first, second, nothing = host.playbook(
        [
            task("bpf_map_pinned", maps=maps),
            task("bpf_map_pinned", maps=maps),
            task("bpf_map_pinned", maps=[]),
        ]
    )
    assert first.good()["counts"]["created"] == len(names)
    assert second.good()["counts"]["unchanged"] == len(names)
    assert nothing.good()["maps"] == []
    assert not nothing.changed
    there = {path.removeprefix(f"{BPFFS}/") for path in host.inventory()}
    assert there >= set(names)
    kernel_names = {name: host.info(f"{BPFFS}/{name}")["name"] for name in names}
    assert kernel_names["with space"] == "with_space"
    assert kernel_names["a:b#c~d"] == "a_b_c_d"
    assert kernel_names["x" * 255] == "x" * 15


def test_where_all_is_as_declared_a_read_only_bpffs_is_fine(host: Host) -> None:
    host.make_pin(f"{BPFFS}/a", type=1, max_entries=16)
    host.run("mount", "-o", "remount,ro", BPFFS)
    fits, refused = host.playbook(
        [task("bpf_map_pinned", name="a", **more, **HASH) for more in ({}, {"mode": "0640"})]
    )
    assert fits.good()["counts"]["unchanged"] == 1
    assert refused.failed
    assert "remount it writable" in refused.msg
