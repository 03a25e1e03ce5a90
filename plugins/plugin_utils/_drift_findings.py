# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result of one of the modules says about each pin. Pure. Private to this collection."""

from __future__ import annotations

import re
import typing as t
from functools import lru_cache
from itertools import islice

from ..module_utils._core.engine.standing import FOUND, Standing
from ..module_utils._core.engine.steps import Action, State

IN_PLACE: str = Standing.IN_PLACE.value
MISSING: str = Standing.MISSING.value
DIFFERENT: str = Standing.DIFFERENT.value
ACCESS: str = Standing.ACCESS.value
UNDECLARED: str = Standing.UNDECLARED.value
FAILED: str = Standing.FAILED.value
STATES = (IN_PLACE, MISSING, DIFFERENT, ACCESS, UNDECLARED, FAILED)
DRIFT = (MISSING, DIFFERENT, ACCESS, UNDECLARED)
# By kind, the word that counts it: a mount is no pin, nor is a file under /etc.
GROUPS = ("pins", "mounts", "directories", "files")
GROUP_OF: t.Mapping[str, str] = {
    "map": "pins",
    "program": "pins",
    "link": "pins",
    "object": "pins",
    "pin": "pins",
    "mount": "mounts",
    "directory": "directories",
    "file": "files",
}
MOST = 20_000  # characters of a text: a path of 4,095 bytes, each spelled, fits
MOST_OPTIONS = 32  # of one declaration; a map has half as many
MOST_NAME = 200  # characters of the name of one

Result = t.Mapping[str, t.Any]


class Field(t.NamedTuple):
    """One thing that is not as declared, both sides as text."""

    name: str
    want: str
    have: str


class Finding(t.NamedTuple):
    """How one path of a host was found."""

    path: str
    kind: str  # one of GROUP_OF
    state: str  # one of STATES
    fields: t.Tuple[Field, ...] = ()
    note: str = ""
    repaired: bool = False  # the same task has put it right
    is_to_stay: bool = False  # it is undeclared, and the task was to tell, not to remove it
    declared: t.Tuple[t.Tuple[str, str], ...] = ()  # of what is missing: options and their values
    copied: t.Optional[int] = None  # entries that a migration has copied, or that one would copy


class Entries(t.NamedTuple):
    """How many entries of a map are not as declared."""

    missing: int
    different: int
    extra: int

    @property
    def words(self) -> str:
        """Such as 2 missing, 1 extra."""
        return ", ".join(f"{number} {kind}" for kind, number in zip(self._fields, self) if number)


class Told(t.NamedTuple):
    """All that a result says: of pins, and of what kept it from saying more."""

    findings: t.Sequence[Finding]
    problems: t.Sequence[str] = ()


def entries_of(finding: Finding) -> t.Optional[Entries]:
    """The entries of a map that are not as declared; None if none are, or nobody counted."""
    have = next((each.have for each in finding.fields if _is_of_entries(finding, each)), "")
    numbers = {kind: int(number) for number, kind in _COUNTED.findall(have)}
    return Entries(*(numbers.get(kind, 0) for kind in Entries._fields)) if numbers else None


def without_numbers(finding: Finding) -> t.Tuple[Field, ...]:
    """The fields alike for all maps that lack entries, or have others, however many."""
    return tuple(
        each._replace(have=_COUNTED.sub(r"some \2", each.have))
        if _is_of_entries(finding, each)
        else each
        for each in finding.fields
    )


def _is_of_entries(finding: Finding, field: Field) -> bool:
    return finding.kind == "map" and field.name == "entries"


def read(module: str, result: Result, *, failed: bool, check: bool) -> Told:
    """Read the result of a task of the collection; `module` is its name in it.

    A host may say anything: what cannot be read is a problem of that host, and never an exception.
    """
    try:
        return _read(module, result, failed=failed, check=check)
    except Exception as error:  # a host may say anything
        return unreadable(module, error)


def unreadable(what: str, error: Exception) -> Told:
    """What there is to say of a result that nobody can read."""
    return Told((), [f"the result of {what} is not as this version makes it: {_reason(error)}"])


def _reason(error: Exception) -> str:
    try:
        return shortened(repr(error), 300)
    except Exception:  # it quotes what the host said
        return type(error).__name__


