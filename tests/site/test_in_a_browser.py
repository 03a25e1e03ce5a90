# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that `make docs` made, as somebody sees it: found, read on a phone, copied from."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / ".cache" / "docs" / "site"
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from harness.browser import Browser  # noqa: E402

FOUND = "[...document.querySelectorAll('#search-results li a')].map(a => a.getAttribute('href'))"
# What reaches beyond the window, and is in no frame that scrolls.
BEYOND = """
    [...document.querySelectorAll('article *')].filter(element => {
        if (element.getBoundingClientRect().right <= document.documentElement.clientWidth + 1)
            return false;
        while (element = element.parentElement)
            if (getComputedStyle(element).overflowX != 'visible')
                return false;
        return true;
    }).map(element => element.outerHTML.slice(0, 80))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


def awaited(browser: Browser, condition: str) -> None:
    """Scripts of the page have their own time."""
    deadline = time.monotonic() + 60
    while not browser.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("on_mismatch", "reference/bpf_map_pinned_module.html#"),
        ("entries_from", "reference/bpf_map_entries_module.html#"),
        ("is not on bpffs", "docs/troubleshooting.html#m-is-not-on-bpffs-but-on-mount-"),
        ("the task needs privileges", "docs/troubleshooting.html#m-the-task-needs-privileges-"),
        ("reboot", "docs/reboot.html"),
    ],
)
def test_what_one_looks_for_is_among_the_first_three(
    browser: Browser, words: str, page: str
) -> None:
    browser.show(SITE / "search.html", f"?q={quote(words)}")
    awaited(browser, "Search.status.innerText.startsWith('Search finished')")
    first: list[str] = browser.evaluate(FOUND)[:3]
    assert [each for each in first if each.startswith(page)], first


def test_a_result_says_which_message_or_option_it_is(browser: Browser) -> None:
    for words, told in (("is not on bpffs", "… is not on bpffs"), ("on_mismatch", "option on_mis")):
        browser.show(SITE / "search.html", f"?q={quote(words)}")
        awaited(browser, "Search.status.innerText.startsWith('Search finished')")
        assert told in browser.evaluate("document.querySelector('#search-results li').innerText")


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_reaches_beyond_the_window(browser: Browser, width: int) -> None:
    browser.look_through(width=width, height=800, phone=width < 500)
    beyond = {}
    for page in sorted(SITE.rglob("*.html")):
        browser.show(page)
        if found := browser.evaluate(BEYOND):
            beyond[str(page.relative_to(SITE))] = found[:3]
    assert beyond == {}


def test_commands_can_be_copied_without_their_prompt(browser: Browser) -> None:
    browser.show(SITE / "docs" / "first-ten-minutes.html")
    awaited(browser, "document.querySelectorAll('.commands button.copybtn').length > 5")
    first = "document.querySelector('.commands pre')"
    prompt = browser.evaluate(f"getComputedStyle({first}, '::before').content")
    assert prompt == '"$"'
    assert browser.evaluate(f"{first}.innerText").startswith("ansible-galaxy ")


def test_it_begins_with_a_picture_the_installation_and_a_declaration(browser: Browser) -> None:
    browser.show(SITE / "index.html")
    assert browser.evaluate("document.querySelector('article img').naturalWidth") > 300
    text = browser.evaluate("document.querySelector('article').innerText")
    places = [text.index(each) for each in ("ansible-galaxy collection install", "bpf_links:")]
    assert places == sorted(places)
    assert browser.complaints == []


def test_pages_of_modules_install_as_readme_does() -> None:
    (line,) = re.findall(r"^    (ansible-galaxy .*)$", (ROOT / "README.md").read_text(), re.M)
    pages = list(SITE.glob("reference/*_module.html"))
    assert len(pages) > 10
    for page in pages:
        text = " ".join(unescape(re.sub("<[^>]*>", "", page.read_text())).split())
        assert f"To install it, use: {line} # in a clone." in text, page.name


def test_no_page_of_the_reference_links_to_an_address_that_is_none() -> None:
    for page in SITE.glob("reference/*.html"):
        assert 'href="https://example.org' not in page.read_text(), page.name
    guide = (SITE / "reference" / "bpf_map_pinned_module.html").read_text()
    assert 'href="../docs/migration.html"' in guide


def test_each_page_has_the_names_as_they_are_written() -> None:
    for page in SITE.rglob("*.html"):
        assert "Ebpf" not in page.read_text(), page.name
        assert ' icon" href="' in page.read_text(), page.name


def test_a_word_of_the_glossary_is_explained_where_a_page_has_it_first(browser: Browser) -> None:
    browser.show(SITE / "docs" / "sharing-maps.html")
    explained = browser.evaluate(
        "[...document.querySelectorAll('article abbr')].map(a => [a.innerText, a.title])"
    )
    words = [word for word, _meaning in explained]
    assert ["pin", "a pseudo-file in a bpffs that refers to a kernel object"] in explained
    assert len(words) == len({word.rstrip("s") for word in words}) > 2
    for heading in ("h1", "h2", "a", "code"):
        assert not browser.evaluate(f"document.querySelector('article {heading} abbr')")
