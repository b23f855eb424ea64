"""Turn-taking, as a pure machine: events in, effects out. No socket, no task, no clock, no platform.

The rules
---------
1. A turn is one occasion on which we must speak. At most one turn is live; a newer request interrupts it.
2. A reply is one attempt at a turn. At most one reply is live, and only in the live turn. Only a live reply is heard:
   what any other says is dropped and counted.
3. Numbers only grow. An older request than the newest is stale and starts nothing.
4. Cancelling never waits: a cancelled reply is forgotten in the same step.
5. Every live turn is completed exactly once: finished, failed or timed out with one Finish, or interrupted, when the
   platform has already thrown it away and nothing more is said.
6. A ping is answered in any state.
7. After an action nothing more of that turn is spoken, and there is one action at most.
8. The begin message is turn 0. Its words are said once a call, whatever number of sockets carries it. Interrupted, it is
   completed with an empty one: of an agent that never completed it a platform may let nothing be heard.
9. No turn ends in silence by accident: a reply that fails or gives nothing at all is closed with a line of the host's. A
   reply to the caller that yields "" chose to say nothing; a reminder always nudges.

The table (a begin turn that waits for the call's details is live without a reply)
state     event                        effects
any       ping                         Send(Pong)
any       details, digits, update      Deliver; details also end a begin turn's wait
new       opened                       TurnStarted(0), then StartReply | Send(Finish) | StartTimer
idle      opened again                 Send(Finish(0, "")): the platform waits for one on each socket
live      opened again                 nothing: the live turn goes on over the new socket
any       request, newer               [CancelReply, TurnEnded(interrupted)] of what is live or unfinished; TurnStarted;
                                       StartReply, or Send(Finish) with the YAML's own reminder
live      request, the same            nothing
idle      request, the same            Send(Finish) with its whole text, once a socket, if no event showed that it arrived
any       request, older               nothing
live      caller interrupted           CancelReply, TurnEnded(interrupted); of a begin turn also Send(Finish(0, ""))
live      output of the live reply     Send(Speak) | Send(Finish with the action), TurnEnded(finished) | Send(Annotate) | Warn
any       output of another            nothing, counted as dropped
live      ended                        Send(Finish), TurnEnded(finished), or rule 9
live      failed                       Send(Finish) with a line of the host's, TurnEnded(failed)
live      timer "begin"                Send(Finish) with the begin message
idle      timer "cleanup"              CancelReply of a reply that goes on after its action
any       order to interrupt           [CancelReply, TurnEnded(interrupted)]; Send(SpeakOut)
"""

from collections.abc import Callable, Mapping

from rejoinder.dialogue import (
    Action,
    EndCall,
    Metadata,
    Note,
    Outcome,
    Output,
    Say,
    ToolCalled,
    ToolReturned,
    Transcript,
    Tuning,
    Turn,
    Usage,
    flaw_in,
)
from rejoinder.effects import (
    CancelReply,
    Deliver,
    Effect,
    Rung,
    Send,
    StartReply,
    StartTimer,
    TurnEnded,
    TurnStarted,
    Warn,
)
from rejoinder.events import (
    Annotate,
    CallerInterrupted,
    DetailsGiven,
    DigitsPressed,
    Event,
    Finish,
    PingReceived,
    Pong,
    Speak,
    SpeakOut,
    TranscriptUpdated,
    Tune,
    TurnRequested,
    UnknownReceived,
)
from rejoinder.lines import HostLines
from rejoinder.newest_turn import NewestTurn
from rejoinder.orders import Interrupt, Order
from rejoinder.permission import Permission
from rejoinder.templates import DETAILS_WAIT

#: How long a reply may go on after its action before it is cancelled, in seconds; what it says is only warned of.
CLEANUP = 1.0


