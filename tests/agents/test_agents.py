"""An agent's beginning: opening its system, once, in time, where it belongs."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from openings import System, agent_threads, made, spec
from rejoinder.agents import Agent
from rejoinder.contract import Options, SystemFactory, per_call
from rejoinder.errors import PluginError

if TYPE_CHECKING:
    from tests.agents.conftest import House


def test_what_calls_share_is_entered_and_left_by_one_task_on_the_agents_loop(house: "House") -> None:
    story: list[tuple[str, str, asyncio.Task[Any] | None]] = []

    def tell(what: str) -> None:
        story.append((what, threading.current_thread().name, asyncio.current_task()))

    @asynccontextmanager
    async def open_agent(options: Options) -> AsyncIterator[SystemFactory]:
        async with asyncio.TaskGroup():  # can only be left by the task that entered it
            tell("open")
            yield made
            tell("closed")

    async def main() -> None:
        agent = house.agent(spec(open_agent))
        assert not agent.is_open
        await agent.open()
        assert agent.is_open
        await asyncio.gather(agent.close(), agent.close())
        await agent.close()
        assert not agent.is_open

    house.run(main())
    assert [what for what, _, _ in story] == ["open", "closed"]
    assert {thread for _, thread, _ in story} == {"MainThread" if house.is_given else "agent ava"}
    assert story[0][2] is story[1][2]
    assert agent_threads() == []


@pytest.mark.parametrize("error", [ValueError, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("is_at_once", [True, False])
def test_a_system_that_does_not_open_is_a_plugin_error_that_names_the_agent(
    house: "House", error: type[BaseException], *, is_at_once: bool
) -> None:
    def open_at_once(options: Options) -> AbstractAsyncContextManager[SystemFactory]:
        raise error("no table")

    @asynccontextmanager
    async def open_agent(options: Options) -> AsyncIterator[SystemFactory]:
        raise error("no table")
        yield

    async def main() -> None:
        agent = house.agent(spec(open_at_once if is_at_once else open_agent))
        with pytest.raises(PluginError) as caught:
            await agent.open()
        assert str(caught.value) == f"agent ava: its system did not open: {error.__name__}: no table"
        assert isinstance(caught.value.__cause__, error)
        assert not agent.is_open
        await agent.close()

    house.run(main())
    assert agent_threads() == []


def test_a_system_that_yields_no_factory_does_not_open(house: "House") -> None:
    @asynccontextmanager
    async def open_agent(options: Options) -> AsyncIterator[Any]:
        yield None

    async def main() -> None:
        with pytest.raises(PluginError, match="it yielded a NoneType; expected what makes the object of one call"):
            await house.agent(spec(open_agent)).open()

    house.run(main())
    assert agent_threads() == []


def test_opening_is_given_up_after_a_while(house: "House") -> None:
    @asynccontextmanager
    async def open_agent(options: Options) -> AsyncIterator[SystemFactory]:
        await asyncio.Event().wait()
        yield made

    async def main() -> None:
        agent = house.agent(spec(open_agent))
        with pytest.raises(PluginError, match=r"agent ava: its system did not open within 0\.05 s") as caught:
            await agent.open(within=0.05)
        assert isinstance(caught.value.__cause__, TimeoutError)

    house.run(main())
    assert agent_threads() == []


def test_opening_that_blocks_its_thread_is_given_up_and_left_behind(
    thread_house: "House", monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rejoinder.agents.CLEANUP", 0.05)
    gate = threading.Event()

    @asynccontextmanager
    async def open_agent(options: Options) -> AsyncIterator[SystemFactory]:
        gate.wait()
        yield made

    async def main() -> None:
        agent = thread_house.agent(spec(open_agent))
        with pytest.raises(PluginError, match="did not open within"):
            await agent.open(within=0.05)
        gate.set()

    thread_house.run(main())
    assert "agent ava did not close within 0.05 s and is left behind" in caplog.text
    assert agent_threads() == []


def test_an_open_that_is_cancelled_leaves_nothing_behind(house: "House") -> None:
    entered = threading.Event()
    left = threading.Event()

    @asynccontextmanager
    async def open_agent(options: Options) -> AsyncIterator[SystemFactory]:
        entered.set()
        try:
            await asyncio.Event().wait()
            yield made
        finally:
            left.set()

    async def main() -> None:
        agent = house.agent(spec(open_agent))
        opening = asyncio.create_task(agent.open())
        await asyncio.to_thread(entered.wait)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await agent.close()

    house.run(main())
    assert left.is_set()
    assert agent_threads() == []


def test_at_an_agent_that_is_not_open_every_reply_fails(house: "House") -> None:
    async def main() -> None:
        agent = house.agent(per_call(System, Options))
        early = house.join(agent)
        early.start(1)
        await early.ear.over(1)
        assert str(early.ear.failed[1]) == "agent ava is not open"
        early.seat.leave()
        await agent.open()
        await agent.close()
        late = house.join(agent)
        late.start(2)
        late.seat.digits("1")
        await late.ear.over(2)
        assert isinstance(late.ear.failed[2], PluginError)
        late.seat.leave()
        assert agent.calls == 0

    house.run(main())


def test_virtual_time_refuses_an_agent_with_a_thread_of_its_own(virtual_house: "House") -> None:
    async def main() -> None:
        agent = Agent("ava", per_call(System, Options), Options(), front=asyncio.get_running_loop())
        with pytest.raises(RuntimeError, match=r"give it the loop of the test, Agent\(\.\.\., loop="):
            await agent.open()

    virtual_house.run(main())


def test_an_agent_is_opened_once(house: "House") -> None:
    async def main() -> None:
        async with house.call(System) as call:
            with pytest.raises(RuntimeError, match="agent ava was opened before"):
                await call.agent.open()

    house.run(main())
