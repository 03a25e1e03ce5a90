# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result of one of the modules says about each pin. Pure. Private to this collection."""

from __future__ import annotations

import typing as t
from functools import lru_cache

IN_PLACE = "in_place"
MISSING = "missing"
DIFFERENT = "different"
ACCESS = "access"  # only owner, group or mode
UNDECLARED = "undeclared"
FAILED = "failed"
STATES = (IN_PLACE, MISSING, DIFFERENT, ACCESS, UNDECLARED, FAILED)
DRIFT = (MISSING, DIFFERENT, ACCESS, UNDECLARED)

Result = t.Mapping[str, t.Any]


class Field(t.NamedTuple):
    """One thing that is not as declared, both sides as text."""

    name: str
    want: str
    have: str


class Finding(t.NamedTuple):
    """How one path of a host was found."""

    path: str
    kind: str  # map, object, mount, pin, directory, file
    state: str  # one of STATES
    fields: t.Tuple[Field, ...] = ()
    note: str = ""
    repaired: bool = False  # the same task has put it right


class Told(t.NamedTuple):
    """All that a result says: of pins, and of what kept it from saying more."""

    findings: t.Sequence[Finding]
    problems: t.Sequence[str] = ()


def read(module: str, result: Result, *, failed: bool, check: bool) -> Told:
    """Read the result of a task of the collection; `module` is its name in it."""
    if "censored" in result:
        return Told((), ["the result is hidden by no_log"])
    try:
        told = _READERS[module](result, check)
    except (AttributeError, KeyError, TypeError) as error:
        return Told((), [f"the result of {module} is not as this version makes it: {error!r}"])
    # A module that succeeds has no message: so failed_when cannot hide a failure.
    lines = [own_words(line) for line in str(result.get("msg", "")).splitlines()]
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
    return [str(each) for each in cautions] if isinstance(cautions, list) else []


def read_other(task: str, result: Result, *, check: bool) -> Told:
    """Read what a task that is not one of the modules, but belongs to a role, has changed."""
    for key in ("dest", "path", "name"):
        if result.get("changed") and isinstance(result.get(key), str):
            return Told([Finding(result[key], "file", DIFFERENT, (), f"by {task}", not check)])
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


def own_words(line: str) -> str:
    """A message without what Ansible puts before it."""
    prefix = "Task failed: "
    return line[len(prefix) :] if line.startswith(prefix) else line


def _named(key: str, kind: str) -> t.Callable[[Result, bool], Told]:
    def read_items(result: Result, check: bool) -> Told:
        found = [_named_item(item, kind, check) for item in result.get(key) or ()]
        for path in result.get("leftovers") or ():
            note = "left behind by a run that was killed"
            found.append(Finding(str(path), "directory", UNDECLARED, (), note, not check))
        return Told(found)

    return read_items


def _named_item(item: Result, kind: str, check: bool) -> Finding:
    action = str(item["action"])
    if action == "unchanged":
        return _in_place(str(item["path"]), kind)
    fields = _fields(item.get("drift") or ())
    state = _STATE_OF_ACTION.get(action, FAILED)
    if state == DIFFERENT and _is_access(fields):
        state = ACCESS
    note = str(item.get("error") or "")
    if action == "not_done":
        note = "not looked after: the task stopped at another one before"
    repaired = not check and action in ("created", "adjusted", "replaced", "migrated")
    return Finding(str(item["path"]), kind, state, fields, note, repaired)


def _mount(result: Result, check: bool) -> Told:
    action = result.get("action")
    if action is None:  # it failed
        return Told(())
    path = str(result["target"])
    fields = _fields(result["drift"])
    if action == "unchanged" and not fields:
        return Told([_in_place(path, "mount")])
    state = {"mounted": MISSING, "unmounted": UNDECLARED}.get(str(action), DIFFERENT)
    if state == MISSING and fields:
        state = DIFFERENT  # it was there, and is mounted anew
    if state == DIFFERENT and _is_access(fields):
        state = ACCESS
    return Told([Finding(path, "mount", state, fields, repaired=not check)])


def _absent(result: Result, check: bool) -> Told:
    findings = []
    for item in result.get("pins") or ():
        if item["action"] == "removed":
            held = " ".join(str(item[key]) for key in ("type", "id", "name") if item.get(key))
            note = f"holds {held}" if check else f"held {held}"
            path = str(item["path"])
            findings.append(Finding(path, "pin", UNDECLARED, (), note, not check))
    for path in result.get("directories") or ():
        findings.append(Finding(str(path), "directory", UNDECLARED, (), "", not check))
    return Told(findings)


def _restore(result: Result, check: bool) -> Told:
    findings = {}
    for item in result.get("files") or ():
        path, core, _file = str(item["path"]).partition("/_core/")
        if core:
            path += "/_core"  # the program is one thing, however many files it has
        note = f"to be {item['action']}" if check else str(item["action"])
        findings[path] = Finding(path, "file", DIFFERENT, (), note, not check)
    return Told(list(findings.values()))


def _fields(drift: t.Iterable[Result]) -> t.Tuple[Field, ...]:
    return tuple(
        Field(str(each["field"]), _spelled(each["want"]), _spelled(each["have"])) for each in drift
    )


def _is_access(fields: t.Sequence[Field]) -> bool:
    return bool(fields) and all(field.name in ("owner", "group", "mode") for field in fields)


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value) or "none"
    return "none" if value is None else str(value)


@lru_cache(maxsize=100_000)
def _in_place(path: str, kind: str) -> Finding:
    # Shared by all hosts: a fleet is mostly in place, and mostly alike.
    return Finding(path, kind, IN_PLACE)


_NO_MESSAGE = "Action failed: Unknown error."  # ansible-core 2.19, of an until never met
_STATE_OF_ACTION = {
    "created": MISSING,
    "adjusted": DIFFERENT,
    "replaced": DIFFERENT,
    "migrated": DIFFERENT,
    "incompatible": DIFFERENT,
}
_READERS: t.Dict[str, t.Callable[[Result, bool], Told]] = {
    "bpf_map_pinned": _named("maps", "map"),
    "bpf_object_pinned": _named("objects", "object"),
    "bpf_pin_absent": _absent,
    "bpffs_mount": _mount,
    "bpf_restore": _restore,
}
