"""A call to a response system without a socket and without async: the real host, in this process, in virtual time.

assert talk(Shout).says("hi") == "HI!"
"""

import asyncio
import contextlib
import logging
import threading
import weakref
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from rejoinder.call import CallFacts
from rejoinder.contract import CallReport, TurnReport
from rejoinder.dialogue import EndedBy, Utterance
from rejoinder.testing.clock import VirtualClockLoop
from rejoinder.testing.exchange import Exchange
from rejoinder.testing.hearing import Heard
from rejoinder.testing.subject import AgentKeys, Tried
from rejoinder.testing.telephone import WEB_CALL, Caller
from rejoinder.visit import FAREWELL

ResultT = TypeVar("ResultT")

#: Seconds to wait for an answer or its next piece: longer than the host lets any turn last, if nobody says otherwise.
LONGEST = 600.0
#: On the virtual clock every wait, however short, lets all that is ready happen first.
MOMENT = 0.001


class CallLog(logging.Handler):
    """Keeps what is logged from WARNING on while it is entered: what the host complains of, and what the system says itself."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        if logging.getLogger().handlers == [self] and logging.lastResort is not None:
            logging.lastResort.handle(record)  # nobody else listens, and a traceback must be seen

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        logging.getLogger().removeHandler(self)


class CallReports:
    """Keeps what the host reports of one call."""

    def __init__(self) -> None:
        self.turns: list[TurnReport] = []
        self.ended: EndedBy | None = None

    def call_started(self, call: CallFacts) -> None:
        """Nothing to keep: it is known who called."""

    def turn_ended(self, report: TurnReport) -> None:
        self.turns.append(report)

    def call_ended(self, report: CallReport) -> None:
        self.ended = report.ended_by


class DrivenCall:
    """One call with a loop of its own, driven from outside of any. It knows nothing of the Talk that it belongs to, so that it
    can be closed when that is forgotten."""

    def __init__(self, system: Tried, details: Mapping[str, Any] | None, *, real_time: bool, keys: AgentKeys) -> None:
        self.log = CallLog()
        self.reports = CallReports()
        self._exchange = Exchange.of_system(system, witness=self.reports, **keys)
        self._details = details
        self._farewell = MOMENT if real_time else FAREWELL
        self._runner = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop if real_time else VirtualClockLoop)
        self._is_closed = False
        try:
            self.begin_message = self.run(self._open())
        except BaseException:
            self.close()
            raise

    def run(self, act: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Let the loop run until `act` is done. Raises RuntimeError where another loop runs, or once it is closed."""
        if self._is_closed:
            act.close()
            raise RuntimeError("this talk is closed; begin another: talk(...)")
        try:
            with self.log:
                return self._runner.run(act)
        finally:
            act.close()

    async def _open(self) -> Heard:
        await self._exchange.__aenter__()
        self.caller = Caller(self._exchange.dialler(watched=False), "call-1", self._details)
        await self.caller.dial()
        return await self.heard()

    async def heard(self) -> Heard:
        """What the agent says, once it is complete; if that ends the call, the platform has ended it."""
        heard = await self.caller.hears(LONGEST)
        await asyncio.sleep(MOMENT)
        if heard.end_call or heard.transfer_to:
            await self.hang_up()
        return heard

    async def says(self, text: str, chunks: int | None) -> Heard:
        await self.caller.says(text)
        if chunks is not None:
            async with contextlib.aclosing(self.caller.chunks(LONGEST)) as coming:
                async for _ in coming:
                    if len(self.caller.now.chunks) >= chunks:
                        return self.caller.now
        return await self.heard()

    async def is_silent(self) -> Heard:
        await self.caller.is_silent()
        return await self.heard()

    async def presses(self, digits: str) -> None:
        await self.caller.presses(digits)
        await asyncio.sleep(MOMENT)

    async def waits(self, seconds: float) -> Heard:
        await asyncio.sleep(seconds)
        return self.caller.now

    async def hang_up(self) -> None:
        """The platform closes the call, and the system has had the time that it has for its `ended()`."""
        await self.caller.hang_up()
        while len(self._exchange.calls):
            await self._exchange.calls.news.wait()
        await asyncio.sleep(self._farewell)

    def close(self) -> None:
        """End all there is, whoever runs in this thread: a forgotten Talk is cleared away at any moment."""
        if self._is_closed:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._close()
        else:
            thread = threading.Thread(target=self._close, name="close a talk")
            thread.start()
            thread.join()

    def _close(self) -> None:
        try:
            self.run(self._end())
        finally:
            self._is_closed = True
            self._runner.close()

    async def _end(self) -> None:
        await self._exchange.close()
        await asyncio.sleep(MOMENT)


