# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared to be in a map is in nothing that a run leaves, but in the map.

Canaries stand in keys and values, and are looked for in every spelling in all that there is after
runs of every kind: what is printed, results, the system's log, processes, reports, files.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drift_runs import by_environment
from harness.host import BPFFS, Host
from harness.playbook import Task, read_results, task

Fields = dict[str, Any]

KEY, VALUE, NUMBER = "CanaryKey7Q", "CanaryValue9Z", 0x5EC2E7C0
TEXTS: Fields = {
    "type": "hash",
    "key_size": 16,
    "value_size": 16,
    "max_entries": 4,
    "key_format": "string",
    "value_format": "string",
}
NUMBERS: Fields = {
    "type": "hash",
    "key_size": 4,
    "value_size": 4,
    "max_entries": 4,
    "key_format": "u32",
    "value_format": "u32",
}
GOOD = [{"key": KEY, "value": VALUE}]
LONG = f"{KEY}{VALUE}"


def spellings() -> Iterator[str]:
    """Regular expressions for the canaries, however they are written."""
    yield from (KEY, VALUE)
    yield rf"\b{NUMBER}\b"
    number = NUMBER.to_bytes(4, "little")
    for raw in (KEY.encode(), VALUE.encode(), number, number[::-1]):
        few = raw[:8]
        yield r"(?:\W|0x|\\x)*".join(f"{byte:02x}" for byte in few)
        yield r"\W+".join(map(str, few))


CANARIES = re.compile("|".join(spellings()), re.IGNORECASE)


def _maps() -> Iterator[tuple[str, Fields]]:
    """Maps in which something is right, or wrong; each is declared alone, and as one of a list."""
    yield "good", {**TEXTS, "entries": GOOD, "entries_absent": [f"{KEY}x"]}
    yield "good numbers", {**NUMBERS, "entries": [{"key": NUMBER, "value": NUMBER}]}
    yield "initial", {**TEXTS, "entries": GOOD, "entries_mode": "initial"}
    yield "frozen", {**TEXTS, "entries": GOOD, "frozen": True}
    yield "twice", {**TEXTS, "entries": GOOD * 2}
    yield "too long", {**TEXTS, "entries": [{"key": LONG, "value": LONG}]}
    yield "no number", {**NUMBERS, "entries": [{"key": KEY, "value": VALUE}]}
    yield "out of range", {**NUMBERS, "entries": [{"key": NUMBER * 16, "value": f"{NUMBER}0"}]}
    yield "no dictionary of fields", {**TEXTS, "entries": [{"key": {KEY: 1}, "value": [VALUE]}]}
    yield "an unknown field", {**TEXTS, "entries": [{"key": KEY, "value": VALUE, KEY: VALUE}]}
    yield "no value", {**TEXTS, "entries": [{"key": KEY}]}
    yield "as a dictionary", {**TEXTS, "entries": {KEY: VALUE}}
    yield "as text", {**TEXTS, "entries": f"{KEY}={VALUE}"}
    yield "as texts", {**TEXTS, "entries": [KEY, VALUE]}
    yield "as lists", {**TEXTS, "entries": [[KEY, VALUE]]}
    yield "as a number", {**NUMBERS, "entries": NUMBER}
    yield "absent as well", {**TEXTS, "entries": GOOD, "entries_absent": [KEY]}
    yield "absent in a wrong way", {**TEXTS, "entries_absent": [LONG, {KEY: VALUE}]}
    yield "absent as a dictionary", {**TEXTS, "entries_absent": {KEY: VALUE}}
    yield "a misspelled option", {**TEXTS, "entires": GOOD}
    yield "an unknown option", {**TEXTS, "entries": GOOD, "with": VALUE}
    yield "too many", {**NUMBERS, "entries": [{"key": NUMBER + i, "value": i} for i in range(5)]}
    yield "of a queue", {"type": "queue", "value_size": 4, "max_entries": 4, "entries": GOOD}
    yield "no format", {**TEXTS, "key_format": None, "value_format": None, "entries": GOOD}
    yield "another format", {**TEXTS, "value_format": "ipv6", "entries": GOOD}
    yield "hexadecimal", {**TEXTS, "key_format": "hex", "entries": [{"key": KEY, "value": VALUE}]}
    yield (
        "fields",
        {
            **TEXTS,
            "value_format": [{"name": "text", "format": "string", "size": 16}],
            "entries": [{"key": KEY, "value": {"other": VALUE, "text": VALUE}}],
        },
    )
    yield "an interface", {**NUMBERS, "key_format": "ifindex", "entries": GOOD}
    yield (
        "a cgroup",
        {
            **NUMBERS,
            "key_size": 8,
            "key_format": "cgroup",
            "entries": [{"key": f"/{KEY}", "value": 1}],
        },
    )
    yield (
        "of each CPU",
        {**NUMBERS, "type": "percpu_hash", "entries": [{"key": NUMBER, "value": [NUMBER] * 99}]},
    )
    for form in ("lines", "csv", "json"):
        yield f"a file of {form}", {**TEXTS, "entries_from": {"src": f"$D/list.{form}"}}
        how = {"src": f"$D/list.{form}", "format": form, "remote_src": True}
        yield f"a file as {form}", {**TEXTS, "entries_from": how}
        yield f"numbers as {form}", {**NUMBERS, "entries_from": how}
    yield "a usual value", {**NUMBERS, "entries_from": {"src": "/none", "value": VALUE}}


