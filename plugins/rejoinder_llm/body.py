"""What a server answers, bytes in and chunks out. No socket and no clock.

Server-sent events as chat completions use them (WHATWG HTML, section 9.2; OpenAI's API reference): each event is one
JSON object on one `data:` line, the last is `[DONE]`. A server that ignores `stream` and answers with a
plain JSON object is understood too: what begins with `{` is one.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw, Struct

#: Nothing a person is to hear is as long as this; more is a server gone wrong.
LONGEST_LINE = 8 * 2**20

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Delta(Struct, gc=False):
    content: str | None = None
    tool_calls: list[Raw] | None = None


class Choice(Struct):
    delta: Delta | None = None
    message: Delta | None = None  # of an answer that is not streamed
    finish_reason: str | None = None


class Tokens(Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Chunk(Struct):
    choices: list[Choice] | None = None
    usage: Tokens | None = None
    error: Any = None


class TooLong(Exception):
    """A line, or an answer that is not streamed, exceeds LONGEST_LINE."""


decode = msgspec.json.Decoder(Chunk).decode


class Body:
    """Cuts the bytes of one answer into chunks.

    `done` turns true at `[DONE]` or after a whole object; `unreadable` says why an event was passed over, "" if none was.
    """

    __slots__ = ("_is_object", "_rest", "done", "unreadable")

    def __init__(self) -> None:
        self._rest = b""
        self._is_object: bool | None = None  # not known until the first visible byte
        self.done = False
        self.unreadable = ""

    def feed(self, received: bytes) -> list[Chunk]:
        """The chunks that `received` completes."""
        rest = self._rest + received if self._rest else received
        if self._is_object is None:
            rest = self._begin(rest)
        if self._is_object:
            self._keep(rest)
            return []
        cut = max(rest.rfind(b"\n"), rest.rfind(b"\r")) + 1
        self._keep(rest[cut:])
        return self._events(rest[:cut].splitlines()) if cut else []

    def finish(self) -> list[Chunk]:
        """The chunks left when the bytes end: a last line without its end, or the whole object."""
        rest, self._rest = self._rest, b""
        if not self._is_object:
            return self._events(rest.splitlines())
        self.done = True
        return self._chunk(rest)

    def _begin(self, rest: bytes) -> bytes:
        if BYTE_ORDER_MARK.startswith(rest[:3]):
            return rest if len(rest) < 3 else self._begin(rest[3:])
        seen = rest.lstrip()
        if seen:
            self._is_object = seen.startswith(b"{")
        return seen

    def _keep(self, rest: bytes) -> None:
        if len(rest) > LONGEST_LINE:
            raise TooLong
        self._rest = rest

    def _events(self, lines: Iterable[bytes]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for line in lines:
            if self.done or not line.startswith(b"data:"):
                continue  # comments, blank lines, event names, ids
            data = line[5:].strip()
            if data == b"[DONE]":
                self.done = True
            elif data:
                chunks += self._chunk(data)
        return chunks

    def _chunk(self, data: bytes) -> list[Chunk]:
        try:
            return [decode(data)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # A validation error names types and a path, no content; the others are named by their class alone.
            self.unreadable = str(error) if isinstance(error, msgspec.ValidationError) else type(error).__name__
            return []
