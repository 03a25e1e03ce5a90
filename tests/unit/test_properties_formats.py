# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for whatever is in fstab, in /proc and in BTF. The oracles are their man pages."""

from __future__ import annotations

import os
import re
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
import strategies as some
from ansible_collections.ebpf.pinning.plugins.module_utils._core import mountinfo
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf, BtfError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.host import count_cpus
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts import (
    fstab,
    fstab_change,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.declaration import (
    OPPOSITES,
    WantedMount,
    read_mount,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.mountinfo import Mount
from ansible_collections.ebpf.pinning.plugins.module_utils._core.users import Users
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

PATH = "/run/bpf"


def lines_of(content: bytes) -> list[bytes]:
    """Lines without their ends; only a line feed ends one."""
    lines = content.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def entry_of(line: bytes) -> list[bytes] | None:
    """The fields of an entry for PATH (man 5 fstab); None for any other line."""
    fields = [field for field in re.split(rb"[ \t]+", line.rstrip(b"\r")) if field]
    if len(fields) < 3 or fields[0].startswith(b"#"):
        return None
    point = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), fields[1])
    return fields if point.rstrip(b"/") == PATH.encode() else None


def options_of(entry: list[bytes]) -> list[str]:
    return entry[3].decode().split(",") if has_options(entry) else []


def has_options(entry: list[bytes]) -> bool:
    return len(entry) > 3 and not entry[3].startswith(b"#")


def assert_says(options: list[str], wanted: WantedMount) -> None:
    """The options are those that are wanted, and none that says otherwise."""
    valued = [option for option in wanted.options.split(",") if option]
    said = {*options}
    if said.isdisjoint({"noatime", "strictatime"}):
        said.add("relatime")  # man 8 mount: what a mount has unless told otherwise
    assert {*valued, *wanted.set_flags} <= said
    for option in valued:
        key = option.partition("=")[0] + "="
        assert {each for each in options if each.startswith(key)} == {option}
    assert not wanted.clear_flags & {*options}
    assert not {name for name, flag in OPPOSITES.items() if flag in wanted.set_flags} & {*options}
    assert "noauto" not in options


def test_fstab_has_the_entry_once_and_every_other_byte() -> None:
    seen: Counter[str] = Counter()

    @examples(400)
    @given(some.FSTABS, some.mount_arguments())
    def check(content: bytes, arguments: dict[str, Any]) -> None:
        wanted = read_mount(arguments, Users())
        lines = lines_of(content)
        entries = [entry for entry in map(entry_of, lines) if entry is not None]
        foreign = [entry for entry in entries if entry[2] != b"bpf"]
        seen[f"{len(entries)} entries, {bool(foreign)}"] += 1
        if foreign:
            with pytest.raises(fstab.FstabProblem, match=PATH):
                fstab_change.with_entry(content, wanted, "/etc/fstab")
            return
        after = fstab_change.with_entry(content, wanted, "/etc/fstab")
        assert [line for line in lines_of(after) if entry_of(line) is None] == [
            line for line in lines if entry_of(line) is None
        ]
        (entry,) = [entry for entry in map(entry_of, lines_of(after)) if entry is not None]
        assert_says(options_of(entry), wanted)
        if entries:
            first = entries[0]
            assert entry[:3] == first[:3]
            assert (
                entry[4 if has_options(entry) else 3 :] == first[4 if has_options(first) else 3 :]
            )
            untouched = {*options_of(first)} & {"x-systemd.automount", "x-a=b=c", "defaults"}
            assert untouched <= {*options_of(entry)}
        else:
            assert after.startswith(content)
        assert fstab_change.with_entry(after, wanted, "/etc/fstab") == after

    check()
    assert min(seen[f"{count} entries, False"] for count in range(3)) >= 10, seen
    assert sum(count for case, count in seen.items() if case.endswith("True")) >= 10, seen


def test_fstab_without_the_entry_has_every_other_byte() -> None:
    seen: Counter[bool] = Counter()

    @examples(200)
    @given(some.FSTABS, some.mount_arguments())
    def check(content: bytes, arguments: dict[str, Any]) -> None:
        after = fstab_change.without_entry(content, PATH)
        kept = [
            line
            for line in re.findall(rb"[^\n]*\n|[^\n]+", content)
            if (entry_of(line.rstrip(b"\n")) or [b""] * 3)[2] != b"bpf"
        ]
        assert after == b"".join(kept)
        assert fstab_change.without_entry(after, PATH) == after
        seen[after == content] += 1
        with suppress(fstab.FstabProblem):
            added = fstab_change.with_entry(after, read_mount(arguments, Users()), "/etc/fstab")
            assert lines_of(fstab_change.without_entry(added, PATH)) == lines_of(after)

    check()
    assert min(seen[True], seen[False]) >= 20, seen


