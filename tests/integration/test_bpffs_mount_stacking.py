# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpffs_mount never leads `mount -a` to a second file system. The witness is mount itself."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, Task, task
from mount_table import mounts_at
from restoring import keep_apart

# Lines of fstab with $P for the path, and $L for the same by a symlink.
ENTRIES = {
    "no entry": "",
    "the entry of 0.1.0": "bpffs $P bpf mode=0755 0 0\n",
    "an entry by hand": "none\t$P/ bpf nosuid,x-keep 0 0\n",
    "the entry of systemd's source": "bpf $P bpf defaults 0 0\n",
    "an entry that is not automatic": "x $P bpf noauto,mode=0700 0 0\n",
    "two entries": "bpf $P bpf defaults 0 0\nbpf //$P bpf defaults 0 0\n",
    "one entry by a symlink": "bpffs $L bpf defaults 0 0\n",
    "two entries, one by a symlink": "bpffs $L bpf defaults 0 0\nbpffs $P bpf defaults 0 0\n",
}
SOURCES = ["bpf", "none", "bpffs", "agent one", ""]  # the last one: nothing is mounted yet
BEFORE = "# by hand\ntmpfs /nowhere tmpfs noauto 0 0\n"


@dataclass(frozen=True)
class Case:
    """Each has a folder of its own, with an fstab and a place to mount at."""

    source: str
    entry: str
    boot: bool | None
    folder: str

    @property
    def name(self) -> str:
        boot = "without boot" if self.boot is None else f"boot: {str(self.boot).lower()}"
        return f"{self.source!r}, {self.entry}, {boot}"

    @property
    def path(self) -> str:
        return f"{self.folder}/real/bpf"

    @property
    def fstab(self) -> str:
        return f"{self.folder}/fstab"

    @property
    def given(self) -> str:
        lines = ENTRIES[self.entry].replace("$P", self.path)
        return BEFORE + lines.replace("$L", f"{self.folder}/link/bpf")

    def task(self, **words: Any) -> Task:
        boot = {} if self.boot is None else {"boot": self.boot}
        return task("bpffs_mount", path=self.path, fstab=self.fstab, **boot, **words)

    def mount_all(self) -> str:
        """A script that says what comes of it: how many mounts there are, and which pins."""
        return (
            f"mount --all --fstab {self.fstab}; grep -c ' {self.path} ' /proc/self/mountinfo;"
            f"ls {self.path} | grep -v debug | xargs"  # without the kernel's own
        )


def given(host: Host, boot: bool | None) -> list[Case]:
    """All kinds of mounts with all kinds of entries, on a file system that is gone at boot."""
    cases = [
        Case(source, entry, boot, f"/mnt/{number}")
        for number, (source, entry) in enumerate(product(SOURCES, ENTRIES))
    ]
    host.shell("mount -t tmpfs t /mnt")
    for case in cases:
        host.shell(
            f"""
            mkdir -p {case.path}; ln -s real {case.folder}/link
            printf %s '{case.given}' >{case.fstab}
            """
        )
        if case.source:
            mount_and_pin(host, case.source, case.path)
    return cases


def mount_and_pin(host: Host, source: str, path: str, mode: str = "750") -> None:
    host.run("mount", "-i", "-t", "bpf", "-o", f"mode={mode}", source, path)
    host.shell(f"bpftool map create {path}/pin type array key 4 value 4 entries 1 name pin")


def said(host: Host, scripts: list[str]) -> list[list[str]]:
    """What each script prints: the number of mounts, and the pins."""
    text = host.shell("\n".join(f"({script}); echo ." for script in scripts))
    return [each.splitlines() for each in text.split(".\n")[:-1]]


def entries_of(text: str) -> list[list[str]]:
    lines = text.removeprefix(BEFORE).splitlines()
    return [line.split() for line in lines if line]


def warnings_of(result: Result) -> str:
    return " ".join(result.good().get("warnings", []))


