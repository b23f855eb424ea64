"""Every event of Retell's, and each with one field after the other replaced by something of another type."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from rejoinder.testing.hearing import Frame

#: What stands in place of a value, as JSON or (NaN) nearly so.
WRONG = (
    "null",
    "true",
    "7",
    "-1",
    "1.5",
    "1e400",
    str(10**30),
    "NaN",
    '"NaN"',
    '"x"',
    "[]",
    "[7, [null]]",
    "{}",
    '{"x": {"y": 7}}',
)

WORDS = [{"word": "Hello.", "start": 0.5, "end": 0.9}]
TRANSCRIPT = [
    {"role": "agent", "content": "Hello.", "words": WORDS},
    {"role": "user", "content": "hi", "words": [], "metadata": {"response_id": 1}},
]
CALLED = [
    *TRANSCRIPT,
    {"role": "tool_call_invocation", "tool_call_id": "t1", "name": "look", "arguments": "{}"},
    {"role": "tool_call_result", "tool_call_id": "t1", "content": "seen"},
    {"role": "dtmf", "digit": "1"},
]
CALL = {
    "call_type": "phone_call",
    "call_id": "c",
    "agent_id": "a",
    "call_status": "registered",
    "from_number": "+12137771234",
    "to_number": "+12137771235",
    "direction": "inbound",
    "start_timestamp": 1703302407333,
    "metadata": {"tier": 2},
    "retell_llm_dynamic_variables": {"name": "Noor"},
    "telephony_identifier": {"twilio_call_sid": "CA5d"},
}
#: One of each kind.
EVENTS: dict[str, Frame] = {
    "ping_pong": {"timestamp": 1703302407333},
    "call_details": {"call": CALL},
    "update_only": {"transcript": TRANSCRIPT, "transcript_with_tool_calls": CALLED, "turntaking": "user_turn"},
    "response_required": {"response_id": 1, "transcript": TRANSCRIPT, "transcript_with_tool_calls": CALLED},
    "reminder_required": {"response_id": 1, "transcript": TRANSCRIPT},
    "clear": {},
}

_HOLE = "here was a value"


def event(kind: str, number: int) -> Frame:
    """An event as it should be; a request has this number."""
    given = {"interaction_type": kind, **copy.deepcopy(EVENTS[kind])}
    return given | {"response_id": number} if "response_id" in given else given


def spoilt(valid: Any) -> Iterator[tuple[str, list[str]]]:
    """Each field of a JSON value, nested ones included, by its path, and the value's text with each wrong thing there."""
    for path, holed in _holed(valid):
        before, after = json.dumps(holed).split(json.dumps(_HOLE))
        yield path, [f"{before}{wrong}{after}" for wrong in WRONG]


def _holed(value: Any) -> Iterator[tuple[str, Any]]:
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield f".{key}", _replaced(value, key, _HOLE)
        for path, inner in _holed(value[key]):
            yield f".{key}{path}", _replaced(value, key, inner)


def _replaced(value: Any, key: Any, by: Any) -> Any:
    changed = copy.copy(value)
    changed[key] = by
    return changed
