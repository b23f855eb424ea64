"""One call: reads frames, performs the engine's effects, keeps the timers and waits for the platform to dial again.

A session lives as long as its call, not as long as a socket. It knows no web framework and never runs plugin code: that is
behind its seat at the agent.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from rejoinder.agents import Agent
from rejoinder.call import CallFacts, look_up
from rejoinder.complaints import Complaints
from rejoinder.contract import CallReport
from rejoinder.dialogue import Action, EndedBy, Output
from rejoinder.effects import CancelReply, Deliver, Effect, Judged, Send, StartReply, StartTimer, TurnEnded, TurnStarted, Warn
from rejoinder.engine import Conversation
from rejoinder.errors import PeerError, RejoinderError
from rejoinder.events import Command, Details, DetailsGiven, DigitsPressed, Finish, Pong, Speak, TranscriptUpdated
from rejoinder.late import Late
from rejoinder.lines import HostLines
from rejoinder.orders import Order, ToolsAwaited
from rejoinder.outbox import Outbox, Socket
from rejoinder.protocols import Codec, debug_frame
from rejoinder.seats import Seats
from rejoinder.stopwatch import Stopwatch
from rejoinder.timers import Timers
from rejoinder.witness import Witness

#: A platform's tidy goodbye (RFC 6455, section 7.4.1).
NORMAL_CLOSURE = 1000
#: A socket lost without a word. It is dialled again even if we have hung up: perhaps the order did not arrive.
ABNORMAL_CLOSURE = 1006


class Session:
    """One call on one route. Made when the call is first dialled; `serve` carries it over one socket after another. The agents
    (see `rejoinder.handover.Listener`) and its outbox call its `on_...` methods, on the front loop."""

    __slots__ = (
        "_close_code",
        "_complaints",
        "_conversation",
        "_details",
        "_dials",
        "_left",
        "_log",
        "_loop",
        "_on_change",
        "_outbox",
        "_seats",
        "_socket",
        "_started",
        "_stopwatches",
        "_timers",
        "_turns",
        "_understood",
        "_unread",
        "_witness",
        "codec",
        "ended",
        "facts",
        "is_current",
    )

    def __init__(
        self,
        facts: CallFacts,
        codec: Codec,
        agents: Sequence[tuple[CallFacts, Agent]],
        *,
        lines: Callable[[Callable[[str], str]], HostLines],
        numbers: Mapping[str, str],
        late: Late,
        on_failure: Action | None,
        reminders: int | None,
        log: "logging.LoggerAdapter[logging.Logger]",
        witness: Witness,
        on_change: Callable[["Session"], None],
        conversation: Callable[..., Conversation] = Conversation,
    ) -> None:
        self.facts = facts
        self.ended: EndedBy | None = None
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self.codec = codec
        self._complaints = Complaints(log)
        self._details: Details | None = None
        self._seats = Seats(agents, self)
        self._outbox = Outbox(self, repeats=codec.begins)
        self._conversation = conversation(
            lines(self._field),
            actions=lambda: codec.actions,
            numbers=numbers,
            begins=codec.begins,
            agents=self._seats.names,
            may_answer=self._seats.may_answer,
            late=late,
            on_failure=on_failure,
            waits=self._outbox.holds,
            reminders=reminders,
        )
        #: whether words of a turn may still go out
        self.is_current = self._conversation.is_current
        self._log, self._witness = log, witness
        self._on_change = on_change  # told when the call has ended, and when it has lost its socket
        self._socket: Socket | None = None
        self._close_code: int | None = None
        self._left: float | None = None  # when the last socket was lost, None while there is one
        self._understood = False
        self._unread: tuple[bytes, ...] = ()  # how frames begin that need not be read, once the agent has said what it hears
        self._timers = Timers(self._loop)
        self._stopwatches: dict[int, Stopwatch] = {}
        self._dials = self._turns = 0
        witness.call_started(facts)

    @property
    def is_waiting(self) -> bool:
        """Whether it has no socket and waits for another."""
        return self._left is not None

    # A socket's life.

    async def serve(self, socket: Socket) -> None:
        """Carry the call over `socket` until that closes or another takes its place; not at all if the call is over."""
        if self.ended is not None:
            return
        self._attach(socket)
        try:
            await socket.carry(self._hear)
        finally:
            self.on_lost(socket)

    def _attach(self, socket: Socket) -> None:
        former, self._socket, self._left = self._socket, socket, None
        self._dials += 1
        if self._dials > 1 and self.codec.begins:
            self._log.info("dialled again; the former socket %s", "is dropped" if former else f"ended with {self._close_code}")
        if former is not None:
            former.abort()
        self._timers.stop("grace")
        self._outbox.attach(socket, self.codec.opened(), self.facts.id)
        self._perform(self._conversation.opened(self._loop.time()))

    def on_lost(self, socket: Socket) -> None:
        if self.ended is not None or socket is not self._socket:
            return
        self._socket = None
        self._left = self._loop.time()
        self._outbox.detach()
        self._close_code = socket.close_code or ABNORMAL_CLOSURE
        for event in self.codec.closed():
            self._perform(self._conversation.receive(event))
        if self._conversation.hung_up and self._close_code != ABNORMAL_CLOSURE:
            self._end("agent")
            return
        goodbye = self._close_code == NORMAL_CLOSURE
        grace = self.codec.grace_after_goodbye if goodbye else self.codec.grace
        self._timers.start("grace", grace, self._give_up, "platform" if goodbye else "lost")
        self._on_change(self)

    def _give_up(self, by: EndedBy) -> None:
        self._end("agent" if self._conversation.hung_up else by)

    def drop(self) -> None:
        """The server stops: let go of the call so that the platform dials again elsewhere."""
        self._end("server")

    def _end(self, by: EndedBy) -> None:
        if self.ended is not None:
            return
        self._perform(self._conversation.closed())
        self.ended = by
        self._seats.leave()
        self._timers.close()
        self._outbox.close()
        if self._socket is not None:
            self._socket.abort()
        self._complaints.close()
        self._witness.call_ended(self._call_report(by))
        self._on_change(self)
        # These know the session: what is left of the call goes now, and not when the collector comes by.
        del self._conversation, self.is_current, self._outbox, self._seats, self._socket

    # Frames in.

    def _hear(self, frame: bytes | str) -> None:
        now = self._outbox.heard_at = self._loop.time()
        if type(frame) is bytes and frame.startswith(self._unread):
            return  # most frames are such. What a request that comes again must show, its own transcript does
        self._outbox.settle()
        try:
            events = self.codec.decode(frame)
        except PeerError as error:
            self._complaints.tell(str(error))
            if not self._understood and self._log.isEnabledFor(logging.DEBUG):
                self._outbox.urgent([debug_frame(frame)])
            return
        self._understood = True
        for event in events:
            if type(event) is DetailsGiven:
                self._details = event.details
            self._perform(self._conversation.receive(event, now))

    def complain(self, what: str) -> None:
        """Log what is odd about the call, once, and at its end how often it came."""
        self._complaints.tell(what)

    def _field(self, name: str) -> str:
        value = look_up(name, self.facts, self._details or Details())
        if value is None:
            self.on_missing(name)
        return value or ""

    # Effects.

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._PERFORM[type(effect)](self, effect)

    def _start_reply(self, effect: StartReply) -> None:
        self._seats.start(effect.agent, effect.reply, effect.turn)

    def _cancel_reply(self, effect: CancelReply) -> None:
        self._seats.cancel(effect.reply)

    def _send(self, effect: Send) -> None:
        if type(effect.command) is Pong:
            self._outbox.urgent(self.encode(effect.command))
        else:
            self._outbox.put(effect)

    def _start_timer(self, effect: StartTimer) -> None:
        self._timers.start(effect.rung, effect.seconds, self._time_out, effect)

    def _time_out(self, effect: StartTimer) -> None:
        self._perform(self._conversation.timer(effect.turn, effect.rung, self._loop.time()))

    def _deliver(self, effect: Deliver) -> None:
        match effect.event:
            case TranscriptUpdated(transcript):
                self._seats.update(transcript)
            case DetailsGiven(details):
                self._seats.details(details)
            case DigitsPressed(digits):
                self._seats.digits(digits)

    def _turn_started(self, effect: TurnStarted) -> None:
        self._turns += 1
        self._stopwatches[effect.turn] = Stopwatch(self._loop.time())

    def _turn_ended(self, effect: TurnEnded) -> None:
        self._timers.stop("late")
        if effect.outcome == "interrupted":
            self._outbox.purge(effect.turn)
            self.on_turn_over(effect)
        else:
            self._outbox.put(effect)

    def _judged(self, effect: Judged) -> None:
        self._seats.judge(effect.agent, good=effect.good)

    def _warn(self, effect: Warn) -> None:
        self._complaints.tell(effect.what)

    _PERFORM: ClassVar[Mapping[type, Callable[["Session", Any], None]]] = {
        StartReply: _start_reply,
        CancelReply: _cancel_reply,
        Send: _send,
        StartTimer: _start_timer,
        Deliver: _deliver,
        TurnStarted: _turn_started,
        TurnEnded: _turn_ended,
        Judged: _judged,
        Warn: _warn,
    }

    # From the agent.

    def on_joined(self, hears: frozenset[str]) -> None:
        self._unread = () if self._seats.listens else self.codec.updates

    def on_output(self, reply: int, output: Output) -> None:
        is_under_way = False  # else it is confirmed once the socket took it
        for effect in self._conversation.output(reply, output, self._loop.time()):
            if type(effect) is Send:
                self._outbox.put(effect)
                is_under_way |= effect.reply == reply
            else:
                self._PERFORM[type(effect)](self, effect)
        if not is_under_way:
            self._seats.confirm(reply, 1)

    def on_ended(self, reply: int) -> None:
        self._perform(self._conversation.ended(reply, self._loop.time()))

    def on_failed(self, reply: int, error: BaseException) -> None:
        if isinstance(error, RejoinderError):  # raised on purpose: its text says it all
            self._complaints.tell(f"the agent failed in a turn: {' '.join(str(error).split())}")
        else:
            self._log.error("the agent failed in a turn: %r", error, exc_info=error)
        self._perform(self._conversation.failed(reply, self._loop.time()))

    def on_order(self, order: Order) -> None:
        if self.ended is not None:
            return
        if self._outbox.is_full and type(order) is not ToolsAwaited:  # which is for the engine alone
            self._complaints.tell("the agent orders more than the platform takes; what is too much is dropped")
        else:
            self._perform(self._conversation.order(order, self._loop.time()))

    def on_missing(self, field: str) -> None:
        self._complaints.tell(f"the call has no field {field!r}; the text has nothing in its place")

    # From the outbox.

    def encode(self, command: Command) -> list[bytes]:
        try:
            return self.codec.encode(command)
        except Exception:  # noqa: BLE001  costs one command; the writer, and with it the call, goes on
            self._log.exception("%s cannot be put into frames and was dropped", type(command).__name__)
            return []

    def on_written(self, sent: Sequence[Send]) -> None:
        said = [command for one in sent if type(command := one.command) is Speak or type(command) is Finish]
        if said and (watch := self._stopwatches.get(said[0].turn)):
            watch.wrote([chunk.text for chunk in said], self._loop.time(), final=type(said[-1]) is Finish)
        if (reply := sent[0].reply) is not None:
            self._seats.confirm(reply, len(sent))

    def on_turn_over(self, ended: TurnEnded) -> None:
        if watch := self._stopwatches.pop(ended.turn, None):
            self._witness.turn_ended(watch.report(self.facts, ended, self._loop.time()))
        if not ended.turn and not self._stopwatches:
            self._stopwatches.clear()  # an empty dict that was never filled is 160 bytes smaller, in every silent call

    def _call_report(self, by: EndedBy) -> CallReport:
        return CallReport(
            call=self.facts,
            details=self._details or Details(),
            ended_by=by,
            close_code=self._close_code,
            turns=self._turns,
            redials=self._dials - 1,
            dropped_outputs=self._conversation.dropped_outputs + self._outbox.dropped,
            duration=(self._loop.time() if self._left is None else self._left) - self._started,
        )
