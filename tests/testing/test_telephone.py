"""The platform's side of a call, against the real host."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rejoinder.dialogue import Utterance
from rejoinder.testing.dialling import call_url
from rejoinder.testing.telephone import CannotDial, NotHeard, calling
from served import Serve, Served

YAML = """
agents:
  dummy: {system: dummy}
  parrot: {system: echo, options: {by_word: true}}
  polite: {system: acting}
  waiting: {system: acting, options: {act: waiting}}
  greeting: {system: acting, options: {act: greeting}}
  ending: {system: acting, options: {act: ending}}
  interrupting: {system: acting, options: {act: interrupting}}
routes: {/dummy: dummy, /parrot: parrot, /polite: polite, /waiting: waiting, /greeting: greeting, /ending: ending,
         /interrupting: interrupting}
"""


@pytest.fixture
async def url(serve) -> str:  # type: ignore[no-untyped-def]  # the fixture's type is in another conftest
    served = await serve(YAML)
    return str(served.ws(""))


async def test_a_call_is_greeted_answered_reminded_and_hung_up(url: str) -> None:
    async with calling(f"{url}/dummy") as caller:
        assert (await caller.hears()).text == "How may I help you?"
        assert await caller.says("Hello") == 1
        assert (await caller.hears()).text == "I am sorry, can you say that again?"
        assert await caller.is_silent() == 2
        assert (await caller.hears()).turn == 2
        assert caller.close_code is None
    assert caller.close_code == 1000
    assert caller.unheard == []
    assert [said.role for said in caller.transcript] == ["agent", "user", "agent", "agent"]


async def test_chunks_come_one_by_one(url: str) -> None:
    async with calling(f"{url}/parrot") as caller:
        await caller.hears()
        await caller.says("one two")
        assert [chunk async for chunk in caller.chunks()] == ["You ", "said: ", "one ", "two"]


async def test_who_asks_for_details_is_given_them(url: str) -> None:
    details = {"from_number": "+442079460001", "to_number": "+442079460000", "direction": "inbound", "call_type": "phone_call"}
    async with calling(f"{url}/greeting", details={**details, "retell_llm_dynamic_variables": {"name": "Ann"}}) as caller:
        assert (await caller.hears()).text == "Hello Ann on +442079460001."
        assert caller.config["call_details"] is True


async def test_a_barge_in_leaves_what_was_heard_in_the_transcript(url: str) -> None:
    async with calling(f"{url}/waiting") as caller:
        await caller.hears()
        await caller.says("Go on")
        assert await anext(aiter(caller.chunks())) == "First."
        await caller.says("Stop")
        assert caller.transcript[1:] == (Utterance("user", "Go on"), Utterance("agent", "First."), Utterance("user", "Stop"))


async def test_what_is_said_out_of_turn_is_heard(url: str) -> None:
    async with calling(f"{url}/interrupting") as caller:
        await caller.hears()
        await caller.says("Anything")
        assert [chunk async for chunk in caller.chunks()] == ["Listen!"]
        assert (await caller.hears()).is_interrupt


async def test_actions_are_told(url: str) -> None:
    async with calling(f"{url}/ending") as caller:
        await caller.hears()
        await caller.says("Bye")
        heard = await caller.hears()
        assert (heard.text, heard.end_call, heard.uninterruptible) == ("Goodbye.", True, True)


async def test_a_ping_comes_back(url: str) -> None:
    async with calling(f"{url}/dummy") as caller:
        assert 0 < await caller.ping() < 10
        assert 0 < await caller.ping() < 10


@pytest.mark.virtual_time
async def test_a_call_is_kept_alive_every_two_seconds_until_it_ends(url: str) -> None:
    async with calling(f"{url}/dummy") as caller:
        await caller.hears()
        keeping = asyncio.create_task(caller.keep_alive())
        await asyncio.sleep(7)
        assert sum(frame["response_type"] == "ping_pong" for frame in caller.frames) == 3
        await caller.hang_up()
        await keeping


async def test_a_dropped_call_can_be_dialled_again(url: str) -> None:
    async with calling(f"{url}/polite") as caller:
        await caller.hears()
        await caller.drop()
        assert await caller.closed() == 1006
        with pytest.raises(NotHeard, match="the call was closed with 1006"):
            await caller.says("anybody?")
        await caller.dial()
        await caller.says("there?")
        assert (await caller.hears()).text == "You said: anybody? there?."


async def test_silence_is_an_error_that_says_what_came_instead(url: str) -> None:
    async with calling(f"{url}/waiting") as caller:
        await caller.hears()
        await caller.says("Go on")
        with pytest.raises(NotHeard) as caught:
            await caller.hears(within=0.05)
    assert str(caught.value) == (
        "nothing more came within 0.05 s; the agent has not finished turn 1, so far it has said 'First.'; frames received: "
        f"{len(caller.frames)}"
    )


async def test_a_session_of_ones_own_is_left_open(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with calling(f"{url}/dummy", session=session) as caller:
            await caller.hears()
        assert not session.closed


@pytest.mark.parametrize(
    ("route", "call_id", "dialled"),
    [
        ("ws://h/llm", "call_1", "ws://h/llm/call_1"),
        ("wss://h:1/a/b/?tenant=x%20y", "c d/e?", "wss://h:1/a/b/c%20d%2Fe%3F?tenant=x%20y"),
        ("http://h/ä", "ü", "http://h/%C3%A4/%C3%BC"),
        ("ws://h/llm/", "", "ws://h/llm/"),
    ],
)
def test_the_call_id_is_the_last_segment_of_the_path(route: str, call_id: str, dialled: str) -> None:
    assert str(call_url(route, call_id)) == dialled


@pytest.mark.parametrize("url", ["/llm-websocket", "localhost:8080/x", "ftp://h/x", "ws://", "ws://h:99999/x", ""])
async def test_what_is_no_url_is_not_dialled(url: str) -> None:
    with pytest.raises(CannotDial, match="is a malformed URL"):
        async with calling(url):
            pass


async def test_a_refusal_says_with_what(url: str) -> None:
    with pytest.raises(CannotDial, match="answered with HTTP 404, not with a call") as caught:
        async with calling(f"{url}/nowhere"):
            pass
    assert caught.value.status == 404


async def test_nobody_there_is_told(unused_tcp_port: int) -> None:
    with pytest.raises(CannotDial, match="cannot be reached") as caught:
        async with calling(f"ws://127.0.0.1:{unused_tcp_port}/x"):
            pass
    assert caught.value.status is None


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n" * 300, b"HTTP/1.1 101 Yes\r\n" + b"X-Much: more\r\n" * 9999])
async def test_what_speaks_no_http_is_told_in_one_line_without_the_routes_secret(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            await reader.read()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        origin = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(CannotDial) as caught:
            async with calling(f"{origin}/x/open-sesame"):
                pass
    assert str(caught.value) == f"{origin} cannot be reached: what answers there does not speak HTTP"


async def test_redirects_without_an_end_are_told_without_the_routes_secret() -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.path_qs)

    app = web.Application()
    app.router.add_get("/{tail:.*}", elsewhere)
    async with TestServer(app) as server:
        with pytest.raises(CannotDial, match=r"it sends us on and on \(redirects\)$"):
            async with calling(f"ws://127.0.0.1:{server.port}/x/open-sesame"):
                pass


@pytest.fixture
async def rude() -> AsyncIterator[str]:
    """A server that sends a binary frame on one route and hangs up on the other."""

    async def binary(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_bytes(b"{}")
        await socket.receive()
        return socket

    async def curt(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close(code=1011)
        return socket

    app = web.Application()
    app.router.add_get("/binary/{call}", binary)
    app.router.add_get("/curt/{call}", curt)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_a_binary_frame_is_a_fault(rude: str) -> None:
    async with calling(f"{rude}binary") as caller:
        with pytest.raises(NotHeard, match="not a JSON object in a text frame"):
            await caller.hears()


async def test_a_server_that_hangs_up_is_told(rude: str) -> None:
    async with calling(f"{rude}curt") as caller:
        with pytest.raises(
            NotHeard, match="closed with 1011; the agent has not finished its begin message, it has said nothing"
        ):
            await caller.hears()
        assert await caller.closed() == 1011


KEYS = """
agents: {heeding: {system: heeding}}
routes: {/told: {agent: heeding, retell: {transcript_with_tool_calls: true}}, /untold: heeding}
"""
HEEDING = """
from rejoinder import Options, ResponseSystem, hookimpl, per_call

class Heeding(ResponseSystem[Options]):
    pressed = "nothing"

    async def digits(self, digits):
        self.pressed = digits

    async def respond(self, turn):
        yield f"You pressed {self.pressed}."

@hookimpl
def rejoinder_response_system():
    return per_call(Heeding, Options)
"""


@pytest.fixture
async def heeding(serve: Serve, tmp_path: Path) -> Served:
    (tmp_path / "heeding.py").write_text(HEEDING)
    return await serve(KEYS, {"heeding": str(tmp_path / "heeding.py")})


@pytest.mark.parametrize(("route", "pressed"), [("/told", "12"), ("/untold", "nothing")])
async def test_keys_are_told_where_the_server_asked_for_them(heeding: Served, route: str, pressed: str) -> None:
    async with calling(heeding.ws(route)) as caller:
        await caller.hears()
        await caller.presses("12")
        await caller.says("Which?")
        assert await caller.hears() == f"You pressed {pressed}."
