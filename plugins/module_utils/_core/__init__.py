# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the collection is made for: system calls, kinds, the engine."""

from __future__ import annotations

from zipimport import zipimporter

# Not every importer of other people gives its modules a spec.
if isinstance(getattr(globals().get("__spec__"), "loader", None), zipimporter):
    import sys

    from .zip_imports import CompiledOnce

    sys.meta_path.insert(0, CompiledOnce(__name__.rpartition(".")[0]))
