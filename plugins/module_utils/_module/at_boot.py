# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host needs to restore its pins by itself at boot. Private to this collection.

The manifest, the command, and the unit of systemd: what of them differs, and how to settle it.
"""

from __future__ import annotations

import json
import os
import re
import typing as t
from urllib.parse import quote

from .._core import files
from .._core.command import main as command
from .._core.command import manifest
from .._core.command.links import interface_of
from .._core.command.words import MANIFESTS
from .._core.engine.steps import Action
from .._core.errors import PinningError, Problems
from .._core.fields import check_no_control, check_seen_at_boot, plain
from .._core.options import ACCESS, SECRETS
from .._core.people import BadField
from .._core.users import Users
from . import boot_manifest, boot_service, boot_unit, host_program, kept_files
from .arguments import without_secrets
from .boot_service import OtherManifests, Service, Systemctl, Verbs
from .boot_unit import Needs
from .host_program import HostCore, HostFile
from .host_python import check_python
from .report import Dictionary, file_diff

if t.TYPE_CHECKING:
    # What bpf_host has of the core, so that the command is the same files whoever installs it.
    from .._core.info import answer, health  # noqa: F401
    from .._core.kinds.maps import told  # noqa: F401
    from .._core.kinds.mounts import fstab_change, fstab_file  # noqa: F401
    from .._core.kinds.pins import attached, boundaries, openings, programs, reach  # noqa: F401
    from .._core.whole import parts  # noqa: F401

DEFAULT_MANIFESTS = MANIFESTS
DEFAULT_LIBRARY = "/usr/local/lib/ebpf-pinning"
DEFAULT_PYTHON = "/usr/bin/python3"
COMMAND = command.main  # and so all of the command is there to be installed


class Place(t.NamedTuple):
    """Where it is kept, under which name, and whether systemd is to run it."""

    name: str  # of the manifest
    systemctl: t.Optional[Systemctl]  # None: systemd is not to run it
    manifests: str = DEFAULT_MANIFESTS
    library: str = DEFAULT_LIBRARY
    python: str = DEFAULT_PYTHON
    before: t.Sequence[str] = ()  # services that are to start when all is back

    @property
    def files(self) -> str:
        """The directory of object files and lists that are kept for it."""
        return f"{self.manifests}/{self.name}.files"

    @property
    def path(self) -> str:
        """The file of the manifest."""
        return f"{self.manifests}/{self.name}{manifest.SUFFIX}"

    def check(self) -> None:
        """Raise BadField where the name or a directory cannot be used, or this is not root."""
        if os.geteuid() != 0:
            raise BadField("only root may install this: run the task with `become: true`")
        check_name(self.name)
        for path in (self.manifests, self.library):
            manifest.check_directory(path)
        if self.systemctl is not None:
            for option in ("manifests", "library", "python"):
                check_seen_at_boot(os.path.realpath(getattr(self, option)), option)

    def others(self) -> t.List[str]:
        """Return the names of the other manifests that are there."""
        own = os.path.basename(self.path)
        try:
            return [name for name in manifest.manifest_names(self.manifests) if name != own]
        except FileNotFoundError:
            return []


def check_name(name: str) -> None:
    """Raise BadField unless a manifest can be called so."""
    size = len(name.encode("utf-8", "surrogateescape"))
    if not name or "/" in name or name.startswith(".") or "\0" in name or size > _LONGEST:
        raise BadField(f"name must be at most 200 letters, digits and dashes, not {name[:40]!r}")
    check_no_control(name, "name")


class AtBoot:
    """What is to be on a host, what of it differs, and what became of it."""

    def __init__(
        self,
        place: Place,
        wanted: t.Sequence[host_program.Wanted],
        *,
        outdated: t.Sequence[str] = (),
        needs: t.Optional[Needs] = None,
        service: t.Optional[Service] = None,
    ) -> None:
        self._needs = needs
        self.manifests = place.others()
        if needs is not None:
            self.manifests = sorted([*self.manifests, os.path.basename(place.path)])
        self._manifest = place.path
        self._outdated = outdated  # directories that are to go
        self._service = service
        self._differing = [file for file in wanted if file.differs]
        self._units = [file for file in service.files if file.differs] if service else []
        self._stale = kept_files.stale(place.files, {file.path for file in wanted})
        self._before: Verbs = service.verbs_before() if service else []
        self._after: Verbs = []
        if service:
            self._after = service.verbs_after(
                files_differ=bool(self._units), changed=bool(self._differing)
            )
        self._directory = place.files
        self._diff = [
            _diff(file)
            for file in self._differing
            if isinstance(file, HostFile) and file.path == place.path
        ]

    @property
    def changed(self) -> bool:
        """Return whether anything is to be done, or was."""
        return bool(self._files or self._outdated or self._before or self._after)

    @property
    def _files(self) -> t.Sequence[host_program.Wanted]:
        return [*self._first, *self._last]

    @property
    def _first(self) -> t.Sequence[host_program.Wanted]:
        """What a manifest needs, and what has it put back: where it is, all of that is."""
        if self._needs is None:
            return []
        return [*(each for each in self._differing if not self._is_manifest(each)), *self._units]

    @property
    def _last(self) -> t.Sequence[host_program.Wanted]:
        """The manifest, and what it needs no longer."""
        if self._needs is None:
            return [*self._differing, *self._units, *self._stale]
        return [*filter(self._is_manifest, self._differing), *self._stale]

    def _is_manifest(self, file: host_program.Wanted) -> bool:
        return file.path == self._manifest

    @property
    def hint(self) -> str:
        """Return what is left to people, where no systemd runs the command; "" otherwise."""
        if self._service or self._needs is None:
            return ""
        return (
            "systemd does not run this host: have its init run "
            "`/usr/local/lib/ebpf-pinning/ebpf-pinning restore` once the BPF file systems are "
            "mounted and before network programs are loaded"
        )

    def hindrances(self) -> t.List[str]:
        """Return why nothing may be written, and no check may say it would be."""
        found = [each for file in self._files for each in file.hindrances()]
        found += [each for path in self._outdated for each in files.hindrances_below(path)]
        return list(dict.fromkeys(found))

    def settle(self, done: t.List[str]) -> None:
        """Write, remove, and have systemd see it; `done` gets what was done by then."""
        self._run(self._before, done)
        self._write(self._first, done)
        enabling = [words for words in self._after if words[0] in _ENABLING]
        if self._needs is not None:
            self._run(enabling, done)
        self._write(self._last, done)
        for path in self._outdated:
            host_program.remove_core(path)
            done.append(path)
        if self._service:
            self._service.settle_directories()
        kept_files.settle_directory(self._directory)
        if self._needs is None:
            self._run(enabling, done)
        self._run([words for words in self._after if words not in enabling], done)

    @staticmethod
    def _write(wanted: t.Sequence[host_program.Wanted], done: t.List[str]) -> None:
        for file in wanted:
            file.settle()
            done.append(file.path)

    def _run(self, verbs: Verbs, done: t.List[str]) -> None:
        for words in verbs:
            t.cast(Service, self._service).systemctl(*words)
            done.append(f"systemctl {' '.join(words)}")

    def report(self) -> Dictionary:
        """Return what was done, or would be."""
        service = [" ".join(words) for words in (*self._before, *self._after)]
        return {
            "files": [
                *(action for file in self._files for action in _actions(file)),
                *(_action(each, gone=True) for each in self._outdated),
            ],
            "manifests": self.manifests,
            "sandbox": self._needs and self._needs._asdict(),
            "service": service if self._service else None,
        }

    def diff(self) -> t.List[Dictionary]:
        """Return the manifest as it was and as it is to be, if that differs."""
        return self._diff


def present(
    declared: t.Mapping[str, t.Sequence[Dictionary]],
    defaults: Dictionary,
    place: Place,
    users: Users,
) -> AtBoot:
    """Compare the host with what restores `declared`, which has a list for each kind.

    Problems, with all that is wrong, where a manifest cannot say it.
    """
    python = plain(place.python, "python")
    check_python(python, users.awaited)
    kept = kept_files.keep(declared, place.files, users.awaited)
    text = manifest.content(kept.declared, defaults)
    try:
        parsed = manifest.parse(text, place.path)
    except Problems as found:
        raise Problems([f"manifest: {problem}" for problem in found.problems]) from None
    if parsed.obstacles:  # users and groups
        texts = [f"{path}: {problem}" for path, problem in parsed.obstacles.items()]
        if users.awaited is None:
            raise Problems(texts)
        users.awaited.update(dict.fromkeys(texts))
    boot_manifest.check(parsed)
    program = host_program.program(place.library, python)
    extras = host_program.for_people(f"{place.library}/{host_program.STARTER}")
    needs = boot_manifest.needs_of(parsed)
    return AtBoot(
        place,
        [
            *program,
            *(extras if place.library == DEFAULT_LIBRARY else ()),
            *kept.files,
            HostFile(place.path, text, 0o600),
        ],
        outdated=host_program.outdated(place.library, {program[0].path}),
        needs=needs,
        service=_service(place, parsed, needs),
    )


def _service(place: Place, parsed: manifest.Manifest, needs: Needs) -> t.Optional[Service]:
    services = [boot_service.service_name(each) for each in place.before]
    if place.systemctl is None:
        return None
    return Service.wanted(
        (place.library, place.manifests),
        place.name,
        needs,
        _others(place),
        dict.fromkeys(services, boot_unit.before(boot_manifest.pins_of(parsed))),
        place.systemctl,
    )


def _others(place: Place) -> OtherManifests:
    """What the other manifests of the host have that links are attached to."""
    loaded = manifest.load_all(place.manifests)
    others = [each for each in loaded.manifests if each.path != place.path]
    names = [interface_of(link.attach) for each in others for link in each.links]
    are_known = not any(not each.startswith(f"{place.path}:") for each in loaded.problems)
    return OtherManifests("" in names, frozenset(filter(None, names)), are_known)


def absent(place: Place) -> AtBoot:
    """Compare the host with one that restores this no longer; with the last, the command goes."""
    gone = HostFile(place.path, None)
    if place.others():
        service = None
        if place.systemctl:
            service = Service.without(place.name, _others(place), place.systemctl)
        return AtBoot(place, [gone], service=service)
    starter = HostFile(f"{place.library}/{host_program.STARTER}", None)
    extras = host_program.for_people(starter.path) if place.library == DEFAULT_LIBRARY else ()
    return AtBoot(
        place,
        [gone, *host_program.gone(extras), starter],
        outdated=host_program.outdated(place.library, ()),
        service=Service.gone(place.name, place.systemctl) if place.systemctl else None,
    )


def of_host(given: Dictionary, users: Users, run: t.Any) -> AtBoot:
    """Compare the host with what the arguments of bpf_host say of `at_boot`, true or false."""
    options = given["at_boot_options"] or {}
    directory = plain(given["directory"], "directory")
    place = Place(
        name=options.get("name") or usual_name(directory),
        systemctl=Systemctl(run) if boot_service.is_run_by_systemd() else None,
        python=options.get("python") or DEFAULT_PYTHON,
        before=options.get("before") or (),
    )
    try:
        place.check()
        if not given["at_boot"]:
            return absent(place)
        declared = {key: given[key] or () for key in manifest.LISTS}
        declared["links"] = [each for each in declared["links"] if each["state"] != "absent"]
        # What is mounted for the boot alone counts there.
        own = {each["path"]: each for each in options.get("mounts") or ()}
        usual = (each for each in declared["mounts"] if each["state"] != "unmounted")
        declared["mounts"] = [*own.values(), *(each for each in usual if each["path"] not in own)]
        defaults = {**{field: given[field] for field in ACCESS}, "directory": directory}
        return present(declared, defaults, place, users)
    except Problems as found:
        raise Problems([f"at_boot: {problem}" for problem in found.problems]) from None
    except PinningError as error:
        raise PinningError(f"at_boot: {error}") from None


def usual_name(directory: str) -> str:
    """Return what a manifest is called after the directory of its pins; no two share a name."""
    name = quote(directory, safe="/", errors="surrogateescape").replace("-", "%2D")
    return re.sub("/+", "-", name).strip("-") or "root"


def _actions(file: host_program.Wanted) -> t.List[Dictionary]:
    if isinstance(file, HostCore):
        return [_action(f"{file.path}/{name}", gone=False) for name in file.contents]
    return [_action(file.path, gone=file.content is None)]


def _action(path: str, *, gone: bool) -> Dictionary:
    return {"path": path, "action": (Action.REMOVE if gone else Action.WRITE).value}


def _diff(file: HostFile) -> Dictionary:
    before = b""
    if os.path.exists(file.path):
        with open(file.path, "rb") as there:
            before = there.read()
    return file_diff(file.path, _shown(before), _shown(file.content or b""))


def _shown(text: bytes) -> bytes:
    """A manifest without what is in the maps."""
    if not any(f'"{option}"'.encode() in text for option in SECRETS):
        return text
    try:
        whole = without_secrets(json.loads(text))
    except ValueError:
        return b"(not shown)\n"
    return (json.dumps(whole, indent=1, sort_keys=True) + "\n").encode()


_ENABLING = ("daemon-reload", "enable", "disable")
_LONGEST = 200  # bytes of a name
