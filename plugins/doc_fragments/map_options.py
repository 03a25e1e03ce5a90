# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of bpf_map_pinned that have those of a map in them, made of these."""

from __future__ import annotations

import copy
import re
import typing as t

import yaml

from ..module_utils._core.options import SHAPE
from ..modules import bpf_map_pinned
from . import pins

DOCUMENTATION = r"""
inner_map:
  description:
    - The shape of the maps that an V(array_of_maps) or V(hash_of_maps) holds.
    - The kernel does not report it. It is compared with a map that is in there, locks and timers in
      its values included; with none in there, a V(hash_of_maps) is asked whether it would take such
      a map. Where neither is possible, RV(maps[].unverified) says so.
  type: dict
maps:
  description:
    - The maps to ensure. Each item takes the options that a single map takes.
    - O(directory), O(owner), O(group), O(mode), O(on_mismatch) and O(value_growth) of the task are
      defaults for all items.
    - Prefer this to a loop over the task. It handles thousands of maps in one call.
    - Only the beginning of each is told here; the option of that name above has the rest.
  type: list
  elements: dict
"""

Option = t.Dict[str, t.Any]


class ModuleDocFragment:
    """Set below: a linter reads this class as text."""


def shortened(option: Option) -> Option:
    """Return the documentation of an option that is told of elsewhere: its first sentence."""
    text = option["description"]
    first = text if isinstance(text, str) else text[0]
    short = copy.deepcopy(option)
    short["description"] = re.split(r"(?<=\.) (?=[A-Z])", " ".join(first.split()))[0]
    short.pop("version_added", None)
    if "suboptions" in short:
        short["suboptions"] = {name: shortened(each) for name, each in short["suboptions"].items()}
    return short


def documented() -> t.Dict[str, Option]:
    """Return the two options, and what they have in them."""
    of_map: t.Dict[str, Option] = yaml.safe_load(bpf_map_pinned.DOCUMENTATION)["options"]
    own: t.Dict[str, Option] = yaml.safe_load(DOCUMENTATION)
    own["inner_map"]["suboptions"] = {name: shortened(of_map[name]) for name in SHAPE}
    directory = yaml.safe_load(pins.ModuleDocFragment.DOCUMENTATION)["options"]["directory"]
    items = {**of_map, "inner_map": own["inner_map"], "directory": directory}
    own["maps"]["suboptions"] = {name: shortened(each) for name, each in items.items()}
    for name in ("directory", "on_mismatch", "value_growth"):  # of the task, for all items
        del own["maps"]["suboptions"][name]["default"]
    return own


ModuleDocFragment.DOCUMENTATION = yaml.safe_dump(  # type: ignore[attr-defined]
    {"options": documented()}, sort_keys=False, width=1000
)
