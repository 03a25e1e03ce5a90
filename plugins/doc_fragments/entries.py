# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of bpf_map_entries: those of bpf_map_pinned about entries, documented once."""

from __future__ import annotations

import yaml

from ..module_utils._core.options import ENTRIES
from ..modules import bpf_map_pinned
from .map_options import shortened

DOCUMENTATION = r"""
maps:
  description:
    - The maps, each with the options that a single map takes.
  type: list
  elements: dict
path:
  description:
    - Path of the pin of the map.
  type: path
entries:
  description:
    - What is to be in the map, each with C(key) and C(value), and nothing else.
    - Each entry changes by itself, and only what differs is written.
    - Keys and values are written as their type in the BTF of the map has them; numbers, C(true)
      and C(false), names of enums, dictionaries of fields, lists, text for arrays of char.
      O(key_format) and O(value_format) say so where there is no BTF, or where another notation is
      meant. Padding and locks are zero.
    - Of a per-CPU map the value is for all CPUs, or a list of one for each possible CPU.
    - Keys and values are in no result, diff, report or log, unless O(show_entries) is set.
    - Of a prog_array the value is the path of a pinned program; of a devmap or devmap_hash the name
      of an interface, or a dictionary of C(interface) and C(program) if values have 8 bytes; of a
      cpumap the length of the queue, or a dictionary of C(qsize) and C(program). All of these have
      to be there, and keys are plain numbers.
    - Not for types whose entries are maps or sockets, and not for a queue, stack, bloom_filter or
      cgroup_array, which nobody can look into.
  type: list
  elements: dict
"""


class ModuleDocFragment:
    """Set below: a linter reads this class as text."""


def _options() -> str:
    own = yaml.safe_load(DOCUMENTATION)
    maps = own.pop("maps")
    of_pinned = yaml.safe_load(bpf_map_pinned.DOCUMENTATION)["options"]
    options = {**{name: of_pinned[name] for name in ENTRIES}, **own}
    items = {name: shortened(each) for name, each in options.items()}
    whole = {"options": {"maps": {**maps, "suboptions": items}, **options}}
    text: str = yaml.safe_dump(whole, sort_keys=False, width=1000)
    return text


ModuleDocFragment.DOCUMENTATION = _options()  # type: ignore[attr-defined]