def test_with_boot_no_mount_is_stacked_now_or_after_a_restart(
    host: Host, subtests: pytest.Subtests
) -> None:
    cases = given(host, boot=True)
    checks = host.playbook([case.task(check=True) for case in cases])
    run = host.playbook([case.task() for case in cases])
    now = said(host, [case.mount_all() for case in cases])
    written = [host.shell(f"cat {case.fstab}") for case in cases]
    rerun = host.playbook([case.task() for case in cases])
    remount = "mount --fstab {} -o remount {}; {}"
    remounted = said(
        host, [remount.format(case.fstab, case.path, case.mount_all()) for case in cases]
    )
    gone = "umount {0}; rmdir {0}; {1}"
    restarted = said(host, [gone.format(case.path, case.mount_all()) for case in cases])
    twice = said(host, [case.mount_all() for case in cases])
    for number, case in enumerate(cases):
        check, real = checks[number].good(), run[number].good()
        pin = "pin" if case.source else ""
        with subtests.test(case.name):
            assert now[number] == remounted[number] == ["1", pin]
            assert restarted[number] == twice[number] == ["1", ""]
            assert not rerun[number].good().changed
            assert warnings_of(rerun[number]) == ""
            assert check.changed == real.changed
            assert [check[key] for key in ("drift", "mount")] == [real["drift"], real["mount"]]
            assert written[number].startswith(BEFORE)
            (entry,) = entries_of(written[number])
            assert entry[1].rstrip("/") == case.path
            assert entry[3].split(",").count("x-mount.mkdir") == 1
            assert ("x-keep" in entry[3]) == ("x-keep" in case.given)


def test_without_boot_an_entry_that_would_stack_is_told_and_left(
    host: Host, subtests: pytest.Subtests
) -> None:
    cases = [case for case in given(host, boot=None) if case.source]
    run = host.playbook([case.task(check=bool(number % 2)) for number, case in enumerate(cases)])
    written = [host.shell(f"cat {case.fstab}") for case in cases]
    # Last, since it stacks what stacks.
    now = said(host, [case.mount_all() for case in cases])
    assert {"1", "2"} <= {count for count, _pins in now}
    for number, case in enumerate(cases):
        result, stacks = run[number].good(), now[number][0] != "1" or "two" in case.entry
        with subtests.test(case.name):
            assert not result.changed
            assert result["action"] == "unchanged"
            assert [drift["field"] for drift in result["drift"]] == ["boot"] * stacks
            assert ("boot: true" in warnings_of(result)) == stacks
            assert (case.fstab in warnings_of(result)) == stacks
            assert written[number] == case.given


def test_boot_false_leaves_no_entry_however_it_is_spelled(
    host: Host, subtests: pytest.Subtests
) -> None:
    cases = given(host, boot=False)
    run = host.playbook([case.task() for case in cases])
    written = [host.shell(f"cat {case.fstab}") for case in cases]
    now = said(host, [case.mount_all() for case in cases])
    for number, case in enumerate(cases):
        with subtests.test(case.name):
            assert warnings_of(run[number]) == ""
            assert written[number] == BEFORE
            assert now[number] == ["1", "pin" if case.source else ""]


# What is not of type bpf, or is for another place, with $P for the path: nothing here mends it.
FOREIGN = {
    "another type": "tmpfs $P tmpfs defaults 0 0",
    "another type, not automatic": "tmpfs $P tmpfs noauto 0 0",
    "another tree": "/usr $P none bind 0 0",
    "another tree, with the type": "/usr $P bpf rbind 0 0",
    "the same tree": "$P $P none bind 0 0",
    "a directory in it": "bpf $P/folder bpf defaults 0 0",
    "a directory in it of another type": "tmpfs $P/folder tmpfs defaults 0 0",
    "a directory in it, not automatic": "bpf $P/folder bpf noauto 0 0",
    "a directory in it that is missing": "bpf $P/missing bpf nofail 0 0",
    "a directory beside it": "bpf $P-more bpf defaults 0 0",
    "another mount of the same": "other $P-alias bpf defaults 0 0",
    "another mount of the same, with its source": "bpf $P-alias bpf defaults 0 0",
    "another mount of the same, that binds it": "$P $P-alias none bind 0 0",
}


