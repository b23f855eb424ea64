"""Chat completions on the same routes, with OpenAI's own package as the platform."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import openai
import pytest

from served import Serve, Served

YAML = """
server: {port: 0}
agents:
  dummy: {system: dummy}
  echo: {system: echo}
  rules: {system: rules, options: {rules: [{when: bye, say: Goodbye., end_call: true}], default: What?}}
  llm: {system: llm}
  waiting: {system: acting, options: {act: waiting}}
  endless: {system: acting, options: {act: endless}}
  crashing: {system: acting, options: {act: crashing}}
  interrupting: {system: acting, options: {act: interrupting}}
routes:
  /dummy: dummy
  /echo: echo
  /rules: rules
  /llm: llm
  /waiting: waiting
  /endless: endless
  /crashing: crashing
  /interrupting: interrupting
  /closed: {agent: dummy, platforms: [retell]}
"""


@asynccontextmanager
async def client(served: Served, path: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=served.http(path), api_key="any", max_retries=0) as made:
        yield made


async def streamed(made: openai.AsyncOpenAI, text: str, **more: object) -> str:
    stream = await made.chat.completions.create(
        model="any",
        messages=[{"role": "user", "content": text}],
        stream=True,
        extra_body=more or None,
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def until(come: Callable[[], object]) -> None:
    for _ in range(2000):
        if come():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/dummy", "I am sorry, can you say that again?"),
        ("/echo", "You said: hello"),
        ("/rules", "What?"),
        ("/llm", "I am sorry, could you say that again?"),
        ("/crashing", "I am sorry, could you say that again?"),
        ("/dummy/v1", "I am sorry, can you say that again?"),
    ],
)
async def test_openais_client_is_answered_by_every_agent(serve: Serve, path: str, answer: str) -> None:
    served = await serve(YAML)
    async with client(served, path) as made:
        assert await streamed(made, "hello") == answer
        whole = await made.chat.completions.create(model="any", messages=[{"role": "user", "content": "hello"}])
        assert whole.choices[0].message.content == answer
        assert whole.choices[0].finish_reason == "stop"


async def test_a_request_without_an_identity_is_a_call_of_its_own(serve: Serve) -> None:
    served = await serve(YAML)
    async with client(served, "/echo") as made:
        assert await streamed(made, "one") == "You said: one"
        await until(lambda: not len(served.host.calls))


async def test_requests_of_one_call_share_it(serve: Serve) -> None:
    served = await serve(YAML)
    async with client(served, "/echo") as made:
        for text in ("one", "two"):
            assert await streamed(made, text, call={"id": "v1"}) == f"You said: {text}"
        assert len(served.host.calls) == 1


async def test_closing_the_request_interrupts_the_turn(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(YAML)
    async with client(served, "/waiting") as made:
        stream = await made.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "x"}], stream=True, extra_body={"call": {"id": "v1"}}
        )
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                break
        await stream.close()
        await until(lambda: "turn 1 (response) interrupted" in caplog.text)


async def test_a_newer_request_of_a_call_interrupts_the_older(serve: Serve) -> None:
    served = await serve(YAML)
    async with client(served, "/endless") as made:
        first = await made.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "x"}], stream=True, extra_body={"call": {"id": "v1"}}
        )
        await anext(aiter(first))
        second = await made.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "y"}], stream=True, extra_body={"call": {"id": "v1"}}
        )
        cut_off = [chunk async for chunk in first]
        assert not cut_off or cut_off[-1].choices[0].finish_reason is None
        await anext(aiter(second))
        await second.close()


async def test_a_hang_up_is_the_platforms_tool(serve: Serve) -> None:
    served = await serve(YAML)
    tool = {"type": "function", "function": {"name": "endCall", "parameters": {"type": "object", "properties": {}}}}
    async with client(served, "/rules") as made:
        whole = await made.chat.completions.create(
            model="any",
            messages=[{"role": "user", "content": "bye"}],
            tools=[tool],  # type: ignore[list-item]
        )
    assert whole.choices[0].message.content == "Goodbye."
    assert whole.choices[0].message.tool_calls is not None
    assert whole.choices[0].message.tool_calls[0].function.name == "endCall"  # type: ignore[union-attr]


@pytest.mark.parametrize("body", ["", "nonsense", "[]", "{}", '{"messages": 5}', '{"messages": [{"content": "x"}]}'])
async def test_a_malformed_request_is_told_what_is_wrong(serve: Serve, body: str) -> None:
    served = await serve(YAML)
    async with aiohttp.ClientSession() as session:
        async with session.post(served.http("/dummy/chat/completions"), data=body) as got:
            assert got.status == 400
            assert (await got.json())["error"]["type"] == "invalid_request_error"
        assert not len(served.host.calls)


async def test_what_is_no_request_for_a_completion_is_let_be(serve: Serve) -> None:
    served = await serve(YAML)
    async with aiohttp.ClientSession() as session:
        async with session.post(
            served.http("/dummy/chat/completions"), json={"message": {"type": "status-update", "status": "ended"}}
        ) as got:
            assert got.status == 200
        async with session.get(served.http("/dummy/chat/completions")) as got:
            assert got.status == 405


async def test_only_routes_for_chat_take_completions(serve: Serve) -> None:
    served = await serve(YAML)
    body = {"messages": [{"role": "user", "content": "x"}]}
    async with aiohttp.ClientSession() as session:
        for path in ("/closed", "/nowhere"):
            async with session.post(served.http(f"{path}/chat/completions"), json=body) as got:
                assert got.status == 404
        forwarded = {"X-Forwarded-For": "203.0.113.9"}
        async with session.post(served.http("/dummy/chat/completions"), json=body, headers=forwarded) as got:
            assert got.status == 404


async def test_an_agent_that_speaks_out_of_turn_completes_the_answer_with_that(serve: Serve) -> None:
    served = await serve(YAML)
    async with client(served, "/interrupting") as made, asyncio.timeout(5):
        assert (await streamed(made, "hello")).strip() == "Listen!"


async def test_a_request_whose_body_comes_after_a_reload_is_answered_by_the_agent_that_answers_now(serve: Serve) -> None:
    """The one that was there when it began has closed."""
    served = await serve(YAML)
    body = b'{"messages": [{"role": "user", "content": "hello"}]}'

    async def in_two_pieces() -> AsyncIterator[bytes]:
        yield body[:9]
        served.write(YAML.replace("{system: echo}", "{system: echo, options: {prefix: 'Now: '}}"))
        assert await served.host.reloader.reload()
        yield body[9:]

    url = served.http("/echo/chat/completions")
    async with asyncio.timeout(5), aiohttp.ClientSession() as session, session.post(url, data=in_two_pieces()) as answered:
        assert (await answered.json())["choices"][0]["message"]["content"] == "Now: hello"


async def test_a_call_whose_caller_hung_up_on_an_answer_is_not_reported_as_lost(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    served = await serve(YAML)
    async with client(served, "/waiting") as made:
        stream = await made.chat.completions.create(model="any", messages=[{"role": "user", "content": "hello"}], stream=True)
        async for _ in stream:
            break
        await stream.close()
        await until(lambda: not len(served.host.calls))
    ended = [record for record in caplog.records if getattr(record, "event", "") == "call ended"]
    assert [(record.levelname, getattr(record, "ended_by", "")) for record in ended] == [("INFO", "platform")]
