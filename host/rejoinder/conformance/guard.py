"""Runs a plugin's calls in a thread of its own and watches it from outside, so that what never ends ends with a verdict."""

import asyncio
import selectors
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

from rejoinder.stack import Place, is_waiting, place
from rejoinder.testing.clock import VirtualClockLoop
from rejoinder.watchdog import LIMIT

ResultT = TypeVar("ResultT")

#: Real seconds for which a loop may be held before it is given up; real seconds that one run may take in all, and one of a
#: system that takes real time for its answers (there are some dozens in a run).
LONGEST_HOLD = 5.0
LONGEST_RUN = 60.0
LONGEST_SLOW_RUN = 240.0
#: Real seconds for which the virtual clock waits for one step of a plain generator, in a thread.
LONGEST_STEP = 10.0
#: Real seconds between two looks.
LOOK = 0.02
#: How the threads are called that the host makes for an agent, and asyncio for `to_thread`: the clock waits for both.
_WAITED_FOR = ("agent ", "asyncio_")
_HOST = Path(__file__).parents[1]


class NeverEnded(Exception):
    """What was run is left behind: it goes on and on."""


class Held(NeverEnded):
    """It holds its thread. The text says where."""


@dataclass(slots=True)
class Hold:
    """One time that the loop's thread was held, by a plugin's line."""

    seconds: float
    at: Place


@dataclass
class Guard(Generic[ResultT]):
    """One run; one of a system that `is_slow` may take longer. `holds` are those longer than the host's watchdog lets pass;
    `strangers` the threads of the plugin's own, whose work a virtual clock does not wait for. `tick` is called first and at
    each look, as long as this thread gets a word."""

    is_virtual: bool
    is_slow: bool = False
    tick: Callable[[], None] = lambda: None
    holds: list[Hold] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None
    _before: set[threading.Thread] = field(default_factory=set)
    _result: ResultT | None = None
    _error: BaseException | None = None
    _asked: float | None = None
    _answered: bool = False
    _hold: Hold | None = None

    def run(self, main: Callable[["Guard[ResultT]"], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """What `main` gives or raises. Raises NeverEnded."""
        self._before = set(threading.enumerate())
        thread = threading.Thread(target=self._live, args=(main,), name="conformance", daemon=True)
        self.tick()
        begun = looked = time.monotonic()
        cpu = time.process_time()
        thread.start()  # from here on the other may hold the interpreter lock
        while thread.is_alive():
            thread.join(LOOK)
            self.tick()
            now, used = time.monotonic(), time.process_time()
            self._look(thread, now, now - looked - LOOK, used - cpu)
            looked, cpu = now, used
            if self._hold is not None and self._hold.seconds > LONGEST_HOLD:
                raise Held(f"its thread was held for {LONGEST_HOLD:g} s and then left behind, at {self._hold.at}")
            if now - begun > (longest := LONGEST_SLOW_RUN if self.is_slow else LONGEST_RUN):
                raise NeverEnded(f"its calls had not come to an end after {longest:g} s{_at_work(self._before)}")
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # the thread has ended without an error

    def _live(self, main: Callable[["Guard[ResultT]"], Coroutine[Any, Any, ResultT]]) -> None:
        try:
            with asyncio.Runner(loop_factory=self._new_loop) as runner:
                self._loop = runner.get_loop()
                self._result = runner.run(main(self))
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            self._error = error

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        if not self.is_virtual:
            return asyncio.SelectorEventLoop()
        loop = VirtualClockLoop(LONGEST_STEP)
        loop.hold(self._note_strangers)
        return loop

    def _note_strangers(self) -> bool:
        """Asked before the clock moves: who is at work while it does? It moves all the same."""
        come = set(threading.enumerate()) - self._before - {threading.current_thread()}
        self.strangers |= {one.name for one in come if not one.name.startswith(_WAITED_FOR)}
        return False

    def _look(self, thread: threading.Thread, now: float, overslept: float, cpu: float) -> None:
        """As the host's watchdog does: ask a loop that does not wait for an answer; one that gives none is held."""
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001  its documented name
        if frame is None or self._loop is None or self._loop.is_closed():
            return
        if overslept > LIMIT and cpu > overslept / 5:
            self._note(frame, overslept)  # this process worked, and let no other thread: the interpreter lock was held
        if self._asked is None or self._answered:
            self._hold, self._asked = None, None
            if not is_waiting(frame):
                self._ask(now)
        elif overslept < LIMIT:
            self._note(frame, now - self._asked)
        else:  # nobody could run: not its fault
            self._asked += overslept

    def _ask(self, now: float) -> None:
        assert self._loop is not None
        self._asked, self._answered = now, False
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # closed meanwhile
            self._asked = None

    def _answer(self) -> None:
        self._answered = True

    def _note(self, frame: FrameType, seconds: float) -> None:
        if self._hold is not None:
            self._hold.seconds = seconds
        elif seconds > LIMIT and not is_waiting(frame):
            at = place(frame)
            if not _is_of_the_host(at):
                self._hold = Hold(seconds, at)
                self.holds.append(self._hold)


def _at_work(before: set[threading.Thread]) -> str:
    """Where the plugin stands in the threads that have come since, as the end of a sentence."""
    frames = sys._current_frames()  # noqa: SLF001  as above
    found = [place(frames[one.ident]) for one in set(threading.enumerate()) - before if one.ident in frames]
    own = {str(one) for one in found if not _is_of_the_host(one)}
    return f", at {', '.join(sorted(own))}" if own else ""


def _is_of_the_host(at: Place) -> bool:
    return Path(at.file).is_relative_to(_HOST) or at.file in (threading.__file__, selectors.__file__)  # those wait
