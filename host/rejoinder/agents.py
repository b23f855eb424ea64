"""One agent: a response system with its options, the loop and threads it runs in, and the calls that sit at it.

`Agent` and `Seat` are the front's side: all their methods are called on the front loop, none waits for the plugin unless it is
awaited, and those that are awaited are bounded. `Life` is the other side, on the agent's loop.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from rejoinder.breaker import Breaker
from rejoinder.call import CallFacts
from rejoinder.contract import SystemFactory, SystemSpec
from rejoinder.dialogue import Transcript, Turn
from rejoinder.errors import PluginError
from rejoinder.events import Details
from rejoinder.handover import CLEANUP, WINDOW, Lane, Latest, Listener, LiveOnly
from rejoinder.observability import install
from rejoinder.speaker import Stage
from rejoinder.threads import LoopThread, Pool
from rejoinder.tools import Ledger
from rejoinder.visit import FAREWELL, Visit
from rejoinder.watchdog import Watchdog

__all__ = ["CLEANUP", "WINDOW", "Agent", "Seat"]

log = logging.getLogger(__name__)

Answer = Callable[[BaseException | None], None]


class Life:
    """One opening of a system, from entering its context to leaving it, in one task: what a plugin enters there (a task group,
    a time limit) wants to be left by the task that entered it."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop, front: Lane) -> None:
        #: the way to it, from the front
        self.lane = Lane(loop, f"to agent {name}", start=front.loop)
        self._name, self._loop, self._front = name, loop, front
        self._factory: SystemFactory | None = None
        self._visits: set[Visit] = set()
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self, spec: SystemSpec[Any], options: Any, opened: Answer, ended: Answer) -> None:
        """Enter the context. `opened` and `ended` are put into the front's lane, with what went wrong if anything did."""
        coroutine = self._live(spec, options, opened, ended)
        self._task = self._loop.create_task(coroutine, name=f"agent {self._name}")

    async def _live(self, spec: SystemSpec[Any], options: Any, opened: Answer, ended: Answer) -> None:
        fault: BaseException | None = None
        try:
            async with spec.open(options) as factory:
                if not callable(factory):
                    raise TypeError(f"it yielded a {type(factory).__name__}; expected what makes the object of one call")  # noqa: TRY301
                self._factory = factory
                self._front.put(opened, None)
                await self._closing.wait()
                await self._see_off()
        except BaseException as error:  # noqa: BLE001  SystemExit in a plugin must not end the loop
            fault = error
        self._factory = None
        self._front.put(ended, fault)

    async def _see_off(self) -> None:
        self._factory = None
        leaving = {visit.leave() for visit in self._visits}
        if leaving:
            await asyncio.wait(leaving, timeout=CLEANUP + FAREWELL)
        for visit in self._visits:
            visit.abandon()

    def admit(self, visit: Visit) -> None:
        visit.join(self._factory)
        self._visits.add(visit)

    def dismiss(self, visit: Visit) -> None:
        visit.leave().add_done_callback(lambda _: self._visits.discard(visit))

    def close(self) -> None:
        self._closing.set()

    def abandon(self) -> None:
        """It took too long: cancel it where it stands, and what is left of the calls."""
        if self._task is not None:
            self._task.cancel()
        for visit in self._visits:
            visit.abandon()


