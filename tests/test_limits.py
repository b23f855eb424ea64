"""No call is longer than its route lets it be, and whoever ends it for that says goodbye."""

import asyncio
import logging

import pytest

from rejoinder.testing.caller import calling
from served import Serve

pytestmark = pytest.mark.virtual_time

SHORT = """
server: {port: 0}
agents: {a: {system: dummy, lines: {goodbye: "That is all."}}}
routes: {/a: {agent: a, limits: {call_duration: 90s}, platforms: [retell, chat]}}
"""


async def test_a_call_that_has_lasted_too_long_is_said_goodbye_to(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = await serve(SHORT)
    loop = asyncio.get_running_loop()
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        begun, heard = loop.time(), caller.now
        await caller.beyond(heard)
        assert 89 < loop.time() - begun <= 90
        assert (caller.now.text, caller.now.end_call, caller.now.uninterruptible) == ("That is all.", True, True)
    while len(served.host.calls):  # noqa: ASYNC110  virtual time
        await asyncio.sleep(0.01)
    assert "the call has lasted 90 s, as long as 'limits' lets it; the host hangs up" in caplog.text


async def test_a_platform_that_does_not_hear_of_it_is_dropped(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(SHORT)
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        assert await caller.closed(within=200) == 1006
    ends = [record for record in caplog.records if getattr(record, "event", "") == "call ended"]
    assert [getattr(record, "ended_by", "") for record in ends] == ["server"]


async def test_a_redial_does_not_begin_the_time_anew(serve: Serve) -> None:
    served = await serve(SHORT)
    loop = asyncio.get_running_loop()
    async with calling(served.ws("/a"), call_id="c") as caller:
        await caller.hears()
        begun = loop.time()
        await asyncio.sleep(60)
        await caller.drop()
        await caller.dial()
        await caller.hears()
        await caller.beyond(caller.now)
        assert loop.time() - begun <= 91
        assert caller.now.end_call
