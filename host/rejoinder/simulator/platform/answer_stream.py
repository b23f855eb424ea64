"""One streamed chat completion, as the platform reads it: server-sent events to text, and tool calls to actions. Pure.

Source: OpenAI's "Streaming" reference; the names of the tools from docs.vapi.ai (default tools) and elevenlabs.io (system
tools); read 2026-11.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from rejoinder.errors import RejoinderError
from rejoinder.simulator.journal import ActionWord

#: Characters of an event that cannot be read which are told.
TOLD = 80


class Unreadable(RejoinderError):
    """What came is no part of a streamed chat completion."""


class AnswerStream:
    """Of one request. `tool_calls` are names with the JSON text of their arguments, whole once `is_finished`."""

    def __init__(self) -> None:
        self.is_finished = False
        self.is_done = False
        self._calls: dict[int, list[str]] = {}

    @property
    def tool_calls(self) -> list[tuple[str, str]]:
        return [(name, arguments) for name, arguments in self._calls.values()]

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
            text = delta.get("content") or ""
        except (msgspec.DecodeError, KeyError, IndexError, TypeError, AttributeError):
            raise Unreadable(f"it is no chunk of a chat completion: {_told(content)}") from None
        if not isinstance(text, str):
            raise Unreadable(f"its content is not a string: {_told(content)}")
        self.is_finished = self.is_finished or choices[0].get("finish_reason") is not None
        return text

    def _call(self, call: Mapping[str, Any]) -> None:
        known = self._calls.setdefault(call.get("index", 0), ["", ""])
        function = call["function"]
        known[0] += function.get("name") or ""
        known[1] += function.get("arguments") or ""


def action_of(name: str, arguments: str) -> tuple[ActionWord, str] | None:
    """What a call of a platform's own tool does, None for any other tool. Raises Unreadable if its arguments do not say it."""
    action = _ACTIONS.get(name)
    if action is None:
        return None
    try:
        given = msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
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
