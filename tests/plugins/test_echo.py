"""The echo system: what was heard comes back, whole or word by word."""

import pytest

from rejoinder.errors import ConfigError
from rejoinder.testing import talk


def test_says_back_what_it_heard() -> None:
    assert talk("echo").says("a table for two") == "You said: a table for two"


def test_says_so_when_it_heard_nothing() -> None:
    assert talk("echo").says("") == "I did not hear anything."
    assert talk("echo", options={"nothing_heard": "Hm?"}).says("  ") == "Hm?"


def test_hands_over_word_by_word_what_it_would_say_whole() -> None:
    heard = talk("echo", options={"by_word": True, "pause": 0.5}).says("a table  for two")
    assert heard.chunks == ["You ", "said: ", "a ", "table ", " ", "for ", "two"]
    assert heard == "You said: a table  for two"


def test_one_word_is_one_chunk() -> None:
    assert talk("echo", options={"prefix": "", "by_word": True}).says("Hello").chunks == ["Hello"]


def test_pauses_between_words_for_as_long_as_it_is_told() -> None:
    echo = talk("echo", options={"by_word": True, "pause": 0.5})
    assert echo.says("one two") == "You said: one two"
    assert echo.turns[-1].duration == 1.5


def test_begins_and_reminds_with_the_lines_of_its_options() -> None:
    echo = talk("echo", options={"begin": "Talk to me.", "reminder": "Well?"})
    assert echo.begin_message == "Talk to me."
    assert echo.is_silent() == "Well?"


def test_leaves_the_reminder_to_the_host_unless_it_has_one() -> None:
    assert talk("echo", reminder="Anybody there?").is_silent() == "Anybody there?"
    assert talk("echo").is_silent() == "Are you still there?"


def test_fills_in_its_own_prefix_but_never_the_callers_words() -> None:
    echo = talk("echo", options={"prefix": "{{ name }} said: "}, details={"retell_llm_dynamic_variables": {"name": "Ann"}})
    assert echo.says("{{ name }}") == "Ann said: {{ name }}"


@pytest.mark.parametrize("pause", [-1, 11, "1s"])
def test_refuses_a_pause_that_makes_no_sense(pause: object) -> None:
    with pytest.raises(ConfigError, match=r"options\.pause: "):
        talk("echo", options={"pause": pause})
