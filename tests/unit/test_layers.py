# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may call whom in the core."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).parents[2] / "plugins" / "module_utils"
MODULES = MODULE_UTILS.parent / "modules"
CORE = MODULE_UTILS / "_core"
SOURCES = sorted(CORE.rglob("*.py"))


# Of a kind, and of the core: what decides, and what is decided about.
PURE_PARTS = (
    *("access", "boundaries", "conditions", "declaration", "exposure", "judge", "question"),
    *("migration", "mismatch", "observed", "plan", "reach", "stack", "steps", "swap_plan", "usage"),
)
PURE_FILES = (
    *("attach_types", "btf", "btf_changes", "btf_excerpt", "btf_fields", "btf_likeness"),
    *("btf_types", "difference", "loader_rules", "map_types", "map_words"),
    *(
        "mountinfo",
        "fields",
        "options",
        "pairs",
        "prefix",
        "people",
        "shape",
        "uapi",
        "values",
        "visible",
    ),
)
PURE_OF_LINKS = ("together",)
PURE_OF_ADOPT = ("describe", "maps", "observed", "variables", "yaml_text")
PURE = sorted(
    ".".join(path.relative_to(MODULE_UTILS).with_suffix("").parts)
    for path in SOURCES
    if path.parent.name in ("engine", "content", "lists", "object_file")
    or (path.parent.name == "adopt" and path.stem in PURE_OF_ADOPT)
    or (path.parent.name == "links" and path.stem in PURE_OF_LINKS)
    or path.stem in (PURE_FILES if path.parent == CORE else PURE_PARTS)
)
# What asks the system anything raises, from before the first import on.
WITHOUT_A_SYSTEM = """
import builtins, grp, os, pwd, socket, sys

def no_system(*_arguments, **_more):
    raise AssertionError("a pure module asks the operating system")

spared = {"fspath", "fsencode", "fsdecode", "PathLike", "register_at_fork"}
for module in (grp, os, pwd, socket):
    for name, value in vars(module).copy().items():
        is_plain = callable(value) and not isinstance(value, type)
        if is_plain and not name.startswith("_") and name not in spared:
            setattr(module, name, no_system)
builtins.open = no_system
"""
DECIDING = """
from _core.map_types import Host
from _core.people import NUMBERS_ONLY, ROOT_ONLY
from _core.kinds.pins.observed import NOTHING, PinnedMap, NO_DETAILS
from _core.shape import Entry, Identity
from _core.kinds.maps.plan import decide
from _core.kinds.maps.declaration import read_pins
defaults = {"directory": "/sys/fs/bpf", "on_mismatch": "fail", "owner": "7", "mode": "0640"}
item = {"name": "a", "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 1}
(wanted,) = read_pins([item], defaults, Host(4096, 4), NUMBERS_ONLY)
there = PinnedMap(Entry(Identity(1, 2), 0, 0, 0o600), 5, "a", wanted.map.shape, NO_DETAILS)
print(decide(wanted, NOTHING, ROOT_ONLY).action.name, decide(wanted, there, ROOT_ONLY).action.name)
"""


def run_alone(program: str) -> str:
    """What a fresh Python prints that finds the core."""
    paths = f"import sys; sys.path.insert(0, {str(MODULE_UTILS)!r}); sys.dont_write_bytecode = True"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"{paths}\n{program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_pure_rooms_are_known() -> None:
    assert len(PURE) >= 25
    assert {
        "_core.kinds.maps.plan",
        "_core.kinds.mounts.declaration",
        "_core.engine.run",
        "_core.content.btf_format",
        "_core.lists.read",
        "_core.people",
    } <= {*PURE}


@pytest.mark.parametrize("module", PURE)
def test_what_is_pure_asks_no_system(module: str) -> None:
    program = f"{WITHOUT_A_SYSTEM}\nimport {module}\nprint(*sys.modules)"
    loaded = {*run_alone(program).split()}
    assert module in loaded
    assert not {"ctypes", "_core.syscall", "_core.bpffs", "_core.kinds.pins.objects"} & loaded
    assert not {name for name in loaded if name.endswith((".observe", ".apply"))}


