# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests on the real kernel share: a host of one's own, playbooks run on it, witnesses.

`host` is a mount namespace with a bpffs; `playbook` runs Ansible there; `site` is what one test
session prepares once; `inventory` and the C programs in ../c/ say what the kernel holds, without
a line of the collection's own code.
"""
