# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that pin have in common, for their documentation."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of a task that pins, and the group of modules that module_defaults may name."""

    DOCUMENTATION = r"""
options:
  directory:
    description:
      - Absolute path of a directory in a BPF file system.
    type: path
    default: /sys/fs/bpf
  parents:
    description:
      - Make missing directories, with mode V("0755") less the umask. Only inside a BPF file
        system.
    type: bool
    default: true
  owner:
    description:
      - Name or number of the user that owns the pin. Left as it is when left out. Pins and
        directories of others than root, the user of the task and this one are refused.
    type: str
  group:
    description:
      - Name or number of the group of the pin. Left as it is when left out.
    type: str
  mode:
    description:
      - Permission bits of the pin, in octal and quoted, like V("0640"). Left as they are when left
        out; the kernel makes pins with V("0600").
    type: raw
attributes:
  action_group:
    support: full
    description: Use C(group/ebpf.pinning.pins) in C(module_defaults) to set C(directory), C(owner),
      C(group), C(mode), C(parents) and C(on_mismatch), which all modules of the group have.
    membership: [ebpf.pinning.pins]
"""
