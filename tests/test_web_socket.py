"""A platform's WebSocket, frame by frame over a bare connection: RFC 6455 as far as it shows to a call."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rejoinder.web_socket import WebSocket

pytestmark = pytest.mark.both_loops

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
TEXT, REST, CLOSE, PING, PONG = 0x1, 0x0, 0x8, 0x9, 0xA


def frame(kind: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """As a client sends it, masked with zeros."""
    assert len(payload) < 126
    return bytes((kind | (0x80 if final else 0), 0x80 | len(payload))) + bytes(4) + payload


class Peer:
    """The other end of the connection, and what became of the socket at this one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.heard: list[bytes | str] = []
        self.answer = b""
        self.socket: WebSocket | None = None
        self.raised: BaseException | None = None
        self.over = asyncio.Event()

    async def frame(self) -> tuple[int, bytes]:
        head = await self.reader.readexactly(2)
        return head[0] & 0xF, await self.reader.readexactly(head[1])


@asynccontextmanager
async def carried(*, first: bytes = b"", act: Callable[[WebSocket, bytes | str], None] | None = None) -> AsyncIterator[Peer]:
    """A connection that is carried; `first` comes in one packet with its handshake, `act` is done with each frame."""
    peers: list[Peer] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        peer, socket = peers[0], WebSocket(request)
        peer.socket = socket
        await socket.open()

        def hear(heard: bytes | str) -> None:
            peer.heard.append(heard)
            if act is not None:
                act(socket, heard)
            socket.write([b"heard"])

        try:
            await socket.carry(hear)
        except RuntimeError as error:
            peer.raised = error
        finally:
            socket.end()
            peer.over.set()
        return socket.response

    app = web.Application()
    app.router.add_get("/", handler)
    async with asyncio.timeout(20), TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        peers.append(peer := Peer(reader, writer))
        writer.write(HANDSHAKE + first)
        peer.answer = await reader.readuntil(b"\r\n\r\n")
        yield peer
        writer.close()


@pytest.mark.failure(18)
async def test_the_handshake_is_that_of_the_rfc_and_takes_up_no_extension() -> None:
    async with carried() as peer:
        head = peer.answer.lower()
        assert head.startswith(b"http/1.1 101 ")
        assert b"\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n" in head  # the RFC's own example, section 1.3
        assert b"extensions" not in head


async def test_what_comes_in_one_packet_with_the_handshake_is_heard() -> None:
    async with carried(first=frame(TEXT, b"early")) as peer:
        assert await peer.frame() == (TEXT, b"heard")
        assert peer.heard == [b"early"]


async def test_a_message_in_pieces_is_one_and_a_ping_between_them_is_answered_first() -> None:
    async with carried() as peer:
        peer.writer.write(frame(TEXT, b"a ", final=False) + frame(PING, b"alive?") + frame(REST, b"message"))
        assert [await peer.frame(), await peer.frame()] == [(PONG, b"alive?"), (TEXT, b"heard")]
        assert peer.heard == [b"a message"]


@pytest.mark.parametrize(
    ("payload", "code"), [(b"\x03\xe8", 1000), (b"\x0f\xa1so", 4001), (b"", 1005)], ids=["1000", "4001", "none"]
)
async def test_a_goodbye_is_answered_with_its_code_and_ends_the_connection(payload: bytes, code: int) -> None:
    async with carried() as peer:
        peer.writer.write(frame(CLOSE, payload) + frame(TEXT, b"too late"))
        assert await peer.frame() == (CLOSE, payload[:2])
        assert await peer.reader.read() == b""
        await peer.over.wait()
        assert peer.socket is not None
        assert (peer.socket.close_code, peer.heard) == (code, [])


@pytest.mark.failure(20)
async def test_what_is_no_frame_is_told_so_and_nothing_behind_it_is_heard() -> None:
    async with carried() as peer:
        peer.writer.write(b"\xf1\x80" + bytes(4) + frame(TEXT, b"behind it"))
        assert await peer.frame() == (CLOSE, (1002).to_bytes(2))
        peer.writer.write(frame(TEXT, b"later"))
        peer.writer.close()
        await peer.over.wait()
        assert peer.heard == []


async def test_a_connection_that_ends_without_a_goodbye_is_1006() -> None:
    async with carried() as peer:
        peer.writer.write(frame(TEXT, b"half")[:-2])
        peer.writer.write_eof()
        await peer.over.wait()
        assert peer.socket is not None
        assert (peer.socket.close_code, peer.socket.is_clear) == (1006, False)


async def test_who_says_goodbye_can_still_read_all_that_was_said_before() -> None:
    many, size = 200, 60_000

    def say_much(socket: WebSocket, _: bytes | str) -> None:
        socket.write([b"x" * size] * many)

    async with carried(act=say_much) as peer:
        peer.writer.write(frame(TEXT, b"go on") + frame(CLOSE, b"\x03\xe8"))
        await peer.over.wait()
        read = await peer.reader.read(-1)
        assert len(read) == many * (4 + size) + len(b"\x81\x05heard") + 4
        assert read.endswith(b"heard\x88\x02\x03\xe8")


async def test_a_key_that_is_no_text_is_refused() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await (socket := WebSocket(request)).open()
        return socket.response

    app = web.Application()
    app.router.add_get("/", handler)
    async with asyncio.timeout(20), TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(HANDSHAKE.replace(b"dGhl", "dGhé".encode()))
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_after_an_abort_nothing_more_is_heard() -> None:
    async with carried(act=lambda socket, _: socket.abort()) as peer:
        peer.writer.write(frame(TEXT, b"one") + frame(TEXT, b"two"))
        await peer.over.wait()
        assert peer.heard == [b"one"]


async def test_a_socket_that_has_ended_is_freed_without_the_collector() -> None:
    async with carried() as peer:
        peer.writer.write(frame(CLOSE, b"\x03\xe8"))
        await peer.over.wait()
        assert peer.socket is not None
        assert not [one for one in gc.get_referrers(peer.socket) if type(one).__name__ == "_Inbox"]


@pytest.mark.failure(21)
@pytest.mark.parametrize("fault", [RuntimeError("planned"), StopIteration("planned")], ids=["error", "end of an iterator"])
async def test_a_fault_of_ours_drops_the_connection_and_is_raised_where_it_is_carried(fault: Exception) -> None:
    def fail(_: WebSocket, heard: bytes | str) -> None:
        raise fault

    async with carried(act=fail) as peer:
        peer.writer.write(frame(TEXT, b"one") + frame(TEXT, b"two"))
        await peer.over.wait()
        assert peer.raised is not None
        assert peer.heard == [b"one"]
