"""Whether the peer of a socket is still there: one that has vanished without a word, or reads nothing, keeps a call waiting.

TCP alone notices the first after hours and the second never. A socket that is given up is dropped (1006), and the call waits
for another dial.
"""

import asyncio
from typing import Protocol

#: Seconds in which a platform that was asked to keep a socket alive says its first word. Retell pings every two.
FIRST_WORD = 30.0
#: Seconds that one frame may take to be taken. A platform that reads so slowly says nothing to its caller.
SLOWEST_SEND = 10.0
#: Seconds to the next look at least: what is due in less than a clock can tell would be looked at for ever in the same moment.
SOONEST = 0.001


class Watched(Protocol):
    """A socket whose peer may vanish."""

    @property
    def silence(self) -> float | None:
        """Seconds that the peer may say nothing now, None for as many as it likes."""
        ...

    def give_up(self, why: str) -> None:
        """The peer is no longer there, for this reason."""


class Lifelines:
    """Many sockets' lifelines, and the one timer by which they are looked at: uvloop's takes 700 bytes."""

    __slots__ = ("_lines", "_timer")

    def __init__(self) -> None:
        self._lines: set[Lifeline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, line: "Lifeline") -> None:
        self._lines.add(line)
        if self._timer is None:  # else a look comes soon enough: none is ever put off for longer
            self._timer = asyncio.get_running_loop().call_later(SLOWEST_SEND, self._look)

    def discard(self, line: "Lifeline") -> None:
        self._lines.discard(line)
        if not self._lines and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now, self._timer = loop.time(), None
        due = now + SLOWEST_SEND
        try:
            for line in list(self._lines):
                if line in self._lines:  # one given up may end another
                    due = min(due, line.look(now))
        finally:  # a fault of one must not be the end of watching
            if self._lines and self._timer is None:
                self._timer = loop.call_at(max(due, now + SOONEST), self._look)


class Lifeline:
    """Watches one socket: told of what it `heard`, and when it is `sending` and has `sent`. Whoever hears very much writes
    `heard_at` and `waits` itself.

    `waits` says that its peer need not even say a first word; of one that has it is always so. The socket is told to give up
    once. It is looked at together with all `among` which it is (None: by itself), so what is watched costs no more than a look
    at the clock.
    """

    __slots__ = ("_among", "_sending", "_socket", "heard_at", "now", "waits")

    def __init__(self, socket: Watched, *, waits: bool = False, among: Lifelines | None = None) -> None:
        self.now = asyncio.get_running_loop().time
        self._socket = socket
        self.waits = waits
        self.heard_at = self.now()
        self._sending: float | None = None
        self._among = among or Lifelines()
        self._among.add(self)

    def heard(self) -> None:
        """A frame came."""
        self.heard_at, self.waits = self.now(), True

    def sending(self) -> None:
        """A frame is on its way out."""
        self._sending = self.now()

    def sent(self) -> None:
        """The socket took it."""
        self._sending = None

    def end(self) -> None:
        """The socket is over, however."""
        self._among.discard(self)

    def look(self, now: float) -> float:
        """Give the socket up if there is a reason; when there will be one if nothing changes until then."""
        due, why = min(self._faults(now))
        if now < due:
            return due
        self._among.discard(self)
        self._socket.give_up(why)
        return now + SLOWEST_SEND

    def _faults(self, now: float) -> list[tuple[float, str]]:
        """When something is wrong if nothing changes until then, and what."""
        sending = now if self._sending is None else self._sending
        found = [(sending + SLOWEST_SEND, f"has taken nothing for {SLOWEST_SEND:g} s")]
        if not self.waits:
            found.append((self.heard_at + FIRST_WORD, f"has said nothing for {FIRST_WORD:g} s since it dialled"))
        if (silence := self._socket.silence) is not None:
            found.append(
                (self.heard_at + silence, f"has said nothing for {silence:g} s, although it had kept the socket alive")
            )
        return found
