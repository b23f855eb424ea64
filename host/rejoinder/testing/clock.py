"""Virtual time: an event loop whose clock jumps to the next timer as soon as nothing else is left to do.

A test of a 60 s timer takes no time and gives the same result on every machine::

    from rejoinder.testing import clock

    def test_a_minute_passes_at_once() -> None:
        async def main() -> float:
            await asyncio.sleep(60)
            return asyncio.get_running_loop().time()

        assert clock.run(main()) == 60.0

A test with async has such a loop under the marker `virtual_time` of `rejoinder.testing.fixtures`.

What is virtual is the loop's time alone: `asyncio.sleep`, `asyncio.timeout`, `loop.call_later`. The time of day goes on, and so
does a thread. Sockets work: what has arrived is always served before the clock moves. Work that the loop cannot see (a thread,
a process) must `hold` the clock, or time runs ahead of it; an `Agent` on this loop and `asyncio.to_thread` do so by themselves.

A connection to a peer that is not on the loop cannot be held: how long its answers take nobody knows. The clock then refuses
to move (PeerElsewhere): a model's server must run on the same loop, or the test in real time.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

from rejoinder.testing.peers import Peers

ResultT = TypeVar("ResultT")
ArgumentsT = TypeVarTuple("ArgumentsT")
Ready = list[tuple[selectors.SelectorKey, int]]
Select = Callable[[float | None], Ready]

#: Real seconds to wait for what only the world outside can bring, before it is taken as never coming.
PATIENCE = 2.0
#: Real seconds between two looks at whether the clock is still held: the first, and all after many.
SOONEST, LATEST = 0.001, 0.02


class Standstill(RuntimeError):
    """Nothing will ever happen on the loop: nothing is ready, no timer is set, nothing came from outside."""


class PeerElsewhere(RuntimeError):
    """The loop waits for a peer that is not on it: virtual time would run ahead of its answers."""


class WatchedSelector(selectors.DefaultSelector):
    """The system's selector, asked by the loop through `wait`; `peers` is told of what it is given."""

    def __init__(self, wait: Callable[[float | None, Select], Ready], peers: Peers) -> None:
        super().__init__()
        self._wait = wait
        self._peers = peers

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = super().register(fileobj, events, data)
        self._peers.registered(key.fd)
        return key

    def select(self, timeout: float | None = None) -> Ready:
        return self._wait(timeout, super().select)


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop with virtual time, which begins at 0.0.

    `patience` is how long, in real seconds, it waits for what comes from outside: for held work, after which the clock moves on
    without it (a stuck thread must not stop a test's timers), and when no timer is set at all, after which it raises
    Standstill. When the clock would move while the loop has a connection to a peer elsewhere, it raises PeerElsewhere, once:
    what is then cleaned up may take its time.
    """

    #: Asked by code that must not be run where this clock does not reach.
    is_virtual = True

    def __init__(self, patience: float = PATIENCE) -> None:
        self._now = 0.0
        self._patience = patience
        self._holds: list[Callable[[], bool]] = []
        self._outside = 0
        self._is_out_of_patience = False
        self._is_refused = False
        self._peers = Peers()
        self._watched = WatchedSelector(self._wait, self._peers)
        super().__init__(self._watched)
        self.hold(lambda: self._outside > 0)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def hold(self, is_working: Callable[[], bool]) -> Callable[[], None]:
        """Stop the clock while `is_working()`. It may turn false only after the result was handed to the loop with
        `call_soon_threadsafe`. Returns what ends the arrangement."""
        self._holds.append(is_working)
        return lambda: self._holds.remove(is_working)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[ArgumentsT]], ResultT], *args: *ArgumentsT
    ) -> asyncio.Future[ResultT]:
        """As usual; the clock stands still until the result is there."""
        future = super().run_in_executor(executor, func, *args)
        self._outside += 1
        future.add_done_callback(self._came_back)
        return future

    def _came_back(self, _: asyncio.Future[Any]) -> None:
        self._outside -= 1

    def _wait(self, timeout: float | None, select: Select) -> Ready:
        # Asked before the look at what is ready: work that ends after this has already left its result there.
        is_held = self._is_held()
        ready = select(0)
        if ready or timeout == 0:
            return ready
        if is_held and not self._is_out_of_patience:
            return self._wait_while_held(select)
        self._is_out_of_patience = is_held
        if timeout is None:
            return self._wait_for_the_world(select)
        self._refuse_to_run_ahead()
        self._now += timeout
        return ready

    def _is_held(self) -> bool:
        return any(is_working() for is_working in self._holds)

    def _wait_while_held(self, select: Select) -> Ready:
        """What comes from outside meanwhile. Work may also end without another word, its result having come before."""
        end, pause = time.monotonic() + self._patience, SOONEST
        while (left := end - time.monotonic()) > 0:
            if (ready := select(min(pause, left))) or not self._is_held():
                return ready
            pause = min(2 * pause, LATEST)
        self._is_out_of_patience = True
        return []

    def _refuse_to_run_ahead(self) -> None:
        keys = self._watched.get_map().values()
        if len(keys) == 1 or self._is_refused:  # alone with the pipe by which other threads wake it
            return
        if peer := self._peers.elsewhere(keys):
            self._is_refused = True
            raise PeerElsewhere(
                f"the clock of this loop is virtual and would run ahead of {peer}, which is not on the loop: run that peer on "
                "the same loop, or take real time: no `virtual_time`, `async with caller(...)`, or talk(..., real_time=True)"
            )

    def _wait_for_the_world(self, select: Select) -> Ready:
        if ready := select(self._patience):
            return ready
        waiting = ", ".join(sorted(task.get_name() for task in asyncio.all_tasks(self))) or "no task"
        raise Standstill(
            f"nothing will ever happen: no timer is set and nothing came from outside within {self._patience:g} s. "
            f"Still waiting: {waiting}"
        )


def run(main: Coroutine[Any, Any, ResultT], *, patience: float = PATIENCE) -> ResultT:
    """Run `main` to its end in virtual time, on a loop of its own; its result."""
    with asyncio.Runner(loop_factory=lambda: VirtualClockLoop(patience)) as runner:
        return runner.run(main)
