"""A call's side of its recording, on the front: it says what happened and when, and does nothing else.

It stands where the call passes by anyway, at its socket, at its engine and among those who are told of it; so a call that
nobody records has none of it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from rejoinder.call import CallFacts
from rejoinder.contract import CallReport, TurnReport
from rejoinder.dialogue import Action, EndCall, PressDigits, TransferCall
from rejoinder.effects import CancelReply, Effect, Rung, Send, StartReply, TurnStarted, Warn
from rejoinder.engine import Conversation
from rejoinder.events import Details, DetailsGiven, Event, Finish, SpeakOut
from rejoinder.orders import Order
from rejoinder.outbox import Socket
from rejoinder.recording.writer import Act, Entry, Reel, Writer
from rejoinder.witness import Witness


class Recorder(Witness):
    """`agents` are those that may answer the call, in order."""

    def __init__(self, reel: Reel, writer: Writer, agents: Sequence[str]) -> None:
        self._reel = reel
        self._tape = reel.tape
        self._writer = writer
        self._agents = agents
        self._clock = asyncio.get_running_loop().time
        self._started = self._clock()
        self._asked: dict[int, str] = {}
        self._lost = 0
        self._is_over = False

    @property
    def _now(self) -> float:
        return self._clock() - self._started

    def _put(self, act: Act, size: int = 0, *, must: bool = False) -> None:
        if self._is_over:  # a socket may close after its call has ended
            return
        if self._writer.offer(Entry(self._reel, act, size, self._lost), must=must):
            self._lost = 0
        else:
            self._lost += 1

    def received(self, frame: bytes | str) -> None:
        """A frame has come."""
        self._put(partial(self._tape.received, self._now, frame), len(frame))

    def sent(self, frames: Sequence[bytes]) -> None:
        """The socket took these."""
        self._put(partial(self._tape.sent, self._now, frames), sum(map(len, frames)))

    def note(self, what: str, **facts: str | float | None) -> None:
        """Something else has happened."""
        self._put(partial(self._tape.noted, self._now, what, facts))

    def details(self, details: Details) -> None:
        """The platform has said what call it is."""
        self._put(partial(self._tape.told, self._now, details), must=True)  # it may forbid what is held back

    def over(self, socket: Socket) -> Socket:
        """The same socket, with all that passes it heard here."""
        return _TapedSocket(socket, self)

    def conversation(self, *args: Any, **wishes: Any) -> Conversation:
        """An engine, with all that it decides heard here."""
        return _TapedConversation(self, *args, **wishes)

    def decided(self, effects: Iterable[Effect]) -> None:
        """The engine has given these orders."""
        for effect in effects:
            match effect:
                case TurnStarted(turn, kind):
                    self.note("turn started", turn=turn, kind=kind)
                case StartReply(reply, turn, agent):
                    name = self._asked[turn.number] = self._agents[agent]
                    self.note("reply started", reply=reply, turn=turn.number, agent=name)
                case CancelReply(reply):
                    self.note("reply cancelled", reply=reply)
                case Send(command=Finish(turn=turn, action=action)) if action is not None:
                    self.note("action", turn=turn, **_action(action))
                case Send(command=SpeakOut(cuts=cuts, action=action)):
                    self.note("spoken out of turn", cuts=cuts, **(_action(action) if action else {}))
                case Warn(what):
                    self.note("warning", text=what)
                case _:
                    pass

    # As a witness.

    def call_started(self, call: CallFacts) -> None:
        """Known already."""

    def turn_ended(self, report: TurnReport) -> None:
        self.note(
            "turn ended",
            turn=report.number,
            kind=report.kind,
            outcome=report.outcome,
            agent=self._asked.pop(report.number, ""),
            first_chunk=_rounded(report.first_chunk),
            first_sentence=_rounded(report.first_sentence),
            chunks=report.chunks,
            duration=_rounded(report.duration),
        )

    def call_ended(self, report: CallReport) -> None:
        facts = {
            "ended_by": report.ended_by,
            "close_code": report.close_code,
            "turns": report.turns,
            "redials": report.redials,
            "dropped_outputs": report.dropped_outputs,
            "duration": _rounded(report.duration),
        }
        self._put(partial(self._tape.ended, self._now, facts), must=True)
        self._is_over = True


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def _action(action: Action) -> dict[str, str]:
    match action:
        case EndCall():
            return {"action": "end"}
        case TransferCall(to=to):
            return {"action": "transfer", "number": to}
        case PressDigits(digits=digits):
            return {"action": "press", "digits": digits}


class _TapedSocket:
    """See `rejoinder.outbox.Socket`."""

    __slots__ = ("_recorder", "_socket")

    def __init__(self, socket: Socket, recorder: Recorder) -> None:
        self._socket = socket
        self._recorder = recorder
        recorder.note("dialled")

    @property
    def close_code(self) -> int | None:
        return self._socket.close_code

    async def carry(self, hear: Callable[[bytes | str], None]) -> None:
        def noted(frame: bytes | str) -> None:
            self._recorder.received(frame)
            hear(frame)

        try:
            await self._socket.carry(noted)
        finally:  # one that is lost cancels who waits for it
            self._recorder.note("closed", code=self._socket.close_code)

    async def send(self, frame: bytes) -> None:
        await self._socket.send(frame)
        self._recorder.sent((frame,))

    @property
    def is_clear(self) -> bool:
        return self._socket.is_clear

    def write(self, frames: Sequence[bytes]) -> None:
        self._socket.write(frames)
        self._recorder.sent(tuple(frames))

    def abort(self) -> None:
        self._socket.abort()


class _TapedConversation(Conversation):
    """The engine itself; what goes in and comes out is noted beside it."""

    __slots__ = ("_recorder",)

    def __init__(self, recorder: Recorder, *args: Any, **wishes: Any) -> None:
        super().__init__(*args, **wishes)
        self._recorder = recorder

    def _decided(self, effects: list[Effect]) -> list[Effect]:
        self._recorder.decided(effects)
        return effects

    def opened(self, now: float = 0.0) -> list[Effect]:
        return self._decided(super().opened(now))

    def receive(self, event: Event, now: float = 0.0) -> list[Effect]:
        if type(event) is DetailsGiven:
            self._recorder.details(event.details)
        return self._decided(super().receive(event, now))

    def output(self, reply: int, output: Any, now: float = 0.0) -> list[Effect]:
        return self._decided(super().output(reply, output, now))

    def ended(self, reply: int, now: float = 0.0) -> list[Effect]:
        self._recorder.note("reply ended", reply=reply)
        return self._decided(super().ended(reply, now))

    def failed(self, reply: int, now: float = 0.0) -> list[Effect]:
        self._recorder.note("reply failed", reply=reply)
        return self._decided(super().failed(reply, now))

    def timer(self, turn: int, rung: Rung, now: float = 0.0) -> list[Effect]:
        self._recorder.note("timer", turn=turn, rung=rung)
        return self._decided(super().timer(turn, rung, now))

    def order(self, order: Order, now: float = 0.0) -> list[Effect]:
        return self._decided(super().order(order, now))