MAPS = dict(_maps())
FILES = {
    "lines": f"{KEY} {VALUE}\n{KEY}\n{KEY} {VALUE} {VALUE}\n",
    "csv": f"key,value\n{KEY},{VALUE}\n{KEY},{VALUE},{VALUE}\n{LONG},{LONG}\n",
    "json": json.dumps([*GOOD, *GOOD, {"key": LONG, "value": {KEY: VALUE}}, {KEY: VALUE}, KEY]),
}

# Where nobody else listens to what is logged, and nothing is left there.
OWN_DEVICES = """
mkdir /run/dev
mount --rbind /dev /run/dev
mount -t tmpfs -o mode=0755 dev /dev
for each in /run/dev/*; do
    [ "$each" = /run/dev/log ] || ln -s "$each" /dev/
done
"""
LISTENER = """
import socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
log.bind("/dev/log")
with open(sys.argv[1], "ab", buffering=0) as file:
    print("ready", flush=True)
    while True:
        file.write(log.recv(1 << 20) + b"\\n")
"""


# For these a declaration of the host is tried, too, and one for the next boot.
WHOLE = ("good", "good numbers", "twice", "too long", "a misspelled option", "an unknown option")
DEFAULTS = {"library": "$D/library", "manifests": "$D/restore.d"}


def _tasks(folder: Path) -> Iterator[Task]:
    """Every map by itself, first in a check, and in a list; some in declarations of the host."""
    for number, (about, declared) in enumerate(MAPS.items()):
        words = {"path": f"{BPFFS}/{number}", **declared}
        named = {"name": "canary", "maps": [words], **DEFAULTS}
        boot = {"maps": [words], "at_boot": True, "at_boot_options": {"name": "canary"}}
        ways = [("bpf_map_pinned", True, words), ("bpf_map_pinned", False, {"maps": [words]})]
        if about in WHOLE:
            ways += [("bpf_map_pinned", False, words), ("bpf_host", True, boot)]
            ways += [("bpf_host", False, {"maps": [words]}), ("bpf_restore", False, named)]
            ways += [("bpf_restore", True, {**named, "state": "absent"})]
        for module, check, arguments in ways:
            real = json.loads(json.dumps(arguments).replace("$D", str(folder)))
            yield task(module, label=f"{module} {about}", check=check, **real)


