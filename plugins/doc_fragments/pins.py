# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that pin have in common, for their documentation."""

from __future__ import annotations


class ModuleDocFragment:
    """The group of modules that module_defaults may name."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    support: full
    description: Use C(group/ebpf.pinning.pins) in C(module_defaults) to set C(directory), C(owner),
      C(group), C(mode), C(parents) and C(on_mismatch), which all modules of the group have.
    membership: [ebpf.pinning.pins]
"""
