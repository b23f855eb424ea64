"""Between the front loop, which owns the sockets, and an agent's loop, which runs the plugin.

Two loops share nothing but lanes: what one asks of the other is an act put into a lane, done later on the other's loop, in
order. Nobody waits for an answer and nobody takes a lock, so a plugin that blocks its loop holds back nothing but its own lane.
"""

import asyncio
import contextlib
import contextvars
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, Protocol, TypeVar

from rejoinder.call import CallFacts
from rejoinder.dialogue import Output
from rejoinder.orders import Order

ValueT = TypeVar("ValueT")
Act = Callable[..., object]
Work = Coroutine[Any, Any, Any] | Generator[Any, None, Any]

#: Outputs of one reply that may be on their way to the socket; without room the reply's task waits. A reply of usual length
#: never meets it, and a peer that stops reading holds no more than this.
WINDOW = 32
#: Seconds that a cancelled reply has to clean up before it is named in the log (promised in `rejoinder.contract`).
CLEANUP = 1.0

#: The call that the running code works for, None outside any call. Set in the context of everything a plugin runs in, so that
#: a log filter can name the call. Host code that serves many calls in one batch passes the call explicitly instead.
current_call: contextvars.ContextVar[CallFacts | None] = contextvars.ContextVar("current_call", default=None)

log = logging.getLogger(__name__)


def call_context(facts: CallFacts) -> contextvars.Context:
    """A fresh context in which `current_call` is the call of `facts`."""
    context = contextvars.Context()
    context.run(current_call.set, facts)
    return context


class CallTask(asyncio.Task[Any]):
    """A task that knows the call it was made in, whoever made it: what a forgotten one raises is told outside its context."""

    __slots__ = ("facts",)
    facts: CallFacts | None


def call_task(loop: asyncio.AbstractEventLoop, work: Work, /, **given: Any) -> CallTask:
    """The task factory of a loop that plugins run on."""
    task = CallTask(work, loop=loop, **given)
    context: contextvars.Context | None = given.get("context")
    task.facts = current_call.get() if context is None else context.get(current_call)
    return task


class Lane:
    """A one-way road onto `loop`: acts put in from any thread are done there, in order.

    One wake-up of the loop serves all acts that wait. Each drain does as many acts as lay there when it began, so that a flood
    cannot keep the loop. An act that raises is given to `on_error` (default: the log, under the lane's name) and stops nothing.

    Where acts come from one loop only, and plugins never hold that, it may be given as `start`: then `loop` is woken when
    `start` has done all else that it is at. Two threads awake at once wait for the interpreter lock most of the time, and to
    hand it to and fro costs a sixth of a turn.
    """

    __slots__ = ("_acts", "_context", "_is_woken", "_name", "_on_error", "_start", "loop")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        name: str,
        on_error: Callable[[Exception], None] | None = None,
        *,
        start: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.loop = loop
        self._start = None if start is loop else start
        self._name = name
        # Without a method of its own in its place: a lane that held itself, and so its loop, would wait for the collector.
        self._on_error = on_error
        self._acts: deque[tuple[Act, tuple[object, ...]]] = deque()
        self._is_woken = False
        # Of its own: a context that two threads entered at once would raise in the middle of a loop.
        self._context = contextvars.Context()

    def put(self, act: Act, *args: object) -> None:
        """Have `act(*args)` done on the lane's loop. From any thread, or from that of `start`; never blocks; once the loop is
        closed it is dropped."""
        self._acts.append((act, args))
        if not self._is_woken:
            self._is_woken = True
            if self._start is None or self._start.is_closed():
                self._wake()
            else:
                self._start.call_soon(self._wake)

    def _wake(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self._drain, context=self._context)
        except RuntimeError:  # the loop is closed
            self._acts.clear()

    def _drain(self) -> None:
        # First: whoever puts an act in from here on either is counted below or wakes the loop again.
        self._is_woken = False
        acts = self._acts
        try:
            for _ in range(len(acts)):
                act, args = acts.popleft()
                try:
                    act(*args)
                except Exception as error:  # noqa: BLE001  one call's act must not harm the next call's
                    (self._on_error or self._log)(error)
        finally:
            if acts and not self._is_woken:
                self._is_woken = True
                self._wake()

    def _log(self, error: Exception) -> None:
        log.error("lane %s: an act failed", self._name, exc_info=error)


