# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables drift_* of a run, or those of another report, wherever they are set. Private.

Never those that hosts say of themselves: a fact must not name a file of the controller.
"""

from __future__ import annotations

import os
import typing as t
from configparser import Error, RawConfigParser
from contextlib import suppress
from glob import glob

import yaml
from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.template import Templar
from ansible.utils.path import unfrackpath
from ansible.vars.manager import VariableManager

C: t.Any = constants  # most of them are made when it is loaded
_PREFIX = "drift_"
_IN_ENVIRONMENT = "EBPF_PINNING_DRIFT_"
_SECTION = "ebpf_pinning"

Values = t.Dict[str, t.Any]


class Unclear(Exception):
    """What a variable means cannot be told; the text says why."""


class _NoFacts(t.Dict[str, t.Any]):
    """A cache of facts that has those of no host."""

    def get(self, key: str, default: t.Any = None) -> t.Any:  # noqa: ARG002
        return {}


class _Unknown(t.NamedTuple):
    """In place of a value that cannot be worked out; equal where the reason is."""

    why: str


class Settings:
    """What `plays` and their hosts set. `manager` is Ansible's, of all variables."""

    def __init__(self, manager: t.Any, plays: t.Iterable[t.Any], prefix: str = _PREFIX) -> None:
        self._prefix = prefix
        self._loader = manager._loader
        inventory = manager._inventory
        # One that has heard nothing from any host, and has no facts of earlier runs.
        self._manager = t.cast(t.Any, VariableManager(loader=self._loader, inventory=inventory))
        self._manager._fact_cache = _NoFacts()
        self._of_plays: t.List[t.Tuple[Values, t.Dict[str, Values]]] = []
        for play in plays:
            hosts = inventory.get_hosts(play.hosts, ignore_restrictions=True)
            of_hosts = {host.get_name(): self._of(play, host) for host in hosts}
            self._of_plays.append((self._of(play), of_hosts))
        if not self._of_plays:
            self._of_plays.append((self._set(self._manager.extra_vars), {}))

    def value(self, name: str) -> t.Any:
        """What drift_NAME is set to, for the run; None if nowhere."""
        found: t.List[t.Tuple[str, t.Any]] = []  # the place, the value
        for of_play, of_hosts in self._of_plays:
            if name in of_play:
                found.append(("a play", of_play[name]))
            else:
                found += [(host, each[name]) for host, each in of_hosts.items() if name in each]
        if not found:
            return None
        place, value = found[0]
        if isinstance(value, _Unknown):
            raise Unclear(f"{self._prefix}{name} of {place} cannot be worked out: {value.why}")
        for other, another in found:
            if another != value:
                raise Unclear(
                    f"{self._prefix}{name} is {value!r} for {place} and {another!r} for {other}: a "
                    "run has one, so set it with -e, or alike for all hosts"
                )
        return value

    def reports(self) -> t.List[str]:
        """The files that drift_reports names, which are to be merged."""
        value = self.value("reports")
        if value is None:
            raise Unclear(
                "drift_reports is not set: name the reports that are to be merged, with "
                "-e drift_reports=FILE, where a FILE such as reports/*.json is all that match, or "
                'with -e \'{"drift_reports": ["FILE", ...]}\''
            )
        if isinstance(value, str) and value.strip().startswith("["):
            # As Ansible hands on -e 'drift_reports=[...]'.
            with suppress(yaml.YAMLError):
                value = yaml.safe_load(value)
        named = [value] if isinstance(value, str) else value
        if not isinstance(named, list) or not all(isinstance(each, str) and each for each in named):
            raise Unclear(
                f"drift_reports is {value!r}, which is neither a file nor a list of files"
            )
        if any(each.strip().startswith("[") for each in named):
            raise Unclear(
                f"drift_reports is {value!r}, half of a list: -e 'drift_reports=[...]' takes no "
                'blanks; leave them out, or use -e \'{"drift_reports": ["FILE", ...]}\''
            )
        return [path for each in named for path in _matching(to_text(each))]

    def fails(self, host: str) -> bool:
        """Whether drift of this host is a failure of the run."""
        for of_play, of_hosts in self._of_plays:
            value = of_play.get("fail", of_hosts.get(host, {}).get("fail"))
            is_known = value is not None and not isinstance(value, _Unknown)
            if is_known and not boolean(value, strict=False):
                return False
        return True

    def misplaced(self) -> t.Iterator[str]:
        """What is set where it does not count."""
        for of_play, of_hosts in self._of_plays:
            if "hosts" not in of_play and any("hosts" in each for each in of_hosts.values()):
                yield (
                    "drift_hosts is set in the inventory, where it does not count: hosts are "
                    "chosen before their variables are read; set it with -e, or as a variable of "
                    "import_playbook"
                )
        for name in ("hosts", "fail", "reports"):
            if os.environ.get(f"{_IN_ENVIRONMENT}{name.upper()}"):
                yield (
                    f"EBPF_PINNING_DRIFT_{name.upper()} is set in the environment, where it does "
                    f"not count: set drift_{name} with -e, or as a variable of import_playbook"
                )
            if _in_configuration(f"drift_{name}"):
                yield (
                    f"drift_{name} is set in {C.CONFIG_FILE}, where it does not count: set it with "
                    "-e, or as a variable of import_playbook"
                )

    def _of(self, play: t.Any, host: t.Any = None) -> Values:
        # Or the names of all hosts would be gone through for each of them.
        near: Values = {"_hosts": [host.name], "_hosts_all": [host.name]} if host else {}
        variables = self._manager.get_vars(play=play, host=host, include_hostvars=False, **near)
        return self._set(variables)

    def _set(self, variables: t.Mapping[str, t.Any]) -> Values:
        """Those that are set: a blank is not."""
        names = [each for each in variables if str(each).startswith(self._prefix)]
        templar = Templar(loader=self._loader, variables=dict(variables)) if names else None
        found = {}
        for name in names:
            try:
                value = templar and templar.template(variables[name])
            except AnsibleError as error:
                value = _Unknown(str(error))
            if value is not None and not (isinstance(value, str) and not value.strip()):
                found[name[len(self._prefix) :]] = value
        return found


def _matching(named: str) -> t.List[str]:
    path = unfrackpath(named, follow=False)
    if os.path.lexists(path):
        return [path]
    # What matches nothing is named as it is, and then not found.
    return sorted(glob(path)) or [path]


def not_blank(name: str, option: t.Any) -> t.Any:
    """What the option of this name is, or None: Ansible makes a path of a blank, too."""
    value = os.environ.get(f"{_IN_ENVIRONMENT}{name.upper()}")
    in_configuration = _in_configuration(f"{_PREFIX}{name}")
    if value is not None and not value.strip():
        # Then that of the file counts, whose paths begin at its directory.
        path = os.path.join(os.path.dirname(str(C.CONFIG_FILE)), in_configuration or "")
        return unfrackpath(path, follow=False) if in_configuration else None
    return option if value or in_configuration != "" else None


def _in_configuration(key: str) -> t.Optional[str]:
    """What ansible.cfg has; None if it has none."""
    parser = RawConfigParser(inline_comment_prefixes=(";",))  # as Ansible reads it
    try:
        parser.read(C.CONFIG_FILE or ())
        return parser.get(_SECTION, key).strip()
    except (Error, OSError, UnicodeDecodeError):
        return None
