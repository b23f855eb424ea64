"""Which turn a request is for, across discarded requests, repeats and redials."""

import pytest

from rejoinder.dialogue import Transcript, TurnKind, Utterance
from rejoinder.protocols.retell_numbering import Numbering

HELLO = Utterance("agent", "Hello.")


def heard(*user: str, answered: str = "") -> Transcript:
    said = [HELLO, *(Utterance("user", text) for text in user)]
    return Transcript((*said, Utterance("agent", answered)) if answered else tuple(said))


@pytest.fixture
def numbering() -> Numbering:
    return Numbering()


def test_turn_0_is_the_begin_message(numbering: Numbering) -> None:
    assert numbering.id_of(0) == 0
    assert numbering.id_of(1) is None


def test_a_greater_id_is_a_new_turn_whatever_the_gap(numbering: Numbering) -> None:
    assert [numbering.turn(wanted, "response", heard("Hi")) for wanted in (1, 2, 40)] == [1, 2, 3]
    assert [numbering.id_of(turn) for turn in (1, 2, 3)] == [1, 2, 40]


def test_the_same_request_again_is_the_same_turn(numbering: Numbering) -> None:
    for _ in range(2):
        assert numbering.turn(1, "response", heard("Hi")) == 1
    numbering.redialled()
    assert numbering.turn(1, "response", heard("Hi")) == 1


@pytest.mark.parametrize("said", [heard(), heard("Hi I", answered="So"), heard("Hi I am", answered="So you are")])
def test_a_request_repeated_after_a_redial_is_not_new_for_our_own_words_or_an_older_transcript(
    numbering: Numbering, said: Transcript
) -> None:
    numbering.turn(1, "response", heard("Hi I am"))
    numbering.redialled()
    assert numbering.turn(1, "response", said) == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("response", heard("Hi", "Still there?")),
        ("response", heard("Hi, I need a table")),
        ("response", heard("Hi")),
        ("response", heard("Good day")),
        ("reminder", heard("Hi", answered="Yes?")),
    ],
)
def test_ids_may_begin_again_on_a_new_socket(numbering: Numbering, kind: TurnKind, said: Transcript) -> None:
    assert [numbering.turn(wanted, "response", heard("Hi")) for wanted in (1, 2, 3)] == [1, 2, 3]
    numbering.redialled()
    assert numbering.turn(1, kind, said) == 4
    assert numbering.id_of(4) == 1
    assert numbering.turn(2, "response", heard("Hi", "Still there?", "Well")) == 5


def test_an_id_nobody_remembers_is_new_on_a_new_socket(numbering: Numbering) -> None:
    assert [numbering.turn(wanted, "response", heard("Hi")) for wanted in (5, 9)] == [1, 2]
    numbering.redialled()
    assert numbering.turn(3, "response", heard("Hi")) == 3


def test_a_lower_id_is_stale_on_the_same_socket(numbering: Numbering) -> None:
    assert numbering.turn(5, "response", heard("Hi")) == 1
    assert numbering.turn(4, "response", heard("Hi")) is None
    assert numbering.turn(4, "response", heard("Hi", "there")) is None
    numbering.redialled()
    assert numbering.turn(5, "response", heard("Hi")) == 1
    assert numbering.turn(4, "response", heard("Hi", "there")) is None


def test_the_newest_id_with_new_words_is_a_new_turn_even_on_the_same_socket(numbering: Numbering) -> None:
    """Content counts for the id most recently asked for, so an answer to the new words will be heard."""
    assert numbering.turn(5, "response", heard("Hi")) == 1
    assert numbering.turn(5, "response", heard("Hi", "there")) == 2
    assert numbering.id_of(2) == 5


def test_a_reminder_is_new_when_anybody_spoke_since(numbering: Numbering) -> None:
    assert numbering.turn(1, "reminder", heard("Hi", answered="Yes?")) == 1
    numbering.redialled()
    assert numbering.turn(1, "reminder", heard("Hi", answered="Yes?")) == 1
    numbering.redialled()
    assert numbering.turn(1, "reminder", heard("Hi", "Hm", answered="Yes?")) == 2


def test_remembers_a_bounded_number_of_requests(numbering: Numbering) -> None:
    for wanted in range(1, 2000):
        numbering.turn(wanted, "response", heard("Hi"))
    assert (len(numbering._asked), len(numbering._ids)) == (16, 17)
    assert numbering.id_of(0) == 0, "the begin message may be completed on each socket"
    assert numbering.id_of(1) is None
    assert numbering.id_of(1999) == 1999
    assert numbering.id_of(0) == 0
