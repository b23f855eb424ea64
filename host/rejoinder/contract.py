"""What a plugin provides and what it may rely on.

A response system is one object per call, made on its agent's own event loop. It yields words; ids, completion marks,
cancellation, keepalive and wire types are the host's alone. As promised to authors:

- On barge-in `CancelledError` appears at your `await`. Clean up in `finally`, within a second, or you are named in the log.
- What you yielded may not have been heard; the next `turn.transcript` is the truth.
- Output after cancellation is dropped. Replies of one call may overlap while one is being cleaned up.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from rejoinder.dialogue import EndedBy, Metadata, Outcome, Output, Say, Transcript, Tuning, Turn, TurnKind
from rejoinder.events import Details
from rejoinder.orders import Interrupt, Order
from rejoinder.templates import CALL_FIELDS, DETAILS_WAIT, Template, template

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


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call when it opens."""

    id: str
    route: str
    agent: str
    platform: str
    language: str = "en"
    timezone: str = "UTC"
    vars: Mapping[str, str] = field(default_factory=dict)


def look_up(name: str, facts: CallFacts, details: Details) -> str | None:
    """The value of a field by the name used in `{{ }}` (see `rejoinder.templates`), None if there is none."""
    if name == "now":
        return datetime.now(ZoneInfo(facts.timezone)).strftime("%A, %d %B %Y, %H:%M")
    root, dot, rest = name.partition(".")
    if dot and root == "vars":
        return facts.vars.get(rest)
    if dot and root == "call":
        holder = facts if rest in ("id", "route", "agent", "platform") else details
        return str(getattr(holder, rest)) if rest in CALL_FIELDS else None
    return details.variables.get(name)


class Call:
    """A live handle on one call, for use on the agent's loop. What the platform says of the call comes a moment
    after it opens: until then `details` is empty. `await call.known()` waits for it, a second at most.
    """

    __slots__ = ("_details", "_has_waited", "_is_known", "_missing", "_news", "_order", "facts")

    def __init__(
        self, facts: CallFacts, order: Callable[[Order], None], missing: Callable[[str], None], details: Details | None = None
    ) -> None:
        self.facts = facts
        self._order = order
        self._missing = missing
        self._details = details or Details()
        self._is_known = details is not None
        self._has_waited = False
        self._news: asyncio.Event | None = None

    @property
    def id(self) -> str:
        return self.facts.id

    @property
    def route(self) -> str:
        return self.facts.route

    @property
    def agent(self) -> str:
        return self.facts.agent

    @property
    def platform(self) -> str:
        return self.facts.platform

    @property
    def language(self) -> str:
        """BCP 47 tag of the language the agent speaks."""
        return self.facts.language

    @property
    def timezone(self) -> str:
        """IANA name of the zone `now` is given in."""
        return self.facts.timezone

    @property
    def details(self) -> Details:
        return self._details

    @property
    def number(self) -> str:
        """The other person's telephone number, "" if unknown."""
        return self._details.number

    @property
    def our_number(self) -> str:
        return self._details.our_number

    @property
    def kind(self) -> Literal["phone", "web", ""]:
        return self._details.kind

    @property
    def direction(self) -> Literal["inbound", "outbound", ""]:
        return self._details.direction

    @property
    def variables(self) -> Mapping[str, str]:
        """The call's dynamic variables."""
        return self._details.variables

    async def known(self, within: float = DETAILS_WAIT) -> bool:
        """Wait until the platform has said what call this is, `within` seconds at most and once a call; whether it has."""
        if not (self._is_known or self._has_waited):
            self._news = self._news or asyncio.Event()
            try:
                async with asyncio.timeout(within):
                    await self._news.wait()
            except TimeoutError:
                self._has_waited = True  # no later line of this call waits again
        return self._is_known

    async def fill(self, text: "str | Template") -> str:
        """`text` with its `{{ fields }}` filled in, after waiting for the call's details if it uses them."""
        parsed = template(text) if isinstance(text, str) else text
        if parsed.needs_details:
            await self.known()
        return parsed.render(self.field)

    def render(self, text: "str | Template") -> str:
        """`text` with its `{{ fields }}` filled in from what is known now. A missing field is empty."""
        return (template(text) if isinstance(text, str) else text).render(self.field)

    def field(self, name: str) -> str:
        """One field of a text by the name used in `{{ }}`: "" and one warning a call if there is none."""
        value = look_up(name, self.facts, self._details)
        if value is None:
            self._missing(name)
            return ""
        return value

    def interrupt(self, say: str | Say) -> None:
        """Speak out of turn: cuts off whoever speaks, and the live turn with it."""
        self._order(Interrupt(say if isinstance(say, Say) else Say(say, uninterruptible=True)))

    def tune(
        self,
        *,
        responsiveness: float | None = None,
        interruption_sensitivity: float | None = None,
        reminder_trigger_ms: int | None = None,
        reminder_max_count: int | None = None,
    ) -> None:
        """Turn the platform's knobs for the rest of the call; None leaves one as it is."""
        self._order(Tuning(responsiveness, interruption_sensitivity, reminder_trigger_ms, reminder_max_count))

    def metadata(self, data: Mapping[str, Any]) -> None:
        """Hand `data` to the web page that hosts the call."""
        self._order(Metadata(data))

    def learn(self, details: Details) -> None:
        """For the host: the platform has said what call this is."""
        self._details = details
        self._is_known = True
        if self._news is not None:
            self._news.set()


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
    """The spec of a system whose calls share nothing but the options."""

    @asynccontextmanager
    async def open_agent(given: OptionsT) -> AsyncIterator[SystemFactory]:
        yield lambda call: system(given, call)

    return SystemSpec(options, open_agent)


@dataclass(frozen=True, slots=True)
class TurnReport:
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


@dataclass(frozen=True, slots=True)
class CallReport:
    """How a call went, in seconds and numbers."""

    call: CallFacts
    details: Details
    ended_by: EndedBy
    close_code: int | None
    turns: int
    redials: int
    dropped_outputs: int
    duration: float


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
