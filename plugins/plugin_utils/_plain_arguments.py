# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller does before it sends a module to a host. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible import context
from ansible.plugins.action.normal import ActionModule as NormalAction

from ..module_utils._core.errors import PinningError
from ._declared import Arguments
from ._lists_to_send import files_of, objects_of, with_objects, with_sent
from ._plain_values import plain
from ._run_notes import RunNotes


class PlainArguments(NormalAction):
    """Runs the module as any other, with arguments that take little room on the controller.

    It keeps those of each host until the last host has answered. Since ansible-core 2.19 each value
    has notes with it, of the file and line it was written in, which take eight times its room.
    """

    takes_lists = False  # whether the module reads `entries_from`
    takes_objects = False  # whether it loads programs

    def run(
        self, tmp: t.Optional[str] = None, task_vars: t.Optional[t.Dict[str, t.Any]] = None
    ) -> t.Dict[str, t.Any]:
        """Forget the notes, and run the module unless the run contradicts itself."""
        self._task.args = plain(self._task.args)
        try:
            self._task.args = dict(self.complete(self._task.args, task_vars or {}))
        except PinningError as error:
            return {"failed": True, "changed": False, "msg": str(error)}
        host = self._task.delegate_to or (task_vars or {}).get("inventory_hostname")
        notes = RunNotes(str(host))
        problems = list(self.contradictions(self._task.args, notes))
        if problems:
            return {"failed": True, "changed": False, "msg": "\n".join(problems)}
        if context.CLIARGS.get("check"):
            self._task.args = dict(self.in_a_check(self._task.args, notes))
        result = self._with_lists(tmp, task_vars)
        if context.CLIARGS.get("check"):
            self.foretell(result, notes)
        return result

    def _with_lists(self, tmp: t.Any, task_vars: t.Any) -> t.Dict[str, t.Any]:
        """Run the module with the files of the controller that list entries."""
        declared = self._task.args
        try:
            self._task.args = dict(self._sending(declared))
        except PinningError as error:
            return {"failed": True, "changed": False, "msg": str(error)}
        try:
            result: t.Dict[str, t.Any] = super().run(tmp, task_vars)  # type: ignore[no-untyped-call]
        finally:
            self._task.args = declared  # which another attempt begins with
        return result

    def _sending(self, arguments: Arguments) -> Arguments:
        """The arguments, with the paths on the host of files that are there by then."""
        files = files_of(arguments) if self.takes_lists else []
        objects = objects_of(arguments) if self.takes_objects else []
        if not (files or objects):
            return arguments
        from ._sent_lists import SentLists

        if files:
            lists = SentLists(self, "entries_from", "the list")
            arguments = with_sent(arguments, lists.send(files))
        if objects:
            sent = SentLists(self, "object", "an object file")
            arguments = with_objects(arguments, sent.send(objects), sent.digests)
        return arguments

    def complete(self, arguments: Arguments, _variables: t.Mapping[str, t.Any]) -> Arguments:
        """The arguments, with what the controller adds; PinningError if that cannot be."""
        return arguments

    def contradictions(self, _arguments: Arguments, _notes: RunNotes) -> t.Iterable[str]:
        """What is wrong with the arguments after other tasks of this run; else it is noted."""
        return ()

    def in_a_check(self, arguments: Arguments, _notes: RunNotes) -> Arguments:
        """The arguments, with what tasks before would have done if this run were no check."""
        return arguments

    def foretell(self, _result: t.Mapping[str, t.Any], _notes: RunNotes) -> None:
        """Note what the task would have done if this run were no check."""
