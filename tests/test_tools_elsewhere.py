"""Tools in threads and on several loops, at the end of a call, and what the host is told of them."""

import asyncio
import logging
import threading

import pytest

from diary import NOON, Diary, cancelled, desk
from rejoinder import Call, Options, ResponseSystem, SyncReply, ToolCalled, ToolOutcomeUnknown, ToolResult, ToolReturned, Turn
from rejoinder.effects import Send
from rejoinder.engine import Conversation
from rejoinder.events import Annotate
from rejoinder.lines import HostLines
from rejoinder.orders import ToolsAwaited
from rejoinder.testing import talk
from rejoinder.threads import LoopThread
from rejoinder.tools import Ledger, current_reply

# Threads and loops.


@pytest.mark.both_loops
async def test_a_plain_function_runs_in_a_thread() -> None:
    call, _, _ = desk()

    def book(when: str) -> str:
        assert threading.current_thread() is not threading.main_thread()
        return f"booked for {when}"

    assert await call.run_once("book", NOON, book) == "booked for noon"
    assert await call.run_once("again", NOON, lambda when: asyncio.sleep(0, f"again for {when}")) == "again for noon"


def test_agents_on_two_loops_join_one_run() -> None:
    ledger = Ledger("c1")
    asked, go = threading.Event(), threading.Event()
    runs: list[str] = []
    answers: dict[str, str] = {}

    async def book() -> str:
        runs.append(threading.current_thread().name)
        asked.set()
        await asyncio.to_thread(go.wait)
        return "booked"

    async def ask(call: Call) -> None:
        answers[threading.current_thread().name] = await call.run_once("book", {}, book)

    threads = [LoopThread(name) for name in ("ava", "desk")]
    both = [desk(ledger) for _ in threads]
    futures = [asyncio.run_coroutine_threadsafe(ask(both[0][0]), threads[0].loop)]
    assert asked.wait(5)
    futures.append(asyncio.run_coroutine_threadsafe(ask(both[1][0]), threads[1].loop))
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), threads[1].loop).result(5)  # it waits now
    go.set()
    for future in futures:
        future.result(5)
    asyncio.run_coroutine_threadsafe(ask(both[1][0]), threads[1].loop).result(5)  # asked later, it is given the same
    for thread in threads:
        thread.stop()
        thread.join()
    assert runs == ["ava"]
    assert answers == {"ava": "booked", "desk": "booked"}
    assert [len(orders) for _, _, orders in both] == [2, 0]
    assert ledger.late() == ()


def test_who_cannot_wait_for_a_tool_is_told_so_and_does_not_say_that_it_ran() -> None:
    class Clerk(ResponseSystem[Options]):
        def respond(self, turn: Turn) -> SyncReply:
            self.call.run_once("book", {}, list)  # type: ignore[unused-coroutine]
            yield "It is booked."

    with talk(Clerk, lines={"apology": "I am sorry."}) as clerk:
        assert clerk.says("A table, please.") == "I am sorry."
        assert "write `respond` as an async generator" in str(clerk.failures[0])


def test_who_waits_on_another_loop_than_the_tools_and_leaves_changes_nothing() -> None:
    ledger = Ledger("c1")
    elsewhere = LoopThread("desk")

    async def main() -> None:
        call, tools, _ = desk(ledger)
        other = desk(ledger)[0]
        diary = Diary()
        ask = asyncio.create_task(call.run_once("book", NOON, diary.book))
        await diary.begun.wait()
        joined = asyncio.run_coroutine_threadsafe(other.run_once("book", NOON, diary.book), elsewhere.loop)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), elsewhere.loop))
        joined.cancel()
        diary.open.set()
        assert await ask == "booked for noon"
        await tools.finish()

    asyncio.run(main())
    elsewhere.stop()
    elsewhere.join()


# The end.


async def test_the_end_of_a_call_waits_for_its_tools_and_the_log_tells_what_came_of_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    call, tools, _ = desk()
    diary = Diary()
    ask = asyncio.create_task(call.run_once("book", NOON, diary.book))
    await diary.begun.wait()
    await cancelled(ask)
    ending = asyncio.create_task(tools.finish())
    await asyncio.sleep(0)
    assert not ending.done()
    diary.open.set()
    await ending
    assert "agent ava, call c1: tool book has returned after the call" in caplog.text
    await tools.finish()


async def test_a_tool_that_its_agent_cannot_wait_for_is_stopped_and_its_outcome_is_unknown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    call, tools, orders = desk()
    diary = Diary()
    ask = asyncio.create_task(call.run_once("book", NOON, diary.book))
    await diary.begun.wait()
    tools.abandon()
    with pytest.raises(ToolOutcomeUnknown, match="was still running when its agent closed"):
        await ask
    tools.abandon()
    assert "tool book was still running when its agent closed" in caplog.text
    assert orders[-1] == ToolReturned("c1-tool-1", "outcome unknown")


async def test_a_tool_that_is_cancelled_before_it_began_leaves_nobody_waiting() -> None:
    call, tools, _ = desk()
    ask = asyncio.create_task(call.run_once("book", NOON, Diary().book))
    while not tools._tasks:
        await asyncio.sleep(0)
        for task in tools._tasks:
            task.cancel()
    with pytest.raises(ToolOutcomeUnknown, match="was cancelled"):
        await ask


# What the host is told.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("booked", "booked"),
        ({"id": 7, "paid": True}, '{"id":7,"paid":true}'),
        ([Ledger], "[\"<class 'rejoinder.tools.Ledger'>\"]"),
        ("\ud800", "\ud800"),
        (["\ud800"], "list"),
    ],
)
async def test_the_record_of_a_value_is_its_text(value: object, text: str) -> None:
    call, _, orders = desk()

    async def give() -> object:
        return value

    await call.run_once("give", {}, give)
    assert orders[-1] == ToolReturned("c1-tool-1", text, successful=True)


async def test_the_host_is_told_how_many_tools_a_reply_waits_for() -> None:
    call, _, orders = desk()
    diary = Diary()

    async def reply() -> None:
        current_reply.set(4)
        await asyncio.gather(*[call.run_once("book", {"when": when}, diary.book) for when in ("noon", "noon", "one")])
        await call.run_once("book", NOON, diary.book)

    task = asyncio.create_task(reply())
    await diary.begun.wait()  # all three have asked by now
    diary.open.set()
    await task
    waits = [order for order in orders if isinstance(order, ToolsAwaited)]
    assert waits == [ToolsAwaited(4, count) for count in (1, 2, 3, 2, 1, 0)]


@pytest.mark.parametrize("note", [ToolCalled("t", "book", NOON), ToolReturned("t", "booked", successful=True)])
def test_the_platform_is_told_of_tools_whatever_became_of_the_turn(note: ToolCalled | ToolReturned) -> None:
    talk = Conversation(HostLines("en", lambda _: ""), actions=frozenset, numbers={})
    assert talk.order(note) == [Send(Annotate(note))]


async def test_a_forgotten_wait_may_be_swept_up_in_the_moment_in_which_another_call_is_told() -> None:
    forgotten, other = Ledger("c1"), Ledger("c2")
    wait = forgotten.outcome(forgotten.enter("book", NOON)[0])
    wait.send(None)
    run, _ = other.enter("book", NOON)
    run.future.add_done_callback(lambda _: wait.close())
    telling = threading.Thread(target=other.settle, args=(run, ToolResult("book", NOON, "booked")), daemon=True)
    telling.start()
    await asyncio.to_thread(telling.join, 5)
    assert not telling.is_alive()
