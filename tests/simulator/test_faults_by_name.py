"""What has a name among the faults of servers, and what looks like it and is none."""

from typing import Any

import pytest

from rejoinder.simulator.journal import DEAD, ODD, AskedTurn, Entry, Journal, Kind, What
from rejoinder.simulator.judging.clean_connection import bad_endings
from rejoinder.simulator.judging.clean_protocol import broken_rules
from rejoinder.simulator.judging.sensible_turns import senseless_turns


def said(number: int, text: str, *, at: float, kind: Kind = "response", action: Any = "") -> AskedTurn:
    chunks = [(at, text)] if text else []
    return AskedTurn(number, kind, at, chunks=chunks, completed_at=at, action=action, done_at=at if action else None)


def call(*entries: Entry, turns: list[AskedTurn] | None = None, reason: str = "user_hangup") -> Journal:
    return Journal("call", entries=list(entries), turns=turns or [], reason=reason)


def came(at: float, **frame: Any) -> Entry:
    return Entry(at, "received", frame=frame)


def connection(*entries: tuple[float, What, str]) -> list[str]:
    return [finding.fault for finding in bad_endings(call(*(Entry(at, what, text) for at, what, text in entries)))]


def turns(*all_turns: AskedTurn, redialled: float | None = None) -> list[str]:
    entries = [] if redialled is None else [Entry(redialled, "redialled")]
    return [finding.fault for finding in senseless_turns(call(*entries, turns=list(all_turns)))]


def test_a_reminder_that_says_the_last_answer_again_answers() -> None:
    first, second = said(1, "At nine.", at=1.0), said(2, "At five.", at=2.0)
    assert turns(first, second, said(3, "At five. ", at=3.0, kind="reminder")) == ["reminder_answers"]
    assert turns(first, second, said(3, "At nine.", at=3.0, kind="reminder")) == []
    assert turns(first, second, said(3, "", at=3.0, kind="reminder")) == []


def test_an_agent_that_says_one_thing_to_everything_may_say_it_to_a_silence() -> None:
    alike = "Can you say that again?"
    assert turns(said(1, alike, at=1.0), said(2, alike, at=2.0), said(3, alike, at=3.0, kind="reminder")) == []


def test_a_hang_up_needs_a_word_before_it() -> None:
    assert turns(said(1, "", at=1.0, action="hang_up")) == ["silent_hang_up"]
    assert turns(said(1, "Goodbye.", at=1.0, action="hang_up")) == []
    assert turns(said(1, "", at=1.0, action="digits")) == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("We are open ", "We are open from nine.", ["starts_over"]),
        ("We are open ", "from nine.", []),
        ("We ", "We are open.", []),
        ("", "We are open.", []),
    ],
)
def test_an_answer_goes_on_after_a_redial(before: str, after: str, found: list[str]) -> None:
    turn = AskedTurn(1, "response", 1.0, chunks=[(1.0, before), (3.0, after)], completed_at=3.0)
    assert turns(turn, redialled=2.0) == found


@pytest.mark.parametrize(
    ("what", "code", "found"),
    [
        ("lost", "1006", ["lost_connection"]),
        ("closed", "1011", ["closed_socket"]),
        ("closed", "1009", ["frame_too_big"]),
        ("closed", "1007", ["binary_frame"]),
        ("closed", "1000", []),
    ],
)
def test_each_end_of_a_connection_has_its_name_unless_the_scenario_harmed_it(what: What, code: str, found: list[str]) -> None:
    assert connection((0.0, "dialled", ""), (5.0, what, code)) == found
    assert connection((0.0, "dialled", ""), (4.0, "fault", "the connection is lost"), (5.0, what, code)) == []


def test_an_odd_frame_does_a_connection_no_harm_so_its_end_soon_after_is_the_servers() -> None:
    odd: tuple[float, What, str] = (4.0, "fault", f"{ODD} is sent: Hello")
    assert connection((0.0, "dialled", ""), odd, (4.5, "closed", "1011")) == ["odd_frame_ends_it"]
    assert connection((0.0, "dialled", ""), odd, (9.0, "closed", "1011")) == ["closed_socket"]


def test_a_dead_line_needs_a_keepalive_to_be_noticed() -> None:
    assert connection((1.0, "fault", DEAD)) == ["no_keepalive"]
    assert connection((0.0, "configured", "auto_reconnect, call_details"), (1.0, "fault", DEAD)) == []
    assert connection((0.0, "configured", "call_details"), (1.0, "fault", DEAD)) == ["no_keepalive"]


def test_a_line_that_dies_at_once_leaves_no_time_to_ask_for_a_keepalive() -> None:
    assert connection((0.0, "dialled", ""), (0.0, "fault", DEAD)) == []
    assert connection((0.0, "dialled", ""), (3.0, "redialled", ""), (3.5, "fault", DEAD)) == []
    assert connection((0.0, "dialled", ""), (3.0, "fault", DEAD)) == ["no_keepalive"]


def pinged(pong: float, *more: Entry) -> list[str]:
    ping = Entry(1.0, "sent", frame={"interaction_type": "ping_pong", "timestamp": 7})
    return [one.fault for one in bad_endings(call(ping, *more, came(pong, response_type="ping_pong", timestamp=7)))]


def test_a_pong_is_late_after_five_seconds_unless_the_scenario_held_it_up() -> None:
    assert pinged(5.9) == []
    assert pinged(6.1) == ["late_pongs"]
    assert pinged(6.1, Entry(2.0, "fault", "nothing is read for 5 s")) == []


def rules(*entries: Entry, **more: Any) -> list[tuple[str, str]]:
    return [(finding.fault, finding.what) for finding in broken_rules(call(*entries, **more))]


def test_of_what_does_not_belong_into_config_only_the_names_are_told() -> None:
    config = came(0.1, response_type="config", config={"auto_reconnect": True, "api_key": "sk-1"}, id=3)
    assert rules(Entry(0.0, "dialled"), config) == [
        ("polluted_config", "config holds what does not belong there: id, api_key"),
    ]


def test_an_answer_that_goes_on_in_vain_is_told_once() -> None:
    dropped = [Entry(5.0 + at, "dropped", f"turn 1 had been replaced for {at:.3f} s", turn=0) for at in range(1, 9)]
    found = rules(*dropped, turns=[said(1, "Yes.", at=1.0)])
    assert [fault for fault, _ in found] == ["stale_answer"]


def test_a_begin_message_that_is_said_again_is_told_also_right_after_a_redial() -> None:
    again = Entry(2.1, "dropped", "turn 0 was complete", turn=0, frame={"response_id": 0, "content": "Hello."})
    assert [fault for fault, _ in rules(Entry(2.0, "redialled"), again, turns=[said(0, "Hello.", at=0.0, kind="begin")])] == [
        "greeted_twice"
    ]
