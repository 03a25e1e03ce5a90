# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpffs_mount and fstab: one entry of ours, and every other byte as it was."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness.host import Host
from harness.playbook import task
from mount_table import access, mounts_at, picture, picture_task, taken
from restoring import keep_apart

ADM = 4
OTHERS = (
    b"# /etc/fstab: made by the installer\r\n"
    b"UUID=0a-1b\t/\text4\terrors=remount-ro\t0\t1\n"
    b"\n"
    b"   # bpffs /mnt/bpf bpf defaults 0 0\n"
    b"tmpfs /mnt/bpf2 tmpfs size=1m 0 0\r\n"
    b"none  /mnt/bpf/deeper bpf  mode=700 0 0  # stays\n"
    b"LABEL=caf\xe9 /srv xfs defaults\n"
    b"short\n"
)
TAIL = b"//nas/share\t/nas cifs credentials=/x,_netdev  0 0"  # and no newline
OURS = b"bpffs /mnt/bpf bpf "


@dataclass(frozen=True)
class Case:
    """`after` is None where the file must stay as it is, or stay away. /mnt/bpf is the path."""

    name: str
    before: bytes | None
    after: bytes | None
    declared: Mapping[str, Any] = field(default_factory=dict)
    mounted: str = "defaults"  # how it is mounted, so that only the file is not as declared
    boot: bool | None = True


CASES = [
    Case("an entry is added at the end", OTHERS, OTHERS + OURS + b"defaults 0 0\n"),
    Case(
        "a last line without a newline gets one",
        OTHERS + TAIL,
        OTHERS + TAIL + b"\n" + OURS + b"defaults 0 0\n",
    ),
    Case("an empty file gets an entry", b"", OURS + b"defaults 0 0\n"),
    Case("a file that does not exist is made", None, OURS + b"defaults 0 0\n"),
    Case(
        "the entry carries what is declared, by number",
        OTHERS,
        OTHERS + OURS + b"nodev,nosuid,mode=1750,uid=65534,gid=4,delegate_maps=array:hash 0 0\n",
        {
            "opts": ["nosuid", "nodev", "exec"],
            "mode": "0750",
            "owner": "nobody",
            "group": "adm",
            "delegate_maps": ["hash", "array"],
        },
        "nosuid,nodev,mode=750,uid=65534,gid=4,delegate_maps=array:hash",
    ),
    Case(
        "an entry that fits stays to the byte",
        OTHERS + b"bpffs\t/mnt/bpf/\tbpf\tnosuid,mode=1700,x-systemd.automount\t0\t0\n" + TAIL,
        None,
        {"opts": ["nosuid"], "mode": "0700"},
        "nosuid,mode=700",
    ),
    Case(
        "an entry that means the same stays to the byte, however it says so",
        OTHERS + b"bpffs /mnt/bpf// bpf gid=adm,mode=700,defaults,uid=nobody 0 0\n",
        None,
        {"mode": "1700", "owner": "65534", "group": "4", "opts": ["relatime", "rw", "suid"]},
        "mode=700,uid=65534,gid=4",
    ),
    Case(
        "an entry takes on the mode of the mount, which the kernel would give 1777",
        b"",
        OURS + b"mode=1711 0 0\n",
        mounted="mode=711",
    ),
    Case(
        "of an option that is there twice, the last counts",
        OURS + b"mode=0700,mode=0755,nosuid 0 0\n",
        OURS + b"nosuid,mode=1700 0 0\n",
        {"mode": "0700"},
        "mode=700,nosuid",
    ),
    Case(
        "a mode that only Python reads is written as the kernel reads it",
        OURS + b"mode=0o700 0 0\n",
        OURS + b"mode=1700 0 0\n",
        {"mode": "0700"},
        "mode=700",
    ),
    Case(
        "an entry changes where it is, and its other options stay",
        OTHERS + b"none /mnt/bpf bpf rw,noexec,mode=700,x-initrd.mount 0 0\n" + TAIL,
        OTHERS + b"bpffs /mnt/bpf bpf rw,noexec,x-initrd.mount,nosuid,mode=1755 0 0\n" + TAIL,
        {"opts": ["nosuid"], "mode": "0755"},
        "nosuid,mode=755",
    ),
    Case(
        "options that contradict what is declared go, noauto too",
        b"bpffs /mnt/bpf bpf defaults,suid,noexec,relatime,noauto,nofail 0 0\n",
        b"bpffs /mnt/bpf bpf defaults,nofail,noatime,nosuid 0 0\n",
        {"opts": ["nosuid", "exec", "noatime"]},
        "nosuid,noatime",
    ),
    Case(
        "of several entries the first stays",
        b"bpffs /mnt/bpf bpf mode=1700 0 0\n" + OTHERS + b"b /mnt/bpf bpf defaults 0 0\n" + TAIL,
        b"bpffs /mnt/bpf bpf mode=1700 0 0\n" + OTHERS + TAIL,
        {"mode": "0700"},
        "mode=700",
    ),
    Case(
        "all entries go, and only they",
        b"a /mnt/bpf bpf mode=1700 0 0\n" + OTHERS + b"b\t/mnt/bpf/ bpf\n" + TAIL,
        OTHERS + TAIL,
        boot=False,
    ),
    Case("no entry is removed where there is none", OTHERS + TAIL, None, boot=False),
    Case("no file is made to remove an entry from it", None, None, boot=False),
    Case(
        "without boot the file is left alone",
        OTHERS + b"bpffs /mnt/bpf bpf mode=711 0 0\n",
        None,
        {"mode": "0700"},
        "mode=700",
        boot=None,
    ),
]


