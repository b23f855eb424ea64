"""One reply: what the front hears of it, whatever the plugin does."""

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from rejoinder.agents import WINDOW
from rejoinder.contract import Options, Reply, ResponseSystem, SyncReply
from rejoinder.dialogue import Turn, TurnKind, Word, WordSource
from rejoinder.errors import PluginError
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
