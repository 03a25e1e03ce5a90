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
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
options:
  maps:
    description:
      - The maps, each with the options that a single map takes.
    type: list
    elements: dict
    suboptions:
      path: &path
        description:
          - Path of the pin of the map.
        type: path
      entries: &entries
        description:
          - What is to be in the map, each with C(key) and C(value), and nothing else.
          - Each entry changes by itself, and only what differs is written.
          - Keys and values are written as their type in the BTF of the map has them; numbers,
            C(true) and C(false), names of enums, dictionaries of fields, lists, text for arrays of
            char. O(key_format) and O(value_format) say so where there is no BTF, or where another
            notation is meant. Padding and locks are zero.
          - Of a per-CPU map the value is for all CPUs, or a list of one for each possible CPU.
          - Keys and values are in no result, diff, report or log, unless O(show_entries) is set.
          - Not for types whose entries are programs, maps or sockets.
        type: list
        elements: dict
      entries_from: &entries_from
        description:
          - A file that lists more of them. What is wrong with it is told by the numbers of the
            lines, up to twenty, and nothing is changed.
        type: dict
        suboptions:
          src:
            description: Path of the file, which may be compressed by gzip.
            type: path
            required: true
          remote_src:
            description:
              - V(true) takes the file on the host. V(false) takes it on the controller, where a
                relative path is looked for as C(ansible.builtin.copy) does.
            type: bool
            default: false
          format:
            description:
              - V(lines) is a key a line, after it a value if there is one; comments begin with C(#)
                or C(;). What ipset save and nft list write is understood, too.
              - V(csv) has a header with C(key) and C(value), or C(key.FIELD) and C(value.FIELD).
              - V(json) is a list of C(key) and C(value), or what C(bpftool -j map dump) prints.
            type: str
            choices: [lines, csv, json]
            default: lines
          value:
            description: The value of entries that have none in the file.
            type: raw
          columns:
            description:
              - With O(entries_from.format=csv), which column is what, such as C(key) to C(address).
            type: dict
      entries_mode: &entries_mode
        description:
          - V(present) has the entries there with these values, and leaves others.
          - V(exact) removes all others, of an array by the value 0. Values are updated first, then
            entries added, then removed. Whether all of them fit is known before that.
          - V(initial) adds those whose key is missing. What becomes of their values is up to
            programs.
          - V(present) is the default.
        type: str
        choices: [present, exact, initial]
      entries_absent: &entries_absent
        description: Keys that are not to be there.
        type: list
        elements: raw
      key_format: &key_format
        description:
          - How keys are written, one of V(u8), V(u16), V(u32), V(u64), V(s8), V(s16), V(s32),
            V(s64), V(be16), V(be32), V(be64), V(ipv4), V(ipv6), V(mac), V(cidr4), V(cidr6),
            V(ifindex) (the name of an interface), V(cgroup) (the path of a cgroup), V(proto),
            V(string), V(hex), V(bytes).
          - Or a list of dictionaries with C(name), C(format) and, where a format has no size of its
            own, C(size), in the order of the key; C(format=pad) with C(size) is filled with zeros.
          - Or, with BTF, a dictionary of formats by field, such as C(addr) to C(ipv4).
        type: raw
      value_format: &value_format
        description: How values are written, like O(key_format).
        type: raw
      host_bits: &host_bits
        description:
          - What to do with a prefix that has bits beyond its length, such as 10.0.0.1/8. V(refuse)
            fails; V(mask) takes it for 10.0.0.0/8.
          - V(refuse) is the default.
        type: str
        choices: [refuse, mask]
      show_entries: &show_entries
        description: Show in the result which entries are added, updated and removed, up to twenty.
        type: bool
  path: *path
  entries: *entries
  entries_from: *entries_from
  entries_mode: *entries_mode
  entries_absent: *entries_absent
  key_format: *key_format
  value_format: *value_format
  host_bits: *host_bits
  show_entries: *show_entries
seealso:
  - module: ebpf.pinning.bpf_map_pinned
  - module: ebpf.pinning.bpf_pin_info
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
          or in check mode would be; V(null) where nothing could be done. With O(show_entries),
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

from ..module_utils._core.options import ENTRIES
from ..module_utils._module.arguments import PinningModule
from ..module_utils._module.entries import run


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec={
            **ENTRIES,
            "maps": {"type": "list", "elements": "dict", "options": ENTRIES},
        },
        mutually_exclusive=[["maps", option] for option in ENTRIES],
        required_one_of=[["maps", "path"]],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
