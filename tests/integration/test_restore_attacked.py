# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of bpf_restore, which root runs, where a user has put something in its way."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from harness.host import Host
from harness.samples import HASH
from harness.site import DAEMON_GROUP
from restore_places import MAPS, Place, results, without_invocation
from restoring import COMMANDS, Restorer, keep_apart

USER = 1234  # without a name, or any rights
SYSTEM_PYTHON = os.path.realpath("/usr/bin/python3")

# What was planted while the library was a user's, and root's own since: as it is with the advice to
# give it back. It says so once it is run. $C is the core, $L the library, $W where root works.
MODULES = ("argparse", "json", "importlib", "sitecustomize")
PLANTED = {
    **{f"{name} beside the core": f"plant $C/{name}.py" for name in MODULES},
    **{f"{name} in the core": f"plant $C/_core/{name}.py" for name in MODULES},
    **{f"{name} beside the command": f"plant $L/{name}.py" for name in MODULES},
    **{f"{name} where root works": f"plant $W/{name}.py" for name in MODULES},
    "a package beside the core": "mkdir $C/argparse; plant $C/argparse/__init__.py",
    "usercustomize beside the command": "plant $L/usercustomize.py",
    "a module of the core beside the command": "mkdir $L/_core; plant $L/_core/__init__.py",
    "a package in the place of a module": "mkdir $C/_core/host; plant $C/_core/host/__init__.py",
    "more of a module of the core": "plant $C/_core/x; cat $C/_core/x >> $C/_core/advice.py",
    "a core of the user's": f"plant $C/argparse.py; chown -R {USER} $C",
    "an open core": "plant $C/argparse.py; chmod -R 0777 $C",
    "what Python has compiled": "compiled $C/_core/command/main.py",
    "what Python has compiled of all": "compiled $C/_core/__init__.py",
    "a symlink beside the core": "plant $L/elsewhere; ln -s ../elsewhere $C/argparse.py",
    "a core of a killed run": "mkdir -p $C~abcdefgh/_core; plant $C~abcdefgh/_core/__init__.py",
}
_PLANT = """
plant() { printf "open('%s', 'a').write('run')\\n" "$MARK" > "$1"; }
compiled() {
    plant $L/planted
    for each in $PYTHONS; do
        $each -c "
import importlib.util, py_compile, sys
file = importlib.util.cache_from_source(sys.argv[1])
never = py_compile.PycInvalidationMode.UNCHECKED_HASH
py_compile.compile(sys.argv[2], file, doraise=True, invalidation_mode=never)" "$1" $L/planted
    done
    rm $L/planted
}
"""


