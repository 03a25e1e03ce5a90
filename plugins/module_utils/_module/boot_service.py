# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units that restore a host's pins, as files, and what systemctl(1) has to do about them.

Private to this collection.
"""

from __future__ import annotations

import glob
import os
import re
import typing as t

from .._core.errors import PinningError
from .._core.files import explained
from .._core.people import BadField
from . import boot_unit
from .boot_unit import LINKS, LINKS_OF, NAME, TARGET, Needs
from .host_program import HostFile

_DIRECTORY = "/etc/systemd/system"
_OF_SYSTEMD = "/run/systemd/system"  # sd_booted(3)

Verbs = t.List[t.Tuple[str, ...]]


class Systemctl:
    """systemctl(1), run as AnsibleModule runs commands."""

    def __init__(self, run: t.Callable[..., t.Tuple[int, str, str]]) -> None:
        self._run = run

    def __call__(self, *words: str) -> str:
        """Run it and return what it prints; PinningError with what it complains of."""
        try:
            code, output, complaints = self._run(["systemctl", *words], handle_exceptions=False)
        except OSError as error:
            raise PinningError(f"systemctl cannot be run: {error.strerror}") from None
        if code:
            said = " ".join(complaints.split())
            unit = next((word for word in words if word.endswith(".service")), NAME)
            raise PinningError(
                f"`systemctl {' '.join(words)}` failed: {said[:_LONGEST] or code}; see "
                f"`journalctl -b -u {unit}`, mend what it says, then run again"
            )
        return output


class OtherManifests(t.NamedTuple):
    """What those need that are not dealt with."""

    links: bool = False
    interfaces: t.FrozenSet[str] = frozenset()
    are_known: bool = True  # all of them could be read


class Service(t.NamedTuple):
    """The files of the units as they are to be, and which are to be enabled."""

    files: t.Sequence[HostFile]
    systemctl: Systemctl
    enabled: t.Sequence[str] = ()  # none: they are to go
    own_links: t.Sequence[str] = ()  # units that attach links of this manifest
    are_all_known: bool = True

    @classmethod
    def wanted(
        cls,
        paths: t.Tuple[str, str],
        name: str,
        needs: Needs,
        others: OtherManifests,
        before: t.Mapping[str, str],
        systemctl: Systemctl,
    ) -> Service:
        """Return the units, with what the manifest `name` needs; `paths`: library and manifests.

        `before` has by service the text that orders it after them.
        """
        texts = boot_unit.units(*paths)
        more = boot_unit.settings(needs)
        files = [HostFile(f"{_DIRECTORY}/{unit}", _bytes(text)) for unit, text in texts.items()]
        files += [_settings(unit, name, more.get(unit)) for unit in _SET]
        files += [_ordered(service, name, text) for service, text in before.items()]
        files += _stale_orders(name, before)
        own = [*([LINKS] if needs.links else []), *map(boot_unit.instance, needs.interfaces)]
        return cls(files, systemctl, (NAME, TARGET, *_links(others, own)), own, others.are_known)

    @classmethod
    def without(cls, name: str, others: OtherManifests, systemctl: Systemctl) -> Service:
        """Return the units without what the manifest `name` needs; others are left."""
        files = [*(_settings(unit, name, None) for unit in _SET), *_stale_orders(name, ())]
        enabled = (NAME, TARGET, *_links(others, ()))
        return cls(files, systemctl, enabled, are_all_known=others.are_known)

    @classmethod
    def gone(cls, name: str, systemctl: Systemctl) -> Service:
        """Return no units, and no settings but those that somebody else wrote."""
        files = [HostFile(f"{_DIRECTORY}/{unit}", None) for unit in _UNITS]
        files += [HostFile(path, None) for unit in _SET for path in _own_settings(unit)]
        return cls([*files, *_stale_orders(name, ())], systemctl)

    def verbs_before(self) -> Verbs:
        """Return what systemctl(1) has to do while the files are as they were."""
        there = [unit for unit in _UNITS if os.path.exists(f"{_DIRECTORY}/{unit}")]
        if self.enabled or not there:
            return []
        plain = [unit for unit in there if unit != LINKS_OF]
        states = self._states([*plain, *_enabled_links()])
        on = [unit for unit, each in states.items() if each.is_enabled or each.active != "inactive"]
        return [("disable", "--now", *on)] if on else []

    def verbs_after(self, *, files_differ: bool, changed: bool) -> Verbs:
        """Return what it has to do then. The units have run with what is declared now, or run."""
        verbs: Verbs = [("daemon-reload",)] if files_differ else []
        if not self.enabled:
            return verbs
        states = self._states(self.enabled)
        new = [unit for unit in self.enabled if not states[unit].is_enabled]
        old = [unit for unit in _enabled_links() if unit not in self.enabled]
        verbs += [("enable", *new)] if new else []
        verbs += [("disable", *old)] if old and self.are_all_known else []
        if files_differ or changed:
            verbs.append(("restart", NAME, *self.own_links))
        elif states[NAME].active != "active":
            verbs.append(("start", NAME))
        if states[TARGET].active != "active":
            verbs.append(("start", TARGET))
        return verbs

    def _states(self, units: t.Sequence[str]) -> t.Dict[str, _State]:
        told = self.systemctl("show", "--property=Id,UnitFileState,ActiveState", *units)
        found = [dict(_pairs(block)) for block in told.split("\n\n")]
        return {
            unit: _State(each.get("UnitFileState") == "enabled", each.get("ActiveState", ""))
            for unit, each in zip(units, found)
        }

    def settle_directories(self) -> None:
        """Remove the directories of settings in which nobody has anything any more."""
        for file in self.files:
            path = os.path.dirname(file.path)
            if file.content is None and path.endswith(".d") and os.path.isdir(path):
                with explained(path):
                    if not os.listdir(path):
                        os.rmdir(path)


class _State(t.NamedTuple):
    is_enabled: bool
    active: str  # as systemd calls it


def is_run_by_systemd() -> bool:
    """Return whether systemd runs this host."""
    return os.path.isdir(_OF_SYSTEMD)


def service_name(given: str) -> str:
    """Return the unit that is meant; BadField where it cannot be one."""
    name = given if "." in given else f"{given}.service"
    if not _UNIT_NAME.fullmatch(name) or name in _UNITS:
        raise BadField(
            f"before: {given[:60]!r} is not the name of a service: write it as `systemctl "
            "list-units` has it"
        )
    return name


def _links(others: OtherManifests, own: t.Sequence[str]) -> t.List[str]:
    theirs = [LINKS] if others.links else []
    return sorted({*own, *theirs, *map(boot_unit.instance, others.interfaces)})


def _enabled_links() -> t.List[str]:
    """The units for links that are enabled, by the files that say so."""
    places = glob.glob(f"{_DIRECTORY}/*.wants/{LINKS_OF.partition('@')[0]}*.service")
    return sorted({os.path.basename(place) for place in places})


def _pairs(told: str) -> t.Iterator[t.Tuple[str, str]]:
    for line in told.splitlines():
        name, _equals, value = line.partition("=")
        yield name, value


def _own_settings(unit: str) -> t.Iterator[str]:
    directory = f"{_DIRECTORY}/{unit}.d"
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    yield from filter(_is_ours, (f"{directory}/{name}" for name in names))


def _stale_orders(name: str, wanted: t.Collection[str]) -> t.List[HostFile]:
    """The files that order services after this manifest, of those that are not `wanted`."""
    paths = glob.glob(f"{_DIRECTORY}/*.d/{glob.escape(_order_of(name))}")
    kept = {_ordered(service, name, "").path for service in wanted}
    return [HostFile(path, None) for path in sorted(paths) if path not in kept and _is_ours(path)]


def _is_ours(path: str) -> bool:
    if not os.path.isfile(path) or os.path.islink(path):
        return False
    with open(path, "rb") as file:
        return boot_unit.AUTHOR in file.read(_HEAD)


def _settings(unit: str, name: str, text: t.Optional[str]) -> HostFile:
    return HostFile(f"{_DIRECTORY}/{unit}.d/{name}.conf", None if text is None else _bytes(text))


def _ordered(service: str, name: str, text: str) -> HostFile:
    return HostFile(f"{_DIRECTORY}/{service}.d/{_order_of(name)}", _bytes(text))


def _order_of(name: str) -> str:
    return f"ebpf-pinning-{name}.conf"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_UNITS = (NAME, LINKS, LINKS_OF, TARGET)
_SET = (NAME, LINKS, LINKS_OF)  # that have settings for each manifest
_LONGEST = 400  # characters of a complaint
_HEAD = 400  # bytes that say who wrote a file
_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]{1,200}\.(service|target|socket|mount|path|timer)")
