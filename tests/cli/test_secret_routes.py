"""A route with a secret: the commands that read the file know it and never show it."""

import io
from pathlib import Path
from typing import Any

import pytest

SECRET = "the-secret-0123456789"
YAML = f"""\
server: {{public_url: "https://voice.example.com"}}
agents: {{a: {{system: dummy}}}}
routes: {{/clinic: {{agent: a, secret: {SECRET}, allow: [retell]}}}}
"""


@pytest.fixture(autouse=True)
def file(folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)


def test_chat_talks_to_it(rejoinder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hi\n"))
    outcome = rejoinder("chat", "/clinic")
    assert outcome.code == 0
    assert "I am sorry, can you say that again?" in outcome.out
    assert SECRET not in outcome.out + outcome.err


def test_check_plays_a_call_on_it_and_shows_a_mask(rejoinder: Any) -> None:
    outcome = rejoinder("check", "--live", "--show")
    assert outcome.code == 0
    assert "How may I help you?" in outcome.out
    assert "secret: '***'" in outcome.out
    assert SECRET not in outcome.out + outcome.err


async def test_serve_prints_a_mask_where_it_stands(start: Any) -> None:
    command = await start("serve", "--port", "0")
    told = [" ".join((await command.line()).split()) for _ in range(4)]
    assert told[0] == "/clinic -> a"
    assert told[1].endswith("/clinic/***")
    assert told[2:] == ["paste in dashboard: wss://voice.example.com/clinic/***", "(***: the route's secret.)"]
