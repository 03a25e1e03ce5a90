# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: runs modules with whatever somebody may write, where nothing can be harmed.

It is in a mount namespace of its own, where nothing can be written but a scratch folder; each case
is in another one on top, in check mode, for real, and once more.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

from .child import end_after, import_all
from .fuzz_arguments import BPFFS, Dice, arguments_for

# AnsibleModule itself falls over `.inf` as a number, and numbers of thousands of digits. Then no
# line of our own code was reached but the constructor that calls Ansible's.
OUR_CODE = "/pinning/plugins/module_utils/"
CONSTRUCTOR = ", in __init__"
PATIENCE = 60  # seconds for one run of a module; only a hanging one takes so long

# Where nothing may be written.
OUTSIDE = ("/", "/etc/fstab", "/root", "/tmp", "/proc/sys/kernel/core_pattern", "/sys/fs", "/dev")


# A place where nothing else can be hurt

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_PRIVATE_ALL = 0x20000, 1 << 18 | 1 << 14


def leave_mounts() -> None:
    """From here on mounts are this process's own (unshare, and nothing is shared with anybody)."""
    if _libc.unshare(CLONE_NEWNS) or _libc.mount(None, b"/", None, MS_PRIVATE_ALL, None):
        raise OSError(ctypes.get_errno(), "cannot make a mount namespace")


def mount_rows() -> list[list[str]]:
    """The fields of each line of mountinfo; a mount point is never unescaped here."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        return [line.rstrip("\n").split(" ") for line in table]


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def close_the_world(scratch: str) -> None:
    """Make everything read-only but `scratch` and the bpffs."""
    leave_mounts()
    run("mount", "--bind", scratch, scratch)
    points = [row[4] for row in mount_rows()]
    for point in dict.fromkeys(points):
        if point not in (scratch, BPFFS):
            run("mount", "-o", "remount,bind,ro", point)


def proof() -> dict[str, Any]:
    """What can be written, by the kernel's own word and by trying."""
    rows = mount_rows()
    top = {row[4]: row for row in rows}
    refused = {}
    for path in OUTSIDE:
        try:
            if os.path.isdir(path):
                os.mkdir(f"{path}/fuzz")
                os.rmdir(f"{path}/fuzz")
            else:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
            refused[path] = "written"
        except OSError as error:
            refused[path] = errno.errorcode[error.errno or 0]
    return {
        "namespace": os.readlink("/proc/self/ns/mnt"),
        "writable": sorted(p for p, row in top.items() if "ro" not in row[5].split(",")),
        "shared": [row[4] for row in rows if any("shared" in each for each in row[6:])],
        "refused": refused,
    }


# What is there before each case

Picture = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """`scratch` is a folder, the others are programs of ../c and an object file."""

    scratch: str
    info: str
    make: str
    load: str
    program: str

    def set(self) -> None:
        """Make the baseline, whatever is there."""
        here = self.scratch
        names = ("bpffs", "stacked", "over", "read_only")
        for point in (BPFFS, *(f"{here}/{name}" for name in names)):
            while os.path.ismount(point):
                run("umount", point)
        run("find", here, "-xdev", "-mindepth", "1", "-delete")
        script = f"""
        mount -t bpf -o strictatime bpf {BPFFS}
        cd {here}
        mkdir bpffs stacked over plain read_only tmp
        echo text > file; ln -s plain symlink; mkfifo fifo
        echo '# static' > fstab; echo 'bpffs {here}/new bpf nosuid,x-test 0 0' >> fstab
        printf 'x {here}/new tmpfs defaults 0 0' > odd_fstab
        mount -t bpf bpf bpffs; mkdir bpffs/d
        mount -t bpf bpf stacked; mount -t bpf bpf stacked
        mount -t bpf bpf over; mount -t tmpfs t over
        mount -t bpf -o ro bpf read_only
        cd {BPFFS}; mkdir -p deep/er; ln -s deep symlink; ln -s nowhere dangling
        pin() {{ {self.make} {BPFFS}/"$@" >/dev/null; }}
        pin flows max_entries=16
        pin counts type=5 key_size=8 max_entries=8
        pin slots type=2 max_entries=4
        pin outgrown max_entries=1
        pin inner max_entries=1
        pin outer type=12 value_size=4 max_entries=4 inner={BPFFS}/inner
        pin frozen max_entries=16; bpftool map freeze pinned {BPFFS}/frozen
        pin deep/two; pin deep/er/one
        bpftool map update pinned flows key 1 0 0 0 value 1 2 3 4 5 6 7 8
        bpftool map update pinned slots key 3 0 0 0 value 1 2 3 4 5 6 7 8
        bpftool map update pinned outer key 1 0 0 0 value pinned {BPFFS}/inner
        {self.load} {self.program} {BPFFS} {BPFFS}/prog {BPFFS}/link >/dev/null
        """
        done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"the baseline cannot be made:\n{done.stderr}")

    def look(self, mountinfo: BinaryIO) -> Picture:
        """All mounts, and by path all that is in the two bpffs and in the scratch folder."""
        mountinfo.seek(0)
        picture: Picture = {f"mount {line.decode()}": 1 for line in mountinfo.read().splitlines()}
        pins: list[str] = []
        for root in (BPFFS, f"{self.scratch}/bpffs", self.scratch):
            in_bpffs = root != self.scratch
            for path, status in entries(root):
                picture[path] = described(path, status, with_times=in_bpffs)
                if in_bpffs and stat.S_ISREG(status.st_mode) and "." not in path:
                    pins.append(path)
        done = subprocess.run([self.info, *pins], check=True, capture_output=True, text=True)
        for path, line in zip(pins, done.stdout.splitlines(), strict=True):
            picture[path].append(line)
        return picture


