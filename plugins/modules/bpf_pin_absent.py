#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure that BPF pins are gone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_pin_absent
short_description: Ensure that BPF pins are gone
version_added: 0.1.0
description:
  - Removes pins by path, or prunes a directory of all pins that are not declared.
  - Removing a pin drops its reference to the map, program or link. When that was the last one,
    the kernel frees the object; a link then detaches its program. RV(pins[].last_reference) says
    which it was.
  - Everything is looked at before the first pin is removed. What is not in a BPF file system,
    or is not a pin, is never touched; the kernel's own C(maps.debug) and C(progs.debug) are left
    alone.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
options:
  path:
    description:
      - Paths that are to be free. A path where nothing is, is fine.
      - Exactly one of O(path) and O(directory) is required.
    type: list
    elements: path
  directory:
    description:
      - A directory to prune. Only pins go; directories, symlinks and whatever else is there stay
        and are listed in RV(spared).
      - Requires O(keep) or O(patterns), so that nothing is emptied by an oversight.
    type: path
  keep:
    description:
      - Names of the pins in O(directory) that stay; for those in subdirectories V(sub/name).
        Whole paths are taken too; those elsewhere keep nothing here. V([]) keeps none.
    type: list
    elements: str
  patterns:
    description:
      - Shell patterns. Only pins whose name matches one of them are pruned. Not to be empty.
    type: list
    elements: str
  type:
    description:
      - With O(path), a guard. When one of the paths holds an object of another type, the task
        fails and removes nothing.
      - With O(directory), the type to prune. V(any) prunes maps and programs; links only go with
        V(link), since removing one may detach a running program.
    type: str
    choices: [any, map, prog, link]
    default: any
  recurse:
    description:
      - With O(path), remove directories too, with all pins below them. Refused when something
        that is not a pin is in there.
      - With O(directory), prune subdirectories as well. The directories themselves stay.
    type: bool
    default: false
  prune_shared:
    description:
      - Allow pruning O(directory=/sys/fs/bpf) itself, where other software of the host keeps its
        pins.
    type: bool
    default: false
  unused:
    description:
      - Remove only pins whose object nobody else has, be it a process, another pin, a link, a
        program or a map. What somebody has stays, and RV(spared) says who. What cannot be known
        counts as used.
      - Refused where not all processes can be looked at, as in a container, or without root.
    type: bool
    default: false
    version_added: 0.2.0
  severed:
    description:
      - Remove only links that are attached to nothing any more, as their target is gone or somebody
        detached them. With O(directory), O(type) need not be V(link) for that.
      - A link that a process has open stays, and this is refused as with O(unused).
    type: bool
    default: false
    version_added: 0.2.0
  older_than:
    description:
      - Remove only what is older than this, such as V(7d), V(12h), V(30m) or V(1d12h). That is when
        a program was loaded, and when other pins were made or last changed owner, mode or name.
      - What a process has open stays, however old it is, and this is refused as with O(unused).
    type: str
    version_added: 0.2.0
seealso:
  - module: ebpf.pinning.bpf_host
  - module: ebpf.pinning.bpf_link_pinned
  - module: ebpf.pinning.bpf_pin_info
  - name: "Health: what is full, what is dead, what nobody uses"
    description: >-
      What is full, severed, unused or hidden, and what to do; docs/health.md of the collection.
    link: https://example.org/ebpf.pinning/docs/health.html
  - name: From shell to declaration
    description: >-
      Each habit of the shell, and the task in its place; docs/from-shell.md of the collection.
    link: https://example.org/ebpf.pinning/docs/from-shell.html
"""

EXAMPLES = r"""
- name: Ensure that two pins are gone, and that they are maps
  ebpf.pinning.bpf_pin_absent:
    path:
      - /sys/fs/bpf/flows
      - /sys/fs/bpf/agent/events
    type: map

- name: Keep only the declared maps of the agent
  ebpf.pinning.bpf_pin_absent:
    directory: /sys/fs/bpf/agent
    keep:
      - packet_counts
      - events
    type: map

- name: Remove what an uninstalled tool left behind
  ebpf.pinning.bpf_pin_absent:
    path: /sys/fs/bpf/oldtool
    recurse: true

- name: Remove the maps that a crashed gateway left, if nobody uses them
  ebpf.pinning.bpf_pin_absent:
    directory: /sys/fs/bpf/gateway
    patterns: ["flows_*"]
    type: map
    unused: true

- name: Detach the program of a link that nobody declares any more
  ebpf.pinning.bpf_pin_absent:
    path: /sys/fs/bpf/oldlinks/eth0
    type: link

- name: Remove the maps of last year from the directory that all software shares
  ebpf.pinning.bpf_pin_absent:
    directory: /sys/fs/bpf
    patterns: ["*_of_last_year"]
    type: map
    prune_shared: true

- name: Remove links whose interface or cgroup is gone, once they are a week old
  ebpf.pinning.bpf_pin_absent:
    directory: /sys/fs/bpf/agent
    keep: []
    severed: true
    older_than: 7d
"""

RETURN = r"""
pins:
  description: The pins that were removed, or in check mode would be, and the paths that were free.
  returned: success, and when the task fails in the middle of its work
  type: list
  elements: dict
  contains:
    path:
      description: Path of the pin.
      type: str
      sample: /sys/fs/bpf/flows
    action:
      description: V(removed) or V(missing).
      type: str
      sample: removed
    type:
      description: What the pin held, V(map), V(prog) or V(link). V(null) for a free path.
      type: str
      sample: map
    id:
      description: Id of the object in the kernel.
      type: int
      sample: 42
    name:
      description: The kernel's name of the object. Empty for links.
      type: str
      sample: flows
    last_reference:
      description:
        - Whether the kernel freed the object. V(false) means that a program, a process or
          another pin still holds it.
        - V(null) in check mode, and where the user of the task may not ask (C(CAP_SYS_ADMIN)).
      type: bool
      sample: true
    memlock:
      description:
        - Memory of the map or program in bytes, as the kernel estimates it. V(null) for links and
          free paths.
      type: int
      sample: 4096
      version_added: 0.2.0
directories:
  description: Directories that were removed.
  returned: success, and when the task fails in the middle of its work
  type: list
  elements: str
  sample: []
spared:
  description: >-
    What was left alone while pruning, or since a condition such as O(unused) is not true of it,
    each with C(path) and C(reason).
  returned: success, and when the task fails in the middle of its work
  type: list
  elements: dict
  sample:
    - path: /sys/fs/bpf/agent/xdp_link
      reason: "a link of type xdp (id 7, program 42): links are pruned only with type: link"
counts:
  description: How many pins were C(removed), C(missing) and C(spared).
  returned: success, and when the task fails in the middle of its work
  type: dict
  sample: {"removed": 1, "missing": 0, "spared": 0}
freed:
  description:
    - The memory in bytes of all maps and programs of which the last reference is gone.
    - V(null) in check mode without O(unused), and where the user of the task may not ask.
  returned: success, and when the task fails in the middle of its work
  type: int
  sample: 4096
  version_added: 0.2.0
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import ABSENCE
from ansible_collections.ebpf.pinning.plugins.module_utils._module.absence import run
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec=ABSENCE,
        mutually_exclusive=[["path", "directory"], ["path", "keep"], ["path", "patterns"]],
        required_one_of=[["path", "directory"], ["path", "keep", "patterns"]],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