# The kernel's escapes: mangle() in fs/proc_namespace.c, seq_path() in fs/seq_file.c.
def escaped(text: str) -> bytes:
    raw = os.fsencode(text)
    return re.sub(rb"[ \t\n\\#]", lambda match: b"\\%03o" % match[0][0], raw)


_OPTIONS = st.lists(some.SURROGATES.filter(bool), min_size=1, max_size=3).map(tuple)
_NUMBERS = st.integers(0, 2**31 - 1)
_MOUNTS = st.builds(
    Mount,
    id=_NUMBERS,
    parent=_NUMBERS,
    device=st.builds(os.makedev, st.integers(0, 4095), st.integers(0, 2**20 - 1)),
    root=some.MOUNT_NAMES,
    point=some.MOUNT_NAMES | some.SURROGATES.map(lambda name: f"/{name}"),
    opts=_OPTIONS,
    fstype=st.sampled_from(["bpf", "ext4", "fuse.sshfs"]),
    source=some.MOUNT_NAMES | some.SURROGATES | st.sampled_from(["", "-", "none", "# -"]),
    super_opts=_OPTIONS,
)
_OPTIONAL = st.sampled_from(
    ["", "shared:1 ", "shared:1 master:22 ", "propagate_from:2 unbindable "]
)


@examples(200)
@given(_MOUNTS, _OPTIONAL)
def test_a_line_of_mountinfo_is_read_as_it_was_meant(mount: Mount, optional: str) -> None:
    numbers = f"{mount.id} {mount.parent} {os.major(mount.device)}:{os.minor(mount.device)} "
    line = b" ".join(
        [
            numbers.encode() + escaped(mount.root),
            escaped(mount.point),
            escaped(",".join(mount.opts)),
            optional.encode() + b"-",
            escaped(mount.fstype),
            escaped(mount.source),
            escaped(",".join(mount.super_opts)),
        ]
    )
    assert mountinfo._parse(line + b"\n") == mount


@examples(100)
@given(st.sets(st.integers(0, 300), min_size=1))
def test_possible_cpus_are_counted(cpus: set[int]) -> None:
    # bitmap_print_to_pagebuf: runs as "first-last", joined by commas.
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and runs[-1][-1] == cpu - 1:
            runs[-1].append(cpu)
        else:
            runs.append([cpu])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    assert count_cpus(",".join(texts) + "\n") == len(cpus)


def asked(ask: Any, *arguments: Any) -> Any:
    """The answer, or that there is none."""
    try:
        return ask(*arguments)
    except BtfError:
        return BtfError


def test_a_type_is_the_same_as_itself_and_two_are_the_same_both_ways() -> None:
    seen: Counter[Any] = Counter()

    @examples(300)
    @given(some.blobs(), some.blobs())
    def check(one: tuple[bytes, int], other: tuple[bytes, int]) -> None:
        ours, theirs = Btf.parse(one[0]), Btf.parse(other[0])
        assert (len(ours.types), len(theirs.types)) == (one[1] + 1, other[1] + 1)
        for first in range(one[1] + 1):
            itself = asked(ours.same_type, first, ours, first)
            assert itself in (True, BtfError)
            for second in range(other[1] + 1):
                answer = asked(ours.same_type, first, theirs, second)
                assert asked(theirs.same_type, second, ours, first) is answer
                seen[answer] += 1
                if answer is True:
                    assert asked(ours.size_of, first) == asked(theirs.size_of, second)

    check()
    assert min(seen[answer] for answer in (True, False, BtfError)) >= 100, seen


def test_only_btf_errors_come_out_of_what_is_damaged() -> None:
    seen: Counter[bool] = Counter()

    @examples(500)
    @given(some.damaged())
    def check(blob: bytes) -> None:
        types = asked(Btf.parse, blob)
        seen[types is BtfError] += 1
        if types is BtfError:
            return
        for type_id in range(len(types.types)):
            asked(types.size_of, type_id)
            asked(types.same_type, type_id, types, 1)
            asked(types.uncopyable_part, type_id)
            description = asked(types.describe, type_id)
            assert description is BtfError or 0 < len(description) <= 200

    check()
    assert min(seen[True], seen[False]) >= 100, seen
