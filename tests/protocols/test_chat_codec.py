"""Chat completions: a request in, one answer out, streamed or whole."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.dialogue import (
    Action,
    EndCall,
    Metadata,
    PressDigits,
    Transcript,
    TransferCall,
    Tuning,
    Utterance,
)
from rejoinder.errors import PeerError
from rejoinder.events import (
    Annotate,
    CallerInterrupted,
    Command,
    Details,
    DetailsGiven,
    Finish,
    Pong,
    Speak,
    SpeakOut,
    Tune,
    TurnRequested,
    UnknownReceived,
)
from rejoinder.protocols import Codec
from rejoinder.protocols.chat import ChatCodec, Identity, error_body, identify

HI = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
SAID = Transcript((Utterance("system", "Be brief."), Utterance("user", "Hi")))
END = b"data: [DONE]\n\n"


@pytest.fixture
def chat() -> ChatCodec:
    numbers = itertools.count(1)
    return ChatCodec(now=lambda: 1700000000.9, new_id=lambda: str(next(numbers)))


def body(**fields: object) -> bytes:
    return json.dumps({"model": "any", "messages": HI, **fields}).encode()


def tool(name: str, **parameters: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "", "parameters": parameters}}


def events(frames: list[bytes]) -> list[Any]:
    """The server-sent events of `frames`, without the last mark."""
    texts = b"".join(frames).decode().split("\n\n")
    assert texts.pop() == ""
    assert all(text.startswith("data: ") for text in texts)
    return [json.loads(text.removeprefix("data: ")) for text in texts if text != "data: [DONE]"]


# The codec as a whole.


def test_is_a_codec_without_first_words(chat: ChatCodec) -> None:
    promised: Codec = chat
    assert (promised.platform, promised.grace, promised.grace_after_goodbye, promised.begins) == ("chat", 120.0, 120.0, False)
    assert promised.opened() == []
    assert promised.actions == frozenset()


def test_a_closed_request_is_a_barge_in(chat: ChatCodec) -> None:
    assert chat.closed() == [CallerInterrupted()]


# Requests.


def test_each_request_is_a_new_turn_and_details_come_once(chat: ChatCodec) -> None:
    assert chat.decode(body()) == [DetailsGiven(Details()), TurnRequested(1, "response", SAID)]
    assert chat.decode(body()) == [TurnRequested(2, "response", SAID)]
    assert chat.decode(body(user_id="u").decode()) == [
        DetailsGiven(Details(raw={"user_id": "u"})),
        TurnRequested(3, "response", SAID),
    ]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"role": "assistant", "content": "Hello"}, Utterance("agent", "Hello")),
        ({"role": "assistant", "content": None, "tool_calls": []}, Utterance("agent", "")),
        ({"role": "assistant"}, Utterance("agent", "")),
        ({"role": "tool", "content": "21 degrees", "tool_call_id": "1"}, Utterance("tool", "21 degrees")),
        ({"role": "developer", "content": "x"}, Utterance("developer", "x")),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}]},
            Utterance("user", "a b"),
        ),
    ],
)
def test_reads_each_kind_of_message(chat: ChatCodec, message: dict[str, Any], said: Utterance) -> None:
    assert chat.decode(body(messages=[message]))[-1] == TurnRequested(1, "response", Transcript((said,)))


def test_reads_what_vapi_says_of_a_call(chat: ChatCodec) -> None:
    call = {"id": "c1", "type": "outboundPhoneCall", "assistantOverrides": {"variableValues": {"name": "Noor", "age": 41}}}
    sent = body(call=call, customer={"number": "+1"}, phoneNumber={"number": "+2"}, metadata={"tier": "gold", "more": [1]})
    event = chat.decode(sent)[0]
    assert isinstance(event, DetailsGiven)
    details = event.details
    assert (details.kind, details.direction, details.number, details.our_number) == ("phone", "outbound", "+1", "+2")
    assert details.variables == {"tier": "gold", "name": "Noor", "age": "41"}
    assert details.metadata == {"tier": "gold", "more": [1]}
    assert details.raw["call"] == call


def test_reads_what_elevenlabs_says_of_a_call(chat: ChatCodec) -> None:
    event = chat.decode(body(elevenlabs_extra_body={"plan": "b"}, user_id="u1"))[0]
    assert event == DetailsGiven(
        Details(variables={"plan": "b"}, raw={"user_id": "u1", "elevenlabs_extra_body": {"plan": "b"}})
    )


def test_ignores_a_vendors_event(chat: ChatCodec) -> None:
    sent = json.dumps({"message": {"type": "status-update", "status": "ended", "call": {"id": "c"}}}).encode()
    assert chat.decode(sent) == [UnknownReceived("status-update")]
    assert identify(sent, {}) == Identity(None, stream=False, asks=False)


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (b"Hello", "the request is not JSON: JSON is malformed: invalid character (byte 0)"),
        (b"", "the request is not JSON: Input data was truncated"),
        (b"[]", "the request has the wrong shape: Expected `object`, got `array`"),
        (b"{}", "the request has no `messages`"),
        (b'{"message":"hi"}', "the request has no `messages`"),
        (b'{"messages":"hi"}', "`messages` of the request has the wrong shape: Expected `array`, got `str`"),
        (
            b'{"messages":[{"content":"x"}]}',
            "`messages[0]` of the request has the wrong shape: Object missing required field `role`",
        ),
        (
            b'{"messages":[{"role":"user","content":5}]}',
            "`messages[0].content` of the request has the wrong shape: Expected `str | array | null`, got `int`",
        ),
        (b'{"messages":[],"stream":"yes"}', "`stream` of the request has the wrong shape: Expected `bool | null`, got `str`"),
        (b'{"messages":[{"role":"\xff"}]}', "the request is not UTF-8"),
        (b'{"x":' * 100_000, "the request is nested too deeply"),
    ],
)
def test_refuses_a_malformed_request_with_the_field(chat: ChatCodec, sent: bytes, complaint: str) -> None:
    for read in (chat.decode, lambda body: identify(body, {})):
        with pytest.raises(PeerError) as refused:
            read(sent)
        assert str(refused.value) == complaint
        assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("fields", "headers", "call_id"),
    [
        ({}, {}, None),
        ({"user": "everybody"}, {}, None),
        ({"call": {"id": "c"}}, {}, "c"),
        ({"user_id": "u"}, {}, "u"),
        ({"elevenlabs_extra_body": {"call_id": "e"}, "user_id": "u"}, {}, "e"),
        ({"elevenlabs_extra_body": {"conversation_id": "e"}}, {}, "e"),
        ({"call": {"id": "c"}, "user_id": "u"}, {"X-Call-Id": "h"}, "h"),
        ({"call": {"id": 5}, "user_id": ""}, {"X-Call-Id": ""}, None),
        ({"call": "c", "elevenlabs_extra_body": ["e"]}, {}, None),
    ],
)
def test_knows_whose_request_it_is(fields: dict[str, Any], headers: dict[str, str], call_id: str | None) -> None:
    assert identify(body(**fields), headers) == Identity(call_id, stream=False)
    assert identify(body(**fields, stream=True), headers) == Identity(call_id, stream=True)


# Answers.


def test_streams_an_answer(chat: ChatCodec) -> None:
    chat.decode(body(stream=True, model="mine"))
    assert chat.content_type == "text/event-stream"
    frames = [*chat.encode(Speak(1, "One ")), *chat.encode(Speak(1, "two ")), *chat.encode(Finish(1, "three."))]
    assert frames[0] == (
        b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mine",'
        b'"choices":[{"index":0,"delta":{"role":"assistant","content":"One "},"finish_reason":null}]}\n\n'
    )
    assert [event["choices"][0] for event in events(frames)] == [
        {"index": 0, "delta": {"role": "assistant", "content": "One "}, "finish_reason": None},
        {"index": 0, "delta": {"content": "two "}, "finish_reason": None},
        {"index": 0, "delta": {"content": "three."}, "finish_reason": None},
        {"index": 0, "delta": {}, "finish_reason": "stop"},
    ]
    assert [chat.is_final(frame) for frame in frames] == [False, False, True]
    assert frames[-1].endswith(END)


def test_streams_an_answer_without_words(chat: ChatCodec) -> None:
    chat.decode(body(stream=True))
    assert [event["choices"][0]["delta"] for event in events(chat.encode(Finish(1)))] == [
        {"role": "assistant", "content": ""},
        {},
    ]


def test_tells_the_usage_at_the_end_if_asked(chat: ChatCodec) -> None:
    chat.decode(body(stream=True, stream_options={"include_usage": True}))
    sent = events([*chat.encode(Speak(1, "Hi")), *chat.encode(Finish(1))])
    assert [event["usage"] for event in sent[:-1]] == [None, None]
    assert sent[-1]["choices"] == []
    assert sent[-1]["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def test_gives_an_answer_whole(chat: ChatCodec) -> None:
    chat.decode(body())
    assert chat.content_type == "application/json"
    assert chat.encode(Speak(1, "One ")) == []
    (sent,) = chat.encode(Finish(1, "two."))
    assert chat.is_final(sent)
    assert json.loads(sent) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "any",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "One two."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }


def test_speaks_only_in_the_answer_to_the_newest_request_and_until_it_is_complete(chat: ChatCodec) -> None:
    assert chat.encode(Speak(0, "x")) == chat.encode(Finish(0)) == []
    chat.decode(body(stream=True))
    chat.decode(body(stream=True))
    assert chat.encode(Speak(1, "x")) == chat.encode(Finish(1)) == []
    assert chat.encode(Finish(2)) != []
    assert chat.encode(Speak(2, "x")) == chat.encode(Finish(2)) == []


def test_speech_out_of_turn_completes_the_answer_that_it_cuts_off_and_no_other(chat: ChatCodec) -> None:
    """Else its client would wait for the rest for ever."""
    chat.decode(body(stream=True))
    chat.decode(body(stream=True))
    assert chat.encode(SpeakOut(1, "Wait.", cuts=1)) == []
    (frame,) = chat.encode(SpeakOut(2, "Listen!", cuts=2))
    assert b"Listen!" in frame
    assert chat.is_final(frame)
    assert chat.encode(Finish(2)) == []


@pytest.mark.parametrize("command", [Pong(1), SpeakOut(1, "x"), Annotate(Metadata({})), Tune(Tuning(responsiveness=1.0))])
def test_has_no_words_for_what_this_protocol_lacks(chat: ChatCodec, command: Command) -> None:
    chat.decode(body(stream=True))
    assert chat.encode(command) == []


@pytest.mark.parametrize(
    ("offered", "action", "arguments"),
    [
        (tool("endCall"), EndCall(), {}),
        (tool("end_call"), EndCall(), {"reason": "The conversation is over."}),
        (tool("transferCall"), TransferCall("+44"), {"destination": "+44"}),
        (
            tool("transfer_to_number"),
            TransferCall("+44"),
            {
                "transfer_number": "+44",
                "client_message": "",
                "agent_message": "",
                "reason": "The agent transfers the call.",
            },
        ),
        (tool("dtmf"), PressDigits("1#"), {"dtmf": "1#"}),
        (tool("dtmf", type="object", properties={"digits": {"type": "string"}}), PressDigits("1#"), {"digits": "1#"}),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_does_an_action_by_the_tool_that_the_request_offers(
    chat: ChatCodec, offered: dict[str, Any], action: Action, arguments: dict[str, str], stream: bool
) -> None:
    chat.decode(body(stream=stream, tools=[tool("weather"), {"type": "other"}, offered]))
    assert chat.actions == {type(action)}
    sent = chat.encode(Finish(1, "Goodbye.", action))
    if stream:
        words, order, last = [event["choices"][0] for event in events(sent)]
        assert words["delta"] == {"role": "assistant", "content": "Goodbye."}
        (call,), reason = order["delta"]["tool_calls"], last["finish_reason"]
    else:
        choice = json.loads(sent[0])["choices"][0]
        assert choice["message"]["content"] == "Goodbye."
        (call,), reason = choice["message"]["tool_calls"], choice["finish_reason"]
    assert reason == "tool_calls"
    assert (call["id"], call["type"], call["function"]["name"]) == ("call_2", "function", offered["function"]["name"])
    assert json.loads(call["function"]["arguments"]) == arguments


def test_the_actions_are_those_of_the_current_request(chat: ChatCodec) -> None:
    chat.decode(body(tools=[tool("endCall"), tool("end_call"), tool("dtmf")]))
    assert chat.actions == {EndCall, PressDigits}
    chat.decode(body())
    assert chat.actions == frozenset()
    (sent,) = chat.encode(Finish(2, "Bye.", EndCall()))
    assert json.loads(sent)["choices"][0]["finish_reason"] == "stop"


def test_gives_errors_in_the_form_clients_expect() -> None:
    assert json.loads(error_body("the request has no `messages`", "invalid_request_error", "bad_request")) == {
        "error": {
            "message": "the request has no `messages`",
            "type": "invalid_request_error",
            "param": None,
            "code": "bad_request",
        }
    }


# Nothing malformed goes out, nothing but a complaint about the peer comes up.

text = st.text(st.characters(exclude_categories=()), max_size=12)
action = st.none() | st.just(EndCall()) | st.builds(TransferCall, text) | st.builds(PressDigits, text)


def mended(said: str) -> str:
    """`said` as it can be sent: half a surrogate pair cannot."""
    return said.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(chunks=st.lists(text, max_size=4), last=text, act=action, stream=st.booleans(), usage=st.booleans())
def test_the_words_arrive_as_said(chunks: list[str], last: str, act: Action | None, stream: bool, usage: bool) -> None:
    codec = ChatCodec(now=lambda: 1.0, new_id=lambda: "x")
    offers = [tool("endCall"), tool("transferCall"), tool("dtmf")]
    codec.decode(body(stream=stream, stream_options={"include_usage": usage}, tools=offers))
    frames = [frame for chunk in chunks for frame in codec.encode(Speak(1, chunk))] + codec.encode(Finish(1, last, act))
    assert [codec.is_final(frame) for frame in frames] == [False] * (len(frames) - 1) + [True]
    if stream:
        deltas = [choice["delta"] for event in events(frames) for choice in event["choices"]]
        assert [delta["role"] for delta in deltas if "role" in delta] == ["assistant"]
        said = [delta["content"] for delta in deltas if "content" in delta]
        assert "".join(said) == "".join(map(mended, [*chunks, last]))
    else:
        assert json.loads(frames[0])["choices"][0]["message"]["content"] == mended("".join([*chunks, last]))


@given(data=st.data())
def test_any_json_gives_events_or_a_complaint(data: st.DataObject, any_json: st.SearchStrategy[Any]) -> None:
    codec = ChatCodec(now=lambda: 1.0, new_id=lambda: "x")
    value = data.draw(any_json)
    for sent in (value, {"messages": HI} | (value if isinstance(value, dict) else {"call": value, "tools": value})):
        try:
            identify(json.dumps(sent).encode(), {})
        except PeerError:
            with pytest.raises(PeerError):
                codec.decode(json.dumps(sent))
        else:
            assert codec.decode(json.dumps(sent))
