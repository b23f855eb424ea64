"""What can still be read of a request whose shape is not the known one: a caller waits for its answer, whatever a platform
has changed around it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from rejoinder.dialogue import Transcript, Utterance
from rejoinder.protocols.retell_transcript import NOT_SAID
from rejoinder.protocols.wire import WireInt


class _Asked(Struct):
    interaction_type: str
    response_id: WireInt
    transcript: Any = None


_ASKED = Decoder(_Asked)


class Salvaged(NamedTuple):
    """The kind of a request, its id and those utterances that are of the known shape."""

    interaction_type: str
    response_id: int
    transcript: Transcript


def salvage(frame: bytes) -> Salvaged | None:
    """What `frame` asks for, None if it is no request with an id. Slow, and needed only where the typed decoding refuses."""
    try:
        asked = _ASKED.decode(frame)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if asked.interaction_type not in ("response_required", "reminder_required"):
        return None
    said = [_utterance(item) for item in asked.transcript if _is_utterance(item)] if isinstance(asked.transcript, list) else []
    return Salvaged(asked.interaction_type, asked.response_id, Transcript(tuple(said)))


def _is_utterance(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("role"), str) and item["role"] not in NOT_SAID


def _utterance(item: Mapping[str, Any]) -> Utterance:
    content = item.get("content")
    return Utterance(item["role"], content if isinstance(content, str) else "")
