# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong, told so that the reader knows what to do."""

from __future__ import annotations

from contextlib import contextmanager
from types import CodeType
from typing import Callable, Iterator, List, Optional, Sequence, TypeVar, cast

from .advice import ActsOn, advice_for, errno_name

T = TypeVar("T")


class PinningError(Exception):
    """Base of all errors raised on purpose: `str()` of one is a complete message for the user."""


TROUBLE = (PinningError, OSError)


class Refusal(PinningError):
    """The kernel refused a call. Where that was, whoever knows the path says: see `at`."""


class NotThere(PinningError):
    """Something does not exist, which a task before may make."""


class HalfDone(PinningError):
    """A change that takes many calls was begun, and one of them refused."""


def refusal(call: str, number: int, acts_on: Optional[ActsOn] = None) -> str:
    """Return what is said of a call that the kernel refused."""
    return f"{call}: {errno_name(number)}: {advice_for(call, number, acts_on)}"


def explained(error: Exception, acts_on: ActsOn = ActsOn.FILE) -> str:
    """The text of an error that was raised on purpose, or by Python's own `os`.

    The latter may know no more than a name, or a number: who knows the path says it before.
    """
    if not isinstance(error, OSError):
        return str(error)
    text = refusal(_call_of(error), error.errno or 0, acts_on)
    path = error.filename
    if isinstance(path, bytes):
        path = path.decode("utf-8", "surrogateescape")
    return f"{path}: {text}" if isinstance(path, str) and path.startswith("/") else text


@contextmanager
def at(path: str, acts_on: ActsOn = ActsOn.PIN) -> Iterator[None]:
    """Have what the kernel refuses in here say the whole path: PinningError."""
    try:
        yield
    except OSError as error:
        error.filename = path
        raise PinningError(explained(error, acts_on)) from None
    except Refusal as error:
        raise PinningError(f"{path}: {error}") from None


def _call_of(error: OSError) -> str:
    """The function of `os` that raised it: the last one that the innermost frame had named."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    names = [] if trace is None else _names_until(trace.tb_frame.f_code, trace.tb_lasti)
    return next((name for name in reversed(names) if name in _OS_CALLS), "a system call")


def _names_until(code: CodeType, offset: int) -> List[str]:
    import dis  # takes longer than a look at a hundred pins, and is mostly not needed

    instructions = (each for each in dis.get_instructions(code) if each.offset <= offset)
    return [str(each.argval) for each in instructions if each.opname.startswith("LOAD_")]


# Those that take a path or a descriptor, and may be refused.
_OS_CALLS = (
    *("chmod", "chown", "fchmod", "fchown", "flock", "fstat", "fstatvfs", "fsync", "getxattr"),
    *("link", "listdir", "listxattr", "lstat", "mkdir", "open", "read", "readlink", "rename"),
    *("replace", "rmdir", "scandir", "setxattr", "stat", "statvfs", "symlink", "unlink", "write"),
)


class WithLog(PinningError):
    """What somebody else refused, and the last lines of what they said of it."""

    def __init__(self, text: str, lines: Sequence[str]) -> None:
        super().__init__(text)
        self.lines = tuple(lines)


class Problems(PinningError):
    """Everything that is wrong with a request, gathered before anything is changed."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class ProblemCollector:
    """Collects what is wrong with a request, so that the user sees all of it at once."""

    def __init__(self) -> None:
        self._problems: List[str] = []

    def add(self, problem: str) -> None:
        """Take note of one more problem."""
        self._problems.append(problem)

    def of(self, read: Callable[[], T], prefix: str = "") -> T:
        """Return what `read` returns; keep its error, with `prefix` before it, if it raises one.

        Returns None on failure; call `raise_any` before using the result.
        """
        try:
            return read()
        except Problems as error:
            self._problems.extend(prefix + problem for problem in error.problems)
        except TROUBLE as error:
            self._problems.append(f"{prefix}{explained(error)}")
        return cast("T", None)

    def raise_any(self) -> None:
        """Raise Problems if there are any."""
        if self._problems:
            raise Problems(self._problems)
