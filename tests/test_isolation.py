"""A plugin that holds its agent's thread holds nobody else's: order, not time. (How long others wait: tests/benchmarks.)"""

import asyncio
import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from rejoinder.cli.process import SWITCH_INTERVAL
from rejoinder.testing.telephone import Caller, calling
from served import Serve, Served

NEIGHBOURS = 30

YAML = """
server: {port: 0}
agents:
  good: {system: echo, begin: ""}
  bad: {system: holding, begin: ""}
routes: {/good: good, /bad: bad}
"""

#: `gate` and `held` are found by the test in the module, which runs in the same process.
PLUGIN = """
import asyncio, threading
from rejoinder import *

gate, held = threading.Event(), threading.Event()

class Holding(ResponseSystem[Options]):
    async def respond(self, turn):
        match turn.text:
            case "block":
                held.set()
                gate.wait()
            case "spin":
                held.set()
                while not gate.is_set():
                    pass
            case "never yield":
                while not gate.is_set():
                    held.set()
                    await asyncio.sleep(0)
            case "leak":
                self.leaked = [asyncio.create_task(self.spin()) for _ in range(1000)]
                held.set()
                while not gate.is_set():
                    await asyncio.sleep(0)
        yield "At last."

    async def spin(self):
        while not gate.is_set():
            await asyncio.sleep(0)

@hookimpl
def rejoinder_response_system():
    return per_call(Holding, Options)
"""


class Hold:
    """The plugin's side of a hold, as the test sees it."""

    def __init__(self) -> None:
        module = sys.modules["rejoinder_file_holding"]
        self.gate: threading.Event = module.gate
        self.held: threading.Event = module.held


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads change places as often as in `rejoinder serve`."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
async def served(serve: Serve, tmp_path: Path, switching: None) -> AsyncIterator[Served]:
    plugin = tmp_path / "holding.py"
    plugin.write_text(PLUGIN)
    served = await serve(YAML, {"holding": str(plugin)}, own_loop=True)
    yield served
    Hold().gate.set()


@asynccontextmanager
async def neighbours(served: Served) -> AsyncIterator[list[Caller]]:
    """Calls of the other agent, all of them greeted."""
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(calling(served.ws("/good"))) for _ in range(NEIGHBOURS)]
        for caller in callers:
            await caller.hears()
        yield callers


@pytest.mark.failure(1)
@pytest.mark.failure(2)
@pytest.mark.parametrize("harm", ["block", "spin", "never yield", "leak"])
async def test_thirty_calls_are_answered_and_pinged_while_another_agents_thread_is_held(served: Served, harm: str) -> None:
    async with neighbours(served) as callers, calling(served.ws("/bad")) as bad:
        await bad.hears()
        await bad.says(harm)
        hold = Hold()
        await asyncio.to_thread(hold.held.wait)
        for caller in callers:
            await caller.says("hello")
        for caller in callers:
            await caller.ping()
            assert (await caller.hears()).text.endswith("hello")
        await bad.ping()  # its own socket is the front's too
        assert "At last." not in bad.now.text
        hold.gate.set()
        assert (await bad.hears()).text.endswith("At last.")  # perhaps behind a filler


async def test_a_call_opens_and_ends_while_another_agents_thread_is_held(served: Served) -> None:
    async with calling(served.ws("/bad")) as bad:
        await bad.hears()
        await bad.says("block")
        hold = Hold()
        await asyncio.to_thread(hold.held.wait)
        async with calling(served.ws("/good")) as caller:
            await caller.hears()
            await caller.says("hello")
            assert (await caller.hears()).text.endswith("hello")
        assert "At last." not in bad.now.text


@pytest.mark.failure(2)
async def test_who_holds_its_thread_is_named_while_it_does(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    async with neighbours(served) as callers, calling(served.ws("/bad"), call_id="call-1") as bad:
        await bad.hears()
        await bad.says("block")
        while "is held" not in caplog.text:
            await asyncio.gather(*(caller.ping() for caller in callers))
        assert "At last." not in bad.now.text
        Hold().gate.set()
        await bad.hears()
    named = (
        r"the loop of agent bad \(\S*holding\.py\) is held, in reply \d+ of call call-1 at agent bad, at \S*holding\.py:\d+ "
    )
    assert re.search(named, caplog.text)
    assert served.host.watchdog.holds == {"bad": 1}
