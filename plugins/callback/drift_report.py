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
  - All hosts of a play that looks at pins are in the report, also those that the run did not come
    to, and those whose results cannot be read. They count as failed. In other playbooks than
    C(ebpf.pinning.drift), hosts that a condition spares all such tasks are not in it.
  - The playbook C(ebpf.pinning.report) merges reports of several runs, which the variable
    C(drift_reports) names, into one.
  - The playbook C(ebpf.pinning.drift) ends with exit code 3 where no host was looked at. The exit
    code of other playbooks is their own.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
options:
  json:
    description:
      - File for the report as JSON, whose schema is C(docs/drift-report.schema.json).
      - For this option and those below, a variable of the name that is shown for C(ansible.cfg)
        comes first, wherever it is set - with C(-e drift_json=report.json), as a variable of
        C(import_playbook) or of a play, or in the inventory, where all hosts that have it have to
        have the same. Facts and what tasks set do not count. A blank value is as good as none.
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
  table:
    description:
      - Whether to show the table at the end of the run.
      - When not set, it is shown unless what Ansible writes to its standard output is a document
        for programs, as with C(ANSIBLE_STDOUT_CALLBACK=ansible.posix.json). Files are written in
        any case.
    type: str
    env: [{name: EBPF_PINNING_DRIFT_TABLE}]
    ini: [{section: ebpf_pinning, key: drift_table}]
