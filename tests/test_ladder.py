"""Late and failing agents, to the millisecond: the engine against a clock of its own."""

import math
from collections.abc import Callable

import pytest

from rejoinder.dialogue import Action, EndCall, PressDigits, ToolCalled, Transcript, TransferCall, Turn, TurnKind, Utterance
from rejoinder.effects import CancelReply, Effect, Judged, Send, StartReply, StartTimer, TurnEnded
from rejoinder.engine import Conversation
from rejoinder.events import Finish, Speak, TurnRequested
from rejoinder.ladder import LONGEST_TEXT, SOONEST
from rejoinder.late import Late
from rejoinder.lines import HostLines, OwnLines
from rejoinder.orders import ToolsAwaited
from rejoinder.templates import template

ALL: frozenset[type[Action]] = frozenset({EndCall, TransferCall, PressDigits})
APOLOGY = "I am sorry, could you say that again?"
HEARD = Transcript((Utterance("user", "hi"),))


class Play:
    """A conversation played against a clock: `heard` holds what went out and when, timers run as they are due."""

    def __init__(
        self,
        *agents: str,
        may_answer: Callable[[int], bool] = lambda _: True,
        on_failure: Action | None = None,
        late: Late | None = None,
        own: OwnLines | None = None,
        language: str = "en",
    ) -> None:
        self.lines = HostLines(language, lambda _: "", None, own=own or OwnLines())
        self.talk = Conversation(
            self.lines, actions=lambda: ALL, numbers={"desk": "+441"}, agents=agents or ("ava",),
            may_answer=may_answer, on_failure=on_failure, late=Late() if late is None else late,
        )  # fmt: skip
        self.now = 100.0
        self.timers: dict[str, tuple[float, StartTimer]] = {}
        self.heard: list[tuple[float, str]] = []
        self.asked: list[tuple[float, int, Turn]] = []
        self.cancelled: list[int] = []
        self.judged: list[tuple[int, bool | None]] = []
        self.outcome = ""
        self.action: Action | None = None
        self.start = self.now

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(Speak(_, text)):
                    self.heard.append((self.passed, text))
                case Send(Finish(_, text, action)):
                    self.heard += [(self.passed, text)] if text else []
                    self.action = action
                case StartReply(_, turn, agent):
                    self.asked.append((self.passed, agent, turn))
                case StartTimer(_, rung, seconds):
                    assert seconds > 0, "a timer that is due already"
                    self.timers[rung] = (self.now + seconds, effect)
                case CancelReply(reply):
                    self.cancelled.append(reply)
                case TurnEnded(_, _, outcome, _):
                    self.outcome = outcome
                    self.timers.pop("late", None)
                case Judged(agent, good):
                    self.judged.append((agent, good))
                case _:
                    pass

    @property
    def passed(self) -> float:
        return round(self.now - self.start, 6)

    @property
    def reply(self) -> int:
        return len(self.asked)

    def request(self, turn: int = 1, kind: TurnKind = "response") -> "Play":
        self.start, self.outcome = self.now, ""
        self.perform(self.talk.receive(TurnRequested(turn, kind, HEARD), self.now))
        return self

    def until(self, seconds: float) -> "Play":
        """Let time pass until so many seconds after the request."""
        end = self.start + seconds
        while self.timers:
            rung, (at, timer) = min(self.timers.items(), key=lambda one: one[1][0])
            if at > end:
                break
            self.now = at
            del self.timers[rung]
            self.perform(self.talk.timer(timer.turn, timer.rung, self.now))
        self.now = end
        return self

    def say(self, text: str) -> "Play":
        self.perform(self.talk.output(self.reply, text, self.now))
        return self

    def fail(self) -> "Play":
        self.perform(self.talk.failed(self.reply, self.now))
        return self

    def end(self) -> "Play":
        self.perform(self.talk.ended(self.reply, self.now))
        return self


def test_a_silent_agent_without_a_substitute_is_filled_for_and_then_apologised_for() -> None:
    play = Play().request().until(60)
    assert play.heard == [(2.0, "One moment, please. "), (12.0, APOLOGY)]
    assert (play.outcome, play.cancelled, play.judged) == ("timed out", [1], [(0, False)])


