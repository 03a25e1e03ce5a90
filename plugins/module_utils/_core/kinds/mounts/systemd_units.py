# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Units by which systemd mounts a bpffs at boot. A unit of the administrator's counts, not fstab.

See systemd.mount(5) and systemd.unit(5).
"""

from __future__ import annotations

import os
import re
from typing import Dict, Match, Optional, Tuple


def source_of(path: str) -> Tuple[Optional[str], Optional[str]]:
    """The file of the unit that mounts a bpffs at `path`, and with which source; or neither."""
    file = f"{_DIRECTORY}/{_escaped(path)}.mount"
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as unit:
            settings = _settings(unit.read())
    except OSError:
        return None, None
    source = settings.get("What", "")
    # One that is masked, a link to /dev/null, has no settings. A % is a specifier.
    is_plain = settings.get("Type") == "bpf" and source and "%" not in source
    return (file, source) if is_plain else (None, None)


def _settings(text: str) -> Dict[str, str]:
    """Those of the section Mount; of one that is there twice, the last counts."""
    section = ""
    found: Dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        key, equals, value = line.partition("=")
        if line.startswith("["):
            section = line
        elif section == "[Mount]" and equals and not line.startswith(("#", ";")):
            found[key.strip()] = value.strip()
    return found


def _escaped(path: str) -> str:
    """Return `path` as `systemd-escape --path` spells it."""
    spelled = re.sub(rb"^[.]|[^A-Za-z0-9:_./]", _spelled, os.fsencode(path.strip("/")))
    return spelled.decode("ascii").replace("/", "-") or "-"


def _spelled(match: Match[bytes]) -> bytes:
    return b"\\x%02x" % match[0][0]


# What is in /run is gone at boot, and what is in /usr/lib comes after the entries of fstab.
_DIRECTORY = "/etc/systemd/system"
