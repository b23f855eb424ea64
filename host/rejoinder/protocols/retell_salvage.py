"""What can still be read of a frame whose shape is not the known one, where somebody waits for it: a caller for an answer, the
platform for an answer to its ping, whatever it has changed around them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from rejoinder.dialogue import Transcript, Utterance
from rejoinder.protocols.retell_transcript import NOT_SAID
from rejoinder.protocols.wire import WireInt, without_lone_surrogates


class SalvagedPing(Struct, tag_field="interaction_type", tag="ping_pong"):
    """A ping; its timestamp is echoed and never read, so that it need be no integer."""

    timestamp: int | float | str


class SalvagedDetails(Struct, tag_field="interaction_type", tag="call_details"):
    """What the platform says of the call."""

    call: dict[str, Any]


class _Response(Struct, tag_field="interaction_type", tag="response_required"):
    response_id: WireInt
    transcript: Any = None


class _Reminder(Struct, tag_field="interaction_type", tag="reminder_required"):
    response_id: WireInt
    transcript: Any = None


_SALVAGED = Decoder(SalvagedPing | SalvagedDetails | _Response | _Reminder)


class SalvagedRequest(NamedTuple):
    """The kind of a request, its id and those utterances that are of the known shape."""

    interaction_type: str
    response_id: int
    transcript: Transcript


def salvage(frame: bytes) -> SalvagedPing | SalvagedDetails | SalvagedRequest | None:
    """What `frame` asks for or tells, None if nothing can be made of it. Slow, and needed only where the typed decoding
    refuses."""
    try:
        found = _SALVAGED.decode(without_lone_surrogates(frame))
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(found, SalvagedPing | SalvagedDetails):
        return found
    items = found.transcript if isinstance(found.transcript, list) else []
    said = tuple([_utterance(item) for item in items if _is_utterance(item)])
    kind = "response_required" if isinstance(found, _Response) else "reminder_required"
    return SalvagedRequest(kind, found.response_id, Transcript(said))


def _is_utterance(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("role"), str) and item["role"] not in NOT_SAID


def _utterance(item: Mapping[str, Any]) -> Utterance:
    content = item.get("content")
    return Utterance(item["role"], content if isinstance(content, str) else "")
