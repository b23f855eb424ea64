"""Retell's webhooks: who signed a body, and which event it tells of. No clock: `now_ms` is Unix time in milliseconds.

Retell's documents (webhook overview, secure webhook) and its Python SDK, read 2026-11.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rejoinder.errors import PeerError
from rejoinder.protocols.wire import to_text

SIGNATURE_HEADER = "X-Retell-Signature"

#: How far the time in a signature may be from ours, before or after; exactly so far still passes.
WINDOW_MS = 5 * 60 * 1000

# More digits than the time of a signature can have would be a number that Python refuses to read.
_SIGNATURE = re.compile(r"v=([0-9]{1,20}),d=([0-9a-f]{64})")

Reason = Literal["unsigned", "malformed", "stale", "wrong key"]


class NotSigned(PeerError):
    """A body that the platform did not sign as it should. `reason` is one of a few words, the text says more; neither holds
    anything of the body or of the signature."""

    def __init__(self, reason: Reason, text: str) -> None:
        self.reason: Reason = reason
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature of the right form: when the platform made it, by its own clock, and what it made."""

    at_ms: int
    digest: str

    def check(self, body: bytes, keys: Iterable[str]) -> None:
        """Raises NotSigned if none of `keys` made this signature of `body`, which is what came on the wire, byte for byte."""
        if not any(hmac.compare_digest(_digest(body, self.at_ms, key), self.digest) for key in keys):
            text = "signed with another key: only the API key with the webhook badge signs, and the body must come unchanged"
            raise NotSigned("wrong key", text)


def read_signature(headers: Sequence[str], now_ms: int) -> Signature:
    """The signature in the values of the header. Raises NotSigned if there is none that can be right.

    What it was made of is not looked at, so that a body need not be read to refuse it.
    """
    if not headers:
        raise NotSigned("unsigned", f"no {SIGNATURE_HEADER}")
    found = _SIGNATURE.fullmatch(headers[0])
    if found is None or len(headers) > 1:
        raise NotSigned("malformed", f"{SIGNATURE_HEADER} does not have the form v=MILLISECONDS,d=HEX")
    late = now_ms - int(found[1])
    if abs(late) > WINDOW_MS:
        off = f"stale by {late // 1000} s" if late > 0 else f"{-late // 1000} s ahead of this machine's clock"
        raise NotSigned("stale", f"the signature is {off}")
    return Signature(int(found[1]), found[2])


def sign(body: bytes, key: str, now_ms: int) -> str:
    """The header's value for a body, as the platform makes it."""
    return f"v={now_ms},d={_digest(body, now_ms, key)}"


def _digest(body: bytes, at_ms: int, key: str) -> str:
    made = hmac.new(key.encode(), body, hashlib.sha256)
    made.update(str(at_ms).encode())
    return made.hexdigest()


@dataclass(frozen=True, slots=True)
class Told:
    """What a body tells. Two that tell of the same thing have the same `identity`; `supersedes` is an event that comes again
    and again and of which only the newest counts."""

    event: str
    call_id: str
    identity: tuple[str, ...]
    supersedes: bool = False


def told(content: Mapping[str, Any]) -> Told | None:
    """What the content of a body tells, None if it names no event.

    Retell repeats an event until it is answered in time. Event and call tell repetitions; transfers can be several in a call,
    told by its start and their destination.
    """
    event = content.get("event")
    if not isinstance(event, str) or not event:
        return None
    call = next((found for name in ("call", "chat") if isinstance(found := content.get(name), Mapping)), {})
    call_id = next((found for name in ("call_id", "chat_id") if isinstance(found := call.get(name), str)), "")
    if event.startswith("transfer_"):
        transfer = (to_text(call.get("start_timestamp")), to_text(content.get("transfer_destination")))
        return Told(event, call_id, (event, call_id, *transfer))
    return Told(event, call_id, (event, call_id), supersedes=event == "transcript_updated")
