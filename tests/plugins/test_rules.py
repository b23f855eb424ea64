"""The rules system: which rule is taken, what it does, and which rules are refused."""

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.registry import Registry
from rejoinder.testing import PHONE_CALL, Talk, calling, served, talk
from rejoinder_rules import Rule, patterns
from rejoinder_rules.phrases import words
from rejoinder_rules.rulebook import Rulebook

HOURS = {"when": ["opening hours", "when are you open"], "say": "From nine to five."}
OPTIONS = Registry().system("rules").options
BYE = {"when": "goodbye", "say": "Goodbye.", "end_call": True}


def ruled(*rules: dict[str, Any], details: Mapping[str, Any] = PHONE_CALL, **options: Any) -> Talk:
    """A talk with an agent that has these rules, and numbers to transfer to."""
    numbers = {"desk": "+442079460000", "office": "+442079460001"}
    whole = {**options, **({"rules": list(rules)} if rules else {})}
    return talk("rules", options=whole, numbers=numbers, vars={"company": "Ribera Clinic"}, details=details)


def test_says_the_line_of_the_first_rule_that_matches() -> None:
    caller = ruled(HOURS, {"when": "hours", "say": "Never."})
    assert caller.says("What are your opening hours?") == "From nine to five."


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("opening hours", "OPENING, HOURS!"),
        ("Opening hours?", "your opening   hours please"),
        ("don't know", "I don’t know."),
        ("dont know", "I don't know"),
        ("straße", "In welcher STRASSE?"),
        ("e-mail", "my e mail address"),
        ("ﬁne", "fine"),
        ("预约", "我要预约。"),
        ("ราคา", "ขอทราบราคาหน่อย"),
        ("24", "open 24 hours?"),
    ],
)
def test_a_phrase_is_found_whatever_its_case_and_punctuation(phrase: str, said: str) -> None:
    rule = Rule(when=phrase, say="Yes.")
    assert Rulebook([rule]).rule_for(said) is rule


@pytest.mark.parametrize(
    ("phrase", "said"), [("hour", "hours"), ("no", "I know"), ("opening hours", "hours of opening"), ("की", "कि"), ("yes", "")]
)
def test_a_phrase_is_found_as_whole_words_only(phrase: str, said: str) -> None:
    assert Rulebook([Rule(when=phrase, say="Yes.")]).rule_for(said) is None


@given(st.text(), st.text(), st.text())
def test_a_phrase_with_words_is_found_between_any_other_words(before: str, phrase: str, after: str) -> None:
    assert words(phrase).strip() == words(words(phrase)).strip()
    if words(phrase).strip():
        assert words(phrase) in words(f"{before} ; {phrase} ; {after}")


@pytest.mark.parametrize("said", ["I want to CANCEL my order", "please cancel order 12"])
def test_a_pattern_is_found_in_what_was_heard_whatever_its_case(said: str) -> None:
    rule = Rule(pattern=[r"order \d+", r"\bcancel\b.*order"], say="Cancelled.")  # type: ignore[arg-type]
    assert Rulebook([Rule(pattern="zzz", say="?"), rule]).rule_for(said) is rule


def test_rules_keep_their_order_whether_they_match_by_phrase_or_by_pattern() -> None:
    phrase, pattern = Rule(when="table", say="A"), Rule(pattern="tab", say="B")
    assert Rulebook([phrase, pattern]).rule_for("a table") is phrase
    assert Rulebook([pattern, phrase]).rule_for("a table") is pattern


def test_a_pattern_that_would_stop_another_engine_is_answered_at_once() -> None:
    rulebook = Rulebook([Rule(pattern=r"^(\w+\s?)*$", say="Yes.")])
    assert rulebook.rule_for("a" * 50_000 + "!") is None


def test_says_the_default_when_no_rule_matches_or_nothing_was_heard() -> None:
    caller = ruled(HOURS, default=["Pardon?", "Once more?"])
    assert [caller.says(text).text for text in ("Hm", "", "Hm")] == ["Pardon?", "Once more?", "Pardon?"]


def test_has_a_default_without_any_rule() -> None:
    assert talk("rules").says("Hello") == "I am sorry, I did not understand that."


def test_says_the_next_of_several_lines_each_time() -> None:
    caller = ruled({"when": "hi", "say": ["One", "Two"]})
    assert [caller.says("hi").text for _ in range(3)] == ["One", "Two", "One"]


async def test_one_call_does_not_use_up_the_lines_of_another() -> None:
    async with (
        served("rules", options={"rules": [{"when": "hi", "say": ["One", "Two"]}]}) as url,
        calling(url) as one,
        calling(url) as other,
    ):
        for caller in (one, other):
            await caller.says("hi")
            assert await caller.hears() == "One"


@pytest.mark.failure(22)
def test_says_goodbye_to_the_end_and_hangs_up() -> None:
    caller = ruled(BYE)
    heard = caller.says("Goodbye")
    assert heard == "Goodbye."
    assert (heard.uninterruptible, heard.end_call, caller.ended) == (True, True, "agent")


