# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the command `ebpf-pinning` understands: its parser, manual and completion are made of it."""

from __future__ import annotations

import argparse
import os
from typing import Any, Dict, NoReturn, Optional, Sequence, Tuple

from ..values import NamedTuple
from ..version import VERSION
from .work import Part

NAME = "ebpf-pinning"
MANIFESTS = "/etc/ebpf-pinning/restore.d"
SUMMARY = "pinned BPF maps, programs and links, as Ansible declared them for this host"
GOOD, TROUBLE, DRIFT, USAGE = 0, 1, 2, 64  # exit codes; EX_USAGE of sysexits(3)
CODES = {
    GOOD: "all is as declared, or `status` has shown how it stands",
    TROUBLE: "something could not be looked at or put back",
    DRIFT: "`check` found something that is not as declared",
    USAGE: "the command line is wrong",
}


class Option(NamedTuple):
    """An option of the command. Without `value` it is a switch."""

    flag: str
    text: str
    value: str = ""
    choices: Sequence[str] = ()
    default: Any = None
    type: Any = str


class Word(NamedTuple):
    """What the command can do."""

    name: str
    text: str
    options: Tuple[Option, ...]


_JSON = Option("--json", "print JSON, with what is wanted and what is there")
_FROM = Option("--manifests", f"where declarations are; default: {MANIFESTS}", "DIR", (), MANIFESTS)
_COLOR = Option(
    "--color",
    "color what is printed; default: auto, on terminals",
    "WHEN",
    ("auto", "always", "never"),
    "auto",
)
_UNDECLARED = Option("--undeclared", "show, too, what is pinned and not declared")
_PART = Option(
    "--part",
    "mounts: only these; maps: all but links, and mounts are only looked at; links: only these",
    "PART",
    [part.value for part in Part],
    Part.ALL.value,
)
_INTERFACE = Option(
    "--interface", 'of links, only those to this interface; "": those to none of this host', "NAME"
)
_WAIT = Option(
    "--wait", "so long for what links are attached to; default: 0", "SECONDS", (), 0.0, float
)
_ENTRIES = Option("--entries", "print what is in maps, too, up to 1000 entries of each")
_OBJECT = Option("--object", "an object file that programs may have been loaded from", "FILE")
_USUAL = (_JSON, _COLOR, _FROM)
WORDS = (
    Word("status", "show how everything stands; exit 0", (*_USUAL, _UNDECLARED)),
    Word(
        "check",
        "show what is not as declared; exit 0 if all is, else 2",
        (*_USUAL, _UNDECLARED),
    ),
    Word(
        "restore",
        "put back what is missing, replace nothing; exit 0 if all is in place, else 1",
        (*_USUAL, _PART, _INTERFACE, _WAIT),
    ),
    Word(
        "adopt",
        "print what is pinned as the variables that declare it; exit 0",
        (_ENTRIES, _OBJECT),
    ),
)
PATHS = "only what is at this path, or below it"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.format_usage()}{self.prog}: {message}\n")


def parse(arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line; exits where it is wrong, or only asks for help."""
    parser = _Parser(prog=NAME, description=f"{SUMMARY[0].upper()}{SUMMARY[1:]}.")
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for word in WORDS:
        command = commands.add_parser(word.name, help=word.text, description=word.text)
        for option in word.options:
            command.add_argument(option.flag, **_how(option))
        command.add_argument("paths", nargs="*", metavar="PATH", help=PATHS)
    return parser.parse_args(arguments)


def version() -> str:
    """Return the version, and the digest of the code that runs."""
    core = os.path.basename(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
    return f"{NAME} {VERSION} ({core})"


def _how(option: Option) -> Dict[str, Any]:
    if not option.value:
        return {"action": "store_true", "help": option.text}
    how = {"help": option.text, "default": option.default, "type": option.type}
    return {**how, **({"choices": option.choices} if option.choices else {"metavar": option.value})}
