# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts the playbooks take: where that is said, and where it does not count."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from drift_runs import AGENT, ansible_playbook
from harness.host import Host
from harness.samples import MADE

ALL = ["one", "three", "two"]
UNDEFINED = "'nowhere' is undefined"


@dataclass(frozen=True)
class Said:
    """What is said of the hosts; then which are taken, or the message of a run that takes none."""

    takes: list[str] | str
    extra: dict[str, Any] = field(default_factory=dict)
    of_hosts: dict[str, Any] = field(default_factory=dict)  # in the inventory
    imported: dict[str, Any] = field(default_factory=dict)  # variables of import_playbook
    words: tuple[str, ...] = ()


NAMED = {"$_hosts": "one:two"}
PLAYBOOKS: dict[str, Said] = {
    "nothing": Said(ALL),
    "with -e": Said(["one", "two"], extra=NAMED),
    "as a list": Said(["one", "two"], extra={"$_hosts": ["one", "two"]}),
    "with import_playbook": Said(["one", "two"], imported=NAMED),
    "with a limit": Said(["two"], extra=NAMED, words=("--limit", "two:three")),
    "a pattern that excludes": Said(["two"], extra={"$_hosts": "all:!one:!three"}),
    "an empty text": Said(ALL, extra={"$_hosts": ""}),
    "null": Said(ALL, extra={"$_hosts": None}),
    "null in the inventory": Said(ALL, of_hosts={"one": {"$_hosts": None}}),
    "omit": Said(ALL, extra={"$_hosts": "{{ nowhere | default(omit) }}"}),
    "a variable that is undefined": Said(UNDEFINED, extra={"$_hosts": "{{ nowhere }}"}),
    "a list with one that is undefined": Said(UNDEFINED, extra={"$_hosts": ["{{ nowhere }}"]}),
    "undefined with import_playbook": Said(UNDEFINED, imported={"$_hosts": "{{ nowhere }}"}),
}
NOT_COUNTING = "provision_hosts is one:two in the inventory, where it does not count"
PROVISION: dict[str, Said] = {
    "for all in the inventory": Said(NOT_COUNTING, of_hosts=dict.fromkeys(ALL, NAMED)),
    "for those that are meant": Said(NOT_COUNTING, of_hosts=dict.fromkeys(["one", "two"], NAMED)),
    "for one that is not meant": Said(NOT_COUNTING, of_hosts={"three": NAMED}),
    "in the inventory, and a limit": Said(
        ["one", "two"], of_hosts=dict.fromkeys(ALL, NAMED), words=("--limit", "one,two")
    ),
    "in the inventory, and with -e": Said(["three"], {"$_hosts": "three"}, {"three": NAMED}),
}
CASES = [
    *(("drift", what, said) for what, said in PLAYBOOKS.items()),
    *(("adopt", what, said) for what, said in PLAYBOOKS.items()),
    *(("provision", what, said) for what, said in {**PLAYBOOKS, **PROVISION}.items()),
]


@pytest.mark.every_core
@pytest.mark.parametrize(("name", "what", "said"), CASES, ids=lambda each: str(each)[:40])
def test_a_playbook_takes_the_hosts_that_are_said_and_no_others(
    host: Host, name: str, what: str, said: Said
) -> None:
    def words(variables: dict[str, Any]) -> dict[str, Any]:
        return {key.replace("$", name): value for key, value in variables.items()}

    folder = host.scratch / "out"
    folder.mkdir()
    file = folder / "plays.yml"
    play = {"import_playbook": f"ebpf.pinning.{name}", "vars": words(said.imported)}
    file.write_text(json.dumps([play]))
    declared = {"bpffs_opts": [], "bpf_maps_directory": AGENT, "bpf_maps": [{"name": "a", **MADE}]}
    extra = json.dumps({**declared, **words(said.extra)})
    hosts = {each: words(said.of_hosts.get(each, {})) for each in ALL}
    done = ansible_playbook(host, folder, [str(file), "-e", extra, *said.words], hosts)
    taken = re.findall(r"^(\w+) +: ok=", done.output, re.M)
    if isinstance(said.takes, list):
        assert sorted(taken) == said.takes, f"{what}: {done.output}"
        assert done.code == (2 if name == "drift" else 0)
    else:
        assert said.takes in " ".join(done.output.split()), f"{what}: {done.output}"
        assert done.code != 0
        assert not [path for path in host.inventory() if path.startswith(AGENT)]
