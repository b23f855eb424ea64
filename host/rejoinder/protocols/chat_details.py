"""What chat-completions platforms say of a call: maps of any shape beside the messages, so nothing in them is relied on."""

from collections.abc import Mapping
from typing import Any, Literal

from rejoinder.events import Details
from rejoinder.protocols.wire import to_text

#: Vapi's `call.type`.
_TYPES: dict[str, tuple[Literal["phone", "web", ""], Literal["inbound", "outbound", ""]]] = {
    "": ("", ""),
    "inboundPhoneCall": ("phone", "inbound"),
    "outboundPhoneCall": ("phone", "outbound"),
    "webCall": ("web", ""),
}


def request_details(given: Mapping[str, Any]) -> Details:
    """Details from the vendors' fields of a request.

    Variables are Vapi's `call.assistantOverrides.variableValues`, and the plain values of `metadata` and of
    `elevenlabs_extra_body`.
    """
    call = _map(given.get("call"))
    metadata, extra = _map(given.get("metadata")), _map(given.get("elevenlabs_extra_body"))
    kind, direction = _TYPES.get(str(call.get("type")), _TYPES[""])
    values = _map(_map(call.get("assistantOverrides")).get("variableValues"))
    return Details(
        kind=kind,
        direction=direction,
        number=_number(given.get("customer") or call.get("customer")),
        our_number=_number(given.get("phoneNumber") or call.get("phoneNumber")),
        variables=_plain(metadata) | _plain(extra) | {name: to_text(value) for name, value in values.items()},
        metadata=metadata,
        raw=dict(given),
    )


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain(values: dict[str, Any]) -> dict[str, str]:
    return {name: to_text(value) for name, value in values.items() if isinstance(value, str | int | float)}


def _number(party: object) -> str:
    number = _map(party).get("number")
    return number if isinstance(number, str) else ""
