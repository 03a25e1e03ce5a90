# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_pin_absent to its result. Private to this collection."""

from __future__ import annotations

import typing as t

from ._core.apply.absence import Removal, apply, foresee
from ._core.found.pins import PinnedLink
from ._core.observe.absence import observe_paths, observe_tree
from ._core.plan.absence import AbsencePlan, Unlink, plan_paths, plan_prune
from ._core.spec.absence import absent_paths, prune
from ._core.spec.fields import BadField
from ._core.visible import visible, visible_lines
from ._face import Dictionary, failures_reported, printable, text_diff

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    with failures_reported(module):
        decided = _decide(module.params)
        if decided.problems:
            module.fail_json(msg=visible_lines(decided.problems), changed=False)
        for unlink in decided.pins:
            if isinstance(unlink.pin, PinnedLink):
                module.warn(printable(f"{unlink.path}: when the pin is gone, {unlink.pin.loss}"))
        removal = foresee(decided) if module.check_mode else apply(decided)
        report = _report(decided, removal, with_diff=module._diff)
        if removal.error:
            msg = visible(removal.error)
            if report["changed"]:
                msg += f"\nRemoved before that: {len(removal.pins)} (see `pins`)"
            module.fail_json(**printable({"msg": msg, **report}))
        module.exit_json(**printable(report))


def _decide(parameters: t.Mapping[str, t.Any]) -> AbsencePlan:
    kind, recurse = parameters["type"], parameters["recurse"]
    if parameters["path"] is not None:
        wanted_paths = absent_paths(parameters["path"], kind, recurse=recurse)
        return plan_paths(wanted_paths, observe_paths(wanted_paths))
    if parameters["directory"] is None:
        raise BadField("neither path nor directory is given: say what is to be gone")
    wanted = prune(
        parameters["directory"],
        parameters["keep"],
        parameters["patterns"],
        kind,
        recurse=recurse,
        shared=parameters["prune_shared"],
    )
    return plan_prune(wanted, observe_tree(wanted))


def _report(decided: AbsencePlan, removal: Removal, *, with_diff: bool) -> Dictionary:
    pins = [_removed(unlink, removal) for unlink in removal.pins]
    pins += [_missing(path) for path in decided.missing]
    report: Dictionary = {
        "changed": bool(removal.pins or removal.directories),
        "pins": pins,
        "directories": removal.directories,
        "spared": [vars(spared) for spared in decided.spared],
        "counts": {
            "removed": len(removal.pins),
            "missing": len(decided.missing),
            "spared": len(decided.spared),
        },
    }
    if with_diff:
        report["diff"] = [
            text_diff(unlink.path, {"pin": unlink.pin.label}, {}) for unlink in removal.pins
        ] + [text_diff(path, {"directory": "empty"}, {}) for path in removal.directories]
    return report


def _removed(unlink: Unlink, removal: Removal) -> Dictionary:
    held = unlink.pin
    return {
        "path": unlink.path,
        "action": "removed",
        "type": held.kind,
        "id": held.id,
        "name": held.name,
        "last_reference": removal.last_reference.get(unlink.path),
    }


def _missing(path: str) -> Dictionary:
    return {
        "path": path,
        "action": "missing",
        "type": None,
        "id": None,
        "name": None,
        "last_reference": None,
    }
