#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write what hosts are like as files of variables. All of it is done by the action plugin."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_host_files
short_description: Write what is pinned on hosts as files of variables
version_added: 0.2.0
description:
  - Takes what M(ebpf.pinning.bpf_host_info) has told of each host of the play, and writes it on the
    controller as variables of the playbooks C(ebpf.pinning.provision) and C(ebpf.pinning.drift),
    which find nothing to do with them.
  - What all hosts of a group have in common is written once, to C(group_vars), and the rest to
    C(host_vars). A group counts if all its hosts have answered; the largest one first.
  - Files that are there are never overwritten, unless O(overwrite) says so. If one is in the way,
    none is written. Where C(group_vars/NAME) is a directory, the file is C(bpf.yml) in it.
  - It is run once for all hosts, with C(run_once).
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
attributes:
  check_mode:
    details: Tells which files would be written.
  diff_mode:
    details: Shows the files, but not those that hold entries of maps.
options:
  registered:
    description:
      - The name of the variable that M(ebpf.pinning.bpf_host_info) was registered in.
    type: str
    default: bpf_adopted
  directory:
    description:
      - The directory on the controller that C(group_vars) and C(host_vars) are in, or are to be.
      - Without it, that of the inventory.
    type: str
  overwrite:
    description:
      - Replace files that are there.
    type: bool
    default: false
seealso:
  - module: ebpf.pinning.bpf_host_info
  - name: You already have pins
    description: >-
      From pins made by hand to declared ones, in two commands; docs/adopting.md of the
      collection.
    link: https://example.org/ebpf.pinning/docs/adopting.html
"""

EXAMPLES = r"""
- name: Ask each host for the declaration of what is there
  ebpf.pinning.bpf_host_info:
  register: bpf_adopted

- name: See which files would be written of it
  ebpf.pinning.bpf_host_files:
    directory: /tmp/adopted
  run_once: true
  check_mode: true
"""

RETURN = r"""
files:
  description: The files, each with C(path) and C(action), V(created), V(replaced) or V(unchanged).
  returned: success
  type: list
  elements: dict
  sample: [{"path": "/etc/ansible/group_vars/edge.yml", "action": "created"}]
undeclarable:
  description: What is on hosts and in no file, each with C(path), C(reason) and C(hosts).
  returned: success
  type: list
  elements: dict
  sample: []
remarks:
  description:
    - What is in a file, but not all of it or not for long, each with C(path), C(remark), C(hosts).
  returned: success
  type: list
  elements: dict
  sample: []
"""
