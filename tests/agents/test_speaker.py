"""One reply: what the front hears of it, whatever the plugin does."""

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rejoinder.agents import WINDOW
from rejoinder.contract import Options, Reply, ResponseSystem, SyncReply
from rejoinder.dialogue import Turn, TurnKind, Word, WordSource
from rejoinder.handover import current_call

if TYPE_CHECKING:
    from tests.agents.conftest import House


class System(ResponseSystem[Options]):
    """A fixture: `mark` tells the front what happens inside."""

    def mark(self, mark: object) -> None:
        self.call.metadata({"mark": mark})


class Talker(System):
    async def respond(self, turn: Turn) -> Reply:
        yield "one"
        await asyncio.sleep(0)
        yield "two"


class SyncTalker(System):
    def respond(self, turn: Turn) -> SyncReply:
        yield "one"
        yield "two"


class Endless(System):
    async def respond(self, turn: Turn) -> Reply:
        try:
            number = 0
            while True:
                number += 1
                yield str(number)
        finally:
            self.mark("closed")


class SyncEndless(System):
    def respond(self, turn: Turn) -> SyncReply:
        try:
            number = 0
            while True:
                number += 1
                yield str(number)
        finally:
            self.mark("closed")


@pytest.mark.parametrize("system", [Talker, SyncTalker])
def test_outputs_come_in_order_and_then_the_end(house: "House", system: type[System]) -> None:
    async def main() -> None:
        async with house.call(system) as call:
            call.start(1)
            await call.ear.over(1)
            assert call.ear.outputs == [(1, "one"), (1, "two")]
            assert call.ear.ended == [1]

    house.run(main())


@pytest.mark.parametrize(("kind", "words"), [("begin", "Hello."), ("response", "Yes."), ("reminder", "Are you still there?")])
def test_the_kind_of_the_turn_picks_the_method(house: "House", kind: TurnKind, words: str) -> None:
    class Formal(System):
        async def begin(self, turn: Turn) -> Reply:
            yield "Hello."

        async def respond(self, turn: Turn) -> Reply:
            yield "Yes."

        async def remind(self, turn: Turn) -> Reply:
            yield "Are you still there?"

    async def main() -> None:
        async with house.call(Formal) as call:
            call.start(5, kind)
            await call.ear.over(5)
            assert call.ear.outputs == [(5, words)]

    house.run(main())


def test_a_silent_reply_ends(house: "House") -> None:
    class Silent(System):
        async def respond(self, turn: Turn) -> Reply:
            return
            yield

    async def main() -> None:
        async with house.call(Silent) as call:
            call.start(1)
            call.start(2, "begin")  # by default there are no first words
            await call.ear.over(1)
            await call.ear.over(2)
            assert sorted(call.ear.ended) == [1, 2]
            assert call.ear.outputs == []

    house.run(main())


def test_what_a_plugin_yields_is_passed_on_unjudged(house: "House") -> None:
    class Odd(System):
        def respond(self, turn: Turn) -> Any:
            yield 42
            yield None

    async def main() -> None:
        async with house.call(Odd) as call:
            call.start(1)
            await call.ear.over(1)
            assert list(map(repr, (output for _, output in call.ear.outputs))) == ["42", "None"]

    house.run(main())


@pytest.mark.parametrize("system", [Endless, SyncEndless])
def test_a_reply_is_never_more_than_its_window_ahead_of_the_socket(house: "House", system: type[System]) -> None:
    async def main() -> None:
        async with house.call(system) as call:
            call.start(1)
            await call.ear.spoken(WINDOW)
            for _ in range(3):
                for _ in range(WINDOW):
                    call.seat.confirm(1, 1)
                await call.ear.spoken(len(call.ear.outputs) + WINDOW)
            assert [output for _, output in call.ear.outputs] == [str(number + 1) for number in range(4 * WINDOW)]
            call.seat.cancel(1)
            await call.ear.mark("closed")
            assert len(call.ear.outputs) == 4 * WINDOW

    house.run(main())


def test_a_reply_that_is_cancelled_while_it_waits_for_room_is_closed(house: "House") -> None:
    async def main() -> None:
        async with house.call(Endless) as call:
            call.start(1)
            await call.ear.spoken(WINDOW)
            call.seat.cancel(1)
            await call.ear.mark("closed")
            assert len(call.ear.outputs) == WINDOW

    house.run(main())


class Memory:
    """A word source, and whether it was released."""

    def __init__(self) -> None:
        self.source = WordSource(lambda: ((Word("hi"),),))

    @property
    def is_released(self) -> bool:
        return self.source.words() == ()


def test_words_are_let_go_when_a_reply_has_ended_failed_or_was_cancelled(house: "House") -> None:
    class Mixed(System):
        async def respond(self, turn: Turn) -> Reply:
            assert turn.words()
            yield "heard"
            if turn.number == 2:
                raise ValueError
            if turn.number == 3:
                await asyncio.Event().wait()

    async def main() -> None:
        memories = [Memory() for _ in range(4)]
        async with house.call(Mixed) as call:
            for number, memory in enumerate(memories[:3], 1):
                call.start(number, words=memory.source)
            await call.ear.spoken(3)
            await call.ear.over(1)
            await call.ear.over(2)
            call.seat.cancel(3)
            call.start(4, words=memories[3].source)
            call.seat.cancel(4)
        assert all(memory.is_released for memory in memories)

    house.run(main())


def test_the_call_and_a_task_with_a_name_are_there_for_whoever_looks(house: "House") -> None:
    class Curious(System):
        async def respond(self, turn: Turn) -> Reply:
            task, facts = asyncio.current_task(), current_call.get()
            assert task is not None
            assert facts is not None
            yield f"{task.get_name()} / {facts.id}"

        def remind(self, turn: Turn) -> SyncReply:
            facts = current_call.get()
            assert facts is not None
            yield facts.id
            yield threading.current_thread().name

    async def main() -> None:
        async with house.call(Curious) as call:
            call.start(1)
            await call.ear.over(1)
            call.start(2, "reminder")
            await call.ear.over(2)
            assert [output for _, output in call.ear.outputs] == [
                "reply 1 of call c1 at agent ava / c1",
                "c1",
                "agent ava thread 1",
            ]
        assert current_call.get() is None

    house.run(main())
