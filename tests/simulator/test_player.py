"""Scenarios played against agents in this process, on the virtual clock."""

from pathlib import Path

import pytest

from rejoinder.errors import ConfigError
from rejoinder.simulator.judging.findings import Verdict
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.playing.batch import plays_of
from rejoinder.simulator.playing.target import Local
from rejoinder.simulator.playing.virtual import play_in_virtual_time
from rejoinder.simulator.reports.story import story
from rejoinder.simulator.scenarios.reading import read_paths
from rejoinder.simulator.scenarios.scenario import CallSetup, PlatformSetup
from rejoinder.simulator.scenarios.setup import LATE_DETAILS, details_of, profile_of
from rejoinder.testing.dialling import CannotDial
from silence import Silence

CONFIG = """
numbers: {reception: "+442079460000"}
agents:
  parrot: {system: echo, begin: "Hello.", options: {by_word: true, pause: 0.1}}
  desk:
    system: rules
    begin: "Hello {{ name }}, how can I help you?"
    reminder: "Are you still there?"
    options:
      rules:
        - {when: bye, say: "Goodbye.", end_call: true}
        - {when: reception, say: "One moment.", transfer: reception}
        - {when: menu, say: "Pressing.", press: "1#"}
        - {when: story, say: "Once upon a time there was a very long story that nobody ever heard to its end."}
      default: "I did not get that."
  broken: {system: nothing_of_that_name}
routes: {/echo: parrot, /rules: desk}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "rejoinder.yaml"
    path.write_text(CONFIG.replace("  broken: {system: nothing_of_that_name}\n", ""))
    return path


def play(config: Path, text: str, *, route: str = "", at_once: int = 1, runs: int = 1, seed: int = 0) -> list[Verdict]:
    """The verdicts on the scenarios in `text`."""
    file = config.parent / "calls.yaml"
    file.write_text(text)
    read = read_paths([file], {})
    assert not read.problems, "\n".join(map(str, read.problems))
    target = Local.of_file(config, {}, route)
    plays = plays_of(read.scenarios, target, runs=runs, seed=seed)
    return play_in_virtual_time(plays, target, Silence(), at_once=at_once)


def passes(config: Path, text: str, route: str) -> Verdict:
    (verdict,) = play(config, text, route=route)
    assert verdict.outcome == "passed", story(verdict)
    return verdict


def fails(config: Path, text: str, route: str) -> list[tuple[str, str]]:
    (verdict,) = play(config, text, route=route)
    return [(finding.check, finding.what) for finding in verdict.findings]


def test_a_call_goes_to_and_fro_until_the_caller_hangs_up(config: Path) -> None:
    verdict = passes(
        config,
        "call: {kind: phone, variables: {name: Ann}}\n"
        "caller:\n"
        "  - hears: {is: 'Hello Ann, how can I help you?', within: 5s}\n"
        "  - {says: When are you open?, expect: {contains: did not get, first_sentence: 1s}}\n"
        "  - {says: My menu please, expect: {action: {presses: '1#'}}}\n"
        "  - {says: And reception?, expect: {action: {transfer: '+442079460000'}}}\n"
        "expect: {ends: call_transfer, silence: 3s}\n",
        "/rules",
    )
    assert verdict.journal.ended_by == "agent"


def test_a_hang_up_by_the_agent_is_waited_for(config: Path) -> None:
    passes(config, "caller: [{says: bye}, {hears: goodbye}]\nexpect: {ends: agent, action: hang_up}", "/rules")


def test_a_pause_continues_the_sentence_and_the_answer_to_its_half_is_not_heard(config: Path) -> None:
    text = "caller: [{says: one, pauses: [{for: 800ms, then: two}], expect: {is: 'You said: one two'}}]"
    verdict = passes(config, text, "/echo")
    assert [turn.asked_for for turn in verdict.journal.turns[1:]] == ["one", "one two"]


def test_a_reminder_comes_after_silence(config: Path) -> None:
    text = "platform: {reminder: 5s, reminders: 2}\ncaller: [{silent: 5500ms, expect: still there}, {silent: 6s}]"
    verdict = passes(config, text, "/rules")
    assert [turn.kind for turn in verdict.journal.turns] == ["begin", "reminder", "reminder"]


@pytest.mark.parametrize("point", ["after: 1s", "words: 4"])
def test_a_barge_in_cuts_the_agent_where_it_was_told_to(config: Path, point: str) -> None:
    text = f"caller: [{{says: a story}}, {{says: Stop., interrupts: {{{point}}}, expect: did not get}}]"
    verdict = passes(config, text, "/rules")
    cut = verdict.journal.turns[1]
    assert cut.cut
    assert len(cut.heard) < len(cut.said)


def test_a_barge_in_by_chunk_comes_before_the_rest_does(config: Path) -> None:
    text = "caller: [{says: one two three four five six}, {says: Stop., interrupts: {chunk: 3}, expect: Stop}]"
    config.write_text(CONFIG.replace("pause: 0.1", "pause: 0.5"))
    cut = passes(config, text, "/echo").journal.turns[1]
    assert (cut.completed_at, len(cut.chunks) < 8) == (None, True)


def test_who_cannot_cut_in_any_more_is_told_so(config: Path) -> None:
    text = "caller: [{says: hi}, {says: Stop., interrupts: {words: 40}}]"
    (found,) = fails(config, text, "/rules")
    assert found[0] == "interrupts"
    assert "waited for 40 words" in found[1]


def test_mumbling_and_pressing_keys_is_part_of_a_call(config: Path) -> None:
    text = "caller: [{mumbles: true, expect: unintelligible}, {presses: '5#'}, {says: Well., expect: Well}]"
    verdict = passes(config, text, "/echo")
    assert [entry.text for entry in verdict.journal.of("caller_presses")] == ["5#"]


@pytest.mark.parametrize(
    "fault",
    [
        "{drops: connection, at: {chunk: 2}}",
        "{drops: keepalive}",
        "{duplicates: 3}",
        "{reorders: 2}",
        "{reads_slowly: 5s}",
        "dials_twice",
        "{sends: Hello}",
        "{sends: {interaction_type: clear}, at: {words: 1}}",
        "{sends_bytes: Hello}",
    ],
)
def test_a_call_survives_what_happens_to_its_connection(config: Path, fault: str) -> None:
    text = f"caller: [{{says: one two three four}}, {fault}, {{hears: four}}, {{says: five, expect: five}}]"
    verdict = passes(config, text, "/echo")
    assert verdict.journal.of("fault")


def test_what_happens_to_a_connection_waits_for_one(config: Path) -> None:
    text = "caller: [{drops: connection}, {drops: connection}, {says: one, expect: one}]"
    journal = passes(config, text, "/echo").journal
    assert [entry.what for entry in journal.of("lost", "dialled", "redialled")] == ["dialled", *["lost", "redialled"] * 2]


def test_an_expectation_that_is_not_met_is_found_in_its_place(config: Path) -> None:
    (verdict,) = play(config, "caller:\n  - says: one\n    expect: two\n", route="/echo")
    (found,) = verdict.findings
    assert (verdict.outcome, found.check, found.place.line, found.turn) == ("failed", "contains", 3, 1)


def test_an_agent_that_has_not_finished_in_time_is_found(config: Path) -> None:
    (found,) = fails(config, "caller: [{says: a story}, {hears: {within: 1s}}]", "/rules")
    assert found[0] == "within"


def test_what_the_caller_meant_to_do_after_the_end_is_told(config: Path) -> None:
    found = fails(config, "caller: [{says: bye}, {says: One more thing.}]", "/rules")
    assert found == [("ends", "the call was over (agent_hangup) before the caller says 'One more thing.'")]


def test_a_call_that_takes_longer_than_its_limit_is_ended(config: Path) -> None:
    assert fails(config, "limit: 5s\ncaller: [{silent: 1m}]", "/echo") == [
        ("limit", "the call was not over after 5 s, which is the scenario's limit")
    ]


def test_a_scenario_is_played_on_every_route_that_it_applies_to(config: Path) -> None:
    text = "scenarios: [{name: all, caller: []}, {name: some, applies: rules, caller: []}]"
    told = [(verdict.play.scenario.name, verdict.play.route) for verdict in play(config, text)]
    assert told == [("all", "/echo"), ("all", "/rules"), ("some", "/rules")]
    assert [verdict.play.route for verdict in play(config, text, route="echo")] == ["/echo"]


def test_the_route_of_a_scenario_is_taken_where_none_is_named(config: Path) -> None:
    (verdict,) = play(config, "route: /rules\ncaller: []")
    assert verdict.play.route == "/rules"


def test_each_repetition_has_a_seed_of_its_own_and_the_same_seed_the_same_call(config: Path) -> None:
    text = "caller: [{says: one two three, expect: three}]"
    calls = play(config, text, route="/echo", runs=3, at_once=3)
    assert [(verdict.play.number, verdict.play.seed) for verdict in calls] == [(1, 0), (2, 1), (3, 2)]
    (again,) = play(config, text, route="/echo", seed=2)
    assert [entry.at for entry in again.journal.entries] == [entry.at for entry in calls[2].journal.entries]
    assert again.journal.call_id == calls[2].journal.call_id  # a live server may still know the former
    assert again.lasted != calls[0].lasted


def test_what_the_platform_tells_of_a_call_is_what_the_scenario_says() -> None:
    assert details_of(CallSetup()) == {"call_type": "web_call", "call_status": "registered"}
    assert details_of(CallSetup("phone", "+15550001111", variables={"name": "Ann"}, metadata={"a": 1}, opt_out=True)) == {
        "call_type": "phone_call",
        "call_status": "registered",
        "from_number": "+15550001111",
        "direction": "inbound",
        "retell_llm_dynamic_variables": {"name": "Ann"},
        "metadata": {"a": 1},
        "opt_out_sensitive_data_storage": True,
    }


def test_settings_of_a_scenario_take_the_place_of_the_platforms_own() -> None:
    assert profile_of(PlatformSetup(), 0) == Profile()
    setup = PlatformSetup(reminder=3.0, reminders=2, sensitivity=0.0, max_call=90.0, details="late", rate=120)
    for seed in (0, 7):
        made = profile_of(setup, seed)
        told = (made.reminder_after, made.reminders, made.sensitivity, made.max_duration, made.details_after, made.caller_rate)
        assert told == (3.0, 2, 0.0, 90.0, LATE_DETAILS, 120)
    assert profile_of(setup, 7).agent_rate != Profile().agent_rate
    assert profile_of(PlatformSetup(details="never"), 0).details_after is None


def test_a_route_that_is_not_there_is_told_with_those_that_are(config: Path) -> None:
    with pytest.raises(CannotDial, match=r"has no route /nope for Retell; it has: /echo, /rules"):
        play(config, "caller: []", route="nope")


def test_a_file_that_is_wrong_is_not_played(config: Path) -> None:
    config.write_text(CONFIG.replace("/rules: desk", "/rules: nobody"))
    with pytest.raises(ConfigError, match="nobody"):
        play(config, "caller: []")


def test_an_agent_that_does_not_open_breaks_the_play_and_not_the_run(config: Path) -> None:
    config.write_text(CONFIG.replace("/rules: desk", "/broken: broken"))
    whole, broken = play(config, "caller: []")
    assert whole.outcome == "passed"
    assert (broken.play.route, broken.outcome) == ("/broken", "broken")
    assert "nothing_of_that_name" in broken.findings[0].what
