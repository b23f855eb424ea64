"""Frames as no hand-written server expects them, and frames as a platform does."""

from typing import Any

import pytest

from rejoinder.testing.hearing import Frame
from rejoinder.testing.telephone import Caller, calling
from served import Served

CONFIG = {"response_type": "config", "config": {"auto_reconnect": True, "call_details": True}}
#: What each frame must have, of which type (Retell's "LLM WebSocket" reference).
REQUIRED: dict[str, dict[str, type]] = {
    "config": {"config": dict},
    "ping_pong": {"timestamp": int},
    "response": {"response_id": int, "content": str, "content_complete": bool},
    "agent_interrupt": {"interrupt_id": int, "content": str, "content_complete": bool},
    "tool_call_invocation": {"tool_call_id": str, "name": str, "arguments": str},
    "tool_call_result": {"tool_call_id": str, "content": str},
    "update_agent": {"agent_config": dict},
    "metadata": {"metadata": dict},
}
OPTIONAL: dict[str, type] = {
    "end_call": bool,
    "no_interruption_allowed": bool,
    "transfer_number": str,
    "show_transferee_as_caller": bool,
    "digit_to_press": str,
    "successful": bool,
}


def request(number: int, *said: dict[str, Any], **more: Any) -> Frame:
    return {"interaction_type": "response_required", "response_id": number, "transcript": list(said), **more}


def user(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, "words": [], **more}


async def ask(caller: Caller, frame: Frame) -> str:
    """The answer to a request that is sent as it stands."""
    number = frame["response_id"]
    await caller.send(frame)
    while not any(each.get("response_id") == number and each["content_complete"] for each in caller.frames):
        await caller.ping()
    return "".join(each["content"] for each in caller.frames if each.get("response_id") == number)


@pytest.mark.parametrize("route", ["/dummy", "/echo", "/rules", "/polite", "/erring"])
async def test_a_request_with_an_empty_transcript_is_answered_by_every_plugin(
    served: Served, route: str, caplog: pytest.LogCaptureFixture
) -> None:
    """B6: empty transcript crash."""
    async with calling(served.ws(route), details=None) as caller:
        await caller.hears()
        assert (await ask(caller, request(1))).strip()
        assert (await ask(caller, request(2) | {"interaction_type": "reminder_required"})).strip()
    assert not any(record.exc_info for record in caplog.records)


async def test_text_that_is_no_json_ends_neither_its_call_nor_others(served: Served) -> None:
    """B7: text that is not JSON; it must not end the process and all its calls."""
    async with calling(served.ws("/polite")) as rude, calling(served.ws("/polite")) as neighbour:
        for caller in (rude, neighbour):
            await caller.hears()
        for rubbish in ("Hello", "", "{", "null", "\x00", '{"a": NaN}'):
            await rude.send(rubbish)
        for caller in (rude, neighbour):
            await caller.says("hello")
            assert (await caller.hears()).text == "You said: hello."


async def test_a_binary_frame_is_taken_once_as_what_it_says(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """B8: after a binary frame; closed and yet parsed elsewhere. Here it goes the way of every frame, and none goes back."""
    async with calling(served.ws("/erring")) as caller:
        await caller.hears()
        await caller.send(b"\xff\x00")
        await caller.send(b'{"interaction_type":"ping_pong","timestamp":42}')
        await caller.ping()
        assert caller.frames.count({"response_type": "ping_pong", "timestamp": 42}) == 1
        await caller.says("counts")
        assert (await caller.hears()).text.startswith("1 asked")
    assert not any(record.exc_info for record in caplog.records)


async def test_unknown_kinds_roles_and_keys_are_passed_over(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """B9: unknown type kills the call."""
    async with calling(served.ws("/polite")) as caller:
        await caller.hears()
        for _ in range(50):
            await caller.send({"interaction_type": "weather_changed", "why": {"deep": [1]}})
        odd = request(
            1,
            {"role": "transfer_target", "content": "Yes?"},
            {"role": "hologram", "content": "Hm.", "hue": 7},
            user("hello", timestamp=3, mood=None),
            timestamp=9,
            turntaking="nobodys_turn",
        )
        assert await ask(caller, odd) == "You said: hello."
    told = [record.getMessage() for record in caplog.records if "weather_changed" in record.getMessage()]
    assert 1 <= len(told) <= 2, "once, and at the end how often"


async def test_each_socket_opens_with_the_hosts_configuration_and_plugins_write_none(served: Served) -> None:
    """B15: `config` missing, late, polluted."""
    async with calling(served.ws("/erring"), call_id="c") as caller:
        await caller.hears()
        for _ in range(2):
            await caller.says("own frames")
            assert (await caller.hears()).text == "Done."
            before = len(caller.frames)
            await caller.drop()
            await caller.dial()
            await caller.ping()
            assert caller.frames[before] == CONFIG
    configs = [frame for frame in caller.frames if frame["response_type"] == "config"]
    assert caller.frames[0] == CONFIG
    assert configs == [CONFIG] * 3


@pytest.mark.parametrize("route", ["/erring", "/polite", "/dummy", "/echo", "/rules"])
async def test_every_frame_names_its_kind_and_has_the_platforms_types(served: Served, route: str) -> None:
    """B16: wrong wire types. B17: old protocol without `response_type`."""
    async with calling(served.ws(route)) as caller:
        await caller.hears()
        for text in ("hello", "only notes", "two actions", "own frames", "goodbye"):
            await caller.says(text)
            await caller.hears()
        await caller.is_silent()
        await caller.hears()
        await caller.ping()
    assert caller.unheard == []
    for frame in caller.frames:
        required = REQUIRED[frame["response_type"]]
        assert required.keys() <= frame.keys(), frame
        for key, value in frame.items():
            assert type(value) is (required | OPTIONAL | {"response_type": str})[key], frame


async def test_every_frame_says_what_kind_it_is(served: Served) -> None:
    """B17: old protocol without `response_type`, whatever else is in a frame."""
    async with calling(served.ws("/endless")) as caller:
        await caller.hears()
        await caller.says("go")
        async for _ in caller.chunks():
            if len(caller.frames) > 50:
                break
        assert {frame.get("response_type") for frame in caller.frames} <= REQUIRED.keys()


async def test_a_sentence_that_grows_between_requests_is_one_sentence(served: Served) -> None:
    """B26: history appended from requests."""
    async with calling(served.ws("/polite")) as caller:
        await caller.hears()
        for number, text in enumerate(("I", "I want", "I want a table"), start=1):
            assert await ask(caller, request(number, user(text))) == f"You said: {text}."
