# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What results of the modules say about each pin. Real results are in integration/test_drift.py."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    ACCESS,
    DIFFERENT,
    FAILED,
    IN_PLACE,
    MISSING,
    STATES,
    UNDECLARED,
    Field,
    Finding,
    read,
    read_other,
    reads,
)
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

MODULES = (
    "bpf_host",
    "bpf_map_entries",
    "bpf_map_pinned",
    "bpf_object_pinned",
    "bpf_program_pinned",
    "bpf_pin_absent",
    "bpffs_mount",
    "bpf_restore",
)


def item(action: str, path: str = "/b/a", **more: Any) -> dict[str, Any]:
    drift = [
        {"field": field, "want": want, "have": have}
        for field, (want, have) in more.pop("drift", {}).items()
    ]
    return {"path": path, "action": action, "drift": drift, **more}


# What a map or an object became, and what that is: in a check, and in a run.
ACTIONS = [
    (item("unchanged"), IN_PLACE, False),
    (item("created"), MISSING, True),
    (item("adjusted", drift={"mode": ("0640", "0600")}), ACCESS, True),
    (item("adjusted", drift={"owner": ("a", "b"), "group": ("a", "b")}), ACCESS, True),
    (item("adjusted", drift={"frozen": (True, False)}), DIFFERENT, True),
    (item("adjusted", drift={"frozen": (True, False), "mode": ("0", "1")}), DIFFERENT, True),
    (item("replaced", drift={"max_entries": (2, 1)}), DIFFERENT, True),
    (item("migrated", drift={"max_entries": (2, 1)}), DIFFERENT, True),
    (item("incompatible", drift={"max_entries": (2, 1)}), DIFFERENT, False),
    (item("failed", error="ENOMEM"), FAILED, False),
    (item("not_done"), FAILED, False),
    (item("something of a later version"), FAILED, False),
]


@pytest.mark.parametrize(
    ("module", "key"),
    [
        ("bpf_map_pinned", "maps"),
        ("bpf_map_entries", "maps"),
        ("bpf_object_pinned", "objects"),
    ],
)
@pytest.mark.parametrize(("each", "state", "mends"), ACTIONS)
def test_each_action_is_a_state(
    module: str, key: str, each: dict[str, Any], state: str, mends: bool
) -> None:
    for check in (True, False):
        told = read(module, {key: [each]}, failed=False, check=check)
        (finding,) = told.findings
        assert (finding.path, finding.state) == ("/b/a", state)
        assert finding.repaired == (mends and not check)
        assert not told.problems


@pytest.mark.parametrize("action", ["adjusted", "incompatible"])
@pytest.mark.parametrize(("number", "state"), [(7, DIFFERENT), (None, MISSING)])
def test_a_map_of_others_is_there_with_other_entries_or_missing(
    action: str, number: int | None, state: str
) -> None:
    each = item(action, id=number, drift={"entries": ("as declared (exact)", "1 missing")})
    (finding,) = read("bpf_map_entries", {"maps": [each]}, failed=False, check=True).findings
    assert (finding.state, finding.repaired) == (state, False)
    taken = item(action, id=None, drift={"object": ("map", "a directory")})
    (finding,) = read("bpf_map_entries", {"maps": [taken]}, failed=False, check=True).findings
    assert finding.state == DIFFERENT


def test_both_sides_of_a_field_are_text() -> None:
    drift = {
        "frozen": (True, False),
        "flags": (["no_prealloc", "zero_seed"], []),
        "max_entries": (2, None),
    }
    told = read(
        "bpf_map_pinned", {"maps": [item("adjusted", drift=drift)]}, failed=False, check=True
    )
    assert told.findings[0].fields == (
        Field("frozen", "true", "false"),
        Field("flags", "no_prealloc, zero_seed", "none"),
        Field("max_entries", "2", "none"),
    )


def test_what_is_declared_of_a_missing_map_is_text() -> None:
    declared = {"type": "hash", "max_entries": 2, "flags": ["no_prealloc"], "frozen": True}
    each = item("created", declared=declared)
    (finding,) = read("bpf_map_pinned", {"maps": [each]}, failed=False, check=True).findings
    assert finding.declared == (
        ("type", "hash"),
        ("max_entries", "2"),
        ("flags", "no_prealloc"),
        ("frozen", "true"),
    )


