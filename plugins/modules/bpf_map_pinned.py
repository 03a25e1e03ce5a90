#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure that BPF maps exist, pinned by name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_map_pinned
short_description: Ensure that BPF maps exist, pinned by name
version_added: 0.1.0
description:
  - Ensures that a map of the declared shape is pinned at O(directory)/O(name) in a BPF file system.
    A pinned map that fits is used as it is. Where there is none, the map is made and pinned, as
    loaders do for C(LIBBPF_PIN_BY_NAME); a loader that looks in that directory afterwards, such as
    libbpf, cilium/ebpf, aya, bpftool or tc, finds it and reuses it.
  - Takes one map, or any number with O(maps) in one call. All maps are looked at and decided
    about before the first one is changed, so one that cannot be as declared changes nothing.
  - Shapes are compared as the kernel reports them, so a second run changes nothing, whatever the
    type.
  - 'In short, C(ebpf.pinning.bpf_map_pinned: {name: flows, type: lru_hash, key_size: 16,
    value_size: 8, max_entries: 65536}). Examples of all that it does stand behind the options.'
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
  - ebpf.pinning.pins
  - ebpf.pinning.entries
options:
  name:
    description:
      - Name of the pin, which has no dots and at most 255 bytes, and of the map, where the kernel
        cuts it to 15.
    type: str
  path:
    description:
      - The whole path of the pin, in place of O(directory) and O(name).
    type: path
  type:
    description:
      - Type of the map, as bpftool calls it. The guide "Map types" says what each takes.
      - One of V(arena), V(array), V(array_of_maps), V(bloom_filter), V(cgroup_array),
        V(cgroup_storage), V(cgrp_storage), V(cpumap), V(devmap), V(devmap_hash), V(hash),
        V(hash_of_maps), V(inode_storage), V(lpm_trie), V(lru_hash), V(lru_percpu_hash),
        V(percpu_array), V(percpu_cgroup_storage), V(percpu_hash), V(perf_event_array),
        V(prog_array), V(queue), V(reuseport_sockarray), V(rhash), V(ringbuf),
        V(sk_storage), V(sockhash), V(sockmap), V(stack), V(stack_trace), V(task_storage),
        V(user_ringbuf), V(xskmap).
    type: str
  key_size:
    description:
      - Size of a key in bytes. May be left out where the type takes only one size.
    type: int
  value_size:
    description:
      - Size of a value in bytes, for per-CPU types that of one CPU. May be left out where
        the type takes only one size.
    type: int
  max_entries:
    description:
      - Number of entries; for ring buffers bytes, for V(arena) pages. May be left out where the
        type takes only V(0), and for V(perf_event_array), which has one for each possible CPU then.
    type: int
  flags:
    description:
      - Flags of the map, without C(BPF_F_), in lower case, such as V(no_prealloc). Those that a
        type cannot be made without are implied.
    type: list
    elements: str
  map_extra:
    description:
      - For V(bloom_filter) the number of hash functions, for V(arena) the address to map it
        at, for V(rhash) how many entries it has room for at first.
    type: int
  numa_node:
    description:
      - The NUMA node to take memory from; implies the flag V(numa_node). It is not compared, as the
        kernel does not report it.
    type: int
  btf:
    description:
      - BTF that describes key and value, so that C(bpftool map dump) shows fields by name. It is
        compared by structure, and left out with a warning where the kernel refuses it.
    type: dict
    suboptions:
      data:
        description: A BTF blob (the section C(.BTF) of an object file), in base64.
        type: str
        required: true
      key_type_id:
        description: Id of the type of the key; V(0) for a type without keys.
        type: int
        required: true
      value_type_id:
        description: Id of the type of the value.
        type: int
        required: true
  inner_map:
    description:
      - The shape of the maps that an V(array_of_maps) or V(hash_of_maps) holds, by O(type),
        O(key_size), O(value_size), O(max_entries), O(flags), O(map_extra), O(numa_node) and O(btf).
      - The kernel does not report it, so it is compared with a map that is in there.
    type: dict
  loader:
    description:
      - Which loader reuses the map, where they differ in what they make of O(max_entries);
        V(libbpf) by default. V(cilium) takes no more than the possible CPUs of the host for a
        V(perf_event_array) or V(cpumap).
    type: str
    choices: [libbpf, cilium]
    version_added: 0.2.0
  frozen:
    description:
      - V(true) freezes the map for good, so that user space cannot write to it any more. V(false)
        takes a frozen map for a mismatch. Not compared when left out.
    type: bool
  readers:
    description:
      - Users of the host who are to open the pin for reading. Nothing is changed for them, but a
        warning says what keeps one of them from it.
    type: list
    elements: str
    version_added: 0.2.0
  on_mismatch:
    description:
      - What to do with a pinned map of another shape. V(fail) changes nothing and reports every
        field that differs. V(replace) makes a new, empty map, which takes the name in one atomic
        rename. V(migrate) copies the entries first.
      - Programs that use the old map go on using it until they are loaded again; a warning names
        them. See the guide "Changing a map that is in use".
    type: str
    choices: [fail, replace, migrate]
    default: fail
  value_growth:
    description:
      - What O(on_mismatch=migrate) does where values are shorter than declared. V(refuse)
        fails; V(zero_pad) fills them up with zeros at the end.
    type: str
    choices: [refuse, zero_pad]
    default: refuse
  entries_swap:
    description:
      - Changes the whole table between two packets. A new map is filled, takes a slot of a map of
        maps, in which programs look for it, and then the name. Only with O(entries_mode=exact).
    type: dict
    version_added: 0.2.0
    suboptions:
      outer:
        description: Path of the map of maps, which may be declared in the same list.
        type: path
        required: true
      key:
        description: Which slot of it, a key that is written like those of O(entries).
        type: raw
        required: true
      key_format:
        description: How that key is written, like O(key_format).
        type: raw
  maps:
    description:
      - The maps to ensure, each with the options that a single map takes. One call handles
        thousands of them; prefer it to a loop.
      - O(directory), O(owner), O(group), O(mode), O(on_mismatch) and O(value_growth) of the task
        are defaults for all items.
    type: list
    elements: dict
