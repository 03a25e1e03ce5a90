# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of systemd that restore a host's pins, as text. Private to this collection. Pure.

Mounts, maps and programs before the network; links once what they are attached to is there, an
interface also when it comes back hours later; and a target to be ordered after.
"""

from __future__ import annotations

import re
import typing as t

from .._core.command.words import MANIFESTS
from .host_program import STARTER

NAME = "ebpf-pinning-restore.service"
LINKS = "ebpf-pinning-links.service"
LINKS_OF = "ebpf-pinning-links@.service"  # one for each interface
TARGET = "ebpf-pinning.target"
AUTHOR = b"Written by the Ansible collection ebpf.pinning"
_MARK = "# Written by the Ansible collection ebpf.pinning: changes are lost.\n"
_SECONDS = 30  # that links wait for what they are attached to

_SANDBOX = """\
CapabilityBoundingSet=CAP_BPF CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_NET_ADMIN
LimitMEMLOCK=infinity
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectSystem=strict
# All of it read-only, but for the mounts that hold the pins (see the settings for each manifest).
# Not ProtectKernelTunables, which would have /sys/fs/bpf read-only for good.
ReadOnlyPaths=/sys /proc/sys
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service bpf
TasksMax=8
UMask=0022
"""

_RESTORE = """\
[Unit]
Description=Put back pinned BPF maps and programs
Documentation=https://docs.kernel.org/bpf/maps.html
ConditionDirectoryNotEmpty={directory}
DefaultDependencies=no
After=local-fs.target sys-fs-bpf.mount systemd-sysusers.service
Before=network-pre.target shutdown.target {target}
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
ExecStartPre=+-/usr/bin/nsenter --target 1 --mount -- {command} restore --part mounts{where}
ExecStart={command} restore --part maps{where}

{sandbox}PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes

[Install]
WantedBy=multi-user.target
"""

_LINKS = """\
[Unit]
Description=Attach pinned BPF programs{what}
Documentation=https://docs.kernel.org/bpf/libbpf/program_types.html
ConditionDirectoryNotEmpty={directory}
DefaultDependencies=no
After=local-fs.target {restore}
Before={target} shutdown.target
Wants={restore}
Conflicts=shutdown.target

[Service]
Type=oneshot
TimeoutStartSec=180s
ExecStart={command} restore --part links --interface {interface} --wait {seconds}{where}

# To look at links that have no pin, and to enter network namespaces, CAP_SYS_ADMIN.
CapabilityBoundingSet=CAP_PERFMON CAP_SYS_ADMIN
{sandbox}RestrictAddressFamilies=AF_UNIX AF_NETLINK
RestrictNamespaces=net
SystemCallFilter=perf_event_open setns

[Install]
WantedBy={wanted_by}
"""

_TARGET = """\
[Unit]
Description=Pinned BPF maps, programs and links are back
Documentation=https://docs.kernel.org/bpf/maps.html
# multi-user.target does not wait for it: what cannot come back does not delay a boot.
DefaultDependencies=no
Wants={restore}
After={restore}
Conflicts=shutdown.target
Before=shutdown.target

[Install]
WantedBy=multi-user.target
"""


class Needs(t.NamedTuple):
    """What a manifest needs of the sandboxes."""

    writable: t.Sequence[str]  # mounts
    capabilities: t.Sequence[str] = ()
    network: bool = False  # the interfaces of the host
    loads: bool = False  # programs
    links: bool = False  # that are attached to no interface of the host
    interfaces: t.Sequence[str] = ()  # of the host that links are attached to


def units(command: str, manifests: str) -> t.Dict[str, str]:
    """Return the text of each unit, for `command` in a library, over the directory `manifests`."""
    usual = manifests == MANIFESTS
    common = {
        "command": _word(f"{command}/{STARTER}"),
        "directory": _literal(manifests),
        "where": "" if usual else f" --manifests {_word(manifests)}",
        "sandbox": _SANDBOX,
        "target": TARGET,
        "restore": NAME,
        "seconds": _SECONDS,
    }
    others = {"what": "", "interface": '""', "wanted_by": TARGET}
    of_one = {
        "what": " to %I",
        "interface": '"%I"',
        "wanted_by": f"{TARGET} sys-subsystem-net-devices-%i.device",
    }
    return {
        NAME: _MARK + _RESTORE.format(**common),
        LINKS: _MARK + _LINKS.format(**common, **others),
        LINKS_OF: _MARK + _LINKS.format(**common, **of_one),
        TARGET: _MARK + _TARGET.format(**common),
    }


def settings(needs: Needs) -> t.Dict[str, str]:
    """Return what a manifest adds to each unit that needs more for it."""
    writable = [f"ReadWritePaths={_quoted('-' + path)}" for path in needs.writable]
    lines = list(writable)
    if needs.capabilities:
        lines.append(f"CapabilityBoundingSet={' '.join(needs.capabilities)}")
    if needs.network:
        lines.append("PrivateNetwork=no")
    if needs.loads:
        lines += _FOR_LOADING
    texts = {NAME: _settings(lines)}
    if needs.links or needs.interfaces:
        texts.update(dict.fromkeys((LINKS, LINKS_OF), _settings(writable)))
    return texts


def before(paths: t.Iterable[str]) -> str:
    """Return what orders a service after all that is put back, and has it fail without a pin."""
    lines = [f"AssertPathExists={_literal(path)}" for path in paths]
    return "\n".join([f"{_MARK}[Unit]", f"Wants={TARGET}", f"After={TARGET}", *lines, ""])


def instance(interface: str) -> str:
    """Return the unit that attaches links to an interface."""
    name, _at, suffix = LINKS_OF.partition("@")
    return f"{name}@{_escaped(interface)}{suffix}"


def _settings(lines: t.Sequence[str]) -> str:
    return "\n".join([f"{_MARK}[Service]", *lines, ""])


def _escaped(text: str) -> str:
    """Return a part of the name of a unit (man 1 systemd-escape)."""
    octets = text.encode("utf-8", "surrogateescape")
    return "".join(
        chr(each)
        if _KEPT.fullmatch(chr(each)) and (index or each != ord("."))
        else f"\\x{each:02x}"
        for index, each in enumerate(octets)
    )


def _word(text: str) -> str:
    """Return one word of a command line (systemd.service(5), "COMMAND LINES")."""
    return text if _PLAIN.fullmatch(text) else _quoted(text).replace("$", "$$")


def _quoted(path: str) -> str:
    backslashed = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_literal(backslashed)}"'


def _literal(path: str) -> str:
    return path.replace("%", "%%")


# Notes of where programs are from outlive the unit.
_FOR_LOADING = (
    "CapabilityBoundingSet=CAP_PERFMON",
    "RuntimeDirectory=ebpf-pinning",
    "RuntimeDirectoryMode=0700",
    "RuntimeDirectoryPreserve=yes",
)
_PLAIN = re.compile("[A-Za-z0-9_/.-]+")
_KEPT = re.compile("[A-Za-z0-9:_.]")
