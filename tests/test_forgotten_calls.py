"""Nothing of a call is left once it has ended: Python's collector need not come by, which may take a thousand calls."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from rejoinder.http_socket import HttpSocket
from rejoinder.session import Session
from rejoinder.speaker import Speaker
from rejoinder.testing.telephone import Caller, calling
from rejoinder.visit import Visit
from rejoinder.web_socket import WebSocket
from served import Serve, Served

OF_A_CALL = (Session, Visit, Speaker, WebSocket, HttpSocket)

YAML = """
server: {port: 0}
agents:
  parrot: {system: echo, begin: Hello., options: {prefix: "", by_word: true}}
  leaving: {system: rules, begin: Hello., options: {rules: [{when: bye, say: Goodbye., end_call: true}], default: What?}}
  slow: {system: echo, begin: Hello., options: {prefix: "", by_word: true, pause: 5}}
routes:
  /parrot: {agent: parrot, platforms: [retell, chat]}
  /slow: slow
  /leaving: leaving
"""


@pytest.fixture
async def served(serve: Serve) -> Served:
    return await serve(YAML, own_loop=True)


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Nor what other tests have left behind, which is not looked at once it is frozen."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


def left() -> list[str]:
    """What there still is of this test's calls, by the names of its types."""
    return [type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, OF_A_CALL)]


@asynccontextmanager
async def call_on(served: Served, route: str) -> AsyncIterator[Caller]:
    """A call that has heard its first words; at the end it is let go of as by a server that stops."""
    async with calling(served.ws(route)) as caller:
        await caller.hears()
        yield caller
        await served.host.calls.close()


async def forgotten() -> None:
    """Give the agents' threads and the sockets their time to go; nothing may be there then."""
    for _ in range(500):
        if not left():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"still there: {left()}")


async def test_of_a_call_that_was_answered(served: Served) -> None:
    async with call_on(served, "/parrot") as caller:
        await caller.says("one two")
        await caller.hears()
        assert {"Session", "Visit", "WebSocket"} <= set(left())
    del caller
    await forgotten()


async def test_of_a_call_whose_agent_was_interrupted(served: Served) -> None:
    async with call_on(served, "/slow") as caller:
        await caller.says("one two")
        await anext(caller.chunks())
        await caller.says("three")
        await caller.hears()
    await forgotten()


async def test_of_replies_that_were_cancelled_before_their_first_step(served: Served) -> None:
    async with call_on(served, "/slow") as caller:
        for number in range(1, 20):
            await caller.send({"interaction_type": "response_required", "response_id": number, "transcript": []})
        await caller.ping()
    await forgotten()


async def test_of_a_call_that_dialled_again(served: Served) -> None:
    async with call_on(served, "/parrot") as caller:
        await caller.drop()
        await caller.dial()
        await caller.says("one")
        await caller.hears()
    await forgotten()


async def test_of_a_call_that_the_agent_ended(served: Served) -> None:
    async with calling(served.ws("/leaving")) as caller:
        await caller.hears()
        await caller.says("bye")
        await caller.hears()
    await forgotten()


async def test_of_a_completion(served: Served) -> None:
    asked = {"messages": [{"role": "user", "content": "one two"}], "stream": True}
    async with aiohttp.ClientSession() as client, client.post(served.http("/parrot/chat/completions"), json=asked) as answer:
        assert "two" in await answer.text()
    await served.host.calls.close()
    await forgotten()
