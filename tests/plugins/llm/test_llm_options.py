"""The options: what is sent for them, and what is refused when the file is read."""

from typing import Any

import msgspec
import pytest

from rejoinder import Secret
from rejoinder.testing.llm import FakeLLM
from rejoinder_llm import LLMOptions


def read(**options: Any) -> LLMOptions:
    """Options as the host reads them from a file."""
    return msgspec.convert(options, LLMOptions, dec_hook=lambda kind, value: Secret(value))


async def test_sends_only_what_was_set(agent: Any) -> None:
    caller = await agent(prompt="")
    await caller.says("Hello")
    assert caller.asked.body == {
        "model": "small",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 300,
        "messages": [{"role": "user", "content": "Hello"}],
    }


async def test_sends_all_that_was_set(agent: Any) -> None:
    given: dict[str, Any] = {
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ("###",),
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": -0.1,
        "reasoning_effort": "low",
    }
    caller = await agent(prompt="", include_usage=False, max_tokens=9, max_tokens_field="max_completion_tokens", **given)
    await caller.says("Hello")
    assert dict(caller.asked.body) == given | {
        "model": "small",
        "stream": True,
        "max_completion_tokens": 9,
        "stop": ["###"],
        "messages": [{"role": "user", "content": "Hello"}],
    }


async def test_extra_fields_win(agent: Any) -> None:
    caller = await agent(extra_body={"top_k": 5, "model": "other"})
    await caller.says("Hello")
    assert caller.asked.body["top_k"] == 5
    assert caller.asked.body["model"] == "other"


async def test_sends_key_and_headers_and_asks_for_no_compression(agent: Any) -> None:
    caller = await agent(api_key=Secret(" k1\n"), headers={"X-Org": Secret("clinic")})
    await caller.says("Hello")
    headers = caller.asked.headers
    assert headers["authorization"] == "Bearer k1"
    assert headers["x-org"] == "clinic"
    assert headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json"


async def test_a_header_of_the_owner_replaces_our_own(agent: Any) -> None:
    caller = await agent(api_key=Secret("k1"), headers={"Authorization": Secret("Basic k2")})
    await caller.says("Hello")
    assert caller.asked.headers["authorization"] == "Basic k2"


async def test_without_a_key_none_is_sent(agent: Any, server: FakeLLM) -> None:
    caller = await agent(api_key=Secret(""))
    assert await caller.hears("Hello") == "Hello."
    assert "authorization" not in caller.asked.headers


def test_openai_is_asked_in_its_own_words() -> None:
    fields = read().request_fields()
    assert fields["max_completion_tokens"] == 300
    assert "max_tokens" not in fields
    assert fields["reasoning_effort"] == "none"
    assert "reasoning_effort" not in read(model="gpt-4.1-mini").request_fields()


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://h/v1", "http://h/v1/chat/completions"),
        ("http://h/v1/", "http://h/v1/chat/completions"),
        ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
        ("http://h/openai?api-version=2", "http://h/openai/chat/completions?api-version=2"),
    ],
)
def test_finds_the_address_to_ask(base_url: str, url: str) -> None:
    assert read(base_url=base_url).url("chat/completions") == url


@pytest.mark.parametrize(
    ("options", "lacks"),
    [
        ({}, True),
        ({"api_key": ""}, True),
        ({"api_key": "k"}, False),
        ({"base_url": "http://localhost:11434/v1"}, False),
        ({"headers": {"Authorization": "Bearer k"}}, False),
        ({"base_url": "https://eu.api.openai.com/v1"}, True),
    ],
)
def test_knows_when_a_key_is_needed(options: dict[str, Any], lacks: bool) -> None:
    assert read(**options).lacks_key is lacks


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"base_url": "localhost:8000"}, "base_url must begin with http:// or https://"),
        ({"base_url": "https://"}, "and name a host"),
        ({"extra_body": {"stream": False, "messages": []}}, "extra_body must not hold messages, stream"),
        ({"headers": {"X-A": "a\nb"}}, "headers: 'X-A' has a name or value that cannot be sent"),
        ({"headers": {"X-Ä": "a"}}, "cannot be sent"),
        ({"api_key": "a\nb"}, "api_key holds a character that cannot be sent"),
        ({"temperature": 3}, "<= 2"),
        ({"max_tokens": 0}, ">= 1"),
        ({"max_tokens": 5000}, "<= 4096"),
        ({"top_p": "high"}, "Expected `float | null`"),
        ({"first_byte_timeout": 0}, "> 0"),
        ({"modle": "x"}, "unknown field `modle`"),
    ],
)
def test_refuses(options: dict[str, Any], what: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refusal:
        read(**options)
    assert what in str(refusal.value)
    assert "a\nb" not in str(refusal.value)


def test_every_option_is_described() -> None:
    schema = msgspec.json.schema(LLMOptions, schema_hook=lambda kind: {"type": "string"})
    described = schema["$defs"]["LLMOptions"]["properties"]
    assert {name for name, told in described.items() if "description" not in told} == set()
