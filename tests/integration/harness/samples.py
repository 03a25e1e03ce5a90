# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests declare, and names that they look for, unless they are about other ones.

Spelled out here, not taken from the collection: a test would not see that it changed there.
"""

from __future__ import annotations

BPFFS = "/sys/fs/bpf"
AGENT = f"{BPFFS}/agent"
APP = f"{BPFFS}/app"
FIREWALL = f"{BPFFS}/firewall"
# The directory, in that of a pin, in which a run works until its pins have their names.
STAGING = "ebpf-pinning~staging"

HASH = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
# What `Host.make_pin` makes if it is told no field.
MADE = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 1}
STORAGE = {"type": "sk_storage", "value_size": 8}

# A host of an inventory that nobody answers for.
NOWHERE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
# What must not be read in any output.
SECRET = "swordfish-7c1d"
