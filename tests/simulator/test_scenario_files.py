"""Files of scenarios: what they mean, and everything that is wrong with them in one go."""

from pathlib import Path

import pytest

from rejoinder.simulator.scenarios.expectation import ActionExpectation, EndExpectation
from rejoinder.simulator.scenarios.reading import Read, read_file, read_paths
from rejoinder.simulator.scenarios.scenario import CallSetup, PlatformSetup, Scenario
from rejoinder.simulator.scenarios.steps import (
    DialsTwice,
    Drops,
    Duplicates,
    HangsUp,
    Hears,
    Mumbles,
    Pause,
    Point,
    Presses,
    ReadsSlowly,
    Reorders,
    Says,
    Silent,
)

WHOLE = """
name: A pause in mid-sentence is no end of it
about: A stale answer is never heard.
applies: [echo, rules]
route: /echo
limit: 2m
call: {from: "+15550001111", to: "+15550002222", variables: {name: Ann, table: 4}, metadata: {vip: true}, opt_out: true}
platform: {reminder: 12s, reminders: 2, sensitivity: 0.5, details: late, rate: 150, end_after_silence: 1m}
caller:
  - hears: {contains: "help you", within: 3s}
  - says: When are you open?
    expect: {contains: [nine, five], absent: sorry, first_sentence: 2s, action: {transfer: "+442079460000"}}
  - says: I would like
    pauses: [{for: 800ms, then: a table}, {for: 1s, then: for two}]
  - says: Stop
    interrupts: {after: 1s}
  - silent: 12s
  - mumbles
  - presses: "5#"
    interrupts: {words: 4}
  - drops: connection
    at: {chunk: 2}
  - drops: keepalive
  - duplicates: 3
  - reorders: 2
  - reads_slowly: 5s
  - dials_twice: true
  - hears: goodbye
  - hangs_up: true
expect:
  ends: agent
  tools: [{called: book, with: {name: Ann}, once: true}, {not_called: cancel}]
  action: hang_up
  silence: 4s
  speech_clean: false
"""


NOBODY = (
    "call.yaml:21:9: expect.ends: nothing ends a call that is called 'nobody' (one of: agent, agent_hangup, call_transfer, "
    "caller, error_llm_websocket_corrupt_payload, error_llm_websocket_lost_connection, error_llm_websocket_open, "
    "error_llm_websocket_runtime, inactivity, max_duration_reached, platform, user_hangup)"
)


def read(tmp_path: Path, text: str, name: str = "call.yaml") -> Read:
    (tmp_path / name).write_text(text)
    return read_paths([tmp_path / name], {})


def one(tmp_path: Path, text: str) -> Scenario:
    found = read(tmp_path, text)
    assert not found.problems, "\n".join(map(str, found.problems))
    (scenario,) = found.scenarios
    return scenario


def problems(tmp_path: Path, text: str) -> list[str]:
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in read(tmp_path, text).problems]


def test_a_scenario_says_who_calls_and_how_the_platform_is_set(tmp_path: Path) -> None:
    scenario = one(tmp_path, WHOLE)
    assert (scenario.name, scenario.about) == ("A pause in mid-sentence is no end of it", "A stale answer is never heard.")
    assert (sorted(scenario.applies), scenario.route, scenario.limit) == (["echo", "rules"], "/echo", 120.0)
    variables = {"name": "Ann", "table": "4"}
    assert scenario.call == CallSetup(
        "phone", "+15550001111", "+15550002222", "inbound", variables, {"vip": True}, opt_out=True
    )
    expected = PlatformSetup(12.0, 2, 0.5, end_after_silence=60.0, details="late", rate=150)
    assert scenario.platform == expected


def test_every_kind_of_step_is_read(tmp_path: Path) -> None:
    steps = one(tmp_path, WHOLE).steps
    kinds = [Hears, Says, Says, Says, Silent, Mumbles, Presses, Drops, Drops]
    kinds += [Duplicates, Reorders, ReadsSlowly, DialsTwice, Hears, HangsUp]
    assert [type(step) for step in steps] == kinds
    paused, interrupting, press, drop = steps[2], steps[3], steps[6], steps[7]
    assert isinstance(paused, Says)
    assert paused.pauses == (Pause(0.8, "a table"), Pause(1.0, "for two"))
    assert isinstance(interrupting, Says)
    assert interrupting.interrupts == Point("seconds", 1.0)
    assert isinstance(press, Presses)
    assert (press.digits, press.interrupts) == ("5#", Point("words", 4))
    assert isinstance(drop, Drops)
    assert (drop.what, drop.at) == ("connection", Point("chunks", 2))


