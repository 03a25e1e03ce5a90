# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example, as one has it who installs the tarball where nothing but ansible-core is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS
from harness.shipped import build
from harness.site import CHECKOUT, Site
from harness.terminal import seen

MARK = "what others see:"
Json = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """`changed` is what each run of a playbook says of each host, in the order of the page.

    `witnesses` are the words of bpftool, after the example and in the same place.
    """

    changed: Sequence[int]
    witnesses: Sequence[str]
    check: Callable[..., None]  # takes what each of them says
    says: Sequence[str] = ()  # in this order
    before: str = ""  # for the shell, in front of each bpftool


def shown(*pins: str) -> list[str]:
    return [f"map show pinned {BPFFS}/{pin}" for pin in pins]


def _shapes(*maps: Json) -> dict[str, tuple[str, int, int, int]]:
    return {
        each["name"]: (
            each["type"],
            *(each[field] for field in ("bytes_key", "bytes_value", "max_entries")),
        )
        for each in maps
    }


FLOWS = ("lru_hash", 16, 8, 65536)
EVENTS = ("ringbuf", 0, 0, 262144)


def check_agent(*maps: Json) -> None:
    blocked = ("lpm_trie", 8, 4, 10000)
    assert _shapes(*maps) == {"flows": FLOWS, "blocked": blocked, "events": EVENTS}


def check_pinmap(first: Json, second: Json, program: Json) -> None:
    assert program["map_ids"] == [first["id"]] != [second["id"]]
    assert set(_shapes(first, second).values()) == {("array", 4, 8, 1)}


def check_gate(entries: list[Json], pinned: Json, other: Json, program: Json) -> None:
    assert pinned["id"] == other["id"]
    assert pinned["id"] in program["map_ids"]
    (entry,) = (
        entry["formatted"] for entry in entries if entry["formatted"]["key"]["octets"][3] == 2
    )
    assert entry == {
        "key": {"octets": [10, 0, 0, 2]},
        "value": {"passed": 1, "dropped": 1},
    }


def check_sessions(found: Json, entries: list[Json]) -> None:
    assert _shapes(found) == {"sessions": ("hash", 4, 8, 2000)}
    (entry,) = entries
    assert [int(byte, 16) for byte in entry["key"] + entry["value"]] == [1, 0, 0, 0, 7, *[0] * 7]


def check_blocked(found: Json) -> None:
    assert _shapes(found) == {"blocked": ("hash", 4, 4, 16)}


def check_blocklist(entries: list[Json], dropped: Json, program: Json, *maps: Json) -> None:
    """Each packet that was dropped is counted, and no other: five, in three rounds."""
    keys = [each["formatted"]["key"] for each in entries]
    assert sorted((key["prefixlen"], *key["address"]) for key in keys) == [
        (25, 10, 0, 0, 128),
        (32, 10, 0, 0, 3),
    ]
    assert [each["formatted"]["value"] for each in entries] == [1, 1]
    assert [each["formatted"]["value"] for each in dropped] == [5]
    assert {*program["map_ids"]} == {each["id"] for each in maps}


def check_firewall(
    entries: list[Json], dropped: list[Json], program: Json, link: Json, *maps: Json
) -> None:
    """After the reboot one packet has come, and was dropped."""
    assert len(entries) == 2
    assert [each["formatted"]["value"] for each in dropped] == [1]
    assert {each["id"] for each in maps} <= {*program["map_ids"]}
    assert (link["type"], link["prog_id"]) == ("xdp", program["id"])


def check_restored(*maps: Json) -> None:
    assert _shapes(*maps) == {"flows": FLOWS, "events": EVENTS}


