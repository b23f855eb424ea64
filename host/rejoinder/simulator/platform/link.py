"""What carries a simulated call, and what passes between it and the floor."""

from dataclasses import dataclass
from typing import Literal, Protocol

from rejoinder.simulator.journal import ActionWord, AskedTurn


@dataclass(frozen=True, slots=True)
class Piece:
    """What came for a turn: text, whether it is the last, and what is wished with it."""

    text: str
    complete: bool
    uninterruptible: bool = False
    actions: tuple[tuple[ActionWord, str], ...] = ()


class Link(Protocol):
    """What carries a call, and takes its orders from the floor."""

    def changed(self, speaker: Literal["", "agent", "user"]) -> None:
        """The transcript has grown; `speaker` takes the floor now, "" if nobody new does."""
        ...

    def ask(self, turn: AskedTurn) -> None:
        """Ask for the words of `turn`."""
        ...

    def unwanted(self, turn: AskedTurn) -> None:
        """Nothing more of `turn` will be spoken."""
        ...

    def hang_up(self) -> None:
        """The call is over."""
        ...
