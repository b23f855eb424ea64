"""`rejoinder check`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

GOOD = """\
agents:
  dummy: {system: dummy}
  parrot: {system: echo, options: {prefix: "${GREETING:-You said: }"}}
routes: {/dummy: dummy, /parrot: parrot}
"""
BROKEN = """\
server: {prot: 8080}
agents:
  dummy: {system: dumy}
  parrot: {system: echo, options: {prefx: "x", pause: long}}
routes: {/dummy: dummy, /parrot: parrot, /nobody: nobody}
"""

PICKY = """\
from rejoinder import Options, ResponseSystem, hookimpl, per_call

class Must(Options, frozen=True):
    must: str

class Picky(ResponseSystem[Must]):
    async def respond(self, turn):
        yield self.options.must

@hookimpl
def rejoinder_response_system():
    return per_call(Picky, Must)
"""


def test_a_right_file_is_counted(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(GOOD)
    outcome = rejoinder("check")
    assert (outcome.code, outcome.out) == (0, "rejoinder.yaml: 2 agents, 2 routes, no problems\n")


def test_every_problem_is_told_in_one_go_whatever_its_kind(rejoinder: Any, folder: Path) -> None:
    (folder / "my.yaml").write_text(BROKEN)
    outcome = rejoinder("check", "my.yaml")
    lines = outcome.out.splitlines()
    assert outcome.code == 1
    assert [line.partition(": ")[0] for line in lines] == [
        "my.yaml:1:10", "my.yaml:3:19", "my.yaml:4:36", "my.yaml:4:55", "my.yaml:5:51", "my.yaml",
    ]  # fmt: skip
    assert "no plugin 'dumy' is installed; did you mean 'dummy'?" in lines[1]
    assert "agents.parrot.options: unknown option 'prefx'" in lines[2]
    assert lines[-1] == "my.yaml: 5 problems"


@pytest.mark.parametrize(
    ("agent", "where"),
    [
        ("{system: echo, options: }", "agents.a.options"),
        ("{system: echo, options: [x]}", "agents.a.options"),
        ("{system: echo, options: {file: gone.yaml}}", "agents.a.options.file"),
        ("{system: echo, options: {prefix: {file: gone.md}}}", "agents.a.options.prefix.file"),
        ('{system: echo, options: {prefix: {file: "${GONE}"}}}', "agents.a.options.prefix.file"),
        ("{system: picky, options: {file: gone.yaml}}", "agents.a.options.file"),
        ("{system: echo, prefix: x}", "agents.a"),
        ("echo", "agents.a"),
        ("", "agents.a"),
    ],
)
def test_one_mistake_is_one_problem(rejoinder: Any, folder: Path, agent: str, where: str) -> None:
    (folder / "picky.py").write_text(PICKY)
    (folder / "rejoinder.yaml").write_text(f"agents:\n  a: {agent}\nroutes: {{/a: a}}\n")
    lines = rejoinder("check", "--plugin", "picky=picky.py").out.splitlines()
    assert len(lines) == 2
    assert lines[0].split(": ")[1] == where


def test_an_agent_on_no_route_is_looked_at_too(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(
        "agents:\n  a: {system: dummy}\n  b: {system: dumy}\n  c: {system: echo, options: {prefx: x}}\nroutes: {/a: a}\n"
    )
    outcome = rejoinder("check")
    assert outcome.code == 1
    assert [line.partition(": ")[0] for line in outcome.out.splitlines()[:-1]] == ["rejoinder.yaml:3:15", "rejoinder.yaml:4:31"]


def test_an_agent_that_is_only_extended_may_leave_required_options_to_the_others(rejoinder: Any, folder: Path) -> None:
    (folder / "picky.py").write_text(PICKY)
    (folder / "rejoinder.yaml").write_text(
        "agents: {base: {system: picky}, a: {extends: base, options: {must: x}}}\nroutes: {/a: a}\n"
    )
    assert rejoinder("check", "--plugin", "picky=picky.py").code == 0


def test_a_file_that_is_not_there_is_a_problem(rejoinder: Any) -> None:
    outcome = rejoinder("check", "gone.yaml")
    assert (outcome.code, outcome.out.splitlines()[-1]) == (1, "gone.yaml: 1 problem")
    assert "the file does not exist" in outcome.out


def test_a_plugin_that_does_not_load_is_a_problem_at_the_agents_system(rejoinder: Any, folder: Path) -> None:
    (folder / "bad.py").write_text("import nothing_of_that_name\n")
    (folder / "rejoinder.yaml").write_text("agents: {a: {system: bad}}\nroutes: {/a: a}\n")
    outcome = rejoinder("check", "--plugin", "bad=bad.py")
    assert outcome.code == 1
    assert outcome.out.startswith("rejoinder.yaml:1:22: agents.a.system: plugin 'bad' (bad.py): does not import: ")


def test_an_observer_that_does_not_load_is_a_problem_too(rejoinder: Any, folder: Path) -> None:
    (folder / "bad.py").write_text("1 / 0\n")
    (folder / "rejoinder.yaml").write_text(GOOD + "observers: {crm: {system: bad}}\n")
    outcome = rejoinder("check", "--plugin", "bad=bad.py")
    assert outcome.code == 1
    assert "observers.crm.system: plugin 'bad' (bad.py): does not import: ZeroDivisionError" in outcome.out


def test_shown_is_the_file_as_it_takes_effect_and_it_stays_yaml(
    rejoinder: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREETING", "confidential")
    (folder / "rejoinder.yaml").write_text(GOOD)
    outcome = rejoinder("check", "--show")
    shown = yaml.safe_load(outcome.out)
    assert outcome.code == 0
    assert "confidential" not in outcome.out
    assert shown["agents"]["parrot"]["options"] == {"prefix": "***"}
    assert shown["routes"] == {"/dummy": "dummy", "/parrot": "parrot"}
    assert outcome.out.endswith("# rejoinder.yaml: 2 agents, 2 routes, no problems\n")


def test_missing_secrets_can_be_taken_as_given(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(GOOD.replace("${GREETING:-You said: }", "${NOBODY_SETS_THIS}"))
    assert rejoinder("check").code == 1
    assert rejoinder("check", "--no-secrets").code == 0
    assert rejoinder("check", "--no-secrets", "--live").code == 2


def test_a_webhook_that_nobody_hears_is_noted(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(GOOD + "webhooks: {main: {platform: retell, key: k}}\n")
    outcome = rejoinder("check")
    assert outcome.code == 0
    assert outcome.out.startswith("note: no observer hears of webhook main")


def test_words_that_are_recorded_are_noted(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(GOOD + "defaults: {record: {text: on}}\n")
    outcome = rejoinder("check")
    assert outcome.code == 0
    assert re.match(r"note: what callers say on /\S+.* is recorded\n", outcome.out)


def test_for_programs_there_is_one_json_object(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(GOOD)
    report = json.loads(rejoinder("check", "--json", "--show").out)
    assert report.pop("show").startswith("server:")
    assert report == {
        "ok": True,
        "file": "rejoinder.yaml",
        "problems": [],
        "notes": [],
        "agents": ["dummy", "parrot"],
        "routes": {"/dummy": "dummy", "/parrot": "parrot"},
    }
    (folder / "rejoinder.yaml").write_text("agents: {a: {system: echo, options: {pause: long}}}\nroutes: {/a: a}\n")
    outcome = rejoinder("check", "--json")
    report = json.loads(outcome.out)
    assert (outcome.code, report["ok"]) == (1, False)
    (problem,) = report["problems"]
    assert (problem["file"], problem["line"], problem["column"], problem["where"]) == (
        "rejoinder.yaml", 1, 45, "agents.a.options.pause",
    )  # fmt: skip
    assert set(problem) == {"file", "line", "column", "where", "what", "remedy"}


def test_every_problem_is_one_line_whatever_comes_from_outside(
    rejoinder: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYSTEM", "du\nmmy")
    (folder / "rejoinder.yaml").write_text('agents: {a: {system: "${SYSTEM}"}}\nroutes: {/a: a}\n')
    assert len(rejoinder("check").out.splitlines()) == 2


def test_what_a_plugin_prints_stays_out_of_the_json(rejoinder: Any, folder: Path) -> None:
    (folder / "picky.py").write_text(PICKY.replace("        yield", "        print('spoke')\n        yield"))
    (folder / "rejoinder.yaml").write_text("agents: {a: {system: picky, options: {must: x}}}\nroutes: {/a: a}\n")
    outcome = rejoinder("check", "--live", "--json", "--plugin", "picky=picky.py")
    assert json.loads(outcome.out)["ok"]
    assert "spoke\n" in outcome.err


@pytest.mark.failure(34)
def test_live_plays_a_call_on_each_route(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(GOOD + "  # the end\n")
    outcome = rejoinder("check", "--live")
    assert outcome.code == 0, outcome
    lines = outcome.out.splitlines()
    assert lines[0] == "rejoinder.yaml: 2 agents, 2 routes, no problems"
    assert [line for line in lines if line.startswith("/")] == ["/dummy -> dummy", "/parrot -> parrot"]
    begins, answers = (line for line in lines[lines.index("/parrot -> parrot") + 1 :])
    assert begins.startswith("  begins after ")
    assert begins.endswith(" ms: Say something, and I will say it back.")
    assert answers.startswith("  answers after ")
    assert answers.endswith(" ms: You said: Hello, can you help me?")


CRASHING = """\
from rejoinder import Options, Reply, ResponseSystem, Turn, hookimpl, per_call


