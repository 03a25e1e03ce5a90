#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure that a BPF file system is mounted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpffs_mount
short_description: Ensure that a BPF file system is mounted
version_added: 0.1.0
description:
  - Ensures that exactly one BPF file system (bpffs) is on top at O(path), with the declared owner,
    mode and flags. A second C(mount -t bpf) on the same directory would succeed and hide all pins
    of the first; this module never makes one.
  - Owner, group, mode and flags are set in place. What a mounted file system cannot change is
    reported and refused.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
options:
  path:
    description:
      - Where it is mounted. Missing directories are made, with mode 0755, outside of sysfs
        and the like.
    type: path
    default: /sys/fs/bpf
  state:
    description:
      - V(mounted) mounts it unless a bpffs is there already.
      - V(unmounted) unmounts it. Refused while it holds pins, which would be lost, unless O(force)
        is set, and while something is mounted in it.
    type: str
    choices: [mounted, unmounted]
    default: mounted
  mode:
    description:
      - Permission bits of the root directory, in octal and quoted, like V("0700"). The kernel
        sets the sticky bit (V("1700")) on every bpffs, and so does this module.
      - Left as they are when left out; a new bpffs then has V("1700"). Others get in only where
        this says so, for example by V("0711").
    type: raw
  owner:
    description: Name or number of the user that owns the root directory.
    type: str
  group:
    description: Name or number of the group of the root directory.
    type: str
  opts:
    description:
      - Flags of the mount that must be set or, by their opposites, must not. Flags that are not
        named are left as they are.
      - Some of V(nosuid), V(suid), V(nodev), V(dev), V(noexec), V(exec), V(ro), V(rw),
        V(noatime), V(relatime), V(strictatime), V(nodiratime), V(diratime), V(nosymfollow),
        V(symfollow).
    type: list
    elements: str
  delegate_cmds:
    description:
      - Commands of the system call C(bpf) that may be delegated to user namespaces with a token, by
        the kernel's names, or V(any). Linux 6.9 or newer.
      - They can only be set when the file system is made, and serve to keep watch on mounts that a
        container manager makes. See the guide "Security".
    type: list
    elements: str
  delegate_maps:
    description: Map types that may be delegated. See O(delegate_cmds).
    type: list
    elements: str
  delegate_progs:
    description: Program types that may be delegated. See O(delegate_cmds).
    type: list
    elements: str
  delegate_attachs:
    description: Attach types that may be delegated. See O(delegate_cmds).
    type: list
    elements: str
  boot:
    description:
      - V(true) keeps exactly one entry for O(path) in O(fstab), V(false) none. When left out, the
        file is left alone, and a warning tells of entries that would mount something over the
        bpffs.
      - systemd mounts C(/sys/fs/bpf) by itself and reads no entry for it, so leave this out there.
        See the guide "After a reboot".
    type: bool
  fstab:
    description: The file for O(boot), by its real path.
    type: path
    default: /etc/fstab
  force:
    description:
      - Unmount even if pins are lost by it (O(state=unmounted)), and mount an empty file system
        anew when its delegation differs.
      - With O(repair), carry pins and unmount what hides others.
    type: bool
    default: false
  repair:
    description:
      - Make one of several BPF file systems that are mounted over one another at O(path). The
        lowest stays, with the pins of all, and no name is missing at any time. Without O(force)
        nothing is changed, and the message says which of them holds what.
    type: bool
    default: false
    version_added: 0.2.0
  keep:
    description:
      - With O(repair), which one has the name where several of them have a pin of one name that
        hold different objects. The other goes, see RV(dropped). When left out, that is refused.
    type: str
    choices: [lowest, topmost]
    version_added: 0.2.0
