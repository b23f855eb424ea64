"""Tools that have an effect in the world: each runs once in a call, whatever becomes of the turn that asked for it.

A booking that is made twice because the caller spoke into it is the commonest harm a voice agent does, and one that is
cancelled half-way the worst. So a tool runs in a task of its own, in which no barge-in reaches it, and the call keeps a
`Ledger` of what was asked for: who asks again joins the run, or gets what it gave. The ledger is the call's; agents on
different loops that answer in one call are given the same. `Tools` is one agent's hands in one call, on that agent's loop.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from threading import RLock
from typing import Any

import msgspec

from rejoinder.dialogue import ToolCalled, ToolResult, ToolReturned
from rejoinder.errors import PluginError, ToolOutcomeUnknown
from rejoinder.orders import ToolsAwaited

#: Seconds that a tool has, unless told otherwise.
TIME_OUT = 15.0

#: The reply that the running code is part of, None outside any. Set in the context of each reply's task.
current_reply: ContextVar[int | None] = ContextVar("current_reply", default=None)

log = logging.getLogger(__name__)


class Run:
    """One run of a tool, which all who ask for it wait for. Changed under the ledgers' lock alone."""

    __slots__ = ("arguments", "future", "id", "is_heard", "key", "name", "waiting")

    def __init__(self, identity: str, name: str, key: bytes) -> None:
        self.id = identity
        self.name = name
        self.key = key
        # A copy: it crosses to the front and may be kept for the next turn, while the plugin does what it likes with its own.
        self.arguments: Mapping[str, Any] = msgspec.json.decode(key)[1]
        self.future: Future[ToolResult] = Future()
        self.future.set_running_or_notify_cancel()  # so that one who stops waiting cannot cancel it for all
        self.waiting = 0
        self.is_heard = False


#: One for all calls, which hold it for a moment: most of them run no tool. It may be taken again by the thread that has it:
#: what Python sweeps up there and then may be another call's wait.
_LOCK = RLock()


class Ledger:
    """The tools of one call, by name and arguments. Used from any thread."""

    __slots__ = ("_call_id", "_count", "_ended", "_runs")

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._runs: dict[bytes, Run] = {}  # that run, have succeeded or have an outcome that nobody knows
        self._ended: list[Run] = []  # of which perhaps nobody has heard
        self._count = 0

    def enter(self, name: str, arguments: Mapping[str, Any]) -> tuple[Run, bool]:
        """The run to wait for with `outcome`, and whether it is a new one that the asker is to start.

        Raises TypeError or ValueError for arguments that JSON cannot say.
        """
        key = msgspec.json.encode([name, dict(arguments)], order="sorted")
        with _LOCK:
            run = self._runs.get(key)
            is_new = run is None
            if run is None:
                self._count += 1
                run = self._runs[key] = Run(f"{self._call_id}-tool-{self._count}", name, key)
            run.waiting += 1
            return run, is_new

    async def outcome(self, run: Run) -> Any:
        """What the run gives; raises what it raised."""
        is_heard = False
        try:
            result = await asyncio.wrap_future(run.future)
            is_heard = True
        finally:
            with _LOCK:
                run.waiting -= 1
                run.is_heard |= is_heard
        if isinstance(result.failure, ToolOutcomeUnknown):
            raise ToolOutcomeUnknown(*result.failure.args)  # an own one for each: this one is kept and raised again
        if result.failure is not None:
            raise result.failure
        return result.value

    def settle(self, run: Run, result: ToolResult) -> bool:
        """The run has ended; whether that is news. A failure is forgotten, so that the tool can be tried again."""
        with _LOCK:
            if run.future.done():
                return False
            if result.failure is not None and not isinstance(result.failure, ToolOutcomeUnknown):
                del self._runs[run.key]
            run.future.set_result(result)
            self._ended.append(run)
            return True

    def late(self) -> tuple[ToolResult, ...]:
        """What ended when nobody waited for it any more, until it is `told`: the next turn may be interrupted as well."""
        if not self._ended:
            return ()
        with _LOCK:
            self._ended = [run for run in self._ended if not run.is_heard]
            return tuple([run.future.result() for run in self._ended if not run.waiting])

    def told(self, late: tuple[ToolResult, ...]) -> None:
        """A reply that was given `late` has come to its end."""
        with _LOCK:
            for run in self._ended:
                run.is_heard |= any(run.future.result() is result for result in late)


