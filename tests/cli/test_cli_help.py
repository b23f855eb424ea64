"""What the command line says of itself."""

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from rejoinder.cli import COMMANDS, parser


def subparsers() -> dict[str, argparse.ArgumentParser]:
    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    pytest.fail("there are no commands")


def test_alone_it_teaches(rejoinder: Any) -> None:
    outcome = rejoinder()
    assert outcome.code == 0
    for taught in ("rejoinder init", "rejoinder serve", "rejoinder chat /llm-websocket", "rejoinder check", *COMMANDS):
        assert taught in outcome.out
    assert rejoinder("--help").out == outcome.out


def test_it_says_its_version(rejoinder: Any) -> None:
    assert (rejoinder("--version").out, rejoinder("--version").code) == (f"rejoinder {version('rejoinder')}\n", 0)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_explains_every_option(rejoinder: Any, name: str) -> None:
    outcome = rejoinder(name, "--help")
    assert outcome.code == 0
    for action in subparsers()[name]._actions:
        assert action.help, f"{name} {action.dest} is not explained"
        for option in action.option_strings or [str(action.metavar)]:
            assert option in outcome.out


def test_a_wrong_command_line_is_exit_code_2(rejoinder: Any) -> None:
    assert rejoinder("fly").code == 2
    outcome = rejoinder("serve", "--port", "many")
    assert outcome.code == 2
    assert "'many' is no port: expected 0 to 65535" in outcome.err
    outcome = rejoinder("serve", "--host", "localhost:8080")
    assert outcome.code == 2
    assert "'localhost:8080' is no host: expected an address or a name" in outcome.err
    outcome = rejoinder("check", "--plugin", "shout")
    assert "'shout' is not NAME=MODULE, such as shout=my_plugin or shout=./shout.py" in outcome.err


@pytest.mark.parametrize("command", [("serve",), ("check",), ("schema", "--write"), ("chat", "/echo")])
def test_without_a_file_it_says_how_to_get_one(rejoinder: Any, command: tuple[str, ...]) -> None:
    outcome = rejoinder(*command)
    assert outcome.code == 1
    assert "there is no ./rejoinder.yaml and no ./config/rejoinder.yaml here" in outcome.err
    assert "rejoinder init" in outcome.err


def test_a_folder_may_stand_behind_the_flags(rejoinder: Any, folder: Path) -> None:
    (folder / "kept").mkdir()
    told = rejoinder("calls", "list", "kept", "--json")
    assert rejoinder("calls", "list", "--json", "kept") == told


def test_a_file_may_stand_behind_the_flags(rejoinder: Any, folder: Path) -> None:
    (folder / "agents.yaml").write_text("agents: {a: {system: dummy}}\nroutes: {/a: a}\n")
    outcome = rejoinder("chat", "/b", "--plugin", "any=./any.py", "agents.yaml")
    assert (outcome.code, outcome.err) == (1, "rejoinder: agents.yaml has no route /b; its routes are:\n  /a\n")


@pytest.mark.parametrize(
    "words", [("calls", "list", "one", "--json", "two"), ("chat", "/a", "--colour", "f"), ("check", "a", "b")]
)
def test_what_no_command_asks_for_is_refused(rejoinder: Any, words: tuple[str, ...]) -> None:
    outcome = rejoinder(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert "unrecognized arguments: " in outcome.err
