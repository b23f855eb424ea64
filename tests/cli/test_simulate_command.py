"""`rejoinder simulate`: calls in, verdicts out."""

import contextlib
import json
import os
import pty
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

YAML = """
agents:
  parrot: {system: echo, begin: "Hello."}
  desk: {system: rules, begin: "Good day.", options: {rules: [{when: bye, say: "Goodbye.", end_call: true}], default: "Well."}}
routes: {/echo: parrot, /rules: desk}
"""
GOOD = "name: Good\napplies: echo\ncaller: [{says: one, expect: one}]\n"
REMEDY = "(write 'caller:' and the steps below; [] for a caller who only listens)"
SLOW = """
import asyncio
from rejoinder import Options, Reply, ResponseSystem, SystemSpec, Turn, hookimpl, per_call

class Slow(ResponseSystem[Options]):
    async def respond(self, turn: Turn) -> Reply:
        await asyncio.sleep(3)
        yield "Well."

@hookimpl
def rejoinder_response_system() -> SystemSpec[Options]:
    return per_call(Slow, Options)
"""
BAD = "name: Bad\napplies: echo\ncaller: [{says: one, expect: two}]\n"


@pytest.fixture
def calls(folder: Path) -> Path:
    """A folder of scenarios beside a configuration."""
    (folder / "rejoinder.yaml").write_text(YAML)
    (folder / "calls").mkdir()
    (folder / "calls/good.yaml").write_text(GOOD)
    return folder / "calls"


def test_what_passes_is_a_line_and_a_table(rejoinder: Any, calls: Path) -> None:
    outcome = rejoinder("simulate", "calls")
    lines = outcome.out.splitlines()
    assert (outcome.code, outcome.err, lines[0]) == (0, "", "passed  Good (/echo)")
    assert lines[-1].startswith("1 passed: ")


def test_what_fails_is_told_as_a_story_and_the_others_are_played_all_the_same(rejoinder: Any, calls: Path) -> None:
    (calls / "bad.yaml").write_text(BAD)
    outcome = rejoinder("simulate", "calls")
    lines = outcome.out.splitlines()
    assert (outcome.code, lines[0]) == (1, "FAILED  Bad (/echo)")
    assert any("wrong     contains: expected to hear" in line and "[calls/bad.yaml:3:30]" in line for line in lines)
    assert "passed  Good (/echo)" in lines
    assert lines[-1].startswith("1 passed, 1 failed: ")


def test_what_is_meant_for_other_systems_is_skipped_and_told_so(rejoinder: Any, calls: Path) -> None:
    (calls / "other.yaml").write_text("name: Other\napplies: [llm, ehco]\ncaller: []\n")
    outcome = rejoinder("simulate", "calls")
    assert outcome.code == 0
    assert outcome.out.splitlines()[:2] == ["skipped  Other: it applies to ehco, llm", "passed  Good (/echo)"]


def test_stories_of_what_passed_are_told_on_request(rejoinder: Any, calls: Path) -> None:
    assert "agent     You said: one" not in rejoinder("simulate", "calls").out
    assert "agent     You said: one" in rejoinder("simulate", "calls", "--stories").out


def test_every_error_of_every_file_is_told_and_nothing_is_played(rejoinder: Any, calls: Path) -> None:
    (calls / "bad.yaml").write_text("caller: [{say: one}]\nname: 5\n")
    (calls / "worse.yaml").write_text("caler: []\n")
    outcome = rejoinder("simulate", "calls")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.splitlines() == [
        "calls/bad.yaml:1:11: caller[0]: unknown key 'say' (did you mean 'says'?)",
        'calls/bad.yaml:2:7: name: expected text, got a whole number (quote it: "5")',
        f"calls/worse.yaml:1:1: a scenario needs 'caller' {REMEDY}",
        "calls/worse.yaml:1:1: unknown key 'caler' (did you mean 'caller'?)",
    ]


def test_repetitions_are_numbered_and_played_at_once(rejoinder: Any, calls: Path) -> None:
    outcome = rejoinder("simulate", "calls", "--repeat", "4", "--parallel", "2", "--json", "out.json")
    assert (outcome.code, outcome.err) == (0, "")
    assert sorted(outcome.out.splitlines()[:4]) == [f"passed  Good (/echo) #{number}" for number in (1, 2, 3, 4)]
    plays = json.loads((calls.parent / "out.json").read_text())["plays"]
    assert [(play["run"], play["seed"]) for play in plays] == [(1, 0), (2, 1), (3, 2), (4, 3)]