seealso:
  - name: "Drift: what is not as declared, over all hosts"
    description: >-
      The report, its forms, and where it runs by itself; docs/drift.md of the collection.
    link: https://example.org/ebpf.pinning/docs/drift.html
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
# For several reports, such as those of a fleet that was cut into slices:
#
# ansible-playbook ebpf.pinning.report -e 'drift_reports=reports/*.json' -e drift_html=drift.html
#
# For one run of the playbook that brings it along:
#
# ansible-playbook -i inventory ebpf.pinning.drift -e drift_html=drift.html
"""

import os
import typing as t
from datetime import datetime, timezone
from functools import wraps
from time import monotonic

from ansible import constants, context
from ansible import release as ansible_release
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.callback import CallbackBase
from ansible.utils.path import unfrackpath

from ..module_utils._core.visible import visible
from ..plugin_utils import _drift_files as files
from ..plugin_utils._collection import about
from ..plugin_utils._drift_findings import (
    FAILED,
    IN_PLACE,
    MOST,
    Told,
    found_absent,
    own_words,
    read,
    read_other,
    reads,
    shortened,
    unreadable,
    warnings_in,
)
from ..plugin_utils._drift_forms import REPAIRED
from ..plugin_utils._drift_health import health_in
from ..plugin_utils._drift_report import GONE, IN_DRIFT, NOT_LOOKED_AT, UNREACHABLE, Report
from ..plugin_utils._drift_settings import Settings, Unclear, not_blank
from ..plugin_utils._drift_table import WOULD_CHANGE, Line, as_table
from ..plugin_utils._run_notes import RunNotes
from ..plugin_utils._told_apart import VERDICT, told_whole, writes_a_document

C: t.Any = constants
COLLECTION = "ebpf.pinning."
ASYNC_STATUS = ("ansible.builtin.async_status", "ansible.legacy.async_status", "async_status")
OF_ALL = {"all", "ungrouped"}  # groups that say nothing
DRIFT = 2  # exit code; also what Ansible makes of hosts that fail
NOTHING_SEEN = 3  # exit code
# A variable of the play of ebpf.pinning.report.
MERGES = "__drift_merges"
# What a line of the table is about, and its colour, as Ansible has it.
COLOURS = {
    IN_PLACE: "COLOR_OK",
    GONE: "COLOR_OK",
    REPAIRED: "COLOR_CHANGED",
    IN_DRIFT: "COLOR_CHANGED",
    FAILED: "COLOR_ERROR",
    UNREACHABLE: "COLOR_UNREACHABLE",
}

Fields = t.Mapping[str, t.Any]
Handler = t.Callable[..., None]


def _whatever_it_says(handler: Handler) -> Handler:
    """A host may say what it likes, and stays in the report."""

    @wraps(handler)
    def guarded(self: CallbackModule, result: t.Any, *words: t.Any, **named: t.Any) -> None:
        try:
            handler(self, result, *words, **named)
        except Exception as error:
            self._cannot_read(result, error)

    return guarded


class CallbackModule(CallbackBase):
    """The callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "ebpf.pinning.drift_report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._variables: t.Any = None  # Ansible's, of all hosts
        self._begin()

    def _begin(self) -> None:
        """Each playbook of a command line has a report of its own."""
        self._report = Report()
        self._began = monotonic()
        self._play: t.Any = None
        self._plays: t.Dict[str, t.Any] = {}  # those that look at pins
        self._reached: t.Set[str] = set()  # hosts that a task which looks at pins has come to
        self._others: t.Dict[str, t.List[str]] = {}  # host -> failed tasks that are not ours
        self._jobs: t.Dict[t.Tuple[str, str], t.Tuple[str, bool]] = {}  # in the background
        self._started: t.Set[str] = set()  # all their ids, also of those that have ended

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        """Take down what is run."""
        self._begin()
        self._report.playbook = str(getattr(playbook, "_file_name", ""))
        self._report.inventory = [to_text(each) for each in context.CLIARGS.get("inventory") or ()]

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        """A play, or a batch of its hosts."""
        self._variables = play.get_variable_manager()
        self._play = play
        if VERDICT in play.vars or _looks_at_pins(play):
            self._plays[play._uuid] = play

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:  # noqa: ARG002
        """Only a playbook that looks at pins is worth a report, also when no host answers."""
        if self._play is not None and reads(_module(task)):
            self._plays[self._play._uuid] = self._play

    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        """Note a handler as a task that starts."""
        self.v2_playbook_on_task_start(task, False)

    @_whatever_it_says
    def v2_runner_on_ok(self, result: t.Any) -> None:
        """A task has done what it was to do."""
        self._take(result, failed=False)

    @_whatever_it_says
    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        """A task has failed, or some items of its loop have."""
        self._take(result, failed=True, ignored=ignore_errors)

    @_whatever_it_says
    def v2_runner_on_skipped(self, result: t.Any) -> None:
        """A task was not for this host; or so says the host."""
        self._reach(result)
        if _task(result).loop is None:
            self._pass_over(result)

    @_whatever_it_says
    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        """An item of a loop. (The result of the whole does not say where each was done.)"""
        self._take_one(result, failed=False)

    @_whatever_it_says
    def v2_runner_item_on_skipped(self, result: t.Any) -> None:
        """Note an item that was skipped."""
        self._pass_over(result)

    @_whatever_it_says
    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        """Note an item that failed, or whose host did not answer."""
        if result.is_unreachable():
            self._give_up(_where(result), [_reason(_fields(result))])
        else:
            self._take_one(result, failed=True)

    @_whatever_it_says
    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """Nobody answered: Ansible goes on without the host that the task was for."""
        items = _items(result)
        reasons = [_reason(each) for each in items or [_fields(result)] if each.get("unreachable")]
        self._give_up(_host(result), reasons)

    def _give_up(self, name: str, reasons: t.Iterable[str]) -> None:
        host = self._report.host(name)
        host.unreachable = True
        host.problems += [each for each in reasons if each not in host.problems]

    def _cannot_read(self, result: t.Any, error: Exception) -> None:
        task, name = _task(result), _host(result)
        if reads(_module(task)) or _is_of_our_roles(task):
            self._add(name, unreadable(_module(task), error))

    def _reach(self, result: t.Any) -> None:
        module = _module(_task(result))
        # What includes such tasks may leave them out for a host.
        if reads(module) or module.rpartition(".")[2].startswith("include_"):
            self._reached.add(_host(result))

    def _pass_over(self, result: t.Any) -> None:
        task = _task(result)
        if reads(_module(task)) and not task.when:
            problem = f"the host says that {_module(task)} was skipped, and no condition does that"
            self._add(_host(result), Told((), [problem]))

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        """Show the table, write the reports; where there is a verdict, see that it is the exit."""
        if self._variables is None:
            return
        try:
            self._end(stats)
        except Exception as error:
            if not self._has_verdict:
                raise
            # Ansible would go on, and nobody would miss the report.
            self._display.error(f"the drift report could not be made, so the run fails: {error!r}")
            raise SystemExit(NOTHING_SEEN) from error

    def _end(self, stats: t.Any) -> None:
        if any(MERGES in play.vars for play in self._plays.values()):
            self._end_of_merging()
        else:
            self._end_of_run(stats)

    def _end_of_merging(self) -> None:
        """Merge what other runs have written, and end with the code that it asks for."""
        from ..plugin_utils._drift_merge import merged

        now = datetime.now(timezone.utc)
        settings = Settings(self._variables, self._plays.values())
        wanted, problems = self._wanted(settings)
        problems += settings.misplaced()
        named: t.Sequence[str] = ()
        try:
            named = settings.reports()
        except Unclear as error:
            problems.append(str(error))
        if len(self._plays) > 1:
            named = ()
            problems.append(
                "ebpf.pinning.report merges what other runs have written: run it by a command of "
                "its own"
            )
        reports = files.read_reports(named, now)
        self._report, overlaps = merged(reports)
        self._report.versions = _versions()
        bad = [each for each in reports if each.problem]
        for each in bad:
            problems.append(
                f"drift_reports: {visible(each.file)} cannot be used: {visible(each.problem)}; "
                "what it tells is left out"
            )
        written: t.Sequence[str] = ()
        if self._report.hosts:
            written, troubles = files.write_all(self._report, wanted)
            problems += troubles
        else:
            problems.append("no report tells of any host: nothing is merged, and nothing written")
        for overlap in overlaps:
            self._display.warning(overlap)
        for problem in problems:
            self._display.error(problem)
        if self._report.hosts and self._shows_table(settings):
            self._show(as_table(self._report, now=now), written)
        if bad or not self._report.hosts:
            raise SystemExit(NOTHING_SEEN)
        if any(
            settings.fails(name)
            for name, host in self._report.hosts.items()
            if host.state != IN_PLACE
        ):
            raise SystemExit(DRIFT)

    def _end_of_run(self, stats: t.Any) -> None:
        for name, failures in self._others.items():
            if stats.failures.get(name):  # they were not rescued
                self._report.host(name).problems.extend(failures)
        for name, _job in self._jobs:
            problem = "what a task found in the background was not asked for: use async_status"
            self._report.host(name).problems.append(problem)
        missed = self._miss(was_cut_short=bool(stats.failures or stats.dark))
        settings = Settings(self._variables, self._plays.values())
        wanted, problems = self._wanted(settings)
        written: t.Sequence[str] = ()
        if self._has_verdict:
            problems += settings.misplaced()
        if self._report.hosts and self._plays:
            self._describe()
            self._report.made = datetime.now(timezone.utc)
            written, troubles = files.write_all(self._report, wanted)
            problems += troubles
            show_table = self._shows_table(settings)
        else:
            show_table = False
            if self._has_verdict or any(wanted[form] for form in files.FORMS):
                problems.append(
                    "no host was looked at: no drift report is written; look at drift_hosts and "
                    "--limit"
                )
        for problem in problems:
            self._display.error(problem)
        if show_table:
            lines = as_table(self._report)
            if self._has_verdict and any(stats.changed.values()):
                lines.append(Line(WOULD_CHANGE))
            self._show(lines, written)
        self._leave(settings, stats, missed)

    def _show(self, lines: t.Iterable[Line], written: t.Sequence[str]) -> None:
        self._display.banner("DRIFT")
        for line in lines:
            colour = COLOURS.get(line.tone)
            self._display.display(line.text, color=colour and getattr(C, colour))
        if written:
            self._display.display(f"Written: {', '.join(map(visible, written))}")

    @property
    def _has_verdict(self) -> bool:
        return any(VERDICT in play.vars for play in self._plays.values())

    def _miss(self, *, was_cut_short: bool) -> t.Set[str]:
        """Have all hosts of the plays in the report; those of which nothing is known."""
        missed = set()
        for play in self._plays.values():
            for each in self._variables._inventory.get_hosts(play.hosts, ignore_restrictions=True):
                name = each.get_name()
                known = self._report.hosts.get(name)
                if known and (known.findings or known.problems or known.unreachable):
                    continue
                if VERDICT in play.vars or (was_cut_short and name not in self._reached):
                    missed.add(name)
        for name in missed:
            self._report.host(name).problems.append(NOT_LOOKED_AT)
        return missed

    def _describe(self) -> None:
        """Say what made the report, and in which groups its hosts are."""
        self._report.seconds = round(monotonic() - self._began)
        self._report.versions = _versions()
        inventory = self._variables._inventory
        for host in self._report.hosts.values():
            known = inventory.hosts.get(host.name)  # what a task was delegated to may be in none
            groups = {each.name for each in known.get_groups()} if known else set()
            host.groups = sorted(groups - OF_ALL)

    def _leave(self, settings: Settings, stats: t.Any, missed: t.Set[str]) -> None:
        """End the run with the code that the report asks for, where Ansible would not.

        Ansible asks no callback for its exit code, and takes an exception for a flaw of the
        callback. This one it lets pass: what it has left to do is to clean up, which it does.
        """
        if not self._has_verdict:
            return
        if set(self._report.hosts) == missed:
            if missed:
                self._display.error(
                    "no task looked at any pin, so the run fails: look at --tags, --skip-tags and "
                    "--start-at-task"
                )
            raise SystemExit(NOTHING_SEEN)
        wrong = [each.name for each in self._report.hosts.values() if each.state != IN_PLACE]
        if not (stats.failures or stats.dark) and any(map(settings.fails, wrong)):
            raise SystemExit(DRIFT)

    def _wanted(self, settings: Settings) -> t.Tuple[t.Dict[str, t.Optional[str]], t.List[str]]:
        """Where reports go, and what is wrong with what was said of it."""
        wanted: t.Dict[str, t.Optional[str]] = {}
        problems = []
        for name in (*files.FORMS, "previous"):
            wanted[name] = None
            try:
                wanted[name] = self._path(name, settings)
            except Unclear as error:
                problems.append(str(error))
        return wanted, problems

    def _path(self, name: str, settings: Settings) -> t.Optional[str]:
        value = settings.value(name)
        if value is None:
            option = not_blank(name, self.get_option(name)) if self._plays else None
            return to_text(option) if option else None
        if not isinstance(value, str):
            raise Unclear(f"drift_{name} is {value!r}, which is not a file path")
        path: str = unfrackpath(to_text(value), follow=False)
        return path

    def _shows_table(self, settings: Settings) -> bool:
        try:
            value = settings.value("table")
        except Unclear as error:
            self._display.error(str(error))
            value = None
        if value is None:
            value = str(self.get_option("table") or "").strip()
        return not writes_a_document() if value == "" else bool(boolean(value, strict=False))

    def _take(self, result: t.Any, *, failed: bool, ignored: bool = False) -> None:
        # Asking for the fields makes a copy of all of them: only where they are read.
        task = _task(result)
        self._reach(result)
        module = _module(task)
        if reads(module) or (module in ASYNC_STATUS and self._asks_for_ours(result)):
            if _items(result) is None:  # or else each item has been taken
                self._take_one(result, failed=failed)
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
        return any(_job_of(each) in self._started for each in asked)

    def _take_job(self, result: t.Any, *, failed: bool) -> None:
        """What became of a task in the background."""
        job = self._jobs.get((_where(result), _job_of(_fields(result))))
        if job:
            self._read(result, job[0], failed=failed, check=job[1])

    def _read(self, result: t.Any, module: str, *, failed: bool, check: bool) -> None:
        fields, name = _fields(result), _where(result)
        if fields.get("skipped"):
            self._pass_over(result)
            return
        job = (name, _job_of(fields))
        if "ansible_job_id" in fields and not fields.get("finished"):
            self._jobs[job] = (module, check)
            self._started.add(job[1])
            return
        self._jobs.pop(job, None)
        if module == "bpf_host":
            fields, judged = told_whole(fields, RunNotes(_host(result), os.getpid()))
            if judged:
                failed = False
                self._show_diff(fields)
        told = read(module, fields, failed=failed, check=check)
        self._add(name, told, found_absent(module, fields))
        host = self._report.host(name)
        host.warn(warnings_in(fields))
        try:
            host.health = health_in(fields) or host.health
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            host.add(unreadable(module, error))

    def _show_diff(self, fields: Fields) -> None:
        """Ansible shows no diff of what fails, be it by a verdict."""
        if fields.get("diff") and not writes_a_document():
            self._display.display(self._get_diff(fields["diff"]))

    def _add(self, name: str, told: Told, absent: t.Iterable[str] = ()) -> None:
        host = self._report.host(name)
        host.add(told, absent)
        host.unreachable = False  # any more, as with ignore_unreachable


