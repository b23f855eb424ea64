"""The engine's table, row by row: outputs, actions, and orders beside them."""

import pytest

from conversing import ALL, APOLOGY, Talk, conversation, ended, idle, in_turn, request, warns
from rejoinder.dialogue import (
    Action,
    EndCall,
    Metadata,
    PressDigits,
    Say,
    ToolCalled,
    Transcript,
    TransferCall,
    Tuning,
    Usage,
    Utterance,
)
from rejoinder.effects import CancelReply, Send, StartReply, StartTimer, TurnEnded
from rejoinder.engine import CLEANUP, Conversation
from rejoinder.events import (
    Annotate,
    Details,
    DetailsGiven,
    Finish,
    Speak,
    SpeakOut,
    Tune,
    TurnRequested,
)
from rejoinder.lines import HostLines
from rejoinder.orders import Interrupt
from rejoinder.templates import template

# Outputs.


def test_text_is_spoken_as_it_comes() -> None:
    talk = in_turn()
    assert talk.output(1, "One ") == [Send(Speak(1, "One "), 1, 1)]
    assert talk.output(1, Say("two.", uninterruptible=True)) == [Send(Speak(1, "two.", True), 1, 1)]
    assert talk.ended(1) == [Send(Finish(1), 1, 1), ended(1, "finished")]


def test_only_the_live_reply_is_heard() -> None:
    talk = in_turn()
    talk.receive(request(2, "Hello.", "hi you"))
    assert talk.output(1, "stale") == []
    assert talk.ended(1) == []
    assert talk.failed(1) == []
    assert talk.dropped_outputs == 1


def test_a_reply_that_gives_nothing_is_closed_with_an_apology() -> None:
    effects = in_turn().ended(1)
    assert Send(Finish(1, APOLOGY), 1) in effects
    assert ended(1, "failed") in effects
    assert len(warns(effects)) == 1


def test_a_reply_may_choose_silence() -> None:
    talk = in_turn()
    assert talk.output(1, "") == []
    assert talk.ended(1) == [Send(Finish(1), 1, 1), ended(1, "finished")]


def test_a_reply_that_fails_before_it_spoke_is_closed_with_an_apology() -> None:
    assert in_turn().failed(1) == [Send(Finish(1, APOLOGY), 1), ended(1, "failed")]


def test_a_reply_that_fails_after_it_spoke_keeps_what_was_said() -> None:
    talk = in_turn()
    talk.output(1, "Well,")
    assert talk.failed(1)[0] == Send(Finish(1, " " + APOLOGY), 1)


def test_an_agent_in_another_language_never_apologises_in_english() -> None:
    lines = HostLines("de-DE", lambda _: "", template("Hallo."))
    talk = Talk(lines, actions=lambda: ALL, numbers={})
    talk.opened()
    talk.receive(request(1))
    assert talk.failed(1)[0] == Send(Finish(1, "Es tut mir leid, können Sie das bitte noch einmal sagen?"), 1)


@pytest.mark.parametrize("rubbish", [None, b"bytes", 7, ["list"], object()])
def test_what_is_no_output_is_dropped_with_a_warning(rubbish: object) -> None:
    talk = in_turn()
    assert type(rubbish).__name__ in warns(talk.output(1, rubbish))[0]  # type: ignore[arg-type]
    assert talk.dropped_outputs == 1


def test_notes_annotate_and_usage_is_reported() -> None:
    talk = in_turn()
    called = ToolCalled("1", "book", {"when": "noon"})
    assert talk.output(1, called) == [Send(Annotate(called), reply=1)]
    assert talk.output(1, Usage(10, 2)) == []
    assert talk.output(1, Usage(1, 3)) == []
    talk.output(1, "Done.")
    assert talk.ended(1)[-1] == TurnEnded(1, "response", "finished", Usage(11, 5))


# Actions.


def test_an_action_ends_the_turn_in_its_final_frame() -> None:
    talk = in_turn()
    talk.output(1, "Bye.")
    assert talk.output(1, EndCall()) == [
        Send(Finish(1, "", EndCall()), 1, 1),
        ended(1, "finished"),
        StartTimer(1, "cleanup", CLEANUP),
    ]
    assert talk.hung_up


@pytest.mark.failure(22)
def test_a_hang_up_without_words_says_goodbye() -> None:
    assert in_turn().output(1, EndCall())[0] == Send(Finish(1, "Goodbye.", EndCall()), 1, 1)


@pytest.mark.failure(23)
def test_nothing_is_spoken_after_an_action() -> None:
    talk = in_turn()
    talk.output(1, EndCall())
    assert len(warns(talk.output(1, "wait!"))) == 1
    assert len(warns(talk.output(1, TransferCall("reception")))) == 1
    assert talk.ended(1) == []
    assert talk.output(1, "again") == []


def test_a_reply_that_goes_on_after_its_action_is_cancelled() -> None:
    talk = in_turn()
    talk.output(1, EndCall())
    assert talk.timer(1, "cleanup") == [CancelReply(1)]
    assert talk.timer(1, "cleanup") == []


def test_a_reply_that_ended_after_its_action_is_not_cancelled() -> None:
    talk = in_turn()
    talk.output(1, EndCall())
    talk.ended(1)
    assert talk.timer(1, "cleanup") == []


@pytest.mark.failure(22)
def test_a_hang_up_that_the_caller_spoke_over_is_off() -> None:
    talk = in_turn()
    talk.output(1, EndCall())
    talk.receive(request(2, "Hello.", "hi", "Goodbye.", "wait"))
    assert not talk.hung_up