def test_fstab_is_kept_to_the_byte(host: Host, subtests: pytest.Subtests) -> None:
    root = host.scratch / "etc"
    host.shell(f"mkdir {host.scratch}/mnt && mount --bind {host.scratch}/mnt /mnt")
    declared = []
    for number, case in enumerate(CASES):
        file = _file(root, number)
        file.parent.mkdir(parents=True)
        if case.before is not None:
            file.write_bytes(_at(number, case.before))
            file.chmod(0o640)
            os.chown(file, 1, ADM)
            os.setxattr(file, "user.note", b"kept")
        path = _at(number, b"/mnt/bpf").decode()
        host.shell(f"mkdir {path} && mount -t bpf -o {case.mounted} bpffs {path}")
        boot = {} if case.boot is None else {"boot": case.boot}
        declared.append({"path": path, "fstab": str(file), **boot, **case.declared})
    before = picture(host, str(root), "/mnt")
    run = host.playbook(
        [
            *(task("bpffs_mount", check=True, diff=True, **each) for each in declared),
            picture_task("after the checks", str(root), "/mnt"),
            *(task("bpffs_mount", **each) for each in declared),
            picture_task("after the first run", str(root), "/mnt"),
            *(task("bpffs_mount", **each) for each in declared),
        ]
    )
    assert taken(run["after the checks"]) == before
    assert taken(run["after the first run"]) == picture(host, str(root), "/mnt")
    step = len(CASES) + 1
    for number, case in enumerate(CASES):
        check, real, again = (run[number + step * phase].good() for phase in range(3))
        file = _file(root, number)
        with subtests.test(case.name):
            after = case.before if case.after is None else case.after
            found = file.read_bytes() if file.exists() else None
            assert found == (None if after is None else _at(number, after))
            assert check.changed == real.changed == (case.after is not None)
            assert not again.changed
            assert check["mount"] == real["mount"]
            assert check["drift"] == real["drift"]
            assert [each["field"] for each in real["drift"]] == ["boot"] * real.changed
            for drift in real["drift"]:
                lines = found.decode(errors="backslashreplace").splitlines()
                assert set(drift["want"]) <= set(lines)
                assert not set(drift["have"]) & set(lines)
            assert len(check["diff"]) == (case.after is not None)
        with subtests.test(f"{case.name}: owner, mode, attributes and neighbours"):
            assert [each.name for each in file.parent.iterdir()] == ["fstab"] * file.exists()
            if case.before is not None:
                assert access(host, str(file)) == f"640 1 {ADM}"
                assert os.getxattr(file, "user.note") == b"kept"
            elif found is not None:
                assert access(host, str(file)) == "644 0 0"


