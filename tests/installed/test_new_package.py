"""From nothing to a published package: `rejoinder new`, then what it says to type, and what its CI does with a tag."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from installed import environment, serving, wheel_of
from rejoinder.testing.telephone import calling
from wheels import run

#: What the environment says to pip, which is to look nowhere and build with what is at hand, and to pytest, of whose plugins an
#: author has none.
AT_HAND = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}


@pytest.fixture(scope="module")
def author(own_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an author who has Rejoinder, and nothing of the checkout."""
    return environment(tmp_path_factory.mktemp("author"), own_wheel)


@pytest.fixture(scope="module")
def told(author: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The new folder, and the commands that the author is told to type in it."""
    home = tmp_path_factory.mktemp("home")
    said = run([author / "rejoinder", "new", "shout"], home)
    _, found, commands = said.partition("Next, after 'cd rejoinder-shout':\n")
    assert found, said
    return home / "rejoinder-shout", [re.split(r"\s{2,}", line.strip())[0] for line in commands.splitlines()]


@pytest.fixture(scope="module")
def package(told: tuple[Path, list[str]]) -> Path:
    """The new package, installed as its author was told to."""
    folder, (install, _, _) = told
    typed(install, folder)
    return folder


def typed(command: str, folder: Path, text: str = "") -> str:
    """What a command says to who types it, and then `text`."""
    done = subprocess.run(
        command, shell=True, cwd=folder, env=os.environ | AT_HAND, input=text, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_its_own_tests_and_those_of_any_plugin_pass(told: tuple[Path, list[str]], package: Path) -> None:
    said = typed(f"{told[1][1]} -v", package)
    assert "test_shout.py::test_it_hangs_up_at_a_goodbye PASSED" in said
    assert "test_shout.py::test_conformance[closes-turns] PASSED" in said


def test_it_answers_who_tries_it(told: tuple[Path, list[str]], package: Path) -> None:
    said = typed(told[1][2], package, "hi there\nbye\n")
    assert said == "Say something, and I will say it louder.\nHI THERE!\nGoodbye.\n[the agent hangs up]\n"


def test_it_passes_strict_type_checking_with_its_tests(package: Path, author: Path, tmp_path: Path) -> None:
    """As its CI does: its pyproject.toml says what is checked, and how."""
    if find_spec("mypy") is None:
        pytest.skip("needs mypy (it is in the extra `test`)")
    mypy: list[str | Path] = [sys.executable, "-m", "mypy", "--python-executable", author / "python"]
    assert run([*mypy, "--cache-dir", tmp_path], package) == "Success: no issues found in 2 source files\n"


async def test_its_wheel_in_a_clean_environment_is_listed_and_answers_a_call(
    package: Path, own_wheel: Path, tmp_path: Path
) -> None:
    wheel = wheel_of(package, tmp_path / "dist")
    assert wheel.name == "rejoinder_shout-0.1.0-py3-none-any.whl"
    rejoinder = environment(tmp_path / "clean", own_wheel, wheel) / "rejoinder"
    (shout,) = (one for one in json.loads(run([rejoinder, "plugins", "--json"], tmp_path)) if one["name"] == "shout")
    assert (shout["distribution"], shout["version"], shout["fault"]) == ("rejoinder-shout", "0.1.0", "")
    (provided,) = shout["provides"]
    assert {option["name"]: option["description"] for option in provided["options"]} == {
        "mark": "Ends each answer.",
        "goodbye": "The last words of a call.",
    }
    file = package / "rejoinder.yaml"
    async with (
        serving([rejoinder, "serve", file, "--port", "0"], tmp_path) as port,
        calling(f"ws://127.0.0.1:{port}/llm-websocket") as caller,
    ):
        assert (await caller.hears()).text == "Say something, and I will say it louder."
        await caller.says("a table for two, please")
        assert (await caller.hears()).text == "A TABLE FOR TWO, PLEASE!"
        await caller.says("goodbye")
        assert (await caller.hears()).end_call
