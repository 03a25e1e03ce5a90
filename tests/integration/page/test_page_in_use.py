# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a drift report in use, with real keys and clicks. The oracle is Chromium."""

from __future__ import annotations

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    DIFFERENT,
    IN_PLACE,
    MISSING,
    Field,
    Finding,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import (
    NEW,
    STILL,
    HostReport,
)
from drift_page import ENTRIES, PHONE, TOP, Show, fleet, host, pin, report

SIGNS = {
    "in place": "\u00b7",
    "missing": "\u2212",
    "different": "\u2260",
    "owner or mode off": "@",
    "undeclared": "+",
    "failed": "!",
    "put right": "\u2713",
    "drift gone": "\u25cb",
}


def test_trouble_comes_first_and_what_is_in_place_is_counted_and_not_shown(show: Show) -> None:
    page = show(fleet())
    assert page.hosts == ["core-2", "core-1", "edge-1", "edge-3", "edge-4", "edge-5"]
    assert page.pins == ["events", "flows", "blocked", "old", "policy"]
    assert page.texts("#shown") == ["1 host in sync is hidden."]
    page.browser.click("#show-all")
    assert page.hosts[-2:] == ["edge-2", "edge-5"]
    assert page.texts("#shown") == ["All 7 hosts and 5 pin names."]


def test_every_cell_says_its_state_by_a_sign_too(show: Show) -> None:
    page = show(fleet())
    cells = page.browser.evaluate(
        """[...document.querySelectorAll(".cell")]
            .map((node) => [node.getAttribute("aria-label"), node.innerText.trim()])"""
    )
    assert {word for word, _sign in cells} == {*SIGNS, "nothing known"} - {"drift gone"}
    for word, sign in cells:
        assert sign == SIGNS.get(word, "")


def test_typing_narrows_hosts_with_every_key(show: Show) -> None:
    page = show(fleet())
    page.browser.click("#host")
    seen = []
    for key in "E-4":
        page.browser.type(key)
        seen.append(page.hosts)
    assert seen == [
        ["core-2", "core-1", "edge-1", "edge-3", "edge-4", "edge-5"],  # all have an e
        ["core-2", "core-1", "edge-1", "edge-3", "edge-4", "edge-5"],
        ["edge-4"],
    ]
    assert page.pins == ["blocked", "old"]
    page.browser.press("Backspace")
    page.browser.type("9")
    assert page.hosts == []
    assert page.texts("#nothing") == ["Nothing fits this filter."]


def test_typing_narrows_pins_with_every_key(show: Show) -> None:
    page = show(fleet())
    page.browser.click("#pin")
    page.browser.type("o")
    assert page.pins == ["flows", "blocked", "old", "policy"]
    page.browser.type("w")
    assert page.pins == ["flows"]
    assert page.hosts == ["edge-1", "edge-3", "edge-5"]


def test_a_state_is_left_out_and_taken_in_by_a_click(show: Show) -> None:
    page = show(fleet())
    for state in ("missing", "different", "failed", "unreachable", "put right"):
        page.press_button(state)
    assert page.hosts == ["edge-4"]
    assert page.pins == ["blocked", "old"]
    page.press_button("undeclared")
    assert page.pins == ["blocked"]
    page.press_button("unreachable")
    assert page.hosts == ["core-1", "edge-4"]


def test_an_address_leads_back_to_what_was_chosen(show: Show) -> None:
    page = show(fleet())
    page.browser.click("#pin")
    page.browser.type("flows")
    page.press_button("put right")
    address = page.browser.evaluate("location.hash")
    page = show(fleet(), address)
    assert page.browser.evaluate("document.querySelector('#pin').value") == "flows"
    assert page.hosts == ["edge-1", "edge-3"]


def test_a_click_opens_want_and_have_side_by_side(show: Show) -> None:
    page = show(fleet())
    page.browser.click(page.cell("edge-3", "flows"))
    assert page.details.startswith(f"{TOP}/flows")
    assert "different (map) on edge-3" in page.details
    assert page.texts("dialog th[scope=row]") == ["max_entries", "mode"]
    assert page.texts("dialog .want") == ["65536", "0660"]
    assert page.texts("dialog .have") == ["4096", "0600"]
    want, have = page.browser.evaluate(
        """["want", "have"].map((side) => {
            const box = document.querySelector(`dialog .${side}`).getBoundingClientRect();
            return [box.top, box.right, box.left];
        })"""
    )
    assert want[0] == have[0]
    assert want[1] <= have[2]
    assert "The same on 1 other host edge-1" in page.details


