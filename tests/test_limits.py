"""No call is longer than its route lets it be, and no route has more calls; a caller is told so in a sentence."""

import asyncio
import logging

import aiohttp
import pytest

from rejoinder import farewell
from rejoinder.session import Session
from rejoinder.testing.telephone import CannotDial, calling
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


async def test_a_fault_when_the_time_of_one_call_is_up_leaves_the_others_theirs(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def complain(session: Session, what: str) -> None:
        if session.facts.id == "first":
            raise ZeroDivisionError(what)

    monkeypatch.setattr(Session, "complain", complain)
    served = await serve(SHORT)
    async with calling(served.ws("/a"), call_id="first") as first:
        await first.hears()
        await asyncio.sleep(5)
        async with calling(served.ws("/a"), call_id="second") as second:
            await second.hears()
            await second.beyond(second.now)
            assert second.now.end_call
    assert "ZeroDivisionError" in caplog.text


TWO = """
server: {port: 0}
agents: {a: {system: dummy}}
routes:
  /long: {agent: a, limits: {call_duration: 120s}}
  /short: {agent: a, limits: {call_duration: 60s}}
"""


async def test_each_call_has_its_own_time_whichever_was_dialled_first(serve: Serve) -> None:
    served = await serve(TWO)
    loop = asyncio.get_running_loop()
    begun = loop.time()

    async def lasts(path: str, after: float) -> float:
        await asyncio.sleep(after)
        async with calling(served.ws(path), call_id=f"{path}-{after}") as caller:
            await caller.hears()
            await caller.beyond(caller.now)
            assert caller.now.end_call
            return round(loop.time() - begun)

    lasted = await asyncio.gather(lasts("/long", 0), lasts("/short", 10), lasts("/short", 20))
    assert list(lasted) == [120, 70, 80]


FULL = """
server: {port: 0}
numbers: {reception: "+442079460000"}
agents:
  a: {system: dummy}
  b: {system: dummy, lines: {apology: "All lines are busy."}}
routes:
  /few: {agent: a, limits: {calls: 1}, platforms: [retell, chat]}
  /sorry: {agent: b, limits: {calls: 1}, on_failure: {transfer: reception}, platforms: [retell, chat]}
  /many: a
"""
ASKED = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.failure(31)
async def test_a_caller_on_a_full_route_hears_a_goodbye_and_no_other_route_is_full(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(FULL)
    async with calling(served.ws("/few"), call_id="one") as caller:
        await caller.hears()
        for _ in range(3):
            async with calling(served.ws("/few")) as turned_away:
                heard = await turned_away.hears()
                assert (heard.text, heard.end_call) == ("Goodbye.", True)
                assert not turned_away.config, "nobody would answer its pings"
        async with calling(served.ws("/many")) as other:
            await other.hears()
            assert len(served.host.calls) == 2
        await caller.ping()
    assert caplog.text.count("/few is full: it has as many calls as 'limits' lets it have (1)") == 1


async def test_a_full_route_says_its_own_apology_and_does_what_it_does_on_failure(serve: Serve) -> None:
    served = await serve(FULL)
    async with calling(served.ws("/sorry")) as caller, calling(served.ws("/sorry")) as turned_away:
        await caller.hears()
        heard = await turned_away.hears()
        assert (heard.text, heard.transfer_to) == ("All lines are busy.", "+442079460000")
        async with aiohttp.ClientSession() as session, session.post(served.http("/sorry/chat/completions"), json=ASKED) as got:
            assert (await got.json())["choices"][0]["message"]["content"] == "All lines are busy."


async def test_a_redial_is_let_in_above_every_limit(serve: Serve) -> None:
    served = await serve(FULL)
    async with calling(served.ws("/few"), call_id="one") as caller:
        await caller.hears()
        await caller.drop()
        await caller.dial()
        await caller.says("hi")
        assert (await caller.hears()).text == "I am sorry, can you say that again?"


async def test_there_is_room_again_when_a_call_has_ended(serve: Serve) -> None:
    served = await serve(FULL)
    async with calling(served.ws("/few")) as caller:
        await caller.hears()
    while len(served.host.calls):  # noqa: ASYNC110  virtual time
        await asyncio.sleep(0.1)
    async with calling(served.ws("/few")) as caller:
        assert (await caller.hears()).text == "How may I help you?"


async def test_who_does_not_leave_is_dropped_and_too_many_are_refused_without_a_word(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(farewell, "MOST_LEAVING", 1)
    served = await serve(FULL)
    async with calling(served.ws("/few")) as caller:
        await caller.hears()
        async with calling(served.ws("/few")) as turned_away:
            await turned_away.hears()
            with pytest.raises(CannotDial) as refused:
                async with calling(served.ws("/few")):
                    pass
            assert refused.value.status == 503
            assert await turned_away.closed(within=100) == 1006
        async with calling(served.ws("/few")) as turned_away:
            await turned_away.hears()
