"""The fake model: what it does to its client, and what it sees of it."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from rejoinder.testing import FakeLLM, Step

pytestmark = pytest.mark.virtual_time


class Client:
    """One that asks and reads what comes, event by event."""

    def __init__(self, session: aiohttp.ClientSession, model: FakeLLM) -> None:
        self._session = session
        self._url = f"{model.base_url}/chat/completions"

    def asks(self) -> "aiohttp.client._RequestContextManager":
        return self._session.post(self._url, json={"messages": [{"role": "user", "content": "Hello?"}], "stream": True})

    async def hears(self) -> list[str]:
        """The events, each with the second at which it came before it."""
        now = asyncio.get_running_loop().time
        async with self.asks() as answer:
            return [f"{now():g} {line.decode().strip()}" async for line in answer.content if line.strip()]


@pytest.fixture
async def model() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as model:
        yield model


@pytest.fixture
async def client(model: FakeLLM) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, model)


async def test_streams_its_texts_with_pauses_between_them(model: FakeLLM, client: Client) -> None:
    model.will_say("Well. ", 3.0, "Yes.")
    events = await client.hears()
    assert [event.partition(" ")[0] for event in events if '"content": "' in event and '""' not in event] == ["0", "3"]
    assert events[-1] == "3 data: [DONE]"
    assert (len(model.requests), model.aborted) == (1, 0)


async def test_refuses(model: FakeLLM, client: Client) -> None:
    model.will_refuse(429, headers={"Retry-After": "1"})
    async with client.asks() as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")


@pytest.mark.parametrize("said", [(), ("Well",)])
async def test_cuts_the_connection(model: FakeLLM, client: Client, said: tuple[str, ...]) -> None:
    model.will_say(*said, then=Step.CUT)
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.hears()
    model.will_do(Step.CUT)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.hears()
    assert model.aborted == 0


@pytest.mark.parametrize("pieces", [("Well", 60.0, "Yes."), ("Well", Step.STALL)])
async def test_counts_who_leaves_while_it_pauses_or_stalls(
    model: FakeLLM, client: Client, pieces: tuple[str | float | Step, ...]
) -> None:
    texts = [piece for piece in pieces if not isinstance(piece, Step)]
    model.will_say(*texts, then=Step.STALL if Step.STALL in pieces else None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10):
            await client.hears()
    await model.until(requests=1, aborted=1)
    assert model.aborted == 1
