"""A server that fails, is late or is not there: the reply fails, or says the owner's line, and the log says what to set."""

import socket
from typing import Any

import pytest

from rejoinder import Secret
from rejoinder.testing.llm import DONE, FakeLLM, Step, chunk, event
from rejoinder_llm.failure import QUIET, Complaints

KEY = "sk-very-secret"
WORDS = "my number is 4711"


@pytest.mark.parametrize(
    ("status", "error", "advice"),
    [
        (401, {"code": "invalid_api_key"}, "(type error, code invalid_api_key): set options.api_key (OPENAI_API_KEY"),
        (403, {}, "set options.api_key"),
        (404, {"code": "model_not_found"}, "check options.model (small) and options.base_url, which usually ends in /v1"),
        (429, {"code": "insufficient_quota"}, "the account's rate or quota is used up"),
        (400, {"param": "max_tokens"}, "set options.max_tokens_field to max_completion_tokens"),
        (400, {"param": "max_completion_tokens"}, "set options.max_tokens_field to max_tokens"),
        (400, {"param": "stream_options"}, "set options.include_usage to false"),
        (400, {"param": "messages.[2].role"}, "set options.instruction_role to user"),
        (400, {"param": "temperature"}, "check options.temperature"),
        (422, {}, "check options.model and the options beside it"),
        (302, {}, "set options.base_url to the final address"),
        (500, {}, "the server is in trouble"),
    ],
)
async def test_a_refusal_is_a_failure_and_one_line_that_says_what_to_set(
    server: FakeLLM, agent: Any, complaints: Any, status: int, error: dict[str, object], advice: str
) -> None:
    server.will_refuse(status, error | {"message": f"{WORDS}: bad key {KEY}"})
    caller = await agent(api_key=Secret(KEY))
    for _ in range(2):
        assert await caller.fails(WORDS) == f"no answer from {server.base_url} (status {status})"
    assert len(complaints.messages) == 1
    assert f"answered {status}" in complaints.text
    assert advice in complaints.text
    assert KEY not in complaints.text
    assert WORDS not in complaints.text


