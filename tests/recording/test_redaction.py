"""What never reaches the disk."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder.recording.frames import MOST_TEXT
from rejoinder.recording.redaction import Redaction, masked

HIDDEN = "a secret of the file"


@pytest.fixture
def redaction() -> Redaction:
    return Redaction([HIDDEN, "tiny"])


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("call +44 20 7946 0000 now", "call +** ** **** **00 now"),
        ("(020) 7946-0000", "(***) ****-**00"),
        ("020.7946.0000", "***.****.**00"),
        ("it is 5551234", "it is *****34"),
        ("at 1930, for 12", "at 1930, for 12"),
        ("born 2026-11-22", "born 2026-11-22"),
        ("card 4111 1111 1111 1111, yes", "card **** **** **** ****, yes"),
        ("order 4111 1111 1111 1112", "order **** **** **** **12"),
        ("mail ann.o'neil+x@mail.example.com please", "mail ***@mail.example.com please"),
        ("an @ alone, or a@b", "an @ alone, or a@b"),
        (f"key={HIDDEN};", "key=***;"),
        ("a%20secret%20of%20the%20file", "***"),
        ("tiny", "tiny"),
        ("call_12345678901234567890abcdef", "call_12345678901234567890abcdef"),
        ("user_15551234567", "user_*********67"),
        ("to=%2B15551234567&x=1", "to=%2B*********67&x=1"),
        ("sip:+15551234567@10.0.0.1", "sip:***@10.0.0.1"),
        ("my number is...020 7946 0000", "my number is...*** **** **00"),
        ("**020 7946 0000**", "***** **** **00**"),
        ("555-123-4567x89", "***-***-**67x89"),
        ("02079460000 ext. 3", "*********00 ext. 3"),
        ("+442079460000ff", "+**********00ff"),
        ("0207\u2026946\u200b0000", "****\u2026***\u200b**00"),
        ("1234-56-78", "****-**-78"),
        ("123e4567-e89b-12d3-a456-426614174000, ok", "123e4567-e89b-12d3-a456-426614174000, ok"),
        ("123e4567-e89b-12d3-a456-426614174000 5551234", "123e4567-e89b-12d3-a456-************ *****34"),
        ("12345678-1234-1234-1234-426614174000", "********-****-****-****-**********00"),
        ("zero - 0 - 7 - 7 - 0 - 0 - 9 - 1", "zero - * - * - * - * - * - 9 - 1"),
    ],
)
def test_a_text_without_what_must_not_be_written(redaction: Redaction, said: str, written: str) -> None:
    assert redaction.text(said) == written


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("my number is 0770", "my number is ****"),
        ("my number is 0770. ", "my number is ****. "),
        ("my number is 0770 90 and", "my number is 0770 90 and"),
        ("a table for 4", "a table for 4"),
        ("a table at 193", "a table at 193"),
        ("I am ann@exam", "I am ***@exam"),
        ("I am ann@", "I am ***@"),
    ],
)
def test_what_is_still_being_said_may_become_a_number(redaction: Redaction, said: str, written: str) -> None:
    assert redaction.text(said, growing=True) == written


@pytest.mark.parametrize(
    ("pieces", "written"),
    [
        (["+44", " 20", " 79", "46 00", "00 is it"], ["+**", " **", " **", "** **", "00 is it"]),
        (["0", "7", "7", "0", "0", "9", "0", "0"], ["*", "*", "*", "*", "*", "*", "0", "0"]),
        (["on", "e"], ["on", "e"]),
        (["key: a secret", " of the ", "file!"], ["key: ***", "", "!"]),
        (["ann@exa", "mple.com"], ["***@exa", "mple.com"]),
        ([], []),
    ],
)
def test_what_is_said_in_pieces_is_seen_as_a_whole(redaction: Redaction, pieces: list[str], written: list[str]) -> None:
    assert redaction.pieces(pieces) == written


def test_words_with_timings_say_a_number_together(redaction: Redaction) -> None:
    words = [{"word": word, "start": float(at)} for at, word in enumerate(["on", "07700", "900", "123"])]
    assert redaction.value({"words": words}) == {
        "words": [
            {"word": "on", "start": 0.0},
            {"word": "*****", "start": 1.0},
            {"word": "***", "start": 2.0},
            {"word": "*23", "start": 3.0},
        ]
    }


def test_keys_say_what_stands_under_them(redaction: Redaction) -> None:
    value = {
        "call": {
            "from_number": "+15551234567",
            "caller_id": "1 23",
            "access_token": "x",
            "custom_sip_headers": {"From": "Ann"},
            "start_timestamp": 1732312345678,
            "metadata": {"phone": 15551234567, "api_key": "k", "age": 42, "+1 555 123 4567": 1},
        },
        "phone": 15551234567,
        "timestamp": 1732312345678,
        "digit": "5",
        "digits": ["1", 2],
    }
    assert redaction.value(value) == {
        "call": {
            "from_number": "+*********67",
            "caller_id": "* 23",
            "access_token": "***",
            "custom_sip_headers": {"From": "***"},
            "start_timestamp": 1732312345678,
            "metadata": {"phone": "*********67", "api_key": "***", "age": 42, "+* *** *** **67": 1},
        },
        "phone": "*********67",
        "timestamp": 1732312345678,
        "digit": "*",
        "digits": ["*", "*"],
    }


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"api_key": {"value": "hunter", "at": [1, None]}}, {"api_key": {"value": "***", "at": ["***", None]}}),
        (
            {"password": 1234, "X-Api-Key": "k", "accessToken": "t"},
            {"password": "***", "X-Api-Key": "***", "accessToken": "***"},
        ),
        ({"custom_sip_headers": ["From: Ann"]}, {"custom_sip_headers": ["***"]}),
        ({"usage": {"completion_tokens": 12}}, {"usage": {"completion_tokens": 12}}),
        ({HIDDEN.replace(" ", "_"): 1, HIDDEN: 2}, {"a_secret_of_the_file": 1, "***": 2}),
        (
            {"phone": 442079460000.0, "share": 0.5, "nothing": float("inf")},
            {"phone": "**********00", "share": 0.5, "nothing": float("inf")},
        ),
        ({"arguments": '{"password": "hunter", "for": 2}'}, {"arguments": '{"password":"***","for":2}'}),
        ({"arguments": '{"for": 2}', "content": "[noise] 5551234"}, {"arguments": '{"for": 2}', "content": "[noise] *****34"}),
    ],
)
def test_a_key_hides_whatever_stands_under_it(redaction: Redaction, value: object, written: object) -> None:
    assert redaction.value(value) == written


def test_a_secret_that_is_a_key_itself_is_hidden_as_soon_as_it_is_known() -> None:
    redaction = Redaction()
    assert redaction.value({"sk_live_1": 1}) == {"sk_live_1": 1}
    redaction.learn(["sk_live_1"])
    assert redaction.value({"sk_live_1": 1}) == {"***": 1}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('{"call_id": "c", "access_token": "t", "x": ', '{"call_id": "c", "access_token": ***'),
        ('{"phone": "020 7946 0000", "digit": "4", ', '{"phone": "*** **** **00", "digit": ***'),
        ('{"\\u0061pi": 1', '{"\\u0061pi": ***'),
        ("Hello: 12", "Hello: 12"),
    ],
)
def test_of_json_that_cannot_be_read_nothing_is_written_behind_a_key_that_hides(
    redaction: Redaction, text: str, written: str
) -> None:
    assert redaction.broken(text) == written


def test_secrets_may_be_learned_later(redaction: Redaction) -> None:
    redaction.learn(["another secret"])
    assert redaction.text(f"{HIDDEN}, another secret") == "***, ***"


@given(st.lists(st.text("0123456789+- a@.", max_size=6), max_size=8))
def test_pieces_say_together_what_the_whole_says(pieces: list[str]) -> None:
    redaction = Redaction()
    assert "".join(redaction.pieces(pieces)) == redaction.text("".join(pieces))


@given(st.text("0123456789 -", min_size=7, max_size=40))
def test_of_a_long_number_at_most_two_digits_are_left(text: str) -> None:
    left = sum(letter.isdecimal() for letter in masked(text))
    assert left <= min(2, sum(letter.isdecimal() for letter in text))


@pytest.mark.parametrize(
    "text", ["1 " * 20_000 + "1a", "a" * 40_000 + "@", "@a" * 20_000, "1" * 40_000 + "a", "(" * 40_000, '\\"' * 20_000]
)
def test_no_text_takes_long(text: str) -> None:
    redaction, began = Redaction([HIDDEN]), time.process_time()
    redaction.text(text)
    redaction.broken(text[:MOST_TEXT])
    assert time.process_time() - began < 1.0
