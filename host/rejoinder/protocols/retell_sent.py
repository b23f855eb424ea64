"""The frames that we send Retell: every field typed, because what has a wrong type vanishes without an error.

Source: docs.retellai.com, "LLM WebSocket" (API reference), read 2026-11-22.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType, to_builtins

from rejoinder.dialogue import Action, EndCall, Metadata, PressDigits, ToolCalled, ToolReturned, TransferCall, Tuning
from rejoinder.protocols.wire import to_json


class Sent(Struct, tag_field="response_type"):
    """Any frame of ours. A frame without its type would be taken for speech."""


class ConfigValues(Struct):
    auto_reconnect: bool
    call_details: bool
    transcript_with_tool_calls: bool | UnsetType = UNSET


class Config(Sent, tag="config"):
    config: ConfigValues


class PingPong(Sent, tag="ping_pong"):
    timestamp: int | float | str


class Response(Sent, tag="response", gc=False):
    response_id: int
    content: str
    content_complete: bool
    no_interruption_allowed: bool | UnsetType = UNSET
    end_call: bool | UnsetType = UNSET
    transfer_number: str | UnsetType = UNSET
    show_transferee_as_caller: bool | UnsetType = UNSET
    digit_to_press: str | UnsetType = UNSET


class AgentInterrupt(Sent, tag="agent_interrupt"):
    interrupt_id: int
    content: str
    content_complete: bool
    no_interruption_allowed: bool | UnsetType = UNSET
    end_call: bool | UnsetType = UNSET
    transfer_number: str | UnsetType = UNSET
    digit_to_press: str | UnsetType = UNSET


class ToolCallInvocation(Sent, tag="tool_call_invocation"):
    tool_call_id: str
    name: str
    arguments: str


class ToolCallResult(Sent, tag="tool_call_result"):
    tool_call_id: str
    content: str
    successful: bool | UnsetType = UNSET


class MetadataFrame(Sent, tag="metadata"):
    metadata: dict[str, Any]


class UpdateAgent(Sent, tag="update_agent"):
    agent_config: Tuning


def wished(speech: Response | AgentInterrupt, uninterruptible: bool, action: Action | None) -> Sent:
    """`speech` with its wishes; a wish that is not made is not sent."""
    if uninterruptible:
        speech.no_interruption_allowed = True
    match action:
        case EndCall():
            speech.end_call = True
        case TransferCall():
            speech.transfer_number = action.to
            if action.show_caller and isinstance(speech, Response):
                speech.show_transferee_as_caller = True
        case PressDigits():
            speech.digit_to_press = action.digits
        case None:
            pass
    return speech


def annotated(note: ToolCalled | ToolReturned | Metadata) -> list[bytes]:
    match note:
        case ToolCalled():
            arguments = to_json(dict(note.arguments))
            return [] if arguments is None else wired(ToolCallInvocation(note.id, note.name, arguments.decode()))
        case ToolReturned():
            return wired(ToolCallResult(note.id, note.text, UNSET if note.successful is None else note.successful))
        case Metadata():
            return wired(MetadataFrame(dict(note.data)))


def tuned(tuning: Tuning) -> list[bytes]:
    """A value out of the documented range would lose the whole frame, so it is brought in (NaN to the lower end)."""
    within = Tuning(
        None if tuning.responsiveness is None else min(max(0.0, tuning.responsiveness), 1.0),
        None if tuning.interruption_sensitivity is None else min(max(0.0, tuning.interruption_sensitivity), 1.0),
        None if tuning.reminder_trigger_ms is None else max(tuning.reminder_trigger_ms, 1),
        None if tuning.reminder_max_count is None else max(tuning.reminder_max_count, 0),
    )
    return [] if within == Tuning() else wired(UpdateAgent(within))


def over(old: Tuning, new: Tuning) -> Tuning:
    return Tuning(**{**to_builtins(old), **to_builtins(new)})


def wired(frame: Sent) -> list[bytes]:
    encoded = to_json(frame)
    return [] if encoded is None else [encoded]
