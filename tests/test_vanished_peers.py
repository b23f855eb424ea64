"""Peers that vanish, say nothing or take nothing: each is given up in time, and a call waits for its platform to dial again."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from rejoinder.arrivals import HANDSHAKE, MOST_WAITING
from rejoinder.lifeline import FIRST_WORD, SLOWEST_SEND
from rejoinder.protocols.retell import KEEPALIVE_LOST
from rejoinder.testing.telephone import NotHeard, calling
from rejoinder.testing.wire import SocketWire
from rejoinder.web_socket import LARGE_FRAME
from served import Serve, Served

pytestmark = pytest.mark.virtual_time

YAML = """
server: {port: 0}
agents: {a: {system: acting, options: {act: endless}, late: {longest: 10m}}, dummy: {system: dummy}}
routes: {/a: {agent: a, platforms: [retell, chat]}, /dummy: dummy}
"""


@pytest.fixture
async def served(serve: Serve) -> Served:
    return await serve(YAML)


@pytest.fixture
async def outside() -> AsyncIterator[aiohttp.ClientSession]:
    """A client on another machine: its requests come through a proxy."""
    async with aiohttp.ClientSession(headers={"X-Forwarded-For": "100.20.5.228"}) as session:
        yield session


def narrow(served: Served) -> None:
    """Let the system keep little of what a connection has not taken, so that no test must fill megabytes."""
    assert served.host._runner is not None
    for site in served.host._runner.sites:
        for listening in getattr(site._server, "sockets", ()):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


def told(caplog: pytest.LogCaptureFixture, words: str) -> int:
    return sum(words in record.getMessage() for record in caplog.records)


async def test_a_socket_that_never_says_anything_is_dropped(
    served: Served, outside: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    dialled = loop.time()
    async with calling(served.ws("/dummy"), details=None, session=outside) as silent, calling(served.ws("/dummy")) as other:
        assert await silent.closed(within=100) == 1006
        assert loop.time() - dialled == pytest.approx(FIRST_WORD, abs=0.5)
        await other.ping()
    assert told(caplog, "the socket was given up: the platform has said nothing for 30 s since it dialled") == 1


async def test_a_platform_that_stops_pinging_is_dropped_and_its_call_waits(
    served: Served, outside: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    async with calling(served.ws("/dummy"), call_id="c", session=outside) as caller:
        await caller.hears()
        for _ in range(60):
            await caller.ping()
            await asyncio.sleep(2)
        last = loop.time() - 2
        assert await caller.closed(within=100) == 1006
        assert loop.time() - last == pytest.approx(KEEPALIVE_LOST, abs=0.5)
        await caller.dial()
        await caller.ping()
        await caller.says("hi")
        assert (await caller.hears()).text == "I am sorry, can you say that again?"
        assert len(served.host.calls) == 1
    assert told(caplog, "although it had kept the socket alive") == 1


async def test_who_tries_by_hand_on_this_machine_may_say_nothing_for_long(served: Served) -> None:
    async with calling(served.ws("/dummy"), details=None) as silent, calling(served.ws("/dummy")) as pinged:
        await pinged.ping()
        await asyncio.sleep(1000)
        await silent.ping()
        await pinged.ping()


@pytest.mark.failure(18)
async def test_a_platform_that_takes_nothing_is_dropped(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    narrow(served)
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        assert isinstance(caller._wire, SocketWire)
        connection = caller._wire._socket._response.connection
        assert connection is not None
        assert connection.transport is not None
        connection.transport.pause_reading()
        for _ in range(20):
            await caller.says("go")
            await asyncio.sleep(0.01)
        asked = loop.time()
        while not told(caplog, "has taken nothing"):  # noqa: ASYNC110  virtual time
            await asyncio.sleep(0.1)
        assert loop.time() - asked < 2 * SLOWEST_SEND
        assert len(served.host.calls) == 1
        await caller.drop()
    assert told(caplog, "the socket was given up: the platform has taken nothing for 10 s") == 1


async def test_a_client_that_takes_nothing_of_an_answer_is_given_up(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "go"}], "stream": True, "user_id": "c"}).encode()
    narrow(served)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", served.port))
        deaf.sendall(b"POST /a/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        while not told(caplog, "has taken nothing"):  # noqa: ASYNC110  virtual time
            await asyncio.sleep(1)
        while not served.host.calls.waiting:  # noqa: ASYNC110  of the loop's chances
            await asyncio.sleep(0)
    assert told(caplog, "the request was given up: the platform has taken nothing for 10 s") == 1


async def test_connections_that_ask_for_nothing_are_closed_and_callers_are_not(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    async with calling(served.ws("/dummy")) as caller:
        await caller.hears()
        halves = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(100)]
        for _, writer in halves[:50]:
            writer.write(b"GET /dummy/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")
        opened = loop.time()
        for reader, writer in halves:
            assert await reader.read() == b""
            writer.close()
        assert HANDSHAKE <= loop.time() - opened <= HANDSHAKE + 2
        await caller.ping()
    assert told(caplog, "connections that asked for nothing were closed: 100") == 1


async def test_of_too_many_the_oldest_go_at_once(served: Served) -> None:
    loop = asyncio.get_running_loop()
    crowd = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(MOST_WAITING + 30)]
    opened = loop.time()
    for reader, _ in crowd[:30]:
        assert await reader.read() == b""
    assert loop.time() - opened <= 2
    for _, writer in crowd:
        writer.close()


async def test_a_body_that_does_not_come_is_waited_for_only_so_long(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"POST /a/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    writer.close()


@pytest.mark.failure(20)
async def test_a_large_frame_is_told_once_a_call(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with calling(served.ws("/dummy"), call_id="c") as caller:
        await caller.hears()
        for _ in range(2):
            await caller.send({"interaction_type": "update_only", "transcript": [], "x": "x" * LARGE_FRAME})
            await caller.ping()
        await caller.drop()
        await caller.dial()
        await caller.send({"interaction_type": "update_only", "transcript": [], "x": "x" * LARGE_FRAME})
        await caller.ping()
    assert told(caplog, "a frame of more than 8 MiB came; one of 16 closes the socket") == 1


@pytest.mark.failure(20)
async def test_a_frame_that_is_too_large_costs_the_socket_and_not_the_call(served: Served) -> None:
    async with calling(served.ws("/dummy"), call_id="c") as caller, calling(served.ws("/dummy")) as other:
        await caller.hears()
        with contextlib.suppress(NotHeard):  # it may be closed while it still sends
            await caller.send("x" * (2 * LARGE_FRAME + 1))
        assert await caller.closed() in (1009, 1006)
        await caller.dial()
        await caller.ping()
        await other.ping()
        assert len(served.host.calls) == 2
