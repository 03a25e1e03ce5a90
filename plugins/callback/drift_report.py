# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is not as declared, over all hosts of a run, in a form for each reader."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_report
type: aggregate
short_description: What is not as declared, over all hosts of a run
version_added: 0.1.0
description:
  - Collects from every task of this collection, in check mode or not, how each pin of each host was
    found, and at the end of the run shows a table of what is not as declared, and writes reports
    where asked.
  - The playbook C(ebpf.pinning.drift) brings it along. For other playbooks enable it, with
    C(callbacks_enabled=ebpf.pinning.drift_report) in F(ansible.cfg).
  - A report is replaced in one rename. One that cannot be written is an error on the screen, and
    changes nothing about the run and its exit code.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
options:
  json:
    description:
      - File for the report as JSON, whose schema is F(docs/drift-report.schema.json).
      - For this option and those below, an extra variable of the run such as
        C(-e drift_json=report.json) comes first.
    type: path
    env: [{name: EBPF_PINNING_DRIFT_JSON}]
    ini: [{section: ebpf_pinning, key: drift_json}]
  html:
    description: File for the report as one HTML page that needs nothing else.
    type: path
    env: [{name: EBPF_PINNING_DRIFT_HTML}]
    ini: [{section: ebpf_pinning, key: drift_html}]
  markdown:
    description: File for the report as Markdown.
    type: path
    env: [{name: EBPF_PINNING_DRIFT_MARKDOWN}]
    ini: [{section: ebpf_pinning, key: drift_markdown}]
  junit:
    description: File for the report as JUnit XML.
    type: path
    env: [{name: EBPF_PINNING_DRIFT_JUNIT}]
    ini: [{section: ebpf_pinning, key: drift_junit}]
  prometheus:
    description:
      - File for the report in Prometheus' text format, for the textfile collector of node_exporter.
    type: path
    env: [{name: EBPF_PINNING_DRIFT_PROMETHEUS}]
    ini: [{section: ebpf_pinning, key: drift_prometheus}]
  previous:
    description:
      - An earlier report as JSON. What is not in place is then marked as new or still there, and
        what is in place again is listed as gone. May be the file that O(json) names.
    type: path
    env: [{name: EBPF_PINNING_DRIFT_PREVIOUS}]
    ini: [{section: ebpf_pinning, key: drift_previous}]
"""

EXAMPLES = r"""
# In ansible.cfg, for every playbook:
#
# [defaults]
# callbacks_enabled = ebpf.pinning.drift_report
#
# [ebpf_pinning]
# drift_html = /var/www/html/drift.html
# drift_prometheus = /var/lib/node_exporter/textfile/ebpf_pinning.prom
#
# For one run of the playbook that brings it along:
#
# ansible-playbook -i inventory ebpf.pinning.drift -e drift_html=drift.html
"""

import typing as t
from datetime import datetime, timezone

from ansible import context
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.callback import CallbackBase

from ..plugin_utils import _drift_files as files
from ..plugin_utils._drift_findings import read, reads
from ..plugin_utils._drift_forms import as_table
from ..plugin_utils._drift_report import Report, Told

COLLECTION = "ebpf.pinning."


class CallbackModule(CallbackBase):
    """The callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "ebpf.pinning.drift_report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._report = Report()
        self._extra: t.Dict[str, t.Any] = {}

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        """Take down what is run."""
        self._report.playbook = str(getattr(playbook, "_file_name", ""))
        self._report.inventory = [to_text(each) for each in context.CLIARGS.get("inventory") or ()]

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """Extra variables name files, too."""
        self._extra = play.get_variable_manager().extra_vars

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """A task has done what it was to do."""
        self._take(result, failed=False)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:  # noqa: ARG002
        """A task has failed, or some items of its loop have."""
        self._take(result, failed=True)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """Nobody answered."""
        host = self._report.host(_host(result))
        host.unreachable = True
        host.problems.append(_reason(_fields(result)))

    def v2_playbook_on_stats(self, stats: t.Any) -> None:  # noqa: ARG002
        """Show the table, write the reports."""
        if not self._report.hosts:
            return
        self._report.made = datetime.now(timezone.utc)
        wanted = {name: self._path(name) for name in (*files.FORMS, "previous")}
        for problem in files.write_all(self._report, wanted):
            self._display.error(problem)
        self._display.banner("DRIFT")
        self._display.display(as_table(self._report))

    def _path(self, name: str) -> t.Optional[str]:
        value = self._extra.get(f"drift_{name}") or self.get_option(name)
        return to_text(value) if value else None

    def _take(self, result: t.Any, *, failed: bool) -> None:
        task = result.task if hasattr(result, "task") else result._task
        action = getattr(task, "resolved_action", None) or task.action
        module = action[len(COLLECTION) :] if action.startswith(COLLECTION) else ""
        if reads(module):
            host = self._report.host(_host(result))
            fields = _fields(result)
            for each in fields.get("results", [fields]):
                if not each.get("skipped"):
                    bad = bool(each.get("failed")) if "results" in fields else failed
                    host.add(read(module, each, failed=bad, check=bool(task.check_mode)))
        elif failed and "drift_results" not in task.vars:  # the playbook's own verdict
            # Not its message, which is not ours to publish: it may hold anything.
            told = Told((), [f"task {task.get_name()} ({action}) failed"])
            self._report.host(_host(result)).add(told)


def _host(result: t.Any) -> str:
    host = result.host if hasattr(result, "host") else result._host
    return str(host.get_name())


def _reason(fields: t.Mapping[str, t.Any]) -> str:
    message = str(fields.get("msg") or "unreachable").strip()
    return message[len("Task failed: ") :] if message.startswith("Task failed: ") else message


def _fields(result: t.Any) -> t.Mapping[str, t.Any]:
    fields: t.Mapping[str, t.Any] = result.result if hasattr(result, "result") else result._result
    return fields
