"""A frame without a word of anybody's: how it is built, how long its texts are, and what kind of frame it is."""

import re
from typing import Any

import msgspec

from rejoinder.protocols.retell_kinds import KINDS

#: Under these a platform says what a thing is, in words of its own protocol; the others are those of chat completions.
_KINDS = KINDS | {"type", "object", "finish_reason"}
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,39}\Z")
#: What stands under these belongs to the owner of the agent or to the caller, numbers and names of keys included.
_THEIRS = re.compile(r"(?:metadata|variables|headers|extra_body|arguments|parameters|properties)\Z|\Avars\Z")
#: So deep do protocols say what a thing is; what looks like it further in is somebody's data.
_DEEPEST = 3


def muted(value: Any, key: str = "", depth: int = 0) -> Any:
    """A value of JSON with the length of each text in its place; what belongs to others is its size in bytes."""
    match value:
        case str():
            return value if depth <= _DEEPEST and key in _KINDS and _KIND.match(value) else len(value)
        case dict():
            return {name: _entry(name, one, depth) for name, one in value.items()}
        case list():
            return [muted(one, key, depth) for one in value]
        case _:
            return value


def _entry(name: str, value: Any, depth: int) -> Any:
    if _THEIRS.search(name) and isinstance(value, dict | list):
        return len(msgspec.json.encode(value))
    return muted(value, name, depth + 1)
