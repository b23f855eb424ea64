"""The live calls of this server, by route and id: a redial finds its call, anything else is a new one."""

import asyncio
import uuid
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rejoinder.agents import Agent
from rejoinder.call import CallFacts
from rejoinder.config import RetellConfig
from rejoinder.contract import CallReport, TurnReport
from rejoinder.dialogue import Tuning
from rejoinder.doors import Door
from rejoinder.engine import Conversation
from rejoinder.observability import call_logger, log_call_ended, log_call_started, log_turn_ended
from rejoinder.observers import ObserverDesk
from rejoinder.orders import HangUp
from rejoinder.outbox import Socket
from rejoinder.protocols import Codec
from rejoinder.protocols.retell import RetellCodec
from rejoinder.recording.archive import Archive
from rejoinder.routes import Route
from rejoinder.session import Session
from rejoinder.witness import Witness

if TYPE_CHECKING:
    from rejoinder.recording.recorder import Recorder

#: Seconds that a platform has to speak the goodbye of a call that the host ends, and to close it.
FAREWELL = 30.0
#: Seconds to the next look at least: a clock may be a little behind its timers.
SOONEST = 0.001


class RouteWitness(Witness):
    """Tells the log, the route's observers and whoever else listens (`further`) of a call."""

    __slots__ = ("_desk", "_further", "_observers")

    def __init__(self, desk: ObserverDesk, observers: Iterable[str], *further: Witness | None) -> None:
        self._desk = desk
        self._observers = tuple(observers)
        self._further = tuple([one for one in further if one is not None])

    def call_started(self, call: CallFacts) -> None:
        log_call_started(call)
        if self._observers:
            self._desk.call_started(self._observers, call)
        for one in self._further:
            one.call_started(call)

    def turn_ended(self, report: TurnReport) -> None:
        log_turn_ended(report)
        if self._observers:
            self._desk.turn_ended(self._observers, report)
        for one in self._further:
            one.turn_ended(report)

    def call_ended(self, report: CallReport) -> None:
        log_call_ended(report)
        if self._observers:
            self._desk.call_ended(self._observers, report)
        for one in self._further:
            one.call_ended(report)


@dataclass(slots=True)
class LiveCall:
    """A call, the door by which it came in, and who may answer it. After `longest` seconds, at `due` (None: never), the host
    hangs up; and some time later drops it."""

    session: Session
    door: Door
    agents: Sequence[tuple[CallFacts, Agent]]
    longest: float
    due: float | None = None
    is_over: bool = False


