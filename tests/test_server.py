"""The whole host over real sockets: from a platform's frame to the plugin and back."""

import asyncio
import logging
import socket
from collections.abc import Callable
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from rejoinder.testing.telephone import PHONE_CALL, WEB_CALL, Caller, CannotDial, calling
from served import Serve

DUMMY = """
server: {port: 0}
agents: {dummy: {system: dummy}}
routes: {/llm-websocket: dummy}
"""


def acting(act: str, more: str = "") -> str:
    return f"""
server: {{port: 0}}
numbers: {{reception: "+442079460000"}}
agents: {{a: {{system: acting, options: {{act: {act}, sync: {more or "false"}}}}}}}
routes: {{/a: a}}
"""


async def answer(caller: Caller, text: str = "hi") -> str:
    await caller.says(text)
    return (await caller.hears()).text


async def until(caller: Caller, come: Callable[[], object]) -> None:
    """Talk on until something has come; a pong overtakes speech, so one ping is not enough."""
    for _ in range(1000):
        if come():
            return
        await caller.ping()
    raise AssertionError(f"it never came; received: {caller.frames}")


def contents(caller: Caller, turn: int) -> list[str]:
    """What was sent for one request, all that has come."""
    return [frame["content"] for frame in caller.frames if frame.get("response_id") == turn]


@pytest.mark.both_loops
async def test_a_call_to_dummy_goes_as_in_the_guide(serve: Serve) -> None:
    served = await serve(DUMMY, own_loop=True)
    async with calling(served.ws("/llm-websocket"), details=None) as caller:
        assert (await caller.hears()).text == "How may I help you?"
        config, *begin = caller.frames  # two, if the end of the reply came a moment after its words
        assert config == {"response_type": "config", "config": {"auto_reconnect": True, "call_details": True}}
        assert {(frame["response_type"], frame["response_id"]) for frame in begin} == {("response", 0)}
        assert await answer(caller) == "I am sorry, can you say that again?"
        await caller.is_silent()
        assert (await caller.hears()).text == "I am sorry, can you say that again?"
        assert [frame["response_id"] for frame in caller.frames[1:] if frame["content_complete"]] == [0, 1, 2]


@pytest.mark.failure(6)
@pytest.mark.both_loops
async def test_the_test_frame_of_the_guide_is_answered(serve: Serve) -> None:
    served = await serve(DUMMY)
    async with calling(served.ws("/llm-websocket"), call_id="postman") as caller:
        await caller.hears()
        await caller.send('{"interaction_type":"response_required","response_id":1,"transcript":[]}')
        await caller.send('{"interaction_type":"ping_pong","timestamp":1}')
        await until(caller, lambda: contents(caller, 1))
        assert contents(caller, 1) == ["I am sorry, can you say that again?"]
        assert {"response_type": "ping_pong", "timestamp": 1} in caller.frames