def _versions() -> t.Dict[str, str]:
    versions = {"ansible-core": ansible_release.__version__}
    if "version" in about():
        versions[COLLECTION.rstrip(".")] = about()["version"]
    return versions


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
    return _is_of_our_collection(getattr(task, "_role", None))


def _is_of_our_collection(role: t.Any) -> bool:
    return f"{getattr(role, '_role_collection', None)}." == COLLECTION


def _failure(task: t.Any, module: str) -> str:
    return f"task {task.get_name()} ({module}) failed"


def _reason(fields: Fields) -> str:
    return own_words(shortened(str(fields.get("msg") or "unreachable"), MOST).strip())


def _job_of(fields: Fields) -> str:
    return shortened(str(fields.get("ansible_job_id")), 200)


def _looks_at_pins(play: t.Any) -> bool:
    """As far as it can be seen before any of it has run."""
    if any(_is_of_our_collection(role) for role in play.roles):
        return True
    blocks = [*play.pre_tasks, *play.tasks, *play.post_tasks, *play.handlers]
    return any(reads(_module(task)) or _is_of_our_roles(task) for task in _tasks(blocks))


def _tasks(blocks: t.Iterable[t.Any]) -> t.Iterator[t.Any]:
    for each in blocks:
        if hasattr(each, "block"):
            yield from _tasks((*each.block, *each.rescue, *each.always))
        else:
            yield each
