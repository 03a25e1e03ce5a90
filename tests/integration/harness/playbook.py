# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks as one writes them in a test, and the results that come back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Task = dict[str, Any]


def task(
    module: str,
    /,
    *,
    label: str = "",
    check: bool = False,
    diff: bool = False,
    keywords: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Task:
    """A task that calls `module` of the collection (or any, by its whole name).

    `label` is the task's name; `check` and `diff` are for this task only; `keywords` are
    further words of a task, such as `become`.
    """
    whole = module if "." in module else f"ebpf.pinning.{module}"
    words: Task = {"name": label} if label else {}
    if check:
        words["check_mode"] = True
    if diff:
        words["diff"] = True
    return {**words, whole: arguments, **(keywords or {})}


@dataclass(frozen=True)
class Result:
    """What a task returned. `result["maps"]` reads a key; `get` one that may be missing."""

    name: str
    status: str  # ok, failed, skipped, unreachable
    fields: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.fields[key]

    def __contains__(self, key: str) -> bool:
        return key in self.fields

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default`."""
        return self.fields.get(key, default)

    @property
    def failed(self) -> bool:
        return self.status != "ok"

    @property
    def changed(self) -> bool:
        return bool(self.fields.get("changed"))

    @property
    def msg(self) -> str:
        return str(self.fields.get("msg", ""))

    @property
    def warnings(self) -> list[str]:
        return [str(warning) for warning in self.fields.get("warnings") or []]

    def good(self) -> Result:
        """Itself, or an AssertionError with all that was returned if it failed."""
        if self.failed:
            raise AssertionError(f"unexpected failure: {self}")
        return self

    def __repr__(self) -> str:
        # Shown when an assertion fails: all but what Ansible adds.
        fields = {k: v for k, v in self.fields.items() if k not in _NOISE}
        return f"<{self.name}: {self.status} {json.dumps(fields, indent=1)}>"


_NOISE = ("invocation", "_ansible_no_log", "_ansible_verbose_always", "ansible_facts", "warnings")


@dataclass(frozen=True)
class Run:
    """One run of ansible-playbook: results in order, and what was printed."""

    code: int
    results: Sequence[Result]
    output: str

    def __getitem__(self, which: int | str) -> Result:
        """The result number `which`, or the one of the task so named."""
        if isinstance(which, int):
            return self.results[which]
        (found,) = (result for result in self.results if result.name == which)
        return found

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)


def read_results(text: str) -> list[Result]:
    """Read what the callback result_lines wrote."""
    lines = [json.loads(line) for line in text.splitlines()]
    return [Result(line["name"], line["status"], line["result"]) for line in lines]
