# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: encodes and decodes keys and values of pinned maps by the BTF that the kernel has.

    contents.py encode < ASKED    values are JSON as people declare them; prints hexadecimal digits
    contents.py decode < ASKED    the other way round

ASKED is a list of [path, "key" or "value", format or null, value]. Prints a list: what comes out,
or the message in a dictionary. PYTHONPATH has the collection.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import Any

from ansible_collections.ebpf.pinning.plugins.module_utils._core import kernel
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf, BtfError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.composite import Section
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.declared_format import (
    Typed,
    format_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.format import (
    BadFormat,
    Context,
    Format,
    Unfit,
)


class NoNames:
    """A host that knows no names."""

    def ifindex(self, _name: str) -> int:
        raise Unfit("must be a number here")

    def ifname(self, _index: int) -> None:
        return None

    def cgroup_id(self, _path: str) -> int:
        raise Unfit("must be a number here")


@cache
def typed(path: str, part: str) -> Typed:
    info = kernel.map_info(kernel.get(path.encode()))
    btf = Btf.parse(kernel.btf_blob(info.btf_id))
    if part == "key":
        return Typed("the key", info.key_size, btf, info.btf_key_type_id)
    return Typed("the value", info.value_size, btf, info.btf_value_type_id)


def encoded(made: Format, value: Any) -> str:
    """Of a section only those variables that are given; the rest are zeros."""
    if isinstance(made, Section):
        return made.encode_over(bytes(made.size), value).hex()
    return made.encode(value).hex()


def answer(what: str, path: str, part: str, given: Any, value: Any) -> Any:
    try:
        made = format_of(typed(path, part), given, Context(NoNames()))
        return encoded(made, value) if what == "encode" else made.decode(bytes.fromhex(value))
    except (BadFormat, BtfError, Unfit) as error:
        return {"message": str(error)}


if __name__ == "__main__":
    json.dump([answer(sys.argv[1], *each) for each in json.load(sys.stdin)], sys.stdout)
