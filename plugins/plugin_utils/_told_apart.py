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

from ._run_notes import TOLD, RunNotes

C: t.Any = constants  # most of them are made when it is loaded
# Variables of plays: of those whose exit code is to be the verdict; of ebpf.pinning.provision.
VERDICT = "__drift_verdict"
_REPORTED = "__drift_reported"
_LOOKED_AT = "maps"  # is in a result where the module came to look at the host
_SHOWN = ("failed", "changed", "msg", "counts", "exception", "warnings", "deprecations")

Result = t.Dict[str, t.Any]


def told_apart(
    result: Result, variables: t.Mapping[str, t.Any], notes: RunNotes, *, with_diff: bool
) -> Result:
    """What Ansible is to know of the result of a task; `notes` get the rest."""
    notes.forget(TOLD)
    if VERDICT in variables:
        return _only_looked(result, with_diff=with_diff)
    is_long = result.get("failed") and _LOOKED_AT in result
    if _REPORTED not in variables or not is_long or Display().verbosity or writes_a_document():
        return result
    notes.add(TOLD, {key: value for key, value in result.items() if key not in _SHOWN})
    return {key: value for key, value in result.items() if key in _SHOWN}


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


def told_whole(result: t.Mapping[str, t.Any], notes: RunNotes) -> t.Mapping[str, t.Any]:
    """The result of a task that failed, with what was kept for the report."""
    rest = [] if _LOOKED_AT in result else notes.all(TOLD)
    return {**rest[-1], **result} if rest else result
