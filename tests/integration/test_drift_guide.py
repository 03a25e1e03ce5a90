# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/drift.md as it stands: commands, options, exit codes, and where it runs by itself."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.drift import FORMS, read_json, read_junit, read_markdown, read_prometheus
from harness.guide import Guide
from harness.host import Host
from harness.samples import AGENT, NOWHERE, SECRET
from harness.shipped import build
from harness.terminal import seen
from restoring import keep_apart

MAPS = [
    {"name": name, "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 1}
    for name in ("counts", "flows")
]  # as Host.make_pin makes them
DECLARED = {"bpffs_opts": [], "bpf_maps_directory": AGENT, "bpf_maps": MAPS}


class Drift(Guide):
    """The page, and a repository with an inventory as the page's commands name it."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, "drift.md")
        self.commands = re.findall(r"^    (ansible-playbook .*)$", self.text, re.M)
        self.folder = host.scratch / "repository"
        self.variables = self.folder / "inventory" / "group_vars" / "edge"
        self.variables.mkdir(parents=True)
        (self.variables / "maps.yml").write_text(json.dumps(DECLARED))
        self.inventory()
        host.shell(f"mkdir {AGENT}")
        for name in ("counts", "flows"):
            host.make_pin(f"{AGENT}/{name}")

    def inventory(self, **more: Any) -> None:
        """The host edge-1, which is this one, and others."""
        hosts = {"edge": {"hosts": {"edge-1": self.host.site.local, **more}}}
        (self.folder / "inventory" / "hosts.yml").write_text(json.dumps(hosts))

    def run(self, script: str, **more: str) -> tuple[int, str]:
        """What becomes of commands that a user gives in the repository: exit code and output."""
        site = self.host.site
        environment = site.environment()
        del environment["ANSIBLE_CALLBACKS_ENABLED"]
        environment["PATH"] = f"{Path(site.playbook_command).parent}:{environment['PATH']}"
        inside = self.host.inside("sh", "-ec", f"cd {self.folder}\n{script}")
        return seen(inside, {**environment, **more})

    def report(self, name: str = "drift.json") -> dict[str, Any]:
        return read_json((self.folder / name).read_text())


@pytest.fixture
def drift(host: Host) -> Drift:
    return Drift(host)


def test_exit_codes_are_those_of_the_table(drift: Drift) -> None:
    command = drift.commands[0]
    documented = [int(code) for code in re.findall(r"^\| (\d) \|", drift.text, re.M)]
    assert "`-e drift_fail=false`" in drift.text
    codes = [drift.run(command)[0]]
    drift.host.shell(f"rm {AGENT}/flows")
    codes.append(drift.run(command)[0])
    assert drift.run(f"{command} -e drift_fail=false")[0] == 0
    codes.append(drift.run(f"{command} -e drift_hosts=nobody")[0])
    drift.inventory(**{"edge-2": NOWHERE})
    codes.append(drift.run(command)[0])
    assert codes == documented
    page = (drift.folder / "drift.html").read_text()
    assert "edge-2" in page


def test_options_are_those_of_the_table_in_each_way(
    drift: Drift, subtests: pytest.Subtests
) -> None:
    rows = re.findall(r"^\| `(drift_\w+)` \| `(\w+)` \|", drift.text, re.M)
    forms = {f"drift_{form}": f"drift.{end}" for form, end in FORMS.items()}
    assert {option for option, _variable in rows} == {*forms, "drift_previous", "drift_table"}
    forms["drift_previous"] = "drift.json"

    def values(folder: str) -> dict[str, str]:
        (drift.folder / folder).mkdir(exist_ok=True)
        return {
            option: f"../before/{name}" if option == "drift_previous" else name
            for option, name in forms.items()
        }

    plain = drift.commands[0].partition(" -e ")[0].replace(" inventory ", " ../inventory ")
    before = [f"-e {option}={value}" for option, value in values("before").items()]
    code, output = drift.run(f"cd before; {plain} {' '.join(before)}")
    assert code == 0, output
    made = drift.report("before/drift.json")
    assert made["previous"] is None

    def check(folder: str, code: int, output: str) -> None:
        assert code == 0, output
        written = {path.name for path in (drift.folder / folder).glob("drift.*")}
        assert written == set(forms.values())
        assert drift.report(f"{folder}/drift.json")["previous"] == made["made"]

    with subtests.test("the environment: relative to where the command is started"):
        chosen = values("environment")
        environment = {
            variable: chosen[option] for option, variable in rows if option != "drift_table"
        }
        check("environment", *drift.run(f"cd environment; {plain}", **environment))
    with subtests.test("ansible.cfg: relative to that file"):
        lines = [f"{option} = {value}" for option, value in values("settings").items()]
        settings = drift.folder / "settings" / "ansible.cfg"
        settings.write_text("\n".join(["[ebpf_pinning]", *lines, ""]))
        words = plain.replace("../inventory", "inventory")
        check("settings", *drift.run(words, ANSIBLE_CONFIG=str(settings)))


def test_history_is_what_the_page_says(drift: Drift) -> None:
    (command,) = (each for each in drift.commands if "drift_previous" in each)
    told = []
    for script in (":", f"rm {AGENT}/flows", ":", f"rm {AGENT}/counts"):
        drift.host.shell(script)
        code, output = drift.run(command)
        assert code in (0, 2), output
        assert "previous" not in output
        (host,) = drift.report()["report"]
        told.append({pin["path"].rpartition("/")[2]: pin["history"] for pin in host["pins"]})
    assert told == [{}, {"flows": "new"}, {"flows": "still"}, {"flows": "still", "counts": "new"}]
    drift.host.make_pin(f"{AGENT}/flows")
    drift.run(command)
    (host,) = drift.report()["report"]
    assert host["gone"] == [{"path": f"{AGENT}/flows", "state": "missing"}]


def test_reports_are_merged_as_the_page_says(drift: Drift, subtests: pytest.Subtests) -> None:
    names = [f"edge-{number}" for number in range(1, 5)]
    drift.inventory(**dict.fromkeys(names[1:], drift.host.site.local))
    reports = drift.folder / "reports"
    reports.mkdir()
    (merging,) = (each for each in drift.commands if "drift_reports" in each)
    with subtests.test("slices, one after the other"):
        for name in names:
            code, output = drift.run(
                f"{drift.commands[0]} --limit {name} -e drift_json=reports/{name}.json"
            )
            assert code == 0, output
        (drift.folder / "drift.html").unlink()
        code, output = drift.run(f"{merging} -e drift_json=drift.json")
        assert code == 0, output
        assert [host["host"] for host in drift.report()["report"]] == names
        assert (drift.folder / "drift.html").exists()
    for file in reports.iterdir():
        file.unlink()
    with subtests.test("slices at once, by ansible-runner"):
        (script,) = drift.blocks("sh")
        (drift.folder / "slices").mkdir()
        (drift.folder / "slices" / "inventory").symlink_to("../inventory")
        script = script.replace("/reports", str(reports)).replace("249", "0").replace("250", "1")
        code, output = drift.run(f"{script.rstrip()} -e drift_json=drift.json")
        assert code == 0, output
        assert len(list(reports.iterdir())) == 4
        assert [host["host"] for host in drift.report()["report"]] == names


def test_what_the_host_does_at_boot_is_compared_too(drift: Drift) -> None:
    keep_apart(drift.host)
    boot = {**DECLARED, "bpf_maps_restore_at_boot": True}
    (drift.variables / "maps.yml").write_text(json.dumps(boot))
    manifest = "/etc/ebpf-pinning/restore.d/sys-fs-bpf-agent.json"
    provision = "ansible-playbook -i inventory ebpf.pinning.provision"

    def found() -> tuple[int, dict[str, str]]:
        code, output = drift.run(f"{drift.commands[0]} -e drift_json=drift.json")
        assert code in (0, 2), output
        (host,) = drift.report()["report"]
        return code, {pin["path"]: pin["state"] for pin in host["pins"]}

    code, pins = found()
    assert (code, pins[manifest]) == (2, "different")
    drift.host.run("test", "!", "-e", manifest)
    code, output = drift.run(provision)
    assert code == 0, output
    assert found() == (0, {})
    drift.host.shell(f"echo '{{}}' >{manifest}")
    assert found() == (2, {manifest: "different"})
    assert drift.host.shell(f"cat {manifest}") == "{}\n"


def test_the_job_of_ci_installs_looks_and_keeps_what_is_vaulted(drift: Drift) -> None:
    """Its script as it stands, by a user who has no collection yet."""
    (job,) = (
        yaml.safe_load(block)["drift"] for block in drift.blocks("yaml") if "script:" in block
    )
    tarball = build(drift.folder)
    requirement = {"name": tarball.name, "type": "file"}
    (drift.folder / "requirements.yml").write_text(json.dumps({"collections": [requirement]}))
    password = drift.host.scratch / "password"
    password.write_text("of the vault")
    vault = {"ANSIBLE_VAULT_PASSWORD_FILE": str(password)}
    secrets = {"ansible_become_password": SECRET, "api": SECRET, "bpf_maps_mode": "0640"}
    (drift.variables / "vault.yml").write_text(json.dumps(secrets))
    code, output = drift.run(f"ansible-vault encrypt {drift.variables}/vault.yml")
    assert code, "no password, no vault"
    code, output = drift.run(f"ansible-vault encrypt {drift.variables}/vault.yml", **vault)
    assert code == 0, output
    assert SECRET not in (drift.variables / "vault.yml").read_text()

    home = drift.host.scratch / "home"
    home.mkdir()
    user = {"HOME": str(home), "ANSIBLE_HOME": str(home / ".ansible"), **vault}
    user["CI_BUILDS_DIR"] = str(drift.folder)
    drift.folder.chmod(0o777)  # as GitLab's runner has it
    collections = {"ANSIBLE_COLLECTIONS_PATH": str(home / ".ansible" / "collections")}
    code, output = drift.run("\n".join(job["script"]), **user, **collections)
    assert code == 2, output
    assert (home / ".ansible/collections/ansible_collections/ebpf/pinning").is_dir()
    # The mode that is off is known from the vault only.
    (markdown,) = job["artifacts"]["paths"]
    rows = read_markdown((drift.folder / markdown).read_text())
    assert [row[1:3] for row in rows] == [
        [f"`{AGENT}/{name}`", "owner or mode off"] for name in ("counts", "flows")
    ]
    junit = (drift.folder / job["artifacts"]["reports"]["junit"]).read_text()
    outcomes = read_junit(junit)["edge-1"]
    assert [outcomes[f"{AGENT}/{name}"] for name in ("counts", "flows")] == ["failure"] * 2
    assert job["artifacts"]["when"] == "always"
    assert SECRET not in output + junit + (drift.folder / markdown).read_text()


def test_a_host_without_a_controller_compares_itself(drift: Drift) -> None:
    """The service's ExecStart as it stands, but for where ansible-pull and the repository are."""
    host = drift.host
    (playbook,) = (each for each in drift.blocks("yaml") if each.startswith("- import_playbook"))
    (drift.folder / "drift.yml").write_text(playbook)
    drift.inventory(**{"edge-2": NOWHERE})
    identity = "git -c user.name=test -c user.email=test@localhost"
    code, output = drift.run(f"git init -q .; git add .; {identity} commit -qm Declare")
    assert code == 0, output

    service, timer = drift.blocks("ini")
    pull = Path(host.site.playbook_command).with_name("ansible-pull")
    service = service.replace("/usr/bin/ansible-pull", str(pull))
    units = host.scratch / "units"
    units.mkdir()
    for unit in (service, timer):
        name = re.search(r"^# /etc/systemd/system/(\S+)$", unit, re.M)
        assert name
        (units / name[1]).write_text(unit)
    (command,) = re.findall(r"^ExecStart=(.*)$", service, re.M)
    words = shlex.split(command)
    url = words[words.index("--url") + 1]
    by_file = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{drift.folder}.insteadOf",
        "GIT_CONFIG_VALUE_0": url,
    }
    host.shell("mount -t tmpfs tmpfs /var/lib; mkdir -p /var/lib/node_exporter/textfile")
    named = f"cd /; exec unshare --uts sh -ec 'hostname edge-1; exec {command}'"
    states = []
    for script in (":", f"rm {AGENT}/flows"):
        host.shell(script)
        code, output = drift.run(named, **by_file)
        text = host.shell("cat /var/lib/node_exporter/textfile/ebpf_pinning.prom")
        samples = read_prometheus(text)
        assert not [key for key in samples if "edge-2" in key], "only the host itself"
        drifting = samples["ebpf_pinning_host_state", "edge-1", "drift"]
        states.append((code, drifting, samples["ebpf_pinning_pins", "edge-1", "missing"]))
    assert states == [(0, 0, 0), (2, 1, 1)], output
    assert re.search(rf"^edge-1 +missing +{AGENT}/flows", output, re.M), output
    verified = host.run("systemd-analyze", "verify", *map(str, units.iterdir()), check=False)
    assert verified.returncode == 0, verified.stderr
    assert str(units) not in verified.stderr
