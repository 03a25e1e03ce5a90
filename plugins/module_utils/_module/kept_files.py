# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Object files and lists that a host keeps beside its manifest. Private to this collection.

Each is called after what is in it, so a manifest never means a file that changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import typing as t
from contextlib import suppress

from .._core.errors import NotThere
from .._core.files import explained
from .._core.kinds.programs import reading
from .._core.list_file import opened
from .._core.people import Awaited
from .host_program import HostFile
from .report import Dictionary

Lists = t.Mapping[str, t.Sequence[Dictionary]]


class Kept(t.NamedTuple):
    """What is declared, with the paths of files that the host keeps, and these files."""

    declared: Lists
    files: t.List[HostFile]


def keep(declared: Lists, directory: str, awaited: t.Optional[Awaited]) -> Kept:
    """Return what is declared as the host can put it back by itself.

    In a check a file may be missing that a task before makes: it is `awaited`.
    """
    files: t.Dict[str, HostFile] = {}

    def kept(content: bytes, shown: str) -> Dictionary:
        digest = hashlib.sha256(content).hexdigest()
        name = re.sub("[^A-Za-z0-9_.]+", "_", os.path.basename(shown))[-_LONGEST:]
        path = f"{directory}/{name}-{digest[:16]}"
        files[path] = HostFile(path, content, 0o600)
        return {"path": path, "digest": digest, "shown": shown}

    def programs() -> t.Iterator[Dictionary]:
        for item in declared["programs"]:
            try:
                content = reading.content_of(item)
                file = kept(content, str(item.get("shown") or item["object"]))
                named = _named(item, content)
                yield {**_but(item, "remote_src"), **_object(file), "programs": named}
            except NotThere as error:
                if awaited is None:
                    raise
                awaited[str(error)] = None

    def maps() -> t.Iterator[Dictionary]:
        for item in declared["maps"]:
            source = item.get("entries_from")
            if not source or source.get("remote_src"):
                yield item
                continue
            with opened(source["src"]) as listed:
                content = b"".join(listed.blocks())
            file = kept(content, str(source.get("shown") or source["src"]))
            yield {**item, "entries_from": {**source, **_list(file)}}

    whole = {**declared, "programs": list(programs()), "maps": list(maps())}
    return Kept(whole, list(files.values()))


def stale(directory: str, wanted: t.Collection[str]) -> t.List[HostFile]:
    """Return the files of ours in `directory`, other than `wanted`, as such that are to go."""
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    paths = [f"{directory}/{name}" for name in names if _OURS.search(name)]
    return [HostFile(path, None) for path in paths if path not in wanted]


def settle_directory(directory: str) -> None:
    """Remove the directory of kept files, if there is nothing in it any more."""
    with explained(directory), suppress(FileNotFoundError, NotADirectoryError):
        if not os.listdir(directory):
            os.rmdir(directory)


def _object(file: Dictionary) -> Dictionary:
    return {"object": file["path"], "digest": file["digest"], "shown": file["shown"]}


def _list(file: Dictionary) -> Dictionary:
    told = {"digest": file["digest"], "shown": file["shown"]}
    return {"src": file["path"], "remote_src": True, **told}


def _named(item: Dictionary, content: bytes) -> t.List[Dictionary]:
    """The programs by name, so that their pins are known whatever becomes of the file."""
    if item.get("programs") is None:
        return [{"name": name} for name in reading.names_in(content)]
    chosen = (each for each in item["programs"] if each.get("autoload") is not False)
    return [_but(each, "autoload") for each in chosen]


def _but(item: Dictionary, option: str) -> Dictionary:
    return {key: value for key, value in item.items() if key != option}


_LONGEST = 100  # characters of a name, less the digest
_OURS = re.compile("-[0-9a-f]{16}$")
