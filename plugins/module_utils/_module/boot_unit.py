# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit of systemd that restores a host's pins at boot. Private to this collection."""

from __future__ import annotations

import os
import re
import typing as t

from .._core.command.main import MANIFESTS
from .._core.errors import PinningError
from .._core.files import explained
from .host_program import STARTER, HostFile

NAME = "ebpf-pinning-restore.service"
_AUTHOR = b"Written by the Ansible collection ebpf.pinning"
_MARK = "# Written by the Ansible collection ebpf.pinning: changes are lost.\n"
_DIRECTORY = "/etc/systemd/system"
_SETTINGS = f"{_DIRECTORY}/{NAME}.d"
_OF_SYSTEMD = "/run/systemd/system"  # sd_booted(3)

_UNIT = """\
# Written by the Ansible collection ebpf.pinning: changes are lost.
[Unit]
Description=Put back pinned BPF maps
Documentation=https://docs.kernel.org/bpf/maps.html
ConditionDirectoryNotEmpty={directory}
DefaultDependencies=no
After=local-fs.target sys-fs-bpf.mount systemd-sysusers.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
# A boot does not wait for ever.
TimeoutStartSec=180s
# Outside of the sandbox (+) and of its mount namespace, or nobody else would see the mounts. What
# could not be mounted (-) is seen again by the next line, which puts back all that does not need
# it, and then fails.
ExecStartPre=+-/usr/bin/nsenter --target 1 --mount -- {mounts}
ExecStart={maps}

CapabilityBoundingSet=CAP_BPF CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_NET_ADMIN
LimitMEMLOCK=infinity
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateNetwork=yes
ProtectClock=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectSystem=strict
# All of it read-only, but for the mounts that hold the pins (see the settings for each manifest).
# Not ProtectKernelTunables, which would have /sys/fs/bpf read-only for good.
ReadOnlyPaths=/sys /proc/sys
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service bpf
TasksMax=8
UMask=0022

[Install]
WantedBy=multi-user.target
"""

Verbs = t.List[t.Tuple[str, ...]]


def unit(command: str, manifests: str) -> str:
    """Return the text of the unit that runs `command` over the directory `manifests`."""
    return _UNIT.format(
        directory=_literal(manifests),
        mounts=_run(command, manifests, "mounts"),
        maps=_run(command, manifests, "maps"),
    )


def settings(
    writable: t.Iterable[str], capabilities: t.Iterable[str], *, network: bool = False
) -> str:
    """Return what a manifest adds: the mounts that hold its pins, capabilities, interfaces."""
    lines = [f"ReadWritePaths={_quoted('-' + path)}" for path in writable]
    if capabilities:
        lines.append(f"CapabilityBoundingSet={' '.join(capabilities)}")
    if network:
        lines.append("PrivateNetwork=no")
    return "\n".join([f"{_MARK}[Service]", *lines, ""])


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
            raise PinningError(
                f"`systemctl {' '.join(words)}` failed: {said[:_LONGEST] or code}; see "
                "`journalctl -b -u ebpf-pinning-restore.service`, mend what it says, then run again"
            )
        return output


class Service(t.NamedTuple):
    """The files of the unit as they are to be, and whether the unit is to go with them."""

    files: t.Sequence[HostFile]
    is_wanted: bool
    systemctl: Systemctl

    @classmethod
    def wanted(
        cls, library: str, manifests: str, name: str, sandbox: t.Any, systemctl: Systemctl
    ) -> Service:
        """Return the unit, with what the manifest `name` needs."""
        text = unit(f"{library}/{STARTER}", manifests)
        more = settings(sandbox["writable"], sandbox["capabilities"], network=sandbox["network"])
        return cls(
            [HostFile(f"{_DIRECTORY}/{NAME}", _bytes(text)), _settings(name, more)], True, systemctl
        )

    @classmethod
    def without(cls, name: str, systemctl: Systemctl) -> Service:
        """Return the unit without what the manifest `name` needs; others are left."""
        return cls([_settings(name, None)], True, systemctl)

    @classmethod
    def gone(cls, systemctl: Systemctl) -> Service:
        """Return no unit, and no settings but those that somebody else wrote."""
        own = [HostFile(f"{_DIRECTORY}/{NAME}", None)]
        return cls([*own, *(HostFile(path, None) for path in _own_settings())], False, systemctl)

    def verbs_before(self) -> Verbs:
        """Return what systemctl(1) has to do while the files are as they were."""
        if self.is_wanted or not os.path.exists(f"{_DIRECTORY}/{NAME}"):
            return []
        found = self._show()
        is_on = found["UnitFileState"] == "enabled" or found["ActiveState"] != "inactive"
        return [("disable", "--now", NAME)] if is_on else []

    def verbs_after(self, *, files_differ: bool, changed: bool) -> Verbs:
        """Return what it has to do then. The unit has run with what is declared now, or runs."""
        reloads: Verbs = [("daemon-reload",)] if files_differ else []
        if not self.is_wanted:
            return reloads
        found = self._show()
        enables: Verbs = [("enable", NAME)] if found["UnitFileState"] != "enabled" else []
        if files_differ or changed:
            return [*reloads, *enables, ("restart", NAME)]
        return [*enables, ("start", NAME)] if found["ActiveState"] != "active" else enables

    def _show(self) -> t.Dict[str, str]:
        told = self.systemctl("show", "--property=UnitFileState,ActiveState", NAME)
        return {"UnitFileState": "", "ActiveState": "", **dict(_pairs(told))}

    def settle_directory(self) -> None:
        """Remove the directory of settings, if nobody else has something in it."""
        if not self.is_wanted and os.path.isdir(_SETTINGS) and not os.listdir(_SETTINGS):
            with explained(_SETTINGS):
                os.rmdir(_SETTINGS)


def is_run_by_systemd() -> bool:
    """Return whether systemd runs this host."""
    return os.path.isdir(_OF_SYSTEMD)


def _pairs(told: str) -> t.Iterator[t.Tuple[str, str]]:
    for line in told.splitlines():
        name, _equals, value = line.partition("=")
        yield name, value


def _own_settings() -> t.Iterator[str]:
    names = sorted(os.listdir(_SETTINGS)) if os.path.isdir(_SETTINGS) else []
    for path in (f"{_SETTINGS}/{name}" for name in names):
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as file:
                if _AUTHOR in file.read(_HEAD):
                    yield path


def _settings(name: str, text: t.Optional[str]) -> HostFile:
    return HostFile(f"{_SETTINGS}/{name}.conf", None if text is None else _bytes(text))


def _run(command: str, manifests: str, part: str) -> str:
    where = [] if manifests == MANIFESTS else ["--manifests", manifests]
    return " ".join(map(_word, [command, "restore", "--part", part, *where]))


def _word(text: str) -> str:
    """Return one word of a command line (systemd.service(5), "COMMAND LINES")."""
    return text if _PLAIN.fullmatch(text) else _quoted(text).replace("$", "$$")


def _quoted(path: str) -> str:
    backslashed = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_literal(backslashed)}"'


def _literal(path: str) -> str:
    return path.replace("%", "%%")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


_LONGEST = 400  # characters of a complaint
_HEAD = 400  # bytes that say who wrote a file
_PLAIN = re.compile("[A-Za-z0-9_/.-]+")
