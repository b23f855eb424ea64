"""Two texts word by word."""

import pytest

from rejoinder.simulator.replay.word_diff import Part, differences, fits


def told(then: str, now: str, **cut: bool) -> list[tuple[str, str]]:
    return [(part.kind, part.text) for part in differences(then, now, **cut)]


def test_equal_texts_are_one_part_however_they_are_spaced() -> None:
    assert differences("We are  open.", "We are\nopen.") == [Part("same", "We are open.")]
    assert differences("", "") == []


def test_words_are_gone_or_new_where_the_texts_part() -> None:
    assert told("from nine to five", "from ten to six sharp") == [
        ("same", "from"),
        ("gone", "nine"),
        ("new", "ten"),
        ("same", "to"),
        ("gone", "five"),
        ("new", "six sharp"),
    ]


@pytest.mark.parametrize(
    ("then", "now", "fit"),
    [
        ("call +**********23 now", "call +442079460123 now", True),
        ("call +**********23 now", "call +442079460199 now", False),
        ("on *** **** **23.", "on 020 7946 0123.", True),
        ("write to ***@example.com", "write to ann@example.com", True),
        ("write to ***@example.com", "write to ann@example.org", False),
        ("it is ***", "it is a secret", False),
        ("(***)", "(secret)", True),
        ("it is so", "it is ***", False),
    ],
)
def test_what_was_redacted_stands_for_any_word_that_fits(then: str, now: str, fit: bool) -> None:
    assert fits(then, now) is fit
    assert (told(then, now) == [("same", now)]) is fit


def test_a_text_that_was_cut_off_is_held_against_the_beginning_of_the_other() -> None:
    assert told("We are op", "We are open from nine", then_is_cut=True) == [("same", "We are open")]
    assert told("We are open from nine", "We are", now_is_cut=True) == [("same", "We are")]
    assert told("We are open", "", now_is_cut=True) == []
    assert told("We are shut", "We are open from nine", then_is_cut=True)[-1] == ("new", "open")


def test_a_text_that_ended_by_itself_must_not_be_shorter_than_one_that_was_cut_off() -> None:
    assert told("We are open from", "We are open", then_is_cut=True) == [("same", "We are open"), ("gone", "from")]
