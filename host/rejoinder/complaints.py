"""What is wrong in one call: each thing is logged once, and how often it came is said at the end."""

import logging

#: Kinds of complaints told of one call; what a peer makes up must fill neither the log nor memory.
MOST_COMPLAINTS = 20


class Complaints:
    """The complaints of one call, told to its log at warning level."""

    __slots__ = ("_log", "_times")

    def __init__(self, log: "logging.LoggerAdapter[logging.Logger]") -> None:
        self._log = log
        self._times: dict[str, int] = {}

    def tell(self, what: str) -> None:
        """Log `what` if it is new in this call, count it in any case."""
        if what not in self._times and len(self._times) >= MOST_COMPLAINTS:
            what = "further complaints of other kinds are not told"
        self._times[what] = times = self._times.get(what, 0) + 1
        if times == 1:
            self._log.warning("%s", what)

    def close(self) -> None:
        """Say how often each came that came more than once."""
        for what, times in self._times.items():
            if times > 1:
                self._log.warning("%s (%d times in this call)", what, times)
