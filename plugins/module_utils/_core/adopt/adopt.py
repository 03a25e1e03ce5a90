# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From what is on a host to a declaration that finds nothing to do there. Changes nothing."""

from __future__ import annotations

from typing import Sequence

from ..host import this_host
from .describe import Adopted, described
from .observe import look_at_host, people_of
from .settle import settled


def adopted(directories: Sequence[str] = ()) -> Adopted:
    """Return what declares all that is in these directories; in each bpffs, if there are none."""
    scene = look_at_host(directories)
    return settled(described(scene, people_of(scene), this_host()))
