"""What somebody waits for is still answered if the platform has changed its shape, with what can be read of it."""

import json
from typing import Any

import pytest

from rejoinder.dialogue import Utterance
from rejoinder.errors import PeerError
from rejoinder.events import DetailsGiven, PingReceived, Pong, TurnRequested, UnknownReceived
from rejoinder.protocols.retell import RetellCodec

GOOD = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("transcript", "said"),
    [
        ([{"role": "user", "content": 5}, GOOD], [Utterance("user", ""), Utterance("user", "hi")]),
        ([GOOD, {"role": 7, "content": "x"}, "text", None, 3], [Utterance("user", "hi")]),
        ([{"role": "user", "content": ["a", "b"]}], [Utterance("user", "")]),
        ({"items": []}, []),
        (7, []),
    ],
)
@pytest.mark.parametrize("kind", ["response_required", "reminder_required"])
def test_a_request_of_another_shape_is_answered_with_what_can_be_read(
    kind: str, transcript: object, said: list[Utterance]
) -> None:
    frame = json.dumps({"interaction_type": kind, "response_id": 3, "transcript": transcript})
    told, asked = RetellCodec().decode(frame)
    assert told == UnknownReceived(f"{kind} of another shape")
    assert isinstance(asked, TurnRequested)
    assert list(asked.transcript) == said


@pytest.mark.parametrize(
    "frame",
    [
        {"interaction_type": "response_required", "response_id": "3", "transcript": 7},
        {"interaction_type": "response_required", "response_id": None, "transcript": 7},
        {"interaction_type": "update_only", "transcript": 7},
        {"interaction_type": "ping_pong", "timestamp": {}},
        {"interaction_type": "call_details", "call": "call_1"},
    ],
)
def test_what_asks_for_nothing_that_can_be_answered_is_refused(frame: object) -> None:
    with pytest.raises(PeerError, match="wrong shape"):
        RetellCodec().decode(json.dumps(frame))


@pytest.mark.parametrize("timestamp", [1.5, "now", "", 1e300, "cut \ud83d"])
def test_a_ping_is_answered_with_whatever_timestamp_it_brought(timestamp: Any) -> None:
    codec = RetellCodec()
    told, ping = codec.decode(json.dumps({"interaction_type": "ping_pong", "timestamp": timestamp}))
    assert told == UnknownReceived("ping_pong of another shape")
    assert isinstance(ping, PingReceived)
    assert codec.longest_silence is not None
    (pong,) = codec.encode(Pong(ping.token))
    echoed = "cut \ufffd" if timestamp == "cut \ud83d" else timestamp
    assert json.loads(pong) == {"response_type": "ping_pong", "timestamp": echoed}


@pytest.mark.parametrize(
    "odd", [{"timestamp": "now"}, {"transcript": {}}, {"transcript": [{"role": 7}]}, {"turntaking": 1}, {"response_id": "x"}]
)
def test_details_are_kept_whatever_stands_beside_them(odd: dict[str, Any]) -> None:
    call = {"call_type": "phone_call", "direction": "inbound", "from_number": "+442079460001", "to_number": "+442079460000"}
    told, given = RetellCodec().decode(json.dumps({**odd, "interaction_type": "call_details", "call": call}))
    assert told == UnknownReceived("call_details of another shape")
    assert isinstance(given, DetailsGiven)
    assert given.details.number == "+442079460001"
