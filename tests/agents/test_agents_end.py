"""An agent's end, and what a plugin can do to its agent: harm it alone."""

import asyncio
import contextlib
import gc
import logging
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from openings import System, agent_threads, made, spec
from rejoinder.agents import CLEANUP
from rejoinder.contract import Options, Reply, SystemFactory, per_call
from rejoinder.dialogue import Transcript, Turn
from rejoinder.visit import FAREWELL

if TYPE_CHECKING:
    from tests.agents.conftest import House


def test_closing_fails_the_live_replies_and_those_started_after_it(house: "House") -> None:
    story: list[str] = []

    class Told(System):
        async def ended(self) -> None:
            story.append("ended")

    async def main() -> None:
        async with house.call(Told) as call:
            call.start(1)
            await call.ear.spoken(1)
            closing = asyncio.create_task(call.agent.close())
            await call.ear.over(1)
            call.start(2)
            await call.ear.over(2)
            await closing
            assert story == ["ended"]
            assert [str(call.ear.failed[number]) for number in (1, 2)] == ["agent ava was closed"] * 2

    house.run(main())
    assert agent_threads() == []


def test_a_system_that_hangs_while_it_closes_holds_the_host_no_longer_than_the_bound(
    house: "House", caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def open_agent(options: Options) -> AsyncIterator[SystemFactory]:
        yield made
        await asyncio.Event().wait()

    async def main() -> None:
        agent = house.agent(spec(open_agent))
        await agent.open()
        await agent.close(within=0.1)

    house.run(main())
    assert "agent ava did not close within 0.1 s and is left behind" in caplog.text
    assert agent_threads() == []


def test_a_system_that_raises_while_it_closes_is_logged(house: "House", caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def open_agent(options: Options) -> AsyncIterator[SystemFactory]:
        yield made
        raise ValueError("cannot close")

    async def main() -> None:
        agent = house.agent(spec(open_agent))
        await agent.open()
        await agent.close()

    house.run(main())
    assert "agent ava: its system did not close cleanly" in caplog.text


def test_a_system_whose_resources_die_answers_no_more(house: "House", caplog: pytest.LogCaptureFixture) -> None:
    fail: list[Callable[[], object]] = []

    async def feed(broken: asyncio.Event) -> None:
        await broken.wait()
        raise ConnectionError("feed lost")

    @asynccontextmanager
    async def open_agent(options: Options) -> AsyncIterator[SystemFactory]:
        broken = asyncio.Event()
        loop = asyncio.get_running_loop()
        fail.append(lambda: loop.call_soon_threadsafe(broken.set))
        async with asyncio.TaskGroup() as group:
            group.create_task(feed(broken))
            yield made

    async def main() -> None:
        agent = house.agent(spec(open_agent))
        await agent.open()
        call = house.join(agent)
        call.start(1)
        await call.ear.spoken(1)
        fail[0]()
        await call.ear.over(1)
        assert str(call.ear.failed[1]) == "agent ava has closed by itself"
        assert not agent.is_open
        await agent.close()

    house.run(main())
    assert "agent ava: its system closed by itself" in caplog.text
    assert agent_threads() == []


def test_an_agent_that_blocks_its_thread_harms_itself_alone(thread_house: "House") -> None:
    gate = threading.Event()

    class Blocking(System):
        async def respond(self, turn: Turn) -> Reply:
            self.call.metadata({"mark": "blocked"})
            gate.wait()
            yield "late"

    async def main() -> None:
        async with thread_house.call(Blocking) as blocked, thread_house.call(System) as free:
            blocked.start(1)
            await blocked.ear.mark("blocked")
            free.start(2)
            await free.ear.over(2)
            assert free.ear.ended == [2]
            blocked.seat.cancel(1)
            gate.set()
            blocked.start(3)
            await blocked.ear.over(3)
            assert blocked.ear.outputs == [(3, "late")]

    thread_house.run(main())


def test_a_task_of_a_plugins_own_cannot_end_the_loop(thread_house: "House", caplog: pytest.LogCaptureFixture) -> None:
    tasks: list[asyncio.Task[None]] = []

    async def leave() -> None:
        raise SystemExit

    class Leaving(System):
        async def respond(self, turn: Turn) -> Reply:
            tasks.append(asyncio.create_task(leave()))
            await asyncio.wait(tasks)
            yield "still here"

    async def main() -> None:
        async with thread_house.call(Leaving) as call:
            call.start(1)
            await call.ear.over(1)
            assert call.ear.outputs == [(1, "still here")]
        assert isinstance(tasks[0].exception(), SystemExit)

    thread_house.run(main())
    assert "agent ava: a task tried to end the loop" in caplog.text


def test_what_a_plugin_left_running_ends_with_the_loop(thread_house: "House", caplog: pytest.LogCaptureFixture) -> None:
    tasks: list[asyncio.Task[None]] = []

    async def stay() -> None:
        await asyncio.Event().wait()

    class Leaving(System):
        async def respond(self, turn: Turn) -> Reply:
            tasks.append(asyncio.create_task(stay()))
            yield "yes"

    async def main() -> None:
        async with thread_house.call(Leaving) as call:
            call.start(2)
            await call.ear.over(2)

    with caplog.at_level(logging.WARNING):
        thread_house.run(main())
    assert tasks[0].cancelled()
    gc.collect()
    assert caplog.records == []
    assert agent_threads() == []


def test_the_bounds_of_closing_are_those_that_were_promised(virtual_house: "House", caplog: pytest.LogCaptureFixture) -> None:
    """A second to clean up, two to say farewell, five in all."""

    class Hanging(System):
        async def respond(self, turn: Turn) -> Reply:
            yield "first"
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            await asyncio.sleep(60)

        async def ended(self) -> None:
            await asyncio.sleep(60)

    async def main() -> None:
        async with virtual_house.call(Hanging) as call:
            call.start(1)
            await call.ear.spoken(1)
            await call.agent.close()
            assert asyncio.get_running_loop().time() == CLEANUP + FAREWELL == 3.0

        @asynccontextmanager
        async def open_agent(options: Options) -> AsyncIterator[SystemFactory]:
            yield made
            await asyncio.sleep(60)

        agent = virtual_house.agent(spec(open_agent))
        await agent.open()
        await agent.close()
        assert asyncio.get_running_loop().time() == 3.0 + 5.0

    virtual_house.run(main())
    assert "left behind" in caplog.text


def test_a_call_that_has_left_is_forgotten_without_the_collector(house: "House") -> None:
    forgotten = threading.Semaphore(0)

    class Mortal(System):
        def __init__(self, options: Options, call: Any) -> None:
            super().__init__(options, call)
            weakref.finalize(self, forgotten.release)

        async def listening(self, transcript: Transcript) -> None: ...

    async def main() -> None:
        agent = house.agent(per_call(Mortal, Options))
        await agent.open()
        gc.collect()
        gc.disable()
        for number in range(20):
            call = house.join(agent, f"c{number}")
            call.start(1)
            call.start(2)
            call.seat.update(Transcript())
            await call.ear.over(2)
            call.seat.leave()
        del call
        for _ in range(20):
            assert await asyncio.to_thread(forgotten.acquire, timeout=5)
        await agent.close()

    try:
        house.run(main())
    finally:
        gc.enable()
