"""What simulated calls are dialled over."""

import asyncio
from contextlib import suppress

import pytest

from rejoinder.simulator.playing.placing import ModelAPI
from rejoinder.simulator.playing.target import Network, Remote
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.testing.dialling import HANDSHAKE, CannotDial


async def test_more_calls_than_a_browser_would_open_are_dialled_at_once() -> None:
    come: list[asyncio.StreamWriter] = []
    all_there = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        come.append(writer)
        if len(come) == 120:
            all_there.set()
        await reader.read()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    target = Remote(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/echo")
    async with target.open() as switchboard:
        dial = switchboard.line(target.routes_of(Scenario("a call"))[0])
        assert not isinstance(dial, ModelAPI)
        tasks = [asyncio.ensure_future(dial(f"call-{number}")) for number in range(120)]
        async with asyncio.timeout(HANDSHAKE - 1):  # later, those that hang would make room
            await all_there.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for writer in come:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    server.close()


def test_a_route_that_is_not_there_is_told() -> None:
    with pytest.raises(CannotDial, match="there is no route /nope"):
        Network({}).line("/nope")
