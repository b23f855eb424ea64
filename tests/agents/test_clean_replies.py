"""Replies of an agent whose speech is cleaned: what the front hears of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rejoinder.agents import WINDOW, Agent
from rejoinder.contract import Options, Reply, ResponseSystem, SyncReply, per_call
from rejoinder.dialogue import EndCall, Say, Turn
from rejoinder.orders import Interrupt

if TYPE_CHECKING:
    from tests.agents.conftest import House, Sitting


@asynccontextmanager
async def clean_call(house: "House", system: type[ResponseSystem[Any]]) -> AsyncIterator["Sitting"]:
    front = asyncio.get_running_loop()
    agent = Agent(
        "ava", per_call(system, Options), Options(), front=front, loop=front if house.is_given else None, clean_speech=True
    )
    await agent.open()
    try:
        yield house.join(agent)
    finally:
        await agent.close()


def test_each_reply_is_cleaned_by_itself(house: "House") -> None:
    class Writer(ResponseSystem[Options]):
        async def respond(self, turn: Turn) -> Reply:
            yield "# He"
            yield "llo **"
            yield "you** `x"

    async def main() -> None:
        async with clean_call(house, Writer) as call:
            call.start(1)
            await call.ear.over(1)
            call.start(2)
            await call.ear.over(2)
            assert call.ear.outputs == [(n, text) for n in (1, 2) for text in ("He", "llo ", "you x")]

    house.run(main())


def test_what_was_held_back_comes_before_the_end(house: "House") -> None:
    class Writer(ResponseSystem[Options]):
        def respond(self, turn: Turn) -> SyncReply:
            yield "5*"

    async def main() -> None:
        async with clean_call(house, Writer) as call:
            call.start(1)
            await call.ear.over(1)
            assert "".join(text for _, text in call.ear.outputs if isinstance(text, str)) == "5*"

    house.run(main())


def test_a_reply_that_fails_has_said_what_it_held_back(house: "House") -> None:
    class Failing(ResponseSystem[Options]):
        async def respond(self, turn: Turn) -> Reply:
            yield "It is 7"
            yield "*"
            raise ValueError("no more")

    async def main() -> None:
        async with clean_call(house, Failing) as call:
            call.start(1)
            await call.ear.over(1)
            assert call.ear.outputs == [(1, "It is 7"), (1, "*")]
            assert isinstance(call.ear.failed[1], ValueError)

    house.run(main())


def test_an_action_comes_behind_all_words(house: "House") -> None:
    class Leaving(ResponseSystem[Options]):
        async def respond(self, turn: Turn) -> Reply:
            yield Say("Bye ™", uninterruptible=True)
            yield EndCall()

    async def main() -> None:
        async with clean_call(house, Leaving) as call:
            call.start(1)
            await call.ear.over(1)
            assert call.ear.outputs == [(1, Say("Bye ", True)), (1, Say("™", True)), (1, EndCall())]

    house.run(main())


def test_an_endless_reply_of_nothing_but_marks_can_be_interrupted(house: "House") -> None:
    class Cheering(ResponseSystem[Options]):
        async def respond(self, turn: Turn) -> Reply:
            self.call.metadata({"mark": "begun"})
            try:
                while True:
                    yield "🎉"
            finally:
                self.call.metadata({"mark": "closed"})

    async def main() -> None:
        async with clean_call(house, Cheering) as call:
            call.start(1)
            await call.ear.mark("begun")
            call.seat.cancel(1)
            await call.ear.mark("closed")
            assert call.ear.outputs == []

    house.run(main())


def test_chunks_that_say_nothing_take_no_room_in_the_window(house: "House") -> None:
    class Decorator(ResponseSystem[Options]):
        async def respond(self, turn: Turn) -> Reply:
            for _ in range(WINDOW * 2):
                yield "✨"
            yield "Hello."

    async def main() -> None:
        async with clean_call(house, Decorator) as call:
            call.start(1)
            await call.ear.over(1)
            assert call.ear.outputs == [(1, "Hello.")]

    house.run(main())


def test_words_out_of_turn_are_cleaned_too(house: "House") -> None:
    class Eager(ResponseSystem[Options]):
        async def respond(self, turn: Turn) -> Reply:
            self.call.interrupt("**Stop!** 🎉")
            yield ""

    async def main() -> None:
        async with clean_call(house, Eager) as call:
            call.start(1)
            await call.ear.over(1)
            assert call.ear.orders == [Interrupt(Say("Stop! ", uninterruptible=True))]
            assert call.ear.outputs == [(1, "")]

    house.run(main())
