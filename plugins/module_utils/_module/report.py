# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible face of the core. Private to this collection: not covered by semantic versioning."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager

from .._core.errors import TROUBLE, PinningError, Problems, explained
from .._core.fields import octal
from .._core.shape import Access
from .._core.users import Users, group_name, user_name
from .._core.visible import visible, visible_lines, visible_text

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from .._core.engine.kind import Observed
    from .._core.kinds.pins.observed import Program
    from .._core.people import Awaited

T = t.TypeVar("T")
Dictionary = t.Dict[str, t.Any]


@contextmanager
def failures_reported(module: AnsibleModule, done: t.Sequence[str] = ()) -> t.Iterator[None]:
    """Turn an error of the core, whose text is complete, into `fail_json`.

    `done` lists what was changed by then, in words.
    """
    try:
        yield
    except UnicodeEncodeError as error:
        module.fail_json(
            msg=f"{error.object!r} cannot be written in the locale of the task "
            f"({error.encoding}): set LC_ALL to C.UTF-8 in its environment"
        )
    except TROUBLE as error:
        problems = error.problems if isinstance(error, Problems) else [explained(error)]
        msg = visible_lines(problems)
        if done:
            msg += f"\nDone before it failed, and not undone: {visible(', '.join(done))}"
        module.fail_json(**printable({"msg": msg, "changed": bool(done)}))


def read_awaiting(module: AnsibleModule, read: t.Callable[[Users], T]) -> t.Tuple[T, Awaited]:
    """Return what `read` returns, and the users that a check awaits of the tasks before.

    What cannot be is told as in a run, and then all that is missing with it.
    """
    if not module.check_mode:
        return read(Users()), {}
    awaited: Awaited = {}
    try:
        return read(Users(awaited)), awaited
    except PinningError:
        return read(Users()), {}


def warn_of(module: AnsibleModule, awaited: t.Iterable[str]) -> None:
    """Warn of what is not there yet, in a check."""
    for text in awaited:
        module.warn(f"{text}; until then a run that is not a check fails")


def but_freed(module: t.Any, observed: Observed) -> Observed:
    """Return what was observed, but nothing where a task before frees the path, in a check."""
    if not module.freed:
        return observed
    from .._core.kinds.pins.observed import NOTHING  # mounts have no use for it

    items = [
        (wanted, NOTHING if wanted.path in module.freed else found)
        for wanted, found in observed.items
    ]
    return observed._replace(items=items)


class Declared(str):
    """Text of the declaration itself. A task that succeeds tells it as it is, for others to use."""


def printable(
    value: t.Any, key: str = "", declared: t.Callable[[Declared], str] = lambda text: text
) -> t.Any:
    """`value` with every text fit for JSON and for a terminal: names in bpffs may be any bytes.

    Only messages and diffs, whose `key` says so, have more than one line. `declared` is what
    becomes of text that comes from the declaration.
    """
    if isinstance(value, Declared):
        return declared(value)
    if isinstance(value, str):
        return visible_text(value) if key in _OF_LINES else visible(value)
    if isinstance(value, dict):
        return {
            key: each
            if type(each) in _NO_TEXT
            or (each.__class__ is str and each.isascii() and each.isprintable())
            else printable(each, key, declared)
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [printable(each, "", declared) for each in value]
    return value


_OF_LINES = ("msg", "before", "after", "exception")
_NO_TEXT = (int, bool, type(None))


def access_fields(access: Access) -> Dictionary:
    """Return what is declared of owner, group and mode, as the options say it."""
    fields: Dictionary = {}
    if access.owner is not None:
        fields["owner"] = user_name(access.owner)
    if access.group is not None:
        fields["group"] = group_name(access.group)
    if access.mode is not None:
        fields["mode"] = octal(access.mode)
    return fields


def still_using(programs: t.Sequence[Program]) -> str:
    """Return the warning about `programs`, at least one, that use a map which loses its name."""
    told = ", ".join(program.label for program in programs)
    if len(programs) == 1:
        return f"program {told} still uses the old map; reload it to switch"
    return f"programs {told} still use the old map; reload them to switch"


def text_diff(
    path: str, before: t.Mapping[str, object], after: t.Mapping[str, object]
) -> Dictionary:
    """One entry of `diff`: both sides as YAML, a field a line."""
    return _diff(path, _yaml(before), _yaml(after))


def file_diff(path: str, before: bytes, after: bytes) -> Dictionary:
    """One entry of `diff`: a file, as it is found and as it is to be."""
    sides = (each.decode("utf-8", "replace") for each in (before, after))
    return _diff(path, *map(visible_text, sides))


def _diff(path: str, before: str, after: str) -> Dictionary:
    shown = visible(path)
    return {
        "before_header": f"{shown} (found)",
        "after_header": f"{shown} (declared)",
        "before": before,
        "after": after,
    }


def _yaml(fields: t.Mapping[str, object]) -> str:
    return "".join(f"{name}: {visible(_scalar(value))}\n" for name, value in fields.items())


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(str(item) for item in value) + "]"
    if isinstance(value, str) and value.isdigit():
        return f'"{value}"'
    return str(value)
