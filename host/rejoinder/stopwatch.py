"""How long a turn took to be heard: what is measured between its request and the writes that answer it."""

from rejoinder.call import CallFacts
from rejoinder.contract import TurnReport
from rejoinder.effects import TurnEnded
from rejoinder.speech import has_sentence


class Stopwatch:
    """Runs from the request of one turn; times in seconds of the loop's clock."""

    __slots__ = ("_asked", "_chunks", "_first_chunk", "_first_sentence")

    def __init__(self, now: float) -> None:
        self._asked = now
        self._first_chunk: float | None = None
        self._first_sentence: float | None = None
        self._chunks = 0

    def wrote(self, text: str, now: float, *, final: bool) -> None:
        """The socket took `text`, the last of its turn if `final`: then it completes a sentence whatever it ends in."""
        if text:
            self._chunks += 1
            if self._first_chunk is None:
                self._first_chunk = now - self._asked
        # What was written before is not looked at again: a mark at its end would have completed the sentence there and then.
        if self._first_sentence is None and ((final and self._chunks) or has_sentence(text)):
            self._first_sentence = now - self._asked

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
