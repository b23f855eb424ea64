"""Threads of an agent: the one its loop runs in, and the pool for systems written synchronously.

All of them are daemon threads: a plugin that is stuck in one must not keep the process from ending
(`concurrent.futures.ThreadPoolExecutor` joins its threads at exit, and a StopIteration does not cross its futures).
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")
Outcome = tuple[Any, BaseException | None]

#: Seconds that what still runs on a loop has to end, once its thread is to end.
ENDING = 1.0

log = logging.getLogger(__name__)


class Job:
    """One function to be called in a pool, and the future on a loop that waits for it."""

    __slots__ = ("_args", "_function", "_loop", "future")

    def __init__(self, loop: asyncio.AbstractEventLoop, function: Callable[..., Any], args: tuple[object, ...]) -> None:
        self._loop = loop
        self._function = function
        self._args = args
        self.future: asyncio.Future[Any] = loop.create_future()

    def call(self) -> Outcome:
        """In a thread of the pool: what the function gave, or what it raised."""
        if self.future.cancelled():
            return None, None
        try:
            return self._function(*self._args), None
        except StopIteration as stop:  # a future refuses it
            failed = RuntimeError("a synchronous step raised StopIteration")
            failed.__cause__ = stop
            return None, failed
        except BaseException as error:  # noqa: BLE001  SystemExit in a plugin's step is that step's failure
            return None, error

    def hand_over(self, outcome: Outcome) -> None:
        """In a thread of the pool."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._settle, *outcome)

    def drop(self) -> None:
        """It will never run."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self.future.cancel)

    def _settle(self, result: object, error: BaseException | None) -> None:
        if self.future.done():  # cancelled: the result is dropped
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class Pool:
    """At most `size` daemon threads, made when there is work. Jobs that find no free thread wait their turn."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._wake = threading.Condition()
        self._jobs: deque[Job] = deque()
        #: the identity of each thread that was made
        self.threads: list[int] = []
        self._free = 0
        self._running = 0
        self._is_closed = False

    @property
    def busy(self) -> int:
        """Jobs queued or running. One counts until its result is on its way to the loop that waits for it."""
        return len(self._jobs) + self._running

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def next_waiting(self) -> object | None:
        """The job that waits longest for a thread while none is free; the same object as long as it does. From any thread."""
        if self._free or len(self.threads) < self._size:
            return None
        with contextlib.suppress(IndexError):
            return self._jobs[0]
        return None

    def submit(
        self, loop: asyncio.AbstractEventLoop, function: Callable[..., ResultT], *args: object
    ) -> asyncio.Future[ResultT]:
        """Have `function(*args)` called in a thread; its result, or whatever it raised, comes on `loop`.

        Call it on that loop. Cancelling the future drops the result. Raises RuntimeError once the pool is closed.
        """
        job = Job(loop, function, args)
        with self._wake:
            if self._is_closed:
                raise RuntimeError(f"the threads of {self._name} are closed")
            if len(self._jobs) >= self._free and len(self.threads) < self._size:
                self._start_thread()
            self._jobs.append(job)
            self._wake.notify()
        return job.future

    def withdraw(self, future: asyncio.Future[Any]) -> bool:
        """Take back a job that no thread has begun; whether that was so. Its future is then cancelled."""
        with self._wake:
            job = next((job for job in self._jobs if job.future is future), None)
            if job is None:
                return False
            self._jobs.remove(job)
        future.cancel()
        return True

    def close(self) -> None:
        """Take no more jobs and drop those that wait. Threads end when they are free; one that is stuck is left behind."""
        with self._wake:
            self._is_closed = True
            dropped = list(self._jobs)
            self._jobs.clear()
            self._wake.notify_all()
        for job in dropped:
            job.drop()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name} thread {len(self.threads) + 1}", daemon=True)
        thread.start()
        self.threads.append(thread.ident or 0)
        self._free += 1

    def _work(self) -> None:
        while (job := self._next()) is not None:
            outcome = job.call()
            with self._wake:
                self._free += 1  # before the loop hears of it, and asks for the next step
            job.hand_over(outcome)
            del job, outcome  # an idle thread must keep no call's things alive
            with self._wake:
                self._running -= 1

    def _next(self) -> Job | None:
        with self._wake:
            while not self._jobs:
                if self._is_closed:
                    return None
                self._wake.wait()
            self._running += 1
            self._free -= 1
            return self._jobs.popleft()


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop for a thread: uvloop's where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class LoopThread:
    """An event loop in a daemon thread of its own, from construction to `stop`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.loop = new_loop()
        self._is_stopping = False
        self._on_stopped: Callable[[], object] | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def ident(self) -> int:
        """The identity of the thread, as `sys._current_frames` has it."""
        return self._thread.ident or 0

    def stop(self, on_stopped: Callable[[], object] | None = None) -> None:
        """End the loop: what still runs on it is cancelled, it is closed, then `on_stopped` is called in its thread.

        From another thread; returns at once. A plugin that holds the loop holds this too, until it lets go.
        """
        self._on_stopped = on_stopped
        self._is_stopping = True
        with contextlib.suppress(RuntimeError):  # closed before
            self.loop.call_soon_threadsafe(self.loop.stop)

    def join(self) -> None:
        """After `on_stopped`: wait the microseconds until the thread is gone."""
        self._thread.join(ENDING)

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self.loop.run_forever()
            except BaseException:  # a task of a plugin's own raised SystemExit: its agent lives on
                log.exception("%s: a task tried to end the loop", self._name)
        try:
            self._finish()
        except BaseException:  # as above, while it is being cancelled
            log.exception("%s: the loop did not end cleanly", self._name)
        self.loop.close()
        on_stopped, self._on_stopped = self._on_stopped, None  # it knows whose thread this is
        if on_stopped is not None:
            on_stopped()

    def _finish(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            _, stuck = self.loop.run_until_complete(asyncio.wait(tasks, timeout=ENDING))
            if stuck:
                names = ", ".join(sorted(task.get_name() for task in stuck))
                log.warning("%s: left behind, still running: %s", self._name, names)
        generators = self.loop.create_task(self.loop.shutdown_asyncgens(), name=f"{self._name}: end its generators")
        self.loop.run_until_complete(asyncio.wait({generators}, timeout=ENDING))
