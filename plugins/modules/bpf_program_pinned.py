#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure that the programs of an object file are loaded and pinned."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_program_pinned
short_description: Ensure that the programs of an object file are loaded and pinned
version_added: 0.2.0
description:
  - Loads the programs of an object file into the kernel, with the maps that are pinned, and pins
    them. Does not attach them.
  - Loads nothing if the pins hold programs that were loaded from the same file, with the same
    values of variables and the same maps. A program of which nobody knows where it is from is
    replaced.
  - All programs of the file are loaded before the first name changes. What the verifier refuses
    leaves everything as it was.
  - In check mode nothing is loaded, so what only the verifier knows is not promised.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
  - ebpf.pinning.pins
requirements:
  - libbpf 0.3 or newer on the managed node, as C(libbpf.so.1) or C(libbpf.so.0)
options:
  object:
    description:
      - Absolute path of the object file, as C(clang -g -target bpf) makes it.
      - On the managed node it is root's, or that of the user of the task, and nobody else may
        write to it, nor to a directory on the way.
    type: path
  remote_src:
    description:
      - V(false) sends a file of the controller, looked for as C(ansible.builtin.copy) does.
    type: bool
    default: true
  programs:
    description:
      - The programs to load. All of the file when left out, but those of sections that begin with a
        question mark.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the program, which is that of its function.
        type: str
        required: true
      pin:
        description: Name of its pin in O(directory). That of the program when left out.
        type: str
      autoload:
        description: V(false) leaves it out, so that a variable can decide.
        type: bool
  directory:
    description: Absolute path of the directory, in a BPF file system, for the pins of programs.
    type: path
    default: /sys/fs/bpf
  maps:
    description:
      - Which map of the file is which pin, by the name of the map. A pin is the path, or a name
        in O(maps_directory). Maps with C(LIBBPF_PIN_BY_NAME) have pins of their names.
      - A pinned map that fits is used as it is, and one that is not there is made. Maps without a
        pin are made anew with each load.
    type: dict
  maps_directory:
    description:
      - Absolute path of the directory, in a BPF file system, for the pins of maps. It is
        O(directory) when left out.
    type: path
  globals:
    description:
      - Values of global variables by name, of the sections C(.rodata), C(.data) and C(.bss). How
        they are written follows from their types, as for
        O(ebpf.pinning.bpf_map_pinned#module:entries).
      - They are in no result.
    type: dict
  kernel_btf:
    description:
      - Path of the BTF of the kernel, for one that does not have its own in C(/sys/kernel/btf).
    type: path
  log_level:
    description: How much the verifier says. More than V(0) is for when it refuses a program.
    type: int
    choices: [0, 1, 2]
  owner:
    description:
      - Name or number of the user that owns the pins of the programs. Left as it is when left out.
      - Pins, and directories on the way, are taken only of root, of the user of the task, and of
        this user.
    type: str
  group:
    description: Name or number of the group of these pins. Left as it is when left out.
    type: str
  mode:
    description:
      - Permission bits of these pins, in octal and quoted, like V("0640"). Left as they are when
        left out; the kernel makes pins with V("0600").
    type: raw
  on_mismatch:
    description:
      - What to do with a pinned map that is not as the file defines it, see
        O(ebpf.pinning.bpf_map_pinned#module:on_mismatch). It is V(fail) when left out.
    type: str
    choices: [fail, replace, migrate]
  value_growth:
    description:
      - What V(migrate) does where values are shorter than defined, see
        O(ebpf.pinning.bpf_map_pinned#module:value_growth).
    type: str
    choices: [refuse, zero_pad]
  state:
    description:
      - V(absent) removes the pins of the programs, the last first. Maps stay. A program that is
        attached, or that a process holds, goes on.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: ebpf.pinning.bpf_map_pinned
  - module: ebpf.pinning.bpf_link_pinned
  - module: ebpf.pinning.bpf_preflight
  - module: ebpf.pinning.bpf_host
  - name: Programs
    description: >-
      From a script that loads to a declaration, and how an upgrade goes; docs/programs.md of
      the collection.
    link: https://example.org/ebpf.pinning/docs/programs.html
  - name: "Links: programs stay attached"
    description: How to attach what is pinned here; docs/links.md of the collection.
    link: https://example.org/ebpf.pinning/docs/links.html
  - name: Security
    description: >-
      Whose object files are taken, and what loads them; docs/security.md of the collection.
    link: https://example.org/ebpf.pinning/docs/security.html
"""

EXAMPLES = r"""
- name: Ensure that the programs of the firewall are loaded, with the blocklist that others fill
  ebpf.pinning.bpf_program_pinned:
    object: /usr/local/lib/bpf/firewall.bpf.o
    directory: /sys/fs/bpf/firewall
    maps:
      blocklist: /sys/fs/bpf/firewall/blocklist
    globals:
      dry_run: true

- name: Ensure that one program of a file of the controller is loaded, under another name
  ebpf.pinning.bpf_program_pinned:
    object: firewall.bpf.o
    remote_src: false
    directory: /sys/fs/bpf/trial
    programs:
      - name: drop
        pin: drop_on_trial

- name: Ensure that a new build is loaded, and that what is in its maps comes along
  ebpf.pinning.bpf_program_pinned:
    object: /usr/local/lib/bpf/firewall-2.bpf.o
    directory: /sys/fs/bpf/firewall
    maps:
      blocklist: /sys/fs/bpf/firewall/blocklist
    on_mismatch: migrate

- name: Ensure that they are not pinned any more
  ebpf.pinning.bpf_program_pinned:
    object: /usr/local/lib/bpf/firewall.bpf.o
    directory: /sys/fs/bpf/firewall
    state: absent
"""

RETURN = r"""
programs:
  description: The programs, in the order of the file or of O(programs).
  returned: when O(state=present), unless the arguments are at fault
  type: list
  elements: dict
  contains:
    path:
      description: Path of the pin.
      type: str
      sample: /sys/fs/bpf/firewall/drop
    name:
      description: Name of the program.
      type: str
      sample: drop
    object:
      description: The object file.
      type: str
      sample: /usr/local/lib/bpf/firewall.bpf.o
    action:
      description:
        - What was done, or in check mode would be, V(created), V(adjusted), V(replaced) or
          V(unchanged). V(incompatible) means that nothing could be done, V(failed) that the kernel
          refused, and V(not_done) that something before failed.
      type: str
      sample: created
    drift:
      description: What was not as declared; for each field C(field), C(want) and C(have).
      type: list
      elements: dict
      sample: []
    id:
      description:
        - Id of the program that is pinned. V(null) in check mode if there would be a new one.
      type: int
      sample: 42
    type:
      description: Type of the program, as bpftool calls it.
      type: str
      sample: xdp
    tag:
      description: Digest of its instructions by the kernel.
      type: str
      sample: a04f5eef06a7f555
    declared:
      description: What is declared of it, in the words of the options.
      returned: when it was not there
      type: dict
      sample: {"object": "/usr/local/lib/bpf/firewall.bpf.o", "program": "drop"}
    error:
      description: What was refused, and what to do about it.
      returned: when it failed at this program
      type: str
maps:
  description:
    - The pinned maps of the file, each as in RV(ebpf.pinning.bpf_map_pinned#module:maps).
  returned: when O(state=present), unless the arguments are at fault
  type: list
  elements: dict
  sample: []
absent:
  description:
    - Pins that were removed, or were not there, each as in
      RV(ebpf.pinning.bpf_pin_absent#module:pins).
  returned: when O(state=absent), unless the arguments are at fault
  type: list
  elements: dict
  sample: []
counts:
  description: For each list, how many items there are of each action.
  returned: always, unless the arguments are at fault
  type: dict
  sample: {"maps": {"created": 1}, "programs": {"created": 1, "unchanged": 0}}
made:
  description: Directories that were made on the way.
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: [/sys/fs/bpf/firewall]
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
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import PROGRAMS
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.programs import run


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec={
            **PROGRAMS,
            "directory": {"type": "path", "default": "/sys/fs/bpf"},
            "parents": {"type": "bool", "default": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[["state", "present", ["object"]]],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
