"""What the engine orders the session to do. Neutral: no frame, no task, no clock."""

from typing import Literal

from msgspec import Struct

from rejoinder.dialogue import Outcome, Turn, TurnKind, Usage
from rejoinder.events import Command, DetailsGiven, DigitsPressed, TranscriptUpdated

Rung = Literal["begin", "late", "cleanup"]


class StartReply(Struct, frozen=True):
    """Have the turn answered by the route's agent, or by position by one that takes its place."""

    reply: int
    turn: Turn
    agent: int = 0


class CancelReply(Struct, frozen=True, gc=False):
    reply: int


class Send(Struct, frozen=True, gc=False):
    """Put `command` out. `turn` is the turn it belongs to (None: it goes out whatever became of the turn), `reply` the
    reply that waits for its confirmation."""

    command: Command
    turn: int | None = None
    reply: int | None = None


class StartTimer(Struct, frozen=True, gc=False):
    turn: int
    rung: Rung
    seconds: float


class Deliver(Struct, frozen=True):
    """Let the response system know."""

    event: DetailsGiven | TranscriptUpdated | DigitsPressed


class TurnStarted(Struct, frozen=True, gc=False):
    turn: int
    kind: TurnKind


class TurnEnded(Struct, frozen=True, gc=False):
    turn: int
    kind: TurnKind
    outcome: Outcome
    usage: Usage


class Judged(Struct, frozen=True, gc=False):
    """Whether the agent at this position answered a turn as it should: on that hangs whether it is asked again at once.
    None: it had nothing to say where it need not, which tells nothing."""

    agent: int
    good: bool | None


class Warn(Struct, frozen=True):
    """Somebody did what is not allowed; the log says it."""

    what: str


Effect = StartReply | CancelReply | Send | StartTimer | Deliver | TurnStarted | TurnEnded | Judged | Warn
