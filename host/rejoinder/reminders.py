"""How often a silent caller is reminded: reminders in a row, and what interrupts the row."""

from rejoinder.dialogue import Transcript


class Reminders:
    """One call's. `most` may be spoken in a row, None is any number; whenever the caller has spoken the row begins anew."""

    __slots__ = ("_heard", "_most", "_row")

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._row = 0
        self._heard: tuple[int, str] | None = None

    def allow(self, transcript: Transcript, *, goes_on: bool) -> bool:
        """Whether a reminder that is asked for with this transcript may be spoken; one that may is counted. `goes_on` is
        whether the turn before it was one, too."""
        if self._most is None:
            return True
        heard = _of_the_caller(transcript)
        if not goes_on or heard != self._heard:  # also of words that no answer was asked for
            self._row, self._heard = 0, heard
        if self._row >= self._most:
            return False
        self._row += 1
        return True


def _of_the_caller(transcript: Transcript) -> tuple[int, str]:
    return sum(said.role == "user" for said in transcript), transcript.user_text
