"""An agent with a model: a real local server, and calls to the system without a platform."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from rejoinder import Call, CallFacts, Details, Output, ReplyFailed, Transcript, Turn, Utterance
from rejoinder.dialogue import TurnKind
from rejoinder.testing.llm import Asked, FakeLLM
from rejoinder_llm import LLM, LLMOptions, rejoinder_response_system


class Caller:
    """One call. `says` gives the outputs of a turn, `heard` grows by what was said; `asked` is the last request."""

    def __init__(self, system: LLM, server: FakeLLM) -> None:
        self.system = system
        self._server = server

    @property
    def asked(self) -> Asked:
        return self._server.requests[-1]

    def turn(self, *said: str, kind: TurnKind = "response", spoken: str = "") -> Turn:
        """`said` in turns, the caller first; a text that begins with `agent:` is the agent's."""
        heard = [Utterance("agent", text[6:]) if text.startswith("agent:") else Utterance("user", text) for text in said]
        return Turn(1, kind, Transcript(tuple(heard)), spoken)

    async def says(self, *said: str) -> list[Output]:
        return [output async for output in self.system.respond(self.turn(*said))]

    async def hears(self, *said: str) -> str:
        """All words of the answer."""
        return "".join(output for output in await self.says(*said) if isinstance(output, str))

    async def fails(self, *said: str, kind: TurnKind = "response") -> str:
        """Why the reply failed; it did so without a word."""
        answer = self.system.remind if kind == "reminder" else self.system.respond
        try:
            async for output in answer(self.turn(*said, kind=kind)):
                assert not isinstance(output, str)
        except ReplyFailed as failed:
            return str(failed)
        pytest.fail("it did not fail")

    async def is_silent(self, *said: str) -> list[Output]:
        return [output async for output in self.system.remind(self.turn(*said, kind="reminder"))]

    async def begins(self) -> list[Output]:
        return [output async for output in self.system.begin(self.turn(kind="begin"))]


class Agents:
    """Opens agents at the local server, as the host does, and closes them after the test."""

    def __init__(self, server: FakeLLM, stack: AsyncExitStack) -> None:
        self._server = server
        self._stack = stack

    async def open(self, **options: Any) -> Any:
        given: dict[str, Any] = {"base_url": self._server.base_url, "model": "small", "keep_warm": False} | options
        return await self._stack.enter_async_context(rejoinder_response_system().open(LLMOptions(**given)))

    async def __call__(self, *, language: str = "en", details: Details | None = None, **options: Any) -> Caller:
        """One call to an agent of its own."""
        return self.dial(await self.open(**options), language, details)

    def dial(self, make: Any, language: str = "en", details: Details | None = None) -> Caller:
        facts = CallFacts("c1", "/llm", "ava", "retell", language, vars={"company": "Ribera Clinic"})
        call = Call(facts, order=lambda order: None, missing=lambda name: None, details=details or Details())
        return Caller(make(call), self._server)


@pytest.fixture
async def server() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as running:
        yield running


@pytest.fixture
async def agent(server: FakeLLM) -> AsyncIterator[Agents]:
    async with AsyncExitStack() as stack:
        yield Agents(server, stack)


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log of the plugin from warning up: what an operator reads."""
    caplog.set_level(logging.WARNING, logger="rejoinder.plugin.llm")
    return caplog
