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
    C(callbacks_enabled=ebpf.pinning.drift_report) in C(ansible.cfg).
  - A report is replaced in one rename. One that cannot be written is an error on the screen, and
    changes nothing about the run and its exit code.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
options:
  json:
    description:
      - File for the report as JSON, whose schema is C(docs/drift-report.schema.json).
      - For this option and those below, an extra variable of the run such as
        C(-e drift_json=report.json) comes first. It is taken as it is, not as a template.
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
from ansible.utils.path import unfrackpath

from ..plugin_utils import _drift_files as files
from ..plugin_utils._drift_findings import Told, own_words, read, read_other, reads, warnings_in
from ..plugin_utils._drift_forms import as_table
from ..plugin_utils._drift_report import Report

COLLECTION = "ebpf.pinning."
ASYNC_STATUS = ("ansible.builtin.async_status", "ansible.legacy.async_status", "async_status")

Fields = t.Mapping[str, t.Any]


class CallbackModule(CallbackBase):
    """The callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "ebpf.pinning.drift_report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._variables: t.Any = None  # Ansible's, of all hosts
        self._extra: t.Dict[str, t.Any] = {}
        self._begin()

    def _begin(self) -> None:
        """Each playbook of a command line has a report of its own."""
        self._report = Report()
        self._concerned = False  # some task of this playbook is one of the collection
        self._others: t.Dict[str, t.List[str]] = {}  # host -> failed tasks that are not
        self._jobs: t.Dict[t.Tuple[str, str], t.Tuple[str, bool]] = {}  # in the background
        self._started: t.Set[str] = set()  # all their ids, also of those that have ended

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        """Take down what is run."""
        self._begin()
        self._report.playbook = str(getattr(playbook, "_file_name", ""))
        self._report.inventory = [to_text(each) for each in context.CLIARGS.get("inventory") or ()]

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """Extra variables name files, too."""
        self._variables = play.get_variable_manager()
        self._extra = self._variables.extra_vars

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:  # noqa: ARG002
        """Only a playbook that looks at pins is worth a report, also when no host answers."""
        self._concerned = self._concerned or reads(_module(task))

    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        """The same."""
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """A task has done what it was to do."""
        self._take(result, failed=False)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        """A task has failed, or some items of its loop have."""
        self._take(result, failed=True, ignored=ignore_errors)

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        """An item of a loop. (The result of the whole does not say where each was done.)"""
        self._take_one(result, failed=False)

    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        """The same; nobody may have answered, either."""
        if result.is_unreachable():
            self._give_up(_where(result), [_reason(_fields(result))])
        else:
            self._take_one(result, failed=True)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """Nobody answered: Ansible goes on without the host that the task was for."""
        items = _items(result)
        reasons = [_reason(each) for each in items or [_fields(result)] if each.get("unreachable")]
        self._give_up(_host(result), reasons)

    def _give_up(self, name: str, reasons: t.Iterable[str]) -> None:
        host = self._report.host(name)
        host.unreachable = True
        host.problems += [each for each in reasons if each not in host.problems]
        self._tell(name)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        """Show the table, write the reports."""
        for name, failures in self._others.items():
            if stats.failures.get(name):  # they were not rescued
                self._report.host(name).problems.extend(failures)
        for name, _job in self._jobs:
            problem = "what a task found in the background was not asked for: use async_status"
            self._report.host(name).problems.append(problem)
        if not self._report.hosts or not self._concerned:
            asked = any(self._extra.get(f"drift_{form}") for form in files.FORMS)
            if asked or (self._concerned and any(map(self._path, files.FORMS))):
                self._display.error(
                    "no host was looked at: no drift report is written; look at drift_hosts and "
                    "--limit"
                )
            return
        self._report.made = datetime.now(timezone.utc)
        wanted = {name: self._path(name) for name in (*files.FORMS, "previous")}
        for problem in files.write_all(self._report, wanted):
            self._display.error(problem)
        self._display.banner("DRIFT")
        self._display.display(as_table(self._report))

    def _path(self, name: str) -> t.Optional[str]:
        extra = self._extra.get(f"drift_{name}")
        if extra:
            path: str = unfrackpath(to_text(extra), follow=False)
            return path
        value = self.get_option(name)
        return to_text(value) if value else None

    def _take(self, result: t.Any, *, failed: bool, ignored: bool = False) -> None:
        # Asking for the fields makes a copy of all of them: only where they are read.
        task = _task(result)
        module = _module(task)
        if reads(module) or (module in ASYNC_STATUS and self._asks_for_ours(result)):
            if _items(result) is None:  # or else each item has been taken
                self._take_one(result, failed=failed)
        elif "drift_state" in task.vars:  # the playbook's own verdict
            pass
        elif _is_of_our_roles(task):
            # Not its message, which is not ours to publish: it may hold anything.
            told = Told(())
            if result.is_changed():
                told = read_other(task.get_name(), _fields(result), check=bool(task.check_mode))
            problems = [_failure(task, module)] if failed else []
            if told.findings or problems:
                self._add(_host(result), Told(told.findings, problems))
        elif failed and not ignored:
            self._others.setdefault(_host(result), []).append(_failure(task, module))

    def _take_one(self, result: t.Any, *, failed: bool) -> None:
        """An item of a loop, or a task without one."""
        task = _task(result)
        module = _module(task)
        if reads(module):
            self._read(result, module, failed=failed, check=bool(task.check_mode))
        elif module in ASYNC_STATUS:
            self._take_job(result, failed=failed)

    def _asks_for_ours(self, result: t.Any) -> bool:
        if not self._started:
            return False
        asked = _items(result) or [_fields(result)]
        return any(str(each.get("ansible_job_id")) in self._started for each in asked)

    def _take_job(self, result: t.Any, *, failed: bool) -> None:
        """What became of a task in the background."""
        job = self._jobs.get((_where(result), str(_fields(result).get("ansible_job_id"))))
        if job:
            self._read(result, job[0], failed=failed, check=job[1])

    def _read(self, result: t.Any, module: str, *, failed: bool, check: bool) -> None:
        fields, name = _fields(result), _where(result)
        if fields.get("skipped"):
            return
        job = (name, str(fields.get("ansible_job_id")))
        if "ansible_job_id" in fields and not fields.get("finished"):
            self._jobs[job] = (module, check)
            self._started.add(job[1])
            return
        self._jobs.pop(job, None)
        self._add(name, read(module, fields, failed=failed, check=check))
        self._report.host(name).warn(warnings_in(fields))

    def _add(self, name: str, told: Told) -> None:
        host = self._report.host(name)
        host.add(told)
        host.unreachable = False  # any more, as with ignore_unreachable
        self._tell(name)

    def _tell(self, name: str) -> None:
        """Let the playbook know, whose verdict is to be that of the report."""
        if self._variables is not None:
            state = {"__drift_state": self._report.host(name).state}
            self._variables.set_nonpersistent_facts(name, state)


def _task(result: t.Any) -> t.Any:
    return result.task if hasattr(result, "task") else result._task


def _fields(result: t.Any) -> Fields:
    fields: Fields = result.result if hasattr(result, "result") else result._result
    return fields


def _host(result: t.Any) -> str:
    host = result.host if hasattr(result, "host") else result._host
    return str(host.get_name())


def _items(result: t.Any) -> t.Optional[t.List[Fields]]:
    """What a task with a loop says of all its items at its end; None if it has none."""
    if _task(result).loop is None:
        return None
    items = _fields(result).get("results")
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else None


def _where(result: t.Any) -> str:
    """The host that was looked at, which is another one if the task was delegated."""
    wanted = _task(result).delegate_to
    if not wanted:
        return _host(result)
    delegated = _fields(result).get("_ansible_delegated_vars")
    named = delegated.get("ansible_delegated_host") if isinstance(delegated, dict) else None
    return str(named or (_host(result) if "{{" in str(wanted) else wanted))


def _module(task: t.Any) -> str:
    """The module's name: in this collection, or else the whole."""
    action = str(getattr(task, "resolved_action", None) or task.action)
    return action[len(COLLECTION) :] if action.startswith(COLLECTION) else action


def _is_of_our_roles(task: t.Any) -> bool:
    collection = getattr(getattr(task, "_role", None), "_role_collection", None)
    return f"{collection}." == COLLECTION


def _failure(task: t.Any, module: str) -> str:
    return f"task {task.get_name()} ({module}) failed"


def _reason(fields: Fields) -> str:
    return own_words(str(fields.get("msg") or "unreachable").strip())
