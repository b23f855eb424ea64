"""Connections that were made and have asked for nothing yet, or for nothing that can be read. A handshake takes a moment;
whoever holds many of them open, or sends one letter a minute, holds what callers need."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any, Protocol

log = logging.getLogger(__name__)

#: Seconds for a first request, complete with its headers. Retell itself gives a handshake seven (docs.retellai.com, "Set up
#: your server", read 2026-11).
HANDSHAKE = 10.0
#: Connections that may wait so at a time; beyond, the oldest are closed.
MOST_WAITING = 512
#: Seconds between two looks, and between two lines of the log.
LOOK_EVERY = 1.0
TELL_EVERY = 60.0
#: What a system says of a peer that has gone. Not any ConnectionError: one that is refused was dialled by ourselves.
GONE = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


class Connection(Protocol):
    """What an HTTP server makes of a connection."""

    def force_close(self) -> None: ...


class Tally:
    """Something that happens to connections, told with its number and not more than once a minute."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._number = 0
        self._told: float | None = None

    def add(self) -> None:
        self._number += 1

    def tell(self, now: float) -> None:
        if self._number and (self._told is None or now - self._told >= TELL_EVERY):
            log.warning("%s: %d", self._what, self._number)
            self._number, self._told = 0, now


class Arrivals:
    """`asked` is told of every request, `malformed` of what is none; `look` closes connections that ask for nothing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[Connection, float] = {}
        self._asked: set[Connection] = set()
        self._closed = Tally("connections that asked for nothing were closed")
        self._malformed = Tally("requests that were not HTTP were refused")

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
            self._closed.add()
        self._closed.tell(now)
        self._malformed.tell(now)

    def malformed(self) -> None:
        """Something came that is no request."""
        self._malformed.add()

    async def keep_looking(self, connections: Callable[[], Collection[Connection]]) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look(connections())


class ServerLog(logging.LoggerAdapter[logging.Logger]):
    """The log of an HTTP server, which would quote with a traceback whatever any scanner sends to the port.

    A fault of `theirs`, in what they sent, is told to `malformed` instead, and that somebody has gone to nobody. A fault of
    ours is logged as ever.
    """

    def __init__(self, logger: logging.Logger, theirs: type[Exception], malformed: Callable[[], None]) -> None:
        super().__init__(logger, {})
        self._theirs = theirs
        self._malformed = malformed

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        fault = kwargs.get("exc_info")
        if isinstance(fault, self._theirs):
            self._malformed()
        elif not isinstance(fault, GONE):
            super().log(level, msg, *args, **kwargs)
