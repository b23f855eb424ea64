"""`rejoinder simulate --platform chat`: the same scenarios, played by a platform that asks for chat completions."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rejoinder.testing.llm import DONE, chunk

YAML = """
agents:
  desk: {system: rules, begin: "Good day.", options: {rules: [{when: bye, say: "Goodbye.", end_call: true}], default: "Well."}}
routes:
  /desk: {agent: desk, secret: abcdefghijklmnopqrstuvwxyz}
  /retell: {agent: desk, platforms: [retell]}
"""
CALLS = """
scenarios:
  - name: Leaves
    caller: [{hears: Good day}, {says: one, expect: Well}, {says: bye, expect: {is: Goodbye., action: hang_up}}]
    expect: {ends: agent}
  - name: Is lost
    caller: [{says: one}, {drops: connection}]
"""
LOST = "skipped  Is lost: chat completions: the platform dials nobody again, and has no keepalive"


@pytest.fixture
def calls(folder: Path) -> str:
    (folder / "rejoinder.yaml").write_text(YAML)
    (folder / "calls.yaml").write_text(CALLS)
    return "calls.yaml"


class Keyed(BaseHTTPRequestHandler):
    """Answers whoever has the key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        is_known = self.headers["Authorization"] == "Bearer right" and self.path == "/desk/chat/completions"
        self.send_response(200 if is_known else 401)
        self.end_headers()
        if is_known:
            self.wfile.write(chunk("Well.") + chunk(finish_reason="stop") + DONE)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Keyed) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/desk"
        server.shutdown()
        thread.join()


def test_what_such_a_platform_can_do_is_played_in_virtual_time_and_the_rest_skipped(rejoinder: Any, calls: str) -> None:
    outcome = rejoinder("simulate", calls, "--platform", "chat")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[:2] == [LOST, "passed  Leaves (/desk)"]


def test_a_run_of_which_nothing_can_be_played_fails(rejoinder: Any, calls: str, folder: Path) -> None:
    (folder / calls).write_text("caller: [{presses: '1'}, {says: one}]")
    outcome = rejoinder("simulate", calls, "--platform", "chat")
    assert (outcome.code, outcome.err) == (1, "rejoinder: nothing to play\n")
    assert "tells nobody of keys" in outcome.out
    (folder / calls).write_text("caller: [{says: one}]")
    (folder / "rejoinder.yaml").write_text("agents: {a: {system: echo}}\nroutes: {/a: {agent: a, platforms: [retell]}}\n")
    outcome = rejoinder("simulate", calls, "--platform", "chat")
    assert (outcome.code, outcome.err) == (
        1,
        "rejoinder: nothing to play: the file has no route for chat completions\n",
    )


def test_a_url_is_asked_with_the_key(
    rejoinder: Any, calls: str, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = "platform: {rate: 1000, agent_rate: 1000, first_message: ''}"
    (folder / calls).write_text(f"{fast}\ncaller: [{{says: one, expect: Well}}]")
    monkeypatch.setenv("REJOINDER_CHAT_KEY", "right")
    assert rejoinder("simulate", calls, "--platform", "chat", "--url", url).code == 0
    refused = rejoinder("simulate", calls, "--platform", "chat", "--url", url, "--key", "wrong")
    assert refused.code == 1
    assert refused.out.startswith("BROKEN  calls: no request is answered: HTTP 401")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--platform", "chat", "--load", "3"], "--load is played as Retell plays it: not together with --platform chat"),
        (["--key", "k"], "--key is for --platform chat; for Retell the secret is in the URL"),
        (["--platform", "chat", "--key", "k"], "--key is for --url; the routes of a file are played with their own secrets"),
        (
            ["--platform", "chat", "--url", "ws://127.0.0.1/a"],
            (
                "'ws://127.0.0.1/a' is a malformed URL: chat completions are asked for at one such as "
                "http://127.0.0.1:8080/llm-websocket"
            ),
        ),
    ],
)
def test_what_does_not_go_together_is_told(rejoinder: Any, calls: str, flags: list[str], told: str) -> None:
    outcome = rejoinder("simulate", calls, *flags)
    assert (outcome.code, outcome.err) == (2, f"rejoinder: {told}\n")
