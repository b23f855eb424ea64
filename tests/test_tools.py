"""Tools that have an effect: once in a call, whatever becomes of the turn, the loop, the thread or the wait for them."""

import asyncio
import logging
import threading
from typing import Any

import pytest

from rejoinder import Call, CallFacts, ToolCalled, ToolOutcomeUnknown, ToolResult, ToolReturned
from rejoinder.effects import Send
from rejoinder.engine import Conversation
from rejoinder.errors import PluginError
from rejoinder.events import Annotate
from rejoinder.lines import HostLines
from rejoinder.orders import Order, ToolsAwaited
from rejoinder.threads import LoopThread
from rejoinder.tools import Ledger, Tools, current_reply

NOON = {"when": "noon"}


class Diary:
    """A place where things are booked; `open` lets the bookings through that wait."""

    def __init__(self) -> None:
        self.booked: list[str] = []
        self.open = asyncio.Event()
        self.begun = asyncio.Event()
        self.done = asyncio.Event()

    async def book(self, when: str) -> str:
        self.begun.set()
        await self.open.wait()
        self.booked.append(when)
        self.done.set()
        return f"booked for {when}"


def desk(ledger: Ledger | None = None) -> tuple[Call, Tools, list[Order]]:
    """A call's handle, what it works with, and what the host is told."""
    orders: list[Order] = []
    tools = Tools(ledger or Ledger("c1"), orders.append, "agent ava, call c1")
    return Call(CallFacts("c1", "/ava", "ava", "test"), orders.append, lambda _: None, tools=lambda: tools), tools, orders


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


@pytest.mark.both_loops
async def test_a_tool_gives_what_its_function_gives_and_the_host_is_told_when_it_begins_and_ends() -> None:
    call, _, orders = desk()
    diary = Diary()
    diary.open.set()
    assert await call.run_once("book", NOON, diary.book) == "booked for noon"
    assert orders == [ToolCalled("c1-tool-1", "book", NOON), ToolReturned("c1-tool-1", "booked for noon", successful=True)]


@pytest.mark.failure(11)
@pytest.mark.both_loops
async def test_those_who_ask_meanwhile_join_the_one_run() -> None:
    call, _, orders = desk()
    diary = Diary()
    asks = [asyncio.create_task(call.run_once("book", NOON, diary.book)) for _ in range(3)]
    await diary.begun.wait()
    diary.open.set()
    assert await asyncio.gather(*asks) == ["booked for noon"] * 3
    assert diary.booked == ["noon"]
    assert [type(order) for order in orders] == [ToolCalled, ToolReturned]


async def test_who_asks_later_is_given_the_same_value_and_nothing_runs() -> None:
    call, _, orders = desk()
    receipt = object()
    given: list[object] = []

    async def book() -> object:
        given.append(receipt)
        return receipt

    assert await call.run_once("book", {}, book) is receipt
    assert await call.run_once("book", {}, book) is receipt
    assert len(given) == 1
    assert len(orders) == 2


@pytest.mark.failure(11)
async def test_arguments_are_the_same_if_json_writes_them_the_same_in_some_order() -> None:
    call, _, orders = desk()

    async def book(**arguments: object) -> str:
        return str(len(orders))

    asked: list[tuple[str, dict[str, Any]]] = [
        ("book", {"who": "Ana", "when": {"day": 1, "hour": 9}}),
        ("book", {"when": {"hour": 9, "day": 1}, "who": "Ana"}),
        ("book", {"who": "Ana", "when": {"day": 1, "hour": 10}}),
        ("cancel", {"who": "Ana", "when": {"day": 1, "hour": 9}}),
    ]
    assert [await call.run_once(name, arguments, book) for name, arguments in asked] == ["1", "1", "3", "5"]
    assert [order.id for order in orders if isinstance(order, ToolCalled)] == [f"c1-tool-{number}" for number in (1, 2, 3)]


@pytest.mark.parametrize("arguments", [{"diary": Diary}, {"name": "\ud800"}, {1: "one"}])
async def test_arguments_that_json_cannot_say_are_refused_before_anything_runs(arguments: dict[Any, Any]) -> None:
    call, tools, orders = desk()
    with pytest.raises((TypeError, ValueError)):
        await call.run_once("book", arguments, Diary().book)
    assert orders == []
    await tools.finish()


async def test_what_the_plugin_does_to_its_arguments_afterwards_changes_no_record() -> None:
    call, _, orders = desk()
    diary = Diary()
    arguments = {"when": "noon"}
    ask = asyncio.create_task(call.run_once("book", arguments, diary.book))
    await diary.begun.wait()
    arguments["when"] = "midnight"
    diary.open.set()
    assert await ask == "booked for noon"
    assert orders[0] == ToolCalled("c1-tool-1", "book", NOON)


