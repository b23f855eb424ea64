"""One call that a script plays against a server: what its caller does, and what it waits for.

async with Retell(dial) as call:
    await call.agent_finished()
    await call.says("When are you open?")
    turn = await call.agent_finished()
print(turn.heard, call.journal.reason)
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import uuid4

from rejoinder.errors import RejoinderError
from rejoinder.simulator.journal import AskedTurn, Journal
from rejoinder.simulator.platform.floor import Floor
from rejoinder.simulator.platform.pace import words_of
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.recorder import Recorder
from rejoinder.simulator.platform.transcript import UNINTELLIGIBLE

#: Seconds to wait for the agent, unless told otherwise.
PATIENCE = 30.0
#: Characters of one turn on one connection, whether they count or not, beyond which nothing more of it is kept: they take half
#: a day to speak.
LONGEST_TURN = 1_000_000


class NeverCame(RejoinderError):
    """What a script waits for did not come in time, or can no longer come."""


class CallOver(RejoinderError):
    """The call has ended: nothing more can be done in it."""


class NotPossible(RejoinderError):
    """The protocol of this call has no such thing."""


Script = Callable[["SimulatedCall"], Awaitable[object]]


class SimulatedCall(ABC):
    """An async context manager that is connected, or was refused, while its body runs. Of the moves each raises CallOver
    where the call ends first; `journal` tells why."""

    def __init__(self, platform: str, call_id: str | None, profile: Profile, *, frames: bool) -> None:
        self.profile = profile
        # Never the same twice: a server may know a call for a while after it was lost, and take another for its redial.
        self.call_id = call_id or f"call_{uuid4().hex}"
        self.recorder = Recorder(Journal(self.call_id, platform), frames=frames)

    floor: Floor

    @property
    def journal(self) -> Journal:
        return self.recorder.journal

    @abstractmethod
    def connect(self) -> None:
        """Begin the call."""

    @abstractmethod
    async def gone(self) -> None:
        """Wait until nothing of a call that is over is left. Raises what went wrong in it."""

    async def __aenter__(self) -> Self:
        self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.floor.end("user_hangup")
        await self.gone()

    async def run(self, script: Script) -> Journal:
        """Play `script` until it or the call is over; what happened."""
        async with self:
            with suppress(CallOver):
                await script(self)
        return self.journal

    # What the caller does.

    async def says(self, text: str, *, pauses: Sequence[tuple[float, str]] = ()) -> None:
        """Speak `text`; then, for each of `pauses`, be silent for so many seconds and go on with its text."""
        await self._speak(words_of(text))
        for seconds, further in pauses:
            await self.silent(seconds)
            await self._speak(words_of(further))

    async def mumbles(self) -> None:
        """Speak so that nothing is understood."""
        await self._speak([UNINTELLIGIBLE])

    async def _speak(self, words: Sequence[str]) -> None:
        self._fail_if_over()
        breath = self.floor.caller_starts(self.profile.caller_rate)
        breath.add(words, self.recorder.now)
        await self.silent(breath.pace.until - self.recorder.now)
        self.floor.caller_stops()

    async def silent(self, seconds: float) -> None:
        """Wait."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.recorder.until(lambda: self.floor.is_over)
        self._fail_if_over()  # it may have ended in the same moment

    async def presses(self, digits: str) -> None:
        """Press keys."""
        self._fail_if_over()
        self.floor.caller_presses(digits)

    async def hangs_up(self) -> None:
        """End the call."""
        self.floor.end("user_hangup")

    # What the caller waits for.

    async def agent_finished(self, within: float = PATIENCE) -> AskedTurn:
        """Wait until the newest turn is complete and spoken; it. A turn that takes its place meanwhile is waited for too.

        Raises NeverCame.
        """
        await self._until(lambda: self.floor.is_settled, within, "the agent to finish")
        turn = self.floor.asked
        assert turn is not None, "a settled call has been asked for a turn"
        return turn

    async def heard_words(self, count: int, within: float = PATIENCE) -> None:
        """Wait until so many words of the newest turn were heard, and others wait to be. Raises NeverCame."""
        voice = self.floor.voice
        await self._until(lambda: self._is_current and voice.word_ends(count) is not None, within, f"{count} words")
        ends = voice.word_ends(count)
        assert ends is not None
        await self.silent(ends - self.recorder.now)
        if self.floor.is_settled:
            raise NeverCame(f"the agent had finished with its {count} words")

    async def chunk(self, number: int, within: float = PATIENCE) -> None:
        """Wait until so many chunks of the newest turn came. Raises NeverCame."""
        await self._until(lambda: self._is_current and len(self._newest.chunks) >= number, within, f"{number} chunks")

    async def after_speech_began(self, seconds: float, within: float = PATIENCE) -> None:
        """Wait until the newest turn has been spoken for so long. Raises NeverCame."""
        await self._until(lambda: self._is_current and self._newest.spoken_from is not None, within, "the agent to speak")
        began = self._newest.spoken_from
        assert began is not None
        await self.silent(began + seconds - self.recorder.now)
        if self.floor.is_settled:
            raise NeverCame(f"the agent had finished before it spoke for {seconds:g} s")

    @property
    def _is_current(self) -> bool:
        """Whether the newest turn answers the caller's newest words."""
        return not self.floor.is_pending and self.floor.asked is not None

    @property
    def _newest(self) -> AskedTurn:
        turn = self.floor.voice.turn or self.floor.asked
        assert turn is not None
        return turn

    async def _until(self, come: Callable[[], bool], within: float, what: str) -> None:
        """Wait for what can come until the newest turn is over."""
        try:
            async with asyncio.timeout(within):
                await self.recorder.until(lambda: come() or self._can_come_no_more)
        except TimeoutError:
            raise NeverCame(f"waited {within:g} s for {what}: {self._standing()}") from None
        if not come():
            self._fail_if_over()
            raise NeverCame(f"waited for {what}: {self._standing()}")

    @property
    def _can_come_no_more(self) -> bool:
        return self.floor.is_over or self.floor.is_settled or self._is_asked_in_vain

    @property
    def _is_asked_in_vain(self) -> bool:
        """Whether nothing will come any more for the newest turn, which is not complete."""
        return False

    def _standing(self) -> str:
        if self.floor.asked is None:
            return "the call was never connected"
        turn = self._newest
        told = "its begin message" if turn.kind == "begin" else f"turn {turn.number}"
        if not turn.chunks:
            return f"the agent has said nothing in {told}"
        end = "completed" if turn.completed_at is not None else "did not complete"
        return f"the agent {end} {told}, {turn.said!r}, of which {turn.heard!r} was heard"

    def _fail_if_over(self) -> None:
        if self.floor.is_over:
            raise CallOver(f"the call has ended: {self.journal.reason}")

    # What happens to the connection.

    async def connected(self) -> None:
        """Wait for a connection while one is being dialled, if what carries the call is one at all."""
        self._fail_if_over()

    @abstractmethod
    def drop(self) -> None:
        """Lose the connection without a word."""

    @abstractmethod
    def lose_keepalive(self) -> None:
        """Let nothing pass any more in either direction, and tell nobody."""

    @abstractmethod
    def duplicate(self, count: int) -> None:
        """Send each of the next frames twice."""

    @abstractmethod
    def reorder(self, count: int) -> None:
        """Send the next frames in pairs, the later one first."""

    @abstractmethod
    def read_slowly(self, seconds: float) -> None:
        """Read nothing for so long."""

    @abstractmethod
    async def second_socket(self) -> None:
        """Dial again while the first connection is open, once there is one. Raises CannotDial."""

    def send_odd(self, frame: bytes, *, is_binary: bool = False) -> None:
        """Send what the platform has never sent."""
        raise NotPossible("what carries this call has no frames")
