"""Commands whose streams are closed or know few letters, as they are under cron, services and old terminals."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMAND = f"{sys.executable} -m rejoinder"
YAML = "agents: {日本: {system: dummy}}\nroutes: {/a: 日本}\n"


def shell(folder: Path, line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell, which can close streams as Python's subprocess cannot."""
    return subprocess.run(line, shell=True, cwd=folder, env=environ, text=True, capture_output=True, check=False, timeout=20)


@pytest.mark.parametrize("arguments", ["check", "plugins", "init", "chat /a"])
def test_with_its_streams_closed_a_command_does_its_work(folder: Path, arguments: str) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    outcome = shell(folder, f"{COMMAND} {arguments} <&- >&-")
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_letters_that_the_output_does_not_know_are_written_as_codes(folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    outcome = shell(folder, f"{COMMAND} check --show", PYTHONIOENCODING="ascii")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "/a: \\u65e5\\u672c" in outcome.stdout


def test_a_reader_that_has_left_is_no_error(folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    outcome = shell(folder, f"{COMMAND} serve --port 0 | true")
    assert outcome.stderr == ""


@pytest.mark.parametrize("arguments", ["check", "plugins", "schema", "simulate calls.yaml"])
def test_an_output_that_takes_no_more_is_told_in_a_line(folder: Path, arguments: str) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    (folder / "calls.yaml").write_text("caller: []\n")
    outcome = shell(folder, f"{COMMAND} {arguments} >/dev/full")
    assert (outcome.returncode, outcome.stderr) == (1, "rejoinder: the output cannot be written: No space left on device\n")


def test_ctrl_c_while_commands_are_imported_is_no_traceback(rejoinder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rejoinder.cli.import_module", interrupted)
    ended = rejoinder("check")
    assert (ended.code, ended.err) == (130, "")


def test_help_that_cannot_be_written_is_told_in_a_line(folder: Path) -> None:
    outcome = shell(folder, f"{COMMAND} >/dev/full")
    assert (outcome.returncode, outcome.stderr) == (1, "rejoinder: the output cannot be written: No space left on device\n")
