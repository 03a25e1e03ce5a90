# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of the controller a task needs on its host. Pure. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.parsing.convert_bool import boolean

from ..module_utils._core.options import SENT
from ._declared import Arguments

FROM = "entries_from"


def objects_of(arguments: Arguments) -> t.List[str]:
    """The object files that are on the controller, each once, as they are written."""
    return list(dict.fromkeys(each["object"] for each in _loads(arguments) if _is_sent(each)))


def with_objects(
    arguments: Arguments, paths: t.Mapping[str, str], digests: t.Mapping[str, str]
) -> Arguments:
    """The arguments with the paths that these files have on the host, and what must be in them.

    SENT says how users call them, and the digest of each.
    """

    def sent(item: Arguments) -> t.Dict[str, t.Any]:
        return {**item, "object": paths[item["object"]]} if _is_sent(item) else dict(item)

    whole = sent(arguments)
    if _is_list_of_loads(arguments):
        whole["programs"] = [
            sent(each) if isinstance(each, dict) else each for each in arguments["programs"]
        ]
    told = {path: [name, digests[name]] for name, path in paths.items()}
    return {**whole, SENT: {**(arguments.get(SENT) or {}), **told}}


def _loads(arguments: Arguments) -> t.Iterator[Arguments]:
    if _is_list_of_loads(arguments):
        yield from (each for each in arguments["programs"] if isinstance(each, dict))
    else:
        yield arguments


def _is_list_of_loads(arguments: Arguments) -> bool:
    """Whether these are of bpf_host: those of bpf_program_pinned have one file."""
    return "object" not in arguments and isinstance(arguments.get("programs"), list)


def _is_sent(item: Arguments) -> bool:
    if not isinstance(item.get("object"), str) or not item["object"]:
        return False
    remote = item.get("remote_src")
    return remote not in (None, "") and not boolean(remote, strict=False)


def files_of(arguments: Arguments) -> t.List[str]:
    """The files that `entries_from` names on the controller, each once, as they are written."""
    sources = [_source(each) for each in (arguments, *_maps(arguments))]
    return list(dict.fromkeys(each["src"] for each in sources if each is not None))


def with_sent(arguments: Arguments, paths: t.Mapping[str, str]) -> Arguments:
    """The arguments with the paths that these files have on the host; SENT says which is which."""
    whole = _sent(arguments, paths)
    if isinstance(arguments.get("maps"), list):
        whole["maps"] = [
            _sent(each, paths) if isinstance(each, dict) else each for each in arguments["maps"]
        ]
    return {**whole, SENT: {path: name for name, path in paths.items()}}


def _maps(arguments: Arguments) -> t.Iterator[Arguments]:
    maps = arguments.get("maps")
    if isinstance(maps, list):
        yield from (each for each in maps if isinstance(each, dict))


def _source(item: Arguments) -> t.Optional[t.Dict[str, t.Any]]:
    """What `entries_from` says, if it names a file of the controller.

    None if it does not, or if it is wrong, which the module tells.
    """
    source = item.get(FROM)
    if isinstance(source, str):
        try:
            source = check_type_dict(source)
        except TypeError:
            return None
    if not isinstance(source, dict) or boolean(source.get("remote_src"), strict=False):
        return None
    return source if isinstance(source.get("src"), str) and source["src"] else None


def _sent(item: Arguments, paths: t.Mapping[str, str]) -> t.Dict[str, t.Any]:
    source = _source(item)
    if source is None:
        return dict(item)
    return {**item, FROM: {**source, "src": paths[source["src"]]}}