seealso:
  - module: ebpf.pinning.bpf_host
  - module: ebpf.pinning.bpf_map_entries
  - module: ebpf.pinning.bpf_pin_absent
  - plugin: ebpf.pinning.elf_maps
    plugin_type: lookup
  - name: Map types
    description: >-
      What each type takes, and since which Linux; docs/map-types.md of the collection.
    link: https://example.org/ebpf.pinning/docs/map-types.html
  - name: What is in a map
    description: >-
      From commands to declared entries, and every format; docs/entries.md of the collection.
    link: https://example.org/ebpf.pinning/docs/entries.html
  - name: Changing a map that is in use
    description: Step by step, and what can be migrated; docs/migration.md of the collection.
    link: https://example.org/ebpf.pinning/docs/migration.html
  - name: Sharing maps between programs
    description: Where each loader looks for maps; docs/sharing-maps.md of the collection.
    link: https://example.org/ebpf.pinning/docs/sharing-maps.html
  - name: Security
    description: >-
      Who can open a pin, and what modes do not keep apart; docs/security.md of the collection.
    link: https://example.org/ebpf.pinning/docs/security.html
"""

EXAMPLES = r"""
- name: Ensure that one map is pinned at /sys/fs/bpf/flows
  ebpf.pinning.bpf_map_pinned:
    name: flows
    type: lru_hash
    key_size: 16
    value_size: 8
    max_entries: 65536

- name: Ensure that the maps of an agent are pinned, readable for a group
  ebpf.pinning.bpf_map_pinned:
    directory: /sys/fs/bpf/agent
    group: adm
    mode: "0640"
    maps:
      - name: packet_counts
        type: percpu_array
        value_size: 8
        max_entries: 256
      - name: blocked_v4
        type: lpm_trie
        key_size: 8
        value_size: 4
        max_entries: 10000
      - name: events
        type: ringbuf
        max_entries: 262144
      - name: per_tenant
        type: hash_of_maps
        key_size: 4
        max_entries: 64
        inner_map:
          type: hash
          key_size: 4
          value_size: 8
          max_entries: 1024

- name: Ensure that the maps of an object file are pinned, as libbpf would make them
  ebpf.pinning.bpf_map_pinned:
    directory: /sys/fs/bpf/application
    maps: "{{ lookup('ebpf.pinning.elf_maps', 'application.bpf.o') }}"

- name: Ensure that exactly the listed networks are blocked, and that nobody sees half of the list
  ebpf.pinning.bpf_map_pinned:
    path: /sys/fs/bpf/firewall/blocked
    type: lpm_trie
    key_size: 8
    value_size: 4
    max_entries: 100000
    key_format: cidr4
    value_format: u32
    entries_mode: exact
    entries_from:
      src: /etc/firewall/blocked.netset
      remote_src: true
      value: 1

- name: Ensure that programs find their settings, which nobody can change in this map
  ebpf.pinning.bpf_map_pinned:
    path: /sys/fs/bpf/firewall/settings
    type: array
    key_size: 4
    value_size: 4
    max_entries: 2
    frozen: true
    value_format: u32
    entries:
      - {key: 0, value: 300}
      - {key: 1, value: 1}

- name: Change all routes between two packets, in the slot where programs look for them
  ebpf.pinning.bpf_map_pinned:
    directory: /sys/fs/bpf/router
    maps:
      - name: tables
        type: array_of_maps
        max_entries: 1
        inner_map: &routes
          type: hash
          key_size: 4
          value_size: 4
          max_entries: 1024
      - <<: *routes
        name: routes
        key_format: ipv4
        value_format: u32
        entries_mode: exact
        entries:
          - {key: 10.0.0.1, value: 1}
        entries_swap:
          outer: /sys/fs/bpf/router/tables
          key: 0

