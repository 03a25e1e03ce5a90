# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object file for BPF says of its maps. Private to this collection."""

from __future__ import annotations

import typing as t

from ..module_utils._core.btf import Btf
from ..module_utils._core.object_file.bound_types import allocated_types
from ..module_utils._core.object_file.elf import Elf, ElfError
from ..module_utils._core.object_file.read import (
    check_for_legacy_maps,
    hidden_names,
    symbols_of,
    types_of_maps,
)


class BpfObject(t.NamedTuple):
    """An object file that defines maps."""

    types: Btf
    hidden: t.FrozenSet[str]  # names of symbols in section .maps that do not leave the file
    allocated: t.FrozenSet[str]  # names of structs that its programs allocate


def read_object(path: str) -> t.Optional[BpfObject]:
    """Read the file; None if it defines no maps. Raises ElfError."""
    try:
        with open(path, "rb") as file:
            elf = Elf(file.read())
    except OSError as error:
        raise ElfError(
            f"it cannot be read ({error.strerror}): name a file that the user of Ansible may read"
        ) from None
    check_for_legacy_maps(elf)
    if ".maps" not in elf.by_name:
        return None
    types = types_of_maps(elf)
    hidden = hidden_names(symbols_of(elf))
    return BpfObject(types, hidden, allocated_types(types, elf.named(".BTF.ext") or b""))