def _read(module: str, result: Result, *, failed: bool, check: bool) -> Told:
    if "censored" in result:
        return Told((), ["the result is hidden by no_log"])
    message = result.get("msg", "")
    if not isinstance(message, str):
        raise TypeError(f"msg is of type {type(message).__name__}")
    if failed and module == "bpf_host" and not result.get("changed"):
        check = True  # what is refused as a whole, puts nothing right
    # A module that succeeds has no message: so failed_when cannot hide a failure.
    may_know_nothing = (failed or message) and result.get(_KEYS[module]) is None
    told = Told(()) if may_know_nothing else _READERS[module](result, check)
    said = shortened(message, MOST).splitlines()
    lines = [own_words(line) for line in said if not line.startswith(_QUOTED)]
    if module == "bpf_host":
        lines = [_LIST.sub("", line) for line in lines]
    if lines == [_NO_MESSAGE]:
        lines = []
    notable = any(finding.state != IN_PLACE for finding in told.findings)
    if notable and result.get("failed_when_result"):
        lines = []  # the condition is the user's, and the findings say what it was about
    elif failed and not lines and not notable:
        lines = ["the task failed and said nothing"]
    findings, rest = _with_notes(told.findings, lines)
    return Told(findings, rest)


def warnings_in(result: Result) -> t.List[str]:
    """What a result warns of, that is no drift and yet to be known."""
    cautions = result.get("cautions")
    if not isinstance(cautions, list):
        return []
    return [shortened(str(each), MOST) for each in cautions]


def read_other(task: str, result: Result, *, check: bool) -> Told:
    """Read what a task that is not one of the modules, but belongs to a role, has changed."""
    for key in ("dest", "path", "name"):
        if result.get("changed") and isinstance(result.get(key), str) and result[key]:
            path = _path(result[key])
            return Told([Finding(path, "file", DIFFERENT, (), f"by {task}", not check)])
    return Told(())


def reads(module: str) -> bool:
    """Whether results of this module say something about pins."""
    return module in _READERS


def _with_notes(
    findings: t.Sequence[Finding], lines: t.Sequence[str]
) -> t.Tuple[t.Sequence[Finding], t.Sequence[str]]:
    """Give each line to the finding whose path it begins with; what is left is about the whole."""
    by_path = {finding.path: finding for finding in findings if finding.state != IN_PLACE}
    rest = []
    for line in lines:
        path = _leading_path(line, by_path)
        if path is None:
            rest.append(line)
        else:
            found = by_path[path]
            note = line[len(path) :].lstrip(": ")
            if note not in found.note:
                by_path[path] = found._replace(note=f"{found.note}\n{note}".strip())
    return [by_path.get(finding.path, finding) for finding in findings], rest


def _leading_path(line: str, paths: t.Container[str]) -> t.Optional[str]:
    # Paths may hold any character, also a colon and a space: the longest that fits is meant.
    end = line.rfind(" ")
    while end > 0:
        for path in (line[:end], line[: end - 1] if line[end - 1] == ":" else ""):
            if path in paths:
                return path
        end = line.rfind(" ", 0, end)
    return None


def spelled_bytes(number: int) -> str:
    """Such as 5.2 MiB, in the largest unit that there is one of."""
    for size, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"


def own_words(line: str) -> str:
    """A message without what Ansible puts before it."""
    prefix = "Task failed: "
    return line[len(prefix) :] if line.startswith(prefix) else line


