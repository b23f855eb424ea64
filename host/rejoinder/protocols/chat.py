"""OpenAI chat completions, with the platform as the client: a request to a turn, a turn to one streamed or whole answer.

Source: OpenAI's "Create chat completion" and "Streaming" references as Vapi, ElevenLabs, Deepgram and others use them with a
custom model; their own fields from docs.vapi.ai and elevenlabs.io ("custom LLM"), read 2026-11-22. The platform speaks its own
first words and its own reminders, sends the whole history with each request and closes a request when the caller
interrupts. What it can do, it offers as tools.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import UNSET, DecodeError, Struct, UnsetType, ValidationError
from msgspec.json import Decoder

from rejoinder.dialogue import Action, Transcript, Utterance
from rejoinder.errors import PeerError
from rejoinder.events import (
    Annotate,
    CallerInterrupted,
    Command,
    Details,
    DetailsGiven,
    Event,
    Finish,
    Pong,
    Speak,
    SpeakOut,
    Tune,
    TurnRequested,
    UnknownReceived,
)
from rejoinder.protocols.chat_answer import Answer
from rejoinder.protocols.chat_details import request_details
from rejoinder.protocols.chat_tools import Tool, offered
from rejoinder.protocols.wire import printable, to_json, without_lone_surrogates

#: Where a client that can set headers says which call a request belongs to.
CALL_ID_HEADER = "X-Call-Id"


class Identity(Struct, frozen=True):
    """Whose request a body is: the call's id, None if it has none, and how the answer is wanted.

    `asks` is false for what wants no answer: Vapi posts its server events here if so configured by mistake.
    """

    call_id: str | None
    stream: bool
    asks: bool = True


class _Part(Struct):
    text: str | None = None


class _Message(Struct):
    role: str
    content: str | list[_Part] | None = None


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Vendor(Struct):
    """What platforms add to a request. Read for what they are worth: any shape is let through."""

    call: Any = None
    customer: Any = None
    phoneNumber: Any = None  # noqa: N815
    metadata: Any = None
    user_id: Any = None
    elevenlabs_extra_body: Any = None


class _Request(_Vendor):
    messages: list[_Message] | UnsetType = UNSET
    message: Any = None
    model: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    tools: list[Tool] | None = None


_REQUEST = Decoder(_Request)


def identify(body: bytes, headers: Mapping[str, str]) -> Identity:
    """Whose request `body` is. Raises PeerError for all that `decode` would refuse: so a bad request is answered as one
    before any call hears of it.

    The call's id is, in this order: the header `X-Call-Id`, `call.id` (Vapi), `call_id` or `conversation_id` of
    `elevenlabs_extra_body`, `user_id` (ElevenLabs). OpenAI's `user` is not read: it names a person or an application,
    and two calls under one id would interrupt each other.
    """
    request = _request(body)
    found = (
        headers.get(CALL_ID_HEADER),
        _entry(request.call, "id"),
        _entry(request.elevenlabs_extra_body, "call_id"),
        _entry(request.elevenlabs_extra_body, "conversation_id"),
        request.user_id,
    )
    call_id = next((one for one in found if isinstance(one, str) and one), None)
    return Identity(call_id, bool(request.stream), request.messages is not UNSET)


def error_body(message: str, kind: str, code: str | None = None) -> bytes:
    """An error in OpenAI's form; `kind` is its `type`, such as invalid_request_error."""
    return to_json({"error": {"message": message, "type": kind, "param": None, "code": code}}) or b"{}"