@pytest.mark.failure(7)
async def test_text_that_is_no_json_is_logged_and_harms_nothing(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = await serve(DUMMY)
    async with calling(served.ws("/llm-websocket")) as caller:
        await caller.hears()
        for rubbish in ("Hello", "{", "[]", "7", b"\xff\x00", '{"interaction_type": 5}', "[" * 100_000):
            await caller.send(rubbish)
        assert await answer(caller) == "I am sorry, can you say that again?"
    assert "Hello" not in caplog.text
    assert "JSON" in caplog.text


@pytest.mark.failure(7)
async def test_a_person_who_tries_by_hand_sees_an_answer_when_debugging(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    served = await serve(DUMMY)
    async with calling(served.ws("/llm-websocket"), details=None) as caller:
        await caller.hears()
        await caller.send("Hello")
        await caller.ping()
        assert {"rejoinder": "debug", "received": "Hello"} in caller.frames


@pytest.mark.parametrize("call_id", ["call_1", "a b", "ü/ö", "%", "..", "x" * 500, "{}", "1?x=2#3"])
async def test_a_call_id_may_be_anything(serve: Serve, call_id: str) -> None:
    served = await serve(DUMMY)
    url = served.http(f"/llm-websocket/{quote(call_id, safe='')}")
    async with aiohttp.ClientSession() as session, session.ws_connect(URL(url, encoded=True)) as ws:
        assert (await ws.receive_json())["response_type"] == "config"
        assert served.host.calls.live("/llm-websocket", "retell", call_id) is not None


async def test_a_trailing_slash_and_no_call_id_are_tolerated(serve: Serve) -> None:
    served = await serve(DUMMY)
    async with aiohttp.ClientSession() as session:
        for path in ("/llm-websocket", "/llm-websocket/", "/llm-websocket/x/"):
            async with session.ws_connect(served.http(path)) as ws:
                assert (await ws.receive_json())["response_type"] == "config"


@pytest.mark.failure(29)
async def test_an_unknown_route_is_refused_before_the_upgrade(serve: Serve) -> None:
    served = await serve(DUMMY)
    for path in ("/nope", "/llm-websocket/x/y", "/"):
        with pytest.raises(CannotDial) as refused:
            async with calling(served.ws(path), call_id="c"):
                pass
        assert refused.value.status == 404


async def test_a_browser_is_told_what_a_route_is(serve: Serve) -> None:
    served = await serve(DUMMY)
    async with aiohttp.ClientSession() as session:
        async with session.get(served.http("/llm-websocket")) as got:
            assert got.status == 426
            assert "speaks WebSocket" in await got.text()
        async with session.get(served.http("/")) as got:
            assert "/llm-websocket" in await got.text()
        async with session.get(served.http("/"), headers={"X-Forwarded-For": "1.2.3.4"}) as got:
            assert got.status == 404
            assert "llm-websocket" not in await got.text()
        async with session.get(served.http("/healthz")) as got:
            assert (await got.json())["generation"] == 1
        async with session.get(served.http("/readyz")) as got:
            assert await got.json() == {"status": "ready", "routes": 1, "broken": []}


async def test_compression_is_refused(serve: Serve) -> None:
    served = await serve(DUMMY)
    async with aiohttp.ClientSession() as session, session.ws_connect(served.http("/llm-websocket/x"), compress=15) as ws:
        assert not ws.compress


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("polite", "You said: hi."),
        ("crashing", "I am sorry, could you say that again?"),
        ("crashing_late", "Well, I am sorry, could you say that again?"),
        ("silent", "I am sorry, could you say that again?"),
        ("rubbish", "Sorry."),
        ("tooling", "Booked."),
        ("coroutine", "I am sorry, could you say that again?"),
    ],
)
@pytest.mark.parametrize("sync", ["false", "true"])
@pytest.mark.both_loops
async def test_every_turn_is_closed_whatever_the_plugin_does(serve: Serve, act: str, said: str, sync: str) -> None:
    served = await serve(acting(act, sync), own_loop=True)
    async with calling(served.ws("/a")) as caller:
        assert (await caller.hears()).text == "Hello."
        assert await answer(caller) == said
        assert await answer(caller, "and hi") == said.replace("hi", "and hi")


@pytest.mark.failure(3)
@pytest.mark.parametrize("act", ["waiting", "slow", "stubborn", "endless"])
@pytest.mark.both_loops
async def test_a_newer_request_silences_the_older_at_once(serve: Serve, act: str) -> None:
    served = await serve(acting(act), own_loop=True)
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        await caller.says("one")
        async for _ in caller.chunks():
            break
        await caller.says("two")
        async for _ in caller.chunks():
            break
        numbers = [frame["response_id"] for frame in caller.frames if "response_id" in frame]
        assert numbers == sorted(numbers), "a chunk of the older answer came after the newer"


async def test_an_endless_answer_waits_for_its_window(serve: Serve) -> None:
    """A caller that reads nothing cannot make the host hold more than what the window and the socket take."""
    served = await serve(acting("endless"))
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        await caller.says("go")
        async for _ in caller.chunks():
            break
        assert await caller.ping() < 5.0


@pytest.mark.failure(22)
async def test_a_hang_up_is_in_the_final_frame_of_its_words(serve: Serve) -> None:
    served = await serve(acting("ending"))
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        await caller.says("bye")
        heard = await caller.hears()
        assert (heard.text, heard.end_call, heard.uninterruptible) == ("Goodbye.", True, True)
        await caller.ping()
        assert contents(caller, 1) == ["Goodbye."]
    assert await gone(served.host.calls, "/a", "c")


async def gone(calls: object, path: str, call_id: str) -> bool:
    """Whether the call has ended, after the loop had its chances."""
    for _ in range(200):
        if calls.live(path, "retell", call_id) is None:  # type: ignore[attr-defined]
            return True
        await asyncio.sleep(0)
    return False


async def test_a_transfer_goes_to_numbers_of_the_file_only(serve: Serve) -> None:
    served = await serve(acting("transferring"))
    async with calling(served.ws("/a"), details=PHONE_CALL) as caller:
        await caller.hears()
        await caller.says("reception")
        assert (await caller.hears()).transfer_to == "+442079460000"
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        await caller.says("elsewhere")
        heard = await caller.hears()
        assert (heard.text, heard.transfer_to) == ("One moment.", "")


