# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: everything there is below a directory of a bpffs, as JSON. To compare before and after.

    inventory.py INFO DIRECTORY     INFO is the program c/info.c

Directories are opened with O_NOATIME, so that looking leaves no trace of its own. Opening a pin
does, in its access time (bpf_obj_do_get in kernel/bpf/inode.c), whoever opens it: that time is
not part of the inventory. Tasks run it too, by the Python of modules: 3.8, it may be.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys


def entries(directory: str) -> dict[str, dict]:
    """For `directory` and all below it: path to what lstat says."""
    found = {directory: _entry(directory)}
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME)
    names = sorted(os.listdir(fd))
    os.close(fd)
    for name in names:
        path = f"{directory}/{name}"
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            found.update(entries(path))
        else:
            found[path] = _entry(path)
    return found


def _entry(path: str) -> dict:
    status = os.lstat(path)
    entry = {
        "mode": stat.filemode(status.st_mode),
        "bits": f"{stat.S_IMODE(status.st_mode):04o}",
        "owner": status.st_uid,
        "group": status.st_gid,
        "inode": status.st_ino,
        "links": status.st_nlink,
        "mtime": status.st_mtime_ns,
        "ctime": status.st_ctime_ns,
    }
    if stat.S_ISDIR(status.st_mode):
        entry["atime"] = status.st_atime_ns
    elif stat.S_ISLNK(status.st_mode):
        entry["target"] = os.readlink(path)
    return entry


def main(info: str, directory: str) -> None:
    found = entries(directory)
    pins = [path for path, entry in found.items() if entry["mode"].startswith("-")]
    done = subprocess.run([info, *pins], check=True, capture_output=True, text=True)
    lines = iter(done.stdout.splitlines())
    for path in pins:
        found[path]["object"] = json.loads(next(lines))
    json.dump(found, sys.stdout)


main(*sys.argv[1:])
