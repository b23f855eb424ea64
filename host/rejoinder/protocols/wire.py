"""JSON out, for every protocol: what leaves is valid UTF-8 JSON, whatever a plugin put in."""

from typing import Any

from msgspec import to_builtins
from msgspec.json import Encoder

_ENCODER = Encoder(enc_hook=str)


def to_json(value: object) -> bytes | None:
    """`value` as JSON; lone surrogates become U+FFFD, a foreign object its str(). None for what JSON cannot say."""
    try:
        try:
            return _ENCODER.encode(value)
        except UnicodeEncodeError:
            return _ENCODER.encode(_mended(to_builtins(value, enc_hook=str)))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


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
