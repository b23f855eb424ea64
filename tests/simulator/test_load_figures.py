"""What is counted of many calls, and how it is told."""

import json
import os

import pytest

from rejoinder.simulator.journal import AskedTurn, Entry, Journal
from rejoinder.simulator.judging.findings import Finding, Play, Verdict
from rejoinder.simulator.load.outcome import Cost, Outcome, Size
from rejoinder.simulator.load.resources import LATE, VERY_LATE, Usage, allow_open_files, usage
from rejoinder.simulator.load.spread import Spread
from rejoinder.simulator.load.tally import Tally
from rejoinder.simulator.reports.load_report import as_json, is_late, text
from rejoinder.simulator.scenarios.scenario import Scenario


def verdict(*turns: AskedTurn, over: float = 60.0, entries: tuple[Entry, ...] = (), wrong: tuple[Finding, ...] = ()) -> Verdict:
    journal = Journal("call_1", entries=[*entries, Entry(over, "ended", "user_hangup")], turns=[*turns])
    journal.reason, journal.pongs = "user_hangup", [0.002]
    return Verdict(Play(Scenario("A call")), "failed" if wrong else "passed", wrong, journal)


def outcome(tally: Tally, *, late: tuple[float, ...] = (0.001,), was_stopped: bool = False, took: float = 70.0) -> Outcome:
    own, server = Cost(35.0, 200 * 2**20, 8.0), Cost(35.0, 200 * 2**20)
    return Outcome(Size(1000, ramp=10.0, lasts=60.0), tally, took, was_stopped, late, own, server)


def test_percentiles_are_values_that_were_taken() -> None:
    spread = Spread.of(range(1, 101))
    assert (spread.count, spread.at, spread.most) == (100, (50, 90, 95, 99), 100)
    assert Spread.of([7.0]).row == (7.0,) * 5
    assert Spread.of([]).row == (0.0,) * 5
    assert Spread.of([1, 2, 3]).at[0] == 2


def test_what_became_of_turns_is_told_apart() -> None:
    tally = Tally()
    answered = AskedTurn(1, "response", 1.0, chunks=[(1.25, "Well.")], first_sentence_at=1.5, completed_at=1.5)
    gone_on = AskedTurn(2, "response", 5.0, superseded_at=6.0)
    reminder = AskedTurn(3, "reminder", 10.0, superseded_at=40.0)
    stalled = AskedTurn(4, "response", 41.0, chunks=[(41.5, "We")])
    tally.add(verdict(AskedTurn(0, "begin", 0.5, first_sentence_at=0.75), answered, gone_on, reminder, stalled))
    tally.add(verdict(AskedTurn(1, "response", 55.0), AskedTurn(9, "interrupt", 56.0)), whole=False)
    turns = tally.turns
    assert (turns.asked, turns.answered, turns.replaced, turns.unanswered, turns.open) == (5, 1, 1, 2, 1)
    assert tally.times["first chunk"] == [0.25, 0.5]
    assert (tally.times["first sentence"], tally.times["begin message"], tally.times["pong"]) == ([0.5], [0.25], [0.002, 0.002])
    assert tally.ended == {"user_hangup": 1, "broken off at the end": 1}


def test_a_call_is_connected_by_the_last_of_its_tries() -> None:
    tally = Tally()
    entries = (Entry(0.0, "dialled"), Entry(7.0, "refused", "no answer"), Entry(10.0, "dialled", "attempt 2"))
    tally.add(verdict(AskedTurn(0, "begin", 10.25), entries=(*entries, Entry(20.0, "redialled", "keepalive"))))
    assert tally.times["connect"] == [0.25]
    assert tally.redials == {"keepalive": 1}


def test_of_a_call_that_was_broken_off_only_what_it_did_is_held_against_it() -> None:
    tally = Tally()
    unfinished = verdict(entries=(Entry(1.0, "dropped", "turn 1 was complete"),), wrong=(Finding("contains", "not yet said"),))
    tally.add(unfinished, whole=False)
    assert {kind: fault.count for kind, fault in tally.faults.items()} == {"protocol_clean": 1}
    tally.add(unfinished)
    assert [*tally.faults] == ["protocol_clean", "contains"]


