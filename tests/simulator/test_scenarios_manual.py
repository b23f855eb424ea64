"""The manual of scenarios cannot lie: what the code takes is what its tables name, and its samples do what it says."""

import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import get_args

import pytest

from manual import ROOT, cell, codes, named, page, rows, samples, section
from rejoinder.cli import main
from rejoinder.config.durations import written
from rejoinder.simulator.judging import call_checks, clean_protocol
from rejoinder.simulator.judging.clean_speech import FLAWS
from rejoinder.simulator.judging.findings import FaultName, Play, Verdict
from rejoinder.simulator.platform.call import PATIENCE
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.reports.results import as_json
from rejoinder.simulator.scenarios import expectation_reading, reading, setup, step_reading
from rejoinder.simulator.scenarios.expectation import ENDERS, STANDING
from rejoinder.simulator.scenarios.scenario import LIMIT, CallSetup, Scenario

PAGE = "docs/scenarios.md"


def own_tables(heading: str) -> str:
    """A section without those below it."""
    return re.split(r"^#+ ", section(PAGE, heading), flags=re.MULTILINE)[0]


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("A scenario", reading.SCENARIO_KEYS),
        ("`call`", reading.CALL_KEYS),
        ("`platform`", reading.PLATFORM_KEYS),
        ("`caller`", step_reading.ALL_KEYS),
        ("Points", step_reading.POINT_KEYS),
        ("`expect`", {*expectation_reading.CALL_KEYS, *step_reading.HEARS_KEYS}),
    ],
)
def test_every_key_has_its_row(heading: str, keys: tuple[str, ...]) -> None:
    assert named(own_tables(heading)) == set(keys)


def test_every_word_that_a_key_may_have_is_told() -> None:
    told = set(codes(section(PAGE, "A scenario")))
    assert {*reading.KINDS, *reading.DIRECTIONS, *reading.DETAILS, *step_reading.LOSSES, "scenarios"} <= told
    assert {*ENDERS, *expectation_reading.REASONS} <= told
    keys = {*step_reading.PAUSE_KEYS, *expectation_reading.TOOL_KEYS, *expectation_reading.ACTION_KEYS}
    assert keys <= set(re.findall(r"\w+", section(PAGE, "A scenario")))


def test_what_may_stand_beside_a_step_is_told_with_it() -> None:
    table = own_tables("`caller`")
    for name, kind in step_reading.KINDS.items():
        (row,) = (row for row in rows(table) if row[0] == f"`{name}`")
        assert codes(row[2] if len(row) > 2 else "") == [*kind.also], name
    bare = [name for name, kind in step_reading.KINDS.items() if kind.is_bare]
    assert {*bare} <= set(codes(table))


def test_defaults_are_those_of_the_code() -> None:
    own = Profile()
    table = section(PAGE, "`platform`")
    expected = {
        "reminder": written(own.reminder_after),
        "reminders": str(own.reminders),
        "sensitivity": f"{own.sensitivity:g}",
        "responsiveness": f"{own.responsiveness:g}",
        "end_after_silence": written(own.end_after_silence),
        "max_call": written(own.max_duration),
        "details": "at_once",
        "rate": f"{own.caller_rate:g}",
        "agent_rate": f"{own.agent_rate:g}",
    }
    assert {name: cell(table, name, 1).strip("`") for name in expected} == expected
    assert own.details_after == 0.0
    assert cell(own_tables("A scenario"), "limit", 1) == f"`{written(LIMIT)}`"
    assert cell(section(PAGE, "`call`"), "direction", 1) == f"`{CallSetup().direction}`"
    for name in expectation_reading.STANDING_KEYS:
        assert getattr(STANDING, name)
        assert cell(own_tables("`expect`"), name, 1) == "`true`"


def test_bounds_are_those_of_the_code() -> None:
    text = page(PAGE)
    assert f"An agent that is silent for {PATIENCE:g} seconds" in text
    assert f"nothing came for {call_checks.LEFT_OPEN:g} seconds" in text
    assert f"within {clean_protocol.SAID_AGAIN:g} seconds after a redial" in text
    assert f"after {setup.LATE_DETAILS:g} seconds" in text
    assert f"vary by up to {setup.VARIATION:.0%}".replace("%", " %") in text


def test_every_standing_check_and_every_flaw_of_speech_is_told() -> None:
    table = own_tables("What is always checked")
    assert named(table) == {*expectation_reading.STANDING_KEYS, "ends"}
    assert all(flaw in cell(table, "speech_clean", 1) for flaw in FLAWS)


def test_every_fault_that_has_a_name_is_told() -> None:
    assert named(section(PAGE, "Faults by name")) == set(get_args(FaultName)) - {""}


def test_every_verdict_and_every_field_of_the_report_is_told() -> None:
    report = json.loads(as_json([Verdict(Play(Scenario("a call")), "passed")], 0, 0.0))
    assert named(section(PAGE, "Verdicts")) == {"passed", "failed", "broken"}
    assert named(section(PAGE, "Reports")) == set(report["plays"][0])
    assert set(report) <= set(codes(section(PAGE, "Reports")))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's samples beside the file that `rejoinder serve` uses."""
    for sample in samples(PAGE, "yaml"):
        (tmp_path / sample.name).write_text(sample.text)
    (tmp_path / "rejoinder.yaml").write_text((ROOT / "config/rejoinder.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    for name in ("LLM_BASE_URL", "OPENAI_API_KEY", "LLM_MODEL", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def simulate(*words: str) -> tuple[int, str]:
    with redirect_stdout(io.StringIO()) as out:
        code = main(["simulate", *words])
    return code, out.getvalue()


def timeless(text: str) -> str:
    """Without the time that it took, which is the machine's."""
    return re.sub(r"\d+\.\d+ s$", "T", text, flags=re.MULTILINE).strip()


def test_the_samples_pass_and_say_what_the_page_shows(folder: Path) -> None:
    assert simulate("booking.yaml")[0] == 0
    shown = re.search(r"```console\n\$ rejoinder simulate opening-hours.yaml\n(.*?)```", page(PAGE), re.DOTALL)
    assert shown
    code, told = simulate("opening-hours.yaml")
    assert (code, timeless(told)) == (0, timeless(shown[1]))


def test_the_story_on_the_page_is_that_of_an_agent_that_says_something_else(folder: Path) -> None:
    file = folder / "rejoinder.yaml"
    file.write_text(file.read_text().replace("nine to five", "ten to five"))
    shown = re.search(r"```text\n(FAILED.*?)```", page(PAGE), re.DOTALL)
    assert shown
    code, told = simulate("opening-hours.yaml")
    assert (code, told.partition("\n\n")[0]) == (1, shown[1].strip())


def test_the_readmes_scenario_passes_as_the_readme_plays_it(folder: Path) -> None:
    (sample,) = (sample for sample in samples("README.md", "yaml") if sample.name.startswith("calls/"))
    (command,) = (sample for sample in samples("README.md", "sh") if "simulate" in sample.text)
    (folder / sample.name).parent.mkdir()
    (folder / sample.name).write_text(sample.text)
    assert simulate(*command.text.split()[2:])[0] == 0