def test_a_step_is_decided_without_a_system() -> None:
    assert run_alone(WITHOUT_A_SYSTEM + DECIDING).split() == ["CREATE", "ADJUST"]


def test_the_guard_of_the_last_tests_works() -> None:
    with pytest.raises(AssertionError, match="a pure module asks"):
        run_alone(WITHOUT_A_SYSTEM + "import _core.users\n_core.users.user_name(0)")


@pytest.mark.skipif(
    sys.version_info < (3, 10), reason="a Python that cannot list its library: see `make pythons`"
)
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_imports_the_standard_library_and_itself_only(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            assert name.partition(".")[0] in sys.stdlib_module_names


def test_only_the_doors_to_the_kernel_use_ctypes() -> None:
    users = [path.name for path in SOURCES if "ctypes" in path.read_text()]
    assert users == [
        *("attaching.py", "elements.py", "kernel.py", "fence.py", "libbpf.py", "syscall.py")
    ]


def test_the_command_of_a_host_loads_at_its_start_all_that_it_may_need() -> None:
    """An upgrade may remove its files while it runs."""
    loaded = {*run_alone("import sys, _core.command.main\nprint(*sys.modules)").split()}
    names = ("entries", "links", "maps", "mounts", "objects", "pins", "programs")
    kinds = [f"kinds.{name}" for name in names]
    packages = ("_core", "engine", *kinds, "command", "content", "lists", "loader", "object_file")
    late = set()
    for source in SOURCES:
        if package_of(source).replace("_core.", "", 1) not in packages:
            continue
        tree = ast.parse(source.read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for node in (each for function in functions for each in ast.walk(function)):
            if isinstance(node, ast.ImportFrom) and node.level:
                here = package_of(source).split(".")
                base = here[: len(here) - node.level + 1]
                names = [node.module] if node.module else [each.name for each in node.names]
                late |= {".".join((*base, *filter(None, (name,)))) for name in names}
    assert {"_core.kinds.maps.change", "_core.kinds.pins.directory"} <= late
    assert late - {"_core.adopt.adopt"} <= loaded  # which people ask for, and no boot


NO_DESCRIPTOR = """
import os, resource
from _core.errors import explained
from _core.syscall import KernelError

resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
held = []
try:
    while True:
        held.append(os.open("/", os.O_RDONLY))
except OSError as error:
    texts = [str(KernelError("OBJ_GET", error.errno)), explained(error)]
for each in held:
    os.close(each)
print(*texts, sep="\\n")
"""


def test_what_is_refused_for_want_of_a_descriptor_is_told_without_one() -> None:
    """To load code then would fail, and the advice be lost."""
    told = run_alone(NO_DESCRIPTOR).splitlines()
    assert len(told) == 2
    assert all("EMFILE" in text and "ulimit -n" in text for text in told)


# What each package may import of the core and of `_module`, as the table in docs/architecture.md
# says; the first that a file lies in counts. `core` are the files of the core itself.
MAY_USE = {
    "_core.engine": {"_core.engine", "_core.errors", "_core.advice", "_core.values"},
    "_core.content": {
        *("_core.content", "_core.btf", "_core.btf_types", "_core.prefix"),
        *("_core.errors", "_core.uapi", "_core.values"),
    },
    "_core.object_file": {
        *("_core.object_file", "_core.btf", "_core.btf_types", "_core.map_types"),
        *("_core.errors", "_core.uapi", "_core.values"),
    },
    "_core.loader": {
        *("_core.loader", "_core.advice", "_core.errors", "_core.kernel", "_core.syscall"),
        "_core.values",
    },
    "_core.lists": {"_core.lists", "_core.errors", "_core.values"},
    "_core.kinds.pins": {"core", "_core.engine", "_core.kinds.pins"},
    "_core.kinds": set(),
    "_core.kinds.entries": {
        *("core", "_core.engine", "_core.kinds.pins", "_core.kinds.maps", "_core.kinds.entries")
    },
    "_core.kinds.programs": {
        *("core", "_core.content", "_core.object_file", "_core.loader", "_core.engine"),
        *("_core.kinds.pins", "_core.kinds.maps", "_core.kinds.programs"),
    },
    "_core.kinds.*": {
        *("core", "_core.content", "_core.lists", "_core.object_file", "_core.loader"),
        *("_core.engine", "_core.kinds.pins", "itself"),
    },
    "_core.adopt": {
        *("core", "_core.content", "_core.object_file", "_core.engine", "_core.kinds"),
        *("_core.info", "_core.whole", "_core.adopt"),
    },
    "_core.preflight": {"core", "_core.engine", "_core.kinds", "_core.preflight"},
    "_core.info": {"core", "_core.engine", "_core.kinds", "_core.info"},
    "_core.whole": {"core", "_core.engine", "_core.kinds", "_core.whole"},
    "_core.command": {
        *("core", "_core.content", "_core.lists", "_core.engine", "_core.kinds", "_core.loader"),
        *("_core.whole", "_core.adopt", "_core.command"),
    },
    "_core": {"core"},
    "_module": {"_core", "_module"},
}


def package_of(source: Path) -> str:
    return ".".join(source.relative_to(MODULE_UTILS).parent.parts)


def imports_of(source: Path) -> set[str]:
    """The modules beside `plugins/module_utils` that a file imports, by their dotted names."""
    here = package_of(source).split(".")
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level + 1]
            name = ".".join([*filter(None, base), *([node.module] if node.module else [])])
            # `from . import x` may name modules.
            both = [".".join(filter(None, (name, alias.name))) for alias in node.names]
            is_file = (MODULE_UTILS / (name.replace(".", "/") + ".py")).exists()
            found.update([name] if is_file else both)
    return found


def is_allowed(name: str, package: str, allowed: set[str]) -> bool:
    if "core" in allowed and name.startswith("_core.") and name.count(".") == 1:
        return True
    names = {package if each == "itself" else each for each in allowed}
    return any(name == each or name.startswith(f"{each}.") for each in names - {"core"})


def rule_of(package: str) -> set[str]:
    for pattern, allowed in MAY_USE.items():
        if package == pattern or (pattern.endswith("*") and package.startswith(pattern[:-1])):
            return allowed
    raise AssertionError(f"no rule for {package}: see docs/architecture.md")


@pytest.mark.parametrize(
    "source",
    sorted(MODULE_UTILS.rglob("*.py")),
    ids=lambda path: str(path.relative_to(MODULE_UTILS)),
)
def test_a_package_uses_only_what_it_may(source: Path) -> None:
    package = package_of(source)
    allowed = rule_of(package)
    wrong = {name for name in imports_of(source) if not is_allowed(name, package, allowed)}
    assert wrong == set()


def test_the_rules_would_find_an_arrow_upwards() -> None:
    for name, package in (
        ("_core.kinds.maps.plan", "_core"),
        ("_core.kinds.maps.plan", "_core.kinds.objects"),
        ("_core.kinds.maps.plan", "_core.engine"),
        ("_core.kinds.maps.plan", "_core.content"),
        ("_core.kernel", "_core.content"),
        ("_core.content.format", "_core.lists"),
        ("_core.content.formats", "_core"),
        ("_core.command.work", "_core.kinds.maps"),
        ("_module.report", "_core.command"),
    ):
        assert not is_allowed(name, package, rule_of(package)), (name, package)


@pytest.mark.parametrize("path", sorted(MODULES.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_a_module_imports_by_whole_names(path: Path) -> None:
    """Mitogen takes a file without these for a script, which has no package to import from."""
    text = path.read_text()
    imports = re.findall(r"^from (\S+)", text, re.M)[1:]
    assert imports or "def main" not in text, "only its action plugin runs"
    for name in imports:
        assert name.startswith("ansible_collections.ebpf.pinning.plugins.module_utils.")


# Which files of a kind import what asks the system: the column `pure` of the page.
def test_the_page_says_which_files_are_pure() -> None:
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \| (yes|no) \|$", page, re.MULTILINE)
    assert len(rows) == 5
    for name, pure in rows:
        there = {each for each in PURE if each.endswith(f".{name}") and ".kinds." in each}
        assert bool(there) is (pure == "yes"), name
