# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Imports from the archive that Ansible sends: each file is compiled once.

Python compiles a file of an archive twice, since zipimport compiles it to learn its name
(`zipimporter.get_filename`) and once more to run it. On a managed node nothing is cached, so that
was most of a module's start.
"""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pkgutil import get_importer
from zipimport import zipimporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Optional, Sequence


class CompiledOnce:
    """Finds what is below one package in the archive that the package came from."""

    def __init__(self, package: str) -> None:
        self._below = f"{package}."

    def find_spec(
        self, name: str, path: Optional[Sequence[str]], _target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """The file's place without a look into it; None leaves it to the finders that follow."""
        if not path or not name.startswith(self._below):
            return None
        archive = get_importer(path[0])
        if not isinstance(archive, zipimporter):
            return None
        try:
            is_package = archive.is_package(name)
        except ImportError:
            return None
        place = f"{path[0]}/{name.rpartition('.')[2]}"
        file = f"{place}/__init__.py" if is_package else f"{place}.py"
        spec = ModuleSpec(name, archive, origin=file, is_package=is_package)  # type: ignore[arg-type]
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [place]
        return spec
