"""Whatever a plugin does, each of its turns is closed exactly once with something sensible, and the call goes on."""

import json
import logging
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from misbehaving import VICES, Vice
from rejoinder.dialogue import TurnKind
from rejoinder.ladder import LONGEST_TEXT
from rejoinder.lines import BUILT_IN
from rejoinder.testing.hearing import Frame
from rejoinder.testing.telephone import calling
from served import Serve, Served

PLUGINS = {"misbehaving": str(Path(__file__).parent / "support" / "misbehaving.py")}
#: Virtual seconds, beyond the longest turn.
PATIENCE = 100.0
ENGLISH = BUILT_IN["en"]
INSTEAD: dict[TurnKind, str] = {"begin": ENGLISH.hello, "response": ENGLISH.apology, "reminder": ENGLISH.nudge}

Outcome = tuple[str, str]


def sensible(vice: Vice, kind: TurnKind, *, sync: bool) -> Outcome:
    """What the caller hears of a turn that is spoilt so, and what becomes of it."""
    match vice:
        case "raises before":
            return INSTEAD[kind], "failed"
        case "raises between":
            return f"One. {INSTEAD[kind]}", "failed"
        case "raises after":
            return f"One. Two. {INSTEAD[kind]}", "failed"
        case "returns nothing":
            silent: dict[TurnKind, Outcome] = {
                "begin": ("", "finished"),
                "response": (ENGLISH.apology, "failed"),
                "reminder": (ENGLISH.nudge, "finished"),
            }
            return silent[kind]
        case "never ends":
            return filled("And then. "), "timed out"
        case "yields a megabyte":
            return filled("All work. "), "timed out"
        case "hangs in clean-up" | "swallows cancellation":
            return (filled("And then. ") if sync else "One. "), "timed out"
        case _:
            return "One. ", "finished"


def filled(text: str) -> str:
    """A turn that is as long as one may be."""
    return (text * LONGEST_TEXT)[:LONGEST_TEXT]


async def served_with(serve: Serve, vice: Vice, kind: TurnKind, *, sync: bool) -> Served:
    agent = {"system": "misbehaving", "options": {"vice": vice, "on": kind, "sync": sync}}
    return await serve(json.dumps({"server": {"port": 0}, "agents": {"bad": agent}, "routes": {"/bad": "bad"}}), PLUGINS)


def ends(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """Every turn that was closed, with its outcome, as often as it was."""
    closed = [record for record in caplog.records if getattr(record, "event", "") == "turn ended"]
    return [(getattr(record, "turn", -1), getattr(record, "outcome", "")) for record in closed]


@pytest.mark.failure(4)
@pytest.mark.failure(5)
@pytest.mark.failure(23)
@pytest.mark.virtual_time
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
@pytest.mark.parametrize("kind", INSTEAD)
@pytest.mark.parametrize("vice", VICES)
async def test_a_spoilt_turn_is_closed_once_with_something_sensible_and_the_call_goes_on(
    serve: Serve, caplog: pytest.LogCaptureFixture, vice: Vice, kind: TurnKind, *, sync: bool
) -> None:
    caplog.set_level(logging.INFO)
    served = await served_with(serve, vice, kind, sync=sync)
    async with calling(served.ws("/bad")) as caller:
        heard = await caller.hears(PATIENCE)
        if kind != "begin":
            await (caller.says("and now?") if kind == "response" else caller.is_silent())
            heard = await caller.hears(PATIENCE)
        text, outcome = sensible(vice, kind, sync=sync)
        assert heard.text == text
        assert heard.digits == ("1" if "action" in vice else "")
        await caller.says("be polite")
        assert (await caller.hears(PATIENCE)).text == "Polite."
    spoilt = frames_of(caller.frames, heard.turn)
    assert [frame["content_complete"] for frame in spoilt] == [False] * (len(spoilt) - 1) + [True]
    assert caller.unheard == []
    assert [end for end in ends(caplog) if end[0] == heard.turn] == [(heard.turn, outcome)]
    assert max(Counter(turn for turn, _ in ends(caplog)).values()) == 1


def frames_of(frames: list[Frame], turn: int) -> list[Frame]:
    return [frame for frame in frames if frame.get("response_type") == "response" and frame["response_id"] == turn]


@pytest.mark.failure(4)
@pytest.mark.virtual_time
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
@pytest.mark.parametrize("vice", VICES)
async def test_so_is_a_completion(serve: Serve, caplog: pytest.LogCaptureFixture, vice: Vice, *, sync: bool) -> None:
    caplog.set_level(logging.INFO)
    served = await served_with(serve, vice, "response", sync=sync)
    async with aiohttp.ClientSession() as client:
        choices = [choice async for choice in completion(client, served, "and now?")]
        polite = [choice async for choice in completion(client, served, "be polite")]
    text, outcome = sensible(vice, "response", sync=sync)
    assert spoken(choices) == (f"{text}Two." if vice == "action then text" else text)  # nobody asked for keys to be pressed
    assert spoken(polite) == "Polite."
    for answer in (choices, polite):
        assert [choice["finish_reason"] for choice in answer if choice["finish_reason"]] == ["stop"]
        assert answer[-1]["finish_reason"] == "stop"
    assert ends(caplog) == [(1, outcome), (2, "finished")]


async def completion(client: aiohttp.ClientSession, served: Served, text: str) -> AsyncIterator[Frame]:
    """The choices of one streamed answer; it must end as OpenAI's do."""
    messages = [{"role": "user", "content": text}]
    asked = {"model": "any", "stream": True, "messages": messages, "call": {"id": "call-1"}}
    async with client.post(served.http("/bad/chat/completions"), json=asked) as answer:
        events = [line[6:] for line in (await answer.text()).splitlines() if line.startswith("data: ")]
    assert events.count("[DONE]") == 1
    assert events[-1] == "[DONE]"
    for event in events[:-1]:
        for choice in json.loads(event)["choices"]:
            yield choice


def spoken(choices: list[Frame]) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in choices)
