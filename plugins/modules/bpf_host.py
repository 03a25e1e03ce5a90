#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure that all that is declared of a host is so."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_host
short_description: Ensure that all that is declared of a host is so
version_added: 0.2.0
description:
  - Takes everything that is declared of a host in one task, mounts, directories, maps, programs,
    links, second pins and absences, and asks the host once.
  - All is read, observed and decided before the first change. A declaration that cannot be made
    true changes nothing, and all that is in its way is said at once. Programs are loaded for trial
    before anything is replaced.
  - Carries it out in the order O(mounts), O(directories), O(maps), O(programs), O(links),
    O(objects), O(absent), O(prune), O(at_boot). In check mode each of these sees what those before
    it would have done.
  - 'In short, C(ebpf.pinning.bpf_host: {directory: /sys/fs/bpf/agent, mounts: [{path:
    /sys/fs/bpf}], maps: [{name: events, type: ringbuf, max_entries: 262144}]}). Examples of all
    that it does stand behind the options.'
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
  - ebpf.pinning.pins
options:
  mounts:
    description:
      - BPF file systems, each with the options of M(ebpf.pinning.bpffs_mount).
      - These are C(path), C(owner), C(group), C(mode), C(opts), C(delegate_cmds), C(delegate_maps),
        C(delegate_progs), C(delegate_attachs), C(state), C(boot), C(fstab), C(force), C(repair) and
        C(keep).
    type: list
    elements: dict
  directories:
    description:
      - Directories in a BPF file system. What is missing above them is made as O(parents) says.
    type: list
    elements: dict
    suboptions:
      path:
        description: Absolute path of the directory.
        type: path
        required: true
      owner:
        description:
          - Name or number of the user that owns the directory, and so may put other pins in the
            place of those in it. Left as it is when left out.
        type: str
      group:
        description: Name or number of the group of the directory. Left as it is when left out.
        type: str
      mode:
        description:
          - Permission bits of the directory, in octal and quoted, like V("0750"). Left as they are
            when left out; a new directory has V("0755"), whatever the umask is.
        type: raw
  maps:
    description:
      - Maps, each with the options of M(ebpf.pinning.bpf_map_pinned). Entries may name programs of
        O(programs), by the names of their pins, too.
      - These are C(name), C(path), C(directory), C(type), C(key_size), C(value_size),
        C(max_entries), C(flags), C(map_extra), C(numa_node), C(btf), C(inner_map), C(loader),
        C(frozen), C(owner), C(group), C(mode), C(readers), C(on_mismatch), C(value_growth),
        C(entries), C(entries_from), C(entries_mode), C(entries_absent), C(key_format),
        C(value_format), C(host_bits), C(show_entries) and C(entries_swap).
    type: list
    elements: dict
  programs:
    description:
      - Programs of object files, each item one file with the options of
        M(ebpf.pinning.bpf_program_pinned). A map that O(maps) declares, too, is made as it says.
      - These are C(object), C(remote_src), C(programs), C(directory), C(maps), C(maps_directory),
        C(globals), C(kernel_btf), C(log_level), C(owner), C(group), C(mode), C(on_mismatch) and
        C(value_growth).
    type: list
    elements: dict
  links:
    description:
      - Links, each with the options of M(ebpf.pinning.bpf_link_pinned).
      - These are C(name), C(path), C(directory), C(program), C(attach), C(state), C(owner),
        C(group), C(mode) and C(on_mismatch).
    type: list
    elements: dict
  objects:
    description:
      - Further pins of what is in the kernel, each with the options of
        M(ebpf.pinning.bpf_object_pinned). The source may be a map that is declared here, too.
      - These are C(name), C(path), C(directory), C(map_id), C(prog_id), C(link_id), C(map_name),
        C(prog_name), C(prog_tag), C(source), C(owner), C(group), C(mode) and C(on_mismatch).
    type: list
    elements: dict
  absent:
    description:
      - Pins that are to be gone, each item with the options of M(ebpf.pinning.bpf_pin_absent).
      - These are C(path), C(directory), C(keep), C(patterns), C(type), C(recurse), C(prune_shared),
        C(unused), C(severed) and C(older_than).
    type: list
    elements: dict
  prune:
    description:
      - Removes pins that this declaration does not name from one directory. Links always stay.
    type: dict
    suboptions:
      directory:
        description: Absolute path of the directory. What is in directories below it stays.
        type: path
        required: true
      keep_also:
        description: Pins that stay though they are not declared here, by name or path.
        type: list
        elements: str
      shared:
        description: Allow that for C(/sys/fs/bpf) itself, where other software pins too.
        type: bool
        default: false
      report_only:
        description: Remove nothing, and list these pins in RV(undeclared).
        type: bool
        default: false
  directory:
    description:
      - Absolute path of a directory in a BPF file system, for O(maps), O(programs), O(links)
        and O(objects) that name no other.
    type: path
    default: /sys/fs/bpf
  owner:
    description: >-
      Owner of the pins of O(maps), O(programs), O(links) and O(objects) that name no other.
    type: str
  group:
    description: >-
      Group of the pins of O(maps), O(programs), O(links) and O(objects) that name no other.
    type: str
  mode:
    description:
      - Permission bits of the pins of O(maps), O(programs), O(links) and O(objects) that name no
        others.
    type: raw
  on_mismatch:
    description:
      - What to do with a pin that holds something else than declared, see
        O(ebpf.pinning.bpf_map_pinned#module:on_mismatch). V(migrate) is for maps; it is V(fail) for
        O(links) and O(objects).
    type: str
    choices: [fail, replace, migrate]
    default: fail
  value_growth:
    description:
      - What V(migrate) does where values are shorter than declared, see
        O(ebpf.pinning.bpf_map_pinned#module:value_growth).
    type: str
    choices: [refuse, zero_pad]
    default: refuse
  parents:
    description: Make missing directories, with mode V("0755"). Only inside a BPF file system.
    type: bool
    default: true
  at_boot:
    description:
      - V(true) lets the host put all of this back by itself at boot, but for O(absent) and
        O(prune). V(false) ends that. Left out, nothing is done about it.
      - Nothing is replaced or removed at boot. The guide "After a reboot" says what comes back, and
        what lists and object files have to be like.
    type: bool
  at_boot_options:
    description: More about O(at_boot).
    type: dict
    suboptions:
      name:
        description:
          - What the host calls this declaration, see O(ebpf.pinning.bpf_restore#module:name). Made
            of O(directory) when left out, so that two tasks with the same one need two names.
        type: str
      mounts:
        description:
          - More BPF file systems to mount at boot, each with C(path), C(owner), C(group), C(mode),
            C(opts) and C(delegate_*) of M(ebpf.pinning.bpffs_mount). One with the path of one of
            O(mounts) counts in its place.
        type: list
        elements: dict
      python:
        description: The interpreter, see O(ebpf.pinning.bpf_restore#module:python).
        type: path
      before:
        description: >-
          Services that are to start once all is back, see
          O(ebpf.pinning.bpf_restore#module:before).
        type: list
        elements: str
  health:
    description:
      - Look also for what is the matter with all pins in the directories of those that are
        declared, and return RV(health). Nothing of it makes the task fail.
    type: bool
    default: false
  count_entries:
    description:
      - Count the entries of the maps there, for RV(health.pins). Includes O(health).
    type: bool
    default: false
  count_limit:
    description:
      - Up to how many entries of a map O(count_entries) counts.
    type: int
    default: 1000000
seealso:
  - module: ebpf.pinning.bpffs_mount
  - module: ebpf.pinning.bpf_restore
  - module: ebpf.pinning.bpf_map_pinned
  - module: ebpf.pinning.bpf_program_pinned
  - module: ebpf.pinning.bpf_link_pinned
  - module: ebpf.pinning.bpf_object_pinned
  - module: ebpf.pinning.bpf_pin_absent
  - module: ebpf.pinning.bpf_host_info
  - name: Which part do I use
    description: >-
      Whether this or a playbook, a role, or a module for one thing; docs/which-part.md of the
      collection.
    link: https://example.org/ebpf.pinning/docs/which-part.html
  - name: Changing a map that is in use
    description: Step by step, and what can be migrated; docs/migration.md of the collection.
    link: https://example.org/ebpf.pinning/docs/migration.html
  - name: What is in a map
    description: >-
      From commands to declared entries, and every format; docs/entries.md of the collection.
    link: https://example.org/ebpf.pinning/docs/entries.html
  - name: Programs
    description: >-
      From a script that loads to a declaration, and how an upgrade goes; docs/programs.md of
      the collection.
    link: https://example.org/ebpf.pinning/docs/programs.html
  - name: "Links: programs stay attached"
    description: What happens when, and all attach types; docs/links.md of the collection.
    link: https://example.org/ebpf.pinning/docs/links.html
  - name: After a reboot
    description: What comes back, and when; docs/reboot.md of the collection.
    link: https://example.org/ebpf.pinning/docs/reboot.html
  - name: "Drift: what is not as declared, over all hosts"
    description: >-
      How to be told by a check of all hosts; docs/drift.md of the collection.
    link: https://example.org/ebpf.pinning/docs/drift.html
"""

EXAMPLES = r"""
- name: Ensure that the agent finds its directory, its maps, and nothing else
  ebpf.pinning.bpf_host:
    mounts:
      - mode: "0711"
    directories:
      - path: /sys/fs/bpf/agent
        group: adm
        mode: "0750"
    directory: /sys/fs/bpf/agent
    maps:
      - name: flows
        type: lru_hash
        key_size: 16
        value_size: 8
        max_entries: 65536
        group: adm
        mode: "0640"
    objects:
      - path: /sys/fs/bpf/flows
        source: /sys/fs/bpf/agent/flows
    absent:
      - path: [/sys/fs/bpf/flows_of_last_year]
    prune:
      directory: /sys/fs/bpf/agent

- name: Ensure that a firewall is filled, loaded and attached, now and after each boot
  ebpf.pinning.bpf_host:
    directory: /sys/fs/bpf/firewall
    maps:
      - name: blocklist
        type: lpm_trie
        key_size: 8
        value_size: 4
        max_entries: 1024
        key_format: cidr4
        value_format: u32
        entries_mode: exact
        entries:
          - {key: 198.51.100.0/24, value: 1}
    programs:
      - object: /usr/local/lib/bpf/firewall.bpf.o
        globals:
          dry_run: false
    links:
      - name: eth0
        program: /sys/fs/bpf/firewall/drop
        attach:
          type: xdp
          interface: eth0
    at_boot: true

- name: Ensure that the agent starts after its map is back, and that the map grew with its entries
  ebpf.pinning.bpf_host:
    directory: /sys/fs/bpf/agent
    maps:
      - name: flows
        type: lru_hash
        key_size: 16
        value_size: 8
        max_entries: 131072
    on_mismatch: migrate
    at_boot: true
    at_boot_options:
      before: [agent.service]

- name: Let the host put the firewall back no longer, and detach it
  ebpf.pinning.bpf_host:
    directory: /sys/fs/bpf/firewall
    links:
      - name: eth0
        state: absent
    at_boot: false

- name: Tell what is in the directory of the agent and not declared, and remove nothing
  ebpf.pinning.bpf_host:
    directory: /sys/fs/bpf/agent
    maps:
      - name: flows
        type: lru_hash
        key_size: 16
        value_size: 8
        max_entries: 65536
    prune:
      directory: /sys/fs/bpf/agent
      report_only: true
  register: bpf

- name: Show it
  ansible.builtin.debug:
    msg: "{{ bpf.undeclared | map(attribute='path') }}"
"""

RETURN = r"""
mounts:
  description:
    - The mounts, in the order of the task, each with C(action), C(target), C(mount), C(drift) and
      C(dropped) as M(ebpf.pinning.bpffs_mount) returns them.
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  sample: []
directories:
  description: The directories, those above before those below.
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  contains:
    path:
      description: Path of the directory.
      type: str
      sample: /sys/fs/bpf/agent
    action:
      description:
        - What was done, or in check mode would be, V(created), V(adjusted) or V(unchanged).
          V(incompatible) means that nothing could be done, V(failed) that the kernel refused, and
          V(not_done) that something before failed.
      type: str
      sample: created
    drift:
      description: What was not as declared; for each field C(field), C(want) and C(have).
      type: list
      elements: dict
      sample: []
    error:
      description: What the kernel refused, and what to do about it.
      returned: when it failed at this directory
      type: str
maps:
  description:
    - The maps, in the order of the task, each as in
      RV(ebpf.pinning.bpf_map_pinned#module:maps).
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  sample: []
programs:
  description:
    - The programs, in the order of the task, each as in
      RV(ebpf.pinning.bpf_program_pinned#module:programs). Their maps are in RV(maps), after those
      of O(maps).
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  sample: []
links:
  description:
    - The links, in the order of the task, each as in RV(ebpf.pinning.bpf_link_pinned#module:links).
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  sample: []
objects:
  description:
    - The second pins, in the order of the task, each as in
      RV(ebpf.pinning.bpf_object_pinned#module:objects).
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  sample: []
absent:
  description:
    - Pins that were removed, or were not there, each as in
      RV(ebpf.pinning.bpf_pin_absent#module:pins), and directories that were removed, of C(type)
      V(directory).
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  sample: []
spared:
  description: What O(absent) and O(prune) left, and why.
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  sample: [{"path": "/sys/fs/bpf/agent/link", "reason": "a link, which is never pruned"}]
undeclared:
  description:
    - Pins that are not declared, where O(prune.report_only) asks for them, each as in
      RV(ebpf.pinning.bpf_pin_absent#module:pins).
  returned: success
  type: list
  elements: dict
  sample: []
counts:
  description: For each list that is declared, how many items there are of each action.
  returned: always, unless the arguments are at fault
  type: dict
  sample: {"maps": {"created": 1, "unchanged": 0}}
at_boot:
  description:
    - What was done for O(at_boot), or in check mode would be, C(files), C(manifests), C(sandbox)
      and C(service) as M(ebpf.pinning.bpf_restore) returns them. V(null) when O(at_boot) is left
      out.
  returned: always, unless the arguments are at fault
  type: dict
  sample: null
made:
  description: Directories that were made on the way, undeclared.
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: []
leftovers:
  description: Staging directories of killed runs that were cleared away.
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: []
files:
  description: Files that were written, such as C(/etc/fstab).
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: []
health:
  description:
    - What is the matter with the pins in the directories of those that are declared, as in
      RV(ebpf.pinning.bpf_pin_info#module:health), and C(pins), the maps and programs there, each
      with C(path), C(type), C(memlock), and, with O(count_entries), C(entries), C(max_entries) and
      C(has_more_entries).
    - V(null), with a reason in RV(cautions), where not all processes can be seen.
  returned: with O(health) or O(count_entries)
  type: dict
  contains:
    pins:
      description: The maps and programs.
      type: list
      elements: dict
      sample: [{"path": "/sys/fs/bpf/agent/flows", "type": "map", "memlock": 4096}]
    memlock:
      description: Memory of all maps and programs in bytes, each counted once.
      type: int
      sample: 4096
    unused:
      description: Pins whose object nobody else has.
      type: list
      elements: str
      sample: []
    severed:
      description: Links that are attached to nothing any more.
      type: list
      elements: str
      sample: []
    unattached:
      description: Programs that are attached nowhere.
      type: list
      elements: str
      sample: []
    mounts:
      description: BPF file systems that are hidden, stacked or misplaced.
      type: list
      elements: dict
      sample: []
    looked_at:
      description: Where programs could have been attached.
      type: list
      elements: str
      sample: []
    unseen:
      description: Where users of pins may be that cannot be seen, and why.
      type: list
      elements: str
      sample: []
  sample: null
cautions:
  description:
    - Warnings of what others can do to the pins, whatever their modes say. They are in the drift
      report.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import (
    ABSENCE,
    ACCESS,
    DIRECTORY,
    GROWTHS,
    LINK,
    MAP,
    MISMATCHES,
    MOUNT_AT_BOOT,
    MOUNTED,
    OBJECT,
    PROGRAMS,
    PRUNE,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.host import run


def main() -> None:
    """Run the module."""
    lists = {
        "mounts": MOUNTED,
        "directories": DIRECTORY,
        "maps": MAP,
        "programs": PROGRAMS,
        "links": LINK,
        "objects": OBJECT,
        "absent": ABSENCE,
    }
    module = PinningModule(
        argument_spec={
            **{
                name: {"type": "list", "elements": "dict", "options": options}
                for name, options in lists.items()
            },
            "prune": {"type": "dict", "options": PRUNE},
            "directory": {"type": "path", "default": "/sys/fs/bpf"},
            **ACCESS,
            "on_mismatch": {"type": "str", "choices": MISMATCHES, "default": "fail"},
            "value_growth": {"type": "str", "choices": GROWTHS, "default": "refuse"},
            "parents": {"type": "bool", "default": True},
            "health": {"type": "bool", "default": False},
            "count_entries": {"type": "bool", "default": False},
            "count_limit": {"type": "int", "default": 1000000},
            "at_boot": {"type": "bool"},
            "at_boot_options": {
                "type": "dict",
                "options": {
                    "name": {"type": "str"},
                    "mounts": {"type": "list", "elements": "dict", "options": MOUNT_AT_BOOT},
                    "python": {"type": "path"},
                    "before": {"type": "list", "elements": "str"},
                },
            },
        },
        told_elsewhere=list(lists.keys() - {"directories"}),
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
