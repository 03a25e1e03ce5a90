# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One row per map type: what it takes and what the kernel makes of it.

Seen on Linux 6.18 and 7.3; sources: map_alloc_check of each type under kernel/bpf and net/core.
Sizes are bytes, as Python ranges: `size in row.key`. Adding a type is one row here, one row
in docs/map-types.md and one in tests/integration/map_types.py.
"""

from __future__ import annotations

import enum
from typing import Callable, Dict, Optional, Tuple

from .uapi import Command, MapFlag
from .values import dataclass


@dataclass(frozen=True)
class Host:
    """The two facts of a machine that decide what the kernel makes of max_entries."""

    page_size: int  # bytes
    possible_cpus: int


class TakesBtf(enum.Enum):
    """Whether a type can describe key and value by BTF."""

    NO = "no"  # ENOTSUPP; loaders then make the map without
    OPTIONAL = "optional"
    REQUIRED = "required"  # a minimal one is made when none is declared


class Means(enum.Enum):
    """What values mean that are more than bytes: the kernel holds it, and shows its number."""

    PROGRAMS = "programs"
    DEVICES = "devices"
    CPUS = "CPUs"
    CGROUPS = "cgroups"


@dataclass(frozen=True, eq=False)
class Kin:
    """Types whose entries are alike: they take each other's when keys and values agree."""

    per_cpu: bool = False  # a value for each possible CPU
    indexed: bool = False  # keys are 0 to max_entries - 1
    sparse: bool = False  # of these some may have no value
    longest_match: bool = False  # a lookup finds the next shorter key where there is none
    holds: Optional[Command] = None  # values are ids; this command opens what they mean
    means: Optional[Means] = None
    keyless: bool = False  # entries are values alone
    unreadable: bool = False  # nobody can look what is there without taking it out

    @property
    def has_all_slots(self) -> bool:
        """Return whether each key has a value, from the start and for good."""
        return self.indexed and not self.sparse


_U32 = 2**32


def _exactly(size: int) -> range:
    return range(size, size + 1)


def _either(low: int, high: int) -> range:
    return range(low, high + 1, high - low)


_ANY = range(1, _U32)
_FOUR = _exactly(4)
_NONE = _exactly(0)
_FD_AND_PROG = _either(4, 8)  # bytes: an ifindex, socket or CPU, and since 5.8 a program
_PERCPU = range(1, 32768 + 1)  # PCPU_MIN_UNIT_SIZE

_Rounding = Callable[[int, int, Host], int]


def _as_given(entries: int, _flags: int, _host: Host) -> int:
    return entries


def _pages(entries: int, _flags: int, host: Host) -> int:
    # The kernel refuses any other size (EINVAL); libbpf and aya round up before they ask.
    size = host.page_size
    while size < entries:
        size *= 2
    return size


def _cpus_for_zero(entries: int, _flags: int, host: Host) -> int:
    # The kernel refuses 0 (EINVAL); loaders take it to mean one entry per possible CPU. Of a cpumap
    # only cilium/ebpf does.
    return entries or host.possible_cpus


