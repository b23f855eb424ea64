"""A server that drains: what it still does for its calls, what it refuses, and when it is over."""

import asyncio
import logging
from contextlib import AsyncExitStack

import aiohttp
import pytest

from rejoinder.testing.telephone import Caller, CannotDial, calling
from served import Serve, Served

YAML = """
server: {port: 0}
agents: {a: {system: acting, options: {act: ACT}}}
routes: {/a: {agent: a, platforms: [retell, chat]}}
"""
POLITE = YAML.replace("ACT", "polite")
ENDING = YAML.replace("ACT", "ending")
QUESTION = {"messages": [{"role": "user", "content": "hi"}]}


async def answer(caller: Caller, text: str) -> str:
    await caller.says(text)
    return (await caller.hears()).text


async def drained(served: Served) -> None:
    async with asyncio.timeout(10):
        await served.host.drain.over()


async def until_waiting(served: Served, number: int) -> None:
    """The server has noticed that so many calls have lost their socket."""
    while served.host.calls.waiting != number:
        await asyncio.wait_for(served.host.calls.news.wait(), 10)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "rejoinder.drain"]


@pytest.mark.failure(33)
@pytest.mark.both_loops
async def test_a_live_call_goes_on_talking_and_the_drain_ends_with_it(serve: Serve) -> None:
    """aiohttp's own shutdown would let the caller talk to a server that hears nothing."""
    served = await serve(ENDING)
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        served.host.drain.begin()
        assert await caller.ping() < 10
        assert not served.host.drain.is_over
        await caller.says("goodbye")
        assert (await caller.hears()).end_call
    await drained(served)
    assert served.host.drain.now.dropped == 0


@pytest.mark.failure(33)
@pytest.mark.both_loops
async def test_a_lost_socket_finds_its_way_back_during_the_drain(serve: Serve) -> None:
    served = await serve(POLITE)
    async with calling(served.ws("/a")) as caller:
        assert (await caller.hears()).text == "Hello."
        served.host.drain.begin()
        await caller.drop()
        await until_waiting(served, 1)
        await caller.dial()
        assert await answer(caller, "still there?") == "You said: still there?."
        assert [frame["content"] for frame in caller.frames if frame.get("response_id") == 0].count("Hello.") == 1
        assert (served.host.calls.talking, served.host.calls.waiting) == (1, 0)


async def test_a_new_call_is_refused_before_the_upgrade_and_told_when_to_come_back(serve: Serve) -> None:
    served = await serve(POLITE)
    async with calling(served.ws("/a"), call_id="known") as caller, aiohttp.ClientSession() as session:
        await caller.hears()
        served.host.drain.begin()
        with pytest.raises(CannotDial) as refused:
            async with calling(served.ws("/a"), call_id="unknown"):
                pass
        assert refused.value.status == 503
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}
        async with session.get(served.http("/a/unknown"), headers=upgrade) as got:
            assert (got.status, got.headers["Retry-After"], got.headers["Connection"]) == (503, "3", "close")
        assert served.host.drain.now.refused == 2
        assert len(served.host.calls) == 1


async def test_chat_completions_of_a_live_call_go_on_and_those_of_others_are_refused(serve: Serve) -> None:
    served = await serve(POLITE)
    url = served.http("/a/chat/completions")
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json=QUESTION, headers={"X-Call-Id": "known"}) as got:
            assert got.status == 200
        served.host.drain.begin()
        async with session.post(url, json=QUESTION, headers={"X-Call-Id": "known"}) as got:
            assert (await got.json())["choices"][0]["message"]["content"] == "You said: hi."
        for headers in ({"X-Call-Id": "unknown"}, {}):
            async with session.post(url, json=QUESTION, headers=headers) as got:
                assert (got.status, got.headers["Retry-After"]) == (503, "3")
                assert (await got.json())["error"]["type"] == "server_error"


