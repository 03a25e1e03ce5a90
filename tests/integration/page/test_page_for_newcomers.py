# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody who sees a drift report for the first time wants of its page."""

from __future__ import annotations

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_findings import (
    DIFFERENT,
    IN_PLACE,
    MISSING,
    Finding,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_report import HostReport, Run
from drift_page import ENTRIES, PHONE, TOP, Page, Show, fits, fleet, host, pin, report

LAPTOP = {"width": 1366, "height": 650}
PLAYBOOK = "/c/ansible_collections/ebpf/pinning/playbooks/drift.yml"


def lines(page: Page, selector: str) -> list[str]:
    return [" ".join(text.split()) for text in page.texts(selector)]


# The most frequent causes


def test_the_first_answer_is_what_is_amiss_on_most_hosts(show: Show) -> None:
    page = show(fleet(), **LAPTOP)
    assert (
        lines(page, "#causes > li")[:2]
        == [
            f"\u2260 different on 2 hosts {TOP}/flows",
            f"\u2212 missing on 2 hosts {TOP}/events",
        ][::-1]
    )
    assert page.browser.evaluate(
        "document.querySelector('#causes').getBoundingClientRect().bottom < innerHeight / 2"
    )


def test_a_cause_opens_to_what_is_wanted_where_it_is_and_what_to_run(show: Show) -> None:
    note = "the pinned map (id 7) is not as declared: max_entries: want 65536, have 4096. Keep it"
    differing = pin("flows", DIFFERENT, ENTRIES, note=note)
    fleet = report(*(host(f"edge-{n}", differing) for n in range(25)), host("edge-99"))
    fleet.playbook = PLAYBOOK
    page = show(fleet)
    page.browser.click("#causes a")
    assert page.details.startswith("\u2260 different on 25 hosts")
    assert page.texts("dialog .want") == ["65536"]
    assert page.texts("dialog .note") == ["Keep it"]
    assert "and 5 more" in page.details
    page.press_button("and 5 more")
    assert "and 5 more" not in page.details
    assert all(f"edge-{n}" in page.texts("dialog .hosts button") for n in range(25))
    names = ",".join(sorted(f"edge-{n}" for n in range(25)))
    start = "ansible-playbook -i hosts.yml ebpf.pinning"
    assert page.texts("dialog code") == [
        f"--limit='{names}'",
        f"{start}.drift --limit='{names}'",
        f"{start}.provision --check --diff --limit='{names}'",
        f"{start}.provision --limit='{names}'",
    ]


def test_what_explains_fewer_hosts_comes_on_demand(show: Show) -> None:
    few = [host(f"h{n:02}", pin(f"p{n:02}", MISSING)) for n in range(40)]
    page = show(report(*few))
    assert len(page.texts("#causes > li")) == 5
    page.press_button("All 30 causes")
    assert len(page.texts("#causes > li")) == 30
    assert "And 10 more" in page.texts(".causes")[0]
    assert page.browser.evaluate("document.activeElement.closest('li').dataset.cause") == "5"


def test_a_cause_says_of_which_group_its_hosts_are(show: Show) -> None:
    some = [host(f"h{n}", pin("flows", MISSING), groups=["fra1"]) for n in range(3)]
    page = show(report(*some, host("other", groups=["ams2"])))
    assert lines(page, "#causes > li") == [f"\u2212 missing on 3 hosts, all of fra1 {TOP}/flows"]


# Details in the address


def test_back_closes_details_one_after_the_other(show: Show) -> None:
    page = show(fleet(), "#pin=flows")
    page.browser.click(page.cell("edge-1", "flows"))
    page.press_button("This pin on all hosts")
    assert "different on 2 hosts" in page.details
    page.browser.go_back()
    assert "on edge-1" in page.details
    page.browser.go_back()
    assert page.details == ""
    assert page.pins == ["flows"]
    assert page.browser.evaluate("document.activeElement.id") == "matrix"


@pytest.mark.parametrize("way", ["Escape", "the cross", "beside"])
def test_closing_leaves_the_address_as_it_was_before(show: Show, way: str) -> None:
    page = show(fleet(), "#pin=flows")
    before = page.browser.evaluate("history.length")
    page.browser.click(page.cell("edge-1", "flows"))
    page.press_button("This pin on all hosts")
    assert page.browser.evaluate("location.hash").startswith("#pin=flows&show=path")
    if way == "Escape":
        page.browser.press("Escape")
    elif way == "the cross":
        page.browser.click("#close")
    else:
        page.browser.evaluate("document.querySelector('dialog').click()")
    assert page.details == ""
    page.browser.evaluate(
        """new Promise((done) => {
            const look = () => (location.hash === "#pin=flows" ? done() : setTimeout(look, 10));
            look();
        })"""
    )
    page.browser.click(page.cell("edge-3", "flows"))
    assert "on edge-3" in page.details
    assert page.browser.evaluate("history.length") == before + 1
    page.browser.press("Escape")
    page.browser.press("Enter")  # at once
    assert "on edge-3" in page.details


@pytest.mark.parametrize(
    ("show_", "told"),
    [
        ("show=pin&at=edge-1&of=$T/flows", "different (map) on edge-1"),
        ("show=host&at=core-1", "no route to host"),
        ("show=path&of=$T/flows", "different on 2 hosts"),
        ("show=cause&of=0", "on 2 hosts"),
        ("show=alike&at=edge-1", "2 hosts alike"),
        ("show=limit&host=edge-*", "The 4 hosts shown"),
    ],
)
def test_an_address_leads_back_to_details(show: Show, show_: str, told: str) -> None:
    page = show(fleet(), f"#{show_.replace('$T', TOP)}")
    assert told in page.details
    page.browser.press("Escape")
    assert page.details == ""
    assert "show" not in page.browser.evaluate("location.hash")


@pytest.mark.parametrize(
    "address",
    [
        "show=nothing",
        "show=pin&at=edge-1&of=nothing",
        "show=pin&at=nobody",
        "show=host&at=__proto__",
        "show=path",
        "show=cause&of=99",
        "show=cause&of=__proto__",
        "show=cause&of=-1",
        "show=alike&at=nobody",
        "show=limit&host=nobody",
        "show=toString",
        "show=constructor&at=x&of=y",
    ],
)
def test_an_address_of_nothing_shows_the_page(show: Show, address: str) -> None:
    page = show(fleet(), f"#{address}")
    assert page.details == ""
    assert page.texts("h1")


# Filters


@pytest.mark.parametrize(
    ("host_", "hosts"),
    [
        ("edge-*", ["edge-1", "edge-3", "edge-4", "edge-5"]),
        ("*-1", ["core-1", "edge-1"]),
        ("e*3", ["edge-3"]),
        ("dge-*", []),
        ("edge-1* edge", ["edge-1"]),
        ("*", ["core-2", "core-1", "edge-1", "edge-3", "edge-4", "edge-5"]),
        ("*e*e*", ["edge-1", "edge-3", "edge-4", "edge-5"]),
        ("edge-1*1", []),
        (".*", []),
    ],
)
def test_an_asterisk_stands_for_anything(show: Show, host_: str, hosts: list[str]) -> None:
    page = show(fleet())
    page.browser.click("#host")
    page.browser.type(host_)
    assert page.hosts == hosts


@pytest.mark.parametrize(
    ("pin_", "pins"),
    [
        ("f*", ["flows"]),
        ("*s", ["events", "flows"]),
        ("agent/*o*", ["flows", "blocked", "old", "policy"]),
        ("/sys/*/flows", ["flows"]),
        ("low*", []),
        ("agent*", []),
    ],
)
def test_an_asterisk_is_of_a_path_or_its_end(show: Show, pin_: str, pins: list[str]) -> None:
    page = show(fleet())
    page.browser.click("#pin")
    page.browser.type(pin_)
    assert page.pins == pins


def test_a_pattern_of_an_address_keeps_nobody_waiting(show: Show) -> None:
    page = show(report(host("a" * 2000, pin("flows", MISSING))), f"#host={'*a' * 500}*b")
    assert page.texts("#nothing") == ["Nothing fits this filter."]


def test_a_group_of_the_inventory_is_a_filter(show: Show) -> None:
    hosts = fleet()
    for name, each in hosts.hosts.items():
        each.groups = ["edge" if name.startswith("edge") else "core", "<b>"]
    page = show(hosts)
    page.browser.click("#group")
    page.browser.evaluate(
        """(() => {
            const group = document.querySelector("#group");
            group.value = "core";
            group.dispatchEvent(new Event("change"));
        })()"""
    )
    assert page.hosts == ["core-2", "core-1"]
    assert page.browser.evaluate("location.hash") == "#group=core"
    page = show(hosts, "#group=edge")
    assert page.hosts == ["edge-1", "edge-3", "edge-4", "edge-5"]
    page.browser.click("#show-all")
    assert len(page.hosts) == 7
    page = show(hosts, "#group=nobody")
    assert len(page.hosts) == 6
    page = show(hosts, "#show=host&at=core-2")
    assert "In core, <b>." in page.details


# What to run next


def test_limit_of_the_hosts_shown_is_there_to_copy(show: Show) -> None:
    page = show(fleet(), "#host=edge")
    page.press_button("--limit")
    (limit, again) = page.texts("dialog code")
    assert limit == "--limit='edge-1,edge-3,edge-4,edge-5'"
    assert again == f"ansible-playbook -i hosts.yml site.yml --check --diff {limit}"
    page.press_button("Copy")
    page.browser.evaluate(
        """new Promise((done) => {
            const said = document.querySelector("dialog .said");
            const look = () => (said.textContent ? done() : setTimeout(look, 10));
            look();
        })"""
    )
    (said,) = filter(None, page.texts("dialog .said"))
    assert said == "Copied" or page.browser.evaluate("String(getSelection())") == limit


def test_names_that_are_patterns_or_end_quotes_are_in_no_command(show: Show) -> None:
    odd = ["a'; rm -rf /; '", "web*", "!all", "-x", "a,b", "~.*", "[0]", "&x", "@file", "", "two\n"]
    good = ["edge-1.example.net", "fe80::1", "h\u00f4te_2"]
    found = {TOP: Finding(TOP, "map", MISSING)}
    page = show(report(*(HostReport(name, found) for name in [*odd, *good])), "#show=limit")
    (limit, _again) = page.texts("dialog code")
    assert limit == f"--limit='{','.join(good)}'"
    assert f"{len(odd)} hosts cannot be named" in page.details


# Room, paper, links


def test_the_wheel_gives_the_matrix_the_window_and_then_turns_it(show: Show) -> None:
    hosts = [host(f"h{n:03}", pin("flows", MISSING)) for n in range(200)]
    page = show(report(*hosts), **LAPTOP)
    box = "document.querySelector('#matrix').getBoundingClientRect()"
    top = page.browser.evaluate(f"{box}.top")
    assert top > 100
    for _turn in range(20):
        page.browser.turn_wheel("#matrix", 100)
    assert 0 <= page.browser.evaluate(f"{box}.top") < 20
    assert page.browser.evaluate(f"{box}.height") > 0.85 * LAPTOP["height"]
    assert page.browser.evaluate(f"{box}.bottom <= innerHeight")
    assert page.hosts[0] != "h000"


def test_on_paper_the_signs_are_explained(show: Show) -> None:
    page = show(fleet(), paper=True)
    told = lines(page, ".legend div")
    assert "\u2212 missing declared, and not there" in told
    assert "? unreachable the host did not answer" in told
    assert not [text for text in told if "drift gone" in text]
    assert page.browser.evaluate(
        """document.querySelector(".legend").getBoundingClientRect().bottom
            <= document.querySelector("#app").getBoundingClientRect().top"""
    )
    assert len(page.texts("#causes > li")) == len(page.texts("#causes > li b")) > 5


def test_links_lead_to_the_documentation_and_nowhere_else(show: Show) -> None:
    problem = "the result is hidden by no_log"
    page = show(report(host("edge-1", problems=[problem, "https://evil.example/"])))
    page.browser.click(page.cell("edge-1", ""))
    assert page.texts("dialog a") == ["Troubleshooting: The drift report"]
    links = page.browser.evaluate(
        """[...document.querySelectorAll("a[href]")].filter((each) => !each.closest("#causes"))
            .map((each) => [each.href.split("#")[0], each.rel])"""
    )
    site = "https://example.org/ebpf.pinning/docs"
    assert {address for address, _rel in links} == {
        f"{site}/drift.html",
        f"{site}/troubleshooting.html",
    }
    assert {rel for _address, rel in links} == {"noopener noreferrer"}
    page = show(fleet(), f"#show=pin&at=edge-1&of={TOP}/flows")
    assert page.texts("dialog a") == ["different"]


def test_a_keyboard_reaches_causes_and_comes_back(show: Show) -> None:
    page = show(fleet())
    page.browser.press("Tab")
    assert page.browser.evaluate("document.activeElement.closest('li').dataset.cause") == "0"
    page.browser.press("Enter")
    assert page.details
    page.browser.press("Escape")
    assert page.browser.evaluate("document.activeElement.closest('li').dataset.cause") == "0"


def test_a_phone_shows_causes_and_commands_in_full_width(show: Show) -> None:
    names = [f"edge-{number}.with.a.very.long.name.example.net" for number in range(30)]
    counts = dict.fromkeys(("in_place", "drift", "failed", "unreachable"), 1)
    made = report(*(host(name, pin("flows", MISSING)) for name in names))
    made.previous = "2026-11-23T03:00:00Z"
    made.before = [Run(made.previous, counts)] * 60
    page = show(made, **PHONE)
    assert page.browser.evaluate("document.querySelectorAll('.trend rect').length") == 61
    assert fits(page)
    page.browser.click("#causes a")
    assert page.texts("dialog code")
    assert fits(page)
    assert page.browser.evaluate(
        "document.querySelector('dialog').scrollWidth <= document.documentElement.clientWidth"
    )


def test_a_thousand_hosts_have_their_causes_in_a_small_page(show: Show) -> None:
    paths = [f"{TOP}/pin_{number:03}" for number in range(60)]
    hosts = []
    for number in range(1000):
        found = {path: Finding(path, "map", IN_PLACE) for path in paths}
        for place in (number % 60, number % 7):
            found[paths[place]] = Finding(paths[place], "map", MISSING)
        hosts.append(HostReport(f"edge-{number:04}", found, groups=[f"g{number % 10}"]))
    page = show(report(*hosts))
    assert page.file.stat().st_size < 1_000_000
    assert lines(page, "#causes > li")[0] == f"\u2212 missing on 157 hosts {paths[0]}"
    assert page.browser.evaluate("document.querySelectorAll('*').length") < 4000
