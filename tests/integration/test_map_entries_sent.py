# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of entries that are on the controller: found, sent once, read, and gone."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.site import Site
from harness.terminal import seen

Fields = dict[str, Any]

MAP: Fields = {
    "type": "hash",
    "key_size": 4,
    "value_size": 4,
    "max_entries": 8,
    "key_format": "ipv4",
    "value_format": "u32",
}
LINES = "# who is blocked\n192.0.2.77 1\n192.0.2.78 2\n"
BOTH = {bytes([192, 0, 2, 77]): 1, bytes([192, 0, 2, 78]): 2}
WITHOUT_PIPELINING = {"vars": {"ansible_pipelining": False}}


def dump(host: Host, name: str) -> dict[bytes, int]:
    """What bpftool finds in a map."""
    told = host.bpftool("map", "dump", "pinned", f"{BPFFS}/{name}")
    return {_raw(each["key"]): int.from_bytes(_raw(each["value"]), "little") for each in told}


def _raw(numbers: list[str]) -> bytes:
    return bytes(int(each, 16) for each in numbers)


def left_behind(host: Host) -> list[Path]:
    """What is in the directory that tasks have their temporary directories in."""
    return list((host.site.scratch / "home" / "remote").glob("*"))


@pytest.fixture
def files(host: Host) -> Path:
    """The directory `files` beside the playbooks of the host, with a list."""
    folder = host.scratch / "files"
    folder.mkdir()
    (folder / "blocked.txt").write_text(LINES)
    (folder / "blocked.txt.gz").write_bytes(gzip.compress(LINES.encode()))
    return folder


def listed(name: str, src: str = "blocked.txt", **more: Any) -> Fields:
    return {"name": name, **MAP, "entries_from": {"src": src, **more}}


@pytest.mark.every_core
@pytest.mark.every_python
def test_a_list_of_the_controller_is_what_is_in_the_map(
    host: Host, files: Path, subtests: pytest.Subtests
) -> None:
    checked, made, again = (
        *host.playbook([task("bpf_map_pinned", **listed("one"))], "--check"),
        *host.playbook([task("bpf_map_pinned", **listed("one"))] * 2),
    )
    with subtests.test("it is read in a check, too"):
        assert checked.good()["maps"][0]["entries"]["added"] == 2
    with subtests.test("it is in the map, and a second run changes nothing"):
        assert made.good().changed
        assert dump(host, "one") == BOTH
        assert not again.good().changed
    cases: dict[str, tuple[Fields, Fields]] = {
        "gzip stays gzip": (listed("two", "blocked.txt.gz"), {}),
        "the whole path": (listed("three", str(files / "blocked.txt")), {}),
        "without pipelining": (listed("four"), WITHOUT_PIPELINING),
        "what people write for false": (listed("five", remote_src="no"), {}),
        "as text": ({**listed("six"), "entries_from": "src=blocked.txt"}, {}),
        "in another attempt": (
            listed("seven"),
            {"register": "it", "until": "it.attempts == 2", "retries": 2, "delay": 0},
        ),
    }
    tasks = [task("bpf_map_pinned", **one, keywords=words) for one, words in cases.values()]
    for (about, (one, _words)), result in zip(cases.items(), host.playbook(tasks), strict=True):
        with subtests.test(about):
            result.good()
            assert dump(host, one["name"]) == BOTH
    with subtests.test("nothing of it stays"):
        assert left_behind(host) == []
    # Directories of its own: here HOME is not the home of the user, and what is left of such a task
    # is removed once the watcher that Ansible leaves on the host has seen its end.
    names = ("ansible_async_dir", "ansible_remote_tmp")
    apart = {name: f"{host.scratch}/{name}" for name in names}
    words: Fields = {"async": 60, "poll": 1, "vars": apart}
    with subtests.test("in the background"):
        host.playbook([task("bpf_map_pinned", **listed("eight"), keywords=words)])[0].good()
        assert dump(host, "eight") == BOTH


