"""The engine's table, row by row: how turns begin, follow one another and end. (What is said in them: test_engine_outputs.)"""

import pytest

from conversing import conversation, ended, idle, in_turn, request, said, warns
from rejoinder.dialogue import (
    EndCall,
    Say,
    Transcript,
    Turn,
    Utterance,
)
from rejoinder.effects import CancelReply, Deliver, Send, StartReply, StartTimer, TurnStarted
from rejoinder.engine import Conversation
from rejoinder.events import (
    CallerInterrupted,
    Details,
    DetailsGiven,
    DigitsPressed,
    Finish,
    PingReceived,
    Pong,
    Speak,
    TranscriptUpdated,
    TurnRequested,
    UnknownReceived,
)
from rejoinder.orders import Interrupt

# The begin message.


def test_a_fixed_begin_message_goes_out_at_once() -> None:
    assert conversation(begin="Hello.").opened() == [
        TurnStarted(0, "begin"),
        Send(Finish(0, "Hello."), 0),
        ended(0, "finished", "begin"),
    ]


def test_an_empty_begin_message_lets_the_caller_speak_first() -> None:
    assert Send(Finish(0, ""), 0) in conversation(begin="").opened()


def test_without_a_line_the_response_system_begins() -> None:
    talk = conversation()
    assert talk.opened() == [TurnStarted(0, "begin"), StartReply(1, Turn(0, "begin"))]
    assert talk.output(1, "Welcome.") == [Send(Speak(0, "Welcome."), 0, 1)]
    assert talk.ended(1) == [Send(Finish(0), 0, 1), ended(0, "finished", "begin")]


@pytest.mark.failure(14)
def test_a_system_without_first_words_lets_the_caller_speak_first() -> None:
    talk = conversation()
    talk.opened()
    assert talk.ended(1)[0] == Send(Finish(0), 0, 1)


def test_a_begin_message_with_fields_waits_for_the_details() -> None:
    talk = conversation(begin="Hello {{ name }}.")
    assert talk.opened() == [TurnStarted(0, "begin"), StartTimer(0, "begin", 1.0)]
    given = DetailsGiven(Details(variables={"name": "Ada"}))
    assert talk.receive(given) == [Deliver(given), Send(Finish(0, "Hello <name>."), 0), ended(0, "finished", "begin")]


def test_a_begin_message_with_fields_goes_out_after_a_second_without_details() -> None:
    talk = conversation(begin="Hello {{ name }}.", field=lambda _: "")
    talk.opened()
    assert talk.timer(0, "begin")[0] == Send(Finish(0, "Hello ."), 0)
    assert talk.timer(0, "begin") == []
    late = DetailsGiven(Details())
    assert talk.receive(late) == [Deliver(late)]


def test_a_begin_message_that_fails_is_replaced_by_the_hosts() -> None:
    talk = conversation()
    talk.opened()
    assert talk.failed(1)[0] == Send(Finish(0, "Hello, how can I help you?"), 0)


def test_the_greeting_is_not_repeated_on_another_socket() -> None:
    assert idle().opened() == [Send(Finish(0))]


def test_a_live_begin_message_goes_on_over_another_socket() -> None:
    talk = conversation()
    talk.opened()
    assert talk.opened() == []


def test_a_platform_that_speaks_its_own_first_words_gets_none() -> None:
    talk = conversation(begin="Hello.", begins=False)
    assert talk.opened() == []
    assert talk.receive(request(1, "x"))[-1] == StartReply(1, Turn(1, "response", said("x")))


# Turns.


def test_a_request_starts_a_reply() -> None:
    assert idle().receive(request(1, "Hello.", "hi")) == [
        TurnStarted(1, "response"),
        StartReply(1, Turn(1, "response", said("Hello.", "hi"))),
    ]


def test_a_newer_request_interrupts_the_live_turn() -> None:
    effects = in_turn().receive(request(2, "Hello.", "hi there"))
    assert effects[:3] == [CancelReply(1), ended(1, "interrupted"), TurnStarted(2, "response")]
    assert isinstance(effects[3], StartReply)
    assert effects[3].reply == 2


def test_a_request_before_the_begin_message_interrupts_it() -> None:
    talk = conversation()
    talk.opened()
    assert talk.receive(request(1))[:3] == [CancelReply(1), ended(0, "interrupted", "begin"), Send(Finish(0))]


def test_the_live_request_asked_again_changes_nothing() -> None:
    assert in_turn().receive(request(1, "Hello.", "hi")) == []


def test_an_older_request_is_stale() -> None:
    talk = in_turn(turn=3)
    assert talk.receive(request(2, "Hello.", "h")) == []


def test_a_finished_request_asked_again_is_said_once_more() -> None:
    talk = in_turn()
    talk.output(1, "One ")
    talk.output(1, "two.")
    talk.ended(1)
    assert talk.receive(request(1, "Hello.", "hi")) == [Send(Finish(1, "One two."), 1)]
    assert talk.receive(request(1, "Hello.", "hi")) == []


def test_a_finished_request_asked_again_on_another_socket_is_said_again() -> None:
    talk = in_turn()
    talk.output(1, "One.")
    talk.ended(1)
    talk.receive(request(1, "Hello.", "hi"))
    talk.opened()
    assert talk.receive(request(1, "Hello.", "hi")) == [Send(Finish(1, " One."), 1)]


