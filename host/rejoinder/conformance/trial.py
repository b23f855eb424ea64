"""A system on trial: its agents opened on the host's machinery, calls to them, and what is seen of both."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from rejoinder.conformance.guard import Guard
from rejoinder.conformance.line import DETAILS, LOOK, Line
from rejoinder.conformance.probe import Given, Probe
from rejoinder.contract import SystemSpec
from rejoinder.routes import resolve
from rejoinder.testing.exchange import Exchange
from rejoinder.testing.subject import Subject

#: Loop seconds for a turn to be closed: longer than the host lets any last. A minute passes at once on the virtual clock.
LONGEST_TURN = 70.0
#: What callers say if an author says nothing else.
SAYS = (
    "Hello, can you help me?",
    "When are you open?",
    "I would like to book a table for two.",
    "Yes, please.",
    "Thank you, goodbye.",
)


@dataclass
class House:
    """An exchange that is open, and its calls."""

    exchange: Exchange
    probe: Probe
    is_virtual: bool
    lines: list[Line] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    async def call(self, details: Mapping[str, Any] | None = DETAILS, details_after: float = 0.0) -> Line:
        """A new call, whose begin message has been said."""
        call_id = f"call-{next(self._ids)}"
        line = Line(await self.exchange.dialler(watched=False)(call_id), call_id, details, details_after)
        self.lines.append(line)
        await line.completed(LONGEST_TURN)
        return line

    async def answer(self, line: Line, text: str) -> Given | None:
        """The reply to one question, once the turn is closed; None if the host did not ask for one."""
        before = len(self.probe.given(line.call_id))
        await line.says(text)
        return await self.closed(line, before)

    async def closed(self, line: Line, before: int, *, reminder: bool = False) -> Given | None:
        """The newest reply of a call, once its turn is closed, if there are more now than `before`."""
        await line.completed(LONGEST_TURN)
        replies = self.probe.given(line.call_id, "reminder" if reminder else "response")
        if len(replies) <= before:
            return None
        await self.over(replies[-1], 0.1)
        return replies[-1]

    async def over(self, reply: Given, within: float) -> bool:
        """Wait until a reply has ended at the system; whether it has."""
        return await self.until(lambda: reply.how != "open", within)

    async def until(self, come: Callable[[], bool], within: float) -> bool:
        """Wait for something, `within` loop seconds at most; whether it came."""
        end = asyncio.get_running_loop().time() + within
        while not come():
            if asyncio.get_running_loop().time() >= end:
                return False
            await asyncio.sleep(LOOK)
        return True

    async def settle(self) -> None:
        """Let what follows a call's end come to its end: half a minute, where it costs nothing."""
        await asyncio.sleep(30.0 if self.is_virtual else 0.5)

    async def hang_up(self, line: Line) -> None:
        """The caller hangs up, and the host has let go of the call."""
        self.lines.remove(line)
        await line.hang_up()
        path = next(iter(self.exchange.routes.routes))
        await self.until(lambda: self.exchange.calls.live(path, "retell", line.call_id) is None, LONGEST_TURN)


@dataclass
class Trial:
    """One system, as one check tries it. `says` are what callers say; `effects` counts what its tools have done so far."""

    subject: Subject
    spec: SystemSpec[Any]
    says: Sequence[str]
    effects: Callable[[], int] | None
    guard: Guard[list[str]]

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[House]:
        """An agent of it, opened; closed at the end with all its calls. Raises PluginError if it does not open."""
        probe = Probe()
        self.subject.registry.add(self.subject.name, probe.spec(self.spec))
        resolved = resolve(self.subject.config(), self.subject.registry)
        async with Exchange(resolved, strict=True) as exchange:
            house = House(exchange, probe, self.guard.is_virtual)
            try:
                yield house
            finally:
                for line in [*house.lines]:
                    await line.hang_up()

    async def answers(self) -> list[Given]:
        """The replies to all that callers say, each in a call that goes on until the system ends it."""
        async with self.opened() as house:
            given = []
            line = await house.call()
            for text in self.says:
                if line.is_over:
                    line = await house.call()
                given.append(await house.answer(line, text))
        return [one for one in given if one is not None]

    async def every_reply(self) -> list[Given]:
        """The same, with begin messages and reminders."""
        async with self.opened() as house:
            for text in self.says:
                line = await house.call()
                await house.answer(line, text)
                if not line.is_over:
                    await line.is_silent()
                    await line.completed(LONGEST_TURN)
            return house.probe.replies
