# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's side of maps and pins as a model: what it would report, and what it refuses.

Written down from the kernel's sources, not from the code under test. What the kernel would
refuse is an AssertionError: no plan may ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import strategies as some  # before module_utils, which it makes known
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.kind import Observed
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action
from ansible_collections.ebpf.pinning.plugins.module_utils._core.fields import STAGING
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.apply import MapKind
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.declaration import (
    MapSpec,
    WantedPin,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.migration import (
    with_btf_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.steps import (
    Freeze,
    MapPlan,
    MapStep,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.access import inherited
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.declaration import (
    OnMismatch,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    NO_DETAILS,
    NOTHING,
    DirectorySeen,
    Found,
    MapDetails,
    Nothing,
    PinContext,
    PinnedMap,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import Host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import (
    ROOT,
    Access,
    Entry,
    Identity,
    MapBtf,
    MapShape,
    Survey,
)
from hypothesis import strategies as st

HOST = Host(page_size=4096, possible_cpus=6)

# include/uapi/linux/bpf.h
ARRAY, PERF_EVENT_ARRAY, HASH_OF_MAPS, XSKMAP = 2, 4, 13, 17
DEVMAPS, LRUS, RINGS = (14, 25), (9, 10), (27, 31)
# Whose entries go where: hash and lru_hash, the same per CPU, and these to themselves only: array,
# percpu_array, lpm_trie, array_of_maps, hash_of_maps, prog_array.
KIN = ({1, 9, 35}, {5, 10}, {2}, {6}, {11}, {12}, {13}, {3})
NO_COMMON_LRU, RDONLY_PROG, INNER_MAP = 0x2, 0x80, 0x1000
PER_DESCRIPTOR = 0x18


def kernels_own_flags(number: int) -> int:
    """What the kernel sets by itself in maps of a type (dev_map_init_map)."""
    return RDONLY_PROG if number in DEVMAPS else 0


def kernel_makes(asked: MapShape, host: Host = HOST) -> MapShape:
    """What struct bpf_map_info says of a map that was asked for in this shape."""
    flags, entries = asked.flags, asked.max_entries
    assert not flags & PER_DESCRIPTOR, "lost when pinned"
    assert not flags & kernels_own_flags(asked.number), "EINVAL"
    flags |= kernels_own_flags(asked.number)
    if asked.number in LRUS and flags & NO_COMMON_LRU:  # htab_map_alloc
        entries += -entries % host.possible_cpus
        if entries >= 2**32:
            entries -= host.possible_cpus
    if asked.number in RINGS:  # ringbuf_map_alloc
        assert entries >= host.page_size, "EINVAL"
        assert entries & (entries - 1) == 0, "EINVAL"
    assert entries or asked.number != PERF_EVENT_ARRAY, "EINVAL"
    assert all(0 <= field < 2**32 for field in asked[:5]), "it does not go into the attr"
    assert 0 <= asked.map_extra < 2**64
    return asked._replace(flags=flags, max_entries=entries)


def kernel_takes(template: MapShape, inner: MapShape) -> bool:
    """Whether a map of maps that was made with `template` takes `inner` (*_map_meta_equal)."""
    same = template[:3] == inner[:3] and template.flags == inner.flags
    if template.number == XSKMAP or (template.number == ARRAY and not inner.flags & INNER_MAP):
        return same and template.max_entries == inner.max_entries
    return same


def are_kin(one: int, other: int) -> bool:
    """Whether entries of one type go into the other."""
    return any({one, other} <= kin for kin in KIN)


def with_access(entry: Entry, access: Access) -> Entry:
    """A file after chown and chmod."""
    given = {"owner": access.owner, "group": access.group, "mode": access.mode}
    return entry._replace(**{name: value for name, value in given.items() if value is not None})


# Pins


def _entry(identity: Identity, owner: int, group: int, mode: int) -> Entry:
    """One with a single name: what is not drawn, some versions of Hypothesis make up."""
    return Entry(identity, owner, group, mode)


ENTRIES = st.builds(
    _entry,
    st.builds(Identity, st.just(1), st.integers(1, 999)),
    some.FEW_IDS,
    some.FEW_IDS,
    st.sampled_from([0o600, 0o640, 0o777]),
)


@dataclass
class Held:
    """A pin with a map, and what the kernel keeps to itself unless it is asked."""

    found: PinnedMap
    frozen: bool
    btf: MapBtf | None
    template: MapShape | None  # of a map of maps
    shows_inner: bool  # there is a map in this map of maps
    btf_hidden: bool = False
    entries: int = 0  # all at the beginning, if they have places

    def as_seen(self, wanted: WantedPin, *, predicting: bool) -> PinnedMap:
        """As it is seen by who wants `wanted`: further system calls only where they count."""
        spec = wanted.map
        moves = wanted.on_mismatch is OnMismatch.MIGRATE
        if wanted.frozen is None and spec.btf is None and spec.inner is None and not moves:
            return self.found
        looks = spec.btf is not None or moves
        fits, inner = None, None
        if spec.inner is not None and self.tells_inner(spec.shape.number):
            assert self.template is not None
            fits = kernel_takes(self.template, kernel_makes(spec.inner.shape))
            inner = self.template if self.shows_inner else None
        details = MapDetails(
            frozen=None if wanted.frozen is None else self.frozen,
            btf=self.btf if looks and not self.btf_hidden else None,
            btf_hidden=looks and self.btf_hidden,
            inner_fits=fits,
            inner=inner,
            contents=self._contents(wanted, predicting) if moves else None,
        )
        return self.found._replace(details=details)

    def _contents(self, wanted: WantedPin, predicting: bool) -> Survey | None:
        want, have = wanted.map.shape, self.found.shape
        shrinks = want.max_entries < have.max_entries or want.number in LRUS
        if are_kin(want.number, have.number) and (predicting or shrinks):
            return Survey(self.entries, self.entries)
        return None

    def tells_inner(self, number: int) -> bool:
        """Whether it can be told of a map of type `number` which maps it takes."""
        return self.found.shape.number == number and (self.shows_inner or number == HASH_OF_MAPS)


@dataclass
class World:
    """The pins and directories in two file systems, of which one may be the other again."""

    there: dict[str, Held | Found]
    directories: set[str]
    off_bpffs: set[str]  # of the two
    read_only: set[str]  # of the two
    abandoned: set[str]  # directories with a staging directory that a killed run left
    same: bool
    count: int = 1000

    ROOTS = ("/sys/fs/bpf", "/run/bpf")

    def observe(self, pins: Sequence[WantedPin], *, parents: bool, predicting: bool) -> Observed:
        """What observing finds."""
        seen = {pin.directory: self._see(pin.directory) for pin in pins}
        items = [(pin, self._look(pin, predicting)) for pin in pins]
        return Observed(items, PinContext(seen, parents=parents))

    def kind(self, *, parents: bool) -> MapKind:
        """The kind of maps, looking at this world."""
        world = self

        class Modelled(MapKind):
            def observe(self, wanted: Sequence[WantedPin], *, predicting: bool = False) -> Observed:
                return world.observe(wanted, parents=self.parents, predicting=predicting)

        return Modelled(parents=parents)

    def apply(self, decided: MapPlan) -> set[str]:
        """Do what the plan says; the paths of what changed."""
        changed = set(decided.makes)
        for path in decided.makes:
            self._check_writable(path)
            assert path not in self.directories, "EEXIST"
            assert path.rpartition("/")[0] in self.directories, "ENOENT"
            self.directories.add(path)
        for path in decided.clears:
            directory = path.rpartition("/")[0]
            self._check_writable(directory)
            self.abandoned.remove(directory)
            changed.add(directory)
        changed.update(step.wanted.path for step in decided.steps if self._carry_out(step))
        return changed

    def _look(self, pin: WantedPin, predicting: bool) -> Found:
        there = self.there.get(pin.path, NOTHING)
        return there.as_seen(pin, predicting=predicting) if isinstance(there, Held) else there

    def _see(self, path: str) -> DirectorySeen:
        root, deepest = self._root(path), path
        while deepest not in self.directories:
            deepest = deepest.rpartition("/")[0]
        below = deepest[len(root) :]
        return DirectorySeen(
            path,
            Identity(1 if self.same else 1 + self.ROOTS.index(root), len(below)),
            tuple(filter(None, path[len(deepest) :].split("/"))),
            root not in self.off_bpffs,
            "tmpfs" if root in self.off_bpffs else "bpf",
            root in self.read_only,
            abandoned=(STAGING,) if path in self.abandoned else (),
        )

    def _root(self, path: str) -> str:
        return next(root for root in self.ROOTS if f"{path}/".startswith(f"{root}/"))

    def _check_writable(self, path: str) -> None:
        assert self._root(path) not in self.off_bpffs, "EPERM"
        assert self._root(path) not in self.read_only, "EROFS"

    def _carry_out(self, step: MapStep) -> bool:
        wanted = step.wanted
        before = self.there.get(wanted.path, NOTHING)
        if step.action is Action.KEEP:
            return False
        assert step.action is not Action.REFUSE
        self._check_writable(wanted.path)
        if step.action is Action.CREATE:
            assert isinstance(before, Nothing), "EEXIST"
            assert wanted.directory in self.directories, "ENOENT"
            now = self._new(wanted, wanted.map, wanted.access)
        elif step.action is Action.ADJUST:
            assert isinstance(before, Held)
            freezes = any(isinstance(change, Freeze) for change in step.changes)
            assert not (freezes and before.frozen), "EPERM"
            entry = with_access(before.found.entry, wanted.access)
            found = before.found._replace(entry=entry)
            now = replace(before, found=found, frozen=before.frozen or freezes)
        else:
            assert isinstance(before, Held)
            assert isinstance(step.found, PinnedMap)
            migrates = step.action is Action.MIGRATE
            spec = with_btf_of(wanted.map, step.found) if migrates else wanted.map
            now = self._new(wanted, spec, inherited(wanted.access, step.found.entry, ROOT))
            if migrates:
                now.entries, now.shows_inner = copied(before, now), before.shows_inner
        self.there[wanted.path] = now
        return now != before

    def _new(self, wanted: WantedPin, spec: MapSpec, access: Access) -> Held:
        """A map made as wanted."""
        self.count += 1
        entry = with_access(Entry(Identity(1, self.count), 0, 0, 0o600), access)
        found = PinnedMap(entry, self.count, "made", kernel_makes(spec.shape), NO_DETAILS)
        template = kernel_makes(spec.inner.shape) if spec.inner else None
        return Held(found, bool(wanted.frozen), spec.btf, template, False)


def copied(old: Held, new: Held) -> int:
    """How many entries of one map are in the other afterwards: all."""
    before, after = old.found.shape, new.found.shape
    assert are_kin(before.number, after.number)
    assert before.key_size == after.key_size
    assert before.value_size <= after.value_size
    assert old.entries <= after.max_entries, "E2BIG"
    if old.shows_inner:
        assert old.template is not None
        assert new.template is not None
        assert kernel_takes(new.template, old.template), "EINVAL"
    return old.entries
