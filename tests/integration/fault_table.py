# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the tests with faults."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.host import BPFFS
from harness.samples import STAGING
from harness.site import ADM_GROUP, DAEMON, DAEMON_GROUP

Fields = dict[str, Any]

SHARED = f"{BPFFS}/shared"  # has what the folders hold in common


@dataclass(frozen=True)
class Scenario:
    """What is there, what is declared, and what comes of it when nothing is in the way.

    In all texts $P is the folder of a run, and $S is SHARED.
    """

    name: str
    declared: Mapping[str, Any]
    then: Mapping[str, Fields | None]  # by name, some of its looks; None for what is gone
    calls: str  # that it comes to, besides others
    folders: str = ""  # a shell script that makes them
    pins: str = ""  # lines for `bpftool batch`, after that
    access: str = ""  # a shell script, after that
    module: str = "bpf_map_pinned"
    one_by_one: frozenset[str] = frozenset()  # looks that change while others have not yet
    always: Mapping[str, str] = field(default_factory=dict)  # see harness/faults.py
    tuning: Mapping[str, Any] = field(default_factory=dict)
    meanwhile: Mapping[str, str] = field(default_factory=dict)
    news: frozenset[str] = frozenset()  # keys that `meanwhile` writes under

    def folder(self, number: int) -> str:
        """Where the run with this number works."""
        return f"{BPFFS}/run_{number}"

    def run(
        self, number: int, fault: Sequence[Any] | None = None, *, watched: bool = True
    ) -> Fields:
        """A run as harness/faults.py takes it."""
        folder = self.folder(number)
        return {
            "module": self.module,
            "arguments": json.loads(say(json.dumps(dict(self.declared)), folder)),
            "watched": watched or bool(self.always or self.meanwhile),
            "fault": fault,
            "always": dict(self.always),
            "tuning": dict(self.tuning),
            "meanwhile": {call: say(script, folder) for call, script in self.meanwhile.items()},
        }


def say(text: str, folder: str) -> str:
    """The text with the real paths in it."""
    return text.replace("$P", folder).replace("$S", SHARED)


def _pin(name: str, shape: str, entries: Mapping[str, str] | None = None) -> str:
    """Lines for bpftool that pin a map with these entries, keys and values in hexadecimal."""
    lines = [f"map create $P/{name} {shape} name old"]
    for key, value in (entries or {}).items():
        lines.append(f"map update pinned $P/{name} key hex {key} value hex {value}")
    return "\n".join(lines) + "\n"


BYSTANDERS = _pin("bystander", "type hash key 1 value 1 entries 3", {"01": "02"})
BYSTANDERS += _pin("aside/pin", "type array key 4 value 1 entries 1")

_HASH = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
_ARRAY = {"type": "array", "value_size": 8, "max_entries": 4}
_NESTED = {"type": "hash_of_maps", "key_size": 4, "max_entries": 4, "inner_map": _HASH}
_OWNED = {"owner": "daemon", "group": "adm"}
_FITTING = "type hash key 4 value 8 entries 16"
_SMALL = "type hash key 4 value 8 entries 8"
_SLOTS = "type array key 4 value 8 entries 4"
_ZEROS = "00 00 00 00 00 00 00 00"
_ONE = {"01 00 00 00": "01 00 00 00 00 00 00 00"}
_THREE = {**_ONE, "02 00 00 00": "02 02 00 00 00 00 00 00", "03 00 00 00": _ZEROS}
_LATER = {"01 00 00 00": "aa 00 00 00 00 00 00 bb", "03 00 00 00": _ZEROS, "04 00 00 00": _ZEROS}
_PADDED = {f"{key} 00 00 00": f"{_ZEROS} 00 00 00 00" for key in ("00", "01", "02", "03")}
_PADDED |= {"01 00 00 00": "01 00 00 00 00 00 00 00 00 00 00 00"}
_TRIE = {"key_size": 8, "value_size": 4}
_PREFIX = {"20 00 00 00 0a 00 00 01": "01 00 00 00", "08 00 00 00 0a 00 00 00": "02 00 00 00"}
FLOW = {"01 00 00 00 02 00 00 00": f"{_ZEROS} 07 00 00 00 00 00 00 00"}
_CPUS = int(Path("/sys/devices/system/cpu/possible").read_text().rpartition("-")[2]) + 1


