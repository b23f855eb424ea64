"""Updates are most of what a platform sends: only for an agent that listens are they read."""

from pathlib import Path

import pytest

from rejoinder.testing.telephone import calling
from served import Serve

PLUGIN = """
from rejoinder import Options, ResponseSystem, hookimpl, per_call

class Ear(ResponseSystem[Options]):
    said = 0
    async def listening(self, transcript):
        self.said = len(transcript)
    async def respond(self, turn):
        yield f"I had heard {self.said}."

@hookimpl
def rejoinder_response_system():
    return per_call(Ear, Options)
"""
YAML = """
agents: {ear: {system: ear, begin: ""}, parrot: {system: echo, begin: "", options: {prefix: ""}}}
routes: {/ear: ear, /parrot: parrot}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "ear.py"
    path.write_text(PLUGIN)
    return str(path)


async def test_an_agent_that_listens_is_told_of_them(serve: Serve, plugin: str) -> None:
    served = await serve(YAML, {"ear": plugin})
    async with calling(served.ws("/ear")) as caller:
        await caller.hears()
        await caller.says("one")
        assert (await caller.hears()).text == "I had heard 1."
        await caller.says("and now?")
        assert (await caller.hears()).text == "I had heard 3."


@pytest.mark.parametrize(("path", "complaints"), [("/ear", 1), ("/parrot", 0)])
async def test_one_that_is_broken_is_told_of_where_it_is_read(
    serve: Serve, plugin: str, path: str, complaints: int, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(YAML, {"ear": plugin})
    async with calling(served.ws(path)) as caller:
        await caller.hears()
        await caller.says("hello")
        await caller.hears()
        await caller.send({"interaction_type": "update_only", "transcript": 5})
        await caller.says("are you there?")
        assert (await caller.hears()).text
    assert sum("wrong shape" in record.getMessage() for record in caplog.records) == complaints
