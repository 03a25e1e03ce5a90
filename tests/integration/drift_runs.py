# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ansible-playbook with the callback drift_report, against local hosts; what they said."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drift_table import declare, task
from harness.drift import FORMS, Json, by_host, read_all
from harness.host import Host
from harness.samples import AGENT


@dataclass(frozen=True)
class Done:
    """A run of ansible-playbook. `folder` is where its reports are."""

    code: int
    output: str
    folder: Path

    @property
    def table(self) -> str:
        """What the callback printed. It must have done so once."""
        _before, table = re.split(r"^DRIFT \*+\n", self.output, flags=re.M)
        return table

    @property
    def hosts(self) -> dict[str, Json]:
        """What all forms say, once they are sound and agree."""
        return by_host(read_all(self.folder))


def ansible_playbook(
    host: Host, folder: Path, words: Sequence[str], hosts: Mapping[str, Json], **more: str
) -> Done:
    """Run ansible-playbook with `words`, in `folder`, against local `hosts`."""
    folder.mkdir(exist_ok=True)
    inventory = folder / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": host.site.local}}))
    code, output = host.report(folder, ["-i", str(inventory), *words], **more)
    return Done(code, output, folder)


def by_environment(folder: Path) -> dict[str, str]:
    """All forms, asked for by variables of the environment."""
    return {
        f"EBPF_PINNING_DRIFT_{form.upper()}": f"{folder}/drift.{suffix}"
        for form, suffix in FORMS.items()
    }


def playbook(folder: Path, *plays: Json) -> str:
    """Write a playbook; the path of its file."""
    folder.mkdir(exist_ok=True)
    file = folder / "plays.yml"
    file.write_text(json.dumps(plays))
    return str(file)


def play(*tasks: Json, **words: object) -> Json:
    text = json.dumps(tasks).replace("$D", AGENT)
    return {"hosts": "all", "gather_facts": False, "tasks": json.loads(text), **words}


def look(*names: str, **more: object) -> Json:
    return play(task(declare(*names, **more), check_mode=True))
