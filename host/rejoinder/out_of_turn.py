"""What a response system or the host orders outside any reply: to speak over whoever speaks, to turn a knob, to hang up."""

from rejoinder.dialogue import Action, EndCall, Metadata, Say, ToolCalled, ToolReturned, Tuning, flaw_in
from rejoinder.effects import Effect, Send, Warn
from rejoinder.events import Annotate, SpeakOut, Tune
from rejoinder.lines import HostLines
from rejoinder.newest_turn import NewestTurn
from rejoinder.orders import HangUp, Interrupt


class OutOfTurn:
    """One call's. `lines` gives the goodbye; what is spoken out of turn is counted."""

    __slots__ = ("_lines", "_spoken")

    def __init__(self, lines: HostLines) -> None:
        self._lines = lines
        self._spoken = 0

    def perform(
        self, order: Interrupt | Tuning | Metadata | ToolCalled | ToolReturned | HangUp, turn: NewestTurn | None
    ) -> list[Effect]:
        """What an order comes to; words cut off the newest turn if it is live."""
        if isinstance(order, HangUp):
            return self._hang_up(turn)
        if flaw := flaw_in(order.say if isinstance(order, Interrupt) else order):
            return [Warn(f"an order was {flaw}; dropped")]
        match order:
            case Interrupt(say):
                return self._speak(say, turn)
            case Tuning():
                return [Send(Tune(order))]
            case Metadata() | ToolCalled() | ToolReturned():
                return [Send(Annotate(order))]

    def _speak(self, say: Say, turn: NewestTurn | None, action: Action | None = None) -> list[Effect]:
        self._spoken += 1
        cuts = turn.number if turn is not None and turn.live else None
        out = SpeakOut(self._spoken, say.text, say.uninterruptible, action, cuts)
        stopped = turn.interrupt() if turn is not None else []
        if turn is not None and turn.interrupted:
            turn.speak_over(say, action)
        return [*stopped, Send(out)]

    def _hang_up(self, turn: NewestTurn | None) -> list[Effect]:
        spoken = self._speak(Say(self._lines.goodbye(), uninterruptible=True), turn, EndCall())
        if turn is not None:
            turn.action = EndCall()
        return spoken