def _spawn(name: str, coroutine: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    return asyncio.get_running_loop().create_task(coroutine, name=name)


class Tools:
    """What one agent does for one call, on the agent's loop.

    `order` is told of each start, end and wait, `spawn` makes a task that nothing cancels when the call ends, `in_thread`
    calls a plain function in a thread.
    """

    __slots__ = ("_awaited", "_in_thread", "_is_over", "_label", "_order", "_running", "_spawn", "_tasks", "ledger")

    def __init__(
        self,
        ledger: Ledger,
        order: Callable[[ToolCalled | ToolReturned | ToolsAwaited], None],
        label: str,
        *,
        spawn: "Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[None]]" = _spawn,
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self.ledger = ledger
        self._order = order
        self._label = label
        self._spawn = spawn
        self._in_thread = in_thread
        self._running: dict[Run, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []  # those that were given up and do not stop, too
        self._awaited: dict[int, int] = {}
        self._is_over = False

    async def run_once(self, name: str, arguments: Mapping[str, Any], function: Callable[..., Any], bound: float) -> Any:
        """See `Call.run_once`; `bound` is its time-out."""
        called = partial(function, **arguments)
        run, is_new = self.ledger.enter(name, arguments)
        if is_new:
            self._begin(run, called, bound)
        reply = current_reply.get()
        if reply is None or run.future.done():
            return await self.ledger.outcome(run)
        self._note_wait(reply, 1)
        try:
            return await self.ledger.outcome(run)
        finally:
            self._note_wait(reply, -1)

    def _note_wait(self, reply: int, change: int) -> None:
        self._awaited[reply] = self._awaited.get(reply, 0) + change
        self._order(ToolsAwaited(reply, self._awaited[reply]))
        if not self._awaited[reply]:
            del self._awaited[reply]

    def _begin(self, run: Run, function: Callable[[], Any], bound: float) -> None:
        self._order(ToolCalled(run.id, run.name, run.arguments))
        task = self._spawn(f"tool {run.name}", self._run(run, function))
        timer = task.get_loop().call_later(bound, self._give_up, run, f"did not return within {bound:g} s")
        self._running[run] = task
        self._tasks.append(task)
        task.add_done_callback(lambda _: self._let_go(run, task, timer))

    def _let_go(self, run: Run, task: "asyncio.Task[None]", timer: asyncio.TimerHandle) -> None:
        self._tasks.remove(task)
        timer.cancel()
        if run in self._running:  # cancelled before its first step
            self._end(run, failure=_unknown(run, "was cancelled"))

    async def _run(self, run: Run, function: Callable[[], Any]) -> None:
        try:
            value = function() if iscoroutinefunction(function) else await self._in_thread(function)
            if isawaitable(value):
                value = await value
        except asyncio.CancelledError:
            self._end(run, failure=_unknown(run, "was cancelled"))
            raise
        except Exception as error:  # noqa: BLE001  it is given to those who wait
            self._end(run, failure=error)
        except BaseException as error:  # noqa: BLE001  SystemExit in a tool must not end the loop
            failure = PluginError(f"tool {run.name} raised {type(error).__name__}")
            failure.__cause__ = error
            self._end(run, failure=failure)
        else:
            self._end(run, value)

    def _give_up(self, run: Run, why: str) -> None:
        """What a plain function does in its thread goes on all the same."""
        if (task := self._running.get(run)) is not None:
            self._end(run, failure=_unknown(run, why))
            task.cancel()

    def _end(self, run: Run, value: object = None, *, failure: Exception | None = None) -> None:
        result = ToolResult(run.name, run.arguments, value, failure)
        if self.ledger.settle(run, result):
            del self._running[run]
            self._order(_returned(run, result))
            self._note_in_log(run, failure)
        elif not isinstance(failure, ToolOutcomeUnknown):
            log.warning("%s: tool %s has ended after it was given up (%s)", self._label, run.name, _word(failure))

    def _note_in_log(self, run: Run, failure: Exception | None) -> None:
        if isinstance(failure, ToolOutcomeUnknown):
            log.warning("%s: %s", self._label, failure)
        elif failure is not None and not run.waiting:
            log.warning("%s: tool %s failed when nobody waited for it any more", self._label, run.name, exc_info=failure)
        elif self._is_over:
            log.info("%s: tool %s has returned after the call", self._label, run.name)

    async def finish(self) -> None:
        """The call is over: wait until all that runs has ended, each within its own time."""
        self._is_over = True
        while self._running:
            await asyncio.wait([asyncio.wrap_future(run.future) for run in self._running])

    def abandon(self) -> None:
        """The agent closes and can wait no longer."""
        for run in [*self._running]:
            self._give_up(run, "was still running when its agent closed")
        for task in self._tasks:
            task.cancel()


def _unknown(run: Run, why: str) -> ToolOutcomeUnknown:
    return ToolOutcomeUnknown(f"tool {run.name} {why}: nobody knows whether it had its effect, so it is not run again")


def _returned(run: Run, result: ToolResult) -> ToolReturned:
    """For the platform's record. Of a failure only its kind: what an exception says was not written for others to read."""
    if isinstance(result.failure, ToolOutcomeUnknown):
        return ToolReturned(run.id, "outcome unknown")
    if result.failure is not None:
        return ToolReturned(run.id, _word(result.failure), successful=False)
    return ToolReturned(run.id, _text(result.value), successful=True)


def _word(failure: Exception | None) -> str:
    return "returned" if failure is None else f"failed: {type(failure).__name__}"


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return type(value).__name__
