"""One call at its agent, on the agent's loop: the object of the call, its replies, what it is told meanwhile."""

import asyncio
import inspect
import logging
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

from msgspec.structs import replace

from rejoinder.call import Call
from rejoinder.contract import ResponseSystem, SystemFactory
from rejoinder.dialogue import Transcript, Turn
from rejoinder.errors import PluginError
from rejoinder.events import Details
from rejoinder.handover import CLEANUP, Latest, call_context
from rejoinder.speaker import Speaker, Stage
from rejoinder.tools import Ledger, Tools

#: Seconds that `ended()` may take.
FAREWELL = 2.0
OPTIONAL = ("begin", "remind", "listening", "digits", "details", "ended")

log = logging.getLogger(__name__)


class Visit:
    """Everything here runs on the agent's loop, and none of it raises: a plugin's fault is told to the front or logged."""

    __slots__ = (
        "_call",
        "_fault",
        "_first_details",
        "_hears",
        "_leaving",
        "_ledger",
        "_listening",
        "_raised",
        "_speakers",
        "_stage",
        "_system",
        "_tasks",
        "_tools",
        "_updates",
    )

    def __init__(self, stage: Stage, details: Details | None, updates: Latest[Transcript], ledger: Ledger) -> None:
        self._stage = stage
        self._first_details = details
        self._updates = updates
        self._call: Call | None = None
        self._system: ResponseSystem[Any] | None = None
        self._fault: BaseException | None = None  # why there is no object of the call
        self._hears: frozenset[str] = frozenset()
        self._speakers: dict[int, Speaker] = {}
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._raised: tuple[str, ...] = ()
        self._listening: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._ledger = ledger
        self._tools: Tools | None = None

    def join(self, factory: SystemFactory | None) -> None:
        """Make the object of the call."""
        facts, front, listener = self._stage.facts, self._stage.front, self._stage.listener
        self._call = Call(
            facts,
            self._stage.order,
            self._miss,
            self._first_details,
            self._made_tools,
        )
        try:
            self._system = call_context(facts).run(self._made, factory, self._call)
            self._hears = _own(self._system)
        except BaseException as error:  # noqa: BLE001  SystemExit in a plugin's constructor must not end the loop
            self._system = None
            self._fault = error
        else:
            front.put(listener.on_joined, _once(self._hears - {"ended"}))

    def _made(self, factory: SystemFactory | None, call: Call) -> ResponseSystem[Any]:
        if factory is None:
            raise PluginError(f"agent {call.agent} is closed")
        system: object = factory(call)
        if not isinstance(system, ResponseSystem):
            raise PluginError(f"agent {call.agent} made a {type(system).__name__} for the call; expected a ResponseSystem")
        return system

    def _miss(self, field: str) -> None:
        self._stage.front.put(self._stage.listener.on_missing, field)

    def _made_tools(self) -> Tools:
        """What the call's tools are run with; most calls run none."""
        if self._tools is None:
            stage, label = self._stage, f"agent {self._stage.facts.agent}, call {self._stage.facts.id}"
            self._tools = Tools(self._ledger, stage.order, label, spawn=stage.spawn, in_thread=stage.in_thread)
        return self._tools

    def start(self, number: int, turn: Turn) -> None:
        if self._system is None or self._leaving is not None:
            if turn.word_source is not None:
                turn.word_source.release()
            fault = self._fault or PluginError(f"agent {self._stage.facts.agent}: the call has left")
            self._stage.front.put(self._stage.listener.on_failed, number, fault)
            return
        if late := self._ledger.late():
            turn = replace(turn, late_results=late)
        self._speakers[number] = Speaker(self._stage, self._system, number, turn, self._ledger.told, self._speakers.__delitem__)

    def cancel(self, number: int) -> None:
        if (speaker := self._speakers.get(number)) is not None:
            speaker.cancel()

    def confirm(self, number: int, count: int) -> None:
        if (speaker := self._speakers.get(number)) is not None:
            speaker.confirm(count)

    def listen(self) -> None:
        """There is a newer transcript. One at a time: while the plugin looks at one, newer ones replace each other."""
        if "listening" not in self._hears:
            self._updates.take()
        elif self._listening is None or self._listening.done():
            self._listening = self._notify("listening", self._listen)

    async def _listen(self) -> None:
        while (transcript := self._updates.take()) is not None:
            await self._tell("listening", transcript)

    def digits(self, digits: str) -> None:
        self._notify("digits", lambda: self._tell("digits", digits))

    def details(self, details: Details) -> None:
        if self._call is not None:
            self._call.learn(details)
        self._notify("details", lambda: self._tell("details", details))

    def _notify(self, name: str, tell: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None] | None:
        if name not in self._hears or self._leaving is not None:
            return None
        return self._spawn(name, tell())

    async def _tell(self, name: str, *args: object) -> None:
        """Call one of the plugin's coroutines. Only the first that each raises is logged: updates come all the time."""
        try:
            told = getattr(self._system, name)(*args)
            if inspect.isawaitable(told):  # a plain method in its place does no harm
                await told
        except asyncio.CancelledError:
            raise
        except BaseException:  # as above
            if name not in self._raised:
                self._raised += (name,)
                log.exception("%s raised; not told again in this call", self._label(name))

    def leave(self) -> "asyncio.Task[None]":
        """The call is over: cancel what runs, say `ended()`, wait for tools. The task is done when the visit is."""
        if self._leaving is None:
            self._leaving = self._stage.spawn("leaving", self._leave())
        return self._leaving

    async def _leave(self) -> None:
        for speaker in self._speakers.values():
            speaker.cancel()
        for task in self._tasks:
            task.cancel()
        running = {*(speaker.task for speaker in self._speakers.values()), *self._tasks}
        if running:
            await asyncio.wait(running, timeout=CLEANUP)
        if "ended" in self._hears:
            await self._say_farewell()
        self._system = self._call = None  # which knows the visit: together they would wait for the collector
        if self._tools is not None:
            await self._tools.finish()

    async def _say_farewell(self) -> None:
        try:
            async with asyncio.timeout(FAREWELL) as limit:
                await self._tell("ended")
        except TimeoutError:
            if not limit.expired():
                raise
            log.warning("%s took longer than %g s and was cancelled", self._label("ended"), FAREWELL)

    def abandon(self) -> None:
        """Cancel once more what did not end when the call left, and the tools that still run."""
        for task in (*(speaker.task for speaker in self._speakers.values()), *self._tasks):
            task.cancel()
        if self._tools is not None:
            self._tools.abandon()

    def _spawn(self, what: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that ends when the call leaves."""
        task = self._stage.spawn(what, coroutine)
        self._tasks += (task,)
        task.add_done_callback(self._forget_task)
        return task

    def _forget_task(self, done: "asyncio.Task[None]") -> None:
        self._tasks = tuple([task for task in self._tasks if task is not done])

    def _label(self, name: str) -> str:
        facts = self._stage.facts
        return f"agent {facts.agent}, call {facts.id}: {type(self._system).__name__}.{name}"


def _own(system: ResponseSystem[Any]) -> frozenset[str]:
    """The optional methods that `system` has of its own, from its class or set on the object."""
    return _once(frozenset([name for name in OPTIONAL if is_own(system, name)]))


@cache
def _once(names: frozenset[str]) -> frozenset[str]:
    """The same set for all calls that have the like: it takes more memory than all that a silent call is told."""
    return names


def is_own(system: ResponseSystem[Any], name: str) -> bool:
    """Whether `system` has a method of its own for `name`, from its class or set on the object."""
    return getattr(getattr(system, name), "__func__", None) is not getattr(ResponseSystem, name)
