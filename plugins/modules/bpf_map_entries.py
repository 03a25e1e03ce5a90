#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure what is in BPF maps that somebody else makes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_map_entries
short_description: Ensure what is in BPF maps that somebody else makes
version_added: 0.2.0
description:
  - Ensures that the declared entries are in a map that a loader or another tool has made and
    pinned. Of the map itself nothing is declared or changed, neither its shape nor its owner or
    mode, and it is not frozen. No map, pin or directory is made.
  - For maps that are to be made, use O(ebpf.pinning.bpf_map_pinned#module:entries), which fills a
    map before it has a name.
  - Takes one map, or any number with O(maps) in one call. All are looked at and decided about
    before the first entry is written.
  - A map that is not there is an error, since its loader comes first. In check mode it is a
    warning, since a task before may start the loader.
  - Pins, and directories on the way, are taken only of root and of the user of the task.
  - 'In short, C(ebpf.pinning.bpf_map_entries: {path: /sys/fs/bpf/blocked, key_format: ipv4,
    value_format: u8, entries: [{key: 10.0.0.1, value: 1}]}). Examples of all that it does stand
    behind the options.'
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
  - ebpf.pinning.entries
options:
  path:
    description: Path of the pin of the map.
    type: path
  maps:
    description:
      - The maps, each with the options that a single map takes.
    type: list
    elements: dict
seealso:
  - module: ebpf.pinning.bpf_map_pinned
  - module: ebpf.pinning.bpf_host
  - module: ebpf.pinning.bpf_pin_info
  - name: What is in a map
    description: >-
      From commands to declared entries, and every format; docs/entries.md of the collection.
    link: https://example.org/ebpf.pinning/docs/entries.html
  - name: Map types
    description: Which types take entries; docs/map-types.md of the collection.
    link: https://example.org/ebpf.pinning/docs/map-types.html
  - name: Security
    description: Whose pins and lists are taken; docs/security.md of the collection.
    link: https://example.org/ebpf.pinning/docs/security.html
"""

EXAMPLES = r"""
- name: Ensure that the loader of the firewall runs, which makes its maps
  ansible.builtin.systemd_service:
    name: firewall
    state: started

- name: Ensure that exactly these addresses are blocked
  ebpf.pinning.bpf_map_entries:
    path: /sys/fs/bpf/firewall/blocked
    key_format: ipv4
    value_format: u32
    entries_mode: exact
    entries_from:
      src: /etc/firewall/blocked.netset
      remote_src: true
      value: 1

- name: Ensure the options of the firewall by the names of their BTF, and leave counters alone
  ebpf.pinning.bpf_map_entries:
    maps:
      - path: /sys/fs/bpf/firewall/options
        entries:
          - key: 0
            value: {verdict: DROP, log: true, burst: 300, label: edge}
      - path: /sys/fs/bpf/firewall/counters
        key_format: u32
        value_format: u64
        entries_mode: initial
        entries:
          - {key: 53, value: 0}

- name: Ensure that an address is not blocked, whatever else is
  ebpf.pinning.bpf_map_entries:
    path: /sys/fs/bpf/firewall/blocked
    key_format: ipv4
    value_format: u32
    entries_absent: [10.0.0.2]

- name: Ensure the ports that a table of another system lists, and show what changes
  ebpf.pinning.bpf_map_entries:
    path: /sys/fs/bpf/firewall/ports
    key_format:
      - {name: proto, format: proto}
      - {format: pad, size: 1}
      - {name: port, format: be16}
    value_format: u32
    entries_from:
      src: /etc/firewall/ports.csv
      remote_src: true
      format: csv
      columns: {key.proto: protocol, key.port: port}
      value: 1
    show_entries: true

- name: Ensure that the stages of the firewall call these programs
  ebpf.pinning.bpf_map_entries:
    path: /sys/fs/bpf/firewall/stages
    entries_mode: exact
    entries:
      - {key: 0, value: /sys/fs/bpf/firewall/parse}
      - {key: 1, value: /sys/fs/bpf/firewall/count}
"""

RETURN = r"""
maps:
  description:
    - The maps, in the order of the task. Also returned when the task fails because of a map.
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  contains:
    path:
      description: Path of the pin.
      type: str
      sample: /sys/fs/bpf/firewall/blocked
    action:
      description:
        - What was done, or in check mode would be. V(adjusted) means that entries were written or
          removed, V(incompatible) that nothing could be done.
        - When the kernel refuses in the middle, V(failed) is the map that it refused and
          V(not_done) are those after it.
      type: str
      sample: adjusted
    drift:
      description:
        - What was not as declared; for each field C(field), C(want) and C(have). Of entries it has
          counts only.
      type: list
      elements: dict
      sample: [{"field": "entries", "want": "as declared (exact)", "have": "2 missing, 1 extra"}]
    declared:
      description: What is declared of the entries of a map that was not there.
      returned: when there was nothing at the path
      type: dict
      sample: {"entries_mode": "exact"}
    id:
      description: Id of the map in the kernel. V(null) where there is none.
      type: int
      sample: 42
    entries:
      description:
        - How many entries are C(declared), and how many were C(added), C(updated) and C(removed),
          or in check mode would be; V(null) where nothing could be done, and where check mode does
          not know, as the list is not on the host yet. With O(show_entries),
          C(shown) has the first twenty of each.
      type: dict
      sample: {"declared": 2, "added": 1, "updated": 0, "removed": 0}
    error:
      description: What the kernel refused, and what to do about it.
      returned: when it failed at this map
      type: str
counts:
  description: How many maps there are of each RV(maps[].action).
  returned: always, unless the arguments are at fault
  type: dict
  sample:
    adjusted: 1
    unchanged: 0
    incompatible: 0
directories:
  description: Always empty, as no directory is made.
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: []
leftovers:
  description: Always empty, as no directory is cleared.
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

from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import ENTRIES
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.entries import run


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec={
            **ENTRIES,
            "maps": {"type": "list", "elements": "dict", "options": ENTRIES},
        },
        mutually_exclusive=[["maps", option] for option in ENTRIES],
        required_one_of=[["maps", "path"]],
        told_elsewhere=["maps"],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
