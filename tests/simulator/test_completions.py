"""A simulated platform of chat completions, against a scripted server and against the host."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from rejoinder.simulator.judging.clean_completions import bad_completions
from rejoinder.simulator.platform import completions
from rejoinder.simulator.platform.call import CallOver, NeverCame, NotPossible
from rejoinder.simulator.platform.completions import Completions
from rejoinder.testing.llm import DONE, FakeLLM, Step, chunk
from served import Serve

pytestmark = pytest.mark.virtual_time

YAML = """
server: {port: 0}
numbers: {desk: "+15550003333"}
agents:
  rules:
    system: rules
    options:
      rules:
        - {when: bye, say: Goodbye., end_call: true}
        - {when: person, say: One moment., transfer: desk}
      default: We open at nine on each day of the week and close at five.
routes: {/rules: rules}
"""


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as made:
        yield made


@pytest.fixture
async def server() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as made:
        yield made


async def test_the_history_is_posted_whole_for_each_turn(server: FakeLLM, session: ClientSession) -> None:
    server.will_say("At ", "nine.")
    async with Completions(
        server.base_url, session, call_id="c1", first_message="Hello.", prompt="Be brief.", api_key="k"
    ) as call:
        assert (await call.agent_finished()).heard == "Hello."
        await call.says("When?")
        turn = await call.agent_finished()
        await call.says("Thanks.")
        await call.agent_finished()
    assert (turn.heard, [text for _, text in turn.chunks]) == ("At nine.", ["At ", "nine."])
    assert [message["role"] for message in server.requests[1].messages] == ["system", "assistant", "user", "assistant", "user"]
    assert server.requests[0].body["call"]["id"] == "c1"
    assert server.requests[0].headers["authorization"] == "Bearer k"
    assert (call.journal.platform, call.journal.reason) == ("chat", "user_hangup")


async def test_a_caller_who_cuts_in_closes_the_request(server: FakeLLM, session: ClientSession) -> None:
    server.will_say("We open at nine. And then ", then=Step.STALL)
    server.will_say("Yes.")
    async with Completions(server.base_url, session) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.heard_words(3)
        closed = asyncio.create_task(server.until(aborted=1))
        await call.says("Stop it, please.")
        assert closed.done()
        assert (await call.agent_finished()).heard == "Yes."
    assert (call.journal.turns[1].heard, call.journal.turns[1].cut) == ("We open at", True)
    assert server.requests[1].messages[1:] == [
        {"role": "assistant", "content": "We open at"},
        {"role": "user", "content": "Stop it, please."},
    ]


async def test_an_answer_that_breaks_off_or_is_refused_is_silence(server: FakeLLM, session: ClientSession) -> None:
    server.will_say("We open at nine. ", then=Step.CUT)
    server.will_refuse(500)
    server.will_send(b"data: Hello\n\n")
    server.will_send(chunk("At nine."), chunk(finish_reason="stop"))
    server.will_send(DONE)
    async with Completions(server.base_url, session) as call:
        await call.agent_finished()
        for _ in range(3):
            await call.says("When?")
            with pytest.raises(NeverCame):
                await call.agent_finished(within=10)
        await call.says("When?")
        assert (await call.agent_finished()).heard == "At nine."
        await call.says("When?")
        assert (await call.agent_finished()).heard == ""
    assert call.journal.turns[1].heard == "We open at nine."
    assert len(call.journal.of("lost")) == 1
    told = [entry.text for entry in call.journal.of("dropped")]
    assert told[0].startswith("HTTP 500: ")
    assert told[1:] == [
        "it is no chunk of a chat completion: 'Hello'",
        "the answer ended without [DONE]",
        "the answer ended without a finish_reason",
    ]


async def test_an_answer_without_end_is_left(server: FakeLLM, session: ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completions, "LONGEST_TURN", 100)
    server.will_say(*["and on "] * 20, then=Step.STALL)
    server.will_send(b"data: " + b"a" * 1_000_000)
    async with Completions(server.base_url, session) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.silent(5)
        await call.says("When?")
        await call.silent(5)
    assert [entry.text for entry in call.journal.of("dropped")] == [
        "the answer goes on after 100 characters, and the rest is not kept",
        "it is no server-sent event: a line without end",
    ]
    assert [one.fault for one in bad_completions(call.journal)] == ["endless_answer", "no_chunk"]


async def test_a_server_that_never_begins_to_answer_is_left(server: FakeLLM, session: ClientSession) -> None:
    server.will_do(Step.STALL)
    async with Completions(server.base_url, session) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.silent(25)
    assert [entry.text for entry in call.journal.of("lost")] == ["no answer within 20 s"]


async def test_a_server_that_is_not_there_is_told_of(server: FakeLLM, session: ClientSession) -> None:
    async with Completions("http://127.0.0.1:1/v1", session) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.silent(5)
    assert call.journal.of("lost")[0].text == "http://127.0.0.1:1 cannot be reached: Connection refused"


async def test_the_host_answers_transfers_and_hangs_up(serve: Serve, session: ClientSession) -> None:
    served = await serve(YAML)
    async with Completions(served.http("/rules"), session) as call:
        await call.agent_finished()
        await call.says("When?")
        await call.heard_words(4)
        await call.says("Bye.")
        turn = await call.agent_finished()
        with pytest.raises(CallOver):
            await call.silent(1)
    assert (turn.heard, turn.action, call.journal.reason) == ("Goodbye.", "hang_up", "agent_hangup")
    assert call.journal.turns[1].heard == "We open at nine"
    async with Completions(served.http("/rules/v1"), session) as call:
        await call.agent_finished()
        await call.says("A person, please.")
        turn = await call.agent_finished()
    assert (turn.heard, turn.action, turn.target) == ("One moment.", "transfer", "+15550003333")
    assert call.journal.of("dropped") == []


async def test_what_chat_completions_do_not_have_cannot_happen_to_them(server: FakeLLM, session: ClientSession) -> None:
    server.will_say("We open at nine. ", then=Step.STALL)
    async with Completions(server.base_url, session) as call:
        await call.agent_finished()
        for fault in (call.lose_keepalive, lambda: call.duplicate(1), lambda: call.reorder(2)):
            with pytest.raises(NotPossible):
                fault()
        with pytest.raises(NotPossible):
            await call.second_socket()
        await call.says("When?")
        await call.silent(1)
        call.drop()
        await call.silent(5)
    await server.until(aborted=1)
    assert call.journal.turns[1].heard == "We open at nine."
    assert call.journal.turns[1].completed_at is None


async def test_a_platform_that_reads_slowly_hears_later(server: FakeLLM, session: ClientSession) -> None:
    server.will_say("At nine.")
    async with Completions(server.base_url, session) as call:
        await call.agent_finished()
        call.read_slowly(5)
        await call.says("When?")
        turn = await call.agent_finished()
    assert turn.chunks[0][0] == pytest.approx(5)