@pytest.mark.parametrize(
    ("host", "pin", "told"),
    [
        ("core-2", "policy", ["failed", "no memory (ENOMEM)"]),
        ("edge-1", "events", ["missing", "the pin nothing", "1 other host edge-3"]),
        ("edge-4", "old", ["undeclared", "holds hash 7"]),
        ("edge-5", "flows", ["put right", "want had"]),
        ("edge-5", "events", ["in place"]),
        ("core-1", "flows", ["nothing known"]),
        ("core-1", "", ["unreachable: no route to host"]),
        (
            "edge-1",
            "",
            ["events", "flows", "max_entries: want 65536, have 4096", "2 pins in place"],
        ),
        ("", "flows", ["different on 2 hosts edge-1 edge-3", "in place on 3 hosts core-2"]),
    ],
)
def test_details_say_all_there_is(show: Show, host: str, pin: str, told: list[str]) -> None:
    page = show(fleet())
    page.browser.click(page.cell(host, pin))
    for each in told:
        assert each in page.details


def test_a_missing_pin_says_what_is_declared_of_it(show: Show) -> None:
    declared = (("type", "lru_hash"), ("max_entries", "65536"), ("flags", "none"))
    page = show(report(host("edge-1", pin("flows", MISSING, declared=declared))))
    page.browser.click(page.cell("edge-1", "flows"))
    assert page.texts("dialog th[scope=row]") == ["type", "max_entries", "flags"]
    assert page.texts("dialog .want") == ["lru_hash", "65536", "none"]
    assert page.texts("dialog .have") == ["nothing"]
    page.browser.press("Escape")
    page.browser.click("#as-list")
    assert page.texts(".summary") == ["want lru_hash max_entries=65536"]


def test_a_missing_mount_is_no_pin(show: Show) -> None:
    found = {TOP: Finding(TOP, "mount", MISSING), f"{TOP}/x": Finding(f"{TOP}/x", "map", MISSING)}
    page = show(report(HostReport("edge-1", found)))
    page.browser.click("#causes a")
    assert "the mount nothing" in page.details
    assert "What is below it is missing, too: 1 pin." in page.details


def test_entries_that_move_are_told_of_the_host_and_added_up_over_those_alike(show: Show) -> None:
    moved = pin("flows", DIFFERENT, ENTRIES, copied=1)
    hosts = [host(f"edge-{n}", moved._replace(copied=n)) for n in (1, 2, 3000)]
    page = show(report(*hosts, host("edge-9", moved._replace(copied=12, repaired=True))))
    want = "max_entries: want 65536, have 4096"
    page.browser.click(page.cell("edge-3000", "flows"))
    page.browser.press("Escape")
    told = page.texts("#readout")[0]
    assert " ".join(told.split()).endswith(f"different \u2014 {want}; 3,000 entries to copy")
    page.browser.click(page.cell("edge-1", "flows"))
    assert "1 entry to copy." in page.details
    assert "The same on 2 other hosts edge-2 edge-3000" in page.details
    page.browser.press("Escape")
    page.browser.click(page.cell("edge-9", "flows"))
    assert "12 entries copied." in page.details
    page.browser.press("Escape")
    page.browser.click("#causes a")
    assert "3,003 entries to copy in all." in page.details
    page.browser.press("Escape")
    page.browser.click("#as-list")
    told = ["3,003 entries to copy in all", "12 entries copied"]
    assert page.texts(".summary") == [f"{want}; {each}" for each in told]


def test_entries_that_differ_are_added_up_over_hosts_alike(show: Show) -> None:
    hosts = [
        host(f"edge-{number}", pin("flows", DIFFERENT, Field("entries", "as declared", have)))
        for number, have in enumerate(("1 missing, 2 extra", "3000 missing, 1 extra"))
    ]
    page = show(report(*hosts))
    page.browser.click(page.cell("edge-1", "flows"))
    assert "entries as declared some missing, some extra" in page.details
    assert "3,000 missing, 1 extra." in page.details
    assert "The same on 1 other host edge-0" in page.details
    page.browser.press("Escape")
    page.browser.click("#causes a")
    assert "3,001 missing, 3 extra in all." in page.details
    page.browser.press("Escape")
    page.browser.click("#as-list")
    assert page.texts(".summary") == [
        "entries: want as declared, have some missing, some extra; 3,001 missing, 3 extra in all"
    ]


def test_mounts_and_directories_are_counted_apart_from_pins(show: Show) -> None:
    found = {
        TOP: Finding(TOP, "mount", IN_PLACE),
        f"{TOP}/a": Finding(f"{TOP}/a", "directory", IN_PLACE),
        f"{TOP}/b": Finding(f"{TOP}/b", "directory", IN_PLACE),
    }
    page = show(report(host("edge-1", pin("flows", MISSING), *found.values())))
    facts = [" ".join(each.split()) for each in page.texts(".facts dl > div")]
    assert facts[:5] == ["Host 1", "Pins 4", "Mount 1", "Directories 2", "In drift 1"]
    page.browser.click(page.cell("edge-1", ""))
    assert "3 pins, 1 mount, 2 directories in place." in page.details


