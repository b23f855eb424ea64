"""Frames that the host puts together itself: whole at every length that RFC 6455 writes down in another way."""

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rejoinder.web_socket import WebSocket, text_header

SIZES = (1, 125, 126, 300, 65_535, 65_536, 3_000_000)


async def say_them_all(request: web.Request) -> web.StreamResponse:
    socket = WebSocket(request)
    await socket.open()
    assert socket.is_clear
    socket.write([b"a" * size for size in SIZES])
    await socket.send(b"the last")
    await socket.carry(lambda _: None)
    assert not socket.is_clear
    return socket.response


@pytest.mark.failure(18)
@pytest.mark.both_loops
async def test_frames_of_every_length_arrive_whole_and_in_their_order() -> None:
    app = web.Application()
    app.router.add_get("/", say_them_all)
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.make_url("/")) as socket,
    ):
        for size in SIZES:
            assert await socket.receive_str() == "a" * size
        assert await socket.receive_str() == "the last"


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_header_of_a_frame_is_that_of_the_rfc(size: int, header: bytes) -> None:
    assert text_header(size) == header
