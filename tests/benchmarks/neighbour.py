"""A plugin that harms whoever it shares a loop with, in the way that its option says, once the caller has spoken."""

import asyncio
import contextlib
import time
from typing import Literal

from rejoinder import Options, Reply, ResponseSystem, SystemSpec, Turn, hookimpl, per_call

#: Seconds that it blocks or computes.
LONG = 3.0
#: Tasks that it leaks, and seconds that each sleeps between two steps, for ever.
LEAKED = 20_000
NAP = 1.0

Harm = Literal["none", "blocks", "spins", "never yields", "leaks"]


class NeighbourOptions(Options, frozen=True):
    harm: Harm = "none"


class Neighbour(ResponseSystem[NeighbourOptions]):
    async def respond(self, turn: Turn) -> Reply:
        yield "Let me think."
        match self.options.harm:
            case "blocks":
                time.sleep(LONG)  # noqa: ASYNC251  the harm
            case "spins":
                until = time.monotonic() + LONG
                while time.monotonic() < until:
                    pass
            case "never yields":
                while True:  # a deadline would end it, so it swallows that
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.sleep(0)
            case "leaks":
                self._leaked = [asyncio.create_task(self._nap(number)) for number in range(LEAKED)]
                await asyncio.Event().wait()
            case "none":
                pass

    async def _nap(self, number: int) -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(NAP * (1 + number / LEAKED))


@hookimpl
def rejoinder_response_system() -> SystemSpec[NeighbourOptions]:
    return per_call(Neighbour, NeighbourOptions)
