# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the engine asks of a kind of declared things, such as maps or mounts."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import (
    Any,
    ContextManager,
    Generic,
    Hashable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
)

from ..values import NamedTuple
from .steps import Found, Outcome, Plan, Problem, Site, State, Step, Wanted

Context = TypeVar("Context")


class Observed(NamedTuple):
    """The current state. A declaration may lead to many items, or to none (prune)."""

    items: Sequence[Tuple[Any, Any]]  # wanted and found
    context: Any = None  # what the items have in common


class Session:
    """One run of `apply`: what was made and cleared on the way."""

    def __init__(self) -> None:
        self.cleared: List[str] = []

    @property
    def made(self) -> List[str]:
        """Return the paths that were made, and are still there."""
        return []

    @contextmanager
    def open(self, site: Site) -> Iterator[Any]:
        """Yield what `apply` of the kind gets for all steps at one site."""
        yield site

    def take_back(self) -> None:
        """Remove what was made on the way and is of no use, after a failure."""


class Kind(Generic[Wanted, Found, Context]):
    """One kind of declared things. The first half is pure, the second works on the host."""

    # Pure: reads nothing, changes nothing.

    def decide(self, wanted: Wanted, found: Found, context: Context) -> Step[Wanted, Found]:
        """Return what makes `found` into `wanted`."""
        raise NotImplementedError

    def label(self, step: Step[Wanted, Found]) -> str:
        """Return what messages begin with, usually a path."""
        raise NotImplementedError

    def refusal(self, step: Step[Wanted, Found]) -> str:
        """Return what is said of a step that is refused."""
        return f"{self.label(step)}: {step.reason}"

    def failure(self, step: Step[Wanted, Found], error: str) -> str:
        """Return what is said of a step that failed, and of the run that it ended."""
        return f"{self.label(step)}: {error}"

    def problems(self, steps: Sequence[Step[Wanted, Found]], context: Context) -> Sequence[Problem]:
        """Return what stops steps, other than that they are refused."""
        return ()

    def expect(self, observed: Observed, forecast: Any) -> Observed:
        """Return `observed` as it will be once earlier kinds of the declaration have acted."""
        return observed

    def foretell(self, plan: Plan[Wanted, Found], forecast: Any) -> None:
        """Add to `forecast` what carrying out `plan` will change for kinds that follow."""

    def agree(
        self, steps: List[Step[Wanted, Found]], context: Context
    ) -> List[Step[Wanted, Found]]:
        """Return the steps, each in view of what the others will change."""
        return steps

    def turn_of(self, step: Step[Wanted, Found]) -> int:
        """Return when a step is carried out: those of turn 0 come first, at all sites."""
        return 0

    def site_of(self, step: Step[Wanted, Found]) -> Hashable:
        """Return the key of the site where a step is carried out."""
        return None

    def sites(self, steps: Sequence[Step[Wanted, Found]], context: Context) -> Sequence[Site]:
        """Return all sites, in the order to work in."""
        return [Site(key) for key in dict.fromkeys(map(self.site_of, steps))]

    def predict(self, step: Step[Wanted, Found]) -> Outcome:
        """Return what becomes of a step if nothing goes wrong: the result of check mode."""
        return Outcome(step)

    # On the host.

    def observe(self, wanted: Sequence[Wanted], *, predicting: bool = False) -> Observed:
        """Look at every item, read-only. `predicting`: also at what only check mode has to tell.

        Raises Problems with all that cannot be observed.
        """
        raise NotImplementedError

    def rehearsed(self, plan: Plan[Wanted, Found]) -> ContextManager[None]:
        """Try what only trying tells, changing nothing that others see, before the first change.

        What it holds is held until all parts of a declaration are done. Raises what was refused.
        """
        return nullcontext()

    def session(self, plan: Plan[Wanted, Found]) -> ContextManager[Session]:
        """Begin to carry out a plan."""
        return nullcontext(Session())

    def apply(self, step: Step[Wanted, Found], site: Any) -> Optional[Outcome]:
        """Carry out a step. None: another process was faster, so it is to be decided again."""
        raise NotImplementedError

    def decide_again(self, step: Step[Wanted, Found], site: Any) -> Step[Wanted, Found]:
        """Observe the item anew and return the step that follows."""
        raise NotImplementedError

    def finish(self, outcomes: List[Outcome]) -> None:
        """Complete `outcomes` with what can be told only after everything was carried out."""


def failed(step: Step[Any, Any], error: str) -> Outcome:
    """Return the outcome of a step that was tried in vain."""
    return Outcome(step, State.FAILED, error)
