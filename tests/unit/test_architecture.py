# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/architecture.md and its picture name what is there, and all of it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
CORE = PLUGINS / "module_utils" / "_core"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
PICTURE = ElementTree.fromstring((ROOT / "docs" / "pictures" / "architecture.svg").read_text())
SVG = "{http://www.w3.org/2000/svg}"
# In which folders a short name is looked up.
MODULE_UTILS = PLUGINS / "module_utils"
PLACES = (
    *(ROOT, PLUGINS, MODULE_UTILS, PLUGINS / "plugin_utils", CORE, MODULE_UTILS / "_module"),
    *(CORE / "kinds").iterdir(),
)


def found(name: str, places: tuple[Path, ...] = PLACES) -> list[Path]:
    """What a name can mean: `room/`, a file without its ending, or several by a star."""
    pattern = name if name.endswith("/") else f"{name}.py"
    return [path for place in places for path in place.glob(pattern.rstrip("/"))]


def column(heading: str) -> set[str]:
    """What stands in backquotes in the first cells of the table with this heading."""
    lines = PAGE[PAGE.index(f"\n| {heading} | |\n") + 1 :].partition("\n\n")[0].splitlines()
    return {name for line in lines[2:] for name in re.findall(r"`([^`]+)`", line.split("|")[1])}


def kinds() -> dict[str, set[str]]:
    """The files of each kind, as the table of kinds has them beside those that each may have."""
    lines = PAGE[PAGE.index("| kind |") :].partition("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {row[1].strip("`"): set(re.findall(r"`(\w+)`", row[2])) for row in rows}


def files(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.py")} - {"__init__"}


def rooms_of_the_picture() -> list[str]:
    return [
        name
        for text in PICTURE.iter(f"{SVG}text")
        if text.get("class") == "room"
        for name in (text.text or "").split()
    ]


def test_the_table_of_kinds_has_every_package() -> None:
    there = {f"kinds/{path.name}" for path in (CORE / "kinds").iterdir() if any(path.glob("*.py"))}
    assert kinds().keys() == there


@pytest.mark.parametrize("kind", kinds())
def test_a_kind_has_the_files_of_the_table(kind: str) -> None:
    common = {"declaration", "observed", "observe", "plan", "apply"}
    there = files(CORE / kind)
    assert {"declaration", "observe", "plan", "apply"} <= there
    assert kinds()[kind] == there - common


def test_the_table_of_the_core_has_its_files() -> None:
    assert column("file") == files(CORE)


def test_the_table_of_the_command_has_its_files() -> None:
    assert column("`_core/command/`") == files(CORE / "command")


def test_the_table_of_what_is_in_maps_has_its_files() -> None:
    assert column("`_core/content/`") == files(CORE / "content")
    assert column("`_core/lists/`") == files(CORE / "lists")


def test_every_file_of_the_engine_is_named() -> None:
    assert {f"`{name}`" for name in files(CORE / "engine")} <= {*re.findall("`\\w+`", PAGE)}


@pytest.mark.parametrize("folder", ["module_utils/_module", "plugin_utils"])
def test_every_file_beside_the_core_is_named(folder: str) -> None:
    named = set(re.findall(r"`(?:\w+/)*(\w+)`", PAGE))
    there = files(PLUGINS / folder)
    assert there
    assert there <= named


def test_every_room_that_the_page_names_is_there() -> None:
    rooms = re.findall(r"`((?:\w+/)+)`", PAGE)
    assert len(set(rooms)) >= 10
    assert [room for room in rooms if not found(room)] == []


def test_every_room_of_the_picture_is_there() -> None:
    named = rooms_of_the_picture()
    assert len(named) >= 20
    assert [name for name in named if not found(name)] == []


def test_the_picture_has_every_room() -> None:
    drawn = {path for name in rooms_of_the_picture() for path in found(name)}
    rooms = {path for path in CORE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    kinds = {PLUGINS / name for name in ("modules", "lookup", "callback")}
    assert rooms | kinds <= drawn


def test_the_picture_says_what_it_shows() -> None:
    named = (PICTURE.get("aria-labelledby") or "").split()
    for name in named:
        (element,) = (each for each in PICTURE.iter() if each.get("id") == name)
        assert element.text
    assert [PICTURE.find(f"{SVG}{tag}").get("id") for tag in ("title", "desc")] == named  # type: ignore[union-attr]