def test_pins_that_differ_otherwise_are_not_the_same(show: Show) -> None:
    small, smaller = (Field("max_entries", "65536", have) for have in ("4096", "512"))
    hosts = [host(f"edge-{each.have}", pin("flows", DIFFERENT, each)) for each in (small, smaller)]
    page = show(report(*hosts))
    page.browser.click(page.cell("edge-512", "flows"))
    assert page.texts("dialog .have") == ["512"]
    assert "The same on" not in page.details


def test_columns_leave_out_the_directory_that_all_share_and_no_more(show: Show) -> None:
    found = {path: Finding(path, "map", MISSING) for path in (f"{TOP}/a/b", f"{TOP}/ab")}
    page = show(report(HostReport("edge-1", found)))
    assert page.texts(".of-pins") == [f"{TOP}/"]
    assert page.texts(".head .pin .name") == ["a/b", "ab"]


def test_long_names_of_pins_are_cut_in_front(show: Show) -> None:
    names = [f"{'a_very_long_name_that_all_share_' * 2}{each}" for each in ("one", "two")]
    page = show(report(host("edge-1", *(pin(name, MISSING) for name in names), pin("x", MISSING))))
    ends = page.browser.evaluate(
        """[...document.querySelectorAll(".head .pin .name")].map((node) => {
            const text = node.firstChild.firstChild, range = document.createRange();
            const box = node.getBoundingClientRect(), seen = [0, text.length - 1].map((place) => {
                range.setStart(text, place);
                range.setEnd(text, place + 1);
                const letter = range.getBoundingClientRect();
                return letter.top >= box.top - 1 && letter.bottom <= box.bottom + 1;
            });
            return [node.innerText.slice(-3), ...seen];
        })"""
    )
    assert sorted(ends) == [["one", False, True], ["two", False, True], ["x", True, True]]


def test_what_long_names_of_hosts_begin_with_alike_is_said_once(show: Show) -> None:
    names = [f"edge-{'of-the-northern-cluster-' * 3}{number}" for number in (17, 18)]
    page = show(report(*(host(name, pin("flows", MISSING)) for name in names)))
    assert page.hosts == names
    assert page.texts(".row .host .name") == ["\u202617", "\u202618"]
    assert page.texts(".of-hosts") == [f"{names[0][:-2]}\u2026"]


def test_long_names_of_hosts_show_both_ends(show: Show) -> None:
    names = [f"edge-{'of-the-northern-cluster-' * 3}{number}" for number in (17, 18)]
    names = ["core-1", *names]
    page = show(report(*(host(name, pin("flows", MISSING)) for name in names)))
    assert page.hosts == names
    assert [text[:5] for text in page.texts(".row .host .front")] == ["edge-"] * 2
    assert [text[-10:] for text in page.texts(".row .host .back")] == ["cluster-17", "cluster-18"]
    assert page.browser.evaluate(
        """[...document.querySelectorAll(".row .host .back")].every((node) =>
            node.getBoundingClientRect().right <=
            node.closest(".host").getBoundingClientRect().right)"""
    )


def test_a_mount_among_the_columns_leaves_the_names_of_its_pins_short(show: Show) -> None:
    paths = ("/b", "/b/agent/events", "/b/agent/flows")
    found = {path: Finding(path, "map", MISSING) for path in paths}
    page = show(report(HostReport("edge-1", found)))
    assert page.texts(".of-pins") == ["/b/agent/"]
    assert sorted(page.texts(".head .pin .name")) == ["/b", "events", "flows"]


def test_a_domain_that_all_share_makes_room_on_a_phone(show: Show) -> None:
    names = [f"edge-{number}.fra1.example.net" for number in (1, 2)]
    page = show(
        report(*(host(name, pin("flows", MISSING)) for name in names)), "#view=matrix", **PHONE
    )
    assert page.hosts == names
    assert page.texts(".row .host .name") == ["edge-1", "edge-2"]
    assert page.texts(".of-hosts") == ["\u2026.fra1.example.net"]


def test_one_goes_from_a_pin_to_its_host_and_to_the_same_pin_elsewhere(show: Show) -> None:
    page = show(fleet())
    page.browser.click(page.cell("edge-1", "flows"))
    page.press_button("This pin on all hosts")
    page.press_button("core-2")
    assert "in place" in page.details
    page.press_button("core-2")
    assert page.details.startswith("core-2")


