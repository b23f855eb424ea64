"""Tools that have an effect: once in a call, whatever becomes of the turn or the wait for them. (Of loops, threads and a call's
end: test_tools_elsewhere.)"""

import asyncio
from typing import Any

import pytest

from diary import NOON, Diary, cancelled, desk
from rejoinder import Call, CallFacts, ToolCalled, ToolOutcomeUnknown, ToolResult, ToolReturned
from rejoinder.errors import PluginError


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
