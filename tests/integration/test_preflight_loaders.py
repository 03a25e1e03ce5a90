# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight says of a loader is what this loader does. The oracle is the loader itself."""

from __future__ import annotations

import ctypes.util
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils._preflight_object import what_is_asked
from harness import golang
from harness.host import BPFFS, Host
from harness.site import CHECKOUT, HERE
from preflight_table import BY_AN_OLDER_OBJECT, CASES, name_of, older, source_of

LIBBPFS = CHECKOUT / ".cache" / "libbpf"
GLOBALS = f"{BPFFS}/tc/globals"
# By columns of the page: loader and version as the user writes them, and what loads.
SYSTEMS = ctypes.util.find_library("bpf") or ""
VERSIONS = {
    "libbpf 0.3": ("libbpf", "0.3", str(LIBBPFS / "0.3" / "libbpf.so.0")),
    "libbpf 1.1": ("libbpf", "1.1", SYSTEMS),
    "libbpf 1.7": ("libbpf", "", str(LIBBPFS / "newest" / "libbpf.so.1")),
}
# As harness/faults.py wants it said.
UNDISTURBED = {"watched": False, "fault": None, "always": {}, "meanwhile": {}, "tuning": {}}
USES, MAKES, REFUSES = "uses", "makes", "refuses"
# What a loader does of which preflight says so.
DONE = {"fits": USES, "unnoticed": USES, "missing": MAKES, "refused": REFUSES}


class Stage:
    """Every case on one host, in a directory of one loader."""

    def __init__(self, host: Host, directory: str) -> None:
        self.host = host
        self.directory = directory
        self.objects = {about: self._object(about, number) for number, about in enumerate(CASES)}
        host.run("mkdir", "-p", directory)
        for number, about in enumerate(CASES):
            self._pin(about, number)
        self.ids = {about: self._id(about, number) for number, about in enumerate(CASES)}

    def where(self, about: str) -> str:
        case = CASES[about]
        return f"{self.directory}/{case.directory}".rstrip("/")

    def path(self, about: str, number: int) -> str:
        return f"{self.where(about)}/{name_of(about, number)}"

    def _object(self, about: str, number: int) -> str:
        return self._compiled(f"{number}.bpf.o", source_of(about, number))

    def _compiled(self, name: str, source: str) -> str:
        path = str(self.host.scratch / name)
        clang = ["clang", "-g", "-O2", "-target", "bpf", "-c", "-x", "c", "-", "-o", path]
        subprocess.run(clang, input=source.encode(), check=True)
        return path

    def _pin(self, about: str, number: int) -> None:
        pin, path = CASES[about].pin, self.path(about, number)
        if pin == BY_AN_OLDER_OBJECT:
            path = self._compiled("older.bpf.o", older(source_of(about, number)))
            self.host.run(self.host.site.program("load"), path, self.directory)
        elif isinstance(pin, dict):
            self.host.make_pin(path, **pin)
        elif pin:
            tools = f'make() {{ {self.host.site.program("make")} "$@"; }}; cp_program() {{ '
            tools += f'bpftool prog load {self.host.site.bpf_object("beside")} "$1"; }}; '
            self.host.shell(f"PIN={path}; {tools}{pin}")

    def _id(self, about: str, number: int) -> int | None:
        show = ("bpftool", "-j", "map", "show", "pinned", self.path(about, number))
        done = self.host.run(*show, check=False)
        return json.loads(done.stdout).get("id") if done.returncode == 0 else None

    def preflight(self, loader: str, version: str) -> dict[str, dict[str, Any]]:
        """The result of bpf_preflight for each case."""
        series = []
        for about, path in self.objects.items():
            arguments = {
                "object": path,
                "_asked": what_is_asked(Path(path).read_bytes()),
                "loader": loader,
                "directory": self.where(about),
                "fail": False,
            }
            if version:
                arguments["loader_version"] = version
            series.append([{"module": "bpf_preflight", "arguments": arguments, **UNDISTURBED}])
        found = {}
        for about, (run,) in zip(CASES, self.host.run_modules(series), strict=True):
            found[about] = json.loads(run["output"])
            assert "maps" in found[about], (about, run)
        return found

    def became(self, about: str, used: int | None) -> str:
        if used is None:
            return REFUSES
        return USES if used == self.ids[about] else MAKES


def compare(told: dict[str, dict[str, Any]], done: dict[str, str], column: str) -> None:
    """What is told, what is done, and what the page says in the column of this loader."""
    assert page()[column] == {about: done[about] for about in page()[column] if about in done}
    wrong = {}
    for about, result in told.items():
        (found,) = result["maps"]
        if DONE.get(found["verdict"]) != done[about]:
            wrong[about] = (found["verdict"], done[about], found["reasons"])
    assert wrong == {}


