"""Plays a scenario: turns its steps into moves of a simulated call, and notes which turns each step was answered by."""

import asyncio
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from rejoinder.errors import RejoinderError
from rejoinder.simulator.journal import Journal
from rejoinder.simulator.judging.findings import Answer, Finding, Play, Played
from rejoinder.simulator.judging.judge import is_understood
from rejoinder.simulator.platform.call import PATIENCE, CallOver, NeverCame, SimulatedCall
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.playing.placing import Line, placed
from rejoinder.simulator.scenarios.steps import (
    Act,
    DialsTwice,
    Drops,
    Duplicates,
    Fault,
    HangsUp,
    Hears,
    Mumbles,
    Point,
    Presses,
    ReadsSlowly,
    Reorders,
    Says,
    Sends,
    Silent,
    Step,
)
from rejoinder.simulator.scenarios.telling import told
from rejoinder.testing.dialling import CannotDial


class Mute(RejoinderError):
    """Nothing that makes sense ever came from the server: there is no use in going on."""


class _Begun(NamedTuple):
    """A step that was begun: when, and from which of the journal's turns on the agent may answer it."""

    step: Step
    at: float
    first_turn: int
    is_act: bool


class Player:
    """Plays one scenario once. What happened is there whenever one asks for it, also if the play itself was broken off.

    `call_id` None makes one up that nobody ever had: a server that runs may still know the last call. `profile` None makes one
    of what the scenario says and the seed. Without `frames` the journal stays small.
    """

    def __init__(
        self, play: Play, line: Line, *, call_id: str | None = None, profile: Profile | None = None, frames: bool = True
    ) -> None:
        self._play = play
        self._call = placed(play, line, call_id=call_id, profile=profile, frames=frames)
        self._begun: list[_Begun] = []
        self._missed: list[Finding] = []
        self._left: tuple[Step, ...] = ()
        self.fault = ""

    async def play(self) -> None:
        """Play it to its end, or to its limit. Never raises for what a server does."""
        limit = self._play.scenario.limit
        try:
            async with self._call as call:
                async with asyncio.timeout(limit):
                    await self._steps(call)
        except TimeoutError:
            self._miss("limit", f"the call was not over after {limit:g} s, which is the scenario's limit")
        except Mute:
            return
        except RejoinderError as error:
            self.fault = str(error)

    @property
    def journal(self) -> Journal:
        """What happened so far."""
        return self._call.journal

    @property
    def played(self) -> Played:
        """What came of it."""
        return Played(self._play, self.journal, self._answers(), tuple(self._missed), self._left, self.fault)

    def _answers(self) -> tuple[Answer, ...]:
        """Each step with the turns that the platform asked for until the caller acted again."""
        answers: list[Answer] = []
        end = len(self._call.journal.turns)
        for begun in reversed(self._begun):
            answers.append(Answer(begun.step, begun.at, range(begun.first_turn, end)))
            end = begun.first_turn if begun.is_act else end
        return tuple(reversed(answers))

    # The script.

    async def _steps(self, call: SimulatedCall) -> None:
        steps = self._play.scenario.steps
        for place, step in enumerate(steps):
            begun = len(self._begun)
            try:
                await self._do(call, step)
            except CallOver:
                self._is_over(call, steps[place + (len(self._begun) > begun) :])
                return
            except NeverCame as error:
                self._miss("at", str(error), step)
            except CannotDial as error:
                self._miss("dials_twice", str(error), step)
        await self._end(call)

    def _is_over(self, call: SimulatedCall, rest: Sequence[Step]) -> None:
        """The call has ended before its script. What the caller would only have listened to may be judged all the same."""
        listened = [*takewhile(lambda step: isinstance(step, Hears), rest)]
        for step in listened:
            self._begin(call, step)
        self._left = tuple(step for step in rest[len(listened) :] if not isinstance(step, HangsUp | Hears | Silent))

    async def _end(self, call: SimulatedCall) -> None:
        """The caller has nothing more to do: hear the agent out, wait for an end that is expected, and hang up."""
        ends = self._play.scenario.expected.ends
        try:
            await self._hear_out(call)
            if ends is not None and ends.by == "agent":
                await call.silent(PATIENCE)
            elif ends is not None and ends.by not in ("caller", "user_hangup"):
                await call.silent(self._play.scenario.limit)
            await call.hangs_up()
        except CallOver:
            return

    async def _do(self, call: SimulatedCall, step: Step) -> None:
        match step:
            case Act():
                await self._wait(call, step)
                if call.journal.reason:
                    raise CallOver
                self._begin(call, step, is_act=True)
                await self._act(call, step)
            case Hears():
                await self._hear(call, step)
            case _:
                assert isinstance(step, Fault)
                if step.at is not None:
                    await self._until(call, step.at)
                await call.connected()
                self._begin(call, step)
                await self._befall(call, step)

    def _begin(self, call: SimulatedCall, step: Step, *, is_act: bool = False) -> None:
        call.recorder.note("step", told(step))
        last_act = next((begun.first_turn for begun in reversed(self._begun) if begun.is_act), 0)
        first_turn = len(call.journal.turns) if is_act else last_act
        self._begun.append(_Begun(step, call.recorder.now, first_turn, is_act))

    async def _act(self, call: SimulatedCall, step: Act) -> None:
        match step:
            case Says(text=text, pauses=pauses):
                await call.says(text, pauses=[(pause.seconds, pause.then) for pause in pauses])
            case Mumbles():
                await call.mumbles()
            case Presses(digits=digits):
                await call.presses(digits)
            case Silent(seconds=seconds):
                await call.silent(seconds)
            case _:
                assert isinstance(step, HangsUp)
                await call.hangs_up()
                raise CallOver

    async def _befall(self, call: SimulatedCall, step: Fault) -> None:
        match step:
            case Drops(what="connection"):
                call.drop()
            case Drops():
                call.lose_keepalive()
            case Duplicates(frames=frames):
                call.duplicate(frames)
            case Reorders(frames=frames):
                call.reorder(frames)
            case ReadsSlowly(seconds=seconds):
                call.read_slowly(seconds)
            case Sends(frame=frame, is_binary=is_binary):
                call.send_odd(frame, is_binary=is_binary)
            case _:
                assert isinstance(step, DialsTwice)
                await call.second_socket()

    # What the caller waits for.

    async def _wait(self, call: SimulatedCall, step: Act) -> None:
        """Let the agent finish, or come to the point at which it is interrupted."""
        if step.interrupts is None:
            await self._hear_out(call)
            return
        try:
            await self._until(call, step.interrupts)
        except NeverCame as error:
            self._miss("interrupts", str(error), step)

    async def _until(self, call: SimulatedCall, point: Point) -> None:
        match point.unit:
            case "seconds":
                await call.after_speech_began(point.count)
            case "words":
                await call.heard_words(int(point.count))
            case "chunks":
                await call.chunk(int(point.count))

    async def _hear(self, call: SimulatedCall, step: Hears) -> None:
        self._begin(call, step)
        if step.within is None:
            await self._hear_out(call)
            return
        try:
            await call.agent_finished(step.within)
        except NeverCame as error:
            self._miss("within", str(error), step)

    async def _hear_out(self, call: SimulatedCall) -> None:
        """Wait until the agent has finished, or as long as there is a sign of life from it; then the caller speaks again."""
        signs = -1
        while signs != (signs := _signs(call)):
            try:
                await call.agent_finished()
            except NeverCame:
                if not is_understood(call.journal):
                    raise Mute from None
            else:
                return

    def _miss(self, check: str, what: str, step: Step | None = None) -> None:
        place = step.place if step is not None else self._play.scenario.place
        self._missed.append(Finding(check, what, self._call.recorder.now, place=place))


def _signs(call: SimulatedCall) -> int:
    """How much the agent has done so far, whatever it is: more is a sign of life."""
    turns = call.journal.turns
    return sum(len(turn.chunks) + len(turn.heard) + len(turn.tools) + len(turn.said) for turn in turns) + len(turns)
