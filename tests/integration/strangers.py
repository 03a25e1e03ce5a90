# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another user of a host, without capabilities and without a name: what such a one can do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

from harness.host import Host

STRANGER = 1234  # uid and gid
_PROGRAM = "/mnt/stranger"


class Strangers:
    """Runs things as that user. A tmpfs at /mnt holds c/stranger.c, where that user gets to it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        host.shell(f"mount -t tmpfs top /mnt; cp {host.site.program('stranger')} {_PROGRAM}")

    def does(self, *words: str, groups: str = "", user: str = "") -> str:
        """What c/stranger.c says, to `user` with all groups of theirs if one is named."""
        named = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        who = named if user else self._user(groups)
        done = self._host.run(*who, _PROGRAM, *words, check=False)
        assert done.returncode in (0, 1), done
        return done.stdout.strip()

    def shell(self, script: str) -> None:
        """Run a shell script."""
        self._host.run(*self._user(), "sh", "-ec", script)

    @contextmanager
    def holding(self, path: str) -> Iterator[Popen[str]]:
        """Meanwhile that user has the pin open. See `writes`."""
        with self._host.running(*self._user(), _PROGRAM, "hold", path) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process

    def _user(self, groups: str = "") -> list[str]:
        more = [f"--groups={groups}"] if groups else ["--clear-groups"]
        return ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", *more]


def writes(holder: Popen[str]) -> str:
    """What comes of writing an entry by what has been open since."""
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write("\n")
    holder.stdin.flush()
    return holder.stdout.readline().strip()
