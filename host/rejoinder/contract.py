"""What a plugin provides and what it may rely on.

A response system is one object per call, made on its agent's own event loop. It yields words; ids, completion marks,
cancellation, keepalive and wire types are the host's alone. As promised to authors:

- On barge-in `CancelledError` appears at your `await`. Clean up in `finally`, within a second, or you are named in the log.
- What you yielded may not have been heard; the next `turn.transcript` is the truth.
- Output after cancellation is dropped. Replies of one call may overlap while one is being cleaned up.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct

from rejoinder.call import Call, CallFacts
from rejoinder.dialogue import EndedBy, Outcome, Output, Transcript, Turn, TurnKind
from rejoinder.events import Details

#: What `respond` gives as an async generator: its outputs, in order; its end is the end of the reply.
Reply = AsyncGenerator[Output, None]
#: The same as a plain generator, whose steps run in the agent's threads.
SyncReply = Generator[Output, None, None]
OptionsT = TypeVar("OptionsT")


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of a system's options: typed, immutable, unknown keys refused.

    A field's default, type and `Annotated[..., msgspec.Meta(description=...)]` are its documentation. `__post_init__` may
    raise ValueError to refuse a value; the text is shown with the place in the file. Subclasses repeat `frozen=True`; one whose
    required fields follow others says `kw_only=True`.
    """

    def dials(self) -> Iterable[tuple[Sequence[str | int], str]]:
        """Every name under `numbers:` that these options may transfer a call to, each behind its place in them (keys and list
        positions): so that `check` finds one that is not there, and no caller does."""
        return ()


class Secret:
    """A value that must not be seen: `reveal()` gives it, everything else (repr, str, logs) a mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')" if self._value else "Secret('')"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))


class ResponseSystem(ABC, Generic[OptionsT]):
    """What answers a call. One object per call; state on `self` is the call's own.

    Only `respond` is required. Lines of the YAML (`begin:`, `reminder:`) come before `begin` and `remind`.
    """

    def __init__(self, options: OptionsT, call: Call) -> None:
        self.options = options
        self.call = call

    @abstractmethod
    def respond(self, turn: Turn) -> Reply | SyncReply:
        """Answer the caller: an async generator of outputs, or a plain generator, which runs in the agent's threads."""

    def begin(self, turn: Turn) -> Reply | SyncReply:
        """The first words of the call. By default none: the caller speaks first."""
        return silence()

    def remind(self, turn: Turn) -> Reply | SyncReply:
        """A nudge after silence. By default none here: the host says its own line in the call's language."""
        return silence()

    async def listening(self, transcript: Transcript) -> None:
        """The transcript grew while nobody asks for an answer. Only the newest is delivered."""

    async def digits(self, digits: str) -> None:
        """The caller pressed keys."""

    async def details(self, details: Details) -> None:
        """The platform has said what call this is (`self.call` knows it already)."""

    async def ended(self) -> None:
        """The call is over."""


async def silence() -> Reply:
    """A reply without an output."""
    return
    yield  # makes it a generator


#: What makes the object of one call; a system with shared resources yields it when its agent opens.
SystemFactory = Callable[[Call], ResponseSystem[Any]]


@dataclass(frozen=True)
class SystemSpec(Generic[OptionsT]):
    """A response system as a plugin hands it over.

    `options` is the type of its options; `open` is entered once for each agent, on the agent's loop, holds what its calls
    share (an HTTP client, a table) and yields what makes the object of one call.
    """

    options: type[OptionsT]
    open: Callable[[OptionsT], AbstractAsyncContextManager[SystemFactory]]


def per_call(system: type[ResponseSystem[OptionsT]], options: type[OptionsT]) -> SystemSpec[OptionsT]:
    """The spec of a system whose calls share nothing but the options. Raises TypeError for an abstract class."""
    if inspect.isabstract(system):
        missing = ", ".join(sorted(system.__abstractmethods__))
        raise TypeError(f"{system.__name__} is abstract: it lacks {missing}")

    @asynccontextmanager
    async def open_agent(given: OptionsT) -> AsyncIterator[SystemFactory]:
        yield lambda call: system(given, call)

    return SystemSpec(options, open_agent)


class TurnReport(Struct, frozen=True, gc=False):
    """What became of one turn. Times in seconds since the turn was asked for, None if it never came to that."""

    call: CallFacts
    number: int
    kind: TurnKind
    outcome: Outcome
    first_chunk: float | None
    first_sentence: float | None
    chunks: int
    duration: float
    input_tokens: int = 0
    output_tokens: int = 0


class CallReport(Struct, frozen=True):
    """How a call went, in seconds and numbers."""

    call: CallFacts
    details: Details
    ended_by: EndedBy
    close_code: int | None
    turns: int
    redials: int
    dropped_outputs: int
    duration: float


@dataclass(frozen=True, slots=True)
class WebhookReport:
    """What a platform told of a call by a webhook; the host has checked that it was the platform.

    `event` and `data` are the platform's own words: `data` is the whole body, each observer's own. `call_id` is "" for an event
    that belongs to no call; the call need not be one that this server carries. `received_at` is in UTC.
    """

    platform: str
    event: str
    call_id: str
    data: Mapping[str, Any] = field(repr=False)
    received_at: datetime


class Observer(Generic[OptionsT]):
    """Hears of calls without taking part. All methods optional; they run on one observer loop, each for a bounded time."""

    def __init__(self, options: OptionsT) -> None:
        self.options = options

    async def call_started(self, call: CallFacts) -> None:
        """A call was dialled for the first time."""

    async def turn_ended(self, report: TurnReport) -> None:
        """The last words of a turn are out, or it was interrupted."""

    async def call_ended(self, report: CallReport) -> None:
        """The call is over, and nobody will dial it again."""

    async def webhook_received(self, report: WebhookReport) -> None:
        """The platform told something by a webhook. Repetitions are left out as far as the host can know them."""


@dataclass(frozen=True)
class ObserverSpec(Generic[OptionsT]):
    """An observer as a plugin hands it over; `open` is entered once for each entry under `observers:`."""

    options: type[OptionsT]
    open: Callable[[OptionsT], AbstractAsyncContextManager[Observer[Any]]]


def observing(observer: type[Observer[OptionsT]], options: type[OptionsT]) -> ObserverSpec[OptionsT]:
    """The spec of an observer that holds nothing but its options."""

    @asynccontextmanager
    async def open_observer(given: OptionsT) -> AsyncIterator[Observer[Any]]:
        yield observer(given)

    return ObserverSpec(options, open_observer)
