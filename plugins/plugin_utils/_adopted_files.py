# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts were told to be like -> files of variables. Pure. Private to this collection.

What all hosts of a group have in common is in the file of the group, once; the rest is in the file
of each host. What a host says of itself must not lead the controller anywhere: only options are
taken that declare what is there, and no template is one in a file.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

from ..module_utils._core.adopt.describe import NAMED, Lists, shared_directory
from ..module_utils._core.adopt.observed import Item
from ..module_utils._core.adopt.variables import LIST_NAMES, lists_of, scalars_of, text_of
from ..module_utils._core.adopt.yaml_text import Template
from ..module_utils._core.options import (
    CONTENT,
    DIRECTORY,
    LINK,
    MAP,
    MOUNT,
    OBJECT,
    PROGRAMS,
)

Hosts = t.Mapping[str, Lists]
Groups = t.Mapping[str, t.Sequence[str]]

_OPTIONS = {
    "mounts": MOUNT,
    "directories": DIRECTORY,
    "maps": MAP,
    "programs": PROGRAMS,
    "links": LINK,
    "objects": OBJECT,
}
# These have files of the controller read, or say what is to happen.
_NOT_TAKEN = {"entries_from", "entries_swap", "remote_src", "on_mismatch", "state"}
OF_HOSTS = "__host"  # what variables of hosts end in that add to those of groups


BTF = "bpf_btf"  # the folder that files with BTF are in


class AdoptedFile(t.NamedTuple):
    """A file of variables, of a group or of a host; or one that these read."""

    folder: str  # group_vars, host_vars, or that of BTF
    name: str  # of the group, of the host, or of the file
    text: str
    is_secret: bool = False  # it has entries of maps


class _Share(t.NamedTuple):
    """Something that is declared, and the hosts that have it."""

    name: str  # of a list, or of a variable that is none
    value: t.Any
    hosts: t.Set[str]


def whole_paths(declaration: t.Mapping[str, t.Any]) -> Lists:
    """Return the lists of a result of bpf_host_info, each item with its whole path."""
    directory = str(declaration.get("directory", ""))
    lists: Lists = {}
    for name in LIST_NAMES:
        taken = set(_OPTIONS[name]) - _NOT_TAKEN
        items = [
            {key: value for key, value in item.items() if key in taken}
            for item in declaration.get(name) or ()
        ]
        lists[name] = [_whole(name, item, directory) for item in items]
    return lists


def _whole(name: str, item: Item, directory: str) -> Item:
    if name == "programs":
        return {"directory": directory, **item}
    if name not in NAMED or "path" in item:
        return dict(item)
    more = {key: value for key, value in item.items() if key != "name"}
    return {"path": f"{directory}/{item['name']}", **more}


def files_of(hosts: Hosts, groups: Groups) -> t.List[AdoptedFile]:
    """Return all files, those of groups first, then those of hosts, then those with BTF.

    `groups` has all members of each group.
    """
    directory = shared_directory(*hosts.values())
    types: t.Dict[str, AdoptedFile] = {}
    hosts = {host: _without_btf(lists, types) for host, lists in hosts.items()}
    shares = list(_shares(hosts, directory))
    files: t.List[AdoptedFile] = []
    left = {id(share): set(share.hosts) for share in shares}
    for group in _candidates(hosts, groups):
        members = set(groups[group])
        common = [
            share
            for share in shares
            if members <= share.hosts and len(members & left[id(share)]) > 1
        ]
        if common:
            for share in common:
                left[id(share)] -= members
            suffix = f"__{group}" if files else ""
            files.append(_file("group_vars", group, common, directory, suffix))
    suffix = OF_HOSTS if files else ""
    for host in hosts:
        own = [share for share in shares if host in left[id(share)]]
        if own:
            files.append(_file("host_vars", host, own, directory, suffix))
    return [*files, *types.values()]


def _without_btf(lists: Lists, types: t.Dict[str, AdoptedFile]) -> Lists:
    """Return the lists with the names of files for BTF, which are added to `types`."""
    maps = [_referring(item, str(item.get("path")), types) for item in lists.get("maps", ())]
    return {**lists, "maps": maps}


def _referring(item: Item, path: str, types: t.Dict[str, AdoptedFile]) -> Item:
    item = dict(item)
    inner, btf = item.get("inner_map"), item.get("btf")
    if isinstance(inner, dict):
        item["inner_map"] = _referring(inner, path, types)
    if isinstance(btf, dict):
        data = str(btf.get("data"))
        digest = hashlib.sha256(data.encode()).hexdigest()[:_DIGITS]
        plain = re.sub("[^A-Za-z0-9_-]", "_", path.rpartition("/")[2])[:_LONGEST]
        # One file for all that have the same, called after the first of them.
        file = AdoptedFile(BTF, f"{plain}-{digest}.b64", f"{data}\n")
        name = types.setdefault(digest, file).name
        place = Template(f"{{{{ lookup('file', inventory_dir ~ '/{BTF}/{name}') }}}}")
        item["btf"] = {**btf, "data": place}
    return item


def _candidates(hosts: Hosts, groups: Groups) -> t.List[str]:
    """Return groups of which all hosts were asked: the largest first, by name where they are alike.

    Others have hosts that nothing is known of.
    """
    asked = set(hosts)
    known = [each for each in groups if len(groups[each]) > 1 and set(groups[each]) <= asked]
    return sorted(known, key=lambda each: (-len(groups[each]), each in ("all", "ungrouped"), each))


def _shares(hosts: Hosts, directory: str) -> t.Iterator[_Share]:
    shares: t.Dict[t.Tuple[str, str], _Share] = {}
    for host, lists in hosts.items():
        scalars = scalars_of(lists, directory)
        items = [(name, item) for name, items in lists.items() for item in items]
        of_first = {id(mount) for mount in lists.get("mounts", ())[:1]}
        items = [each for each in items if id(each[1]) not in of_first]
        for name, value in (*scalars.items(), *items):
            key = (name, json.dumps(value, sort_keys=True))
            shares.setdefault(key, _Share(name, value, set())).hosts.add(host)
    yield from shares.values()


def _file(
    folder: str, name: str, shares: t.Sequence[_Share], directory: str, suffix: str
) -> AdoptedFile:
    variables = {each.name: each.value for each in shares if each.name not in LIST_NAMES}
    lists: Lists = {}
    for each in shares:
        if each.name in LIST_NAMES:
            lists.setdefault(each.name, []).append(each.value)
    variables.update(lists_of(lists, directory, suffix))
    what = "all hosts of this group have in common" if folder == "group_vars" else "this host has"
    text = text_of(variables, f"Adopted: what {what}, as ebpf.pinning.provision takes it.")
    is_secret = any(option in item for item in lists.get("maps", ()) for option in CONTENT)
    return AdoptedFile(folder, name, text, is_secret)


_DIGITS = 12
_LONGEST = 40
