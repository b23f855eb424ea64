"""The dummy system: fixed lines, whatever is said."""

import pytest

from rejoinder.errors import ConfigError
from rejoinder.testing import talk

AGAIN = "I am sorry, can you say that again?"


def test_begins_with_an_offer_of_help() -> None:
    assert talk("dummy").begin_message == "How may I help you?"


def test_asks_again_whatever_is_said() -> None:
    dummy = talk("dummy")
    assert dummy.says("I need a table for two.") == AGAIN
    assert dummy.says("A table!") == AGAIN


def test_asks_again_after_a_silence() -> None:
    assert talk("dummy").is_silent() == AGAIN


def test_says_the_lines_of_its_options() -> None:
    dummy = talk("dummy", options={"begin": "Yes?", "say": "Pardon?"})
    assert dummy.begin_message == "Yes?"
    assert dummy.says("Hi") == "Pardon?"
    assert dummy.is_silent() == "Pardon?"


def test_fills_in_the_fields_of_the_call() -> None:
    options, details = (
        {"begin": "Hello {{ name }}, this is {{ vars.company }}."},
        {"retell_llm_dynamic_variables": {"name": "Ann"}},
    )
    dummy = talk("dummy", options=options, vars={"company": "Ribera Clinic"}, details=details)
    assert dummy.begin_message == "Hello Ann, this is Ribera Clinic."
    assert dummy.warnings == []


@pytest.mark.parametrize(
    ("options", "fault"), [({"greeting": "Hi"}, "unknown option 'greeting'"), ({"say": 5}, r"options\.say: ")]
)
def test_refuses_options_that_it_does_not_have(options: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        talk("dummy", options=options)
