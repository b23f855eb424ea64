"""Lanes between loops, the newest-only slot, and hearing only live replies."""

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from rejoinder.call import CallFacts
from rejoinder.dialogue import Metadata, Output
from rejoinder.handover import Batch, Lane, Latest, LiveOnly, call_context, current_call
from rejoinder.orders import Order
from rejoinder.speaker import Stage
from rejoinder.threads import Pool


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def run_on(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(main)

    return run_on


Run = Callable[[Coroutine[Any, Any, None]], None]


def test_acts_from_another_thread_are_done_on_the_loop_in_order(run: Run) -> None:
    async def main() -> None:
        done = asyncio.Event()
        seen: list[tuple[int, int]] = []
        lane = Lane(asyncio.get_running_loop(), "test")

        def send() -> None:
            for number in range(1000):
                lane.put(lambda number: seen.append((number, threading.get_ident())), number)
            lane.put(done.set)

        sender = threading.Thread(target=send)
        sender.start()
        await done.wait()
        sender.join()
        assert seen == [(number, threading.get_ident()) for number in range(1000)]

    run(main())


def test_no_act_is_lost_or_done_twice_when_many_threads_put_at_once(run: Run) -> None:
    async def main() -> None:
        done = asyncio.Event()
        seen: list[tuple[int, int]] = []
        lane = Lane(asyncio.get_running_loop(), "test")

        def take(sender: int, number: int) -> None:
            seen.append((sender, number))
            if len(seen) == 4000:
                done.set()

        def send(sender: int) -> None:
            for number in range(1000):
                lane.put(take, sender, number)

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
        for thread in senders:
            thread.start()
        await done.wait()
        for thread in senders:
            thread.join()
        for sender in range(4):
            assert [number for who, number in seen if who == sender] == list(range(1000))

    run(main())


def test_acts_that_wait_share_one_wake_up() -> None:
    class Counting(asyncio.SelectorEventLoop):
        wakes = 0

        def call_soon_threadsafe(self, *args: Any, **named: Any) -> asyncio.Handle:  # type: ignore[override]
            self.wakes += 1
            return super().call_soon_threadsafe(*args, **named)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Counting)
        seen: list[int] = []
        lane = Lane(loop, "test")
        before = loop.wakes
        for number in range(100):
            lane.put(seen.append, number)
        assert loop.wakes == before + 1
        await asyncio.sleep(0)
        assert len(seen) == 100

    with asyncio.Runner(loop_factory=Counting) as runner:
        runner.run(main())


def test_a_flood_does_not_keep_the_loop(run: Run) -> None:
    async def main() -> None:
        lane = Lane(asyncio.get_running_loop(), "test")
        times = 0

        def again() -> None:
            nonlocal times
            times += 1
            lane.put(again)

        lane.put(again)
        for _ in range(10):
            await asyncio.sleep(0)
        assert 0 < times <= 11

    run(main())


def test_an_act_that_raises_is_logged_under_the_lanes_name_and_stops_nothing(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("bad act")

    async def main() -> None:
        done = asyncio.Event()
        lane = Lane(asyncio.get_running_loop(), "to agent ava")
        lane.put(fail)
        lane.put(done.set)
        await done.wait()

    run(main())
    assert "lane to agent ava: an act failed" in caplog.text
    assert "bad act" in caplog.text


def test_who_made_a_lane_may_take_its_errors(run: Run) -> None:
    async def main() -> None:
        errors: list[Exception] = []
        lane = Lane(asyncio.get_running_loop(), "test", errors.append)
        lane.put(int, "x")
        await asyncio.sleep(0)
        assert [type(error) for error in errors] == [ValueError]

    run(main())


def test_a_lane_has_a_context_of_its_own(run: Run) -> None:
    """Neither the variables of who puts an act in nor those of another lane are seen in it."""
    word: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="none")

    async def main() -> None:
        seen: list[str] = []
        one, other = (Lane(asyncio.get_running_loop(), name) for name in ("one", "other"))
        word.set("main")
        one.put(lambda: word.set("one"))
        one.put(lambda: seen.append(word.get()))
        other.put(lambda: seen.append(word.get()))
        await asyncio.sleep(0)
        assert seen == ["one", "none"]
        assert word.get() == "main"

    run(main())


def test_after_its_loop_is_closed_a_lane_drops_quietly() -> None:
    loop = asyncio.new_event_loop()
    lane = Lane(loop, "test")
    loop.close()
    lane.put(pytest.fail, "an act was done")
    lane.put(pytest.fail, "an act was done")


def test_a_slot_gives_the_newest_value_once_and_asks_to_be_told_once() -> None:
    slot: Latest[int] = Latest()
    assert slot.take() is None
    assert [slot.offer(number) for number in (1, 2, 3)] == [True, False, False]
    assert slot.take() == 3
    assert slot.take() is None
    assert slot.offer(4)
    assert slot.take() == 4


