# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one test session prepares once: the collection where Ansible finds it, and C programs."""

from __future__ import annotations

import base64
import grp
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .controller import Controller, Modules
from .fleet import Fleet

HERE = Path(__file__).parents[1]
CHECKOUT = HERE.parents[1]

# Numbers of users and groups that every Linux has, but not everywhere the same.
NOBODY = pwd.getpwnam("nobody").pw_uid
DAEMON = pwd.getpwnam("daemon").pw_uid
DAEMON_GROUP = grp.getgrnam("daemon").gr_gid
ADM_GROUP = grp.getgrnam("adm").gr_gid
# To look for results a thousand times a second is a tenth of the CPU time of a short run.
_SETTINGS = "[defaults]\ninternal_poll_interval = 0.005\n"
REPORTING = {"ANSIBLE_CALLBACKS_ENABLED": "ebpf.pinning.drift_report"}
_PARTS = ("galaxy.yml", "meta", "playbooks", "plugins", "roles")
_LIBBPF = ("-lbpf", "-lelf", "-lz")
# -idirafter: where Debian keeps asm/types.h, which linux/bpf.h includes.
_HEADERS = f"-idirafter/usr/include/{os.uname().machine}-linux-gnu"
_FOR_BPF = ["clang", "-g", "-O2", "-target", "bpf", _HEADERS, "-c"]


