"""The engine's table, row by row."""

from collections.abc import Callable

import pytest

from rejoinder.dialogue import (
    Action,
    EndCall,
    Metadata,
    Output,
    PressDigits,
    Say,
    ToolCalled,
    Transcript,
    TransferCall,
    Tuning,
    Turn,
    Usage,
    Utterance,
)
from rejoinder.effects import CancelReply, Deliver, Effect, Judged, Send, StartReply, StartTimer, TurnEnded, TurnStarted, Warn
from rejoinder.engine import CLEANUP, Conversation
from rejoinder.events import (
    Annotate,
    CallerInterrupted,
    Details,
    DetailsGiven,
    DigitsPressed,
    Event,
    Finish,
    PingReceived,
    Pong,
    Speak,
    SpeakOut,
    TranscriptUpdated,
    Tune,
    TurnRequested,
    UnknownReceived,
)
from rejoinder.lines import HostLines
from rejoinder.orders import Interrupt
from rejoinder.templates import template

ALL: frozenset[type[Action]] = frozenset({EndCall, TransferCall, PressDigits})
NUMBERS = {"reception": "+442079460000"}
APOLOGY = "I am sorry, could you say that again?"
NO_USAGE = Usage()


class Talk(Conversation):
    """A conversation without the rungs for late and failing agents, which have tables of their own (`test_ladder.py`)."""

    def opened(self, now: float = 0.0) -> list[Effect]:
        return plain(super().opened(now))

    def receive(self, event: Event, now: float = 0.0) -> list[Effect]:
        return plain(super().receive(event, now))

    def output(self, reply: int, output: Output, now: float = 0.0) -> list[Effect]:
        return plain(super().output(reply, output, now))

    def ended(self, reply: int, now: float = 0.0) -> list[Effect]:
        return plain(super().ended(reply, now))

    def failed(self, reply: int, now: float = 0.0) -> list[Effect]:
        return plain(super().failed(reply, now))


def plain(effects: list[Effect]) -> list[Effect]:
    return [one for one in effects if not isinstance(one, Judged) and not (isinstance(one, StartTimer) and one.rung == "late")]


def conversation(
    begin: str | None = None,
    reminders: tuple[str, ...] = (),
    actions: frozenset[type[Action]] = ALL,
    begins: bool = True,
    field: Callable[[str], str] = lambda name: f"<{name}>",
) -> Conversation:
    lines = HostLines("en", field, template(begin) if begin is not None else None, [template(line) for line in reminders])
    return Talk(lines, actions=lambda: actions, numbers=NUMBERS, begins=begins)


def idle() -> Conversation:
    """A call whose begin message is out."""
    talk = conversation(begin="Hello.")
    talk.opened()
    return talk


def said(*texts: str) -> Transcript:
    """A transcript that begins with the agent and alternates."""
    return Transcript(tuple(Utterance("user" if i % 2 else "agent", text) for i, text in enumerate(texts)))


def request(turn: int, *texts: str) -> TurnRequested:
    return TurnRequested(turn, "response", said(*texts))


def in_turn(turn: int = 1) -> Conversation:
    talk = idle()
    talk.receive(request(turn, "Hello.", "hi"))
    return talk


def ended(turn: int, outcome: str, kind: str = "response") -> TurnEnded:
    return TurnEnded(turn, kind, outcome, NO_USAGE)  # type: ignore[arg-type]


def warns(effects: list[Effect]) -> list[str]:
    return [effect.what for effect in effects if isinstance(effect, Warn)]


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
    assert talk.receive(request(1, "Hello.", "hi")) == [Send(Finish(1, "One."), 1)]


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
    assert talk.receive(request(1, "Hello.", "hi")) == [Send(Finish(1, "Listen!", uninterruptible=True))]


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
