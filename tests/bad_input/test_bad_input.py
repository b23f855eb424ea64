"""Everything that a peer may say and should not, to a host on which somebody else's call goes on.

After each test in this folder that neighbour is answered as before, nothing is left of the others' calls and connections,
nothing in the log is a traceback, and no call has filled it (see `served`). Connections that break rules are in
test_bad_connections.py, any sequence of frames in test_any_frames.py. Of the same kind elsewhere: connections that say
nothing, half handshakes, bodies that never come and readers that never read (test_vanished_peers.py), who is refused at
the door (test_knocks.py, test_reception.py), bad webhooks (test_webhook_door.py), any bytes through the codecs
(protocols/), bad plugins (test_bad_plugins.py), thousands of barge-ins (test_barge_ins.py).
"""

import asyncio
import io
import json
import logging
import random
from typing import Any

import aiohttp
import pytest

from asking import FIRST, GIVEN_UP, answers, completed, request, said
from rejoinder.testing.hearing import Frame
from rejoinder.testing.telephone import Caller, calling
from served import Served
from spoilt import EVENTS, event, spoilt

pytestmark = pytest.mark.virtual_time


# Frames that say nothing, or nothing that can be understood.

DEEP = 100_000
RUBBISH: dict[str, str | bytes] = {
    "plain text": "Hello",
    "nothing": "",
    "half of a frame": '{"interaction_type": "response_required", "response_id": ',
    "two frames in one": json.dumps(request(1, "a")) * 2,
    "no object": "[]",
    "a number": "7",
    "a NUL": "\x00",
    "invalid UTF-8": b'{"interaction_type": "response_required", "response_id": 1, "transcript": [{"content": "\xff\xfe"}]}',
    "a raw surrogate": b'{"interaction_type": "update_only", "transcript": [{"role": "user", "content": "\xed\xa0\x80"}]}',
    "no kind": '{"response_id": 1}',
    "lists in lists": "[" * DEEP,
    "objects in objects": '{"a":' * DEEP,
    "a bomb in a transcript": '{"interaction_type":"update_only","transcript":[' + "[" * DEEP + "]" * DEEP + "]}",
    "a bomb beside it": '{"interaction_type":"update_only","transcript":[],"x":' + "[" * DEEP + "]" * DEEP + "}",
    "a bomb in the details": '{"interaction_type":"call_details","call":{"metadata":' + "[" * DEEP + "]" * DEEP + "}}",
    "a bomb with the tools": '{"interaction_type":"update_only","transcript_with_tool_calls":' + "[" * DEEP + "]" * DEEP + "}",
}


async def send_as(caller: Caller, frame: str | bytes, kind: str) -> None:
    """Send a frame as text or binary, whatever is in it."""
    wire, content = caller._wire, frame.encode() if isinstance(frame, str) else frame
    assert wire is not None
    await (wire.send(content) if kind == "text" else wire.send_binary(content))


@pytest.mark.failure(7)
@pytest.mark.failure(8)
@pytest.mark.parametrize("what", RUBBISH)
async def test_rubbish_is_told_once_however_often_it_comes(served: Served, what: str, caplog: pytest.LogCaptureFixture) -> None:
    """As the first thing in a call and later, in text frames and in binary ones."""
    for kind in ("text", "binary"):
        async with calling(served.ws("/echo"), call_id=kind) as rude:
            await rude.hears()
            await send_as(rude, RUBBISH[what], kind)
            await answers(rude, FIRST, "one")
            for _ in range(30):
                await send_as(rude, RUBBISH[what], kind)
            await answers(rude, FIRST + 1, "two")
        await asyncio.sleep(GIVEN_UP)
        mine = [record for record in caplog.records if getattr(record, "call", "") == kind]
        told = [record.getMessage() for record in mine if record.levelno >= logging.WARNING]
        if what != "a bomb with the tools":  # which are not documented to the last type, so that nothing in them is odd
            assert told == [told[0], f"{told[0]} (31 times in this call)"]
    assert "Hello" not in caplog.text


CUT_IN_TWO = '[{"role": "user", "content": "a \\ud83d b"}]'


async def test_a_character_that_was_cut_in_two_costs_no_answer(served: Served) -> None:
    """As a platform writes it that is written in JavaScript; it cannot be sent back."""
    async with calling(served.ws("/echo")) as odd:
        await odd.send(f'{{"interaction_type": "response_required", "response_id": {FIRST}, "transcript": {CUT_IN_TWO}}}')
        await odd._until(lambda: completed(odd, FIRST) > 0, 10)
        assert said(odd, FIRST) == "You said: a \ufffd b"
        await answers(odd, FIRST + 1)
    url, body = served.http("/echo/chat/completions"), f'{{"messages": {CUT_IN_TWO}}}'
    async with aiohttp.ClientSession() as client, client.post(url, data=body) as got:
        assert (await got.json())["choices"][0]["message"]["content"] == "You said: a \ufffd b"


# Fields of another type.