def every_python() -> list[str]:
    """Each Python here that a managed node may have; the real file, as in `Site.python`."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    path = os.pathsep.join([os.environ["PATH"], *map(str, pyenv.glob("3.*/bin"))])
    found = [shutil.which(f"python3.{minor}", path=path) for minor in range(8, 15)]
    unpacked = map(str, sorted((CHECKOUT / ".cache" / "pythons").glob("*/usr/bin/python3.*")))
    return [os.path.realpath(python) for python in [*found, *unpacked] if python]


@dataclass(frozen=True)
class Site:
    """`scratch` is a folder for all that the session makes."""

    scratch: Path

    @property
    def python(self) -> str:
        """The interpreter of modules: the one of the tests, or $MANAGED_PYTHON.

        The real file, since links may lead to a shim.
        """
        return os.path.realpath(os.environ.get("MANAGED_PYTHON", sys.executable))

    @property
    def playbook_command(self) -> str:
        """ansible-playbook of the environment that the tests run in."""
        return str(Path(sys.executable).with_name("ansible-playbook"))

    @cached_property
    def controller(self) -> Controller:
        """The same, ready to run with this environment."""
        return self._ready()

    @cached_property
    def reporter(self) -> Controller:
        """The same, with the callback that users enable for a report of any playbook."""
        return self._ready(**REPORTING)

    def _ready(self, **more: str) -> Controller:
        actions = (CHECKOUT / "plugins" / "action").glob("*.py")
        names = [f"ebpf.pinning.{action.stem}" for action in actions]
        return Controller(sys.executable, self.environment(**more), names)

    @cached_property
    def modules(self) -> Modules:
        """An interpreter that has imported what modules import, by way of `python_of_modules`."""
        folder = Path(tempfile.mkdtemp(prefix="modules", dir=self.scratch))
        return Modules(folder, self.program("python"), self.python, self.environment())

    @property
    def python_of_modules(self) -> str:
        """What Ansible runs modules with: see modules.py. By $MANAGED_PYTHON, as users do."""
        return self.python if "MANAGED_PYTHON" in os.environ else self.modules.command

    @property
    def local(self) -> dict[str, str]:
        """Variables of a host of an inventory that is this machine."""
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": self.python_of_modules,
        }

    def fleet(self, scratch: Path, size: int) -> Fleet:
        """Hosts on which modules run as here."""
        names = ("COMPILED_CODE", "LC_ALL", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
        environment = self.environment()
        variables = {name: environment[name] for name in names}
        return Fleet(scratch, size, self.python_of_modules, variables)

    @property
    def python_of_nobody(self) -> str:
        """An interpreter that an unprivileged user may run; root's own is often out of reach."""
        for candidate in (self.python, "/usr/bin/python3", "/usr/local/bin/python3"):
            command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            done = subprocess.run([*command, candidate, "-c", ""], capture_output=True, check=False)
            if done.returncode == 0:
                return candidate
        raise FileNotFoundError("no Python that the user nobody may run")

    def program(self, name: str) -> str:
        """The path of c/NAME.c, compiled."""
        return str(self.scratch / "c" / name)

    def bpf_object(self, name: str) -> str:
        """The path of c/NAME.bpf.c, compiled for BPF."""
        return str(self.scratch / "c" / f"{name}.bpf.o")

    def bpf_variant(self, name: str, *options: str) -> str:
        """The path of c/NAME.bpf.c, compiled with options such as -DLOCK."""
        folder = tempfile.mkdtemp(dir=self.scratch)
        target = Path(folder) / f"{name}.bpf.o"
        source = HERE / "c" / f"{name}.bpf.c"
        subprocess.run([*_FOR_BPF, *options, source, "-o", target], check=True)
        return str(target)

    def btf(self, name: str, key: str, value: str) -> dict[str, object]:
        """The option `btf` with the types of c/NAME.bpf.c that are called `key` and `value`.

        An empty name is type 0, which stands for none.
        """
        blob = self.scratch / "c" / f"{name}.btf"
        dump = ["llvm-objcopy", f"--dump-section=.BTF={blob}", self.bpf_object(name), "/dev/null"]
        subprocess.run(dump, check=True)
        show = ["bpftool", "-j", "btf", "dump", "file", str(blob)]
        types = json.loads(subprocess.run(show, check=True, capture_output=True).stdout)["types"]
        ids = {each["name"]: each["id"] for each in types if each["kind"] in ("STRUCT", "INT")}
        return {
            "data": base64.b64encode(blob.read_bytes()).decode(),
            "key_type_id": ids[key] if key else 0,
            "value_type_id": ids[value],
        }

    def environment(self, **more: str) -> dict[str, str]:
        """For ansible-playbook: nothing of the user's own settings."""
        home = self.scratch / "home"
        return {
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
            "HOME": str(home),
            "TMPDIR": str(home),  # a module that is killed leaves its payload there
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(HERE / "harness" / "startup"),
            "COMPILED_CODE": str(self.scratch / "compiled"),
            "ANSIBLE_CALLBACKS_ENABLED": "result_lines",
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.scratch),
            "ANSIBLE_CONFIG": str(self.scratch / "ansible.cfg"),
            "ANSIBLE_HOME": str(home / ".ansible"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_LOCAL_TEMP": str(home / "local"),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_REMOTE_TEMP": str(home / "remote"),
            **more,
        }

    def prepare(self) -> None:
        """Fill the scratch folder."""
        (self.scratch / "home").mkdir()
        (self.scratch / "compiled").mkdir()
        (self.scratch / "ansible.cfg").write_text(_SETTINGS)
        self._install_collection()
        self._compile()

    def close(self) -> None:
        """End what runs for all tests."""
        for each in ("controller", "reporter", "modules"):
            if each in vars(self):
                vars(self)[each].close()

    def _install_collection(self) -> None:
        # A copy: the checkout may be edited while the tests run.
        target = self.scratch / "ansible_collections" / "ebpf" / "pinning"
        target.mkdir(parents=True)
        for part in _PARTS:
            source = CHECKOUT / part
            if source.is_dir():
                shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("*.pyc"))
            else:
                shutil.copy(source, target)

    def _compile(self) -> None:
        (self.scratch / "c").mkdir()
        processes = []
        for source in sorted((HERE / "c").glob("*.c")):
            target = self.scratch / "c" / source.stem
            if source.stem.endswith(".bpf"):
                command = _FOR_BPF
                libraries, target = (), target.with_suffix(".bpf.o")
            else:
                command, libraries = ["gcc", "-Wall", "-Wextra", "-Werror", "-O2"], _LIBBPF
            processes.append(subprocess.Popen([*command, source, "-o", target, *libraries]))
        for process in processes:
            if process.wait():
                raise subprocess.CalledProcessError(process.returncode, process.args)
