"""Whether the peer of a socket is still there: one that has vanished without a word, or reads nothing, keeps a call waiting.

TCP alone notices the first after hours and the second never. A socket that is given up is dropped (1006), and the call waits
for another dial.
"""

import asyncio
from collections.abc import Callable

#: Seconds in which a platform that was asked to keep a socket alive says its first word. Retell pings every two.
FIRST_WORD = 30.0
#: Seconds that one frame may take to be taken. A platform that reads so slowly says nothing to its caller.
SLOWEST_SEND = 10.0


class Lifeline:
    """Watches one socket: told of what it `heard`, and when it is `sending` and has `sent`.

    `silence` is asked how many seconds the peer may say nothing now (None: as many as it likes); `waits` says that it need not
    even say a first word. `give_up` is called once, with the reason. One timer: what is watched costs no more than a look at
    the clock.
    """

    __slots__ = ("_give_up", "_heard", "_loop", "_sending", "_silence", "_timer", "_waits")

    def __init__(self, silence: Callable[[], float | None], give_up: Callable[[str], None], *, waits: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._silence = silence
        self._give_up = give_up
        self._waits = waits
        self._heard = self._loop.time()
        self._sending: float | None = None
        self._timer = self._loop.call_later(SLOWEST_SEND, self._look)

    def heard(self) -> None:
        """A frame came."""
        self._heard = self._loop.time()
        self._waits = True

    def sending(self) -> None:
        """A frame is on its way out."""
        self._sending = self._loop.time()

    def sent(self) -> None:
        """The socket took it."""
        self._sending = None

    def end(self) -> None:
        """The socket is over, however."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        faults = self._faults(now)
        due, why = min(faults)
        if now < due:
            self._timer = self._loop.call_at(due, self._look)
        else:
            self._give_up(why)

    def _faults(self, now: float) -> list[tuple[float, str]]:
        """When something is wrong if nothing changes until then, and what."""
        sending = now if self._sending is None else self._sending
        found = [(sending + SLOWEST_SEND, f"has taken nothing for {SLOWEST_SEND:g} s")]
        if not self._waits:
            found.append((self._heard + FIRST_WORD, f"has said nothing for {FIRST_WORD:g} s since it dialled"))
        if (silence := self._silence()) is not None:
            found.append((self._heard + silence, f"has said nothing for {silence:g} s, although it had kept the socket alive"))
        return found
