"""What the front door promises to type checkers.

Never run, only checked (mypy strict): a wrong use that is not refused leaves an unused `type: ignore`, an error as well.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import assert_type

from rejoinder import (
    Call,
    CallFacts,
    CallReport,
    Details,
    EndCall,
    Metadata,
    Observer,
    ObserverSpec,
    Options,
    PressDigits,
    Reply,
    ResponseSystem,
    Say,
    Secret,
    SyncReply,
    SystemSpec,
    ToolCalled,
    ToolOutcomeUnknown,
    ToolResult,
    ToolReturned,
    Transcript,
    TransferCall,
    Turn,
    TurnReport,
    Usage,
    Utterance,
    hookimpl,
    observing,
    per_call,
)
from rejoinder.testing import PHONE_CALL, Caller, FakeLLM, Heard, Step, Talk, caller, served, talk

# A typical plugin.


class ShoutOptions(Options, frozen=True):
    prefix: str = "You said: "
    key: Secret = Secret("")


class Shout(ResponseSystem[ShoutOptions]):
    async def respond(self, turn: Turn) -> Reply:
        assert_type(self.options, ShoutOptions)
        assert_type(self.options.key.reveal(), str)
        assert_type(turn.transcript[-1], Utterance)
        yield self.options.prefix + turn.text
        yield Say(turn.text.upper(), uninterruptible=True)
        yield ToolCalled("1", "look_up", {"name": "Ada"})
        yield ToolReturned("1", "found", successful=True)
        yield Metadata({"page": 2})
        yield Usage(input_tokens=10, output_tokens=3)
        assert_type(turn.late_results, tuple[ToolResult, ...])
        try:
            assert_type(await self.call.run_once("book", {"seats": 2}, self.book), int)
            assert_type(await self.call.run_once("pay", {"price": 2.5}, self.pay, timeout=30.0), str)
        except ToolOutcomeUnknown:
            yield await self.call.run_once("note", {}, lambda: "unknown")
        yield EndCall()

    async def book(self, seats: int) -> int:
        return seats

    def pay(self, price: float) -> str:
        return str(price)

    async def begin(self, turn: Turn) -> Reply:
        await self.call.known()
        yield await self.call.fill("Hello {{ name }}.")

    async def listening(self, transcript: Transcript) -> None:
        assert_type([said.text for said in transcript], list[str])

    async def digits(self, digits: str) -> None:
        self.call.interrupt(f"You pressed {digits}.")

    async def details(self, details: Details) -> None:
        self.call.tune(responsiveness=0.5)
        self.call.metadata({"from": details.number})


@hookimpl
def rejoinder_response_system() -> SystemSpec[ShoutOptions]:
    return per_call(Shout, ShoutOptions)


assert_type(per_call(Shout, ShoutOptions), SystemSpec[ShoutOptions])
assert_type(rejoinder_response_system(), SystemSpec[ShoutOptions])


# One that is written synchronously, and keeps a call's own state.


class Menu(ResponseSystem[ShoutOptions]):
    def __init__(self, options: ShoutOptions, call: Call) -> None:
        super().__init__(options, call)
        self.asked = 0

    def respond(self, turn: Turn) -> SyncReply:
        self.asked += 1
        yield f"Question {self.asked}."
        yield PressDigits("1") if turn.kind == "response" else TransferCall("reception", show_caller=True)

    def remind(self, turn: Turn) -> SyncReply:
        yield "Are you still there?"


per_call(Menu, ShoutOptions)


# One whose calls share something.


class Table:
    async def answer(self, question: str) -> str:
        return question


class Clerk(ResponseSystem[ShoutOptions]):
    def __init__(self, options: ShoutOptions, call: Call, table: Table) -> None:
        super().__init__(options, call)
        self._table = table

    async def respond(self, turn: Turn) -> Reply:
        yield await self._table.answer(turn.text)


@asynccontextmanager
async def open_clerks(options: ShoutOptions) -> AsyncIterator[Callable[[Call], Clerk]]:
    table = Table()
    yield lambda call: Clerk(options, call, table)


assert_type(SystemSpec(ShoutOptions, open_clerks), SystemSpec[ShoutOptions])


# An observer.


class LedgerOptions(Options, frozen=True):
    folder: str


class Ledger(Observer[LedgerOptions]):
    async def call_started(self, call: CallFacts) -> None:
        assert_type(self.options.folder, str)
        assert_type(call.route, str)

    async def turn_ended(self, report: TurnReport) -> None:
        assert_type(report.first_sentence, float | None)

    async def call_ended(self, report: CallReport) -> None:
        assert_type(report.details, Details)


@hookimpl
def rejoinder_observer() -> ObserverSpec[LedgerOptions]:
    return observing(Ledger, LedgerOptions)


# The test kit.


async def try_shout() -> None:
    with talk(Shout, options={"prefix": ""}, late={"filler": "1s"}) as talking:
        assert_type(talking, Talk)
        assert_type(talking.says("hi"), Heard)
        assert talking.begin_message == "Hello."
        assert_type(talking.turns, list[TurnReport])
    async with caller("shout", details=PHONE_CALL, begin="Hi.") as c, served(rejoinder_response_system()) as url:
        assert_type(c, Caller)
        assert_type(url, str)
        assert await c.hears() == "HI!"
    async with FakeLLM() as model:
        model.will_say("Well.", 2.0, then=Step.STALL)
        assert_type(model.aborted, int)


# What must be refused.


class OtherOptions(Options, frozen=True):
    suffix: str = "!"


per_call(Shout, OtherOptions)  # type: ignore[misc]
observing(Ledger, ShoutOptions)  # type: ignore[misc]
SystemSpec(OtherOptions, open_clerks)  # type: ignore[arg-type]


class PlainCoroutine(ResponseSystem[ShoutOptions]):
    async def respond(self, turn: Turn) -> str:  # type: ignore[override]
        return turn.text


class Rubbish(ResponseSystem[ShoutOptions]):
    async def respond(self, turn: Turn) -> Reply:
        yield 7  # type: ignore[misc]
        yield turn.words  # type: ignore[misc]
        turn.number = 2  # type: ignore[misc]
        self.options.prefix = ""  # type: ignore[misc]
        yield self.options.suffix  # type: ignore[attr-defined]


class Thawed(Options):  # type: ignore[misc]
    prefix: str = ""


class Mixed(Options, frozen=True, kw_only=True):
    optional: str = ""
    required: int


Mixed(required=1)
Mixed()  # type: ignore[call-arg]


class Unfinished(ResponseSystem[ShoutOptions]):
    """Without `respond`."""


per_call(Unfinished, ShoutOptions)  # type: ignore[type-abstract]
ShoutOptions(suffix="!")  # type: ignore[call-arg]

talk(Shout, optionz={})  # type: ignore[call-arg]
talk(Shout, begin=5)  # type: ignore[arg-type]
talk(Shout).says(5)  # type: ignore[arg-type]


def give_away(secret: Secret) -> str:
    return secret  # type: ignore[return-value]
