"""The agent's voice on the platform: speaks one turn at a time, sentence by sentence, and stops where it is cut."""

from collections.abc import Callable

from rejoinder.simulator.journal import AskedTurn
from rejoinder.simulator.platform.breath import Breath
from rejoinder.simulator.platform.pace import Sentences
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.recorder import Recorder, Timer
from rejoinder.simulator.platform.transcript import Transcript


class Voice:
    """`turn` is what may be spoken now, None for nothing.

    `starts` is called just before its first sound, `spoken` when all that came so far was spoken; again for what comes later.
    """

    def __init__(
        self,
        recorder: Recorder,
        transcript: Transcript,
        profile: Profile,
        *,
        starts: Callable[[], None],
        spoken: Callable[[], None],
    ) -> None:
        self.turn: AskedTurn | None = None
        self.is_audible = False
        self._recorder = recorder
        self._transcript = transcript
        self._profile = profile
        self._starts = starts
        self._spoken = spoken
        self._breath: Breath | None = None
        self._waiting: list[str] = []
        self._sentences = Sentences()
        self._stretch = ""
        self._sound = Timer(self._begin_sound)
        self._silence = Timer(self._end_sound)

    @property
    def has_more(self) -> bool:
        """Whether words wait to be spoken, or are being spoken."""
        return bool(self._waiting) or (self._breath is not None and self._breath.has_more)

    def give(self, turn: AskedTurn) -> None:
        """From now on speak `turn`."""
        self.turn = turn
        self._breath = None
        self._sentences = Sentences()

    def take(self, text: str, *, complete: bool) -> None:
        """More of the turn came; `complete`: and no more will."""
        words = self._sentences.take(text)
        if complete:
            words += self._sentences.close()
        if not words or self.turn is None:
            return
        if self.turn.first_sentence_at is None:
            self.turn.first_sentence_at = self._recorder.now
        if self.is_audible and self._breath is not None:
            self._breath.add(words, self._recorder.now)
            return
        self._waiting += words
        if not self._sound.is_set:
            self._sound.set(max(self._profile.voice_delay, self._held(self.turn)))

    def _held(self, turn: AskedTurn) -> float:
        """How long a begin message is held back by the agent's settings."""
        return turn.asked_at + self._profile.begin_delay - self._recorder.now if turn.kind == "begin" else 0.0

    def _begin_sound(self) -> None:
        turn, now = self.turn, self._recorder.now
        assert turn is not None, "cutting stops the timer"
        self._starts()
        if self._breath is None:
            item = self._transcript.begin("agent", with_words=self._profile.agent_words)
            self._breath = Breath(item, self._profile.agent_rate)
        self._breath.add(self._waiting, now)
        self._waiting = []
        self.is_audible, self._stretch = True, ""
        if turn.spoken_from is None:
            turn.spoken_from = now
        self._recorder.note("agent_starts", turn=turn)
        self._silence.set(self._breath.pace.until - now)

    def _end_sound(self) -> None:
        assert self._breath is not None
        self.grow()
        if self._breath.has_more:
            self._silence.set(self._breath.pace.until - self._recorder.now)
            return
        self._fall_silent(cut=False)
        self._spoken()

    def _fall_silent(self, *, cut: bool) -> None:
        self.is_audible = False
        self._silence.stop()
        if self.turn is not None:
            self.turn.spoken_to = self._recorder.now
        self._recorder.note("agent_stops", self._stretch.strip(), turn=self.turn, cut=cut)

    def grow(self) -> bool:
        """Enter into the transcript what was heard since; whether there was anything."""
        if self._breath is None or self.turn is None:
            return False
        new = self._breath.grow(self._recorder.now)
        if new:
            self._stretch += new
            self.turn.heard = self._breath.heard.strip()
            self._recorder.note("agent_says", new.strip(), turn=self.turn)
        return bool(new)

    def word_ends(self, count: int) -> float | None:
        """When the turn's word with this number ends, if that is known."""
        words = self._breath.pace.words if self._breath is not None else []
        return words[count - 1].end if 0 < count <= len(words) else None

    def stop(self) -> None:
        """Stop speaking at once, and speak nothing more of this turn."""
        self._sound.stop()
        turn = self.turn
        if turn is None:
            return
        self.grow()
        unheard = self.has_more
        if self._breath is not None:
            self._breath.cut(self._recorder.now)
        turn.cut = turn.cut or unheard
        if self.is_audible:
            self._fall_silent(cut=unheard)
        self._waiting = []
        self.turn = None
