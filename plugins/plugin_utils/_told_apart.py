# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook of this collection shows of a result, as it runs. Private to this collection.

Ansible writes all of a result that failed to the screen: of a host with many maps, one of which
differs, kilobytes of JSON. The report at the end says the same for people, and so the playbooks,
which bring it along, keep the rest for it.
"""

from __future__ import annotations

import typing as t

from ansible import constants
from ansible.plugins.loader import callback_loader
from ansible.utils.display import Display

from ._drift_findings import IN_PLACE, read
from ._drift_report import Report
from ._run_notes import TOLD, RunNotes

C: t.Any = constants  # most of them are made when it is loaded
# Variables of plays: of those whose exit code is to be the verdict; of ebpf.pinning.provision.
VERDICT = "__drift_verdict"
_REPORTED = "__drift_reported"
_LOOKED_AT = "maps"  # is in a result where the module came to look at the host
_OF_ANSIBLE = ("exception", "warnings", "deprecations")  # values that only Ansible can write
_JUDGED = "__judged"  # in a note: that the task failed is the verdict
_NOT_AS_DECLARED = "This host is not as declared. The report says what differs."
_SHOWN = ("failed", "changed", "msg", "counts", "exception", "warnings", "deprecations")

Result = t.Dict[str, t.Any]


def told_apart(
    result: Result,
    variables: t.Mapping[str, t.Any],
    notes: RunNotes,
    *,
    with_diff: bool,
    fails: bool,
) -> Result:
    """What Ansible is to know of the result of a task; `notes` get the rest.

    `fails`: a host that is not as declared is a failure, where the playbook has a verdict.
    """
    notes.forget(TOLD)
    if VERDICT not in variables:
        return _as_shown(result, variables, notes)
    looked = _only_looked(result, with_diff=with_diff)
    if not fails or _LOOKED_AT not in result or _is_in_place(result):
        return _as_shown(looked, variables, notes)
    whole = {key: value for key, value in looked.items() if key not in _OF_ANSIBLE}
    notes.add(TOLD, {**whole, _JUDGED: True})
    verdict = {"failed": True, "changed": False, "msg": _NOT_AS_DECLARED}
    return {**{key: looked[key] for key in _SHOWN if key in looked}, **verdict}


def _as_shown(result: Result, variables: t.Mapping[str, t.Any], notes: RunNotes) -> Result:
    """What of a result is shown; all of it unless `notes` can have the rest.

    Ansible copies what it is given of each host, several times, and keeps it until the last host
    has answered.
    """
    if _LOOKED_AT not in result or not is_only_reported(variables):
        return result
    shown = _SHOWN if result.get("failed") else (*_SHOWN, "diff")
    notes.add(TOLD, {key: value for key, value in result.items() if key not in shown})
    return {key: value for key, value in result.items() if key in shown}


def is_only_reported(variables: t.Mapping[str, t.Any]) -> bool:
    """Whether nobody is shown more of a result than what the report says."""
    is_ours = _REPORTED in variables or VERDICT in variables
    return is_ours and not Display().verbosity and not writes_a_document()


def writes_a_document() -> bool:
    """Whether what goes to the standard output is for programs."""
    writer = callback_loader.get(C.DEFAULT_STDOUT_CALLBACK, class_only=True)
    return any(
        "json" in each.__module__.rpartition(".")[2] for each in getattr(writer, "__mro__", ())
    )


def _only_looked(result: Result, *, with_diff: bool) -> Result:
    """To have looked is no failure, and no change, whatever was seen: the report says what.

    Ansible shows a diff only of what has changed.
    """
    if _LOOKED_AT not in result:
        return result
    quiet = {**result, "changed": bool(result.get("changed")) and with_diff}
    for key in ("failed", "exception"):
        quiet.pop(key, None)
    return quiet


def told_whole(result: t.Mapping[str, t.Any], notes: RunNotes) -> t.Tuple[Result, bool]:
    """A result with what was kept for the report; whether it is a verdict about what was seen.

    Then the task has failed by that alone.
    """
    rest = [] if _LOOKED_AT in result else notes.all(TOLD)
    notes.forget(TOLD)  # those of ten thousand hosts take room
    if not rest:
        return dict(result), False
    whole = {key: value for key, value in rest[-1].items() if key != _JUDGED}
    if _JUDGED not in rest[-1]:
        return {**whole, **result}, False
    return {**whole, **{key: result[key] for key in _OF_ANSIBLE if key in result}}, True


def _is_in_place(result: Result) -> bool:
    """Whether the report will say so."""
    host = Report().host("")
    host.add(read("bpf_host", {**result, "failed": False}, failed=False, check=True))
    return host.state == IN_PLACE
