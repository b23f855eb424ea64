"""From a journal to a verdict: what is found, where, and in which words."""

import json
from collections.abc import Iterator
from typing import get_args

import pytest

from rejoinder.config.tree import Mark
from rejoinder.dialogue import Outcome as TurnOutcome
from rejoinder.simulator.journal import DEAD, AskedTurn, Entry, Journal, ToolSeen, What
from rejoinder.simulator.judging.clean_speech import FLAWS, flaws
from rejoinder.simulator.judging.findings import Answer, Finding, HostTurn, Play, Played, Verdict
from rejoinder.simulator.judging.judge import judge
from rejoinder.simulator.reports.story import story
from rejoinder.simulator.scenarios.expectation import (
    ActionExpectation,
    CallExpected,
    EndExpectation,
    Expected,
    TextExpectation,
    TextRule,
    TimeExpectation,
    ToolExpectation,
)
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.simulator.scenarios.steps import Hears, Says

PLACE = Mark("call.yaml", 7, 3)


def turn(text: str = "Hello.", at: float = 1.0, *, heard: str | None = None, **others: object) -> AskedTurn:
    """One that was asked for, said and heard, and completed a second later."""
    made = AskedTurn(1, "response", at, chunks=[(at + 0.5, text)] if text else [])
    made.heard = text if heard is None else heard
    made.first_sentence_at, made.completed_at = (at + 0.5 if text else None), at + 1
    made.spoken_from, made.spoken_to = at + 0.7, at + 1.2
    for name, value in others.items():
        setattr(made, name, value)
    return made


def journal(*turns: AskedTurn, entries: tuple[Entry, ...] = (), by: str = "caller", reason: str = "user_hangup") -> Journal:
    """A call that was connected, with these turns, and ended after 60 s."""
    received = Entry(0.1, "received", frame={"response_type": "config"})
    rest = sorted([*entries, Entry(60.0, "ended", reason)], key=lambda entry: entry.at)
    made = Journal("call_1", entries=[Entry(0.0, "dialled"), received, *rest], turns=list(turns), reason=reason)
    made.ended_by = by  # type: ignore[assignment]
    return made


def verdict(made: Journal, expected: Expected | None = None, whole: CallExpected | None = None) -> Verdict:
    """On a call whose one step expects this of all its turns."""
    step = Hears(expected=expected or Expected())
    scenario = Scenario("a call", (step,), expected=whole or CallExpected())
    answer = Answer(step, 0.0, range(len(made.turns)))
    return judge(Played(Play(scenario), made, (answer,)))


def found(made: Journal, expected: Expected | None = None, whole: CallExpected | None = None) -> list[Finding]:
    return list(verdict(made, expected, whole).findings)


def words(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.check, one.what) for one in found]


def text(rule: TextRule, wanted: str) -> Expected:
    return Expected(texts=(TextExpectation(rule, wanted, PLACE),))


def test_a_call_in_which_all_is_as_expected_has_passed() -> None:
    assert verdict(journal(turn())).outcome == "passed"


@pytest.mark.parametrize(
    ("rule", "wanted", "passes"),
    [
        ("contains", "NINE to", True),
        ("contains", "ten", False),
        ("is", "we are  open from nine to five.", True),
        ("is", "nine", False),
        ("matches", "open .* five", True),
        ("matches", "^Nine", False),
        ("absent", "ten", True),
        ("absent", "Nine", False),
    ],
)
def test_words_are_compared_without_case_and_spaces_and_patterns_as_they_are(rule: TextRule, wanted: str, passes: bool) -> None:
    made = found(journal(turn("We are open from nine to five.")), text(rule, wanted))
    assert [(one.check, one.place) for one in made] == ([] if passes else [(rule, PLACE)])


def test_what_was_never_heard_does_not_count_as_said() -> None:
    cut = turn("We are open from nine to five.", heard="We are open", cut=True)
    assert words(found(journal(cut), text("contains", "nine"))) == [
        (
            "contains",
            "expected to hear something with 'nine', heard 'We are open' (it meant to say 'We are open from nine to five.')",
        )
    ]


def test_nothing_heard_is_said_so() -> None:
    assert words(found(journal(turn("")), text("is", "Hello."))) == [("is", "expected to hear 'Hello.', heard nothing")]