def _filled(entries: Mapping[str, str], mode: str = "exact", **more: Any) -> Fields:
    """The declaration of these entries, keys and values in hexadecimal."""
    declared = [{"key": key, "value": value} for key, value in entries.items()]
    formats = {"key_format": "hex", "value_format": "hex"}
    return {"entries": declared, "entries_mode": mode, **formats, **more}


_NEW = {
    "01 00 00 00": "aa 00 00 00 00 00 00 bb",
    "03 00 00 00": _ZEROS,
    "04 00 00 00": _ZEROS,
    "05 00 00 00": "05 00 00 00 00 00 00 05",
}
_FOUR_SLOTS = {f"{slot} 00 00 00": _ZEROS for slot in ("00", "01", "02", "03")}
_NEW_SLOTS = {"01 00 00 00": "aa 00 00 00 00 00 00 bb", "02 00 00 00": "02 00 00 00 00 00 00 02"}
_ON_EACH_CPU = {
    key: "; ".join([value] * _CPUS) for key, value in {**_ONE, "02 00 00 00": _ZEROS}.items()
}


def holding(entries: Mapping[str, str]) -> str:
    """What a slot of a map of maps looks like that has a map with these entries."""
    return f"a map of {json.dumps(dict(sorted(entries.items())))}"


def _in_slot(outer: str) -> Fields:
    slot = {"outer": f"$P/{outer}", "key": 1, "key_format": "u32"}
    return {"entries_mode": "exact", "entries_swap": slot}


def _held(path: str) -> Fields:
    """A map by its path, one in place, and one that is empty."""
    place = {name: value for name, value in _filled(_NEW).items() if name != "entries_mode"}
    values = [path, place, {"entries": []}]
    entries = [{"key": key, "value": value} for key, value in enumerate(values)]
    return {"key_format": "u32", "entries": entries}


# A run that fills what is there; the kernel may take what is written at once, or one by one.
_FILLING: Fields = {
    "declared": {
        "directory": "$P",
        "maps": [
            {"name": "exact", **_HASH, **_filled(_NEW)},
            {"name": "present", **_HASH, **_filled(_NEW, "present")},
            {"name": "initial", "mode": "0640", **_HASH, **_filled(_NEW, "initial")},
            {"name": "frozen", "frozen": True, **_HASH, **_filled(_NEW)},
            {"name": "slots", **_ARRAY, **_filled(_NEW_SLOTS)},
            {"name": "trie", "type": "lpm_trie", **_TRIE, "max_entries": 4, **_filled(_PREFIX)},
            {
                "name": "without",
                **_HASH,
                "key_format": "hex",
                "entries_absent": ["01 00 00 00", "02 00 00 00", "09 00 00 00"],
            },
        ],
    },
    "pins": _pin("exact", _FITTING, _THREE)
    + _pin("present", _FITTING, _THREE)
    + _pin("initial", _FITTING, _THREE)
    + _pin("frozen", _FITTING, _THREE)
    + _pin("slots", _SLOTS, _ONE)
    + _pin(
        "trie",
        "type lpm_trie key 8 value 4 entries 4 flags 1",
        {"20 00 00 00 0a 00 00 01": "09 00 00 00", "10 00 00 00 0a 01 00 00": "01 00 00 00"},
    )
    + _pin("without", _FITTING, _THREE),
    "then": {
        "exact": {"entries": _NEW},
        "present": {"entries": {**_THREE, **_NEW}},
        "initial": {"entries": {**_NEW, **_THREE}, "bits": "0640"},
        "frozen": {"entries": _NEW, "frozen": 1},
        "slots": {"entries": {**_FOUR_SLOTS, **_NEW_SLOTS}},
        "trie": {"entries": dict(sorted(_PREFIX.items()))},
        "without": {"entries": {"03 00 00 00": _ZEROS}},
    },
    "one_by_one": frozenset({"entries", "frozen", "bits"}),
}

