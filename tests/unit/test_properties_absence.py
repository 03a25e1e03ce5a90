# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for what is to be gone, whatever is there. The file system is a model.

Each test counts what it came across, so that it cannot pass by trying only what is easy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from unittest import mock

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.kind import Observed
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.run import apply, plan
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import Problems
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.absence import (
    apply as apply_absence,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.absence.declaration import (
    AbsentPaths,
    Prune,
    absent_paths,
    prune,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.absence.plan import (
    AbsencePlan,
    Emptied,
    items_at,
    items_in,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    A_DIRECTORY,
    A_MOUNT_POINT,
    NO_DETAILS,
    NOTHING,
    Found,
    NotAPin,
    Nothing,
    PinnedLink,
    PinnedMap,
    PinnedProg,
    Sight,
    Tree,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import Identity, MapShape
from ansible_collections.ebpf.pinning.plugins.module_utils._module import absence as absence_module
from faces import Exited, Failed, assert_told, checked
from hypothesis import assume, given
from hypothesis import strategies as st
from models import ENTRIES
from strategies import YES_OR_NO, examples


@dataclass
class Files:
    """Everything below a directory of a bpffs, by path."""

    there: dict[str, Found]
    read_only: bool = False

    def seen(self, wanted: AbsentPaths) -> list[tuple[Sight, Tree]]:
        """What observing finds at the paths."""
        return [self._seen(path, wanted.recurse) for path in wanted.paths]

    def tree(self, wanted: Prune) -> Tree:
        """What observing finds in a directory."""
        if self.there.get(wanted.directory) != A_DIRECTORY:
            return Tree((), ())
        return self._tree(wanted.directory, wanted.recurse)

    def apply(self, decided: AbsencePlan) -> None:
        """Do what the plan says."""
        going = [step for step in decided.steps if step.action is Action.REMOVE]
        assert not (self.read_only and going), "EROFS"
        for step in going:
            path = apply_absence.path_of(step)
            if isinstance(step.found, Emptied):
                assert not any(self._in(path)), "ENOTEMPTY"
                assert self.there.pop(path) == A_DIRECTORY, "ENOTDIR"
            else:
                assert not isinstance(self.there[path], (NotAPin, Nothing)), "EPERM"
                assert self.there.pop(path) is step.found.found

    def _in(self, directory: str) -> Iterator[str]:
        return (path for path in sorted(self.there) if path.rpartition("/")[0] == directory)

    def _sight(self, path: str) -> Sight:
        parent = path.rpartition("/")[0]
        return Sight(path, Identity(1, len(parent)), self.there.get(path, NOTHING), self.read_only)

    def _seen(self, path: str, recurse: bool) -> tuple[Sight, Tree]:
        sight = self._sight(path)
        if recurse and sight.found == A_DIRECTORY:
            return sight, self._tree(path, True)
        return sight, Tree((), ())

    def _tree(self, directory: str, recurse: bool) -> Tree:
        sights: list[Sight] = []
        directories: list[Sight] = []
        for path in self._in(directory):
            sight = self._sight(path)
            if not recurse or sight.found != A_DIRECTORY:
                sights.append(sight)
                continue
            below = self._tree(path, True)
            sights += below.sights
            directories += [*below.directories, sight]
        return Tree(tuple(sights), tuple(directories))


ROOT = "/sys/fs/bpf/app"
_NAMES = st.sampled_from("abc")
_PINS = st.one_of(
    st.builds(PinnedMap, ENTRIES, st.just(6), st.just("m"), st.just(MapShape(1, 4, 4, 1, 0, 0)),
              st.just(NO_DETAILS)),
    st.builds(PinnedProg, ENTRIES, st.just(7), st.just("count"), st.just("xdp")),
    st.builds(PinnedLink, ENTRIES, st.just(8), st.just("xdp"), st.just(7)),
)  # fmt: skip
_ODD_FILES = st.sampled_from([NotAPin("a symlink to /x"), NotAPin("a FIFO"), A_MOUNT_POINT])
_TREES = st.recursive(
    _PINS | _PINS | _PINS | _PINS | _ODD_FILES,
    lambda below: st.dictionaries(_NAMES, below, max_size=3),
    max_leaves=8,
)


def _flat(path: str, tree: Any) -> dict[str, Found]:
    if not isinstance(tree, dict):
        return {path: tree}
    found: dict[str, Found] = {path: A_DIRECTORY}
    for name, below in tree.items():
        found.update(_flat(f"{path}/{name}", below))
    return found


@st.composite
def files(draw: st.DrawFn, read_only: bool) -> Files:
    tree = {name: draw(_TREES) for name in "abc" if draw(YES_OR_NO)}
    return Files(_flat(ROOT, tree), read_only)


_KINDS = st.sampled_from(["any", "any", "map", "prog", "link"])
_PATTERNS = st.none() | st.lists(st.sampled_from(["*", "a", "[!a]", "b*"]), min_size=1, max_size=2)
_FREE = st.sampled_from([f"{ROOT}/z", f"{ROOT}/a", "/run/z"])


def planned(items: Any) -> AbsencePlan:
    return plan(apply_absence.AbsenceKind(), Observed(items))


def assert_refused(decided: Any, result: Exited) -> None:
    too_far = mock.patch.object(apply_absence, "walk", side_effect=AssertionError)
    with too_far, pytest.raises(Problems):
        apply(apply_absence.AbsenceKind(), decided)
    assert isinstance(result, Failed)
    assert not result.fields.get("changed")


_EACH_WAY = pytest.mark.parametrize("recurse", [False, True], ids=["flat", "recurse"])
_EACH_MOUNT = pytest.mark.parametrize("read_only", [False, True], ids=["writable", "read-only"])


@_EACH_WAY
@_EACH_MOUNT
def test_paths_that_were_freed_are_free(recurse: bool, read_only: bool) -> None:
    seen: Counter[str] = Counter()

    @examples(250)
    @given(files(read_only), st.data())
    def check(there: Files, data: st.DataObject) -> None:
        choice = st.sampled_from([*there.there]) | st.sampled_from([*there.there]) | _FREE
        only_free = st.lists(_FREE, min_size=1, max_size=2)
        paths = data.draw(st.lists(choice, min_size=1, max_size=3) | only_free)
        if recurse and data.draw(YES_OR_NO) and paths[0].startswith(f"{ROOT}/"):
            paths.append(paths[0].rpartition("/")[0])  # one within the other
        kind = data.draw(_KINDS)
        wanted = absent_paths(paths, kind, recurse=recurse)
        decided = planned(items_at(wanted, there.seen(wanted)))
        with mock.patch.object(apply_absence, "observe_paths", there.seen):
            result = checked(absence_module, {"path": paths, "type": kind, "recurse": recurse})
        doomed = {
            path: found
            for path, found in there.there.items()
            if path in paths or (recurse and any(path.startswith(f"{each}/") for each in paths))
        }
        refused = any(
            read_only
            or (isinstance(found, NotAPin) and not (found == A_DIRECTORY and recurse))
            or (not isinstance(found, NotAPin) and (kind not in ("any", found.kind)))
            for found in doomed.values()
        )
        assert bool(decided.problems) is refused
        seen["refused" if refused else "gone" if doomed else "free"] += 1
        if refused:
            assert_refused(decided, result)
            return
        before = dict(there.there)
        there.apply(decided)
        assert there.there == {path: found for path, found in before.items() if path not in doomed}
        assert_told(result, bool(doomed))
        again = planned(items_at(wanted, there.seen(wanted)))
        assert again.problems == []
        assert [step.action for step in again.steps] == [Action.MISS] * len(wanted.paths)
        assert [*map(apply_absence.path_of, again.steps)] == list(wanted.paths)

    check()
    assert min(seen["free"], seen["refused"]) >= 3, seen
    assert read_only or seen["gone"] >= 3, seen


@_EACH_WAY
@_EACH_MOUNT
def test_a_directory_that_was_pruned_holds_what_is_to_stay(recurse: bool, read_only: bool) -> None:
    seen: Counter[bool] = Counter()

    @examples(100)
    @given(files(read_only), st.data())
    def check(there: Files, data: st.DataObject) -> None:
        directory = data.draw(st.sampled_from([ROOT, ROOT, f"{ROOT}/a"]))
        assume(there.there.get(directory, A_DIRECTORY) == A_DIRECTORY)
        inside = [path[len(directory) + 1 :] for path in there.there if f"{directory}/" in path]
        keep = data.draw(st.lists(st.sampled_from([*inside, "z"]), max_size=2))
        spelling = data.draw(st.sampled_from(["{name}", "{name}/", "{directory}//{name}"]))
        arguments = {
            "directory": directory,
            "keep": [spelling.format(name=name, directory=directory) for name in keep],
            "patterns": data.draw(_PATTERNS),
            "recurse": recurse,
        }
        arguments["keep"] += data.draw(st.sampled_from([[], [], ["/elsewhere/a"]]))
        kind, patterns = data.draw(_KINDS), arguments["patterns"]
        wanted = prune(**arguments, kind=kind, shared=False)
        decided = planned(items_in(wanted, there.tree(wanted)))
        parameters = {**arguments, "path": None, "type": kind, "prune_shared": False}
        with mock.patch.object(apply_absence, "observe_tree", there.tree):
            result = checked(absence_module, parameters)

        def goes(path: str) -> bool:
            found, name = there.there[path], path.replace(f"{directory}/", "", 1)
            if isinstance(found, NotAPin) or name == path or name in keep:
                return False
            last = name.rpartition("/")[2]
            matches = not patterns or any(fnmatchcase(last, pattern) for pattern in patterns)
            right_kind = found.kind == kind or (kind == "any" and found.kind != "link")
            return (recurse or last == name) and matches and right_kind

        doomed = {path for path in there.there if goes(path)}
        seen[bool(doomed)] += 1
        assert bool(decided.problems) is (bool(doomed) and read_only)
        if decided.problems:
            assert_refused(decided, result)
            return
        before = dict(there.there)
        there.apply(decided)
        assert there.there == {path: found for path, found in before.items() if path not in doomed}
        assert_told(result, bool(doomed))
        again = planned(items_in(wanted, there.tree(wanted)))
        assert ([step for step in again.steps if not step.is_idle], again.problems) == ([], [])

    check()
    assert min(seen[True], seen[False]) >= 5, seen
