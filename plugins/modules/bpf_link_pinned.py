#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure that a pinned BPF program is attached by a pinned link."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_link_pinned
short_description: Ensure that a pinned BPF program is attached by a pinned link
version_added: 0.2.0
description:
  - Ensures that a program, which is pinned already, is attached to an interface, a cgroup, a
    tracepoint or another target, by a link that is pinned at O(directory)/O(name). The program
    stays attached when the task has ended.
  - A link that holds another program is updated in place, so that no packet passes without one. A
    link that was severed, since its interface or cgroup went, is made anew.
  - Programs of others are never displaced. An interface with XDP of somebody else is refused, and
    the message says whose it is.
  - Takes one link, or any number with O(links) in one call. All are looked at and decided about
    before the first program is attached.
  - 'In short, C(ebpf.pinning.bpf_link_pinned: {path: /sys/fs/bpf/eth0, program: /sys/fs/bpf/drop,
    attach: {type: xdp, interface: eth0}}). Examples of all that it does stand behind the options.'
author:
  - ebpf.pinning contributors (@ebpf-pinning)
extends_documentation_fragment:
  - ebpf.pinning.attributes
  - ebpf.pinning.pins
options:
  links:
    description:
      - The links to pin. Each item takes the options that a single link takes.
      - O(directory), O(owner), O(group), O(mode) and O(on_mismatch) of the task are defaults for
        all items.
    type: list
    elements: dict
    suboptions:
      name: &name
        description:
          - Name of the pin. bpffs takes no dots, and 255 bytes at most.
        type: str
      path: &path
        description:
          - The whole path of the pin, in place of O(directory) and O(name).
        type: path
      directory:
        description:
          - Absolute path of a directory in a BPF file system.
        type: path
      program: &program
        description:
          - Path of the pin of the program; of the pin of a map of type struct_ops for
            O(attach.type=struct_ops).
          - Taken only of root and of the user of the task. Required unless O(state=absent).
        type: path
      attach: &attach
        description:
          - What the program is attached to. Required unless O(state=absent).
        type: dict
        suboptions:
          type:
            description:
              - The attach type, such as V(xdp), V(tcx_ingress), V(cgroup_inet4_connect),
                V(sk_lookup), V(netfilter) or V(fentry). The guide on links has the table of all,
                with what each needs and the first Linux that has it.
            type: str
            required: true
          interface:
            description: Name of a network interface, for XDP, tcx and netkit.
            type: str
          namespace:
            description:
              - The network namespace of O(attach.interface), or the one that is meant itself. A
                name as C(ip netns) has it, or a path.
              - That of the task when left out.
            type: str
          mode:
            description:
              - How XDP runs. The kernel chooses when left out, and then it is not compared.
            type: str
            choices: [native, generic, offload]
          before:
            description:
              - Path of the pin of a program or link on the same hook, which is to run after this
                one. For tcx and netkit, and since Linux 6.17 for cgroups.
            type: path
          after:
            description: The same, which is to run before this one.
            type: path
          cgroup:
            description: Absolute path of a cgroup of version 2.
            type: path
          pf:
            description: Protocol family, for netfilter.
            type: str
            choices: [ipv4, ipv6]
          hook:
            description: The hook of netfilter.
            type: str
            choices: [prerouting, input, forward, output, postrouting]
          priority:
            description: When it runs among what else is on the hook of netfilter, lowest first.
            type: int
          defragment:
            description: Whether netfilter puts fragments together before the program sees them.
            type: bool
          map:
            description: Path of the pin of a sockmap or sockhash.
            type: path
          tracepoint:
            description:
              - Name of a tracepoint with its category, such as V(sched/sched_process_exec); without
                it for V(raw_tracepoint).
            type: str
          function:
            description: Name of a function of the kernel, for kprobes.
            type: str
          binary:
            description: Path of a program or library, for uprobes.
            type: path
          offset:
            description: Offset in bytes, in O(attach.binary) or from the start of
              O(attach.function).
            type: int
      state: &state
        description:
          - V(absent) detaches the program, whoever else holds the link, and removes the pin.
          - V(present) is the default.
        type: str
        choices: [present, absent]
      owner: &owner
        description:
          - Name or number of the user that owns the pin. Left as it is when left out.
          - Pins, and directories on the way, are taken only of root, of the user of the task, and
            of this user.
        type: str
      group: &group
        description: Name or number of the group of the pin. Left as it is when left out.
        type: str
      mode: &mode
        description:
          - Permission bits of the pin, in octal and quoted, like V("0640"). Left as they are when
            left out; the kernel makes pins with V("0600").
        type: raw
      on_mismatch: &on_mismatch
        description:
          - What to do with a pin that holds something else than a link to the declared target.
            V(fail) changes nothing and says what it holds. V(replace) attaches the program to its
            target, lets the name lead to the new link, and then ends the old one.
          - A link that holds another program, or is severed, is put right with V(fail), too.
          - V(fail) is the default.
        type: str
        choices: [fail, replace]
  name: *name
  path: *path
  program: *program
  attach: *attach
  state: *state
  owner: *owner
  group: *group
  mode: *mode
  on_mismatch:
    <<: *on_mismatch
    default: fail
