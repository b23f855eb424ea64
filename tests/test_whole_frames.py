"""Frames that the host puts together itself: whole at every length that RFC 6455 writes down in another way."""

import aiohttp
import pytest

from rejoinder.sockets import text_header
from served import Serve

YAML = """
server: {port: 0}
agents: {parrot: {system: echo, begin: "", options: {prefix: ""}}}
routes: {/a: parrot}
"""


@pytest.mark.both_loops
@pytest.mark.parametrize("size", [1, 125, 126, 300, 65_400, 65_535, 65_536, 200_000])
async def test_a_reply_of_any_length_arrives_whole(serve: Serve, size: int) -> None:
    served = await serve(YAML, {})
    request = {
        "interaction_type": "response_required",
        "response_id": 1,
        "transcript": [{"role": "user", "content": "ä" * size}],
    }
    async with aiohttp.ClientSession() as session, session.ws_connect(served.ws("/a/c")) as socket:
        await socket.send_json(request)
        said = ""
        while not (frame := await socket.receive_json()).get("content_complete") or frame["response_id"] != 1:
            said += frame["content"] if frame.get("response_id") == 1 else ""
        assert said + frame["content"] == "ä" * size


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
