# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Programs from an object file into the kernel, by the host's libbpf in a process of its own."""
