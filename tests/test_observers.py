"""Observers: told in order, on a loop of their own, and unable to harm a call or each other."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from rejoinder import CallFacts, CallReport, Details, Observer, ObserverSpec, Options, TurnReport, WebhookReport, observing
from rejoinder.handover import current_call
from rejoinder.observers import MOST_BYTES, ObserverDesk

CALL = CallFacts("call-1", "/echo", "echo", "retell")
TURN = TurnReport(CALL, 1, "response", "finished", 0.01, 0.02, 3, 0.5)
ENDED = CallReport(CALL, Details(), "platform", 1000, turns=1, redials=0, dropped_outputs=0, duration=2.0)

Log = pytest.LogCaptureFixture


class Told:
    """What an observer heard, and a way to wait on the test's loop until it has heard something."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.threads: set[str] = set()
        self.calls: list[CallFacts | None] = []
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def note(self, what: object) -> None:
        self.heard.append(what)
        self.threads.add(threading.current_thread().name)
        self.calls.append(current_call.get())
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)

    async def until(self, what: object) -> None:
        async with asyncio.timeout(5):
            while what not in self.heard:
                self._news.clear()
                await self._news.wait()


def scribe(told: Told, act: Callable[[str], Awaitable[None]] | None = None) -> ObserverSpec[Options]:
    """An observer that notes what it hears, after `act` if that does not raise."""

    class Scribe(Observer[Options]):
        async def call_started(self, call: CallFacts) -> None:
            await self._note("started", call.id)

        async def turn_ended(self, report: TurnReport) -> None:
            await self._note("turn", report.number)

        async def call_ended(self, report: CallReport) -> None:
            await self._note("ended", report.turns)

        async def webhook_received(self, report: WebhookReport) -> None:
            await self._note("webhook", report.event)

        async def _note(self, what: str, value: object) -> None:
            if act is not None:
                await act(what)
            told.note((what, value))

    @asynccontextmanager
    async def opened(options: Options) -> AsyncIterator[Observer[Any]]:
        told.note("open")
        yield Scribe(options)
        told.note("closed")

    return ObserverSpec(Options, opened)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "observers"]


@pytest.fixture
async def desk() -> AsyncIterator[ObserverDesk]:
    desk = ObserverDesk()
    yield desk
    await desk.close()


def tell_a_call(desk: ObserverDesk, *names: str) -> None:
    desk.call_started(names, CALL)
    desk.turn_ended(names, TURN)
    desk.call_ended(names, ENDED)


async def test_hears_of_a_call_in_order_in_a_thread_that_is_not_the_fronts(desk: ObserverDesk) -> None:
    told = Told()
    await desk.replace({"crm": (scribe(told), Options(), "a")})
    tell_a_call(desk, "crm")
    await desk.close()
    assert told.heard == ["open", ("started", "call-1"), ("turn", 1), ("ended", 1), "closed"]
    assert told.threads == {"observers"}


async def test_only_the_observers_that_are_named_hear_of_a_call(desk: ObserverDesk) -> None:
    crm, other = Told(), Told()
    await desk.replace({"crm": (scribe(crm), Options(), "a"), "other": (scribe(other), Options(), "b")})
    desk.call_started(["crm", "unheard of"], CALL)
    await desk.close()
    assert ("started", "call-1") in crm.heard
    assert other.heard == ["open", "closed"]


async def test_its_own_log_lines_can_be_given_to_the_call(desk: ObserverDesk) -> None:
    told = Told()
    await desk.replace({"crm": (scribe(told), Options(), "a")})
    desk.turn_ended(["crm"], TURN)
    await desk.close()
    assert told.calls == [None, CALL, None]


async def test_there_is_no_thread_without_an_observer(desk: ObserverDesk) -> None:
    await desk.replace({})
    assert threads() == []
    await desk.replace({"crm": (scribe(Told()), Options(), "a")})
    assert threads() == ["observers"]
    await desk.replace({})
    assert threads() == []


async def test_a_loop_that_is_given_is_used_and_left_running() -> None:
    told = Told()
    desk = ObserverDesk(asyncio.get_running_loop())
    await desk.replace({"crm": (scribe(told), Options(), "a")})
    tell_a_call(desk, "crm")
    await desk.close()
    assert told.heard[-1] == "closed"
    assert told.threads == {threading.current_thread().name}


async def test_an_observer_that_fails_is_named_and_hears_the_next_report(desk: ObserverDesk, caplog: Log) -> None:
    async def fail(what: str) -> None:
        if what == "started":
            raise ValueError("no such customer")
        if what == "turn":
            raise SystemExit(1)

    told = Told()
    await desk.replace({"crm": (scribe(told, fail), Options(), "a")})
    tell_a_call(desk, "crm")
    await desk.close()
    assert told.heard == ["open", ("ended", 1), "closed"]
    assert [record.getMessage() for record in caplog.records] == ["observer crm failed"] * 2
    assert "no such customer" in caplog.text


