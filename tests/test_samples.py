"""Every sample of the manual and every file under config/ does what it says."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from manual import PAGES, ROOT, Sample, page, samples
from rejoinder.cli import main
from rejoinder.registry import Registry

CONFIGS = sorted((ROOT / "config").glob("*.yaml"))
PYTHON = [sample for name in PAGES for sample in samples(name, "python")]
PLUGINS = [sample for sample in PYTHON if "@hookimpl" in sample.text]
#: Files that answer calls; those that are included by another stand beside it.
YAML = [sample for name in PAGES for sample in samples(name, "yaml") if re.search(r"^routes:", sample.text, re.MULTILINE)]
#: Seconds for a process to end; far more than it needs.
PATIENCE = 25.0


def label(sample: Sample) -> str:
    return f"{sample.page}-{sample.name}"


def environ() -> dict[str, str]:
    """This process's, without what the samples read from it; of pytest's plugins the one that their readers need too."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "LLM_", "PUBLIC_URL"))}
    return own | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_asyncio.plugin"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with nothing of the samples' in the environment."""
    for name in set(os.environ) - set(environ()):
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lay_out(page: str, folder: Path) -> None:
    """The samples of a page as files, as a reader would save them."""
    for language in ("python", "yaml"):
        for sample in samples(page, language):
            file = folder / sample.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(sample.text, encoding="utf-8")


def at_hand(page: str) -> list[str]:
    """The flags that let a command use the page's plugins."""
    own = [sample for sample in PLUGINS if sample.page == page]
    return [part for sample in own for part in ("--plugin", f"{Path(sample.name).stem}={sample.name}")]


def run(command: list[str], folder: Path, typed: str = "") -> str:
    """What a command of the manual says; `rejoinder` and `python` are those of this environment."""
    program = {"rejoinder": [sys.executable, "-m", "rejoinder"], "python": [sys.executable]}[command[0]]
    done = subprocess.run(
        [*program, *command[1:]],
        cwd=folder, env=environ(), input=typed, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of `rejoinder serve` as the README says it, in a clone and without a file named."""
    command = [sys.executable, "-m", "rejoinder", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env=environ(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "is ready" not in said:
            line = process.stdout.readline()
            assert line, f"the server ended: {said}"
            said += line
        found = re.search(r"ready on 127\.0\.0\.1:(\d+)", said)
        assert found
        yield int(found[1])
        process.kill()  # not asked to stop: it would wait for calls that may be dialled again


def console(page: str, port: int) -> tuple[list[str], str, str]:
    """The command of a page's console session, what is typed in it and what is answered."""
    (session,) = samples(page, "console")
    command, *lines = session.text.replace(":8080", f":{port}").splitlines()
    typed = "".join(line.removeprefix("you> ") + "\n" for line in lines if line.startswith("you> "))
    answered = "".join(line + "\n" for line in lines if not line.startswith("you> "))
    return shlex.split(command.removeprefix("$ ").replace(".venv/bin/", "")), typed, answered


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
@pytest.mark.usefixtures("folder")
def test_every_file_under_config_is_right(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file)]) == 0, capsys.readouterr().out


def test_there_is_a_file_for_each_story() -> None:
    assert [file.name for file in CONFIGS] == ["customers.yaml", "llm.yaml", "rejoinder.yaml", "rules.yaml", "several.yaml"]


@pytest.mark.parametrize("sample", PYTHON, ids=label)
def test_python_compiles(sample: Sample) -> None:
    compile(sample.text, sample.name, "exec")


@pytest.mark.parametrize("sample", PLUGINS, ids=label)
def test_a_plugin_of_the_manual_loads(sample: Sample, folder: Path) -> None:
    (folder / sample.name).write_text(sample.text)
    plugin = Registry({"sample": sample.name}).load("sample")
    assert plugin.system or plugin.observer


@pytest.mark.parametrize("sample", YAML, ids=label)
def test_yaml_of_the_manual_is_right(sample: Sample, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lay_out(sample.page, folder)
    assert main(["check", sample.name, *at_hand(sample.page)]) == 0, capsys.readouterr().out


def test_the_readmes_plugin_answers_as_the_readme_says(folder: Path) -> None:
    lay_out("README.md", folder)
    (command,) = (one.text for one in samples("README.md", "sh") if "--plugin" in one.text)
    assert run(shlex.split(command), folder, "hello\n") == "HELLO!!\n"


def test_the_readmes_plugin_and_the_manuals_conform(folder: Path) -> None:
    lay_out("README.md", folder)
    (command,) = (one.text for one in samples("README.md", "sh") if "conform" in one.text)
    assert " 0 failed" in run(shlex.split(command), folder)
    lay_out("docs/testing.md", folder)
    (command,) = re.findall(r"`(rejoinder conform \w+ --plugin [^`]+)`", page("docs/testing.md"))
    assert " 0 failed" in run(shlex.split(command), folder)


def test_the_readmes_call_from_a_terminal_sounds_as_it_says(port: int, folder: Path) -> None:
    command, typed, answered = console("README.md", port)
    assert run(command, folder, typed) == answered


def test_openais_package_gets_the_answer_that_the_manual_shows(port: int, folder: Path) -> None:
    lay_out("docs/platforms.md", folder)
    command, _, answered = console("docs/platforms.md", port)
    assert run([*command, f"http://127.0.0.1:{port}/echo"], folder) == answered


@pytest.mark.parametrize(("page", "tests"), [("README.md", 1), ("docs/plugins.md", 3), ("docs/testing.md", 27)])
def test_the_tests_in_the_manual_pass(page: str, tests: int, folder: Path) -> None:
    lay_out(page, folder)
    said = run(["python", "-m", "pytest", "-q"], folder)
    assert f"{tests} passed" in said


def test_the_command_to_try_a_plugin_talks_to_it(folder: Path) -> None:
    lay_out("docs/plugins.md", folder)
    (command,) = (one.text for one in samples("docs/plugins.md", "sh") if "chat" in one.text)
    assert run(shlex.split(command), folder, "When are you open?\n") == (
        "Hello there, how can I help?\nWe are open from ten to four.\n"
    )
