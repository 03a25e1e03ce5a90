#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell what BPF pins hold."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_pin_info
short_description: Tell what BPF pins hold
version_added: 0.1.0
description:
  - Tells of each pin what it holds, a map, a program or a link, with everything that the kernel
    says about it, who may open it, and which loaded programs use a map. Also which BPF file
    systems are mounted.
  - Reads only. A pin that cannot be read is listed in RV(unreadable), and never hides the others.
  - What cannot be seen in a name is spelled, such as C(\n), C(\x1b) or C(\u202e), and so are bytes
    that are no UTF-8. Such a path is for reading, and no other module finds a pin by it.
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
  path:
    description:
      - The pins to tell of. A path where nothing is, is listed in RV(missing).
    type: list
    elements: path
  directory:
    description:
      - A directory to tell of. The kernel's own C(maps.debug) and C(progs.debug) are left out.
      - V(/sys/fs/bpf) when O(path) is left out, too.
    type: path
  recurse:
    description:
      - Look into directories as well, but not into other mounts.
    type: bool
    default: false
  type:
    description:
      - Tell only of pins that hold this.
    type: str
    choices: [any, map, prog, link]
    default: any
  health:
    description:
      - Look also for who has what is pinned, and for what is the matter with it, and return
        RV(pins[].users) and RV(health).
      - All processes, links, maps and pins of the machine are looked at once, however many pins
        there are, for programs also interfaces of all network namespaces and cgroups. On a host
        with thousands of processes that may take seconds.
      - Where not all processes can be seen, as in a container or without root, a warning says so,
        and both are V(null).
    type: bool
    default: false
    version_added: 0.2.0
  count_entries:
    description:
      - Count the entries of each map, many at a time. A map of a million entries takes about a
        second.
      - Arrays have all of their slots from the start, and are not counted, nor are queues, rings
        and storages.
    type: bool
    default: false
    version_added: 0.2.0
  count_limit:
    description:
      - Up to how many entries of a map O(count_entries) counts.
    type: int
    default: 1000000
    version_added: 0.2.0
seealso:
  - module: ebpf.pinning.bpf_host_info
  - module: ebpf.pinning.bpf_map_pinned
  - module: ebpf.pinning.bpf_object_pinned
  - module: ebpf.pinning.bpf_pin_absent
  - name: "Health: what is full, what is dead, what nobody uses"
    description: >-
      What is full, severed, unused or hidden, and what to do; docs/health.md of the collection.
    link: https://example.org/ebpf.pinning/docs/health.html
  - name: "Drift: what is not as declared, over all hosts"
    description: >-
      How to be told by a check of all hosts; docs/drift.md of the collection.
    link: https://example.org/ebpf.pinning/docs/drift.html
"""

EXAMPLES = r"""
- name: Look at all pins of the host
  ebpf.pinning.bpf_pin_info:
    recurse: true
  register: bpf

- name: Show which programs use the map flows
  ansible.builtin.debug:
    msg: "{{ (bpf.pins | selectattr('name', 'equalto', 'flows') | first).programs }}"
  when: bpf.pins | selectattr('name', 'equalto', 'flows') | length > 0

- name: Look at one pin
  ebpf.pinning.bpf_pin_info:
    path: /sys/fs/bpf/flows

- name: Look for maps that are nearly full, links that are severed, and what nobody uses
  ebpf.pinning.bpf_pin_info:
    recurse: true
    health: true
    count_entries: true
  register: bpf

- name: Stop if a map is nearly full
  ansible.builtin.assert:
    that: item.map.entries < 0.9 * item.map.max_entries
    quiet: true
  loop: "{{ bpf.pins | selectattr('map.entries', 'defined') }}"
  loop_control:
    label: "{{ item.path }}"

- name: Stop if a bpffs hides another one
  ansible.builtin.assert:
    that: bpf.mounts | selectattr('hidden') | length == 0
