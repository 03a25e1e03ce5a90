# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what ebpf.pinning.preflight has found on all hosts, and ends its run by that."""

from __future__ import annotations

import typing as t

from ansible import constants
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.callback import CallbackBase
from ansible.utils.path import unfrackpath
from ansible_collections.ebpf.pinning.plugins.module_utils._core.visible import visible
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_files import write_forms
from ansible_collections.ebpf.pinning.plugins.plugin_utils._drift_settings import (
    Settings,
    Unclear,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._preflight_forms import (
    FORMS,
    as_table,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._preflight_report import (
    BAD,
    FAILED,
    GOOD,
    REFUSED,
    UNKNOWN,
    UNNOTICED,
    UNREACHABLE,
    HostFound,
    Report,
    read_host,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._told_apart import writes_a_document

DOCUMENTATION = r"""
name: preflight_report
type: aggregate
short_description: What the playbook ebpf.pinning.preflight has found on all hosts
description:
  - See docs/preflight.md. It does nothing in other playbooks.
"""

C: t.Any = constants
MODULE = "ebpf.pinning.bpf_preflight"
# A variable of the play of ebpf.pinning.preflight.
REPORTED = "__preflight_reported"
NOT_GOOD = 2  # exit code
NOTHING_SEEN = 3  # exit code
COLOURS = {
    GOOD: "COLOR_OK",
    BAD: "COLOR_ERROR",
    FAILED: "COLOR_ERROR",
    UNREACHABLE: "COLOR_UNREACHABLE",
    REFUSED: "COLOR_ERROR",
    UNNOTICED: "COLOR_ERROR",
    UNKNOWN: "COLOR_WARN",
}


class CallbackModule(CallbackBase):
    """The callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "preflight_report"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._begin()

    def _begin(self) -> None:
        self._report = Report()
        self._play: t.Any = None
        self._variables: t.Any = None

    def v2_playbook_on_start(self, playbook: t.Any) -> None:  # noqa: ARG002
        """Each playbook of a command line has a report of its own."""
        self._begin()

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """Note the play that is reported, and whose hosts are all in the report."""
        if REPORTED in play.vars:
            self._play, self._variables = play, play.get_variable_manager()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """A host has told what it found."""
        self._take(result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:  # noqa: ARG002
        """A host could not look, or what it was asked is wrong."""
        self._take(result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """Nobody answered."""
        name = _host(result)
        problem = str(_fields(result).get("msg") or "unreachable")
        if self._play is not None:
            self._report.hosts[name] = HostFound(name, UNREACHABLE, problem=problem)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        """Show the table, write the reports, and end with the code that they ask for."""
        if self._play is None:
            return
        try:
            self._end(stats)
        except Exception as error:
            # Ansible would go on, and nobody would miss the report.
            self._display.error(f"the preflight report could not be made: {error!r}")
            raise SystemExit(NOTHING_SEEN) from error

    def _take(self, result: t.Any) -> None:
        task = result.task if hasattr(result, "task") else result._task
        action = str(getattr(task, "resolved_action", None) or task.action)
        if self._play is not None and action == MODULE:
            name, fields = _host(result), _fields(result)
            self._report.hosts[name] = read_host(name, fields)
            self._report.object = self._report.object or str(fields.get("object") or "")

    def _end(self, stats: t.Any) -> None:
        settings = Settings(self._variables, [self._play], "preflight_")
        problems: t.List[str] = []
        wanted = {form: self._path(settings, form, problems) for form in FORMS}
        if not self._report.hosts:
            self._display.error(
                "no host was looked at: no preflight report is written; look at preflight_hosts "
                "and --limit"
            )
            raise SystemExit(NOTHING_SEEN)
        written, troubles = write_forms(FORMS, self._report, wanted, "preflight_")
        for problem in (*problems, *troubles):
            self._display.error(problem)
        if not writes_a_document():
            self._show(written)
        counts = self._report.counts()
        is_quiet = not (stats.failures or stats.dark)
        if is_quiet and counts[BAD] and self._fails(settings):
            raise SystemExit(NOT_GOOD)

    def _show(self, written: t.Sequence[str]) -> None:
        self._display.banner("PREFLIGHT")
        for line in as_table(self._report):
            colour = COLOURS.get(line.tone)
            self._display.display(line.text, color=colour and getattr(C, colour))
        if written:
            self._display.display(f"Written: {', '.join(map(visible, written))}")

    def _path(self, settings: Settings, form: str, problems: t.List[str]) -> t.Optional[str]:
        try:
            value = settings.value(form)
        except Unclear as error:
            problems.append(str(error))
            return None
        if value is None:
            return None
        if not isinstance(value, str):
            problems.append(f"preflight_{form} is {value!r}, which is not a file path")
            return None
        path: str = unfrackpath(to_text(value), follow=False)
        return path

    def _fails(self, settings: Settings) -> bool:
        try:
            value = settings.value("fail")
        except Unclear as error:
            self._display.error(str(error))
            return True
        return value is None or bool(boolean(value, strict=False))


def _host(result: t.Any) -> str:
    host = result.host if hasattr(result, "host") else result._host
    return str(host.get_name())


def _fields(result: t.Any) -> t.Mapping[str, t.Any]:
    fields: t.Mapping[str, t.Any] = result.result if hasattr(result, "result") else result._result
    return fields