class Calls:
    """All sessions that live, and the agents that a reload has replaced but whose calls still go on."""

    def __init__(self, desk: ObserverDesk, witness: Witness | None = None, archive: Archive | None = None) -> None:
        self._desk = desk
        self._witness = witness
        self._archive = archive
        self._recorders: dict[Session, Recorder] = {}
        self._live: dict[tuple[str, str, str], LiveCall] = {}
        # One for all calls, though few ever last so long: uvloop's takes 700 bytes.
        self._timer: asyncio.TimerHandle | None = None
        self._retired: list[Agent] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._live)

    @property
    def waiting(self) -> int:
        """How many have no socket and wait for their platform to dial again."""
        return sum(live.session.is_waiting for live in self._live.values())

    @property
    def talking(self) -> int:
        """How many do not."""
        return len(self) - self.waiting

    @property
    def news(self) -> asyncio.Event:
        """Set when next a call ends or loses its socket, or somebody tells of something else."""
        return self._news

    def tell(self) -> None:
        """Wake all who wait for news."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    @property
    def unrecorded(self) -> int:
        """How much of the calls that are recorded could not be written."""
        return self._archive.dropped if self._archive is not None else 0

    def carry(self, session: Session, socket: Socket) -> Coroutine[Any, Any, None]:
        """Carry a call over a socket until that closes or another takes its place."""
        if recorder := self._recorders.get(session):
            socket = recorder.over(socket)
        return session.serve(socket)  # no coroutine around it: each silent call would hold its frame

    def live(self, path: str, platform: str, call_id: str) -> Session | None:
        """The call of that id on that route, if it lives. The same id on another route is another call."""
        live = self._live.get((path, platform, call_id))
        return live.session if live is not None else None

    def door(self, path: str, platform: str, call_id: str) -> Door | None:
        """The door by which a live call came in: it opens to its redials, whatever a reload has made of the route since."""
        live = self._live.get((path, platform, call_id))
        return live.door if live is not None else None

    def on(self, path: str) -> int:
        """How many there are on a route."""
        return sum(path == route for route, _, _ in self._live)

    def is_full(self, route: Route) -> bool:
        """Whether a route has as many as it may."""
        most = route.config.limits.calls
        return most is not None and self.on(route.path) >= most

    def open_retell(self, route: Route, call_id: str) -> Session:
        """A new call that Retell dialled. One without an id was dialled by hand and is given one."""
        knobs = route.config.retell
        codec = RetellCodec(transcript_with_tool_calls=knobs.transcript_with_tool_calls, tuning=_tuning(knobs))
        return self.open(route, codec, call_id or f"local-{uuid.uuid4().hex[:12]}")

    def open(self, route: Route, codec: Codec, call_id: str) -> Session:
        """A new call."""
        agents = route.agents(call_id, codec.platform)
        facts, _ = agents[0]
        recorder = self._archive.recorder(route.config, [one for one, _ in agents]) if self._archive is not None else None
        session = Session(
            facts,
            codec,
            agents,
            lines=route.lines,
            numbers=route.agent_config.numbers,
            late=route.config.late,
            on_failure=route.config.on_failure,
            reminders=route.config.limits.reminders,
            log=call_logger(facts),
            witness=RouteWitness(self._desk, route.config.observers, self._witness, recorder),
            on_change=self._changed,
            conversation=Conversation if recorder is None else recorder.conversation,
        )
        if recorder is not None:
            self._recorders[session] = recorder
        live = LiveCall(session, route.config.door, agents, longest=route.config.limits.call_duration)
        self._live[facts.route, facts.platform, facts.id] = live
        if codec.begins:  # where it does not, its platform keeps the time
            live.due = asyncio.get_running_loop().time() + live.longest
            self._look_at(live.due)
        return session

    def _look_at(self, due: float) -> None:
        """See at `due` whose time is up, if that is not seen to before."""
        if self._timer is None or due < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(due, self._look)

    def _look(self) -> None:
        self._timer, now = None, asyncio.get_running_loop().time()
        try:
            for live in [live for live in self._live.values() if live.due is not None and live.due <= now]:
                self._time_up(live, now)
        finally:  # a fault in one call must not take the time from all others
            if dues := [live.due for live in self._live.values() if live.due is not None]:
                self._look_at(max(min(dues), now + SOONEST))

    def _time_up(self, live: LiveCall, now: float) -> None:
        """The call has lasted as long as it may: it is ended as an agent ends one, or dropped if its platform does not hear."""
        if live.is_over:
            live.due = None
            live.session.drop()
            return
        live.is_over, live.due = True, now + FAREWELL
        live.session.complain(f"the call has lasted {live.longest:g} s, as long as 'limits' lets it; the host hangs up")
        live.session.on_order(HangUp())

    def _changed(self, session: Session) -> None:
        if session.ended is not None:
            self._forget(session)
        self.tell()

    def _forget(self, session: Session) -> None:
        self._recorders.pop(session, None)
        facts = session.facts
        self._live.pop((facts.route, facts.platform, facts.id), None)
        if not self._live and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._retired:
            self._close_idle()

    def retire(self, agents: Iterable[Agent]) -> None:
        """Close each of `agents` after its last call, one without calls now. A call's substitutes are its own from the start,
        though they are only asked when they must."""
        self._retired.extend(agents)
        self._close_idle()

    def _close_idle(self) -> None:
        needed = {id(agent) for live in self._live.values() for _, agent in live.agents}
        for agent in [agent for agent in self._retired if not agent.calls and id(agent) not in needed]:
            self._retired.remove(agent)
            task = asyncio.get_running_loop().create_task(agent.close(), name="close a retired agent")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Let go of every call, so that its platform dials again elsewhere, and close the agents that were retired."""
        for live in list(self._live.values()):
            live.session.drop()
        self._close_idle()
        await asyncio.gather(*self._closing)


@lru_cache
def _tuning(knobs: RetellConfig) -> Tuning:
    """The same for all calls of a route."""
    return Tuning(knobs.responsiveness, knobs.interruption_sensitivity, knobs.reminder_trigger_ms, knobs.reminder_max_count)
