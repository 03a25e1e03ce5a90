# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback drift_report, told anything: every host of the play is in every form of the report.

Real runs are in integration/test_drift_*.py.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager
from ansible_collections.ebpf.pinning.plugins.callback import drift_report
from ansible_collections.ebpf.pinning.plugins.callback.drift_report import CallbackModule
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

sys.path.append(str(Path(__file__).parents[1] / "integration"))
from harness.drift import FORMS, Json, by_host, read_all, states

ROOT = Path(__file__).parents[2]
HOSTS = ("liar", "good", "nobody_came")
KEYS = {
    "bpf_map_entries": "maps",
    "bpf_map_pinned": "maps",
    "bpf_object_pinned": "objects",
    "bpf_program_pinned": "programs",
    "bpf_pin_absent": "pins",
    "bpffs_mount": "action",
    "bpf_restore": "files",
}
GOOD = {"changed": False, "maps": [{"path": "/b/good", "action": "unchanged", "drift": []}]}


class Run:
    """A play over HOSTS, as the callback hears of it."""

    def __init__(self, folder: Path, **play: Any) -> None:
        loader = DataLoader()
        inventory = InventoryManager(loader=loader, sources=[",".join(HOSTS)])
        self._manager = VariableManager(loader=loader, inventory=inventory)
        self._play = SimpleNamespace(
            hosts=["all"],
            vars={drift_report.VERDICT: True, **play},
            roles=[],
            _uuid="1",
            _removed_hosts=[],
            finalized=True,
            get_variable_manager=lambda: self._manager,
            get_vars=dict,
            get_vars_files=list,
            get_name=lambda: "play",
        )
        self.callback = CallbackModule()
        paths = {form: f"{folder}/drift.{end}" for form, end in FORMS.items()}
        self.callback.get_option = paths.get
        self.callback.v2_playbook_on_play_start(self._play)

    def hears(self, host: str, module: str, fields: Any, event: str = "ok", **task: Any) -> None:
        """A result of a module of the collection."""
        words = {"action": f"ebpf.pinning.{module}", "resolved_action": None, "loop": None}
        words |= {"delegate_to": None, "check_mode": True, "vars": {}, "when": [], "_role": None}
        result = SimpleNamespace(
            task=SimpleNamespace(**{**words, **task}, get_name=lambda: "task"),
            host=SimpleNamespace(get_name=lambda: host),
            result=fields,
            is_changed=lambda: True,
            is_unreachable=lambda: False,
        )
        getattr(self.callback, f"v2_runner_on_{event}")(result)

    def ends(self) -> int:
        """The exit code that the callback asks for; 0 if for none."""
        try:
            self.callback.v2_playbook_on_stats(SimpleNamespace(failures={}, dark={}))
        except SystemExit as end:
            return end.code
        return 0


@contextmanager
def run(**play: Any) -> Iterator[tuple[Run, Path]]:
    quiet = mock.patch.object(drift_report, "writes_a_document", return_value=True)
    with tempfile.TemporaryDirectory() as name, mock.patch("ansible.context.CLIARGS", {}), quiet:
        yield Run(Path(name), **play), Path(name)


def test_a_report_says_in_which_groups_hosts_are_and_what_made_it() -> None:
    with run() as (heard, folder):
        inventory = heard.callback._variables._inventory
        for name in ("site", "edge"):
            inventory.add_group(name)
            inventory.add_host("good", group=name)
        heard.hears("good", "bpf_map_pinned", GOOD)
        heard.hears("elsewhere", "bpf_map_pinned", GOOD)  # which no inventory has
        end = heard.callback._began + 83
        with mock.patch.object(drift_report, "monotonic", return_value=end):
            heard.ends()
        whole = read_all(folder)
    groups = {each["host"]: each["groups"] for each in whole["report"]}
    assert groups == {"good": ["edge", "site"], "elsewhere": [], "liar": [], "nobody_came": []}
    assert whole["seconds"] == 83
    version = re.search(r"^version: (.+)$", (ROOT / "galaxy.yml").read_text(), re.M)
    assert whole["versions"] == {
        "ansible-core": metadata.version("ansible-core"),
        "ebpf.pinning": version and version[1],
    }


def report(folder: Path) -> dict[str, Json]:
    return by_host(read_all(folder))


# What a host may answer

TEXTS = st.sampled_from(
    ["", "/b/a", "removed", "created", "unchanged", "mode", "a\nb", "\x1b[2J", "\u202e", "\udc80"]
) | st.text(max_size=5)
NUMBERS = st.sampled_from([0, -1, 2**64, 1.5, float("nan"), float("inf")])
SCALARS = TEXTS | NUMBERS | st.sampled_from([None, True, False])
NAMES = st.sampled_from(
    [
        *KEYS.values(),
        *("path", "drift", "field", "want", "have", "target", "msg", "changed", "error", "type"),
        "declared",
        *("leftovers", "directories", "skipped", "failed", "id", "name", "results", "censored"),
        *("ansible_job_id", "finished", "unreachable", "failed_when_result"),
        "_ansible_delegated_vars",
    ]
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=12,
)
RESULTS = st.dictionaries(NAMES, ANYTHING, max_size=8)


