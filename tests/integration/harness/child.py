# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a forked child of these programs works and ends: nothing of its parent's goes on in it."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

_UTILS = "ansible_collections.ebpf.pinning.plugins.module_utils"

NO_CODE = 70  # of work that raised, or that returned and was to exit


def import_all() -> None:
    """Import all of the collection's code: what is imported late, each child would compile."""
    utils = importlib.import_module(_UTILS)
    for found in pkgutil.walk_packages(utils.__path__, f"{_UTILS}."):
        importlib.import_module(found.name)


def end_after(work: Callable[[], object], streams: Sequence[int]) -> NoReturn:
    """Do `work`, with `streams` as output and complaints, and end with the code it exits with."""
    code = NO_CODE
    try:
        for number, stream in enumerate(streams, 1):
            os.dup2(stream, number)
        work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else NO_CODE
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
