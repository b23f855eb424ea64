"""What one call waits for, by name."""

import asyncio
from collections.abc import Callable


class Timers:
    """Timers of a loop; a new one takes the place of one of the same name."""

    __slots__ = ("_handles", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def start(self, name: str, seconds: float, act: Callable[..., object], *args: object) -> None:
        """Have `act(*args)` done in so many seconds."""
        if timer := self._handles.pop(name, None):
            timer.cancel()
        self._handles[name] = self._loop.call_later(seconds, act, *args)

    def stop(self, name: str) -> None:
        """Not any more."""
        if timer := self._handles.pop(name, None):
            timer.cancel()

    def close(self) -> None:
        """None of them."""
        for timer in self._handles.values():
            timer.cancel()
