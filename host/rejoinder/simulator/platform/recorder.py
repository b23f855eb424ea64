"""The hand that keeps a journal: it knows the time, and wakes whoever waits for something to happen."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from rejoinder.simulator.journal import AskedTurn, Entry, Journal, What

#: What grows word by word, and stands as a whole where it stops.
_GROWING = ("caller_says", "agent_says")


class Recorder:
    """One call's. With `frames` false no entry holds its frame, and none tells of words before they were all said: enough to
    count by, and small."""

    def __init__(self, journal: Journal, *, frames: bool = True) -> None:
        self.journal = journal
        self.keeps_frames = frames
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def now(self) -> float:
        """Seconds since the call was dialled first."""
        return self._loop.time() - self._begun

    def note(
        self,
        what: What,
        text: str = "",
        *,
        turn: AskedTurn | None = None,
        frame: Mapping[str, Any] | None = None,
        cut: bool = False,
    ) -> None:
        if self.keeps_frames:
            self.journal.entries.append(Entry(self.now, what, text, self.journal.place(turn), frame, cut))
        elif what not in _GROWING:
            self.journal.entries.append(Entry(self.now, what, text, self.journal.place(turn), None, cut))
        self.wake()

    def wake(self) -> None:
        """Something has changed."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, come: Callable[[], bool]) -> None:
        while not come():
            future = self._loop.create_future()
            self._waiting.append(future)
            await future


class Timer:
    """Does `act` once, so many seconds after it was set; set again it forgets the first time."""

    __slots__ = ("_act", "_handle")

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._handle: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        return self._handle is not None

    def set(self, seconds: float) -> None:
        self.stop()
        self._handle = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._fire)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        self._act()
