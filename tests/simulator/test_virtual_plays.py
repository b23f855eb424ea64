"""What stands in the way of virtual time ends with a verdict that says so; and what a plugin does for real is judged."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rejoinder.simulator.judging.findings import Verdict
from rejoinder.simulator.playing.batch import plays_of
from rejoinder.simulator.playing.target import Local
from rejoinder.simulator.playing.virtual import STUCK, play_in_virtual_time
from rejoinder.simulator.reports.story import story
from rejoinder.simulator.scenarios.reading import read_paths
from silence import Silence

BOOKING = Path(__file__).parents[1] / "support" / "booking.py"

STUCK_PLUGIN = '''
"""Does not come back before somebody has written a file."""
import time
from pathlib import Path
from rejoinder import Options, Reply, ResponseSystem, SystemSpec, Turn, hookimpl, per_call

class Stuck(ResponseSystem[Options]):
    async def respond(self, turn: Turn) -> Reply:
        while not Path(__file__).with_suffix(".let_go").exists():
            time.sleep(0.005)  # HELD
        yield "At last."

@hookimpl
def rejoinder_response_system() -> SystemSpec[Options]:
    return per_call(Stuck, Options)
'''


def play(
    folder: Path, config: str, calls: str, plugins: dict[str, str] | None = None, *, at_once: int = 1, patience: float = STUCK
) -> list[Verdict]:
    for name, text in (("rejoinder.yaml", config), ("calls.yaml", calls)):
        (folder / name).write_text(text)
    read = read_paths([folder / "calls.yaml"], {})
    assert not read.problems
    target = Local.of_file(folder / "rejoinder.yaml", plugins or {})
    return play_in_virtual_time(plays_of(read.scenarios, target), target, Silence(), at_once=at_once, patience=patience)


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """The port of a peer that is in no loop of ours."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_an_agent_whose_peer_is_elsewhere_is_broken_with_the_remedy(tmp_path: Path, elsewhere: int) -> None:
    config = (
        f"agents: {{ava: {{system: llm, options: {{base_url: 'http://127.0.0.1:{elsewhere}/v1', model: m, api_key: k}}}}}}\n"
        "routes: {/llm: ava}\n"
    )
    (verdict,) = play(tmp_path, config, "caller: [{says: hello}]")
    assert verdict.outcome == "broken"
    (found,) = verdict.findings
    assert f"127.0.0.1:{elsewhere}" in found.what
    assert found.what.endswith("which is not in this process; play it in real time: --real-time")


def test_a_play_that_an_agent_holds_for_ever_is_given_up_and_the_next_is_played(tmp_path: Path) -> None:
    plugin = tmp_path / "stuck.py"
    plugin.write_text(STUCK_PLUGIN)
    line = STUCK_PLUGIN[: STUCK_PLUGIN.index("# HELD")].count("\n") + 1
    config = "agents: {stuck: {system: stuck}, parrot: {system: echo}}\nroutes: {/stuck: stuck, /echo: parrot}\n"
    calls = "scenarios: [{name: a, route: /stuck, caller: [{says: hi}]}, {name: b, route: /echo, caller: []}]"
    try:
        held, played = play(tmp_path, config, calls, {"stuck": str(plugin)}, patience=0.2)
    finally:
        plugin.with_suffix(".let_go").touch()
        for thread in threading.enumerate():
            if thread.name == "plays":
                thread.join()
    assert (held.outcome, played.outcome) == ("broken", "passed")
    assert f"it is held at {plugin}:{line}" in held.findings[0].what
    assert held.journal.of("caller_stops")


FAILING = """
agents:
  ava: {system: llm, begin: Hello., options: {base_url: "https://api.openai.com/v1", model: m, api_key: ""}}
  substituted: {extends: ava, fallback: parrot}
  parrot: {system: echo}
routes: {/llm: ava, /substituted: substituted}
"""


@pytest.mark.parametrize(
    ("route", "expect", "told"),
    [
        ("/llm", "", ["turn 1 has failed: no agent answered it"]),
        ("/llm", "expect: {turns_answered: false}", []),
        ("/substituted", "", []),
    ],
)
def test_a_turn_that_no_agent_answered_is_found_though_the_host_says_something(
    tmp_path: Path, route: str, expect: str, told: list[str]
) -> None:
    (verdict,) = play(tmp_path, FAILING, f"route: {route}\ncaller: [{{says: hello}}]\n{expect}")
    assert [found.what for found in verdict.findings if found.check == "turns_answered"] == told
    assert verdict.journal.turns[1].heard


def test_a_tool_is_seen_with_what_it_was_given_and_told_in_the_story(tmp_path: Path) -> None:
    config = "agents: {desk: {system: booking, begin: Hello.}}\nroutes: {/desk: desk}\n"
    calls = (
        "caller: [{says: Please book}, {says: go on, interrupts: {after: 100ms}}, {silent: 3s}]\n"
        "expect: {tools: [{called: book_table, with: {seats: 2}, once: true}, {not_called: cancel}]}\n"
    )
    (verdict,) = play(tmp_path, config, calls, {"booking": str(BOOKING)})
    assert verdict.outcome == "passed", story(verdict)
    told = story(verdict)
    assert 'agent     runs book_table({"seats":2})' in told
    assert "book_table gave: Table 1 for 2 is booked." in told


def test_many_are_played_at_once_and_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    config = "agents: {parrot: {system: echo}}\nroutes: {/echo: parrot}\n"
    calls = "".join(f"  - {{name: call {number}, caller: [{{says: one, expect: one}}]}}\n" for number in range(12))
    verdicts = play(tmp_path, config, f"scenarios:\n{calls}", at_once=4)
    assert [(one.play.scenario.name, one.outcome) for one in verdicts] == [(f"call {n}", "passed") for n in range(12)]


def test_a_call_of_ten_minutes_takes_no_time_to_speak_of(tmp_path: Path) -> None:
    config = "agents: {parrot: {system: echo}}\nroutes: {/echo: parrot}\n"
    steps = ", ".join(["{says: one two three four five six seven eight nine ten, expect: ten}"] * 50)
    begun = time.perf_counter()
    (verdict,) = play(tmp_path, config, f"limit: 20m\ncaller: [{steps}]\n")
    assert verdict.outcome == "passed"
    assert time.perf_counter() - begun < verdict.lasted / 10
