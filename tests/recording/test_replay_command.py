"""Recordings as what `rejoinder simulate` is given: refused, played, told, and kept as scenarios."""

import json
from pathlib import Path

import pytest

from manual import codes, section
from rejoinder.cli import main
from rejoinder.simulator.replay import recorded_call
from rejoinder.simulator.reports.table import Paper
from rejoinder.simulator.scenarios.reading import read_paths
from rejoinder.simulator.scenarios.steps import Says
from replaying import BEGIN, DESK, Recorded, again, contrasts, says, scenario


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


async def test_who_only_listened_does_so_again(recorded: Recorded, tmp_path: Path) -> None:
    path = await recorded(DESK, says())
    assert scenario(path).steps == ()
    assert [one.then.text for one in contrasts(again(path))] == [BEGIN]
    assert main(["simulate", str(path), "--save", str(tmp_path / "saved.yaml")]) == 0
    (saved,) = read_paths([tmp_path / "saved.yaml"]).scenarios
    assert len(saved.steps) == 1


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


async def test_a_route_that_is_not_there_is_told_and_another_may_be_named(
    recorded: Recorded, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = await recorded(DESK, says("When are you open?"))
    config = tmp_path / "other.yaml"
    config.write_text(DESK.replace("/desk:", "/new:"))
    command = ["simulate", str(path), "--config", str(config)]
    assert main(command) == 1
    assert "has no route /desk for Retell; it has: /new" in capsys.readouterr().out
    assert main([*command, "--route", "/new"]) == 0
    assert capsys.readouterr().out.startswith("same  call-1 (/new)")


async def test_differences_have_colours_on_a_terminal_and_marks_everywhere(recorded: Recorded) -> None:
    verdict = again(await recorded(DESK, says("open?")), DESK.replace("nine", "ten"))
    assert "\x1b[31m[-nine-]\x1b[0m \x1b[32m{+ten+}\x1b[0m" in Paper(has_colours=True).comparison(verdict)
    assert "\x1b" not in Paper().comparison(verdict)


def test_its_page_tells_the_figures_of_the_code() -> None:
    told = section("docs/scenarios.md", "Recorded calls")
    assert f"silences of {recorded_call.LONG_SILENCE:g} seconds or more" in told
    assert "--strict" in codes(told)
    assert "--save calls/" in told


def test_only_scenarios_cannot_be_saved(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "calls.yaml").write_text("caller: []\n")
    assert main(["simulate", str(tmp_path / "calls.yaml"), "--save", str(tmp_path / "new.yaml")]) == 1
    assert "there is none with words among these" in capsys.readouterr().err
    assert not (tmp_path / "new.yaml").exists()
