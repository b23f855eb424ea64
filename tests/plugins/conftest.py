"""A call without a platform: an agent opened as the host opens it, and what it says to one turn."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from rejoinder import Call, CallFacts, Details, Output, ResponseSystem, SystemSpec, Transcript, Turn, Utterance
from rejoinder.dialogue import TurnKind
from rejoinder.registry import Registry


class Caller:
    """One call to a system, found by its name in YAML; `missing` are the fields it asked for in vain."""

    def __init__(self, system: ResponseSystem[Any], missing: list[str]) -> None:
        self.system = system
        self.missing = missing
        self._turns = 0

    async def begins(self) -> list[Output]:
        return await self._hear("begin", "")

    async def says(self, text: str) -> list[Output]:
        """What comes back, output by output."""
        return await self._hear("response", text)

    async def is_silent(self) -> list[Output]:
        return await self._hear("reminder", "")

    async def _hear(self, kind: TurnKind, text: str) -> list[Output]:
        said = (Utterance("user", text),) if text else ()
        turn = Turn(self._turns, kind, Transcript(said))
        self._turns += 1
        methods: dict[TurnKind, Callable[[Turn], Any]] = {
            "begin": self.system.begin,
            "response": self.system.respond,
            "reminder": self.system.remind,
        }
        return [output async for output in methods[kind](turn)]


class Dialler:
    """Opens agents and calls on them, and closes what it opened."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._registry = Registry()

    def spec(self, name: str) -> SystemSpec[Any]:
        return self._registry.system(name)

    async def __call__(self, name: str, options: dict[str, Any] | None = None, details: Details | None = None) -> Caller:
        caller, _ = await self.twice(name, options, details)
        return caller

    async def twice(
        self, name: str, options: dict[str, Any] | None = None, details: Details | None = None
    ) -> tuple[Caller, Caller]:
        """Two calls to one agent."""
        spec = self.spec(name)
        make = await self._stack.enter_async_context(spec.open(msgspec.convert(options or {}, spec.options)))

        def dial(number: int) -> Caller:
            missing: list[str] = []
            facts = CallFacts(f"call-{number}", f"/{name}", name, "retell", vars={"company": "Ribera Clinic"})
            call = Call(facts, order=lambda order: None, missing=missing.append, details=details or Details())
            return Caller(make(call), missing)

        return dial(1), dial(2)


@pytest.fixture
async def dial() -> AsyncIterator[Dialler]:
    async with AsyncExitStack() as stack:
        yield Dialler(stack)