def test_nothing_that_was_planted_is_run(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    cases = list(PLANTED.items())
    places = [Place(tmp_path / str(number)) for number in range(len(cases))]
    for place in places:
        (place.path / "work").mkdir(parents=True)
    results(host, [[place.run(maps=MAPS)] for place in places])
    for place, (_about, script) in zip(places, cases, strict=True):
        (core,) = place.library.glob("core-*")
        words = f"C={core} L={place.library} W={place.path}/work MARK={place.path}/mark"
        host.shell(f"{words} PYTHONS='{sys.executable} {SYSTEM_PYTHON}'\n{_PLANT}\n{script}")
    done = results(host, [[place.run(maps=MAPS)] * 2 for place in places])
    for place, (about, _script), (first, second) in zip(places, cases, done, strict=True):
        with subtests.test(about):
            assert not first.get("failed"), first
            assert not second["changed"], second
            (core,) = place.library.glob("core-*")
            work = f"{place.path}/work"
            words = f"{place.starter} check --manifests {place.manifests}"
            for line in (
                f"cd {work}; PYTHONPATH={work}:{core}:{place.library} {words}",
                f"cd {core}; {words}",
                f"cd {place.library}; {SYSTEM_PYTHON} {words}",
                f"cd {core}/_core; {sys.executable} {words}",
            ):
                assert "2 declared" in host.shell(f"{line} || :")
            assert not (place.path / "mark").exists(), "it was run as root"


# Places where others than root decide what is there, and who is to be named. $P is a directory of
# root's, with lib, etc and bin in it; python is $P/bin/python, whose library is in $P/lib.
OTHERS = f"user id {USER}"
WAYS: dict[str, tuple[str, Sequence[str]]] = {
    "a library below a user's": (f"chown {USER} $P/lib", ["$P/lib ", OTHERS]),
    "a library far below a user's": (f"chown {USER} $P", ["$P ", OTHERS]),
    "a library below a group's": (
        f"chgrp {DAEMON_GROUP} $P/lib; chmod 0775 $P/lib",
        ["$P/lib ", f"group id {DAEMON_GROUP}", "mode 0775"],
    ),
    "a library below a group's without a name": (
        f"chgrp {USER} $P/lib; chmod 0770 $P/lib",
        ["$P/lib ", "mode 0770"],
    ),
    "a library below everybody's": ("chmod 0777 $P/lib", ["$P/lib ", "mode 0777"]),
    "a library below one like /tmp": ("chmod 1777 $P/lib", ["$P/lib ", "mode 1777"]),
    "a library of a user's": (
        f"mkdir $P/lib/ebpf-pinning; chown {USER} $P/lib/ebpf-pinning",
        ["$P/lib/ebpf-pinning", OTHERS],
    ),
    "a library behind a user's symlink": (
        f"mkdir $P/real; rmdir $P/lib; ln -s real $P/lib; chown -h {USER} $P/lib",
        ["$P/lib ", OTHERS, "symlink"],
    ),
    "a library behind a symlink to a user's": (
        f"mkdir -p $P/x/real; chown {USER} $P/x; rmdir $P/lib; ln -s x/real $P/lib",
        ["$P/x ", OTHERS],
    ),
    "a library behind a symlink to everybody's": (
        "mkdir -m 1777 $P/x; mkdir $P/x/real; rmdir $P/lib; ln -s ../${P##*/}/x/real $P/lib",
        ["$P/x ", "mode 1777"],
    ),
    "a library behind symlinks in a circle": (
        "rmdir $P/lib; ln -s more $P/lib; ln -s lib $P/more",
        ["$P/lib/ebpf-pinning", "circle"],
    ),
    "a library that is a symlink": (
        "mkdir $P/real; ln -s $P/real $P/lib/ebpf-pinning",
        ["$P/lib/ebpf-pinning", "symlink"],
    ),
    "manifests below a user's": (f"chown {USER} $P/etc", ["$P/etc ", OTHERS]),
    "manifests below everybody's": ("chmod 0777 $P/etc", ["$P/etc ", "mode 0777"]),
    "manifests below one like /tmp": ("chmod 1777 $P/etc", ["$P/etc ", "mode 1777"]),
    "manifests behind a user's symlink": (
        f"mkdir $P/real; rmdir $P/etc; ln -s real $P/etc; chown -h {USER} $P/etc",
        ["$P/etc ", OTHERS],
    ),
    "manifests that are a symlink": (
        "mkdir $P/real; ln -s $P/real $P/etc/restore.d",
        ["$P/etc/restore.d", "symlink"],
    ),
    "a user's python": (f"chown {USER} $P/bin/python3", ["$P/bin/python3 ", OTHERS]),
    "a group's python": (
        f"chgrp {DAEMON_GROUP} $P/bin/python3; chmod 0775 $P/bin/python3",
        ["$P/bin/python3 ", "mode 0775"],
    ),
    "everybody's python": ("chmod 0777 $P/bin/python3", ["$P/bin/python3 ", "mode 0777"]),
    "python below a user's": (f"chown {USER} $P/bin", ["$P/bin ", OTHERS]),
    "python below one like /tmp": ("chmod 1777 $P/bin", ["$P/bin ", "mode 1777"]),
    "python behind a user's symlink": (
        f"mv $P/bin/python3 $P/bin/x; ln -s x $P/bin/python3; chown -h {USER} $P/bin/python3",
        ["$P/bin/python3 ", OTHERS, "symlink"],
    ),
    "python behind a symlink to a user's": (
        f"mkdir $P/x; mv $P/bin/python3 $P/x; ln -s ../x/python3 $P/bin; chown {USER} $P/x",
        ["$P/x ", OTHERS],
    ),
    "python behind two symlinks, the second a user's": (
        f"mv $P/bin/python3 $P/bin/x; ln -s x $P/bin/y; ln -s $P/bin/y $P/bin/python3;"
        f"chown -h {USER} $P/bin/y",
        ["$P/bin/y ", OTHERS, "symlink"],
    ),
    "a user's standard library": (
        f"mkdir -p $P/lib/python3.11; chown {USER} $P/lib/python3.11",
        ["$P/lib/python3.11 ", OTHERS],
    ),
    "a user's file in the standard library": (
        f"mkdir -p $P/lib/python3.11/json; touch $P/lib/python3.11/json/decoder.py;"
        f"chown {USER} $P/lib/python3.11/json/decoder.py",
        ["$P/lib/python3.11/json/decoder.py ", OTHERS],
    ),
    "a user's place for compiled files": (
        "mkdir -p $P/lib/python3.11; mkdir -m 0777 $P/lib/python3.11/__pycache__",
        ["$P/lib/python3.11/__pycache__ ", "mode 0777"],
    ),
    "a user's standard library in a zip file": (
        f"touch $P/lib/python311.zip; chown {USER} $P/lib/python311.zip",
        ["$P/lib/python311.zip ", OTHERS],
    ),
    "a user's libpython": (
        f"touch $P/lib/libpython3.11.so.1.0; chown {USER} $P/lib/libpython3.11.so.1.0",
        ["$P/lib/libpython3.11.so.1.0 ", OTHERS],
    ),
    "a user's settings of a virtual environment": (
        f"touch $P/pyvenv.cfg; chown {USER} $P/pyvenv.cfg",
        ["$P/pyvenv.cfg ", OTHERS],
    ),
    "a virtual environment of a user's Python": (
        f"mkdir -p $P/x/lib/python3.11 $P/x/bin; chown {USER} $P/x/lib/python3.11;"
        'echo "home = $P/x/bin" > $P/pyvenv.cfg',
        ["$P/x/lib/python3.11 ", OTHERS],
    ),
}


def _prepared(host: Host, place: Place, script: str) -> None:
    for name in ("lib", "etc", "bin"):
        (place.path / name).mkdir(parents=True)
    host.shell(f"P={place.path}; cp {SYSTEM_PYTHON} $P/bin/python3; {script}")


def test_where_others_than_root_decide_nothing_is_installed(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = [Place(tmp_path / str(number)) for number in range(len(WAYS))]
    for place, (script, _words) in zip(places, WAYS.values(), strict=True):
        _prepared(host, place, script)
    before = [place.picture() for place in places]
    series = [
        [place.run(check=check, python=f"{place.path}/bin/python3") for check in (True, False)]
        for place in places
    ]
    done = results(host, series)
    for number, (about, (_script, words)) in enumerate(WAYS.items()):
        with subtests.test(about):
            check, real = done[number]
            assert real["failed"], real
            assert real["msg"] == check["msg"]
            for word in words:
                assert word.replace("$P", str(places[number].path)) in real["msg"], real["msg"]
            assert places[number].picture() == before[number]


# Where all is root's.
SOUND = {
    "an interpreter of its own": ":",
    "symlinks of root's, one after another": "mv $P/bin/python3 $P/bin/python3.11;"
    "ln -s python3.11 $P/bin/x; ln -s $P/bin/x $P/bin/python3",
    "a symlink of root's on the way, as where /usr/local is one": "rmdir $P/lib; mkdir -p $P/x/lib;"
    "ln -s x/../x/lib $P/lib",
    "what pip has installed for others to change": "mkdir -p $P/lib/python3.11/site-packages/x;"
    f"chown -R {USER} $P/lib/python3.11/site-packages",
    "a virtual environment of root's": 'echo "home = /usr/bin" > $P/pyvenv.cfg',
    "directories that only root may enter": "chmod 0700 $P/lib $P/etc $P/bin",
    "a directory that hands a group down": f"chgrp {DAEMON_GROUP} $P/lib; chmod 2755 $P/lib",
}


def test_where_all_is_roots_it_is_installed_and_runs(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = [Place(tmp_path / str(number)) for number in range(len(SOUND))]
    for place, script in zip(places, SOUND.values(), strict=True):
        _prepared(host, place, script)
    series = [
        [
            place.run(check=check, python=f"{place.path}/bin/python3")
            for check in (True, False, False)
        ]
        for place in places
    ]
    for about, place, done in zip(SOUND, places, results(host, series), strict=True):
        with subtests.test(about):
            check, real, again = done
            assert not real.get("failed"), real
            assert without_invocation(check) == without_invocation(real)
            assert not again["changed"]
            output = host.shell(
                f"{SYSTEM_PYTHON} {place.starter} check --manifests {place.manifests}"
            )
            assert output == "0 declared, 0 in place\n"


def test_a_user_who_tries_all_the_time_gets_nothing_into_it(host: Host, tmp_path: Path) -> None:
    # A chain of directories that a user may enter, as /usr/local/lib is.
    host.shell(f"mount --bind {tmp_path} /mnt")
    model, place = Place(tmp_path / "model"), Place(tmp_path / "place")
    for each in (model, place):
        each.path.mkdir()
    attempt = f"""
        setpriv --reuid={USER} --regid={USER} --clear-groups sh -c '
            cd /mnt/place || exit 0
            for each in . * */* */*/* */*/*/*; do
                echo x >> $each; echo x >> $each/argparse.py; echo x > $each.new~
            done
            mv lib etc/; mv lib/* .; rm -rf lib etc; chmod -R 0777 .'
        """
    calls = ("mkdir", "chown", "chmod", "rename", "flock")
    inside = [Place(Path("/mnt/model")), Place(Path("/mnt/place"))]
    results(host, [[inside[0].run(maps=MAPS)]])
    run = {**inside[1].run(maps=MAPS, fault=[]), "meanwhile": dict.fromkeys(calls, attempt)}
    ((done,),) = host.run_modules([[run]])
    assert set(calls) <= set(done["calls"])
    assert done["code"] == 0, done["output"]
    there = {
        name: (*rest, content and content.replace(b"/mnt/place", b"/mnt/model"), target)
        for name, (*rest, content, target) in place.files().items()
    }
    assert there == model.files()


# Debian's group staff may write to /usr/local, as Debian installed it until 2023.
STAFF: dict[str, tuple[str, bool]] = {
    "nobody is in it": ("", True),
    "root is in it": ("sed -i '/^staff:/s/$/root/' /etc/group", True),
    "somebody is in it": ("sed -i '/^staff:/s/$/daemon/' /etc/group", False),
    "it is the first group of somebody": (
        "sed -Ei 's/^(daemon:[^:]*:[^:]*):[0-9]*:/\\1:50:/' /etc/passwd",
        False,
    ),
    "others may write, too": ("chmod o+w /usr/local/lib", False),
    "another group": (f"chgrp {DAEMON_GROUP} /usr/local/lib", False),
    "a group without a name": ("sed -i /^staff:/d /etc/group", False),
}


@pytest.mark.parametrize("about", STAFF)
def test_debians_staff_may_be_there_while_it_is_empty(host: Host, about: str) -> None:
    script, is_sound = STAFF[about]
    keep_apart(host)
    host.shell(
        f"""
        sed -i /^staff:/d /etc/group; echo staff:x:50: >> /etc/group
        chgrp 50 /usr/local/lib; chmod 2775 /usr/local/lib
        {script}
        """
    )
    done = host.module("bpf_restore", name="agent", maps=[{"name": "flows", **HASH}])
    assert done.failed != is_sound, done
    if not is_sound:
        assert "/usr/local/lib belongs to user id 0, group id" in done.msg


def test_an_acl_may_let_others_write_where_staff_is_empty(host: Host) -> None:
    keep_apart(host)
    host.shell(
        "sed -i /^staff:/d /etc/group; echo staff:x:50: >> /etc/group; chgrp 50 /usr/local/lib"
    )
    entries = [(0x01, 7, -1), (0x02, 7, USER), (0x04, 5, -1), (0x10, 7, -1), (0x20, 5, -1)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    host.shell(
        f"{SYSTEM_PYTHON} -c \"import os; os.setxattr('/usr/local/lib', "
        f"'system.posix_acl_access', bytes.fromhex('{acl.hex()}'))\""
    )
    done = host.module("bpf_restore", name="agent", maps=[{"name": "flows", **HASH}])
    assert done.failed
    assert "/usr/local/lib belongs to" in done.msg


# The command looks for itself, whatever was so when it was installed.

ABOVE: dict[str, tuple[str, str]] = {
    "a user's": (f"chown {USER} $A", OTHERS),
    "a group's": (f"chgrp {DAEMON_GROUP} $A; chmod 0775 $A", "mode 0775"),
    "one like /tmp": ("chmod 1777 $A", "mode 1777"),
    "a user's symlink": (
        f"mv $A $A.real; ln -s $A.real $A; chown -h {USER} $A",
        "symlink",
    ),
    "a symlink to a user's": (f"mv $A $A.x; ln -s $A.x $A; chown {USER} $A.x", OTHERS),
}


def test_the_command_reads_no_manifests_below_what_is_not_roots(
    host: Host, restorer: Restorer, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    lists, before = [], host.inventory()
    for number, (script, _words) in enumerate(ABOVE.values()):
        above = tmp_path / str(number)
        directory = above / "deep" / "restore.d"
        directory.mkdir(parents=True)
        Restorer(host, restorer.program, directory).declare(maps=[{"name": "bad", **HASH}])
        host.shell(f"A={above}; {script}")
        lists += [[command, "--json", "--manifests", str(directory)] for command in COMMANDS]
    runs = restorer.run_all(lists)
    for number, (about, (_script, words)) in enumerate(ABOVE.items()):
        with subtests.test(about):
            three = runs[3 * number : 3 * number + 3]
            assert [run.code for run in three] == [0, 2, 1]
            for run in three:
                (line,) = run.report["refused"]
                assert words in line
                assert f"{tmp_path}/{number}" in line
                assert run.report["lines"] == []
    assert host.inventory() == before
