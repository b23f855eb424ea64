"""Whether an agent is asked at all: one that failed three turns running, over all its calls, is left alone for a while.

Each turn that waits for an agent which will not answer is seconds of silence for a caller; so the next agent has the turn at
once, until one turn that is given to the first as a probe shows that it is back.
"""

#: Turns running that an agent fails or is late in before it is skipped.
BAD_TURNS = 3
#: Seconds until a skipped agent is probed by one turn.
SKIP = 30.0


class Breaker:
    """One agent's, over all its calls. Times in seconds of the front loop's clock."""

    __slots__ = ("_bad", "_until")

    def __init__(self) -> None:
        self._bad = 0
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the agent is being skipped."""
        return self._bad >= BAD_TURNS

    def allows(self, now: float) -> bool:
        """Whether to ask the agent. Of a skipped one every `SKIP` seconds one turn is the probe."""
        if not self.is_open:
            return True
        if now < self._until:
            return False
        self._until = now + SKIP
        return True

    def judge(self, now: float, *, good: bool | None) -> None:
        """The agent has answered a turn as it should, or not; None: that turn shows nothing, and if it was the probe the next
        one is."""
        if good is None:
            self._until = min(self._until, now)
            return
        if good:
            self._bad = 0
            return
        self._bad += 1
        if self._bad >= BAD_TURNS:
            self._until = now + SKIP
