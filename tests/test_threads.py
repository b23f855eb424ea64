"""The pool of an agent's threads, and the thread of its loop."""

import asyncio
import logging
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

from rejoinder.threads import LoopThread, Pool


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(2, "test pool")
    yield pool
    pool.close()
    for thread in threads_of("test pool"):
        thread.join(5)
        assert not thread.is_alive()


def threads_of(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


async def test_a_result_comes_to_the_loop_that_asked(pool: Pool) -> None:
    loop = asyncio.get_running_loop()
    assert await pool.submit(loop, pow, 2, 5) == 32
    assert await pool.submit(loop, lambda: threading.current_thread().daemon)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
async def test_whatever_a_job_raises_comes_to_who_waits(pool: Pool, error: type[BaseException]) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(error):
        await pool.submit(asyncio.get_running_loop(), fail)
    assert await pool.submit(asyncio.get_running_loop(), int) == 0


async def test_a_stop_iteration_comes_as_a_runtime_error(pool: Pool) -> None:
    """No future takes a StopIteration: whoever waits would wait for ever."""
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        await pool.submit(asyncio.get_running_loop(), next, iter(()))


async def test_threads_are_made_when_there_is_work_and_used_again(pool: Pool) -> None:
    assert threads_of("test pool") == []
    for _ in range(20):
        await pool.submit(asyncio.get_running_loop(), int)
    assert len(threads_of("test pool")) == 1


async def test_jobs_wait_their_turn_and_count_as_busy(pool: Pool) -> None:
    loop, gate, order = asyncio.get_running_loop(), threading.Event(), list[int]()

    def work(number: int) -> None:
        gate.wait()
        order.append(number)

    jobs = [pool.submit(loop, work, number) for number in range(5)]
    assert pool.busy == 5
    assert len(threads_of("test pool")) == 2
    gate.set()
    await asyncio.gather(*jobs)
    assert sorted(order) == [0, 1, 2, 3, 4]


async def test_a_job_counts_as_busy_until_its_result_is_on_its_way(pool: Pool) -> None:
    """Or a virtual clock would move before the result of work that is done."""
    busy: list[int] = []

    class Watching(asyncio.SelectorEventLoop):
        def call_soon_threadsafe(self, *args: object, **named: object) -> asyncio.Handle:
            busy.append(pool.busy)
            return super().call_soon_threadsafe(*args, **named)  # type: ignore[arg-type]

    def run() -> None:
        with asyncio.Runner(loop_factory=Watching) as runner:
            runner.run(main())

    async def main() -> None:
        busy.clear()
        await pool.submit(asyncio.get_running_loop(), int)
        assert busy == [1]

    await asyncio.to_thread(run)


async def test_the_result_of_a_cancelled_future_is_dropped(pool: Pool) -> None:
    loop, gate, entered = asyncio.get_running_loop(), threading.Event(), asyncio.Event()

    def work() -> str:
        loop.call_soon_threadsafe(entered.set)
        gate.wait()
        return "late"

    job = pool.submit(loop, work)
    await entered.wait()
    job.cancel()
    gate.set()
    assert await pool.submit(loop, int) == 0
    assert job.cancelled()


async def test_a_job_is_taken_back_only_before_a_thread_has_begun_it(pool: Pool) -> None:
    loop, gate, done = asyncio.get_running_loop(), threading.Event(), list[str]()
    entered = [asyncio.Event(), asyncio.Event()]

    def work(number: int) -> None:
        loop.call_soon_threadsafe(entered[number].set)
        gate.wait()

    begun = [pool.submit(loop, work, number) for number in (0, 1)]
    queued, cancelled = (pool.submit(loop, done.append, "done") for _ in range(2))
    for event in entered:
        await event.wait()
    assert not pool.withdraw(begun[0])
    assert pool.withdraw(queued)
    assert queued.cancelled()
    cancelled.cancel()
    gate.set()
    await asyncio.gather(*begun)
    assert not pool.withdraw(begun[1])
    await pool.submit(loop, int)
    assert done == []


async def test_a_closed_pool_drops_what_waits_and_takes_no_more() -> None:
    pool = Pool(1, "closing pool")
    loop, gate, entered = asyncio.get_running_loop(), threading.Event(), asyncio.Event()

    def work() -> str:
        loop.call_soon_threadsafe(entered.set)
        gate.wait()
        return "ran out"

    running, queued = pool.submit(loop, work), pool.submit(loop, int)
    await entered.wait()
    pool.close()
    with pytest.raises(asyncio.CancelledError):
        await queued
    with pytest.raises(RuntimeError, match="the threads of closing pool are closed"):
        _ = pool.submit(loop, int)
    gate.set()
    assert await running == "ran out"
    assert pool.is_closed
    for thread in threads_of("closing pool"):
        thread.join(5)
    assert pool.busy == 0


async def test_an_idle_thread_keeps_nothing_of_its_last_job(pool: Pool) -> None:
    class Thing:
        def work(self) -> "Thing":
            return self

    gone = threading.Event()
    thing: Thing | None = Thing()
    weakref.finalize(thing, gone.set)
    assert thing is not None
    thing = await pool.submit(asyncio.get_running_loop(), thing.work)
    del thing
    await asyncio.to_thread(gone.wait, 5)
    assert gone.is_set()


def test_a_job_that_ends_after_its_loop_is_dropped(pool: Pool) -> None:
    gate = threading.Event()

    async def main() -> None:
        _ = pool.submit(asyncio.get_running_loop(), gate.wait)

    asyncio.run(main())
    gate.set()


async def ended(thread: LoopThread) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    thread.stop(lambda: loop.call_soon_threadsafe(stopped.set))
    await stopped.wait()
    thread.join()


async def on(thread: LoopThread, act: Callable[[], object]) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def perform() -> None:
        try:
            act()
        finally:
            loop.call_soon_threadsafe(done.set)

    thread.loop.call_soon_threadsafe(perform)
    await done.wait()


@pytest.mark.parametrize("has_uvloop", [True, False])
async def test_a_loop_thread_runs_its_loop_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch, *, has_uvloop: bool) -> None:
    if not has_uvloop:
        monkeypatch.setitem(sys.modules, "uvloop", None)
    thread = LoopThread("test loop")
    assert type(thread.loop).__module__.startswith("uvloop") is has_uvloop
    names: list[str] = []
    await on(thread, lambda: names.append(threading.current_thread().name))
    assert names == ["test loop"]
    await ended(thread)
    assert thread.loop.is_closed()
    assert threads_of("test loop") == []
    thread.stop()