def page() -> dict[str, dict[str, str]]:
    """The table of docs/preflight.md: by its columns, what each loader does in each case."""
    text = (CHECKOUT / "docs" / "preflight.md").read_text()
    table = text[text.index("| pinned is | ") :].partition("\n\n")[0].splitlines()
    _first, *columns = (each.strip() for each in table[0].strip("|").split("|"))
    found: dict[str, dict[str, str]] = {column: {} for column in columns}
    for line in table[2:]:
        about, *cells = (each.strip() for each in line.strip("|").split("|"))
        for column, cell in zip(columns, cells, strict=True):
            found[column][about] = cell
    return found


@pytest.mark.parametrize("which", VERSIONS)
def test_libbpf_does_as_it_was_told_of_it(host: Host, which: str) -> None:
    loader, version, library = VERSIONS[which]
    stage = Stage(host, f"{BPFFS}/libbpf")
    before = host.inventory()
    told = stage.preflight(loader, version)
    assert host.inventory() == before
    tasks = [(path, stage.where(about)) for about, path in stage.objects.items()]
    file = host.scratch / "tasks.json"
    file.write_text(json.dumps(tasks))
    script = str(HERE / "harness" / "libbpf.py")
    used = json.loads(host.run(sys.executable, script, library, str(file)).stdout)
    done = {about: stage.became(about, each) for about, each in zip(CASES, used, strict=True)}
    counts = Counter(done.values())
    assert min(counts[each] for each in (USES, REFUSES)) >= 10, counts
    compare(told, done, which)


@pytest.mark.parametrize("which", ["cilium/ebpf 0.9", "cilium/ebpf 0.22"])
def test_cilium_ebpf_does_as_it_was_told_of_it(host: Host, which: str) -> None:
    program, version = golang.loader(host.site), "0.9"
    if which == "cilium/ebpf 0.22":
        program, version = str(CHECKOUT / ".cache" / "cilium-ebpf" / "reuse"), ""
        if not Path(program).exists():
            pytest.skip("run tools/get-cilium-ebpf")
    stage = Stage(host, f"{BPFFS}/cilium")
    told = stage.preflight("cilium", version)
    done = {}
    for number, (about, path) in enumerate(stage.objects.items()):
        ran = host.run(program, path, stage.where(about), check=False)
        used = None if ran.returncode else json.loads(ran.stdout)["maps"][name_of(about, number)]
        done[about] = stage.became(about, used)
    compare(told, done, which)


def test_tc_does_as_it_was_told_of_it(host: Host) -> None:
    """Debian's is built with libbpf, whose rules it has; the directory is its own."""
    said = host.run("tc", "-V").stdout
    stage = Stage(host, GLOBALS)
    told = stage.preflight("iproute2", said.split("libbpf ")[1].strip())
    assert {each["directory"] for each in told.values()} >= {GLOBALS}
    done = {}
    with host.running("unshare", "--net", "sh", "-c", "echo ready; exec cat") as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        inside = ("nsenter", f"--net=/proc/{holder.pid}/ns/net", "sh", "-ec")
        host.run(*inside, "ip link add d0 type veth peer name d1; tc qdisc add dev d0 clsact")
        for about, path in stage.objects.items():
            if CASES[about].directory:
                continue  # there is one for all objects
            attach = f"tc filter add dev d0 ingress bpf da obj {path} sec classifier"
            if host.run(*inside, attach, check=False).returncode:
                done[about] = REFUSES
                continue
            # Until it is removed, the filter holds the program, and that the map.
            filters = json.loads(host.run(*inside, "tc -j filter show dev d0 ingress").stdout)
            (program,) = (each["options"]["prog"]["id"] for each in filters if "options" in each)
            (used,) = host.bpftool("prog", "show", "id", str(program))["map_ids"]
            done[about] = stage.became(about, used)
            host.run(*inside, "tc filter del dev d0 ingress")
    compare({about: told[about] for about in done}, done, "tc, with libbpf 1.1")


def test_aya_is_told_by_what_was_read_of_it(host: Host) -> None:
    """No package has it here: its column is what its source says."""
    told = Stage(host, f"{BPFFS}/aya").preflight("aya", "")
    said = {about: DONE.get(each["maps"][0]["verdict"], "?") for about, each in told.items()}
    column = page()["aya"]
    assert column == {about: said[about] for about in column}
