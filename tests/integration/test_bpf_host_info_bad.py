# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_host_info on hosts where not all is well: what is wrong is told, and the rest is done."""

from __future__ import annotations

import json
import os
from typing import Any

from harness.host import BPFFS, Host
from harness.site import CHECKOUT
from test_bpf_host_info import adopted, assert_found_as_declared, declared, left

MANY = """
import os, subprocess, sys
for number in range(10000):
    os.link(sys.argv[1], f"{sys.argv[2]}/pin_{number}")
"""


# What is described is tried as a whole, and item by item where that cannot be looked at.
SETTLE = """
import json, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from _core.adopt.describe import Adopted
from _core.adopt.settle import settled
found = settled(Adopted(json.load(sys.stdin), (), ()))
json.dump({"lists": found.lists, "left": [each.path for each in found.left]}, sys.stdout)
"""


def test_what_changes_meanwhile_is_left_out_and_the_rest_stays(host: Host) -> None:
    host.shell(f"mkdir {BPFFS}/in; ln -s in {BPFFS}/symlink")
    shape = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 1}
    for name in ("a", "in/b", "c"):
        host.make_pin(f"{BPFFS}/{name}")
    maps = [
        {"path": f"{BPFFS}/a", **shape},
        {"path": f"{BPFFS}/symlink/b", **shape},  # nobody goes along there
        {"path": f"{BPFFS}/c", **shape, "max_entries": 2},  # which was made anew
        {"path": f"{BPFFS}/d", **shape},  # which has gone
        {"path": f"{BPFFS}/e", "type": "none_such"},
    ]
    for left_out in (maps[1:], maps[2:]):
        file = host.scratch / "maps.json"
        file.write_text(json.dumps({"maps": [maps[0], *left_out]}))
        core = CHECKOUT / "plugins" / "module_utils"
        words = f"{host.site.python} -c '{SETTLE}' {core} < {file}"
        told = json.loads(host.shell(words))
        assert told["lists"] == {"maps": [maps[0]]}
        assert sorted(told["left"]) == sorted(each["path"] for each in left_out)


def test_odd_names_are_declared_as_far_as_they_can_be(host: Host) -> None:
    names = ["été", "a b", "new\nline", "-", "yes", "\u202emotsuc"]
    for number, name in enumerate(names):
        host.make_pin(f"{BPFFS}/{name}", max_entries=number + 1)
    host.make_pin(f"{BPFFS}/plain", max_entries=99)
    bad = os.fsdecode(b"\xff\xfe")
    host.run("mkdir", f"{BPFFS}/a\nb")
    host.run("mv", f"{BPFFS}/plain", f"{BPFFS}/{bad}")
    host.make_pin(f"{BPFFS}/a\nb/map")
    told = adopted(host)
    maps = declared(told, "maps")
    assert {path: item["max_entries"] for path, item in maps.items()} == {
        f"{BPFFS}/{name}": number + 1 for number, name in enumerate(names)
    }
    reasons = left(told)
    assert [*reasons] == [rf"{BPFFS}/\xff\xfe", rf"{BPFFS}/a\nb/map", rf"{BPFFS}/a\nb"]
    assert "not UTF-8" in reasons[rf"{BPFFS}/\xff\xfe"]
    assert "control character" in reasons[rf"{BPFFS}/a\nb"]
    assert_found_as_declared(host, told)


def test_pins_that_cannot_be_opened_hide_no_others(host: Host) -> None:
    for name in ("open", "closed"):
        host.make_pin(f"{BPFFS}/{name}")
    host.shell(f"chmod 0755 {BPFFS}; chmod 0644 {BPFFS}/open; mkdir -m 0700 {BPFFS}/secret")
    told = host.module("bpf_host_info", keywords=host.as_nobody()).good()
    assert [*declared(told, "maps")] == [f"{BPFFS}/open"]
    reasons = left(told)
    assert {f"{BPFFS}/closed", f"{BPFFS}/secret"} <= {*reasons}
    assert "EACCES" in reasons[f"{BPFFS}/closed"]


def test_mounts_are_declared_once_whatever_shows_them(host: Host) -> None:
    host.shell(
        f"mkdir {BPFFS}/in {BPFFS}/other {host.scratch}/twice {host.scratch}/further\n"
        f"mount --bind {BPFFS} {BPFFS}/in\n"
        f"mount -t bpf bpf {BPFFS}/other\n"
        f"mount --bind {BPFFS} {host.scratch}/twice\n"
        f"mount -t bpf -o nosuid,mode=0750 bpf {host.scratch}/further\n"
    )
    host.make_pin(f"{BPFFS}/map")
    host.make_pin(f"{host.scratch}/further/map")
    told = adopted(host)
    mounts = {mount["path"]: mount for mount in told["declaration"]["mounts"]}
    assert [*mounts] == [BPFFS, f"{host.scratch}/further"]
    assert mounts[f"{host.scratch}/further"]["mode"] == "1750"
    assert [*declared(told, "maps")] == [f"{BPFFS}/map", f"{host.scratch}/further/map"]
    reasons = left(told)
    assert [*reasons] == [f"{BPFFS}/in", f"{BPFFS}/other", f"{host.scratch}/twice"]
    assert "bind mount" in reasons[f"{BPFFS}/in"]
    assert "mounted in" in reasons[f"{BPFFS}/other"]
    assert_found_as_declared(host, told)
    asked = host.module("bpf_host_info", directories=[f"{host.scratch}/further"]).good()
    assert [*declared(asked, "maps")] == [f"{host.scratch}/further/map"]
    assert [mount["path"] for mount in asked["declaration"]["mounts"]] == [
        f"{host.scratch}/further"
    ]
    assert asked["undeclarable"] == []
    host.shell(f"mount -t bpf bpf {host.scratch}/further")
    hidden = host.module("bpf_host_info").good()["undeclarable"]
    reasons = [each["reason"] for each in hidden if each["path"] == f"{host.scratch}/further"]
    assert any(each.startswith("another mount lies over it") for each in reasons)


def test_a_host_without_a_bpffs_has_nothing_to_declare(bare_host: Host) -> None:
    told = bare_host.module("bpf_host_info").good()
    assert told["declaration"] == {"directory": BPFFS}
    assert [*left(told)] == [BPFFS]
    assert "no bpffs is mounted" in left(told)[BPFFS]
    elsewhere = bare_host.module("bpf_host_info", directories=["/proc", "/nowhere"]).good()
    assert [*left(elsewhere)] == ["/proc", "/nowhere"]
    refused = bare_host.module("bpf_host_info", directories=["nowhere/../else"])
    assert refused.failed
    assert "not absolute" in refused.msg or "contains" in refused.msg


def test_ten_thousand_pins_are_declared(host: Host) -> None:
    """Each is another name of one map, which is how so many are made in no time."""
    host.run("mkdir", f"{BPFFS}/many")
    host.make_pin(f"{BPFFS}/a")
    host.run(host.site.python, "-c", MANY, f"{BPFFS}/a", f"{BPFFS}/many")
    told: Any = host.module("bpf_host_info").good()
    objects = told["declaration"]["objects"]
    assert len(objects) == 10000
    assert {item["source"] for item in objects} == {f"{BPFFS}/a"}
    assert told["undeclarable"] == []
