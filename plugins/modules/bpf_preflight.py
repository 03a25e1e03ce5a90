#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what a loader will make of the pins of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_preflight
short_description: Tell what a loader will make of the pins of a host
version_added: 0.2.0
description:
  - 'Before you roll out a new object file, tells for each of its maps whether the loader that you
    name will use the map that is pinned, make one, or refuse the object, and why. Each loader has
    rules of its own, see the guide "Preflight: before you roll out a new object file".'
  - Tells which fields of keys and values have changed, by their names, which programs have the old
    maps, and whether the entries would fit into the new ones.
  - Tells what the kernel lacks that the object needs, which are types of maps and programs, attach
    types, functions that programs call, and BTF of its own.
  - Changes nothing. Whether the kernel makes a map is asked by one that has no name and is gone at
    once. No program is loaded, so what the verifier says of them is not known.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
attributes:
  check_mode:
    details: Changes nothing in either mode.
  diff_mode:
    support: none
options:
  object:
    description:
      - Object file on the controller, looked for as by P(ansible.builtin.file#lookup), also in
        C(files/) of a role. It is read there, and hosts are told only what they have to know.
    type: path
    required: true
  loader:
    description:
      - Which loader is going to load it. V(libbpf) stands for all that use it, such as bpftool.
      - V(iproute2) is C(tc) and C(ip link), which look for maps in C(/sys/fs/bpf/tc/globals), and
        leave the rest to libbpf.
    type: str
    choices: [libbpf, cilium, aya, iproute2]
    default: libbpf
  loader_version:
    description:
      - Version of the loader, such as V("1.1"), where it is not a new one. Of V(iproute2) that of
        its libbpf, which C(tc -V) shows.
      - When not set, the rules of the newest version that this collection knows.
    type: str
  directory:
    description:
      - Where the loader looks for maps that are pinned by name (C(LIBBPF_PIN_BY_NAME)).
      - When not set, C(/sys/fs/bpf/tc/globals) for V(iproute2), and C(/sys/fs/bpf) for all others.
    type: path
  pins:
    description:
      - By name of a map, the path of its pin, for maps that are pinned elsewhere, or that the
        object itself does not pin and the loader is told to.
    type: dict
  fail:
    description:
      - Whether the task fails where RV(ok) is V(false).
    type: bool
    default: true
seealso:
  - module: ebpf.pinning.bpf_map_pinned
  - module: ebpf.pinning.bpf_program_pinned
  - name: "Preflight: before you roll out a new object file"
    description: >-
      What is told, and what each loader compares; docs/preflight.md of the collection.
    link: https://example.org/ebpf.pinning/docs/preflight.html
"""

EXAMPLES = r"""
- name: Tell what the new object file will meet
  ebpf.pinning.bpf_preflight:
    object: agent.bpf.o
    directory: /sys/fs/bpf/agent
    fail: false
  register: preflight

- name: Show what differs
  ansible.builtin.debug:
    msg: "{{ preflight.maps | rejectattr('verdict', 'in', ['fits', 'missing']) }}"

- name: Stop if tc would not load it
  ebpf.pinning.bpf_preflight:
    object: agent.bpf.o
    loader: iproute2
    loader_version: "1.1"

- name: Stop if a loader written in Go would not take the map that it is told to use
  ebpf.pinning.bpf_preflight:
    object: agent.bpf.o
    loader: cilium
    pins:
      flows: /sys/fs/bpf/agent/flows
"""

RETURN = r"""
ok:
  description:
    - Whether each map is V(fits) or V(missing), and nothing is in RV(lacks).
  returned: always, unless the arguments are at fault
  type: bool
  sample: false
object:
  description: The object file, as it was named.
  returned: always, unless the arguments are at fault
  type: str
  sample: agent.bpf.o
loader:
  description: The loader whose rules were applied.
  returned: always, unless the arguments are at fault
  type: str
  sample: libbpf
directory:
  description: Where maps were looked for.
  returned: always, unless the arguments are at fault
  type: str
  sample: /sys/fs/bpf/agent
maps:
  description: Every map of the object file, in its order.
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  contains:
    name:
      description: Its name in the object file.
      type: str
      sample: flows
    path:
      description: Where it is pinned, or V(null) if it is not.
      type: str
      sample: /sys/fs/bpf/agent/flows
    verdict:
      description:
        - What comes of it. V(fits), the loader uses the map that is pinned. V(missing), the loader
          makes it. V(refused), the object is not loaded. V(unnoticed), the loader uses the map
          that is pinned, though it is another. V(unknown), nobody can tell.
      type: str
      sample: refused
    id:
      description: Id of the map that is pinned, or V(null).
      type: int
      sample: 126
    reasons:
      description: Why the verdict is none of the good ones.
      type: list
      elements: str
      sample:
        - "libbpf refuses it: value_size is 1528 in the object, 1512 in the pin"
    differences:
      description: What differs, by options of M(ebpf.pinning.bpf_map_pinned).
      type: list
      elements: dict
      contains:
        field:
          description: The option.
          type: str
          sample: value_size
        want:
          description: What the object says.
          type: raw
          sample: 1528
        have:
          description: What is pinned.
          type: raw
          sample: 1512
    fields:
      description: What has become of the fields of keys and values.
      type: list
      elements: str
      sample: ["value grew from 1512 to 1528 bytes", "field timer added at 1512 (16 bytes)"]
    notes:
      description: What else there is to know, that is no obstacle.
      type: list
      elements: str
      sample: []
    programs:
      description:
        - The loaded programs that have the old map, each with C(id), C(type) and C(name). Empty
          where it is to be used.
      type: list
      elements: dict
      sample: [{"id": 126, "type": "xdp", "name": "count"}]
    migration:
      description:
        - Whether entries of the old map would fit into the new one. V(null) where it fits.
      type: dict
      contains:
        fits:
          description: Whether they would.
          type: bool
          sample: true
        obstacles:
          description: Why they would not.
          type: list
          elements: str
          sample: []
        entries:
          description: How many would be copied, or V(null) if nobody counted.
          type: int
          sample: 14000
lacks:
  description: What the kernel of the host does not have, and the object needs.
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: []
notes:
  description: What could not be found out.
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: []
counts:
  description: How many maps have each verdict.
  returned: always, unless the arguments are at fault
  type: dict
  sample: {"fits": 3, "missing": 1, "refused": 1, "unnoticed": 0, "unknown": 0}
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._core.loader_rules import KNOWN_LOADERS
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.preflight import run


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec={
            "object": {"type": "path", "required": True},
            "loader": {"type": "str", "choices": list(KNOWN_LOADERS), "default": "libbpf"},
            "loader_version": {"type": "str"},
            "directory": {"type": "path"},
            "pins": {"type": "dict"},
            "fail": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