async def test_what_stands_where_an_identifier_should_is_not_logged(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_refuse(400, {"code": WORDS, "type": KEY + " !", "param": {"said": WORDS}})
    assert WORDS not in await (await agent()).fails(WORDS)
    assert WORDS not in complaints.text
    assert KEY not in complaints.text


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff", b'"no"', b"[" * 9000])
async def test_a_refusal_in_no_known_form_is_a_failure(server: FakeLLM, agent: Any, body: bytes) -> None:
    server.will_send(body, status=400)
    assert "(status 400)" in await (await agent()).fails("Hello")


async def test_without_a_key_the_default_server_is_not_asked_and_the_log_says_once_what_to_set(
    agent: Any, complaints: Any
) -> None:
    caller = await agent(base_url="https://api.openai.com/v1", keep_warm=True)
    assert len(complaints.messages) == 1
    assert "set OPENAI_API_KEY" in complaints.messages[0]
    assert "options.base_url" in complaints.messages[0]
    for _ in range(2):
        assert await caller.fails("Hello") == "no answer from https://api.openai.com/v1 (key missing)"
    assert len(complaints.messages) == 1


async def test_no_server_at_all_is_a_failure_that_names_base_url(agent: Any, complaints: Any) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        caller = await agent(base_url=f"http://user:pass@127.0.0.1:{nobody.getsockname()[1]}/v1", keep_warm=True)
        failure = await caller.fails("Hello")
    assert "(unreachable)" in failure
    assert "pass@" not in failure
    assert "check options.base_url and that the server runs" in complaints.text
    assert "pass@" not in complaints.text


async def test_silence_before_the_first_event_is_late(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_do(Step.STALL)
    server.will_send(b": still queued\n\n", Step.STALL)
    caller = await agent(first_byte_timeout=0.05)
    for _ in range(2):
        assert "(first_byte_timeout)" in await caller.fails("Hello")
    assert "silent for 0.05 s (options.first_byte_timeout) with model small" in complaints.text
    await server.until(aborted=2)


async def test_silence_in_mid_stream_keeps_what_was_said(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_say("Let me", then=Step.STALL)
    assert await (await agent(idle_timeout=0.05)).says("Hello") == ["Let me"]
    assert "options.idle_timeout" in complaints.text
    await server.until(aborted=1)


async def test_silence_after_nothing_speakable_is_late(server: FakeLLM, agent: Any) -> None:
    server.will_say(then=Step.STALL)
    assert "(idle_timeout)" in await (await agent(idle_timeout=0.05)).fails("Hello")


async def test_an_answer_cut_in_the_middle_keeps_what_was_said(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_say("Let me ", "look", then=Step.CUT)
    assert await (await agent()).says("Hello") == ["Let me ", "look"]
    assert "broke off its answer" in complaints.text
    assert len(server.requests) == 1


async def test_a_body_that_ends_too_early_keeps_what_was_said(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_send(chunk("Let me"))
    assert await (await agent()).says("Hello") == ["Let me"]
    assert "broke off its answer (without an end)" in complaints.text


async def test_an_answer_cut_after_its_last_word_is_whole(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_send(chunk("Hi.", finish_reason="stop"), Step.CUT)
    assert await (await agent()).says("Hello") == ["Hi."]
    assert not complaints.messages


async def test_an_error_in_the_stream_keeps_what_was_said(server: FakeLLM, agent: Any, complaints: Any) -> None:
    error = event({"error": {"message": WORDS, "type": "server_error", "code": 502}})
    server.will_send(chunk("Let me") + error + DONE)
    server.will_send(error, DONE)
    server.will_send(event({"error": "overloaded"}), DONE)
    caller = await agent()
    assert await caller.says(WORDS) == ["Let me"]
    for _ in range(2):
        assert "(reported)" in await caller.fails(WORDS)
    assert "reported an error in its answer (type server_error, code 502)" in complaints.text
    assert WORDS not in complaints.text


@pytest.mark.parametrize("status", [500, 502, 503, 529])
async def test_a_server_in_trouble_is_asked_once_more(server: FakeLLM, agent: Any, complaints: Any, status: int) -> None:
    server.will_refuse(status)
    server.will_say("Hi.")
    assert await (await agent()).hears("Hello") == "Hi."
    assert len(server.requests) == 2
    assert not complaints.messages


async def test_a_connection_lost_before_the_first_event_is_tried_once_more(server: FakeLLM, agent: Any) -> None:
    server.will_do(Step.CUT)
    server.will_say("Hi.")
    server.will_send(Step.CUT)
    server.will_say("Ho.")
    caller = await agent()
    assert [await caller.hears("Hello"), await caller.hears("Hello")] == ["Hi.", "Ho."]


async def test_there_is_no_second_retry(server: FakeLLM, agent: Any) -> None:
    server.will_do(Step.CUT)
    assert "(unreachable)" in await (await agent()).fails("Hello")
    assert len(server.requests) == 2


async def test_a_short_wait_that_the_server_asks_for_is_waited(server: FakeLLM, agent: Any) -> None:
    server.will_refuse(429, headers={"Retry-After": "0"})
    server.will_say("Hi.")
    assert await (await agent()).hears("Hello") == "Hi."


@pytest.mark.parametrize(
    ("status", "retry_after"), [(429, ""), (429, "60"), (429, "Wed, 21 Oct 2026 07:28:00 GMT"), (503, "3600"), (400, "0")]
)
async def test_a_long_wait_is_no_wait_on_the_telephone(server: FakeLLM, agent: Any, status: int, retry_after: str) -> None:
    server.will_refuse(status, headers={"Retry-After": retry_after})
    assert f"(status {status})" in await (await agent()).fails("Hello")
    assert len(server.requests) == 1


async def test_a_line_of_the_owner_is_said_instead(server: FakeLLM, agent: Any, complaints: Any) -> None:
    server.will_refuse(400)
    caller = await agent(error_line="{{ vars.company }} no puede oírle.", timeout_line="Un momento.", language="es-ES")
    assert await caller.says("Hola") == ["Ribera Clinic no puede oírle."]
    assert "answered 400" in complaints.text
    server.will_do(Step.STALL)
    caller = await agent(error_line="No puedo.", timeout_line="Un momento.", first_byte_timeout=0.05)
    assert await caller.says("Hola") == ["Un momento."]


async def test_a_line_for_one_failure_is_none_for_the_other(server: FakeLLM, agent: Any) -> None:
    server.will_refuse(400)
    assert await (await agent(timeout_line="One moment.")).fails("Hello")
    server.will_do(Step.STALL)
    assert await (await agent(error_line="Sorry.", first_byte_timeout=0.05)).fails("Hello")


@pytest.mark.parametrize("line", ["", "Sorry."])
async def test_a_reminder_that_cannot_be_had_is_never_an_apology(server: FakeLLM, agent: Any, line: str) -> None:
    server.will_refuse(400)
    assert await (await agent(error_line=line)).fails("Hello", kind="reminder")


def test_a_complaint_comes_once_a_minute_with_the_count_of_those_held_back(complaints: Any) -> None:
    now = 1000.0
    said = Complaints(lambda: now)
    for _ in range(4):
        said.say("status 401", "no key")
    said.say("late", "too slow")
    now += QUIET
    said.say("status 401", "no key")
    assert complaints.messages == ["no key", "too slow", "no key (and 3 times more since this was last said)"]
