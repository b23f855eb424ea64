"""Streamed chat completions as a platform reads them."""

import json

import pytest

from rejoinder.simulator.journal import ActionWord
from rejoinder.simulator.platform.answer_stream import AnswerStream, Unreadable, action_of


def line(finish: str | None = None, **delta: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode() + b"\n"


def test_text_comes_in_pieces_and_ends_with_done() -> None:
    stream = AnswerStream()
    lines = [line(role="assistant", content=""), b"\n", b": ping\n", line(content="Hi "), line(content="there."), line("stop")]
    assert [stream.take(one) for one in lines] == ["", "", "", "Hi ", "there.", ""]
    assert (stream.is_finished, stream.is_done) == (True, False)
    assert stream.take(b'data: {"choices": [], "usage": {}}\n') == ""
    assert stream.take(b"data: [DONE]\n") == ""
    assert stream.is_done


def test_a_tool_call_is_put_together_from_its_parts() -> None:
    stream = AnswerStream()
    stream.take(line(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "transferCall", "arguments": '{"dest'}}]))
    stream.take(line(tool_calls=[{"index": 0, "function": {"arguments": 'ination": "+15550003333"}'}}]))
    stream.take(line(tool_calls=[{"index": 1, "function": {"name": "endCall"}}]))
    assert stream.tool_calls == [("transferCall", '{"destination": "+15550003333"}'), ("endCall", "")]


@pytest.mark.parametrize(
    "sent",
    [b"Hello", b"data: Hello", b"data: []", b'data: {"choices": [{}]}', b'data: {"choices": [{"delta": {"content": 5}}]}'],
)
def test_what_is_no_chunk_cannot_be_read(sent: bytes) -> None:
    with pytest.raises(Unreadable, match=r"Hello|\[\]|choices"):
        AnswerStream().take(sent)


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("endCall", "", ("hang_up", "")),
        ("end_call", '{"reason": "over"}', ("hang_up", "")),
        ("transferCall", '{"destination": "+15550003333"}', ("transfer", "+15550003333")),
        ("transfer_to_number", '{"transfer_number": "+15550003333"}', ("transfer", "+15550003333")),
        ("dtmf", '{"keys": "1#"}', ("digits", "1#")),
        ("book", "{}", None),
    ],
)
def test_a_platforms_own_tools_are_actions(name: str, arguments: str, action: tuple[ActionWord, str] | None) -> None:
    assert action_of(name, arguments) == action


@pytest.mark.parametrize(
    ("name", "arguments"), [("endCall", "[]"), ("endCall", "{"), ("transferCall", "{}"), ("dtmf", '{"dtmf": 5}')]
)
def test_an_action_needs_its_arguments(name: str, arguments: str) -> None:
    with pytest.raises(Unreadable, match=f"arguments of {name}"):
        action_of(name, arguments)
