"""Replies written synchronously: each step of the generator in one of the agent's threads."""

import asyncio
import contextvars
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from rejoinder.contract import Options, ResponseSystem, SyncReply
from rejoinder.dialogue import Turn

if TYPE_CHECKING:
    from tests.agents.conftest import House


class System(ResponseSystem[Options]):
    def mark(self, mark: object) -> None:
        self.call.metadata({"mark": mark})


@pytest.mark.failure(2)
def test_a_step_that_blocks_holds_neither_the_loop_nor_other_replies(house: "House") -> None:
    gate = threading.Event()

    class Blocking(System):
        def respond(self, turn: Turn) -> SyncReply:
            if turn.number == 1:
                gate.wait()
            yield f"reply {turn.number}"

    async def main() -> None:
        async with house.call(Blocking) as call:
            call.start(1)
            call.start(2)
            await call.ear.over(2)
            assert call.ear.outputs == [(2, "reply 2")]
            gate.set()
            await call.ear.over(1)
            assert call.ear.outputs == [(2, "reply 2"), (1, "reply 1")]

    house.run(main())


def test_a_step_that_runs_at_the_cancel_runs_out_and_a_thread_closes_the_generator(house: "House") -> None:
    gate = threading.Event()

    class Blocking(System):
        def respond(self, turn: Turn) -> SyncReply:
            try:
                yield "first"
                self.mark("in the step")
                gate.wait()
                self.mark("ran out")
                yield "second"
            finally:
                self.mark(f"closed in {threading.current_thread().name}")

    async def main() -> None:
        async with house.call(Blocking) as call:
            call.start(1)
            await call.ear.mark("in the step")
            call.seat.cancel(1)
            gate.set()
            await call.ear.mark("closed in agent ava thread 1")
            assert call.ear.marks == ["in the step", "ran out", "closed in agent ava thread 1"]
            assert call.ear.outputs == [(1, "first")]

    house.run(main())


class Tell(logging.Handler):
    """Sets an event of the running loop when something is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.event = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        self._loop.call_soon_threadsafe(self.event.set)


def test_a_step_that_stays_stuck_after_the_cancel_is_named(house: "House", caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    class Stuck(System):
        def respond(self, turn: Turn) -> SyncReply:
            self.mark("in the step")
            gate.wait()
            self.mark("ran out")
            yield "late"

    async def main() -> None:
        tell = Tell()
        logging.getLogger("rejoinder.speaker").addHandler(tell)
        async with house.call(Stuck) as call:
            call.start(1)
            await call.ear.mark("in the step")
            call.seat.cancel(1)
            await tell.event.wait()  # the clock of a virtual loop waits for threads, but not for ever
            gate.set()
            await call.ear.mark("ran out")
        logging.getLogger("rejoinder.speaker").removeHandler(tell)

    house.run(main())
    assert "agent ava, call c1: Stuck.respond is still cleaning up" in caplog.text


def test_steps_wait_their_turn_when_no_thread_is_free(house: "House") -> None:
    gate = threading.Event()

    class Blocking(System):
        def respond(self, turn: Turn) -> SyncReply:
            self.mark(turn.number)
            if turn.number < 3:
                gate.wait()
            yield f"reply {turn.number}"

        async def digits(self, digits: str) -> None:
            self.mark(digits)

    async def main() -> None:
        async with house.call(Blocking, threads=2) as call:
            for number in (1, 2, 3, 4):
                call.start(number)
            await call.ear.mark(1)
            await call.ear.mark(2)
            call.seat.cancel(3)
            call.seat.digits("#")
            await call.ear.mark("#")  # told after the cancel
            gate.set()
            await call.ear.over(4)
            assert sorted(map(str, call.ear.marks)) == ["#", "1", "2", "4"]

    house.run(main())


def test_a_generator_that_refuses_to_close_is_logged(house: "House", caplog: pytest.LogCaptureFixture) -> None:
    class Refusing(System):
        def respond(self, turn: Turn) -> SyncReply:
            while not self.call.details.raw:
                try:
                    yield "still here"
                except GeneratorExit:
                    self.mark("refused")
                    yield "no"
                    return

    async def main() -> None:
        async with house.call(Refusing) as call:
            call.start(1)
            await call.ear.spoken(32)
            call.seat.cancel(1)
            await call.ear.mark("refused")

    house.run(main())
    assert "Refusing.respond raised after it was cancelled" in caplog.text


def test_variables_of_a_context_hold_from_step_to_step(house: "House") -> None:
    word: contextvars.ContextVar[str] = contextvars.ContextVar("word")

    class Remembering(System):
        def respond(self, turn: Turn) -> SyncReply:
            word.set(f"word {turn.number}")
            yield "first"
            yield word.get()

    async def main() -> None:
        async with house.call(Remembering) as call:
            call.start(1)
            call.start(2)
            await call.ear.over(1)
            await call.ear.over(2)
            assert sorted(call.ear.outputs) == [(1, "first"), (1, "word 1"), (2, "first"), (2, "word 2")]

    house.run(main())