@pytest.mark.parametrize("kind", EVENTS)
async def test_a_wrong_type_in_any_field_of_any_event_costs_no_answer(served: Served, kind: str) -> None:
    """As the first thing that comes in a call, and between two requests that are as they should be."""
    async with calling(served.ws("/echo"), call_id="neighbour too") as neighbour:
        for at, (path, frames) in enumerate(spoilt(event(kind, FIRST))):
            async with calling(served.ws("/echo"), call_id=f"{kind}{path}", details=None) as rude:
                for frame in frames:
                    await rude.send(frame)
                await answers(rude, FIRST + 1, "first")
            async with calling(served.ws("/echo"), call_id=f"{kind}{path} later") as rude:
                number = FIRST
                for frame in frames:
                    await answers(rude, number + 1)
                    await rude.send(frame.replace(f'"response_id": {FIRST}', f'"response_id": {number + 2}'))
                    number += 3
                await answers(rude, number + 1, "last")
            await answers(neighbour, at + 1)


BODY: dict[str, Any] = {
    "model": "any",
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "x", "arguments": "{}"}}]},
        {"role": "user", "content": "hi"},
    ],
    "stream": False,
    "stream_options": {"include_usage": True},
    "tools": [{"type": "function", "function": {"name": "endCall", "parameters": {"type": "object", "properties": {}}}}],
    "call": {"id": "v1", "type": "webCall", "customer": {"number": "+1"}, "assistantOverrides": {"variableValues": {"a": 1}}},
    "customer": {"number": "+12137771234"},
    "phoneNumber": {"number": "+12137771235"},
    "metadata": {"tier": 2},
    "user_id": "u1",
    "elevenlabs_extra_body": {"call_id": "e1", "conversation_id": "e2"},
    "temperature": 0.5,
}


async def test_a_wrong_type_in_any_field_of_a_completion_is_answered_or_told(served: Served) -> None:
    url = served.http("/echo/chat/completions")
    async with aiohttp.ClientSession() as client:
        for path, bodies in spoilt(BODY):
            for body in bodies:
                async with client.post(url, data=body) as got:
                    assert got.status in (200, 400), (path, body)
                    text = await got.text()
                    assert got.status == 200 or json.loads(text)["error"]["type"] == "invalid_request_error"
            async with client.post(url, json=BODY) as got:
                assert (await got.json())["choices"][0]["message"]["content"] == "You said: hi"


async def test_a_body_of_rubbish_is_refused_and_opens_no_call(served: Served) -> None:
    async with aiohttp.ClientSession() as client:
        for what, body in RUBBISH.items():
            async with client.post(served.http("/echo/chat/completions"), data=body) as got:
                assert got.status == 400, what
                assert (await got.json())["error"]["type"] == "invalid_request_error"
            assert len(served.host.calls) == 1, what


# Too much.


async def test_a_body_of_20_mb_is_refused(served: Served) -> None:
    async with aiohttp.ClientSession() as client:
        async with client.post(served.http("/echo/chat/completions"), data=io.BytesIO(b"x" * 20_000_000)) as got:
            assert got.status == 413
        async with client.post(served.http("/echo/chat/completions"), json=BODY) as got:
            assert got.status == 200


async def test_a_transcript_of_2000_utterances_is_answered_whole_shrunk_and_rewritten(served: Served) -> None:
    texts = [f"utterance {number}" for number in range(2000)]
    async with calling(served.ws("/echo")) as long:
        for number, said_so_far in enumerate((texts, texts[:1990], texts[::-1], texts[:1], texts), start=FIRST):
            for _ in range(3):
                await long.send(request(number, *said_so_far) | {"interaction_type": "update_only"})
            await long.send(request(number, *said_so_far))
            await long._until(lambda number=number: completed(long, number) > 0, 10)  # type: ignore[misc]
            assert said(long, number) == f"You said: {said_so_far[-1]}"


@pytest.mark.parametrize("route", ["/echo", "/slow"])
async def test_of_twenty_requests_at_once_the_newest_is_answered(served: Served, route: str) -> None:
    async with calling(served.ws(route)) as hasty:
        await hasty.hears()
        for number in range(FIRST, FIRST + 20):
            await hasty.send(request(number, f"request {number}"))
        await hasty._until(lambda: completed(hasty, number) > 0, 30)
        assert said(hasty, number).startswith("First." if route == "/slow" else f"You said: request {number}")
        await hasty.ping()
        heard = [frame["response_id"] for frame in hasty.frames if frame.get("response_id")]
        assert heard == sorted(heard), "words of an older turn came after those of a newer one"
        assert all(completed(hasty, one) <= 1 for one in range(FIRST, FIRST + 20))


async def test_frames_that_come_twice_and_out_of_order_cost_no_answer(served: Served) -> None:
    chance = random.Random(2026)
    frames: list[Frame] = [event("call_details", 0)]
    for number in range(FIRST, FIRST + 20):
        texts = [f"text {at}" for at in range(FIRST, number + 1)]
        frames += [
            request(number, *texts) | {"interaction_type": "update_only"},
            request(number, *texts),
            event("ping_pong", 0),
        ]
    async with calling(served.ws("/echo"), details=None) as odd:
        for _ in range(5):
            mixed = frames * 2
            chance.shuffle(mixed)
            for frame in mixed:
                await odd.send(frame)
        await answers(odd, FIRST + 20, "at last")
        numbers = [frame["response_id"] for frame in odd.frames if frame.get("response_id")]
        assert numbers == sorted(numbers)
