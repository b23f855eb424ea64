"""Turn-taking, as a pure machine: events in, effects out. No socket, no task, no clock, no platform.

The rules
---------
1. A turn is one occasion on which we must speak. At most one turn is live; a newer request interrupts it.
2. A reply is one attempt at a turn by one agent. At most one reply is live, and only in the live turn. Only a live reply is
   heard: what any other says is dropped and counted.
3. Numbers only grow. An older request than the newest is stale and starts nothing.
4. Cancelling never waits: a cancelled reply is forgotten in the same step.
5. Every live turn is completed exactly once: finished, failed or timed out with one Finish, or interrupted, when the
   platform has already thrown it away and nothing more is said.
6. A ping is answered in any state.
7. After an action nothing more of that turn is spoken, and there is one action at most. A transfer of a web call ends its
   turn too, with a line that says that it cannot be. A hang-up over which the caller only took leave, and which the platform
   has discarded for that, is repeated with the host's goodbye: no agent would have anything to add.
8. The begin message is turn 0. Its words are said once a call, whatever number of sockets carries it. Interrupted, it is
   completed with an empty one: of an agent that never completed it a platform may let nothing be heard.
9. No turn ends in silence by accident: a reply that fails, is late (see `rejoinder.ladder`) or gives nothing at all makes room
   for the next rung, which is the next agent's reply, and at last a line of the host's. A reply to the caller that yields ""
   chose to say nothing; a reminder always nudges.

The table (a begin turn that waits for the call's details is live without a reply)
state     event                        effects
any       ping                         Send(Pong)
any       details, digits, update      Deliver; details also end a begin turn's wait
new       opened                       TurnStarted(0), then StartReply, StartTimer(late) | Send(Finish) | StartTimer(begin)
idle      opened again                 Send(Finish(0, "")): the platform waits for one on each socket
live      opened again                 nothing: the live turn goes on over the new socket
any       request, newer               [CancelReply, TurnEnded(interrupted)] of what is live or unfinished; TurnStarted;
                                       StartReply, StartTimer(late), or Send(Finish) with the YAML's own reminder
live      request, the same            nothing
idle      request, the same            Send(Finish) with its whole text, once a socket, if no event showed that it arrived;
                                       over another socket then Send(Finish) without a text, and with its action;
                                       of an interrupted turn too, with what was said out of turn instead
any       a reminder too many in a row the same, with Send(Finish) of nothing at once
any       request, only a farewell     the same, with Send(Finish) of the goodbye and EndCall: the last turn ended in EndCall
any       request, older               nothing
live      caller interrupted           CancelReply, TurnEnded(interrupted); of a begin turn also Send(Finish(0, ""))
live      output of the live reply     Send(Speak) | Send(Finish with the action), TurnEnded(finished) | Send(Annotate) | Warn
any       output of another            nothing, counted as dropped
live      ended, having spoken         Judged(good), Send(Finish), TurnEnded(finished)
live      begin, reminder ended mute   Judged(None), Send(Finish) with nothing, or a nudge, TurnEnded(finished)
live      failed, or ended without     Judged(bad), then the next agent's StartReply, or
                                       Send(Finish) with a line of the host's, TurnEnded(failed)
live      timer "begin"                Send(Finish) with the begin message
live      timer "late"                 Send(Speak) with a filler, StartTimer(late) | StartTimer(late) | the same as failed |
                                       Judged(bad), CancelReply, Send(Finish), TurnEnded(timed out)
live      its reply waits for tools    the same as timer "late": what is due next has changed
idle      timer "cleanup"              CancelReply of a reply that goes on after its action
live      tools of the live reply      nothing now: while one runs the rungs are not due
any       order to interrupt           [CancelReply, TurnEnded(interrupted)]; Send(SpeakOut)
any       order to hang up             the same, with the host's goodbye and EndCall
"""

from collections.abc import Callable, Mapping, Sequence

from rejoinder.dialogue import (
    Action,
    EndCall,
    Metadata,
    Note,
    Output,
    Say,
    ToolCalled,
    ToolReturned,
    Transcript,
    Turn,
    Usage,
    flaw_in,
)
from rejoinder.effects import CancelReply, Deliver, Effect, Judged, Rung, Send, StartTimer, TurnStarted, Warn
from rejoinder.events import (
    Annotate,
    CallerInterrupted,
    DetailsGiven,
    DigitsPressed,
    Event,
    Finish,
    PingReceived,
    Pong,
    TranscriptUpdated,
    TurnRequested,
    UnknownReceived,
)
from rejoinder.ladder import LONGEST_TEXT, Ladder
from rejoinder.late import Late
from rejoinder.lines import HostLines
from rejoinder.newest_turn import NewestTurn
from rejoinder.orders import Order, ToolsAwaited
from rejoinder.out_of_turn import OutOfTurn
from rejoinder.own_turns import OwnTurns
from rejoinder.permission import NO_TELEPHONE, Permission
from rejoinder.speech import is_speakable, seam
from rejoinder.templates import DETAILS_WAIT

