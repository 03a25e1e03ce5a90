# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What will come of an object file on this host, told before it is loaded. Changes nothing."""
