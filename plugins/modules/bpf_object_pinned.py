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
  objects:
    description:
      - The objects to pin. Each item takes the options that a single object takes.
      - O(directory), O(owner), O(group), O(mode) and O(on_mismatch) of the task are defaults for
        all items.
    type: list
    elements: dict
    suboptions:
      name: &name
        description:
          - Name of the pin. bpffs takes no dots, and 255 bytes at most.
        type: str
      path: &path
        description:
          - The whole path of the pin, in place of O(directory) and O(name).
        type: path
      directory:
        description:
          - Absolute path of a directory in a BPF file system.
        type: path
      map_id: &map_id
        description:
          - Id of the map, as C(bpftool map show) has it.
          - Exactly one of the options that name an object is required.
        type: int
      prog_id: &prog_id
        description: Id of the program.
        type: int
      link_id: &link_id
        description: Id of the link.
        type: int
      map_name: &map_name
        description:
          - The kernel's name of the map, at most 15 characters. Only one map may have it.
        type: str
      prog_name: &prog_name
        description:
          - The kernel's name of the program, at most 15 characters. Only one may have it.
        type: str
      prog_tag: &prog_tag
        description:
          - The tag of the program, 16 hexadecimal digits, quoted. Only one program may have it.
        type: str
      source: &source
        description:
          - Path of another pin of the object.
        type: path
      owner: &owner
        description:
          - Name or number of the user that owns the pin. Left as it is when left out.
          - Pins, and directories on the way, are taken only of root, of the user of the task, and
            of this user.
        type: str
      group: &group
        description: Name or number of the group of the pin. Left as it is when left out.
        type: str
      mode: &mode
        description:
          - Permission bits of the pin, in octal and quoted, like V("0640"). Left as they are when
            left out; the kernel makes pins with V("0600").
        type: raw
      on_mismatch: &on_mismatch
        description:
          - What to do with a pin that holds another object. V(fail) changes nothing and says what
            it holds. V(replace) lets the name lead to the declared one, in one atomic rename; the
            object that was there loses this reference, and a link that has no other detaches its
            program.
          - V(fail) is the default.
        type: str
        choices: [fail, replace]
  name: *name
  path: *path
  map_id: *map_id
  prog_id: *prog_id
  link_id: *link_id
  map_name: *map_name
  prog_name: *prog_name
  prog_tag: *prog_tag
  source: *source
  owner: *owner
  group: *group
  mode: *mode
  on_mismatch:
    <<: *on_mismatch
    default: fail
seealso:
  - module: ebpf.pinning.bpf_map_pinned
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
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
