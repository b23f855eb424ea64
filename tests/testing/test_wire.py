"""The platform's end of a connection: the same over a socket and in memory."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rejoinder.testing.dialling import CannotDial
from rejoinder.testing.wire import ABNORMAL, GOODBYE, BinaryFrame, FarEnd, MemoryWire, SocketWire, Wire, socket_dialler

Serves = Callable[[web.WebSocketResponse], Awaitable[object]]


@pytest.fixture
async def dial() -> AsyncIterator[Callable[[Serves], Awaitable[Wire]]]:
    """A wire over TCP to a server that does as it is told with the first socket."""
    async with aiohttp.ClientSession() as session:
        servers: list[TestServer] = []

        async def dialled(serves: Serves) -> Wire:
            async def handle(request: web.Request) -> web.WebSocketResponse:
                socket = web.WebSocketResponse()
                await socket.prepare(request)
                await serves(socket)
                return socket

            application = web.Application()
            application.router.add_get("/route/call-1", handle)
            server = TestServer(application)
            servers.append(server)
            await server.start_server()
            return await socket_dialler(str(server.make_url("/route")), session)("call-1")

        yield dialled
        for server in servers:
            await server.close()


async def test_frames_go_both_ways_over_a_socket(dial: Callable[[Serves], Awaitable[Wire]]) -> None:
    async def echo(socket: web.WebSocketResponse) -> None:
        async for message in socket:
            await socket.send_str(f"heard {message.data}")

    wire = await dial(echo)
    await wire.send(b"you")
    assert await wire.receive() == b"heard you"
    assert wire.close_code is None
    await wire.close()
    assert await wire.receive() is None
    assert wire.close_code == 1000
    with pytest.raises(ConnectionError):
        await wire.send(b"gone")


async def test_a_server_that_lets_go_is_seen_in_the_code(dial: Callable[[Serves], Awaitable[Wire]]) -> None:
    async def leave(socket: web.WebSocketResponse) -> None:
        await socket.close(code=4001)

    async def vanish(socket: web.WebSocketResponse) -> None:
        transport = socket._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()

    for serves, code in ((leave, 4001), (vanish, 1006)):
        wire = await dial(serves)
        assert await wire.receive() is None
        assert wire.close_code == code


async def test_a_cancelled_receive_says_nothing_of_the_connection(dial: Callable[[Serves], Awaitable[Wire]]) -> None:
    wire = await dial(lambda socket: socket.receive())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await wire.receive()
    assert wire.close_code is None
    await wire.close()


async def test_a_lost_socket_is_lost_on_both_sides(dial: Callable[[Serves], Awaitable[Wire]]) -> None:
    seen: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def look(socket: web.WebSocketResponse) -> None:
        try:
            await socket.receive()
        finally:  # a handler whose connection is lost is cancelled
            seen.set_result(socket.close_code)

    wire = await dial(look)
    wire.abort()
    assert await wire.receive() is None
    assert wire.close_code == 1006
    assert await seen in (None, 1006)


async def test_a_binary_frame_is_told_apart(dial: Callable[[Serves], Awaitable[Wire]]) -> None:
    wire = await dial(lambda socket: socket.send_bytes(b"\x00\x01"))
    with pytest.raises(BinaryFrame, match="2 bytes"):
        await wire.receive()
    await wire.close()


@pytest.mark.virtual_time
async def test_a_server_that_talks_on_and_never_says_goodbye_is_left(dial: Callable[[Serves], Awaitable[Wire]]) -> None:
    async def talk_on(socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await socket.send_str("still here")
                await asyncio.sleep(1)

    wire = await dial(talk_on)
    async with asyncio.timeout(GOODBYE + 1):
        await wire.close()
    assert wire.close_code == ABNORMAL


async def test_what_is_no_url_is_refused_before_a_call() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(CannotDial, match="malformed"):
            socket_dialler("localhost:8080", session)


# In memory.


async def test_frames_go_both_ways_in_memory() -> None:
    wire = MemoryWire()
    await wire.send(b"hello")
    assert await wire.far.receive() == b"hello"
    await wire.far.send(b"one")
    wire.far.write([b"two", b"three"])
    assert [await wire.receive() for _ in range(3)] == [b"one", b"two", b"three"]


async def test_a_goodbye_in_memory_comes_after_what_was_said_before() -> None:
    wire = MemoryWire()
    await wire.send(b"last")
    await wire.close()
    assert [await wire.far.receive(), await wire.far.receive()] == [b"last", None]
    assert (wire.close_code, wire.far.close_code, wire.far.is_clear) == (1000, 1000, False)
    for send in (wire.send, wire.far.send):
        with pytest.raises(ConnectionError):
            await send(b"late")


async def test_what_a_host_wrote_before_it_dropped_the_wire_can_be_read() -> None:
    wire = MemoryWire()
    await wire.far.send(b"last")
    wire.far.abort()
    assert wire.close_code is None
    assert [await wire.receive(), await wire.receive()] == [b"last", None]
    assert wire.close_code == 1006


async def test_a_wire_that_the_platform_lost_brings_it_nothing_more() -> None:
    wire = MemoryWire()
    await wire.far.send(b"unread")
    wire.abort()
    assert (await wire.receive(), wire.close_code) == (None, 1006)
    assert (await wire.far.receive(), wire.far.close_code) == (None, 1006)
    await wire.close()
    assert wire.close_code == 1006


async def test_a_host_waits_for_a_platform_that_reads_slowly() -> None:
    wire = MemoryWire(room=8)
    wire.far.write([b"12345", b"67890"])
    assert not wire.far.is_clear
    waiting = asyncio.create_task(wire.far.send(b"more"))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await wire.receive() == b"12345"
    await waiting
    assert [await wire.receive(), await wire.receive()] == [b"67890", b"more"]


async def test_a_send_that_waits_is_told_of_the_end() -> None:
    wire = MemoryWire(room=1)
    await wire.send(b"12")
    waiting = asyncio.create_task(wire.send(b"3"))
    await asyncio.sleep(0)
    wire.far.abort()
    with pytest.raises(ConnectionError):
        await waiting


def _watched(wire: MemoryWire, complaints: list[str]) -> FarEnd:
    wire.far.watch(lambda: 5.0, complaints.append, waits=False)
    return wire.far


@pytest.mark.virtual_time
async def test_a_platform_that_falls_silent_in_memory_is_given_up_as_over_a_socket() -> None:
    complaints: list[str] = []
    wire = MemoryWire()
    far = _watched(wire, complaints)
    await wire.send(b"hello")
    assert await far.receive() == b"hello"
    assert await far.receive() is None
    assert (far.close_code, len(complaints)) == (1006, 1)
    far.end()


@pytest.mark.virtual_time
async def test_a_platform_that_reads_nothing_is_given_up_too() -> None:
    complaints: list[str] = []
    wire = MemoryWire(room=1)
    far = wire.far
    far.watch(lambda: None, complaints.append, waits=True)
    await far.send(b"12")
    with pytest.raises(ConnectionError):
        await far.send(b"3")
    assert complaints == ["the socket was given up: the platform has taken nothing for 10 s"]
    far.end()


def test_both_are_wires() -> None:
    kinds: list[Callable[..., Wire]] = [SocketWire, MemoryWire]
    assert all(kinds)


async def test_a_call_is_not_led_elsewhere_though_somebody_would_take_it_there() -> None:
    async def leads_on(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"/secret/{request.match_info['id']}")

    left = asyncio.Event()

    async def takes(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        try:
            await socket.receive()
        finally:
            left.set()
        return socket

    app = web.Application()
    app.router.add_get("/old/{id}", leads_on)
    app.router.add_get("/secret/{id}", takes)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        with pytest.raises(CannotDial) as refused:
            await socket_dialler(f"ws://127.0.0.1:{server.port}/old", session)("call-1")
        async with asyncio.timeout(5):
            await left.wait()
    told = r"ws://127.0.0.1:\d+ sends us on to another path of its own \(HTTP 302\), and a platform need not follow"
    assert re.fullmatch(told, str(refused.value))
    assert refused.value.status == 302


async def test_a_host_that_has_dropped_a_wire_hears_nothing_that_came_before() -> None:
    wire = MemoryWire()
    heard: list[bytes | str] = []
    await wire.send(b"hello")
    wire.far.close(1000)  # by the platform, before the host has read
    wire.far.abort()
    await wire.far.carry(heard.append)
    assert heard == []