def test_an_entry_of_another_kind_that_would_hide_pins_is_told(
    host: Host, subtests: pytest.Subtests
) -> None:
    host.shell("mount -t tmpfs t /mnt")
    tasks, scripts = [], []
    for number, line in enumerate(FOREIGN.values()):
        path, fstab = f"/mnt/{number}", f"/mnt/fstab{number}"
        host.shell(f"mkdir {path} {path}-more {path}-alias")
        mount_and_pin(host, "bpf", path)
        host.shell(f"mkdir {path}/folder; mount --bind {path} {path}-alias")
        host.shell(f"echo '{line.replace('$P', path)}' >{fstab}")
        tasks += [
            task("bpffs_mount", path=path, fstab=fstab),
            task("bpffs_mount", path=path, fstab=fstab, boot=True, check=True),
        ]
        shown = f"cat /proc/self/mountinfo | grep -E ' {path}(-alias)?(/folder)? ' | wc -l"
        scripts.append(f"{shown}; mount --all --fstab {fstab} 2>/dev/null || true; {shown}")
    run = host.playbook(tasks)
    hides = [before != after for before, after in said(host, scripts)]
    assert sorted(set(hides)) == [False, True]
    for number, (name, line) in enumerate(FOREIGN.items()):
        looked, asked = run.results[2 * number : 2 * number + 2]
        line = line.replace("$P", f"/mnt/{number}")
        with subtests.test(name):
            assert (line in warnings_of(looked)) == hides[number]
            assert not looked.changed
        with subtests.test(f"{name}: with boot"):
            if line.split()[1] == f"/mnt/{number}":
                assert asked.failed
                assert f"/mnt/fstab{number} has an entry for /mnt/{number} " in asked.msg
            else:
                assert (line in warnings_of(asked)) == hides[number]


# Sources that fstab cannot say, or that mount and systemd take for a device; and a part of a bpffs.
UNSPEAKABLE = {
    "an empty source": "directly '' $P",
    "a label": "directly LABEL=x $P",
    "a device": "directly /dev/nothing $P",
    "a directory of a bpffs": "mount -t bpf bpf $P; mkdir $P/d; mount --bind $P/d $P-d",
}


def test_what_no_entry_can_stand_for_is_refused(host: Host, subtests: pytest.Subtests) -> None:
    host.shell("mount -t tmpfs t /mnt")
    tasks = []
    for number, script in enumerate(UNSPEAKABLE.values()):
        path = f"/mnt/{number}"
        host.shell(f"mkdir {path} {path}-d; P={path}; {mounting(host)}; {script}")
        if "$P-d" in script:
            path = f"{path}-d"
        tasks += [
            task("bpffs_mount", path=path, fstab="/mnt/fstab", boot=boot, check=check)
            for boot in (True, False)
            for check in (True, False)
        ]
    run = host.playbook(tasks)
    for number, name in enumerate(UNSPEAKABLE):
        *refused, checked, fine = run.results[4 * number : 4 * number + 4]
        with subtests.test(name):
            for result in refused:
                assert result.failed
                assert "no entry can stand for" in result.msg
                assert not result.changed
            assert not checked.good().changed
            assert not fine.good().changed
    assert host.run("ls", "/mnt/fstab", check=False).returncode


def mounting(host: Host) -> str:
    """A shell function for sources that mount(8) itself would look up."""
    python = "import ctypes, sys; source, path = (word.encode() for word in sys.argv[2:])"
    python += "; assert not ctypes.CDLL(None).mount(source, path, b'bpf', 0, None)"
    return f'directly() {{ {host.site.python} -c "{python}" - "$@"; }}'