def test_a_host_that_declares_without_end_is_cut_short() -> None:
    each = item("created", declared={"x" * 10**6 + str(n): "y" * 10**6 for n in range(1000)})
    (finding,) = read("bpf_map_pinned", {"maps": [each]}, failed=False, check=True).findings
    assert len(str(finding)) < 10**6


MOUNTS = [
    ("mounted", {}, MISSING),
    ("mounted", {"delegate_cmds": ("any", "none")}, DIFFERENT),  # it is mounted anew
    ("unmounted", {}, UNDECLARED),
    ("adjusted", {"opts": (["nosuid"], [])}, DIFFERENT),
    ("adjusted", {"mode": ("1755", "1777")}, ACCESS),
    ("unchanged", {"boot": (["a line"], [])}, DIFFERENT),
    ("unchanged", {}, IN_PLACE),
]


@pytest.mark.parametrize(("action", "drift", "state"), MOUNTS)
def test_a_mount_is_told_of(action: str, drift: dict[str, Any], state: str) -> None:
    result = {"action": action, "target": "/b", "drift": item("", drift=drift)["drift"]}
    for check in (True, False):
        (finding,) = read("bpffs_mount", result, failed=False, check=check).findings
        assert (finding.path, finding.kind, finding.state) == ("/b", "mount", state)
        assert finding.repaired == (not check and state != IN_PLACE)


def test_of_what_the_verifier_says_the_report_has_the_beginning() -> None:
    msg = (
        "program drop was refused (the whole log is in /run/a.log)\n"
        "  0: (61) r1\n  invalid access\nNothing was changed."
    )
    result = {"msg": msg, "programs": [], "maps": []}
    told = read("bpf_program_pinned", result, failed=True, check=False)
    assert told.problems == [
        "program drop was refused (the whole log is in /run/a.log)",
        "Nothing was changed.",
    ]


def test_what_is_removed_was_undeclared() -> None:
    pins = [
        {
            "path": "/b/a",
            "action": "removed",
            "type": "map",
            "id": 7,
            "name": "flows",
            "memlock": 2560,
        },
        {"path": "/b/b", "action": "missing", "type": None, "id": None, "name": None},
    ]
    result = {"pins": pins, "directories": ["/b/c"]}
    assert read("bpf_pin_absent", result, failed=False, check=True).findings == [
        Finding("/b/a", "pin", UNDECLARED, (), "holds map 7 flows, 2.5 KiB"),
        Finding("/b/c", "directory", UNDECLARED),
    ]
    assert read("bpf_pin_absent", result, failed=False, check=False).findings == [
        Finding("/b/a", "pin", UNDECLARED, (), "held map 7 flows, 2.5 KiB", True),
        Finding("/b/c", "directory", UNDECLARED, repaired=True),
    ]


def whole(**lists: Any) -> dict[str, Any]:
    """A result of bpf_host."""
    kinds = ("mounts", "directories", "maps", "programs", "links", "objects", "absent")
    return {"changed": False, **{key: [] for key in kinds}, **lists}


MOUNT = {"action": "unchanged", "target": "/b", "drift": [], "dropped": [], "mount": None}
GONE = {"path": "/b/x", "action": "removed", "type": "map", "id": 3, "name": "x"}


def test_all_of_a_host_is_told_of_by_kind() -> None:
    result = whole(
        changed=True,
        mounts=[{**MOUNT, "action": "mounted"}],
        directories=[item("created", "/b/d")],
        maps=[item("created", "/b/m")],
        programs=[item("replaced", "/b/p")],
        objects=[item("unchanged", "/b/o")],
        absent=[GONE, {"path": "/b/d/old", "action": "removed", "type": "directory"}],
        undeclared=[{**GONE, "path": "/b/y", "action": "undeclared"}],
        leftovers=["/b/s"],
    )
    for check in (True, False):
        told = read("bpf_host", result, failed=False, check=check).findings
        assert [(each.path, each.kind, each.state, each.repaired) for each in told] == [
            ("/b", "mount", MISSING, not check),
            ("/b/d", "directory", MISSING, not check),
            ("/b/m", "map", MISSING, not check),
            ("/b/p", "program", DIFFERENT, not check),
            ("/b/o", "object", IN_PLACE, False),
            ("/b/x", "pin", UNDECLARED, not check),
            ("/b/d/old", "directory", UNDECLARED, not check),
            ("/b/y", "pin", UNDECLARED, False),
            ("/b/s", "directory", UNDECLARED, not check),
        ]
        assert [each.is_to_stay for each in told] == [each.path == "/b/y" for each in told]


