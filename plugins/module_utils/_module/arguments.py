# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one mouth and ear of all modules. Private: not covered by semantic versioning."""

from __future__ import annotations

import gc
import typing as t

from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule

from .._core.options import ASKED, BRIEF, FREED, MAP, SECRETS, SENT, Options
from .._core.visible import visible
from .report import Dictionary, printable
from .settled import settled


class PinningModule(AnsibleModule):
    """An option that is null or an empty string is as one that is not given.

    Blank is what a survey, `default(none)` or `default('')` make of a question without an answer.
    AnsibleModule itself takes it for another value each time: an error, the text "None", one empty
    item, or no value at all. And nothing is said that a terminal could obey.
    """

    def __init__(
        self, *, argument_spec: Options, told_elsewhere: t.Collection[str] = (), **more: t.Any
    ) -> None:
        """Take the whole `argument_spec`, of which Ansible compares a part with the documentation.

        Options that are `told_elsewhere` take dictionaries of options that another page has, or
        that the same page has already.
        """
        self._whole = argument_spec
        documented = without_options(argument_spec, told_elsewhere)
        super().__init__(argument_spec=documented, **more)  # type: ignore[no-untyped-call]
        for source in _sources(self.params) if self._sent else ():
            source["shown"] = self._sent.get(source.get("src"))
        for load in _loads(self.params) if self._sent else ():
            load["shown"], load["digest"] = self._sent.get(load["object"]) or (None, None)

    def _load_params(self) -> None:
        super()._load_params()  # type: ignore[no-untyped-call]
        # What a check is told of tasks before: the paths that they free in a run.
        told = isinstance(self.params, dict) and self.params.pop(FREED, None)
        self.freed: t.FrozenSet[str] = frozenset(told or ())
        self._sent = (isinstance(self.params, dict) and self.params.pop(SENT, None)) or {}
        self.asked = isinstance(self.params, dict) and self.params.pop(ASKED, None)
        self.brief = bool(isinstance(self.params, dict) and self.params.pop(BRIEF, False))
        self.params = without_blanks(self.params, self._whole)
        # Arguments are checked by all of it, as far as they need to be.
        self.argument_spec = self._whole
        if isinstance(self.params, dict):
            self.params, self.argument_spec = settled(self.params, self._whole)

    def warn(self, warning: str, **more: t.Any) -> None:
        """Warn, in one line."""
        super().warn(visible(warning), **more)

    def _return_formatted(self, kwargs: t.Dict[str, t.Any]) -> None:
        """Print the result, which AnsibleModule searches for secrets even where there are none.

        Of ten thousand pins that takes longer than to look at them.
        """
        gc.freeze()  # or else the end of Python looks through all of it twice
        itself: t.Any = basic
        remove = itself.remove_values
        if not self.no_log_values:
            itself.remove_values = _unchanged
        try:
            super()._return_formatted(kwargs)  # type: ignore[no-untyped-call]
        finally:
            itself.remove_values = remove

    def _log_invocation(self) -> None:
        """Log how the module was called, without what is in maps; AnsibleModule can log Unicode."""
        params = self.params
        self.params = printable(without_secrets(params, self._whole))
        try:
            super()._log_invocation()  # type: ignore[no-untyped-call]
        finally:
            self.params = params

    def exit_json(self, **kwargs: t.Any) -> t.NoReturn:
        """End well."""
        self._keep_secrets(kwargs)
        super().exit_json(**printable(kwargs, declared=str))

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        """Fail."""
        kwargs["failed"] = True
        self._keep_secrets(kwargs)
        spelled = printable({**kwargs, "msg": msg}, declared=lambda text: visible(str(text)))
        super().fail_json(**spelled)

    def _keep_secrets(self, result: t.Dict[str, t.Any]) -> None:
        """Where Ansible adds the arguments to the result, have what is in maps left out."""
        said = result.get("invocation")
        if said:
            result["invocation"] = without_secrets(said)
        elif result.get("failed") or "maps" in self.params:
            # What is in maps may be called wrongly, or be in a wrong place.
            arguments = without_secrets(self.params, self._whole)
            result["invocation"] = {"module_args": arguments}


def without_options(options: Options, names: t.Collection[str]) -> Options:
    """`options` without those that the ones of these names have in them, at any depth."""
    shown: Options = {}
    for name, option in options.items():
        shown[name] = dict(option)
        if "options" in option:
            inside = shown[name].pop("options")
            if name not in names:
                shown[name]["options"] = without_options(inside, names)
    return shown


def without_secrets(value: t.Any, options: t.Optional[Options] = None) -> t.Any:
    """`value` with a count in the place of each option that says what is in a map.

    If it is known which `options` there are, others are hidden, and what is no dictionary of them.
    """
    if isinstance(value, dict):
        return {key: _if_no_secret(key, each, options) for key, each in value.items()}
    if isinstance(value, list):
        return [without_secrets(each, options) for each in value]
    return value if options is None else _HIDDEN


def _if_no_secret(name: str, value: t.Any, options: t.Optional[Options]) -> t.Any:
    if name in SECRETS and value:
        return f"({len(value)} hidden)" if isinstance(value, (list, dict)) else _HIDDEN
    if options is not None and name not in options:
        return _HIDDEN
    inside = None if options is None else options[name].get("options", _INSIDE.get(name))
    return value if value is None else without_secrets(value, inside)


def _sources(params: t.Any) -> t.Iterator[Dictionary]:
    """Yield where entries are from."""
    for each in _items(params):
        if isinstance(each.get("entries_from"), dict):
            yield each["entries_from"]


def _loads(params: t.Any) -> t.Iterator[Dictionary]:
    """Yield what names an object file: the task as a whole, or its programs."""
    if isinstance(params, dict):
        programs = params.get("programs")
        items = [params, *(programs if isinstance(programs, list) else ())]
        yield from (each for each in items if isinstance(each, dict) and each.get("object"))


def _items(params: t.Any) -> t.Iterator[Dictionary]:
    """Yield what may declare entries: the task as a whole, and its maps."""
    if isinstance(params, dict):
        maps = params.get("maps")
        items = [params, *(maps if isinstance(maps, list) else ())]
        yield from (each for each in items if isinstance(each, dict))


def _unchanged(value: t.Any, _secrets: t.Collection[str]) -> t.Any:
    return value


def without_blanks(given: t.Any, options: Options) -> t.Any:
    """`given` without the `options` that are blank, also in dictionaries inside."""
    if not isinstance(given, dict):
        return given  # AnsibleModule says what is wrong with it
    return {
        name: _inside(value, options[name]) if name in options else value
        for name, value in given.items()
        if name not in options or not _is_blank(name, value)
    }


def _is_blank(name: str, value: object) -> bool:
    """Return whether nothing was said. An empty list says something, and so does false."""
    return value is None or (value == "" and name not in _WHICH)


def _inside(value: t.Any, option: t.Mapping[str, t.Any]) -> t.Any:
    options = option.get("options")
    if options is None:
        return value
    if isinstance(value, list):
        return [_dictionary(each, options) for each in value]
    return _dictionary(value, options)


def _dictionary(value: t.Any, options: Options) -> t.Any:
    """`value` without what is blank in it; as a text where it is a number, and so no dictionary.

    AnsibleModule says of a text what is wrong with it, and ends with a traceback for a number.
    """
    return without_blanks(value if isinstance(value, (dict, str)) else str(value), options)


_HIDDEN = "(hidden)"
_INSIDE = {"maps": MAP}  # of a module that leaves it to the core to check them
_WHICH = ("name", "map_name", "prog_name", "prog_tag")  # whoever leaves one empty is told so
