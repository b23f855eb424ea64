"""What the caller, or fate, does in a scenario: one value for each kind of step."""

from dataclasses import dataclass
from typing import Literal

from rejoinder.config.tree import Mark
from rejoinder.simulator.scenarios.expectation import NOTHING, NOWHERE, Expected

Unit = Literal["seconds", "words", "chunks"]
Loss = Literal["connection", "keepalive"]


@dataclass(frozen=True, slots=True)
class Point:
    """A point in what the agent says: after so many seconds of its voice, words that were heard, or chunks that came."""

    unit: Unit
    count: float


@dataclass(frozen=True, slots=True)
class Pause:
    """The caller stops in mid-sentence for so many seconds, and goes on with `then`."""

    seconds: float
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`place` is where it was written. `expected` is of all that the agent says until the caller acts again."""

    place: Mark = NOWHERE
    expected: Expected = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Step):
    """Something that the caller does once the agent has finished, or over its voice, at the point `interrupts`."""

    interrupts: Point | None = None


@dataclass(frozen=True, slots=True)
class Says(Act):
    """The caller speaks."""

    text: str
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Mumbles(Act):
    """The caller says something that nobody can make out: `(unintelligible audio)` to the agent."""


@dataclass(frozen=True, slots=True)
class Presses(Act):
    """The caller presses keys."""

    digits: str


@dataclass(frozen=True, slots=True)
class HangsUp(Act):
    """The caller ends the call."""


@dataclass(frozen=True, slots=True)
class Silent(Act):
    """The caller says nothing for so many seconds, counted from when the agent has finished."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hears(Step):
    """The caller waits until the agent has finished, at most `within` seconds (None: as long as something comes)."""

    within: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Step):
    """Something goes wrong with the connection: at once, or at a point of what the agent says."""

    at: Point | None = None


@dataclass(frozen=True, slots=True)
class Drops(Fault):
    """The connection is lost without a word (1006), or stays while no keepalive comes through any more."""

    what: Loss


@dataclass(frozen=True, slots=True)
class Duplicates(Fault):
    """Each of the platform's next frames comes twice."""

    frames: int


@dataclass(frozen=True, slots=True)
class Reorders(Fault):
    """The platform's next frames come in another order."""

    frames: int


@dataclass(frozen=True, slots=True)
class ReadsSlowly(Fault):
    """The platform takes no frame for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Sends(Fault):
    """The platform sends what it has never sent, as it may after its next release; or somebody tries the URL by hand."""

    frame: bytes
    is_binary: bool = False


@dataclass(frozen=True, slots=True)
class DialsTwice(Fault):
    """The platform dials again before the first socket is gone."""