async def test_on_a_web_call_a_transfer_is_a_line_and_the_call_goes_on(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = await serve(acting("transferring"))
    async with calling(served.ws("/a"), details=WEB_CALL) as caller:
        await caller.hears()
        for _ in range(2):
            await caller.says("reception")
            heard = await caller.hears()
            assert (heard.text, heard.transfer_to) == ("One moment. I am sorry, I cannot put you through on this call.", "")
    told = [record.message for record in caplog.records if record.levelname == "WARNING" and "telephone" in record.message]
    assert len(told) == 1


async def test_a_call_of_which_nothing_is_known_is_transferred(serve: Serve) -> None:
    served = await serve(acting("transferring"))
    async with calling(served.ws("/a"), details=None) as caller:
        await caller.hears()
        await caller.says("reception")
        assert (await caller.hears()).transfer_to == "+442079460000"


async def test_keys_are_pressed(serve: Serve) -> None:
    served = await serve(acting("pressing"))
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        await caller.says("menu")
        assert (await caller.hears()).digits == "12#"


async def test_tools_are_noted_for_the_platform(serve: Serve) -> None:
    served = await serve(acting("tooling"))
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        assert await answer(caller) == "Booked."
        kinds = [frame["response_type"] for frame in caller.frames[2:]]
        assert kinds[:2] == ["tool_call_invocation", "tool_call_result"]
        assert caller.frames[2]["arguments"] == '{"when":"noon"}'


async def test_an_agent_may_speak_out_of_turn_tune_and_hand_over_metadata(serve: Serve) -> None:
    served = await serve(acting("interrupting"))
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        await caller.says("hi")
        await until(caller, lambda: any(frame["response_type"] == "agent_interrupt" for frame in caller.frames))
        assert (await caller.hears()).text == "Listen!"
        sent = [frame["response_type"] for frame in caller.frames]
        assert {"metadata", "update_agent", "agent_interrupt"} <= set(sent)


async def test_the_begin_message_uses_the_calls_fields(serve: Serve) -> None:
    served = await serve(acting("greeting"))
    details = {"call_type": "phone_call", "direction": "inbound", "from_number": "+15551234567", "to_number": "+442079460000",
               "retell_llm_dynamic_variables": {"name": "Ada"}}  # fmt: skip
    async with calling(served.ws("/a"), details=details) as caller:
        assert (await caller.hears()).text == "Hello Ada on +15551234567."


@pytest.mark.failure(14)
@pytest.mark.virtual_time
async def test_a_begin_message_with_fields_does_not_wait_for_ever(serve: Serve) -> None:
    yaml = DUMMY.replace("{system: dummy}", '{system: dummy, begin: "Hello {{ name }}!"}')
    served = await serve(yaml)
    loop = asyncio.get_running_loop()
    async with calling(served.ws("/llm-websocket"), details=None) as caller:
        asked = loop.time()
        assert (await caller.hears()).text == "Hello !"
        assert 1.0 <= loop.time() - asked < 1.5


async def test_the_platforms_knobs_are_sent_when_a_call_opens(serve: Serve) -> None:
    yaml = DUMMY.replace(
        "/llm-websocket: dummy", "/k: {agent: dummy, retell: {reminder_trigger_ms: 12000, responsiveness: 0.5}}"
    )
    served = await serve(yaml)
    async with calling(served.ws("/k")) as caller:
        await caller.hears()
        assert caller.frames[1] == {
            "response_type": "update_agent",
            "agent_config": {"responsiveness": 0.5, "reminder_trigger_ms": 12000},
        }


async def test_several_agents_and_routes_share_one_server(serve: Serve) -> None:
    served = await serve("""
server: {port: 0}
agents:
  one: {system: dummy, begin: One.}
  two: {system: echo, begin: Two.}
routes: {/one: one, /also/one: one, /two: two}
""")
    for path, begin in (("/one", "One."), ("/also/one", "One."), ("/two", "Two.")):
        async with calling(served.ws(path)) as caller:
            assert (await caller.hears()).text == begin


# Redials.


@pytest.mark.failure(14)
async def test_a_call_goes_on_after_its_socket_was_lost(serve: Serve) -> None:
    served = await serve(acting("polite"))
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        assert await answer(caller, "one") == "You said: one."
        await caller.drop()
        await caller.dial()
        assert await answer(caller, "two") == "You said: two."
        opening = [frame for frame in caller.frames if frame["response_type"] == "config"]
        assert len(opening) == 2
        assert contents(caller, 0) == ["Hello.", ""], "the greeting is not repeated"
        assert len(served.host.calls) == 1


@pytest.mark.failure(13)
async def test_an_answer_in_the_making_goes_on_over_the_next_socket(serve: Serve) -> None:
    served = await serve(acting("slow", "true"))
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        await caller.says("one")
        async for _ in caller.chunks():
            break
        await caller.drop()
        await caller.dial()
        assert (await caller.hears()).text == "First.Second."


async def test_a_second_socket_takes_over_from_one_that_lives(serve: Serve) -> None:
    served = await serve(acting("polite"))
    async with calling(served.ws("/a"), call_id="c") as first:
        await first.hears()
        async with calling(served.ws("/a"), call_id="c") as second:
            assert await first.closed() == 1006
            assert await answer(second) == "You said: hi."
            assert len(served.host.calls) == 1


async def test_the_same_id_on_another_route_is_another_call(serve: Serve) -> None:
    served = await serve("""
server: {port: 0}
agents: {one: {system: dummy}}
routes: {/one: one, /two: one}
""")
    async with calling(served.ws("/one"), call_id="c") as one, calling(served.ws("/two"), call_id="c") as two:
        await one.hears()
        await two.hears()
        assert len(served.host.calls) == 2


@pytest.mark.virtual_time
@pytest.mark.parametrize(("tidy", "grace", "ended_by"), [(True, 6.0, "platform"), (False, 60.0, "lost")])
async def test_a_call_waits_for_another_dial_and_then_ends(
    serve: Serve, caplog: pytest.LogCaptureFixture, tidy: bool, grace: float, ended_by: str
) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(DUMMY)
    loop = asyncio.get_running_loop()
    async with calling(served.ws("/llm-websocket"), call_id="c") as caller:
        await caller.hears()
        await (caller.hang_up() if tidy else caller.drop())
    left = loop.time()
    while len(served.host.calls):  # noqa: ASYNC110  virtual time
        await asyncio.sleep(0.5)
    assert loop.time() - left == pytest.approx(grace, abs=1.0)
    ends = [record for record in caplog.records if getattr(record, "event", "") == "call ended"]
    assert [getattr(record, "ended_by", "") for record in ends] == [ended_by]
    assert getattr(ends[0], "duration_ms", 1e6) < 1000, "the wait is no part of the call"


@pytest.mark.failure(21)
@pytest.mark.failure(33)
async def test_the_server_drops_live_calls_when_it_stops(serve: Serve) -> None:
    """1006, so that the platform dials again: 1000 would be a hang-up."""
    served = await serve(DUMMY)
    async with calling(served.ws("/llm-websocket")) as caller:
        await caller.hears()
        await served.host.close()
        assert await caller.closed() == 1006


@pytest.mark.failure(20)
async def test_a_frame_of_two_hours_of_talk_is_taken(serve: Serve) -> None:
    served = await serve(acting("polite"))
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        words = [{"word": "word", "start": 1.0, "end": 2.0}] * 50
        long = [{"role": "user", "content": f"sentence {number}", "words": words} for number in range(2000)]
        await caller.send({"interaction_type": "response_required", "response_id": 1, "transcript": long})
        await caller.ping()
        while not contents(caller, 1):
            await caller.ping()
        assert "sentence 1999" in "".join(contents(caller, 1)) + "".join(frame.get("content", "") for frame in caller.frames)


async def test_each_log_line_names_the_call(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(acting("ending"))
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        await caller.says("secret words")
        await caller.hears()
    assert await gone(served.host.calls, "/a", "c")
    lines = [record for record in caplog.records if record.name == "rejoinder.call"]
    assert {getattr(record, "call", None) for record in lines} == {"c"}
    told = [getattr(record, "event", None) for record in lines if record.levelno == logging.INFO]
    assert told == ["call started", "turn ended", "turn ended", "call ended"]
    assert [record.getMessage() for record in lines if record.levelno > logging.INFO] == [
        "a reply went on after its action; nothing more of that turn is spoken"
    ]
    assert "secret words" not in caplog.text


async def test_half_a_handshake_harms_nobody(serve: Serve) -> None:
    served = await serve(DUMMY)
    with socket.create_connection(("127.0.0.1", served.port)) as half:
        half.sendall(b"GET /llm-websocket/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n")
        async with calling(served.ws("/llm-websocket")) as caller:
            await caller.hears()
