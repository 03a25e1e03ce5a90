# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Programs of object files: loaded, pinned, and replaced by what another file makes of them."""
