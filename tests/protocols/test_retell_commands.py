"""What we say to Retell: each command as a frame whose every field has the documented type."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.dialogue import (
    EndCall,
    Metadata,
    PressDigits,
    ToolCalled,
    ToolReturned,
    TransferCall,
    Tuning,
)
from rejoinder.events import (
    Annotate,
    Command,
    Finish,
    Pong,
    Speak,
    SpeakOut,
    Tune,
)
from rejoinder.protocols.retell import RetellCodec

Make = Callable[..., bytes]


def frames(codec: RetellCodec, command: Command) -> list[Any]:
    return [json.loads(sent) for sent in codec.encode(command)]


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (Pong(1700336475222), {"response_type": "ping_pong", "timestamp": 1700336475222}),
        (Speak(1, "Let me look. "), {"response_id": 41, "content": "Let me look. ", "content_complete": False}),
        (Speak(0, "Hello"), {"response_id": 0, "content": "Hello", "content_complete": False}),
        (
            Speak(1, "No", uninterruptible=True),
            {"response_id": 41, "content": "No", "content_complete": False, "no_interruption_allowed": True},
        ),
        (Finish(1), {"response_id": 41, "content": "", "content_complete": True}),
        (Finish(1, "Bye.", EndCall()), {"response_id": 41, "content": "Bye.", "content_complete": True, "end_call": True}),
        (
            Finish(1, "Bye.", EndCall(), uninterruptible=True),
            {"response_id": 41, "content": "Bye.", "content_complete": True, "no_interruption_allowed": True, "end_call": True},
        ),
        (
            Finish(1, "", TransferCall("+442079460000")),
            {"response_id": 41, "content": "", "content_complete": True, "transfer_number": "+442079460000"},
        ),
        (
            Finish(1, "", TransferCall("+442079460000", show_caller=True)),
            {
                "response_id": 41,
                "content": "",
                "content_complete": True,
                "transfer_number": "+442079460000",
                "show_transferee_as_caller": True,
            },
        ),
        (
            Finish(1, "", PressDigits("1#")),
            {"response_id": 41, "content": "", "content_complete": True, "digit_to_press": "1#"},
        ),
        (
            SpeakOut(3, "Wait."),
            {
                "response_type": "agent_interrupt",
                "interrupt_id": 3,
                "content": "Wait.",
                "content_complete": True,
                "no_interruption_allowed": True,
            },
        ),
        (
            SpeakOut(4, "Bye.", uninterruptible=False, action=EndCall()),
            {
                "response_type": "agent_interrupt",
                "interrupt_id": 4,
                "content": "Bye.",
                "content_complete": True,
                "end_call": True,
            },
        ),
        (
            SpeakOut(5, "", uninterruptible=False, action=TransferCall("+442079460000", show_caller=True)),
            {
                "response_type": "agent_interrupt",
                "interrupt_id": 5,
                "content": "",
                "content_complete": True,
                "transfer_number": "+442079460000",
            },
        ),
        (
            Annotate(ToolCalled("t1", "book", {"day": "Monday"})),
            {"response_type": "tool_call_invocation", "tool_call_id": "t1", "name": "book", "arguments": '{"day":"Monday"}'},
        ),
        (
            Annotate(ToolReturned("t1", "booked", successful=True)),
            {"response_type": "tool_call_result", "tool_call_id": "t1", "content": "booked", "successful": True},
        ),
        (Annotate(ToolReturned("t1", "?")), {"response_type": "tool_call_result", "tool_call_id": "t1", "content": "?"}),
        (Annotate(Metadata({"page": [1, None]})), {"response_type": "metadata", "metadata": {"page": [1, None]}}),
        (
            Tune(Tuning(1.5, -1.0, 0, -3)),
            {
                "response_type": "update_agent",
                "agent_config": {
                    "responsiveness": 1.0,
                    "interruption_sensitivity": 0.0,
                    "reminder_trigger_ms": 1,
                    "reminder_max_count": 0,
                },
            },
        ),
    ],
)
def test_says_each_command(codec: RetellCodec, frame: Make, command: Command, wanted: dict[str, Any]) -> None:
    codec.decode(frame("response_required", response_id=41))
    assert frames(codec, command) == [{"response_type": "response"} | wanted]


@pytest.mark.parametrize("command", [Speak(7, "x"), Finish(7), Tune(Tuning()), Annotate(Metadata({"x": 10**5000}))])
def test_has_no_words_for_a_turn_nobody_asked_for_nor_for_what_json_cannot_say(codec: RetellCodec, command: Command) -> None:
    assert codec.encode(command) == []


def test_a_circle_in_a_tools_arguments_is_not_sent(codec: RetellCodec) -> None:
    circle: dict[str, Any] = {}
    circle["again"] = circle
    assert codec.encode(Annotate(ToolCalled("1", "book", circle))) == []


def test_mends_lone_surrogates_and_keeps_pairs(codec: RetellCodec) -> None:
    assert frames(codec, Finish(0, "a\ud800b \ud83d\ude00 \U0001f600"))[0]["content"] == "a\ufffdb \U0001f600 \U0001f600"
    note = Annotate(Metadata({"\udc00": ["\ud800", 1]}))
    assert frames(codec, note)[0]["metadata"] == {"\ufffd": ["\ufffd", 1]}


# Nothing malformed goes out.

SENT_TYPES: dict[str, tuple[dict[str, type], dict[str, type]]] = {
    "ping_pong": ({"timestamp": int}, {}),
    "response": (
        {"response_id": int, "content": str, "content_complete": bool},
        {
            "no_interruption_allowed": bool,
            "end_call": bool,
            "transfer_number": str,
            "show_transferee_as_caller": bool,
            "digit_to_press": str,
        },
    ),
    "agent_interrupt": (
        {"interrupt_id": int, "content": str, "content_complete": bool},
        {"no_interruption_allowed": bool, "end_call": bool, "transfer_number": str, "digit_to_press": str},
    ),
    "tool_call_invocation": ({"tool_call_id": str, "name": str, "arguments": str}, {}),
    "tool_call_result": ({"tool_call_id": str, "content": str}, {"successful": bool}),
    "update_agent": ({"agent_config": dict}, {}),
    "metadata": ({"metadata": dict}, {}),
}

KNOBS = {
    "responsiveness": (0, 1),
    "interruption_sensitivity": (0, 1),
    "reminder_trigger_ms": (1, 2**40),
    "reminder_max_count": (0, 2**40),
}

text = st.text(st.characters(exclude_categories=()), max_size=20)
integer = st.integers(-(2**63), 2**63 - 1)
action = st.none() | st.just(EndCall()) | st.builds(TransferCall, text, st.booleans()) | st.builds(PressDigits, text)
loose = st.dictionaries(text, st.none() | st.floats() | st.integers() | text | st.binary() | st.complex_numbers(), max_size=3)
unit = st.none() | st.floats()
whole = st.none() | st.integers(-(2**40), 2**40)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Pong, integer),
    st.builds(Speak, st.integers(0, 2), text, st.booleans()),
    st.builds(Finish, st.integers(0, 2), text, action, st.booleans()),
    st.builds(SpeakOut, st.integers(1, 99), text, st.booleans(), action),
    st.builds(Annotate, st.builds(ToolCalled, text, text, loose)),
    st.builds(Annotate, st.builds(ToolReturned, text, text, st.none() | st.booleans())),
    st.builds(Annotate, st.builds(Metadata, loose)),
    st.builds(Tune, st.builds(Tuning, unit, unit, whole, whole)),
)


@pytest.mark.failure(16)
@pytest.mark.failure(17)
@given(command=commands, wanted=st.integers(-(2**53) + 1, 2**53 - 1))
def test_nothing_malformed_leaves(command: Command, wanted: int) -> None:
    codec = RetellCodec()
    codec.decode(json.dumps({"interaction_type": "response_required", "response_id": wanted}))
    for sent in codec.encode(command):
        fields = json.loads(sent.decode("utf-8"))
        required, optional = SENT_TYPES[fields.pop("response_type")]
        assert required.keys() <= fields.keys() <= required.keys() | optional.keys()
        assert all(type(value) is (required | optional)[name] for name, value in fields.items())
        if "arguments" in fields:
            assert type(json.loads(fields["arguments"])) is dict
        for name, value in fields.get("agent_config", {}).items():
            low, high = KNOBS[name]
            assert low <= value <= high
