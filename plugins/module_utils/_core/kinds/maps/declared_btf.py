# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The BTF that a map is declared with. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Mapping

from ...btf import Btf, BtfError
from ...people import BadField
from ...shape import MapBtf
from ...uapi import BYTE_ORDER


def read_btf(declared: Mapping[str, object], key_size: int, value_size: int) -> MapBtf:
    """Read the option `btf` of a map with keys and values of so many bytes, or raise BadField."""
    try:
        types = Btf.parse(base64.b64decode(str(declared["data"]), validate=True))
        ids = (int(str(declared["key_type_id"])), int(str(declared["value_type_id"])))
        _check_btf_size(types, "key", ids[0], key_size)
        _check_btf_size(types, "value", ids[1], value_size)
    except (BtfError, binascii.Error, ValueError) as error:
        raise BadField(f"btf: {error}: give the BTF of an object file, base64") from None
    if types.byte_order != BYTE_ORDER:
        raise BadField(
            f"btf: its byte order is {types.byte_order}, but that of this host is {BYTE_ORDER}: "
            "compile for hosts like this one"
        )
    return MapBtf(types, ids)


def _check_btf_size(types: Btf, field: str, type_id: int, size: int) -> None:
    if not type_id and field == "key":
        return  # a type without keys, or a section as the only value (map_check_btf)
    found = types.size_of(type_id)
    if found != size:
        raise BadField(
            f"btf: {field}_type_id {type_id} is a type of {found} bytes, but {field}_size is "
            f"{size}: make them agree"
        )