@pytest.mark.every_core
def test_a_list_is_sent_once_for_all_maps_of_a_task_and_nothing_shows_it(
    host: Host, files: Path, subtests: pytest.Subtests
) -> None:
    same = str(files / "blocked.txt")
    maps = [listed("one"), listed("two"), listed("three", same), listed("four", "blocked.txt.gz")]
    for module in ("bpf_map_pinned", "bpf_host"):
        host.shell(f"cd {BPFFS} && rm -f one two three four")
        run = host.playbook([task(module, maps=maps)], "-vvv", "--diff")
        with subtests.test(module):
            run[0].good()
            assert [dump(host, name) for name in ("one", "two", "three", "four")] == [BOTH] * 4
            assert run.output.count(f"PUT {same} TO") == 1
            assert run.output.count(f"PUT {same}.gz TO") == 1
            assert "192.0.2.77" not in run.output + json.dumps(dict(run[0].fields))
            assert "c000024d" not in run.output.lower()
    with subtests.test("nothing of it stays"):
        assert left_behind(host) == []


@pytest.mark.every_core
@pytest.mark.usefixtures("files")
def test_lists_of_several_groups_and_roles_are_found_for_each_host(
    host: Host, subtests: pytest.Subtests
) -> None:
    role = host.scratch / "roles" / "blocking"
    (role / "files").mkdir(parents=True)
    (role / "tasks").mkdir()
    (role / "files" / "of_role.txt").write_text("192.0.2.79 3\n")
    of_role = listed("{{ inventory_hostname }}_role", "of_role.txt")
    called = {
        "ansible.builtin.include_role": {"name": "ebpf.pinning.bpf_maps"},
        "vars": {"bpf_maps": [listed("{{ inventory_hostname }}_called", "of_role.txt")]},
    }
    tasks = [task("bpf_map_pinned", **of_role), called]
    (role / "tasks" / "main.yml").write_text(json.dumps(tasks))
    hosts = dict.fromkeys(("north", "south"), host.site.local)
    inventory = host.scratch / "two.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    variables = {
        "bpf_host_maps__group": [listed("{{ inventory_hostname }}_joined")],
        "bpf_host_maps": [listed("{{ inventory_hostname }}_own", "blocked.txt.gz")],
    }
    plays = [
        {
            "hosts": "north,south",
            "gather_facts": False,
            "vars": variables,
            "roles": ["blocking", "ebpf.pinning.bpf_host"],
        }
    ]
    file = host.scratch / "play.yml"
    file.write_text(json.dumps(plays))
    run = host.ansible_playbook(str(file), "-i", str(inventory))
    assert run.code == 0, run.output
    for name in hosts:
        with subtests.test(name):
            for of in ("role", "called"):
                assert dump(host, f"{name}_{of}") == {bytes([192, 0, 2, 79]): 3}
            assert dump(host, f"{name}_joined") == dump(host, f"{name}_own") == BOTH
    assert left_behind(host) == []


@pytest.mark.every_core
@pytest.mark.parametrize("pipelining", ["true", "false"])
def test_the_playbook_sends_lists_over_ssh_to_each_host(
    site: Site, tmp_path_factory: pytest.TempPathFactory, pipelining: str
) -> None:
    tmp_path = tmp_path_factory.mktemp("fleet")  # a short path, for the sockets of ssh
    with site.fleet(tmp_path, 2) as fleet:
        (tmp_path / "blocked.gz").write_bytes(gzip.compress(LINES.encode()))
        maps = [listed("one", "{{ inventory_dir }}/blocked.gz"), listed("own", "{{ of_host }}")]
        for name in fleet.names:
            (tmp_path / f"{name}.txt").write_text(LINES)
        each = {name: {"of_host": f"{tmp_path}/{name}.txt"} for name in fleet.names}
        fleet.write_inventory({"bpffs_opts": [], "bpf_maps": maps}, **each)
        settings = {**fleet.environment(), "ANSIBLE_PIPELINING": pipelining}
        environment = site.environment(**settings)
        del environment["ANSIBLE_CALLBACKS_ENABLED"]
        words = ["-i", str(fleet.inventory), "ebpf.pinning.provision"]
        code, output = seen([site.playbook_command, *words], environment)
        assert code == 0, output
        for name in fleet.names:
            for path in (f"{BPFFS}/one", f"{BPFFS}/own"):
                told = fleet.run(name, f"bpftool -j map dump pinned {path}")
                assert {_raw(each["key"]) for each in json.loads(told)} == {*BOTH}
        assert list((site.scratch / "home" / "remote").glob("*")) == []


