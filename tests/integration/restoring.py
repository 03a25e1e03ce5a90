# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed command of a host, manifests as one writes them by hand, and a restart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.host import BPFFS, Host
from harness.samples import HASH
from harness.site import CHECKOUT, HERE, Site
from map_types import ROWS

Fields = dict[str, Any]

COMMANDS = ("status", "check", "restore")
GOOD, TROUBLE, DRIFT, USAGE = 0, 1, 2, 64  # exit codes
# A manifest.
WHOLE = json.dumps(
    {"version": 1, "maps": [{"name": "bad", **HASH}], "defaults": {"directory": BPFFS}}
).encode()
UNIT = CHECKOUT / "plugins" / "module_utils" / "_module" / "boot_unit.py"


@dataclass(frozen=True)
class Done:
    """What became of a run of the command."""

    code: int
    output: str
    complaints: str

    @property
    def report(self) -> Fields:
        """What it printed with --json."""
        return json.loads(self.output)

    def line(self, path: str) -> Fields:
        """What is reported about this path."""
        (found,) = (line for line in self.report["lines"] if line["path"] == path)
        return found

    @property
    def states(self) -> dict[str, str]:
        return {line["path"]: line["state"] for line in self.report["lines"]}


@dataclass(frozen=True)
class Restorer:
    """The command on one host, with the manifests of one directory."""

    host: Host
    program: str
    manifests: Path

    def declare(
        self,
        name: str = "agent",
        *,
        maps: Sequence[Fields] = (),
        mounts: Sequence[Fields] = (),
        directories: Sequence[Fields] = (),
        objects: Sequence[Fields] = (),
        **defaults: str,
    ) -> Path:
        """Write a manifest; `directory` is /sys/fs/bpf unless given."""
        more = {"directories": list(directories), "objects": list(objects)}
        whole = {
            "version": 2 if any(more.values()) else 1,
            "mounts": list(mounts),
            "maps": list(maps),
            "defaults": {"directory": BPFFS, **defaults},
            **(more if any(more.values()) else {}),
        }
        return self.write(name, json.dumps(whole).encode())

    def write(self, name: str, text: bytes) -> Path:
        """Write any bytes as a manifest."""
        file = self.manifests / f"{name}.json"
        file.write_bytes(text)
        file.chmod(0o600)
        return file

    def run(self, command: str, *options: str, before: Sequence[str] = ()) -> Done:
        """Run the command, as `before PROGRAM COMMAND OPTIONS` if that is given."""
        words = [*before, self.program, command, *options, "--manifests", str(self.manifests)]
        done = self.host.run(*words, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def json(self, command: str, *options: str, before: Sequence[str] = ()) -> Done:
        """The same with --json."""
        return self.run(command, "--json", *options, before=before)

    def run_all(self, lists: Sequence[Sequence[str]]) -> list[Done]:
        """Run the command with each of these lists of arguments, in one process."""
        file = self.host.scratch / "lists.json"
        file.write_text(json.dumps(lists))
        script = HERE / "harness" / "commands.py"
        python = f"{self.host.site.python} {script} {self.program}"
        results = json.loads(self.host.shell(f"{python} < {file}"))
        return [Done(**result) for result in results]


@dataclass(frozen=True)
class Installed:
    """The command as bpf_restore installs it, and what is said about a manifest of all types."""

    program: str
    every_type: bytes  # the manifest
    capabilities: list[str]


def every_type(site: Site) -> list[Fields]:
    """Each map type, and again frozen; owners, groups and modes in turn; one with BTF."""
    accesses: list[Fields] = [
        {},
        {"owner": "daemon", "mode": "0640"},
        {"group": "adm"},
        {"mode": "0604"},
    ]
    maps = [{**row.item, **accesses[number % 4]} for number, row in enumerate(ROWS)]
    maps += [
        {**row.item, "directory": f"{BPFFS}/frozen/deep", "frozen": True, "group": "adm"}
        for row in ROWS
    ]
    btf = site.btf("types", "flow", "count")
    sizes = {"type": "hash", "key_size": 8, "value_size": 16, "max_entries": 4}
    return [*maps, {"name": "with_btf", **sizes, "btf": btf}]


def nested(depth: int) -> bytes:
    """A manifest with lists in lists."""
    return b'{"version": 1, "mounts": [{"path": %s}]}' % (b"[" * depth + b"]" * depth)


def keep_apart(host: Host) -> None:
    """Give the host an /etc, a /run and a /usr/local of its own: like those of the machine."""
    etc = host.scratch / "etc"
    host.shell(
        f"""
        cp -a /etc {etc} && mount --bind {etc} /etc
        mount -t tmpfs -o mode=755 run /run
        """
    )
    own_usr_local(host)


def own_usr_local(host: Host) -> None:
    """Give the host a /usr/local of its own, with what the machine has there."""
    host.shell(
        f"""
        for place in lib bin share; do
            there={host.scratch}/local-$place
            mkdir -p "$there" /usr/local/$place && mount --bind /usr/local/$place "$there"
            mount -t tmpfs -o mode=755 $place /usr/local/$place
            for each in "$there"/*; do
                here=/usr/local/$place/${{each##*/}}
                if [ ! -e "$each" ]; then
                    continue
                elif [ $place = bin ]; then
                    ln -s "$each" "$here"
                elif [ -d "$each" ] && [ ! -L "$each" ] && [ $place = lib ]; then
                    mkdir "$here"; mount --bind "$each" "$here"
                else
                    cp -a "$each" "$here"
                fi
            done
        done
        """
    )


def restart(host: Host) -> None:
    """What a restart does to pins: the bpffs comes back empty."""
    host.shell(f"umount -l {BPFFS}; mount -t bpf -o strictatime bpf {BPFFS}")


def capabilities_of_the_unit(*more: str) -> list[str]:
    """Words that run a command with the capabilities that the unit of the role leaves it."""
    (allowed,) = re.findall(r"^CapabilityBoundingSet=(CAP_BPF .*)$", UNIT.read_text(), re.MULTILINE)
    names = [name.removeprefix("CAP_").lower() for name in [*allowed.split(), *more]]
    words = ",".join(["-all", *(f"+{name}" for name in names)])
    return ["setpriv", f"--bounding-set={words}", "--inh-caps=-all"]


def without_identity(inventory: dict[str, Fields]) -> dict[str, Fields]:
    """An inventory without what another map under the same name has otherwise."""
    return {path: _lasting(entry) for path, entry in inventory.items()}


def _lasting(entry: Fields) -> Fields:
    kept = {name: value for name, value in entry.items() if name not in _IDENTITY}
    if "object" in kept:
        kept["object"] = {
            name: bool(value) if name == "btf_id" else value
            for name, value in kept["object"].items()
            if name != "id"
        }
    return kept


_IDENTITY = ("inode", "mtime", "ctime", "atime")


def rows_of(table: str) -> Iterator[list[str]]:
    """The rows of a printed table, without the heading and the summary."""
    heading, *rows, _summary = table.rstrip("\n").split("\n")
    starts = [heading.index(word) for word in ("PATH", "DECLARED", "FOUND", "DETAIL")]
    for row in rows:
        ends = [*starts[1:], None]
        yield [row[start:end].strip() for start, end in zip(starts, ends, strict=True)]
