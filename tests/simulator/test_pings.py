"""How long the simulated platform's pings wait for an answer."""

import asyncio

import pytest

from handwritten import HandWritten
from rejoinder.simulator.platform.keepalive import Keepalive
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.retell import Retell

pytestmark = pytest.mark.virtual_time


class Pinged:
    """A keepalive, and what it says."""

    def __init__(self) -> None:
        self.pings = 0
        self.took: list[float] = []
        self.keepalive = Keepalive(Profile(), ping=self._ping, lost=lambda: None, took=self.took.append)

    def _ping(self) -> None:
        self.pings += 1


async def test_each_pong_is_timed_from_its_own_ping() -> None:
    pinged = Pinged()
    pinged.keepalive.start()
    for wait in (2.25, 2.5, 0.25):
        await asyncio.sleep(wait)
        pinged.keepalive.heard()
    await asyncio.sleep(1.5)
    pinged.keepalive.stop()
    assert (pinged.pings, [round(took, 3) for took in pinged.took]) == (3, [0.25, 0.75])


async def test_a_pong_that_nobody_asked_for_and_one_of_a_former_connection_are_not_timed() -> None:
    pinged = Pinged()
    pinged.keepalive.heard()
    pinged.keepalive.start()
    await asyncio.sleep(2.25)
    pinged.keepalive.stop()
    pinged.keepalive.start()
    pinged.keepalive.heard()
    pinged.keepalive.stop()
    assert pinged.took == []


async def test_a_journal_has_the_time_of_every_pong() -> None:
    async with Retell(HandWritten().dial) as call:
        await call.silent(7)
    assert call.journal.pongs == [0.0, 0.0, 0.0]