def test_every_expectation_knows_where_it_was_written(tmp_path: Path) -> None:
    scenario = one(tmp_path, WHOLE)
    hears, says = scenario.steps[:2]
    assert isinstance(hears, Hears)
    assert (hears.within, hears.expected.texts[0].text) == (3.0, "help you")
    assert [(rule.rule, rule.text) for rule in says.expected.texts] == [
        ("contains", "nine"),
        ("contains", "five"),
        ("absent", "sorry"),
    ]
    assert {(rule.place.line, rule.place.column) for rule in says.expected.texts} == {(12, 25), (12, 31), (12, 46)}
    assert says.expected.action == ActionExpectation("transfer", "+442079460000", scenario.steps[1].expected.action.place)  # type: ignore[union-attr]
    assert says.expected.first_sentence is not None
    assert says.expected.first_sentence.seconds == 2.0
    whole = scenario.expected
    assert whole.ends == EndExpectation("agent", whole.ends.place if whole.ends else scenario.place)
    assert [(tool.name, tool.is_called, tool.once, dict(tool.arguments)) for tool in whole.tools] == [
        ("book", True, True, {"name": "Ann"}),
        ("cancel", False, False, {}),
    ]
    assert (whole.turns_closed, whole.protocol_clean, whole.speech_clean) == (True, True, False)


def test_a_bare_text_is_what_must_be_heard(tmp_path: Path) -> None:
    scenario = one(tmp_path, "caller: [{hears: hello}, {says: hi, expect: you said}]")
    assert [step.expected.texts[0].text for step in scenario.steps] == ["hello", "you said"]


def test_a_file_gives_its_name_to_a_scenario_that_has_none(tmp_path: Path) -> None:
    assert one(tmp_path, "caller: []").name == "call"


def test_what_stands_beside_a_list_of_scenarios_counts_for_each_that_says_nothing_else(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "route: /a\napplies: echo\nexpect: {ends: agent}\n"
        "scenarios:\n  - {name: first, caller: []}\n  - {caller: [], route: /b, expect: {ends: caller}}\n",
    )
    assert not found.problems
    told = [(one.name, one.route, sorted(one.applies), one.expected.ends and one.expected.ends.by) for one in found.scenarios]
    assert told == [("first", "/a", ["echo"], "agent"), ("call 2", "/b", ["echo"], "caller")]


def test_a_folder_is_read_with_all_that_is_in_it_but_what_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b.yaml", "a.yml", "deeper/c.yaml", ".hidden/d.yaml", "e.txt"):
        (tmp_path / name).write_text("caller: []")
    assert [one.name for one in read_paths([tmp_path], {}).scenarios] == ["a", "b", "c"]


def test_a_folder_without_scenarios_and_a_file_that_is_not_there_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    told = [str(one) for one in read_paths([tmp_path / "empty", tmp_path / "none.yaml"], {}).problems]
    assert told == [
        f"{tmp_path}/empty: there is no scenario in this folder (put *.yaml files there)",
        f"{tmp_path}/none.yaml: there is no such file or folder (check the name)",
    ]


def test_values_from_outside_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "call.yaml").write_text("caller: [{says: 'My name is ${NAME}'}]")
    (scenario,) = read_file(tmp_path / "call.yaml", {"NAME": "Ann"}).scenarios
    (step,) = scenario.steps
    assert isinstance(step, Says)
    assert step.text == "My name is Ann"