AGENT = shown("agent/flows", "agent/blocked", "agent/events")
EXAMPLES = {
    "one-host": Example([2, 2, 0], AGENT, check_agent, ["type: lpm_trie", "-rw-r----- "]),
    "fleet": Example(
        [*(1, 1, 1), *(0, 0, 0), *(1, 1, 0), *(0, 0, 0)],
        AGENT,
        check_agent,
        [
            "| edge-1 | `/sys/fs/bpf/agent/flows` | missing |",
            "| edge-2 | `/sys/fs/bpf` | missing |",
            "9 pins: 9 in place\n3 mounts: 3 in place\n",
        ],
        before="nsenter --mount=/run/hosts/edge-2 ",
    ),
    "pinmap": Example(
        [2, 1],
        [
            *shown("pinmap_packets", "tc/globals/pinmap_packets"),
            f"prog show pinned {BPFFS}/pinmap_xdp",
        ],
        check_pinmap,
    ),
    "tc-and-xdp": Example(
        [2, 0, 1],
        [
            f"map dump pinned {BPFFS}/monitoring/traffic",
            *shown("gate/traffic", "monitoring/traffic"),
            f"prog show pinned {BPFFS}/monitoring/gate",
        ],
        check_gate,
    ),
    "blocklist": Example(
        [2, 0, 1, 1, 1, 1, 0, 0, 0],
        [
            *(f"map dump pinned {BPFFS}/blocklist/{name}" for name in ("blocked", "dropped")),
            f"prog show pinned {BPFFS}/blocklist/program",
            *shown("blocklist/blocked", "blocklist/dropped"),
        ],
        check_blocklist,
        [
            *("10.0.0.2 comes through", "10.0.0.3 comes through", "10.0.0.200 comes through"),
            *("10.0.0.2 is dropped", "10.0.0.3 comes through", "10.0.0.200 is dropped"),
            "entries: 1 missing, 1 extra",
            *("10.0.0.2 comes through", "10.0.0.3 is dropped", "10.0.0.200 is dropped"),
            "| entries: as declared (exact) | entries: 1 missing |",
            "10.0.0.3 is dropped",
            "blocked.netset: line 7: key: must be a prefix",
            "blocked.netset lists no entries",
        ],
    ),
    "firewall": Example(
        [1, 1, 1, 0, 1, 1, 1, 0, 1, 0],
        [
            *(f"map dump pinned {BPFFS}/firewall/{name}" for name in ("blocked", "dropped")),
            f"prog show pinned {BPFFS}/firewall/firewall",
            f"link show pinned {BPFFS}/firewall/eth0",
            *shown("firewall/blocked", "firewall/dropped"),
        ],
        check_firewall,
        [
            *("10.0.0.2 comes through", "10.0.0.3 comes through"),
            *("10.0.0.2 comes through", "10.0.0.3 comes through"),
            *("10.0.0.2 is dropped", "10.0.0.3 comes through"),
            "severed",
            *("10.0.0.2 comes through", "10.0.0.2 is dropped"),
            "invalid access to packet",
            "10.0.0.2 is dropped",
            "10.0.0.2 is dropped",
            "10.0.0.2 comes through",
            *("xdp       restored", "5 declared, 5 in place", "10.0.0.2 is dropped"),
        ],
    ),
    "migrate": Example(
        [2, 0, 1, 1, 0],
        [*shown("sessions"), f"map dump pinned {BPFFS}/sessions"],
        check_sessions,
        ["max_entries: want 2000, have 1000", "+max_entries: 2000"],
    ),
    "uninstall": Example(
        [2, 2, 0], shown("agent/blocked"), check_blocked, ["old_flows", "debug_1"]
    ),
    "reboot": Example(
        [3, 0],
        shown("agent/flows", "agent/events"),
        check_restored,
        ["missing", "restored", "in place"],
    ),
}


def folders() -> set[str]:
    return {path.parent.name for path in (CHECKOUT / "examples").glob("*/README.md")}


@dataclass(frozen=True)
class Installed:
    """The tarball, installed: `examples` is the folder of them."""

    examples: Path
    environment: dict[str, str]

    def run(self, name: str, *command: str) -> str:
        """What examples/run says, and the command after it."""
        code, output = seen([self.examples / "run", name, *command], self.environment)
        assert code == 0, output
        return output


@pytest.fixture(scope="session")
def installed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """In an environment of ansible-core, with nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    requirements = (CHECKOUT / "tools" / "requirements" / "ansible.txt").read_text()
    pins = {line for line in requirements.splitlines() if line.startswith("ansible-core==")}
    subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    pip = [folder / "env/bin/python", "-m", "pip", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *pins], check=True)
    (folder / "home").mkdir()
    environment = {
        "PATH": f"{folder}/env/bin:{site.environment()['PATH']}",
        "HOME": str(folder / "home"),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(folder),
        "ANSIBLE_NOCOLOR": "true",
        # Not to compile each module anew.
        **{name: site.environment()[name] for name in ("COMPILED_CODE", "PYTHONPATH")},
    }
    tarball = build(folder)
    install = ["ansible-galaxy", "collection", "install", "--offline", tarball]
    subprocess.run(
        [folder / "env" / "bin" / install[0], *install[1:]],
        check=True,
        env=environment,
        capture_output=True,
    )
    return Installed(folder / "ansible_collections/ebpf/pinning/examples", environment)


def outside(installed: Installed) -> dict[str, Any]:
    """What no example may change: mounts, devices, and files where it could leave some."""
    places = [
        "/etc",
        "/usr/local/lib/ebpf-pinning",
        "/usr/local/bin",
        "/usr/local/share",
        BPFFS,
        installed.environment["HOME"],
        str(installed.examples.parent),
    ]
    seen: dict[str, Any] = {
        path: (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)
        for place in places
        for folder, folders, files in os.walk(place)
        for path in [folder, *(f"{folder}/{name}" for name in (*folders, *files))]
        for status in [os.lstat(path)]
    }
    seen["mounts"] = Path("/proc/self/mountinfo").read_text()
    seen["devices"] = sorted(os.listdir("/sys/class/net"))
    seen["/run"] = [
        name for name in ("etc", "example", "hosts", "local-new") if Path("/run", name).exists()
    ]
    return seen


def test_every_example_has_its_test_and_its_line_in_the_index() -> None:
    assert folders() == set(EXAMPLES)
    index = (CHECKOUT / "examples" / "README.md").read_text()
    assert set(re.findall(r"^\| \[([\w-]+)\]\(\1/README\.md\)", index, re.M)) == folders()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_runs_from_the_tarball_and_leaves_nothing(
    installed: Installed, name: str
) -> None:
    example = EXAMPLES[name]
    look = [f"{example.before}bpftool -j {words}; echo" for words in example.witnesses]
    before = outside(installed)
    output = installed.run(name, "sh", "-ec", "; ".join([f"echo '{MARK}'", *look]))
    assert outside(installed) == before

    text, _mark, witnessed = output.partition(f"{MARK}\n")
    assert [int(count) for count in re.findall(r" changed=(\d+) ", text)] == [*example.changed]
    place = 0
    for part in example.says:
        place = text.index(part, place)
    example.check(*(json.loads(line) for line in witnessed.splitlines() if line))
