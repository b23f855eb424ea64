"""A reply that fails on purpose: what the caller hears, and how often the log says why."""

import logging
from pathlib import Path

import pytest

from rejoinder.testing.telephone import calling
from served import Serve

YAML = """
server: {port: 0}
defaults: {language: de}
agents:
  failing: {system: acting, begin: "Hallo.", options: {act: failing}}
  sync: {system: acting, begin: "Hallo.", options: {act: failing, sync: true}}
  crashing: {system: acting, begin: "Hallo.", options: {act: crashing}}
  broken: {system: broken, begin: "Hallo."}
routes: {/failing: failing, /sync: sync, /crashing: crashing, /broken: broken}
"""
SORRY = "Es tut mir leid, können Sie das bitte noch einmal sagen?"
PLUGIN_THAT_DOES_NOT_OPEN = """
import contextlib
from rejoinder import Options, SystemSpec, hookimpl

@contextlib.asynccontextmanager
async def opened(options):
    raise RuntimeError("no licence")
    yield

@hookimpl
def rejoinder_response_system():
    return SystemSpec(Options, opened)
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "broken.py"
    path.write_text(PLUGIN_THAT_DOES_NOT_OPEN)
    return str(path)


async def three_turns(url: str) -> None:
    """A caller who asks three times, and hears the host each time."""
    async with calling(url) as caller:
        assert (await caller.hears()).text == "Hallo."
        for _ in range(3):
            await caller.says("hello")
            assert (await caller.hears()).text == SORRY


@pytest.mark.parametrize(
    ("route", "why"),
    [
        ("/failing", "the ledger does not answer"),
        ("/sync", "the ledger does not answer"),
        ("/broken", "agent broken is not open"),
    ],
)
async def test_a_failure_on_purpose_is_one_line_a_call_and_a_failed_turn_each_time(
    serve: Serve, plugin: str, caplog: pytest.LogCaptureFixture, route: str, why: str
) -> None:
    served = await serve(YAML, {"broken": plugin})
    await three_turns(served.ws(route))
    await served.host.close()
    told = [record for record in caplog.records if record.name == "rejoinder.call"]
    ends = [record for record in told if getattr(record, "event", "") == "turn ended"]
    assert [getattr(record, "outcome", "") for record in ends] == ["failed"] * 3
    assert [record.getMessage() for record in told if "the agent failed" in record.getMessage()] == [
        f"the agent failed in a turn: {why}",
        f"the agent failed in a turn: {why} (3 times in this call)",
    ]
    assert not any(record.exc_info for record in told)


@pytest.mark.failure(32)
async def test_a_crash_has_its_traceback(serve: Serve, plugin: str, caplog: pytest.LogCaptureFixture) -> None:
    served = await serve(YAML, {"broken": plugin})
    await three_turns(served.ws("/crashing"))
    crashes = [record for record in caplog.records if "the agent failed in a turn: RuntimeError(" in record.getMessage()]
    assert [(record.levelno, record.exc_info is None) for record in crashes] == [(logging.ERROR, False)] * 3
