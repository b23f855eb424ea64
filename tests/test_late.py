"""Agents that do not answer, over real sockets and both protocols: the caller hears something sensible in time."""

import asyncio
from pathlib import Path

import openai
import pytest

from rejoinder.testing.telephone import PHONE_CALL, Caller, calling
from served import Serve, Served

HANGING = '''
"""Answers by order of the caller: hang, crash, half, or else at once."""
import asyncio
from rejoinder import Options, ResponseSystem, hookimpl, per_call

class HangingOptions(Options, frozen=True):
    name: str = "ava"

class Hanging(ResponseSystem[HangingOptions]):
    async def begin(self, turn):
        if self.options.name == "mute":
            await asyncio.Event().wait()
        yield f"This is {self.options.name}."

    async def respond(self, turn):
        word = turn.text.split()[-1] if turn.text else ""
        if word == "half":
            yield "We are open. "
        if word in ("hang", "half") and self.options.name != "desk":
            await asyncio.Event().wait()
        if word == "crash" and self.options.name != "desk":
            raise RuntimeError("planned")
        why = f" after {turn.instead_of} was {turn.because}" if turn.instead_of else ""
        yield f"{self.options.name} answers{why}."

@hookimpl
def rejoinder_response_system():
    return per_call(Hanging, HangingOptions)
'''
YAML = """
server: {port: 0}
numbers: {reception: "+442079460000"}
agents:
  ava: {system: hanging, fallback: desk}
  desk: {system: hanging, options: {name: desk}}
  alone: {system: hanging, lines: {filler: "Bear with me.", apology: "Nobody is here."}}
  mute: {system: hanging, options: {name: mute}}
routes:
  /ava: ava
  /alone: {agent: alone, on_failure: {transfer: reception}}
  /mute: mute
"""
pytestmark = pytest.mark.virtual_time


async def served_with(serve: Serve, tmp_path: Path, yaml: str = YAML) -> Served:
    (tmp_path / "hanging.py").write_text(HANGING)
    return await serve(yaml, {"hanging": str(tmp_path / "hanging.py")})


async def timed(caller: Caller, text: str) -> tuple[float, str]:
    begun = asyncio.get_running_loop().time()
    await caller.says(text)
    heard = await caller.hears(within=100)
    return round(asyncio.get_running_loop().time() - begun, 2), heard.text


@pytest.mark.failure(24)
@pytest.mark.failure(25)
async def test_a_substitute_answers_for_an_agent_that_hangs(serve: Serve, tmp_path: Path) -> None:
    served = await served_with(serve, tmp_path)
    async with calling(served.ws("/ava")) as caller:
        await caller.hears()
        assert await timed(caller, "please hang") == (6.0, "One moment, please. desk answers after ava was late.")
        assert await timed(caller, "please crash") == (0.0, "desk answers after ava was failed.")
        assert await timed(caller, "hello") == (0.0, "ava answers.")


@pytest.mark.failure(4)
async def test_without_a_substitute_the_host_apologises_and_transfers(serve: Serve, tmp_path: Path) -> None:
    served = await served_with(serve, tmp_path)
    async with calling(served.ws("/alone"), details=PHONE_CALL) as caller:
        await caller.hears()
        assert await timed(caller, "hang") == (12.0, "Bear with me. Nobody is here.")
        assert (await caller.hears()).transfer_to == "+442079460000"


async def test_on_a_web_call_nobody_is_told_that_he_is_passed_on(serve: Serve, tmp_path: Path) -> None:
    served = await served_with(serve, tmp_path)
    async with calling(served.ws("/alone")) as caller:
        await caller.hears()
        assert await timed(caller, "crash") == (0.0, "I am sorry, I cannot put you through on this call.")
        assert not (await caller.hears()).transfer_to


@pytest.mark.failure(4)
async def test_a_reply_that_stalls_keeps_what_was_said(serve: Serve, tmp_path: Path) -> None:
    served = await served_with(serve, tmp_path)
    async with calling(served.ws("/ava")) as caller:
        await caller.hears()
        assert await timed(caller, "half") == (4.0, "We are open. ")


async def test_a_begin_message_that_hangs_is_the_hosts(serve: Serve, tmp_path: Path) -> None:
    served = await served_with(serve, tmp_path)
    loop = asyncio.get_running_loop()
    async with calling(served.ws("/mute")) as caller:
        begun = loop.time()
        assert (await caller.hears(within=100)).text == "Hello, how can I help you?"
        assert loop.time() - begun == pytest.approx(2.0, abs=0.1)


async def test_an_agent_that_keeps_failing_is_skipped_and_then_probed(serve: Serve, tmp_path: Path) -> None:
    served = await served_with(serve, tmp_path)
    async with calling(served.ws("/ava")) as caller:
        await caller.hears()
        for _ in range(3):
            assert (await timed(caller, "crash"))[1] == "desk answers after ava was failed."
        assert await timed(caller, "hello") == (0.0, "desk answers after ava was skipped.")
        await asyncio.sleep(30)
        assert (await timed(caller, "hello"))[1] == "ava answers."
        assert (await timed(caller, "hello"))[1] == "ava answers."


async def test_chat_completions_are_answered_in_time_too(serve: Serve, tmp_path: Path) -> None:
    served = await served_with(serve, tmp_path)
    loop = asyncio.get_running_loop()
    async with openai.AsyncOpenAI(base_url=served.http("/ava"), api_key="x", max_retries=0, timeout=1000) as client:
        begun = loop.time()
        whole = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hang"}])
        assert whole.choices[0].message.content == "One moment, please. desk answers after ava was late."
        assert loop.time() - begun == pytest.approx(6.0, abs=0.1)


async def test_an_agent_that_takes_anothers_place_need_be_on_no_route(serve: Serve, tmp_path: Path) -> None:
    served = await served_with(serve, tmp_path)
    assert set(served.host.routes.agents) == {"ava", "desk", "alone", "mute"}
