"""What came of a run: lines and a table for a person, JUnit's XML and JSON for machines."""

import json
from xml.etree import ElementTree as ET

import pytest

from rejoinder.config.tree import Mark
from rejoinder.dialogue import Utterance
from rejoinder.simulator.journal import AskedTurn, Entry, Journal
from rejoinder.simulator.judging.findings import Finding, Outcome, Play, Verdict
from rejoinder.simulator.reports.results import as_json, junit
from rejoinder.simulator.reports.table import Paper
from rejoinder.simulator.scenarios.scenario import Scenario


def verdict(outcome: Outcome = "passed", name: str = "A call", *, number: int = 1, said: str = "Hello.") -> Verdict:
    turn = AskedTurn(0, "begin", 0.5, chunks=[(0.75, said)], first_sentence_at=0.75, completed_at=0.75, heard=said)
    entries = [Entry(0.0, "dialled"), Entry(2.0, "agent_stops", said, 0), Entry(12.5, "ended", "user_hangup")]
    journal = Journal("call_1", entries=entries, turns=[turn], transcript=[Utterance("agent", said)], reason="user_hangup")
    journal.ended_by = "caller"
    wrong = (Finding("contains", "expected to hear 'nine'", 2.0, 0, Mark("calls/a.yaml", 3, 9)),)
    play = Play(Scenario(name, place=Mark("calls/a.yaml", 2, 3)), "/echo", number, seed=41 + number)
    return Verdict(play, outcome, () if outcome == "passed" else wrong, journal, took=0.25)


def test_each_play_has_a_line_that_says_how_it_ended() -> None:
    paper = Paper()
    assert paper.result(verdict()) == "passed  A call (/echo)"
    assert paper.result(verdict("failed")) == "FAILED  A call (/echo)"
    assert paper.result(verdict("broken")) == "BROKEN  A call (/echo): expected to hear 'nine'"


def test_what_is_played_several_times_is_told_apart() -> None:
    assert Paper(runs=2).result(verdict(number=2)) == "passed  A call (/echo) #2"


def test_a_story_begins_with_how_to_play_it_again() -> None:
    assert Paper().story(verdict("failed")).splitlines() == [
        "    calls/a.yaml:2, --seed 42",
        "         0.0  platform  dials",
        "         2.0  agent     Hello.",
        "         2.0  wrong     contains: expected to hear 'nine'  [calls/a.yaml:3:9]",
        "        12.5  platform  ends the call: user_hangup",
    ]


def test_colours_are_for_terminals_and_nothing_that_is_said_reaches_one_raw() -> None:
    coloured = Paper(has_colours=True)
    assert coloured.result(verdict("failed")) == "\x1b[31mFAILED\x1b[0m  A call (/echo)"
    assert "\x1b[2J" not in coloured.story(verdict(said="Hi\x1b[2J\nthere."))
    assert "\x1b" not in Paper().story(verdict("failed", said="Hi\x1b[2J there."))


def test_the_table_holds_every_play_and_ends_with_the_counts() -> None:
    told = Paper(width=72).table([verdict(), verdict("failed", "A call with a name that is too long for any table")], 1.26)
    assert told.splitlines() == [
        "outcome  scenario                           call  first sentence    took",
        "-------  -------------------------------  ------  --------------  ------",
        "passed   A call (/echo)                   12.5 s          0.25 s  0.25 s",
        "failed   A call with a name that is t...  12.5 s          0.25 s  0.25 s",
        "",
        "1 passed, 1 failed: 25 s of calls in 1.3 s",
    ]


def test_junit_has_a_suite_for_each_file_and_tells_failures_from_what_could_not_be_played() -> None:
    root = ET.fromstring(junit([verdict(), verdict("failed", "Bad"), verdict("broken", "Lost")], 1.0))
    (suite,) = root
    assert (root.tag, suite.get("name"), dict(root.attrib)["time"]) == ("testsuites", "calls/a.yaml", "1.000")
    assert [suite.get(name) for name in ("tests", "failures", "errors", "time")] == ["3", "1", "1", "0.750"]
    assert [(case.get("name"), case.get("classname"), [one.tag for one in case]) for case in suite] == [
        ("A call (/echo)", "calls/a.yaml", ["system-out"]),
        ("Bad (/echo)", "calls/a.yaml", ["failure"]),
        ("Lost (/echo)", "calls/a.yaml", ["error"]),
    ]
    failure = suite[1][0]
    assert failure.get("message") == "calls/a.yaml:3:9: 2.0 s: contains: expected to hear 'nine'"
    assert "2.0  agent     Hello." in (failure.text or "")


@pytest.mark.parametrize("said", ["\x00\x1b", "\ud800", "\uffff", "]]> <&\"'"])
def test_reports_can_be_read_whatever_was_said(said: str) -> None:
    assert ET.fromstring(junit([verdict("failed", said=said)], 1.0)) is not None
    assert json.loads(as_json([verdict("failed", said=said)], 1, 1.0))["plays"][0]["turns"][0]["said"] == said


def test_json_holds_what_a_verdict_holds() -> None:
    told = json.loads(as_json([verdict(), verdict("failed")], 42, 1.2345))
    assert {key: told[key] for key in ("ok", "seed", "seconds", "passed", "failed", "broken")} == {
        "ok": False, "seed": 42, "seconds": 1.234, "passed": 1, "failed": 1, "broken": 0,
    }  # fmt: skip
    play = told["plays"][1]
    assert (play["scenario"], play["route"], play["outcome"], play["ended_by"]) == ("A call", "/echo", "failed", "caller")
    assert (play["call_seconds"], play["transcript"]) == (12.5, [{"role": "agent", "text": "Hello."}])
    assert play["findings"] == [
        {
            "check": "contains",
            "fault": "",
            "what": "expected to hear 'nine'",
            "at": 2.0,
            "turn": 0,
            "file": "calls/a.yaml",
            "line": 3,
            "column": 9,
        }
    ]
    assert (play["turns"][0]["kind"], play["turns"][0]["chunks"]) == ("begin", [[0.75, "Hello."]])


def test_a_run_without_a_play_is_not_well() -> None:
    assert json.loads(as_json([], 1, 0.0))["ok"] is False
