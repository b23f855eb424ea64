"""The simulated platform against the real host, in this process and in virtual time."""

import gc
from pathlib import Path

import pytest
from aiohttp import ClientSession

from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.retell import Retell
from rejoinder.testing.exchange import Exchange
from rejoinder.testing.wire import socket_dialler
from served import Serve

YAML = """
agents: {echo: {system: echo, begin: Hello there.}}
routes: {/echo: echo}
"""


@pytest.fixture
async def exchange(tmp_path: Path) -> Exchange:
    file = tmp_path / "rejoinder.yaml"
    file.write_text(YAML)
    return Exchange.of_file(file)


@pytest.mark.virtual_time
async def test_ten_minutes_of_talk_lose_no_word_and_no_frame(exchange: Exchange) -> None:
    async with exchange, Retell(exchange.dialler()) as call:
        await call.agent_finished()
        while call.recorder.now < 600:
            await call.says("When are you open today, please?")
            assert (await call.agent_finished()).heard == "You said: When are you open today, please?"
    assert len(call.journal.turns) == 113
    assert call.journal.of("dropped", "overtaken", "discarded", "lost") == []
    assert len(call.journal.transcript) == 2 * 112 + 1
    assert 120 <= len([entry for entry in call.journal.of("sent") if entry.turn is None]) / 10 <= 240  # a minute


@pytest.mark.virtual_time
async def test_whatever_happens_to_its_connection_a_caller_is_answered(exchange: Exchange) -> None:
    async with exchange, Retell(exchange.dialler()) as call:
        await call.agent_finished()
        await call.says("One two three four.")
        await call.after_speech_began(0.5)
        call.drop()
        assert (await call.agent_finished()).heard == "You said: One two three four."
        call.lose_keepalive()
        await call.says("Five.")
        assert (await call.agent_finished()).heard == "You said: Five."
        call.duplicate(3)
        call.reorder(4)
        await call.says("Six.")
        assert (await call.agent_finished()).heard == "You said: Six."
        await call.second_socket()
        await call.says("Seven.")
        assert (await call.agent_finished()).heard == "You said: Seven."
        call.read_slowly(3)
        await call.says("Eight.")
        assert (await call.agent_finished()).heard == "You said: Eight."
    assert call.journal.of("dropped") == []
    assert [entry.text for entry in call.journal.of("agent_stops")].count("Hello there.") == 1


@pytest.mark.virtual_time
async def test_a_barge_in_and_a_pause_in_a_sentence_are_answered_once_each(exchange: Exchange) -> None:
    async with exchange, Retell(exchange.dialler()) as call:
        await call.agent_finished()
        await call.says("I would like", pauses=[(0.8, "a table")])
        await call.heard_words(4)
        await call.says("Stop.")
        await call.agent_finished()
    heard = [turn.heard for turn in call.journal.turns if turn.heard]
    assert heard == ["Hello there.", "You said: I would", "You said: Stop."]
    assert all(turn.is_closed for turn in call.journal.turns)


async def test_over_a_real_network_it_is_the_same(serve: Serve) -> None:
    served = await serve(YAML.replace("agents:", "server: {port: 0}\nagents:"))
    quick = Profile(caller_rate=6000, agent_rate=6000, voice_delay=0.01, endpointing=0.02, redial_pause=0.01)
    async with ClientSession() as session, Retell(socket_dialler(served.ws("/echo"), session), profile=quick) as call:
        assert (await call.agent_finished()).heard == "Hello there."
        call.drop()
        await call.says("One two three.")
        assert (await call.agent_finished()).heard == "You said: One two three."
        await call.second_socket()
        await call.says("Four.")
        assert (await call.agent_finished()).heard == "You said: Four."
    assert [entry.text for entry in call.journal.of("lost", "redialled")] == [
        "1006",
        "abnormal",
        "while the former connection is open",
    ]
    assert call.journal.of("dropped") == []
    del call
    gc.collect()  # a connection that nobody closed complains now