def test_a_substitute_takes_the_turn_and_knows_what_was_said() -> None:
    play = Play("ava", "desk").request().until(6)
    at, agent, turn = play.asked[-1]
    assert (at, agent) == (6.0, 1)
    assert (turn.spoken, turn.instead_of, turn.because) == ("One moment, please. ", "ava", "late")
    assert play.cancelled == [1]
    play.say("Desk here.").end()
    assert play.heard == [(2.0, "One moment, please. "), (6.0, "Desk here.")]
    assert (play.outcome, play.judged) == ("finished", [(0, False), (1, True)])


def test_a_substitute_has_a_window_of_its_own() -> None:
    play = Play("ava", "desk", "last").request().until(60)
    assert [(at, agent) for at, agent, _ in play.asked] == [(0.0, 0), (6.0, 1), (12.0, 2)]
    assert play.heard[-1] == (18.0, APOLOGY)


def test_a_crash_goes_to_the_next_rung_at_once() -> None:
    play = Play("ava", "desk").request().until(0.1).fail()
    assert [(at, agent, turn.because) for at, agent, turn in play.asked] == [(0.0, 0, None), (0.1, 1, "failed")]
    play.until(60)
    assert play.heard[-1] == (6.1, APOLOGY), "a crash leaves the substitute its whole window"
    assert play.outcome == "timed out"


def test_all_agents_that_crash_end_in_an_apology_at_once() -> None:
    play = Play("ava", "desk").request().fail().fail()
    assert (play.heard, play.outcome) == ([(0.0, APOLOGY)], "failed")


def test_a_reply_that_speaks_in_time_meets_no_rung() -> None:
    play = Play("ava", "desk").request().until(1.9).say("Well. ").until(5.8).say("More. ").until(9.7).end()
    assert play.heard == [(1.9, "Well. "), (5.8, "More. ")]
    assert (play.outcome, play.judged) == ("finished", [(0, True)])


def test_a_reply_that_stalls_is_closed_and_keeps_what_was_said() -> None:
    play = Play("ava", "desk").request().until(1).say("It is open. ").until(3).say("And ").until(60)
    assert (play.passed, play.outcome, play.cancelled) == (60.0, "timed out", [1])
    assert [text for _, text in play.heard] == ["It is open. ", "And "]
    assert play.judged == [(0, False)]


def test_a_stall_is_measured_from_the_last_word() -> None:
    ended = Play().request().until(1).say("One. ").until(4.5).say("Two. ")
    assert not ended.until(8.4).outcome
    assert ended.until(8.5).outcome == "timed out"


def test_half_a_sentence_that_stalls_goes_to_the_substitute() -> None:
    play = Play("ava", "desk").request().until(1).say("Well, let").until(5)
    assert (play.asked[-1][:2], play.asked[-1][2].spoken) == ((5.0, 1), "Well, let")


def test_what_cannot_be_spoken_does_not_count() -> None:
    play = Play().request().until(1).say(" \n").until(3).say(" … ").until(60)
    assert (2.0, " One moment, please. ".strip() + " ") in play.heard
    assert play.heard[-1][0] == 12.0


def test_no_turn_is_longer_than_the_longest() -> None:
    play = Play().request()
    for second in range(1, 60):
        play.until(second).say("and so on. ")
    assert not play.outcome
    assert play.until(60).outcome == "timed out"