- name: Ensure that a map of maps has two zones, one of them filled in place
  ebpf.pinning.bpf_map_pinned:
    directory: /sys/fs/bpf/zones
    maps:
      - name: inside
        type: hash
        key_size: 4
        value_size: 4
        max_entries: 64
      - name: zones
        type: array_of_maps
        max_entries: 2
        inner_map:
          type: hash
          key_size: 4
          value_size: 4
          max_entries: 64
        entries:
          - {key: 0, value: /sys/fs/bpf/zones/inside}
          - key: 1
            value:
              key_format: ipv4
              value_format: u32
              entries:
                - {key: 192.0.2.1, value: 1}

- name: Let the exporter read a map through its group, and tell if something keeps it out
  ebpf.pinning.bpf_map_pinned:
    path: /sys/fs/bpf/agent/latencies
    type: percpu_array
    value_size: 8
    max_entries: 64
    group: adm
    mode: "0640"
    readers: [daemon]

- name: Ensure that cilium/ebpf finds its perf buffer, with an entry for each possible CPU
  ebpf.pinning.bpf_map_pinned:
    path: /sys/fs/bpf/agent/samples
    type: perf_event_array
    max_entries: 1024
    loader: cilium

- name: Make room for more flows, and accept that those in the map are lost
  ebpf.pinning.bpf_map_pinned:
    name: flows
    type: lru_hash
    key_size: 16
    value_size: 8
    max_entries: 131072
    on_mismatch: replace

- name: Make room for more flows, and keep those in the map
  ebpf.pinning.bpf_map_pinned:
    name: flows
    type: lru_hash
    key_size: 16
    value_size: 8
    max_entries: 262144
    on_mismatch: migrate

- name: Give each flow a counter more, which begins at zero
  ebpf.pinning.bpf_map_pinned:
    name: flows
    type: lru_hash
    key_size: 16
    value_size: 16
    max_entries: 262144
    on_mismatch: migrate
    value_growth: zero_pad
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
      sample: /sys/fs/bpf/flows
    name:
      description: Name of the pin.
      type: str
      sample: flows
    action:
      description:
        - What was done; in check mode, and when the task fails before anything is changed, what
          would be done.
        - V(adjusted) means that owner, group, mode, O(frozen), entries or the slot of
          O(entries_swap) was set in place.
        - V(replaced) means that a new map has the name, also for O(entries_swap).
        - V(incompatible) means that the pin is not as declared and was left alone.
        - When the kernel refuses in the middle, V(failed) is the map that it refused and
          V(not_done) are those after it. Check mode asks the kernel for a small map of each kind
          that is gone at once, so it tells the same, but for shortages of memory.
      type: str
      sample: created
    drift:
      description: What was not as declared; for each field C(field), C(want) and C(have).
      type: list
      elements: dict
      sample: [{"field": "max_entries", "want": 65536, "have": 1024}]
    id:
      description: Id of the map in the kernel. V(null) where there is none.
      type: int
      sample: 42
    shape:
      description:
        - The map as the kernel reports it, in the words of the options. V(null) where there is
          none.
      type: dict
      sample:
        name: flows
        type: lru_hash
        key_size: 16
        value_size: 8
        max_entries: 65536
        flags: []
        map_extra: 0
    declared:
      description:
        - What is declared of a map that was not there, in the words of the options.
      returned: when there was nothing at the path
      type: dict
      sample:
        type: lru_hash
        key_size: 16
        value_size: 8
        max_entries: 65536
        flags: []
        map_extra: 0
        mode: "0640"
    unverified:
      description: Fields that were declared, but that the kernel does not report or take.
      type: list
      elements: str
      sample: [numa_node]
    copied:
      description:
        - How many entries were copied into the new map, or in check mode would be. V(null) unless
          RV(maps[].action) is V(migrated).
      type: int
      sample: 1024
    caught_up:
      description:
        - How many entries were written, added or deleted in the old map while it was copied, and
          have been taken over since. V(null) where nothing was copied.
      type: int
      sample: 0
    entries:
      description:
        - Where O(entries) or the like say what is to be in the map, how many entries are
          C(declared), and how many were C(added), C(updated) and C(removed), or in check mode would
          be; V(null) where a migration takes others along, where it failed, and where check mode
          does not know, as the list is not on the host yet. With
          O(show_entries), C(shown) has the first twenty of each.
      returned: when entries are declared
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
    created: 1
    adjusted: 0
    replaced: 0
    migrated: 0
    unchanged: 3
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

from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import (
    CONTENT,
    GROWTHS,
    MAP,
    MISMATCHES,
    SHAPE,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.maps import run


def main() -> None:
    """Run the module."""
    one_map = ["name", "path", *SHAPE, "inner_map", "frozen", *CONTENT]
    module = PinningModule(
        argument_spec={
            **MAP,
            "maps": {"type": "list", "elements": "dict", "options": MAP},
            "directory": {"type": "path", "default": "/sys/fs/bpf"},
            "on_mismatch": {"type": "str", "choices": MISMATCHES, "default": "fail"},
            "value_growth": {"type": "str", "choices": GROWTHS, "default": "refuse"},
            "parents": {"type": "bool", "default": True},
        },
        mutually_exclusive=[["maps", option] for option in one_map],
        required_one_of=[["maps", "name", "path"]],
        told_elsewhere=["maps", "inner_map"],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