def test_what_is_refused_as_a_whole_puts_nothing_right() -> None:
    result = whole(
        failed=True,
        mounts=[{**MOUNT, "action": "mounted"}],
        maps=[item("created", "/b/m"), item("incompatible", "/b/n")],
        absent=[GONE],
        msg="maps: /b/n: it has another shape",
    )
    told = read("bpf_host", result, failed=True, check=False)
    assert not any(each.repaired for each in told.findings)
    assert [each.note for each in told.findings if each.path == "/b/n"] == ["it has another shape"]
    assert told.problems == []


def test_lines_of_fstab_that_are_left_are_put_right_by_nobody() -> None:
    drift = [{"field": "boot", "want": [], "have": ["bpf /b bpf"]}]
    result = whole(changed=True, mounts=[{**MOUNT, "drift": drift}], maps=[item("created", "/b/m")])
    mount, made = read("bpf_host", result, failed=False, check=False).findings
    assert (mount.state, mount.repaired, made.repaired) == (DIFFERENT, False, True)
    (mount, _made) = read(
        "bpf_host", {**result, "files": ["/etc/fstab"]}, failed=False, check=False
    )[0]
    assert mount.repaired


def test_what_a_killed_run_left_is_told_since_the_task_counts_as_changed() -> None:
    result = {"maps": [item("unchanged")], "leftovers": ["/b/ebpf-pinning~staging"]}
    _pin, left = read("bpf_map_pinned", result, failed=False, check=True).findings
    assert (left.path, left.state) == ("/b/ebpf-pinning~staging", UNDECLARED)


def test_the_program_of_a_host_is_one_thing_however_many_files_it_has() -> None:
    names = ("core-1/_core/a.py", "core-1/_core/engine/b.py", "ebpf-pinning")
    files = [{"path": f"/lib/{name}", "action": "written"} for name in names]
    told = read("bpf_restore", {"files": files}, failed=False, check=True)
    assert [(each.path, each.state, each.note) for each in told.findings] == [
        ("/lib/core-1/_core", DIFFERENT, "to be written"),
        ("/lib/ebpf-pinning", DIFFERENT, "to be written"),
    ]


# Messages


def told_of(message: str, *items: dict[str, Any], **more: Any) -> Any:
    return read("bpf_map_pinned", {"maps": items, "msg": message, **more}, failed=True, check=True)


def test_each_line_of_a_message_goes_to_the_pin_that_it_is_about() -> None:
    misfit = {"drift": {"max_entries": (2, 1)}}
    told = told_of(
        "Task failed: /b/a: the pinned map is not as declared\n/b/a: b: another\nall is lost",
        item("incompatible", **misfit),
        item("incompatible", "/b/a: b", **misfit),
        item("unchanged", "/b/c"),
    )
    assert [finding.note for finding in told.findings] == [
        "the pinned map is not as declared",
        "another",
        "",
    ]
    assert told.problems == ["all is lost"]


def test_a_line_about_a_pin_that_is_in_place_is_a_problem_of_the_host() -> None:
    assert told_of("/b/a: trouble", item("unchanged")).problems == ["/b/a: trouble"]


def test_what_an_item_says_itself_is_not_said_twice() -> None:
    told = told_of(
        "/b/a: ENOMEM: no memory\nDone so far: 1", item("failed", error="ENOMEM: no memory")
    )
    assert told.findings[0].note == "ENOMEM: no memory"
    assert told.problems == ["Done so far: 1"]


