# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all modules of this collection have in common, for their documentation."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes, requirements and notes shared by the modules."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in check mode and then predicts, without changing anything.
  diff_mode:
    support: full
    description: Returns what changed, or in check mode what would change.
  platform:
    support: full
    description: Target systems that the module runs on.
    platforms: linux
requirements:
  - Linux 5.10 or newer with C(CONFIG_BPF_SYSCALL)
  - Python 3.8 or newer on the managed node, and only its standard library
  - Root, or a user with the capabilities that the kernel asks for (C(CAP_BPF), and
    C(CAP_SYS_ADMIN) for mounts and to find programs that use a map)
seealso:
  - name: "Troubleshooting: by the message"
    description: >-
      Every message, and what to do about it; docs/troubleshooting.md of the collection.
    link: https://example.org/ebpf.pinning/docs/troubleshooting.html
notes:
  - Symlinks are never followed, in no component of a path. Declare the real path.
  - An option that is V(null) or an empty string is as one that is not given.
"""
