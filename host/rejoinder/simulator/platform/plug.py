"""One connection of a call: a task that reads it and one that writes it, and the ways in which it may be at fault."""

import asyncio
from collections import deque
from collections.abc import Callable

from rejoinder.simulator.platform.recorder import Timer
from rejoinder.testing.wire import ABNORMAL, NO_CODE, BinaryFrame, Wire

#: The platform's answer to a binary frame ("Troubleshooting").
NOT_TEXT = 1007
#: A frame that is to change places with the next one waits so long for it, in seconds.
LONGEST_HELD = 1.0


class Binary(bytes):
    """What goes out as a binary frame."""


class Plug:
    """`came` hears of each frame, `closed` of the end: its code. Neither is called once it was `unplug`ged.

    While `is_deaf` nothing passes in either direction, as over a connection that died without a word; the next `repeats`
    frames are sent twice; the next `swaps` change places with their neighbours; nothing is read before `reads_from`, by
    the loop's clock.
    """

    def __init__(self, wire: Wire, *, came: Callable[[bytes], None], closed: Callable[[int], None]) -> None:
        self.wire = wire
        self.is_deaf = False
        self.repeats = 0
        self.swaps = 0
        self.reads_from = 0.0
        self._came = came
        self._closed = closed
        self._waiting: deque[bytes] = deque()
        self._held: bytes | None = None
        self._release = Timer(self._send_held)
        self._more = asyncio.Event()
        self.tasks = (
            asyncio.create_task(self._read(), name="simulated platform: reads"),
            asyncio.create_task(self._write(), name="simulated platform: writes"),
        )

    def send(self, frame: bytes) -> None:
        if self.is_deaf:
            return
        if self.swaps > 0 and self._held is None:
            self._held = frame
            self._release.set(LONGEST_HELD)
            return
        self._waiting.append(frame)
        if self.repeats:
            self.repeats -= 1
            self._waiting.append(frame)
        self._send_held()

    def _send_held(self) -> None:
        """The one that was to go before."""
        held, self._held = self._held, None
        self._release.stop()
        if held is not None:
            self.swaps -= 2
            self._waiting.append(held)
        self._more.set()

    async def _read(self) -> None:
        code = await self._read_to_the_end()
        self._closed(code)

    async def _read_to_the_end(self) -> int:
        try:
            while (frame := await self.wire.receive()) is not None:
                await asyncio.sleep(max(0.0, self.reads_from - asyncio.get_running_loop().time()))
                if not self.is_deaf:
                    self._came(frame)
        except BinaryFrame:
            await self.wire.close(NOT_TEXT)
            return NOT_TEXT
        except ConnectionError:
            return ABNORMAL
        return self.wire.close_code or NO_CODE

    async def _write(self) -> None:
        try:
            while True:
                while self._waiting:
                    frame = self._waiting.popleft()
                    await (self.wire.send_binary(frame) if isinstance(frame, Binary) else self.wire.send(frame))
                self._more.clear()
                await self._more.wait()
        except ConnectionError:
            return  # the reader sees it too, and knows how it ended

    def unplug(self) -> None:
        """Neither read nor write any more; the connection stays as it is."""
        self._release.stop()
        for task in self.tasks:
            if task is not asyncio.current_task():
                task.cancel()