def _from_variables(tasks: list[Task]) -> tuple[list[Task], Fields]:
    """The same tasks with their arguments in variables, which is where people keep secrets."""
    variables: Fields = {}
    told = []
    for number, each in enumerate(tasks):
        (name,) = (word for word in each if word.startswith("ebpf."))
        variables[f"arguments_{number}"] = each[name]
        arguments = {key: f"{{{{ arguments_{number}.{key} }}}}" for key in each[name]}
        told.append({**each, name: arguments})
    return told, variables


@pytest.mark.every_core
def test_canaries_are_in_nothing_that_a_run_leaves(host: Host, subtests: pytest.Subtests) -> None:
    given, left = host.scratch / "given", host.scratch / "left"
    for folder in (given, left):
        folder.mkdir(mode=0o755)
    for form, text in FILES.items():
        (given / f"list.{form}").write_text(text)
    host.shell("mount -t tmpfs tmpfs /run")
    host.shell(OWN_DEVICES)
    log = left / "syslog"
    tasks, variables = _from_variables([*_tasks(given)])
    (given / "variables.json").write_text(json.dumps(variables))
    play = {"hosts": "all", "gather_facts": False, "ignore_errors": True, "tasks": tasks}
    (given / "play.json").write_text(json.dumps([play]))
    words = [str(given / "play.json"), "-vvv", "--diff", "-e", f"@{given}/variables.json"]
    trace = left / "trace"
    watched = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-s",
        "100000",
        "-e",
        "trace=execve",
        "-o",
        str(trace),
    ]
    lines = left / "lines"
    lines.touch()
    environment = {
        "RESULT_LINES": str(lines),
        "ANSIBLE_CALLBACKS_ENABLED": "result_lines,ebpf.pinning.drift_report",
        "ANSIBLE_LOCAL_TEMP": str(left / "local"),
        "ANSIBLE_REMOTE_TEMP": str(left / "remote"),
        "TMPDIR": str(left),
        "ANSIBLE_PIPELINING": "false",
        "ANSIBLE_INJECT_INVOCATION": "true",
        **by_environment(left),
    }
    settings = [f"{name}={value}" for name, value in environment.items()]
    with host.running(sys.executable, "-c", LISTENER, str(log)) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "ready\n"
        command = [host.site.playbook_command, "-i", str(host.inventory_file()), *words]
        done = host.run("env", *settings, *watched, "-o", str(trace), *command, check=False)
    results = read_results(lines.read_text())
    assert len(results) == len(tasks), done.stdout
    (left / "output").write_text(done.stdout + done.stderr)
    with subtests.test("the runs are what they should be"):
        assert KEY in json.dumps(variables)
        by_name: dict[str, list[bool]] = {}
        for result in results:
            by_name.setdefault(result.name.partition(" ")[2], []).append(result.failed)
        good = {about for about, failed in by_name.items() if not any(failed)}
        bad = [r for r in results if r.failed and r.name.endswith(" good")]
        assert good == {"good", "good numbers", "initial", "frozen"}, bad
        assert "Invoked with" in log.read_text()
        assert "execve" in trace.read_text()
        assert "invocation" in (left / "output").read_text()
        dumped = host.run("bpftool", "-j", "map", "dump", "pinned", f"{BPFFS}/0").stdout
        assert CANARIES.search(" ".join(json.loads(dumped)[0]["key"]))
    for file in sorted(path for path in left.rglob("*") if path.is_file()):
        with subtests.test(str(file.relative_to(left))):
            text = file.read_bytes().decode("utf-8", "replace")
            found = [text[max(0, m.start() - 200) : m.end() + 40] for m in CANARIES.finditer(text)]
            assert not found, f"{len(found)} times, such as {found[0]}"
    with subtests.test("only root reads what is for the next boot"):
        manifest = given / "restore.d" / "canary.json"
        if manifest.exists():
            assert host.run("stat", "-c", "%U %a", str(manifest)).stdout == "root 600\n"