async def test_a_call_without_a_host_runs_tools_too(capsys: pytest.CaptureFixture[str]) -> None:
    """As authors have it in tests of their plugins."""
    call = Call(CallFacts("c1", "/ava", "ava", "test"), order=print, missing=print)
    assert await call.run_once("book", {"by": 1}, lambda by: by + 1) == 2
    assert await call.run_once("book", {"by": 1}, lambda by: by + 2) == 2
    assert capsys.readouterr().out.count("ToolCalled") == 1


# Barge-in.


@pytest.mark.failure(12)
@pytest.mark.both_loops
async def test_who_stops_waiting_does_not_stop_the_tool_and_the_next_turn_knows() -> None:
    call, tools, orders = desk()
    diary = Diary()
    ask = asyncio.create_task(call.run_once("book", NOON, diary.book))
    await diary.begun.wait()
    await cancelled(ask)
    assert tools.ledger.late() == ()
    diary.open.set()
    await tools.finish()
    assert diary.booked == ["noon"]
    assert orders[-1] == ToolReturned("c1-tool-1", "booked for noon", successful=True)
    late = ToolResult("book", NOON, "booked for noon")
    assert tools.ledger.late() == (late,)
    assert tools.ledger.late() == (late,)  # who was given it may have been interrupted too
    tools.ledger.told(tools.ledger.late())
    assert tools.ledger.late() == ()


async def test_what_somebody_was_given_is_not_told_again() -> None:
    call, tools, _ = desk()
    diary = Diary()
    first = asyncio.create_task(call.run_once("book", NOON, diary.book))
    await diary.begun.wait()
    await cancelled(first)
    second = asyncio.create_task(call.run_once("book", NOON, diary.book))
    diary.open.set()
    assert await second == "booked for noon"
    assert tools.ledger.late() == ()


async def test_a_result_that_reaches_a_task_together_with_its_cancellation_is_late() -> None:
    call, tools, _ = desk()
    diary = Diary()
    ask = asyncio.create_task(call.run_once("book", NOON, diary.book))
    await diary.begun.wait()
    diary.open.set()
    await diary.done.wait()
    await asyncio.sleep(0)  # the result is there, and the task not yet run
    await cancelled(ask)
    assert [result.value for result in tools.ledger.late()] == ["booked for noon"]


async def test_a_failure_that_nobody_waited_for_is_logged_told_and_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    call, tools, _ = desk()
    begun, fail = asyncio.Event(), asyncio.Event()

    async def book() -> None:
        begun.set()
        await fail.wait()
        raise ConnectionError("no line")

    ask = asyncio.create_task(call.run_once("book", {}, book))
    await begun.wait()
    await cancelled(ask)
    fail.set()
    await tools.finish()
    (late,) = tools.ledger.late()
    assert isinstance(late.failure, ConnectionError)
    assert late.value is None
    assert "agent ava, call c1: tool book failed when nobody waited for it any more" in caplog.text
    with pytest.raises(ConnectionError):
        await call.run_once("book", {}, book)


# Failures.


async def test_a_failure_is_given_to_all_who_wait_and_the_next_ask_runs_again() -> None:
    call, _, orders = desk()
    runs: list[int] = []

    async def book() -> str:
        runs.append(1)
        await asyncio.sleep(0)
        if len(runs) == 1:
            raise ConnectionError("the line is secret")
        return "booked"

    failed = await asyncio.gather(*[call.run_once("book", {}, book) for _ in range(2)], return_exceptions=True)
    assert [type(one) for one in failed] == [ConnectionError] * 2
    assert await call.run_once("book", {}, book) == "booked"
    assert len(runs) == 2
    told = [order for order in orders if isinstance(order, ToolReturned)]
    assert told == [
        ToolReturned("c1-tool-1", "failed: ConnectionError", successful=False),
        ToolReturned("c1-tool-2", "booked", successful=True),
    ]


async def test_a_tool_that_wants_to_end_the_process_fails_alone() -> None:
    call, _, _ = desk()

    async def book() -> None:
        raise SystemExit(2)

    with pytest.raises(PluginError, match="tool book raised SystemExit"):
        await call.run_once("book", {}, book)


async def test_arguments_that_the_function_does_not_take_are_its_failure() -> None:
    call, _, orders = desk()
    with pytest.raises(TypeError, match="unexpected keyword argument 'day'"):
        await call.run_once("book", {"day": 1}, Diary().book)
    assert orders[-1] == ToolReturned("c1-tool-1", "failed: TypeError", successful=False)


