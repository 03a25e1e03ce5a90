# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible sends is an archive: each file of it is compiled once, and is found as by Python.

Who counts is the audit hook of the interpreter.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict

import pytest

MODULE_UTILS = Path(__file__).parents[2] / "plugins" / "module_utils"
ABOVE = "ansible_collections/ebpf/pinning/plugins/module_utils"
PACKAGE = ABOVE.replace("/", ".")
LOADED = f"{PACKAGE}._core.kinds.maps.apply"
BEFORE = {f"{ABOVE}/__init__.py", f"{ABOVE}/_core/__init__.py", f"{ABOVE}/_core/zip_imports.py"}

COUNTING = """
import collections, sys
sys.dont_write_bytecode = True
archive, loaded = sys.argv[1:]
compiled = collections.Counter()
def seen(event, arguments):
    if event == "compile" and str(arguments[1]).startswith(archive):
        compiled[arguments[1][len(archive) + 1 :]] += 1
sys.addaudithook(seen)
sys.path.insert(0, archive)
"""
LOOKING = """
import importlib, inspect, json
importlib.import_module(loaded)
found = {}
for name, module in sorted(sys.modules.items()):
    if name.startswith("ansible_collections.ebpf.pinning.plugins.module_utils."):
        spec = module.__spec__
        found[name] = [
            module.__file__, module.__package__, list(getattr(module, "__path__", [])),
            spec.origin, spec.has_location, spec.name, spec.parent, spec.cached,
            type(spec.loader).__name__, len(inspect.getsource(module)) if module.__doc__ else 0,
        ]
print(json.dumps({"compiled": compiled, "found": found}))
"""
FAILING = """
import traceback
try:
    octal("x")
except ValueError:
    sys.exit(traceback.format_exc())
"""
WITHOUT = f"""
import {PACKAGE}._core
sys.meta_path = [each for each in sys.meta_path if type(each).__name__ != "CompiledOnce"]
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sent") / "payload.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as sent:
        above = Path(ABOVE)
        for folder in (above, *list(above.parents)[:-1]):
            sent.writestr(f"{folder}/__init__.py", "")
        for source in MODULE_UTILS.rglob("*.py"):
            sent.write(source, f"{ABOVE}/{source.relative_to(MODULE_UTILS)}")
    return path


def run(archive: Path, program: str, loaded: str = LOADED) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", COUNTING + program, str(archive), loaded],
        capture_output=True,
        text=True,
        check=False,
    )


def answer(archive: Path, program: str) -> Dict[str, Any]:
    done = run(archive, program)
    assert done.returncode == 0, done.stderr
    read: Dict[str, Any] = json.loads(done.stdout)
    return read


def test_each_file_is_compiled_once(archive: Path) -> None:
    compiled = answer(archive, LOOKING)["compiled"]
    ours = {file: times for file, times in compiled.items() if file.startswith(ABOVE)}
    assert len(ours) > 30
    assert {file for file, times in ours.items() if times > 1} <= BEFORE


def test_python_alone_compiles_them_twice(archive: Path) -> None:
    """When this fails on every supported Python, `zip_imports` has no use any more."""
    compiled = answer(archive, WITHOUT + LOOKING)["compiled"]
    assert compiled[f"{ABOVE}/_core/errors.py"] == 2


def test_modules_are_as_python_alone_makes_them(archive: Path) -> None:
    found = answer(archive, LOOKING)["found"]
    assert found == answer(archive, WITHOUT + LOOKING)["found"]
    assert LOADED in found


@pytest.mark.parametrize("name", ["_core.nothing", "_core.kinds.nothing.plan", "nothing"])
def test_what_is_not_there_is_refused_as_by_python(archive: Path, name: str) -> None:
    core = f"import {PACKAGE}._core\n"
    ours = run(archive, core + LOOKING, f"{PACKAGE}.{name}")
    theirs = run(archive, WITHOUT + LOOKING, f"{PACKAGE}.{name}")
    assert ours.returncode == theirs.returncode == 1
    last = ours.stderr.splitlines()[-1]
    assert last == theirs.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: No module named ")


def test_an_error_shows_the_line_it_comes_from(archive: Path) -> None:
    done = run(archive, f"from {PACKAGE}._core.fields import octal\n{FAILING}")
    lines = [line.strip() for line in done.stderr.splitlines()]
    assert 'return f"{mode:04o}"' in lines
    assert lines[-2].startswith("ValueError")


def test_outside_an_archive_nothing_is_changed() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(MODULE_UTILS)!r}); before = list(sys.meta_path)\n"
        "import _core.errors\nprint(sys.meta_path == before, '_core.zip_imports' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "False"]


def test_without_a_spec_it_is_imported_all_the_same() -> None:
    """As by importers that are not Python's own."""
    program = (
        "import sys, types; core = types.ModuleType('_core')\n"
        f"core.__path__ = [{str(MODULE_UTILS / '_core')!r}]; sys.modules['_core'] = core\n"
        f"exec(open({str(MODULE_UTILS / '_core' / '__init__.py')!r}).read(), vars(core))\n"
        "import _core.errors\nprint('_core.zip_imports' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]
