# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How any declaration becomes true: observe, decide, apply, report. Knows no kind of its own."""
