"""Scenarios played in virtual time: each on a loop of its own, in a thread that is left behind if an agent never lets it go."""

import queue
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from rejoinder.simulator.judging.findings import Play, Verdict
from rejoinder.simulator.playing.batch import Listener, Stage
from rejoinder.simulator.playing.target import Target
from rejoinder.testing import clock

#: Real seconds after which a call that takes a fraction of one is taken to be stuck for ever.
STUCK = 120.0
#: Real seconds between two looks for what is stuck.
LOOK = 1.0

_IN_REAL_TIME = "play it in real time: --real-time"


def play_in_virtual_time(
    plays: Sequence[Play], target: Target, listener: Listener, *, at_once: int = 1, patience: float = STUCK
) -> list[Verdict]:
    """Play them, so many at once, with agents of their own: nothing of one reaches another. A play that takes `patience` real
    seconds is given up, and its thread with it."""
    pool = _Pool(target, list(enumerate(plays)), at_once)
    verdicts: dict[int, Verdict] = {}
    while len(verdicts) < len(plays):
        for place, news in pool.news(patience):
            if isinstance(news, Play):
                listener.begun(news)
            elif place not in verdicts:
                verdicts[place] = news
                listener.ended(news)
    return [verdicts[place] for place in range(len(plays))]


@dataclass(slots=True)
class _Running:
    """A play in a thread, since when."""

    stage: Stage
    thread: threading.Thread
    since: float = field(default_factory=time.monotonic)

    @property
    def where(self) -> str:
        """The line of code at which the thread is now."""
        frame = sys._current_frames().get(self.thread.ident or 0)  # noqa: SLF001  the one way to see into another thread
        return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "no line of Python"


class _Pool:
    """Threads that take one play after the other. They are daemons: one that is stuck does not hold the end of the process."""

    def __init__(self, target: Target, plays: list[tuple[int, Play]], size: int) -> None:
        self._target = target
        self._waiting = queue.SimpleQueue[tuple[int, Play]]()
        for one in plays:
            self._waiting.put(one)
        self._news = queue.SimpleQueue[tuple[int, Play | Verdict]]()
        self._running: dict[int, _Running] = {}
        for _ in range(min(size, len(plays))):
            self._start()

    def _start(self) -> None:
        threading.Thread(target=self._work, name="plays", daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                place, play = self._waiting.get_nowait()
            except queue.Empty:
                return
            self._running[place] = running = _Running(_staged(play), threading.current_thread())
            self._news.put((place, play))
            _perform(running.stage, self._target)
            if self._running.pop(place, None) is None:
                return  # it was given up, and another thread has taken this one's place
            self._news.put((place, running.stage.verdict))

    def news(self, patience: float) -> list[tuple[int, Play | Verdict]]:
        """What has begun and what has ended since; waits a while for the first of it."""
        try:
            return [self._news.get(timeout=LOOK)]
        except queue.Empty:
            now = time.monotonic()
            stuck = [place for place, one in [*self._running.items()] if now - one.since > patience]
            return [(place, verdict) for place in stuck if (verdict := self._give_up(place))]

    def _give_up(self, place: int) -> Verdict | None:
        running = self._running.pop(place, None)
        if running is None:
            return None
        self._start()
        seconds = time.monotonic() - running.since
        running.stage.fault = f"it did not come to an end within {seconds:.0f} s of real time: it is held at {running.where}"
        return running.stage.verdict


def _staged(play: Play) -> Stage:
    return Stage(play, f"call_{Random(play.seed).getrandbits(128):032x}")  # noqa: S311  to the letter the same again


def _perform(stage: Stage, target: Target) -> None:
    try:
        clock.run(_opened(stage, target))
    except clock.Standstill as error:
        stage.fault = f"{error}; if it waits for something outside, {_IN_REAL_TIME}"
    except clock.PeerElsewhere as error:
        peer = str(error).partition(", which is not on the loop")[0]
        stage.fault = f"{peer}, which is not in this process; {_IN_REAL_TIME}"
    except Exception as error:  # noqa: BLE001  a plugin's, or ours: a verdict like any other, and the next scenario is played
        stage.fail(error)


async def _opened(stage: Stage, target: Target) -> None:
    async with target.open(stage.play.route) as switchboard:
        await stage.perform(switchboard)
