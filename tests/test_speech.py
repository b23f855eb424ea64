"""What counts as a sentence and as speakable, and how two texts of one turn are put together."""

import pytest

from rejoinder.speech import has_sentence, is_speakable, seam


@pytest.mark.parametrize("text", ["Yes.", "Yes. And", "Really?!", 'He said "no."', "好的。然后", "क्या हुआ।", "Let me see… well"])
def test_a_sentence_ends_with_a_mark_and_a_space_or_nothing(text: str) -> None:
    assert has_sentence(text)


@pytest.mark.parametrize("text", ["", "Yes", "3.5 euros", "at 9.30 h", "a@b.org is", "..x"])
def test_a_mark_within_a_word_or_number_ends_no_sentence(text: str) -> None:
    assert not has_sentence(text)


@pytest.mark.parametrize("text", ["a", " 7", "好", "ñ.", "क", "٣", "…and"])
def test_a_letter_or_digit_of_any_script_is_speakable(text: str) -> None:
    assert is_speakable(text)


@pytest.mark.parametrize("text", ["", " ", "...", "…", "—", "_", "👋", "\n"])
def test_marks_spaces_and_pictures_are_not_speakable(text: str) -> None:
    assert not is_speakable(text)


@pytest.mark.failure(25)
@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("One moment.", "Here it is.", "One moment. Here it is."),
        ("One moment", "Sorry.", "One moment Sorry."),
        ("One moment. ", "Here.", "One moment. Here."),
        ("One moment.", " Here.", "One moment. Here."),
        ("One moment.\u00a0", "Here.", "One moment.\u00a0Here."),
        ("That is 5", "€ in all", "That is 5 € in all"),
        ("I meant", ", of course,", "I meant, of course,"),
        ("잠시만요.", "네", "잠시만요. 네"),
    ],
)
def test_a_seam_is_one_space_where_words_would_run_together(before: str, after: str, whole: str) -> None:
    assert before + seam(before, after) == whole


@pytest.mark.parametrize(
    ("before", "after"), [("少々お待ちください。", "はい"), ("好的", "现在"), ("สักครู่", "ค่ะ"), ("2026", "年")]
)
def test_scripts_without_spaces_have_no_seam(before: str, after: str) -> None:
    assert seam(before, after) == after


def test_a_sentence_mark_before_a_script_without_spaces_keeps_its_space() -> None:
    assert seam("OK.", "你好") == " 你好"


@pytest.mark.parametrize("text", ["", "Hello", "\n"])
def test_nothing_has_no_seam(text: str) -> None:
    assert seam("", text) == text
    assert seam(text, "") == ""
