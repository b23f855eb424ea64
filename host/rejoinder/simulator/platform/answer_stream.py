"""One streamed chat completion, as the platform reads it: server-sent events to text, and tool calls to actions. Pure.

Source: OpenAI's "Streaming" reference; the names of the tools from docs.vapi.ai (default tools) and elevenlabs.io (system
tools); read 2026-11.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from rejoinder.errors import RejoinderError
from rejoinder.simulator.journal import ActionWord

#: Characters of an event that cannot be read which are told.
TOLD = 80

#: What a decoder raises: of bytes that are no UTF-8 and of what is nested too deep too.
_UNDECODABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


class Unreadable(RejoinderError):
    """What came is no part of a streamed chat completion."""


@dataclass(slots=True)
class _ToolCall:
    """What is known of a tool call: all but the arguments comes with its first chunk."""

    id: str = ""
    type: str = ""
    name: str = ""
    arguments: str = ""


class AnswerStream:
    """Of one request. `tool_calls` are names with the JSON text of their arguments, whole once `is_finished`; `size` is how
    many characters of text and tool calls have come."""

    def __init__(self) -> None:
        self.is_done = False
        self.size = 0
        self._finish_reason: object = None
        self._calls: dict[int, _ToolCall] = {}
        self._is_unnumbered = False

    @property
    def is_finished(self) -> bool:
        """Whether the answer says that nothing more is to come."""
        return self._finish_reason is not None

    @property
    def tool_calls(self) -> list[tuple[str, str]]:
        return [(call.name, call.arguments) for call in self._calls.values()]

    def faults(self) -> Iterator[str]:
        """What is wrong with the form of an answer that came to its end, and can be understood all the same."""
        if not self.is_done:
            yield "the answer ended without [DONE]"
        if not self.is_finished:
            yield "the answer ended without a finish_reason"
        elif self._calls and self._finish_reason != "tool_calls":
            yield f"the finish_reason of an answer with tool calls is {self._finish_reason!r}, not 'tool_calls'"
        if self._is_unnumbered:
            yield "a tool call came without its index"
        for call in self._calls.values():
            missing = [name for name in ("id", "type", "name") if not getattr(call, name)]
            if missing:
                yield f"a tool call came without its {' and '.join(missing)}: {call.name or call.arguments[:TOLD]!r}"

    def take(self, line: bytes) -> str:
        """The text that a line brings, "" for one that brings none. Raises Unreadable."""
        line = line.strip()
        if not line or line.startswith(b":"):
            return ""
        if not line.startswith(b"data:"):
            if line.split(b":", 1)[0] in (b"event", b"id", b"retry"):
                return ""
            raise Unreadable(f"it is no server-sent event: {_told(line)}")
        content = line.removeprefix(b"data:").strip()
        if content == b"[DONE]":
            self.is_done = True
            return ""
        return self._chunk(content)

    def _chunk(self, content: bytes) -> str:
        try:
            choices = msgspec.json.decode(content)["choices"]
            if not choices:
                return ""  # what the answer cost
            delta = choices[0]["delta"]
            for call in delta.get("tool_calls") or []:
                self._call(call)
            text = delta.get("content")
        except (*_UNDECODABLE, KeyError, IndexError, TypeError, AttributeError):
            raise Unreadable(f"it is no chunk of a chat completion: {_told(content)}") from None
        if not isinstance(text, str | None):
            raise Unreadable(f"its content is not a string: {_told(content)}")
        if self._finish_reason is None:
            self._finish_reason = choices[0].get("finish_reason")
        self.size += len(text or "")
        return text or ""

    def _call(self, call: Mapping[str, Any]) -> None:
        self._is_unnumbered |= call.get("index") is None
        known = self._calls.setdefault(call.get("index") or 0, _ToolCall())
        function = call["function"]
        known.id = known.id or call.get("id") or ""
        known.type = known.type or call.get("type") or ""
        known.name += function.get("name") or ""
        known.arguments += function.get("arguments") or ""
        self.size += len(function.get("name") or "") + len(function.get("arguments") or "")


def action_of(name: str, arguments: str) -> tuple[ActionWord, str] | None:
    """What a call of a platform's own tool does, None for any other tool. Raises Unreadable if its arguments do not say it."""
    action = _ACTIONS.get(name)
    if action is None:
        return None
    try:
        given = msgspec.json.decode(arguments or "{}")
    except _UNDECODABLE:
        given = None
    if not isinstance(given, dict):
        raise Unreadable(f"the arguments of {name} are not the JSON text of an object: {arguments[:TOLD]!r}")
    word, target = action
    found = target(given)
    if not isinstance(found, str) or (word != "hang_up" and not found):
        raise Unreadable(f"the arguments of {name} do not say what it needs: {arguments[:TOLD]!r}")
    return word, found


def _told(line: bytes) -> str:
    return repr(line[:TOLD].decode(errors="replace"))


#: The tools that a platform offers, what they do, and where their arguments say with what.
_ACTIONS: dict[str, tuple[ActionWord, Callable[[dict[str, Any]], object]]] = {
    "endCall": ("hang_up", lambda _: ""),
    "end_call": ("hang_up", lambda _: ""),
    "transferCall": ("transfer", lambda given: given.get("destination")),
    "transfer_to_number": ("transfer", lambda given: given.get("transfer_number")),
    "dtmf": ("digits", lambda given: given.get("dtmf") or given.get("digits") or given.get("keys")),
}