#: How long a reply may go on after its action before it is cancelled, in seconds; what it says is only warned of.
CLEANUP = 1.0


class Conversation:
    """The engine's state of one call.

    `actions` gives what the platform can do now, `numbers` the names and numbers that may be dialled, `begins` whether the
    platform asks for first words at all, `waits` whether words of a turn are still to be written, `reminders` how many are
    spoken in a row; the rest is the ladder's.
    """

    __slots__ = (
        "_begins",
        "_ladder",
        "_lines",
        "_out_of_turn",
        "_own_turns",
        "_permission",
        "_turn",
        "_unfinished",
        "_waits",
        "dropped_outputs",
    )

    def __init__(
        self,
        lines: HostLines,
        *,
        actions: Callable[[], frozenset[type[Action]]],
        numbers: Mapping[str, str],
        begins: bool = True,
        agents: Sequence[str] = ("",),
        may_answer: Callable[[int], bool] = lambda _: True,
        late: Late = Late(),
        on_failure: Action | None = None,
        waits: Callable[[int], bool] = lambda _: False,
        reminders: int | None = None,
    ) -> None:
        self._lines = lines
        self._permission = Permission(actions, numbers)
        self._own_turns = OwnTurns(lines, self._permission, reminders)
        self._ladder = Ladder(lines, self._permission, agents, may_answer, late, on_failure, waits)
        self._out_of_turn = OutOfTurn(lines)
        self._begins = begins
        self._waits = waits
        self._turn: NewestTurn | None = None
        self._unfinished: int | None = None  # a reply that has acted and may still be running
        self.dropped_outputs = 0

    # What the shell may ask.

    def is_current(self, turn: int) -> bool:
        """Whether words of `turn` may still go out; asked again right before each write."""
        newest = self._turn
        return newest is not None and newest.number == turn and not newest.interrupted

    @property
    def hung_up(self) -> bool:
        """Whether the newest turn ends the call; the caller may still speak over its words."""
        return self._turn is not None and isinstance(self._turn.action, EndCall)

    # Sockets.

    def opened(self, now: float = 0.0) -> list[Effect]:
        """A socket of the call was opened: its first, or another after it was dialled again."""
        turn = self._turn
        if not self._begins:
            return []
        if turn is None:
            return self._begin(now)
        # What is said or finished over this socket anyway is no less said because its request may be repeated over it.
        turn.said_again = turn.live or self._waits(turn.number)
        turn.redialled = not turn.said_again
        if turn.live and turn.number == 0:
            return []
        return [Send(Finish(0))]

    def _begin(self, now: float) -> list[Effect]:
        turn = self._turn = NewestTurn(0, "begin", now, window=now)
        started = TurnStarted(0, "begin")
        if self._lines.begin_waits:
            return [started, StartTimer(0, "begin", DETAILS_WAIT)]
        line = self._lines.begin()
        if line is None:
            return [started, *self._ladder.ask(turn, Turn(0, "begin"), now)]
        return [started, *turn.close(line, "finished")]

    def closed(self) -> list[Effect]:
        """The call is over."""
        return self._turn.interrupt() if self._turn is not None else []

    # Events.

    def receive(self, event: Event, now: float = 0.0) -> list[Effect]:
        """What to do about something the platform told us at `now`."""
        match event:
            case PingReceived(token):
                return [Send(Pong(token))]
            case TranscriptUpdated(transcript):
                if self._turn is not None:
                    self._turn.note_arrival(transcript)
                return [Deliver(event)]
            case TurnRequested():
                return self._requested(event, now)
            case DetailsGiven(details):
                self._permission.is_web |= details.kind == "web"  # of a call told again in part, as it was
                return [Deliver(event), *self._end_wait()]
            case DigitsPressed():
                return [Deliver(event)]
            case CallerInterrupted():
                return self.closed()
            case UnknownReceived(name):
                return [Warn(f"the platform sent {name!r}, which this version does not know; ignored")]

    def _requested(self, event: TurnRequested, now: float) -> list[Effect]:
        turn = self._turn
        if turn is not None and event.turn <= turn.number:
            return self._asked_again(turn, event.transcript) if event.turn == turn.number else []
        effects = self._stop_unfinished() if self._unfinished is not None else []
        if turn is not None and turn.live:
            effects += turn.interrupt()
        elif turn is not None and turn.number == 0 and self._waits(0):
            effects.append(Send(Finish(0)))  # rule 8: its own will not be written any more
        self._ladder.may_fill = turn is None or not turn.fillers
        former, turn = turn, NewestTurn(event.turn, event.kind, now, event.transcript, window=now)
        self._turn = turn
        effects.append(TurnStarted(turn.number, turn.kind))
        if by_host := self._own_turns.complete(turn, event, former):
            return effects + by_host
        transcript = event.transcript.with_host_lines(said) if (said := self._lines.said) else event.transcript
        asked = Turn(event.turn, event.kind, transcript, word_source=event.word_source)
        return effects + self._ladder.ask(turn, asked, now)

    def _asked_again(self, turn: NewestTurn, transcript: Transcript) -> list[Effect]:
        turn.note_arrival(transcript)
        whole = turn.again()
        return [] if whole is None else [Send(whole, None if turn.interrupted else turn.number)]

    def _end_wait(self) -> list[Effect]:
        turn = self._turn
        if turn is None or not turn.live or turn.number != 0 or turn.reply is not None:
            return []
        return turn.close(self._lines.begin() or "", "finished")

    # Replies.

    def output(self, reply: int, output: Output, now: float = 0.0) -> list[Effect]:
        """A reply has yielded."""
        turn = self._turn
        if turn is None or turn.reply != reply:
            self.dropped_outputs += 1
            if reply != self._unfinished:
                return []
            return [Warn("a reply went on after its action; nothing more of that turn is spoken")]
        if isinstance(output, str):
            if turn.length + len(output) < LONGEST_TEXT:
                return turn.speak(output, now, uninterruptible=False)
            return self._speak(turn, output, now, uninterruptible=False)
        if flaw := flaw_in(output):
            self.dropped_outputs += 1
            return [Warn(f"a reply yielded {flaw}; dropped")]
        if isinstance(output, Say):
            return self._speak(turn, output.text, now, uninterruptible=output.uninterruptible)
        return self._act(turn, output) if isinstance(output, Action) else self._note(turn, output)

    def _speak(self, turn: NewestTurn, text: str, now: float, *, uninterruptible: bool) -> list[Effect]:
        """What fits into the turn; a full one is closed here, because a reply that never ends leaves no time for timers."""
        said = turn.speak(text[: LONGEST_TEXT - turn.length], now, uninterruptible=uninterruptible)
        return said if turn.length < LONGEST_TEXT else [*said, *self._ladder.overdue(turn, now)]

    def ended(self, reply: int, now: float = 0.0) -> list[Effect]:
        """A reply has come to its end by itself."""
        turn = self._turn
        if turn is None or turn.reply != reply:
            self._forget(reply)
            return []
        has_spoken = is_speakable(turn.answer)
        if has_spoken or (turn.kind == "response" and turn.chose_silence):
            return [Judged(turn.agent, good=True), *turn.close("", "finished")]
        if turn.kind != "response":  # nobody must greet or nudge: the host does, or the caller speaks first
            line = seam(turn.text, self._lines.nudge()) if turn.kind == "reminder" else ""
            return [Judged(turn.agent, good=None), *turn.close(line, "finished")]
        turn.reply = None
        warning = Warn('a reply gave nothing to say, which is taken for a failure (yield "" to choose silence)')
        return [warning, *self._ladder.next(turn, "failed", now)]

    def failed(self, reply: int, now: float = 0.0) -> list[Effect]:
        """A reply has raised."""
        turn = self._turn
        if turn is None or turn.reply != reply:
            self._forget(reply)
            return []
        turn.reply = None
        return self._ladder.next(turn, "failed", now)

    def timer(self, turn: int, rung: Rung, now: float = 0.0) -> list[Effect]:
        """A timer that was started has run out."""
        newest = self._turn
        if newest is None or newest.number != turn:
            return []
        match rung:
            case "begin":
                return self._end_wait()
            case "late":
                return self._ladder.overdue(newest, now) if newest.live and newest.reply is not None else []
            case "cleanup":
                return self._stop_unfinished()

    def _stop_unfinished(self) -> list[Effect]:
        overdue, self._unfinished = self._unfinished, None
        return [] if overdue is None else [CancelReply(overdue)]

    def order(self, order: Order, now: float = 0.0) -> list[Effect]:
        """A response system wants something outside its replies, or the host tells of its tools."""
        turn = self._turn
        if not isinstance(order, ToolsAwaited):
            return self._out_of_turn.perform(order, turn)
        if turn is None or turn.reply != order.reply:
            return []
        turn.await_tools(order.count, now)
        return self._ladder.overdue(turn, now)  # after a tool a rung may be due sooner than the next look was to be

    def _act(self, turn: NewestTurn, action: Action) -> list[Effect]:
        granted = self._permission.granted(action)
        refused = [Warn(granted)] if isinstance(granted, str) else []
        if granted == NO_TELEPHONE:
            line = self._lines.transfer()
        elif isinstance(granted, str):
            return [*refused]
        else:
            turn.action = granted
            line = self._lines.goodbye() if self.hung_up and not is_speakable(turn.answer) else ""
        self._unfinished = turn.reply
        closed = turn.close(seam(turn.text, line), "finished")
        return [*refused, Judged(turn.agent, good=True), *closed, StartTimer(turn.number, "cleanup", CLEANUP)]

    def _note(self, turn: NewestTurn, note: Note) -> list[Effect]:
        match note:
            case Usage():
                turn.note_usage(note)
                return []
            case ToolCalled() | ToolReturned() | Metadata():
                return [Send(Annotate(note), reply=turn.reply)]

    def _forget(self, reply: int) -> None:
        if reply == self._unfinished:
            self._unfinished = None
