# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import every module of the core, and compile what else runs on a managed node."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

PLUGINS = Path(__file__).resolve().parent.parent / "plugins"


def main() -> None:
    sys.path.insert(0, str(PLUGINS / "module_utils"))
    core = importlib.import_module("_core")
    names = [module.name for module in pkgutil.walk_packages(core.__path__, "_core.")]
    if not names:
        sys.exit("the core is empty")
    for name in names:
        importlib.import_module(name)
    for folder in ("module_utils", "modules"):
        for source in (PLUGINS / folder).rglob("*.py"):
            compile(source.read_text(encoding="utf-8"), str(source), "exec", dont_inherit=True)


if __name__ == "__main__":
    main()
