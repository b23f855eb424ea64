"""Connections that were made and have asked for nothing yet. A handshake takes a moment; whoever holds many of them open, or
sends one letter a minute, holds what callers need."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Protocol

log = logging.getLogger(__name__)

#: Seconds for a first request, complete with its headers. Retell itself gives a handshake seven (docs.retellai.com, "Set up
#: your server", read 2026-11).
HANDSHAKE = 10.0
#: Connections that may wait so at a time; beyond, the oldest are closed.
MOST_WAITING = 512
#: Seconds between two looks, and between two lines of the log.
LOOK_EVERY = 1.0
TELL_EVERY = 60.0


class Connection(Protocol):
    """What an HTTP server makes of a connection."""

    def force_close(self) -> None: ...


class Arrivals:
    """`asked` is told of every request; `look` closes those connections that ask for nothing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[Connection, float] = {}
        self._asked: set[Connection] = set()
        self._closed = 0
        self._told: float | None = None

    def asked(self, connection: Connection | None) -> None:
        """A request came over it."""
        if connection is not None:
            self._asked.add(connection)

    def look(self, connections: Collection[Connection]) -> None:
        """Close what has waited too long, or is too much, of the `connections` that there are."""
        now = self._clock()
        self._asked.intersection_update(connections)
        self._since = {one: self._since.get(one, now) for one in connections if one not in self._asked}
        oldest = sorted(self._since, key=lambda one: self._since[one])
        for at, one in enumerate(oldest):
            if now - self._since[one] < HANDSHAKE and len(oldest) - at <= MOST_WAITING:
                break
            one.force_close()
            self._closed += 1
        self._tell(now)

    def _tell(self, now: float) -> None:
        if self._closed and (self._told is None or now - self._told >= TELL_EVERY):
            log.warning("connections that asked for nothing were closed: %d", self._closed)
            self._closed, self._told = 0, now

    async def keep_looking(self, connections: Callable[[], Collection[Connection]]) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look(connections())