async def test_readiness_falls_at_once_and_liveness_does_not(serve: Serve) -> None:
    served = await serve(POLITE)
    async with calling(served.ws("/a")) as caller, aiohttp.ClientSession() as session:
        await caller.hears()
        served.host.drain.begin()
        async with session.get(served.http("/readyz")) as got:
            assert (got.status, (await got.json())["status"]) == (503, "draining")
        async with session.get(served.http("/healthz")) as got:
            health = await got.json()
            assert (got.status, health["calls"], health["draining"]) == (200, 1, True)


async def test_without_calls_it_is_over_at_once(serve: Serve) -> None:
    served = await serve(POLITE)
    served.host.drain.begin()
    await drained(served)


@pytest.mark.failure(33)
async def test_what_is_left_when_it_is_forced_is_dropped_so_that_it_is_dialled_again(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(POLITE)
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        served.host.drain.begin()
        served.host.drain.force()
        await drained(served)
        await served.host.close()
        assert await caller.closed() == 1006
    assert served.host.drain.now.dropped == 1
    assert told(caplog)[-1] == "stopping, at once, as ordered; dropped, so that their platforms dial again: 1 call"


@pytest.mark.virtual_time
async def test_what_is_left_when_the_limit_runs_out_is_dropped(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(POLITE)
    loop = asyncio.get_running_loop()
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        began = loop.time()
        served.host.drain.begin()
        await served.host.drain.over()
        assert loop.time() - began == pytest.approx(3600)
        await served.host.close()
        assert await caller.closed() == 1006
    assert told(caplog)[0] == "draining: 1 call; new calls are refused, live ones have 3600 s to end"
    assert (
        told(caplog)[-1]
        == "stopping, the drain's limit of 3600 s has run out; dropped, so that their platforms dial again: 1 call"
    )


@pytest.mark.virtual_time
async def test_a_call_without_a_socket_is_waited_for_no_longer_than_it_could_come_back(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(POLITE)
    loop = asyncio.get_running_loop()
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
    await until_waiting(served, 1)
    began = loop.time()
    served.host.drain.begin()
    await served.host.drain.over()
    assert loop.time() - began <= 6
    assert told(caplog)[0].startswith("draining: 0 calls, and 1 waiting for a redial;")
    assert served.host.drain.now.dropped == 0


async def test_who_presses_ctrl_c_waits_for_calls_with_a_socket_alone(serve: Serve) -> None:
    served = await serve(POLITE)
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        served.host.drain.begin(waits_for_redials=False)
        await caller.ping()
        assert not served.host.drain.is_over
    await drained(served)
    assert served.host.calls.waiting == 1


@pytest.mark.virtual_time
async def test_the_log_counts_calls_now_and_then_not_one_by_one(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(ENDING)
    async with AsyncExitStack() as calls:
        callers = [await calls.enter_async_context(calling(served.ws("/a"))) for _ in range(12)]
        for caller in callers:
            await caller.hears()
        served.host.drain.begin()
        for caller in callers[:10]:
            await caller.says("goodbye")
            await caller.hears()
            await caller.hang_up()
        await asyncio.sleep(25)  # virtual
        assert told(caplog) == [
            "draining: 12 calls; new calls are refused, live ones have 3600 s to end",
            "draining for 10 s: 2 calls left",
        ]
        await asyncio.sleep(50)
        assert told(caplog)[2:] == ["draining for 70 s: 2 calls left"]


@pytest.mark.virtual_time
async def test_who_looks_on_hears_of_each_change_to_the_end(serve: Serve) -> None:
    served = await serve(ENDING)
    seen: list[tuple[int, int | None]] = []

    async def look_on() -> None:
        seen.extend([(now.calls, now.dropped) async for now in served.host.drain.progress()])

    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        served.host.drain.begin()
        watching = asyncio.create_task(look_on())
        await caller.says("goodbye")
        await caller.hears()
    await watching
    assert seen[0] == (1, None)
    assert seen[-1] == (0, 0)