class ChatCodec:
    """One call's translator, for one request after another. `now` gives seconds since 1970 and `new_id` a text that
    occurs once: this codec has neither a clock nor chance of its own."""

    platform = "chat"
    grace = 120.0
    grace_after_goodbye = 120.0
    begins = False
    longest_silence: float | None = None
    updates: tuple[bytes, ...] = ()  # each request asks for an answer

    def __init__(self, *, now: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._now = now
        self._new_id = new_id
        self._turn = 0
        self._details: Details | None = None
        self._tools: dict[type[Action], Tool] = {}
        self._answer: Answer | None = None
        self._streamed = False

    @property
    def actions(self) -> frozenset[type[Action]]:
        """What the tools of the current request can do."""
        return frozenset(self._tools)

    @property
    def content_type(self) -> Literal["text/event-stream", "application/json"]:
        """The media type of the answer to the current request."""
        return "text/event-stream" if self._streamed else "application/json"

    @staticmethod
    def is_final(frame: bytes) -> bool:
        """Whether `frame` completes its answer."""
        return frame.endswith(b"data: [DONE]\n\n") or not frame.startswith(b"data: ")

    def opened(self) -> list[bytes]:
        """Nothing: the platform speaks its own first words."""
        return []

    def closed(self) -> list[Event]:
        """A request that was closed before its answer was complete is a barge-in."""
        return [CallerInterrupted()]

    def decode(self, frame: bytes | str) -> list[Event]:
        """What a request body says: a new turn, after the call's details if they are new. Raises PeerError."""
        request = _request(frame)
        if request.messages is UNSET:
            return [UnknownReceived(printable(str(_entry(request.message, "type"))))]
        self._begin_answer(request)
        transcript = Transcript(tuple([_utterance(message) for message in request.messages]))
        return [*self._news(request), TurnRequested(self._turn, "response", transcript)]

    def _begin_answer(self, request: _Request) -> None:
        self._turn += 1
        self._tools = offered(request.tools or [])
        self._streamed = bool(request.stream)
        usage = request.stream_options is not None and bool(request.stream_options.include_usage)
        identity, created = f"chatcmpl-{self._new_id()}", int(self._now())
        self._answer = Answer(identity, created, request.model or "rejoinder", streamed=self._streamed, usage=usage)

    def _news(self, request: _Request) -> list[Event]:
        given = {name: getattr(request, name) for name in _Vendor.__struct_fields__}
        details = request_details({name: value for name, value in given.items() if value is not None})
        if details == self._details:
            return []
        self._details = details
        return [DetailsGiven(details)]

    def encode(self, command: Command) -> list[bytes]:
        """The frames that say `command` in the answer to the current request; [] for any other turn, and for what this
        protocol has no words for (notes, knobs). Speech out of turn completes the answer that it cuts off, or its client
        would wait for ever; at any other time it has no way to the caller."""
        match command:
            case Speak(turn, text):
                return self._answer.speak(text) if self._answer is not None and turn == self._turn else []
            case Finish(turn, text, action):
                return self._finish(text, action) if turn == self._turn else []
            case SpeakOut(text=text, cuts=turn):
                return self._finish(f" {text}", None) if turn == self._turn else []
            case Pong() | Annotate() | Tune():
                return []

    def _finish(self, text: str, action: Action | None) -> list[bytes]:
        answer, self._answer = self._answer, None
        if answer is None:
            return []
        tool = self._tools.get(type(action)) if action is not None else None
        if action is None or tool is None:
            return [answer.finish(text)]
        return [answer.finish(text, tool.call(action, f"call_{self._new_id()}"))]


def _request(body: bytes | str) -> _Request:
    """A request with messages, or a vendor's event (a `message` with a `type`). Raises PeerError."""
    try:
        request = _REQUEST.decode(body)
    except ValidationError as wrong:
        what, _, where = str(wrong).partition(" - at `")
        place = f"`{where.strip('`').removeprefix('$.')}` of the request" if where else "the request"
        raise PeerError(f"{place} has the wrong shape: {what}") from None
    except UnicodeError:
        raise PeerError("the request is not UTF-8") from None
    except RecursionError:
        raise PeerError("the request is nested too deeply") from None
    except DecodeError as wrong:
        data = body.encode() if isinstance(body, str) else body
        if (mended := without_lone_surrogates(data)) != data:
            return _request(mended)
        raise PeerError(f"the request is not JSON: {wrong}") from None
    if request.messages is UNSET and _entry(request.message, "type") is None:
        raise PeerError("the request has no `messages`")
    return request


def _entry(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _utterance(message: _Message) -> Utterance:
    content = message.content
    if isinstance(content, list):
        content = " ".join([part.text for part in content if part.text])
    return Utterance("agent" if message.role == "assistant" else message.role, content or "")
