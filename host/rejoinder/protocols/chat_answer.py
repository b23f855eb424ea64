"""One answer to one chat completion, as server-sent events or as a whole."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from rejoinder.protocols.wire import to_json


class Function(Struct):
    """A function to call; `arguments` is an object written as JSON."""

    name: str
    arguments: str


class ToolCall(Struct):
    """An order to the platform."""

    index: int
    id: str
    type: Literal["function"]
    function: Function


class _Usage(Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class _Message(Struct, omit_defaults=True):
    role: Literal["assistant"] | UnsetType = UNSET
    content: str | None | UnsetType = UNSET  # noqa: RUF036
    tool_calls: list[ToolCall] | UnsetType = UNSET


_Reason = Literal["stop", "tool_calls"]


class _Delta(Struct):
    index: int
    delta: _Message
    finish_reason: _Reason | None


class _Choice(Struct):
    index: int
    message: _Message
    finish_reason: _Reason


class _Chunk(Struct):
    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[_Delta]
    usage: _Usage | UnsetType | None = UNSET


class _Completion(Struct):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[_Choice]
    usage: _Usage


class Answer:
    """What was said so far to one request. `usage` asks for a last event with the tokens spent: zeros, as only the
    response system knows."""

    __slots__ = ("_created", "_id", "_model", "_said", "_streamed", "_usage")

    def __init__(self, identity: str, created: int, model: str, *, streamed: bool, usage: bool) -> None:
        self._id = identity
        self._created = created
        self._model = model
        self._streamed = streamed
        self._usage = usage
        self._said: list[str] = []

    def speak(self, text: str) -> list[bytes]:
        """The frames for a chunk: none as long as the answer is wanted whole."""
        chunk = [self._delta(_Message(content=text))] if self._streamed else []
        self._said.append(text)
        return chunk

    def finish(self, text: str, call: ToolCall | None = None) -> bytes:
        """The last frame, with the last chunk and a tool call in it."""
        if not self._streamed:
            return self._whole(text, call)
        events = [*self.speak(text)] if text or not self._said else []
        if call is not None:
            events.append(self._delta(_Message(tool_calls=[call])))
        events.append(self._delta(_Message(), "stop" if call is None else "tool_calls"))
        if self._usage:
            events.append(self._event([], _Usage()))
        return b"".join([*events, b"data: [DONE]\n\n"])

    def _whole(self, text: str, call: ToolCall | None) -> bytes:
        message = _Message("assistant", "".join([*self._said, text]), UNSET if call is None else [call])
        choice = _Choice(0, message, "stop" if call is None else "tool_calls")
        completion = _Completion(self._id, "chat.completion", self._created, self._model, [choice], _Usage())
        return to_json(completion) or b"{}"

    def _delta(self, message: _Message, reason: _Reason | None = None) -> bytes:
        if not self._said and message.content is not UNSET:
            message.role = "assistant"
        return self._event([_Delta(0, message, reason)], None if self._usage else UNSET)

    def _event(self, choices: list[_Delta], usage: _Usage | UnsetType | None) -> bytes:
        chunk = _Chunk(self._id, "chat.completion.chunk", self._created, self._model, choices, usage)
        return b"data: %b\n\n" % (to_json(chunk) or b"{}")
