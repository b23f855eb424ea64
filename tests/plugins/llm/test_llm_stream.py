"""What a server streams, and what of it is spoken: every way in which real servers differ from the book."""

import asyncio
import json
from typing import Any

import pytest
import uvloop

from rejoinder import Call, CallFacts, Details, Transcript, Turn, Usage, Utterance
from rejoinder.testing.llm import DONE, FakeLLM, Step, chunk, event, usage
from rejoinder_llm import LLMOptions, rejoinder_response_system


async def test_yields_texts_as_they_come_with_their_spaces_and_then_the_usage(server: FakeLLM, agent: Any) -> None:
    server.will_say(" Good", " day,", "", "\n", "caller. ")
    assert await (await agent()).says("Hello") == [" Good", " day,", "\n", "caller. ", Usage(10, 5)]


@pytest.mark.failure(27)
async def test_the_first_text_is_there_before_the_answer_ends(server: FakeLLM, agent: Any) -> None:
    server.will_say("One moment.", then=Step.STALL)
    caller = await agent()
    reply = caller.system.respond(caller.turn("Hello"))
    assert await anext(reply) == "One moment."
    await reply.aclose()


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b'data:{"choices":[{"delta":{"content":"Hi."}}]}\n\ndata:[DONE]\n\n', id="no space after data:"),
        pytest.param(b": waiting\n\n: waiting\n\n" + chunk("Hi.") + DONE, id="comments"),
        pytest.param((chunk("Hi.") + DONE).replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param((chunk("Hi.") + DONE).replace(b"\n", b"\r"), id="CR alone"),
        pytest.param((chunk("Hi.") + DONE).replace(b"\n\n", b"\n"), id="no blank lines"),
        pytest.param(b"\xef\xbb\xbf" + chunk("Hi.") + DONE, id="byte order mark"),
        pytest.param(b"event: message\nid: 1\nretry: 5\n" + chunk("Hi.") + DONE, id="other fields"),
        pytest.param(chunk("Hi.") + chunk(finish_reason="stop"), id="no DONE"),
        pytest.param(chunk("Hi.", finish_reason="stop").rstrip(), id="last line without its end"),
        pytest.param(chunk("Hi.") + DONE + chunk("Never."), id="words after DONE"),
        pytest.param(event({"choices": []}) + event({"choices": None}) + chunk("Hi.") + DONE, id="empty choices"),
        pytest.param(event({"choices": [{"delta": None}]}) + chunk("Hi.") + chunk() + DONE, id="empty deltas"),
        pytest.param(chunk(None, role="assistant", reasoning_content="Hm.") + chunk("Hi.") + DONE, id="reasoning"),
        pytest.param(b"data:\n\ndata: {broken\n\n" + chunk("Hi.") + DONE, id="broken event"),
        pytest.param(event({"choices": [{"delta": {"content": 7}}]}) + chunk("Hi.") + DONE, id="wrong type"),
        pytest.param(event({"error": None, "choices": [{"delta": {"content": "Hi."}}]}) + DONE, id="null error"),
    ],
)
async def test_understands(server: FakeLLM, agent: Any, wire: bytes) -> None:
    server.will_send(wire)
    assert await (await agent()).says("Hello") == ["Hi."]


async def test_puts_together_what_was_cut_inside_a_character_and_inside_a_line(server: FakeLLM, agent: Any) -> None:
    wire = chunk("Grüße, 你好.") + usage(3, 2) + DONE
    server.will_send(*(wire[at : at + 1] for at in range(len(wire))))
    assert await (await agent()).says("Hello") == ["Grüße, 你好.", Usage(3, 2)]


async def test_a_line_beyond_half_a_megabyte_is_read(server: FakeLLM, agent: Any) -> None:
    server.will_send(chunk("x" * 600 * 1024), DONE)
    assert len(await (await agent()).hears("Hello")) == 600 * 1024


