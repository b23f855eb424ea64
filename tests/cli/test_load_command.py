"""`rejoinder simulate --load`: many calls in, percentiles out."""

import io
import json
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rejoinder.cli.load import Bar
from rejoinder.simulator.load.crowd import Load
from rejoinder.simulator.load.outcome import Size
from rejoinder.simulator.playing.target import Network

YAML = """
agents: {parrot: {system: echo, begin: "Hello."}}
routes: {/echo: {agent: parrot, secret: a-secret-of-sixteen}}
"""
FAST = "platform: {rate: 1000, agent_rate: 1000}\ncaller: [{says: one, expect: one}, {silent: 100ms}]\n"


@pytest.fixture
def calls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("rejoinder.simulator.playing.served.STOP", (0.05, 10.0))
    (folder / "rejoinder.yaml").write_text(YAML)
    (folder / "calls.yaml").write_text(FAST)
    return folder


def test_a_server_is_started_for_a_load_and_stopped_after_it(rejoinder: Any, calls: Path) -> None:
    outcome = rejoinder("simulate", "calls.yaml", "--load", "3", "--ramp", "100ms", "--for", "1s", "--json", "out.json")
    lines = outcome.out.splitlines()
    assert (outcome.code, outcome.err) == (0, ""), outcome
    assert lines[0].startswith("3 at once for 1s after a ramp of 100ms: ")
    assert [line.split("  ")[0] for line in lines[3:8]] == ["connect", "begin message", "first chunk", "first sentence", "pong"]
    told = json.loads((calls / "out.json").read_text())
    assert (told["ok"], told["load"], told["errors"]) == (True, 3, {})
    assert told["times"]["first sentence"]["count"] == told["turns"]["answered"] >= 3
    assert told["server"] is None or told["server"]["memory_bytes"] > 2**20
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_the_report_of_a_load_goes_to_the_standard_output_alone(rejoinder: Any, calls: Path) -> None:
    outcome = rejoinder("simulate", "calls.yaml", "--load", "1", "--ramp", "0s", "--for", "100ms", "--json", "-")
    assert json.loads(outcome.out)["load"] == 1
    assert "1 at once for 100ms" in outcome.err


def test_what_goes_wrong_under_load_is_told_and_ends_with_1(rejoinder: Any, calls: Path) -> None:
    (calls / "calls.yaml").write_text(FAST.replace("expect: one", "expect: two"))
    outcome = rejoinder("simulate", "calls.yaml", "--load", "2", "--ramp", "0s", "--for", "2s")
    assert outcome.code == 1
    assert re.search(r"^  \d+ contains: expected to hear something with 'two'", outcome.out, re.MULTILINE)


async def test_ctrl_c_ends_a_load_with_the_report_so_far(start: Callable[..., Awaitable[Any]], calls: Path) -> None:
    (calls / "rejoinder.yaml").write_text(YAML.replace(", secret: a-secret-of-sixteen", ""))
    server = await start("serve", "--port", "0")
    port = re.search(r":(\d+);", await server.line("ready on"))
    assert port
    load = await start("simulate", "--load", "2", "--ramp", "0s", "--url", f"ws://127.0.0.1:{port[1]}/echo", "--json", "o.json")
    await server.error_line("call started")
    load.signal(signal.SIGINT)
    outcome = await load.ends()
    assert (outcome.code, outcome.err) == (130, ""), outcome
    assert "2 at once for 1m after a ramp of 0ms, stopped after " in outcome.out
    assert json.loads((calls / "o.json").read_text())["stopped"] is True


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--load", "0"), "'0' is not a whole number from 1 to 100000"),
        (("--load", "5", "--ramp", "5"), "'5' is no duration: write it with its unit"),
        (("--load", "5", "--html", "a.html", "--repeat", "2"), "--html, --repeat: not together with --load"),
        (("--load", "5", "--url", "ws://a", "--route", "/b"), "the route of --url is in the URL"),
    ],
)
def test_a_wrong_command_line_for_a_load_ends_with_2(rejoinder: Any, calls: Path, words: tuple[str, ...], told: str) -> None:
    outcome = rejoinder("simulate", "calls.yaml", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


def test_a_load_that_cannot_be_played_is_told_in_a_line(rejoinder: Any, calls: Path) -> None:
    outcome = rejoinder("simulate", "calls.yaml", "--load", "2", "--route", "/nope")
    assert (outcome.code, outcome.out) == (1, "")
    assert "has no route /nope for Retell" in outcome.err
    (calls / "calls.yaml").write_text(f"applies: rules\n{FAST}")
    assert "nothing to play" in rejoinder("simulate", "calls.yaml", "--load", "2").err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_a_terminal_sees_how_a_load_gets_on(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    bar = Bar(Size(5, ramp=5.0, lasts=5.0))
    load = Load(Size(5, ramp=5.0, lasts=5.0), [], Network({}))
    monkeypatch.setattr(Load, "now", 5.0)
    load.tally.fault("contains", "no 'nine'")
    bar.tell(load)
    bar.clear()
    assert terminal.getvalue() == f"\r\x1b[K[{'#' * 12}{'-' * 12}] 5/10 s  0 calls, 0 turns, 1 errors\r\x1b[K"
