"""A host on which somebody else's call goes on, which must be unharmed in the end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from asking import GIVEN_UP, answers, tasks, warned
from rejoinder.complaints import MOST_COMPLAINTS
from rejoinder.testing.telephone import calling
from served import Serve, Served

YAML = """
server: {port: 0}
agents:
  echo: {system: echo, begin: Hello.}
  slow: {system: acting, options: {act: slow}}
routes:
  /echo: {agent: echo, platforms: [retell, chat], retell: {transcript_with_tool_calls: true}}
  /slow: slow
"""


@pytest.fixture
async def served(serve: Serve, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Served]:
    """A host with a call that goes on, which must be unharmed in the end."""
    served = await serve(YAML)
    async with calling(served.ws("/echo"), call_id="neighbour") as neighbour:
        await neighbour.hears()
        await answers(neighbour, 1, "before")
        tasks_before = tasks()
        yield served
        await answers(neighbour, 2, "after")
        await asyncio.sleep(GIVEN_UP)
        await answers(neighbour, 3, "later")
        assert len(served.host.calls) == 1, "calls are left"
        assert tasks() == tasks_before, "tasks are left"
        assert neighbour.close_code is None
    assert not [record.getMessage() for record in caplog.get_records("call") if record.exc_info]
    told = warned(caplog.get_records("call"))
    assert not told["neighbour"]
    assert all(number <= 2 * (MOST_COMPLAINTS + 1) for number in told.values()), told