@pytest.mark.parametrize("to", ["reception", "+442079460000"])
def test_a_transfer_goes_to_a_number_of_the_file(to: str) -> None:
    talk = in_turn()
    talk.output(1, "One moment.")
    assert talk.output(1, TransferCall(to))[0] == Send(Finish(1, "", TransferCall("+442079460000")), 1, 1)


def test_a_transfer_elsewhere_is_refused() -> None:
    talk = in_turn()
    assert "numbers:" in warns(talk.output(1, TransferCall("+15550000000")))[0]
    talk.output(1, "I cannot.")
    assert talk.ended(1)[0] == Send(Finish(1), 1, 1)


CANNOT = "I am sorry, I cannot put you through on this call."


def on_the_web() -> Conversation:
    """A turn of a call that is known to come from a page, on a platform that cannot transfer such a one."""
    talk = conversation(begin="Hello.", actions=ALL - {TransferCall})
    talk.opened()
    talk.receive(DetailsGiven(Details(kind="web")))
    talk.receive(request(1, "Hello.", "hi"))
    return talk


@pytest.mark.parametrize(("words", "line"), [("", CANNOT), ("One moment.", f" {CANNOT}"), ("One moment. ", CANNOT)])
def test_a_transfer_of_a_web_call_ends_its_turn_with_a_line(words: str, line: str) -> None:
    talk = on_the_web()
    talk.output(1, words)
    effects = talk.output(1, TransferCall("reception"))
    assert effects[1:] == [Send(Finish(1, line), 1, 1), ended(1, "finished"), StartTimer(1, "cleanup", CLEANUP)]
    assert "web call" in warns(effects)[0]
    assert "went on after its action" in warns(talk.output(1, "And more."))[0]


def test_a_web_call_that_is_told_again_in_part_stays_one() -> None:
    talk = on_the_web()
    talk.receive(DetailsGiven(Details(variables={"name": "Ann"})))
    assert "web call" in warns(talk.output(1, TransferCall("reception")))[0]


def test_a_transfer_elsewhere_is_refused_on_a_web_call_too() -> None:
    assert "numbers:" in warns(on_the_web().output(1, TransferCall("+15550000000")))[0]


def test_the_agent_sees_in_the_transcript_that_its_transfer_could_not_be() -> None:
    talk = on_the_web()
    talk.output(1, TransferCall("reception"))
    (start,) = [one for one in talk.receive(request(2, "Hello.", "hi", CANNOT, "oh")) if isinstance(one, StartReply)]
    assert Utterance("agent", CANNOT) in start.turn.transcript.utterances


@pytest.mark.parametrize("details", [Details(), Details(kind="phone")])
def test_what_is_not_known_to_be_a_web_call_is_transferred(details: Details) -> None:
    talk = in_turn()
    talk.receive(DetailsGiven(details))
    assert talk.output(1, TransferCall("reception"))[0] == Send(Finish(1, "", TransferCall("+442079460000")), 1, 1)


def test_a_platform_that_can_transfer_a_web_call_does() -> None:
    talk = in_turn()
    talk.receive(DetailsGiven(Details(kind="web")))
    assert talk.output(1, TransferCall("reception"))[0] == Send(Finish(1, "", TransferCall("+442079460000")), 1, 1)


@pytest.mark.parametrize("action", [EndCall(), TransferCall("reception")])
def test_what_the_platform_cannot_do_is_refused_and_the_reply_goes_on(action: Action) -> None:
    talk = conversation(begin="", actions=frozenset())
    talk.opened()
    talk.receive(request(1))
    refused = talk.output(1, action)
    assert type(action).__name__ in warns(refused)[0]
    assert len(refused) == 1
    assert not talk.hung_up
    assert talk.output(1, "Anyway.") == [Send(Speak(1, "Anyway."), 1, 1)]


def test_only_keys_of_a_telephone_are_pressed() -> None:
    assert "0-9" in warns(in_turn().output(1, PressDigits("12a")))[0]
    assert in_turn().output(1, PressDigits("12#"))[0] == Send(Finish(1, "", PressDigits("12#")), 1, 1)


def test_a_reply_that_goes_on_after_its_action_does_not_outlive_the_next_request() -> None:
    talk = in_turn()
    talk.output(1, EndCall())
    assert talk.receive(TurnRequested(2, "response", Transcript()))[0] == CancelReply(1)
    assert talk.timer(1, "cleanup") == []


# Orders.


def test_an_order_to_interrupt_cuts_off_the_live_turn() -> None:
    talk = in_turn()
    assert talk.order(Interrupt(Say("Fire!", uninterruptible=True))) == [
        CancelReply(1),
        ended(1, "interrupted"),
        Send(SpeakOut(1, "Fire!", True, cuts=1)),
    ]
    assert talk.order(Interrupt(Say("Really.")))[-1] == Send(SpeakOut(2, "Really.", False))


def test_orders_to_tune_and_to_hand_over_metadata_go_out() -> None:
    assert idle().order(Tuning(responsiveness=0.5)) == [Send(Tune(Tuning(responsiveness=0.5)))]
    assert idle().order(Metadata({"a": 1})) == [Send(Annotate(Metadata({"a": 1})))]


def test_the_end_of_a_call_interrupts_what_is_live() -> None:
    assert in_turn().closed() == [CancelReply(1), ended(1, "interrupted")]
    assert idle().closed() == []