class Seat:
    """One call's place at an agent. Used on the front loop; nothing here waits or raises, whatever the plugin does.

    Of each reply that is started and not cancelled the listener hears exactly one end; of a cancelled one nothing more,
    from the moment `cancel` returns.
    """

    __slots__ = ("_fault", "_front", "_heard", "_lane", "_on_leave", "_updates", "_visit")

    def __init__(
        self, visit: Visit, heard: LiveOnly, updates: Latest[Transcript], lane: Lane, front: Lane, on_leave: "OnLeave"
    ) -> None:
        self._visit = visit
        self._heard = heard
        self._updates = updates
        self._lane = lane
        self._front = front
        self._on_leave: OnLeave | None = on_leave
        self._fault: PluginError | None = None

    def start(self, reply: int, turn: Turn) -> None:
        """Have the turn answered by reply number `reply`, new in this call; the turn's kind picks the method."""
        self._heard.live[reply] = 0
        if self._fault is None:
            self._lane.put(self._visit.start, reply, turn)
            return
        if turn.word_source is not None:
            turn.word_source.release()
        self._front.put(self._heard.on_failed, reply, self._fault)

    def cancel(self, reply: int) -> None:
        """Hear nothing more of `reply`, and have the plugin stop it."""
        if self._heard.live.pop(reply, None) is not None:
            self._lane.put(self._visit.cancel, reply)

    def confirm(self, reply: int, count: int) -> None:
        """The socket took `count` more outputs of `reply`. Told to the agent by half windows: most replies never need it."""
        waiting = self._heard.live.get(reply)
        if waiting is None:
            return
        waiting += count
        if waiting >= WINDOW // 2:
            self._lane.put(self._visit.confirm, reply, waiting)
            waiting = 0
        self._heard.live[reply] = waiting

    def update(self, transcript: Transcript) -> None:
        """The transcript grew. Of updates that the plugin did not come to yet only the newest is kept."""
        if self.may_hear("listening") and self._updates.offer(transcript):
            self._lane.put(self._visit.listen)

    def digits(self, digits: str) -> None:
        """The caller pressed keys."""
        if self.may_hear("digits"):
            self._lane.put(self._visit.digits, digits)

    def details(self, details: Details) -> None:
        """The platform has said what call this is."""
        self._lane.put(self._visit.details, details)

    def leave(self) -> None:
        """The call is over: the listener hears nothing more, what runs is cancelled, the system is told that it ended."""
        if self._on_leave is not None:
            self._heard.close()
            self._on_leave(self, self._visit)
            self._on_leave = None

    def lose(self, fault: PluginError) -> None:
        """For the agent: it can no longer answer. What is live fails, and so does what is started from here on."""
        self._fault = fault
        for reply in self._heard.live:
            self._front.put(self._heard.on_failed, reply, fault)

    def may_hear(self, name: str) -> bool:
        """Whether the plugin may want to be told by that method."""
        return self._fault is None and (self._heard.hears is None or name in self._heard.hears)


OnLeave = Callable[[Seat, Visit], None]