# What is mounted at /sys/fs/bpf now, and who mounts it at the next boot.
@pytest.mark.parametrize(
    ("source", "init"),
    [
        ("bpf", "systemd"),
        ("none", "systemd"),
        ("bpffs", "systemd, but not here"),
        ("bpf", "another"),
        ("bpffs", "another"),
    ],
)
def test_the_mount_of_systemd_is_never_covered(
    host: Host, source: str, init: str, subtests: pytest.Subtests
) -> None:
    keep_apart(host)
    started_by(host, init)
    host.shell(f"umount -l {BPFFS}")
    mount_and_pin(host, source, BPFFS, "700")
    for name, line in ENTRIES.items():
        if "symlink" in name or "hand" in name:
            continue
        host.shell(f"echo '{line.strip().replace('$P', BPFFS)}' >/etc/fstab")
        first, again = host.playbook([task("bpffs_mount", boot=True)] * 2)
        with subtests.test(name):
            assert first.good()
            assert not again.good().changed
            assert all_mounted(host) == ["1", "pin"]
            (entry,) = entries_of(host.shell("cat /etc/fstab"))
            own = init == "another"
            assert entry[0] == (source if own else "bpf")
            assert ("noauto" in entry[3].split(",")) == (not own and source != "bpf")
            assert ("reads no entry" in warnings_of(again)) == (init == "systemd")
            assert ("noauto" in warnings_of(again)) == ("noauto" in entry[3])
    with subtests.test("after a restart"):
        host.shell(f"umount {BPFFS}")
        if init != "another":
            host.run("mount", "-t", "bpf", "-o", "nosuid,nodev,noexec,mode=700", "bpf", BPFFS)
        assert all_mounted(host) == ["1", ""]
    with subtests.test("after another run"):
        host.playbook([task("bpffs_mount", boot=True)])[0].good()
        (entry,) = entries_of(host.shell("cat /etc/fstab"))
        assert "noauto" not in entry[3]
        assert all_mounted(host) == ["1", ""]


def test_an_entry_that_systemd_would_make_stack_is_told_without_boot(
    host: Host, subtests: pytest.Subtests
) -> None:
    keep_apart(host)
    started_by(host, "systemd")
    host.shell(f"umount -l {BPFFS}; echo 'none {BPFFS} bpf defaults 0 0' >/etc/fstab")
    mount_and_pin(host, "none", BPFFS)
    result = host.module("bpffs_mount")
    with subtests.test("nothing stacks now"):
        assert all_mounted(host) == ["1", "pin"]
    with subtests.test("but after a restart"):
        assert [drift["field"] for drift in result["drift"]] == ["boot"]
        assert "systemd mounts it at boot" in warnings_of(result)


def started_by(host: Host, init: str) -> None:
    """Have a host that is kept apart look as if this init had started it."""
    if init == "systemd":
        host.shell("mkdir -p /run/systemd/system")  # sd_booted(3)
    name = "openrc-init" if init == "another" else "systemd"
    layers = "lowerdir=$sbin,upperdir=/run/up,workdir=/run/work"
    host.shell(
        f"""
        sbin=$(realpath /sbin); mkdir /run/up /run/work
        mount -t overlay -o {layers} overlay $sbin
        ln -sf /run/{name} $sbin/init; touch /run/{name}
        """
    )


def all_mounted(host: Host) -> list[str]:
    """What `mount -a` leaves at /sys/fs/bpf: how many mounts, and which pins."""
    host.run("mount", "-a")
    pins = host.shell(f"ls {BPFFS} | grep -v debug | xargs").strip()
    return [str(len(mounts_at(host, BPFFS))), pins]


# The fstab of a bpffs at $D/bpf, where $D is a directory that an entry is for, and what is
# mounted before the run.
ABOVE = {
    "nothing above is mounted": ("tmpfs $D tmpfs mode=755 0 0", ""),
    "what is above is mounted": ("tmpfs $D tmpfs mode=755 0 0", "mount $D"),
    "what is above is not automatic": ("tmpfs $D tmpfs noauto 0 0", ""),
    "what is above is spelled by a symlink": ("tmpfs $L tmpfs mode=755 0 0", ""),
    "a directory beside": ("tmpfs $D-more tmpfs mode=755 0 0", ""),
}


