"""A response system with bad manners, chosen by an option; asynchronous or, with `sync`, written as plain generators."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Literal

from rejoinder import (
    Call,
    EndCall,
    Options,
    Output,
    PressDigits,
    Reply,
    ReplyFailed,
    ResponseSystem,
    Say,
    SyncReply,
    SystemSpec,
    ToolCalled,
    ToolReturned,
    Transcript,
    TransferCall,
    Turn,
    hookimpl,
    per_call,
)

Act = Literal[
    "polite", "stubborn", "slow", "crashing", "crashing_late", "failing", "silent", "endless", "waiting", "ending",
    "transferring", "pressing", "rubbish", "tooling", "greeting", "interrupting", "coroutine", "listening",
]  # fmt: skip


class ActingOptions(Options, frozen=True):
    act: Act = "polite"
    sync: bool = False


class Acting(ResponseSystem[ActingOptions]):
    def __init__(self, options: ActingOptions, call: Call) -> None:
        super().__init__(options, call)
        self.heard: list[str] = []

    def respond(self, turn: Turn) -> Reply | SyncReply:
        if self.options.act == "coroutine":
            return self._no_generator()  # type: ignore[return-value]
        return self._sync(turn) if self.options.sync else self._async(turn)

    async def _no_generator(self) -> None: ...

    def begin(self, turn: Turn) -> Reply | SyncReply:
        return self._greet()

    async def _greet(self) -> Reply:
        yield await self.call.fill("Hello {{ name }} on {{ call.number }}.") if self.options.act == "greeting" else "Hello."

    async def listening(self, transcript: Transcript) -> None:
        self.heard.append(transcript.user_text)

    async def digits(self, digits: str) -> None:
        self.heard.append(f"key {digits}")

    def _plain(self, turn: Turn) -> Iterator[Output]:
        """Everything that needs no waiting."""
        match self.options.act:
            case "polite" | "greeting":
                yield "You said: "
                yield turn.text
                yield "."
            case "crashing":
                raise RuntimeError("planned")
            case "crashing_late":
                yield "Well,"
                raise RuntimeError("planned")
            case "endless":
                number = 0
                while True:
                    number += 1
                    yield f"{number} "
            case "ending":
                yield Say("Goodbye.", uninterruptible=True)
                yield EndCall()
                yield "not to be heard"
            case "transferring":
                yield "One moment."
                yield TransferCall("reception" if turn.text != "elsewhere" else "+15550000000")
            case "pressing":
                yield PressDigits("12#")
            case "rubbish":
                yield None  # type: ignore[misc]
                yield 7  # type: ignore[misc]
                yield "Sorry."
            case "tooling":
                yield ToolCalled("t1", "book", {"when": "noon"})
                yield ToolReturned("t1", "booked", successful=True)
                yield "Booked."
            case "listening":
                yield "; ".join(self.heard) or "nothing"
            case _:
                return

    def _sync(self, turn: Turn) -> SyncReply:
        if self.options.act in ("waiting", "slow", "stubborn"):
            yield "First."
            threading.Event().wait(0.05)
            yield "Second."
            return
        if self.options.act == "failing":
            raise ReplyFailed("the ledger\ndoes not answer") from OSError("planned")
        yield from self._plain(turn)

    async def _async(self, turn: Turn) -> Reply:
        match self.options.act:
            case "stubborn":
                for number in range(1000):
                    yield f"{number} "
                    try:
                        await asyncio.sleep(0.001)
                    except asyncio.CancelledError:
                        continue
            case "slow":
                yield "First."
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(0.05)
            case "waiting":
                yield "First."
                await asyncio.Event().wait()
            case "interrupting":
                self.call.metadata({"seen": turn.text})
                self.call.tune(responsiveness=0.5)
                self.call.interrupt("Listen!")
                await asyncio.Event().wait()
            case "failing":
                raise ReplyFailed("the ledger\ndoes not answer") from OSError("planned")
            case _:
                for output in self._plain(turn):
                    yield output


@hookimpl
def rejoinder_response_system() -> SystemSpec[ActingOptions]:
    return per_call(Acting, ActingOptions)
