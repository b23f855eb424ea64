"""`rejoinder plugins`."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest


def test_each_plugin_is_listed_with_its_distribution_version_and_options(rejoinder: Any) -> None:
    outcome = rejoinder("plugins")
    assert outcome.code == 0
    lines = [line.split() for line in outcome.out.splitlines()]
    for name in ("dummy", "echo", "llm", "rules"):
        assert [name, "response", "system", "rejoinder", version("rejoinder")] in lines
    assert 'prefix         text; default: "You said: "' in outcome.out
    assert "Said before what was heard." in outcome.out


@pytest.mark.parametrize(("columns", "widest"), [("60", 60), ("100", 100), ("300", 120)])
def test_lines_fit_the_terminal_and_an_eye(rejoinder: Any, monkeypatch: pytest.MonkeyPatch, columns: str, widest: int) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = rejoinder("plugins").out
    assert widest - 12 < max(map(len, out.splitlines())) <= widest
    assert "No lists, no markdown, no emoji." in " ".join(out.split())


def test_a_plugin_that_does_not_load_says_why_and_harms_nobody(rejoinder: Any, folder: Path) -> None:
    (folder / "bad.py").write_text("raise SystemExit(3)\n")
    outcome = rejoinder("plugins", "--plugin", "bad=bad.py")
    assert outcome.code == 0
    assert "bad    DOES NOT LOAD" in outcome.out
    assert "plugin 'bad' (bad.py): does not import: SystemExit: 3" in outcome.out
    assert "dummy  response system" in outcome.out
    assert "plugins, 1 not loading" in outcome.out


def test_a_plugin_without_options_says_so(rejoinder: Any, folder: Path) -> None:
    (folder / "plain.py").write_text(
        "from rejoinder import Observer, Options, hookimpl, observing\n\n"
        "@hookimpl\ndef rejoinder_observer():\n    return observing(Observer, Options)\n"
    )
    outcome = rejoinder("plugins", "--plugin", "plain=plain.py")
    assert "plain  observer         plain.py\n       (no options)\n" in outcome.out


def test_for_programs_there_is_one_json_array(rejoinder: Any) -> None:
    listed = {one["name"]: one for one in json.loads(rejoinder("plugins", "--json").out)}
    echo = listed["echo"]
    assert (echo["distribution"], echo["version"], echo["fault"]) == ("rejoinder", version("rejoinder"), "")
    (provided,) = echo["provides"]
    assert provided["kind"] == "response system"
    assert {"name": "by_word", "type": "yes or no", "required": False, "default": "false"}.items() <= {
        option["name"]: option for option in provided["options"]
    }["by_word"].items()
