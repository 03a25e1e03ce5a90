#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure that an existing BPF object is pinned."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_object_pinned
short_description: Ensure that an existing BPF object is pinned
version_added: 0.1.0
description:
  - Ensures that O(directory)/O(name) leads to an object that is in the kernel already, a map, a
    program or a link, by its id, its name or tag, or another pin of it.
  - A pin that holds the object already is used as it is. Makes nothing new; to make maps, use
    M(ebpf.pinning.bpf_map_pinned).
  - Takes one object, or any number with O(objects) in one call. All are looked at and decided about
    before the first pin is made.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
  - ebpf.pinning.pins
options:
  name:
    description:
      - Name of the pin, which has no dots and at most 255 bytes.
    type: str
  path:
    description:
      - The whole path of the pin, in place of O(directory) and O(name).
    type: path
  map_id:
    description:
      - Id of the map, as C(bpftool map show) has it. Exactly one of the options that name an object
        is required.
    type: int
  prog_id:
    description: Id of the program.
    type: int
  link_id:
    description: Id of the link.
    type: int
  map_name:
    description:
      - The kernel's name of the map, at most 15 characters. Only one map may have it.
    type: str
  prog_name:
    description:
      - The kernel's name of the program, at most 15 characters. Only one may have it.
    type: str
  prog_tag:
    description:
      - The tag of the program, 16 hexadecimal digits, quoted. Only one program may have it.
    type: str
  source:
    description:
      - Path of another pin of the object.
    type: path
  on_mismatch:
    description:
      - What to do with a pin that holds another object. V(fail) changes nothing and says what it
        holds. V(replace) lets the name lead to the declared one, in one atomic rename.
      - The object that was there loses this reference, and a link that has no other detaches its
        program.
    type: str
    choices: [fail, replace]
    default: fail
  objects:
    description:
      - The objects to pin, each with the options that a single object takes. O(directory),
        O(owner), O(group), O(mode) and O(on_mismatch) of the task are defaults for all items.
    type: list
    elements: dict
seealso:
  - module: ebpf.pinning.bpf_map_pinned
  - module: ebpf.pinning.bpf_program_pinned
  - module: ebpf.pinning.bpf_link_pinned
  - module: ebpf.pinning.bpf_pin_info
  - module: ebpf.pinning.bpf_pin_absent
  - name: From shell to declaration
    description: >-
      Each habit of the shell, and the task in its place; docs/from-shell.md of the collection.
    link: https://example.org/ebpf.pinning/docs/from-shell.html
  - name: Sharing maps between programs
    description: Where each loader looks for maps; docs/sharing-maps.md of the collection.
    link: https://example.org/ebpf.pinning/docs/sharing-maps.html
"""

EXAMPLES = r"""
- name: Keep the program of an agent when the agent ends
  ebpf.pinning.bpf_object_pinned:
    path: /sys/fs/bpf/agent/count_packets
    prog_name: count_packets

- name: Give a group access to a map through a second pin
  ebpf.pinning.bpf_object_pinned:
    path: /sys/fs/bpf/monitoring/flows
    source: /sys/fs/bpf/flows
    group: adm
    mode: "0640"

- name: Let iproute2 find two maps of the agent in its directory
  ebpf.pinning.bpf_object_pinned:
    directory: /sys/fs/bpf/tc/globals
    objects:
      - name: flows
        source: /sys/fs/bpf/flows
      - name: counters
        map_name: counters

- name: Let a second name lead to the map that has the first one now
  ebpf.pinning.bpf_object_pinned:
    path: /sys/fs/bpf/exporter/flows
    source: /sys/fs/bpf/flows
    on_mismatch: replace

- name: Keep what a link attaches, when the process that made it ends, by the id in its log
  ebpf.pinning.bpf_object_pinned:
    path: /sys/fs/bpf/agent/count_link
    link_id: "{{ link_id_in_log }}"
"""

RETURN = r"""
objects:
  description:
    - The objects, in the order of the task. Also returned when the task fails because of one.
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  contains:
    path:
      description: Path of the pin.
      type: str
      sample: /sys/fs/bpf/agent/count_packets
    name:
      description: Name of the pin.
      type: str
      sample: count_packets
    action:
      description:
        - What was done, or in check mode would be. V(adjusted) means that owner, group or mode was
          set in place, V(incompatible) that nothing could be done.
        - When the kernel refuses in the middle, V(failed) is the object that it refused and
          V(not_done) are those after it.
      type: str
      sample: created
    drift:
      description: What was not as declared; for each field C(field), C(want) and C(have).
      type: list
      elements: dict
      sample: []
    type:
      description: What the object is, V(map), V(prog) or V(link). V(null) where it is refused.
      type: str
      sample: prog
    id:
      description: Id of the object in the kernel.
      type: int
      sample: 7
    object_name:
      description: The kernel's name of the object. Empty for links.
      type: str
      sample: count_packets
    error:
      description: What the kernel refused, and what to do about it.
      returned: when it failed at this object
      type: str
counts:
  description: How many objects there are of each RV(objects[].action).
  returned: always, unless the arguments are at fault
  type: dict
  sample:
    created: 1
    adjusted: 0
    replaced: 0
    unchanged: 0
    incompatible: 0
directories:
  description: Directories that were made.
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: [/sys/fs/bpf/agent]
leftovers:
  description: Staging directories of killed runs that were cleared away.
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: []
cautions:
  description:
    - Warnings of what others can do to the pins, whatever their modes say. They are in the drift
      report.
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: []
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import OBJECT, REFERENCES
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.objects import run


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec={
            **OBJECT,
            "objects": {"type": "list", "elements": "dict", "options": OBJECT},
            "directory": {"type": "path", "default": "/sys/fs/bpf"},
            "on_mismatch": {"type": "str", "choices": ["fail", "replace"], "default": "fail"},
            "parents": {"type": "bool", "default": True},
        },
        mutually_exclusive=[["objects", option] for option in ("name", "path", *REFERENCES)],
        required_one_of=[["objects", "name", "path"]],
        told_elsewhere=["objects"],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