async def test_an_endless_line_is_a_failure(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_send(b"data: " + b"x" * 9 * 2**20)
    assert "(broken off)" in await (await agent()).fails("Hello")
    assert "a line of megabytes" in complaints.text


async def test_a_server_that_ignores_stream_is_heard_too(server: FakeLLM, agent: Any) -> None:
    answer = {"choices": [{"message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}]}
    counted = answer | {"usage": {"prompt_tokens": 5, "completion_tokens": 1}}
    server.will_send(json.dumps(counted, indent=2).encode(), content_type="application/json")
    assert await (await agent()).says("Hello") == ["Hi.", Usage(5, 1)]


async def test_a_tool_that_nobody_offered_is_passed_over_with_one_line(server: FakeLLM, agent: Any, complaints: Any) -> None:
    call = {"index": 0, "id": "t1", "type": "function", "function": {"name": "book", "arguments": "{}"}}
    server.will_send(chunk(tool_calls=[call]), chunk("Hi.", tool_calls=[call]), chunk(finish_reason="tool_calls"), DONE)
    assert await (await agent()).says("Hello") == ["Hi."]
    assert len(complaints.messages) == 1
    assert "asked for a tool" in complaints.messages[0]


async def test_an_answer_cut_at_max_tokens_is_kept_and_logged(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_say("A long", finish_reason="length")
    assert await (await agent(max_tokens=2)).hears("Hello") == "A long"
    assert complaints.messages == ["small used up options.max_tokens (2)"]


async def test_a_model_that_only_thought_says_what_to_set(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_say(finish_reason="length")
    assert "(no words)" in await (await agent()).fails("Hello")
    assert "options.reasoning_effort" in complaints.text


async def test_a_filtered_answer_is_a_failure(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_say(finish_reason="content_filter")
    assert "(no words)" in await (await agent()).fails("Hello")
    assert complaints.messages == ["the server's content filter stopped small"]


async def test_what_cannot_be_spoken_is_no_answer(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_say(" ", "...", "\n")
    assert "(no words)" in await (await agent()).fails("Hello")
    assert "without a word (finish_reason stop)" in complaints.text


async def test_what_cannot_be_spoken_is_said_with_the_words_behind_it(server: FakeLLM, agent: Any) -> None:
    server.will_say("\n", "¿", "Qué", " ", "dice", "?")
    assert await (await agent()).says("Hola") == ["\n¿Qué", " ", "dice", "?", Usage(10, 6)]


async def test_a_web_page_in_place_of_an_answer_is_a_failure_that_names_base_url(
    server: FakeLLM, agent: Any, complaints: Any
) -> None:
    server.will_send(b"<!doctype html><title>Hi</title>", content_type="text/html")
    assert "(no words)" in await (await agent()).fails("Hello")
    assert "is options.base_url the address of an API?" in complaints.text


async def test_a_server_that_keeps_the_connection_after_its_last_word_does_not_hold_the_turn(
    server: FakeLLM, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rejoinder_llm.client.AFTER_DONE", 0.01)
    monkeypatch.setattr("rejoinder_llm.client.AFTER_FINISH", 0.01)
    server.will_send(chunk("Hi."), DONE, Step.STALL)
    server.will_send(chunk("Hi."), chunk(finish_reason="stop"), Step.STALL)
    caller = await agent()
    assert [await caller.says("Hello"), await caller.says("Hello")] == [["Hi."], ["Hi."]]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_streams_and_aborts_on_both_event_loops(new_loop: Any) -> None:
    async def call() -> None:
        async with FakeLLM() as server:
            server.will_say("Hi.")
            server.will_say("Well,", then=Step.STALL)
            options = LLMOptions(base_url=server.base_url, model="small")
            async with rejoinder_response_system().open(options) as make:
                facts = CallFacts("c1", "/llm", "ava", "retell")
                system: Any = make(Call(facts, lambda order: None, lambda name: None, Details()))
                turn = Turn(1, "response", Transcript((Utterance("user", "Hello"),)))
                assert [output async for output in system.respond(turn)] == ["Hi.", Usage(10, 1)]
                reply = system.respond(turn)
                assert await anext(reply) == "Well,"
                rest = asyncio.ensure_future(anext(reply))
                await asyncio.sleep(0)
                rest.cancel()
                await asyncio.wait([rest])
                await server.until(aborted=1)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(call())
