"""The platform's end of a call's connection: dials, keeps alive, dials again, and reads why a connection ended.

Source: docs.retellai.com, "Set up your server" and "Troubleshooting", read 2026-11. What is counted is counted over the call.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Literal

from rejoinder.simulator.platform.keepalive import Keepalive
from rejoinder.simulator.platform.plug import NOT_TEXT, Plug
from rejoinder.simulator.platform.profile import Profile
from rejoinder.simulator.platform.recorder import Recorder, Timer
from rejoinder.testing.dialling import CannotDial
from rejoinder.testing.wire import ABNORMAL, NO_CODE, NORMAL, Dialler, Wire

#: Why a connection is dialled again.
Why = Literal["keepalive", "abnormal", "unexpected"]

OPEN = "error_llm_websocket_open"
LOST = "error_llm_websocket_lost_connection"
RUNTIME = "error_llm_websocket_runtime"
#: How the end of a connection reads; any other code was not expected, and one without a word is dialled again.
READINGS = {NORMAL: "agent_hangup", NO_CODE: OPEN, NOT_TEXT: "error_llm_websocket_corrupt_payload"}

#: Seconds for a server to answer a goodbye.
LONGEST_GOODBYE = 2.0


class Line:
    """One call's. `connected` hears of each connection (`first`: of the call), `came` of frames, `over` of the end and
    its reason, which may come at any time until `close`."""

    def __init__(
        self,
        dial: Dialler,
        profile: Profile,
        recorder: Recorder,
        *,
        connected: Callable[[bool], None],
        came: Callable[[bytes], None],
        over: Callable[[str], None],
        ping: Callable[[], None],
    ) -> None:
        self.plug: Plug | None = None
        self._dial = dial
        self._profile = profile
        self._recorder = recorder
        self._connected = connected
        self._came = came
        self._over = over
        self._left = {
            "keepalive": profile.keepalive_redials,
            "abnormal": profile.abnormal_redials,
            "unexpected": profile.abnormal_redials if profile.redials_unexpected else 0,
        }
        self._is_closed = False
        self._fault: BaseException | None = None
        self._former: list[tuple[Wire, Timer]] = []
        self._keepalive = Keepalive(profile, ping=ping, lost=self._keepalive_lost, took=recorder.journal.pongs.append)
        self._tasks: set[asyncio.Task[None]] = set()

    # Dialling.

    def open(self) -> None:
        """Dial, and connect or be over."""
        self._do(self._open())

    async def _open(self) -> None:
        wire = await self._reach("dialled", tries=self._profile.connect_tries)
        if wire is None:
            self._end(OPEN)
        else:
            self._attach(wire, first=True)

    async def _reach(self, what: Literal["dialled", "redialled"], *, tries: int, why: str = "") -> Wire | None:
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(self._profile.connect_pause)
            self._recorder.note(what, why or (f"attempt {attempt + 1}" if attempt else ""))
            try:
                async with asyncio.timeout(self._profile.connect_timeout):
                    return await self._dial(self._recorder.journal.call_id)
            except TimeoutError:
                self._recorder.note("refused", f"no answer within {self._profile.connect_timeout:g} s")
            except CannotDial as error:
                is_last = attempt == tries - 1
                self._recorder.note("refused", error.advice if is_last else str(error))  # and so the remedy is told once
        return None

    def _attach(self, wire: Wire, *, first: bool) -> None:
        if self._is_closed:
            wire.abort()
            return
        self.plug = plug = Plug(wire, came=self._came, closed=lambda code: self._closed(plug, code))
        for task in plug.tasks:
            self._keep(task)
        self._connected(first)

    def redial(self, why: Why) -> None:
        """Give the connection up and dial again, or be over when that was done often enough."""
        self._give_up()
        if not self._left[why]:
            self._end(LOST if why == "keepalive" else RUNTIME)
            return
        self._left[why] -= 1
        self._do(self._redial(why))

    async def _redial(self, why: Why) -> None:
        await asyncio.sleep(self._profile.redial_pause)
        wire = await self._reach("redialled", tries=self._profile.redial_tries, why=why)
        if wire is None:
            self._end(LOST)
        else:
            self._attach(wire, first=False)

    async def overlap(self) -> None:
        """Dial again while the connection is open, and leave it open for a while. Raises CannotDial."""
        wire = await self._dial(self._recorder.journal.call_id)
        former, self.plug = self.plug, None
        self._keepalive.stop()
        if former is not None:
            former.unplug()
            death = Timer(former.wire.abort)
            death.set(self._profile.overlap)
            self._former.append((former.wire, death))
        self._recorder.note("redialled", "while the former connection is open")
        self._attach(wire, first=False)

    # The end of a connection.

    def _closed(self, plug: Plug, code: int) -> None:
        if plug is not self.plug:
            return
        if code == ABNORMAL:
            self._recorder.note("lost", "1006")
            self.redial("abnormal")
            return
        self._recorder.note("closed", str(code))
        self._give_up()
        if code in READINGS:
            self._end(READINGS[code])
        else:
            self.redial("unexpected")

    def _keepalive_lost(self) -> None:
        self._recorder.note("keepalive_lost", f"no answer to a ping for {self._profile.keepalive_lost:g} s")
        self.redial("keepalive")

    def _give_up(self) -> None:
        plug, self.plug = self.plug, None
        self._keepalive.stop()
        if plug is not None:
            plug.unplug()
            plug.wire.abort()

    def _end(self, reason: str) -> None:
        if not self._is_closed:
            self._over(reason)

    def close(self) -> None:
        """The call is over: say goodbye."""
        self._is_closed = True
        plug, self.plug = self.plug, None
        self._keepalive.stop()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        for wire, death in self._former:
            death.stop()
            wire.abort()
        self._former.clear()
        if plug is not None:
            self._do(_goodbye(plug.wire))

    async def gone(self) -> None:
        """Wait until nothing of it is left. Raises what went wrong in it."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._fault is not None:
            raise self._fault

    # What passes.

    @property
    def is_open(self) -> bool:
        return self.plug is not None and self.plug.wire.close_code is None

    def send(self, frame: bytes) -> None:
        if self.plug is not None:
            self.plug.send(frame)

    def keep_alive(self, *, wanted: bool) -> None:
        if wanted:
            self._keepalive.start()
        else:
            self._keepalive.stop()

    def heard(self) -> None:
        """The server answered a ping."""
        self._keepalive.heard()

    def _do(self, act: Coroutine[None, None, None]) -> None:
        self._keep(asyncio.create_task(act, name="simulated platform: line"))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fault = self._fault or fault
            self._end("error_unknown")


async def _goodbye(wire: Wire) -> None:
    try:
        async with asyncio.timeout(LONGEST_GOODBYE):
            await wire.close(NORMAL)
    except TimeoutError:
        wire.abort()