def test_an_action_must_be_carried_out_and_not_only_wished() -> None:
    expected = Expected(action=ActionExpectation("transfer", "+44207", PLACE))
    assert not found(journal(turn(action="transfer", target="+44207", done_at=2.0)), expected)
    told = [
        found(journal(turn(action="transfer", target="+44300", done_at=2.0)), expected),
        found(journal(turn(discarded="transfer: the caller went on")), expected),
        found(journal(turn()), expected),
        found(journal(turn(action="hang_up")), Expected(action=ActionExpectation("", place=PLACE))),
    ]
    wanted = "expected the agent to transfer the call (+44207)"
    assert [one.what for (one,) in told] == [
        f"{wanted}; it wants to transfer the call (+44300)",
        f"{wanted}; it was told to, and the platform threw it away (transfer: the caller went on)",
        f"{wanted}; it does nothing of the kind",
        "expected the agent to do nothing but speak, but it wants to hang up",
    ]


def test_a_late_first_sentence_is_shown_where_it_became_late() -> None:
    expected = Expected(first_sentence=TimeExpectation(2.0, PLACE))
    (late,) = found(journal(turn(first_sentence_at=4.5)), expected)
    assert (late.at, late.turn, late.place) == (3.0, 0, PLACE)
    assert late.what == "the first sentence came 3.50 s after the request, expected within 2 s"


def test_a_turn_that_was_given_up_early_owes_no_sentence_but_one_of_them_must_come() -> None:
    expected = Expected(first_sentence=TimeExpectation(2.0, PLACE))
    given_up = turn("", completed_at=None, superseded_at=1.4)
    assert not found(journal(given_up, turn()), expected)
    assert words(found(journal(given_up), expected)) == [("first_sentence", "the agent said nothing")]


def test_what_the_player_waited_for_in_vain_is_found() -> None:
    missed = Finding("within", "the agent had not finished", 3.5, place=PLACE)
    assert judge(Played(Play(Scenario("a call")), journal(turn()), missed=(missed,))).findings == (missed,)


def tool(name: str = "book", at: float = 5.0, **arguments: object) -> ToolSeen:
    return ToolSeen(f"{name}-{at}", name, json.dumps(arguments), at)


def judged_tools(expected: ToolExpectation, *tools: ToolSeen) -> list[str]:
    return [one.what for one in found(journal(turn(tools=list(tools))), whole=CallExpected(tools=(expected,)))]


def test_a_tool_is_called_with_what_was_expected_among_what_it_is_given() -> None:
    booked = tool(name="book", guests=2, when="Friday")
    booked.arguments = '{"name": "ann", "guests": "2", "when": "Friday"}'
    assert not judged_tools(ToolExpectation("book", arguments={"name": "Ann", "guests": 2}), booked)
    assert judged_tools(ToolExpectation("book", arguments={"name": "Bob"}), booked) == [
        f'book was not called with {{"name": "Bob"}}; called was book({booked.arguments})'
    ]
    assert judged_tools(ToolExpectation("book")) == ["book was not called; called was no tool"]


def test_once_means_that_the_same_is_not_done_again() -> None:
    once = ToolExpectation("book", once=True)
    assert not judged_tools(once, tool(guests=2), tool(at=6.0, guests=3))
    assert judged_tools(once, tool(guests=2), tool(at=9.0, guests=2)) == [
        'book({"guests": 2}) was called again; it was called already after 5.0 s'
    ]


def test_a_tool_that_must_not_be_called_is_told_when_it_is() -> None:
    assert judged_tools(ToolExpectation("cancel", is_called=False), tool("cancel")) == ["cancel({}) was called"]


def test_the_end_is_that_of_whom_was_expected_or_for_that_very_reason() -> None:
    made = journal(turn(), by="agent", reason="agent_hangup", entries=(Entry(59.0, "hang_up"),))
    for by in ("agent", "agent_hangup"):
        assert not found(made, whole=CallExpected(ends=EndExpectation(by)))
    assert words(found(made, whole=CallExpected(ends=EndExpectation("caller")))) == [
        ("ends", "expected the end by caller, it was by agent (agent_hangup)")
    ]


def test_an_end_that_nobody_wanted_is_found_unless_it_was_expected() -> None:
    made = journal(turn(), by="platform", reason="inactivity")
    assert words(found(made)) == [("ends", "the platform ended the call: inactivity")]
    assert not found(made, whole=CallExpected(ends=EndExpectation("inactivity")))


def test_a_step_for_which_the_call_ended_too_early_is_named() -> None:
    step = Says("Hello?", place=PLACE)
    made = journal(turn(), by="agent", reason="agent_hangup", entries=(Entry(59.0, "hang_up"),))
    (one,) = judge(Played(Play(Scenario("a call", (step,))), made, left=(step,))).findings
    assert (one.what, one.place) == ("the call was over (agent_hangup) before the caller says 'Hello?'", PLACE)


def voice(*times: tuple[float, float]) -> tuple[Entry, ...]:
    kinds: tuple[What, What] = ("agent_starts", "agent_stops")
    return tuple(Entry(at, what) for pair in times for at, what in zip(pair, kinds, strict=True))


