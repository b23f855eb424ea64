"""Names what holds an event loop, while it is held: agent, distribution, call, file and line; and what crowds one.

One thread for the whole process looks at every loop four times a second. A loop that waits in its selector is let be, so that
an idle server stays idle; one that works is asked for an answer, which costs it one callback. One that does not answer is held
by whatever its thread runs. What holds the interpreter lock holds this thread too: that is told afterwards, and meanwhile by
`faulthandler`, whose own thread needs no lock.
"""

import asyncio
import contextlib
import faulthandler
import itertools
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import TextIO

from rejoinder.stack import Place, is_waiting, place
from rejoinder.threads import Pool

#: Seconds that a loop may be held, or a step wait for a thread of a full pool, before it is named; named again after 1 s, after
#: 5 s, and then each time after twice as long.
LIMIT = 0.25
AGAIN = 1.0
AND_AGAIN = 5.0
#: The share of a CPU that a loop's thread may use; seconds over which that is measured, and for which it may use more before it
#: is named though it answers.
BUSY = 0.5
SPAN = 1.0
RESTLESS = 5.0
#: Tasks on one loop from which on they are named, and again each time they have doubled; seconds between two counts of them.
MANY_TASKS = 10_000
COUNT_TASKS_EVERY = 5.0
#: Seconds between two looks at every loop, while one owes an answer and while none does.
LOOK = 0.05
IDLE_LOOK = 0.25
#: Seconds between two questions to a loop that seems to wait: C code that a loop calls directly leaves no frame either.
ASK_THE_IDLE = 2.0
#: Seconds without a single look after which the whole process counts as having stood still.
STANDSTILL = 1.0
#: Seconds after which `faulthandler` writes where every thread stands, and between two postponements of that: 50 us each.
DUMP_AFTER = 2.0
POSTPONE_EVERY = 1.0

Frames = Mapping[int, FrameType]

log = logging.getLogger(__name__)


def _moments(limit: float) -> Iterator[float]:
    """The ages at which a hold is named."""
    yield limit
    if limit < AGAIN:
        yield AGAIN
    yield from (AND_AGAIN * 2**doubling for doubling in itertools.count())


class Hold:
    """One time that something could not go on: since when, and when to name it next."""

    __slots__ = ("_moments", "_next", "is_named", "since")

    def __init__(self, since: float, limit: float) -> None:
        self.since = since
        self.is_named = False
        self._moments = _moments(limit)
        self._next = next(self._moments)

    def is_due(self, now: float) -> bool:
        """Whether to name it now; each moment comes once."""
        due = False
        while now - self.since >= self._next:
            due = self.is_named = True
            self._next = next(self._moments)
        return due


class Watched:
    """One loop and its thread. Apart from `_answer`, which is called on the loop, for the watchdog's thread."""

    def __init__(self, name: str, label: str, loop: asyncio.AbstractEventLoop, thread: int, pool: Pool | None) -> None:
        self.name = name
        self.label = label
        self.extra = {"agent": name} if name else None
        self.loop = loop
        self.thread = thread
        self.pool = pool
        self.asked: Hold | None = None
        self.crowded: Hold | None = None
        self.busy: Hold | None = None
        self.seen: Place | None = None
        #: where its thread was when it was found waiting, and until when it need not be looked at again if it still is there
        self.resting: FrameType | None = None
        self.rests_until = 0.0
        self.measured = time.monotonic()
        self.cpu = 0.0
        self._clock = _cpu_clock(thread)
        self.first: object = None
        self.tasks = 0
        self.many = MANY_TASKS
        self._counted = 0.0
        self.last_asked = 0.0
        self._answered = 0.0

    def may_ask(self, frame: FrameType, now: float) -> bool:
        return not is_waiting(frame) or now - self.last_asked >= ASK_THE_IDLE

    def ask(self, now: float, limit: float) -> None:
        self._answered = 0.0
        self.last_asked = now
        self.asked = Hold(now, limit)
        with contextlib.suppress(RuntimeError):  # closed meanwhile: the next look drops it
            self.loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._answered = time.monotonic()
        if self._answered - self._counted >= COUNT_TASKS_EVERY:
            self._counted = self._answered
            self.tasks = len(asyncio.all_tasks(self.loop))

    def answered(self) -> float:
        """When the loop came round, 0.0 if it has not."""
        return self._answered

    def used(self) -> float:
        """CPU that the thread has used since it was asked last, in seconds."""
        before = self.cpu
        with contextlib.suppress(OSError):  # the thread has ended
            self.cpu = time.clock_gettime(self._clock) if self._clock is not None else 0.0
        return self.cpu - before

    def task(self) -> str:
        """What the loop runs, by the name of its task: the reply and call, or the observer."""
        with contextlib.suppress(RuntimeError):
            if (task := asyncio.current_task(self.loop)) is not None:
                return f", in {task.get_name()}"
        return ""