@pytest.mark.parametrize("error", [TimeoutError, asyncio.CancelledError])
async def test_an_error_of_its_own_that_looks_like_ours_does_not_end_it(
    desk: ObserverDesk, caplog: Log, error: type[BaseException]
) -> None:
    async def fail(what: str) -> None:
        if what == "started":
            raise error

    told = Told()
    await desk.replace({"crm": (scribe(told, fail), Options(), "a")})
    tell_a_call(desk, "crm")
    await desk.close()
    assert told.heard == ["open", ("turn", 1), ("ended", 1), "closed"]
    assert [record.getMessage() for record in caplog.records] == ["observer crm failed"]


async def test_a_report_that_takes_too_long_is_given_up(caplog: Log) -> None:
    async def hang(what: str) -> None:
        if what == "turn":
            await asyncio.Event().wait()

    told = Told()
    desk = ObserverDesk(limit=0.01)
    await desk.replace({"crm": (scribe(told, hang), Options(), "a")})
    tell_a_call(desk, "crm")
    await told.until(("ended", 1))
    await desk.close()
    assert [record.getMessage() for record in caplog.records] == [
        "observer crm took longer than 0.01 s over a report, which is given up"
    ]


async def test_a_slow_observer_loses_its_own_reports_and_no_one_elses(caplog: Log) -> None:
    free = threading.Event()

    async def wait(_: str) -> None:
        await asyncio.to_thread(free.wait, 5)

    slow, quick = Told(), Told()
    desk = ObserverDesk(room=10)
    await desk.replace({"slow": (scribe(slow, wait), Options(), "a"), "quick": (scribe(quick), Options(), "b")})
    for number in range(20):
        report = TurnReport(CALL, number, "response", "finished", None, None, 0, 0.1)
        desk.turn_ended(["slow", "quick"], report)
        await quick.until(("turn", number))
    assert desk.dropped["quick"] == 0
    assert desk.dropped["slow"] >= 9
    assert [record.getMessage() for record in caplog.records] == [
        "observer slow does not keep up: 10 reports wait for it, further ones are dropped"
    ]
    free.set()
    await slow.until(("turn", 9))
    dropped = desk.dropped["slow"]
    desk.turn_ended(["slow"], TURN)
    await desk.close()
    assert caplog.records[-1].getMessage() == f"observer slow keeps up again; {dropped} reports were dropped"


async def test_an_observer_that_does_not_open_is_named_and_the_others_go_on(desk: ObserverDesk, caplog: Log) -> None:
    @asynccontextmanager
    async def broken(_: Options) -> AsyncIterator[Observer[Any]]:
        raise ConnectionError("no way there")
        yield Observer(Options())

    @asynccontextmanager
    async def odd(_: Options) -> AsyncIterator[Any]:
        yield "a text"

    told = Told()
    await desk.replace(
        {
            "broken": (ObserverSpec(Options, broken), Options(), "a"),
            "odd": (ObserverSpec(Options, odd), Options(), "b"),
            "crm": (scribe(told), Options(), "c"),
        }
    )
    assert desk.names == {"crm"}
    tell_a_call(desk, "broken", "odd", "crm")
    await told.until(("ended", 1))
    assert sorted(record.getMessage() for record in caplog.records) == [
        "observer broken does not open and hears nothing: ConnectionError('no way there')",
        "observer odd does not open and hears nothing: TypeError('expected its context to yield an Observer, found str')",
    ]


