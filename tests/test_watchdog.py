"""What holds a loop is named while it does; what only waits is not."""

import asyncio
import ctypes
import faulthandler
import gc
import logging
import re
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO

import aiohttp
import pytest

from rejoinder import Call, CallFacts, Observer, Options, Reply, ResponseSystem, SyncReply, Turn, observing, per_call
from rejoinder.agents import Agent, Seat
from rejoinder.observers import ObserverDesk
from rejoinder.registry import Registry
from rejoinder.threads import LoopThread, Pool
from rejoinder.watchdog import Hold, Watchdog
from served import Serve

HERE = Path(__file__)
LIMIT = 0.05
YAML = "server: {port: 0}\nagents: {a: {system: echo}}\nroutes: {/a: a}\n"


def line_of(mark: str) -> int:
    (found,) = (number for number, line in enumerate(HERE.read_text().splitlines(), 1) if line.endswith(f"# held: {mark}"))
    return found


class Gates(Options, frozen=True):
    """What a test lets a plugin wait for; `entered` is set by the plugin."""

    gate: Any = None
    entered: Any = None


class Sleeping(ResponseSystem[Gates]):
    async def respond(self, turn: Turn) -> Reply:
        yield "Let me think."
        time.sleep(LIMIT * 4)  # noqa: ASYNC251  # held: sleep


class Spinning(ResponseSystem[Gates]):
    async def respond(self, turn: Turn) -> Reply:
        next(filter(None, iter(self.options.gate.is_set, None)))  # held: spin
        yield "Done."


class Greeting(ResponseSystem[Gates]):
    async def begin(self, turn: Turn) -> Reply:
        self._look_up()
        yield "Hello."

    def _look_up(self) -> None:
        self.options.gate.wait()  # held: begin

    async def respond(self, turn: Turn) -> Reply:
        yield "Yes."


class Building(ResponseSystem[Gates]):
    def __init__(self, options: Gates, call: Call) -> None:
        super().__init__(options, call)
        options.gate.wait()  # held: constructor

    async def respond(self, turn: Turn) -> Reply:
        yield "Yes."


class Calling(ResponseSystem[Gates]):
    """Runs a program, which Python waits for in a selector of its own."""

    async def respond(self, turn: Turn) -> Reply:
        code = f"import time; time.sleep({LIMIT * 4})"
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)  # noqa: ASYNC221  # held: program
        yield "Done."


class Awaiting(ResponseSystem[Gates]):
    async def respond(self, turn: Turn) -> Reply:
        self.options.entered.set()
        await asyncio.Event().wait()
        yield "Never."


class Stepping(ResponseSystem[Gates]):
    def respond(self, turn: Turn) -> SyncReply:
        self.options.entered.set()
        self.options.gate.wait()  # held: step
        yield "Done."


