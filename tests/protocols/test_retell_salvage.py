"""A request whose shape the platform has changed is still answered, with what can be read of it."""

import json

import pytest

from rejoinder.dialogue import Utterance
from rejoinder.errors import PeerError
from rejoinder.events import TurnRequested, UnknownReceived
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
        {"interaction_type": "ping_pong", "timestamp": "now"},
    ],
)
def test_what_asks_for_nothing_that_can_be_answered_is_refused(frame: object) -> None:
    with pytest.raises(PeerError, match="wrong shape"):
        RetellCodec().decode(json.dumps(frame))