def test_a_file_that_must_not_be_written_keeps_everything_as_it_was(
    host: Host, subtests: pytest.Subtests
) -> None:
    etc = host.scratch / "etc"
    etc.mkdir()
    (etc / "real").write_bytes(OTHERS)
    (etc / "link").symlink_to("real")
    (etc / "dangling").symlink_to("nowhere")
    (etc / "directory").mkdir()
    (etc / "other").write_bytes(OTHERS + b"tmpfs /mnt/bpf tmpfs defaults 0 0\n")
    os.mkfifo(etc / "fifo")
    says = {
        "link": "symlink",
        "dangling": "symlink",
        "directory": "not a regular file",
        "fifo": "not a regular file",
        "/": "not a regular file",
        "/mnt/bpf/fstab": "would be hidden",
        "other": "an entry for /mnt/bpf of type tmpfs",
        "missing/fstab": "",
    }
    host.shell("mount -t tmpfs t /mnt && mkdir /mnt/bpf")
    host.shell("echo '# x' >/mnt/bpf/fstab")
    before = picture(host, str(etc), "/mnt")
    # An open FIFO would wait for ever.
    patience = host.interpreter(f'exec timeout 5 {host.site.python} "$@"')
    run = host.playbook(
        [
            task("bpffs_mount", check=check, keywords=patience, **_boot(etc / name))
            for name in says
            for check in (True, False)
        ]
    )
    after = picture(host, str(etc), "/mnt")
    for number, (name, words) in enumerate(says.items()):
        for result in run.results[2 * number : 2 * number + 2]:
            with subtests.test(name):
                assert result.failed
                assert str(etc / name) in result.msg
                assert words in result.msg
    with subtests.test("nothing was touched"):
        assert after == before


# What a power cut leaves, or what mount(8) would never make of a line, with $P for the path.
DAMAGED = {
    "a block of zeros": b"\0" * 4096 + b"\n",
    "a block of zeros without an end": b"\0" * 4096,
    "a zero in a path": b"/dev/x /x\0y ext4 noauto 0 0\n",
    "a spelled zero in a path": b"/dev/x /x\\000y ext4 noauto 0 0\n",
    "a spelled zero in the path of a bpffs": b"bpf $P\\000y bpf noauto 0 0\n",
    "a spelled zero in the source": b"x\\000y $P bpf defaults 0 0\n",
    "a zero in a comment": b"# x\0y\n",
}


def test_an_fstab_that_is_damaged_stops_no_run(host: Host, subtests: pytest.Subtests) -> None:
    host.shell("mount -t tmpfs -o mode=755 t /mnt && mkdir /mnt/etc")
    tasks = []
    for number, content in enumerate(DAMAGED.values()):
        host.shell(f"mkdir /mnt/{number}")
        text = content.replace(b"$P", b"/mnt/%d" % number)
        (host.scratch / "fstab").write_bytes(text)
        host.shell(f"cp {host.scratch}/fstab /mnt/etc/{number}")
        wanted = {"path": f"/mnt/{number}", "fstab": f"/mnt/etc/{number}"}
        tasks += [
            task("bpffs_mount", **wanted),
            task("bpffs_mount", boot=True, check=True, **wanted),
            task("bpffs_mount", boot=True, **wanted),
            task("bpffs_mount", boot=True, **wanted),
        ]
    run = host.playbook(tasks)
    for number, (name, content) in enumerate(DAMAGED.items()):
        looked, check, real, again = run.results[4 * number : 4 * number + 4]
        with subtests.test(name):
            assert looked.good().changed
            assert check.good().changed
            assert real.good().changed
            assert real["drift"] == check["drift"]
            assert not again.good().changed
            if b"$P bpf" not in content:
                now = host.run("cat", f"/mnt/etc/{number}").stdout
                assert now.startswith(content.decode().replace("$P", f"/mnt/{number}"))
            host.shell(f"umount /mnt/{number}")
            for _time in range(2):
                host.run("mount", "-a", "--fstab", f"/mnt/etc/{number}", check=False)
                assert len(mounts_at(host, f"/mnt/{number}")) == 1


# How a directory $E with an fstab in it is closed, also to root, and how it is opened again.
CLOSED = {
    "the file is immutable": ("chattr +i $E/fstab", "chattr -i $E/fstab", "immutable"),
    "the file is append-only": ("chattr +a $E/fstab", "chattr -a $E/fstab", "append-only"),
    "the directory is immutable": ("chattr +i $E", "chattr -i $E", "immutable"),
    "the directory is append-only": ("chattr +a $E", "chattr -a $E", "append-only"),
    "the mount is read-only": ("mount --bind $E $E; mount -o remount,bind,ro $E", ":", "EROFS"),
    "the file system is full": (
        "mount -t tmpfs -o size=4k t $E; echo '# x' >$E/fstab",
        ":",
        "ENOSPC",
    ),
    "the file system has no inode left": (
        "mount -t tmpfs -o nr_inodes=2 t $E; : >$E/fstab",
        ":",
        "ENOSPC",
    ),
    "a directory is in the way": (
        "mkdir $E/.fstab.ebpf-pinning",
        ":",
        ".fstab.ebpf-pinning is not a regular file",
    ),
    "a symlink is in the way": (
        "ln -s x $E/.fstab.ebpf-pinning",
        ":",
        ".fstab.ebpf-pinning is not a regular file",
    ),
    "what is in the way is immutable": (
        ": >$E/.fstab.ebpf-pinning; chattr +i $E/.fstab.ebpf-pinning",
        "chattr -i $E/.fstab.ebpf-pinning",
        "immutable",
    ),
    "the file system is read-only": (
        "cp $E/fstab $E/..; mount -t tmpfs t $E; cp $E/../fstab $E; mount -o remount,ro $E",
        ":",
        "EROFS",
    ),
}


