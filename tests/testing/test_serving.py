"""A call to a real host on a free port of this machine."""

import asyncio

import pytest

from rejoinder import Options, Reply, ResponseSystem, Turn
from rejoinder.errors import ConfigError, PluginError
from rejoinder.testing import CannotDial, FakeLLM, PeerElsewhere, Step, caller, calling, served


class Loud(Options, frozen=True):
    mark: str = "!"


class Shout(ResponseSystem[Loud]):
    async def respond(self, turn: Turn) -> Reply:
        yield turn.text.upper() + self.options.mark


class Slow(ResponseSystem[Options]):
    async def respond(self, turn: Turn) -> Reply:
        await asyncio.sleep(5)
        yield "At last."


async def test_a_system_is_served_and_called() -> None:
    async with caller(Shout, options={"mark": "?"}, begin="Hello.") as c:
        assert await c.hears() == "Hello."
        await c.says("hi")
        assert await c.hears() == "HI?"
        assert await c.ping() < 5
    assert c.close_code == 1000


async def test_one_host_serves_many_calls() -> None:
    async with served(Shout) as url, calling(url) as one, caller(url) as other:
        for c in (one, other):
            await c.says("hi")
        assert await one.hears() == "HI!"
        assert await other.hears() == "HI!"


@pytest.mark.virtual_time
async def test_in_virtual_time_the_agent_runs_on_the_loop_of_the_test() -> None:
    async with caller(Slow) as c:
        await c.says("hi")
        heard = await c.hears()
    assert [len(heard.chunks), "At last." in heard] == [2, True]
    assert asyncio.get_running_loop().time() < 10


@pytest.mark.virtual_time
async def test_a_model_on_the_loop_of_the_test_lives_in_virtual_time_too() -> None:
    async with FakeLLM() as llm, caller("llm", options={"base_url": llm.base_url, "model": "any"}) as c:
        llm.will_say("Well", then=Step.STALL)
        await c.says("Hello?")
        heard = await c.hears(60)
        assert heard.complete
        await llm.until(aborted=1)


def test_virtual_time_is_refused_where_a_server_is_elsewhere() -> None:
    from rejoinder.testing import clock

    async def elsewhere() -> tuple[asyncio.Server, int]:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    other = asyncio.new_event_loop()
    server, port = other.run_until_complete(elsewhere())

    async def main() -> None:
        async with caller("llm", options={"base_url": f"http://127.0.0.1:{port}/v1", "model": "any"}) as c:
            await c.says("Hello?")
            await c.hears()

    try:
        with pytest.raises(PeerElsewhere, match=f"127.0.0.1:{port}"):
            clock.run(main())
    finally:
        server.close()
        other.run_until_complete(asyncio.sleep(0))
        other.close()


async def test_what_cannot_be_served_is_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"^Shout: options\.mark: "):
        async with caller(Shout, options={"mark": 5}):
            pass
    with pytest.raises(PluginError, match="nowhere"):
        async with caller("nowhere.py"):
            pass
    with pytest.raises(CannotDial, match="cannot be reached"):
        async with caller("ws://127.0.0.1:1/nobody"):
            pass
    with pytest.raises(TypeError, match="options, begin: what is served at a URL"):
        async with caller("ws://127.0.0.1:1/nobody", options={}, begin="Hi"):
            pass
