"""`rejoinder chat`: lines in, words out."""

import asyncio
import io
import os
import pty
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rejoinder.cli.chat import dial
from rejoinder.cli.talk import Talk
from rejoinder.testing.telephone import calling

YAML = """
numbers: {reception: "+442079460000"}
agents:
  dummy: {system: dummy}
  parrot: {system: echo, begin: ""}
  slow: {system: echo, begin: "Go on.", options: {by_word: true, pause: 5}}
  desk:
    system: rules
    begin: "Hello."
    options:
      rules:
        - {when: bye, say: "Goodbye.", end_call: true}
        - {when: reception, say: "One moment.", transfer: reception}
        - {when: menu, say: "Pressing.", press: "1#"}
  broken: {system: bad}
routes:
  {/dummy: dummy, /parrot: parrot, /slow: slow, /desk: desk, /chat/only: {agent: dummy, platforms: [chat]}, /broken: broken}
"""
BAD = ("--plugin", "bad=bad.py")


@pytest.fixture
def chat(rejoinder: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Chat in this process with lines that are piped in."""
    (folder / "rejoinder.yaml").write_text(YAML)
    (folder / "bad.py").write_text("import nothing_of_that_name\n")

    def run(target: str, *lines: str) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return rejoinder("chat", target, *BAD)

    return run


def test_an_agent_greets_answers_and_is_hung_up_on_at_the_end_of_the_lines(chat: Any) -> None:
    outcome = chat("/dummy", "Hello?", "What?")
    sorry = "I am sorry, can you say that again?\n"
    assert (outcome.code, outcome.out, outcome.err) == (0, f"How may I help you?\n{sorry}{sorry}", "")


def test_an_empty_line_is_silence_and_quit_hangs_up(chat: Any) -> None:
    outcome = chat("parrot", "one two", "", "/quit", "not said")
    assert (outcome.code, outcome.out) == (0, "You said: one two\nAre you still there?\n")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("bye", "Goodbye.\n[the agent hangs up]\n"),
        ("reception", "One moment.\n[the agent transfers the call to +442079460000]\n"),
    ],
)
def test_an_action_that_ends_the_call_is_shown_and_ends_the_chat(chat: Any, said: str, shown: str) -> None:
    outcome = chat("/desk", said, "not said")
    assert (outcome.code, outcome.out) == (0, f"Hello.\n{shown}")


def test_pressed_keys_are_shown_and_the_call_goes_on(chat: Any) -> None:
    assert chat("/desk", "menu", "bye").out == "Hello.\nPressing.\n[the agent presses 1#]\nGoodbye.\n[the agent hangs up]\n"


def test_an_unknown_route_lists_those_there_are(chat: Any) -> None:
    outcome = chat("/nowhere")
    assert outcome.code == 1
    assert outcome.err == (
        "rejoinder: rejoinder.yaml has no route /nowhere; its routes are:\n"
        "  /broken\n  /chat/only\n  /desk\n  /dummy\n  /parrot\n  /slow\n"
    )


def test_a_route_that_cannot_be_talked_to_says_why(chat: Any) -> None:
    outcome = chat("/chat/only")
    assert (outcome.code, outcome.err) == (
        1, "rejoinder: /chat/only is not for Retell's protocol, which chat speaks (see platforms: of the route)\n",
    )  # fmt: skip
    outcome = chat("/broken")
    assert outcome.code == 1
    assert "the agent broken of /broken does not open: plugin 'bad' (bad.py): does not import" in outcome.err


def test_a_broken_file_says_what_check_says(rejoinder: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text("agents: {a: {sytem: dummy}}\n")
    outcome = rejoinder("chat", "/a")
    assert outcome.code == 1
    assert outcome.err == rejoinder("check").out.replace("rejoinder.yaml: 1 problem\n", "")


def test_nobody_there_is_one_sentence(chat: Any, unused_tcp_port: int) -> None:
    outcome = chat(f"ws://127.0.0.1:{unused_tcp_port}/dummy")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        f"rejoinder: ws://127.0.0.1:{unused_tcp_port} cannot be reached: Connection refused "
        "(is the server running? 'rejoinder serve' prints the URLs of its routes)\n"
    )


@pytest.mark.parametrize("url", ["http://", "ws://", "wss://:8080/desk", "ws://127.0.0.1:99999/desk", "http://[::1/desk"])
def test_a_malformed_url_is_told_so_and_nobody_is_asked_for(chat: Any, url: str) -> None:
    outcome = chat(url)
    assert (outcome.code, outcome.err) == (
        1, f"rejoinder: '{url}' is a malformed URL: expected one such as ws://127.0.0.1:8080/llm-websocket\n",
    )  # fmt: skip


@pytest.fixture
async def page() -> AsyncIterator[str]:
    """A server that speaks HTTP only, on one path."""

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/page/{call}", hello)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def test_an_http_answer_is_one_sentence_with_what_it_may_mean(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert await dial(f"{page}page") == 1
    told = capsys.readouterr().err
    assert "answered with HTTP 200, not with a call (something else than Rejoinder, or a proxy" in told
    assert await dial(f"{page}elsewhere") == 1
    told = capsys.readouterr().err
    assert "answered with HTTP 404, not with a call (the server has no such route; 'rejoinder serve' prints" in told


async def test_a_process_of_its_own_ends_when_the_agent_hangs_up_though_lines_may_come(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    command = await start("chat", "/desk", *BAD)
    assert await command.line() == "Hello."
    await command.type("bye")
    assert await command.line() == "Goodbye."
    assert await command.line() == "[the agent hangs up]"
    assert await command.process.wait() == 0
    assert (await command.ends()).err == ""


async def test_ctrl_c_is_no_traceback(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML)
    command = await start("chat", "/desk", *BAD)
    assert await command.line() == "Hello."
    command.signal(signal.SIGINT)
    outcome = await command.ends()
    assert (outcome.code, outcome.out, outcome.err) == (130, "", "")


async def test_words_are_shown_as_they_come(start: Any, folder: Path) -> None:
    (folder / "rejoinder.yaml").write_text(YAML.replace("pause: 5", "pause: 0.01"))
    command = await start("chat", "/slow", *BAD)
    assert await command.line() == "Go on."
    await command.type("one two")
    first = await command.process.stdout.read(1)
    assert first == b"Y"
    assert await command.line() == "ou said: one two"


@pytest.fixture
def terminal() -> Iterator[tuple[io.TextIOWrapper, int]]:
    """A terminal's two ends: the stream that a command reads, and where a person types."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as stream:
        yield stream, ours
    os.close(ours)


class Shown(io.StringIO):
    """What a person sees."""

    def __init__(self) -> None:
        super().__init__()
        self.news = asyncio.Event()

    def write(self, text: str) -> int:
        self.news.set()
        return super().write(text)

    async def until(self, seen: Callable[[str], bool]) -> None:
        async with asyncio.timeout(10):
            while not seen(self.getvalue()):
                self.news.clear()
                await self.news.wait()


async def test_in_a_terminal_one_is_prompted_and_may_interrupt(serve: Any, terminal: tuple[io.TextIOWrapper, int]) -> None:
    served = await serve(YAML, {"bad": "bad.py"})
    stream, keyboard = terminal
    shown = Shown()
    async with calling(served.ws("/slow")) as caller:
        talk = asyncio.create_task(Talk(caller, stream, shown).run())
        await shown.until(lambda text: text == "Go on.\nyou> ")
        os.write(keyboard, b"one two\n")
        await shown.until(lambda text: text.endswith("You "))
        os.write(keyboard, b"stop\n")
        await shown.until(lambda text: text.count("You ") == 2)
        assert [said.text for said in caller.transcript[:4]] == ["Go on.", "one two", "You", "stop"]
        os.write(keyboard, b"/quit\n")
        assert await talk == 0


async def test_what_the_agent_says_out_of_turn_and_that_it_hung_up_is_shown_at_the_prompt(
    terminal: tuple[io.TextIOWrapper, int],
) -> None:
    stream, _ = terminal
    shown = Shown()
    prompted = asyncio.Event()

    async def agent(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"response_type": "response", "response_id": 0, "content": "Hi.", "content_complete": True})
        await prompted.wait()
        await socket.send_json(
            {"response_type": "agent_interrupt", "interrupt_id": 1, "content": "Fire\x1b[2J!", "content_complete": True}
        )
        await socket.close(code=1000)
        return socket

    app = web.Application()
    app.router.add_get("/{call}", agent)
    async with TestServer(app) as server, calling(str(server.make_url("/"))) as caller:
        talk = asyncio.create_task(Talk(caller, stream, shown).run())
        await shown.until(lambda text: text.endswith("you> "))
        prompted.set()
        assert await talk == 0
    assert shown.getvalue() == "Hi.\nyou> \nFire[2J!\nyou> \n[the agent's side has hung up]\n"