def test_an_entry_for_a_directory_above_that_would_hide_pins_is_told(
    host: Host, subtests: pytest.Subtests
) -> None:
    host.shell("mount -t tmpfs -o mode=755 t /mnt")
    tasks, scripts = [], []
    for number, (line, before) in enumerate(ABOVE.values()):
        place, fstab = f"/mnt/{number}", f"/mnt/fstab{number}"
        line = line.replace("$D", place).replace("$L", f"/mnt/link{number}")
        host.shell(
            f"""
            mkdir {place} {place}-more; ln -s {place} /mnt/link{number}; echo '{line}' >{fstab}
            {before.replace("mount $D", f"mount --fstab {fstab} {place}")}
            """
        )
        wanted = {"path": f"{place}/bpf", "fstab": fstab}
        tasks += [task("bpffs_mount", check=check, **wanted) for check in (True, False)]
        tasks.append(task("bpffs_mount", boot=True, **wanted))
        scripts.append(f"mount --all --fstab {fstab}; stat -f -c %T {place}/bpf || echo covered")
    run = host.playbook(tasks)
    hides = [seen != ["bpf_fs"] for seen in said(host, scripts)]
    assert sorted(set(hides)) == [False, True]
    for number, name in enumerate(ABOVE):
        check, real, asked = run.results[3 * number : 3 * number + 3]
        with subtests.test(name):
            for result in (check, real, asked):
                assert (f"/mnt/fstab{number} has an entry" in warnings_of(result)) == hides[number]
            assert real["drift"] == check["drift"] == []


def test_an_entry_comes_after_that_of_the_directory_above_where_nobody_sorts_them(
    host: Host, subtests: pytest.Subtests
) -> None:
    keep_apart(host)
    started_by(host, "another")
    place, own = "/mnt/agent", "bpf /mnt/agent/bpf bpf mode=1700,x-mount.mkdir 0 0\n"
    above = "# above\ntmpfs /mnt/agent tmpfs mode=755 0 0\n# end"  # and no newline
    host.shell(f"mount -t tmpfs -o mode=755 t /mnt; mkdir {place}; mount -t tmpfs t {place}")
    (host.scratch / "fstab").write_text(own + above)
    host.shell(f"cp {host.scratch}/fstab /etc/fstab; mkdir {place}/bpf")
    mount_and_pin(host, "bpf", f"{place}/bpf", "700")
    wanted = {"path": f"{place}/bpf"}
    looked, check, real, again = host.playbook(
        [
            task("bpffs_mount", **wanted),
            task("bpffs_mount", boot=True, check=True, **wanted),
            task("bpffs_mount", boot=True, **wanted),
            task("bpffs_mount", boot=True, **wanted),
        ]
    )
    with subtests.test("without boot it is told"):
        assert not looked.changed
        assert [drift["field"] for drift in looked["drift"]] == ["boot"]
        assert "the entry of /mnt/agent comes after it" in warnings_of(looked)
    with subtests.test("with boot it is moved"):
        assert host.shell("cat /etc/fstab") == f"{above}\n{own}"
        assert real.good().changed
        assert check.good().changed
        assert real["drift"] == check["drift"] != []
        assert not again.good().changed
        assert warnings_of(again) == ""
    with subtests.test("after a restart it is on top"):
        host.shell(f"umount {place}/bpf {place}; mount -a; mount -a")
        assert host.shell(f"stat -f -c %T {place}/bpf") == "bpf_fs\n"
        assert len(mounts_at(host, f"{place}/bpf")) == 1


