# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Object files loaded by `_core.loader` on a host, and what has become of it, told as JSON."""

from __future__ import annotations

import json
from typing import Any

from harness.host import BPFFS, Host

# Given a request, loads it, pins what comes back below a directory, and tells what that was.
DRIVER = """
import json, os, sys
given = json.load(sys.stdin)
sys.path.insert(0, given["core"])
sys.dont_write_bytecode = True
from _core import kernel
from _core.loader.load import load
from _core.loader.request import LoadError, LoadRequest
from _core.object_file.read import read
from _core.trusted_file import read_trusted

def state():
    with open("/proc/thread-self/children") as children:
        return sorted(os.listdir("/proc/self/fd")), children.read()

found = read(read_trusted(given["object"]))
fds = {name: kernel.get(path.encode()) for name, path in given["maps"].items()}
data = {name: bytes.fromhex(text) for name, text in given["data"].items()}
content = found.without_slots(fds) if given["dropped"] else found.without_slots([])
before = state()
try:
    with load(LoadRequest(
        content, tuple(given["programs"]), fds, data, types=found.types, **given["more"]
    )) as loaded:
        directory = os.open(given["directory"], os.O_PATH)
        for name, fd in {**loaded.programs, **loaded.maps}.items():
            kernel.pin_at(fd, directory, name.replace(".", "_").encode())
        os.close(directory)
        told = {"libbpf": loaded.libbpf, "log": loaded.log}
except LoadError as error:
    told = {
        "error": type(error).__name__, "text": str(error), "log": error.log,
        "program": getattr(error, "program", ""), "errno": getattr(error, "errno", 0),
        "lines": getattr(error, "last_lines", ()),
    }
told["left"] = state() != before
told["mapped"] = "libbpf" in open("/proc/self/maps").read()
print(json.dumps(told))
"""


def load(
    host: Host,
    path: str,
    *programs: str,
    maps: dict[str, str] | None = None,
    data: dict[str, str] | None = None,
    libbpf: str = "",
    dropped: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """Load programs of an object file and pin them at BPFFS/NAME, with the maps `returned_maps`.

    `maps` are paths of pins, `data` hexadecimal digits, `libbpf` the folder of another one.
    """
    core = host.site.scratch / "ansible_collections/ebpf/pinning/plugins/module_utils"
    given = {
        "core": str(core),
        "object": path,
        "programs": programs,
        "maps": maps or {},
        "data": data or {},
        "dropped": dropped,
        "directory": BPFFS,
        "more": more,
    }
    request = host.scratch / "request.json"
    request.write_text(json.dumps(given))
    environment = f"EBPF_PINNING_LIBBPF={libbpf}" if libbpf else "LOADING=1"
    script = host.scratch / "load.py"
    script.write_text(DRIVER)
    command = f"exec env {environment} {host.site.python} {script} < {request}"
    told: dict[str, Any] = json.loads(host.shell(command))
    assert not told["left"], "a descriptor or a process is left"
    assert not told["mapped"], "libbpf is in the process that asked"
    return told