class Told(logging.Handler):
    """The watchdog's lines as they come, to be waited for in any thread."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._came = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._came:
            self.lines.append(record.getMessage())
            self._came.notify_all()

    def wait(self, pattern: str) -> str:
        """The first line that matches."""
        with self._came:
            assert self._came.wait_for(lambda: self._first(pattern), 10), self.lines
        return self._first(pattern)

    def _first(self, pattern: str) -> str:
        return next((line for line in self.lines if re.search(pattern, line)), "")

    async def line(self, pattern: str) -> str:
        return await asyncio.to_thread(self.wait, pattern)


class Ear:
    def on_joined(self, hears: frozenset[str]) -> None: ...
    def on_output(self, reply: int, output: object) -> None: ...
    def on_ended(self, reply: int) -> None: ...
    def on_failed(self, reply: int, error: BaseException) -> None: ...
    def on_order(self, order: object) -> None: ...
    def on_missing(self, field: str) -> None: ...


@pytest.fixture
def told() -> Iterator[Told]:
    handler = Told()
    logging.getLogger("rejoinder.watchdog").addHandler(handler)
    yield handler
    logging.getLogger("rejoinder.watchdog").removeHandler(handler)


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog(limit=LIMIT, look=0.01, idle_look=0.01)
    watchdog.start()
    yield watchdog
    watchdog.stop()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


@asynccontextmanager
async def sitting(
    watchdog: Watchdog, name: str, system: type[ResponseSystem[Gates]], gates: Gates, threads: int = 8
) -> AsyncIterator[Seat]:
    """One call at an agent with a thread of its own."""
    front, spec = asyncio.get_running_loop(), per_call(system, Gates)
    agent = Agent(name, spec, gates, front=front, threads=threads, origin="acme-crm 1.2", watchdog=watchdog)
    await agent.open()
    try:
        yield agent.join(CallFacts("c1", "/a", name, "test"), Ear())
    finally:
        if gates.gate is not None:
            gates.gate.set()
        await agent.close()


@pytest.mark.failure(2)
@pytest.mark.parametrize(
    ("system", "mark", "task"),
    [
        (Sleeping, "sleep", ", in reply 1 of call c1 at agent ava"),
        (Spinning, "spin", ", in reply 1 of call c1 at agent ava"),
        (Calling, "program", ", in reply 1 of call c1 at agent ava"),
        (Greeting, "begin", ", in reply 1 of call c1 at agent ava"),
        (Building, "constructor", ""),
    ],
)
async def test_what_holds_an_agents_loop_is_named_with_agent_distribution_call_file_and_line(
    watchdog: Watchdog, told: Told, gate: threading.Event, system: type[ResponseSystem[Gates]], mark: str, task: str
) -> None:
    async with sitting(watchdog, "ava", system, Gates(gate)) as seat:
        seat.start(1, Turn(1, "begin" if system is Greeting else "response"))
        line = await told.line("is held")
        place = f"{HERE}:{line_of(mark)} ({system.__name__}."
        assert line.startswith(f"the loop of agent ava (acme-crm 1.2) is held{task}, at {place}")
        gate.set()
        await told.line(r"^the loop of agent ava \(acme-crm 1.2\) is free again after \d+\.\d\d s$")
    assert watchdog.holds == {"ava": 1}
    assert len(told.lines) == 2


async def test_where_the_plugin_has_called_into_is_told_too(watchdog: Watchdog, told: Told, gate: threading.Event) -> None:
    async with sitting(watchdog, "ava", Greeting, Gates(gate)) as seat:
        seat.start(1, Turn(1, "begin"))
        assert "(Greeting._look_up, inside Condition.wait of threading)" in await told.line("is held")


async def test_a_plugin_that_awaits_is_not_named_while_another_is(
    watchdog: Watchdog, told: Told, gate: threading.Event
) -> None:
    gates = Gates(gate, threading.Event())
    async with sitting(watchdog, "good", Awaiting, gates) as good, sitting(watchdog, "bad", Spinning, gates) as bad:
        good.start(1, Turn(1, "response"))
        await asyncio.to_thread(gates.entered.wait)
        bad.start(1, Turn(1, "response"))
        await told.line("agent bad .* is held")
        gate.set()
        await told.line("agent bad .* is free")
    assert watchdog.holds == {"bad": 1}


async def test_a_step_may_block_its_thread(watchdog: Watchdog, told: Told, gate: threading.Event) -> None:
    gates = Gates(gate, threading.Event())
    async with sitting(watchdog, "sync", Stepping, gates) as sync, sitting(watchdog, "bad", Spinning, gates) as bad:
        sync.start(1, Turn(1, "response"))
        await asyncio.to_thread(gates.entered.wait)
        bad.start(1, Turn(1, "response"))
        await told.line("agent bad .* is held")
    assert "sync" not in watchdog.holds


async def test_threads_that_are_all_busy_while_a_step_waits_are_named(
    watchdog: Watchdog, told: Told, gate: threading.Event
) -> None:
    async with sitting(watchdog, "sync", Stepping, Gates(gate, threading.Event()), threads=2) as seat:
        for reply in (1, 2, 3):
            seat.start(reply, Turn(reply, "response"))
        line = await told.line("are busy")
        what = f"all 2 threads of agent sync (acme-crm 1.2) are busy and a step waits for one: 2 at {HERE}:{line_of('step')} "
        assert line.startswith(what)
        gate.set()
        await told.line(r"the threads of agent sync \(acme-crm 1.2\) come round again after")
    assert watchdog.holds == {"sync": 1}


async def test_c_code_that_a_loop_calls_directly_is_named_though_it_has_no_frame(
    watchdog: Watchdog, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rejoinder.watchdog.ASK_THE_IDLE", 0.0)

    class Scheduling(ResponseSystem[Gates]):
        async def respond(self, turn: Turn) -> Reply:
            asyncio.get_running_loop().call_soon(time.sleep, LIMIT * 4)
            await asyncio.Event().wait()
            yield "Never."

    async with sitting(watchdog, "ava", Scheduling, Gates()) as seat:
        seat.start(1, Turn(1, "response"))
        assert await told.line("the loop of agent ava .* is held, at ")
    assert watchdog.holds == {"ava": 1}


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="this system measures no CPU of a thread")
async def test_a_loop_that_never_rests_is_named_though_it_answers(
    watchdog: Watchdog, told: Told, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("BUSY", 0.2), ("SPAN", LIMIT), ("RESTLESS", 2 * LIMIT)):
        monkeypatch.setattr(f"rejoinder.watchdog.{name}", value)

    class Polling(ResponseSystem[Gates]):
        async def respond(self, turn: Turn) -> Reply:
            while not gate.is_set():  # noqa: ASYNC110
                await asyncio.sleep(0)
            yield "Done."

    async with sitting(watchdog, "ava", Polling, Gates(gate)) as seat:
        seat.start(1, Turn(1, "response"))
        line = await told.line("hardly rests")
    assert line.startswith("the loop of agent ava (acme-crm 1.2) answers but hardly rests (0.")
    assert watchdog.holds == {"ava": 1}


async def test_tasks_that_are_leaked_are_named_with_what_they_run(
    watchdog: Watchdog, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MANY_TASKS", 100), ("COUNT_TASKS_EVERY", 0.0), ("ASK_THE_IDLE", 0.0)):
        monkeypatch.setattr(f"rejoinder.watchdog.{name}", value)

    async def nap() -> None:  # held: nap
        await asyncio.Event().wait()

    class Leaking(ResponseSystem[Gates]):
        async def respond(self, turn: Turn) -> Reply:
            self._leaked = [asyncio.create_task(nap()) for _ in range(100)]
            yield "Done."

    async with sitting(watchdog, "ava", Leaking, Gates()) as seat:
        seat.start(1, Turn(1, "response"))
        line = await told.line("tasks")
    assert re.match(r"the loop of agent ava \(acme-crm 1.2\) has 10\d tasks, most of them ", line)
    assert f"{HERE}:{line_of('nap')} (" in line
    assert line.endswith("nap)")
    assert watchdog.holds == {"ava": 1}


async def test_what_holds_the_front_is_named_and_counts_for_no_agent(serve: Serve, told: Told) -> None:
    served = await serve(YAML)
    assert re.search(rf"the loop of the front is held, .*, at {re.escape(str(HERE))}:\d+ ", told.wait("is held"))
    assert served.host.watchdog.holds == {}


async def test_an_observer_that_holds_the_observers_loop_is_named(
    watchdog: Watchdog, told: Told, gate: threading.Event
) -> None:
    class Slow(Observer[Options]):
        async def call_started(self, call: CallFacts) -> None:
            gate.wait()  # held: observer

    desk = ObserverDesk(watchdog=watchdog)
    await desk.replace({"crm": (observing(Slow, Options), Options(), "a")})
    desk.call_started(["crm"], CallFacts("c1", "/a", "ava", "test"))
    line = await told.line("is held")
    gate.set()
    await desk.close()
    assert line.startswith(f"the loop of the observers is held, in observer crm, at {HERE}:{line_of('observer')} ")


async def test_the_counter_is_on_the_page_for_monitors(serve: Serve) -> None:
    served = await serve(YAML)
    served.host.watchdog.holds["a"] += 2
    async with aiohttp.ClientSession() as session:
        async with session.get(served.http("/healthz")) as local:
            assert (await local.json())["held"] == {"a": 2}
        async with session.get(served.http("/healthz"), headers={"X-Forwarded-For": "203.0.113.9"}) as foreign:
            assert "held" not in await foreign.json()


@pytest.mark.parametrize(
    ("limit", "named"), [(0.25, [0.25, 1, 5, 10, 20, 40]), (1.0, [1, 5, 10, 20, 40]), (2.0, [2, 5, 10, 20, 40])]
)
def test_a_hold_is_named_at_the_limit_after_one_second_after_five_and_then_each_time_after_twice_as_long(
    limit: float, named: list[float]
) -> None:
    hold = Hold(100.0, limit)
    assert [quarter / 4 for quarter in range(240) if hold.is_due(100.0 + quarter / 4)] == named


def test_a_hold_that_nobody_could_look_at_meanwhile_is_named_once() -> None:
    hold = Hold(100.0, 0.25)
    assert [hold.is_due(104.0), hold.is_due(104.1), hold.is_due(105.0)] == [True, False, True]


async def test_what_holds_the_interpreter_lock_is_told_afterwards_and_meanwhile_in_a_dump(
    told: Told, gate: threading.Event, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, seconds in (("STANDSTILL", 0.2), ("DUMP_AFTER", 0.2), ("POSTPONE_EVERY", 0.05)):
        monkeypatch.setattr(f"rejoinder.watchdog.{name}", seconds)
    armed = threading.Event()
    arm = faulthandler.dump_traceback_later

    def arming(timeout: float, file: TextIO) -> None:
        arm(timeout, file=file)
        armed.set()

    class Greedy(ResponseSystem[Gates]):
        async def respond(self, turn: Turn) -> Reply:
            ctypes.PyDLL(None).usleep(400_000)  # it does not let the lock go
            gate.wait()
            yield "Done."

    monkeypatch.setattr("faulthandler.dump_traceback_later", arming)
    with (tmp_path / "dump").open("w+") as dump:
        watchdog = Watchdog(limit=LIMIT, look=0.01, idle_look=0.01, dump_to=dump)
        watchdog.start()
        await asyncio.to_thread(armed.wait)
        async with sitting(watchdog, "ava", Greedy, Gates(gate)) as seat:
            seat.start(1, Turn(1, "response"))
            line = await told.line("^nothing in this process ran for 0")
        watchdog.stop()
        dump.seek(0)
        assert f'File "{HERE}"' in dump.read()
    assert f"just afterwards: agent ava (acme-crm 1.2) at {HERE}:" in line


def test_the_distribution_of_a_plugin_is_known_without_importing_it() -> None:
    registry = Registry({"mine": "./mine.py"})
    assert registry.origin("echo") == f"rejoinder {version('rejoinder')}"
    assert registry.origin("mine") == "./mine.py"
    assert registry.origin("nothing") == ""


class Crowd(Pool):
    """Threads, of which one may be waited for."""

    job: object | None = None

    def next_waiting(self) -> object | None:
        return self.job


def test_what_was_noticed_of_a_loop_that_rested_is_seen_to_be_over_at_the_next_look() -> None:
    watchdog, pool, thread = Watchdog(), Crowd(1, "ava"), LoopThread("ava")
    watchdog.watch(thread.loop, thread.ident, agent="ava", pool=pool)
    (watched,) = watchdog._watched
    begun = time.monotonic()
    try:
        for after in (0.0, 0.05, 1.1, 1.15):
            watchdog._look_round(begun + after, 0.0, 0.0)
            while watched.asked is not None and not watched.answered():
                time.sleep(0.001)
        assert watched.resting is not None
        pool.job = object()
        for after in (1.2, 1.25):
            watchdog._look_round(begun + after, 0.0, 0.0)
        assert watched.crowded is not None
        pool.job = None
        watchdog._look_round(begun + 1.3, 0.0, 0.0)
        assert watched.crowded is None
    finally:
        thread.stop()


def test_a_watchdog_that_was_stopped_can_be_started_again() -> None:
    watchdog = Watchdog(look=0.01, idle_look=0.01)
    for _ in range(2):
        watchdog.start()
        watchdog.stop()
    watchdog.stop()


async def test_the_loop_of_an_agent_that_was_closed_is_freed_without_the_collector(watchdog: Watchdog) -> None:
    """Each has a buffer of 250 KB, and a reload may replace every agent."""
    gc.collect()
    gc.disable()
    try:
        agent = Agent("ava", per_call(Sleeping, Gates), Gates(), front=asyncio.get_running_loop(), watchdog=watchdog)
        await agent.open()
        (watched,) = watchdog._watched
        loop = weakref.ref(watched.loop)
        async with asyncio.timeout(20):
            while watched.resting is None:  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(0.01)
            await agent.close()
            del agent, watched
            while loop() is not None:  # noqa: ASYNC110  nor of this
                await asyncio.sleep(0.01)
    finally:
        gc.enable()