def test_the_report_is_text_that_can_be_read() -> None:
    tally = Tally()
    turn = AskedTurn(1, "response", 1.0, chunks=[(1.25, "Well.")], first_sentence_at=1.5, completed_at=1.5)
    wrong = (Finding("contains", "no\x1b[2J 'nine'"),)
    tally.add(verdict(AskedTurn(0, "begin", 0.5, first_sentence_at=0.75), turn, wrong=wrong))
    used = "35.0 s of CPU (50% of a core, 35,000.0 ms a minute of a call), 200 MiB at the most"
    assert text(outcome(tally)).splitlines() == [
        "1,000 at once for 1m after a ramp of 10s: 1 call, 1.0 minutes of them",
        "",
        "milliseconds        count       p50       p90       p95       p99       max",
        "connect                 1     500.0     500.0     500.0     500.0     500.0",
        "begin message           1     250.0     250.0     250.0     250.0     250.0",
        "first chunk             1     250.0     250.0     250.0     250.0     250.0",
        "first sentence          1     500.0     500.0     500.0     500.0     500.0",
        "pong                    1       2.0       2.0       2.0       2.0       2.0",
        "",
        "turns          1 asked: 1 answered",
        "calls          1 user_hangup",
        "redials        none",
        "errors",
        "  1 contains: no\N{REPLACEMENT CHARACTER}[2J 'nine'",
        f"simulator      {used}, waited 8.0 s for a processor",
        f"server         {used}",
        "lateness       the simulator's own loop was late by 1.0 ms in one look of a hundred, 1.0 ms at the most",
    ]


def test_a_simulator_that_was_late_says_that_it_is_not_to_be_believed() -> None:
    for late in ((0.0, VERY_LATE * 2), (LATE * 2,) * 10):
        assert is_late(outcome(Tally(), late=late))
        assert "do not believe the times above" in text(outcome(Tally(), late=late))
    assert not is_late(outcome(Tally(), late=(LATE / 2, VERY_LATE / 2) + (0.0,) * 200))


def test_a_load_that_was_stopped_says_when() -> None:
    assert ", stopped after 12 s: " in text(outcome(Tally(), was_stopped=True, took=12.3))


def test_a_load_in_which_nothing_was_played_is_not_well() -> None:
    assert not outcome(Tally()).is_well


def test_json_holds_all_figures() -> None:
    tally = Tally()
    tally.add(verdict(AskedTurn(0, "begin", 0.5, first_sentence_at=0.75), wrong=(Finding("contains", "no 'nine'"),)))
    told = json.loads(as_json(outcome(tally)))
    assert (told["ok"], told["load"], told["ramp"], told["for"], told["seconds"]) == (False, 1000, 10.0, 60.0, 70.0)
    assert told["times"]["connect"] == {"count": 1, "p50": 0.5, "p90": 0.5, "p95": 0.5, "p99": 0.5, "max": 0.5}
    assert told["errors"] == {"contains": {"count": 1, "example": "no 'nine'"}}
    assert told["simulator"] == {"cpu_seconds": 35.0, "memory_bytes": 200 * 2**20, "waited_seconds": 8.0}
    assert told["server"] == {"cpu_seconds": 35.0, "memory_bytes": 200 * 2**20, "waited_seconds": None}


def test_what_was_waited_for_a_processor_is_that_of_the_load() -> None:
    before, after = Usage(1.0, 10, 4.0), Usage(3.0, 20, 5.5)
    assert Cost.between(before, after) == Cost(2.0, 20, 1.5)
    assert Cost.between(Usage(1.0, 10), after) == Cost(2.0, 20)
    assert Cost.between(None, after) is None


def test_what_a_process_uses_is_read_from_the_system() -> None:
    own, same = usage(), usage(os.getpid())
    assert own is not None
    assert same is not None
    assert own.memory > 2**20
    assert same.cpu >= own.cpu > 0


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="the system does not tell of other processes")  # noqa: PTH112
def test_a_process_that_is_not_there_uses_nothing_that_could_be_told() -> None:
    assert usage(2**22 + 1) is None


def test_open_files_are_allowed_as_far_as_the_system_does() -> None:
    assert allow_open_files(16) >= 16
