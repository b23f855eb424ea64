"""A recording as a person reads it."""

import json
from typing import Any

from rejoinder.recording.frames import Shortened
from rejoinder.recording.redaction import Redaction
from rejoinder.recording.story import Story

HEAD = {
    "call": "call-1",
    "route": "/echo",
    "agent": "parrot",
    "platform": "retell",
    "start": "2026-11-22T00:00:00Z",
    "words": "kept",
}


class Told:
    """Lines as a tape makes them, a second apart."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._shortened = Shortened(Redaction(), lambda value, _: value)

    def line(self, what: str, **facts: Any) -> "Told":
        self.lines.append({"at": float(len(self.lines)), "what": what, **facts})
        return self

    def hears(self, *said: str) -> "Told":
        roles = ("user", "agent")
        items = [{"role": roles[at % 2], "content": one} for at, one in enumerate(said)]
        return self.line("received", **self._shortened.line(json.dumps({"transcript": items})))

    def says(self, text: Any) -> "Told":
        return self.line("sent", frame={"content": text})

    def story(self) -> list[str]:
        return [line.strip() for line in Story(HEAD).lines(self.lines)][2:]


def test_a_sentence_that_goes_on_is_told_once_and_then_how_it_went_on() -> None:
    told = Told().hears("I").hears("I would").hears("I would like").line("turn started", turn=1, kind="response")
    told.hears("I would like tea").line("turn started", turn=2, kind="response")
    assert told.story() == [
        "0.000  CALLER: I would like",
        "3.000  turn 1 (response)",
        "4.000  CALLER (goes on): I would like tea",
        "5.000  turn 2 (response)",
    ]


def test_what_the_agent_says_is_one_line_at_the_time_of_its_first_words() -> None:
    told = Told().line("turn started", turn=1, kind="response").says("You ").says("said").says("")
    told.line("turn ended", turn=1, outcome="interrupted", agent="parrot", first_sentence=0.25)
    assert told.story()[1:] == ["1.000  AGENT: You said", "4.000  turn 1 interrupted (by parrot, first sentence after 0.25 s)"]


def test_what_a_tool_gave_and_what_the_platform_is_told_is_not_what_the_agent_said() -> None:
    told = Told().line("turn started", turn=1, kind="response").line("sent", frame={"tool_call_id": "t1", "content": "12 rows"})
    told.line("sent", frame={"metadata": {"content": "private"}}).says("We open at nine.").line("turn ended", turn=1)
    assert [line for line in told.story() if "AGENT" in line] == ["3.000  AGENT: We open at nine."]


def test_the_callers_next_words_are_another_line() -> None:
    assert Told().hears("one").hears("one", "yes", "two").line("ended", ended_by="platform").story()[:2] == [
        "0.000  CALLER: one",
        "1.000  CALLER: two",
    ]


def test_decisions_and_gaps_have_their_words() -> None:
    told = Told().line("timer", turn=1, rung="late").line("reply failed", reply=3).line("lost", entries=7)
    told.line("action", action="transfer", number="+**67").line("spoken out of turn", cuts=2).line("closed", code=1006)
    told.line("warning", text="something").line("not known to this version", x=1).line("timer")
    assert told.story() == [
        "0.000  turn 1: late is due",
        "1.000  reply 3 fails",
        "2.000  [7 entries could not be written here]",
        "3.000  the agent transfers to +**67",
        "4.000  the agent speaks out of turn",
        "5.000  the socket is closed (1006)",
        "6.000  warning: something",
        "8.000  turn ?: ? is due",
    ]


def test_nothing_that_was_said_can_move_the_cursor() -> None:
    assert Told().hears("a\x1b[2Jb\nc").line("ended").story()[0] == "0.000  CALLER: a [2Jb c"


def test_without_words_lengths_are_told() -> None:
    told = Told().line("turn started", turn=1, kind="response").says(3).says(4).line("turn ended", turn=1, outcome="finished")
    assert told.story()[1] == "1.000  AGENT: (7 characters)"


def test_a_frame_that_leans_on_what_is_not_there_is_told_as_such() -> None:
    told = Told().line("received", frame={"transcript": None}, grown={"transcript": {"keep": 9, "then": []}})
    assert told.story() == ["0.000  [a frame that cannot be read again]"]


def test_a_text_that_is_no_frame_is_told() -> None:
    assert Told().line("received", text="Hello").story() == ["0.000  a text that is no frame: Hello"]
