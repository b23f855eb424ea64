"""A reply that goes wrong: one failure for the front, and no harm to anything else."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from rejoinder.contract import Options, Reply, ResponseSystem, SyncReply
from rejoinder.dialogue import Turn
from rejoinder.errors import PluginError

if TYPE_CHECKING:
    from tests.agents.conftest import House


class System(ResponseSystem[Options]):
    """A fixture: its subclasses go wrong."""


def test_a_crash_in_the_clean_up_is_logged_and_not_a_failure(house: "House", caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(System):
        async def respond(self, turn: Turn) -> Reply:
            try:
                yield "first"
                await asyncio.Event().wait()
            finally:
                raise ValueError("dropped it")

    async def main() -> None:
        async with house.call(Clumsy) as call:
            call.start(1)
            await call.ear.spoken(1)
            call.seat.cancel(1)
            call.start(2)
            await call.ear.spoken(2)
            assert not call.ear.failed

    house.run(main())
    assert "call c1: Clumsy.respond raised after it was cancelled" in caplog.text


@pytest.mark.parametrize("before", [0, 1, 2])
@pytest.mark.parametrize("is_async", [True, False])
def test_a_crash_is_one_failure_after_the_outputs_before_it(house: "House", before: int, *, is_async: bool) -> None:
    class Crashing(System):
        async def respond(self, turn: Turn) -> Reply:
            for number in range(before):
                yield str(number)
            raise ValueError("crashed")

    class SyncCrashing(System):
        def respond(self, turn: Turn) -> SyncReply:
            for number in range(before):
                yield str(number)
            raise ValueError("crashed")

    async def main() -> None:
        async with house.call(Crashing if is_async else SyncCrashing) as call:
            call.start(1)
            await call.ear.over(1)
            assert len(call.ear.outputs) == before
            assert isinstance(call.ear.failed[1], ValueError)

    house.run(main())


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, StopAsyncIteration])
@pytest.mark.parametrize("is_async", [True, False])
def test_an_error_that_would_end_a_loop_is_a_failure_of_its_reply(
    house: "House", error: Callable[[], BaseException], *, is_async: bool
) -> None:
    class Leaving(System):
        async def respond(self, turn: Turn) -> Reply:
            if turn.number == 1:
                raise error()
            yield "fine"

    class SyncLeaving(System):
        def respond(self, turn: Turn) -> SyncReply:
            if turn.number == 1:
                raise error()
            yield "fine"

    async def main() -> None:
        async with house.call(Leaving if is_async else SyncLeaving) as call:
            call.start(1)
            await call.ear.over(1)
            assert 1 in call.ear.failed
            call.start(2)
            await call.ear.over(2)
            assert call.ear.outputs == [(2, "fine")]

    house.run(main())


def test_a_cancellation_from_within_is_a_failure_that_says_so(house: "House") -> None:
    class Cancelling(System):
        async def respond(self, turn: Turn) -> Reply:
            own = asyncio.get_running_loop().create_task(asyncio.sleep(60))
            own.cancel()
            await own
            yield "never"

    async def main() -> None:
        async with house.call(Cancelling) as call:
            call.start(1)
            await call.ear.over(1)
            assert isinstance(call.ear.failed[1], PluginError)
            assert "cancelled, and not by the host" in str(call.ear.failed[1])

    house.run(main())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (None, "None"),
        (["words"], "an object of type list"),
        ("words", "an object of type str"),
        ("coroutine", "a coroutine"),
    ],
)
def test_a_reply_that_is_no_generator_fails_with_what_was_expected(house: "House", given: object, named: str) -> None:
    async def coroutine() -> str:
        return "words"

    class Wrong(System):
        def respond(self, turn: Turn) -> Any:
            return coroutine() if given == "coroutine" else given

    async def main() -> None:
        async with house.call(Wrong) as call:
            call.start(1)
            await call.ear.over(1)
            assert isinstance(call.ear.failed[1], PluginError)
            assert str(call.ear.failed[1]) == (
                f"agent ava, call c1: Wrong.respond returned {named}; expected an async generator (`async def` with a `yield` "
                "in it) or a plain generator (`def` with a `yield`)"
            )

    house.run(main())