class Crashing(ResponseSystem[Options]):
    async def respond(self, turn: Turn) -> Reply:
        raise RuntimeError("planned")
        yield


@hookimpl
def rejoinder_response_system():
    return per_call(Crashing, Options)
"""
NOT_OPENING = """\
import contextlib

from rejoinder import Options, SystemSpec, hookimpl


@contextlib.asynccontextmanager
async def opened(options):
    raise RuntimeError("no licence")
    yield


@hookimpl
def rejoinder_response_system():
    return SystemSpec(Options, opened)
"""


def test_live_fails_for_a_model_whose_server_is_dead(rejoinder: Any, folder: Path, unused_tcp_port: int) -> None:
    dead = f"http://127.0.0.1:{unused_tcp_port}/v1"
    (folder / "rejoinder.yaml").write_text(
        f"agents: {{a: {{system: llm, language: de, options: {{base_url: '{dead}'}}}}}}\nroutes: {{/a: a}}\n"
    )
    outcome = rejoinder("check", "--live")
    assert outcome.code == 1
    assert ": Es tut mir leid, können Sie das bitte noch einmal sagen?" in outcome.out
    assert "FAILED: the answer to 'Hello, can you help me?' failed; the log above says why" in outcome.out
    assert f"no connection to {dead}" in outcome.err
    assert f"the agent failed in a turn: no answer from {dead} (unreachable)" in outcome.err
    assert "Traceback" not in outcome.err


def test_live_fails_for_an_agent_that_fails_or_does_not_open(rejoinder: Any, folder: Path) -> None:
    (folder / "crashing.py").write_text(CRASHING)
    (folder / "closed.py").write_text(NOT_OPENING)
    (folder / "rejoinder.yaml").write_text(
        "agents: {a: {system: crashing}, b: {system: closed}, c: {system: dummy}}\n"
        "routes: {/a: a, /b: b, /c: c, /d: {agent: c, platforms: [chat]}}\n"
    )
    plugins = ("--plugin", "crashing=crashing.py", "--plugin", "closed=closed.py")
    outcome = rejoinder("check", "--live", *plugins)
    assert outcome.code == 1
    assert "FAILED: the answer to 'Hello, can you help me?' failed; the log above says why" in outcome.out
    assert "planned" in outcome.err
    assert "FAILED: the agent does not open: " in outcome.out
    assert "no licence" in outcome.out
    assert "not played: only Retell's protocol is, and the route is for others" in outcome.out
    assert outcome.out.endswith("rejoinder.yaml: 2 routes of 4 failed\n")
    report = json.loads(rejoinder("check", "--live", "--json", *plugins).out)
    assert not report["ok"]
    assert [bool(one["fault"]) for one in report["live"]] == [True, True, False, False]
    assert report["live"][2]["answer"] == "I am sorry, can you say that again?"
