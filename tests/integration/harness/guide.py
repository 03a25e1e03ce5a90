# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of docs/, whose examples a test runs as they stand there."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from .host import Host
from .playbook import Run
from .site import CHECKOUT


class Guide:
    """The blocks of one page, and a host they are run on."""

    def __init__(self, host: Host, page: str) -> None:
        self.host = host
        self.text = (CHECKOUT / "docs" / page).read_text()
        self.folder: Path = host.scratch
        (self.folder / "files").mkdir(exist_ok=True)
        groups = {"edge": {"hosts": {"localhost": {}}}}
        (self.folder / "groups.yml").write_text(json.dumps(groups))

    def blocks(self, language: str) -> list[str]:
        """What stands between fences of this language, in the order of the page."""
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.M | re.S)

    def run(self, *words: str) -> Run:
        """Run ansible-playbook for a host of the group edge."""
        return self.host.ansible_playbook("-i", str(self.folder / "groups.yml"), *words)

    def run_twice(self, *words: str) -> Run:
        """The same, and again: the first run changes something, the second nothing. The first."""
        first, second = (self.run(*words) for _twice in range(2))
        assert first.code == second.code == 0, first.output + second.output
        assert re.search(r" changed=[1-9]", first.output), first.output
        assert re.search(r" changed=0 ", second.output), second.output
        return first

    def play(self, text: str, *options: str) -> Run:
        """Run a playbook of the page, or part of one."""
        return self.run(self._written(text), *options)

    def play_twice(self, text: str, *options: str) -> Run:
        """The same, as `run_twice` does."""
        return self.run_twice(self._written(text), *options)

    def provision_twice(self, variables: str) -> Run:
        """Run the playbook of the collection with variables of the page, as `run_twice` does."""
        return self.run_twice("ebpf.pinning.provision", "-e", f"@{self._written(variables)}")

    def _written(self, text: str) -> str:
        file = self.folder / "written.yml"
        file.write_text(text)
        return str(file)

    def shell(self, script: str, before: Sequence[str] = ()) -> str:
        """What commands of the page print, in the folder of the page's files."""
        here = f"cd {self.folder}/files\n{script}"
        return self.host.run(*before, "sh", "-ec", here).stdout