async def test_a_loop_thread_survives_what_ends_a_loop(caplog: pytest.LogCaptureFixture) -> None:
    def leave() -> None:
        raise SystemExit

    thread = LoopThread("test loop")
    await on(thread, leave)
    await on(thread, int)
    await ended(thread)
    assert "test loop: a task tried to end the loop" in caplog.text


async def test_what_does_not_end_with_its_loop_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rejoinder.threads.ENDING", 0.05)
    tasks: list[asyncio.Task[None]] = []

    async def refuse() -> None:
        while not caplog.records:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    thread = LoopThread("test loop")
    await on(thread, lambda: tasks.append(thread.loop.create_task(refuse(), name="refusing")))
    with caplog.at_level(logging.WARNING):
        await ended(thread)
    assert "test loop: left behind, still running: refusing" in caplog.text
    tasks[0]._log_destroy_pending = False  # type: ignore[attr-defined]


STUCK = """
import asyncio, threading, time
from rejoinder.threads import LoopThread, Pool

async def main():
    Pool(1, "pool").submit(asyncio.get_running_loop(), time.sleep, 3600)
    thread = LoopThread("loop")
    thread.loop.call_soon_threadsafe(time.sleep, 3600)

asyncio.run(main())
print("over")
"""


def test_a_stuck_thread_does_not_hold_the_end_of_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout == "over\n"
