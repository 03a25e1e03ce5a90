# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each Python of the tests begins with: code from an archive is compiled once per session.

Half of the CPU time of a short module is that Python compiles it: Ansible sends an archive, and
from an archive nothing is cached. Here $COMPILED_CODE is a folder that keeps it, by digest of the
source and by Python. Who may not read it, compiles.
"""

import _imp
import marshal
import os
import sys
import zipimport
from _sha1 import sha1

_compile = zipimport._compile_source


_loaded = {}


def load_all():
    """For a program that forks: have in memory what is there by now."""
    for name in os.listdir(_FOLDER):
        if name.endswith(_TAG) and name not in _loaded:
            with open(f"{_FOLDER}/{name}", "rb") as file:
                _loaded[name] = marshal.load(file)


def _compiled(path, source):
    name = sha1(source).hexdigest() + _TAG
    code = _loaded.get(name)
    try:
        if code is None:
            with open(f"{_FOLDER}/{name}", "rb") as file:
                code = marshal.load(file)
    except OSError:
        code = _compile(path, source)
        _keep(f"{_FOLDER}/{name}", marshal.dumps(code))
    else:
        _imp._fix_co_filename(code, path)
    return code


def _keep(path, code):
    """Whole, or not at all: another process may read it by now."""
    if _is_watched():
        return
    try:
        with open(f"{path}.{os.getpid()}", "xb") as file:
            file.write(code)
        os.rename(file.name, path)
    except OSError:
        pass


def _is_watched():
    """Whether a test counts, stops or refuses system calls, of which these would be some."""
    with open("/proc/self/status", encoding="utf-8") as file:
        status = dict(line.split(":", 1) for line in file)
    return int(status["TracerPid"]) > 0 or int(status.get("Seccomp", 0)) > 0


_TAG = f".{sys.implementation.cache_tag}"

if "COMPILED_CODE" in os.environ:
    _FOLDER = os.environ["COMPILED_CODE"]
    zipimport._compile_source = _compiled
