"""Calls of a host that recorded them, played again: what is said then and now."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from rejoinder.cli import main
from rejoinder.recording.shelf import Shelf
from rejoinder.simulator.batch import plays_of
from rejoinder.simulator.call import SimulatedCall
from rejoinder.simulator.findings import Play, Verdict
from rejoinder.simulator.past import Contrast
from rejoinder.simulator.platform import Retell
from rejoinder.simulator.profile import Profile
from rejoinder.simulator.reading import read_paths
from rejoinder.simulator.scenario import Scenario
from rejoinder.simulator.side_by_side import as_text
from rejoinder.simulator.steps import HangsUp, Mumbles, Presses, Says, Silent
from rejoinder.simulator.target import Local
from rejoinder.simulator.virtual import play_in_virtual_time
from rejoinder.testing.telephone import calling
from rejoinder.testing.wire import socket_dialler
from served import Served

ROUTES = "routes: {/desk: {agent: desk, platforms: [retell, chat], record: {text: on}}}\n"
BEGIN = "Good day, this is the front desk of the old hotel."
RULES = """numbers: {reception: "+442079460999"}
agents:
  desk:
    system: rules
    begin: "BEGIN"
    options:
      rules:
        - {when: open, say: "We are open from nine to five."}
        - {when: human, say: "One moment please.", transfer: reception}
        - {when: bye, say: "Goodbye.", end_call: true}
      default: "Well, it is as it is."
