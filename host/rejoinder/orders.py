"""What is ordered or told for a response system outside its replies."""

from msgspec import Struct

from rejoinder.dialogue import Metadata, Say, ToolCalled, ToolReturned, Tuning


class Interrupt(Struct, frozen=True):
    """Order to the host: speak now, over whoever speaks."""

    say: Say


class HangUp(Struct, frozen=True):
    """Order of the host's own: end the call with its goodbye, over whoever speaks."""


class ToolsAwaited(Struct, frozen=True):
    """Told to the host: reply `reply` now waits for so many tools, which end within bounds of their own."""

    reply: int
    count: int


#: A tool's start and end are told when they come, whatever became of the turn that asked for it.
Order = Interrupt | Tuning | Metadata | ToolCalled | ToolReturned | ToolsAwaited | HangUp
