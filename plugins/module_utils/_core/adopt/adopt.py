# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From what is on a host to a declaration that finds nothing to do there. Changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Optional, Sequence, Tuple

from ..host import this_host
from ..values import NamedTuple
from ..visible import visible_lines
from .describe import Adopted, described
from .observe import look_at_host, people_of
from .observed import Left, Scene
from .settle import settled, without_unfit_files
from .variables import text_of, variables_of

if TYPE_CHECKING:
    from .entries import Formats


class Question(NamedTuple):
    """What is to be declared."""

    directories: Sequence[str] = ()  # none: each bpffs
    objects: Sequence[str] = ()  # files that programs may be from
    formats: Optional[Formats] = None  # by path, of keys and values; None: no entries


def adopted(question: Question) -> Adopted:
    """Return what declares all that is asked for, and what is to be said of the rest."""
    scene, formats = look_at_host(question.directories), question.formats
    if question.objects:
        scene = _with_files(scene, question.objects)
    found = settled(_described(scene))
    if formats is None:
        return found
    from .entries import Content  # a start compiles all that it loads

    return _if_settled(Content(scene, formats).add_to(found), found)


def _with_files(scene: Scene, objects: Sequence[str]) -> Scene:
    from .programs import loaded_from  # a start compiles all that it loads

    files, remarks = loaded_from(objects, scene.pins)
    scene = replace(scene, files=files, remarks=remarks)
    return without_unfit_files(scene, _described(scene))


def _described(scene: Scene) -> Adopted:
    return described(scene, people_of(scene), this_host())


def _if_settled(filled: Adopted, found: Adopted) -> Adopted:
    """Return it with entries but those that are not found as they were declared."""
    maps = [item for item in filled.lists.get("maps", ()) if "entries" in item]
    if not maps:
        return filled
    tried = settled(Adopted({"maps": maps}, (), ()))
    unfit = {each.path: each.reason for each in tried.left}
    if not unfit:
        return filled
    bare = {str(item["path"]): item for item in found.lists["maps"]}
    kept = [
        bare[str(item["path"])] if item["path"] in unfit else item for item in filled.lists["maps"]
    ]
    remarks = [Left(path, f"its entries are not declared: {why}") for path, why in unfit.items()]
    lists = {**filled.lists, "maps": kept}
    return Adopted(lists, filled.left, [*filled.remarks, *remarks])


def adopt(question: Question) -> Tuple[str, str]:
    """Return what is there as YAML, in variables of the playbooks, and what is to be said of it."""
    found = adopted(question)
    text = text_of(variables_of(found.lists), _COMMENT)
    said = [f"{each.path}: not declared: {each.reason}" for each in found.left]
    said += [f"{each.path}: {each.reason}" for each in found.remarks]
    return text, visible_lines(said)


_COMMENT = "Adopted: what this host has, as ebpf.pinning.provision takes it."