# What nobody knows.


@pytest.mark.virtual_time
async def test_a_tool_has_its_time_then_its_outcome_is_unknown_and_it_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    call, tools, orders = desk()
    diary = Diary()
    loop = asyncio.get_running_loop()
    with pytest.raises(ToolOutcomeUnknown, match="tool book did not return within 15 s: nobody knows"):
        await call.run_once("book", NOON, diary.book)
    assert loop.time() == 15.0
    diary.open.set()
    raised = []
    for _ in range(2):
        with pytest.raises(ToolOutcomeUnknown) as again:
            await call.run_once("book", NOON, diary.book)
        raised.append(again.value)
    assert raised[0] is not raised[1]
    assert diary.booked == []
    assert orders == [ToolCalled("c1-tool-1", "book", NOON), ToolReturned("c1-tool-1", "outcome unknown")]
    assert caplog.text.count("agent ava, call c1: tool book did not return within 15 s") == 1
    assert "noon" not in caplog.text
    assert tools.ledger.late() == ()


@pytest.mark.virtual_time
async def test_the_time_is_the_runs_and_not_that_of_who_joins_it() -> None:
    call, tools, _ = desk()
    diary = Diary()
    first = asyncio.create_task(call.run_once("book", NOON, diary.book, timeout=2.0))
    await asyncio.sleep(1)
    with pytest.raises(ToolOutcomeUnknown, match="within 2 s"):
        await call.run_once("book", NOON, diary.book, timeout=60.0)
    assert asyncio.get_running_loop().time() == 2.0
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], ToolOutcomeUnknown)
    await tools.finish()


@pytest.mark.virtual_time
async def test_a_time_out_of_which_nobody_heard_is_in_the_next_turn() -> None:
    call, tools, _ = desk()
    ask = asyncio.create_task(call.run_once("book", NOON, Diary().book))
    await asyncio.sleep(1)
    await cancelled(ask)
    await tools.finish()
    assert asyncio.get_running_loop().time() == 15.0
    assert isinstance(tools.ledger.late()[0].failure, ToolOutcomeUnknown)


@pytest.mark.virtual_time
async def test_a_tool_that_does_not_let_itself_be_stopped_is_left_behind_and_named(caplog: pytest.LogCaptureFixture) -> None:
    call, tools, orders = desk()
    over = asyncio.Event()

    async def book() -> str:
        try:
            await over.wait()
        except asyncio.CancelledError:
            await over.wait()
        return "booked"

    with pytest.raises(ToolOutcomeUnknown):
        await call.run_once("book", {}, book, timeout=1.0)
    await tools.finish()
    over.set()
    await asyncio.sleep(1)
    assert "agent ava, call c1: tool book has ended after it was given up (returned)" in caplog.text
    assert len(orders) == 2
    with pytest.raises(ToolOutcomeUnknown):
        await call.run_once("book", {}, book)


async def test_a_tool_that_is_cancelled_by_the_plugin_may_have_had_its_effect() -> None:
    call, _, orders = desk()

    async def book() -> None:
        inner = asyncio.create_task(asyncio.Event().wait())
        asyncio.get_running_loop().call_soon(inner.cancel)
        await inner

    for _ in range(2):
        with pytest.raises(ToolOutcomeUnknown, match="tool book was cancelled"):
            await call.run_once("book", {}, book)
    assert len(orders) == 2


async def test_a_tool_may_say_itself_that_nobody_knows() -> None:
    call, _, orders = desk()

    async def book() -> None:
        raise ToolOutcomeUnknown("the till sent no receipt")

    for _ in range(2):
        with pytest.raises(ToolOutcomeUnknown, match="the till sent no receipt"):
            await call.run_once("book", {}, book)
    assert orders[-1] == ToolReturned("c1-tool-1", "outcome unknown")


@pytest.mark.virtual_time
async def test_a_plugins_own_time_limit_ends_its_wait_and_not_the_tool() -> None:
    call, tools, _ = desk()
    diary = Diary()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await call.run_once("book", NOON, diary.book)
    diary.open.set()
    await tools.finish()
    assert [result.value for result in tools.ledger.late()] == ["booked for noon"]


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
    assert asyncio.run_coroutine_threadsafe(both[1][0].run_once("book", {}, book), threads[1].loop).result(5) == "booked"
    for thread in threads:
        thread.stop()
        thread.join()
    assert runs == ["ava"]
    assert answers == {"ava": "booked", "desk": "booked"}
    assert [len(orders) for _, _, orders in both] == [2, 0]
    assert ledger.late() == ()


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
