"""How long a turn took to be heard: what is measured between its request and the writes that answer it."""

from rejoinder.call import CallFacts
from rejoinder.contract import TurnReport
from rejoinder.effects import TurnEnded
from rejoinder.speech import has_sentence


class Stopwatch:
    """Runs from the request of one turn; times in seconds of the loop's clock."""

    __slots__ = ("_asked", "_chunks", "_first_chunk", "_first_sentence", "_unended")

    def __init__(self, now: float) -> None:
        self._asked = now
        self._first_chunk: float | None = None
        self._first_sentence: float | None = None
        self._chunks = 0
        self._unended = ""  # what was written of the first sentence, until it is complete

    def wrote(self, text: str, now: float, *, final: bool) -> None:
        """The socket took `text`, the last of its turn if `final`: then it completes a sentence whatever it ends in."""
        if text:
            self._chunks += 1
            if self._first_chunk is None:
                self._first_chunk = now - self._asked
        if self._first_sentence is not None:
            return
        self._unended += text
        if self._unended and (final or has_sentence(self._unended)):
            self._first_sentence = now - self._asked
            self._unended = ""

    def report(self, call: CallFacts, ended: TurnEnded, now: float) -> TurnReport:
        return TurnReport(
            call=call,
            number=ended.turn,
            kind=ended.kind,
            outcome=ended.outcome,
            first_chunk=self._first_chunk,
            first_sentence=self._first_sentence,
            chunks=self._chunks,
            duration=now - self._asked,
            input_tokens=ended.usage.input_tokens,
            output_tokens=ended.usage.output_tokens,
        )