def _spread_over_cpus(entries: int, flags: int, host: Host) -> int:
    # htab_map_alloc: each CPU has a list of its own, all of one length; down near 2^32.
    if not flags & MapFlag.NO_COMMON_LRU.value:
        return entries
    up = -(-entries // host.possible_cpus) * host.possible_cpus
    return up if up < _U32 else up - host.possible_cpus


@dataclass(frozen=True)
class MapType:
    """What one type takes. `since` is the first Linux that has it, for error messages."""

    number: int
    key: range = _ANY
    value: range = _ANY
    entries: range = _ANY
    flags: int = 0
    implied_flags: int = 0  # the type cannot be made without them
    kernel_flags: int = 0  # the kernel sets them by itself
    btf: TakesBtf = TakesBtf.NO
    for_each_cpu: bool = False  # cilium/ebpf makes no more entries than there are possible CPUs
    rounded: _Rounding = _as_given
    inner: bool = False  # holds maps, wants inner_map
    can_be_inner: bool = True
    extra: range = range(1)  # what map_extra may be
    extra_within_entries: bool = False  # map_extra is at most max_entries
    value_by_flag: Optional[Tuple[int, range]] = None  # with this flag other value sizes
    kin: Optional[Kin] = None  # None: entries cannot be copied, ...
    not_copied: str = ""  # ... and why
    filled: Optional[Kin] = None  # what they are like where they can be declared, though
    resizes: bool = False  # who reads it meanwhile may not see entries that are there all the time
    evicts: bool = False  # makes room by itself, before it is quite full
    since: str = ""

    def value_for(self, flags: int) -> range:
        """Return what values a map with these flags takes."""
        if self.value_by_flag and flags & self.value_by_flag[0]:
            return self.value_by_flag[1]
        return self.value

    @property
    def content(self) -> Optional[Kin]:
        """Return what entries are like that are declared; None if none can be."""
        return self.kin or self.filled


_HASHES, _PERCPU_HASHES, _TRIES = Kin(), Kin(per_cpu=True), Kin(longest_match=True)
_ARRAYS, _PERCPU_ARRAYS = Kin(indexed=True), Kin(per_cpu=True, indexed=True)
_ARRAYS_OF_MAPS = Kin(indexed=True, holds=Command.MAP_GET_FD_BY_ID)
_HASHES_OF_MAPS = Kin(holds=Command.MAP_GET_FD_BY_ID)
_PROG_ARRAYS = Kin(indexed=True, sparse=True, holds=Command.PROG_GET_FD_BY_ID, means=Means.PROGRAMS)
_DEVICE_ARRAYS, _DEVICE_HASHES = (
    Kin(indexed=True, sparse=True, means=Means.DEVICES),
    Kin(means=Means.DEVICES),
)
_CPUS = Kin(indexed=True, sparse=True, means=Means.CPUS)
_CGROUPS = Kin(indexed=True, sparse=True, means=Means.CGROUPS, unreadable=True)
_FIFOS = Kin(keyless=True, unreadable=True)

_SOCKETS = "its entries are sockets of processes, which only those can put there"

# Plain numbers: IntFlag arithmetic is slow, and rows are used once for every map of a batch.
_NUMA = MapFlag.NUMA_NODE.value
_PROG = MapFlag.RDONLY_PROG.value | MapFlag.WRONLY_PROG.value
_SEED = MapFlag.ZERO_SEED.value
_LAZY = MapFlag.NO_PREALLOC.value
_LRU = MapFlag.NO_COMMON_LRU.value | _SEED | _PROG
_MMAPABLE = MapFlag.MMAPABLE.value
_OPTIONAL = TakesBtf.OPTIONAL


def _storage(number: int, since: str) -> MapType:
    return MapType(
        number,
        key=_FOUR,
        entries=_NONE,
        flags=_LAZY | MapFlag.CLONE.value,
        implied_flags=_LAZY,
        btf=TakesBtf.REQUIRED,
        not_copied="its entries belong to objects of the kernel, and only programs add them",
        since=since,
    )


def _cgroup_storage(number: int, since: str) -> MapType:
    return MapType(
        number,
        key=_either(8, 16),
        entries=_NONE,
        flags=_NUMA | _PROG,
        btf=_OPTIONAL,
        can_be_inner=False,
        not_copied="its entries belong to cgroups that programs are attached to",
        since=since,
    )


def _devices(number: int, filled: Kin, since: str) -> MapType:
    # dev_map_init_map: always read-only to programs, and says so in the flags.
    return MapType(
        number,
        key=_FOUR,
        value=_FD_AND_PROG,
        flags=_NUMA,
        kernel_flags=MapFlag.RDONLY_PROG.value,
        not_copied="its entries are devices of the network namespace of whoever put them there",
        filled=filled,
        since=since,
    )


def _fifo(number: int) -> MapType:
    return MapType(
        number,
        key=_NONE,
        flags=_NUMA | _PROG,
        not_copied="reading it takes the entries out",
        filled=_FIFOS,
        since="4.20",
    )


def _ring(number: int, since: str, flags: int = 0) -> MapType:
    return MapType(
        number,
        key=_NONE,
        value=_NONE,
        entries=range(1, 2**31 + 1),  # bytes
        flags=_NUMA | flags,
        rounded=_pages,
        not_copied="what is in it is on its way to a reader",
        since=since,
    )


MAP_TYPES: Dict[str, MapType] = {
    "hash": MapType(
        1, flags=_LAZY | _NUMA | _SEED | _PROG, btf=_OPTIONAL, kin=_HASHES, since="3.19"
    ),
    "array": MapType(
        2,
        key=_FOUR,
        flags=_NUMA | _PROG | _MMAPABLE | MapFlag.INNER_MAP.value,
        btf=_OPTIONAL,
        kin=_ARRAYS,
        since="3.19",
    ),
    "prog_array": MapType(
        3,
        key=_FOUR,
        value=_FOUR,
        flags=_NUMA,
        btf=_OPTIONAL,
        can_be_inner=False,
        kin=_PROG_ARRAYS,
        since="4.2",
    ),
    "perf_event_array": MapType(
        4,
        key=_FOUR,
        value=_FOUR,
        entries=range(_U32),
        flags=_NUMA | MapFlag.PRESERVE_ELEMS.value,
        rounded=_cpus_for_zero,
        for_each_cpu=True,
        not_copied="its entries are perf events of processes, which only those can put there",
        since="4.3",
    ),
    "percpu_hash": MapType(
        5,
        value=_PERCPU,
        flags=_LAZY | _SEED | _PROG,
        btf=_OPTIONAL,
        kin=_PERCPU_HASHES,
        since="4.6",
    ),
    "percpu_array": MapType(
        6, key=_FOUR, value=_PERCPU, flags=_PROG, btf=_OPTIONAL, kin=_PERCPU_ARRAYS, since="4.6"
    ),
    # The longest stack is the sysctl kernel.perf_event_max_stack, so only the step is known.
    "stack_trace": MapType(
        7,
        key=_FOUR,
        value=range(8, _U32, 8),
        flags=_NUMA | MapFlag.STACK_BUILD_ID.value,
        value_by_flag=(MapFlag.STACK_BUILD_ID.value, range(32, _U32, 32)),
        not_copied="its entries are stacks that programs recorded, and only they can write them",
        since="4.6",
    ),
    "cgroup_array": MapType(
        8,
        key=_FOUR,
        value=_FOUR,
        flags=_NUMA,
        not_copied="its entries are cgroups, which the kernel does not show",
        filled=_CGROUPS,
        since="4.8",
    ),
    "lru_hash": MapType(
        9,
        flags=_LRU | _NUMA,
        btf=_OPTIONAL,
        rounded=_spread_over_cpus,
        kin=_HASHES,
        evicts=True,
        since="4.10",
    ),
    "lru_percpu_hash": MapType(
        10,
        value=_PERCPU,
        flags=_LRU,
        btf=_OPTIONAL,
        rounded=_spread_over_cpus,
        kin=_PERCPU_HASHES,
        evicts=True,
        since="4.10",
    ),
    "lpm_trie": MapType(
        11,
        key=range(5, 260 + 1),
        flags=_LAZY | _NUMA | _PROG,
        implied_flags=_LAZY,
        btf=_OPTIONAL,
        kin=_TRIES,
        since="4.11",
    ),
    "array_of_maps": MapType(
        12,
        key=_FOUR,
        value=_FOUR,
        flags=_NUMA,
        inner=True,
        can_be_inner=False,
        kin=_ARRAYS_OF_MAPS,
        since="4.12",
    ),
    "hash_of_maps": MapType(
        13,
        value=_FOUR,
        flags=_LAZY | _NUMA | _SEED | _PROG,
        inner=True,
        can_be_inner=False,
        kin=_HASHES_OF_MAPS,
        since="4.12",
    ),
    "devmap": _devices(14, _DEVICE_ARRAYS, "4.14"),
    "sockmap": MapType(
        15, key=_FOUR, value=_FD_AND_PROG, flags=_NUMA, not_copied=_SOCKETS, since="4.14"
    ),
    # The upper limit of entries is the kernel's NR_CPUS, which user space cannot read.
    "cpumap": MapType(
        16,
        key=_FOUR,
        value=_FD_AND_PROG,
        entries=range(_U32),
        flags=_NUMA,
        rounded=_cpus_for_zero,
        for_each_cpu=True,
        not_copied="its entries are queues in the kernel, which a second map cannot share",
        filled=_CPUS,
        since="4.15",
    ),
    "xskmap": MapType(17, key=_FOUR, value=_FOUR, flags=_NUMA, not_copied=_SOCKETS, since="4.18"),
    "sockhash": MapType(
        18,
        key=range(1, 512 + 1),
        value=_FD_AND_PROG,
        flags=_NUMA,
        not_copied=_SOCKETS,
        since="4.18",
    ),
    "cgroup_storage": _cgroup_storage(19, "4.19"),
    "reuseport_sockarray": MapType(
        20,
        key=_FOUR,
        value=_FD_AND_PROG,
        flags=_NUMA | _PROG,
        btf=_OPTIONAL,
        not_copied=_SOCKETS,
        since="4.19",
    ),
    "percpu_cgroup_storage": _cgroup_storage(21, "4.20"),
    "queue": _fifo(22),
    "stack": _fifo(23),
    "sk_storage": _storage(24, "5.2"),
    "devmap_hash": _devices(25, _DEVICE_HASHES, "5.4"),
    "ringbuf": _ring(27, "5.8", MapFlag.RB_OVERWRITE.value),
    "inode_storage": _storage(28, "5.10"),
    "task_storage": _storage(29, "5.11"),
    "bloom_filter": MapType(
        30,
        key=_NONE,
        flags=_NUMA | _SEED | _PROG,
        btf=_OPTIONAL,
        extra=range(16),  # hash functions; 0 means 5
        not_copied="what was put into a filter cannot be read back",
        filled=_FIFOS,
        since="5.16",
    ),
    "user_ringbuf": _ring(31, "6.1"),
    "cgrp_storage": _storage(32, "6.2"),
    "arena": MapType(
        33,
        key=_NONE,
        value=_NONE,
        entries=range(1, 2**20 + 1),
        flags=_MMAPABLE | MapFlag.SEGV_ON_FAULT.value | MapFlag.NO_USER_CONV.value,
        implied_flags=_MMAPABLE,
        extra=range(0, 2**63, 4096),  # address, aligned to the page
        not_copied="it is memory that programs have pointers into",
        since="6.9",
    ),
    # rhtab_map_alloc_check: it grows and shrinks with what is in it, and never allocates before.
    "rhash": MapType(
        35,
        key=range(1, 2**16),
        entries=range(1, 2**31 + 1),
        flags=_LAZY | _NUMA | _PROG,
        implied_flags=_LAZY,
        btf=_OPTIONAL,
        extra=range(2**16),  # how many entries to begin with room for; 0: the kernel's own choice
        extra_within_entries=True,
        kin=_HASHES,
        resizes=True,
        since="7.2",
    ),
}

# Types that the kernel has but that cannot be declared, and why.
UNDECLARABLE = {
    "struct_ops": "its shape belongs to a struct of the running kernel; the program's loader "
    "makes it",
    "insn_array": "its entries are places in the code of one program; the program's loader makes "
    "and fills it",
}

# Flags that came when some type that takes them was there, and their first Linux.
YOUNG_FLAGS = {"rb_overwrite": "6.19"}

MAP_TYPES_BY_NUMBER = {row.number: row for row in MAP_TYPES.values()}

_NAMES = {row.number: name for name, row in MAP_TYPES.items()}
_NAMES.update({26: "struct_ops", 34: "insn_array"})


def settable_flags(number: int, flags: int) -> int:
    """`flags` of a map that was found, without those that its type sets by itself."""
    row = MAP_TYPES_BY_NUMBER.get(number)
    return flags & ~row.kernel_flags if row else flags


def map_type_name(number: int) -> str:
    """The name of a type that was found; a type newer than this table stays a number."""
    return _NAMES.get(number, str(number))


def spell_sizes(sizes: range) -> str:
    """For messages: "1 or more", "4 or 8"."""
    last = sizes.stop - 1
    if sizes.step == 1:
        if sizes.start == last:
            return str(last)
        return f"{sizes.start} or more" if last >= 2**32 - 1 else f"{sizes.start} to {last}"
    if sizes.start + 2 * sizes.step > last:
        return f"{sizes.start} or {sizes.start + sizes.step}"
    return f"multiples of {sizes.step}"
