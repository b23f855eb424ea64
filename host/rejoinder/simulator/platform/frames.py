"""What a server's frames say to Retell, and which of them it loses without a word. Pure.

Source: docs.retellai.com, "LLM WebSocket" (API reference) and "Troubleshooting", read 2026-11: types are checked, and what
has a wrong one vanishes; a frame without a type is taken for speech, as in the oldest form of the protocol.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from rejoinder.simulator.journal import ActionWord
from rejoinder.simulator.platform.link import Piece
from rejoinder.simulator.platform.profile import HIGHEST, LOWEST
from rejoinder.testing.hearing import fault_of_speech

Frame = Mapping[str, Any]

#: What a server may ask for in its first frame. Whatever else stands there is ignored.
CONFIGURABLE = ("auto_reconnect", "call_details", "transcript_with_tool_calls")
#: Frames of speech, and where each says which turn it is of.
NUMBERED = {"response": "response_id", "agent_interrupt": "interrupt_id"}
#: Characters of a frame that cannot be read which are told.
TOLD = 80


def decoded(data: bytes) -> tuple[Frame, str]:
    """A frame, and why it is lost, "" if it is not."""
    try:
        frame = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        what = "it holds half of a character (a lone surrogate)" if _has_lone_surrogates(data) else "it is not JSON"
        return {}, f"{what}: {data[:TOLD].decode(errors='replace')!r}"
    if not isinstance(frame, dict):
        return {}, f"it is not an object: {data[:TOLD].decode(errors='replace')!r}"
    return frame, _fault(frame)


def _has_lone_surrogates(data: bytes) -> bool:
    """Whether it is JSON with such ones in it, which strict readers refuse (RFC 8259, section 8.2) and Python's own takes."""
    try:
        json.dumps(json.loads(data), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return False


def kind_of(frame: Frame) -> str:
    kind = frame.get("response_type", "response")
    return kind if isinstance(kind, str) else ""


def piece_of(frame: Frame) -> Piece:
    """What a frame of speech brings."""
    return Piece(frame["content"], frame["content_complete"], frame.get("no_interruption_allowed") is True, _wishes(frame))


def odd_wishes(frame: Frame) -> list[str]:
    """Wishes of a wrong type: they are not seen, and the words are spoken without them."""
    odd = [name for name in ("end_call", "no_interruption_allowed") if not _is_bool_or_absent(frame.get(name))]
    odd += [name for name in ("transfer_number", "digit_to_press") if not isinstance(frame.get(name, ""), str)]
    return [f"{name} has the wrong type" for name in odd]


def _wishes(frame: Frame) -> tuple[tuple[ActionWord, str], ...]:
    number, digits = frame.get("transfer_number"), frame.get("digit_to_press")
    found: list[tuple[ActionWord, str]] = []
    if frame.get("end_call") is True:
        found.append(("hang_up", ""))
    if isinstance(number, str) and number:
        found.append(("transfer", number))
    if isinstance(digits, str) and digits:
        found.append(("digits", digits))
    return tuple(found)


def _fault(frame: Frame) -> str:
    kind = kind_of(frame)
    check = _CHECKS.get(kind)
    fault = check(frame) if check is not None else f"response_type {frame.get('response_type')!r} is unknown"
    if fault and "response_type" not in frame:
        return f"it has no response_type, so it was taken for a response, and {fault}"
    return fault


def _config(frame: Frame) -> str:
    config = frame.get("config")
    if not isinstance(config, dict):
        return "config is not an object"
    wrong = [name for name in CONFIGURABLE if not _is_bool_or_absent(config.get(name))]
    return f"config.{wrong[0]} is not a boolean" if wrong else ""


def _pong(frame: Frame) -> str:
    return "" if type(frame.get("timestamp")) is int else "timestamp is not an integer"


def _called(frame: Frame) -> str:
    fault = _strings(frame, "tool_call_id", "name", "arguments")
    if fault:
        return fault
    try:
        arguments = msgspec.json.decode(frame["arguments"])
    except msgspec.DecodeError:
        arguments = None
    return "" if isinstance(arguments, dict) else "arguments is not the JSON text of an object"


def _returned(frame: Frame) -> str:
    fault = _strings(frame, "tool_call_id", "content")
    return fault or ("" if _is_bool_or_absent(frame.get("successful")) else "successful is not a boolean")


def _metadata(frame: Frame) -> str:
    return "" if isinstance(frame.get("metadata"), dict) else "metadata is not an object"


def _tuned(frame: Frame) -> str:
    config = frame.get("agent_config")
    if not isinstance(config, dict):
        return "agent_config is not an object"
    wrong = [name for name, is_right in _TUNABLE.items() if config.get(name) is not None and not is_right(config[name])]
    return f"agent_config.{wrong[0]} is out of its range" if wrong else ""


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and LOWEST <= value <= HIGHEST


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_bool_or_absent(value: object) -> bool:
    return value is None or isinstance(value, bool)


def _strings(frame: Frame, *names: str) -> str:
    wrong = [name for name in names if not isinstance(frame.get(name), str)]
    return f"{wrong[0]} is not a string" if wrong else ""


_TUNABLE: dict[str, Callable[[object], bool]] = {
    "responsiveness": _is_share,
    "interruption_sensitivity": _is_share,
    "reminder_trigger_ms": _is_positive,
    "reminder_max_count": _is_count,
}

_CHECKS: dict[str, Callable[[Frame], str]] = {
    "response": lambda frame: fault_of_speech(frame, NUMBERED["response"]),
    "agent_interrupt": lambda frame: fault_of_speech(frame, NUMBERED["agent_interrupt"]),
    "config": _config,
    "ping_pong": _pong,
    "tool_call_invocation": _called,
    "tool_call_result": _returned,
    "metadata": _metadata,
    "update_agent": _tuned,
}