class Talk:
    """One call to a response system, made by `talk`: what the caller says and hears, one after the other.

    Each method returns when the agent has said all it has to say for now. Time is virtual: an agent that needs a minute takes
    none of yours, and is late all the same. Raises NotHeard once the call is over.
    """

    def __init__(self, call: DrivenCall) -> None:
        self._call = call
        self._forgotten = weakref.finalize(self, call.close)

    @property
    def begin_message(self) -> Heard:
        """The begin message, without words if the caller speaks first."""
        return self._call.begin_message

    def says(self, text: str, *, chunks: int | None = None) -> Heard:
        """The caller has spoken; what the agent says to it. With `chunks` it returns when so many of the answer have come: what
        the caller says next barges in."""
        return self._run(self._call.says(text, chunks))

    def is_silent(self) -> Heard:
        """The caller has said nothing for long, and the platform asks for a reminder; what the agent says."""
        return self._run(self._call.is_silent())

    def presses(self, digits: str) -> None:
        """The caller presses keys."""
        self._run(self._call.presses(digits))

    def waits(self, seconds: float) -> Heard:
        """So many seconds pass; what the agent has said last, perhaps out of turn."""
        return self._run(self._call.waits(seconds))

    def hang_up(self) -> None:
        """The caller hangs up; the system has heard of it (`ended()`)."""
        self._run(self._call.hang_up())

    def _run(self, act: Coroutine[Any, Any, ResultT]) -> ResultT:
        try:
            refuse_a_running_loop()
        except RuntimeError:
            act.close()
            raise
        return self._call.run(act)

    @property
    def transcript(self) -> tuple[Utterance, ...]:
        """What was said so far, as the platform would put it into its next request."""
        return self._call.caller.transcript

    @property
    def ended(self) -> EndedBy | None:
        """Who ended the call: "agent" (it hung up), "platform" (the caller did, or was transferred), "server" (the talk was
        closed); None while it lives."""
        return self._call.reports.ended

    @property
    def turns(self) -> list[TurnReport]:
        """What the host reports of each turn that has ended: its outcome, and its times."""
        return self._call.reports.turns

    @property
    def log(self) -> list[logging.LogRecord]:
        """What was logged during the call from WARNING on, by the host or by the system."""
        return self._call.log.records

    @property
    def warnings(self) -> list[str]:
        """The same as text: what the host complains of, and an operator would read."""
        return [record.getMessage() for record in self.log]

    @property
    def failures(self) -> list[BaseException]:
        """What the system raised. The caller has heard an apology, as on any call; the traceback is in the log."""
        return [record.exc_info[1] for record in self.log if record.exc_info and record.exc_info[1] is not None]

    def close(self) -> None:
        """End the call, if it lives, and the loop. Done by itself when the talk is forgotten."""
        self._forgotten()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def talk(
    system: Tried,
    *,
    details: Mapping[str, Any] | None = WEB_CALL,
    real_time: bool = False,
    **keys: Unpack[AgentKeys],
) -> Talk:
    """Call a response system: its class, its spec, the name of an installed one, or a module or `.py` file with the hook.

    `keys` are what YAML says of an agent and its route: `options`, `begin`, `reminder`, `lines`, `language`, `late`, `numbers`
    and so on. `details` is what the platform says of the call when it is asked (None: never). `real_time` is for a system that
    dials out to a server elsewhere, where virtual time does not reach.

    Raises ConfigError for options and keys that YAML would not take either, PluginError for a system that does not load or
    open, and RuntimeError where an event loop runs: there it is `async with caller(...)`.
    """
    refuse_a_running_loop()
    return Talk(DrivenCall(system, details, real_time=real_time, keys=keys))


def refuse_a_running_loop() -> None:
    """Raises RuntimeError with what to write in place of a talk in a coroutine."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "talk(...) is for tests without async, and an event loop runs here: write `async with caller(...) as c:`, and in it "
        '`await c.says("hi")` and `assert await c.hears() == ...`'
    )