class Agent:
    """A response system with its options, named in YAML. Opened once; a new try is a new agent.

    Its calls run on a loop of the agent's own, in its own thread, made by `open`. Given a `loop` it uses that one and never
    ends it: tests give it the front's own, and virtual time works with the same code. `threads` bounds how many steps of
    synchronous replies run at once. What holds its loop is named by `watchdog`, with `origin`, the distribution of the system.
    """

    def __init__(
        self,
        name: str,
        spec: SystemSpec[Any],
        options: Any,
        *,
        front: asyncio.AbstractEventLoop,
        loop: asyncio.AbstractEventLoop | None = None,
        threads: int = 8,
        origin: str = "",
        watchdog: Watchdog | None = None,
        clean_speech: bool = False,
    ) -> None:
        self._name = name
        self._origin, self._watchdog = origin, watchdog
        self._spec, self._options = spec, options
        self._clean_speech = clean_speech
        self._front_loop = front
        self._front = Lane(front, f"from agent {name}")
        self._loop = loop
        self._pool = Pool(threads, f"agent {name}")
        self._thread: LoopThread | None = None
        self._life: Life | None = None
        self._seats: set[Seat] = set()
        self._is_open = False
        self.breaker = Breaker()
        self._opened: asyncio.Future[BaseException | None] = front.create_future()
        self._ended: asyncio.Future[None] = front.create_future()
        self._ending: asyncio.Task[None] | None = None
        self._release_clock: Callable[[], None] | None = None

    @property
    def is_open(self) -> bool:
        return self._is_open

    @property
    def calls(self) -> int:
        """Calls that have joined and not left."""
        return len(self._seats)

    async def open(self, within: float = 20.0) -> None:
        """Enter the system's context on the agent's loop.

        Raises PluginError, with the cause chained, if that raises or takes longer than `within` seconds; the agent is then
        closed.
        """
        if self._life is not None:
            raise RuntimeError(f"agent {self._name} was opened before")
        loop = self._own_or_given_loop()
        self._life = life = Life(self._name, loop, self._front)
        life.lane.put(life.begin, self._spec, self._options, self._on_opened, self._on_ended)
        try:
            async with asyncio.timeout(within):
                fault = await self._opened
        except TimeoutError as error:
            await self._end(life, life.abandon, CLEANUP)
            raise PluginError(f"agent {self._name}: its system did not open within {within:g} s") from error
        except asyncio.CancelledError:
            _ = self._end(life, life.abandon, CLEANUP)
            raise
        if fault is not None:
            await self._end(life, life.close, CLEANUP)
            what = f"{type(fault).__name__}: {fault}".rstrip(": ")
            raise PluginError(f"agent {self._name}: its system did not open: {what}") from fault

    def _own_or_given_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            if getattr(self._front_loop, "is_virtual", False):
                raise RuntimeError(
                    f"agent {self._name} would run in a thread of its own, where virtual time does not reach: "
                    "give it the loop of the test, Agent(..., loop=asyncio.get_running_loop())"
                )
            self._thread = LoopThread(f"agent {self._name}")
            self._loop = self._thread.loop
            install(self._loop, for_plugins=True)
            if self._watchdog is not None:
                self._watchdog.watch(self._loop, self._thread.ident, agent=self._name, origin=self._origin, pool=self._pool)
        elif (hold := getattr(self._loop, "hold", None)) is not None:
            # A loop of `rejoinder.testing.clock`: its time stands still while a thread works.
            self._release_clock = hold(lambda: self._pool.busy > 0)
        return self._loop

    def _on_opened(self, _: BaseException | None) -> None:
        if not self._opened.done():
            self._is_open = self._ending is None
            self._opened.set_result(None)

    def _on_ended(self, fault: BaseException | None) -> None:
        if not self._opened.done():
            self._opened.set_result(fault or RuntimeError("its context ended while it was entered"))
        elif self._ending is None:
            log.error("agent %s: its system closed by itself", self._name, exc_info=fault)
            self._lose_all("has closed by itself")
        elif fault is not None and not isinstance(fault, asyncio.CancelledError):
            log.error("agent %s: its system did not close cleanly", self._name, exc_info=fault)
        if not self._ended.done():
            self._ended.set_result(None)

    def join(self, facts: CallFacts, listener: Listener, details: Details | None = None, ledger: Ledger | None = None) -> Seat:
        """A place for the call of `facts`.

        The object of the call is made on the agent's loop; if that fails, or the agent is not open, every reply started at this
        seat fails. `ledger` holds the call's tools: agents that answer in one call are given the same (None: a new one).
        """
        heard = LiveOnly(listener)
        updates: Latest[Transcript] = Latest()
        loop, lane = self._loop or self._front_loop, self._life.lane if self._life else self._front
        stage = Stage(facts, loop, self._pool, self._front, heard, self._clean_speech)
        visit = Visit(stage, details, updates, ledger or Ledger(facts.id))
        seat = Seat(visit, heard, updates, lane, self._front, self._dismiss)
        self._seats.add(seat)
        if self._is_open and self._life is not None:
            lane.put(self._life.admit, visit)
        else:
            seat.lose(PluginError(f"agent {self._name} is not open"))
        return seat

    def _dismiss(self, seat: Seat, visit: Visit) -> None:
        self._seats.discard(seat)
        if self._life is not None:
            self._life.lane.put(self._life.dismiss, visit)

    async def close(self, within: float = 5.0) -> None:
        """End the replies, say `ended()` to the calls that are left, leave the system's context, stop loop and thread.

        What takes longer than `within` seconds is named in the log and left behind. A second call waits for the first.
        """
        if self._life is not None:
            await asyncio.shield(self._end(self._life, self._life.close, within))

    def _end(self, life: Life, act: Callable[[], None], within: float) -> asyncio.Task[None]:
        if self._ending is None:
            self._ending = self._front_loop.create_task(self._run_end(life, act, within), name=f"close agent {self._name}")
            self._lose_all("was closed")
        return self._ending

    def _lose_all(self, why: str) -> None:
        self._is_open = False
        for seat in self._seats:
            seat.lose(PluginError(f"agent {self._name} {why}"))

    async def _run_end(self, life: Life, act: Callable[[], None], within: float) -> None:
        try:
            async with asyncio.timeout(within):
                life.lane.put(act)
                await self._ended
                self._pool.close()
                await self._end_thread()
        except TimeoutError:
            log.warning("agent %s did not close within %g s and is left behind", self._name, within)
            life.lane.put(life.abandon)
            self._pool.close()
            if self._thread is not None:
                self._thread.stop()
        if self._release_clock is not None:
            self._release_clock()

    async def _end_thread(self) -> None:
        if self._thread is None:
            return
        stopped: asyncio.Future[None] = self._front_loop.create_future()
        self._thread.stop(lambda: self._front.put(_settle, stopped))
        await stopped
        self._thread.join()


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