def test_the_keyboard_reaches_everything(show: Show) -> None:
    page = show(fleet())
    page.browser.click("#pin")
    focused = "document.activeElement.id"
    steps = 0
    while page.browser.evaluate(focused) != "matrix":
        page.browser.press("Tab")
        steps += 1
        assert steps < 20
    page.browser.press("End", "ArrowDown", "ArrowDown", "ArrowLeft", "Home", "ArrowRight", "Enter")
    assert page.details.startswith(f"{TOP}/events")
    assert "on edge-1" in page.details
    page.browser.press("Escape")
    assert page.details == ""
    assert page.browser.evaluate(focused) == "matrix"
    page.browser.press("ArrowRight", " ")
    assert page.details.startswith(f"{TOP}/flows")
    page.browser.press("Escape", "Home", "Enter")
    assert page.details.startswith("edge-1")


def test_a_screen_reader_hears_names_and_where_it_is(show: Show) -> None:
    page = show(fleet())
    page.browser.click("#pin")
    nodes = page.browser.heard()
    controls = [
        (role, name) for role, name in nodes if role in ("button", "searchbox", "grid", "gridcell")
    ]
    assert all(name for _role, name in controls), controls
    assert ("searchbox", "Host") in controls
    assert ("gridcell", "different") in controls
    assert ("columnheader", f"{TOP}/flows") in nodes
    assert ("rowheader", "core-1, unreachable") in nodes
    assert ("heading", "3 hosts in drift, 1 failed, 1 unreachable") in nodes


def test_hosts_that_are_alike_are_one_entry_of_the_list(show: Show) -> None:
    page = show(fleet())
    page.browser.click("#as-list")
    assert page.texts("#matrix") == []
    assert page.texts("#list > li > .hosts")[2].split() == ["edge-1", "edge-3"]
    page.browser.click("#list > li:nth-child(3) li:nth-child(2) button")
    assert "max_entries 65536 4096" in page.details


def test_a_long_list_comes_by_and_by(show: Show) -> None:
    hosts = [
        host(f"h{n:03}", pin("flows", DIFFERENT, Field("id", "1", str(n)))) for n in range(120)
    ]
    page = show(report(*hosts), "#view=list")
    assert len(page.texts("#list > li")) == 50
    page.browser.click("#more")
    page.browser.click("#more")
    assert len(page.texts("#list > li")) == 120
    assert page.texts("#more") == []


def test_everything_in_place_is_good_news(show: Show) -> None:
    page = show(report(host("edge-1"), host("edge-2")))
    assert "Everything is in place" in page.texts("h1")[0]
    assert page.texts("#nothing") == ["Everything is in sync."]
    page.browser.click("#show-all")
    assert page.hosts == ["edge-1", "edge-2"]


def test_a_report_on_nobody_says_so(show: Show) -> None:
    page = show(report())
    assert "No host was looked at" in page.texts("h1")[0]
    assert page.texts("#app") == []


def test_what_is_new_and_what_is_gone_is_shown(show: Show) -> None:
    flows, events = pin("flows", DIFFERENT, ENTRIES), pin("events", MISSING)
    path = f"{TOP}/policy"
    new = host("edge-1", flows, events, history={flows.path: NEW, events.path: STILL})
    page = show(report(new, host("edge-2", gone={path: MISSING}), previous="2026-11-23T03:00:00Z"))
    assert page.hosts == ["edge-1"]
    labels = [
        page.browser.evaluate(f"document.querySelector({cell!r}).getAttribute('aria-label')")
        for cell in (page.cell("edge-1", "flows"), page.cell("edge-1", "events"))
    ]
    assert labels == ["different, new", "missing, still there"]
    page.press_button("only what is new")
    assert page.pins == ["flows"]
    page.press_button("only what is new")
    page.press_button("drift gone")
    assert page.hosts == ["edge-1", "edge-2"]
    page.browser.click(page.cell("edge-2", "policy"))
    assert "It was missing in the report before." in page.details


def test_of_a_thousand_hosts_and_two_hundred_pins_only_what_is_in_sight_is_in_the_page(
    show: Show,
) -> None:
    paths = [f"{TOP}/pin_{number:03}" for number in range(200)]
    in_place = {path: Finding(path, "map", IN_PLACE) for path in paths}
    hosts = [HostReport(f"edge-{number:04}", in_place) for number in range(1000)]
    page = show(report(*hosts))
    page.browser.click("#show-all")
    nodes = "document.querySelectorAll('*').length"
    assert page.browser.evaluate(nodes) < 8000
    page.browser.click("#cell-0-0")
    page.browser.press("Escape", "PageDown", "PageDown")
    assert page.hosts[0] != "edge-0000"
    page.browser.press("Control+End")
    assert page.hosts[-1] == "edge-0999"
    assert page.pins[-1] == "pin_199"
    assert page.browser.evaluate(nodes) < 8000
    page.browser.press("Enter")
    assert page.details.startswith(f"{TOP}/pin_199")
    assert "on edge-0999" in page.details
