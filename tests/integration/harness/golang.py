# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A loader of another family: cilium/ebpf, in Go, with the library of the system."""

from __future__ import annotations

import subprocess

from .site import HERE, Site


def loader(site: Site) -> str:
    """The path of go/reuse.go, compiled. Once a session."""
    program = site.scratch / "go" / "reuse"
    environment = {
        "PATH": site.environment()["PATH"],
        "CGO_ENABLED": "0",
        "GO111MODULE": "off",
        "GOCACHE": str(site.scratch / "go" / "cache"),
        "GOFLAGS": "",
        "GOPATH": "/usr/share/gocode",
        "HOME": site.environment()["HOME"],
    }
    build = ["go", "build", "-o", program, HERE / "go" / "reuse.go"]
    if not program.exists():
        subprocess.run(build, env=environment, check=True)
    return str(program)