async def test_an_observer_that_takes_too_long_to_open_is_left_out(
    desk: ObserverDesk, caplog: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def endless(_: Options) -> AsyncIterator[Observer[Any]]:
        await asyncio.Event().wait()
        yield Observer(Options())

    monkeypatch.setattr("rejoinder.observers.OPENING", 0.01)
    await desk.replace({"crm": (ObserverSpec(Options, endless), Options(), "a")})
    assert desk.names == frozenset()
    assert [record.getMessage() for record in caplog.records] == ["observer crm did not open within 0.01 s and hears nothing"]


async def test_a_reload_carries_over_what_did_not_change_and_closes_the_rest(desk: ObserverDesk) -> None:
    same, changed, gone, new = Told(), Told(), Told(), Told()
    await desk.replace(
        {
            "same": (scribe(same), Options(), "a"),
            "changed": (scribe(changed), Options(), "a"),
            "gone": (scribe(gone), Options(), "a"),
        }
    )
    desk.call_started(["gone"], CALL)
    await desk.replace(
        {
            "same": (scribe(same), Options(), "a"),
            "changed": (scribe(changed), Options(), "b"),
            "new": (scribe(new), Options(), "a"),
        }
    )
    assert same.heard == ["open"]
    assert changed.heard == ["open", "open", "closed"]
    assert gone.heard == ["open", ("started", "call-1"), "closed"]
    assert desk.names == {"same", "changed", "new"}


async def test_an_observer_that_ended_by_itself_is_named_and_opened_again_at_the_next_reload(
    desk: ObserverDesk, caplog: Log
) -> None:
    told = Told()

    class Quits(Observer[Options]):
        async def call_started(self, call: CallFacts) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)

    @asynccontextmanager
    async def opened(options: Options) -> AsyncIterator[Observer[Any]]:
        told.note("open")
        try:
            yield Quits(options)
        finally:
            told.note("closed")

    entry = (ObserverSpec(Options, opened), Options(), "a")
    await desk.replace({"crm": entry})
    tell_a_call(desk, "crm")
    await told.until("closed")
    while desk.names:  # noqa: ASYNC110  the desk tells nobody but the log
        await asyncio.sleep(0)
    assert [record.getMessage() for record in caplog.records] == ["observer crm ended by itself and hears nothing more"]
    await desk.replace({"crm": entry})
    assert told.heard == ["open", "closed", "open"]


async def test_an_observer_that_does_not_close_is_cancelled(caplog: Log) -> None:
    told = Told()

    @asynccontextmanager
    async def clinging(options: Options) -> AsyncIterator[Observer[Any]]:
        yield Observer(options)
        try:
            await asyncio.Event().wait()
        finally:
            told.note("cancelled")

    desk = ObserverDesk()
    await desk.replace({"crm": (ObserverSpec(Options, clinging), Options(), "a")})
    await desk.close(within=0.01)
    await told.until("cancelled")
    assert caplog.records[0].getMessage() == "observer crm did not close within 0.01 s and is cancelled"


async def test_an_observer_that_holds_its_thread_holds_up_neither_reports_nor_the_end(caplog: Log) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Blocks(Observer[Options]):
        async def call_started(self, call: CallFacts) -> None:
            entered.set()
            leave.wait(5)

    desk = ObserverDesk()
    await desk.replace({"crm": (observing(Blocks, Options), Options(), "a")})
    desk.call_started(["crm"], CALL)
    await asyncio.to_thread(entered.wait, 5)
    tell_a_call(desk, "crm")
    await desk.close(within=0.01)
    assert "an observer holds the observers' thread, which is left behind" in caplog.text
    thread = next(thread for thread in threading.enumerate() if thread.name == "observers")
    leave.set()
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()


async def test_nobody_hears_anything_after_the_end(desk: ObserverDesk) -> None:
    told = Told()
    await desk.replace({"crm": (scribe(told), Options(), "a")})
    await desk.close()
    tell_a_call(desk, "crm")
    assert told.heard == ["open", "closed"]


def event(number: int) -> WebhookReport:
    return WebhookReport("retell", f"event-{number}", "call-1", {"number": number}, datetime(2026, 11, 22, tzinfo=UTC))


async def test_hears_of_webhooks_which_belong_to_no_call_of_ours(desk: ObserverDesk) -> None:
    told = Told()
    await desk.replace({"crm": (scribe(told), Options(), "a")})
    desk.webhook_received(["crm"], event(1))
    await desk.close()
    assert told.heard == ["open", ("webhook", "event-1"), "closed"]
    assert told.calls == [None, None, None]


async def test_large_webhooks_wait_in_smaller_numbers(caplog: Log) -> None:
    free = asyncio.Event()

    async def wait(what: str) -> None:
        if what == "started":
            await free.wait()

    told = Told()
    desk = ObserverDesk(asyncio.get_running_loop())
    await desk.replace({"crm": (scribe(told, wait), Options(), "a")})
    desk.call_started(["crm"], CALL)
    for number in range(5):
        desk.webhook_received(["crm"], event(number), MOST_BYTES // 2)
    assert desk.dropped == {"crm": 3}
    free.set()
    await told.until(("webhook", "event-1"))
    desk.webhook_received(["crm"], event(5), MOST_BYTES * 2)
    await desk.close()
    assert told.heard[-2:] == [("webhook", "event-5"), "closed"]
    assert [record.getMessage() for record in caplog.records] == [
        "observer crm does not keep up: 3 reports wait for it, further ones are dropped",
        "observer crm keeps up again; 3 reports were dropped",
    ]
