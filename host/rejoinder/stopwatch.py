"""How long a turn took to be heard: what is measured between its request and the writes that answer it."""

from collections.abc import Sequence

from msgspec import Struct

from rejoinder.call import CallFacts
from rejoinder.contract import TurnReport
from rejoinder.effects import TurnEnded
from rejoinder.speech import has_sentence


class Stopwatch(Struct, gc=False):
    """Runs from when a turn was `asked` for; times in seconds of the loop's clock."""

    asked: float
    first_chunk: float | None = None
    first_sentence: float | None = None
    chunks: int = 0

    def wrote(self, texts: Sequence[str], now: float, *, final: bool) -> None:
        """The socket took `texts`, the last of their turn if `final`: then they complete a sentence whatever they end in."""
        said = len(texts) - texts.count("")
        self.chunks += said
        if said and self.first_chunk is None:
            self.first_chunk = now - self.asked
        # Each by itself: a mark at the end of the one before would have completed the sentence there and then.
        if self.first_sentence is None and ((final and self.chunks) or any(map(has_sentence, texts))):
            self.first_sentence = now - self.asked

    def report(self, call: CallFacts, ended: TurnEnded, now: float) -> TurnReport:
        return TurnReport(
            call=call,
            number=ended.turn,
            kind=ended.kind,
            outcome=ended.outcome,
            first_chunk=self.first_chunk,
            first_sentence=self.first_sentence,
            chunks=self.chunks,
            duration=now - self.asked,
            input_tokens=ended.usage.input_tokens,
            output_tokens=ended.usage.output_tokens,
        )
