"""Retell's call object: an open map in every version of the documents, so nothing in it is relied on."""

from collections.abc import Mapping
from typing import Any, Literal

from rejoinder.events import Details
from rejoinder.protocols.wire import to_text

_KINDS: dict[str, Literal["phone", "web"]] = {"phone_call": "phone", "web_call": "web"}
_DIRECTIONS: dict[str, Literal["inbound", "outbound"]] = {"inbound": "inbound", "outbound": "outbound"}

#: A web call's `access_token` lets anybody join the call.
_SECRET = frozenset({"access_token"})


def call_details(call: Mapping[str, Any]) -> Details:
    """What the platform says of a call. A field that is missing or has an odd type is empty.

    Which number is the other person's follows from the direction; without one neither is guessed.
    """
    direction = _DIRECTIONS.get(str(call.get("direction")))
    numbers = (_number(call.get("from_number")), _number(call.get("to_number")))
    number, our_number = {"inbound": numbers, "outbound": numbers[::-1]}.get(direction or "", ("", ""))
    variables, metadata = call.get("retell_llm_dynamic_variables"), call.get("metadata")
    return Details(
        kind=_KINDS.get(str(call.get("call_type")), ""),
        direction=direction or "",
        number=number,
        our_number=our_number,
        variables={name: to_text(value) for name, value in variables.items()} if isinstance(variables, dict) else {},
        metadata=metadata if isinstance(metadata, dict) else {},
        raw={key: value for key, value in call.items() if key not in _SECRET},
    )


def _number(value: object) -> str:
    return value if isinstance(value, str) else ""
