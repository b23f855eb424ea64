"""The way a server stops: new calls are refused, live ones go on to their end, and only then is it over.

aiohttp's own shutdown is no drain: it makes sockets deaf first and waits then (`web.AppRunner.cleanup` sets every connection
to discard what comes), so that a caller talks and nobody answers. So nothing of aiohttp is shut down before this is over.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from rejoinder.calls import Calls

log = logging.getLogger(__name__)

#: Seconds between two lines of the log while calls end, and at most between two reports to who watches.
PROGRESS = 10.0
#: Seconds after which a drain in which nothing happens says all the same that it goes on.
STILL = 60.0
#: Seconds after which a platform that was refused may try again, here or on the process that takes over. Retell comes back
#: after three, three times in all (protocols, "Initial connection"), whatever it is told.
RETRY_AFTER = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a drain has come.

    `calls` have a socket; `waiting` ones wait for their platform to dial again, each no longer than its grace; `refused` counts
    new calls that were sent away; `seconds` since the drain began. `dropped` is None until it is over.
    """

    calls: int
    waiting: int
    refused: int
    seconds: float
    dropped: int | None = None


class Drain:
    """Begun once, by a signal or by order; whoever begins it again joins it.

    `limit` gives the seconds that it may take (asked when it begins), `at_begin` is what to do at its first moment.
    """

    def __init__(self, calls: Calls, limit: Callable[[], float], at_begin: Callable[[], Awaitable[None]]) -> None:
        self._calls = calls
        self._limit = limit
        self._at_begin = at_begin
        self._task: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self._over = asyncio.Event()
        self._began = 0.0
        self._refused = 0
        self._dropped = 0
        self._waits_for_redials = True
        self._is_forced = False

    @property
    def is_on(self) -> bool:
        """Whether it has begun: new calls are refused from then on."""
        return self._task is not None

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def begin(self, *, waits_for_redials: bool = True) -> None:
        """Refuse new calls from now on. Without `waits_for_redials` calls that have no socket are not waited for."""
        self._waits_for_redials &= waits_for_redials
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._began = loop.time()
            self._task = loop.create_task(self._run(), name="drain")
            self._begun.set()
        self._calls.tell()

    def force(self) -> None:
        """Wait no longer: what is left is dropped, so that its platform dials again."""
        self._is_forced = True
        self._calls.tell()

    def refuse(self) -> None:
        """Count a new call that was sent away."""
        self._refused += 1

    async def begun(self) -> None:
        """Wait until somebody begins it."""
        await self._begun.wait()

    async def over(self) -> None:
        """Wait until it was begun and is over."""
        await self._over.wait()

    async def close(self) -> None:
        """Give it up, begun or not."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._over.set()

    @property
    def now(self) -> Progress:
        talking, waiting = self._calls.talking, self._calls.waiting
        seconds = asyncio.get_running_loop().time() - self._began if self.is_on else 0.0
        return Progress(talking, waiting, self._refused, round(seconds, 1), self._dropped if self.is_over else None)

    async def progress(self) -> AsyncIterator[Progress]:
        """How it goes on: at once, at each change and every ten seconds, to its end."""
        while True:
            news, now = self._calls.news, self.now
            yield now
            if now.dropped is not None:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PROGRESS):
                    await news.wait()

    def _is_done(self) -> bool:
        calls = self._calls
        return self._is_forced or not (calls.talking or (calls.waiting and self._waits_for_redials))

    async def _run(self) -> None:
        limit = self._limit()
        try:
            await self._at_begin()
            if not self._is_done():
                log.info("draining: %s; new calls are refused, live ones have %g s to end", _left(self.now), limit)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._began + limit):
                    await self._wait()
            self._tell_the_end(limit)
        finally:
            self._dropped = self._calls.talking
            self._over.set()
            self._calls.tell()

    async def _wait(self) -> None:
        told, told_at, looked_at = self._numbers(), self._began, self._began
        while not self._is_done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(looked_at + PROGRESS):
                    await self._calls.news.wait()
                    continue
            looked_at += PROGRESS
            if self._numbers() != told or looked_at - told_at >= STILL:
                log.info("draining for %.0f s: %s left", looked_at - self._began, _left(self.now))
                told, told_at = self._numbers(), looked_at

    def _numbers(self) -> tuple[int, int]:
        return self._calls.talking, self._calls.waiting

    def _tell_the_end(self, limit: float) -> None:
        now = self.now
        refused = f"; new calls refused meanwhile: {now.refused}" if now.refused else ""
        if not now.calls:
            waiting = f"; not waited for: {_calls(now.waiting)} without a socket" if now.waiting else ""
            log.info("drained in %.1f s%s%s", now.seconds, waiting, refused)
            return
        why = "at once, as ordered" if self._is_forced else f"the drain's limit of {limit:g} s has run out"
        log.warning("stopping, %s; dropped, so that their platforms dial again: %s%s", why, _left(now), refused)


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


def _left(now: Progress) -> str:
    return _calls(now.calls) + (f", and {now.waiting} waiting for a redial" if now.waiting else "")
