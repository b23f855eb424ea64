"""Handshakes that were refused, counted by address: a guesser gets a cheap answer and no more lines in the log."""

from collections import OrderedDict
from collections.abc import Callable

#: Refused handshakes of one address within a window that are answered like any other; more are answered 429.
MOST_REFUSED = 20
#: Seconds that a window takes; it begins with the first.
WINDOW = 60.0
#: Addresses that are remembered. Whoever has more of them than this is counted anew, and guesses no better for it.
MOST_ADDRESSES = 4096
#: Lines of the log in one window, from however many addresses.
MOST_LINES = 60


class Knocks:
    """`clock` gives seconds."""

    def __init__(self, clock: Callable[[], float], tell: Callable[[str], None]) -> None:
        self._clock = clock
        self._tell_log = tell
        self._refused: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._window, self._lines = 0.0, 0

    def __len__(self) -> int:
        """Addresses remembered."""
        return len(self._refused)

    def refused(self, address: str, why: str, *, counts: bool = True) -> bool:
        """One more from `address`. Whether that is too many; never if it `counts` not, but it is logged as rarely.

        Logged are the first of a window, and the one that is too many.
        """
        now = self._clock()
        since, number = self._refused.pop(address, (now, 0))
        if now - since >= WINDOW:
            since, number = now, 0
        self._refused[address] = since, number + 1
        while len(self._refused) > MOST_ADDRESSES:
            self._refused.popitem(last=False)
        if number == 0:
            self._tell(now, f"a handshake from {address} was refused: {why}")
        elif number == MOST_REFUSED:
            self._tell(
                now, f"more than {MOST_REFUSED} handshakes from {address} were refused within {WINDOW:g} s, the last: {why}"
            )
        return counts and number >= MOST_REFUSED

    def _tell(self, now: float, line: str) -> None:
        if now - self._window >= WINDOW:
            self._window, self._lines = now, 0
        self._lines += 1
        if self._lines < MOST_LINES:
            self._tell_log(line)
        elif self._lines == MOST_LINES:
            self._tell_log(f"handshakes from many addresses are refused; no more of them are told for {WINDOW:g} s")