def test_silence_counts_only_while_a_turn_waits_and_nobody_speaks() -> None:
    waits = turn(at=10.0, completed_at=30.0)
    made = journal(waits, entries=voice((12.0, 15.0), (22.0, 28.0)))
    assert not found(made, whole=CallExpected(silence=TimeExpectation(8.0)))
    (one,) = found(made, whole=CallExpected(silence=TimeExpectation(4.0, PLACE)))
    assert (one.at, one.what) == (19.0, "7.00 s of silence while turn 1 waits, expected at most 4 s")


def test_a_turn_that_is_left_open_is_found_where_it_gave_its_last_sign() -> None:
    spoken = turn(completed_at=None)
    (one,) = found(journal(spoken))
    assert (one.check, one.at) == ("turns_closed", 2.2)
    assert one.what == "turn 1 was never completed: nothing more came for 57.8 s"
    assert not found(journal(spoken), whole=CallExpected(turns_closed=False))


@pytest.mark.parametrize(("what", "text"), [("lost", "1006"), ("keepalive_lost", "no answer"), ("fault", DEAD)])
def test_a_turn_is_not_left_open_while_nothing_can_come_for_it(what: What, text: str) -> None:
    def is_left_open(until: float, *entries: Entry) -> bool:
        asked = AskedTurn(1, "response", 2.0, superseded_at=until)
        return "turns_closed" in [one.check for one in found(journal(asked, entries=entries))]

    lost, again = Entry(3.0, what, text), Entry(15.0, "redialled")
    assert is_left_open(20.0)
    assert not is_left_open(20.0, lost)
    assert not is_left_open(20.0, lost, again)
    assert is_left_open(25.0, lost, again)


@pytest.mark.parametrize("outcome", get_args(TurnOutcome))
def test_a_turn_that_no_agent_answered_to_its_end_is_found(outcome: TurnOutcome) -> None:
    told = (HostTurn(1, "response", outcome),)
    checks = [one.check for one in judge(Played(Play(Scenario("a call")), journal(turn()), host_turns=told)).findings]
    assert checks == (["turns_answered"] if outcome in ("failed", "timed out") else [])


def test_a_turn_that_was_superseded_or_cut_short_by_the_end_was_not_left_open() -> None:
    assert not found(journal(turn("", completed_at=None, superseded_at=4.0, spoken_to=None)))
    assert not found(journal(turn("", at=55.0, completed_at=None, spoken_to=None)))


FRAME = {"response_type": "response", "response_id": 1, "content": "late", "content_complete": True}


def broken() -> Iterator[tuple[str, tuple[Entry, ...], str]]:
    yield (
        "a lost frame",
        (Entry(3.0, "dropped", "an old id", frame=FRAME),),
        "the platform drops a frame without a word: an old id",
    )
    yield "no type", (Entry(3.0, "received", frame={"content": ""}),), "a frame without a response_type"
    yield "an unknown type", (Entry(3.0, "received", frame={"response_type": "x"}),), "a frame of an unknown type: x"
    yield "a late config", (Entry(3.0, "received", frame={"response_type": "config"}),), "config is the 2. frame"
    wrong = "end_call has the wrong type"
    yield "a lost wish", (Entry(3.0, "discarded", wrong),), f"the platform passes over a wish without a word: {wrong}"
    yield "no pong", (Entry(9.0, "keepalive_lost", "5 s"),), "the server does not answer pings: 5 s"
    yield "lost", (Entry(9.0, "lost"),), "the server lost the connection without a word (1006)"


@pytest.mark.parametrize(("entries", "told"), [case[1:] for case in broken()], ids=[case[0] for case in broken()])
def test_what_breaks_the_protocol_is_found(entries: tuple[Entry, ...], told: str) -> None:
    (one,) = found(journal(turn(), entries=entries))
    assert (one.check, one.at) == ("protocol_clean", entries[0].at)
    assert one.what.startswith(told)
    assert not found(journal(turn(), entries=entries), whole=CallExpected(protocol_clean=False))


def test_what_the_scenario_did_to_a_connection_is_not_the_servers_fault() -> None:
    fault = Entry(8.0, "fault", "drop")
    assert not found(journal(turn(), entries=(fault, Entry(9.0, "lost"), Entry(9.5, "redialled"))))


def test_what_is_said_again_after_a_redial_may_be_dropped() -> None:
    entries = (Entry(8.0, "fault"), Entry(9.5, "redialled"), Entry(9.6, "dropped", "complete", frame=FRAME))
    assert not found(journal(turn(), entries=entries))


