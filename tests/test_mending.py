"""A plugin that does not open, or that closes by itself, is opened again; its callers hear an apology meanwhile."""

from pathlib import Path

import aiohttp
import pytest

from rejoinder.testing.telephone import calling
from served import Serve

YAML = """\
server: {port: 0}
agents:
  frail: {system: frail, begin: "Hello."}
  sound: {system: acting, begin: "Hello."}
routes: {/frail: frail, /sound: sound}
"""

#: Opens where a file `up` lies beside it; closes by itself when a caller says so, as a pool does that loses its server.
PLUGIN = """
import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from rejoinder import *

class FrailOptions(Options, frozen=True): pass

class Frail(ResponseSystem[FrailOptions]):
    def __init__(self, options, call, lost):
        super().__init__(options, call)
        self.lost = lost

    async def respond(self, turn):
        yield "Fine."
        if turn.text == "close":
            self.lost.set()

async def watch(lost):
    await lost.wait()
    raise ConnectionError("the server went away")

@asynccontextmanager
async def opened(options):
    (Path(__file__).parent / "up").read_text()
    lost = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch(lost))
        yield lambda call: Frail(options, call, lost)
        watching.cancel()

@hookimpl
def rejoinder_response_system():
    return SystemSpec(FrailOptions, opened)
"""

APOLOGY = "I am sorry, could you say that again?"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "frail.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def up(plugin: Path) -> Path:
    path = plugin.parent / "up"
    path.touch()
    return path


async def answer(url: str, said: str) -> str:
    async with calling(url) as caller:
        await caller.hears()
        await caller.says(said)
        return (await caller.hears()).text


async def test_what_did_not_open_apologises_until_it_does(serve: Serve, plugin: Path) -> None:
    served = await serve(YAML, {"frail": str(plugin)})
    url = served.ws("/frail")
    assert await answer(url, "hello") == APOLOGY
    await served.host.reloader.mend()
    assert await answer(url, "hello") == APOLOGY
    (plugin.parent / "up").touch()
    await served.host.reloader.mend()
    assert await answer(url, "hello") == "Fine."
    assert served.host.routes.broken_routes == []


async def test_what_closed_by_itself_is_opened_again(serve: Serve, plugin: Path, up: Path) -> None:
    served = await serve(YAML, {"frail": str(plugin)})
    assert await answer(served.ws("/frail"), "close") == "Fine."
    assert await answer(served.ws("/frail"), "hello") == APOLOGY
    assert served.host.routes.broken_routes == ["/frail"]
    async with aiohttp.ClientSession() as client, client.get(served.http("/readyz")) as ready:
        assert (await ready.json())["broken"] == ["/frail"]

    await served.host.reloader.mend()
    assert await answer(served.ws("/frail"), "hello") == "Fine."
    assert served.host.routes.broken_routes == []


async def test_mending_leaves_alone_what_works(serve: Serve, plugin: Path) -> None:
    served = await serve(YAML, {"frail": str(plugin)})
    sound = served.host.routes.agents["sound"]
    (plugin.parent / "up").touch()
    await served.host.reloader.mend()
    assert served.host.routes.agents["sound"] is sound
    assert sound.is_open


async def test_a_plugin_that_now_loads_but_whose_options_are_wrong_holds_up_no_other(
    serve: Serve, plugin: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = plugin.with_name("odd.py")
    odd.write_text("import nowhere_to_be_found\n")
    yaml = YAML.replace("  sound: {system: acting", "  sound: {system: odd, options: {nope: 1}")
    served = await serve(yaml, {"frail": str(plugin), "odd": str(odd)})
    odd.write_text(PLUGIN)
    (plugin.parent / "up").touch()
    await served.host.reloader.mend()
    assert await answer(served.ws("/frail"), "hi") == "Fine."
    assert await answer(served.ws("/sound"), "hi") == APOLOGY
    assert "unknown option 'nope'" in caplog.text
