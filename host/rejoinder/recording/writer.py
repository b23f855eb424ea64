"""The one thread that writes recordings. What is handed to it is taken at once or dropped: nobody waits for a disk."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from rejoinder.recording.shelf import Shelf
from rejoinder.recording.tape import Tape

#: Entries that may wait, and bytes of frames among them: a minute of a busy server's. What is beyond is dropped.
ROOM = 50_000
MOST_BYTES = 64 * 2**20
#: Seconds for which entries are gathered before they are written: a file is opened for each call and write.
GATHERING = 0.1
#: Entries that are made into lines before those are written: there may be no moment at which none waits.
AT_A_TIME = 2000
#: Seconds between two looks for recordings that were kept for long enough.
LOOK_EVERY = 3600.0
#: Seconds without a write after which the last lines are given up when the server stops, and seconds for all of them.
CLOSING = 3.0
LONGEST_CLOSING = 10.0

log = logging.getLogger("rejoinder.recording")

Act = Callable[[], None]


class Reel:
    """A tape, and where it is written. The thread's own, like the tape, as soon as there is an entry for it."""

    __slots__ = ("is_deleted", "path", "shelf", "tape")

    def __init__(self, tape: Tape, shelf: Shelf) -> None:
        self.tape = tape
        self.shelf = shelf
        self.path: Path | None = None
        self.is_deleted = False


class Entry(NamedTuple):
    """What happened in a call: `act` puts it on the tape; `lost` entries of the call were dropped before it."""

    reel: Reel
    act: Act
    size: int
    lost: int