@pytest.mark.every_core
def test_a_list_that_is_encrypted_is_decrypted_on_the_way(host: Host, files: Path) -> None:
    password = host.scratch / "password"
    password.write_text("secret\n")
    tool = Path(host.site.playbook_command).with_name("ansible-vault")
    words = ["encrypt", "--vault-password-file", str(password), str(files / "blocked.txt")]
    subprocess.run([tool, *words], check=True, env=host.site.environment(), capture_output=True)
    assert LINES not in (files / "blocked.txt").read_text()
    tasks = [task("bpf_map_pinned", **listed("one"))]
    (without,) = host.playbook(tasks)
    assert without.msg.startswith("entries_from: blocked.txt cannot be read on the controller: ")
    (done,) = host.playbook(tasks, "--vault-password-file", str(password))
    done.good()
    assert dump(host, "one") == BOTH
    kept = [each for each in (host.site.scratch / "home" / "local").rglob("*") if each.is_file()]
    assert not any(LINES.encode() in each.read_bytes() for each in kept)
    assert left_behind(host) == []


def test_whoever_runs_the_module_can_read_the_list(
    host: Host, files: Path, subtests: pytest.Subtests
) -> None:
    """What is wrong with the list is told before what an unprivileged user may not do."""
    before = host.inventory()
    (files / "bad.txt").write_text("192.0.2.77 1\n192.0.2.78 x\n")
    told = "map one: bad.txt: line 2: value: "
    cases: dict[str, Fields] = {
        "root": {},
        "nobody, by root": host.as_nobody(),
        "nobody, by root, without pipelining": {
            **host.as_nobody(),
            "vars": {**host.as_nobody()["vars"], "ansible_pipelining": False},
        },
    }
    tasks = [
        task("bpf_map_pinned", **listed("one", "bad.txt"), keywords=words)
        for words in cases.values()
    ]
    for about, result in zip(cases, host.playbook(tasks), strict=True):
        with subtests.test(about):
            assert result.msg.startswith(told), result
    assert host.inventory() == before
    assert left_behind(host) == []


REFUSED: dict[str, tuple[Fields, str]] = {
    "no file": (
        {"src": "nowhere.txt"},
        "entries_from: nowhere.txt is not on the controller, where it was looked for at ",
    ),
    "a directory": ({"src": "folder"}, "entries_from: folder is no file on the controller ("),
    "a device": ({"src": "/dev/zero"}, "entries_from: /dev/zero is no file on the controller"),
    "zeros without end": ({"src": "large"}, "is larger than 1024 MiB: split it into lists"),
    "what only we say": ({"src": "blocked.txt", "shown": "x"}, "entries_from.shown"),
    "no path": ({"src": ""}, "missing required arguments: src found in entries_from"),
    "half a path on the host": (
        {"src": "nowhere.txt", "remote_src": True},
        "entries_from.src 'nowhere.txt' is not absolute: write the whole path",
    ),
    "no file on the host": (
        {"src": "/nowhere.txt", "remote_src": True},
        "nowhere.txt does not exist: declare the path of the list",
    ),
}


@pytest.mark.every_core
def test_a_list_that_is_not_there_changes_nothing(
    host: Host, files: Path, subtests: pytest.Subtests
) -> None:
    before = host.inventory()
    (files / "folder").mkdir()
    with (files / "large").open("wb") as large:
        large.truncate(2 << 30)
    tasks = [
        task("bpf_map_pinned", name="one", **MAP, entries_from=source)
        for source, _text in REFUSED.values()
    ]
    run = host.playbook(tasks)
    for (about, (_source, text)), result in zip(REFUSED.items(), run, strict=True):
        with subtests.test(about):
            assert result.failed
            assert text in result.msg, result
    assert f"{files}/nowhere.txt, " in run[0].msg
    assert host.inventory() == before
    assert left_behind(host) == []
