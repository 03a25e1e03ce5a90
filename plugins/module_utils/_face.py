# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible face of the core. Private to this collection: not covered by semantic versioning."""

from __future__ import annotations

import typing as t
from collections import Counter
from contextlib import contextmanager

from ._core.errors import TROUBLE, PinningError, Problems, explained
from ._core.found.pins import NOTHING
from ._core.map_types import map_type_name, settable_flags
from ._core.shape import MapShape
from ._core.uapi import flag_names
from ._core.visible import visible, visible_lines, visible_text

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ._core.apply.names import Result
    from ._core.found.pins import Found
    from ._core.plan.names import NamePlan
    from ._core.spec.fields import Awaited
    from ._core.spec.names import WantedName

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
            msg += f"\nDone before that, and left so: {visible(', '.join(done))}"
        module.fail_json(**printable({"msg": msg, "changed": bool(done)}))


def read_awaiting(
    module: AnsibleModule, read: t.Callable[[t.Optional[Awaited]], T]
) -> t.Tuple[T, Awaited]:
    """What `read` returns, and what a check awaits of the tasks before.

    What cannot be is told as in a run, and then all that is missing with it.
    """
    if not module.check_mode:
        return read(None), {}
    awaited: Awaited = {}
    try:
        return read(awaited), awaited
    except PinningError:
        return read(None), {}


def remaining_problems(
    module: AnsibleModule, plan: NamePlan[t.Any], awaited: Awaited
) -> t.Sequence[str]:
    """What stops the task. Of what a task before may cure, a check warns, and goes on."""
    if module.check_mode:
        warn_of(module, plan.not_mounted)
        if not certain_problems(plan):
            warn_of(module, [*awaited, *plan.not_yet])
            return []
    return plan.problems


def certain_problems(plan: NamePlan[t.Any]) -> t.List[str]:
    """Those that no task before cures."""
    return [problem for problem in plan.problems if problem not in plan.not_yet]


def warn_of(module: AnsibleModule, awaited: t.Iterable[str]) -> None:
    """Warn of what is not there yet, in a check."""
    for text in awaited:
        module.warn(f"{text}; until then a run that is not a check fails")


def but_freed(
    module: t.Any, wanted: t.Sequence[WantedName], found: t.Sequence[Found]
) -> t.List[t.Any]:
    """What is found at the names, but nothing where a task before frees the path, in a check."""
    freed = module.freed
    return [NOTHING if each.path in freed else there for each, there in zip(wanted, found)]


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
        return {key: printable(each, key, declared) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable(each, "", declared) for each in value]
    return value


_OF_LINES = ("msg", "before", "after", "exception")


def batch_report(
    result: Result[t.Any],
    key: str,
    done: t.Sequence[str],
    describe: t.Callable[[t.Any], Dictionary],
    diff_of: t.Optional[t.Callable[[t.Any], Dictionary]],
) -> Dictionary:
    """What became of a batch. `key` is where it is listed, `done` are the actions that change."""
    counts = dict.fromkeys((*done, "unchanged", "incompatible"), 0)
    for outcome in result.outcomes:
        counts[outcome.action] = counts.get(outcome.action, 0) + 1
    changing = [outcome for outcome in result.outcomes if outcome.action in done]
    report: Dictionary = {
        "changed": bool(changing or result.new_directories or result.leftovers),
        key: [describe(outcome) for outcome in result.outcomes],
        "counts": counts,
        "directories": result.new_directories,
        "leftovers": result.leftovers,
    }
    if diff_of:
        report["diff"] = [
            *(text_diff(path, {}, {"directory": "new"}) for path in result.new_directories),
            *(text_diff(path, {"leftovers": "of a killed run"}, {}) for path in result.leftovers),
            *map(diff_of, changing),
        ]
    return report


def refused(report: Dictionary, problems: t.Sequence[str]) -> Dictionary:
    """The same when nothing is done because of `problems`."""
    nothing = {"changed": False, "directories": [], "leftovers": []}
    return t.cast(Dictionary, printable({**report, **nothing, "msg": visible_lines(problems)}))


def stopped(result: Result[t.Any], done: t.Sequence[str], key: str) -> str:
    """The message of a run that stopped at `result.error`: that, and how far it came.

    `key` is where the result lists the items, `done` are the actions that change something.
    """
    actions = Counter(outcome.action for outcome in result.outcomes)
    made, error = len(result.new_directories), visible(result.error)
    if len(result.outcomes) == 1 and not made:
        return error
    summary = [f"{made} directories made"] if made else []
    summary += [f"{count} {action.replace('_', ' ')}" for action, count in actions.items()]
    told = ", ".join(summary)
    if made or result.leftovers or any(actions[each] for each in done):
        return (
            f"{error}\nDone so far: {told} (see `{key}`). What is done stays; mend the "
            "cause, then run again to do the rest."
        )
    return f"{error}\nNothing was changed: {told} (see `{key}`). Mend the cause, then run again."


def shape_fields(shape: MapShape) -> Dictionary:
    """The shape of a map, in the words of the options of bpf_map_pinned."""
    return {
        "type": map_type_name(shape.number),
        "key_size": shape.key_size,
        "value_size": shape.value_size,
        "max_entries": shape.max_entries,
        "flags": flag_names(settable_flags(shape.number, shape.flags)),
        "map_extra": shape.map_extra,
    }


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