def test_words_that_were_heard_are_not_said_again() -> None:
    talk = in_turn()
    talk.output(1, "One.")
    talk.ended(1)
    talk.receive(TranscriptUpdated(said("Hello.", "hi", "One.")))
    assert talk.receive(request(1, "Hello.", "hi")) == []


def test_the_end_of_words_that_were_heard_is_told_once_more_on_another_socket() -> None:
    """A line may die with the last frame in it, and the platform would wait for that for ever."""
    talk = in_turn()
    talk.output(1, "One.")
    talk.output(1, EndCall())
    talk.receive(TranscriptUpdated(said("Hello.", "hi", "One.")))
    talk.opened()
    assert talk.receive(request(1, "Hello.", "hi", "One.")) == [Send(Finish(1, "", EndCall()), 1)]
    assert talk.receive(request(1, "Hello.", "hi", "One.")) == []


def test_an_interrupted_request_asked_again_gets_nothing() -> None:
    talk = in_turn()
    talk.receive(CallerInterrupted())
    assert talk.receive(request(1, "Hello.", "hi")) == []


def test_an_interrupted_request_asked_again_on_another_socket_is_closed() -> None:
    talk = in_turn()
    talk.receive(CallerInterrupted())
    talk.opened()
    assert talk.receive(request(1, "Hello.", "hi")) == [Send(Finish(1))]
    assert talk.receive(request(1, "Hello.", "hi")) == []


def test_what_was_said_out_of_turn_is_said_again_to_a_platform_that_has_not_heard_of_it() -> None:
    """It would not ask for the turn any more that was cut off by it."""
    talk = in_turn()
    talk.output(1, "One.")
    talk.order(Interrupt(Say("Listen!", uninterruptible=True)))
    talk.receive(TranscriptUpdated(said("Hello.", "hi", "One.")))
    assert talk.receive(request(1, "Hello.", "hi")) == []
    talk.opened()
    assert talk.receive(request(1, "Hello.", "hi")) == [Send(Finish(1, " Listen!", uninterruptible=True))]


def test_the_caller_interrupts_a_live_turn() -> None:
    talk = in_turn()
    assert talk.receive(CallerInterrupted()) == [CancelReply(1), ended(1, "interrupted")]
    assert talk.receive(CallerInterrupted()) == []
    assert not talk.is_current(1)


@pytest.mark.parametrize("talk", [conversation(), idle(), in_turn()], ids=["new", "idle", "live"])
def test_a_ping_is_answered_in_any_state(talk: Conversation) -> None:
    assert talk.receive(PingReceived(77)) == [Send(Pong(77))]


def test_what_the_platform_tells_is_delivered() -> None:
    talk = in_turn()
    for event in (TranscriptUpdated(said("x")), DigitsPressed("5"), DetailsGiven(Details())):
        assert talk.receive(event) == [Deliver(event)]


def test_an_unknown_frame_is_warned_of() -> None:
    assert "'sparkle'" in warns(idle().receive(UnknownReceived("sparkle")))[0]


# Reminders.


def test_reminders_of_the_file_are_said_in_turn() -> None:
    talk = conversation(begin="", reminders=("Still there?", "Take your time."))
    talk.opened()
    for turn, line in enumerate(("Still there?", "Take your time.", "Still there?"), 1):
        assert talk.receive(TurnRequested(turn, "reminder", said("x"))) == [
            TurnStarted(turn, "reminder"),
            Send(Finish(turn, line), turn),
            ended(turn, "finished", "reminder"),
        ]


def test_without_a_reminder_in_the_file_the_response_system_reminds() -> None:
    talk = idle()
    effects = talk.receive(TurnRequested(1, "reminder", said("x")))
    assert effects == [TurnStarted(1, "reminder"), StartReply(1, Turn(1, "reminder", said("x")))]
    assert talk.ended(1)[0] == Send(Finish(1, "Are you still there?"), 1, 1)


@pytest.mark.failure(10)
def test_a_reminder_cannot_choose_silence() -> None:
    talk = idle()
    talk.receive(TurnRequested(1, "reminder", said("x")))
    talk.output(1, "")
    assert talk.ended(1)[0] == Send(Finish(1, "Are you still there?"), 1, 1)


def test_a_reminder_that_fails_still_nudges() -> None:
    talk = idle()
    talk.receive(TurnRequested(1, "reminder", said("x")))
    assert talk.failed(1) == [Send(Finish(1, "Are you still there?"), 1), ended(1, "failed", "reminder")]


def test_lines_of_the_host_are_marked_for_the_response_system() -> None:
    talk = conversation(begin="Hello.", reminders=("Still there?",))
    talk.opened()
    talk.receive(TurnRequested(1, "reminder", said("Hello.")))
    heard = Transcript((Utterance("agent", "Hello."), Utterance("agent", "Still there?"), Utterance("user", "yes")))
    start = talk.receive(TurnRequested(2, "response", heard))[-1]
    assert isinstance(start, StartReply)
    assert [utterance.host_line for utterance in start.turn.transcript] == [False, True, False]
    assert [utterance.text for utterance in start.turn.transcript.history()] == ["Hello.", "yes"]
