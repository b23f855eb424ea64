"""Many calls at once, in real time: each place takes the next call when one is over, until the time is up."""

import asyncio
import gc
from collections.abc import Callable, Sequence

from rejoinder.simulator.judging.findings import Play
from rejoinder.simulator.load.outcome import Cost, Outcome, Size
from rejoinder.simulator.load.resources import Lateness, Usage, usage
from rejoinder.simulator.load.tally import Tally
from rejoinder.simulator.playing.batch import Stage
from rejoinder.simulator.playing.target import Switchboard

#: Seconds that a place rests after a call that was hardly one: who hangs up at once is not dialled without a pause.
SHORTEST_CALL = 1.0
#: So many calls that nobody took, and none that anybody did: there is nobody, and no use in going on.
UNANSWERED = 10
#: New objects after which Python looks for circles of garbage, which would make the loop late: a call leaves few.
GARBAGE = 50_000


class Load:
    """One load. `plays` are dealt out in turn; `live` is what is being played just now, `now` how long it has lasted."""

    def __init__(self, size: Size, plays: Sequence[Play], switchboard: Switchboard, server: int | None = None) -> None:
        self.tally = Tally()
        self.live: set[Stage] = set()
        self.was_stopped = False
        self._size = size
        self._plays = plays
        self._switchboard = switchboard
        self._server = server
        self._dealt = 0
        self._is_answered = False
        self._refused = 0
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()

    @property
    def now(self) -> float:
        return self._loop.time() - self._begun

    @property
    def turns(self) -> int:
        """Turns that were asked for so far."""
        journals = [stage.journal for stage in self.live]
        return self.tally.turns.asked + sum(len(journal.turns) - 1 for journal in journals if journal and journal.turns)

    def stop(self) -> None:
        """End it before its time."""
        self.was_stopped = True
        self._over.set()

    async def run(self, tell: Callable[["Load"], object], *, every: float = 0.5) -> Outcome:
        """Play until the time is up, and `tell` how it gets on."""
        late = Lateness()
        before, before_server = usage(), self._of_server()
        self._begun = self._loop.time()
        with _Tidy():
            watch = asyncio.create_task(late.watch(), name="load: lateness")
            places = [asyncio.create_task(self._place(one), name="load: place") for one in range(self._size.calls)]
            try:
                await self._wait(tell, every)
            finally:
                took = self.now
                costs = Cost.between(before, usage()), Cost.between(before_server, self._of_server())
                watch.cancel()
                for task in places:
                    task.cancel()
                ended = await asyncio.gather(*places, return_exceptions=True)
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault
        return Outcome(self._size, self.tally, took, self.was_stopped, late.seconds, *costs)

    def _of_server(self) -> Usage | None:
        return None if self._server is None else usage(self._server)

    async def _wait(self, tell: Callable[["Load"], object], every: float) -> None:
        end = self._size.ramp + self._size.lasts
        while not self._over.is_set() and self.now < end:
            tell(self)
            try:
                async with asyncio.timeout(min(every, max(end - self.now, 0.0))):
                    await self._over.wait()
            except TimeoutError:
                continue

    async def _place(self, number: int) -> None:
        await asyncio.sleep(self._size.ramp * number / self._size.calls)
        while True:
            begun = self.now
            await self._call()
            await asyncio.sleep(max(SHORTEST_CALL - (self.now - begun), 0.0))

    async def _call(self) -> None:
        play = self._plays[self._dealt % len(self._plays)]
        self._dealt += 1
        stage = Stage(Play(play.scenario, play.route, self._dealt, play.seed + self._dealt), frames=False)
        whole = False
        self.live.add(stage)
        try:
            await stage.perform(self._switchboard)
            whole = True
        except Exception as error:  # noqa: BLE001  counted like anything else that goes wrong, and the other calls go on
            stage.fail(error)
            whole = True
        finally:
            self.live.discard(stage)
            self._count(stage, whole=whole)

    def _count(self, stage: Stage, *, whole: bool) -> None:
        verdict = stage.verdict
        self.tally.add(verdict, whole=whole)
        self._is_answered |= verdict.outcome != "broken"
        self._refused += whole and verdict.outcome == "broken"
        if not self._is_answered and self._refused >= min(UNANSWERED, self._size.calls):
            self._over.set()


class _Tidy:
    """Lets Python look for garbage more rarely while it is entered."""

    def __enter__(self) -> None:
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE, 20, 100)

    def __exit__(self, *_: object) -> None:
        gc.set_threshold(*self._before)
        gc.unfreeze()
