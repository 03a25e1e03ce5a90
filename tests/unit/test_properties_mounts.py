# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for mounts, whatever is declared and whatever is there. The kernel is a model.

Each test counts what it came across, so that it cannot pass by trying only what is easy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import strategies as some
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts import (
    apply as apply_mounts,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.declaration import (
    WantedMount,
    WantedUnmount,
    flag_bits,
    read_mount,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.observed import (
    Bpffs,
    MountSeen,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.plan import (
    MountStep,
    decide,
    dropped,
    flags_to_set,
    inheriting,
    unmounts,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.mountinfo import Mount
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import ROOT_ONLY
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import Entry, Identity
from ansible_collections.ebpf.pinning.plugins.module_utils._core.users import Users
from ansible_collections.ebpf.pinning.plugins.module_utils._module import mounts as mount_module
from faces import Exited, Failed, assert_told, checked
from hypothesis import given
from hypothesis import strategies as st
from strategies import RARELY, YES_OR_NO, examples

# man 2 mount
_FLAGS = {"nosuid": 2, "nodev": 4, "noexec": 8, "nosymfollow": 256, "nodiratime": 2048}
_NOATIME, _STRICTATIME = 1024, 1 << 24


@dataclass
class Mounted:
    """One file system at the path."""

    fstype: str
    flags: set[str] = field(default_factory=set)  # as mountinfo shows them, but rw and ro
    read_only: bool = False
    super_read_only: bool = False
    owner: int = 0
    group: int = 0
    mode: int = 0o1777
    delegate: dict[str, set[str]] = field(default_factory=dict)
    pins: list[str] = field(default_factory=list)
    root: str = "/"

    @classmethod
    def new(cls, wanted: WantedMount, bits: int, *, old_names: bool) -> Mounted:
        """mount(2) with these options and flags (bpf_parse_param, bpf_fill_super)."""
        made = cls("bpf", {name for name, bit in _FLAGS.items() if bits & bit})
        if not bits & _STRICTATIME:
            made.flags.add("noatime" if bits & _NOATIME else "relatime")
        for option in filter(None, wanted.options.split(",")):
            key, _equals, value = option.partition("=")
            if key == "mode":
                made.mode = int(value, 8) & 0o3777 | 0o1000
            elif key in ("uid", "gid"):
                setattr(made, {"uid": "owner", "gid": "group"}[key], int(value))
            else:
                names = {_shown(name, old_names) for name in value.split(":")}
                made.delegate[key[len("delegate_") :]] = names
        return made


# The first of two names for one number; newer kernels show the second.
_TWO_NAMES = {
    "cgroup_storage": "cgroup_storage_deprecated",
    "percpu_cgroup_storage": "percpu_cgroup_storage_deprecated",
    "prog_run": "prog_test_run",
}


def one_name(name: str) -> str:
    """The newer name, whichever it is."""
    return _TWO_NAMES.get(name.lower(), name.lower())


def _shown(name: str, old_names: bool) -> str:
    lower = name.lower()
    if old_names:
        return {new: old for old, new in _TWO_NAMES.items()}.get(lower, lower)
    return _TWO_NAMES.get(lower, lower)


@dataclass
class MountPoint:
    """A path, the file systems mounted over it, the lowest first, and the one it lies in."""

    layers: list[Mounted]
    missing: tuple[str, ...] = ()
    around: str = "ext4"
    kernel_has_bpffs: bool = True
    old_names: bool = False

    def observe(self, path: str) -> MountSeen:
        """What observing finds."""
        around = self._row(Mounted(self.around), 20, path.rpartition("/")[0])
        rows = [self._row(layer, 30 + depth, path) for depth, layer in enumerate(self.layers)]
        top = self.layers[-1] if self.layers else None
        there = None
        if top and top.fstype == "bpf":
            entry = Entry(Identity(len(rows), 1), top.owner, top.group, top.mode)
            there = Bpffs(rows[-1], entry, list(top.pins))
        mount = rows[-1] if rows else around
        identity = Identity(len(rows), 1)
        has = self.kernel_has_bpffs
        return MountSeen(path, self.missing, identity, mount, rows, there, has)

    def mount(self, wanted: WantedMount, bits: int) -> None:
        """mount(2) of a bpffs at the path, its missing directories made before."""
        assert self.kernel_has_bpffs, "ENODEV"
        assert not (self.missing and self.around == "sysfs"), "EPERM"
        assert not any(layer.fstype == "bpf" for layer in self.layers[-1:]), "pins are hidden"
        self.missing = ()
        self.layers.append(Mounted.new(wanted, bits, old_names=self.old_names))

    def unmount(self, decided: MountStep) -> None:
        """umount2(2); whatever is dropped must have been predicted."""
        top = self.layers.pop()
        assert top.fstype == "bpf"
        assert list(dropped(decided)) == (top.pins if decided.action is Action.UNMOUNT else [])

    def adjust(self, wanted: WantedMount, decided: MountStep) -> None:
        """chown, chmod and remount, as far as the plan says that something differs."""
        top = self.layers[-1]
        for drift in decided.changes:
            if drift.field == "opts":
                assert isinstance(drift.want, list)
                top.flags = {*drift.want} - {"ro", "strictatime"}
                top.read_only = "ro" in drift.want
                top.super_read_only = top.super_read_only and top.read_only
            else:
                value = getattr(wanted.access, drift.field)
                assert value is not None
                setattr(top, drift.field, value)

    def _row(self, layer: Mounted, number: int, point: str) -> Mount:
        options = ["ro" if layer.super_read_only else "rw", f"mode={layer.mode:o}"]
        for name, shown in layer.delegate.items():
            options.append(f"delegate_{name}={':'.join(sorted(shown))}")
        first = "ro" if layer.read_only else "rw"
        return Mount(
            id=number,
            parent=number - 1,
            device=number,
            root=layer.root,
            point=point,
            opts=(first, *sorted(layer.flags)),
            fstype=layer.fstype,
            source="none",
            super_opts=tuple(options),
        )


PATH = "/run/bpf"
_MOUNT_FLAGS = st.sets(st.sampled_from(["nosuid", "nodev", "noexec", "nodiratime", "nosymfollow"]))
_FSTYPES = st.sampled_from(["bpf", "bpf", "bpf", "tmpfs"])
_ATIMES = st.sampled_from(["relatime", "noatime", None])
_PIN_LISTS = st.sampled_from([[], [], [f"{PATH}/a"], [f"{PATH}/a", f"{PATH}/b/c"]])
_DELEGATES = st.dictionaries(
    st.sampled_from(["cmds", "maps", "progs", "attachs"]),
    st.sampled_from([{"any"}, {"hash"}, {"cgroup_storage", "array"}, {"prog_test_run"}]),
    max_size=2,
)


@st.composite
def layers(draw: st.DrawFn) -> Mounted:
    flags, atime = draw(_MOUNT_FLAGS), draw(_ATIMES)
    return Mounted(
        draw(_FSTYPES),
        flags | {atime} if atime else flags,
        read_only=draw(RARELY),
        super_read_only=draw(YES_OR_NO),
        owner=draw(some.IDS),
        group=draw(some.IDS),
        mode=0o1000 | draw(some.ROOT_MODES),
        delegate=draw(_DELEGATES),
        pins=list(draw(_PIN_LISTS)),
        root="/sub" if draw(RARELY) else "/",
    )


@st.composite
def mount_points(draw: st.DrawFn) -> MountPoint:
    count = draw(st.sampled_from([0, 1, 1, 2]))
    around = draw(st.sampled_from(["ext4", "ext4", "sysfs", "bpf"]))
    return MountPoint(
        [draw(layers()) for _layer in range(count)],
        missing=() if count else draw(st.sampled_from([(), ("bpf",)])),
        around=around,
        kernel_has_bpffs=around == "bpf" or not draw(RARELY),
        old_names=draw(YES_OR_NO),
    )


def look_at(there: MountPoint, arguments: Mapping[str, Any]) -> Exited:
    parameters = {"boot": None, **arguments}
    with mock.patch.object(apply_mounts, "observe", there.observe):
        return checked(mount_module, parameters)


def assert_is_as_declared(there: Mounted, arguments: Mapping[str, Any]) -> None:
    """What is declared is so; the flags by their names in mount(8)."""
    assert there.fstype == "bpf"
    is_read_only = there.read_only or there.super_read_only
    flags = there.flags | ({"ro"} if is_read_only else {"rw"})
    for option in arguments["opts"] or ():
        if option in ("suid", "dev", "exec", "diratime", "symfollow"):
            assert f"no{option}" not in flags
        elif option == "strictatime":
            assert not flags & {"noatime", "relatime"}
        else:
            assert option in flags
    for name, number in (("owner", there.owner), ("group", there.group)):
        assert arguments.get(name, str(number)) == str(number)
    if "mode" in arguments:
        assert there.mode & 0o777 == int(arguments["mode"], 8) & 0o777
    for kind in ("cmds", "maps", "progs", "attachs"):
        names = arguments[f"delegate_{kind}"]
        if names is not None:
            shown = {one_name(name) for name in there.delegate.get(kind, ())}
            assert shown == {one_name(name) for name in names}


def test_a_plan_for_a_mount_that_was_carried_out_leaves_nothing_to_do() -> None:
    seen: Counter[str] = Counter()

    @examples(700)
    @given(mount_points(), some.mount_arguments())
    def check(there: MountPoint, arguments: dict[str, Any]) -> None:
        wanted = read_mount(arguments, Users())
        before = there.observe(PATH)
        first = decide(wanted, before, ROOT_ONLY)
        result = look_at(there, {**arguments, "state": "mounted"})
        mounts = first.action is Action.MOUNT
        seen[f"{unmounts(first)} {bool(first.changes)} {first.action}"] += 1
        if first.action is Action.REFUSE:
            assert isinstance(result, Failed)
            assert result.fields["changed"] is False
            return
        assert_told(result, not first.is_idle)
        made, rest = wanted, first
        if unmounts(first):
            assert wanted.force
            assert before.bpffs is not None
            made = inheriting(wanted, before.bpffs)
            there.unmount(first)
        if mounts:
            there.mount(made.as_new, flag_bits(made.set_flags - {"ro"}))
            rest = decide(made, there.observe(PATH), ROOT_ONLY)
            assert rest.action in (Action.ADJUST, Action.KEEP)
        there.adjust(made, rest)
        after = there.observe(PATH)
        assert decide(wanted, after, ROOT_ONLY).action is Action.KEEP
        assert_told(look_at(there, {**arguments, "state": "mounted"}), False)
        assert_is_as_declared(there.layers[-1], arguments)
        assert after.bpffs is not None
        assert result.fields["mount"]["opts"] == sorted(after.bpffs.flags)
        assert result.fields["mount"]["mode"] == f"{after.bpffs.root.mode:04o}"
        assert len(there.layers) == len(before.layers) + (mounts and not unmounts(first))
        if before.bpffs and unmounts(first):
            kept = flags_to_set(wanted, before.bpffs.flags)
            assert after.bpffs.flags == kept
            seen["made anew"] += 1

    check()
    assert min(seen.values()) >= 2, seen
    assert len(seen) == 6, seen


@examples(50)
@given(layers())
def test_the_flags_are_those_of_the_mount_and_of_the_file_system(layer: Mounted) -> None:
    there = MountPoint([layer]).observe(PATH).bpffs
    expected = set(layer.flags)
    if layer.read_only or layer.super_read_only:
        expected.add("ro")
    if not expected & {"relatime", "noatime"}:
        expected.add("strictatime")
    assert there is None or there.flags == expected


def test_a_bpffs_that_was_unmounted_is_not_there() -> None:
    seen: Counter[str] = Counter()

    @examples(200)
    @given(mount_points(), YES_OR_NO)
    def check(there: MountPoint, force: bool) -> None:
        arguments = {"path": PATH, "state": "unmounted", "force": force}
        wanted = WantedUnmount(PATH, force)
        before = there.observe(PATH)
        first = decide(wanted, before, ROOT_ONLY)
        goes = first.action is Action.UNMOUNT
        result = look_at(there, arguments)
        seen[f"{bool(dropped(first))} {first.action}"] += 1
        if first.action is Action.REFUSE:
            assert isinstance(result, Failed)
            return
        assert_told(result, goes)
        if goes:
            there.unmount(first)
            assert force or not dropped(first)
        assert decide(wanted, there.observe(PATH), ROOT_ONLY).action is Action.KEEP

    check()
    assert min(seen.values()) >= 5, seen
    assert len(seen) == 4, seen
