"""Thousands of random calls against the engine's rules: nothing that can happen may break one."""

import random

from rejoinder.dialogue import Action, EndCall, PressDigits, Say, ToolReturned, Transcript, TransferCall, Utterance
from rejoinder.effects import CancelReply, Effect, Send, StartReply, TurnEnded, TurnStarted
from rejoinder.engine import Conversation
from rejoinder.events import (
    CallerInterrupted,
    Details,
    DetailsGiven,
    Finish,
    PingReceived,
    Pong,
    Speak,
    TranscriptUpdated,
    TurnRequested,
)
from rejoinder.lines import HostLines
from rejoinder.orders import Interrupt
from rejoinder.templates import template

CALLS = 6_000
STEPS = 40
OUTPUTS = (
    "a ",
    "b.",
    "",
    Say("c"),
    EndCall(),
    TransferCall("x"),
    TransferCall("?"),
    PressDigits("1"),
    ToolReturned("1", "r"),
    None,
)


class Judge:
    """Watches one call's effects and knows the rules by itself."""

    def __init__(self, *, knows_farewells: bool) -> None:
        self.knows_farewells = knows_farewells
        self.live_turn: int | None = None
        self.newest_turn = -1
        self.live_reply: int | None = None
        self.newest_reply = 0
        self.finishes: dict[int, int] = {}
        self.ends: dict[int, str] = {}
        self.acted: set[int] = set()
        self.row = 0
        self.heard: list[str] | None = None
        self.before: list[str] = []
        self.hung_up: set[int] = set()
        self.repeated = 0

    def asked(self, turn: int, kind: str, heard: list[str], most: int | None, effects: list[Effect]) -> None:
        """A new turn began, when the caller had said `heard`."""
        before, self.before = self.before, heard
        if kind == "response" and heard[: len(before)] == before:
            is_only_farewell = self.newest_turn in self.hung_up and {*heard[len(before) :]} == {"bye"}
            again = [one.command for one in effects if isinstance(one, Send) and isinstance(one.command, Finish)]
            is_repeated = any(one.turn == turn and one.action == EndCall() and one.uninterruptible for one in again)
            assert is_repeated == (is_only_farewell and self.knows_farewells), "a hang-up repeated"
            assert not (is_repeated and any(isinstance(one, StartReply) for one in effects))
            self.repeated += is_repeated
        if kind != "reminder":
            self.row, self.heard = 0, None
            return
        if heard != self.heard:
            self.row, self.heard = 0, heard
        has_finished = any(isinstance(one, TurnEnded) and (one.turn, one.outcome) == (turn, "finished") for one in effects)
        is_mute = has_finished and Send(Finish(turn), turn) in effects
        assert is_mute == (most is not None and self.row >= most), "reminders in a row"
        self.row += not is_mute

    def watch(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case TurnStarted(turn):
                    assert self.live_turn is None, "two live turns"
                    assert turn > self.newest_turn, "turn numbers only grow"
                    self.live_turn = self.newest_turn = turn
                    self.finishes[turn] = 0
                case StartReply(reply, turn):
                    assert self.live_reply is None, "two live replies"
                    assert reply > self.newest_reply, "reply numbers only grow"
                    assert turn.number == self.live_turn, "a reply outside the live turn"
                    self.live_reply = self.newest_reply = reply
                case CancelReply(reply):
                    self.live_reply = None if reply == self.live_reply else self.live_reply
                case TurnEnded(turn, _, outcome):
                    assert turn == self.live_turn, "a turn ended that was not live"
                    assert self.finishes[turn] == (0 if outcome == "interrupted" else 1), "completed exactly once"
                    self.ends[turn] = outcome
                    self.live_turn = self.live_reply = None
                case Send(command, turn, reply):
                    self.sent(command, turn, reply)
                case _:
                    pass

    def sent(self, command: object, turn: int | None, reply: int | None) -> None:
        if isinstance(command, Speak):
            assert command.turn == turn == self.live_turn, "words of a dead turn"
            assert self.live_reply is not None, "words without a reply"
            assert reply in (self.live_reply, None), "words of a dead reply"
            assert turn not in self.acted, "words after an action"
        if isinstance(command, Finish) and turn is not None:
            if turn == self.live_turn:
                self.finishes[turn] += 1
            else:
                assert turn == self.newest_turn, "an old turn said again"
                assert self.ends[turn] != "interrupted", "an interrupted turn said again"
            if command.action is not None:
                self.acted.add(turn)
            if command.action == EndCall():
                self.hung_up.add(turn)


class Call:
    """One random call."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        begin = self.dice.choice([None, "", "Hello.", "Hello {{ name }}."])
        language = self.dice.choice(["en", "de", "xx"])
        lines = HostLines(
            language,
            lambda _: "",
            None if begin is None else template(begin),
            [template("Still there?")] if self.dice.random() < 0.5 else [],
        )
        actions: frozenset[type[Action]] = frozenset({EndCall, TransferCall}) if self.dice.random() < 0.8 else frozenset()
        self.now = 0.0
        self.most_reminders = self.dice.choice([None, 0, 1, 2])
        self.talk = Conversation(
            lines,
            actions=lambda: actions,
            numbers={"x": "+441"},
            begins=self.dice.random() < 0.8,
            agents=("a", "b", "c")[: self.dice.randint(1, 3)],
            may_answer=lambda _: self.dice.random() < 0.9,
            on_failure=self.dice.choice([None, EndCall(), TransferCall("x"), TransferCall("?")]),
            reminders=self.most_reminders,
        )
        self.judge = Judge(knows_farewells=language != "xx")
        self.asked = 0
        self.transcript = Transcript()

    def run(self) -> Judge:
        self.judge.watch(self.talk.opened(self.now))
        acts = (self.request, self.output, self.output, self.end, self.fail, self.update, self.other, self.time, self.order)
        for _ in range(self.dice.randrange(STEPS)):
            self.now += self.dice.choice([0.0, 0.1, 1.0, 3.0])
            self.judge.watch(self.dice.choice(acts)())
            assert self.judge.live_turn is None or self.talk.is_current(self.judge.live_turn)
        self.judge.watch(self.talk.closed())
        assert self.judge.live_turn is None, "a turn outlived its call"
        return self.judge

    def request(self) -> list[Effect]:
        turn = max(1, self.asked + self.dice.choice([1, 1, 1, 0, -1, 3]))
        self.asked = max(self.asked, turn)
        kind = self.dice.choice(("response", "response", "reminder"))
        effects = self.talk.receive(TurnRequested(turn, kind, self.transcript), self.now)  # type: ignore[arg-type]
        if any(isinstance(one, TurnStarted) for one in effects):
            heard = [said.text for said in self.transcript if said.role == "user"]
            self.judge.asked(turn, kind, heard, self.most_reminders, effects)
        return effects

    def reply(self) -> int:
        return self.dice.randint(max(0, self.judge.newest_reply - 2), self.judge.newest_reply)

    def output(self) -> list[Effect]:
        reply = self.reply()
        effects = self.talk.output(reply, self.dice.choice(OUTPUTS), self.now)  # type: ignore[arg-type]
        if reply != self.judge.live_reply:
            assert not any(isinstance(effect, Send) for effect in effects), "a dead reply was heard"
        return effects

    def end(self) -> list[Effect]:
        return self.talk.ended(self.over(), self.now)

    def fail(self) -> list[Effect]:
        return self.talk.failed(self.over(), self.now)

    def over(self) -> int:
        """A reply that has come to its end by itself."""
        reply = self.reply()
        if reply == self.judge.live_reply:
            self.judge.live_reply = None
        return reply

    def update(self) -> list[Effect]:
        text = "bye" if self.dice.random() < 0.3 else f"words {self.dice.random()}"
        said = Utterance(self.dice.choice(["agent", "user"]), text)
        self.transcript = Transcript((*self.transcript.utterances[:5], said))
        return self.talk.receive(TranscriptUpdated(self.transcript))

    def other(self) -> list[Effect]:
        match self.dice.randrange(4):
            case 0:
                assert self.talk.receive(PingReceived(9)) == [Send(Pong(9))]
                return []
            case 1:
                return self.talk.receive(CallerInterrupted())
            case 2:
                return self.talk.receive(DetailsGiven(Details()))
            case _:
                return self.talk.opened() if self.judge.newest_turn >= 0 else []

    def time(self) -> list[Effect]:
        return self.talk.timer(self.judge.newest_turn, self.dice.choice(["begin", "late", "cleanup"]), self.now)

    def order(self) -> list[Effect]:
        return self.talk.order(Interrupt(Say("now"))) if self.dice.random() < 0.2 else []


def test_no_random_call_breaks_a_rule() -> None:
    outcomes: set[str] = set()
    turns = repeated = 0
    for seed in range(CALLS):
        judge = Call(seed).run()
        assert set(judge.ends) == set(judge.finishes), f"seed {seed}: every turn ends once"
        outcomes.update(judge.ends.values())
        turns += len(judge.ends)
        repeated += judge.repeated
    assert outcomes == {"finished", "failed", "interrupted", "timed out"}
    assert turns > CALLS
    assert repeated
