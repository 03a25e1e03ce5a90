#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure that a host can restore its BPF pins."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_restore
short_description: Ensure that a host can restore its BPF pins
version_added: 0.1.0
description:
  - Pins do not survive a restart. This writes a manifest of what is declared on the host, mounts,
    directories, maps, programs, links and second pins, and the command C(ebpf-pinning), which puts
    back what is missing. The command is the core of this collection, the same files that the
    modules run, and needs Python alone, and libbpf to load programs.
  - Object files and lists of entries that the controller sends are kept on the host beside the
    manifest, root's alone. At boot each has to be what was declared, to the last byte.
  - To have it run at boot, set O(service), or have the init of the host run
    C(/usr/local/lib/ebpf-pinning/ebpf-pinning restore) once the BPF file systems are mounted and
    before network programs are loaded.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
options:
  name:
    description:
      - Name of the manifest, without control characters and at most 200 bytes long. A host may
        have many, one for each declaration.
    type: str
    required: true
  state:
    description:
      - V(present) writes the manifest, and the command. V(absent) removes the manifest, and with
        the last one the command.
    type: str
    choices: [present, absent]
    default: present
  maps:
    description:
      - The maps, each with the options of O(ebpf.pinning.bpf_map_pinned#module:maps).
        C(on_mismatch) and C(value_growth) do not count, since nothing is ever replaced at boot.
    type: list
    elements: dict
    default: []
  mounts:
    description:
      - The BPF file systems, each with C(path) and the options C(mode), C(owner), C(group), C(opts)
        and C(delegate_*) of M(ebpf.pinning.bpffs_mount).
    type: list
    elements: dict
    default: []
  directories:
    description:
      - The directories of a BPF file system, each with C(path) and the options C(owner), C(group)
        and C(mode) of O(ebpf.pinning.bpf_host#module:directories). What is missing above them is
        made.
    type: list
    elements: dict
    default: []
    version_added: 0.2.0
  programs:
    description:
      - The programs, each item with the options of
        O(ebpf.pinning.bpf_host#module:programs). They are loaded once all maps are back, from a
        copy of the object file that the host keeps. C(on_mismatch) and C(value_growth) do not
        count.
    type: list
    elements: dict
    default: []
    version_added: 0.2.0
  links:
    description:
      - The links, each with the options of O(ebpf.pinning.bpf_link_pinned#module:links). They are
        attached when what they are attached to is there; with O(service), a link to an interface
        whenever that appears. C(on_mismatch) does not count.
    type: list
    elements: dict
    default: []
    version_added: 0.2.0
  objects:
    description:
      - The second pins, each with the options of
        O(ebpf.pinning.bpf_object_pinned#module:objects). They are made when all maps are back.
        C(on_mismatch) does not count. Ids change with a restart, so name the object by C(source),
        C(map_name), C(prog_name) or C(prog_tag).
    type: list
    elements: dict
    default: []
    version_added: 0.2.0
  directory:
    description:
      - The directory for O(maps) and O(objects) that name no other.
    type: path
    default: /sys/fs/bpf
  owner:
    description: Owner of the pins.
    type: str
  group:
    description: Group of the pins.
    type: str
  mode:
    description: Permission bits of the pins, quoted, like V("0640").
    type: raw
  manifests:
    description:
      - The directory that manifests are kept in.
      - It is refused where anybody but root could change what is in it. So is a directory above, be
        it sticky like C(/tmp), and a symlink of another user.
    type: path
    default: /etc/ebpf-pinning/restore.d
  library:
    description:
      - The directory of the command. It has to be root's in the same way as O(manifests).
    type: path
    default: /usr/local/lib/ebpf-pinning
  python:
    description:
      - The interpreter of the command. It has to be root's in the same way as O(manifests), with
        the standard library beside it, and its path has no blanks.
    type: path
    default: /usr/bin/python3
  service:
    description:
      - Has systemd run the command at boot, by the unit C(ebpf-pinning-restore.service), and once
        when what is declared has changed. The unit goes with the last manifest.
      - Does nothing on a host that systemd does not run.
    type: bool
    default: false
    version_added: 0.2.0
  before:
    description:
      - Services that are to start once all is back, like V(agent.service). Each gets a drop-in that
        orders it after C(ebpf-pinning.target), and has it fail to start while a pin of this
        declaration is missing. Drop-ins go with the declaration, or when a service is named no
        longer.
      - Counts with O(service).
    type: list
    elements: str
    default: []
    version_added: 0.2.0
seealso:
  - module: ebpf.pinning.bpf_host
  - module: ebpf.pinning.bpf_map_pinned
  - module: ebpf.pinning.bpffs_mount
  - name: Which part do I use
    description: >-
      When bpf_host or a role does this for you; docs/which-part.md of the collection.
    link: https://example.org/ebpf.pinning/docs/which-part.html
  - name: After a reboot
    description: What comes back, and when; docs/reboot.md of the collection.
    link: https://example.org/ebpf.pinning/docs/reboot.html
"""

EXAMPLES = r"""
- name: Let the host put the maps of the agent back by itself
  ebpf.pinning.bpf_restore:
    name: agent
    directory: /sys/fs/bpf/agent
    maps:
      - name: flows
        type: lru_hash
        key_size: 16
        value_size: 8
        max_entries: 65536

- name: Have systemd put a whole declaration back, and start the agent after that
  ebpf.pinning.bpf_restore:
    name: firewall
    service: true
    before: [agent.service]
    directory: /sys/fs/bpf/firewall
    mounts:
      - path: /sys/fs/bpf
        mode: "0711"
    directories:
      - path: /sys/fs/bpf/firewall
        group: adm
        mode: "0750"
    maps:
      - name: blocklist
        type: lpm_trie
        key_size: 8
        value_size: 4
        max_entries: 1024
        key_format: cidr4
        value_format: u32
        entries:
          - {key: 198.51.100.0/24, value: 1}
    programs:
      - object: /usr/local/lib/bpf/firewall.bpf.o
    links:
      - name: eth0
        program: /sys/fs/bpf/firewall/drop
        attach:
          type: xdp
          interface: eth0
    objects:
      - path: /sys/fs/bpf/blocklist
        source: /sys/fs/bpf/firewall/blocklist

- name: Let it do so no longer
  ebpf.pinning.bpf_restore:
    name: agent
    state: absent
"""

RETURN = r"""
files:
  description: The files that were written or removed, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Path of the file.
      type: str
      sample: /etc/ebpf-pinning/restore.d/agent.json
    action:
      description: V(written) or V(removed).
      type: str
      sample: written
manifests:
  description: The names of all manifests that O(manifests) holds then.
  returned: success
  type: list
  elements: str
  sample: [agent.json]
service:
  description:
    - What C(systemctl) did, or in check mode would do. V(null) without O(service), or where systemd
      does not run the host.
  returned: success
  type: list
  elements: str
  sample: [daemon-reload, enable ebpf-pinning-restore.service, restart ebpf-pinning-restore.service]
sandbox:
  description:
    - What a unit that runs the command has to be allowed beside what every one needs. V(null) with
      O(state=absent).
  returned: success
  type: dict
  contains:
    writable:
      description: The mounts that hold the pins.
      type: list
      elements: str
      sample: [/sys/fs/bpf]
    capabilities:
      description: Capabilities that only some maps need.
      type: list
      elements: str
      sample: []
    network:
      description:
        - Whether it has to see the interfaces of the host, since entries of a devmap name some.
      type: bool
      sample: false
      version_added: 0.2.0
    loads:
      description: Whether it loads programs.
      type: bool
      sample: false
      version_added: 0.2.0
    links:
      description: Whether it attaches programs to something other than an interface of the host.
      type: bool
      sample: false
      version_added: 0.2.0
    interfaces:
      description: The interfaces of the host that it attaches programs to.
      type: list
      elements: str
      sample: [eth0]
      version_added: 0.2.0
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import ACCESS
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.at_boot import (
    DEFAULT_LIBRARY,
    DEFAULT_MANIFESTS,
    DEFAULT_PYTHON,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._module.restore import run


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **{
                name: {"type": "list", "elements": "dict", "default": []}
                for name in ("mounts", "directories", "maps", "programs", "links", "objects")
            },
            "directory": {"type": "path", "default": "/sys/fs/bpf"},
            **ACCESS,
            "manifests": {"type": "path", "default": DEFAULT_MANIFESTS},
            "library": {"type": "path", "default": DEFAULT_LIBRARY},
            "python": {"type": "path", "default": DEFAULT_PYTHON},
            "service": {"type": "bool", "default": False},
            "before": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
