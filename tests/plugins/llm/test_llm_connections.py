"""Connections: kept between turns, warm when a call opens, dropped at once when the caller speaks."""

import asyncio
import contextlib
from typing import Any

import pytest

from rejoinder.testing.llm import FakeLLM, Step


async def test_turns_and_calls_of_an_agent_share_a_connection(server: FakeLLM, agent: Any) -> None:
    make = await agent.open()
    for _ in range(3):
        assert await agent.dial(make).hears("Hello") == "Hello."
    assert server.connections == 1


async def test_a_refusal_does_not_cost_the_connection(server: FakeLLM, agent: Any) -> None:
    server.will_send(b'{"error": {"code"', b': "x"}}', status=400)
    server.will_say("Hi.")
    caller = await agent()
    await caller.fails("Hello")
    assert await caller.hears("Hello") == "Hi."
    assert server.connections == 1


async def test_barge_in_aborts_the_request_at_once(server: FakeLLM, agent: Any) -> None:
    server.will_say("Well, let me", then=Step.STALL)
    caller = await agent()
    heard: list[object] = []

    async def reply() -> None:
        async with contextlib.aclosing(caller.system.respond(caller.turn("Hello"))) as outputs:
            async for output in outputs:
                heard.append(output)
                spoke.set()

    spoke = asyncio.Event()
    speaking = asyncio.create_task(reply())
    await spoke.wait()
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    await server.until(aborted=1)
    assert heard == ["Well, let me"]


async def test_barge_in_before_the_first_byte_aborts_the_request_too(server: FakeLLM, agent: Any) -> None:
    server.will_do(Step.STALL)
    caller = await agent()
    asking = asyncio.create_task(caller.says("Hello"))
    await server.until(requests=1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await server.until(aborted=1)


async def test_closing_the_reply_aborts_the_request(server: FakeLLM, agent: Any) -> None:
    server.will_say("Well, let me", then=Step.STALL)
    caller = await agent()
    reply = caller.system.respond(caller.turn("Hello"))
    assert await anext(reply) == "Well, let me"
    await reply.aclose()
    await server.until(aborted=1)


async def test_the_connection_of_a_new_call_is_warm(server: FakeLLM, agent: Any) -> None:
    caller = await agent(keep_warm=True)
    await caller.system._client._knocking
    assert await caller.hears("Hello") == "Hello."
    assert server.probes == 1
    assert server.connections == 1


async def test_a_crowd_of_new_calls_knocks_once(server: FakeLLM, agent: Any) -> None:
    make = await agent.open(keep_warm=True)
    callers = [agent.dial(make) for _ in range(50)]
    await server.until(probes=1)
    assert await callers[-1].hears("Hello") == "Hello."
    assert server.probes == 1


async def test_a_barge_in_leaves_a_warm_connection_behind(server: FakeLLM, agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rejoinder_llm.client.KNOCK_PAUSE", 0.0)
    server.will_say("Hi.")
    server.will_say("Well,", then=Step.STALL)
    caller = await agent(keep_warm=True)
    await caller.says("Hello")
    reply = caller.system.respond(caller.turn("Hello"))
    await anext(reply)
    await reply.aclose()
    await server.until(probes=2, aborted=1)


async def test_an_agent_that_closes_while_it_knocks_closes_in_silence(agent: Any, server: FakeLLM) -> None:
    await agent(keep_warm=True)
    assert server.probes == 0
