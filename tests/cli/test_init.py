"""`rejoinder init`."""

import re
from pathlib import Path
from typing import Any

import pytest

from rejoinder.cli.init import STARTER
from rejoinder.config.keys import AGENT, FILE, RETELL, ROUTE, SERVER

WRITTEN = ("rejoinder.yaml", ".env.example", ".gitignore")


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PUBLIC_URL", "OPENAI_API_KEY", "LLM_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("unset")
def test_what_is_written_is_right_and_says_what_to_do_next(rejoinder: Any, folder: Path) -> None:
    outcome = rejoinder("init")
    assert outcome.code == 0
    assert [line for line in outcome.out.splitlines() if line.startswith("wrote")] == [f"wrote  {name}" for name in WRITTEN]
    assert "rejoinder serve" in outcome.out
    assert all((folder / name).is_file() for name in WRITTEN)
    assert rejoinder("check").out == "rejoinder.yaml: 3 agents, 3 routes, no problems\n"


@pytest.mark.usefixtures("unset")
def test_every_setting_at_hand_is_right_too(rejoinder: Any, folder: Path) -> None:
    rejoinder("init")
    (folder / "customers").mkdir()
    (folder / "customers" / "plumber.yaml").write_text("agents: {front: {system: dummy}}\n")
    file = folder / "rejoinder.yaml"
    file.write_text(re.sub(r"^( *)#(?=[^ #\n])", r"\1", file.read_text(), flags=re.MULTILINE))
    assert rejoinder("check").out == "rejoinder.yaml: 6 agents, 4 routes, no problems\n"


def test_every_key_of_this_version_is_shown(rejoinder: Any, folder: Path) -> None:
    rejoinder("init")
    text = (folder / "rejoinder.yaml").read_text()
    keys = {*FILE, *SERVER, *AGENT, *ROUTE, *RETELL}
    assert [key for key in sorted(keys) if not re.search(rf"^[ #]*{key}:", text, re.MULTILINE)] == []
    assert max(map(len, text.splitlines())) <= 140


def test_what_is_there_is_kept(rejoinder: Any, folder: Path) -> None:
    (folder / ".gitignore").write_text("mine\n")
    outcome = rejoinder("init")
    assert outcome.code == 0
    assert "kept   .gitignore, which was there already" in outcome.out
    assert (folder / ".gitignore").read_text() == "mine\n"
    assert (folder / "rejoinder.yaml").is_file()
    first = (folder / "rejoinder.yaml").read_bytes()
    rejoinder("init")
    assert (folder / "rejoinder.yaml").read_bytes() == first


def test_a_folder_that_is_not_there_is_made(rejoinder: Any, folder: Path) -> None:
    outcome = rejoinder("init", "deep/er")
    assert outcome.code == 0
    assert (folder / "deep" / "er" / "rejoinder.yaml").is_file()
    assert "after 'cd deep/er'" in outcome.out


def test_where_it_cannot_write_it_says_so(rejoinder: Any, folder: Path) -> None:
    (folder / "taken").write_text("")
    outcome = rejoinder("init", "taken")
    assert (outcome.code, outcome.err) == (1, "rejoinder: taken is not a folder: name the folder to write to\n")


def test_variables_of_the_file_are_explained_in_the_example(rejoinder: Any, folder: Path) -> None:
    rejoinder("init")
    named = set(re.findall(r"(?<!\$)\$\{([A-Z][A-Z_]*)", (folder / "rejoinder.yaml").read_text())) - {"NAME", "CRM_TOKEN"}
    assert named == set(re.findall(r"^#?([A-Z_]+)=", (folder / ".env.example").read_text(), re.MULTILINE))
    assert re.search(r"^\.env$", (folder / ".gitignore").read_text(), re.MULTILINE)
    assert tuple(STARTER) == WRITTEN
