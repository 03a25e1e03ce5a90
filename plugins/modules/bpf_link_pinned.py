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
  name:
    description:
      - Name of the pin, which has no dots and at most 255 bytes.
    type: str
  path:
    description:
      - The whole path of the pin, in place of O(directory) and O(name).
    type: path
  program:
    description:
      - Path of the pin of the program, or for O(attach.type=struct_ops) of the map. Taken only of
        root and of the user of the task. Required unless O(state=absent).
    type: path
  attach:
    description:
      - What the program is attached to. Required unless O(state=absent).
    type: dict
    suboptions:
      type:
        description:
          - The attach type, such as V(xdp), V(tcx_ingress), V(cgroup_inet4_connect), V(sk_lookup),
            V(netfilter) or V(fentry).
          - 'The guide "Links: programs stay attached" has all, with what each needs.'
        type: str
        required: true
      interface:
        description: Name of a network interface, for XDP, tcx and netkit.
        type: str
      namespace:
        description:
          - The network namespace of what is named, by its name for C(ip netns) or a path. That of
            the task when left out.
        type: str
      mode:
        description: How XDP runs. The kernel chooses when left out, and it is not compared.
        type: str
        choices: [native, generic, offload]
      before:
        description:
          - Path of the pin of a program or link on the same hook that is to run after this one. For
            tcx and netkit, and since Linux 6.17 for cgroups.
        type: path
      after:
        description: The same, of one that is to run before this one.
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
        description: When it runs on the hook of netfilter, lowest first.
        type: int
      defragment:
        description: Whether netfilter puts fragments together before.
        type: bool
      map:
        description: Path of the pin of a sockmap or sockhash.
        type: path
      tracepoint:
        description:
          - Name of a tracepoint, such as V(sched/sched_process_exec); without the category for
            V(raw_tracepoint).
        type: str
      function:
        description: Name of a function of the kernel, for kprobes.
        type: str
      binary:
        description: Path of a program or library, for uprobes.
        type: path
      offset:
        description: Offset in bytes, in O(attach.binary) or O(attach.function).
        type: int
  state:
    description:
      - V(absent) detaches the program, whoever else holds the link, and removes the pin.
        V(present) is the default.
    type: str
    choices: [present, absent]
  on_mismatch:
    description:
      - What to do with a pin that holds something else than a link to the declared target.
        V(fail) changes nothing and says what it holds. V(replace) attaches the program first, and
        then ends the old link.
      - A link that holds another program, or is severed, is put right with V(fail), too.
    type: str
    choices: [fail, replace]
    default: fail
  links:
    description:
      - The links to pin, each with the options that a single link takes. O(directory), O(owner),
        O(group), O(mode) and O(on_mismatch) of the task are defaults for all items.
    type: list
    elements: dict
seealso:
  - module: ebpf.pinning.bpf_program_pinned
  - module: ebpf.pinning.bpf_object_pinned
  - module: ebpf.pinning.bpf_pin_info
  - module: ebpf.pinning.bpf_pin_absent
  - module: ebpf.pinning.bpf_host
  - name: "Links: programs stay attached"
    description: What happens when, and all attach types; docs/links.md of the collection.
    link: https://example.org/ebpf.pinning/docs/links.html
  - name: Programs
    description: >-
      How they get their pins, and how an upgrade goes; docs/programs.md of the collection.
    link: https://example.org/ebpf.pinning/docs/programs.html
  - name: After a reboot
    description: When links come back by themselves; docs/reboot.md of the collection.
    link: https://example.org/ebpf.pinning/docs/reboot.html
"""

EXAMPLES = r"""
- name: Attach the program of a firewall to an interface
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/firewall/eth0
    program: /sys/fs/bpf/firewall/drop_listed
    attach:
      type: xdp
      interface: eth0

- name: Put a new program in the place of drop_listed, so that no packet passes without one
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/firewall/eth0
    program: /sys/fs/bpf/firewall/drop_listed_and_count
    attach:
      type: xdp
      interface: eth0

- name: Detach a program
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/firewall/eth1
    state: absent

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

- name: Count what a limit lets through, on an interface in another network namespace
  ebpf.pinning.bpf_link_pinned:
    directory: /sys/fs/bpf/blue
    links:
      - name: limit_on_eth0
        program: /sys/fs/bpf/blue/limit
        attach: &in_blue
          type: tcx_ingress
          interface: eth0
          namespace: blue
      - name: count_on_eth0
        program: /sys/fs/bpf/blue/count
        attach:
          <<: *in_blue
          after: /sys/fs/bpf/blue/limit

- name: Let a program choose the socket of each connection to a network namespace
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/blue/dispatch
    program: /sys/fs/bpf/blue/choose_socket
    attach:
      type: sk_lookup
      namespace: blue

- name: Filter what leaves the host, before other rules of netfilter
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/firewall/output
    program: /sys/fs/bpf/firewall/filter_output
    attach:
      type: netfilter
      pf: ipv4
      hook: output
      priority: -10

- name: Let a program see what the sockets in a sockmap send
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/proxy/messages
    program: /sys/fs/bpf/proxy/redirect
    attach:
      type: sk_msg_verdict
      map: /sys/fs/bpf/proxy/sockets

- name: Trace what is started, renamed, and called in a library
  ebpf.pinning.bpf_link_pinned:
    directory: /sys/fs/bpf/trace
    links:
      - name: started_link
        program: /sys/fs/bpf/trace/started
        attach:
          type: tracepoint
          tracepoint: sched/sched_process_exec
      - name: renamed_link
        program: /sys/fs/bpf/trace/renamed
        attach:
          type: raw_tracepoint
          tracepoint: task_rename
      - name: called_link
        program: /sys/fs/bpf/trace/called
        attach:
          type: uprobe
          binary: /usr/local/lib/agent/libagent.so
          offset: 4096

- name: Attach a program that names itself what it is attached to, as SEC("iter/bpf_map") does
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/trace/maps
    program: /sys/fs/bpf/trace/print_maps
    attach:
      type: iter

- name: Move a program to another interface, where it runs before it ends on the first
  ebpf.pinning.bpf_link_pinned:
    path: /sys/fs/bpf/firewall/uplink
    program: /sys/fs/bpf/firewall/drop_listed
    attach:
      type: xdp
      interface: eth2
    on_mismatch: replace
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
        told_elsewhere=["links"],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
