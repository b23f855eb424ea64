"""A response system that is in another mood in each turn, by the call's id, and keeps book of its replies.

`gentle` ones do nothing that an author may not do; of the others few turns go well.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random

from rejoinder import (
    Call,
    EndCall,
    Options,
    PressDigits,
    Reply,
    ResponseSystem,
    Say,
    SystemSpec,
    ToolCalled,
    ToolReturned,
    TransferCall,
    Turn,
    hookimpl,
    per_call,
)


class MoodyOptions(Options, frozen=True):
    gentle: bool = False


@dataclass(slots=True)
class Kept:
    """One reply: in which mood it was, when it began, and when it was left."""

    mood: str
    number: int
    begun: float
    left: float | None = None


#: Of each call, by its id.
BOOK: defaultdict[str, list[Kept]] = defaultdict(list)


class Moody(ResponseSystem[MoodyOptions]):
    """`number` counts its replies."""

    def __init__(self, options: MoodyOptions, call: Call) -> None:
        super().__init__(options, call)
        self.random = Random(call.id)
        self.number = 0

    async def begin(self, turn: Turn) -> Reply:
        yield "Hello there, this is the agent."

    async def remind(self, turn: Turn) -> Reply:
        if self.random.random() < 0.5:
            yield "Are you with me?"

    async def respond(self, turn: Turn) -> Reply:
        mood = self.random.choice(GENTLE if self.options.gentle else (*GENTLE, *ROUGH))
        loop = asyncio.get_running_loop()
        self.number += 1
        kept = Kept(mood.__name__, self.number, loop.time())
        BOOK[self.call.id].append(kept)
        try:
            async for output in mood(self, turn):
                yield output
        finally:
            kept.left = loop.time()


# What an author may do.


async def quick(it: Moody, turn: Turn) -> Reply:
    yield f"Answer {it.number}: {turn.text}"


async def streams(it: Moody, turn: Turn) -> Reply:
    for part in range(it.random.choice((3, 12))):
        yield f"Answer {it.number}, part {part}. "
        await asyncio.sleep(it.random.choice((0, 0.05, 0.5, 1.5)))


async def protects(it: Moody, turn: Turn) -> Reply:
    yield Say(f"Answer {it.number} is not to be interrupted by anybody.", uninterruptible=True)


async def looks_up(it: Moody, turn: Turn) -> Reply:
    yield "One moment. "
    found = await it.call.run_once("look", {"number": it.number % 3, "seconds": it.random.choice((0.2, 3, 9))}, _look)
    yield f"It is {found}."


async def presses(it: Moody, turn: Turn) -> Reply:
    yield PressDigits("1")


async def transfers(it: Moody, turn: Turn) -> Reply:
    yield "I put you through. "
    yield TransferCall("reception")


async def ends(it: Moody, turn: Turn) -> Reply:
    yield it.random.choice(("Goodbye.", Say("Goodbye now.", uninterruptible=True)))
    yield EndCall()
    await asyncio.sleep(it.random.choice((0, 5)))


async def is_slow(it: Moody, turn: Turn) -> Reply:
    await asyncio.sleep(it.random.choice((1, 2.5)))
    yield f"Answer {it.number}, late. "
    await asyncio.sleep(1)
    yield "That is all."


async def interrupts(it: Moody, turn: Turn) -> Reply:
    it.call.interrupt(f"Listen to {it.number}!")
    await asyncio.sleep(it.random.choice((0, 1)))
    yield "Not to be heard."


async def takes_notes(it: Moody, turn: Turn) -> Reply:
    yield ToolCalled(f"note-{it.number}", "note", {"of": it.number})
    yield f"Noted as {it.number}. "
    yield ToolReturned(f"note-{it.number}", "done", successful=True)
    it.call.metadata({"number": it.number})
    it.call.tune(responsiveness=it.random.random(), interruption_sensitivity=it.random.choice((0.0, 1.0)))


async def chooses_silence(it: Moody, turn: Turn) -> Reply:
    yield ""


# What no author should do.


async def is_late(it: Moody, turn: Turn) -> Reply:
    await asyncio.sleep(it.random.choice((5, 8, 14, 80)))
    yield f"Answer {it.number}, much too late."


async def stops_half_way(it: Moody, turn: Turn) -> Reply:
    yield "This sentence has no"
    await asyncio.Event().wait()


async def crashes(it: Moody, turn: Turn) -> Reply:
    if it.random.random() < 0.5:
        yield f"Answer {it.number} is"
    raise RuntimeError("planned")


async def gives_nothing(it: Moody, turn: Turn) -> Reply:
    return
    yield


async def is_stubborn(it: Moody, turn: Turn) -> Reply:
    for part in range(40):
        yield f"Part {part}. "
        try:
            await asyncio.sleep(0.3)
        except asyncio.CancelledError:
            continue


async def never_ends(it: Moody, turn: Turn) -> Reply:
    for part in count():
        yield f"And then they went on, {part}. "
        await asyncio.sleep(it.random.choice((0.01, 0.3)))


async def waits_for_a_tool(it: Moody, turn: Turn) -> Reply:
    yield "One moment. "
    yield await it.call.run_once("look", {"number": it.number, "seconds": 30}, _look)


async def has_a_bad_tool(it: Moody, turn: Turn) -> Reply:
    yield await it.call.run_once("fail", {"number": it.number}, _fail)


async def talks_rubbish(it: Moody, turn: Turn) -> Reply:
    yield None  # type: ignore[misc]
    yield f"Answer {it.number}, after rubbish."


async def _look(number: int, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return f"found after {seconds} s"


async def _fail(number: int) -> str:
    await asyncio.sleep(0.5)
    raise RuntimeError("planned")


Mood = Callable[[Moody, Turn], Reply]
GENTLE: tuple[Mood, ...] = (
    quick, streams, protects, looks_up, presses, transfers, ends, is_slow, interrupts, takes_notes, chooses_silence,
)  # fmt: skip
ROUGH: tuple[Mood, ...] = (
    is_late, stops_half_way, crashes, gives_nothing, is_stubborn, never_ends, waits_for_a_tool, has_a_bad_tool, talks_rubbish,
)  # fmt: skip


@hookimpl
def rejoinder_response_system() -> SystemSpec[MoodyOptions]:
    return per_call(Moody, MoodyOptions)
