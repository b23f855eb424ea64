"""Tools at an agent: barge-in, the next turn, substitutes on other loops, the ends of call and agent."""

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from rejoinder.call import Call
from rejoinder.contract import Options, Reply, ResponseSystem, per_call
from rejoinder.dialogue import ToolCalled, ToolReturned, Turn
from rejoinder.events import Details
from rejoinder.handover import current_call
from rejoinder.orders import ToolsAwaited
from rejoinder.tools import Ledger

if TYPE_CHECKING:
    from tests.agents.conftest import House, Sitting


#: The number of a turn that this desk does not answer to its end.
FAILING = 6


class Desk(ResponseSystem[Options]):
    """Books in turn 1 and 2, tells the late results in any other; bookings wait for `details` to be told."""

    def __init__(self, options: Options, call: Call) -> None:
        super().__init__(options, call)
        self.open = asyncio.Event()
        self.bookings = 0

    async def details(self, details: Details) -> None:
        self.open.set()

    async def respond(self, turn: Turn) -> Reply:
        for late in turn.late_results:
            yield f"late: {late.name} {dict(late.arguments)} {late.value}"
        if turn.number in (1, 2):
            yield await self.call.run_once("book", {"seats": 2}, self.book)
        if turn.number == FAILING:
            raise RuntimeError("planned")
        yield "over"

    async def book(self, seats: int) -> str:
        self.call.metadata({"mark": "booking"})
        await self.open.wait()
        self.bookings += 1
        facts = current_call.get()
        return f"booking {self.bookings} for {seats} in {facts.id if facts else 'no call'}"


def told(call: "Sitting") -> list[object]:
    return [order for order in call.ear.orders if isinstance(order, ToolCalled | ToolReturned)]


def texts(call: "Sitting", reply: int) -> list[object]:
    return [output for number, output in call.ear.outputs if number == reply]


CALLED = ToolCalled("c1-tool-1", "book", {"seats": 2})
RETURNED = ToolReturned("c1-tool-1", "booking 1 for 2 in c1", successful=True)


@pytest.mark.failure(12)
def test_a_barge_in_stops_the_reply_and_not_its_tool_and_the_next_turn_knows(house: "House") -> None:
    async def main() -> None:
        async with house.call(Desk) as call:
            call.start(1)
            await call.ear.mark("booking")
            call.seat.cancel(1)
            call.start(3)
            await call.ear.over(3)
            assert texts(call, 3) == ["over"]
            assert told(call) == [CALLED]
            call.seat.details(Details())
            await call.ear.until(lambda: told(call) == [CALLED, RETURNED])
            for reply in (4, 5):
                call.start(reply)
                await call.ear.over(reply)
            assert texts(call, 4) == ["late: book {'seats': 2} booking 1 for 2 in c1", "over"]
            assert texts(call, 5) == ["over"]

    house.run(main())


def test_a_newer_turn_that_asks_for_the_same_joins_and_nothing_is_late(house: "House") -> None:
    async def main() -> None:
        async with house.call(Desk) as call:
            call.start(1)
            await call.ear.mark("booking")
            call.seat.cancel(1)
            call.start(2)
            await call.ear.until(lambda: ToolsAwaited(2, 1) in call.ear.orders)
            call.seat.details(Details())
            await call.ear.over(2)
            call.start(3)
            await call.ear.over(3)
            assert texts(call, 2) == ["booking 1 for 2 in c1", "over"]
            assert texts(call, 3) == ["over"]
            assert told(call) == [CALLED, RETURNED]
            waits = [order for order in call.ear.orders if isinstance(order, ToolsAwaited)]
            assert waits == [ToolsAwaited(1, 1), ToolsAwaited(1, 0), ToolsAwaited(2, 1), ToolsAwaited(2, 0)]

    house.run(main())


def test_a_plain_function_runs_in_one_of_the_agents_threads_and_barge_in_lets_it_run_out(house: "House") -> None:
    begun, go = threading.Event(), threading.Event()

    class Blocking(ResponseSystem[Options]):
        async def respond(self, turn: Turn) -> Reply:
            yield "yes" if turn.late_results else "no"
            if turn.number == 1:
                try:
                    yield await self.call.run_once("book", {}, self.book)
                finally:
                    self.call.metadata({"mark": "interrupted"})

        def book(self) -> str:
            self.call.metadata({"mark": threading.current_thread().name})
            begun.set()
            assert go.wait(5)
            facts = current_call.get()
            return f"booked in {facts.id if facts else 'no call'}"

    async def main() -> None:
        async with house.call(Blocking) as call:
            call.start(1)
            await call.ear.mark("agent ava thread 1")
            call.seat.cancel(1)
            await call.ear.mark("interrupted")
            go.set()
            await call.ear.until(lambda: ToolReturned("c1-tool-1", "booked in c1", successful=True) in call.ear.orders)
            call.start(2)
            await call.ear.over(2)
            assert texts(call, 2) == ["yes"]

    house.run(main())


