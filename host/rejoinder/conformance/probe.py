"""A response system as it was before the host heard it: what it yields, when, and how each of its replies ended.

The host mends, drops and cleans what a system gives; so what a check judges is noted here, between the system and the host.
"""

import asyncio
import inspect
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal

from rejoinder.call import Call
from rejoinder.contract import Reply, ResponseSystem, SyncReply, SystemFactory, SystemSpec
from rejoinder.dialogue import Action, EndCall, Say, TransferCall, Turn, TurnKind
from rejoinder.errors import ReplyFailed
from rejoinder.speaker import METHODS
from rejoinder.visit import OPTIONAL, is_own

#: How a reply stands: cancelled by the host, or come to its own end.
How = Literal["open", "ended", "cancelled", "raised"]


@dataclass(eq=False)
class Given:
    """One reply as the system gave it. Times are the loop's; `wrong` says what came instead of a generator,
    `defiant` that it yielded although it was cancelled, `is_stepped` that it is a plain generator, whose steps nobody can cut.
    """

    call: str
    kind: TurnKind
    asked: str
    began: float
    outputs: list[tuple[float, object]] = field(default_factory=list)
    how: How = "open"
    ended: float = 0.0
    error: BaseException | None = None
    wrong: str = ""
    defiant: bool = False
    is_stepped: bool = False

    @property
    def method(self) -> str:
        return METHODS[self.kind]

    @property
    def text(self) -> str:
        """All words of it."""
        return "".join(words_of(output) for _, output in self.outputs)

    @property
    def acts(self) -> bool:
        return any(isinstance(output, Action) for _, output in self.outputs)

    @property
    def leaves(self) -> bool:
        """Whether it hangs up or transfers the call."""
        return any(isinstance(output, EndCall | TransferCall) for _, output in self.outputs)

    @property
    def is_closed(self) -> bool:
        """Whether it has come to its own end; after an action the host need not wait for that."""
        return self.how == "ended" or self.has_no_answer or (self.acts and self.how != "raised")

    @property
    def has_no_answer(self) -> bool:
        """Whether the system has said so itself: the host takes the next step then, at once."""
        return isinstance(self.error, ReplyFailed)

    def end(self, how: How, at: float, error: BaseException | None = None) -> None:
        self.how, self.ended, self.error = how, at, error


def words_of(output: object) -> str:
    """What of an output is to be spoken, whatever a plugin put there."""
    text: object = output.text if isinstance(output, Say) else output
    return text if isinstance(text, str) else ""


@dataclass
class Probe:
    """What is seen of one system, over all its agents and calls."""

    replies: list[Given] = field(default_factory=list)
    #: the objects of calls, with the calls' ids, in the order in which they were made
    made: list[tuple[str, ResponseSystem[Any]]] = field(default_factory=list)
    #: (what raised, the exception), outside replies: a constructor, `digits`, `ended`, leaving the context
    faults: list[tuple[str, BaseException]] = field(default_factory=list)
    #: which of its optional methods were called
    told: set[str] = field(default_factory=set)

    #: What is done where a fault is none of a method's.
    MAKING: ClassVar[str] = "making the object of a call"
    LEAVING: ClassVar[str] = "leaving what it has opened"

    def spec(self, spec: SystemSpec[Any]) -> SystemSpec[Any]:
        """The same system, seen."""

        @asynccontextmanager
        async def opened(options: Any) -> AsyncIterator[SystemFactory]:
            is_open = False
            try:
                async with spec.open(options) as factory:
                    is_open = True
                    yield partial(self._made, factory)
            except BaseException as error:
                if is_open:
                    self.faults.append((self.LEAVING, error))
                raise

        return SystemSpec(spec.options, opened)

    def _made(self, factory: SystemFactory, call: Call) -> Any:
        try:
            system: object = factory(call)
        except BaseException as error:
            self.faults.append((self.MAKING, error))
            raise
        if not isinstance(system, ResponseSystem):
            return system  # the host says what is wrong with it
        self.made.append((call.id, system))
        return Probed(system, call, self)

    def given(self, call: str, kind: TurnKind = "response") -> list[Given]:
        """A call's replies to turns of one kind."""
        return [reply for reply in self.replies if (reply.call, reply.kind) == (call, kind)]


class Probed(ResponseSystem[Any]):
    """Stands for the object of one call. It has of its own what the other has: the host asks for no more."""

    def __init__(self, system: ResponseSystem[Any], call: Call, probe: Probe) -> None:
        super().__init__(getattr(system, "options", None), call)
        self._system = system
        self._probe = probe
        for name in OPTIONAL:
            if is_own(system, name):
                setattr(self, name, partial(self._reply if name in METHODS.values() else self._notice, name))

    def respond(self, turn: Turn) -> Reply | SyncReply:
        reply: Reply | SyncReply = self._reply("respond", turn)
        return reply

    def _reply(self, name: str, turn: Turn) -> Any:
        reply = Given(self.call.id, turn.kind, turn.text, _now())
        try:
            generator: object = getattr(self._system, name)(turn)
        except BaseException as error:
            self._probe.replies.append(reply)
            reply.end("raised", _now(), error)
            raise
        if isinstance(generator, AsyncGenerator):
            return self._seen(generator, reply)
        if isinstance(generator, Generator):
            return self._seen_stepped(generator, reply, asyncio.get_running_loop().time)
        self._probe.replies.append(reply)
        reply.wrong = "a coroutine" if inspect.iscoroutine(generator) else f"an object of type {type(generator).__name__}"
        reply.end("raised", _now())
        return generator

    async def _seen(self, generator: Reply, reply: Given) -> Reply:
        self._probe.replies.append(reply)
        try:
            async with aclosing(generator):
                async for output in generator:
                    reply.outputs.append((_now(), output))
                    reply.defiant = reply.defiant or _is_cancelled()
                    yield output
        except (asyncio.CancelledError, GeneratorExit):
            reply.end("cancelled", _now())
            raise
        except BaseException as error:
            reply.end("raised", _now(), error)
            raise
        else:
            reply.end("ended", _now())

    def _seen_stepped(self, generator: SyncReply, reply: Given, now: Callable[[], float]) -> SyncReply:
        """In the agent's threads."""
        self._probe.replies.append(reply)
        reply.is_stepped = True
        try:
            try:
                for output in generator:
                    reply.outputs.append((now(), output))
                    yield output
            finally:
                generator.close()
        except GeneratorExit:
            reply.end("cancelled", now())
            raise
        except BaseException as error:
            reply.end("raised", now(), error)
            raise
        else:
            reply.end("ended", now())

    async def _notice(self, name: str, *args: object) -> None:
        self._probe.told.add(name)
        try:
            told = getattr(self._system, name)(*args)
            if inspect.isawaitable(told):
                await told
        except asyncio.CancelledError as error:
            if name == "ended":  # the others are cancelled when the call ends
                self._probe.faults.append((name, error))
            raise
        except BaseException as error:
            self._probe.faults.append((name, error))
            raise


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _now() -> float:
    return asyncio.get_running_loop().time()


def described(error: BaseException | None) -> str:
    """An exception with the line that raised it."""
    if error is None:
        return "nothing"
    frames = traceback.extract_tb(error.__traceback__)
    at = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{f' ({error})' if str(error) else ''}{at}"