@pytest.mark.parametrize(
    ("said", "line", "number"), [("a human", "One moment.", "+442079460000"), ("your boss", "", "+442079460001")]
)
def test_transfers_the_call_by_name_with_or_without_a_word(said: str, line: str, number: str) -> None:
    rules = {"when": "human", "say": "One moment.", "transfer": "desk"}, {"when": "boss", "transfer": "office"}
    heard = ruled(*rules).says(said)
    assert heard == line
    assert heard.transfer_to == number


def test_presses_keys() -> None:
    assert ruled({"pattern": "for sales,? press", "press": "1#"}).says("For sales press one").digits == "1#"


def test_begins_and_reminds_with_the_lines_of_its_options() -> None:
    caller = ruled(begin="Ribera Clinic.", reminder=["Hello?", "Still there?"])
    assert caller.begin_message == "Ribera Clinic."
    assert [caller.is_silent().text, caller.is_silent().text] == ["Hello?", "Still there?"]


def test_lets_the_caller_begin_and_the_host_remind_unless_told_otherwise() -> None:
    caller = talk("rules", reminder="The host asks.")
    assert caller.begin_message == ""
    assert caller.is_silent() == "The host asks."


def test_fills_in_the_fields_of_the_call_everywhere() -> None:
    caller = ruled(
        {"when": "hi", "say": "Hi {{ name }}, {{ missing }}!"},
        begin="{{ vars.company }}.",
        reminder="{{ name }}?",
        default="Sorry, {{ name }}.",
        details={**PHONE_CALL, "retell_llm_dynamic_variables": {"name": "Ann"}},
    )
    said = [caller.begin_message, caller.is_silent(), caller.says("?"), caller.says("hi")]
    assert [heard.text for heard in said] == ["Ribera Clinic.", "Ann?", "Sorry, Ann.", "Hi Ann, !"]
    assert caller.warnings == ["the call has no field 'missing'; the text has nothing in its place"]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"say": "Hi"}, "a rule needs something to match: add when: or pattern:"),
        ({"when": "", "say": "Hi"}, "a rule needs something to match: add when: or pattern:"),
        ({"when": "hi"}, "a rule needs something to do: add say:, end_call:, transfer: or press:"),
        ({"when": "?!", "say": "Hi"}, "when: the phrase '?!' has no word in it"),
        ({"when": ["hi", ""], "say": "Hi"}, "when: the phrase '' has no word in it"),
        ({"when": "hi", "say": ["Hi", " "]}, "say: an empty text says nothing; take it out"),
        ({"when": "hi", "end_call": True}, 'end_call needs a goodbye that the caller hears first: add say: "Goodbye."'),
        (
            BYE | {"transfer": "desk"},
            "a rule does one thing to the call: end_call and transfer are given; keep one",
        ),
        ({"pattern": "(?=x)", "say": "Hi"}, "pattern '(?=x)' is no RE2 pattern: invalid perl operator: (?="),
        ({"pattern": ["x", "a("], "say": "Hi"}, "pattern 'a(' is no RE2 pattern: missing ): a("),
        (
            {"pattern": ["x", ""], "say": "Hi"},
            "pattern: an empty pattern matches everything; the line for the rest is default:",
        ),
        ({"when": "hi", "press": "1a"}, "Expected `str` matching regex '^[0-9*#]*$'"),
        ({"when": "hi", "says": "Hi"}, "Object contains unknown field `says`"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_by_its_place(rule: dict[str, object], fault: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"rules": [HOURS, rule]}, OPTIONS)
    text, place = str(refused.value).split(" - at ")
    assert text == fault
    assert place.startswith("`$.rules[1]")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"default": ""}, "default: the caller would hear nothing; write what to say when no rule matches"),
        ({"default": ["Pardon?", ""]}, "default: an empty text says nothing; take it out"),
        ({"reminder": " "}, "reminder: an empty text says nothing; take it out"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, object], fault: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(options, OPTIONS)
    assert str(refused.value).startswith(fault)


def test_patterns_that_are_too_large_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MEMORY", 100_000)
    rules = [{"pattern": f"{letter}{{900}}", "say": "Hi"} for letter in "abcd"]
    msgspec.convert({"rules": rules[:1]}, OPTIONS)
    with pytest.raises(msgspec.ValidationError, match="the patterns together are too large: make them shorter or fewer"):
        msgspec.convert({"rules": rules}, OPTIONS)


def test_the_pattern_engine_is_imported_only_when_there_are_patterns() -> None:
    code = """
import sys, msgspec
from rejoinder.registry import Registry
options = Registry().system("rules").options
msgspec.convert({"rules": [{"when": "hi", "say": "Hi"}]}, options)
assert "re2" not in sys.modules
msgspec.convert({"rules": [{"pattern": "hi", "say": "Hi"}]}, options)
assert "re2" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