def entries(directory: str) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below, but not what is mounted there; looking leaves no access time."""
    try:
        status = os.lstat(directory)
    except FileNotFoundError:  # something was mounted above
        return
    yield directory, status
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME)
    try:
        names = sorted(os.listdir(fd))
    finally:
        os.close(fd)
    for name in names:
        path = f"{directory}/{name}"
        below = os.lstat(path)
        if stat.S_ISDIR(below.st_mode) and below.st_dev == status.st_dev:
            yield from entries(path)
        else:
            yield path, below


def described(path: str, status: os.stat_result, *, with_times: bool) -> list[Any]:
    words: list[Any] = [stat.filemode(status.st_mode), status.st_uid, status.st_gid, status.st_ino]
    if with_times:
        words += [status.st_mtime_ns, status.st_ctime_ns]
        words += [status.st_atime_ns] if stat.S_ISDIR(status.st_mode) else []
    elif stat.S_ISREG(status.st_mode):
        words.append(Path(path).read_bytes().decode(errors="replace"))
    return words


def timeless(picture: Picture) -> Picture:
    """The same without the times of directories, in which something came and went."""
    return {
        path: [*what[:4], *what[7:]] if isinstance(what, list) and what[0][0] == "d" else what
        for path, what in picture.items()
    }


# One case


@dataclass(frozen=True)
class Ran:
    """How a module ended, and what it said."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """The one JSON object that it printed; nothing else may be there."""
        return json.loads(self.stdout)

    @property
    def failed(self) -> bool:
        return self.code != 0

    @property
    def is_of_ansible(self) -> bool:
        """Whether AnsibleModule itself fell over the arguments, before the module had them."""
        frames = re.findall(r'  File ".*", line \d+, in .*', self.stderr)
        ours = [frame for frame in frames if OUR_CODE in frame and not frame.endswith(CONSTRUCTOR)]
        return bool(frames) and not ours


def in_child(work: Callable[[], object]) -> Ran:
    """Do it in another process; how that one ended, and what it printed."""
    files = [os.memfd_create(name) for name in ("out", "err")]
    pid = os.fork()
    if not pid:
        end_after(work, files)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    texts = []
    for fd in files:
        with open(fd, encoding="utf-8", errors="replace") as file:
            file.seek(0)
            texts.append(file.read())
    return Ran(code, *texts)


@dataclass
class Runner:
    """Runs one module, over and over."""

    module: str
    stage: Stage
    complaints: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.basic = importlib.import_module("ansible.module_utils.basic")
        path = f"ansible_collections.ebpf.pinning.plugins.modules.{self.module}"
        self.code = importlib.import_module(path)
        import_all()

    def spec(self) -> dict[str, Any]:
        """The argument spec that the module hands over."""
        with mock.patch.object(self.code, "PinningModule") as constructor:
            constructor.side_effect = InterruptedError
            with suppress(InterruptedError):
                self.code.main()
        return constructor.call_args.kwargs["argument_spec"]

    def run(self, arguments: dict[str, Any], *, check: bool) -> Ran:
        """One run in a process of its own, as Ansible would start it."""
        internal = {
            "_ansible_check_mode": check,
            "_ansible_diff": True,
            "_ansible_remote_tmp": f"{self.stage.scratch}/tmp",
        }
        text = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **internal}})

        def work() -> None:
            signal.alarm(PATIENCE)
            self.basic._ANSIBLE_ARGS, self.basic._ANSIBLE_PROFILE = text.encode(), "legacy"
            self.code.main()

        return in_child(work)

    def case(self, arguments: dict[str, Any]) -> bool:
        """Try these arguments; whether anything changed that the next case would see."""
        complaints: list[str] = []
        with open("/proc/self/mountinfo", "rb", buffering=0) as mountinfo:
            look = partial(self.stage.look, mountinfo)
            before = look()
            runs = {"check": self.run(arguments, check=True)}
            checked = look()
            runs["real"] = real = self.run(arguments, check=False)
            done = look()
            if not real.failed:
                runs["again"] = self.run(arguments, check=False)
            after = look()
        if runs["check"].is_of_ansible and real.is_of_ansible:
            self.seen["of Ansible"] += 1
            return timeless(before) != timeless(after)
        for name, ran in runs.items():
            complaints += [f"{name}: {each}" for each in wrong_with(ran)]
        if before != checked:
            complaints.append(f"the check changed something: {difference(before, checked)}")
        if not complaints:
            complaints += self.judged(runs, checked, done, after, arguments)
            self.count(real.result, real.failed)
        if complaints:
            said = [
                f"{name}: exit code {ran.code}\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}"
                for name, ran in runs.items()
            ]
            case = f"{self.module} {json.dumps(arguments)}"
            self.complaints.append("\n".join([case, *complaints, *said]))
        return timeless(before) != timeless(after)

    def judged(
        self,
        runs: dict[str, Ran],
        before: Picture,
        done: Picture,
        after: Picture,
        arguments: dict[str, Any],
    ) -> Iterator[str]:
        check, real = runs["check"].result, runs["real"].result
        changed = real.get("changed", False)
        if runs["check"].failed and check.get("changed"):
            yield "the check failed, but says that something would change"
        if runs["check"].failed and not runs["real"].failed:
            yield "the check failed, the real run did not"
        if runs["check"].failed and before != done:
            yield f"it was refused, and yet something changed: {difference(before, done)}"
        if not runs["real"].failed:
            if check.get("changed") != changed:
                yield f"the check said changed: {check.get('changed')}, the real run {changed}"
            again = runs["again"]
            if again.failed or again.result.get("changed"):
                yield "the second run failed or changed something"
            if done != after:
                yield f"the second run changed something: {difference(done, after)}"
            if changed is (done == before):
                yield f"changed is {changed}: {difference(before, done)}"
            if bool(check["diff"]) is not changed:
                yield f"changed is {changed}, but the diff {check['diff']}"
        elif timeless(before) != timeless(done) and not changed:
            yield f"it failed, and yet changed something: {difference(before, done)}"
        elif changed and not re.search("Done|Removed before", real["msg"]):
            yield "it failed, and does not say what was done"
        for path in difference(before, after):
            if not self.may_change(path, arguments):
                yield f"something else changed: {path}"

    def may_change(self, path: str, arguments: dict[str, Any]) -> bool:
        """Whether these arguments are about `path`, a line of mountinfo or a path."""
        if self.module != "bpffs_mount":
            roots = (f"{BPFFS}/", f"{self.stage.scratch}/bpffs/")
            return f"{path}/".startswith(roots)
        declared = os.path.expandvars(os.path.expanduser(str(arguments.get("path", BPFFS))))
        point = "/" + "/".join(part for part in declared.split("/") if part)
        if path.startswith("mount "):
            shown = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path.split(" ")[5])
            return shown.encode() == point.encode(errors="replace") or shown == point
        if path == arguments.get("fstab") and arguments.get("boot") is not None:
            return True
        return f"{point}/".startswith(f"{path}/") or f"{path}/".startswith(f"{point}/")

    def count(self, result: dict[str, Any], failed: bool) -> None:
        """Take note of what came of it."""
        self.seen["failed" if failed else "ok"] += 1
        self.seen["changed"] += bool(result.get("changed"))
        self.seen.update(row["action"] for row in result.get("maps", ()))
        self.seen.update(row["action"] for row in result.get("pins", ()))
        self.seen["spared"] += len(result.get("spared", ()))
        if "mount" in result:
            self.seen["mounted" if result["mount"] else "not mounted"] += 1
            self.seen["drift"] += bool(result["drift"])


def wrong_with(ran: Ran) -> Iterator[str]:
    """What no run of a module may do, whatever it was told."""
    if ran.code not in (0, 1):
        yield f"it ended with {ran.code}"
    if ran.stderr:
        yield "it printed to standard error"
    if "Traceback" in ran.stdout:
        yield "there is a traceback in the result"
    try:
        result = ran.result
    except ValueError:
        yield "it did not print one JSON object"
        return
    if "exception" in result:
        yield "the result has an exception"
    if bool(result.get("failed")) is not ran.failed:
        yield "failed and the exit code do not agree"
    msg = result.get("msg")
    if ran.failed and not (isinstance(msg, str) and msg.strip()):
        yield "it failed without a word"
    if "please report it" in str(msg):
        yield "the message gives no advice"


def difference(before: Picture, after: Picture) -> list[str]:
    """What is another, or there only before or after."""
    paths = sorted({*before, *after})
    return [path for path in paths if before.get(path) != after.get(path)]


def main(scratch: str, info: str, make: str, load: str, program: str, *words: str) -> None:
    close_the_world(scratch)
    found = proof()
    assert {*found["refused"].values()} == {"EROFS"}, found
    if words == ("prove",):
        print(json.dumps(found))
        return
    os.environ["TMPDIR"] = f"{scratch}/tmp"
    module, seed, cases = words
    stage = Stage(scratch, info, make, load, program)
    runner = Runner(module, stage)
    dice, spec = Dice(int(seed)), runner.spec()
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    is_set = False
    for _case in range(int(cases)):
        if not is_set:
            stage.set()
        leave_mounts()
        is_set = not runner.case(arguments_for(module, spec, scratch, dice))
        if _libc.setns(home, CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "cannot go back to the first mount namespace")
    print(json.dumps({"complaints": runner.complaints, "seen": runner.seen}))


if __name__ == "__main__":
    main(*sys.argv[1:])