def test_a_substitute_on_a_loop_of_its_own_joins_the_tool_of_the_agent_before(thread_house: "House") -> None:
    async def main() -> None:
        ledger = Ledger("c1")
        first, second = (thread_house.agent(per_call(Desk, Options)) for _ in range(2))
        await first.open()
        await second.open()
        one, two = thread_house.join(first, ledger=ledger), thread_house.join(second, ledger=ledger)
        one.start(1)
        await one.ear.mark("booking")
        one.seat.cancel(1)
        two.start(2)
        await two.ear.until(lambda: ToolsAwaited(2, 1) in two.ear.orders)
        one.seat.details(Details())
        await two.ear.over(2)
        assert texts(two, 2) == ["booking 1 for 2 in c1", "over"]
        assert told(one) == [CALLED, RETURNED]
        assert told(two) == []
        await first.close()
        await second.close()

    thread_house.run(main())


def test_a_late_result_is_told_until_a_reply_that_had_it_has_come_to_its_end(house: "House") -> None:
    class Interrupted(Desk):
        async def respond(self, turn: Turn) -> Reply:
            yield f"{len(turn.late_results)} late"
            if turn.number == 1:
                await self.call.run_once("book", {"seats": 2}, self.book)
            elif turn.number == 3:
                await asyncio.Event().wait()
            elif turn.number == 4:
                raise RuntimeError("planned")

    async def main() -> None:
        async with house.call(Interrupted) as call:
            call.start(1)
            await call.ear.mark("booking")
            call.seat.cancel(1)
            call.seat.details(Details())
            await call.ear.until(lambda: RETURNED in call.ear.orders)
            call.start(3)
            await call.ear.until(lambda: texts(call, 3) == ["1 late"])
            call.seat.cancel(3)
            for reply in (4, 5, 6):
                call.start(reply)
                await call.ear.over(reply)
            assert [texts(call, reply) for reply in (4, 5, 6)] == [["1 late"], ["1 late"], ["0 late"]]

    house.run(main())


def test_a_late_result_is_known_to_a_substitute_in_the_same_turn(house: "House") -> None:
    async def main() -> None:
        ledger = Ledger("c1")
        async with house.call(Desk) as call:
            one, two = house.join(call.agent, ledger=ledger), house.join(call.agent, ledger=ledger)
            one.start(1)
            await one.ear.mark("booking")
            one.seat.cancel(1)
            one.seat.details(Details())
            await one.ear.until(lambda: RETURNED in one.ear.orders)
            one.start(FAILING)
            await one.ear.until(lambda: FAILING in one.ear.failed)
            two.start(3)
            await two.ear.over(3)
            late = "late: book {'seats': 2} booking 1 for 2 in c1"
            assert (texts(one, FAILING), texts(two, 3)) == ([late], [late, "over"])

    house.run(main())


UNKNOWN = ": nobody knows whether it had its effect, so it is not run again"


class Slow(ResponseSystem[Options]):
    """Books for as many seconds as the turn's number."""

    async def respond(self, turn: Turn) -> Reply:
        yield "wait"
        await self.call.run_once("book", {"seconds": turn.number}, self.book)

    async def book(self, seconds: int) -> str:
        await asyncio.sleep(seconds)
        logging.getLogger("booking").warning("booked after %d s", seconds)
        return "booked"

    async def ended(self) -> None:
        logging.getLogger("booking").warning("ended")


def test_a_tool_outlives_its_call_and_ends_in_its_own_time(virtual_house: "House", caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with virtual_house.call(Slow) as call:
            loop = asyncio.get_running_loop()
            call.start(10)
            call.start(20)
            await call.ear.spoken(2)
            call.seat.leave()
            await asyncio.sleep(16)
            assert loop.time() == 16.0
            assert call.ear.failed == {}

    virtual_house.run(main())
    assert [record.message for record in caplog.records] == [
        "ended",
        "booked after 10 s",
        "agent ava, call c1: tool book has returned after the call",
        f"agent ava, call c1: tool book did not return within 15 s{UNKNOWN}",
    ]


def test_closing_an_agent_waits_for_tools_within_its_bound_and_stops_the_others(
    virtual_house: "House", caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with virtual_house.call(Slow) as call:
            call.start(2)
            call.start(9)
            await call.ear.spoken(2)
            call.seat.leave()
            await call.agent.close()
            assert asyncio.get_running_loop().time() == 3.0

    virtual_house.run(main())
    assert [record.message for record in caplog.records] == [
        "ended",
        "booked after 2 s",
        f"agent ava, call c1: tool book was still running when its agent closed{UNKNOWN}",
    ]
