"""Response systems with one defect each, of those that authors of plugins make; `DEFECTS` says which check is there to see it.

Apart from its defect each is a good plugin: no other check may see anything.
"""

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from rejoinder import (
    Call,
    Details,
    EndCall,
    Options,
    PressDigits,
    Reply,
    ResponseSystem,
    SyncReply,
    SystemFactory,
    SystemSpec,
    Transcript,
    Turn,
    per_call,
)


class Polite(ResponseSystem[Any]):
    """No defect: an answer in several pieces, which can be interrupted."""

    async def begin(self, turn: Turn) -> Reply:
        yield "Good day. "
        await asyncio.sleep(0.1)
        yield "How can I help?"

    async def respond(self, turn: Turn) -> Reply:
        yield "Let me see. "
        await asyncio.sleep(0.2)
        yield f"You asked about {len(turn.text)} letters. "
        await asyncio.sleep(1)
        yield "That is all."

    async def remind(self, turn: Turn) -> Reply:
        yield "Are you still there?"


class LooseOptions(Options, frozen=True):
    api_key: Annotated[str, Meta(description="The key of the booking system.")] = ""


class TokenOptions(Options, frozen=True):
    api_token: Annotated[str, Meta(description="The key of the booking system.")] = ""


@dataclass
class CarelessOptions:
    greeting: Annotated[str, Meta(description="Said first.")] = "Hello."


class SilentOptions(Options, frozen=True):
    greeting: str = "Hello."


class NeverEnds(Polite):
    async def respond(self, turn: Turn) -> Reply:
        yield "Let me see. "
        await asyncio.Event().wait()


class Raises(Polite):
    async def respond(self, turn: Turn) -> Reply:
        yield "Let me see. "
        raise KeyError(turn.text)


class WaitsForDetails(Polite):
    def __init__(self, options: Any, call: Call) -> None:
        super().__init__(options, call)
        self._known = asyncio.Event()

    async def details(self, details: Details) -> None:
        self._known.set()

    async def begin(self, turn: Turn) -> Reply:
        await self._known.wait()
        yield "Good day."


class GreetsWithAField(Polite):
    async def begin(self, turn: Turn) -> Reply:
        yield "Good day, {{ name }}."

    async def respond(self, turn: Turn) -> Reply:
        yield "Yes."


class AnswersSilence(Polite):
    async def remind(self, turn: Turn) -> Reply:
        async for output in self.respond(turn):
            yield output


class YieldsNumbers(Polite):
    async def respond(self, turn: Turn) -> Reply:
        wrong: Any = 42
        yield "The answer is "
        yield wrong


class GivesACoroutine(Polite):
    async def respond(self, turn: Turn) -> str:  # type: ignore[override]  # the defect
        return "Yes."


class ActsTwice(Polite):
    async def respond(self, turn: Turn) -> Reply:
        yield "One moment."
        yield PressDigits("1")
        yield PressDigits("2")


class SpeaksAfterGoodbye(Polite):
    async def respond(self, turn: Turn) -> Reply:
        yield EndCall()
        yield "Goodbye."


class WritesMarkdown(Polite):
    async def respond(self, turn: Turn) -> Reply:
        yield "We are **open** from nine to five."


class LooksAtTheLastUtterance(Polite):
    async def respond(self, turn: Turn) -> Reply:
        yield f"You said: {turn.transcript[-1].text}."


class FormatsWhatWasSaid(Polite):
    async def respond(self, turn: Turn) -> Reply:
        yield ("You said: " + turn.text).format(name="you")


class ListensToTheLast(Polite):
    async def listening(self, transcript: Transcript) -> None:
        self.newest = transcript[-1]


class EndsSlowly(Polite):
    async def ended(self) -> None:
        await asyncio.sleep(60)


class SwallowsCancellation(Polite):
    async def respond(self, turn: Turn) -> Reply:
        for _ in range(5):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.5)
            yield "Still here. "