seealso:
  - module: ebpf.pinning.bpf_map_pinned
  - module: ebpf.pinning.bpf_pin_absent
  - module: ebpf.pinning.bpf_restore
  - name: Security
    description: >-
      Who gets into a bpffs, and what a token may do; docs/security.md of the collection.
    link: https://example.org/ebpf.pinning/docs/security.html
  - name: From shell to declaration
    description: >-
      Each habit of the shell, and the task in its place; docs/from-shell.md of the collection.
    link: https://example.org/ebpf.pinning/docs/from-shell.html
  - name: After a reboot
    description: What comes back, and when; docs/reboot.md of the collection.
    link: https://example.org/ebpf.pinning/docs/reboot.html
  - name: "Health: what is full, what is dead, what nobody uses"
    description: >-
      What is full, severed, unused or hidden, and what to do; docs/health.md of the collection.
    link: https://example.org/ebpf.pinning/docs/health.html
"""

EXAMPLES = r"""
- name: Ensure that the usual bpffs is mounted
  ebpf.pinning.bpffs_mount:

- name: Ensure that it is closed to other users, and mounted at boot without systemd
  ebpf.pinning.bpffs_mount:
    mode: "0700"
    opts: [nosuid, nodev, noexec]
    boot: true

- name: Ensure that an agent has a bpffs of its own
  ebpf.pinning.bpffs_mount:
    path: /run/agent/bpffs
    group: adm
    mode: "0750"

- name: Ensure that a bpffs delegates with a token what its container needs, and no more
  ebpf.pinning.bpffs_mount:
    path: /run/container/bpffs
    delegate_cmds: [map_create, prog_load]
    delegate_maps: [ringbuf]
    delegate_progs: [cgroup_skb]
    delegate_attachs: [cgroup_inet_ingress]

- name: Ensure that fstab has no entry for it, as systemd mounts the usual one
  ebpf.pinning.bpffs_mount:
    boot: false

- name: See which of the BPF file systems over one another holds what, and make one of them
  ebpf.pinning.bpffs_mount:
    repair: true
    force: "{{ have_looked | default(false) }}"

- name: Ensure that the agent's bpffs is gone, unless something is pinned in it
  ebpf.pinning.bpffs_mount:
    path: /run/agent/bpffs
    state: unmounted
"""

RETURN = r"""
action:
  description:
    - What was done, or in check mode would be, V(mounted), V(adjusted), V(unmounted) or
      V(unchanged). O(boot) does not count.
  returned: success
  type: str
  sample: unchanged
target:
  description: The path that was looked at.
  returned: success
  type: str
  sample: /sys/fs/bpf
mount:
  description:
    - The file system as it is now. In check mode, as it was found, with the declared values in
      place of those that differ. V(null) when it is not mounted.
  returned: success
  type: dict
  contains:
    path:
      description: Where it is mounted.
      type: str
      sample: /sys/fs/bpf
    source:
      description: The source that was given when it was mounted; free text.
      type: str
      sample: bpf
    opts:
      description: The flags that are set.
      type: list
      elements: str
      sample: [nodev, noexec, nosuid, relatime]
    mode:
      description: Permission bits of the root directory.
      type: str
      sample: "1700"
    owner:
      description: Owner of the root directory.
      type: str
      sample: root
    group:
      description: Group of the root directory.
      type: str
      sample: root
    delegate:
      description: What is delegated, by C(cmds), C(maps), C(progs) and C(attachs).
      type: dict
      sample: {"cmds": [], "maps": [], "progs": [], "attachs": []}
    pins:
      description: Number of pins in it. V(null) where they cannot be listed.
      type: int
      sample: 12
drift:
  description:
    - What was not as declared; for each field C(field), C(want) and C(have). For C(boot) these are
      lines of O(fstab). Without O(boot) such lines are reported, and stay.
  returned: success
  type: list
  elements: dict
  sample: [{"field": "mode", "want": "1700", "have": "1777"}]
carried:
  description: Pins that were made in the lowest file system, as they were in one above.
  returned: with O(repair)
  type: list
  elements: str
  sample: []
  version_added: 0.2.0
dropped:
  description:
    - Pins that were in the file system that was unmounted, or with O(repair) those that another pin
      of that name has taken the place of.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import MOUNTED
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.mounts import run


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec=MOUNTED,
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
