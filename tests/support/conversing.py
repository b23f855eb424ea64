"""Conversations to be held against the engine's table, row by row."""

from collections.abc import Callable

from rejoinder.dialogue import (
    Action,
    EndCall,
    Output,
    PressDigits,
    Transcript,
    TransferCall,
    Usage,
    Utterance,
)
from rejoinder.effects import Effect, Judged, StartTimer, TurnEnded, Warn
from rejoinder.engine import Conversation
from rejoinder.events import (
    Event,
    TurnRequested,
)
from rejoinder.lines import HostLines
from rejoinder.templates import template

ALL: frozenset[type[Action]] = frozenset({EndCall, TransferCall, PressDigits})
NUMBERS = {"reception": "+442079460000"}
APOLOGY = "I am sorry, could you say that again?"
NO_USAGE = Usage()


class Talk(Conversation):
    """A conversation without the rungs for late and failing agents, which have tables of their own (`test_ladder.py`)."""

    def opened(self, now: float = 0.0) -> list[Effect]:
        return plain(super().opened(now))

    def receive(self, event: Event, now: float = 0.0) -> list[Effect]:
        return plain(super().receive(event, now))

    def output(self, reply: int, output: Output, now: float = 0.0) -> list[Effect]:
        return plain(super().output(reply, output, now))

    def ended(self, reply: int, now: float = 0.0) -> list[Effect]:
        return plain(super().ended(reply, now))

    def failed(self, reply: int, now: float = 0.0) -> list[Effect]:
        return plain(super().failed(reply, now))


def plain(effects: list[Effect]) -> list[Effect]:
    return [one for one in effects if not isinstance(one, Judged) and not (isinstance(one, StartTimer) and one.rung == "late")]


def conversation(
    begin: str | None = None,
    reminders: tuple[str, ...] = (),
    actions: frozenset[type[Action]] = ALL,
    begins: bool = True,
    field: Callable[[str], str] = lambda name: f"<{name}>",
) -> Conversation:
    lines = HostLines("en", field, template(begin) if begin is not None else None, [template(line) for line in reminders])
    return Talk(lines, actions=lambda: actions, numbers=NUMBERS, begins=begins)


def idle() -> Conversation:
    """A call whose begin message is out."""
    talk = conversation(begin="Hello.")
    talk.opened()
    return talk


def said(*texts: str) -> Transcript:
    """A transcript that begins with the agent and alternates."""
    return Transcript(tuple(Utterance("user" if i % 2 else "agent", text) for i, text in enumerate(texts)))


def request(turn: int, *texts: str) -> TurnRequested:
    return TurnRequested(turn, "response", said(*texts))


def in_turn(turn: int = 1) -> Conversation:
    talk = idle()
    talk.receive(request(turn, "Hello.", "hi"))
    return talk


def ended(turn: int, outcome: str, kind: str = "response") -> TurnEnded:
    return TurnEnded(turn, kind, outcome, NO_USAGE)  # type: ignore[arg-type]


def warns(effects: list[Effect]) -> list[str]:
    return [effect.what for effect in effects if isinstance(effect, Warn)]
