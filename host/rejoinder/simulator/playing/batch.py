"""Many scenarios in one run: which are played where and how often, and all of them in real time."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from rejoinder.errors import RejoinderError
from rejoinder.simulator.journal import Journal
from rejoinder.simulator.judging.findings import Play, Played, Verdict
from rejoinder.simulator.judging.judge import is_understood, judge
from rejoinder.simulator.playing.player import Player
from rejoinder.simulator.playing.target import Switchboard, Target
from rejoinder.simulator.scenarios.scenario import Scenario


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

    def __init__(self, play: Play, call_id: str | None = None, *, frames: bool = True) -> None:
        self.play = play
        self.call_id = call_id
        self._frames = frames
        self.fault = ""
        self._player: Player | None = None
        self._switchboard: Switchboard | None = None
        self._begun = time.perf_counter()

    async def perform(self, switchboard: Switchboard) -> None:
        """Play it. What it raises is for `fail`."""
        self._switchboard = switchboard
        line = switchboard.line(self.play.route)
        self._player = Player(self.play, line, call_id=self.call_id, frames=self._frames)
        await self._player.play()

    def fail(self, error: Exception) -> None:
        """It cannot be played, or not to its end: a verdict like any other."""
        self.fault = str(error) if isinstance(error, RejoinderError) else f"{type(error).__name__}: {error}"

    @property
    def journal(self) -> Journal | None:
        """What happened so far, None before it begins."""
        return None if self._player is None else self._player.journal

    @property
    def verdict(self) -> Verdict:
        if self._player is None:
            played = Played(self.play, Journal(""), fault=self.fault or "it was not begun")
        else:
            self._player.fault = self._player.fault or self.fault
            played = self._player.played
            if self._switchboard is not None:
                played = replace(played, host_turns=self._switchboard.host_turns(played.journal.call_id))
        return judge(played, time.perf_counter() - self._begun)


async def play_in_real_time(plays: Sequence[Play], target: Target, listener: Listener, *, at_once: int = 1) -> list[Verdict]:
    """All plays against one house, so many at once. A route that gave nothing sensible in a first play is not tried again."""
    places = asyncio.Semaphore(at_once)
    hopeless: dict[str, str] = {}
    answered: set[str] = set()

    async def one(play: Play, switchboard: Switchboard) -> Verdict:
        async with places:
            stage = Stage(play)
            if play.route in hopeless and play.route not in answered:
                stage.fault = f"not tried: {hopeless[play.route]}"
            else:
                listener.begun(play)
                await _guarded(stage, switchboard)
            verdict = stage.verdict
            if is_understood(verdict.journal):
                answered.add(play.route)
            elif verdict.outcome == "broken":
                hopeless.setdefault(play.route, verdict.findings[0].what)
            listener.ended(verdict)
            return verdict

    async with target.open() as switchboard:
        return list(await asyncio.gather(*(one(play, switchboard) for play in plays)))


async def _guarded(stage: Stage, switchboard: Switchboard) -> None:
    try:
        await stage.perform(switchboard)
    except Exception as error:  # noqa: BLE001  a verdict like any other, and the next scenario is played
        stage.fail(error)
