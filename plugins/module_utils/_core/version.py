# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The version of the collection, which is that of the command on hosts, too."""

from __future__ import annotations

VERSION = "0.2.0"
