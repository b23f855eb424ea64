"""Routes without a socket: the host's own calls on memory wires."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rejoinder import Call, CallFacts, CallReport, EndCall, Options, Reply, ResponseSystem, Turn, TurnReport
from rejoinder.errors import ConfigError, PluginError
from rejoinder.testing.dialling import CannotDial
from rejoinder.testing.exchange import Exchange
from rejoinder.testing.wire import Wire

pytestmark = pytest.mark.virtual_time

YAML = """
agents: {echo: {system: echo}, dummy: {system: dummy}, full: {system: dummy, lines: {apology: "Nobody is free."}}}
routes:
  /echo: echo
  /dummy: dummy
  /chat: {agent: dummy, platforms: [chat]}
  /full: {agent: full, limits: {calls: 1}}
"""
GREETING = "Say something, and I will say it back."


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "rejoinder.yaml"
    file.write_text(YAML)
    return file


class Seen:
    """What a witness is told."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.calls: list[CallReport] = []

    def call_started(self, call: CallFacts) -> None:
        self.started.append(call.id)

    def turn_ended(self, report: TurnReport) -> None: ...

    def call_ended(self, report: CallReport) -> None:
        self.calls.append(report)


async def frame(wire: Wire) -> dict[str, Any]:
    received = await wire.receive()
    assert received is not None
    decoded: dict[str, Any] = json.loads(received)
    return decoded


async def spoken(wire: Wire, turn: int) -> str:
    """All that is said in a turn."""
    said: list[str] = []
    while True:
        told = await frame(wire)
        if told.get("response_id") == turn:
            said.append(told["content"])
            if told["content_complete"]:
                return "".join(said)


async def asks(wire: Wire, turn: int, text: str) -> str:
    transcript = [{"role": "user", "content": text}]
    asked = {"interaction_type": "response_required", "response_id": turn, "transcript": transcript}
    await wire.send(json.dumps(asked).encode())
    return await spoken(wire, turn)


async def test_a_call_is_answered_on_each_route_of_a_file(file: Path) -> None:
    async with Exchange.of_file(file) as exchange:
        echo, dummy = await exchange.dialler("/echo")("call-1"), await exchange.dialler("/dummy")("call-1")
        assert await spoken(dummy, 0) == "How may I help you?"
        assert await asks(echo, 1, "hello") == "You said: hello"
        assert len(exchange.calls) == 2
    assert [await echo.receive(), echo.close_code] == [None, 1006]


async def test_a_lost_call_is_found_again_by_its_id(file: Path) -> None:
    seen = Seen()
    async with Exchange.of_file(file, only="/echo", witness=seen) as exchange:
        dial = exchange.dialler()
        wire = await dial("call-1")
        await spoken(wire, 0)
        wire.abort()
        again = await dial("call-1")
        assert await asks(again, 1, "still here") == "You said: still here"
        assert seen.started == ["call-1"]


async def test_calls_without_an_id_are_calls_of_their_own(file: Path) -> None:
    seen = Seen()
    async with Exchange.of_file(file, only="/echo", witness=seen) as exchange:
        dial = exchange.dialler()
        for wire in (await dial(""), await dial("")):
            assert await spoken(wire, 0) == GREETING
        assert len(exchange.calls) == len(set(seen.started)) == 2


async def test_a_goodbye_ends_a_call_after_its_grace(file: Path) -> None:
    seen = Seen()
    async with Exchange.of_file(file, only="/echo", witness=seen) as exchange:
        wire = await exchange.dialler()("call-1")
        await wire.close()
        await exchange.calls.news.wait()
        assert seen.calls == []
        await exchange.calls.news.wait()
        assert [report.ended_by for report in seen.calls] == ["platform"]
        assert asyncio.get_running_loop().time() == 6.0


