"""A log handler that can write many lines at once.

There is a line in each turn. To put it into words between two frames costs three times what it costs in a row with others,
and each write gives up the interpreter's lock, for which another thread waits.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TextIO

#: Seconds that a line below warning may wait for others, and how many may wait.
LONGEST_WAIT = 0.5
MOST_WAITING = 1000


class PutOff(Protocol):
    """A line that says the same whenever it is put into words."""

    def record(self) -> logging.LogRecord: ...


class GatheringHandler(logging.StreamHandler[TextIO]):
    """Writes each line at once, until it is told to gather."""

    #: Filters that it has from the start, and that have nothing to say of a line that is put off.
    own_filters = 0

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: deque[str | PutOff] = deque()
        self._flusher: Flusher | None = None

    def gather(self, seconds: float = LONGEST_WAIT) -> None:
        """From here on a line below warning may come `seconds` late. A warning takes along all that waits, and so do the end
        of the process and `close`."""
        if self._flusher is None:
            self._flusher = Flusher(self.flush, seconds)

    @property
    def gathers(self) -> bool:
        """Whether what is below warning may come late."""
        return self._flusher is not None

    def put_off(self, line: PutOff) -> None:
        """A line below warning that is made only when it is written; while this gathers. No filter is asked."""
        self._waiting.append(line)
        if self._flusher is None or not self._flusher.is_due or len(self._waiting) >= MOST_WAITING:
            self._note_waiting()

    def emit(self, record: logging.LogRecord) -> None:
        waits = self._flusher is not None and record.levelno < logging.WARNING
        try:
            self._waiting.append(self.format(record) + self.terminator)
        except Exception:  # noqa: BLE001  logging's rule: a line that cannot be made is no fault of who logs it
            self.handleError(record)
        if waits:
            self._note_waiting()
        else:
            self.flush()

    def _note_waiting(self) -> None:
        if self._flusher is None or len(self._waiting) >= MOST_WAITING:
            self.flush()
        elif not self._flusher.is_due:  # whatever came before this line may be written already
            self._flusher.call()

    def flush(self) -> None:
        """Write what waits. Called by `logging` at the end of the process, too."""
        self.acquire()
        try:
            waiting = self._waiting
            taken = [waiting.popleft() for _ in range(len(waiting))]  # one by one: others are put in meanwhile
            self._write([line if isinstance(line, str) else self.late(line) for line in taken])
        except (OSError, ValueError):  # the stream is broken or closed, and there is nobody to tell
            pass
        finally:
            self.release()

    def _write(self, lines: list[str]) -> None:
        try:
            self.stream.write("".join(lines))
        except UnicodeEncodeError:  # of one line, which must not take the others with it
            for line in lines:
                with suppress(UnicodeEncodeError):
                    self.stream.write(line)
        self.stream.flush()

    def close(self) -> None:
        """Write what waits; what comes after it is written at once."""
        self.flush()
        flusher, self._flusher = self._flusher, None
        if flusher is not None:
            flusher.stop()
        super().close()

    def late(self, line: PutOff) -> str:
        """A line that was put off, in words."""
        return self.format(line.record()) + self.terminator


def sole_handler(logger: logging.Logger, level: int) -> GatheringHandler | None:
    """The one handler that lines of `logger` go to, if it gathers and nobody filters: none need be a record before it is
    written."""
    while logger.parent is not None:
        if logger.handlers or logger.filters or not logger.propagate:
            return None
        logger = logger.parent
    only = logger.handlers[0] if len(logger.handlers) == 1 else None
    if not isinstance(only, GatheringHandler) or not only.gathers or len(only.filters) > only.own_filters:
        return None
    return only if level >= only.level else None


class Flusher:
    """Does `act` some `seconds` after it became due. In a thread of its own: a loop's timer would wait for a blocked loop."""

    def __init__(self, act: Callable[[], None], seconds: float) -> None:
        #: whether it will be done: what is waiting by now is part of it
        self.is_due = False
        self._due = threading.Event()
        self._stopped = threading.Event()
        self._act = act
        self._seconds = seconds
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def call(self) -> None:
        """It is due."""
        self.is_due = True
        self._due.set()

    def stop(self) -> None:
        """It is not done any more."""
        self._stopped.set()
        self._due.set()

    def _run(self) -> None:
        while self._due.wait() and not self._stopped.wait(self._seconds):
            self._due.clear()
            self.is_due = False  # before it is done: a line that comes from here on makes it due again
            self._act()