""".replace("BEGIN", BEGIN)
DESK = RULES + ROUTES
ECHO = f"agents: {{desk: {{system: echo, begin: '{BEGIN}'}}}}\n" + ROUTES.replace(
    "{agent", "{retell: {transcript_with_tool_calls: true}, agent"
)
ACTING = f"agents: {{desk: {{system: acting, options: {{act: ACT}}}}}}\n{ROUTES}"
PHONE = {"call_type": "phone_call", "direction": "inbound", "from_number": "+442079460123", "to_number": "+15550002222"}
#: A platform whose people speak thirty times as fast as they do.
HASTE = Profile(
    caller_rate=6000, agent_rate=6000, voice_delay=0.01, update_every=0.02, endpointing=0.04, barge_in=0.01, reminder_after=0.3
)

Recorded = Callable[..., Any]


class Silence:
    """Nobody listens."""

    def begun(self, play: Play) -> None: ...

    def ended(self, verdict: Verdict) -> None: ...


@pytest.fixture
def recorded(recording: Any, folder: Path) -> Recorded:
    """Serve a YAML text, let somebody call, and give the one recording that came of it."""

    async def record(yaml: str, call: Callable[[Served], Any]) -> Path:
        served = await recording(yaml)
        await call(served)
        await served.host.close()
        (path,) = Shelf(folder).paths()
        return path

    return record


def says(*words: str, details: dict[str, Any] = PHONE) -> Callable[[Served], Any]:
    """By hand, and at once."""

    async def call(served: Served) -> None:
        async with calling(served.ws("/desk"), call_id="call-1", details=details) as caller:
            await caller.hears()
            for one in words:
                await caller.says(one)
                await caller.hears()

    return call


def plays(script: Callable[[SimulatedCall], Any], **profile: Any) -> Callable[[Served], Any]:
    """As Retell plays it."""

    async def call(served: Served) -> None:
        async with ClientSession() as session:
            dial = socket_dialler(served.ws("/desk"), session)
            await Retell(dial, call_id="call-1", details=PHONE, profile=replace(HASTE, **profile)).run(script)

    return call


def scenario(path: Path) -> Scenario:
    read = read_paths([path])
    assert not read.problems
    (one,) = read.scenarios
    return one


def again(path: Path, yaml: str = "", *, is_strict: bool = False) -> Verdict:
    """Played against the file that it was recorded with, or another."""
    file = path.parents[1] / "again.yaml"
    file.write_text(yaml or (path.parents[1] / "rejoinder.yaml").read_text())
    one = scenario(path)
    assert one.past is not None
    one = replace(one, past=replace(one.past, is_binding=is_strict))
    acting = str(Path(__file__).parents[1] / "support" / "acting.py")
    target = Local.of_file(file, {"acting": acting})
    (verdict,) = play_in_virtual_time(plays_of([one], target), target, Silence())
    return verdict


def contrasts(verdict: Verdict) -> tuple[Contrast, ...]:
    assert verdict.comparison is not None
    return verdict.comparison.contrasts


def kinds(path: Path) -> list[type]:
    return [type(step) for step in scenario(path).steps]


async def test_a_call_that_is_played_again_is_the_same(recorded: Recorded) -> None:
    path = await recorded(DESK, says("When are you open?", "I see", "bye"))
    verdict = again(path)
    assert (verdict.outcome, verdict.word, verdict.findings) == ("passed", "same", ())
    assert verdict.play.route == "/desk"
    assert [(one.step, one.then.text) for one in contrasts(verdict)] == [
        ("hears the first words", BEGIN),
        ("says 'When are you open?'", "We are open from nine to five."),
        ("says 'I see'", "Well, it is as it is."),
        ("says 'bye'", "Goodbye."),
    ]
    assert [one.now.text for one in contrasts(verdict) if one.now] == [one.then.text for one in contrasts(verdict)]
    assert [one.then.action for one in contrasts(verdict)] == ["", "", "", "hang_up"]


async def test_what_is_said_differently_is_shown_word_by_word(recorded: Recorded) -> None:
    path = await recorded(DESK, says("When are you open?"))
    verdict = again(path, DESK.replace("from nine to", "every day from ten to"))
    assert (verdict.outcome, verdict.word) == ("passed", "differs")
    assert verdict.comparison is not None
    told = as_text(verdict.comparison).splitlines()
    assert told[1] == f"same     {BEGIN}"
    assert told[-1] == "differs  We are open {+every day+} from [-nine-] {+ten+} to five."


async def test_a_difference_from_a_past_that_is_binding_is_a_fault(recorded: Recorded) -> None:
    path = await recorded(DESK, says("When are you open?"))
    assert again(path, is_strict=True).outcome == "passed"
    verdict = again(path, DESK.replace("nine", "ten"), is_strict=True)
    assert (verdict.outcome, [one.check for one in verdict.findings]) == ("failed", ["recorded"])
    assert "said was 'We are open from nine to five.', now it is 'We are open from ten to five.'" in verdict.findings[0].what


async def test_other_actions_are_a_difference_and_a_call_that_ends_too_early_fails(recorded: Recorded) -> None:
    path = await recorded(DESK, says("a human please", "bye"))
    verdict = again(path)
    assert (verdict.outcome, verdict.findings[0].check) == ("failed", "ends")  # a telephone is transferred, and gone
    assert contrasts(verdict)[1].is_same
    assert contrasts(verdict)[1].then.target.endswith("99")
    assert contrasts(verdict)[2].now is None
    verdict = again(path, DESK.replace(", transfer: reception", "").replace(", end_call: true", ""))
    assert (verdict.outcome, verdict.word) == ("passed", "differs")
    assert [(one.is_said_the_same, one.is_done_the_same) for one in contrasts(verdict)] == [(True, True), *[(True, False)] * 2]
    assert verdict.comparison is not None
    assert "told the platform to do then: hang up, now: nothing" in as_text(verdict.comparison)


async def test_tools_that_are_called_are_compared(recorded: Recorded) -> None:
    path = await recorded(ACTING.replace("ACT", "tooling"), says("book"))
    verdict = again(path)
    assert verdict.word == "same"
    assert contrasts(verdict)[1].then.tools
    verdict = again(path, ACTING.replace("ACT", "polite"))
    assert not contrasts(verdict)[1].are_tools_the_same


async def test_a_caller_cuts_in_after_as_many_words_as_then_however_long_the_answer_is_now(recorded: Recorded) -> None:
    async def script(call: SimulatedCall) -> None:
        await call.heard_words(4)
        await call.says("When are you open?")
        await call.agent_finished()

    path = await recorded(DESK, plays(script, agent_rate=1200))
    (step,) = scenario(path).steps
    assert isinstance(step, Says)
    assert step.interrupts is not None
    assert (step.interrupts.unit, 3 <= step.interrupts.count <= 5) == ("words", True)
    verdict = again(path)
    assert verdict.word == "same"
    assert verdict.journal.turns[0].cut
    longer = again(path, DESK.replace("the old hotel", "the old hotel, and very glad that you have called us today"))
    assert longer.word == "differs"
    assert len(longer.journal.turns[0].heard.split()) < 8
    shorter = again(path, DESK.replace(BEGIN, "Good day."))
    assert (shorter.outcome, shorter.word) == ("passed", "differs")
    assert shorter.comparison is not None
    assert "before the caller cut in" in shorter.comparison.notes[-1]


async def test_a_caller_who_went_on_in_mid_sentence_does_so_again(recorded: Recorded) -> None:
    async def script(call: SimulatedCall) -> None:
        await call.agent_finished()
        await call.says("I would", pauses=[(0.1, "like a table")])
        await call.agent_finished()

    path = await recorded(ECHO, plays(script, voice_delay=0.15))
    (step,) = scenario(path).steps
    assert isinstance(step, Says)
    assert (step.text, [one.then for one in step.pauses]) == ("I would", ["like a table"])
    assert step.pauses[0].seconds > Profile().endpointing
    verdict = again(path)
    assert contrasts(verdict)[1].then.text == "You said: I would like a table"
    assert verdict.word == "same"


async def test_silence_reminders_keys_and_what_nobody_understands_come_again(recorded: Recorded) -> None:
    async def script(call: SimulatedCall) -> None:
        await call.agent_finished()
        await call.presses("12#")
        await call.silent(0.5)
        await call.mumbles()
        await call.agent_finished()

    path = await recorded(ECHO, plays(script))
    one = scenario(path)
    assert kinds(path) == [Presses, Silent, Mumbles]
    assert isinstance(one.steps[0], Presses)
    assert one.steps[0].digits == "555"
    assert one.platform.reminders == 1
    assert one.platform.reminder == pytest.approx(0.3, abs=0.11)
    verdict = again(path)
    assert (verdict.outcome, verdict.word) == ("passed", "same")
    assert [turn.kind for turn in verdict.journal.turns] == ["begin", "reminder", "response"]
    assert verdict.comparison is not None
    assert any("keys" in note for note in verdict.comparison.notes)


async def test_who_hung_up_in_mid_sentence_does_so_again(recorded: Recorded) -> None:
    async def script(call: SimulatedCall) -> None:
        await call.heard_words(4)
        await call.silent(0.1)

    path = await recorded(DESK, plays(script, agent_rate=1200))
    step = scenario(path).steps[-1]
    assert isinstance(step, HangsUp)
    assert step.interrupts is not None
    assert step.interrupts.unit == "words"
    verdict = again(path)
    assert (verdict.word, verdict.journal.reason) == ("same", "user_hangup")


async def test_what_was_redacted_is_not_held_against_anybody(recorded: Recorded) -> None:
    path = await recorded(ECHO, says("My number is 020 7946 0123 ok", "and ann@example.com is my address"))
    assert "7946" not in path.read_text()
    one = scenario(path)
    assert one.call.from_number == "+15555550123"
    assert [step.text for step in one.steps if isinstance(step, Says)] == [
        "My number is 555 5555 5523 ok",
        "and someone@example.com is my address",
    ]
    verdict = again(path)
    assert verdict.word == "same"
    assert verdict.comparison is not None
    assert any("redacted" in note for note in verdict.comparison.notes)
    assert again(path, ECHO.replace("system: echo", 'system: echo, options: {prefix: "He said: "}')).word == "differs"


async def test_what_the_platform_told_of_the_call_is_told_again(recorded: Recorded) -> None:
    details = {**PHONE, "direction": "outbound", "retell_llm_dynamic_variables": {"name": "Ann"}, "metadata": {"tier": 2}}
    call = scenario(await recorded(ECHO, says("hello", details=details))).call
    assert (call.kind, call.direction, call.to_number) == ("phone", "outbound", "+15555550122")
    assert (call.variables, call.metadata) == ({"name": "Ann"}, {"tier": 2})


async def test_a_chat_is_played_as_a_call(recorded: Recorded) -> None:
    async def call(served: Served) -> None:
        messages = [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": [{"type": "text", "text": "When are you open?"}]},
        ]
        async with ClientSession() as session:
            for stream in (True,):
                url = served.http("/desk/chat/completions")
                async with session.post(url, json={"messages": messages, "stream": stream}) as answer:
                    assert answer.status == 200
                    await answer.read()

    path = await recorded(DESK, call)
    assert [step.text for step in scenario(path).steps if isinstance(step, Says)] == ["hello", "When are you open?"]
    verdict = again(path)
    assert [(one.then.text, one.then.tools) for one in contrasts(verdict)] == [("We are open from nine to five.", None)]
    assert verdict.word == "same"


async def test_a_recording_without_words_is_refused_and_in_a_folder_skipped(recorded: Recorded) -> None:
    path = await recorded(DESK.replace("text: on", "text: off"), says("open?"))
    (problem,) = read_paths([path]).problems
    assert "a recording without words (off): nobody knows what its caller said" in str(problem)
    read = read_paths([path.parent])
    assert (read.scenarios, read.problems) == ((), ())
    assert [one.file for one in read.skipped] == [str(path)]


async def test_a_recording_with_a_hole_is_played_and_the_hole_told(recorded: Recorded) -> None:
    path = await recorded(DESK, says("When are you open?", "I see"))
    lines = path.read_text().splitlines()
    received = next(at for at, line in enumerate(lines) if '"I see"' in line)
    lost = json.dumps({"at": json.loads(lines[received])["at"], "what": "lost", "entries": 3})
    path.write_text("\n".join([*lines[:received], lost]) + "\n")
    verdict = again(path)
    assert verdict.outcome == "passed"
    assert verdict.comparison is not None
    assert [note.split()[0] for note in verdict.comparison.notes] == ["3", "the"]


def test_other_lines_of_json_are_no_recording(tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    (problem,) = read_paths([tmp_path / "other.jsonl"]).problems
    assert "this is not a recording" in str(problem)
    (problem,) = read_paths([tmp_path / "none.jsonl"]).problems
    assert "there is no such file" in str(problem)
    (problem,) = read_paths([tmp_path]).problems
    assert "no scenario in this folder" in str(problem)


async def test_a_saved_call_is_a_scenario_that_passes(
    recorded: Recorded, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = await recorded(DESK, says("Is it $5? When are you open?", 'line\none: "two" {three} # [four]', "bye"))
    saved, config = tmp_path / "saved.yaml", str(tmp_path / "rejoinder.yaml")
    assert main(["simulate", str(path), "--save", str(saved)]) == 0
    assert saved.stat().st_mode & 0o077 == 0
    capsys.readouterr()
    assert main(["simulate", str(saved), "--config", config]) == 0, capsys.readouterr().out
    assert "passed  call-1" in capsys.readouterr().out
    (one,) = read_paths([saved]).scenarios
    assert one.steps[-1].expected.action is not None
    assert next(step.text for step in one.steps if isinstance(step, Says)) == "Is it $5? When are you open?"
    assert main(["simulate", str(path), "--save", str(saved)]) == 1
    assert "is there already, and is not touched" in capsys.readouterr().err


async def test_the_command_tells_what_differs_and_fails_only_if_it_is_asked_to(
    recorded: Recorded, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = await recorded(DESK, says("When are you open?"))
    config = tmp_path / "other.yaml"
    config.write_text(DESK.replace("nine", "ten"))
    command = ["simulate", str(path.parent), "--config", str(config), "--json", str(tmp_path / "out.json")]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert out.startswith("differs  call-1 (/desk)\n")
    assert "    differs  We are open from [-nine-] {+ten+} to five.\n" in out
    assert "1 differs: " in out
    (told,) = json.loads((tmp_path / "out.json").read_text())["plays"]
    assert (told["outcome"], told["recorded"]["verdict"]) == ("passed", "differs")
    assert [one["same"] for one in told["recorded"]["answers"]] == [True, False]
    assert main([*command, "--strict"]) == 1
    assert "FAILED  call-1 (/desk)" in capsys.readouterr().out
    assert main(["simulate", str(path.parent), "--config", str(tmp_path / "rejoinder.yaml")]) == 0
    assert "differs" not in capsys.readouterr().out


def test_only_scenarios_cannot_be_saved(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "calls.yaml").write_text("caller: []\n")
    assert main(["simulate", str(tmp_path / "calls.yaml"), "--save", str(tmp_path / "new.yaml")]) == 1
    assert "there is none with words among these" in capsys.readouterr().err
    assert not (tmp_path / "new.yaml").exists()