async def test_who_is_silent_is_given_up_only_if_watched(file: Path) -> None:
    async with Exchange.of_file(file, only="/echo") as exchange:
        watched = await exchange.dialler()("call-1")
        by_hand = await exchange.dialler(watched=False)("call-2")
        await asyncio.sleep(60)
        assert [await spoken(watched, 0), await watched.receive(), watched.close_code] == [GREETING, None, 1006]
        assert await asks(by_hand, 1, "back") == "You said: back"


async def test_a_full_route_says_so_and_hangs_up(file: Path) -> None:
    async with Exchange.of_file(file, only="/full") as exchange:
        dial = exchange.dialler()
        first = await dial("call-1")
        turned_away = await dial("call-2")
        told = await frame(turned_away)
        assert (told["content"], told["end_call"]) == ("Nobody is free.", True)
        await turned_away.close()
        assert await spoken(first, 0) == "How may I help you?"


async def test_a_route_that_cannot_be_dialled_says_why(file: Path) -> None:
    exchange = Exchange.of_file(file)
    async with exchange:
        with pytest.raises(CannotDial, match="no route /ehco; there are: /echo, /dummy, /chat, /full"):
            exchange.dialler("/ehco")
        with pytest.raises(CannotDial, match="not for Retell"):
            exchange.dialler("/chat")
        with pytest.raises(CannotDial, match="no route given"):
            exchange.dialler()
        dial = exchange.dialler("/echo")
    with pytest.raises(CannotDial, match="closed"):
        await dial("call-1")


def test_a_wrong_file_is_told_whole(file: Path) -> None:
    file.write_text("agents: {a: {system: ehco}}\nroutes: {/a: a, /b: b}\n")
    with pytest.raises(ConfigError) as caught:
        Exchange.of_file(file)
    assert len(caught.value.problems) == 2


class Loud(Options, frozen=True):
    mark: str = "!"


class Shout(ResponseSystem[Loud]):
    def __init__(self, options: Loud, call: Call) -> None:
        super().__init__(options, call)
        assert call.route == "/test"

    async def respond(self, turn: Turn) -> Reply:
        yield turn.text.upper() + self.options.mark
        yield EndCall()


class Unopenable(ResponseSystem[Loud]):
    async def respond(self, turn: Turn) -> Reply:
        yield ""


async def test_a_system_is_served_with_what_yaml_would_say_of_it() -> None:
    async with Exchange.of_system(Shout, options={"mark": "?"}, begin="Yes, $1 ${HOME}") as exchange:
        wire = await exchange.dialler()("call-1")
        assert await spoken(wire, 0) == "Yes, $1 ${HOME}"
        assert await asks(wire, 1, "hi") == "HI?"


async def test_a_system_that_does_not_open_is_raised(tmp_path: Path) -> None:
    plugin = tmp_path / "refusing.py"
    plugin.write_text(
        "from contextlib import asynccontextmanager\n"
        "from rejoinder import Options, SystemSpec, hookimpl\n"
        "@asynccontextmanager\n"
        "async def refuse(options):\n"
        "    raise ValueError('no licence')\n"
        "    yield\n"
        "@hookimpl\n"
        "def rejoinder_response_system():\n"
        "    return SystemSpec(Options, refuse)\n"
    )
    with pytest.raises(PluginError, match="no licence"):
        async with Exchange.of_system(plugin):
            pass


@pytest.fixture
def observed(file: Path) -> Path:
    """A file whose observer cannot even be imported."""
    (file.parent / "noting.py").write_text("raise RuntimeError('an observer was asked for')\n")
    file.write_text(f"{YAML}  /observed: {{agent: echo, observers: [crm]}}\nobservers: {{crm: {{system: noting}}}}\n")
    return file


async def test_observers_are_not_told_of_what_never_happened(observed: Path, caplog: pytest.LogCaptureFixture) -> None:
    plugins = {"noting": str(observed.parent / "noting.py")}
    async with Exchange.of_file(observed, plugins=plugins) as exchange:
        wire = await exchange.dialler("/observed")("call-1")
        assert await asks(wire, 1, "hello") == "You said: hello"
    assert caplog.records == []
