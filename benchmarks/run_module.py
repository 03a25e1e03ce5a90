# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of the collection once, with arguments from standard input: a whole process."""

from __future__ import annotations

import importlib
import json
import sys

from ansible.module_utils.testing import patch_module_args

if __name__ == "__main__":
    name = f"ansible_collections.ebpf.pinning.plugins.modules.{sys.argv[1]}"
    with patch_module_args(json.load(sys.stdin)):
        importlib.import_module(name).main()
