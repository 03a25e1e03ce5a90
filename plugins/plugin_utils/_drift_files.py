# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the previous drift report and writing the new ones. Private to this collection."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import typing as t
from contextlib import suppress

from ._drift_forms import as_json, as_junit, as_markdown, as_prometheus
from ._drift_page import as_html
from ._drift_report import BadPrevious, Report

FORMS: t.Mapping[str, t.Callable[[Report], t.Iterator[str]]] = {
    "json": as_json,
    "html": as_html,
    "markdown": as_markdown,
    "junit": as_junit,
    "prometheus": as_prometheus,
}


def write_all(report: Report, wanted: t.Mapping[str, t.Optional[str]]) -> t.List[str]:
    """Write the report in each form that has a path in `wanted`; what could not be done."""
    problems = []
    if wanted.get("previous"):
        try:
            report.compare(_read_json(str(wanted["previous"])))
        except FileNotFoundError:
            pass  # the first run has none before it
        except (OSError, ValueError, RecursionError, BadPrevious) as error:
            problems.append(
                f"drift_previous {wanted['previous']} cannot be used: {error}: name a report that "
                "drift_json wrote; nothing is compared"
            )
    written: t.Dict[str, str] = {}  # real path -> form
    for form, pieces in FORMS.items():
        path = wanted.get(form)
        if path:
            try:
                real = _resolved(path)
                if real in written:
                    raise OSError(0, f"it is the file of drift_{written[real]}")
                _write(real, pieces(report))
                written[real] = form
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or error
                problems.append(
                    f"drift_{form} {path} cannot be written: {why}; the run is not affected"
                )
    return problems


def _read_json(path: str) -> t.Any:
    with open(path, encoding="utf-8", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no regular file")
        return json.load(file)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # as a FIFO would have everybody wait


def _resolved(path: str) -> str:
    """Where a report goes: a symbolic link stays, and its file is replaced."""
    with suppress(FileNotFoundError):
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode) and status.st_uid not in (0, os.geteuid()):
            raise OSError(0, "it is a symbolic link that another user has made")
    return os.path.realpath(path)


def _write(path: str, pieces: t.Iterable[str]) -> None:
    """Replace the file in one rename: whoever reads it gets the old report or the new one."""
    if os.path.exists(path) and not os.path.isfile(path):
        # As root, a rename would put a file in the place of /dev/null.
        raise OSError(0, "it is no regular file")
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".drift-report-")
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(pieces)
            os.fchmod(file.fileno(), _mode(path))
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _mode(path: str) -> int:
    """That of the old report. Other programs are to read a new one, which holds no secrets."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return 0o644