class CleansUpForever(Polite):
    async def respond(self, turn: Turn) -> Reply:
        try:
            yield "Let me see. "
            await asyncio.sleep(1)
            yield "Yes."
        finally:
            await asyncio.sleep(3)


class StaysBusy(Polite):
    busy = False

    async def respond(self, turn: Turn) -> Reply:
        if self.busy:
            return
        self.busy = True
        yield "Let me see. "
        await asyncio.sleep(1)
        yield "Yes."
        self.busy = False


class BooksWithAnId(Polite):
    """Every request has an id of its own, and so is another one."""

    async def respond(self, turn: Turn) -> Reply:
        yield "One moment. "
        if "book" in turn.text:
            await self.call.run_once("book", {"seats": 2, "id": str(uuid.uuid4())}, self._book)
        yield "Done."

    async def _book(self, seats: int, id: str) -> str:  # noqa: A002  a tool's own word
        await asyncio.sleep(0.5)
        return f"{seats} seats"


@dataclass
class Till:
    """What was booked, for a test that counts."""

    bookings: list[str] = field(default_factory=list)


TILL = Till()


class BooksByItself(Polite):
    async def respond(self, turn: Turn) -> Reply:
        if "book" in turn.text:
            TILL.bookings.append(self.call.id)
            await asyncio.sleep(0.5)
        yield "Done."


class BooksForTwo(Polite):
    """No defect: one request, two tools of one name."""

    async def respond(self, turn: Turn) -> Reply:
        for guest in ("Ann", "Ben"):
            await self.call.run_once("invite", {"guest": guest}, self._invite)
        yield "Done."

    async def _invite(self, guest: str) -> None:
        await asyncio.sleep(0.5)


class RemembersForAll(Polite):
    heard: list[str] = []  # noqa: RUF012  the defect

    async def respond(self, turn: Turn) -> Reply:
        self.heard.append(turn.text)
        yield f"I have heard {len(self.heard) and 'something'}."


class TellsOthers(Polite):
    async def respond(self, turn: Turn) -> Reply:
        yield f"Before you somebody said {HEARD[-1] if HEARD else 'nothing'}."
        HEARD.append(turn.text)


HEARD: list[str] = []


@asynccontextmanager
async def one_for_all(options: Options) -> AsyncIterator[SystemFactory]:
    made: list[Polite] = []

    def the_one(call: Call) -> Polite:
        if not made:
            made.append(Polite(options, call))
        return made[0]

    yield the_one


class LeavesTasks(Polite):
    async def respond(self, turn: Turn) -> Reply:
        self._task = asyncio.create_task(self._watch())
        yield "Yes."

    async def _watch(self) -> None:
        await asyncio.Event().wait()


class LeavesThreads(Polite):
    """Real threads, which a test ends by `RELEASE`."""

    async def respond(self, turn: Turn) -> Reply:
        threading.Thread(target=RELEASE.wait, daemon=True).start()
        yield "Yes."


RELEASE = threading.Event()


class Blocks(Polite):
    async def digits(self, digits: str) -> None:
        time.sleep(0.4)  # noqa: ASYNC251  the defect


class BlocksForever(Polite):
    async def respond(self, turn: Turn) -> Reply:
        while not RELEASE.is_set():
            pass
        yield "Yes."


class NeverEndsAStep(ResponseSystem[Any]):
    def respond(self, turn: Turn) -> SyncReply:
        while not RELEASE.is_set():
            pass
        yield "Yes."


class GoesOnInItsSteps(ResponseSystem[Any]):
    def respond(self, turn: Turn) -> SyncReply:
        try:
            yield "Yes. "
            time.sleep(0.02)
            yield "It is fine."
        finally:
            yield ""


class Refuses(Polite):
    def __init__(self, options: Any, call: Call) -> None:
        super().__init__(options, call)
        raise OSError("the database is locked")


class OnlyOnce:
    """A lock that is never released: it opens a single time."""

    def __init__(self) -> None:
        self.is_taken = False

    @asynccontextmanager
    async def open(self, options: Options) -> AsyncIterator[SystemFactory]:
        if self.is_taken:
            raise OSError("the port is in use")
        self.is_taken = True
        yield lambda call: Polite(options, call)


