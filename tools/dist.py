# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: builds the tarball that ansible-galaxy installs, from the files that git tracks.

    dist.py FOLDER

The same files and the same commit time make the same tarball, to the byte: it depends on nothing
else (https://reproducible-builds.org). SOURCE_DATE_EPOCH, in seconds, takes the place of the commit
time. What `ansible-galaxy collection build` writes is packed anew: otherwise two builds differ in
the order in which a folder is listed, which is also that of FILES.json, and with it its checksum in
MANIFEST.json; and in the times in tar and gzip headers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def main(folder: str) -> None:
    with TemporaryDirectory() as scratch:
        _run(ROOT / "tools/copy", f"{scratch}/sources")
        galaxy = Path(sys.executable).with_name("ansible-galaxy")
        build = (galaxy, "collection", "build", "--output-path", scratch, f"{scratch}/sources")
        _run(*build, env={**os.environ, "HOME": scratch})
        (built,) = Path(scratch).glob("*.tar.gz")
        tarball = Path(folder, built.name)
        tarball.parent.mkdir(parents=True, exist_ok=True)
        time = os.environ.get("SOURCE_DATE_EPOCH") or _run("git", "log", "-1", "--format=%ct")
        tarball.write_bytes(pack(built, int(time)))
    if _run("git", "status", "--porcelain", "--untracked-files=no"):
        print("==> with changes that are not committed")
    print(f"{hashlib.sha256(tarball.read_bytes()).hexdigest()}  {tarball}")


def pack(built: Path, time: int) -> bytes:
    """The tarball with the same names, contents and executable bits."""
    with tarfile.open(built) as archive:
        content: dict[str, bytes | None] = {}
        executable = set()
        for member in archive:
            if not (member.isfile() or member.isdir()):
                sys.exit(f"{member.name} is no file and no directory")
            file = archive.extractfile(member)
            content[member.name] = file.read() if file else None
            if member.mode & 0o100:
                executable.add(member.name)

    files = json.loads(content.pop("FILES.json") or b"")
    files["files"].sort(key=lambda row: row["name"])
    manifest = json.loads(content.pop("MANIFEST.json") or b"")
    listed = _json(files)
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(listed).hexdigest()

    # The manifest first: what reads only that need not unpack the rest.
    first = {"MANIFEST.json": _json(manifest), "FILES.json": listed}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in [*first.items(), *sorted(content.items())]:
            member = tarfile.TarInfo(name)
            member.mtime = time
            member.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            member.mode = 0o755 if data is None or name in executable - {*first} else 0o644
            member.size = len(data or b"")
            archive.addfile(member, io.BytesIO(data or b""))
    # As an object: what gzip.compress writes into the header differs from Python to Python.
    zipped = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=zipped, mtime=0) as file:
        file.write(packed.getvalue())
    return zipped.getvalue()


def _json(data: Any) -> bytes:
    return json.dumps(data, indent=1).encode()


def _run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    ran = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return ran.stdout.strip()


main(*sys.argv[1:])
