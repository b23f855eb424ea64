"""Connections that break off, break the rules of HTTP and WebSocket or bring too much: each is let go, its call with it."""

import asyncio
import contextlib
import logging
import socket
import struct

import aiohttp
import pytest

from asking import FIRST, GIVEN_UP, answers, warned
from rejoinder.testing.telephone import calling
from rejoinder.web_socket import MAX_FRAME
from served import Served

pytestmark = pytest.mark.virtual_time


async def opened(served: Served, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A socket of a call, without a library that would keep the rules."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(upgrade(path))
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def upgrade(path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


async def closed_with(reader: asyncio.StreamReader) -> int:
    """The code of the close frame that comes after whatever else."""
    while True:
        kind, size = await reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2))
        payload = await reader.readexactly(size)
        if kind == 0x88:
            return int.from_bytes(payload[:2])


def large(first: int, size: int) -> bytes:
    """The head of a long frame from a client; its mask of zeros leaves the bytes as they are."""
    return bytes((first, 0xFF)) + size.to_bytes(8) + bytes(4)


@pytest.mark.failure(20)
async def test_a_frame_of_20_mb_is_closed_with_1009_before_it_has_come(served: Served) -> None:
    reader, writer = await opened(served, "/echo/c")
    writer.write(large(0x81, 20_000_000) + b"x" * 1000)
    assert await closed_with(reader) == 1009
    writer.close()
    async with calling(served.ws("/echo"), call_id="c") as again:
        await answers(again, FIRST)
        assert len(served.host.calls) == 2


@pytest.mark.failure(20)
async def test_20_mb_in_pieces_are_closed_with_1009(served: Served) -> None:
    reader, writer = await opened(served, "/echo/c")
    piece = 2**20
    with contextlib.suppress(ConnectionError):
        for at in range(MAX_FRAME // piece + 2):
            writer.write(large(0x01 if at == 0 else 0x00, piece) + b"x" * piece)
            await writer.drain()
    assert await closed_with(reader) == 1009
    writer.close()


HALVES: dict[str, bytes] = {
    "nothing": b"",
    "a letter": b"G",
    "a line": b"GET /echo/x HTTP/1.1\r\n",
    "half an upgrade": upgrade("/echo/x")[:-30],
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a wrong version": b"GET / HTTP/7.x\r\n\r\n",
    "a wrong header": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "a wrong length": b"POST /echo/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "wrong chunks": b"POST /echo/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "a long line": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "a path that is no text": b"GET /echo/%ff%00%zz\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path with the end of a line": b"GET /%0d%0a%1b HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
    "an address that is none": b"GET http://x:99999/echo HTTP/1.1\r\nHost: x\r\n\r\n",
    "a host that is none": b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "a proxy that knows nothing": b"GET /no HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: \xff, [, 1.2.3.4.5\r\n\r\n",
    "a tunnel": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    "an order of nobody": b"POST /admin/reload HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 9\r\n\r\n{",
    "a key that is no text": b"GET /echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    "a webhook to nobody": b"POST /webhooks/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{",
    "an upgrade without a key": b"GET /echo/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "an upgrade": upgrade("/echo/x"),
    "half a frame": upgrade("/echo/x") + large(0x81, 70_000) + b"x",
    "a frame without a mask": upgrade("/echo/x") + b"\x81\x02{}",
    "a frame of no kind": upgrade("/echo/x") + b"\x83\x82" + bytes(4) + b"{}",
    "a frame with reserved bits": upgrade("/echo/x") + b"\xf1\x82" + bytes(4) + b"{}",
    "a continuation of nothing": upgrade("/echo/x") + b"\x80\x82" + bytes(4) + b"{}",
    "a long ping": upgrade("/echo/x") + b"\x89\xfe\x00\xff" + bytes(4 + 255),
    "a close code that is none": upgrade("/echo/x") + b"\x88\x82" + bytes(4) + b"\x00\x01",
    "a close frame of one byte": upgrade("/echo/x") + b"\x88\x81" + bytes(4) + b"\x00",
}


def reset(connection: socket.socket) -> None:
    """End a connection without a goodbye: the other side is told that it is no more."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("what", HALVES)
async def test_connections_that_break_off_or_break_rules_are_let_go(
    served: Served, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Reset, closed or left open: twenty of each."""
    connections = []
    for number in range(60):
        connection = socket.create_connection(("127.0.0.1", served.port))
        connection.sendall(HALVES[what].replace(b"/echo/x", b"/echo/x%d" % number))
        connections.append(connection)
        await asyncio.sleep(0)
    for connection in connections[:20]:
        reset(connection)
    for connection in connections[20:40]:
        connection.close()
    await asyncio.sleep(GIVEN_UP)
    for connection in connections[40:]:
        connection.close()
    told = [record for record in caplog.records if record.levelno >= logging.WARNING and not hasattr(record, "call")]
    assert len(told) <= 3, "the same thing is told again and again"


async def test_a_hundred_calls_that_say_nothing_are_dropped_and_told_once_each(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        aiohttp.ClientSession(headers={"X-Forwarded-For": "100.20.5.228"}) as outside,
        contextlib.AsyncExitStack() as stack,
    ):
        silent = [
            await stack.enter_async_context(calling(served.ws("/echo"), call_id=f"s{number}", details=None, session=outside))
            for number in range(100)
        ]
        async with calling(served.ws("/echo")) as other:
            await answers(other, 1)
        assert {await one.closed(within=200) for one in silent} == {1006}
    await asyncio.sleep(GIVEN_UP)
    told = warned(caplog.records)
    assert {told[f"s{number}"] for number in range(100)} == {2}, "given up, and lost since nobody dialled again"
