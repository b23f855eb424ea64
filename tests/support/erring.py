"""A response system that makes the mistake its caller orders, one of those that plugin authors make."""

import asyncio
from typing import Any

from rejoinder import (
    Call,
    EndCall,
    Options,
    Reply,
    ResponseSystem,
    Say,
    SystemSpec,
    ToolCalled,
    ToolReturned,
    Transcript,
    TransferCall,
    Turn,
    hookimpl,
    per_call,
)

#: What an author who writes frames himself would send: a key of his provider's, and features that do not exist.
OWN_CONFIG: Any = {"response_type": "config", "config": {"api_key": "not-for-the-platform", "vad": True}}


class Erring(ResponseSystem[Options]):
    def __init__(self, options: Options, call: Call) -> None:
        super().__init__(options, call)
        self.updates = 0
        self.asked = 0

    async def begin(self, turn: Turn) -> Reply:
        yield Say("Hello.")

    async def listening(self, transcript: Transcript) -> None:
        """Never done with the first update."""
        self.updates += 1
        await asyncio.Event().wait()

    async def respond(self, turn: Turn) -> Reply:
        self.asked += 1
        match turn.text:
            case "only notes":
                yield ToolCalled("t1", "look", {})
                yield ToolReturned("t1", "seen", successful=True)
            case "two actions":
                yield "One moment."
                yield TransferCall("reception")
                yield EndCall()
            case "own frames":
                yield OWN_CONFIG
                self.call.metadata(OWN_CONFIG)
                yield "Done."
            case "goodbye":
                yield "Goodbye."
                yield EndCall()
            case "never ends":
                yield "First. "
                await asyncio.Event().wait()
            case "drops a task":
                asyncio.create_task(self.fail())  # type: ignore[unused-awaitable]  # noqa: RUF006  the mistake
                await asyncio.sleep(0)
                yield "Done."
            case "counts":
                yield f"{self.asked} asked, {self.updates} told."
            case text:
                yield f"You said: {text}."

    async def fail(self) -> None:
        raise RuntimeError("planned in a dropped task")


@hookimpl
def rejoinder_response_system() -> SystemSpec[Options]:
    return per_call(Erring, Options)
