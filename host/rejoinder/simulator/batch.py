"""Many scenarios in one run: which are played where and how often, several at once, in virtual or in real time."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from random import Random
from typing import Protocol

from rejoinder.errors import RejoinderError
from rejoinder.simulator.findings import Play, Played, Verdict
from rejoinder.simulator.journal import Journal
from rejoinder.simulator.judging import judge
from rejoinder.simulator.player import Player
from rejoinder.simulator.scenario import Scenario
from rejoinder.simulator.target import Switchboard, Target
from rejoinder.testing import clock

_IN_REAL_TIME = "play it in real time: --real-time"


class Listener(Protocol):
    """Who is told how a run gets on."""

    def begun(self, play: Play) -> None: ...

    def ended(self, verdict: Verdict) -> None: ...


def plays_of(scenarios: Iterable[Scenario], target: Target, *, runs: int = 1, seed: int = 0) -> list[Play]:
    """What is to be played: each scenario on each of its routes, so many times, each time with the next seed."""
    return [
        Play(scenario, route, number, seed + number - 1)
        for scenario in scenarios
        for route in target.routes_of(scenario)
        for number in range(1, runs + 1)
    ]


class Stage:
    """One play from its beginning to the verdict, whatever becomes of it."""

    def __init__(self, play: Play, call_id: str | None = None) -> None:
        self.play = play
        self.call_id = call_id
        self.fault = ""
        self._player: Player | None = None
        self._begun = time.perf_counter()

    async def perform(self, switchboard: Switchboard) -> None:
        """Play it."""
        try:
            self._player = Player(self.play, switchboard(self.play.route), call_id=self.call_id)
            await self._player.play()
        except RejoinderError as error:
            self.fault = str(error)

    @property
    def verdict(self) -> Verdict:
        if self._player is None:
            played = Played(self.play, Journal(""), fault=self.fault or "it was not begun")
        else:
            self._player.fault = self._player.fault or self.fault
            played = self._player.played
        return judge(played, time.perf_counter() - self._begun)


# Virtual time.


def play_in_virtual_time(plays: Sequence[Play], target: Target, listener: Listener, *, at_once: int = 1) -> list[Verdict]:
    """Each play on a loop of its own, with agents of its own: nothing of one reaches another."""
    if at_once == 1:
        return [_told(play, target, listener) for play in plays]
    verdicts: dict[Future[Verdict], Verdict] = {}
    with ThreadPoolExecutor(at_once, "play") as pool:
        futures = [pool.submit(_alone, play, target) for play in plays]
        try:
            for future in as_completed(futures):
                verdicts[future] = future.result()
                listener.ended(verdicts[future])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return [verdicts[future] for future in futures]


def _told(play: Play, target: Target, listener: Listener) -> Verdict:
    listener.begun(play)
    verdict = _alone(play, target)
    listener.ended(verdict)
    return verdict


def _alone(play: Play, target: Target) -> Verdict:
    stage = Stage(play, f"call_{Random(play.seed).getrandbits(128):032x}")  # noqa: S311  to the letter the same again
    try:
        clock.run(_opened(stage, target))
    except clock.Standstill as error:
        stage.fault = f"{error}; if it waits for something outside, {_IN_REAL_TIME}"
    except clock.PeerElsewhere as error:
        peer = str(error).partition(", which is not on the loop")[0]
        stage.fault = f"{peer}, which is not in this process; {_IN_REAL_TIME}"
    except RejoinderError as error:
        stage.fault = str(error)
    except Exception as error:  # noqa: BLE001  a plugin's, or ours: a verdict like any other, and the next scenario is played
        stage.fault = f"{type(error).__name__}: {error}"
    return stage.verdict


async def _opened(stage: Stage, target: Target) -> None:
    async with target.open(stage.play.route) as switchboard:
        await stage.perform(switchboard)


# Real time.


async def play_in_real_time(plays: Sequence[Play], target: Target, listener: Listener, *, at_once: int = 1) -> list[Verdict]:
    """All plays against one house. Once nobody has taken a call of the first, nobody is tried any more."""
    places = asyncio.Semaphore(at_once)
    unreachable: list[str] = []
    answered: list[Play] = []

    async def one(play: Play, switchboard: Switchboard) -> Verdict:
        async with places:
            stage = Stage(play)
            if unreachable and not answered:
                stage.fault = f"not tried: {unreachable[0]}"
            else:
                listener.begun(play)
                await _guarded(stage, switchboard)
            verdict = stage.verdict
            if verdict.journal.of("refused") and verdict.outcome == "broken":
                unreachable.append(verdict.findings[0].what)
            elif verdict.outcome != "broken":
                answered.append(play)
            listener.ended(verdict)
            return verdict

    async with target.open() as switchboard:
        return list(await asyncio.gather(*(one(play, switchboard) for play in plays)))


async def _guarded(stage: Stage, switchboard: Switchboard) -> None:
    try:
        await stage.perform(switchboard)
    except Exception as error:  # noqa: BLE001  a verdict like any other, and the next scenario is played
        stage.fault = f"{type(error).__name__}: {error}"
