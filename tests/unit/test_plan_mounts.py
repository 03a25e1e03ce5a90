# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted, and what follows from it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.declaration import (
    WantedMount,
    WantedUnmount,
    read_mount,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.observed import (
    Bpffs,
    Mount,
    MountSeen,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.plan import (
    MountStep,
    decide,
    dropped,
    inheriting,
    unmounts,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import (
    NUMBERS_ONLY,
    ROOT_ONLY,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import (
    Access,
    Entry,
    Identity,
)

PATH = "/sys/fs/bpf"


def want(**fields: Any) -> WantedMount:
    return read_mount({"path": PATH, **fields}, NUMBERS_ONLY)


def decided(wanted: WantedMount, there: MountSeen) -> MountStep:
    return decide(wanted, there, ROOT_ONLY)


def mount(number: int = 30, point: str = PATH, fstype: str = "bpf", **fields: Any) -> Mount:
    values: dict[str, Any] = {
        "parent": 20,
        "device": number,
        "root": "/",
        "opts": ("rw", "nosuid", "relatime"),
        "source": "none",
        "super_opts": ("rw", "mode=1700"),
        **fields,
    }
    return Mount(id=number, point=point, fstype=fstype, **values)


def seen(
    *layers: Mount,
    inside: Mount | None = None,
    pins: tuple[str, ...] = (),
    **fields: Any,
) -> MountSeen:
    top = inside or (layers[-1] if layers else mount(20, "/sys", "sysfs"))
    there = None
    if top.point == PATH and top.fstype == "bpf":
        there = Bpffs(top, Entry(Identity(1, 1), 0, 0, 0o1700), list(pins))
    values: dict[str, Any] = {
        "missing": (),
        "identity": Identity(1, 1),
        "kernel_has_bpffs": True,
        **fields,
    }
    return MountSeen(path=PATH, mount=top, layers=layers, bpffs=there, **values)


REFUSED = [
    ("another file system on top", seen(mount(), mount(31, fstype="tmpfs")), ["tmpfs", "unmount"]),
    ("stacked", seen(mount(), mount(31, parent=30)), ["2 times", "mount id 30", "mount id 31"]),
    ("inside a bpffs", seen(inside=mount(point="/sys/fs")), ["/sys/fs", "use that one"]),
    ("no BPF file system", seen(kernel_has_bpffs=False), ["CONFIG_BPF_SYSCALL"]),
    ("no directory in sysfs", seen(missing=("bpf2",)), ["sysfs", "/sys/fs/bpf"]),
]


@pytest.mark.parametrize(
    ("there", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_never_mounts_over(there: MountSeen, words: list[str]) -> None:
    step = decided(want(force=True), there)
    assert step.action is Action.REFUSE
    for word in [PATH, *words]:
        assert word in step.reason


def test_what_is_mounted_as_wanted_is_left() -> None:
    wanted = read_mount(
        {"path": PATH, "mode": "0700", "opts": ["nosuid", "exec"], "owner": "0"}, NUMBERS_ONLY
    )
    assert decided(wanted, seen(mount())).action is Action.KEEP


def test_a_file_system_below_the_bpffs_does_no_harm() -> None:
    assert decided(want(), seen(mount(29, fstype="tmpfs"), mount())).action is Action.KEEP


DRIFT = [
    ({"mode": "0750"}, "mode", "1750", "1700"),
    ({"owner": "7"}, "owner", None, "root"),
    ({"opts": ["nodev"]}, "opts", ["nodev", "nosuid", "relatime"], ["nosuid", "relatime"]),
    ({"opts": ["suid"]}, "opts", ["relatime"], ["nosuid", "relatime"]),
    ({"opts": ["noatime"]}, "opts", ["noatime", "nosuid"], ["nosuid", "relatime"]),
    ({"opts": ["ro"]}, "opts", ["nosuid", "relatime", "ro"], ["nosuid", "relatime"]),
]


@pytest.mark.parametrize(("fields", "field", "wants", "have"), DRIFT)
def test_what_differs_is_set_in_place(
    fields: dict[str, Any], field: str, wants: object, have: object
) -> None:
    step = decided(want(**fields), seen(mount()))
    assert step.action is Action.ADJUST
    (change,) = step.changes
    assert (change.field, change.have) == (field, have)
    assert wants is None or change.want == wants


def test_a_part_of_a_bpffs_is_not_made_anew() -> None:
    wanted = want(delegate_cmds=["any"], force=True)
    step = decided(wanted, seen(mount(root="/sub")))
    assert step.action is Action.REFUSE
    assert "/sub" in step.reason


def test_names_that_the_kernel_gave_up_are_the_same_as_the_new_ones() -> None:
    wanted = want(delegate_maps=["cgroup_storage"])
    there = mount(super_opts=("rw", "delegate_maps=cgroup_storage_deprecated"))
    assert decided(wanted, seen(there)).action is Action.KEEP


def test_a_bpffs_made_anew_inherits_what_is_not_declared() -> None:
    wanted = want(delegate_maps=["hash"], group="7")
    there = seen(mount()).bpffs
    assert there is not None
    remade = inheriting(wanted, there)
    assert remade.access == Access(0, 7, 0o1700)
    assert remade.set_flags == {"nosuid", "relatime"}


DELEGATING = mount(super_opts=("rw", "delegate_cmds=map_create:prog_load", "delegate_maps=any"))


def test_delegation_is_compared_as_a_set() -> None:
    wanted = want(delegate_cmds=["PROG_LOAD", "map_create"])
    assert decided(wanted, seen(DELEGATING)).action is Action.KEEP


@pytest.mark.parametrize(
    ("force", "pins", "remade"), [(False, (), False), (True, ("p",), False), (True, (), True)]
)
def test_delegation_is_made_anew_only_when_told_and_nothing_is_lost(
    force: bool, pins: tuple[str, ...], remade: bool
) -> None:
    wanted = want(delegate_cmds=["any"], force=force)
    step = decided(wanted, seen(DELEGATING, pins=pins))
    assert step.action is (Action.MOUNT if remade else Action.REFUSE)
    assert unmounts(step) is remade


UNMOUNTS = [
    ("empty", False, seen(mount()), True, ()),
    ("with pins", False, seen(mount(), pins=("a", "b")), False, ()),
    ("with pins, told so", True, seen(mount(), pins=("a", "b")), True, ("a", "b")),
    ("not mounted", False, seen(), False, ()),
]


@pytest.mark.parametrize(
    ("force", "there", "goes", "lost"),
    [row[1:] for row in UNMOUNTS],
    ids=[row[0] for row in UNMOUNTS],
)
def test_unmounting(force: bool, there: MountSeen, goes: bool, lost: tuple[str, ...]) -> None:
    step = decide(WantedUnmount(PATH, force), there, ROOT_ONLY)
    assert (step.action is Action.UNMOUNT) is unmounts(step) is goes
    assert tuple(dropped(step)) == lost
    assert (step.action is Action.REFUSE) is (there.bpffs is not None and not goes)
