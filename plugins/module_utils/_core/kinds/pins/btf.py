# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The BTF of a map in the kernel."""

from __future__ import annotations

import errno
from functools import lru_cache
from typing import TYPE_CHECKING, Optional, Tuple

from ... import kernel
from ...shape import MapBtf
from ...syscall import KernelError
from ...uapi import MapInfo

if TYPE_CHECKING:
    from ...btf import Btf


def btf_of(info: MapInfo) -> Tuple[Optional[MapBtf], bool]:
    """The BTF of a map, and whether there is some that cannot be read."""
    if not info.btf_id:
        return None, False
    from ...btf import BtfError  # a start compiles all that it loads, and many maps have none

    try:
        types = _types(info.btf_id)
    except BtfError:  # of a kind that is newer than this collection
        return None, True
    except KernelError as error:
        if error.errno != errno.EPERM:  # it takes CAP_SYS_ADMIN
            raise
        return None, True
    return MapBtf(types, (info.btf_key_type_id, info.btf_value_type_id)), False


@lru_cache(maxsize=16)  # many maps of one object file share their BTF
def _types(btf_id: int) -> Btf:
    from ...btf import Btf

    return Btf.parse(kernel.btf_blob(btf_id))
