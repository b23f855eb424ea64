"""Agents to test with: on the front's own loop and on loops of their own, on both event loops."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from rejoinder.agents import Agent, Seat
from rejoinder.call import CallFacts
from rejoinder.contract import Options, ResponseSystem, SystemSpec, per_call
from rejoinder.dialogue import Metadata, Output, Turn, TurnKind, WordSource
from rejoinder.events import Details
from rejoinder.orders import Order
from rejoinder.testing.clock import VirtualClockLoop
from rejoinder.tools import Ledger


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.hears: frozenset[str] | None = None
        self.heard: list[Output | Order] = []  # outputs and orders as they came
        self.outputs: list[tuple[int, Output]] = []
        self.ended: list[int] = []
        self.failed: dict[int, BaseException] = {}
        self.orders: list[Order] = []
        self.missing: list[str] = []
        self._news = asyncio.Event()

    def on_joined(self, hears: frozenset[str]) -> None:
        self.hears = hears
        self._news.set()

    def on_output(self, reply: int, output: Output) -> None:
        self.heard.append(output)
        self.outputs.append((reply, output))
        self._news.set()

    def on_ended(self, reply: int) -> None:
        assert reply not in self.ended
        assert reply not in self.failed
        self.ended.append(reply)
        self._news.set()

    def on_failed(self, reply: int, error: BaseException) -> None:
        assert reply not in self.ended
        assert reply not in self.failed
        self.failed[reply] = error
        self._news.set()

    def on_order(self, order: Order) -> None:
        self.heard.append(order)
        self.orders.append(order)
        self._news.set()

    def on_missing(self, field: str) -> None:
        self.missing.append(field)
        self._news.set()

    @property
    def marks(self) -> list[object]:
        """What systems said of themselves by `self.call.metadata({"mark": ...})`."""
        return [order.data["mark"] for order in self.orders if isinstance(order, Metadata)]

    async def until(self, fact: Callable[[], bool]) -> None:
        while not fact():
            self._news.clear()
            await self._news.wait()

    async def mark(self, mark: object) -> None:
        await self.until(lambda: mark in self.marks)

    async def over(self, reply: int) -> None:
        await self.until(lambda: reply in self.ended or reply in self.failed)

    async def spoken(self, count: int) -> None:
        await self.until(lambda: len(self.outputs) >= count)


class Sitting:
    """One call at an agent."""

    def __init__(self, agent: Agent, seat: Seat, ear: Ear) -> None:
        self.agent = agent
        self.seat = seat
        self.ear = ear

    def start(self, reply: int, kind: TurnKind = "response", words: WordSource | None = None) -> None:
        self.seat.start(reply, Turn(reply, kind, word_source=words))


class House:
    """Where agents of a test run."""

    def __init__(self, name: str, front: Callable[[], asyncio.AbstractEventLoop], *, is_given: bool) -> None:
        self.name = name
        self.is_given = is_given
        self._front = front

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=self._front) as runner:
            runner.run(main)

    def agent(self, spec: SystemSpec[Any], threads: int = 8) -> Agent:
        front = asyncio.get_running_loop()
        return Agent("ava", spec, Options(), front=front, loop=front if self.is_given else None, threads=threads)

    @asynccontextmanager
    async def call(
        self, system: type[ResponseSystem[Any]], threads: int = 8, details: Details | None = None
    ) -> AsyncIterator[Sitting]:
        agent = self.agent(per_call(system, Options), threads)
        await agent.open()
        try:
            yield self.join(agent, details=details)
        finally:
            await agent.close()

    def join(self, agent: Agent, call: str = "c1", details: Details | None = None, ledger: Ledger | None = None) -> Sitting:
        ear = Ear()
        return Sitting(agent, agent.join(CallFacts(call, "/ava", "ava", "test"), ear, details, ledger), ear)


def virtual_loop() -> VirtualClockLoop:
    return VirtualClockLoop(patience=0.5)  # some tests hold a thread on purpose, and the clock waits that long for it


HOUSES = {
    "virtual time": (virtual_loop, True),
    "front's own uvloop": (uvloop.new_event_loop, True),
    "asyncio thread": (asyncio.new_event_loop, False),
    "uvloop thread": (uvloop.new_event_loop, False),
}


@pytest.fixture(params=HOUSES)
def house(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> House:
    """A place of each kind; where time is real, the bounds that tests wait for are short."""
    front, is_given = HOUSES[request.param]
    if front is not virtual_loop:
        monkeypatch.setattr("rejoinder.speaker.CLEANUP", 0.05)
        monkeypatch.setattr("rejoinder.visit.CLEANUP", 0.05)
        monkeypatch.setattr("rejoinder.visit.FAREWELL", 0.05)
        monkeypatch.setattr("rejoinder.threads.ENDING", 0.05)
    if front is asyncio.new_event_loop:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    return House(request.param, front, is_given=is_given)


@pytest.fixture
def virtual_house() -> House:
    """The front's own loop in virtual time, for what takes seconds."""
    return House("virtual time", virtual_loop, is_given=True)


@pytest.fixture(params=["asyncio thread", "uvloop thread"])
def thread_house(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> House:
    """A thread of the agent's own."""
    if request.param == "asyncio thread":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    return House(request.param, HOUSES[request.param][0], is_given=False)
