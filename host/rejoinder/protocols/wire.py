"""JSON in and out, for every protocol: what leaves is valid UTF-8 JSON, whatever a plugin put in."""

import re
from typing import Annotated, Any

from msgspec import Meta, to_builtins
from msgspec.json import Encoder

#: A whole number that every JSON reader gives back as it was (RFC 8259, section 6).
WireInt = Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)]

#: What JSON can say, as it is; raises UnicodeEncodeError and what else `to_json` has a remedy for.
encode = Encoder(enc_hook=str).encode

#: What is a half of a character outside the first plane without its other half; kept are whole ones, and a backslash that is
#: a text's own.
_SURROGATES = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
)


def to_json(value: object) -> bytes | None:
    """`value` as JSON; lone surrogates become U+FFFD, a foreign object its str(). None for what JSON cannot say."""
    try:
        try:
            return encode(value)
        except UnicodeEncodeError:
            return encode(_mended(to_builtins(value, enc_hook=str)))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def without_lone_surrogates(frame: bytes) -> bytes:
    """JSON with U+FFFD for each half of a character: a sender that cuts a text between the two escapes what is left so
    (ECMAScript, JSON.stringify), and strict decoders refuse the whole of it."""
    return _SURROGATES.sub(lambda found: found[1] or rb"\ufffd", frame) if b"\\u" in frame else frame


def to_text(value: object) -> str:
    """A value that should have been a text: itself if it is one, "" for null, else as JSON writes it."""
    if value is None or isinstance(value, str):
        return value or ""
    return (to_json(value) or b"").decode()


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return [_mended(item) for item in value] if isinstance(value, list) else value


def printable(name: str) -> str:
    """A name that a peer chose, as it may be shown in a log: one short line."""
    return "".join([letter for letter in name[:64] if letter.isprintable()])