def test_all_errors_of_a_file_are_told_at_once_each_with_its_place_and_a_remedy(tmp_path: Path) -> None:
    text = """\
nmae: A typo
route: echo
call: {from: 5550001111, kind: fax}
platform: {reminder: 12, sensitivity: 2, details: later}
caller:
  - say: hello
  - says: [a, b]
  - says: one
    silent: 3s
  - silent: 3s
    interrupts: {after: 1s}
  - hangs_up: false
  - mumble
  - drops: call
  - presses: "12x"
  - says: two
    interrupts: {word: 3}
    pauses: [{for: 1s}]
    expect: {contain: x, matches: "(", action: dance}
expect:
  ends: nobody
  tools: [{called: a, not_called: b}]
  silence: forever
"""
    assert problems(tmp_path, text) == [
        "call.yaml:1:1: unknown key 'nmae' (did you mean 'name'?)",
        "call.yaml:2:8: route: a route begins with / (write '/echo')",
        'call.yaml:3:14: call.from: expected text, got a whole number (quote it: "5550001111")',
        "call.yaml:3:32: call.kind: not one of the values it may have (one of: web, phone)",
        "call.yaml:4:22: platform.reminder: not a duration (write it with its unit: 500ms, 2s, 5m, 1h)",
        "call.yaml:4:39: platform.sensitivity: must be between 0 and 1",
        "call.yaml:4:51: platform.details: not one of the values it may have (did you mean 'late'?)",
        "call.yaml:6:5: caller[0]: unknown key 'say' (did you mean 'says'?)",
        "call.yaml:7:11: caller[1].says: expected text, got a list (write it in quotes, or name a file: {file: path})",
        "call.yaml:8:5: caller[2]: says and silent are two steps (write each step as a list item of its own)",
        "call.yaml:11:5: caller[3]: 'interrupts' has no meaning beside 'silent' (beside it may stand: expect)",
        "call.yaml:12:15: caller[4].hangs_up: a step that does not happen (write true, or leave the step out)",
        "call.yaml:13:5: caller[5]: not a step (did you mean 'mumbles'?)",
        "call.yaml:14:12: caller[6].drops: this cannot be dropped (one of: connection, keepalive)",
        'call.yaml:15:14: caller[7].presses: these are not keys of a telephone (digits, * and # only: "5#")',
        "call.yaml:17:18: caller[8].interrupts: unknown key 'word' (did you mean 'words'?)",
        "call.yaml:18:14: caller[8].pauses[0]: a pause needs 'then' (write {for: 800ms, then: the rest of the sentence})",
        "call.yaml:19:14: caller[8].expect: unknown key 'contain' (did you mean 'contains'?)",
        (
            "call.yaml:19:35: caller[8].expect.matches: not a pattern of RE2: missing ): ( "
            "(see github.com/google/re2/wiki/Syntax; quote it with '...')"
        ),
        (
            "call.yaml:19:48: caller[8].expect.action: not an action "
            '(write hang_up, none, {transfer: "+44..."} or {presses: "1#"})'
        ),
        NOBODY,
        "call.yaml:22:11: expect.tools[0]: a tool is either called or not_called (write {called: name} or {not_called: name})",
        "call.yaml:23:12: expect.silence: not a duration (write it with its unit: 500ms, 2s, 5m, 1h)",
    ]


NO_SCENARIO = {
    "": "call.yaml: the file is empty (write 'caller:' and the caller's steps below)",
    "- says: hi": "call.yaml:1:1: expected a mapping, got a list (write its keys below it, indented)",
    "name: x": (
        "call.yaml:1:1: a scenario needs 'caller' (write 'caller:' and the steps below; [] for a caller who only listens)"
    ),
    "agents: {a: {system: echo}}": (
        "call.yaml:1:1: this is a configuration, not a scenario "
        "(give it with --config, and keep scenarios in a folder of their own)"
    ),
    "caller: [says: 'a": "call.yaml:1:16: this quote is never closed (close it; inside '...' a ' is written twice)",
    "caller: {says: hi}": (
        "call.yaml:1:1: caller: expected a list of steps, got a mapping (write [a, b], or one '- item' a line)"
    ),
    "scenarios: [{name: y, caller: []}]\nname: x\ncaller: []": (
        "call.yaml:2:1: 'name' belongs to one scenario, and here is a list of them (write it into each)"
    ),
    "caller: [{says: hi, expect: {contains: ' '}}]": (
        'call.yaml:1:40: caller[0].expect.contains: an empty text is in every text (leave it out, or write is: "" for silence)'
    ),
    "caller: [{says: hi, expect: {}}, {expect: {}}]": (
        "call.yaml:1:34: caller[1]: a step must say what happens (one of: says, hears, silent, mumbles, presses, hangs_up, "
        "drops, duplicates, reorders, reads_slowly, sends, sends_bytes, dials_twice)"
    ),
}


@pytest.mark.parametrize(("text", "told"), NO_SCENARIO.items())
def test_what_is_no_scenario_is_told_as_such(tmp_path: Path, text: str, told: str) -> None:
    assert problems(tmp_path, text)[0] == told


def test_nothing_happens_after_a_hang_up(tmp_path: Path) -> None:
    assert problems(tmp_path, "caller: [hangs_up, {says: hi}]") == [
        "call.yaml:1:20: caller[1]: nothing happens after 'hangs_up' (leave it out, or move it up)"
    ]


def test_two_scenarios_of_one_name_in_a_file_are_one_too_many(tmp_path: Path) -> None:
    told = problems(tmp_path, "scenarios:\n  - {name: a, caller: []}\n  - {name: a, caller: []}\n")
    assert told == [
        "call.yaml:3:6: scenarios[1]: 'a' is already the name of the scenario in line 2 (give each a name of its own)"
    ]


def test_a_file_with_an_error_gives_none_of_its_scenarios_and_others_are_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("scenarios:\n  - {name: a, caller: []}\n  - {name: b}\n")
    (tmp_path / "good.yaml").write_text("caller: []")
    found = read_paths([tmp_path], {})
    assert ([one.name for one in found.scenarios], len(found.problems)) == (["good"], 1)
