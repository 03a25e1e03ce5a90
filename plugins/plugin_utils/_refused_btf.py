# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BTF of an object file that no kernel takes. Private to this collection.

libbpf loads it as a whole, and when it is refused makes every map of the object without.
"""

from __future__ import annotations

import re

from ..module_utils._core.btf import Btf
from ..module_utils._core.btf_types import (
    ENUM,
    ENUM64,
    FUNC,
    FUNC_PROTO,
    FWD,
    INT,
    STRUCT,
    TYPEDEF,
    UNION,
    VAR,
    Type,
    type_at,
)


def is_refused(types: Btf) -> bool:
    """Whether all kernels refuse it (btf_check_all_metas, btf_func_check in kernel/bpf/btf.c)."""
    return any(_is_odd(found) or _is_misnamed(types, found) for found in types.types)


def _is_odd(found: Type) -> bool:
    """Whether an integer is two things at once, as the char of bpf-gcc (btf_int_check_meta)."""
    encoding = found.numbers[0] >> 24 & 0xF if found.kind == INT else 0
    return bool(encoding & (encoding - 1)) if encoding else False


def _is_misnamed(types: Btf, found: Type) -> bool:
    """Compilers take names that are none to the kernel, such as those with a dollar sign."""
    if found.kind == FUNC and found.numbers[0] != _EXTERN and _has_nameless(types, found):
        return True
    names = [found.name] if found.kind in _NAMED else []
    if found.kind in _WITH_NAMES_IN_THEM:
        names += [part.name for part in found.parts]
    return any(name and not _NAME.fullmatch(name) for name in names)


def _has_nameless(types: Btf, function: Type) -> bool:
    """Whether it has a parameter without a name. To those of extern ones libbpf gives some."""
    parameters = type_at(types.types, function.target).parts
    return any(part.type_id and not part.name for part in parameters)


_EXTERN = 2  # linkage of a function
_WITH_NAMES_IN_THEM = frozenset({STRUCT, UNION, ENUM, ENUM64, FUNC_PROTO})
_NAMED = frozenset({STRUCT, UNION, ENUM, ENUM64, FWD, TYPEDEF, FUNC, VAR})
_NAME = re.compile(r"[A-Za-z_.][A-Za-z0-9_.]{0,511}")  # KSYM_NAME_LEN
