"""`rejoinder conform`: what it says and how it ends."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rejoinder.conformance.catalogue import CHECKS

SUPPORT = Path(__file__).parents[1] / "support"

BAD = """
from rejoinder import Options, Reply, ResponseSystem, SystemSpec, Turn, hookimpl, per_call

print("a plugin that prints")


class Bad(ResponseSystem[Options]):
    async def respond(self, turn: Turn) -> Reply:
        yield "We are **open**."
        {more}


@hookimpl
def rejoinder_response_system() -> SystemSpec[Options]:
    return per_call(Bad, Options)
"""


@pytest.fixture
def bad(folder: Path) -> Path:
    file = folder / "bad.py"
    file.write_text(BAD.format(more="return"))
    return file


def test_a_good_system_passes_with_a_line_for_each_check(rejoinder: Any) -> None:
    ended = rejoinder("conform", "dummy")
    assert ended.code == 0
    *lines, last = ended.out.splitlines()
    assert [line.split()[3].rstrip(":") for line in lines] == [one.name for one in CHECKS]
    assert {line.split()[0] for line in lines} == {"passed", "skipped"}
    assert "15 checks passed, 0 failed, 3 skipped in " in last


def test_what_failed_is_told_with_a_remedy(rejoinder: Any, bad: Path) -> None:
    ended = rejoinder("conform", "bad", "--plugin", f"bad={bad}", "--only", "speech-clean", "--only", "closes-turns")
    assert ended.code == 1
    passed, failed, *story, last = ended.out.splitlines()
    assert passed.startswith("passed")
    assert failed.startswith("FAILED")
    assert [line.split()[0] for line in story] == ["seen:", "why:", "remedy:"]
    assert "**open**" in story[0]
    assert last.startswith("bad: 1 check passed, 1 failed, 0 skipped")


def test_json_holds_all_of_it_and_nothing_else(rejoinder: Any, bad: Path) -> None:
    ended = rejoinder("conform", str(bad), "--json", "--only", "speech-clean")
    report = json.loads(ended.out)
    assert (ended.code, report["ok"], report["real_time"]) == (1, False, False)
    (check,) = report["checks"]
    assert check["name"] == "speech-clean"
    assert check["outcome"] == "failed"
    assert "**open**" in check["seen"][0]


def test_the_checks_are_listed(rejoinder: Any) -> None:
    ended = rejoinder("conform", "--list")
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == [one.name for one in CHECKS]
    assert json.loads(rejoinder("conform", "--list", "--json").out)[0]["asks"] == CHECKS[0].asks


def test_options_come_from_a_file_and_from_the_line(rejoinder: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "options.yaml").write_text("begin: ${GREETING}\nsay: fine\n")
    monkeypatch.setenv("GREETING", "Look at **this**")
    flags = ("--options", "options.yaml", "--only", "speech-clean")
    assert "Look at **this**" in rejoinder("conform", "dummy", *flags).out
    assert rejoinder("conform", "dummy", *flags, "-o", "begin=Hello.").code == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("begin: ${NOBODY_SETS_THIS}", "NOBODY_SETS_THIS is not set"),
        ("- a list", "expected a mapping"),
        ("a: [", "options.yaml:1:5"),
        ("nonsense: 1", "unknown option 'nonsense'"),
    ],
)
def test_a_wrong_file_of_options_is_told(rejoinder: Any, folder: Path, text: str, told: str) -> None:
    (folder / "options.yaml").write_text(text)
    ended = rejoinder("conform", "dummy", "--options", "options.yaml")
    assert ended.code == 1
    assert told in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("flags", "code", "told"),
    [
        ((), 2, "which system?"),
        (("dummy", "--only", "close-turns"), 2, "did you mean closes-turns?"),
        (("dummy", "-o", "begin"), 2, "is not KEY=VALUE"),
        (("dummy", "-o", "begin={"), 2, "is not YAML"),
        (("nobodys",), 1, "no plugin 'nobodys'"),
        (("dummy", "--options", "missing.yaml"), 1, "does not exist"),
    ],
)
def test_a_wrong_command_line_is_told(rejoinder: Any, flags: tuple[str, ...], code: int, told: str) -> None:
    ended = rejoinder("conform", *flags)
    assert (ended.code, told in ended.err) == (code, True), ended.err


def conform_apart(folder: Path, hurry: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Conform `bad.py` in a process of its own, which has less patience: `hurry` says how much."""
    play = f"""
import sys
from rejoinder import slow_imports
from rejoinder.cli import conform, main
from rejoinder.conformance import guard

{hurry}
sys.exit(main(["conform", "bad.py", *{flags!r}]))
"""
    return subprocess.run([sys.executable, "-c", play], cwd=folder, capture_output=True, text=True, timeout=20, check=False)


def test_a_pattern_that_runs_wild_ends_the_command_and_is_named(folder: Path) -> None:
    (folder / "bad.py").write_text(BAD.format(more='__import__("re").match("(a+)+$", "a" * 60 + "b")'))
    ended = conform_apart(folder, "conform.STUCK = 0.5", "--only", "closes-turns")
    assert ended.returncode == 1
    assert "bad.py" in ended.stderr
    assert "in respond" in ended.stderr


def test_an_import_that_does_not_end_is_named_and_ends_the_command(folder: Path) -> None:
    (folder / "bad.py").write_text("import threading\nthreading.Event().wait()\n")
    ended = conform_apart(folder, "slow_imports.PATIENCE, conform.STUCK_IN_AN_IMPORT = 0.1, 0.5", "--json")
    assert (ended.returncode, ended.stdout) == (1, "")
    named, *traces = ended.stderr.splitlines()
    assert "is still being imported after 0.1 s, at " in named
    assert "bad.py:2" in named
    assert any('bad.py", line 2' in line for line in traces)


def test_a_plugin_that_never_gives_its_thread_back_ends_with_a_verdict(folder: Path) -> None:
    (folder / "bad.py").write_text(BAD.format(more="while True: pass"))
    ended = conform_apart(folder, "guard.LONGEST_HOLD = 0.5", "--only", "does-not-block")
    assert ended.returncode == 1
    assert "does-not-block" in ended.stdout
    assert "(Bad.respond)" in ended.stdout
