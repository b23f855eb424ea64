"""From the lines of a recording to what its caller did: what a call over a socket does not bring about at will."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rejoinder.config.tree import Mark
from rejoinder.simulator.replay.past import Contrast, Past, Reaction
from rejoinder.simulator.replay.recollection import recollect
from rejoinder.simulator.replay.recorded_call import scenario_of
from rejoinder.simulator.scenarios.reading import read_paths
from rejoinder.simulator.scenarios.scenario import Scenario
from rejoinder.simulator.scenarios.scenario_text import text_of
from rejoinder.simulator.scenarios.steps import HangsUp, Pause, Point, Says, Silent

Line = dict[str, Any]
Heard = tuple[str, str | dict[str, Any]]


def timed(text: str, start: float, seconds: float = 0.3) -> dict[str, Any]:
    """What somebody said, each word so long."""
    words = [
        {"word": word, "start": start + at * seconds, "end": start + (at + 1) * seconds} for at, word in enumerate(text.split())
    ]
    return {"content": text, "words": words}


def received(at: float, *heard: Heard) -> Line:
    """A frame with the conversation: who said what."""
    told = [{"role": role, **(said if isinstance(said, dict) else {"content": said})} for role, said in heard]
    return {"at": at, "what": "received", "frame": {"transcript": told}}


def turn(number: int, at: float, *pieces: str, kind: str = "response", outcome: str = "finished") -> Iterator[Line]:
    yield {"at": at, "what": "turn started", "turn": number, "kind": kind}
    for piece in pieces:
        yield {"at": at, "what": "sent", "frame": {"content": piece}}
    yield {"at": at, "what": "turn ended", "turn": number, "kind": kind, "outcome": outcome, "first_sentence": 0.5}


def made(*lines: Line) -> Scenario:
    return scenario_of({"platform": "retell", "call": "call-1"}, lines, Mark("call.jsonl"))


def past(one: Scenario) -> Past:
    assert one.past is not None
    return one.past


GREETING = (*turn(0, 0.0, "Good day to you and welcome here.", kind="begin"),)
HEARD = ("agent", "Good day to you and welcome here.")


def test_a_caller_cuts_in_at_the_word_that_was_spoken_then_not_at_the_last_one_heard() -> None:
    cut = received(3.0, ("agent", timed("Good day to you", 0.2)), ("user", timed("Wait please", 0.85)))
    (step,) = made(*GREETING, cut, *turn(1, 3.0, "Yes?")).steps
    assert isinstance(step, Says)
    assert step.interrupts == Point("words", 2)


def test_who_began_a_word_or_two_early_and_cut_nothing_off_waits_for_the_end_now() -> None:
    heard = received(3.0, ("agent", timed(HEARD[1], 0.2)), ("user", timed("Hello", 2.1)))
    (step,) = made(*GREETING, heard, *turn(1, 3.0, "Yes?")).steps
    assert isinstance(step, Says)
    assert step.interrupts is None


def test_a_long_silence_before_the_caller_speaks_is_kept() -> None:
    heard = received(12.0, ("agent", timed(HEARD[1], 0.2)), ("user", timed("Hello", 8.3)))
    silent, _ = made(*GREETING, heard, *turn(1, 12.0, "Yes?")).steps
    assert isinstance(silent, Silent)
    assert silent.seconds == 6.0


def test_words_behind_the_last_answer_are_said_again_and_nothing_is_expected_of_them() -> None:
    one = made(*GREETING, received(3.0, HEARD, ("user", "Hello")), *turn(1, 3.0, "Yes?"),
               received(6.0, HEARD, ("user", "Hello"), ("agent", "Yes?"), ("user", "Never mind")))  # fmt: skip
    assert [step.text for step in one.steps if isinstance(step, Says)] == ["Hello", "Never mind"]
    assert [reaction is None for reaction in past(one).reactions] == [False, True]


def test_words_that_the_platform_understood_otherwise_later_take_the_place_of_the_first() -> None:
    first, then = received(3.0, HEARD, ("user", "Eye wood")), received(4.0, HEARD, ("user", "I would like"))
    (step,) = made(*GREETING, first, *turn(1, 3.0, "What?", outcome="interrupted"), then, *turn(2, 4.0, "Yes.")).steps
    assert isinstance(step, Says)
    assert (step.text, step.pauses) == ("I would like", ())


def test_a_pause_in_mid_sentence_is_as_long_as_it_was() -> None:
    first = received(3.0, HEARD, ("user", timed("I would", 2.0)))
    more = timed("I would", 2.0)
    more = {"content": "I would like tea", "words": [*more["words"], *timed("like tea", 4.0)["words"]]}
    one = made(*GREETING, first, *turn(1, 3.0, "So?"), received(5.0, HEARD, ("user", more)), *turn(2, 5.0, "Yes."))
    (step,) = one.steps
    assert isinstance(step, Says)
    assert step.pauses == (Pause(1.4, "like tea"),)
    (reaction,) = past(one).reactions
    assert reaction is not None
    assert reaction.text == "Yes."


def test_what_is_said_again_on_a_new_connection_was_said_once() -> None:
    begun, *rest = turn(1, 3.0, "We are ", "open.")
    again = [{"at": 4.0, "what": "sent", "frame": {"content": "We are open."}}]
    goes_on = [{"at": 4.0, "what": "sent", "frame": {"content": " Till five."}}]
    dialled = [{"at": 0.0, "what": "dialled"}]
    for second, said in ((again, "We are open."), (goes_on, "We are open. Till five.")):
        call = recollect([*dialled, begun, *rest[:2], *dialled, *second, *rest[2:]])
        assert [one.said for one in call.turns] == [said]
        assert call.redials == 1


def test_frames_behind_a_hole_lean_on_nothing_before_it() -> None:
    said = {"role": "user", "content": "Hello"}
    grown = {"at": 5.0, "what": "received", "frame": {"transcript": None}, "grown": {"transcript": {"keep": 1, "then": [said]}}}
    call = recollect([received(1.0, HEARD), {"at": 4.0, "what": "lost", "entries": 2}, grown])
    assert (call.lost, [one.text for one in call.heard]) == (2, [HEARD[1]])  # what cannot be read is as if it had not come


def test_a_call_ends_when_its_connection_does_and_not_when_nobody_has_dialled_again() -> None:
    heard = received(1.4, ("agent", timed("Good day to you", 0.2)))
    ends = [{"at": 1.5, "what": "closed", "code": 1000}, {"at": 21.5, "what": "ended", "ended_by": "lost"}]
    one = made(*GREETING, heard, *ends)
    assert one.steps == (HangsUp(interrupts=Point("words", 4)),)


def test_an_action_whose_line_was_cut_off_is_not_missed() -> None:
    then = Reaction("Goodbye and", action="hang_up", is_cut=True)
    assert Contrast("says 'bye'", then, Reaction("Goodbye and thank you.")).is_same
    assert not Contrast("says 'bye'", Reaction("Goodbye.", action="hang_up"), Reaction("Goodbye.")).is_same


def saved(one: Scenario, folder: Path) -> Scenario:
    (folder / "saved.yaml").write_text(text_of([one]))
    read = read_paths([folder / "saved.yaml"], {"HOME": "nowhere"})
    assert not read.problems
    return read.scenarios[0]


def test_a_saved_call_expects_what_was_heard_to_its_end_and_what_was_not_redacted(tmp_path: Path) -> None:
    heard: list[Heard] = [("agent", timed("Good day to you", 0.2)), ("user", timed("Wait", 1.5))]
    more: list[Heard] = [*heard, ("agent", "Call *** ****."), ("user", "So ${HOME} is $5 \N{GRINNING FACE}\u200b?")]
    last: list[Heard] = [*more, ("agent", "Yes, and"), ("user", "Thanks")]
    one = made(
        *(*GREETING, received(3.0, *heard), *turn(1, 3.0, "Call *** ****.")),
        *(received(6.0, *more), *turn(2, 6.0, "Yes, and so on.")),
        *(received(9.0, *last), *turn(3, 9.0, "Goodbye.")),
    )
    wait, so, thanks = saved(one, tmp_path).steps
    assert isinstance(wait, Says)
    assert isinstance(so, Says)
    assert isinstance(thanks, Says)
    assert (wait.interrupts, so.interrupts, thanks.interrupts) == (Point("words", 4), None, Point("words", 2))
    assert so.text == "So ${HOME} is $5 \N{GRINNING FACE}\u200b?"
    expected = [[(rule.rule, rule.text) for rule in step.expected.texts] for step in (wait, so, thanks)]
    assert expected == [[], [], [("is", "Goodbye.")]]  # redacted, cut off, and neither


def test_several_calls_are_one_file_and_the_same_name_is_numbered(tmp_path: Path) -> None:
    one = made(*GREETING)
    (tmp_path / "saved.yaml").write_text(text_of([one, one]))
    assert [found.name for found in read_paths([tmp_path / "saved.yaml"]).scenarios] == ["call-1", "call-1 2"]