@pytest.mark.parametrize("module", MODULES)
def test_a_failure_is_never_silent(module: str) -> None:
    for result in ({}, {"msg": ""}):
        told = read(module, result, failed=True, check=True)
        assert told.problems == ["the task failed and said nothing"]


def test_conditions_of_the_user_neither_hide_nor_make_a_failure() -> None:
    hidden = {"msg": "no bpffs", "failed_when_result": False}
    assert read("bpf_map_pinned", hidden, failed=False, check=True).problems == ["no bpffs"]
    made = told_of("A 'failed_when' expression", item("created"), failed_when_result=True)
    assert not made.problems
    bare = told_of("A 'failed_when' expression", item("unchanged"), failed_when_result=True)
    assert bare.problems == ["A 'failed_when' expression"]
    until = read("bpf_map_pinned", {"maps": [item("created")]}, failed=True, check=True)
    assert not until.problems


@pytest.mark.parametrize("module", MODULES)
def test_a_hidden_result_is_said_to_be_hidden(module: str) -> None:
    result = {"censored": "the output has been hidden", "changed": True, "msg": "swordfish"}
    told = read(module, result, failed=True, check=True)
    assert told == ((), ["the result is hidden by no_log"])


ODD_RESULTS = [{"maps": 5}, {"maps": [5]}, {"maps": [{}]}, {"maps": [{"path": "/a"}]}]


@pytest.mark.parametrize("result", ODD_RESULTS)
def test_a_result_of_another_version_is_a_problem_and_no_exception(result: dict[str, Any]) -> None:
    told = read("bpf_map_pinned", result, failed=False, check=True)
    assert not told.findings
    assert told.problems[0].startswith("the result of bpf_map_pinned is not as")


def test_other_tasks_of_the_roles_count_when_they_change_something() -> None:
    changed = {"changed": True, "dest": "/etc/unit", "path": "/other"}
    (finding,) = read_other("Ensure the unit", changed, check=True).findings
    assert (finding.path, finding.kind, finding.state) == ("/etc/unit", "file", DIFFERENT)
    assert not finding.repaired
    assert read_other("x", {"changed": True, "name": "u"}, check=False).findings[0].repaired
    for result in ({"changed": False, "dest": "/etc/unit"}, {"changed": True}, {}):
        assert not read_other("x", result, check=True).findings


def test_only_modules_that_declare_are_read() -> None:
    assert all(map(reads, MODULES))
    assert not reads("bpf_pin_info")
    assert not reads("ansible.builtin.bpf_map_pinned")


ANYTHING = st.sampled_from([None, True, 5, "", "/b/a", "a\nb", [], ["x"], {}, {"path": "/b"}, [[]]])
KEYS = ("maps", "objects", "pins", "files", "action", "drift", "target", "msg", "leftovers")
ITEM = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("path", "action", "drift", "declared"), ANYTHING)
)
RESULT = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(KEYS, ANYTHING | st.lists(ITEM, max_size=2))
)


@examples(300)
@given(
    st.sampled_from(MODULES),
    RESULT,
    st.booleans(),
)
def test_whatever_comes_is_a_finding_or_a_problem(
    module: str, result: dict[str, Any], failed: bool
) -> None:
    told = read(module, result, failed=failed, check=True)
    assert all(isinstance(problem, str) for problem in told.problems)
    for finding in told.findings:
        assert finding.state in STATES
        assert all(isinstance(each, str) for each in (finding.path, finding.kind, finding.note))
    if failed:
        assert told.findings or told.problems


def test_programs_are_told_of_with_their_maps() -> None:
    result = {"changed": True, "maps": [item("created", "/b/m")]}
    result["programs"] = [item("replaced", "/b/p"), item("unchanged", "/b/q")]
    told = read("bpf_program_pinned", result, failed=False, check=False).findings
    assert [(each.path, each.kind, each.state) for each in told] == [
        ("/b/m", "map", MISSING),
        ("/b/p", "program", DIFFERENT),
        ("/b/q", "program", IN_PLACE),
    ]
    gone = {"changed": True, "absent": [GONE]}
    (told_gone,) = read("bpf_program_pinned", gone, failed=False, check=False).findings
    assert (told_gone.path, told_gone.state) == ("/b/x", UNDECLARED)
