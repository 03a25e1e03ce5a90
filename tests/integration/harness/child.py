# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a forked child of these programs works and ends: nothing of its parent's goes on in it."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

NO_CODE = 70  # of work that raised, or that returned and was to exit


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
