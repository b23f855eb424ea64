"""A response system that spoils one kind of turn in a way of its choice, asynchronously or (`sync`) as plain generators.

A caller who says "polite" gets a polite answer whatever it does otherwise.
"""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any, Literal, get_args

from rejoinder import Options, Output, PressDigits, Reply, ResponseSystem, SyncReply, SystemSpec, Turn, hookimpl, per_call

#: What needs no waiting, and so is the same in both ways of writing a reply.
Slip = Literal[
    "raises before", "raises between", "raises after", "returns nothing", "yields None", "yields bytes", "yields numbers",
    "never ends", "yields a megabyte", "two actions", "action then text",
]  # fmt: skip
#: What is about waiting, cancelling and leaving things behind.
Hang = Literal["hangs in clean-up", "swallows cancellation", "leaks tasks"]
Vice = Slip | Hang
VICES: tuple[Vice, ...] = (*get_args(Slip), *get_args(Hang))

MEGABYTE = "All work. " * (2**20 // 10)
#: Real seconds that a thread is held in a clean-up, which nothing can end before its time.
HELD = 0.05


class VicesOptions(Options, frozen=True):
    vice: Vice
    on: Literal["begin", "response", "reminder"]
    sync: bool = False


class Misbehaving(ResponseSystem[VicesOptions]):
    def begin(self, turn: Turn) -> Reply | SyncReply:
        return self._reply(turn)

    def respond(self, turn: Turn) -> Reply | SyncReply:
        return self._reply(turn)

    def remind(self, turn: Turn) -> Reply | SyncReply:
        return self._reply(turn)

    def _reply(self, turn: Turn) -> Reply | SyncReply:
        return self._sync(turn) if self.options.sync else self._async(turn)

    def _is_polite(self, turn: Turn) -> bool:
        return turn.kind != self.options.on or turn.text.endswith("polite")

    def _sync(self, turn: Turn) -> SyncReply:
        if self._is_polite(turn):
            yield "Polite."
            return
        match self.options.vice:
            case "hangs in clean-up":
                try:
                    yield from self._without_end()
                finally:
                    threading.Event().wait(HELD)
            case "swallows cancellation":
                try:
                    yield from self._without_end()
                except GeneratorExit:
                    yield "Not to be heard."
            case "leaks tasks":
                for _ in range(10):
                    threading.Thread(target=threading.Event().wait, args=(HELD,), daemon=True).start()
                yield "One. "
            case _:
                yield from self._slip()

    async def _async(self, turn: Turn) -> Reply:
        if self._is_polite(turn):
            yield "Polite."
            return
        match self.options.vice:
            case "hangs in clean-up":
                try:
                    yield "One. "
                    await asyncio.Event().wait()
                finally:
                    await asyncio.Event().wait()
            case "swallows cancellation":
                yield "One. "
                while True:
                    try:
                        await asyncio.sleep(0.1)
                        yield ""
                    except asyncio.CancelledError:
                        continue
            case "leaks tasks":
                self._leaked = [asyncio.create_task(asyncio.Event().wait()) for _ in range(100)]
                yield "One. "
            case _:
                for output in self._slip():
                    yield output

    def _slip(self) -> Iterator[Output]:
        outputs: dict[Vice, tuple[Any, ...]] = {
            "raises between": ("One. ",),
            "raises after": ("One. ", "Two."),
            "yields None": (None, "One. "),
            "yields bytes": (b"zero", "One. "),
            "yields numbers": (0, "One. ", 2.5),
            "yields a megabyte": (MEGABYTE,),
            "two actions": ("One. ", PressDigits("1"), PressDigits("2")),
            "action then text": ("One. ", PressDigits("1"), "Two."),
        }
        yield from outputs.get(self.options.vice, ())
        if self.options.vice.startswith("raises"):
            raise RuntimeError("planned")
        if self.options.vice == "never ends":
            yield from self._without_end()

    def _without_end(self) -> Iterator[str]:
        while True:
            yield "And then. "


@hookimpl
def rejoinder_response_system() -> SystemSpec[VicesOptions]:
    return per_call(Misbehaving, VicesOptions)
