# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that others have given, on their way to a terminal: nothing there obeys them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from drift_table import LARGER
from harness.host import Host
from harness.playbook import Task, task
from harness.samples import AGENT, MADE
from restoring import Restorer

# What a terminal obeys, or shows as another thing than it is. A name in bpffs has no dot.
FORGED = "fatal: [localhost]: FAILED!"
NAMES = [
    "\x1b[2J\x1b]0;title\x07",
    f"cr\r{FORGED}",
    f"line\n{FORGED}",
    "\x9b31m",
    "\x85next",
    "\u2028line",
    "\u202egnp",
    "\u2066isolate",
    "zero\u200bwidth",
    "\ufeffmark",
    "\x7f\x08\x08",
    "tag\U000e0041",
    os.fsdecode(b"\xff\xfe\x1b"),
]


def _fill(host: Host, *kinds: str) -> None:
    """Have links, pins and directories of these names."""
    script = (
        "import os, sys\n"
        "names, kinds, make = eval(sys.argv[1]), sys.argv[3:], sys.argv[2]\n"
        "import subprocess\n"
        f"os.mkdir({AGENT!r})\n"
        "for kind in kinds:\n"
        f"    os.mkdir(f'{AGENT}/{{kind}}')\n"
        "    for name in names:\n"
        f"        path = f'{AGENT}/{{kind}}/{{name}}'\n"
        "        if kind == 'links': os.symlink(name, path)\n"
        "        elif kind == 'directories': os.mkdir(path)\n"
        "        else: subprocess.run([make, path], check=True, stdout=subprocess.DEVNULL)\n"
    )
    host.run(host.site.python, "-c", script, ascii(NAMES), host.site.program("make"), *kinds)


def _tasks() -> Iterator[Task]:
    """Tasks of every module that come upon such names, also where they cannot go on."""
    for kind in ("pins", "links", "directories"):
        yield task("bpf_pin_info", directory=f"{AGENT}/{kind}", recurse=True)
        yield task("bpf_pin_absent", directory=f"{AGENT}/{kind}", keep=[], diff=True, check=True)
    yield task("bpf_pin_absent", directory=AGENT, keep=[], recurse=True, diff=True, check=True)
    places = [f"{AGENT}/links/{name}" for name in NAMES[:-1]]
    pins = [f"{AGENT}/pins/{name}" for name in NAMES[:-1]]
    yield task("bpf_pin_info", path=[*places, f"{places[1]}/x"])
    for paths in (places, pins):
        yield task("bpf_pin_absent", path=paths, type="prog", diff=True, check=True)
        maps = [{"path": path, **LARGER} for path in paths]
        yield task("bpf_map_pinned", maps=maps, diff=True)
        yield task("bpf_map_pinned", maps=maps, on_mismatch="replace", check=True, diff=True)
        objects = [{"path": f"{path}x", "source": path} for path in paths]
        yield task("bpf_object_pinned", objects=objects, check=True, diff=True)
    # Each stops at the first.
    for place in places[:3]:
        yield task("bpf_map_pinned", directory=place, name="x", **MADE, check=True, diff=True)
        yield task("bpf_object_pinned", path=f"{AGENT}/new", source=place, check=True)
        yield task("bpffs_mount", path=place, check=True, diff=True)
        maps = [{"name": "a", **MADE}]
        yield task("bpf_restore", name="x", directory=place, maps=maps, check=True)


def _is_shown(text: str) -> bool:
    return all(each.isprintable() or each in "\n\t" for each in text)


def _texts(value: Any) -> Iterator[str]:
    """All texts but those that a task repeats from its own declaration when it succeeds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        is_declared = {"action", "drift"} <= value.keys()
        for key, each in value.items():
            if not (is_declared and key in ("path", "name")):
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def test_no_name_reaches_a_terminal_as_it_is(host: Host) -> None:
    _fill(host, "pins", "links", "directories")
    tasks = list(_tasks())
    run = host.playbook(tasks)
    for wanted, result in zip(tasks, run, strict=True):
        mine = {key: value for key, value in result.fields.items() if key != "invocation"}
        assert all(map(_is_shown, _texts(mine))), (wanted, result)
    assert _is_shown(run.output), [line for line in run.output.splitlines() if not _is_shown(line)]
    assert not [line for line in run.output.splitlines() if line.strip() == FORGED]


@pytest.mark.parametrize("name", [*NAMES[:3], NAMES[6], NAMES[-1]], ids=ascii)
def test_what_is_mounted_may_be_called_anything(host: Host, name: str) -> None:
    script = (
        "import ctypes, os, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "name = os.fsencode(eval(sys.argv[1]))\n"
        "for fstype, where in ((b'bpf', b'/mnt'), (b'tmpfs', b'/media')):\n"
        "    if libc.mount(name, where, fstype, 0, None): raise OSError(ctypes.get_errno())\n"
    )
    host.run(host.site.python, "-c", script, ascii(name))
    run = host.playbook(
        [
            task("bpf_pin_info"),
            task("bpffs_mount", path="/mnt", mode="0711", diff=True, check=True),
            task("bpffs_mount", path="/media", diff=True, check=True),
        ]
    )
    info, adjusted, refused = run
    assert "/mnt" in [mount["path"] for mount in info.good()["mounts"]]
    adjusted.good()
    assert refused.failed
    for result in run:
        assert all(map(_is_shown, _texts(dict(result.fields)))), result
    assert _is_shown(run.output)


def test_the_command_shows_what_files_are_called(restorer: Restorer) -> None:
    for name in NAMES:
        (restorer.manifests / f"{name}.json").write_text("{}")
    for words in (["status"], ["check"], ["status", "--json"]):
        done = restorer.host.run(
            restorer.program, *words, "--manifests", str(restorer.manifests), check=False
        )
        assert done.stderr.count("refused: ") == len(NAMES)
        assert len(done.stderr.splitlines()) == len(NAMES)
        assert _is_shown(done.stdout + done.stderr)


def test_the_lookup_shows_what_a_file_is_called(host: Host) -> None:
    paths = []
    for name in NAMES[:-1]:
        wrong = host.scratch / f"{name}.o"
        wrong.write_bytes(b"no object")
        paths += [wrong, host.scratch / f"{name}.nothing"]
    run = host.playbook(
        [
            {
                "ansible.builtin.debug": {"msg": "{{ lookup('ebpf.pinning.elf_maps', path) }}"},
                "vars": {"path": str(path)},
            }
            for path in paths
        ]
    )
    assert all(result.failed for result in run)
    assert run.output.count("ebpf.pinning.elf_maps: ") >= len(paths)
    assert _is_shown(run.output), [line for line in run.output.splitlines() if not _is_shown(line)]
    assert not [line for line in run.output.splitlines() if line.startswith(FORGED + ".")]


def test_a_declared_name_is_kept_by_the_role_that_prunes(host: Host) -> None:
    """What a task says of its own declaration is what later tasks are told to keep."""
    names = [name for name in NAMES[:-1] if "." not in name]
    maps = [{"name": name, **MADE} for name in names]
    variables = {
        "bpf_maps": maps,
        "bpf_maps_directory": AGENT,
        "bpf_maps_prune": True,
    }
    include = {"ansible.builtin.include_role": {"name": "ebpf.pinning.bpf_maps"}, "vars": variables}
    ids = []
    for _run in range(2):
        run = host.ansible_playbook(host.play([include]))
        assert run.code == 0, run.output
        ids.append([host.info(f"{AGENT}/{name}")["id"] for name in names])
    assert ids[0] == ids[1]