def test_no_turn_says_more_than_anybody_listens_to() -> None:
    play = Play().request().say("on. " * (LONGEST_TEXT // 4)).until(2)
    assert play.outcome == "timed out"


@pytest.mark.parametrize(("kind", "line"), [("reminder", "Are you still there?")])
def test_a_late_reminder_is_the_hosts_without_a_filler(kind: TurnKind, line: str) -> None:
    play = Play("ava", "desk").request(kind=kind).until(60)
    assert (play.heard, play.outcome, len(play.asked)) == ([(2.0, line)], "timed out", 1)


def test_a_late_begin_message_is_the_hosts() -> None:
    play = Play("ava", "desk")
    play.perform(play.talk.opened(play.now))
    play.until(60)
    assert play.heard == [(2.0, "Hello, how can I help you?")]


def test_fillers_are_varied_and_not_said_in_two_turns_running() -> None:
    play = Play(own=OwnLines(filler=(template("First."), template("Second."))))
    fillers = []
    for turn in range(1, 6):
        play.heard.clear()
        play.request(turn).until(3).say("Answer.").end()
        fillers.append([text for _, text in play.heard if text != "Answer."])
    assert fillers == [["First. "], [], ["Second. "], [], ["First. "]]


def test_the_hosts_lines_are_marked_wherever_they_stand() -> None:
    play = Play().request().until(3).say("We are open.").end()
    said = Utterance("agent", "One moment, please. We are open.")
    transcript = Transcript((Utterance("user", "hi"), said, Utterance("user", "and?")))
    play.perform(play.talk.receive(TurnRequested(2, "response", transcript), play.now))
    utterances = play.asked[-1][2].transcript
    assert [(one.text, one.host_line) for one in utterances][1:3] == [("One moment, please.", True), ("We are open.", False)]


def test_a_language_without_lines_is_never_filled_in_english() -> None:
    play = Play(language="fi").request().until(60)
    assert [text for _, text in play.heard] == []
    assert play.outcome == "timed out"


def test_what_the_route_wants_done_on_failure_is_done() -> None:
    assert Play(on_failure=TransferCall("+441")).request().until(60).action == TransferCall("+441")
    assert Play(on_failure=EndCall()).request().fail().action == EndCall()
    assert Play("ava", "desk", on_failure=EndCall()).request().until(6).say("Here.").end().action is None


def test_a_skipped_agent_is_not_asked_and_its_substitute_knows() -> None:
    play = Play("ava", "desk", may_answer=lambda position: position == 1).request()
    assert [(at, agent, turn.instead_of, turn.because) for at, agent, turn in play.asked] == [(0.0, 1, "ava", "skipped")]


def test_when_nobody_may_be_asked_the_host_apologises_at_once() -> None:
    play = Play("ava", "desk", may_answer=lambda _: False).request()
    assert (play.heard, play.outcome) == ([(0.0, APOLOGY)], "failed")


def test_a_stale_primary_does_not_speak_between_the_substitutes_words() -> None:
    play = Play("ava", "desk").request().until(6)
    play.say("One ")
    play.perform(play.talk.output(1, "STALE", play.now))
    play.perform(play.talk.ended(1, play.now))
    play.say("two.").end()
    assert [text for _, text in play.heard if text != "One moment, please. "] == ["One ", "two."]


def test_notes_are_no_words() -> None:
    play = Play().request().until(1)
    play.perform(play.talk.output(1, ToolCalled("1", "look", {}), play.now))
    assert play.until(2).heard == [(2.0, "One moment, please. ")]


def test_the_times_are_the_routes() -> None:
    play = Play("ava", "desk", late=Late(filler=1, stall=2, fallback=3, apology=4, longest=10)).request().until(60)
    assert [at for at, _ in play.heard] == [1.0, 4.0]
    assert [at for at, _, _ in play.asked] == [0.0, 3.0]


@pytest.mark.failure(24)
def test_while_a_tool_runs_the_caller_is_kept_company_and_nobody_takes_the_turn() -> None:
    play = Play("ava", "desk", own=OwnLines(filler=(template("First."), template("Second."))))
    play.request().until(1)
    play.perform(play.talk.order(ToolsAwaited(1, 1), play.now))
    play.until(14)
    assert play.heard == [(2.0, "First. "), (10.0, "Second. ")]
    play.perform(play.talk.order(ToolsAwaited(1, 0), play.now))
    assert len(play.until(19.9).asked) == 1
    assert len(play.until(20.0).asked) == 2, "after the tool its agent has its whole window again"


def test_after_a_tool_the_rungs_are_due_in_their_time_whenever_the_next_filler_would_have_been() -> None:
    play = Play("ava", "desk").request()
    play.perform(play.talk.order(ToolsAwaited(1, 1), play.now))
    play.until(3)
    play.perform(play.talk.order(ToolsAwaited(1, 0), play.now))
    assert [at for at, _, _ in play.until(9).asked] == [0.0, 9.0]


def test_tools_of_a_reply_that_is_not_heard_hold_no_rung_back() -> None:
    play = Play("ava", "desk").request().until(6)
    play.perform(play.talk.order(ToolsAwaited(1, 1), play.now))
    assert play.until(60).heard[-1] == (12.0, APOLOGY)


def test_what_is_due_in_less_than_a_clock_can_tell_is_not_looked_at_for_ever() -> None:
    talk = Play().talk
    (reply,) = [effect.reply for effect in talk.receive(TurnRequested(1, "response", HEARD), 0.0) if type(effect) is StartReply]
    talk.output(reply, "Well, ", 0.2)
    (again,) = talk.timer(1, "late", math.nextafter(0.2 + Late().stall, 0))
    assert again == StartTimer(1, "late", SOONEST)