@examples(60)
@given(st.sampled_from(sorted(KEYS)), RESULTS, st.sampled_from(["ok", "failed", "skipped"]))
def test_whatever_a_host_says_all_are_in_every_form(
    module: str, fields: dict[str, Any], event: str
) -> None:
    with run() as (heard, folder):
        heard.hears("liar", module, fields, event)
        heard.hears("good", "bpf_map_pinned", GOOD)
        assert heard.ends() == 2
        hosts = report(folder)
    assert set(hosts) == set(HOSTS)
    assert states(hosts["good"]) == {"/b/good": "in_place"}
    assert hosts["nobody_came"]["state"] == "failed"
    if event == "failed":
        assert hosts["liar"]["state"] != "in_place"


def _deep(levels: int) -> Any:
    value: Any = []
    for _level in range(levels):
        value = [value]
    return value


def _odd(value: Any) -> list[dict[str, Any]]:
    """A result for each place that something can stand in."""
    drift = {"field": "mode", "want": "0600", "have": "0640"}
    item = {"path": "/b/a", "action": "adjusted", "drift": [drift], "error": ""}
    return [
        *({"maps": [{**item, key: value}]} for key in item),
        *({"maps": [{**item, "drift": [{**drift, key: value}]}]} for key in drift),
        *({"maps": value, key: value} for key in ("msg", "leftovers")),
        {"maps": [value]},
        {"maps": [], "msg": value},
        {"maps": [], "leftovers": [value]},
    ]


ODD = {
    "300 levels": _deep(300),
    "100,000 levels": _deep(100_000),
    "a number of 5,000 digits": 10**5000,
    "a text of twenty megabytes": "x" * 20_000_000,
    "twenty megabytes of blanks and lines": " \n" * 10_000_000,
    "no number": float("nan"),
    "half a pair": "\ud800",
    "a key that is none": {5: {None: 7}},
    "nothing": None,
    "an empty text": "",
    "yes": True,
}


@pytest.mark.parametrize("what", ODD)
def test_what_no_module_says_leaves_nobody_out(what: str) -> None:
    for fields in _odd(ODD[what]):
        with run() as (heard, folder):
            heard.hears("liar", "bpf_map_pinned", fields)
            heard.hears("good", "bpf_map_pinned", GOOD)
            heard.ends()
            assert set(report(folder)) == set(HOSTS)
            sizes = [path.stat().st_size for path in folder.iterdir()]
        assert max(sizes) < 5_000_000


MISSING = [
    *((module, {"changed": False}) for module in KEYS),
    *((module, {}) for module in KEYS),
    ("bpf_map_pinned", {"maps": None}),
    ("bpf_map_pinned", {"maps": {"path": "/b/a"}}),
    ("bpf_map_pinned", {"maps": "[]"}),
    ("bpffs_mount", {"action": "unchanged"}),
    ("bpffs_mount", {"action": "unchanged", "target": "/b"}),
    ("bpf_pin_absent", {"pins": [{"action": "removed"}]}),
]


@pytest.mark.parametrize(("module", "fields"), MISSING)
def test_a_success_that_does_not_say_what_was_found_is_none(module: str, fields: Any) -> None:
    with run() as (heard, folder):
        for host in HOSTS:
            heard.hears(host, module, fields)
        assert heard.ends() == 2
        assert {host["state"] for host in report(folder).values()} == {"failed"}


def test_a_host_that_says_a_task_was_skipped_is_asked_who_skips_it() -> None:
    skipped = {"skipped": True, "skip_reason": "Conditional result was False"}
    with run() as (heard, folder):
        heard.hears("liar", "bpf_map_pinned", skipped, "skipped")
        heard.hears("nobody_came", "bpf_map_pinned", skipped, "skipped", when=["of the playbook"])
        for host in ("good", "nobody_came"):
            heard.hears(host, "bpf_map_pinned", GOOD)
        heard.ends()
        hosts = report(folder)
    wanted = {"good": "in_place", "liar": "failed", "nobody_came": "in_place"}
    assert {name: host["state"] for name, host in hosts.items()} == wanted


# The verdict


@pytest.mark.parametrize(
    ("heard_of", "code"), [((), 3), (("good",), 2), (HOSTS, 0)], ids=["none", "some", "all"]
)
def test_only_a_run_that_looked_at_all_hosts_is_good(heard_of: tuple[str, ...], code: int) -> None:
    with run() as (heard, folder):
        for host in heard_of:
            heard.hears(host, "bpf_map_pinned", GOOD)
        assert heard.ends() == code
        hosts = report(folder)
    assert {name for name, host in hosts.items() if host["state"] == "in_place"} == set(heard_of)


def test_a_flaw_of_the_callback_is_no_success() -> None:
    with run() as (heard, _folder), mock.patch.object(
        drift_report, "Settings", side_effect=OSError
    ):
        heard.hears("good", "bpf_map_pinned", GOOD)
        assert heard.ends() == 3
