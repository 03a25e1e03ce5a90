# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report as a page: what is in it, and what cannot get out of it.

What a browser makes of it is in tests/integration/page/.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.visible import visible
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    ACCESS,
    DIFFERENT,
    FAILED,
    IN_PLACE,
    MISSING,
    UNDECLARED,
    Field,
    Finding,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_page import (
    MEANINGS,
    PARTS,
    as_html,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_page_data import SIGNS
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import (
    HOST_STATES,
    NEW,
    STILL,
    HostReport,
    Report,
    Run,
    Source,
)

MADE = datetime(2026, 11, 24, 3, 0, 12, tzinfo=UTC)
ENTRIES = Field("max_entries", "65536", "4096")
ROOT = Path(__file__).parents[2]
ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;",
]


class Page(HTMLParser):
    """The page as a browser without scripts reads it."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.pieces = list(as_html(report))
        self.source = "".join(self.pieces)
        self.tags: list[tuple[str, Any]] = []
        self.texts: list[tuple[str, str]] = []  # the tag it is in, and the text
        self._open = [""]
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1], data))

    def text_of(self, tag: str) -> list[str]:
        return [" ".join(text.split()) for within, text in self.texts if within == tag]

    @property
    def text(self) -> str:
        shown = [text for tag, text in self.texts if tag not in ("style", "script")]
        return " ".join(" ".join(shown).split())

    @property
    def data(self) -> Any:
        return json.loads(next(text for tag, text in self.texts if tag == "script"))


def report(*hosts: HostReport) -> Report:
    return Report(MADE, "site.yml", ["hosts.yml"], {host.name: host for host in hosts})


def host(name: str, states: str = "", **fields: Any) -> HostReport:
    """A host with pins a, b, c ... in states that have the letter in SIGNS."""
    by_letter = {each.letter: state for state, each in SIGNS.items()}
    findings = {}
    for letter, path in zip(states, "abcdefghij", strict=False):
        state = by_letter[letter]
        differs = (ENTRIES,) if state == DIFFERENT else ()
        findings[path] = Finding(path, "map", state, differs)
    return HostReport(name, findings, **fields)


@pytest.mark.parametrize(
    ("hosts", "answer"),
    [
        pytest.param([], "No host was looked at", id="nobody"),
        pytest.param([host("a", "iii")], "Everything is in place", id="all is well"),
        pytest.param([host("a")], "Everything is in place", id="a host without pins is well"),
        pytest.param([host("a", "im"), host("b", "ii")], "1 host in drift", id="one"),
        pytest.param([host("a", "m"), host("b", "u")], "2 hosts in drift", id="two"),
        pytest.param([host("a", "f"), host("b", "d")], "1 host in drift, 1 failed", id="failed"),
        pytest.param(
            [host("a", problems=["no answer"], unreachable=True)], "1 host unreachable", id="silent"
        ),
    ],
)
def test_the_answer_comes_first(hosts: list[HostReport], answer: str) -> None:
    page = Page(report(*hosts))
    assert page.text_of("h1")[-1] == answer
    assert page.text_of("title")[0].startswith(answer)


def test_the_head_says_how_many_when_and_by_which_inventory() -> None:
    page = Page(report(host("a", "imd"), host("b", "iiu"), host("c", "iii")))
    assert (
        "Hosts 3 Pins 9 In drift 3 Looked at 24 Nov 2026, 03:00 UTC "
        "Inventory hosts.yml Playbook site.yml"
    ) in page.text


def test_the_head_counts_mounts_directories_and_files_apart_from_pins() -> None:
    kinds = {
        "/b": "mount",
        "/b/d": "directory",
        "/b/e": "directory",
        "/etc/u": "file",
        "/b/m": "map",
        "/b/o": "object",
        "/b/p": "pin",
    }
    found = {path: Finding(path, kind, IN_PLACE) for path, kind in kinds.items()}
    found["/b"] = found["/b"]._replace(state=ACCESS)
    found["/b/m"] = found["/b/m"]._replace(state=MISSING)
    found["/b/e"] = found["/b/e"]._replace(state=MISSING, repaired=True)
    page = Page(report(HostReport("h", found)))
    assert (
        "Host 1 Pins 3 Mount 1 Directories 2 File 1 In drift 1 pin, 1 mount Put right 1 directory "
        "Looked at"
    ) in page.text
    others = {page.data["paths"][int(place)]: kind for place, kind in page.data["others"].items()}
    assert others == {path: kind for path, kind in kinds.items() if not path.startswith("/b/")} | {
        "/b/d": "directory",
        "/b/e": "directory",
    }


def test_a_playbook_of_the_collection_goes_by_its_name() -> None:
    made = report(host("a", "i"))
    for file, name in {
        "/c/ansible_collections/ebpf/pinning/playbooks/drift.yml": "ebpf.pinning.drift",
        "/c/ebpf/pinning/playbooks/drift.yml": "/c/ebpf/pinning/playbooks/drift.yml",
    }.items():
        made.playbook = file
        assert f"Playbook {name}" in Page(made).text


def test_what_was_put_right_is_no_drift() -> None:
    mended = Finding("a", "map", MISSING, repaired=True)
    page = Page(report(HostReport("h", {"a": mended})))
    assert page.text_of("h1")[-1] == "Everything is in place"
    assert "In drift 0 Put right 1" in page.text


def test_hosts_with_trouble_come_first() -> None:
    page = Page(report(host("a", "i"), host("b", "m"), host("c", "f"), host("d", unreachable=True)))
    assert [name for name, *_more in page.data["hosts"]] == ["c", "d", "b", "a"]


def test_hosts_with_the_most_amiss_come_first_among_their_like() -> None:
    mended = Finding("c", "map", MISSING, repaired=True)
    ended = host("e", "iim")
    ended.findings["c"] = mended
    page = Page(
        report(host("a", "iim"), host("b", "dmu"), host("c", "imm"), host("d", "fmm"), ended)
    )
    assert [name for name, *_more in page.data["hosts"]] == ["d", "b", "c", "a", "e"]


SAID = [
    pytest.param(
        [ENTRIES],
        "the pinned map (id 7) is not as declared: max_entries: want 65536, have 4096. Keep it",
        "Keep it",
        id="a sentence of its own",
    ),
    pytest.param(
        [Field("type", "hash", "array"), Field("flags", "none", "no_prealloc, zero_seed")],
        "it is not as declared: type: want hash, have array; flags: want [], have "
        "[no_prealloc, zero_seed]. Keep it",
        "Keep it",
        id="several, and lists",
    ),
    pytest.param(
        [Field("delegate_cmds", "any", "none")],
        "/b delegates otherwise (delegate_cmds: want any, have nothing); set force: true",
        "/b delegates otherwise; set force: true",
        id="in brackets",
    ),
    pytest.param([ENTRIES], "no memory (ENOMEM)", "no memory (ENOMEM)", id="not told"),
    pytest.param(
        [ENTRIES],
        "it has max_entries: want 65536, have 4096 or so",
        "it has max_entries: want 65536, have 4096 or so",
        id="in the middle of what else is said",
    ),
    pytest.param(
        [Field("mode", "0640", "0600")],
        "it is: mode: want 0640, have 06001. Keep it",
        "it is: mode: want 0640, have 06001. Keep it",
        id="another number that begins alike",
    ),
    pytest.param([Field("", "", "")], ": want , have ", ": want , have ", id="nothing"),
    pytest.param([], "first: a. b\nsecond", "first: a. b\nsecond", id="no field"),
]


@pytest.mark.parametrize(("fields", "note", "left"), SAID)
def test_a_difference_is_told_once(fields: list[Field], note: str, left: str) -> None:
    found = Finding("a", "map", DIFFERENT, tuple(fields), note)
    data = Page(report(HostReport("h", {"a": found}))).data
    (detail,) = data["details"]
    assert detail[:5] == ["map", DIFFERENT, [list(each) for each in fields], left, []]


def test_what_is_declared_of_a_missing_pin_is_what_is_wanted() -> None:
    declared = (("type", "hash"), ("max_entries", "2"))
    page = Page(report(HostReport("h", {"a": Finding("a", "map", MISSING, declared=declared)})))
    assert page.data["details"] == [["map", MISSING, [], "", [list(each) for each in declared], []]]
    assert page.text_of("td") == ["a", "\u2212 missing", "type: hash max_entries: 2"]


def test_hosts_are_alike_however_many_entries_their_maps_have() -> None:
    moved = Finding("b", "map", DIFFERENT, (ENTRIES,), copied=7)
    hosts = [HostReport(f"h{number}", {"b": moved._replace(copied=number)}) for number in (0, 7)]
    done = HostReport(
        "h9", {"a": Finding("a", "map", IN_PLACE), "b": moved._replace(repaired=True)}
    )
    page = Page(report(*hosts, done, HostReport("z", {"b": moved._replace(copied=None)})))
    assert page.data["hosts"] == [
        ["h0", 0, 0, {"1": 0}],
        ["h7", 0, 0, {"1": 7}],
        ["z", 0, 0],
        ["h9", 1, 0, {"1": 7}],
    ]
    assert len(page.data["details"]) == 1
    assert [text for text in page.text_of("td") if text.endswith(("to copy", "copied"))] == [
        "0 entries to copy",
        "7 entries to copy",
        "7 entries copied",
    ]


def test_hosts_are_alike_however_many_entries_are_not_as_declared() -> None:
    other = Finding("b", "map", DIFFERENT)
    hosts = [
        HostReport(name, {"b": other._replace(fields=(Field("entries", "as declared", have),))})
        for name, have in (("h1", "1 missing, 2 extra"), ("h2", "3000 missing, 1 extra"))
    ]
    page = Page(report(*hosts, HostReport("h3", {"b": other._replace(fields=(ENTRIES,))})))
    assert page.data["hosts"] == [
        ["h1", 0, 0, {"0": [1, 0, 2]}],
        ["h2", 0, 0, {"0": [3000, 0, 1]}],
        ["h3", 1, 0],
    ]
    told = [["entries", "as declared", "some missing, some extra"]]
    assert [each[2] for each in page.data["details"]] == [told, [list(ENTRIES)]]


def test_a_host_of_which_nothing_is_known_says_so() -> None:
    page = Page(report(host("silent", unreachable=True)))
    assert page.data["rows"] == [["unreachable", "", [], "", [["nobody answered"]], []]]
    assert page.text_of("td") == ["? unreachable", "nobody answered"]


def test_hosts_that_are_alike_share_a_row_and_pins_a_detail() -> None:
    data = Page(report(host("a", "iid"), host("b", "did"), host("c", "iid"))).data
    assert data["paths"] == ["a", "b", "c"]
    assert data["hosts"] == [["b", 0, 0], ["a", 1, 0], ["c", 1, 0]]
    assert data["rows"] == [
        ["drift", "did", [0, 0], "--", [], []],
        ["drift", "2id", [0], "-", [], []],
    ]
    assert data["details"] == [["map", DIFFERENT, [list(ENTRIES)], "", [], []]]


def test_a_path_that_is_nothing_to_a_host_is_not_said_to_be_in_place() -> None:
    data = Page(report(host("a", "iii"), host("b", "i"))).data
    assert [row[1] for row in data["rows"]] == ["3i", "i2."]


def test_what_is_new_still_there_and_gone_is_marked() -> None:
    changed = host("h", "dim", history={"a": NEW, "c": STILL}, gone={"b": MISSING, "z": UNDECLARED})
    after = report(changed)
    after.previous = "2026-11-23T03:00:00Z"
    page = Page(after)
    assert page.data["rows"] == [["drift", "dgmg", [0, 1], "ns", [], [MISSING, UNDECLARED]]]
    assert "Drift since 23 Nov 2026, 03:00 UTC 1 new, 1 still there, 2 gone" in page.text


def test_without_scripts_there_is_a_table_of_what_is_not_in_place() -> None:
    found = {
        "a": Finding("a", "map", DIFFERENT, (ENTRIES,), "held by prog 7"),
        "b": Finding("b", "map", IN_PLACE),
        "c": Finding("c", "pin", UNDECLARED),
    }
    page = Page(report(HostReport("h", found, ["no memory"]), host("well", "iii")))
    assert page.text_of("td") == [
        *("! failed", "no memory"),
        *("a", "\u2260 different", "max_entries: 65536", "max_entries: 4096", "held by prog 7"),
        *("c", "+ undeclared"),
    ]


def test_the_table_ends_somewhere_and_says_so() -> None:
    troubled = HostReport("h", problems=[f"trouble {number}" for number in range(1003)])
    page = Page(report(troubled))
    assert "trouble 999" in page.text_of("td")
    assert "trouble 1000" not in page.text_of("td")
    assert "And 3 more" in page.text


def all_over(name: str) -> Report:
    """A report with `name` in every place that takes a text of others."""
    field = Field(name, name, name)
    found = Finding(name, "map", DIFFERENT, (field,), name, declared=((name, name),))
    attacked = HostReport(
        name,
        {name: found},
        [name],
        history={name: NEW},
        gone={name + "2": MISSING},
        groups=[name],
        made=MADE - timedelta(days=2),
    )
    return Report(
        *(MADE, name, [name], {name: attacked}),
        previous=name,
        versions={name: name},
        before=[Run(name, dict.fromkeys(HOST_STATES, 1))] * 3,
        sources=[Source(name, None, problem=name), Source(name, name, 1, 1)],
    )


@pytest.mark.parametrize("name", ATTACKS)
def test_a_name_is_text_and_never_markup(name: str) -> None:
    attacked, harmless = Page(all_over(name)), Page(all_over("harmless"))
    hashes = ("style", "script")  # of the same files
    assert [tag for tag, _attributes in attacked.tags] == [
        tag for tag, _attributes in harmless.tags
    ]
    assert [attributes for tag, attributes in attacked.tags if tag not in hashes] == [
        attributes for tag, attributes in harmless.tags if tag not in hashes
    ]
    assert attacked.data["hosts"] == [[name, 0, 0]]
    assert attacked.text.count(name) == harmless.text.count("harmless")
    assert "<" not in re.findall(r'id="data">(.*?)</script>', attacked.source, re.S)[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("flows", "flows"),
        ("\u6d41\u91cf \u05e9\u05e8\u05ea", "\u6d41\u91cf \u05e9\u05e8\u05ea"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\x1b[31m\0", "\\x1b[31m\\x00"),
        ("not utf-8: \udcff\udc80", "not utf-8: \\xff\\x80"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    page = Page(all_over(text))
    assert page.data["hosts"] == [[shown, 0, 0]]
    page.source.encode()


def test_only_the_script_and_the_style_of_the_page_itself_are_let_in() -> None:
    page = Page(all_over("h"))
    (policy,) = (
        attributes["content"]
        for tag, attributes in page.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    (style,) = re.findall(r"<style>(.*?)</style>", page.source, re.S)
    (script,) = re.findall(r"<script>(.*?)</script>", page.source, re.S)
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'sha256-{sha256(style)}'",
        "script-src": f"'sha256-{sha256(script)}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_page_asks_nobody_for_anything() -> None:
    page = Page(all_over("h"))
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed", "form", "base", "a", "img"), tag
        for name in ("src", "href", "action", "srcset", "style", "onclick", "onload"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, name)
    for path in PARTS.glob("*.css"):
        style = path.read_text()
        assert "url(" not in style
        assert "@import" not in style


@pytest.mark.parametrize("path", sorted(PARTS.glob("*.js")), ids=lambda path: path.name)
def test_the_scripts_make_no_markup_and_no_code_of_text(path: Any) -> None:
    script = path.read_text()
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert word not in script
    assert "</script" not in script
    assert "<!--" not in script


def test_the_causes_come_with_the_answer() -> None:
    some = [host(name, "imi") for name in "abc"] + [host("d", "iid", groups=["edge"])]
    page = Page(report(*some, host("e", unreachable=True)))
    assert (
        "Most frequent causes \u2212 missing on 3 hosts b \u2260 different on 1 host c "
        "? unreachable on 1 host nobody answered"
    ) in page.text
    names = [name for name, *_more in page.data["hosts"]]
    told = [(each[0], each[1], [names[place] for place in each[2]]) for each in page.data["causes"]]
    assert told == [("m", [1], ["a", "b", "c"]), ("d", [2], ["d"]), ("x", [], ["e"])]


def test_groups_are_those_of_the_inventory() -> None:
    page = Page(report(host("a", "i", groups=["fra1", "edge"]), host("b", "m"), host("c", "i")))
    assert page.text_of("option") == ["all hosts", "edge", "fra1"]
    groups = {name: page.data["members"][number] for name, _row, number in page.data["hosts"]}
    assert groups == {"a": ["fra1", "edge"], "b": [], "c": []}
    assert Page(report(host("a", "i"))).text_of("option") == []


COMMANDS = [
    pytest.param(
        "/x/ansible_collections/ebpf/pinning/playbooks/drift.yml",
        ["hosts.yml", "my hosts"],
        [
            "ansible-playbook -i hosts.yml -i 'my hosts' ebpf.pinning.drift",
            "ansible-playbook -i hosts.yml -i 'my hosts' ebpf.pinning.provision --check --diff",
            "ansible-playbook -i hosts.yml -i 'my hosts' ebpf.pinning.provision",
        ],
        id="the playbook of the collection",
    ),
    pytest.param(
        "site.yml",
        ["hosts.yml"],
        ["ansible-playbook -i hosts.yml site.yml --check --diff"],
        id="one of the user, which may change anything",
    ),
    pytest.param(
        "$(id).yml",
        ["a;b", "c\x1b"],
        ["ansible-playbook -i 'a;b' -i INVENTORY '$(id).yml' --check --diff"],
        id="names that a shell or a terminal would obey",
    ),
    pytest.param("", [], [], id="nothing is known"),
    pytest.param("one.yml, two.yml", ["hosts.yml"], [], id="several"),
]


@pytest.mark.parametrize(("playbook", "inventory", "commands"), COMMANDS)
def test_what_to_run_next_is_what_was_run(
    playbook: str, inventory: list[str], commands: list[str]
) -> None:
    hosts = report(host("a", "m"))
    hosts.playbook, hosts.inventory = playbook, inventory
    assert [command for _what, command in Page(hosts).data["commands"]] == commands


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "Looked at 24 Nov 2026, 03:00 UTC, by ansible-core 2.19.1 and ebpf.pinning 0.2.0."),
        (0, "UTC, in less than 1 s, by"),
        (59, "UTC, in 59 s, by"),
        (83, "UTC, in 1 min 23 s, by"),
        (7200, "UTC, in 2 h, by"),
    ],
)
def test_the_foot_says_what_made_it_and_how_long_that_took(seconds: int | None, text: str) -> None:
    made = report(host("a", "i"))
    made.seconds = seconds
    made.versions = {"ebpf.pinning": "0.2.0", "ansible-core": "2.19.1"}
    assert text in Page(made).text


def merged(*sources: Source, **ages: timedelta) -> Report:
    """A report that is merged of others; of each host, how much older than the newest it is."""
    whole = report(*(host(name, "im", made=MADE - age) for name, age in ages.items()))
    whole.sources = sources
    return whole


ONE, OTHER = Source("one.json", "2026-11-24T03:00:12Z", 3, 3), Source("2.json", "?", 4, 1)


def test_a_merged_report_says_of_each_host_when_it_was_seen() -> None:
    minute, day = timedelta(minutes=1), timedelta(days=1)
    page = Page(
        merged(
            *(ONE, OTHER),
            a=timedelta(),
            b=minute - timedelta(seconds=1),
            c=minute,
            d=day,
            e=day + timedelta(seconds=1),
            f=3 * day,
            g=day,
            h=-minute,
        )
    )
    times = dict(zip("abcdefgh", page.data["seen"], strict=True))
    assert {name: page.data["times"][place] for name, place in times.items()} == {
        "a": ["24 Nov 2026, 03:00 UTC", "", False],
        "b": ["24 Nov 2026, 02:59 UTC", "", False],
        "c": ["24 Nov 2026, 02:59 UTC", "1 min", False],
        "d": ["23 Nov 2026, 03:00 UTC", "1 d", False],
        "e": ["23 Nov 2026, 03:00 UTC", "1 d", True],
        "f": ["21 Nov 2026, 03:00 UTC", "3 d", True],
        "g": ["23 Nov 2026, 03:00 UTC", "1 d", False],
        "h": ["24 Nov 2026, 03:01 UTC", "", False],
    }
    assert sorted(times, key=lambda name: (times[name], name)) == list("fedgcbah")
    assert "Newest report 24 Nov 2026, 03:00 UTC Not seen" in page.text
    assert "Not seen for more than a day 3 d 2 hosts, for longest f" in page.text
    assert "seen 21 Nov 2026, 03:00 UTC" in page.text_of("td")


def test_one_host_that_is_old_is_named_and_a_report_of_one_time_has_none() -> None:
    page = Page(merged(ONE, a=timedelta(), b=timedelta(days=2)))
    assert "Not seen for more than a day 2 d b Inventory" in page.text
    page = Page(merged(ONE, a=timedelta(), b=timedelta(seconds=3)))
    assert "Not seen" not in page.text
    assert "Newest report 24 Nov 2026, 03:00 UTC Inventory" in page.text


def test_a_report_of_one_run_speaks_of_no_others() -> None:
    page = Page(report(host("a", "im")))
    assert (page.data["times"], page.data["seen"]) == ([], [])
    assert "seen" not in page.text.lower()
    assert "Merged" not in page.text
    assert "age" not in [attributes.get("class") for _tag, attributes in page.tags]


def test_what_a_report_is_merged_from_is_listed_and_what_is_left_out_comes_first() -> None:
    bad = Source("bad.json", None, problem="it is no JSON: line 1")
    page = Page(merged(ONE, bad, OTHER, a=timedelta()))
    assert (
        "bad.json : left out: it is no JSON: line 1 Merged from 2 reports one.json : 24 Nov 2026, "
        "03:00 UTC, 3 hosts 2.json : ?, 4 hosts, 3 of them as another report tells"
    ) in page.text
    page = Page(merged(*[ONE] * 1203, *[bad] * 102, a=timedelta()))
    assert page.text.count("one.json") == page.text.count("bad.json") == 100
    assert "And 2 more, which the report as JSON names. Merged from 1,203 reports" in page.text
    assert "And 1,103 more, which the report as JSON names." in page.text


def test_the_trend_is_of_the_runs_before_and_this_one() -> None:
    made = report(host("a", "m"), host("b", "i"))
    made.previous = "2026-11-23T03:00:00Z"
    counts = [{"in_place": 4 - n, "drift": n, "failed": 0, "unreachable": 0} for n in (4, 0)]
    made.before = [Run(f"2026-11-2{day}T03:00:00Z", counts[day]) for day in (0, 1)]
    page = Page(made)
    bars = [attributes["height"] for tag, attributes in page.tags if tag == "rect"]
    assert bars == ["100", "2", "25"]
    (label,) = (attributes["aria-label"] for tag, attributes in page.tags if tag == "svg")
    assert label == "Hosts not in place in 3 runs, this one last: 4, 0, 1"
    assert page.text_of("title")[1:] == [
        "20 Nov 2026, 03:00 UTC: 4",
        "21 Nov 2026, 03:00 UTC: 0",
        "24 Nov 2026, 03:00 UTC: 1",
    ]
    made.before = made.before[1:]
    assert not [tag for tag, _attributes in Page(made).tags if tag == "svg"]


def test_the_legend_says_what_the_documentation_says() -> None:
    text = (ROOT / "docs" / "drift.md").read_text().partition("## Reading the report")[2]
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (.*) \|$", text.partition("\n## ")[0], re.M))
    told = {each.word: MEANINGS[state] for state, each in SIGNS.items()}
    assert rows.keys() == told.keys()
    for word, meaning in told.items():
        assert rows[word].startswith(meaning), word


def test_the_page_is_made_in_pieces() -> None:
    hosts = []
    for number in range(200):
        fields = [(Field("max_entries", str(number), str(pin)),) for pin in range(100)]
        found = [Finding(f"p{pin}", "map", DIFFERENT, fields[pin]) for pin in range(100)]
        hosts.append(HostReport(f"h{number}", {each.path: each for each in found}))
    page = Page(report(*hosts))
    assert len(page.source) > 1_000_000
    assert max(map(len, page.pieces)) < 50_000


def test_every_state_has_a_sign_of_its_own() -> None:
    assert {MISSING, DIFFERENT, ACCESS, UNDECLARED, FAILED, IN_PLACE} < set(SIGNS)
    for attribute in ("letter", "sign", "word"):
        assert len({getattr(each, attribute) for each in SIGNS.values()}) == len(SIGNS)


def colours() -> Iterable[tuple[str, dict[str, str]]]:
    """The variables of each scheme."""
    style = (PARTS / "page.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", style.partition("@media print")[0], re.S)
    variables = dict(re.findall(r"--([\w-]+): (#\w{6});", light))
    yield "light", variables
    yield "dark", {**variables, **dict(re.findall(r"--([\w-]+): (#\w{6});", dark))}


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 defines it."""
    lights = []
    for colour in (one, other):
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize(("scheme", "variables"), list(colours()))
def test_everything_written_can_be_read(scheme: str, variables: dict[str, str]) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    inks = {name[:-4] for name in variables if name.endswith("-ink")}
    assert set(SIGNS) < inks
    for name in inks:
        fill = variables.get(f"{name}-fill")
        for ground in [fill] if fill else [variables["paper"], variables["raised"]]:
            assert contrast(variables[f"{name}-ink"], ground) >= 4.5, (scheme, name)


@pytest.mark.parametrize(("scheme", "variables"), list(colours()))
def test_states_that_are_filled_have_a_fill_of_their_own(
    scheme: str, variables: dict[str, str]
) -> None:
    fills = {state: variables[f"{state}-fill"] for state in SIGNS if state != IN_PLACE}
    for (one, fill), (other, another) in itertools.combinations(fills.items(), 2):
        assert fill != another, (scheme, one, other)