def test_nothing_is_mounted_where_fstab_cannot_be_written(
    host: Host, subtests: pytest.Subtests
) -> None:
    host.shell("mount -t tmpfs t /mnt")
    cases = []
    try:
        for number, (name, (close, reopen, words)) in enumerate(CLOSED.items()):
            etc, path = host.scratch / "closed" / f"{number}" / "etc", f"/mnt/{number}"
            etc.mkdir(parents=True)
            (etc / "fstab").write_bytes(OTHERS)
            host.shell(f"mkdir {path}; E={etc}; {close}")
            cases.append((name, etc, path, f"E={etc}; {reopen}", words))
        before = picture(host, str(host.scratch / "closed"), "/mnt")
        run = host.playbook(
            [
                task("bpffs_mount", path=path, fstab=str(etc / "fstab"), boot=True, check=check)
                for _name, etc, path, _reopen, _words in cases
                for check in (True, False)
            ]
        )
        after = picture(host, str(host.scratch / "closed"), "/mnt")
    finally:
        for *_case, reopen, _words in cases:
            host.shell(reopen)
    for number, (name, etc, _path, _reopen, words) in enumerate(cases):
        check, real = run.results[2 * number : 2 * number + 2]
        with subtests.test(name):
            assert real.failed
            assert not real.changed
            assert str(etc) in real.msg
            assert words in real.msg
            assert "bpf(2)" not in real.msg
            assert "opts:" not in real.msg
            assert check.failed
            assert check.msg == real.msg
    with subtests.test("nothing was touched"):
        assert after == before


def test_nobody_can_keep_a_run_waiting_by_a_lock_of_their_own(host: Host) -> None:
    keep_apart(host)
    host.shell("mkdir -p /run/agent/bpffs; rm -f /etc/.fstab.ebpf-pinning")
    lock = "flock {} sh -c 'echo locked; cat'"
    attacker = " & ".join(lock.format(place) for place in ("/etc", "/etc/fstab", "/run"))
    attacker += f" & {lock.format('/run/agent/bpffs')} & wait"
    command = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "sh", "-c", attacker]
    with host.running(*command) as held:
        assert held.stdout is not None
        assert [held.stdout.readline() for _place in range(4)] == ["locked\n"] * 4
        wanted = {"path": "/run/agent/bpffs", "boot": True}
        first, again = host.playbook([task("bpffs_mount", **wanted)] * 2)
    assert first.good().changed
    assert not again.good().changed
    assert len(mounts_at(host, "/run/agent/bpffs")) == 1
    assert "x-mount.mkdir" in host.shell("cat /etc/fstab")
    left = "ls -A /etc /run | grep -e 'fstab[.]' -e 'pinning[.]lock' || true"
    assert host.shell(left) == ""


def test_an_entry_comes_with_the_mount_and_mount_itself_understands_it(host: Host) -> None:
    path, file = "/mnt/with space", host.scratch / "fstab"
    host.shell("mount -t tmpfs t /mnt")
    wanted = {
        "path": path,
        "fstab": str(file),
        "boot": True,
        "mode": "0750",
        "group": "adm",
        "opts": ["nosuid", "noatime"],
        "delegate_cmds": ["any"],
    }
    host.module("bpffs_mount", **wanted).good()
    host.run("umount", path)
    host.run("mount", "--fstab", str(file), path)
    host.run("findmnt", "--verify", "--tab-file", str(file))
    run = host.playbook(
        [
            task("bpffs_mount", **wanted),
            task("bpffs_mount", path=path, fstab=str(file), boot=False, state="unmounted"),
        ]
    )
    assert not run[0].good().changed
    assert run[1].good().changed
    assert mounts_at(host, path) == []
    assert file.read_bytes() == b""


def _boot(file: Path) -> dict[str, Any]:
    return {"path": "/mnt/bpf", "fstab": str(file), "boot": True}


def _file(root: Path, number: int) -> Path:
    return root / str(number) / "fstab"


def _at(number: int, content: bytes) -> bytes:
    # Each case has a mount point of its own.
    return content.replace(b"/mnt/bpf", b"/mnt/case%d-" % number)