def test_a_slot_loses_no_newest_value_between_two_threads() -> None:
    slot: Latest[int] = Latest()
    told = threading.Semaphore(0)
    taken: list[int] = []

    def take() -> None:
        while not taken or taken[-1] != 20_000:
            told.acquire()
            if (value := slot.take()) is not None:
                taken.append(value)

    taker = threading.Thread(target=take)
    taker.start()
    for number in range(1, 20_001):
        if slot.offer(number):
            told.release()
    taker.join(10)
    assert not taker.is_alive()
    assert taken == sorted(set(taken))


def test_the_context_of_a_call_names_the_call() -> None:
    facts = CallFacts("c1", "/ava", "ava", "test")
    assert call_context(facts).run(current_call.get) is facts
    assert current_call.get() is None


class Log:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def on_joined(self, hears: frozenset[str]) -> None:
        self.heard.append(hears)

    def on_output(self, reply: int, output: Output) -> None:
        self.heard.append((reply, output))

    def on_ended(self, reply: int) -> None:
        self.heard.append(("ended", reply))

    def on_failed(self, reply: int, error: BaseException) -> None:
        self.heard.append(("failed", reply))

    def on_order(self, order: Order) -> None:
        self.heard.append(order)

    def on_missing(self, field: str) -> None:
        self.heard.append(field)


def batch(reply: int, *outputs: Output) -> Batch:
    made = Batch(reply)
    for output in outputs:
        made.add(output)
    return made


def test_a_batch_is_told_of_once_until_it_is_taken() -> None:
    words = Batch(1)
    assert [words.add(word) for word in ("a", "b", "c")] == [True, False, False]
    assert words.take() == ["a", "b", "c"]
    assert words.add("d")
    assert words.take() == ["d"]
    assert words.take() == []


def test_what_is_added_while_a_batch_is_taken_is_told_of_again() -> None:
    class Racing(deque[Output]):
        """As from another thread, right after the last was taken."""

        def popleft(self) -> Output:
            output = super().popleft()
            if output == "b":
                assert raced.add("c")
            return output

    raced = Batch(1)
    raced._outputs = Racing()
    assert raced.add("a")
    assert not raced.add("b")
    assert raced.take() == ["a", "b"]
    assert raced.take() == ["c"]


def test_an_output_that_cannot_be_taken_leaves_the_others_alone(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Log):
        def on_output(self, reply: int, output: Output) -> None:
            super().on_output(reply, output)
            if output == "two":
                raise ValueError("a fault of ours")

    log = Failing()
    ear = LiveOnly(log)
    ear.live[1] = 0
    ear.on_outputs(batch(1, "one", "two", "three"))
    assert log.heard == [(1, "one"), (1, "two"), (1, "three")]
    assert [record.message for record in caplog.records] == ["an output of reply 1 could not be taken"]


def test_of_a_reply_that_is_cancelled_by_one_of_its_outputs_no_other_is_heard() -> None:
    class Cancelling(Log):
        def on_output(self, reply: int, output: Output) -> None:
            super().on_output(reply, output)
            ear.live.clear()

    log = Cancelling()
    ear = LiveOnly(log)
    ear.live[1] = 0
    ear.on_outputs(batch(1, "one", "two"))
    assert log.heard == [(1, "one")]


def test_only_live_replies_are_heard_and_only_to_their_first_end() -> None:
    log = Log()
    ear = LiveOnly(log)
    ear.live.update({1: 0, 2: 0})
    for reply in (1, 2, 3):
        ear.on_outputs(batch(reply, "words"))
    ear.on_ended(1)
    ear.on_failed(1, ValueError())
    ear.on_failed(2, ValueError())
    ear.on_ended(2)
    ear.on_ended(3)
    ear.on_outputs(batch(1, "late"))
    assert log.heard == [(1, "words"), (2, "words"), ("ended", 1), ("failed", 2)]


def test_after_the_call_left_nothing_is_heard() -> None:
    log = Log()
    ear = LiveOnly(log)
    ear.live[1] = 0
    ear.close()
    ear.on_joined(frozenset())
    ear.on_outputs(batch(1, "words"))
    ear.on_ended(1)
    ear.on_order(Metadata({}))
    ear.on_missing("colour")
    assert log.heard == []


def test_what_is_said_after_a_tool_in_a_thread_gave_an_order_does_not_overtake_it() -> None:
    """Though the loop says something while the order is being put."""

    class Racing(Lane):
        def put(self, act: Callable[..., object], *args: object) -> None:
            if args == (Metadata({"seats": 2}),):
                stage.say(1, "One moment.")
            acts.append((act, args))

    acts: list[tuple[Callable[..., object], tuple[object, ...]]] = []
    log = Log()
    heard = LiveOnly(log)
    heard.live[1] = 0
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        stage = Stage(CallFacts("c1", "/ava", "ava", "test"), loop, Pool(1, "ava"), Racing(loop, "to nobody"), heard)
        stage.order(Metadata({"seats": 2}))
        stage.say(1, "It is booked.")
    for act, args in acts:
        act(*args)
    assert log.heard == [(1, "One moment."), Metadata({"seats": 2}), (1, "It is booked.")]