class Latest(Generic[ValueT]):
    """A slot between two loops in which a newer value replaces one that was not taken yet."""

    __slots__ = ("_is_told", "_slot")

    def __init__(self) -> None:
        self._slot: list[ValueT] = []
        self._is_told = False

    def offer(self, value: ValueT) -> bool:
        """Put `value` in; whether the taker must be told (it was not since it last took)."""
        self._slot[:] = (value,)  # in one step, so that the taker finds either the old value or the new one
        if self._is_told:
            return False
        self._is_told = True
        return True

    def take(self) -> ValueT | None:
        """The newest value, None if there is none that was not taken before."""
        self._is_told = False  # first: a value offered from here on is told of again
        with contextlib.suppress(IndexError):
            return self._slot.pop()
        return None


class Batch:
    """Outputs of one reply on their way to the front. It takes all that lie there at once: mostly the whole of a short reply,
    and each act of a lane costs as much as what is done with an output."""

    __slots__ = ("_is_told", "_outputs", "reply")

    def __init__(self, reply: int) -> None:
        self.reply = reply
        self._outputs: deque[Output] = deque()
        self._is_told = False

    def add(self, output: Output) -> bool:
        """Put `output` in; whether the front must be told (it was not since it last took)."""
        self._outputs.append(output)
        if self._is_told:
            return False
        self._is_told = True
        return True

    def take(self) -> list[Output]:
        """What lies there, in order."""
        self._is_told = False  # first: an output added from here on is either taken or told of again
        outputs = self._outputs
        return [outputs.popleft() for _ in range(len(outputs))]


class Listener(Protocol):
    """The front's side of a call at an agent. All of it is called on the front loop, never from within a call of a `Seat`."""

    def on_joined(self, hears: frozenset[str]) -> None:
        """The object of the call is made; `hears` names the optional methods it has of its own. Not called if making it fails:
        then every reply that is started fails."""

    def on_output(self, reply: int, output: Output) -> None:
        """The live reply gave an output: whatever the plugin yielded, its type not checked."""

    def on_ended(self, reply: int) -> None:
        """The live reply is complete; nothing more of it comes."""

    def on_failed(self, reply: int, error: BaseException) -> None:
        """The live reply raised, or could not be had; nothing more of it comes."""

    def on_order(self, order: Order) -> None:
        """The plugin used its call handle: interrupt, tune, metadata; or one of its tools began or ended."""

    def on_missing(self, field: str) -> None:
        """A text asked for a field that the call does not have."""


class LiveOnly:
    """Passes on to a listener what belongs to live replies, so that after a cancel nothing more of that reply is heard,
    whatever was on its way. On the front loop."""

    __slots__ = ("_listener", "hears", "live")

    def __init__(self, listener: Listener) -> None:
        self._listener: Listener | None = listener
        self.hears: frozenset[str] | None = None
        #: live replies, each with the number of outputs that were confirmed but not yet told to the agent
        self.live: dict[int, int] = {}

    def close(self) -> None:
        """From here on nothing is heard."""
        self._listener = None
        self.live.clear()

    def on_joined(self, hears: frozenset[str]) -> None:
        self.hears = hears
        if self._listener is not None:
            self._listener.on_joined(hears)

    def on_outputs(self, batch: Batch) -> None:
        reply = batch.reply
        for output in batch.take():
            if reply not in self.live or self._listener is None:
                return
            try:
                self._listener.on_output(reply, output)
            except Exception:  # as in a lane: one must not take the others with it
                log.exception("an output of reply %d could not be taken", reply)

    def on_ended(self, reply: int) -> None:
        if self.live.pop(reply, None) is not None and self._listener is not None:
            self._listener.on_ended(reply)

    def on_failed(self, reply: int, error: BaseException) -> None:
        if self.live.pop(reply, None) is not None and self._listener is not None:
            self._listener.on_failed(reply, error)

    def on_order(self, order: Order) -> None:
        if self._listener is not None:
            self._listener.on_order(order)

    def on_missing(self, field: str) -> None:
        if self._listener is not None:
            self._listener.on_missing(field)