def test_the_same_seed_gives_the_same_call(rejoinder: Any, calls: Path) -> None:
    stories = []
    for seed in ("5", "5", "6"):
        rejoinder("simulate", "calls", "--seed", seed, "--json", "out.json")
        stories.append(json.loads((calls.parent / "out.json").read_text())["plays"][0]["turns"])
    assert stories[0] == stories[1] != stories[2]


def test_reports_are_written_for_machines(rejoinder: Any, calls: Path) -> None:
    (calls / "bad.yaml").write_text(BAD)
    rejoinder("simulate", "calls", "--junit", "out.xml", "--json", "out.json")
    root = ET.fromstring((calls.parent / "out.xml").read_bytes())
    report = json.loads((calls.parent / "out.json").read_text())
    assert (root.get("tests"), root.get("failures"), report["passed"], report["failed"]) == ("2", "1", 1, 1)


def test_a_report_goes_to_the_standard_output_alone(rejoinder: Any, calls: Path) -> None:
    (calls / "bad.yaml").write_text(BAD)
    outcome = rejoinder("simulate", "calls", "--json", "-", "--junit", "out.xml")
    assert (outcome.code, json.loads(outcome.out)["failed"]) == (1, 1)
    assert "passed  Good (/echo)" in outcome.err
    assert ET.fromstring(rejoinder("simulate", "calls", "--junit", "-").out).get("tests") == "2"
    assert [path.name for path in calls.parent.iterdir() if path.name == "-"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--json", "-", "--junit", "-"), "--junit and --json name one place, -: give each report a file of its own"),
        (("--json", "x", "--html", "calls/../x"), "--json and --html name one place, calls/../x: give each report a file"),
    ],
)
def test_two_reports_for_one_place_are_refused(rejoinder: Any, calls: Path, words: tuple[str, ...], told: str) -> None:
    outcome = rejoinder("simulate", "calls", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"rejoinder: {told}")


def test_a_page_is_written_for_people(rejoinder: Any, calls: Path) -> None:
    (calls / "bad.yaml").write_text(BAD)
    assert rejoinder("simulate", "calls", "--html", "out.html").code == 1
    page = (calls.parent / "out.html").read_text()
    assert "<h1>Simulated calls: 1 failed, 1 passed</h1>" in page
    assert "/echo (echo)" in page
    assert "calls/bad.yaml:3:30" in page


def test_the_page_shows_the_files_own_line_for_a_late_answer(rejoinder: Any, calls: Path) -> None:
    slow = "{system: slow, begin: Hello., lines: {filler: Bear with me.}}"
    (calls.parent / "rejoinder.yaml").write_text(f"agents: {{slow: {slow}}}\nroutes: {{/slow: slow}}\n")
    (calls.parent / "slow.py").write_text(SLOW)
    (calls / "good.yaml").write_text("caller: [{says: one, expect: Well}]\n")
    assert rejoinder("simulate", "calls", "--html", "out.html", "--plugin", "slow=slow.py").code == 0
    assert "filler: Bear with me.</title>" in (calls.parent / "out.html").read_text()


def test_a_report_that_cannot_be_written_is_told_before_anything_is_played(rejoinder: Any, calls: Path) -> None:
    outcome = rejoinder("simulate", "calls", "--junit", "none/out.xml")
    assert (outcome.code, outcome.out, outcome.err) == (1, "", "rejoinder: none/out.xml cannot be written: there is no none\n")
    assert "it is a folder" in rejoinder("simulate", "calls", "--json", "calls").err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("simulate",), "the following arguments are required: PATH"),
        (("simulate", "calls", "--repeat", "0"), "'0' is not a whole number from 1 to 100000"),
        (("simulate", "calls", "--url", "ws://a", "--config", "b"), "not allowed with argument"),
        (("simulate", "calls", "--url", "ws://a", "--route", "/b"), "the route of --url is in the URL"),
        (("simulate", "calls", "--url", "nonsense"), "'nonsense' is a malformed URL"),
    ],
)
def test_a_wrong_command_line_ends_with_2(rejoinder: Any, calls: Path, words: tuple[str, ...], told: str) -> None:
    outcome = rejoinder(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--route", "/nope"), "rejoinder.yaml has no route /nope for Retell; it has: /echo, /rules"),
        (
            ("--route", "/rules"),
            "nothing to play: no scenario applies to any of the routes (they are for echo; behind the routes: echo, rules)",
        ),
        (("--config", "none.yaml"), "none.yaml: the file does not exist"),
    ],
)
def test_what_cannot_be_played_at_all_is_told_in_a_line(rejoinder: Any, calls: Path, words: tuple[str, ...], told: str) -> None:
    outcome = rejoinder("simulate", "calls", *words)
    assert (outcome.code, outcome.out) == (1, "")
    assert told in outcome.err


