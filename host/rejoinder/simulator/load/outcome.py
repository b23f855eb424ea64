"""How large a load is, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rejoinder.simulator.load.resources import Usage
from rejoinder.simulator.load.tally import Tally


@dataclass(frozen=True, slots=True)
class Size:
    """`calls` at once, of which the first is begun at the start and the last after `ramp` seconds; all are there for `lasts`
    seconds."""

    calls: int
    ramp: float
    lasts: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process used while the load lasted: CPU seconds; bytes at the most, since the process began; how long it `waited`
    for a processor."""

    cpu: float
    memory: int
    waited: float | None = None

    @classmethod
    def between(cls, before: Usage | None, after: Usage | None) -> "Cost | None":
        if before is None or after is None:
            return None
        waited = None if before.waited is None or after.waited is None else max(after.waited - before.waited, 0.0)
        return cls(after.cpu - before.cpu, after.memory, waited)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a load. `took` is how long it lasted, which is less than was asked for if it `was_stopped`; `late` what the
    simulator's own loop was late by, look by look; costs are None where the system does not tell them."""

    size: Size
    tally: Tally
    took: float
    was_stopped: bool
    late: Sequence[float]
    simulator: Cost | None
    server: Cost | None

    @property
    def is_well(self) -> bool:
        """Whether calls were played, every turn that had its time was answered, and nothing was found wrong."""
        return bool(self.tally.calls) and not self.tally.faults and not self.tally.turns.unanswered