"""

RETURN = r"""
pins:
  description: The pins, in the order of O(path), or of their names.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Path of the pin.
      type: str
      sample: /sys/fs/bpf/flows
    type:
      description: What it holds, V(map), V(prog) or V(link).
      type: str
      sample: map
    id:
      description: Id of the object in the kernel.
      type: int
      sample: 42
    name:
      description: The kernel's name of the object, at most 15 characters. Empty for links.
      type: str
      sample: flows
    owner:
      description: Name of the owner of the pin, or the number where it has none.
      type: str
      sample: root
    group:
      description: Name of the group of the pin, or the number where it has none.
      type: str
      sample: adm
    mode:
      description: Permission bits of the pin.
      type: str
      sample: "0640"
    map:
      description:
        - The map, its shape in the words of M(ebpf.pinning.bpf_map_pinned), so that what is told
          can be declared. C(inner_map) is the shape of a map that a map of maps holds, if it holds
          any. C(memlock) is an estimate in bytes. With O(count_entries) there are C(entries), and
          C(has_more_entries), which is V(true) where O(count_limit) was reached. Of a frozen map of
          type V(array) there is C(hash), the SHA-256 of all its values as the kernel has them, on
          Linux 6.18 and newer; it tells whether two hosts have the same configuration.
          With O(health) there is C(exclusive), which is V(true) where only the one program that the
          map was made for can use it (Linux 6.18), so that no other can be loaded with the pin; not
          for types that nobody can tell it of.
      returned: when it holds a map
      type: dict
      sample:
        type: lru_hash
        key_size: 16
        value_size: 8
        max_entries: 65536
        flags: []
        map_extra: 0
        frozen: false
        btf_id: 0
        memlock: 5769216
    programs:
      description:
        - The loaded programs that use the map. Empty, with a warning, where the user of the task
          may not ask (C(CAP_SYS_ADMIN)).
      returned: when it holds a map
      type: list
      elements: dict
      sample: [{"id": 7, "type": "xdp", "name": "count"}]
    prog:
      description:
        - The program. C(load_time) is in seconds since the machine was started, C(tag) a hash of
          the instructions, C(map_ids) the maps that it uses, V(null) where the user of the task may
          not ask (C(CAP_SYS_ADMIN)), C(memlock) the memory of its instructions in bytes.
      returned: when it holds a program
      type: dict
      sample:
        type: xdp
        tag: a04f5eef06a7f555
        load_time: 93784
        loaded_by: root
        map_ids: [42]
        memlock: 4096
    link:
      description:
        - The link. C(target) is what the program is attached to, with the kernel's names of
          fields; it depends on the type. C(prog_name) is V(null) like C(map_ids). C(attached) is
          V(false) when the link is attached to nothing any more, because its target is gone or
          somebody detached it, and V(null) for types of which the kernel does not say so.
      returned: when it holds a link
      type: dict
      sample:
        type: xdp
        prog_id: 7
        prog_name: count
        target: {"ifindex": 2}
        attached: true
    users:
      description:
        - Who has the object beside this pin. C(processes) have it open; C(mapping) have the memory
          of some map, and the kernel does not tell of which. C(links) have a program or hang on a
          map, C(hooks) are where a program is attached without a link, C(maps) are those that it is
          in, C(pins) other paths, those in other mount namespaces below C(/proc/PID/root).
          Programs that use a map are in RV(pins[].programs).
      returned: with O(health)
      type: dict
      version_added: 0.2.0
      sample:
        processes: [{"pid": 1213, "name": "agent"}]
        mapping: []
        links: []
        hooks: []
        maps: []
        pins: []
missing:
  description: Paths where nothing is.
  returned: success
  type: list
  elements: str
  sample: []
others:
  description: What is there and is no pin, each with C(path) and C(what).
  returned: success
  type: list
  elements: dict
  sample: [{"path": "/sys/fs/bpf/agent", "what": "a directory"}]
unreadable:
  description: What cannot be looked at, each with C(path) and C(reason).
  returned: success
  type: list
  elements: dict
  sample: []
counts:
  description: How many pins hold a C(map), a C(prog), a C(link), and how many are C(unreadable).
  returned: success
  type: dict
  sample: {"map": 12, "prog": 2, "link": 1, "unreadable": 0}
mounts:
  description:
    - Every BPF file system of the host, as RV(ebpf.pinning.bpffs_mount#module:mount) has it.
      C(hidden) is whether another mount lies over it; of those only C(path), C(source) and
      C(opts) can be told.
  returned: success
  type: list
  elements: dict
  sample:
    - path: /sys/fs/bpf
      source: bpffs
      opts: [nodev, noexec, nosuid, relatime]
      mode: "1700"
      owner: root
      group: root
      delegate: {"cmds": [], "maps": [], "progs": [], "attachs": []}
      pins: 15
      hidden: false
health:
  description:
    - What is the matter with the pins that are told of, and with all BPF file systems.
  returned: with O(health)
  type: dict
  version_added: 0.2.0
  contains:
    memlock:
      description: Memory of all maps and programs in bytes, each counted once.
      type: int
      sample: 5769216
    unused:
      description:
        - Pins whose object nobody else has, see O(ebpf.pinning.bpf_pin_absent#module:unused).
      type: list
      elements: str
      sample: [/sys/fs/bpf/agent/old_flows]
    severed:
      description: Links that are attached to nothing any more.
      type: list
      elements: str
      sample: [/sys/fs/bpf/agent/eth7]
    unattached:
      description:
        - Programs that are attached nowhere, by any of RV(health.looked_at). Programs of types that
          can be attached in ways that the kernel does not tell are never among them.
      type: list
      elements: str
      sample: []
    mounts:
      description:
        - BPF file systems that are V(hidden) under another mount, V(stacked) over another one, or
          V(misplaced), hiding what is below their mount point. Each with C(path), C(finding) and
          C(what).
      type: list
      elements: dict
      sample:
        - path: /sys/fs
          finding: misplaced
          what: "it hides what is mounted below: /sys/fs/bpf, /sys/fs/cgroup"
    looked_at:
      description: Where programs could have been attached.
      type: list
      elements: str
      sample: [links, "prog_arrays, devmaps and cpumaps", cgroups]
    unseen:
      description: Where users of pins may be that cannot be seen, and why.
      type: list
      elements: str
      sample: []
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.info import run


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec={
            "path": {"type": "list", "elements": "path"},
            "directory": {"type": "path"},
            "recurse": {"type": "bool", "default": False},
            "type": {"type": "str", "choices": ["any", "map", "prog", "link"], "default": "any"},
            "health": {"type": "bool", "default": False},
            "count_entries": {"type": "bool", "default": False},
            "count_limit": {"type": "int", "default": 1000000},
        },
        mutually_exclusive=[["path", "directory"]],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
