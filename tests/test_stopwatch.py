"""When a turn began to be heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.call import CallFacts
from rejoinder.contract import TurnReport
from rejoinder.dialogue import Usage
from rejoinder.effects import TurnEnded
from rejoinder.speech import has_sentence
from rejoinder.stopwatch import Stopwatch

FACTS = CallFacts("c", "/a", "a", "retell")
ENDED = TurnEnded(1, "response", "finished", Usage())


def timed(chunks: list[str], *, finished: bool) -> TurnReport:
    """The report of a turn asked for at 0 whose chunks are written at 1, 2, ..."""
    watch = Stopwatch(0.0)
    for number, chunk in enumerate(chunks, 1):
        watch.wrote([chunk], float(number), final=finished and number == len(chunks))
    return watch.report(FACTS, ENDED, 99.0)


def test_the_first_chunk_is_the_first_that_says_something() -> None:
    report = timed(["", "Hel", "lo."], finished=False)
    assert (report.first_chunk, report.first_sentence, report.chunks) == (2.0, 3.0, 2)


def test_chunks_that_are_written_together_count_one_by_one() -> None:
    watch = Stopwatch(0.0)
    watch.wrote(["", "Hel", "lo.", "You"], 1.0, final=False)
    report = watch.report(FACTS, ENDED, 99.0)
    assert (report.first_chunk, report.first_sentence, report.chunks) == (1.0, 1.0, 3)


@pytest.mark.failure(27)
def test_the_end_of_a_turn_completes_its_sentence() -> None:
    assert timed(["no", " mark", ""], finished=True).first_sentence == 3.0
    assert timed(["", ""], finished=True).first_sentence is None


@given(st.lists(st.text('a .?"”)。 \n3'), max_size=8))
def test_a_sentence_is_complete_when_all_that_was_written_has_one(chunks: list[str]) -> None:
    """Though each chunk is looked at alone, so that a long reply without a full stop costs no more than its length."""
    wholes = ["".join(chunks[: number + 1]) for number in range(len(chunks))]
    complete = [float(number) for number, whole in enumerate(wholes, 1) if has_sentence(whole)]
    assert timed(chunks, finished=False).first_sentence == next(iter(complete), None)
