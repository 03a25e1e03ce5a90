# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this collection says of itself, wherever it is installed. Private to this collection."""

from __future__ import annotations

import json
import typing as t
from functools import lru_cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


@lru_cache(maxsize=None)
def about(root: Path = ROOT) -> t.Mapping[str, str]:
    """Return what galaxy.yml says, which an installed collection has as MANIFEST.json.

    Empty where there is neither: no report fails for want of a version.
    """
    try:
        manifest = root / "MANIFEST.json"
        if manifest.exists():
            fields = json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]
        else:
            fields = yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))
        return {key: value for key, value in fields.items() if isinstance(value, str)}
    except (OSError, ValueError, LookupError, AttributeError, TypeError, yaml.YAMLError):
        return {}
