"""What a peer that vanishes, or reads nothing, costs: neither its call nor the memory of the others."""

import asyncio
import base64
import logging
import os
import socket
import struct
from pathlib import Path

import aiohttp
import pytest

from rejoinder.testing.hearing import Frame
from rejoinder.testing.telephone import calling
from served import Serve, Served

YAML = """
server: {port: 0}
agents: {tiring: {system: tiring, begin: Hello.}}
routes: {/a: tiring}
"""

PLUGIN = """
from rejoinder import *

class TiringOptions(Options, frozen=True): pass

class Tiring(ResponseSystem[TiringOptions]):
    async def respond(self, turn):
        match turn.text:
            case "goodbye":
                yield "Goodbye."
                yield EndCall()
            case "nag":
                for _ in range(5000):
                    self.call.interrupt("Listen!")
            case "":
                while True:
                    yield "word " * 4_000
            case _:
                yield "Fine."

@hookimpl
def rejoinder_response_system():
    return per_call(Tiring, TiringOptions)
"""

REQUEST = b'{"interaction_type":"response_required","response_id":1,"transcript":[]}'


def frame(text: bytes) -> bytes:
    """A masked text frame shorter than 126 bytes (RFC 6455, section 5.2); masked with zeros."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


def upgrade(path: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    headers = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}"
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode()


class Deaf:
    """A peer that asks for something and never reads what comes."""

    def __init__(self, served: Served, request: bytes) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", served.port))
        self.socket.setblocking(False)
        self.socket.sendall(request)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


@pytest.fixture
async def served(serve: Serve, tmp_path: Path) -> Served:
    (tmp_path / "tiring.py").write_text(PLUGIN)
    return await serve(YAML, {"tiring": str(tmp_path / "tiring.py")})


async def let_it_notice(served: Served) -> None:
    """Give the host's loop its chances: it answers somebody else a while."""
    async with calling(served.ws("/a"), call_id="somebody else") as caller:
        for _ in range(50):
            await caller.ping()


def begin_messages(frames: list[Frame]) -> list[str]:
    return [frame["content"] for frame in frames if frame.get("response_id") == 0]


async def test_who_dials_again_after_a_hang_up_that_was_lost_is_not_greeted_anew(served: Served) -> None:
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        await caller.says("goodbye")
        assert (await caller.hears()).end_call
        await caller.drop()
        await let_it_notice(served)
        await caller.dial()
        await caller.says("one thing more")
        assert (await caller.hears()).text == "Fine."
        assert begin_messages(caller.frames) == ["Hello.", ""]


@pytest.mark.virtual_time
async def test_a_hang_up_whose_socket_was_lost_is_the_agents_if_nobody_dials_again(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        await caller.says("goodbye")
        await caller.hears()
        await caller.drop()
    while len(served.host.calls):  # noqa: ASYNC110  virtual time
        await asyncio.sleep(1)
    assert [getattr(record, "ended_by", None) for record in caplog.records][-1] == "agent"


@pytest.mark.both_loops
async def test_a_peer_that_resets_while_it_is_waited_for_costs_its_socket_alone(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    deaf = Deaf(served, upgrade("/a/c"))
    await deaf.send(frame(REQUEST))
    await let_it_notice(served)
    deaf.reset()
    await let_it_notice(served)
    async with calling(served.ws("/a"), call_id="c") as caller:
        caller._turn = 1  # the ids go on
        await caller.says("hello")
        assert (await caller.hears()).text == "Fine."
        assert begin_messages(caller.frames) == [""]
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.both_loops
async def test_the_log_says_how_a_socket_ended(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        await caller.drop()
        await let_it_notice(served)
        await caller.dial()
    nameless = Deaf(served, upgrade("/a/c"))
    await nameless.send(b"\x88\x80" + bytes(4))  # a close frame with nothing in it
    await let_it_notice(served)
    nameless.reset()
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.ping()
    lines = [record.getMessage() for record in caplog.records if getattr(record, "call", "") == "c"]
    ended = [line for line in lines if "dialled again" in line]
    assert [line.rpartition(" ")[2] for line in ended] == ["1006", "1000", "1005"]


async def test_orders_without_end_are_not_kept_without_end(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        await caller.says("nag")
        await let_it_notice(served)
        assert sum(frame["response_type"] == "agent_interrupt" for frame in caller.frames) < 5000
        await caller.says("hello")
        assert (await caller.hears()).text == "Fine."
    assert "orders more than the platform takes" in caplog.text


async def test_a_client_that_does_not_read_its_answer_does_not_hold_back_the_next(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'{"messages": [], "stream": true, "user_id": "c"}'
    head = b"POST /a/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    deaf = Deaf(served, head + body)
    await let_it_notice(served)
    request = {"messages": [{"role": "user", "content": "hello"}], "user_id": "c"}
    url = served.http("/a/chat/completions")
    async with asyncio.timeout(5), aiohttp.ClientSession() as session, session.post(url, json=request) as answered:
        assert (await answered.json())["choices"][0]["message"]["content"] == "Fine."
    deaf.reset()
    assert not any(record.exc_info for record in caplog.records)
