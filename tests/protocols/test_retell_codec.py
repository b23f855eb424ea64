"""Retell's frames, row by row as its reference and guides describe them, and what nobody describes."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.dialogue import (
    EndCall,
    PressDigits,
    Transcript,
    TransferCall,
    Tuning,
    Utterance,
    Word,
)
from rejoinder.errors import PeerError
from rejoinder.events import (
    CallerInterrupted,
    Details,
    DetailsGiven,
    DigitsPressed,
    Event,
    Finish,
    PingReceived,
    TranscriptUpdated,
    Tune,
    TurnRequested,
    UnknownReceived,
)
from rejoinder.protocols import Codec
from rejoinder.protocols.retell import RetellCodec

Make = Callable[..., bytes]

HEARD = [
    {"role": "agent", "content": "Hello.", "words": [{"word": "Hello.", "start": 0.5, "end": 0.9}]},
    {"role": "user", "content": "Hi there", "words": []},
]
SAID = Transcript((Utterance("agent", "Hello."), Utterance("user", "Hi there")))


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


def requested(codec: RetellCodec, frame: bytes) -> TurnRequested:
    event = only(codec.decode(frame))
    assert isinstance(event, TurnRequested)
    return event


# The opening of a socket.


def test_is_a_codec(codec: RetellCodec) -> None:
    promised: Codec = codec
    assert (promised.platform, promised.grace, promised.grace_after_goodbye, promised.begins) == ("retell", 60.0, 6.0, True)
    assert promised.actions == {EndCall, TransferCall, PressDigits}


@pytest.mark.failure(15)
def test_opens_each_socket_with_exactly_the_configuration() -> None:
    codec = RetellCodec()
    wanted = [b'{"response_type":"config","config":{"auto_reconnect":true,"call_details":true}}']
    assert codec.opened() == wanted
    assert codec.opened() == wanted


def test_asks_for_tool_calls_in_the_transcript_only_when_told_to() -> None:
    (config,) = RetellCodec(transcript_with_tool_calls=True).opened()
    assert json.loads(config)["config"] == {"auto_reconnect": True, "call_details": True, "transcript_with_tool_calls": True}


def test_sends_the_knobs_after_the_configuration_and_on_a_redial_as_they_were_last_turned() -> None:
    codec = RetellCodec(tuning=Tuning(reminder_trigger_ms=12000, responsiveness=0.5))
    assert json.loads(codec.opened()[1]) == {
        "response_type": "update_agent",
        "agent_config": {"responsiveness": 0.5, "reminder_trigger_ms": 12000},
    }
    codec.encode(Tune(Tuning(responsiveness=1.0)))
    assert json.loads(codec.opened()[1])["agent_config"] == {"responsiveness": 1.0, "reminder_trigger_ms": 12000}


def test_says_nothing_when_a_socket_is_lost(codec: RetellCodec) -> None:
    assert codec.closed() == []


# Frames in.


@pytest.mark.parametrize(
    ("kind", "fields", "event"),
    [
        ("ping_pong", {"timestamp": 1700336475222}, PingReceived(1700336475222)),
        ("ping_pong", {}, PingReceived(0)),
        ("ping_pong", {"timestamp": None}, PingReceived(0)),
        ("update_only", {"transcript": HEARD}, TranscriptUpdated(SAID)),
        ("update_only", {"transcript": HEARD, "turntaking": "user_turn"}, TranscriptUpdated(SAID, "user")),
        ("update_only", {"transcript": HEARD, "turntaking": "agent_turn"}, TranscriptUpdated(SAID, "agent")),
        ("update_only", {"transcript": HEARD, "turntaking": "nobody"}, TranscriptUpdated(SAID)),
        ("update_only", {"transcript": []}, TranscriptUpdated(Transcript())),
        ("update_only", {"transcript": None}, TranscriptUpdated(Transcript())),
        ("update_only", {}, TranscriptUpdated(Transcript())),
        ("clear", {}, CallerInterrupted()),
        ("call_details", {"call": {}}, DetailsGiven(Details())),
        ("call_details", {"call": None}, DetailsGiven(Details())),
        ("call_details", {}, DetailsGiven(Details())),
        ("brand_new", {"transcript": "of another shape"}, UnknownReceived("brand_new")),
        ("brand_new", {"more": 1}, UnknownReceived("brand_new")),
        ("response_required", {"transcript": HEARD}, UnknownReceived("response_required without response_id")),
        ("reminder_required", {}, UnknownReceived("reminder_required without response_id")),
    ],
)
def test_reads_each_kind_of_frame(codec: RetellCodec, frame: Make, kind: str, fields: dict[str, Any], event: Event) -> None:
    assert codec.decode(frame(kind, **fields)) == [event]


@pytest.mark.parametrize(("kind", "meaning"), [("response_required", "response"), ("reminder_required", "reminder")])
def test_reads_requests(codec: RetellCodec, frame: Make, kind: str, meaning: str) -> None:
    asked = requested(codec, frame(kind, response_id=1, transcript=HEARD, timestamp=7, unheard_of={"x": [1]}))
    assert (asked.turn, asked.kind, asked.transcript) == (1, meaning, SAID)


def test_answers_the_test_frame_that_the_vendor_recommends(codec: RetellCodec) -> None:
    asked = requested(codec, b'{"interaction_type":"response_required","response_id":1,"transcript":[]}')
    assert asked.transcript.user_text == ""
    assert codec.encode(Finish(asked.turn, "Yes?")) == [
        b'{"response_type":"response","response_id":1,"content":"Yes?","content_complete":true}'
    ]


def test_reads_text_and_bytes_alike(codec: RetellCodec, frame: Make) -> None:
    sent = frame("update_only", transcript=HEARD)
    assert codec.decode(sent.decode()) == codec.decode(sent)


@pytest.mark.failure(9)
@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"role": "system", "content": "x"}, [Utterance("system", "x")]),
        ({"role": "transfer_target", "content": "x"}, [Utterance("transfer_target", "x")]),
        ({"role": "user"}, [Utterance("user", "")]),
        ({"role": "user", "content": None}, [Utterance("user", "")]),
        ({"content": "x"}, [Utterance("", "x")]),
        ({"role": "user", "content": "(unintelligible audio)"}, [Utterance("user", "(unintelligible audio)")]),
        ({"role": "tool_call_invocation", "tool_call_id": "1", "name": "book", "arguments": "{}"}, []),
        ({"role": "tool_call_result", "tool_call_id": "1", "content": "done"}, []),
        ({"role": "dtmf", "digit": "1"}, []),
        ({"role": "sms", "content": "x", "time_sec": 1}, []),
        ({"role": "injected", "content": "x"}, []),
        ({"role": "node_transition"}, []),
    ],
)
def test_takes_any_role_and_skips_what_nobody_said(
    codec: RetellCodec, frame: Make, item: dict[str, Any], said: list[Utterance]
) -> None:
    event = only(codec.decode(frame("update_only", transcript=[HEARD[0], item])))
    assert isinstance(event, TranscriptUpdated)
    assert list(event.transcript) == [Utterance("agent", "Hello."), *said]


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        ("Hello", "a frame is not JSON: JSON is malformed: invalid character (byte 0)"),
        ("", "a frame is not JSON: Input data was truncated"),
        ('{"interaction_type": "update_only", "transcript": [', "a frame is not JSON: Input data was truncated"),
        ("[1]", "a frame has the wrong shape: Expected `object`, got `array`"),
        ('"x"', "a frame has the wrong shape: Expected `object`, got `str`"),
        ("null", "a frame has the wrong shape: Expected `object`, got `null`"),
        (b'{"interaction_type":"\xff"}', "a frame is not UTF-8"),
        ("\ud800", "a frame is not UTF-8"),
        ('{"x":' * 100_000, "a frame is nested too deeply"),
        ('{"interaction_type":7}', "a frame has the wrong shape: Expected `str`, got `int` - at `$.interaction_type`"),
        (
            '{"interaction_type":"response_required","response_id":"1"}',
            "a frame of kind response_required has the wrong shape: Expected `int | null`, got `str` - at `$.response_id`",
        ),
        (
            '{"interaction_type":"ping_pong","timestamp":[]}',
            "a frame of kind ping_pong has the wrong shape: Expected `int | null`, got `array` - at `$.timestamp`",
        ),
        (
            '{"interaction_type":"update_only","transcript":[{"role":7}]}',
            "a frame of kind update_only has the wrong shape: Expected `str | null`, got `int` - at `$.transcript[0].role`",
        ),
    ],
)
def test_refuses_what_cannot_be_read_without_repeating_it(codec: RetellCodec, sent: str | bytes, complaint: str) -> None:
    with pytest.raises(PeerError) as refused:
        codec.decode(sent)
    assert str(refused.value) == complaint
    assert refused.value.__suppress_context__


def test_reads_a_character_that_was_cut_in_two(codec: RetellCodec) -> None:
    """As JSON.stringify escapes what is left of it."""
    cut = codec.decode('{"interaction_type":"update_only","transcript":[{"role":"user","content":"Hi \\ud83d"}]}')
    assert cut == [TranscriptUpdated(Transcript((Utterance("user", "Hi \ufffd"),)))]


@pytest.mark.parametrize("beyond", [2**53, -(2**53), 10**30])
def test_takes_an_id_that_no_platform_can_count_to_for_none(codec: RetellCodec, frame: Make, beyond: int) -> None:
    """Else every request after it would seem to be overtaken, and nothing would be answered for the rest of the call."""
    with pytest.raises(PeerError):
        codec.decode(frame("response_required", response_id=beyond, transcript=HEARD))
    assert requested(codec, frame("response_required", response_id=2**53 - 1, transcript=HEARD)).turn == 1


def test_goes_on_after_a_broken_frame(codec: RetellCodec, frame: Make) -> None:
    codec.decode(frame("update_only", transcript=HEARD * 3))
    with pytest.raises(PeerError):
        codec.decode("Hello")
    assert only(codec.decode(frame("update_only", transcript=HEARD))) == TranscriptUpdated(SAID)


def test_names_a_frame_without_a_kind_and_shortens_strange_ones(codec: RetellCodec, frame: Make) -> None:
    assert codec.decode("{}") == [UnknownReceived("a frame without interaction_type")]
    assert codec.decode(frame("\n" + "x" * 1000)) == [UnknownReceived("x" * 63)]


# Words.


def test_gives_words_on_demand_one_tuple_for_each_utterance(codec: RetellCodec, frame: Make) -> None:
    asked = requested(codec, frame("response_required", response_id=1, transcript=[HEARD[0], {"role": "dtmf"}, HEARD[1]]))
    assert asked.word_source is not None
    assert asked.word_source.words() == ((Word("Hello.", 0.5, 0.9),), ())


def test_gives_no_words_where_they_have_another_shape(codec: RetellCodec, frame: Make) -> None:
    asked = requested(codec, frame("response_required", response_id=1, transcript=[{"role": "user", "words": [1]}]))
    assert asked.word_source is not None
    assert asked.word_source.words() == ()


def test_keeps_a_frame_for_a_live_turn_only(codec: RetellCodec, frame: Make) -> None:
    update, request = (
        frame("update_only", transcript=HEARD * 9),
        frame("response_required", response_id=1, transcript=HEARD * 9),
    )
    before = sys.getrefcount(update), sys.getrefcount(request)
    updated, asked = codec.decode(update), requested(codec, request)
    assert updated
    assert (sys.getrefcount(update), sys.getrefcount(request)) == (before[0], before[1] + 1)
    assert asked.word_source is not None
    asked.word_source.release()
    assert sys.getrefcount(request) == before[1]


# Keys pressed by the caller.


def test_reports_each_key_press_once(codec: RetellCodec, frame: Make) -> None:
    def press(*digits: object) -> list[Event]:
        items = [HEARD[0], *({"role": "dtmf", "digit": digit} for digit in digits)]
        return codec.decode(frame("update_only", transcript=[], transcript_with_tool_calls=items))[:-1]

    assert press() == []
    assert press("1") == [DigitsPressed("1")]
    assert press("1") == []
    assert press("1", "#", 0) == [DigitsPressed("#0")]
    assert press("1") == []
    assert press("1", "#", "0", None, "5") == [DigitsPressed("5")]


@pytest.mark.parametrize("odd", [None, {}, "x", [1], [{"role": "dtmf", "digit": []}]])
def test_an_odd_second_transcript_costs_no_request(codec: RetellCodec, frame: Make, odd: object) -> None:
    requested(codec, frame("response_required", response_id=1, transcript=HEARD, transcript_with_tool_calls=odd))


# Details.

PHONE: dict[str, Any] = {
    "call_type": "phone_call",
    "from_number": "+12137771234",
    "to_number": "+12137771235",
    "metadata": {"tier": 2},
    "retell_llm_dynamic_variables": {"name": "Noor", "age": 41, "vip": True, "none": None, "list": [1, "a"]},
}


@pytest.mark.parametrize(
    ("direction", "numbers"),
    [
        ("inbound", ("+12137771234", "+12137771235")),
        ("outbound", ("+12137771235", "+12137771234")),
        (None, ("", "")),
        (["inbound"], ("", "")),
    ],
)
def test_tells_the_other_persons_number_from_ours(
    codec: RetellCodec, frame: Make, direction: object, numbers: tuple[str, str]
) -> None:
    event = only(codec.decode(frame("call_details", call=PHONE | {"direction": direction})))
    assert isinstance(event, DetailsGiven)
    assert (event.details.number, event.details.our_number) == numbers
    assert event.details.kind == "phone"
    assert event.details.metadata == {"tier": 2}
    assert event.details.variables == {"name": "Noor", "age": "41", "vip": "true", "none": "", "list": '[1,"a"]'}


@pytest.mark.parametrize(("kind", "can"), [("web_call", False), ("phone_call", True), ("", True)])
def test_transfers_what_is_not_known_to_be_a_web_call(codec: RetellCodec, frame: Make, kind: str, can: bool) -> None:
    codec.decode(frame("call_details", call={"call_type": kind}))
    assert (TransferCall in codec.actions, EndCall in codec.actions) == (can, True)


def test_leaves_the_access_token_of_a_web_call_out(codec: RetellCodec, frame: Make) -> None:
    event = only(codec.decode(frame("call_details", call={"call_type": "web_call", "access_token": "eyJ", "agent_id": "a"})))
    assert event == DetailsGiven(Details(kind="web", raw={"call_type": "web_call", "agent_id": "a"}))


@given(
    call=st.fixed_dictionaries(
        {}, optional=dict.fromkeys([*PHONE, "direction"], st.none() | st.integers() | st.lists(st.none()))
    )
)
def test_takes_any_odd_field_of_the_call_for_missing(call: dict[str, Any]) -> None:
    sent = json.dumps({"interaction_type": "call_details", "call": call})
    assert RetellCodec().decode(sent) == [DetailsGiven(Details(raw=call))]


# Nothing but a complaint about the peer comes up.


@given(data=st.data())
def test_any_json_gives_events_or_a_complaint(data: st.DataObject, any_json: st.SearchStrategy[Any]) -> None:
    codec = RetellCodec()
    for value in data.draw(st.lists(any_json, max_size=3)):
        try:
            codec.decode(json.dumps(value))
        except PeerError:
            continue


@given(st.binary(max_size=40) | st.text(st.characters(exclude_categories=())))
def test_any_bytes_give_events_or_a_complaint(sent: bytes | str) -> None:
    try:
        events = RetellCodec().decode(sent)
    except PeerError:
        return
    assert events
