# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in an object file for BPF: ELF, and the rules by which libbpf reads it."""
