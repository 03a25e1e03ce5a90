# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the previous drift report and writing the new ones. Private to this collection."""

from __future__ import annotations

import errno
import grp
import json
import os
import pwd
import stat
import tempfile
import typing as t
from contextlib import suppress
from datetime import datetime

from ..module_utils._core.new_file import NewFile
from ._drift_forms import as_json, as_junit, as_markdown, as_prometheus
from ._drift_report import BadReport, Report

MOST_LINKS = 40  # as the kernel
MOST_BYTES = 128 << 20  # of a report that is read; of 10,000 hosts with 200 maps each it has 60

if t.TYPE_CHECKING:
    from ._drift_merge import Read


def _as_html(report: Report) -> t.Iterator[str]:
    from ._drift_page import as_html  # much, for those who want a page

    return as_html(report)


FORMS: t.Mapping[str, t.Callable[[Report], t.Iterator[str]]] = {
    "json": as_json,
    "html": _as_html,
    "markdown": as_markdown,
    "junit": as_junit,
    "prometheus": as_prometheus,
}


def write_all(
    report: Report, wanted: t.Mapping[str, t.Optional[str]]
) -> t.Tuple[t.List[str], t.List[str]]:
    """Write the report in each form that has a path in `wanted`.

    Which files were written, as they were named, and what could not be done.
    """
    problems = []
    if wanted.get("previous"):
        try:
            report.compare(_read_json(str(wanted["previous"])))
        except FileNotFoundError:
            pass  # the first run has none before it
        except (OSError, ValueError, RecursionError, BadReport) as error:
            problems.append(
                f"drift_previous {wanted['previous']} cannot be used: {error}: name a report that "
                "drift_json wrote; nothing is compared"
            )
    written, troubles = write_forms(FORMS, report, wanted, "drift_")
    return written, problems + troubles


def write_forms(
    forms: t.Mapping[str, t.Callable[[t.Any], t.Iterator[str]]],
    report: t.Any,
    wanted: t.Mapping[str, t.Optional[str]],
    prefix: str,
) -> t.Tuple[t.List[str], t.List[str]]:
    """Write a report of any kind; `prefix` is that of the variables that name the files."""
    problems: t.List[str] = []
    written: t.List[str] = []
    form_of: t.Dict[str, str] = {}  # by real path
    for form, pieces in forms.items():
        path = wanted.get(form)
        if path:
            try:
                real = _resolved(path)
                if real in form_of:
                    raise OSError(0, f"it is the file of {prefix}{form_of[real]}")
                _write(real, pieces(report))
                form_of[real] = form
                written.append(path)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or error
                problems.append(
                    f"{prefix}{form} {path} cannot be written: {why}; the run is not affected"
                )
    return written, problems


def read_reports(paths: t.Iterable[str], now: datetime) -> t.List[Read]:
    """The report in each file, each file once, or why there is none."""
    from ._drift_merge import Read, read_report

    found: t.Dict[str, Read] = {}
    for path in paths:
        real = os.path.realpath(path)
        if real not in found:
            try:
                found[real] = Read(path, read_report(_read_json(path), now))
            except OSError as error:
                found[real] = Read(path, None, error.strerror or str(error))
            except RecursionError:
                found[real] = Read(path, None, "it is nested too deep for a report")
            except ValueError as error:
                found[real] = Read(path, None, f"it is no JSON: {error}")
            except BadReport as error:
                found[real] = Read(path, None, str(error))
    return list(found.values())


def _read_json(path: str) -> t.Any:
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is not a regular file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(
            0, f"it has more than {MOST_BYTES >> 20} MiB: cut the inventory into more runs"
        )
    return json.loads(content)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # as a FIFO would have everybody wait


def _resolved(path: str) -> str:
    """Where a report goes: a symbolic link stays, and its file is replaced.

    Nobody else may have a say in that. So each step of the way has to be of root or of who runs
    this, in a directory that no others can change: what holds now then holds when it is written.
    """
    place, steps, links = "/", path.split("/")[::-1], 0
    _check_directory(place)
    while steps:
        name = steps.pop()
        if name in ("", "."):
            continue
        if name == "..":
            place = os.path.dirname(place)
            continue
        here = os.path.join(place, name)
        try:
            status = os.lstat(here)
        except FileNotFoundError:
            if any(steps):
                raise
            return here
        if stat.S_ISLNK(status.st_mode):
            _check_owner(here, status, "symbolic link")
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            target = os.readlink(here)
            place = "/" if target.startswith("/") else place
            steps += target.split("/")[::-1]
        elif stat.S_ISDIR(status.st_mode):
            _check_directory(here)
            place = here
        elif any(steps):
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        else:
            _check_owner(here, status, "file")
            return here
    return place


def _check_directory(path: str) -> None:
    status = os.lstat(path)
    _check_owner(path, status, "directory")
    # In a sticky one, names change only with their owner's leave.
    if _others_may_write(path, status) and not status.st_mode & stat.S_ISVTX:
        raise OSError(
            0,
            f"{path}: it is a directory that other users may write to (mode "
            f"{stat.S_IMODE(status.st_mode):04o}), who could lead the report elsewhere: take that "
            "from them, or name another place",
        )


def _others_may_write(path: str, status: os.stat_result) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    if not status.st_mode & stat.S_IWGRP:
        return False
    return not _is_nobody_elses(status.st_gid) or _has_acl(path)


def _is_nobody_elses(group: int) -> bool:
    """Whether it is root's group, or that of who runs this, and of nobody else."""
    if group == 0:
        return True
    if group != os.getegid():
        return False
    users = pwd.getpwall()
    members = {user.pw_name for user in users if user.pw_gid == group}
    with suppress(KeyError):
        members.update(grp.getgrgid(group).gr_mem)
    return members <= {user.pw_name for user in users if user.pw_uid in _trusted()}


def _has_acl(path: str) -> bool:
    # With one, the bits of the group are the most that anybody named in it has. Linux has the call.
    names = os.listxattr(path) if hasattr(os, "listxattr") else ()
    return "system.posix_acl_access" in names


def _check_owner(path: str, status: os.stat_result, what: str) -> None:
    if status.st_uid not in _trusted():
        raise OSError(
            0,
            f"{path}: it is a {what} that another user has made (uid {status.st_uid}), who could "
            "lead the report elsewhere: name a place that is root's or your own",
        )


def _trusted() -> t.Set[int]:
    """Root, who runs this, and who became root by sudo to run it."""
    user = os.geteuid()
    by_sudo = os.environ.get("SUDO_UID", "")
    return {0, user} | ({int(by_sudo)} if user == 0 and by_sudo.isdecimal() else set())


def _write(path: str, pieces: t.Iterable[str]) -> None:
    """Replace the file in one rename: whoever reads it gets the old report or the new one."""
    if os.path.exists(path) and not os.path.isfile(path):
        # As root, a rename would put a file in the place of /dev/null.
        raise OSError(0, "it is not a regular file")
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".drift-report-")
    with NewFile(descriptor, temporary) as new:
        new.write(each.encode("utf-8", "backslashreplace") for each in pieces)
        os.fchmod(new.fd, _mode(path))
        new.publish(path)


def _mode(path: str) -> int:
    """That of the old report. Other programs are to read a new one, which holds no secrets."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return 0o644