def test_a_socket_that_is_closed_with_1000_hangs_up_on_the_caller() -> None:
    (one,) = found(journal(turn(), by="agent", reason="agent_hangup"))
    assert one.what.startswith("the server hung up by closing the socket with 1000")


def test_ids_of_tools_are_their_own() -> None:
    twice = [ToolSeen("a", "book", "{}", 2.0), ToolSeen("a", "book", '{"name": "Ann"}', 3.0)]
    assert [one.what for one in found(journal(turn(tools=twice)))] == ["the tool call id 'a' is used twice"]


UNCLEAN = [
    ("It is **very** good.", "emphasis"),
    ("It is *very* good.", "emphasis"),
    ("# Hours", "a heading"),
    ("- one\n- two", "a list"),
    ("1. one\n2. two", "a list"),
    ("Use `this`.", "code"),
    ("See [here](https://example.com).", "a link"),
    ("| a | b |", "a table"),
    ("<break time='1s'/> Yes.", "a tag"),
    ("Hello {{ name }}.", "a field that was not filled in"),
    ("Great \U0001f600!", "an emoji"),
    ("a\x00b", "a control character"),
    ("First.\nSecond.", "a line break"),
    ("One moment.Your table is booked.", "two sentences without a space between them"),
]


@pytest.mark.parametrize(("said", "flaw"), UNCLEAN)
def test_what_is_not_for_a_voice_is_found_by_name(said: str, flaw: str) -> None:
    assert flaw in [name for name, _ in flaws(said)]
    (one, *_) = found(journal(turn(said)))
    assert one.check == "speech_clean"


def test_every_flaw_of_speech_is_shown() -> None:
    assert {flaw for _, flaw in UNCLEAN} == set(FLAWS)


@pytest.mark.parametrize(
    "said",
    [
        "We open at 9.30, on the 3rd of May; it is 5 * 4 = 20 and -5 degrees!",
        "Mr. O'Neill of St. John's paid 3.50 (or so)... Really? Yes - really.",
        "Your code is 1 2 3. 4. 5.",
        "¿Sigue ahí? «Claro»; 你好。再见。",
        "Write to ann at example dot com, or call +44 20 7946 0000. The U.S.A. version is v2.0.",
    ],
)
def test_plain_speech_is_clean(said: str) -> None:
    assert flaws(said) == []


def test_a_call_that_nobody_took_is_broken_with_the_last_refusal() -> None:
    made = Journal("x", entries=[Entry(0.0, "dialled"), Entry(0.1, "refused", "first"), Entry(3.2, "refused", "HTTP 404")])
    one = verdict(made)
    assert (one.outcome, words(list(one.findings))) == ("broken", [("played", "nobody takes the call: HTTP 404 (tries: 2)")])


def test_what_answers_and_says_nothing_or_something_else_is_broken() -> None:
    assert verdict(Journal("x", entries=[Entry(0.0, "dialled")])).findings[0].what == (
        "the call was taken, and then nothing ever came"
    )
    stranger = Journal("x", entries=[Entry(0.0, "dialled"), Entry(0.2, "dropped", "not JSON")])
    assert verdict(stranger).findings[0].what == "what answers does not speak the platform's protocol: not JSON"


def test_a_story_shows_who_said_what_when_and_where_it_went_wrong() -> None:
    asked = turn("We are closed.", at=3.0)
    entries = (
        Entry(2.5, "caller_stops", "When are you open?"),
        Entry(3.0, "asked", turn=0),
        Entry(4.2, "agent_stops", "We are closed."),
    )
    told = story(verdict(journal(asked, entries=entries), text("contains", "nine")))
    assert told.splitlines() == [
        "     0.0  platform  dials",
        "     2.5  caller    When are you open?",
        "     3.0  platform  asks for an answer (turn 1)",
        "     4.2  agent     We are closed.",
        "     4.2  wrong     contains: expected to hear something with 'nine', heard 'We are closed.'  [call.yaml:7:3]",
        "    60.0  platform  ends the call: user_hangup",
    ]


def test_what_is_wrong_stands_behind_what_is_shown_at_the_same_time() -> None:
    entries = (Entry(2.231, "agent_stops", "Hello."),)
    told = story(verdict(journal(turn(spoken_to=2.23), entries=entries), text("is", "Bye."))).splitlines()
    assert [line.split()[1] for line in told] == ["platform", "agent", "wrong", "platform"]


def test_words_that_nobody_heard_are_told_as_such() -> None:
    stale = turn("Too late.", at=3.0, heard="", superseded_at=5.0, completed_at=None, spoken_to=None)
    assert "     5.0  agent     ('Too late.', unheard)" in story(verdict(journal(stale))).splitlines()