class Writer:
    """`offer` is for the front alone; `keeps` says now for how long which route's calls are kept."""

    def __init__(self, keeps: Callable[[], Mapping[str, float]]) -> None:
        self._keeps = keeps
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        # Each is counted up by one thread alone, so that no lock is needed.
        self._put = self._taken = self._put_bytes = self._taken_bytes = 0
        self._refused = self._refused_in_burst = 0
        self._failed = 0
        self._tries = self._settled = 0  # writes that came to an end; entries of which nothing waits to be written any more
        self._is_failing = False
        self._live: dict[Reel, None] = {}
        self._shelves: frozenset[Shelf] = frozenset()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Entries that were not written."""
        return self._refused + self._failed

    # On the front.

    def start(self, shelf: Shelf) -> None:
        """Keep this folder: begin to delete there what was kept for long enough."""
        self._shelves |= {shelf}
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
            self._thread.start()

    def offer(self, entry: Entry, *, must: bool = False) -> bool:
        """Whether there was room; for what `must` be told there always is."""
        waiting = self._put - self._taken
        if not must and (waiting >= ROOM or self._put_bytes - self._taken_bytes + entry.size > MOST_BYTES):
            self._refuse(waiting)
            return False
        bytes_waiting = self._put_bytes - self._taken_bytes
        if bytes_waiting >= MOST_BYTES // 4:
            self._hurry.set()
        if self._refused_in_burst and waiting <= ROOM // 2 and bytes_waiting <= MOST_BYTES // 2:
            log.warning("recordings keep up again; %d entries were dropped", self._refused_in_burst)
            self._refused_in_burst = 0
        self._put += 1
        self._put_bytes += entry.size
        self._queue.put(entry)
        return True

    def _refuse(self, waiting: int) -> None:
        self._refused += 1
        self._refused_in_burst += 1
        if self._refused_in_burst == 1:
            log.warning("recordings do not keep up with the calls: %d entries wait for the disk, more are dropped", waiting)

    def close(self) -> None:
        """Write what waits, for as long as that may take. Blocks: not for a loop."""
        if self._thread is not None:
            self._queue.put(None)
            self._hurry.set()
            self._await_end(self._thread)

    def _await_end(self, thread: threading.Thread) -> None:
        begun, tries = time.monotonic(), -1
        while thread.is_alive():
            patience = min(CLOSING, begun + LONGEST_CLOSING - time.monotonic())
            if self._tries == tries or patience < 0:
                lost = self._put - self._settled
                log.warning("recordings: %d entries are not written after %.1f s, and lost", lost, time.monotonic() - begun)
                return
            tries = self._tries
            thread.join(patience)

    # In the thread.

    def _run(self) -> None:
        looked = -LOOK_EVERY
        while True:
            if (now := time.monotonic()) - looked >= LOOK_EVERY:
                looked = now
                self._look()
            is_over = self._take(looked + LOOK_EVERY - now)
            for reel in list(self._live):
                self._flush(reel)
            self._settled = self._taken
            if is_over:
                return

    def _take(self, patience: float) -> bool:
        """Put what waits on its tapes, once there is something; whether nothing more comes."""
        try:
            entry = self._queue.get(timeout=max(0.0, patience))
            if self._queue.qsize() < AT_A_TIME:
                self._hurry.wait(GATHERING)
            self._hurry.clear()
            for _ in range(AT_A_TIME):
                if entry is None:
                    return True
                self._do(entry)
                entry = self._queue.get_nowait()
        except Empty:
            return False
        if entry is not None:
            self._do(entry)
        return entry is None

    def _do(self, entry: Entry) -> None:
        tape = entry.reel.tape
        self._live[entry.reel] = None
        try:
            if entry.lost:
                tape.lose(entry.lost)
            entry.act()
        except Exception:
            self._failed += 1
            log.exception("an entry of a recording could not be made")
            with suppress(Exception):  # the same again, perhaps; and the thread is everybody's
                tape.lose(1)
        self._taken_bytes += entry.size
        self._taken += 1

    def _flush(self, reel: Reel) -> None:
        tape = reel.tape
        if tape.is_over:
            del self._live[reel]
        lines, rewrites = tape.ready(), tape.must_rewrite
        if reel.is_deleted or not (lines or rewrites):
            return
        try:
            self._write(reel, lines)
        except Exception as error:  # noqa: BLE001  of the disk, or of what somebody has made of the file; others are written
            if isinstance(error, FileNotFoundError) and reel.path is not None:
                reel.is_deleted = True  # by its owner, and what is deleted stays deleted
                return
            self._fail(reel, lines, error)
            if rewrites and reel.path is not None:  # words that may not be kept: rather nothing at all
                reel.is_deleted = True
                with suppress(OSError):
                    reel.path.unlink()
        else:
            self._succeed()
        finally:
            self._tries += 1

    def _write(self, reel: Reel, lines: list[bytes]) -> None:
        tape, shelf = reel.tape, reel.shelf
        if reel.path is None:
            lines = [*tape.rewritten([]), *lines] if tape.must_rewrite else lines
            reel.path = shelf.create(tape.head.start, tape.call_mark, b"".join([tape.first, *lines]))
        elif tape.must_rewrite:
            written = reel.path.read_bytes().splitlines(keepends=True)[1:]
            shelf.replace(reel.path, b"".join([tape.first, *tape.rewritten(written), *lines]))
        else:
            shelf.append(reel.path, b"".join(lines))

    def _fail(self, reel: Reel, lines: list[bytes], error: Exception) -> None:
        self._failed += reel.tape.take_back(lines)
        if not self._is_failing:
            self._is_failing = True
            log.error("recordings cannot be written to %s: %s; what is dropped is counted", reel.shelf.folder, error)

    def _succeed(self) -> None:
        if self._is_failing:
            self._is_failing = False
            log.warning("recordings are written again; %d entries were dropped", self._failed)

    def _look(self) -> None:
        """Delete what has been kept for long enough."""
        for shelf in self._shelves:
            try:
                live = [reel.path for reel in self._live if reel.path is not None]
                gone = list(shelf.expire(datetime.now(UTC), self._keeps(), live))
            except Exception as error:  # noqa: BLE001  whatever is in that folder, calls go on
                log.error("recordings that are due cannot be deleted from %s: %s", shelf.folder, error)
                continue
            if gone:
                log.info("%d recordings were kept for long enough and are deleted", len(gone))
