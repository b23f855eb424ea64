"""What a check is, and what came of one."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rejoinder.conformance.trial import Trial

#: How much of what was seen a person is told.
TOLD = 3

Outcome = Literal["passed", "failed", "skipped"]


class NotApplicable(Exception):
    """A check has nothing to ask of this system; the text says why."""


class OnlyInRealTime(NotApplicable):
    """A check has nothing to ask while the clock is virtual; the text says what of."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is asked of every response system, in one sentence each: what, why, and what to do if it fails.

    `play` gives what was seen to be wrong, nothing if all is well. Raises NotApplicable.
    """

    name: str
    asks: str
    why: str
    remedy: str
    play: "Callable[[Trial], Awaitable[list[str]]]"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one check. `seen` is what was wrong, or why it was skipped; `seconds` of real time."""

    check: Check
    outcome: Outcome
    seen: tuple[str, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        """For a person: what was asked, what was seen, what to do."""
        if self.outcome != "failed":
            return ": ".join([self.check.name, *self.seen])
        more = f"\n        and {len(self.seen) - TOLD} more of the kind" if len(self.seen) > TOLD else ""
        seen = "".join(f"\n  seen: {one}" for one in self.seen[:TOLD]) + more
        return f"{self.check.name}: {self.check.asks}{seen}\n  why: {self.check.why}\n  remedy: {self.check.remedy}"


def distinct(seen: Iterable[str]) -> list[str]:
    """Each thing that was seen once, in order; "" is nothing."""
    return [one for one in dict.fromkeys(seen) if one]
