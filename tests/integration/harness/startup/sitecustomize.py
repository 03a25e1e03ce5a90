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


def _compiled(path, source):
    kept = f"{_FOLDER}/{sha1(source).hexdigest()}.{sys.implementation.cache_tag}"
    try:
        with open(kept, "rb") as file:
            code = marshal.load(file)
    except OSError:
        code = _compile(path, source)
        _keep(kept, marshal.dumps(code))
    else:
        _imp._fix_co_filename(code, path)
    return code


def _keep(path, code):
    """Whole, or not at all: another process may read it by now."""
    try:
        with open(f"{path}.{os.getpid()}", "xb") as file:
            file.write(code)
        os.rename(file.name, path)
    except OSError:
        pass


if "COMPILED_CODE" in os.environ:
    _FOLDER = os.environ["COMPILED_CODE"]
    zipimport._compile_source = _compiled
