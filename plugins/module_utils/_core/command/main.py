# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The command `ebpf-pinning` of a host: how what was declared stands, and putting it back."""

from __future__ import annotations

import os
import sys
from typing import Optional, Sequence

from ..errors import PinningError
from ..visible import visible, visible_lines
from . import table
from .manifest import load_all
from .undeclared import undeclared
from .words import DRIFT, GOOD, TROUBLE, parse
from .work import Asked, Part, restore, survey


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command; the exit code."""
    options = parse(arguments)
    if os.geteuid() != 0:
        _complain("only root may look at pins and manifests: run it as root")
        return TROUBLE
    paths = [os.path.abspath(path) for path in options.paths]
    if options.command == "adopt":
        return _adopt(paths, [options.object] if options.object else [], options.entries)
    loaded = load_all(options.manifests)
    restores = options.command == "restore"
    if restores:
        asked = Asked(Part(options.part), options.interface, options.wait, paths)
        lines = list(restore(loaded, asked))
    else:
        lines = list(survey(loaded, Asked(paths=paths)))
        if options.undeclared:
            declared = survey(loaded) if paths else lines
            lines += undeclared({line.path for line in declared}, paths)
    for problem in loaded.problems:
        _complain(f"refused: {visible(problem)}")
    if options.json:
        text = table.as_json(lines, loaded.problems)
    else:
        only_trouble = options.command == "check"
        text = table.as_table(lines, only_trouble=only_trouble, colored=_is_colored(options.color))
    if not _printed(text):
        return TROUBLE
    if not options.json and sys.stdout.isatty():
        hint = table.hint(lines, restored=restores)
        if hint:
            _complain(hint)
    all_good = not loaded.problems and all(line.is_good for line in lines)
    if all_good or options.command == "status":
        return GOOD
    return TROUBLE if restores else DRIFT


def _adopt(paths: Sequence[str], objects: Sequence[str], entries: bool) -> int:
    """Print what is pinned as what declares it."""
    # People ask for it, and what puts pins back at boot has no use for it.
    from ..adopt.adopt import Question, adopt

    try:
        text, said = adopt(Question(paths, objects, {} if entries else None))
    except PinningError as error:
        _complain(visible_lines(str(error).splitlines()))
        return TROUBLE
    if said:
        _complain(said)
    return GOOD if _printed(text.rstrip("\n")) else TROUBLE


def _is_colored(when: str) -> bool:
    if when != "auto":
        return when == "always"
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain


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
