# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is declared of a host, and what of it will be there for whom."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import Problems
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.absence.declaration import (
    Prune,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.forecast import Forecast
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    DirectorySeen,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import Host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import NUMBERS_ONLY
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import Identity, Level
from ansible_collections.ebpf.pinning.plugins.module_utils._core.whole.declaration import (
    Declaration,
    read_declaration,
)

HASH = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
DEFAULTS = {"directory": "/sys/fs/bpf", "on_mismatch": "fail", "value_growth": "refuse"}


def declared(**lists: Any) -> Declaration:
    return read_declaration({**DEFAULTS, **lists}, Host(4096, 4), NUMBERS_ONLY)


def test_directories_come_from_the_top_and_all_of_it_is_named() -> None:
    whole = declared(
        directories=[{"path": "/sys/fs/bpf/a/b"}, {"path": "/sys/fs/bpf/a", "owner": "7"}],
        maps=[{"name": "m", **HASH}],
        objects=[{"name": "o", "source": "/sys/fs/bpf/m"}],
        mounts=[{"path": "/sys/fs/bpf", "owner": "8"}],
    )
    assert [path for _key, path in whole.named] == [
        "/sys/fs/bpf/a",
        "/sys/fs/bpf/a/b",
        "/sys/fs/bpf/m",
        "/sys/fs/bpf/o",
    ]
    assert whole.owners == {"/sys/fs/bpf": 8, "/sys/fs/bpf/a": 7, "/sys/fs/bpf/a/b": None}


def test_a_prune_keeps_what_is_declared_and_what_is_named() -> None:
    whole = declared(
        maps=[{"path": "/sys/fs/bpf/a/m", **HASH}, {"path": "/sys/fs/bpf/elsewhere", **HASH}],
        prune={"directory": "/sys/fs/bpf/a", "keep_also": ["theirs"]},
    )
    (pruning,) = whole.absent
    assert isinstance(pruning, Prune)
    assert (pruning.spares("m"), pruning.spares("theirs")) == (True, True)
    assert not pruning.spares("elsewhere")


def test_migrate_as_the_default_is_for_maps_alone() -> None:
    whole = declared(
        on_mismatch="migrate",
        maps=[{"name": "m", **HASH}],
        objects=[{"name": "o", "map_id": 1}],
    )
    assert whole.maps[0].on_mismatch.value == "migrate"
    assert whole.objects[0].on_mismatch.value == "fail"


def test_a_deeper_mount_counts_more_than_one_above_that_goes() -> None:
    mounts = [{"path": "/run/a", "state": "unmounted"}, {"path": "/run/a/b"}]
    declared(mounts=mounts, maps=[{"path": "/run/a/b/m", **HASH}])
    with pytest.raises(Problems, match="has /run/a unmounted"):
        declared(mounts=mounts, maps=[{"path": "/run/a/m", **HASH}])


ROOT = Level("/sys/fs/bpf", 0, 0, 0o700)
SEEN = DirectorySeen(
    "/sys/fs/bpf/a/b", Identity(5, 1), ("a", "b"), True, "bpf", levels=(ROOT,), read_only=True
)


def test_a_directory_will_be_there_as_far_as_it_is_declared() -> None:
    forecast = Forecast()
    assert forecast.directory(SEEN) is SEEN
    forecast.directories["/sys/fs/bpf/a"] = made = Level("/sys/fs/bpf/a", 7, 0, 0o750)
    seen = forecast.directory(SEEN)
    assert seen.missing == ("b",)
    assert seen.levels == (ROOT, made)
    assert seen.identity != SEEN.identity


def test_a_mount_that_comes_is_empty_and_hides_what_was_there() -> None:
    forecast = Forecast()
    forecast.mounts["/sys/fs/bpf/a"] = root = Level("/sys/fs/bpf/a", 0, 0, 0o1700)
    seen = forecast.directory(SEEN)
    assert (seen.on_bpffs, seen.read_only) == (True, False)
    assert (seen.missing, seen.levels) == (("b",), (root,))
    assert forecast.mount_of("/sys/fs/bpf/a") == "/sys/fs/bpf/a"
    assert forecast.mount_of("/sys/fs/bpf/ab") is None


def test_a_remount_makes_directories_writable() -> None:
    forecast = Forecast()
    forecast.remounts["/sys/fs/bpf"] = False
    assert not forecast.directory(SEEN).read_only
