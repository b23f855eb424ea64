"""What a plugin that nobody type-checked, or a dialler with bad manners, cannot do to a call or to the log."""

from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
import pytest

from rejoinder.complaints import MOST_COMPLAINTS
from rejoinder.testing.telephone import calling
from served import Serve

YAML = """\
server: {port: 0}
agents: {careless: {system: careless, begin: "Hello."}}
routes: {/a: careless}
"""

PLUGIN = """
from rejoinder import *

class CarelessOptions(Options, frozen=True): pass

class Careless(ResponseSystem[CarelessOptions]):
    async def respond(self, turn):
        match turn.text:
            case "tool": yield ToolCalled("1", "book", None)
            case "number": yield Say(7)
            case "keys": yield PressDigits(12)
            case "transfer": yield TransferCall(["reception"])
            case "page": self.call.metadata(["seen"])
            case "knob": self.call.tune(responsiveness="high")
        yield "Fine."

@hookimpl
def rejoinder_response_system():
    return per_call(Careless, CarelessOptions)
"""


class Late:
    """A socket that counts how often it is asked for a frame."""

    close_code: int | None = None

    def __init__(self) -> None:
        self.asked = 0

    async def carry(self, hear: Callable[[bytes | str], None]) -> None:
        self.asked += 1

    async def send(self, frame: bytes) -> None: ...

    is_clear = False

    def write(self, frames: Sequence[bytes]) -> None: ...

    def abort(self) -> None: ...


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "careless.py"
    path.write_text(PLUGIN)
    return str(path)


@pytest.mark.failure(16)
@pytest.mark.parametrize("wrong", ["tool", "number", "keys", "transfer", "page", "knob"])
async def test_a_wrong_type_costs_that_output_and_not_the_call(
    serve: Serve, plugin: str, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(YAML, {"careless": plugin})
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        await caller.says(wrong)
        assert (await caller.hears()).text == "Fine."
        await caller.says("and now?")
        assert (await caller.hears()).text == "Fine."
    assert caller.unheard == []
    assert sum("dropped" in record.getMessage() for record in caplog.records) == 1
    assert not any(record.exc_info for record in caplog.records)


async def test_a_handshake_that_fails_opens_no_call(serve: Serve, plugin: str) -> None:
    """It has no key (RFC 6455, section 4.2.1)."""
    served = await serve(YAML, {"careless": plugin})
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    async with aiohttp.ClientSession() as client, client.get(served.http("/a/call-1"), headers=upgrade) as answer:
        assert answer.status == 400
    assert len(served.host.calls) == 0


async def test_names_that_a_dialler_makes_up_do_not_fill_the_log(
    serve: Serve, plugin: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(YAML, {"careless": plugin})
    async with calling(served.ws("/a")) as caller:
        await caller.hears()
        for number in range(3 * MOST_COMPLAINTS):
            await caller.send({"interaction_type": f"made_up_{number}"})
        await caller.says("hello")
        assert (await caller.hears()).text == "Fine."
    complaints = [record for record in caplog.records if record.name == "rejoinder.call" and record.levelname == "WARNING"]
    assert len(complaints) <= MOST_COMPLAINTS + 2
    assert "further complaints" in caplog.text


async def test_a_socket_that_comes_when_its_call_is_over_is_not_served(serve: Serve, plugin: str) -> None:
    """What dialled it again is dropped, and dials a call that lives."""
    served = await serve(YAML, {"careless": plugin})
    async with calling(served.ws("/a"), call_id="call-1") as caller:
        await caller.hears()
        session = served.host.calls.live("/a", "retell", "call-1")
        assert session is not None
        session.drop()
        late = Late()
        await session.serve(late)
    assert late.asked == 0
