"""A reply that is cancelled, by polite, stubborn and slow plugins."""

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from rejoinder.contract import Options, Reply, ResponseSystem
from rejoinder.dialogue import Turn

if TYPE_CHECKING:
    from tests.agents.conftest import House


class System(ResponseSystem[Options]):
    """A fixture: `mark` tells the front what happens inside."""

    def mark(self, mark: object) -> None:
        self.call.metadata({"mark": mark})


class Polite(System):
    async def respond(self, turn: Turn) -> Reply:
        yield "first"
        try:
            await asyncio.Event().wait()
        finally:
            self.mark("cleaned up")


class Stubborn(System):
    """Swallows its cancellation and goes on."""

    async def respond(self, turn: Turn) -> Reply:
        yield "first"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.mark("swallowed")
        try:
            while True:
                yield "still here"
        except GeneratorExit:
            self.mark("closed")
            raise


def test_a_cancelled_reply_cleans_up_and_nothing_more_is_heard_of_it(house: "House") -> None:
    async def main() -> None:
        async with house.call(Polite) as call:
            call.start(1)
            await call.ear.spoken(1)
            call.seat.cancel(1)
            await call.ear.mark("cleaned up")
            call.start(2)
            await call.ear.spoken(2)
            assert call.ear.outputs == [(1, "first"), (2, "first")]
            assert not call.ear.ended
            assert not call.ear.failed

    house.run(main())


def test_a_reply_that_swallows_its_cancellation_is_ended_at_its_next_output(house: "House") -> None:
    async def main() -> None:
        async with house.call(Stubborn) as call:
            call.start(1)
            await call.ear.spoken(1)
            call.seat.cancel(1)
            await call.ear.mark("closed")
            assert call.ear.marks == ["swallowed", "closed"]
            assert call.ear.outputs == [(1, "first")]

    house.run(main())


def test_a_reply_that_cleans_up_too_long_is_named_once_and_does_not_hold_the_next(
    house: "House", caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(System):
        async def respond(self, turn: Turn) -> Reply:
            yield f"reply {turn.number}"
            if turn.number == 1:
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(3 if house.name == "virtual time" else 0.15)
                    self.mark("cleaned up")

    async def main() -> None:
        async with house.call(Slow) as call:
            call.start(1)
            await call.ear.spoken(1)
            call.seat.cancel(1)
            call.start(2)
            await call.ear.over(2)
            assert call.ear.marks == []
            await call.ear.mark("cleaned up")
            assert call.ear.outputs == [(1, "reply 1"), (2, "reply 2")]

    house.run(main())
    named = [record for record in caplog.records if "still cleaning up" in record.message]
    assert [record.levelname for record in named] == ["WARNING"]
    assert "agent ava, call c1: Slow.respond" in named[0].message


def test_a_start_that_is_cancelled_while_queued_never_reaches_the_plugin(house: "House") -> None:
    gate = threading.Event()

    class Counting(System):
        def respond(self, turn: Turn) -> Reply:
            if turn.number == 1 and not house.is_given:
                gate.wait()  # holds the agent's own loop, so that what follows stays in the lane
            self.mark(turn.number)
            return self.answer()

        async def answer(self) -> Reply:
            yield "yes"

    async def main() -> None:
        async with house.call(Counting) as call:
            call.start(1)
            call.start(2)
            call.seat.cancel(2)
            call.start(3)
            gate.set()
            await call.ear.over(3)
            assert call.ear.marks == [1, 3]

    house.run(main())


def test_the_clean_up_is_named_after_the_second_that_was_promised(
    virtual_house: "House", caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(System):
        async def respond(self, turn: Turn) -> Reply:
            yield "first"
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(turn.number)

    async def main() -> None:
        async with virtual_house.call(Slow) as call:
            call.seat.start(2, Turn(2, "response"))
            await call.ear.spoken(1)
            call.seat.cancel(2)
            await asyncio.sleep(0.999)
            assert caplog.text == ""
            await asyncio.sleep(0.002)
            assert "Slow.respond is still cleaning up 1 s after it was cancelled" in caplog.text

    virtual_house.run(main())
