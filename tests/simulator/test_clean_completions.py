"""What is found in answers to requests for chat completions, and when nobody can be played with."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import get_args

import pytest
from aiohttp import ClientSession

from rejoinder.simulator.judging.findings import ChatFault, Play, Verdict
from rejoinder.simulator.playing.batch import Stage
from rejoinder.simulator.playing.placing import ModelAPI
from rejoinder.simulator.playing.target import Network
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.simulator.scenarios.steps import Says
from rejoinder.testing.llm import DONE, FakeLLM, Step, chunk

HANGS_UP = {"index": 0, "id": "c1", "type": "function", "function": {"name": "endCall", "arguments": "{}"}}
Script = Callable[[FakeLLM], None]
END = chunk(finish_reason="stop")


async def verdict_on(*scripts: Script, texts: tuple[str, ...] = ("When?", "And then?")) -> Verdict:
    """On a caller who says these, to a server that answers each by its script, and then as it should."""
    async with FakeLLM() as server, ClientSession() as session:
        for script in scripts:
            script(server)
        stage = Stage(Play(Scenario("a call", tuple(Says(text=text) for text in texts)), "/x"))
        await stage.perform(Network({"/x": ModelAPI(server.base_url, session)}))
        return stage.verdict


@pytest.mark.virtual_time
async def test_a_server_that_streams_as_it_should_passes() -> None:
    verdict = await verdict_on(lambda server: server.will_say("At nine."))
    assert (verdict.outcome, verdict.findings) == ("passed", ())


BAD: tuple[tuple[Script, str, str], ...] = (
    (lambda server: server.will_refuse(500), "refused_request", "HTTP 500"),
    (lambda server: server.will_send(b"data: Hello\n\n"), "no_chunk", "no chunk of a chat completion: 'Hello'"),
    (lambda server: server.will_send(b"Hello\n"), "no_chunk", "no server-sent event: 'Hello'"),
    (lambda server: server.will_send(chunk("At nine."), END), "no_done", "without [DONE]"),
    (lambda server: server.will_send(chunk("At nine."), DONE), "no_finish_reason", "without a finish_reason"),
    (
        lambda server: server.will_send(chunk("Bye.", tool_calls=[HANGS_UP]), END, DONE),
        "bad_tool_call",
        "the finish_reason of an answer with tool calls is 'stop', not 'tool_calls'",
    ),
    (
        lambda server: server.will_send(
            chunk("Bye.", tool_calls=[{"index": 0, "function": {"name": "endCall"}}]),
            chunk(finish_reason="tool_calls"),
            DONE,
        ),
        "bad_tool_call",
        "without its id and type: 'endCall'",
    ),
    (
        lambda server: server.will_send(
            chunk("Bye.", tool_calls=[{**HANGS_UP, "index": None}]), chunk(finish_reason="tool_calls"), DONE
        ),
        "bad_tool_call",
        "a tool call came without its index",
    ),
    (
        lambda server: server.will_send(
            chunk("Bye.", tool_calls=[{**HANGS_UP, "function": {"name": "end_call", "arguments": "{}"}}]),
            chunk(finish_reason="tool_calls"),
            DONE,
        ),
        "bad_tool_call",
        "a tool call is of end_call, which was not offered",
    ),
    (lambda server: server.will_send(b"data: a tool call: HTTP 500 [DONE]\n\n"), "no_chunk", "'a tool call: HTTP 500 [DONE]'"),
    (lambda server: server.will_send(b"data: \xff\n\n"), "no_chunk", "no chunk of a chat completion"),
    (lambda server: server.will_send(b"data: " + b"[" * 100_000 + b"\n\n"), "no_chunk", "no chunk of a chat completion"),
    (lambda server: server.will_say("At nine. And ", then=Step.CUT), "lost_answer", "the answer broke off"),
    (lambda server: server.will_do(Step.STALL), "lost_answer", "no answer within 20 s"),
)


@pytest.mark.virtual_time
@pytest.mark.parametrize(("script", "fault", "told"), BAD)
async def test_what_is_wrong_with_an_answer_has_a_name(script: Script, fault: str, told: str) -> None:
    verdict = await verdict_on(lambda server: server.will_say("At nine."), script)
    found = [finding for finding in verdict.findings if finding.check == "protocol_clean"]
    assert verdict.outcome == "failed"
    assert [finding.fault for finding in found] == [fault]
    assert told in found[0].what


def test_every_fault_that_has_a_name_is_among_them() -> None:
    assert {fault for _, fault, _ in BAD} == {*get_args(ChatFault)}


@pytest.mark.virtual_time
async def test_a_caller_waits_no_longer_for_what_was_refused() -> None:
    verdict = await verdict_on(lambda server: server.will_say("At nine."), lambda server: server.will_refuse(500))
    assert verdict.lasted < 10


@pytest.mark.virtual_time
async def test_who_answers_no_request_cannot_be_played_with() -> None:
    verdict = await verdict_on(*[lambda server: server.will_refuse(404)] * 2)
    assert verdict.outcome == "broken"
    told = verdict.findings[0].what
    assert told.startswith("no request is answered: HTTP 404: {")
    assert told.endswith("(is its route for chat completions, 'platforms: [retell, chat]', and is --key the route's secret?)")


@pytest.mark.virtual_time
async def test_a_redirect_is_not_followed() -> None:
    moved = {"Location": "http://127.0.0.1:1/elsewhere"}
    verdict = await verdict_on(*[lambda server: server.will_refuse(307, headers=moved)] * 2)
    assert verdict.findings[0].what.startswith("no request is answered: HTTP 307: ")
    assert verdict.findings[0].what.endswith("(name the URL behind the redirect: a platform need not follow)")


@pytest.mark.virtual_time
async def test_the_words_of_a_refusal_are_not_taken_for_its_status() -> None:
    verdict = await verdict_on(*[lambda server: server.will_refuse(502, error={"message": "HTTP 404, cannot be reached"})] * 2)
    assert "cannot be reached" in verdict.findings[0].what
    assert "(" not in verdict.findings[0].what


async def told_of_a_server_that_does(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], path: str = ""
) -> tuple[str, str]:
    """The URL of a server that answers each connection so, and the first that a call to it finds."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, ClientSession() as session:
        stage = Stage(Play(Scenario("a call", (Says(text="When?"),)), "/x"))
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await stage.perform(Network({"/x": ModelAPI(f"{url}{path}", session)}))
    return url, stage.verdict.findings[0].what


