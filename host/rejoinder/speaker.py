"""One reply being generated, on its agent's loop."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from dataclasses import dataclass
from enum import Enum, auto
from types import AsyncGeneratorType
from typing import Any, TypeVar

from rejoinder.call import CallFacts
from rejoinder.contract import Reply, ResponseSystem, SyncReply
from rejoinder.dialogue import Output, Say, ToolResult, Turn, TurnKind
from rejoinder.errors import PluginError
from rejoinder.handover import CLEANUP, WINDOW, Batch, CallTask, Lane, LiveOnly, call_context
from rejoinder.hygiene import CleanReply, cleaned
from rejoinder.orders import Interrupt, Order
from rejoinder.threads import Pool
from rejoinder.tools import current_reply

ResultT = TypeVar("ResultT")
Told = Callable[[tuple[ToolResult, ...]], None]
Ended = Callable[[int], None]

log = logging.getLogger(__name__)

#: Which method of a response system answers which kind of turn.
METHODS: dict[TurnKind, str] = {"begin": "begin", "response": "respond", "reminder": "remind"}


class Step(Enum):
    """What a step of a plain generator gives instead of an output."""

    DONE = auto()


@dataclass(slots=True)
class Stage:
    """What the replies of one call are spoken with: the agent's loop and threads, the way back to the front, and whether marks
    that a voice would read aloud are left out. That is done here: what a plugin says then costs its own agent's loop."""

    facts: CallFacts
    loop: asyncio.AbstractEventLoop
    pool: Pool
    front: Lane
    listener: LiveOnly
    clean_speech: bool = False
    _batch: Batch | None = None

    def say(self, reply: int, output: Output) -> None:
        """Hand an output over to the front, together with those before it that it has not taken yet."""
        batch = self._batch
        if batch is None or batch.reply != reply:
            batch = self._batch = Batch(reply)
        if batch.add(output):
            self.front.put(self.listener.on_outputs, batch)

    def order(self, order: Order) -> None:
        """Have the front do something outside the replies."""
        if self.clean_speech and isinstance(order, Interrupt) and isinstance(order.say.text, str):
            order = Interrupt(Say(cleaned(order.say.text), order.say.uninterruptible))
        self.front.put(self.listener.on_order, order)
        # Not before: of a tool in a thread the loop goes on meanwhile. What is said from here on is not to overtake it.
        self._batch = None

    def spawn(self, what: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of the call's own, named after `what` it does."""
        name = f"{what} of call {self.facts.id} at agent {self.facts.agent}"
        return self.loop.create_task(coroutine, name=name, context=call_context(self.facts))

    def in_thread(self, function: Callable[[], ResultT]) -> asyncio.Future[ResultT]:
        """Have `function` called in one of the agent's threads."""
        # In a context of its own: the loop enters the task's at any time, and two threads must not be in one.
        return self.pool.submit(self.loop, call_context(self.facts).run, function)


class Speaker:
    """One reply: runs the plugin's generator in a task, hands its outputs over, ends it when it is cancelled.

    Exactly one of `on_ended` and `on_failed` is told of a reply that was not cancelled, neither of one that was. `told` is
    called with the turn's late results when its reply has come to its own end, `ended` with its number when all of it is over.
    """

    __slots__ = (
        "_clean",
        "_ended",
        "_is_cancelled",
        "_number",
        "_overdue",
        "_room",
        "_stage",
        "_system",
        "_told",
        "_turn",
        "_waiter",
        "task",
    )

    def __init__(self, stage: Stage, system: ResponseSystem[Any], number: int, turn: Turn, told: Told, ended: Ended) -> None:
        self._stage = stage
        self._system = system
        self._number = number
        self._turn = turn
        self._told = told
        self._ended = ended
        self._clean = CleanReply() if stage.clean_speech else None
        self._room = WINDOW
        self._waiter: asyncio.Future[None] | None = None
        self._is_cancelled = False
        self._overdue: asyncio.TimerHandle | None = None
        name = f"reply {number} of call {stage.facts.id} at agent {stage.facts.agent}"
        context = call_context(stage.facts)
        context.run(current_reply.set, number)
        self.task = CallTask(self._run(), loop=stage.loop, name=name, context=context)
        self.task.facts = stage.facts
        self.task.add_done_callback(self._let_go)  # not in _run: a task cancelled before its first step never enters it

    def confirm(self, count: int) -> None:
        """The socket took `count` more outputs."""
        self._room += count
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def cancel(self) -> None:
        """From here on nothing crosses. Does not wait for the plugin's clean-up."""
        if self._is_cancelled or self.task.done():
            return
        self._is_cancelled = True
        self.task.cancel()
        self._overdue = self._stage.loop.call_later(CLEANUP, self._name_in_log)

    async def _run(self) -> None:
        """In one piece: each output comes through every coroutine that awaits it."""
        say, number, clean = self._stage.say, self._number, self._clean
        try:
            reply = self._reply()
            try:
                async for output in reply:
                    if self._is_cancelled:  # the plugin swallowed its cancellation: aclose ends it here
                        break
                    ready = (output,) if clean is None else clean.clean(output)
                    if not ready:
                        await asyncio.sleep(0)  # nothing fills the window: a reply that never waits would never be interrupted
                    for spoken in ready:
                        while self._room <= 0:
                            await self._for_room()
                        self._room -= 1
                        say(number, spoken)
            finally:
                await reply.aclose()
        except BaseException as error:  # noqa: BLE001
            # BaseException: a plugin's SystemExit would otherwise leave the task and end the loop for all its calls.
            # The host's own cancellation ends here too: kept by the task it would hold the frames it went through, and with
            # them the object of the call, until the collector comes by.
            self._fail(error)
        else:
            self._finish()

    def _fail(self, error: BaseException) -> None:
        if not self._is_cancelled:
            self._hand_over_rest()
            self._stage.front.put(self._stage.listener.on_failed, self._number, self._explained(error))
        elif not isinstance(error, asyncio.CancelledError):
            log.warning("%s raised after it was cancelled", self._label(), exc_info=error)

    def _finish(self) -> None:
        if self._is_cancelled:
            return
        self._hand_over_rest()
        if self._turn.late_results:
            self._told(self._turn.late_results)  # first: with the end the front may start the next reply
        self._stage.front.put(self._stage.listener.on_ended, self._number)

    def _hand_over_rest(self) -> None:
        for spoken in self._clean.finish() if self._clean is not None else ():
            self._stage.say(self._number, spoken)

    async def _for_room(self) -> None:
        self._waiter = self._stage.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _reply(self) -> Reply:
        given: object = getattr(self._system, METHODS[self._turn.kind])(self._turn)
        if type(given) is AsyncGeneratorType or isinstance(given, AsyncGenerator):
            return given
        if isinstance(given, Generator):
            return stepped(given, self._stage)
        if isinstance(given, Coroutine):
            given.close()  # or Python warns that it was never awaited
        raise PluginError(
            f"{self._label()} returned {_described(given)}; "
            "expected an async generator (`async def` with a `yield` in it) or a plain generator (`def` with a `yield`)"
        )

    def _explained(self, error: BaseException) -> BaseException:
        if not isinstance(error, asyncio.CancelledError):
            return error
        explained = PluginError(f"{self._label()} was cancelled, and not by the host: a task it awaited was")
        explained.__cause__ = error
        return explained

    def _label(self) -> str:
        facts = self._stage.facts
        return f"agent {facts.agent}, call {facts.id}: {type(self._system).__name__}.{METHODS[self._turn.kind]}"

    def _name_in_log(self) -> None:
        log.warning("%s is still cleaning up %g s after it was cancelled", self._label(), CLEANUP)

    def _let_go(self, _: asyncio.Task[None]) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
        if self._turn.word_source is not None:
            self._turn.word_source.release()
        self._ended(self._number)
        # A task that was cancelled before its first step keeps the error, and with it the frame that knows this reply.
        del self.task


def _described(given: object) -> str:
    if isinstance(given, Coroutine):
        return "a coroutine"
    return "None" if given is None else f"an object of type {type(given).__name__}"


async def stepped(generator: SyncReply, stage: Stage) -> Reply:
    """The outputs of a plain generator, each step of it taken in one of the agent's threads.

    A step that runs cannot be cancelled: it is left to run out, its output dropped, and then a thread closes the generator.
    """
    steps = Steps(generator, stage)
    try:
        while not isinstance(output := await steps.take(), Step):
            yield output
    finally:
        await steps.close()


class Steps:
    """A plain generator and the threads that drive it; never more than one of them is inside it."""

    __slots__ = ("_context", "_generator", "_is_begun", "_is_over", "_stage", "_step")

    def __init__(self, generator: SyncReply, stage: Stage) -> None:
        self._generator = generator
        self._stage = stage
        # Of its own: the loop enters the context of the reply's task at any time, and two threads must not be in one.
        self._context = call_context(stage.facts)
        self._step: asyncio.Future[Output | Step] | None = None
        self._is_begun = False
        self._is_over = False

    async def take(self) -> Output | Step:
        """The next output."""
        self._step = self._stage.pool.submit(self._stage.loop, self._context.run, self._next)
        return await asyncio.shield(self._step)  # a future that is cancelled would not tell when the step has run out

    def _next(self) -> Output | Step:
        """In a thread."""
        self._is_begun = True
        self._is_over = True  # unless it yields
        output = next(self._generator, Step.DONE)
        self._is_over = isinstance(output, Step)
        return output

    async def close(self) -> None:
        """Let a step that runs run out, take back one that does not, and close the generator if there is a need."""
        step, pool = self._step, self._stage.pool
        if step is not None and not step.done() and not pool.withdraw(step):
            await asyncio.wait({step})
            if not step.cancelled():
                step.exception()  # asked for, so that asyncio does not complain that nobody did
        if self._is_begun and not self._is_over and not pool.is_closed:
            await pool.submit(self._stage.loop, self._context.run, self._generator.close)