# What is mounted now, where a unit mounts with the source `theirs` at boot.
@pytest.mark.parametrize("source", ["", "theirs", "bpf"])
def test_the_mount_of_a_unit_is_never_covered(
    host: Host, source: str, subtests: pytest.Subtests
) -> None:
    keep_apart(host)
    started_by(host, "systemd")
    path = "/mnt/an-agent/.bpf x"
    host.shell(
        f"""
        mount -t tmpfs -o mode=755 t /mnt; mkdir -p '{path}'; : >/etc/fstab
        unit=/etc/systemd/system/$(systemd-escape --path '{path}').mount
        printf '[Unit]\nDescription=x\n[Mount]\nWhat=theirs\nWhere={path}\nType=bpf\n' >"$unit"
        """
    )
    if source:
        host.run("mount", "-i", "-t", "bpf", "-o", "mode=700", source, path)
    shown = "grep -c ' /mnt/an-agent/.bpf.040x ' /proc/self/mountinfo"
    first, again = host.playbook([task("bpffs_mount", path=path, boot=True)] * 2)
    with subtests.test("now"):
        assert first.good().changed
        assert not again.good().changed
        assert ".mount mounts /mnt/an-agent/.bpf x at boot" in warnings_of(again)
        assert ("noauto" in host.shell("cat /etc/fstab")) == (source == "bpf")
        assert host.shell(f"mount -a; {shown}") == "1\n"
    with subtests.test("after a restart"):
        host.shell(f"umount '{path}'; mount -t bpf theirs '{path}'")  # as the unit says
        assert host.shell(f"mount -a; mount -a; {shown}") == "1\n"


# How the directory $D above is made, and whether a user without privileges can put a link there.
HOLDERS = {
    "root's": ("mkdir -m 755 $D", False),
    "a user's": ("mkdir -m 755 $D; chown 1234 $D", True),
    "a group's": ("mkdir -m 775 $D; chgrp 1234 $D", True),
    "everybody's": ("mkdir -m 777 $D", True),
    "everybody's, with the sticky bit": ("mkdir -m 1777 $D", False),
}


def test_a_directory_above_in_which_others_decide_what_is_mounted_over_is_told(
    host: Host, subtests: pytest.Subtests
) -> None:
    host.shell("mount -t tmpfs -o mode=755 t /mnt; mkdir -p /mnt/victim/bpf")
    nobody = "setpriv --reuid=1234 --regid=1234 --clear-groups"
    tasks, scripts = [], []
    for number, (script, _led) in enumerate(HOLDERS.values()):
        place, fstab = f"/mnt/{number}", f"/mnt/fstab{number}"
        host.shell(f"{script.replace('$D', place)}; mkdir -p {place}/agent/bpf")
        wanted = {"path": f"{place}/agent/bpf", "fstab": fstab}
        tasks += [task("bpffs_mount", boot=True, check=check, **wanted) for check in (True, False)]
        tasks.append(task("bpffs_mount", **wanted))
        scripts.append(
            f"""
            umount {place}/agent/bpf
            {nobody} sh -c 'cd {place} && mv agent old && ln -s /mnt/victim agent' || true
            mount --all --fstab {fstab}
            stat -f -c %T /mnt/victim/bpf
            umount /mnt/victim/bpf || umount {place}/agent/bpf
            """
        )
    run = host.playbook(tasks)
    led = [seen == ["bpf_fs"] for seen in said(host, scripts)]
    for number, (name, (_script, leads)) in enumerate(HOLDERS.items()):
        check, real, looked = run.results[3 * number : 3 * number + 3]
        with subtests.test(name):
            assert led[number] == leads
            told = f"/mnt/{number} belongs to user id"
            assert (told in warnings_of(real)) == (told in warnings_of(check)) == leads
            assert warnings_of(looked) == ""


_PROBE = """
from ansible_collections.ebpf.pinning.plugins.module_utils._core import kernel
kernel.os.uname = lambda: type("Old", (), {"release": "5.10.0-32-amd64", "machine": "any"})
print(kernel.shows_source_of_bpffs())
"""


def test_how_a_kernel_shows_sources_is_found_out_and_leaves_nothing(host: Host) -> None:
    host.shell(f"mkdir {BPFFS}/x; mount -t bpf asked {BPFFS}/x")
    shown = host.shell(f"findmnt -n -o SOURCE {BPFFS}/x").strip()
    before = host.shell("cat /proc/self/mountinfo")
    told = host.run("env", f"PYTHONPATH={host.site.scratch}", sys.executable, "-c", _PROBE).stdout
    assert told == f"{shown == 'asked'}\n"
    assert host.shell("cat /proc/self/mountinfo") == before