@asynccontextmanager
async def closes_badly(options: Options) -> AsyncIterator[SystemFactory]:
    yield lambda call: Polite(options, call)
    raise OSError("the pool was closed before")


class PoliteInThreads(ResponseSystem[Any]):
    """No defect: plain generators."""

    def respond(self, turn: Turn) -> SyncReply:
        yield "Let me see. "
        yield f"You asked about {len(turn.text)} letters."


def spec(system: type[ResponseSystem[Any]], options: type[Any] = Options) -> SystemSpec[Any]:
    return per_call(system, options)


@dataclass(frozen=True)
class Defect:
    """`check` must see it, and no other; `effects` is how a test counts what its tools do."""

    check: str
    name: str
    spec: SystemSpec[Any]
    effects: Callable[[], int] | None = None


#: Every check has one at least.
DEFECTS = (
    Defect("options-typed", "LooseOptions", spec(Polite, LooseOptions)),
    Defect("options-typed", "TokenOptions", spec(Polite, TokenOptions)),
    Defect("options-typed", "CarelessOptions", spec(Polite, CarelessOptions)),
    Defect("options-documented", "SilentOptions", spec(Polite, SilentOptions)),
    Defect("opens-and-closes", "Refuses", spec(Refuses)),
    Defect("opens-and-closes", "OnlyOnce", SystemSpec(Options, OnlyOnce().open)),
    Defect("opens-and-closes", "closes_badly", SystemSpec(Options, closes_badly)),
    Defect("does-not-block", "Blocks", spec(Blocks)),
    Defect("closes-turns", "NeverEnds", spec(NeverEnds)),
    Defect("closes-turns", "Raises", spec(Raises)),
    Defect("begin-sensible", "WaitsForDetails", spec(WaitsForDetails)),
    Defect("reminder-sensible", "AnswersSilence", spec(AnswersSilence)),
    Defect("yields-right-types", "YieldsNumbers", spec(YieldsNumbers)),
    Defect("yields-right-types", "GivesACoroutine", spec(GivesACoroutine)),
    Defect("one-action-and-last", "ActsTwice", spec(ActsTwice)),
    Defect("one-action-and-last", "SpeaksAfterGoodbye", spec(SpeaksAfterGoodbye)),
    Defect("speech-clean", "WritesMarkdown", spec(WritesMarkdown)),
    Defect("speech-clean", "GreetsWithAField", spec(GreetsWithAField)),
    Defect("tolerates-empty-transcript", "LooksAtTheLastUtterance", spec(LooksAtTheLastUtterance)),
    Defect("tolerates-junk-transcript", "FormatsWhatWasSaid", spec(FormatsWhatWasSaid)),
    Defect("tolerates-notices", "ListensToTheLast", spec(ListensToTheLast)),
    Defect("tolerates-notices", "EndsSlowly", spec(EndsSlowly)),
    Defect("cancels-within-bound", "SwallowsCancellation", spec(SwallowsCancellation)),
    Defect("cancels-within-bound", "CleansUpForever", spec(CleansUpForever)),
    Defect("cancels-within-bound", "GoesOnInItsSteps", spec(GoesOnInItsSteps)),
    Defect("survives-barge-ins", "StaysBusy", spec(StaysBusy)),
    Defect("tools-once", "BooksWithAnId", spec(BooksWithAnId)),
    Defect("tools-once", "BooksByItself", spec(BooksByItself), lambda: len(TILL.bookings)),
    Defect("keeps-nothing-between-calls", "RemembersForAll", spec(RemembersForAll)),
    Defect("keeps-nothing-between-calls", "TellsOthers", spec(TellsOthers)),
    Defect("keeps-nothing-between-calls", "one_for_all", SystemSpec(Options, one_for_all)),
    Defect("cleans-up", "LeavesTasks", spec(LeavesTasks)),
    Defect("cleans-up", "LeavesThreads", spec(LeavesThreads)),
)