_PORTS: Fields = {"type": "devmap_hash", "value_size": 4, "max_entries": 4}
_TO_LO: Fields = {
    "entries": [{"key": key, "value": "lo"} for key in (1, 2)],
    "entries_mode": "exact",
}
_LO = "01 00 00 00"
_WAITING: Fields = {
    "value_size": 4,
    "max_entries": 4,
    "value_format": "u32",
    "entries": [{"value": 7}, {"value": 8}],
    "entries_mode": "initial",
}

SCENARIOS = [
    Scenario(
        "create",
        {
            "directory": "$P",
            "maps": [
                {"name": "plain", **_HASH},
                {"name": "owned", "mode": "0640", **_OWNED, **_HASH},
                {"name": "frozen", "frozen": True, **_ARRAY},
                {"name": "sealed", "frozen": True, "mode": "0444", **_ARRAY},
                {"name": "typed", "type": "sk_storage", "value_size": 8},
                {"name": "nested", **_NESTED},
                {"name": "deep", "directory": "$P/new/folder", "mode": "0640", **_HASH},
            ],
        },
        then={
            "plain": {"bits": "0600", "owner": 0, "type": 1, "max_entries": 16, "frozen": 0},
            "owned": {"bits": "0640", "owner": DAEMON, "group": ADM_GROUP, "frozen": 0},
            "frozen": {"bits": "0600", "type": 2, "frozen": 1},
            "sealed": {"bits": "0444", "frozen": 1},
            "typed": {"type": 24, "value_size": 8},
            "nested": {"type": 13, "max_entries": 4},
            "new": {"bits": "0755"},
            "new/folder": {"bits": "0755"},
            "new/folder/deep": {"bits": "0640", "max_entries": 16},
        },
        calls="BTF_LOAD, MAP_CREATE, MAP_FREEZE, OBJ_PIN, OBJ_GET_INFO_BY_FD of bpf-map, chmod, "
        "chown, flock, link, mkdir, rmdir, unlink",
    ),
    Scenario(
        "replace",
        {
            "directory": "$P",
            "on_mismatch": "replace",
            "maps": [
                {"name": "plain", **_HASH},
                {"name": "owned", "mode": "0640", **_OWNED, **_HASH},
                {"name": "frozen", "frozen": True, **_ARRAY},
                {"name": "thawed", "frozen": False, **_ARRAY},
                {"name": "nested", **_NESTED},
                {"name": "used", **_HASH},
            ],
        },
        pins=_pin("plain", _SMALL, _ONE)
        + _pin("owned", _SMALL)
        + _pin("frozen", "type array key 4 value 4 entries 4")
        + _pin("thawed", _SLOTS)
        + "map freeze pinned $P/thawed\n"
        + _pin("nested", "type hash_of_maps key 4 value 4 entries 8 inner_map pinned $S/map"),
        access="ln $S/flows_of_all_tenants $P/used; chmod 0604 $P/plain; chgrp daemon $P/plain\n"
        "chmod 0777 $P",
        then={
            "plain": {"bits": "0604", "group": DAEMON_GROUP, "max_entries": 16, "entries": {}},
            "owned": {"bits": "0640", "owner": DAEMON, "group": ADM_GROUP, "max_entries": 16},
            "frozen": {"bits": "0600", "value_size": 8, "frozen": 1},
            "thawed": {"frozen": 0},
            "nested": {"type": 13, "max_entries": 4},
            "used": {"max_entries": 16, "btf_id": False},
        },
        calls="MAP_CREATE, MAP_FREEZE, OBJ_GET, OBJ_PIN, PROG_GET_FD_BY_ID, PROG_GET_NEXT_ID, "
        "chmod, chown, flock, mkdir, rename, rmdir",
    ),
    Scenario(
        "adjust",
        {
            "directory": "$P",
            "maps": [
                {"name": "all", "frozen": True, "mode": "0640", **_OWNED, **_HASH},
                {"name": "mode", "mode": "0440", **_HASH},
                {"name": "frozen", "frozen": True, **_ARRAY},
            ],
        },
        pins=_pin("all", _FITTING, _ONE) + _pin("mode", _FITTING) + _pin("frozen", _SLOTS),
        then={
            "all": {"bits": "0640", "owner": DAEMON, "group": ADM_GROUP, "frozen": 1},
            "mode": {"bits": "0440", "owner": 0, "frozen": 0},
            "frozen": {"bits": "0600", "frozen": 1},
        },
        one_by_one=frozenset({"bits", "owner", "group", "frozen"}),
        calls="MAP_FREEZE, OBJ_GET, chmod, chown",
    ),
    Scenario(
        "fill with what is not bytes, and with values alone",
        {
            "directory": "$P",
            "maps": [
                {"name": "ports", **_PORTS, **_TO_LO},
                {"name": "new", **_PORTS, **_TO_LO, "frozen": True},
                {"name": "waiting", "type": "queue", **_WAITING},
            ],
        },
        pins=_pin("ports", "type devmap_hash key 4 value 4 entries 4", {"03 00 00 00": _LO}),
        then={
            "ports": {"entries": {"01 00 00 00": _LO, "02 00 00 00": _LO}},
            "new": {"entries": {"01 00 00 00": _LO, "02 00 00 00": _LO}, "frozen": 1},
            "waiting": {"type": 22, "max_entries": 4},
        },
        one_by_one=frozenset({"entries"}),
        calls="MAP_CREATE, MAP_UPDATE_ELEM, MAP_DELETE_ELEM, OBJ_PIN",
    ),
    Scenario(
        "clear what a killed run left",
        {
            "directory": "$P",
            "maps": [{"name": "made", "mode": "0640", **_HASH}, {"name": "there", **_HASH}],
        },
        folders=f"mkdir -m 0700 $P/{STAGING}",
        pins=_pin(f"{STAGING}/made", _SMALL) + _pin("there", _FITTING),
        access=f"ln $P/there $P/{STAGING}/there",
        then={"made": {"bits": "0640", "max_entries": 16}, "there": {"max_entries": 16}},
        calls="flock, link, rmdir, unlink",
    ),
    Scenario(
        "prune",
        {"directory": "$P", "keep": ["kept", "prog", "bystander", "aside/pin"], "recurse": True},
        module="bpf_pin_absent",
        folders="mkdir $P/below",
        pins=_pin("kept", _SMALL)
        + _pin("a", _SMALL)
        + _pin("z", _SLOTS)
        + _pin("below/a", _SMALL)
        + _pin("below/kept", _SMALL),
        access="ln $S/prog $P/prog; ln $S/link $P/link; ln -s a $P/symlink",
        then={
            "a": None,
            "z": None,
            "below": {},
            "below/a": None,
            "below/kept": None,
            "kept": {"max_entries": 8},
            "prog": {"kind": "prog"},
            "link": {"kind": "link"},
            "symlink": {"target": "a"},
        },
        calls="MAP_GET_FD_BY_ID, OBJ_GET, OBJ_GET_INFO_BY_FD of bpf-prog, unlink",
    ),
    Scenario(
        "remove",
        {"path": ["$P/below", "$P/none", "$P/a"], "recurse": True},
        module="bpf_pin_absent",
        folders="mkdir -p $P/below/empty",
        pins=_pin("a", _SMALL) + _pin("below/a", _SMALL) + _pin("z", _SLOTS),
        then={"a": None, "below": None, "below/a": None, "below/empty": None, "z": {"type": 2}},
        calls="MAP_GET_FD_BY_ID, OBJ_GET, rmdir, unlink",
    ),
    Scenario(
        "migrate",
        {
            "directory": "$P",
            "on_mismatch": "migrate",
            "maps": [
                {"name": "grown", "mode": "0640", **_OWNED, **_HASH},
                {"name": "kin", **_HASH, "type": "lru_hash"},
                {"name": "shrunk", "frozen": True, **_ARRAY, "max_entries": 2},
                {"name": "padded", "value_growth": "zero_pad", **_ARRAY, "value_size": 12},
                {"name": "each", "value_growth": "zero_pad", **_HASH, "type": "percpu_hash"},
            ],
        },
        pins=_pin("grown", _SMALL, _THREE)
        + _pin("kin", _SMALL, _THREE)
        + _pin("shrunk", _SLOTS, _ONE)
        + _pin("padded", _SLOTS, _ONE)
        + _pin("each", "type percpu_hash key 4 value 4 entries 4", {"01 00 00 00": "01 02 03 04"}),
        access="chmod 0604 $P/kin; chgrp daemon $P/kin; chmod 0777 $P",
        then={
            "grown": {"bits": "0640", "owner": DAEMON, "group": ADM_GROUP, "entries": _THREE},
            "kin": {"bits": "0604", "group": DAEMON_GROUP, "type": 9, "entries": _THREE},
            "shrunk": {
                "max_entries": 2,
                "frozen": 1,
                "entries": {"00 00 00 00": _ZEROS, "01 00 00 00": _ONE["01 00 00 00"]},
            },
            "padded": {"value_size": 12, "entries": _PADDED},
            "each": {"entries": {"01 00 00 00": "; ".join(["01 02 03 04 00 00 00 00"] * _CPUS)}},
        },
        one_by_one=frozenset({"frozen"}),
        calls="MAP_FREEZE, MAP_LOOKUP_BATCH, MAP_UPDATE_BATCH, OBJ_PIN, chmod, chown, rename",
    ),
    Scenario(
        "migrate what holds references, and BTF",
        {
            "directory": "$P",
            "on_mismatch": "migrate",
            "maps": [
                {"name": "nested", **_NESTED},
                {"name": "jumps", "type": "prog_array", "max_entries": 4},
                {"name": "typed", **_HASH, "key_size": 8, "value_size": 16},
                {"name": "trie", "type": "lpm_trie", **_TRIE, "max_entries": 8},
            ],
        },
        pins=_pin("nested", "type hash_of_maps key 4 value 4 entries 8 inner_map pinned $S/map")
        + "map update pinned $P/nested key hex 01 00 00 00 value pinned $S/map\n"
        + _pin("jumps", "type prog_array key 4 value 4 entries 2")
        + "map update pinned $P/jumps key hex 01 00 00 00 value pinned $S/prog\n"
        + _pin("trie", "type lpm_trie key 8 value 4 entries 4 flags 1", _PREFIX),
        access="ln $S/flows_of_all_tenants $P/typed",
        then={
            "nested": {"max_entries": 4},
            "jumps": {"max_entries": 4},
            "typed": {"max_entries": 16, "btf_id": True, "entries": FLOW},
            "trie": {"max_entries": 8, "entries": _PREFIX},
        },
        calls="BTF_GET_FD_BY_ID, MAP_GET_FD_BY_ID, PROG_GET_FD_BY_ID, MAP_UPDATE_ELEM",
    ),
    Scenario(
        "migrate key by key",
        {
            "directory": "$P",
            "on_mismatch": "migrate",
            "maps": [{"name": "grown", **_HASH}, {"name": "slots", **_ARRAY}],
        },
        pins=_pin("grown", _SMALL, _THREE)
        + _pin("slots", "type array key 4 value 8 entries 2", _ONE),
        then={"grown": {"max_entries": 16, "entries": _THREE}, "slots": {"max_entries": 4}},
        calls="MAP_GET_NEXT_KEY, MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM",
        always={"MAP_LOOKUP_BATCH": "EINVAL", "MAP_UPDATE_BATCH": "EINVAL"},
    ),
    Scenario(
        "migrate in many batches",
        {"directory": "$P", "on_mismatch": "migrate", "name": "slots", **_ARRAY, "max_entries": 9},
        pins=_pin("slots", "type array key 4 value 8 entries 8", _THREE),
        then={"slots": {"max_entries": 9}},
        calls="MAP_LOOKUP_BATCH, MAP_UPDATE_BATCH",
        tuning={"_core.entries._BATCH_BYTES": 24},
    ),
    Scenario(
        "migrate more entries than are remembered",
        {"directory": "$P", "on_mismatch": "migrate", "name": "grown", **_HASH},
        pins=_pin("grown", _SMALL, _THREE),
        then={"grown": {"max_entries": 16, "entries": _THREE}},
        calls="MAP_LOOKUP_BATCH, MAP_UPDATE_BATCH",
        tuning={"_core.kinds.maps.copy._MEMORY": 24},
    ),
    Scenario(
        "migrate while others write",
        {
            "directory": "$P",
            "on_mismatch": "migrate",
            "name": "grown",
            "mode": "0640",
            **_HASH,
        },
        pins=_pin("grown", _SMALL, _THREE),
        then={"grown": {"max_entries": 16, "entries": _LATER}},
        calls="MAP_DELETE_ELEM, MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM",
        meanwhile={
            "rename": "bpftool batch file - <<-END\n"
            f"map update pinned $P/grown key hex 01 00 00 00 value hex {_LATER['01 00 00 00']}\n"
            f"map update pinned $P/grown key hex 04 00 00 00 value hex {_ZEROS}\n"
            "map delete pinned $P/grown key hex 02 00 00 00\n"  # fails where it is gone already
            "END\n"
        },
        news=frozenset({"01 00 00 00", "02 00 00 00", "04 00 00 00"}),
    ),
    Scenario(
        "create filled",
        {
            "directory": "$P",
            "maps": [
                {"name": "plain", **_HASH, **_filled(_THREE)},
                {"name": "owned", "mode": "0640", **_OWNED, **_HASH, **_filled(_NEW, "present")},
                {"name": "slots", "frozen": True, **_ARRAY, **_filled(_NEW_SLOTS, "initial")},
                {
                    "name": "each",
                    **_HASH,
                    "type": "percpu_hash",
                    **_filled({**_ONE, "02 00 00 00": _ZEROS}),
                },
                {"name": "trie", "type": "lpm_trie", **_TRIE, "max_entries": 4, **_filled(_PREFIX)},
            ],
        },
        then={
            "plain": {"entries": _THREE, "frozen": 0},
            "owned": {"bits": "0640", "owner": DAEMON, "group": ADM_GROUP, "entries": _NEW},
            "slots": {"frozen": 1, "entries": {**_FOUR_SLOTS, **_NEW_SLOTS}},
            "each": {"entries": _ON_EACH_CPU},
            "trie": {"entries": dict(sorted(_PREFIX.items()))},
        },
        calls="MAP_CREATE, MAP_UPDATE_BATCH, MAP_FREEZE, OBJ_PIN, link",
    ),
    Scenario(
        "replace by what is filled",
        {
            "directory": "$P",
            "on_mismatch": "replace",
            "maps": [
                {"name": "plain", **_HASH, **_filled(_NEW)},
                {"name": "frozen", "frozen": True, **_ARRAY, **_filled(_NEW_SLOTS)},
            ],
        },
        pins=_pin("plain", _SMALL, _THREE)
        + _pin("frozen", _SLOTS, _ONE)
        + "map freeze pinned $P/frozen\n",
        then={
            "plain": {"entries": _NEW},
            "frozen": {"frozen": 1, "entries": {**_FOUR_SLOTS, **_NEW_SLOTS}},
        },
        calls="MAP_UPDATE_BATCH, MAP_FREEZE, OBJ_PIN, rename",
    ),
    Scenario(
        "fill what is there",
        calls="MAP_LOOKUP_BATCH, MAP_UPDATE_BATCH, MAP_UPDATE_ELEM, MAP_DELETE_BATCH, MAP_FREEZE",
        **_FILLING,
    ),
    Scenario(
        "fill what is there entry by entry",
        calls="MAP_GET_NEXT_KEY, MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM, MAP_DELETE_ELEM",
        always=dict.fromkeys(
            ("MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"), "EINVAL"
        ),
        **_FILLING,
    ),
    Scenario(
        "migrate and fill",
        {
            "directory": "$P",
            "on_mismatch": "migrate",
            "maps": [
                {"name": "exact", **_HASH, **_filled(_NEW)},
                {"name": "initial", **_HASH, **_filled(_NEW, "initial")},
                {"name": "thawed", "frozen": False, **_ARRAY, **_filled(_NEW_SLOTS, "present")},
            ],
        },
        pins=_pin("exact", _SMALL, _THREE)
        + _pin("initial", _SMALL, _THREE)
        + _pin("thawed", _SLOTS, _ONE)
        + "map freeze pinned $P/thawed\n",
        then={
            "exact": {"max_entries": 16, "entries": _NEW},
            "initial": {"max_entries": 16, "entries": {**_NEW, **_THREE}},
            "thawed": {"frozen": 0, "entries": {**_FOUR_SLOTS, **_NEW_SLOTS}},
        },
        calls="MAP_UPDATE_BATCH, MAP_DELETE_ELEM, rename",
    ),
    Scenario(
        "swap a table in a slot",
        {
            "directory": "$P",
            "maps": [
                {"name": "current", **_HASH, **_filled(_NEW), **_in_slot("tables")},
                {
                    "name": "owned",
                    "frozen": True,
                    "mode": "0640",
                    **_OWNED,
                    **_HASH,
                    **_filled(_NEW),
                    **_in_slot("zones"),
                },
            ],
        },
        pins="".join(
            _pin(name, _FITTING, _THREE)
            + f"map create $P/{outer} type array_of_maps key 4 value 4 entries 4 name old "
            f"inner_map pinned $P/{name}\n"
            f"map update pinned $P/{outer} key hex 01 00 00 00 value pinned $P/{name}\n"
            for name, outer in (("current", "tables"), ("owned", "zones"))
        ),
        access="chmod 0604 $P/current",
        then={
            "current": {"bits": "0604", "entries": _NEW},
            "tables": {"entries": {"01 00 00 00": holding(_NEW)}},
            "owned": {"bits": "0640", "owner": DAEMON, "frozen": 1, "entries": _NEW},
            "zones": {"entries": {"01 00 00 00": holding(_NEW)}},
        },
        calls="MAP_CREATE, MAP_UPDATE_BATCH, MAP_UPDATE_ELEM, OBJ_PIN, rename",
    ),
    Scenario(
        "make a table in a slot",
        {
            "directory": "$P",
            "maps": [
                {"name": "current", **_HASH, **_filled(_NEW), **_in_slot("tables")},
                {"name": "owned", **_OWNED, **_HASH, **_filled(_NEW), **_in_slot("zones")},
                {"name": "there", **_HASH, **_filled(_THREE), **_in_slot("others")},
            ],
        },
        pins=_pin("there", _FITTING, _THREE)
        + "".join(
            f"map create $P/{outer} type {kind} key 4 value 4 entries 4 name old "
            "inner_map pinned $P/there\n"
            for outer, kind in (
                ("tables", "hash_of_maps"),
                ("zones", "array_of_maps"),
                ("others", "array_of_maps"),
            )
        ),
        then={
            "current": {"entries": _NEW},
            "tables": {"entries": {"01 00 00 00": holding(_NEW)}},
            "owned": {"owner": DAEMON, "entries": _NEW},
            "zones": {"entries": {"01 00 00 00": holding(_NEW)}},
            "there": {"entries": _THREE},
            "others": {"entries": {"01 00 00 00": holding(_THREE)}},
        },
        calls="MAP_CREATE, MAP_UPDATE_BATCH, MAP_UPDATE_ELEM, OBJ_PIN, link",
    ),
    Scenario(
        "fill maps of maps",
        {
            "directory": "$P",
            "maps": [
                {"name": "new", **_NESTED, "entries_mode": "exact", **_held("$P/one")},
                {"name": "there", **_NESTED, "entries_mode": "exact", **_held("$P/two")},
            ],
        },
        pins=_pin("one", _FITTING, _ONE)
        + _pin("two", _FITTING, _THREE)
        + "map create $P/there type hash_of_maps key 4 value 4 entries 4 name old "
        "inner_map pinned $P/one\n"
        + "".join(
            f"map update pinned $P/there key hex 0{key} 00 00 00 value pinned $P/one\n"
            for key in (0, 1, 3)
        ),
        then={
            "new": {
                "entries": {
                    "00 00 00 00": holding(_ONE),
                    "01 00 00 00": holding(_NEW),
                    "02 00 00 00": holding({}),
                }
            },
            "there": {
                "entries": {
                    "00 00 00 00": holding(_THREE),
                    "01 00 00 00": holding(_NEW),
                    "02 00 00 00": holding({}),
                }
            },
        },
        one_by_one=frozenset({"entries"}),
        calls="MAP_CREATE, MAP_UPDATE_BATCH, MAP_UPDATE_ELEM, MAP_DELETE_ELEM, MAP_GET_FD_BY_ID",
    ),
]
