"""A system on trial: its agents opened on the host's machinery, calls to them, and what is seen of both."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from rejoinder.conformance.guard import Guard
from rejoinder.conformance.line import DETAILS, Line
from rejoinder.conformance.probe import Given, Probe, described
from rejoinder.contract import SystemSpec
from rejoinder.errors import PluginError
from rejoinder.protocols.retell import RetellCodec
from rejoinder.routes import resolve
from rejoinder.testing.exchange import Exchange
from rejoinder.testing.subject import AgentKeys, Subject, Tried

#: Loop seconds between two looks at what came, the first and all after many.
LOOK = 0.01
LONGEST_LOOK = 0.1
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
        """A new call, whose begin message has been said. Raises PluginError if the system makes no object for it."""
        call_id = f"call-{next(self._ids)}"
        line = Line(await self.exchange.dialler(watched=False)(call_id), call_id, details, details_after)
        self.lines.append(line)
        await line.completed(LONGEST_TURN)
        if call_id not in [made for made, _ in self.probe.made]:
            faults = [f"{what} {self.raised(error)}" for what, error in self.probe.faults]
            raise PluginError(f"it makes no object for a call: {'; '.join(faults) or 'what it makes is no ResponseSystem'}")
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
        now, pause = asyncio.get_running_loop().time, LOOK
        end = now() + within
        while not come():
            if now() >= end:
                return False
            await asyncio.sleep(min(pause, end - now()))
            pause = min(pause * 1.5, LONGEST_LOOK)
        return True

    async def pause(self) -> None:
        """A moment in which what was sent arrives and is seen to."""
        await asyncio.sleep(0.05)

    def raised(self, error: BaseException) -> str:
        """A fault in words; a system that is cancelled there took longer than the host lets it."""
        if isinstance(error, asyncio.CancelledError):
            return "took longer than the host lets it, and was cancelled"
        return f"raised {described(error)}"

    async def settled(self, come: Callable[[], bool]) -> bool:
        """Let what follows a call's end come to its end: half a minute, where that costs nothing. Whether it came."""
        return await self.until(come, 30.0 if self.is_virtual else 10.0)

    async def hang_up(self, line: Line) -> None:
        """The caller hangs up, and the host has let go of the call."""
        self.lines.remove(line)
        await line.hang_up()
        path = next(iter(self.exchange.routes.routes))
        if not self.is_virtual and (session := self.exchange.calls.live(path, RetellCodec.platform, line.call_id)):
            session.drop()  # or it waits some real seconds for the platform to dial again
        await self.until(lambda: self.exchange.calls.live(path, RetellCodec.platform, line.call_id) is None, LONGEST_TURN)


@dataclass
class Trial:
    """One system, as one check tries it. `says` are what callers say; `effects` counts what its tools have done so far."""

    system: Tried
    keys: AgentKeys
    subject: Subject
    spec: SystemSpec[Any]
    options_type: type[Any]
    says: Sequence[str]
    effects: Callable[[], int] | None
    guard: Guard[list[str]]
    #: what one check has seen and another may look at too
    common: list[Given]

    @property
    def few(self) -> Sequence[str]:
        """As many of `says` as are asked again and again, less if each answer takes real time."""
        return self.says[:2] if self.guard.is_slow else self.says

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
        """The same, with begin messages and reminders; played once for all checks that only look at replies."""
        if self.common:
            return self.common
        async with self.opened() as house:
            for text in self.says:
                line = await house.call()
                await house.answer(line, text)
                if not line.is_over:
                    await line.is_silent()
                    await line.completed(LONGEST_TURN)
            self.common.extend(house.probe.replies)
            return self.common
