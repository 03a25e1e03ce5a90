#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what is pinned on a host as the declaration of it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_host_info
short_description: Tell what is pinned on a host as the declaration of it
version_added: 0.2.0
description:
  - Looks at the BPF file systems of a host, and tells what is there in the options of
    M(ebpf.pinning.bpf_host), so that a run with these changes nothing. Only what is not a default
    is told.
  - Maps are declared by their shapes, with BTF and inner maps. A program is declared by its name,
    or by its tag where others have that name, too, unless O(objects) has the file it is from. A
    link is declared with what it is attached to where its program is pinned, too, or else by its
    id. What is another pin of something else that is told, is declared by its source.
  - Reads only. What cannot be declared is in RV(undeclarable), and never hides the others.
  - The playbook C(ebpf.pinning.adopt) asks all hosts at once, and writes files of variables; see
    the guide "You already have pins".
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
  directories:
    description:
      - Tell only of what is in these directories, each in a BPF file system, and below them.
      - Without it, of every BPF file system of the host.
    type: list
    elements: path
  objects:
    description:
      - Object files on the host. Programs that this collection has loaded from them are told as
        programs of that file. Of others with such a name it is said that they may be from there.
    type: list
    elements: path
  entries:
    description:
      - Tell what is in maps, too, as O(ebpf.pinning.bpf_map_pinned#module:entries) declares it, up
        to 1000 entries of a map. Slots of arrays that are zero are left out.
      - Entries may be secrets, and then so is the result of this task.
    type: bool
    default: false
  formats:
    description:
      - In which notation keys and values are told, with the path of a map as the key of this
        dictionary, and a dictionary with C(key_format) and C(value_format) as the value; see
        O(ebpf.pinning.bpf_map_pinned#module:key_format).
      - A map that is not in it is told by its BTF, or in hexadecimal digits if it has none.
    type: dict
    default: {}
seealso:
  - module: ebpf.pinning.bpf_host
  - module: ebpf.pinning.bpf_pin_info
  - name: You already have pins
    description: >-
      From pins made by hand to declared ones, in two commands; docs/adopting.md of the
      collection.
    link: https://example.org/ebpf.pinning/docs/adopting.html
"""

EXAMPLES = r"""
- name: Ask for the declaration of what is there
  ebpf.pinning.bpf_host_info:
  register: bpf

- name: The same with what is in the maps, one of which has addresses as keys
  ebpf.pinning.bpf_host_info:
    entries: true
    formats:
      /sys/fs/bpf/blocked:
        key_format: ipv4
  no_log: true

- name: See that nothing would be changed by it
  ebpf.pinning.bpf_host:
    directory: "{{ bpf.declaration.directory }}"
    directories: "{{ bpf.declaration.directories | default([]) }}"
    maps: "{{ bpf.declaration.maps | default([]) }}"
    links: "{{ bpf.declaration.links | default([]) }}"
    objects: "{{ bpf.declaration.objects | default([]) }}"
  check_mode: true
"""

RETURN = r"""
declaration:
  description:
    - The options of M(ebpf.pinning.bpf_host) that declare what is there. Lists that would be empty
      are left out. C(directory) is the one that most pins are in; others have a C(path).
  returned: success
  type: dict
  sample:
    directory: /sys/fs/bpf
    mounts: [{"path": "/sys/fs/bpf"}]
    maps:
      - name: flows
        type: lru_hash
        key_size: 16
        value_size: 8
        max_entries: 65536
undeclarable:
  description: What is there and is not declared, each with C(path) and C(reason).
  returned: success
  type: list
  elements: dict
  sample: []
remarks:
  description: What is declared, but not all of it or not for long, each with C(path) and C(remark).
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._module.adopted import run
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec={
            "directories": {"type": "list", "elements": "path"},
            "objects": {"type": "list", "elements": "path"},
            "entries": {"type": "bool", "default": False},
            "formats": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