def test_a_url_that_was_left_empty_plays_nothing_else(rejoinder: Any, calls: Path) -> None:
    """As a variable of a CI leaves it that nobody set: what passes then was never asked."""
    outcome = rejoinder("simulate", "calls", "--url", "")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("rejoinder: '' is a malformed URL: expected one such as ws://")


def test_a_report_that_cannot_be_written_is_named_and_the_others_are_written(rejoinder: Any, calls: Path) -> None:
    outcome = rejoinder("simulate", "calls", "--junit", "/dev/full", "--json", "out.json")
    assert (outcome.code, outcome.err) == (1, "rejoinder: /dev/full cannot be written: No space left on device\n")
    assert json.loads(Path("out.json").read_text())["ok"] is True


@pytest.mark.parametrize("number", ["100001", "9" * 5000])
def test_more_repetitions_than_anybody_waits_for_are_refused(rejoinder: Any, calls: Path, number: str) -> None:
    outcome = rejoinder("simulate", "calls", "--repeat", number)
    assert (outcome.code, outcome.out) == (2, "")
    assert "is not a whole number from 1 to 100000" in outcome.err


def test_a_list_without_scenarios_is_an_error_with_its_place(rejoinder: Any, calls: Path) -> None:
    (calls / "good.yaml").write_text("scenarios: []\n")
    outcome = rejoinder("simulate", "calls")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("calls/good.yaml:1:12: scenarios: there is none in this list (write each as an item: ")


def test_without_a_file_the_remedy_is_told(rejoinder: Any, folder: Path) -> None:
    (folder / "call.yaml").write_text("caller: []")
    outcome = rejoinder("simulate", "call.yaml")
    assert outcome.code == 1
    assert "'rejoinder simulate PATH --config FILE'" in outcome.err


def test_a_plugin_that_raises_is_a_failure_and_no_traceback_of_ours(rejoinder: Any, calls: Path) -> None:
    (calls.parent / "bad.py").write_text("import nothing_of_that_name\n")
    (calls.parent / "rejoinder.yaml").write_text("agents: {a: {system: bad}}\nroutes: {/a: a}\n")
    (calls / "good.yaml").write_text("caller: []\n")
    outcome = rejoinder("simulate", "calls", "--plugin", "bad=bad.py")
    assert outcome.code == 1
    assert outcome.out.startswith("BROKEN  good (/a): the agent a of /a does not open: ")
    assert "Traceback" not in outcome.out + outcome.err


async def test_a_running_server_is_played_in_real_time(start: Callable[..., Awaitable[Any]], calls: Path) -> None:
    server = await start("serve", "--port", "0")
    line = await server.line("ready on")
    port = re.search(r":(\d+)", line)
    assert port
    (calls / "good.yaml").write_text("platform: {rate: 1000, agent_rate: 1000}\ncaller: [{says: one, expect: one}]\n")
    command = await start("simulate", "calls", "--url", f"ws://127.0.0.1:{port[1]}/echo")
    outcome = await command.ends()
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, "passed  good"), outcome


def test_a_route_is_played_in_real_time_where_it_is_asked_for(rejoinder: Any, calls: Path) -> None:
    (calls / "good.yaml").write_text("platform: {rate: 1000, agent_rate: 1000}\ncaller: []\n")
    outcome = rejoinder("simulate", "calls", "--real-time", "--route", "/echo")
    assert (outcome.code, outcome.out.splitlines()[0]) == (0, "passed  good (/echo)")


def test_a_terminal_sees_what_is_being_played(rejoinder: Any, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = pty.openpty()
    with os.fdopen(far, "w") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert rejoinder("simulate", "calls").code == 0
    shown = b""
    with contextlib.suppress(OSError):  # the terminal is closed, and all of it was read
        while more := os.read(near, 65536):
            shown += more
    os.close(near)
    assert b"\r\x1b[K0/1  Good (/echo) ..." in shown
    assert b"\r\x1b[K\x1b[32mpassed\x1b[0m  Good (/echo)" in shown
