"""What Retell would let its caller hear."""

from typing import Any

import pytest

from rejoinder.dialogue import Utterance
from rejoinder.testing.hearing import Frame, Heard, Hearing


def says(turn: int, text: str, *, complete: bool = False, **more: Any) -> Frame:
    return {"response_type": "response", "response_id": turn, "content": text, "content_complete": complete, **more}


def cuts_in(number: int, text: str, *, complete: bool = True) -> Frame:
    return {"response_type": "agent_interrupt", "interrupt_id": number, "content": text, "content_complete": complete}


def test_chunks_of_one_turn_are_put_together_as_they_are() -> None:
    hearing = Hearing()
    hearing.take(says(0, "Hello, "))
    hearing.take(says(0, "Ava here.", complete=True))
    assert (hearing.now.text, hearing.now.complete) == ("Hello, Ava here.", True)
    assert hearing.now.chunks == ["Hello, ", "Ava here."]


def test_only_the_newest_request_is_heard_until_it_is_complete() -> None:
    hearing = Hearing()
    hearing.expects(2)
    stale, late = says(1, "old"), says(2, "too late")
    for frame in (stale, says(2, "new", complete=True), late):
        hearing.take(frame)
    assert hearing.now.text == "new"
    assert hearing.unheard == [stale, late]


@pytest.mark.parametrize(
    "frame",
    [
        says(0, "x") | {"content_complete": "true"},
        says(0, "x") | {"response_id": "0"},
        says(0, "x") | {"response_id": False},
        says(0, "x") | {"content": None},
        {"rejoinder": "debug"},
    ],
)
def test_a_frame_with_a_wrong_type_vanishes(frame: Frame) -> None:
    hearing = Hearing()
    hearing.take(frame)
    assert (hearing.now.text, hearing.unheard) == ("", [frame])


def test_a_frame_without_a_type_is_taken_for_an_answer() -> None:
    hearing = Hearing()
    hearing.take({"response_id": 0, "content": "Hi.", "content_complete": True, "end_call": False})
    assert (hearing.now.text, hearing.now.end_call) == ("Hi.", False)


def test_actions_and_wishes_are_heard() -> None:
    hearing = Hearing()
    hearing.take(says(0, "Bye.", complete=True, end_call=True, no_interruption_allowed=True, digit_to_press="1#"))
    assert (hearing.now.end_call, hearing.now.uninterruptible, hearing.now.digits) == (True, True, "1#")
    hearing.expects(1)
    hearing.take(says(1, "", complete=True, transfer_number="+442079460000"))
    assert (hearing.now.transfer_to, hearing.now.end_call) == ("+442079460000", False)


def test_the_transcript_holds_what_was_heard_before_a_barge_in() -> None:
    hearing = Hearing()
    hearing.take(says(0, "We are open from nine "))
    hearing.says("Stop.")
    hearing.expects(1)
    hearing.take(says(0, "to five."))
    assert hearing.transcript == (Utterance("agent", "We are open from nine"), Utterance("user", "Stop."))


def test_a_sentence_that_goes_on_grows_in_place() -> None:
    hearing = Hearing()
    for turn, text in enumerate(("I want", "to book"), 1):
        hearing.says(text)
        hearing.expects(turn)
    assert hearing.transcript == (Utterance("user", "I want to book"),)


def test_speech_out_of_turn_discards_the_answer_in_flight() -> None:
    hearing = Hearing()
    late = says(1, "and the rest", complete=True)
    hearing.expects(1)
    for frame in (says(1, "Well, "), cuts_in(1, "Fire", complete=False), cuts_in(1, "!"), late):
        hearing.take(frame)
    assert (hearing.now.text, hearing.now.is_interrupt) == ("Fire!", True)
    assert hearing.unheard == [late]
    assert hearing.transcript == (Utterance("agent", "Well,"), Utterance("agent", "Fire!"))


def test_what_is_heard_compares_with_its_words() -> None:
    heard = Heard(1, chunks=["Good ", "day."])
    assert heard == "Good day."
    assert heard != "Good"
    assert "day" in heard
    assert heard != Heard(1, chunks=["Good ", "day."])
    assert str(heard) == "Good day."


def test_what_is_heard_shows_all_there_is_to_it() -> None:
    whole = Heard(2, chunks=["Bye."], complete=True, end_call=True, digits="5", uninterruptible=True)
    assert repr(whole) == "Heard('Bye.', uninterruptible, hangs up, presses 5)"
    assert repr(Heard(1, is_interrupt=True, transfer_to="+15550001111")) == (
        "Heard('', out of turn, not complete, transfers to +15550001111)"
    )
