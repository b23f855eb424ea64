"""Systems of an agent to be opened, and the threads that it leaves."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from rejoinder.contract import Options, Reply, ResponseSystem, SystemFactory, SystemSpec
from rejoinder.dialogue import Turn

OpenAgent = Callable[[Options], AbstractAsyncContextManager[SystemFactory]]


class System(ResponseSystem[Options]):
    def __init__(self, options: Options, call: Any) -> None:
        super().__init__(options, call)

    async def respond(self, turn: Turn) -> Reply:
        yield f"reply {turn.number}"
        if turn.number == 1:
            await asyncio.Event().wait()


def made(call: Any) -> System:
    return System(Options(), call)


def spec(open_agent: OpenAgent) -> SystemSpec[Options]:
    return SystemSpec(Options, open_agent)


def agent_threads() -> list[threading.Thread]:
    """Threads of agents that are still there once those that are ending have ended."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("agent ava")]
    for thread in threads:
        thread.join(5)
    return [thread for thread in threads if thread.is_alive()]