def shortened(text: str, most: int) -> str:
    """`text`, or its beginning and how long it is: nobody reads a hundred megabytes."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def _named(key: str, kind: str) -> t.Callable[[Result, bool], Told]:
    def read_items(result: Result, check: bool) -> Told:
        found = [_declared_item(item, kind, check) for item in _list(result, key)]
        return Told([*found, *_leftovers(result, check)])

    return read_items


def _links(result: Result, check: bool) -> Told:
    return Told([*_link_items(result, check), *_leftovers(result, check)])


def _link_items(result: Result, check: bool) -> t.Iterator[Finding]:
    """Read links that are to be there, and those that are to be gone and are not."""
    for item in _list(result, "links"):
        if item["action"] == Action.REMOVE.value:
            yield _undeclared({**item, "type": "link"}, check, stays=False)
        elif item["action"] != Action.MISS.value:
            yield _declared_item(item, "link", check)


def _entries(result: Result, check: bool) -> Told:
    return Told([_entries_item(item, check) for item in _list(result, "maps")])


def _entries_item(item: Result, check: bool) -> Finding:
    """Read what is told of a map of others, which may be there without these entries, or not."""
    finding = _declared_item(item, "map", check)
    lacks_map = item.get("id") is None and [each.name for each in finding.fields] == ["entries"]
    if finding.state == DIFFERENT and lacks_map:
        return finding._replace(state=MISSING, repaired=False)
    return finding


def _programs(result: Result, check: bool) -> Told:
    """Read a result that has the maps of programs, too, or one of pins that are to be gone."""
    if "programs" not in result:
        return _absent({"pins": _list(result, "absent")}, check)
    findings = [
        _declared_item(item, kind, check)
        for key, kind in (("maps", "map"), ("programs", "program"))
        for item in _list(result, key)
    ]
    return Told([*findings, *_leftovers(result, check)])


def _leftovers(result: Result, check: bool) -> t.List[Finding]:
    note = "left behind by a run that was killed"
    return [
        Finding(_path(path), "directory", UNDECLARED, (), note, not check)
        for path in result.get("leftovers") or ()
    ]


def _named_item(item: Result, kind: str, check: bool) -> Finding:
    path, action = _path(item["path"]), str(item["action"])
    if action == _KEPT:
        return as_declared(path, kind)
    fields = _fields(item.get("drift") or ())
    state = _STATE_OF_PIN.get(action, FAILED)
    if state == DIFFERENT and _is_access(fields):
        state = ACCESS
    note = shortened(str(item.get("error") or ""), MOST)
    if action == State.NOT_DONE.value:
        note = "not reached: the task stopped at an earlier one"
    repaired = not check and action in _REPAIRING
    copied = item.get("copied") if action == Action.MIGRATE.value else None
    if not (
        copied is None
        or (isinstance(copied, int) and not isinstance(copied, bool) and 0 <= copied < 2**32)
    ):
        raise ValueError(f"copied is {shortened(repr(copied), 80)}")
    return Finding(path, kind, state, fields, note, repaired, copied=copied)


def _whole(result: Result, check: bool) -> Told:
    """Read a result of bpf_host, which has those of the other modules in it."""
    has_written = bool(result.get("files"))
    findings = []
    for item in _list(result, "mounts"):
        if item["action"] in _UNDONE:
            findings.append(_named_item({**item, "path": item["target"]}, "mount", check))
        else:
            changed = item["action"] != _KEPT or has_written
            findings += _mount({**item, "changed": changed}, check).findings
    for key, kind in _DECLARED:
        findings += [_declared_item(item, kind, check) for item in _list(result, key)]
    findings += _link_items(result, check)
    for item in _list(result, "absent"):
        if item["action"] == Action.REMOVE.value:
            findings.append(_undeclared(item, check, stays=False))
    for item in result.get(UNDECLARED) or ():
        findings.append(_undeclared(item, check=True, stays=True))
    findings += _leftovers(result, check)
    if result.get("at_boot"):
        findings += _restore(result["at_boot"], check).findings
    return Told(findings)


def _mount(result: Result, check: bool) -> Told:
    action = str(result["action"])
    path = _path(result["target"])
    fields = _fields(result["drift"])
    if action == _KEPT and not fields:
        return Told([as_declared(path, "mount")])
    state = _STATE_OF_MOUNT.get(action, DIFFERENT)
    if state == MISSING and fields:
        state = DIFFERENT  # it was there, and is mounted anew
    if state == DIFFERENT and _is_access(fields):
        state = ACCESS
    repaired = not check and bool(result.get("changed", True))  # fstab is reported, and left
    return Told([Finding(path, "mount", state, fields, repaired=repaired)])


def _absent(result: Result, check: bool) -> Told:
    # A task that says it changes nothing (changed_when: false) is there to look.
    stays = check and result.get("changed") is False
    findings = [
        _undeclared(item, check, stays=stays)
        for item in _list(result, "pins")
        if item["action"] == Action.REMOVE.value
    ]
    for path in result.get("directories") or ():
        findings.append(Finding(_path(path), "directory", UNDECLARED, (), "", not check, stays))
    return Told(findings)


def _undeclared(item: Result, check: bool, *, stays: bool) -> Finding:
    held = " ".join(str(item[key]) for key in ("type", "id", "name") if item.get(key))
    memory = item.get("memlock")
    if isinstance(memory, int) and not isinstance(memory, bool):
        held += f", {spelled_bytes(memory)}"
    note = shortened(f"holds {held}" if check else f"held {held}", MOST)
    kind = "directory" if item.get("type") == "directory" else "pin"
    if kind == "directory":
        note = ""
    return Finding(_path(item["path"]), kind, UNDECLARED, (), note, not check, stays)


def found_absent(module: str, result: Result) -> t.Sequence[str]:
    """The paths that a result says are absent, as they are to be."""
    pins = result.get(_ABSENT.get(module, ""))
    if not isinstance(pins, list):
        return ()
    return [
        shortened(each["path"], MOST)
        for each in pins
        if isinstance(each, dict)
        and each.get("action") == Action.MISS.value
        and isinstance(each.get("path"), str)
    ]


def _restore(result: Result, check: bool) -> Told:
    findings = {}
    for item in _list(result, "files"):
        path, core, _file = _path(item["path"]).partition("/_core/")
        if core:
            path += "/_core"  # the program is one thing, however many files it has
        action = shortened(str(item["action"]), MOST)
        note = f"to be {action}" if check else action
        findings[path] = Finding(path, "file", DIFFERENT, (), note, not check)
    return Told(list(findings.values()))


def _list(result: Result, key: str) -> t.Sequence[Result]:
    items = result[key]
    if not isinstance(items, (list, tuple)):
        raise TypeError(f"{key} is of type {type(items).__name__}")
    return items


def _path(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"path is of type {type(value).__name__}")
    if not value:
        raise ValueError("path is empty")
    return shortened(value, MOST)


def _fields(drift: t.Iterable[Result]) -> t.Tuple[Field, ...]:
    return tuple(
        Field(_path(each["field"]), _spelled(each["want"]), _spelled(each["have"]))
        for each in drift
    )


def _declared_item(item: Result, kind: str, check: bool) -> Finding:
    finding = _named_item(item, kind, check)
    return finding._replace(declared=_told_of(item, "declared")) if "declared" in item else finding


def _told_of(item: Result, key: str) -> t.Tuple[t.Tuple[str, str], ...]:
    value = item.get(key) or {}
    if not isinstance(value, dict):
        raise TypeError(f"{key} is of type {type(value).__name__}")
    some = islice(value.items(), MOST_OPTIONS)
    return tuple((shortened(str(name), MOST_NAME), _spelled(each)) for name, each in some)


def _is_access(fields: t.Sequence[Field]) -> bool:
    return bool(fields) and all(field.name in ("owner", "group", "mode") for field in fields)


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return shortened(", ".join(str(each) for each in value), MOST) or "none"
    return "none" if value is None else shortened(str(value), MOST)


@lru_cache(maxsize=100_000)
def as_declared(path: str, kind: str) -> Finding:
    """What is in place."""
    # Shared by all hosts: a fleet is mostly in place, and mostly alike.
    return Finding(path, kind, IN_PLACE)


def _words(*actions: Action) -> t.Dict[str, str]:
    """The state in which that was found of which a result says so, by its word."""
    return {action.value: FOUND[action].value for action in actions}


# As a difference of entries is told (difference.py); a map has room for 2**32.
_COUNTED = re.compile(r"\b([0-9]{1,10})\s(missing|different|extra)\b")
# What bpf_host puts before a message.
_LIST = re.compile("^(mounts|directories|maps|programs|entries|links|objects|absent): (?=/)")
_DECLARED = (
    *(("directories", "directory"), ("maps", "map")),
    *(("programs", "program"), ("objects", "object")),
)
_NO_MESSAGE = "Action failed: Unknown error."  # ansible-core 2.19, of an until never met
_QUOTED = "  "  # of the log of the verifier; where the whole log is, is told before it
_KEPT = Action.KEEP.value
_REPAIRING = _words(Action.CREATE, Action.ADJUST, Action.REPLACE, Action.UPDATE, Action.MIGRATE)
_STATE_OF_PIN = {**_REPAIRING, **_words(Action.REFUSE)}
_STATE_OF_MOUNT = _words(Action.MOUNT, Action.UNMOUNT)
_UNDONE = (Action.REFUSE.value, State.FAILED.value, State.NOT_DONE.value)
_ABSENT = {"bpf_pin_absent": "pins", "bpf_host": "absent"}
# Where a result lists what it found.
_KEYS = {
    "bpf_host": "maps",
    "bpf_map_entries": "maps",
    "bpf_map_pinned": "maps",
    "bpf_link_pinned": "links",
    "bpf_object_pinned": "objects",
    "bpf_program_pinned": "programs",
    "bpf_pin_absent": "pins",
    "bpffs_mount": "action",
    "bpf_restore": "files",
}
_READERS: t.Dict[str, t.Callable[[Result, bool], Told]] = {
    "bpf_host": _whole,
    "bpf_map_entries": _entries,
    "bpf_map_pinned": _named("maps", "map"),
    "bpf_link_pinned": _links,
    "bpf_object_pinned": _named("objects", "object"),
    "bpf_program_pinned": _programs,
    "bpf_pin_absent": _absent,
    "bpffs_mount": _mount,
    "bpf_restore": _restore,
}