@pytest.mark.virtual_time
async def test_a_refusal_whose_words_never_come_is_told_by_its_status() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\n")
        await reader.read()
        writer.close()

    _, told = await told_of_a_server_that_does(refuse)
    assert told == "no request is answered: HTTP 503: Service Unavailable"


@pytest.mark.virtual_time
async def test_an_answer_is_over_with_its_done() -> None:
    def goes_on(server: FakeLLM) -> None:
        server.will_send(chunk("At nine."), END, DONE, chunk("More."), Step.STALL)

    verdict = await verdict_on(goes_on, goes_on)
    assert (verdict.outcome, verdict.findings) == ("passed", ())
    assert [turn.heard for turn in verdict.journal.turns[1:]] == ["At nine.", "At nine."]


@pytest.mark.virtual_time
async def test_who_is_not_there_is_told_in_a_line_without_the_secret() -> None:
    async with ClientSession() as session:
        stage = Stage(Play(Scenario("a call", (Says(text="When?"),)), "/x"))
        await stage.perform(Network({"/x": ModelAPI("http://127.0.0.1:1/route/secret", session)}))
    assert [finding.what for finding in stage.verdict.findings] == [
        "no request is answered: http://127.0.0.1:1 cannot be reached: Connection refused (is the server running?)"
    ]


@pytest.mark.virtual_time
async def test_who_speaks_no_http_is_told_in_a_line() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ready\r\n")
        await reader.read()
        writer.close()

    url, told = await told_of_a_server_that_does(greet, "/route")
    assert told == (
        f"no request is answered: {url} cannot be reached: what answers there does not speak HTTP "
        "(is it the port of something else?)"
    )


@pytest.mark.virtual_time
async def test_a_call_in_which_nothing_was_asked_says_nothing_against_the_server() -> None:
    assert (await verdict_on(texts=())).outcome == "passed"
