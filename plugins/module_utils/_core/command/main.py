# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-pinning` of a host: how what was declared stands, and putting it back."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import List, Optional, Sequence

from ..visible import visible
from .manifest import Loaded, load_all
from .work import Asked, Line, Part, restore, survey

MANIFESTS = "/etc/ebpf-pinning/restore.d"
GOOD, TROUBLE, DRIFT = 0, 1, 2  # exit codes
_HEADINGS = ("PATH", "DECLARED", "FOUND", "DETAIL")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command; the exit code."""
    options = _options(arguments)
    if os.geteuid() != 0:
        _complain("only root may look at pins and manifests: run it as root")
        return TROUBLE
    loaded = load_all(options.manifests)
    if options.command == "restore":
        asked = Asked(Part(options.part), options.interface, options.wait)
        lines = list(restore(loaded, asked))
    else:
        lines = list(survey(loaded))
    for problem in loaded.problems:
        _complain(f"refused: {visible(problem)}")
    text = (
        _json(loaded, lines)
        if options.json
        else _table(lines, only_trouble=options.command == "check")
    )
    if not _printed(text):
        return TROUBLE
    all_good = not loaded.problems and all(line.is_good for line in lines)
    if all_good or options.command == "status":
        return GOOD
    return DRIFT if options.command == "check" else TROUBLE


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _printed(text: str) -> bool:
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError as error:
        # Or Python tries once more when it ends, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return True  # who reads it has seen enough
        _complain(
            f"the table cannot be printed ({error.strerror}): look where the output goes; what was "
            "done stays done"
        )
        return False
    return True


def _options(arguments: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ebpf-pinning", description="Pinned BPF maps, as Ansible declared them for this host."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("status", "show how everything stands; exit 0"),
        ("check", "show what is not as declared; exit 0 if all is, else 2"),
        ("restore", "put back what is missing, replace nothing; exit 0 if all is in place, else 1"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help="for programs")
        command.add_argument(
            "--manifests", default=MANIFESTS, metavar="DIR", help=f"default: {MANIFESTS}"
        )
        if name == "restore":
            command.add_argument(
                "--part",
                choices=[part.value for part in Part],
                default="all",
                help="mounts: only these; maps: all but links, and mounts are only looked at; "
                "links: only these",
            )
            command.add_argument(
                "--interface",
                metavar="NAME",
                help='of links, only those to this interface; "": those to none of this host',
            )
            command.add_argument(
                "--wait",
                type=float,
                default=0,
                metavar="SECONDS",
                help="so long for what links are attached to; default: 0",
            )
    return parser.parse_args(arguments)


def _json(loaded: Loaded, lines: Sequence[Line]) -> str:
    whole = {
        "lines": [{**line._asdict(), "state": line.state.words} for line in lines],
        "refused": list(loaded.problems),
    }
    return json.dumps(whole, indent=1)


def _table(lines: Sequence[Line], *, only_trouble: bool) -> str:
    shown = [line for line in lines if not (only_trouble and line.is_good)]
    cells = ((line.path, line.declared, line.state.words, line.detail) for line in shown)
    rows = [_HEADINGS, *(tuple(map(visible, row)) for row in cells)]
    widths = [max(map(len, column)) for column in zip(*rows)][:3]
    text: List[str] = []
    for row in rows if shown else ():
        padded = [cell.ljust(width) for cell, width in zip(row, widths)]
        text.append("  ".join([*padded, row[3]]).rstrip())
    text.append(f"{len(lines)} declared, {sum(line.is_good for line in lines)} in place")
    return "\n".join(text)
