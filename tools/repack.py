# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: packs a tarball of `ansible-galaxy collection build` anew, so that it depends on nothing
but the names, the contents and the executable bits of its files, and SOURCE_DATE_EPOCH.

    repack.py BUILT TARBALL

What differs between two builds otherwise: the order in which a folder is listed, which is also that
of FILES.json, and with it its checksum in MANIFEST.json; and the times in tar and gzip headers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
from typing import Any


def main(built: str, tarball: str) -> None:
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
            member.mtime = int(os.environ["SOURCE_DATE_EPOCH"])
            member.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            member.mode = 0o755 if data is None or name in executable - {*first} else 0o644
            member.size = len(data or b"")
            archive.addfile(member, io.BytesIO(data or b""))
    # As an object: what gzip.compress writes into the header differs from Python to Python.
    with open(tarball, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped:
        zipped.write(packed.getvalue())


def _json(data: Any) -> bytes:
    return json.dumps(data, indent=1).encode()


main(*sys.argv[1:])