class Watchdog:
    """Watches from `start` to `stop`; `limit` in seconds. What stops every thread is written to `dump_to` by `faulthandler`
    while it does, if that stream has a file descriptor; one watchdog of a process can have that."""

    def __init__(
        self, *, limit: float = LIMIT, look: float = LOOK, idle_look: float = IDLE_LOOK, dump_to: TextIO | None = None
    ) -> None:
        #: by agent, how often it was named: its loop, its threads or its tasks; only grows
        self.holds: Counter[str] = Counter()
        self._limit = limit
        self._look = look
        self._idle_look = idle_look
        self._dump_to = dump_to if dump_to is not None and _has_descriptor(dump_to) else None
        self._watched: list[Watched] = []
        self._watching: threading.Lock
        self._thread: threading.Thread | None = None
        self._is_owed = False  # an answer, by a loop or a pool

    def watch(
        self,
        loop: asyncio.AbstractEventLoop,
        thread: int,
        *,
        agent: str = "",
        origin: str = "",
        others: str = "",
        pool: Pool | None = None,
    ) -> None:
        """Watch a loop that runs in a thread (its identity) until it is closed: that of an agent, with the threads of its pool
        and `origin`, the distribution of its system; or, for what is no agent, what `others` calls it. From any thread."""
        if getattr(loop, "is_virtual", False):
            return  # its seconds are not ours
        label = f"agent {agent}{f' ({origin})' if origin else ''}" if agent else others
        self._watched.append(Watched(agent, label, loop, thread, pool))

    def start(self) -> None:
        # Held as long as it watches: to wait for a lock costs less than to wait for an event.
        self._watching = threading.Lock()
        self._watching.acquire()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wait until its thread is gone, which takes no longer than a look."""
        if self._thread is not None and self._watching.locked():
            self._watching.release()
            self._thread.join(STANDSTILL)

    def _run(self) -> None:
        before, cpu = time.monotonic(), time.process_time()
        postponed, pause = 0.0, self._look
        while True:
            if self._dump_to is not None and before - postponed >= POSTPONE_EVERY:
                postponed = before
                faulthandler.dump_traceback_later(DUMP_AFTER, file=self._dump_to)
            if self._watching.acquire(timeout=pause):
                break
            now = time.monotonic()
            try:
                self._look_round(now, now - before - pause, cpu)
            except Exception:
                log.exception("an unforeseen fault; the watch goes on")
            pause = self._look if self._is_owed else self._idle_look
            before, cpu = now, time.process_time()
        if self._dump_to is not None:
            faulthandler.cancel_dump_traceback_later()

    def _look_round(self, now: float, overslept: float, cpu: float) -> None:
        frames = sys._current_frames()  # noqa: SLF001  its documented name
        # This function's own holds the others, and itself: they would outlive their threads, and loops with them.
        frames.pop(threading.get_ident(), None)
        if overslept >= STANDSTILL:
            self._name_standstill(overslept, time.process_time() - cpu, frames)
        self._is_owed = False
        for watched in list(self._watched):
            frame = frames.get(watched.thread)
            pool = watched.pool
            # In one glance, without a call that need not be: after a while of idling each costs some microseconds.
            if frame is watched.resting and now < watched.rests_until and (pool is None or pool.next_waiting() is None):
                continue
            if watched.loop.is_closed():
                self._watched.remove(watched)
                continue
            for hold in (watched.asked, watched.crowded):
                if hold is not None and overslept > self._look:
                    hold.since += overslept  # nobody could run: not their fault
            if frame is not None:
                self._look_at_loop(watched, now, frame)
                self._look_for_rest(watched, now, frame)
            self._look_at_tasks(watched)
            if pool is not None:
                self._look_at_pool(watched, pool, now, frames)
            if watched.asked or watched.crowded:
                self._is_owed, watched.resting = True, None
            elif frame is not None and is_waiting(frame):
                watched.resting, watched.rests_until = frame, min(watched.measured + SPAN, watched.last_asked + ASK_THE_IDLE)

    def _look_at_loop(self, watched: Watched, now: float, frame: FrameType) -> None:
        hold = watched.asked
        if hold is None:
            if watched.may_ask(frame, now):
                watched.ask(now, self._limit)
        elif answered := watched.answered():
            watched.asked = None
            if hold.is_named:
                log.warning("the loop of %s is free again after %.2f s", watched.label, answered - hold.since)
        else:
            self._name(hold, now, watched, lambda: f"the loop of {watched.label} is held{watched.task()}, at {place(frame)}")

    def _look_for_rest(self, watched: Watched, now: float, frame: FrameType) -> None:
        """A plugin that awaits, but never for anything, holds nothing; it only leaves others at its agent little time."""
        if not is_waiting(frame):
            watched.seen = place(frame)
        span = now - watched.measured
        if span < SPAN:
            return
        used, watched.measured = watched.used(), now
        if used < BUSY * span or (watched.asked is not None and watched.asked.is_named):
            watched.busy = watched.seen = None
            return
        watched.busy = watched.busy or Hold(now - span, RESTLESS)
        at = f", lately at {watched.seen}" if watched.seen is not None else ""
        what = f"the loop of {watched.label} answers but hardly rests ({used:.2f} s of CPU in {span:.2f} s{at})"
        self._name(watched.busy, now, watched, lambda: what)

    def _look_at_tasks(self, watched: Watched) -> None:
        if (tasks := watched.tasks) < watched.many:
            return
        watched.many = 2 * tasks
        self._count(watched)
        commonest = _commonest(watched.loop)
        log.warning("the loop of %s has %d tasks, most of them %s", watched.label, tasks, commonest, extra=watched.extra)

    def _look_at_pool(self, watched: Watched, pool: Pool, now: float, frames: Frames) -> None:
        first, before = pool.next_waiting(), watched.first
        watched.first = first
        if first is not None and first is before and watched.crowded is not None:
            self._name(watched.crowded, now, watched, lambda: _crowded(watched.label, pool, frames))
            return
        if (hold := watched.crowded) is not None and hold.is_named:
            log.warning("the threads of %s come round again after %.2f s", watched.label, now - hold.since)
        watched.crowded = Hold(now, self._limit) if first is not None else None

    def _name(self, hold: Hold, now: float, watched: Watched, what: Callable[[], str]) -> None:
        was_named = hold.is_named
        if not hold.is_due(now):
            return
        if not was_named:
            self._count(watched)
        log.warning("%s; for %.2f s now", what(), now - hold.since, extra=watched.extra)

    def _count(self, watched: Watched) -> None:
        if watched.name:
            self.holds[watched.name] += 1

    def _name_standstill(self, overslept: float, cpu: float, frames: Frames) -> None:
        stacks = ((watched.label, frames.get(watched.thread)) for watched in self._watched)
        at = [f"{label} at {place(frame)}" for label, frame in stacks if frame is not None and not is_waiting(frame)]
        log.warning(
            "nothing in this process ran for %.2f s (CPU used meanwhile: %.2f s): something held the interpreter lock, or the "
            "machine stood still; just afterwards: %s",
            overslept,
            cpu,
            "; ".join(at) or "every loop waits",
        )


def _crowded(label: str, pool: Pool, frames: Frames) -> str:
    places = Counter(place(frames[thread]) for thread in pool.threads if thread in frames)
    where = "; ".join(f"{count} at {where}" for where, count in places.most_common())
    return f"all {len(pool.threads)} threads of {label} are busy and a step waits for one: {where}"


def _commonest(loop: asyncio.AbstractEventLoop) -> str:
    """The coroutine that most tasks of a loop run, by the place where its code begins."""
    codes = Counter(getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks(loop))
    code = next((code for code, _ in codes.most_common() if code is not None), None)
    return "of code without a source" if code is None else str(Place(code.co_filename, code.co_firstlineno, code.co_qualname))


def _cpu_clock(thread: int) -> int | None:
    """The clock of the CPU that a live thread uses, where the system has one (not macOS, not Windows)."""
    return time.pthread_getcpuclockid(thread) if hasattr(time, "pthread_getcpuclockid") else None


def _has_descriptor(stream: TextIO) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return stream.fileno() >= 0
    return False