seealso:
  - module: ebpf.pinning.bpf_object_pinned
  - module: ebpf.pinning.bpf_pin_info
  - module: ebpf.pinning.bpf_pin_absent
  - module: ebpf.pinning.bpf_host
  - name: "Links: programs stay attached"
    description: What happens when, and all attach types; docs/links.md of the collection.
    link: https://example.org/ebpf.pinning/docs/links.html
"""

EXAMPLES = r"""
- name: Attach the program of a firewall to an interface
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/firewall/eth0
    program: /sys/fs/bpf/firewall/drop_listed
    attach:
      type: xdp
      interface: eth0

- name: Let a program decide who of a service may connect to what
  ebpf.pinning.bpf_link_pinned:
    directory: /sys/fs/bpf/egress
    links:
      - name: connect4
        program: /sys/fs/bpf/egress/check_connect4
        attach:
          type: cgroup_inet4_connect
          cgroup: /sys/fs/cgroup/system.slice
      - name: connect6
        program: /sys/fs/bpf/egress/check_connect6
        attach:
          type: cgroup_inet6_connect
          cgroup: /sys/fs/cgroup/system.slice

- name: Detach a program
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/firewall/eth1
    state: absent
"""

RETURN = r"""
links:
  description:
    - The links, in the order of the task. Also returned when the task fails because of one.
  returned: always, unless the arguments are at fault
  type: list
  elements: dict
  contains:
    path:
      description: Path of the pin.
      type: str
      sample: /sys/fs/bpf/firewall/eth0
    name:
      description: Name of the pin.
      type: str
      sample: eth0
    action:
      description:
        - What was done, or in check mode would be. V(updated) means that the link holds another
          program now, without a moment in which none ran, V(replaced) that a new link was made,
          V(adjusted) that owner, group or mode was set in place, V(removed) that the program was
          detached, V(missing) that there was nothing to remove, V(incompatible) that nothing could
          be done.
        - When the kernel refuses in the middle, V(failed) is the link that it refused and
          V(not_done) are those after it.
      type: str
      sample: created
    drift:
      description: What was not as declared; for each field C(field), C(want) and C(have).
      type: list
      elements: dict
      sample: []
    declared:
      description: What is declared of a link that is made, or to be made.
      returned: for a link that is not there
      type: dict
      sample: {"program": "/sys/fs/bpf/firewall/drop_listed", "attach.type": "xdp"}
    type:
      description: The attach type that is declared. V(null) with O(state=absent).
      type: str
      sample: xdp
    id:
      description: Id of the link in the kernel, as far as it is known.
      type: int
      sample: 7
    prog_id:
      description: Id of the program that it holds, as far as it is known.
      type: int
      sample: 42
    error:
      description: What the kernel refused, and what to do about it.
      returned: when it failed at this link
      type: str
counts:
  description: How many links there are of each RV(links[].action).
  returned: always, unless the arguments are at fault
  type: dict
  sample:
    created: 1
    adjusted: 0
    updated: 0
    replaced: 0
    removed: 0
    unchanged: 0
    incompatible: 0
directories:
  description: Directories that were made.
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
  returned: always, unless the arguments are at fault
  type: list
  elements: str
  sample: []
"""

from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import LINK
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule
from ansible_collections.ebpf.pinning.plugins.module_utils._module.links import run


def main() -> None:
    """Run the module."""
    module = PinningModule(
        argument_spec={
            **LINK,
            "links": {"type": "list", "elements": "dict", "options": LINK},
            "directory": {"type": "path", "default": "/sys/fs/bpf"},
            "on_mismatch": {"type": "str", "choices": ["fail", "replace"], "default": "fail"},
            "parents": {"type": "bool", "default": True},
        },
        mutually_exclusive=[
            ["links", option] for option in ("name", "path", "program", "attach", "state")
        ],
        required_one_of=[["links", "name", "path"]],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