class Conversation:
    """The engine's state of one call.

    `actions` gives what the platform can do now, `numbers` the names and numbers that may be dialled, `begins` whether the
    platform asks for first words at all.
    """

    __slots__ = (
        "_begins",
        "_host_lines",
        "_interrupts",
        "_lines",
        "_permission",
        "_replies",
        "_turn",
        "_unfinished",
        "dropped_outputs",
        "hung_up",
    )

    def __init__(
        self,
        lines: HostLines,
        *,
        actions: Callable[[], frozenset[type[Action]]],
        numbers: Mapping[str, str],
        begins: bool = True,
    ) -> None:
        self._lines = lines
        self._permission = Permission(actions, numbers)
        self._begins = begins
        self._turn: NewestTurn | None = None
        self._replies = 0
        self._interrupts = 0
        self._unfinished: int | None = None  # a reply that has acted and may still be running
        self._host_lines: frozenset[str] = frozenset()
        self.dropped_outputs = 0
        self.hung_up = False

    # What the shell may ask.

    def is_current(self, turn: int) -> bool:
        """Whether words of `turn` may still go out; asked again right before each write."""
        newest = self._turn
        return newest is not None and newest.number == turn and not newest.interrupted

    # Sockets.

    def opened(self) -> list[Effect]:
        """A socket of the call was opened: its first, or another after it was dialled again."""
        turn = self._turn
        if not self._begins:
            return []
        if turn is None:
            return self._begin()
        turn.said_again = False
        if turn.live and turn.number == 0:
            return []
        return [Send(Finish(0))]

    def _begin(self) -> list[Effect]:
        turn = self._turn = NewestTurn(0, "begin")
        started = TurnStarted(0, "begin")
        if self._lines.begin_waits:
            return [started, StartTimer(0, "begin", DETAILS_WAIT)]
        line = self._lines.begin()
        if line is None:
            return [started, self._start_reply(turn, Turn(0, "begin"))]
        return [started, *self._finish(turn, line)]

    def closed(self) -> list[Effect]:
        """The call is over."""
        return self._interrupt()

    # Events.

    def receive(self, event: Event) -> list[Effect]:
        """What to do about something the platform told us."""
        match event:
            case PingReceived(token):
                return [Send(Pong(token))]
            case TranscriptUpdated(transcript):
                self._note_arrival(transcript)
                return [Deliver(event)]
            case TurnRequested():
                self._note_arrival(event.transcript)
                return self._requested(event)
            case DetailsGiven():
                return [Deliver(event), *self._end_wait()]
            case DigitsPressed():
                return [Deliver(event)]
            case CallerInterrupted():
                return self._interrupt()
            case UnknownReceived(name):
                return [Warn(f"the platform sent {name!r}, which this version does not know; ignored")]

    def _requested(self, event: TurnRequested) -> list[Effect]:
        turn = self._turn
        if turn is not None and event.turn <= turn.number:
            return self._asked_again(turn) if event.turn == turn.number else []
        effects = [*self._stop_unfinished(), *self._interrupt()]
        self.hung_up = False
        turn = self._turn = NewestTurn(event.turn, event.kind, heard=len(event.transcript))
        effects.append(TurnStarted(turn.number, turn.kind))
        line = self._lines.reminder() if event.kind == "reminder" else None
        if line is not None:
            self._mark(line)
            return effects + self._finish(turn, line)
        transcript = event.transcript.with_host_lines(self._host_lines)
        asked = Turn(event.turn, event.kind, transcript, word_source=event.word_source)
        effects.append(self._start_reply(turn, asked))
        return effects

    def _asked_again(self, turn: NewestTurn) -> list[Effect]:
        whole = turn.again()
        return [] if whole is None else [Send(whole, turn.number)]

    def _note_arrival(self, transcript: Transcript) -> None:
        if self._turn is not None:
            self._turn.note_arrival(transcript)

    def _end_wait(self) -> list[Effect]:
        turn = self._turn
        if turn is None or not turn.live or turn.number != 0 or turn.reply is not None:
            return []
        return self._finish(turn, self._lines.begin() or "")

    def _interrupt(self) -> list[Effect]:
        turn = self._turn
        if turn is None or not turn.live:
            return []
        cancel: list[Effect] = [] if turn.reply is None else [CancelReply(turn.reply)]
        turn.live, turn.interrupted, turn.reply = False, True, None
        ended: list[Effect] = [*cancel, TurnEnded(turn.number, turn.kind, "interrupted", turn.usage)]
        return [*ended, Send(Finish(0))] if turn.number == 0 else ended

    # Replies.

    def output(self, reply: int, output: Output) -> list[Effect]:
        """A reply has yielded."""
        turn = self._turn
        if turn is None or turn.reply != reply:
            self.dropped_outputs += 1
            if reply != self._unfinished:
                return []
            return [Warn("a reply went on after its action; nothing more of that turn is spoken")]
        if flaw := flaw_in(output):
            self.dropped_outputs += 1
            return [Warn(f"a reply yielded {flaw}; dropped")]
        if isinstance(output, str):
            return self._speak(turn, output, uninterruptible=False)
        if isinstance(output, Say):
            return self._speak(turn, output.text, uninterruptible=output.uninterruptible)
        return self._act(turn, output) if isinstance(output, Action) else self._note(turn, output)

    def ended(self, reply: int) -> list[Effect]:
        """A reply has come to its end by itself."""
        turn = self._turn
        if turn is None or turn.reply != reply:
            self._forget(reply)
            return []
        if turn.kind == "reminder" and not turn.said:
            return self._finish(turn, self._host_line(self._lines.nudge()))
        if turn.said or turn.chose_silence or turn.kind == "begin":
            return self._finish(turn, "")
        warning = Warn('a reply gave nothing to say; an apology was said instead (yield "" to choose silence)')
        return [warning, *self._finish(turn, self._host_line(self._lines.apology()), "failed")]

    def failed(self, reply: int) -> list[Effect]:
        """A reply has raised."""
        turn = self._turn
        if turn is None or turn.reply != reply:
            self._forget(reply)
            return []
        if turn.said:
            line = " " + self._lines.apology()
        else:
            by_kind = {"begin": self._lines.hello, "reminder": self._lines.nudge, "response": self._lines.apology}
            line = self._host_line(by_kind[turn.kind]())
        return self._finish(turn, line, "failed")

    def timer(self, turn: int, rung: Rung) -> list[Effect]:
        """A timer that was started has run out."""
        if rung == "begin":
            return self._end_wait()
        return self._stop_unfinished() if self._turn is not None and self._turn.number == turn else []

    def _stop_unfinished(self) -> list[Effect]:
        overdue, self._unfinished = self._unfinished, None
        return [] if overdue is None else [CancelReply(overdue)]

    def order(self, order: Order) -> list[Effect]:
        """A response system wants something outside its replies."""
        if flaw := flaw_in(order.say if isinstance(order, Interrupt) else order):
            return [Warn(f"an order was {flaw}; dropped")]
        match order:
            case Interrupt(say):
                self._interrupts += 1
                cuts = self._turn.number if self._turn is not None and self._turn.live else None
                out = SpeakOut(self._interrupts, say.text, say.uninterruptible, cuts=cuts)
                return [*self._interrupt(), Send(out)]
            case Tuning():
                return [Send(Tune(order))]
            case Metadata():
                return [Send(Annotate(order))]

    def _start_reply(self, turn: NewestTurn, asked: Turn) -> StartReply:
        self._replies += 1
        turn.reply = self._replies
        return StartReply(self._replies, asked)

    def _speak(self, turn: NewestTurn, text: str, *, uninterruptible: bool) -> list[Effect]:
        if not text:
            turn.chose_silence = True
            return []
        turn.said.append(text)
        return [Send(Speak(turn.number, text, uninterruptible), turn.number, turn.reply)]

    def _act(self, turn: NewestTurn, action: Action) -> list[Effect]:
        granted = self._permission.granted(action)
        if isinstance(granted, str):
            return [Warn(granted)]
        turn.action = granted
        self.hung_up = isinstance(granted, EndCall)
        line = self._host_line(self._lines.goodbye()) if self.hung_up and not turn.said else ""
        self._unfinished = turn.reply
        return [*self._finish(turn, line), StartTimer(turn.number, "cleanup", CLEANUP)]

    def _note(self, turn: NewestTurn, note: Note) -> list[Effect]:
        match note:
            case Usage():
                turn.note_usage(note)
                return []
            case ToolCalled() | ToolReturned() | Metadata():
                return [Send(Annotate(note), reply=turn.reply)]

    def _finish(self, turn: NewestTurn, text: str, outcome: Outcome = "finished") -> list[Effect]:
        if text:
            turn.said.append(text)
        turn.finish = Finish(turn.number, text, turn.action)
        turn.live, reply, turn.reply = False, turn.reply, None
        return [Send(turn.finish, turn.number, reply), TurnEnded(turn.number, turn.kind, outcome, turn.usage)]

    def _host_line(self, line: str) -> str:
        self._mark(line)
        return line

    def _mark(self, line: str) -> None:
        if line.strip():
            self._host_lines |= {line.strip()}

    def _forget(self, reply: int) -> None:
        if reply == self._unfinished:
            self._unfinished = None
